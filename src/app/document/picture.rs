//! A picture in half blocks: two pixels a cell, one above the other.

use super::super::screen::Role;
use super::sheet::Sheet;
use crate::domain::decode::{Picture, Pixels};

/// Small pictures are made larger, but not without end.
const LARGER: usize = 4;

pub(super) fn write(sheet: &mut Sheet, picture: &Picture, cells: usize, rows: usize) {
    sheet.line(
        &format!(
            "{} picture, {} x {}",
            picture.format, picture.width, picture.height
        ),
        Role::Title,
    );
    match &picture.pixels {
        Ok(pixels) => draw(sheet, pixels, cells, rows.saturating_sub(1).max(4)),
        Err(why) => sheet.line(&format!("not drawn: {why}"), Role::Dim),
    }
}

fn draw(sheet: &mut Sheet, pixels: &Pixels, cells: usize, rows: usize) {
    let (wide, high) = (pixels.width.max(1) as usize, pixels.height.max(1) as usize);
    // The largest size that fits both ways and keeps the shape.
    let width = cells.min(rows * 2 * wide / high).min(wide * LARGER).max(1);
    let height = (width * high / wide).clamp(1, rows * 2);
    let at = |x: usize, y: usize| {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        pixels.at(number(x), number(y), number(width), number(height))
    };
    for y in (0..height).step_by(2) {
        if !sheet.begin(0, "") {
            return;
        }
        for x in 0..width {
            let top = at(x, y);
            let bottom = if y + 1 < height { at(x, y + 1) } else { [0; 3] };
            sheet.put("▀", Role::Pixels { top, bottom });
        }
    }
}

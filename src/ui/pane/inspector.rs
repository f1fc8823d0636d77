//! Lines that the core has wrapped already, and pictures.

use ratatui::layout::Rect;

use crate::app::screen::{Line, Role, Span};
use crate::ui::canvas::Canvas;
use crate::ui::widget::rows;

pub fn draw(
    lines: &[Line],
    selected: Option<usize>,
    area: Rect,
    focused: bool,
    canvas: &mut Canvas<'_>,
) {
    for (n, (y, line)) in (area.y..area.bottom()).zip(lines).enumerate() {
        if canvas.theme().has_pixels() {
            canvas.line(area.x, y, area.width, line);
        } else {
            canvas.line(area.x, y, area.width, &in_letters(line));
        }
        if selected == Some(n) && focused {
            let row = Rect {
                y,
                height: 1,
                ..area
            };
            rows::select(canvas, row, focused);
        }
    }
}

/// Without colours a picture is drawn in letters, the darker the fewer dots.
fn in_letters(line: &[Span]) -> Line {
    const SHADES: [&str; 10] = [" ", ".", ":", "-", "=", "+", "*", "#", "%", "@"];
    line.iter()
        .map(|span| match span.role {
            Role::Pixels { top, bottom } => {
                let light: u32 = top.iter().chain(&bottom).map(|p| u32::from(*p)).sum();
                let shade = SHADES[(light * 9 / (6 * 255)) as usize];
                Span::new(shade, Role::Normal)
            }
            _ => span.clone(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colours_a_picture_is_drawn_in_letters() {
        let pixel = |light: u8| {
            let role = Role::Pixels {
                top: [light; 3],
                bottom: [light; 3],
            };
            Span::new("▀", role)
        };
        let line = [
            pixel(0),
            pixel(128),
            pixel(255),
            Span::new("▀", Role::Normal),
        ];
        let shown: String = in_letters(&line).iter().map(|s| s.text.as_str()).collect();
        assert_eq!(shown, " =@▀");
    }
}

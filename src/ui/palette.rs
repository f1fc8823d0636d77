//! The colours of the themes, and what becomes of them where there are fewer.

use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier};

pub struct Palette {
    pub accent: Color,
    pub good: Color,
    pub warn: Color,
    pub bad: Color,
    pub pending: Color,
    pub dim: Color,
    pub label: Color,
    pub text: Color,
    pub number: Color,
    pub literal: Color,
    pub changed: Color,
    pub frame: Color,
    pub spark: Color,
    pub selection: Option<SelectionColours>,
    pub behind: Option<Color>,
}

#[derive(Debug, Clone)]
pub struct SelectionColours {
    pub ink: Color,
    pub ground: Color,
    pub ground_unfocused: Color,
    /// Dim text would be unreadable on the ground: it is drawn in `quiet` instead.
    pub dim: Color,
    pub quiet: Color,
}

impl SelectionColours {
    pub fn apply(&self, cell: &mut Cell, focused: bool) {
        cell.bg = if focused {
            self.ground
        } else {
            self.ground_unfocused
        };
        if cell.fg == Color::Reset {
            cell.fg = self.ink;
        } else if cell.fg == self.dim {
            cell.fg = self.quiet;
        }
        if focused {
            cell.modifier.insert(Modifier::BOLD);
        }
    }
}

pub const DARK: Palette = Palette {
    accent: rgb(0x7d, 0xb8, 0xd8),
    good: rgb(0x8f, 0xc0, 0x7a),
    warn: rgb(0xe3, 0xb8, 0x6b),
    bad: rgb(0xe8, 0x71, 0x7c),
    pending: rgb(0xb3, 0x9d, 0xdb),
    dim: rgb(0x7c, 0x86, 0x96),
    label: rgb(0x9c, 0xc4, 0xd9),
    text: rgb(0xa5, 0xc9, 0x8f),
    number: rgb(0xdd, 0xa2, 0x78),
    literal: rgb(0xb3, 0x9d, 0xdb),
    changed: rgb(0xf0, 0xc6, 0x74),
    frame: rgb(0x48, 0x51, 0x60),
    spark: rgb(0x6f, 0xa8, 0xa0),
    selection: Some(SelectionColours {
        ink: rgb(0xe8, 0xed, 0xf4),
        ground: rgb(0x2b, 0x3a, 0x4e),
        ground_unfocused: rgb(0x26, 0x2b, 0x34),
        dim: rgb(0x7c, 0x86, 0x96),
        quiet: rgb(0xa9, 0xb3, 0xc2),
    }),
    behind: Some(rgb(0x5a, 0x62, 0x70)),
};

pub const LIGHT: Palette = Palette {
    accent: rgb(0x1f, 0x6a, 0x94),
    good: rgb(0x2f, 0x76, 0x2f),
    warn: rgb(0x8f, 0x5a, 0x00),
    bad: rgb(0xb3, 0x26, 0x2e),
    pending: rgb(0x6b, 0x46, 0xa8),
    dim: rgb(0x69, 0x70, 0x7a),
    label: rgb(0x1f, 0x5f, 0x80),
    text: rgb(0x35, 0x6f, 0x2b),
    number: rgb(0x9a, 0x4a, 0x12),
    literal: rgb(0x6b, 0x46, 0xa8),
    changed: rgb(0x9a, 0x5b, 0x00),
    frame: rgb(0xb4, 0xbb, 0xc5),
    spark: rgb(0x2f, 0x80, 0x78),
    selection: Some(SelectionColours {
        ink: rgb(0x14, 0x1c, 0x26),
        ground: rgb(0xcf, 0xe2, 0xf3),
        ground_unfocused: rgb(0xe6, 0xea, 0xef),
        dim: rgb(0x69, 0x70, 0x7a),
        quiet: rgb(0x4a, 0x52, 0x5e),
    }),
    behind: Some(rgb(0x94, 0x9c, 0xa8)),
};

/// Bright black is invisible on some backgrounds, yellow on others: what must be read uses neither alone.
pub const SIXTEEN: Palette = Palette {
    accent: Color::Cyan,
    good: Color::Green,
    warn: Color::Yellow,
    bad: Color::Red,
    pending: Color::Magenta,
    dim: Color::Reset,
    label: Color::Cyan,
    text: Color::Green,
    number: Color::Magenta,
    literal: Color::Magenta,
    changed: Color::Magenta,
    frame: Color::DarkGray,
    spark: Color::Cyan,
    selection: None,
    behind: None,
};

impl Palette {
    /// The nearest of the 256 colours that every such terminal draws alike (16 to 255).
    pub fn indexed(&self) -> Self {
        Self {
            accent: nearest(self.accent),
            good: nearest(self.good),
            warn: nearest(self.warn),
            bad: nearest(self.bad),
            pending: nearest(self.pending),
            dim: nearest(self.dim),
            label: nearest(self.label),
            text: nearest(self.text),
            number: nearest(self.number),
            literal: nearest(self.literal),
            changed: nearest(self.changed),
            frame: nearest(self.frame),
            spark: nearest(self.spark),
            selection: self.selection.as_ref().map(|colours| SelectionColours {
                ink: nearest(colours.ink),
                ground: nearest(colours.ground),
                ground_unfocused: nearest(colours.ground_unfocused),
                dim: nearest(colours.dim),
                quiet: nearest(colours.quiet),
            }),
            behind: self.behind.map(nearest),
        }
    }
}

const fn rgb(red: u8, green: u8, blue: u8) -> Color {
    Color::Rgb(red, green, blue)
}

fn nearest(colour: Color) -> Color {
    let Color::Rgb(red, green, blue) = colour else {
        return colour;
    };
    let distance = |index: u8| {
        let (r, g, b) = of_index(index);
        let square = |a: u8, b: u8| i32::from(a.abs_diff(b)).pow(2);
        square(r, red) + square(g, green) + square(b, blue)
    };
    (16..=255)
        .min_by_key(|&index| distance(index))
        .map_or(colour, Color::Indexed)
}

/// The colour of the cube that is nearest: less exact than [`nearest`], but quick enough for every cell of a picture.
pub const fn in_cube(rgb: [u8; 3]) -> u8 {
    const fn step(part: u8) -> u8 {
        match part {
            0..=47 => 0,
            48..=114 => 1,
            _ => (part - 35) / 40,
        }
    }
    16 + step(rgb[0]) * 36 + step(rgb[1]) * 6 + step(rgb[2])
}

/// Red, green and blue of one of xterm's colours from 16: a cube of six steps a side, then 24 greys.
pub const fn of_index(index: u8) -> (u8, u8, u8) {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    if index >= 232 {
        let grey = 8 + (index - 232) * 10;
        return (grey, grey, grey);
    }
    let cube = index.saturating_sub(16);
    (
        STEPS[(cube / 36) as usize],
        STEPS[(cube / 6 % 6) as usize],
        STEPS[(cube % 6) as usize],
    )
}

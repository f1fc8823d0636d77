//! Roles to styles: the only place where a colour is named.
//!
//! The terminal's own background is kept, so a theme stands on whatever the person has chosen. No role is told by colour
//! alone: [`Theme::plain`] has no colour at all and says everything with signs, words and attributes.

use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier, Style};

use super::signs::{Lines, Signs};
use crate::app::screen::Role;

/// How many colours the terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum ColourDepth {
    Sixteen,
    TwoHundredFiftySix,
    #[default]
    True,
}

#[derive(Debug, Clone)]
pub struct Theme {
    signs: &'static Signs,
    inks: Inks,
    /// Where colours are few, a frame is told from the others by its lines.
    strong_frames: bool,
}

impl Theme {
    /// For dark backgrounds.
    pub fn dark() -> Self {
        Self::coloured(&DARK)
    }

    /// For light backgrounds.
    pub fn light() -> Self {
        Self::coloured(&LIGHT)
    }

    /// The terminal's own sixteen colours, which its owner has made to fit the background.
    pub fn ansi16() -> Self {
        Self {
            strong_frames: true,
            ..Self::coloured(&SIXTEEN)
        }
    }

    /// No colour at all (`NO_COLOR`): only signs, words and attributes.
    pub fn plain() -> Self {
        Self {
            signs: &Signs::UNICODE,
            inks: Inks::plain(),
            strong_frames: true,
        }
    }

    /// The theme of that name as the terminal can show it; an unknown name is `dark`.
    pub fn pick(name: &str, no_color: bool, colours: ColourDepth) -> Self {
        let palette = match name {
            _ if no_color => return Self::plain(),
            "plain" | "none" => return Self::plain(),
            "ansi16" | "ansi" => return Self::ansi16(),
            "light" => &LIGHT,
            _ => &DARK,
        };
        match colours {
            ColourDepth::Sixteen => Self::ansi16(),
            ColourDepth::TwoHundredFiftySix => Self::coloured(&palette.indexed()),
            ColourDepth::True => Self::coloured(palette),
        }
    }

    /// Draws signs and lines in ASCII, for fonts and terminals that have no others.
    #[must_use]
    pub fn with_ascii(mut self) -> Self {
        self.signs = &Signs::ASCII;
        self
    }

    fn coloured(palette: &Palette) -> Self {
        Self {
            signs: &Signs::UNICODE,
            inks: Inks::coloured(palette),
            strong_frames: false,
        }
    }

    pub const fn signs(&self) -> &'static Signs {
        self.signs
    }

    pub const fn role(&self, role: Role) -> Style {
        let inks = &self.inks;
        match role {
            Role::Normal => Style::new(),
            Role::Dim => inks.dim,
            Role::Title => inks.title,
            Role::Good => inks.good,
            Role::Warn => inks.warn,
            Role::Bad => inks.bad,
            Role::Pending => inks.pending,
            Role::Key => inks.key,
            Role::Label => inks.label,
            Role::Text => inks.text,
            Role::Number => inks.number,
            Role::Literal => inks.literal,
            Role::Punctuation => inks.punctuation,
            Role::Match => inks.found,
            Role::Changed => inks.changed,
        }
    }

    pub const fn frame(&self, focused: bool) -> Style {
        if focused {
            self.inks.frame_focused
        } else {
            self.inks.frame
        }
    }

    pub const fn lines(&self, focused: bool) -> &'static Lines {
        if focused && self.strong_frames {
            &self.signs.strong_lines
        } else {
            &self.signs.lines
        }
    }

    pub const fn title(&self, focused: bool) -> Style {
        if focused {
            self.inks.title_focused
        } else {
            self.inks.title
        }
    }

    /// The scroll bar: part of the frame, but seen.
    pub const fn bar(&self, focused: bool) -> Style {
        if focused {
            self.inks.frame_focused
        } else {
            self.inks.dim
        }
    }

    /// A thin bar on a thin line; where focus is told by strong lines, a broad one.
    pub const fn thumb(&self) -> &'static str {
        if self.strong_frames {
            self.signs.thumb
        } else {
            self.signs.thumb_thin
        }
    }

    pub const fn heading(&self) -> Style {
        self.inks.heading
    }

    pub const fn marker(&self) -> Style {
        self.inks.marker
    }

    pub const fn spark(&self) -> Style {
        self.inks.spark
    }

    /// What asks for attention where nothing else may be missed (TLS verification is off).
    pub const fn alarm(&self) -> Style {
        self.inks.alarm
    }

    pub(super) const fn selects_in_reverse(&self) -> bool {
        matches!(self.inks.selection, Selection::Reverse)
    }

    /// Makes a drawn cell part of the selected row; weaker in a pane that has not the focus.
    pub(super) fn select(&self, cell: &mut Cell, focused: bool) {
        match &self.inks.selection {
            Selection::Reverse if focused => {
                cell.fg = Color::Reset;
                cell.bg = Color::Reset;
                cell.modifier.remove(Modifier::DIM);
                cell.modifier.insert(Modifier::REVERSED);
            }
            Selection::Reverse => cell.modifier.insert(Modifier::BOLD),
            Selection::Colours(colours) => colours.apply(cell, focused),
        }
    }

    /// Makes a drawn cell step back behind a box.
    pub(super) fn recede(&self, cell: &mut Cell) {
        if let Some(colour) = self.inks.behind {
            cell.fg = colour;
            cell.bg = Color::Reset;
            cell.modifier = Modifier::empty();
        } else {
            cell.modifier.remove(Modifier::BOLD);
            cell.modifier.insert(Modifier::DIM);
        }
    }
}

#[derive(Debug, Clone)]
struct Inks {
    dim: Style,
    title: Style,
    title_focused: Style,
    good: Style,
    warn: Style,
    bad: Style,
    pending: Style,
    key: Style,
    label: Style,
    text: Style,
    number: Style,
    literal: Style,
    punctuation: Style,
    found: Style,
    changed: Style,
    frame: Style,
    frame_focused: Style,
    heading: Style,
    marker: Style,
    spark: Style,
    alarm: Style,
    selection: Selection,
    behind: Option<Color>,
}

impl Inks {
    fn coloured(palette: &Palette) -> Self {
        let ink = |colour: Color| match colour {
            Color::Reset => Style::new().add_modifier(Modifier::DIM),
            _ => Style::new().fg(colour),
        };
        Self {
            dim: ink(palette.dim),
            title: Style::new().add_modifier(Modifier::BOLD),
            title_focused: ink(palette.accent).add_modifier(Modifier::BOLD),
            good: ink(palette.good),
            warn: ink(palette.warn),
            bad: ink(palette.bad).add_modifier(Modifier::BOLD),
            pending: ink(palette.pending),
            key: ink(palette.accent).add_modifier(Modifier::BOLD),
            label: ink(palette.label),
            text: ink(palette.text),
            number: ink(palette.number),
            literal: ink(palette.literal),
            punctuation: ink(palette.dim),
            found: ink(palette.warn).add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
            changed: ink(palette.changed).add_modifier(Modifier::BOLD),
            frame: ink(palette.frame),
            frame_focused: ink(palette.accent),
            heading: ink(palette.dim),
            marker: ink(palette.accent).add_modifier(Modifier::BOLD),
            spark: ink(palette.spark),
            alarm: ink(palette.bad).add_modifier(Modifier::BOLD | Modifier::REVERSED),
            selection: palette
                .selection
                .clone()
                .map_or(Selection::Reverse, Selection::Colours),
            behind: palette.behind,
        }
    }

    const fn plain() -> Self {
        let none = Style::new();
        let bold = none.add_modifier(Modifier::BOLD);
        let dim = none.add_modifier(Modifier::DIM);
        let italic = none.add_modifier(Modifier::ITALIC);
        let both = bold.add_modifier(Modifier::UNDERLINED);
        Self {
            dim,
            title: bold,
            title_focused: bold,
            good: none,
            warn: bold,
            bad: both,
            pending: italic,
            key: bold,
            label: none,
            text: none,
            number: none,
            literal: italic,
            punctuation: dim,
            found: both,
            changed: bold,
            frame: dim,
            frame_focused: bold,
            heading: dim,
            marker: bold,
            spark: none,
            alarm: bold.add_modifier(Modifier::REVERSED),
            selection: Selection::Reverse,
            behind: None,
        }
    }
}

#[derive(Debug, Clone)]
enum Selection {
    /// The colours of the row are given up, or it would turn into stripes.
    Reverse,
    Colours(SelectionColours),
}

#[derive(Debug, Clone)]
struct SelectionColours {
    ink: Color,
    ground: Color,
    ground_unfocused: Color,
    /// Dim text would be unreadable on the ground: it is drawn in `quiet` instead.
    dim: Color,
    quiet: Color,
}

impl SelectionColours {
    fn apply(&self, cell: &mut Cell, focused: bool) {
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

struct Palette {
    accent: Color,
    good: Color,
    warn: Color,
    bad: Color,
    pending: Color,
    dim: Color,
    label: Color,
    text: Color,
    number: Color,
    literal: Color,
    changed: Color,
    frame: Color,
    spark: Color,
    selection: Option<SelectionColours>,
    behind: Option<Color>,
}

const DARK: Palette = Palette {
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

const LIGHT: Palette = Palette {
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
const SIXTEEN: Palette = Palette {
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
    fn indexed(&self) -> Self {
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

/// Red, green and blue of one of xterm's colours from 16: a cube of six steps a side, then 24 greys.
pub(super) const fn of_index(index: u8) -> (u8, u8, u8) {
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

#[cfg(test)]
mod tests {
    use super::*;

    const ROLES: [Role; 15] = [
        Role::Normal,
        Role::Dim,
        Role::Title,
        Role::Good,
        Role::Warn,
        Role::Bad,
        Role::Pending,
        Role::Key,
        Role::Label,
        Role::Text,
        Role::Number,
        Role::Literal,
        Role::Punctuation,
        Role::Match,
        Role::Changed,
    ];

    #[test]
    fn without_colour_no_style_names_one() {
        let theme = Theme::pick("light", true, ColourDepth::True);
        for style in ROLES.map(|role| theme.role(role)) {
            assert_eq!(
                (style.fg, style.bg, style.underline_color),
                (None, None, None)
            );
        }
    }

    #[test]
    fn without_colour_what_is_wrong_still_looks_different() {
        let theme = Theme::plain();
        let normal = theme.role(Role::Normal);
        for role in [
            Role::Bad,
            Role::Warn,
            Role::Pending,
            Role::Match,
            Role::Changed,
        ] {
            assert_ne!(theme.role(role), normal, "{role:?}");
        }
    }

    #[test]
    fn a_terminal_of_256_colours_gets_only_those() {
        let theme = Theme::pick("dark", false, ColourDepth::TwoHundredFiftySix);
        for style in ROLES.map(|role| theme.role(role)) {
            assert!(
                matches!(style.fg, None | Some(Color::Indexed(16..))),
                "{style:?}"
            );
        }
    }

    #[test]
    fn a_terminal_of_16_colours_gets_only_those_that_its_owner_chose() {
        let theme = Theme::pick("light", false, ColourDepth::Sixteen);
        for style in ROLES.map(|role| theme.role(role)) {
            assert!(!matches!(
                style.fg,
                Some(Color::Rgb(..) | Color::Indexed(_))
            ));
        }
    }
}

//! Roles to styles. No colour is named but in the palettes.
//!
//! The terminal's own background is kept, so a theme stands on whatever the person has chosen. No role is told by colour
//! alone: [`Theme::plain`] has no colour at all and says everything with signs, words and attributes.

use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier, Style};

use super::palette::{self, DARK, LIGHT, Palette, SIXTEEN, SelectionColours};
use super::signs::{Lines, Signs};
use super::theme_file;
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
    /// Colours of pictures; `None` where they are drawn in letters.
    pixels: Option<ColourDepth>,
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
            pixels: None,
            ..Self::coloured(&SIXTEEN)
        }
    }

    /// No colour at all (`NO_COLOR`): only signs, words and attributes.
    pub fn plain() -> Self {
        Self {
            signs: &Signs::UNICODE,
            inks: Inks::plain(),
            strong_frames: true,
            pixels: None,
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
            ColourDepth::TwoHundredFiftySix => Self::indexed(palette),
            ColourDepth::True => Self::coloured(palette),
        }
    }

    /// A theme file's text as the terminal can show it (`ui/theme_file.rs`); the reason when it is not one.
    pub fn from_file(text: &str, no_color: bool, colours: ColourDepth) -> Result<Self, String> {
        let palette = theme_file::read(text)?;
        Ok(match colours {
            _ if no_color => Self::plain(),
            ColourDepth::Sixteen => Self::ansi16(),
            ColourDepth::TwoHundredFiftySix => Self::indexed(&palette),
            ColourDepth::True => Self::coloured(&palette),
        })
    }

    pub(super) fn is_ascii(&self) -> bool {
        self.signs.cut == Signs::ASCII.cut
    }

    /// Draws signs and lines in ASCII, for fonts and terminals that have no others.
    #[must_use]
    pub fn with_ascii(mut self) -> Self {
        self.signs = &Signs::ASCII;
        self
    }

    fn indexed(palette: &Palette) -> Self {
        Self {
            pixels: Some(ColourDepth::TwoHundredFiftySix),
            ..Self::coloured(&palette.indexed())
        }
    }

    fn coloured(palette: &Palette) -> Self {
        Self {
            signs: &Signs::UNICODE,
            inks: Inks::coloured(palette),
            strong_frames: false,
            pixels: Some(ColourDepth::True),
        }
    }

    pub const fn signs(&self) -> &'static Signs {
        self.signs
    }

    /// Whether a picture can be drawn in colours.
    pub const fn has_pixels(&self) -> bool {
        self.pixels.is_some()
    }

    pub fn role(&self, role: Role) -> Style {
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
            Role::Pixels { top, bottom } => match self.pixels {
                None => Style::new(),
                Some(depth) => Style::new().fg(pixel(top, depth)).bg(pixel(bottom, depth)),
            },
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

fn pixel(rgb: [u8; 3], depth: ColourDepth) -> Color {
    let [red, green, blue] = rgb;
    match depth {
        ColourDepth::True => Color::Rgb(red, green, blue),
        _ => Color::Indexed(palette::in_cube(rgb)),
    }
}

#[derive(Debug, Clone)]
enum Selection {
    /// The colours of the row are given up, or it would turn into stripes.
    Reverse,
    Colours(SelectionColours),
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

//! The signs and lines that are drawn, in Unicode or in plain ASCII.

use crate::app::screen::Role;

/// Every sign that is drawn besides words. Each takes one cell.
#[derive(Debug, PartialEq, Eq)]
pub struct Signs {
    pub on: &'static str,
    pub off: &'static str,
    pub pending: &'static str,
    pub failed: &'static str,
    pub none: &'static str,
    pub unknown: &'static str,
    pub connecting: &'static str,
    pub done: &'static str,
    pub wrong: &'static str,
    pub warning: &'static str,
    pub marker: &'static str,
    pub marked: &'static str,
    pub outgoing: &'static str,
    pub gap: &'static str,
    pub gap_line: &'static str,
    pub dot: &'static str,
    pub cut: &'static str,
    pub thumb_thin: &'static str,
    pub thumb: &'static str,
    pub blank_field: &'static str,
    pub folded: &'static str,
    pub unfolded: &'static str,
    /// From next to nothing to full.
    pub bars: [&'static str; 8],
    pub lines: Lines,
    pub strong_lines: Lines,
}

/// A frame's edges and corners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lines {
    pub across: &'static str,
    pub down: &'static str,
    pub top_left: &'static str,
    pub top_right: &'static str,
    pub bottom_left: &'static str,
    pub bottom_right: &'static str,
}

impl Signs {
    pub const UNICODE: Self = Self {
        on: "●",
        off: "○",
        pending: "◌",
        failed: "!",
        none: "–",
        unknown: "·",
        connecting: "◐",
        done: "✓",
        wrong: "✗",
        warning: "!",
        marker: "▌",
        marked: "✓",
        outgoing: "↑",
        gap: "⋯",
        gap_line: "┄",
        dot: "·",
        cut: "…",
        thumb_thin: "┃",
        thumb: "█",
        blank_field: "_",
        folded: "▸",
        unfolded: "▾",
        bars: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
        lines: Lines {
            across: "─",
            down: "│",
            top_left: "╭",
            top_right: "╮",
            bottom_left: "╰",
            bottom_right: "╯",
        },
        strong_lines: Lines {
            across: "━",
            down: "┃",
            top_left: "┏",
            top_right: "┓",
            bottom_left: "┗",
            bottom_right: "┛",
        },
    };

    pub const ASCII: Self = Self {
        on: "*",
        off: "o",
        pending: "~",
        failed: "!",
        none: "-",
        unknown: ".",
        connecting: "~",
        done: "+",
        wrong: "x",
        warning: "!",
        marker: ">",
        marked: "+",
        outgoing: "^",
        gap: ":",
        gap_line: "-",
        dot: "-",
        cut: "~",
        thumb_thin: "#",
        thumb: "#",
        blank_field: "_",
        folded: "+",
        unfolded: "-",
        bars: ["_", ".", ":", "-", "=", "+", "*", "#"],
        lines: Lines {
            across: "-",
            down: "|",
            top_left: "+",
            top_right: "+",
            bottom_left: "+",
            bottom_right: "+",
        },
        strong_lines: Lines {
            across: "=",
            down: "|",
            top_left: "#",
            top_right: "#",
            bottom_left: "#",
            bottom_right: "#",
        },
    };

    /// How a connection's state looks without colour.
    pub const fn state(&self, role: Role) -> &'static str {
        match role {
            Role::Good => self.on,
            Role::Pending => self.connecting,
            Role::Warn => self.warning,
            Role::Bad => self.wrong,
            _ => self.off,
        }
    }

    /// How a notice looks without colour.
    pub const fn notice(&self, role: Role) -> &'static str {
        match role {
            Role::Good => self.done,
            Role::Pending => self.pending,
            Role::Warn => self.warning,
            Role::Bad => self.wrong,
            _ => self.dot,
        }
    }
}

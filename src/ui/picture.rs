//! A drawn frame as a picture (SVG) or as text, for the README and for tests.
//!
//! The SVG holds no script and no font: lines and blocks are drawn as shapes, so that they meet on every machine, and every
//! wide glyph is put into its own two cells.

use std::collections::BTreeMap;

use ratatui::buffer::{Buffer, Cell, CellWidth as _};
use ratatui::style::{Color, Modifier};

use super::palette;

const CELL_WIDTH: f32 = 8.4;
const CELL_HEIGHT: f32 = 18.0;
const BASELINE: f32 = 13.2;
const MARGIN: f32 = 14.0;
const BAR: f32 = 34.0;
const INK: &str = "#d3d9e2";
const GROUND: &str = "#14181f";
const FONTS: &str = "ui-monospace,'SF Mono',Menlo,Consolas,'DejaVu Sans Mono','Noto Sans Mono CJK KR','Noto Sans CJK KR',monospace";

/// The sixteen named colours, as calm terminals show them.
const NAMED: [&str; 16] = [
    "#1d2129", "#e8717c", "#8fc07a", "#e3b86b", "#7db8d8", "#b39ddb", "#6fb8ae", "#c9d0da",
    "#6b7585", "#ff8e98", "#a9d795", "#f3cf8a", "#9acbe6", "#c9b6ec", "#8bd0c6", "#ffffff",
];

/// The frame as plain text, a line a row, without the blanks at the ends.
pub fn text(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in buffer.area.y..buffer.area.bottom() {
        let mut line = String::new();
        each_glyph(buffer, y, |_, cell, _| line.push_str(cell.symbol()));
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// The frame as a self-contained SVG in the frame of a small window.
pub fn svg(buffer: &Buffer, title: &str) -> String {
    let area = buffer.area;
    let width = f32::from(area.width).mul_add(CELL_WIDTH, 2.0 * MARGIN);
    let height = f32::from(area.height).mul_add(CELL_HEIGHT, BAR + MARGIN);
    let mut shapes = Shapes::default();
    let mut texts = String::new();
    for row in 0..area.height {
        let top = f32::from(row).mul_add(CELL_HEIGHT, BAR);
        grounds(buffer, row, top, &mut shapes);
        glyphs(buffer, row, top, &mut shapes, &mut texts);
    }
    let mut out = window(width, height, title);
    shapes.write(&mut out);
    out.push_str(&texts);
    out.push_str("</svg>\n");
    out
}

/// Paths of one look gathered into one element. Grounds lie below everything.
#[derive(Default)]
struct Shapes {
    grounds: BTreeMap<String, String>,
    paths: BTreeMap<String, String>,
}

impl Shapes {
    fn ground(&mut self, colour: &str, path: &str) {
        let attributes = format!("fill=\"{colour}\"");
        self.grounds.entry(attributes).or_default().push_str(path);
    }

    fn fill(&mut self, look: &Look, path: &str) {
        let attributes = format!("fill=\"{}\"{}", look.ink, look.faint("fill"));
        self.paths.entry(attributes).or_default().push_str(path);
    }

    fn stroke(&mut self, look: &Look, width: f32, path: &str) {
        let (ink, faint) = (&look.ink, look.faint("stroke"));
        let attributes = format!("fill=\"none\" stroke=\"{ink}\" stroke-width=\"{width}\"{faint}");
        self.paths.entry(attributes).or_default().push_str(path);
    }

    fn write(&self, out: &mut String) {
        for (attributes, path) in self.grounds.iter().chain(&self.paths) {
            out.push_str(&format!("<path {attributes} d=\"{path}\"/>\n"));
        }
    }
}

fn window(width: f32, height: f32, title: &str) -> String {
    let mut out = String::new();
    let middle = width / 2.0;
    let title = escaped(title);
    out.push_str(&format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.1} {height:.1}\" role=\"img\" aria-label=\"{title}\">\n\
         <title>{title}</title>\n\
         <rect x=\".5\" y=\".5\" width=\"{:.1}\" height=\"{:.1}\" rx=\"9\" fill=\"{GROUND}\" stroke=\"#39414e\"/>\n\
         <circle cx=\"18\" cy=\"17\" r=\"5.5\" fill=\"#e8717c\"/>\
         <circle cx=\"36\" cy=\"17\" r=\"5.5\" fill=\"#e3b86b\"/>\
         <circle cx=\"54\" cy=\"17\" r=\"5.5\" fill=\"#8fc07a\"/>\n\
         <style>text{{font-family:{FONTS};font-size:14px;white-space:pre}}.w{{font-size:15px}}</style>\n\
         <text x=\"{middle:.1}\" y=\"21\" fill=\"#8a94a3\" text-anchor=\"middle\">{title}</text>\n",
        width - 1.0,
        height - 1.0,
    ));
    out
}

/// How a cell looks once reversal is worked out.
#[derive(Debug, Clone, PartialEq)]
struct Look {
    ink: String,
    ground: Option<String>,
    modifier: Modifier,
}

impl Look {
    fn faint(&self, what: &str) -> String {
        if self.modifier.contains(Modifier::DIM) {
            format!(" {what}-opacity=\".6\"")
        } else {
            String::new()
        }
    }
}

fn look(cell: &Cell) -> Look {
    let ink = css(cell.fg);
    let ground = css(cell.bg);
    let (ink, ground) = if cell.modifier.contains(Modifier::REVERSED) {
        (
            Some(ground.unwrap_or_else(|| GROUND.to_owned())),
            Some(ink.unwrap_or_else(|| INK.to_owned())),
        )
    } else {
        (ink, ground)
    };
    Look {
        ink: ink.unwrap_or_else(|| INK.to_owned()),
        ground,
        modifier: cell.modifier.difference(Modifier::REVERSED),
    }
}

fn css(colour: Color) -> Option<String> {
    let named = |index: usize| Some(NAMED[index].to_owned());
    match colour {
        Color::Reset => None,
        Color::Black => named(0),
        Color::Red => named(1),
        Color::Green => named(2),
        Color::Yellow => named(3),
        Color::Blue => named(4),
        Color::Magenta => named(5),
        Color::Cyan => named(6),
        Color::Gray => named(7),
        Color::DarkGray => named(8),
        Color::LightRed => named(9),
        Color::LightGreen => named(10),
        Color::LightYellow => named(11),
        Color::LightBlue => named(12),
        Color::LightMagenta => named(13),
        Color::LightCyan => named(14),
        Color::White => named(15),
        Color::Indexed(index @ 0..16) => named(usize::from(index)),
        Color::Indexed(index) => {
            let (red, green, blue) = palette::of_index(index);
            Some(format!("#{red:02x}{green:02x}{blue:02x}"))
        }
        Color::Rgb(red, green, blue) => Some(format!("#{red:02x}{green:02x}{blue:02x}")),
    }
}

fn each_glyph(buffer: &Buffer, y: u16, mut glyph: impl FnMut(u16, &Cell, u16)) {
    let area = buffer.area;
    let mut x = area.x;
    while x < area.right() {
        let cell = &buffer[(x, y)];
        let wide = cell.cell_width().max(1);
        glyph(x - area.x, cell, wide);
        x = x.saturating_add(wide);
    }
}

fn left(column: u16) -> f32 {
    f32::from(column).mul_add(CELL_WIDTH, MARGIN)
}

/// One rectangle for every run of cells with the same background.
fn grounds(buffer: &Buffer, row: u16, top: f32, shapes: &mut Shapes) {
    let mut runs: Vec<(u16, u16, String)> = Vec::new();
    each_glyph(buffer, buffer.area.y + row, |x, cell, wide| {
        let Some(ground) = look(cell).ground else {
            return;
        };
        match runs.last_mut() {
            Some((start, cells, colour)) if *start + *cells == x && *colour == ground => {
                *cells += wide;
            }
            _ => runs.push((x, wide, ground)),
        }
    });
    for (x, cells, colour) in runs {
        let width = f32::from(cells) * CELL_WIDTH;
        shapes.ground(&colour, &rectangle(left(x), top, width, CELL_HEIGHT));
    }
}

fn rectangle(x: f32, y: f32, width: f32, height: f32) -> String {
    format!("M{x:.1} {y:.1}h{width:.1}v{height:.1}h-{width:.1}z")
}

/// Glyphs of one look that stand side by side.
struct Run {
    look: Look,
    text: String,
    column: u16,
    cells: u16,
    /// A single glyph of two cells.
    wide: bool,
}

fn glyphs(buffer: &Buffer, row: u16, top: f32, shapes: &mut Shapes, out: &mut String) {
    let mut runs: Vec<Run> = Vec::new();
    each_glyph(buffer, buffer.area.y + row, |x, cell, wide| {
        let look = look(cell);
        let symbol = cell.symbol();
        if shape(symbol, left(x), top, &look, shapes) {
            return;
        }
        let underlined = look.modifier.contains(Modifier::UNDERLINED);
        if symbol.trim().is_empty() && !underlined {
            return;
        }
        match runs.last_mut() {
            Some(run) if wide == 1 && run.goes_on(x, &look) => {
                run.text.push_str(symbol);
                run.cells += 1;
            }
            _ => runs.push(Run {
                look,
                text: symbol.to_owned(),
                column: x,
                cells: wide,
                wide: wide > 1,
            }),
        }
    });
    for run in &runs {
        run.write(top, out);
    }
}

impl Run {
    fn goes_on(&self, column: u16, look: &Look) -> bool {
        !self.wide && self.look == *look && self.column + self.cells == column
    }

    fn write(&self, top: f32, out: &mut String) {
        let y = top + BASELINE;
        let x = left(self.column);
        let length = f32::from(self.cells) * CELL_WIDTH;
        // A wide glyph stands in the middle of its cells, whatever its font thinks of its width.
        let place = match self.cells {
            _ if self.wide => {
                let middle = x + length / 2.0;
                format!("x=\"{middle:.1}\" text-anchor=\"middle\"")
            }
            1 => format!("x=\"{x:.1}\""),
            _ => {
                format!("x=\"{x:.1}\" textLength=\"{length:.1}\" lengthAdjust=\"spacingAndGlyphs\"")
            }
        };
        let Look { ink, modifier, .. } = &self.look;
        let mut extra = String::new();
        for (attribute, written) in [
            (Modifier::BOLD, " font-weight=\"bold\""),
            (Modifier::ITALIC, " font-style=\"italic\""),
            (Modifier::UNDERLINED, " text-decoration=\"underline\""),
            (Modifier::DIM, " fill-opacity=\".6\""),
        ] {
            if modifier.contains(attribute) {
                extra.push_str(written);
            }
        }
        if self.wide {
            extra.push_str(" class=\"w\"");
        }
        out.push_str(&format!(
            "<text {place} y=\"{y:.1}\" fill=\"{ink}\"{extra}>{}</text>\n",
            escaped(&self.text)
        ));
    }
}

/// Draws a line or block character as a shape. False when it is none.
fn shape(symbol: &str, x: f32, y: f32, look: &Look, shapes: &mut Shapes) -> bool {
    let (middle, centre) = (x + CELL_WIDTH / 2.0, y + CELL_HEIGHT / 2.0);
    let (right, bottom) = (x + CELL_WIDTH, y + CELL_HEIGHT);
    let path = match symbol {
        "─" | "━" => format!("M{x:.1} {centre:.1}H{right:.1}"),
        "┄" => format!("M{x:.1} {centre:.1}h2m2.2 0h2"),
        "│" | "┃" => format!("M{middle:.1} {y:.1}V{bottom:.1}"),
        "╭" => format!(
            "M{middle:.1} {bottom:.1}V{:.1}q0-4 4-4H{right:.1}",
            centre + 4.0
        ),
        "╮" => format!("M{x:.1} {centre:.1}h.2q4 0 4 4V{bottom:.1}"),
        "╰" => format!("M{middle:.1} {y:.1}V{:.1}q0 4 4 4H{right:.1}", centre - 4.0),
        "╯" => format!("M{x:.1} {centre:.1}h.2q4 0 4-4V{y:.1}"),
        "┏" => format!("M{middle:.1} {bottom:.1}V{centre:.1}H{right:.1}"),
        "┓" => format!("M{x:.1} {centre:.1}H{middle:.1}V{bottom:.1}"),
        "┗" => format!("M{middle:.1} {y:.1}V{centre:.1}H{right:.1}"),
        "┛" => format!("M{x:.1} {centre:.1}H{middle:.1}V{y:.1}"),
        _ => return block(symbol, x, y, look, shapes),
    };
    let strong = matches!(symbol, "━" | "┃" | "┏" | "┓" | "┗" | "┛");
    shapes.stroke(look, if strong { 2.4 } else { 1.2 }, &path);
    true
}

fn block(symbol: &str, x: f32, y: f32, look: &Look, shapes: &mut Shapes) -> bool {
    const BARS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
    let (width, height) = match BARS.iter().zip(1_u8..).find(|(bar, _)| **bar == symbol) {
        Some((_, 8)) => (CELL_WIDTH, CELL_HEIGHT),
        // A blank above the highest bar keeps neighbouring rows apart.
        Some((_, eighths)) => (CELL_WIDTH, CELL_HEIGHT * f32::from(eighths) / 8.5),
        None if symbol == "▌" => (CELL_WIDTH / 2.0, CELL_HEIGHT),
        None => return false,
    };
    shapes.fill(look, &rectangle(x, y + CELL_HEIGHT - height, width, height));
    true
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            _ if crate::base::text::is_unsafe(c) => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
    out
}

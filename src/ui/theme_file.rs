//! A theme of one's own: a TOML file that names a base and the colours that differ.
//!
//! ```toml
//! base   = "light"     # or dark, the default
//! accent = "#1f6a94"
//! selection = "#cfe2f3"
//! ```

use ratatui::style::Color;
use toml::{Table, Value};

use super::palette::{DARK, LIGHT, Palette};
use crate::base::near::nearest;

/// Keys of a theme file, besides `base`.
const COLOURS: [&str; 17] = [
    "accent",
    "good",
    "warn",
    "bad",
    "pending",
    "dim",
    "label",
    "text",
    "number",
    "literal",
    "changed",
    "frame",
    "spark",
    "behind",
    "selection",
    "selection_unfocused",
    "selection_text",
];

/// The palette that `text` describes; the reason, with the key at fault, when it does not.
pub fn read(text: &str) -> Result<Palette, String> {
    let table: Table = text
        .parse()
        .map_err(|error: toml::de::Error| error.message().to_owned())?;
    let mut palette = match table.get("base").map(Value::as_str) {
        None | Some(Some("dark")) => DARK,
        Some(Some("light")) => LIGHT,
        Some(_) => return Err("base is neither \"dark\" nor \"light\"".to_owned()),
    };
    for (key, value) in table.iter().filter(|(key, _)| *key != "base") {
        let colour = value
            .as_str()
            .and_then(hex)
            .ok_or_else(|| format!("{key} is no colour: write \"#rrggbb\""))?;
        let slot = slot(&mut palette, key).ok_or_else(|| unknown(key))?;
        *slot = colour;
    }
    Ok(palette)
}

fn unknown(key: &str) -> String {
    match nearest(key, COLOURS) {
        Some(near) => format!("there is no colour {key:?}; did you mean {near:?}?"),
        None => format!(
            "there is no colour {key:?}; the colours are: {}",
            COLOURS.join(", ")
        ),
    }
}

fn hex(text: &str) -> Option<Color> {
    let digits = text
        .strip_prefix('#')
        .filter(|digits| digits.len() == 6 && digits.is_ascii())?;
    let number = u32::from_str_radix(digits, 16).ok()?;
    let [_, red, green, blue] = number.to_be_bytes();
    Some(Color::Rgb(red, green, blue))
}

fn slot<'a>(palette: &'a mut Palette, key: &str) -> Option<&'a mut Color> {
    Some(match key {
        "accent" => &mut palette.accent,
        "good" => &mut palette.good,
        "warn" => &mut palette.warn,
        "bad" => &mut palette.bad,
        "pending" => &mut palette.pending,
        "dim" => &mut palette.dim,
        "label" => &mut palette.label,
        "text" => &mut palette.text,
        "number" => &mut palette.number,
        "literal" => &mut palette.literal,
        "changed" => &mut palette.changed,
        "frame" => &mut palette.frame,
        "spark" => &mut palette.spark,
        "behind" => palette.behind.as_mut()?,
        "selection" => &mut palette.selection.as_mut()?.ground,
        "selection_unfocused" => &mut palette.selection.as_mut()?.ground_unfocused,
        "selection_text" => &mut palette.selection.as_mut()?.ink,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_changes_the_colours_it_names_and_no_others() {
        let palette = read("base = \"light\"\naccent = \"#010203\"\nselection = \"#0a0b0c\"")
            .expect("a theme");
        assert_eq!(palette.accent, Color::Rgb(1, 2, 3));
        assert_eq!(
            palette.selection.map(|s| s.ground),
            Some(Color::Rgb(10, 11, 12))
        );
        assert_eq!(palette.good, LIGHT.good);
    }

    #[test]
    fn every_colour_can_be_named_and_mistakes_are_told() {
        for key in COLOURS {
            assert!(read(&format!("{key} = \"#ffffff\"")).is_ok(), "{key}");
        }
        let why = |text: &str| read(text).err().unwrap_or_default();
        assert_eq!(
            why("acent = \"#ffffff\""),
            "there is no colour \"acent\"; did you mean \"accent\"?"
        );
        assert_eq!(
            why("accent = \"blue\""),
            "accent is no colour: write \"#rrggbb\""
        );
        assert_eq!(
            why("base = \"pink\""),
            "base is neither \"dark\" nor \"light\""
        );
    }
}

//! AWS's shared files: sections of `key = value`.

/// One section in the order of the file, its keys in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) name: String,
    values: Vec<(String, String)>,
}

impl Section {
    /// The last one counts, as with AWS's own tools. An empty value is none.
    pub(super) fn value(&self, key: &str) -> Option<&str> {
        let mut values = self.values.iter().rev();
        let (_, value) = values.find(|(known, _)| known == key)?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }
}

/// Never fails: a line that is neither is nothing. Indented lines belong to a nested setting (`s3 =`), which nobody here reads.
pub(super) fn parse(text: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for line in text.trim_start_matches('\u{feff}').lines() {
        let is_nested = line.starts_with([' ', '\t']);
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) || is_nested {
            continue;
        }
        if let Some(inner) = line.strip_prefix('[') {
            let name = inner.split(']').next().unwrap_or_default();
            sections.push(Section {
                name: section_name(name),
                values: Vec::new(),
            });
        } else if let (Some((key, value)), Some(section)) =
            (line.split_once('='), sections.last_mut())
        {
            let key = key.trim().to_ascii_lowercase();
            section.values.push((key, without_comment(value)));
        }
    }
    sections
}

/// `[profile "my plant"]` is `profile my plant`.
fn section_name(text: &str) -> String {
    let mut words = text.split_whitespace();
    let first = words.next().unwrap_or_default().trim_matches(['"', '\'']);
    let rest = words.collect::<Vec<_>>().join(" ");
    let rest = rest.trim_matches(['"', '\'']);
    if rest.is_empty() {
        first.to_owned()
    } else {
        format!("{first} {rest}")
    }
}

/// A comment begins with `#` or `;` after a blank.
fn without_comment(value: &str) -> String {
    let mut end = value.len();
    for mark in [" #", " ;", "\t#", "\t;"] {
        end = end.min(value.find(mark).unwrap_or(end));
    }
    let (value, _) = value.split_at(end);
    value.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_files_are_read_as_aws_tools_read_them() {
        let text = "\u{feff}# mine\n[default]\naws_access_key_id = AKIA1 # old\nAWS_Secret_Access_Key=a/b+c=#d\n\
            s3 =\n  region = nowhere\nregion=\n[ profile \"my plant\" ]\r\nregion = eu-west-1\r\nregion = eu-north-1\r\nnonsense\n";
        let sections = parse(text);
        let names: Vec<_> = sections.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(names, ["default", "profile my plant"]);
        assert_eq!(sections[0].value("aws_access_key_id"), Some("AKIA1"));
        assert_eq!(sections[0].value("aws_secret_access_key"), Some("a/b+c=#d"));
        assert_eq!(sections[0].value("region"), None);
        assert_eq!(sections[1].value("region"), Some("eu-north-1"));
    }
}

//! The committed counts, one section for each profile.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// See the module.
#[derive(Debug, Default)]
pub struct Baseline {
    /// `debug` or `release`.
    profile: &'static str,
    /// What compiled it: another compiler makes other instructions.
    compiler: String,
    counts: BTreeMap<String, u64>,
}

/// In hundredths: what the same compiler may add, and what another one may.
const SAME: u64 = 110;
const OTHER: u64 = 130;

const HEAD: &str = "\
# Instructions (callgrind) for each unit of work, and bytes. Made by tests/instructions; see there how to renew it.
";

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/instructions/baseline.txt")
}

const fn profile() -> &'static str {
    if cfg!(debug_assertions) {
        "debug"
    } else {
        "release"
    }
}

fn compiler() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let told = std::process::Command::new(rustc).arg("--version").output();
    let text = told.map(|out| String::from_utf8_lossy(&out.stdout).into_owned());
    text.unwrap_or_default()
        .split(' ')
        .nth(1)
        .unwrap_or("unknown")
        .to_owned()
}

impl Baseline {
    /// Nothing counted yet, by this compiler.
    pub fn now() -> Self {
        Self {
            profile: profile(),
            compiler: compiler(),
            counts: BTreeMap::new(),
        }
    }

    pub fn put(&mut self, name: &str, count: u64) {
        self.counts.insert(name.to_owned(), count);
    }

    /// Lines are `profile name count`, and `profile compiler version`.
    pub fn load() -> Self {
        let mut loaded = Self {
            profile: profile(),
            ..Self::default()
        };
        let text = std::fs::read_to_string(file()).unwrap_or_default();
        for line in text.lines() {
            let words: Vec<_> = line.split_whitespace().collect();
            match words[..] {
                [profile, "compiler", version] if profile == loaded.profile => {
                    version.clone_into(&mut loaded.compiler);
                }
                [profile, name, count] if profile == loaded.profile => {
                    let count = count.parse().expect("a number");
                    loaded.counts.insert(name.to_owned(), count);
                }
                _ => {}
            }
        }
        loaded
    }

    /// In place of this profile's section; the other one stays.
    pub fn save(&self) {
        let text = std::fs::read_to_string(file()).unwrap_or_default();
        let others: Vec<_> = text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.starts_with(self.profile))
            .filter(|line| !line.is_empty())
            .collect();
        let mut out = format!("{HEAD}{self}");
        for line in others {
            out.push_str(line);
            out.push('\n');
        }
        std::fs::write(file(), out).expect("the baseline can be written");
    }

    /// What costs too much, in words. What has no figure yet is wrong, too, unless the profile has none at all.
    pub fn worse_than(&self, before: &Self) -> Vec<String> {
        if before.counts.is_empty() {
            return Vec::new();
        }
        let same = self.compiler == before.compiler;
        let allowed = if same { SAME } else { OTHER };
        let judge = |(name, now): (&String, &u64)| match before.counts.get(name) {
            None => Some(format!("{name}: no baseline; it is {now} now")),
            Some(was) if *now * 100 > was * allowed => Some(format!(
                "{name}: {now}, where {was} were committed (compiler {} now, {} then)",
                self.compiler, before.compiler
            )),
            Some(_) => None,
        };
        self.counts.iter().filter_map(judge).collect()
    }
}

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} compiler {}", self.profile, self.compiler)?;
        for (name, count) in &self.counts {
            writeln!(f, "{} {name} {count}", self.profile)?;
        }
        Ok(())
    }
}

#[test]
fn a_tenth_more_is_too_much_and_less_is_not() {
    let counted = |count| {
        let mut one = Baseline::now();
        one.put("ingest", count);
        one
    };
    assert!(counted(1090).worse_than(&counted(1000)).is_empty());
    assert!(counted(10).worse_than(&counted(1000)).is_empty());
    assert_eq!(counted(1110).worse_than(&counted(1000)).len(), 1);
    assert_eq!(
        counted(1)
            .worse_than(&{
                let mut other = Baseline::now();
                other.put("frame", 1);
                other
            })
            .len(),
        1
    );
}

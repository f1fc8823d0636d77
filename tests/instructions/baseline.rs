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
    /// What ran it: search and copying use what the processor can do, and the system's library is counted, too.
    machine: String,
    counts: BTreeMap<String, u64>,
}

/// In hundredths: what the same compiler on the same kind of machine may add, and what others may.
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

/// `x86_64,avx2,glibc-2.41,valgrind-3.24.0`
fn machine() -> String {
    #[cfg(target_arch = "x86_64")]
    let wide = if std::arch::is_x86_feature_detected!("avx2") {
        "avx2"
    } else {
        "sse2"
    };
    #[cfg(not(target_arch = "x86_64"))]
    let wide = "any";
    let told = |program: &str, argument: &str| {
        let output = std::process::Command::new(program).arg(argument).output();
        let text = output.map(|out| String::from_utf8_lossy(&out.stdout).trim().to_owned());
        text.unwrap_or_default().replace(char::is_whitespace, "-")
    };
    let library = told("getconf", "GNU_LIBC_VERSION");
    let counter = told("valgrind", "--version");
    format!("{},{wide},{library},{counter}", std::env::consts::ARCH)
}

/// The kind of processor: counts of another are no measure at all.
fn processor(machine: &str) -> &str {
    machine.split(',').next().unwrap_or_default()
}

impl Baseline {
    /// Nothing counted yet, by this compiler.
    pub fn now() -> Self {
        Self {
            profile: profile(),
            compiler: compiler(),
            machine: machine(),
            counts: BTreeMap::new(),
        }
    }

    pub fn put(&mut self, name: &str, count: u64) {
        self.counts.insert(name.to_owned(), count);
    }

    /// Lines are `profile name count`, `profile compiler version` and `profile machine what`.
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
                [profile, "machine", what] if profile == loaded.profile => {
                    what.clone_into(&mut loaded.machine);
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
        if before.counts.is_empty() || processor(&self.machine) != processor(&before.machine) {
            return Vec::new();
        }
        let same = self.compiler == before.compiler && self.machine == before.machine;
        let allowed = if same { SAME } else { OTHER };
        let judge = |(name, now): (&String, &u64)| match before.counts.get(name) {
            None => Some(format!("{name}: no baseline; it is {now} now")),
            Some(was) if *now * 100 > was * allowed => Some(format!(
                "{name}: {now}, where {was} were committed (compiler {} on {} now, {} on {} then)",
                self.compiler, self.machine, before.compiler, before.machine
            )),
            Some(_) => None,
        };
        self.counts.iter().filter_map(judge).collect()
    }
}

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} compiler {}", self.profile, self.compiler)?;
        writeln!(f, "{} machine {}", self.profile, self.machine)?;
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
    let elsewhere = |machine: &str, count| Baseline {
        machine: machine.to_owned(),
        ..counted(count)
    };
    let here = || elsewhere("x86_64,avx2", 1000);
    assert_eq!(elsewhere("x86_64,sse2", 1290).worse_than(&here()), [""; 0]);
    assert_eq!(elsewhere("x86_64,sse2", 1310).worse_than(&here()).len(), 1);
    assert_eq!(elsewhere("aarch64,any", 9000).worse_than(&here()), [""; 0]);
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

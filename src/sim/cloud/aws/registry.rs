//! The things of the account: what the registry knows of them. 100,000 of them are no strain.

use std::collections::HashMap;

use fastrand::Rng;

#[derive(Debug, Clone)]
pub struct Thing {
    pub name: String,
    pub id: String,
    pub thing_type: Option<String>,
    /// ASCII, as the registry wants it.
    pub attributes: Vec<(String, String)>,
    pub groups: Vec<String>,
    pub version: u64,
}

impl Thing {
    pub fn new(name: &str, thing_type: Option<&str>) -> Self {
        Self {
            name: name.to_owned(),
            id: String::new(),
            thing_type: thing_type.map(str::to_owned),
            attributes: Vec::new(),
            groups: Vec::new(),
            version: 1,
        }
    }

    pub fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }
}

#[derive(Debug)]
pub struct Registry {
    /// In the order in which they came: ListThings does not promise any.
    things: Vec<Thing>,
    by_name: HashMap<String, usize>,
    pub types: Vec<String>,
    pub groups: Vec<String>,
    rng: Rng,
}

const SITES: [&str; 6] = [
    "seoul",
    "busan",
    "shenzhen",
    "shanghai",
    "frankfurt",
    "porto",
];
const TYPES: [&str; 5] = ["RaspberryPi", "Climate", "Lamp", "Pump", "Meter"];

/// The things that stories are told of, with their type and groups.
const KNOWN: [(&str, Option<&str>, &str); 8] = [
    ("RPI", Some("RaspberryPi"), "home"),
    ("greenhouse-1", Some("Climate"), "farm"),
    ("lamp-hall", Some("Lamp"), "home"),
    ("pump-7", Some("Pump"), "plant"),
    ("meter-042", Some("Meter"), "plant"),
    ("greenhouse-2", Some("Climate"), "farm"),
    ("lamp-desk", Some("Lamp"), "home"),
    ("spare", None, "home"),
];

impl Registry {
    /// `count` things; the known ones come first.
    pub fn new(count: Option<usize>, mut rng: Rng) -> Self {
        let mut registry = Self {
            things: Vec::new(),
            by_name: HashMap::new(),
            types: TYPES.map(str::to_owned).to_vec(),
            groups: ["home", "farm", "plant"].map(str::to_owned).to_vec(),
            rng: rng.fork(),
        };
        for index in 0..count.unwrap_or(KNOWN.len()) {
            registry.add(made(index, &mut rng));
        }
        registry
    }

    /// Adds a thing, or puts it in the place of the one with its name.
    pub fn add(&mut self, mut thing: Thing) {
        if thing.id.is_empty() {
            thing.id = uuid(&mut self.rng);
        }
        if let Some(at) = self.by_name.get(&thing.name) {
            self.things[*at] = thing;
            return;
        }
        self.by_name.insert(thing.name.clone(), self.things.len());
        self.things.push(thing);
    }

    pub fn thing(&self, name: &str) -> Option<&Thing> {
        self.by_name.get(name).map(|at| &self.things[*at])
    }

    pub fn things(&self) -> &[Thing] {
        &self.things
    }
}

fn made(index: usize, rng: &mut Rng) -> Thing {
    let site = SITES[index % SITES.len()];
    let mut thing = if let Some((name, kind, group)) = KNOWN.get(index) {
        let mut thing = Thing::new(name, *kind);
        thing.groups.push((*group).to_owned());
        thing
    } else {
        let kind = TYPES[index % TYPES.len()];
        let name = format!("{}-{site}-{index:05}", kind.to_ascii_lowercase());
        let mut thing = Thing::new(&name, Some(kind));
        thing.groups.push("plant".to_owned());
        thing
    };
    let serial = format!("TD{:06}", rng.u32(..1_000_000));
    thing.attributes = [
        ("site", site.to_owned()),
        ("serial", serial),
        ("firmware", format!("1.{}.{}", rng.u8(..10), rng.u8(..30))),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec();
    thing.id = uuid(rng);
    thing
}

/// A random one (RFC 9562, 5.4).
pub fn uuid(rng: &mut Rng) -> String {
    let bits = rng.u128(..) & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let text = format!("{bits:032x}");
    [0..8, 8..12, 12..16, 16..20, 20..32]
        .map(|range| text.get(range).unwrap_or_default())
        .join("-")
}

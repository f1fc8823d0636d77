//! A new profile of Google IoT Core's bridge as ClearBlade serves it: a gateway or a device with its private key; tried before
//! it is saved.

use std::path::PathBuf;

use super::super::effect::{NewAccount, NewProfile};
use super::super::screen::Line;
use super::super::state::{App, ProfileSummary};
use super::form::{FormField, FormKind, FormOver, Sort, paragraph};
use super::wizard::check_name;
use super::{After, Over};
use crate::base::problem::Problem;
use crate::domain::capability::Capabilities;
use crate::domain::profile::{GoogleDevice, GoogleIdentity, GoogleSettings, PlatformId};

const NAME: usize = 0;
const PROJECT: usize = 1;
const REGION: usize = 2;
const REGISTRY: usize = 3;
const KIND: usize = 4;
const ID: usize = 5;
const KEY: usize = 6;
const ATTACH: usize = 7;
const CREDENTIALS: usize = 8;
const ADDRESS: usize = 9;

const GATEWAY: &str = "gateway";
const DEVICE: &str = "device";
/// Where ClearBlade serves it.
const REGIONS: [&str; 3] = ["us-central1", "europe-west1", "asia-east1"];

pub(super) fn intro(cells: usize) -> Vec<Line> {
    let text = "Project, region, registry and id make the client id; the token is signed with the private key whose public key \
                is registered. Connecting disconnects whoever uses this id now.";
    paragraph(text, cells)
}

/// Whether leaving would lose something.
pub(super) fn is_touched(over: &FormOver) -> bool {
    [PROJECT, REGISTRY, ID, KEY, ATTACH, CREDENTIALS, ADDRESS]
        .iter()
        .any(|field| !over.text(*field).is_empty())
}

impl App {
    pub(super) fn open_google_wizard(&mut self) {
        let one_of = |words: &[&str]| Sort::OneOf(words.iter().map(|&w| w.to_owned()).collect());
        let name = self.free_name("gateway");
        let text = |label, note| FormField::new(label, "", Sort::Text, note);
        let fields = vec![
            FormField::new("Name", &name, Sort::Text, "for -p and the header"),
            text("Project", "its id, not its number"),
            FormField::new("Region", REGIONS[0], Sort::Text, "of the registry"),
            text("Registry", "its id"),
            FormField::new("Connect as", GATEWAY, one_of(&[GATEWAY, DEVICE]), ""),
            text("Its id", "as registered"),
            text("Private key", "PEM: RSA or P-256"),
            text("Attach", "sensor-1, sensor-2"),
            text("Credentials", "file; empty: MQTT only"),
            text("Address", "empty: ClearBlade's"),
        ];
        let mut form = FormOver::new(FormKind::Google, fields);
        form.focus = PROJECT;
        self.open_over(Over::Form(form));
    }

    pub(super) fn submit_google(&mut self, over: FormOver) -> After {
        let checked = self.check_google(&over);
        let checked = checked.map_err(|(field, why)| (field, Problem::new(why, "", "")));
        let checked = checked.map(|()| gathered(&over));
        self.try_profile(over, checked)
    }

    /// Which field is wrong and why.
    fn check_google(&self, over: &FormOver) -> Result<(), (usize, String)> {
        let wrong = |field, why: &str| Err((field, why.to_owned()));
        if let Some(why) = check_name(&self.profiles, over.text(NAME)) {
            return wrong(NAME, why);
        }
        for (field, what) in [
            (PROJECT, "type the cloud project's id"),
            (REGION, "type the registry's region"),
            (REGISTRY, "type the registry's id"),
            (ID, "type the id of the gateway or device"),
            (KEY, "name the file of the private key"),
        ] {
            if over.text(field).is_empty() {
                return wrong(field, what);
            }
        }
        for field in [PROJECT, REGION, REGISTRY, ID] {
            if over
                .text(field)
                .contains(|c: char| c == '/' || c.is_whitespace())
            {
                return wrong(field, "the id alone: it becomes a part of the client id");
            }
        }
        if over.text(KIND) == DEVICE && !over.text(ATTACH).is_empty() {
            return wrong(ATTACH, "only a gateway attaches devices");
        }
        let address = over.text(ADDRESS);
        let host = ["mqtts://", "mqtt://"]
            .iter()
            .find_map(|scheme| address.strip_prefix(scheme));
        if !address.is_empty() && host.is_none_or(str::is_empty) {
            return wrong(ADDRESS, "the address is mqtts://HOST:8883");
        }
        Ok(())
    }
}

fn settings(over: &FormOver) -> GoogleSettings {
    let text = |field| over.text(field).to_owned();
    let some = |field| Some(text(field)).filter(|text| !text.is_empty());
    let identity = match over.text(KIND) {
        DEVICE => GoogleIdentity::Device(text(ID)),
        _ => GoogleIdentity::Gateway(text(ID)),
    };
    let devices = over
        .text(ATTACH)
        .split([',', ' '])
        .filter(|id| !id.is_empty());
    GoogleSettings {
        devices: devices
            .map(|id| GoogleDevice {
                id: id.to_owned(),
                key_file: None,
            })
            .collect(),
        mqtt_url: some(ADDRESS),
        credentials_file: some(CREDENTIALS).map(PathBuf::from),
        ..GoogleSettings::new(
            text(PROJECT),
            text(REGION),
            text(REGISTRY),
            identity,
            PathBuf::from(text(KEY)),
        )
    }
}

/// What was typed; checked before.
pub(super) fn gathered(over: &FormOver) -> NewProfile {
    NewProfile {
        name: over.text(NAME).to_owned(),
        account: NewAccount::Google(Box::new(settings(over))),
    }
}

/// The profile as it was saved.
pub(super) fn summary(over: &FormOver) -> ProfileSummary {
    let settings = settings(over);
    ProfileSummary {
        capabilities: Capabilities {
            push: Capabilities::GOOGLE
                .push
                .filter(|_| settings.identity.is_gateway()),
            ..Capabilities::GOOGLE
        },
        ..ProfileSummary::new(over.text(NAME), PlatformId::Google, &settings.client_id())
    }
}

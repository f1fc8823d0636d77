//! A new profile of Huawei IoT: a device that connects with its secret or its certificate; tried before it is saved.

use std::path::PathBuf;

use super::super::effect::{NewAccount, NewHuawei, NewProfile};
use super::super::screen::Line;
use super::super::state::{App, ProfileSummary};
use super::form::{FormField, FormKind, FormOver, Sort, paragraph};
use super::wizard::check_name;
use super::{After, Over};
use crate::base::problem::Problem;
use crate::base::secret::Secret;
use crate::domain::profile::{HuaweiDialect, PlatformId};

const NAME: usize = 0;
const ADDRESS: usize = 1;
const DIALECT: usize = 2;
const DEVICE: usize = 3;
const SECRET: usize = 4;
const CERTIFICATE: usize = 5;
const KEY: usize = 6;
const ANSWERS: usize = 7;

const BY_HAND: &str = "by hand";
const BY_ITSELF: &str = "with result 0";

pub(super) fn intro(cells: usize) -> Vec<Line> {
    let text = "The console's access information names the address; id and secret are the device's own, shown when it was \
                registered. One connection for each device: the newer throws the other out. The secret goes to a file that \
                only you can read.";
    paragraph(text, cells)
}

/// Whether leaving would lose something.
pub(super) fn is_touched(over: &FormOver) -> bool {
    [ADDRESS, DEVICE, SECRET, CERTIFICATE]
        .iter()
        .any(|field| !over.text(*field).is_empty())
}

impl App {
    pub(super) fn open_huawei_wizard(&mut self) {
        let one_of = |words: [&str; 2]| Sort::OneOf(words.map(str::to_owned).into());
        let (new, old) = (HuaweiDialect::Iotda.word(), HuaweiDialect::V1.word());
        let name = self.free_name("meter");
        let field = FormField::new;
        let fields = vec![
            field("Name", &name, Sort::Text, "for -p and the header"),
            field("Address", "", Sort::Text, "mqtts://HOST:8883"),
            field("Interface", new, one_of([new, old]), ""),
            field(
                "Device id",
                "",
                Sort::Text,
                "not the node id, not the product's",
            ),
            field(
                "Secret",
                "",
                Sort::Secret,
                "paste it; empty with a certificate",
            ),
            field(
                "Certificate",
                "",
                Sort::Text,
                "path of its PEM; empty with a secret",
            ),
            field("Private key", "", Sort::Text, "path of its PEM"),
            field(
                "Commands",
                BY_HAND,
                one_of([BY_HAND, BY_ITSELF]),
                "how they are answered",
            ),
        ];
        let mut form = FormOver::new(FormKind::Huawei, fields);
        form.focus = ADDRESS;
        self.open_over(Over::Form(form));
    }

    pub(super) fn submit_huawei(&mut self, over: FormOver) -> After {
        let checked = self.check_huawei(&over);
        let checked = checked.map_err(|(field, why)| (field, Problem::new(why, "", "")));
        let checked = checked.map(|()| gathered(&over));
        self.try_profile(over, checked)
    }

    /// Which field is wrong and why.
    fn check_huawei(&self, over: &FormOver) -> Result<(), (usize, String)> {
        let wrong = |field, why: &str| Err((field, why.to_owned()));
        if let Some(why) = check_name(&self.profiles, over.text(NAME)) {
            return wrong(NAME, why);
        }
        let address = over.text(ADDRESS);
        let host = ["mqtts://", "wss://", "mqtt://"]
            .iter()
            .find_map(|scheme| address.strip_prefix(scheme));
        if host.is_none_or(str::is_empty) {
            return wrong(ADDRESS, "the address is mqtts://HOST:8883");
        }
        if over.text(DEVICE).is_empty() {
            return wrong(DEVICE, "type the device's id");
        }
        let has = |field| !over.text(field).is_empty();
        match (has(SECRET), has(CERTIFICATE), has(KEY)) {
            (true, false, false) | (false, true, true) => Ok(()),
            (false, false, false) => {
                wrong(SECRET, "paste the device's secret, or name its certificate")
            }
            (false, ..) => wrong(CERTIFICATE, "a certificate signs in with both of its files"),
            (true, ..) => wrong(
                SECRET,
                "a device signs in with a secret or a certificate, not with both",
            ),
        }
    }
}

fn dialect(over: &FormOver) -> HuaweiDialect {
    match over.text(DIALECT) {
        "v1" => HuaweiDialect::V1,
        _ => HuaweiDialect::Iotda,
    }
}

/// What was typed; checked before.
pub(super) fn gathered(over: &FormOver) -> NewProfile {
    let path = |field| {
        Some(over.text(field))
            .filter(|text| !text.is_empty())
            .map(PathBuf::from)
    };
    NewProfile {
        name: over.text(NAME).to_owned(),
        account: NewAccount::Huawei(Box::new(NewHuawei {
            mqtt_url: over.text(ADDRESS).to_owned(),
            device_id: over.text(DEVICE).to_owned(),
            dialect: dialect(over),
            secret: Some(over.text(SECRET))
                .filter(|text| !text.is_empty())
                .map(Secret::new),
            cert_file: path(CERTIFICATE),
            key_file: path(KEY),
            auto_reply: over.text(ANSWERS) == BY_ITSELF,
        })),
    }
}

/// The profile as it was saved.
pub(super) fn summary(over: &FormOver) -> ProfileSummary {
    ProfileSummary::new(over.text(NAME), PlatformId::Huawei, over.text(ADDRESS))
}

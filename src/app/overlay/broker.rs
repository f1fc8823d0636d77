//! A new profile of any MQTT broker: where it is, who we are there, and what to listen to; tried before it is saved.

use super::super::effect::{NewAccount, NewProfile};
use super::super::screen::Line;
use super::super::state::{App, ProfileSummary};
use super::form::{FormField, FormKind, FormOver, Sort, paragraph};
use super::wizard::check_name;
use super::{After, Over};
use crate::base::problem::Problem;
use crate::base::secret::Secret;
use crate::domain::message::Qos;
use crate::domain::profile::{PlatformId, Version};
use crate::domain::subscription::FilterWish;
use crate::domain::topic::TopicFilter;

const NAME: usize = 0;
const URL: usize = 1;
const VERSION: usize = 2;
const USER: usize = 3;
const PASSWORD: usize = 4;
const FILTER: usize = 5;

const SCHEMES: [&str; 4] = ["mqtt://", "mqtts://", "ws://", "wss://"];

pub(super) fn intro(cells: usize) -> Vec<Line> {
    let text = "The address is mqtt://HOST:1883, or mqtts, ws, wss. Nothing is subscribed but the filter; more can be \
                added later. The password goes to a file that only you can read.";
    paragraph(text, cells)
}

/// Whether leaving would lose something.
pub(super) fn is_touched(over: &FormOver) -> bool {
    [URL, USER, PASSWORD]
        .iter()
        .any(|field| !over.text(*field).is_empty())
}

impl App {
    pub(super) fn open_broker_wizard(&mut self) {
        let versions = [Version::V5, Version::V311].map(|version| version.word().to_owned());
        let fields = vec![
            FormField::new(
                "Name",
                &self.free_name("lab"),
                Sort::Text,
                "for -p and the header",
            ),
            FormField::new("Address", "", Sort::Text, "mqtt://HOST:1883"),
            FormField::new(
                "MQTT",
                Version::default().word(),
                Sort::OneOf(versions.into()),
                "",
            ),
            FormField::new("User", "", Sort::Text, "where the broker asks for one"),
            FormField::new("Password", "", Sort::Secret, "paste it, or leave it empty"),
            FormField::new(
                "Filter",
                "",
                Sort::Text,
                "such as home/#; or leave it empty",
            ),
        ];
        let mut form = FormOver::new(FormKind::Broker, fields);
        form.focus = URL;
        self.open_over(Over::Form(form));
    }

    pub(super) fn submit_broker(&mut self, over: FormOver) -> After {
        let checked = self.check_broker(&over);
        let checked = checked.map(|()| gathered(&over));
        self.try_profile(over, checked)
    }

    /// Which field is wrong and why.
    fn check_broker(&self, over: &FormOver) -> Result<(), (usize, Problem)> {
        let wrong = |field, what: &str, cause: String| Err((field, Problem::new(what, cause, "")));
        if let Some(why) = check_name(&self.profiles, over.text(NAME)) {
            return wrong(NAME, why, String::new());
        }
        let url = over.text(URL);
        if !SCHEMES.iter().any(|scheme| url.starts_with(scheme)) {
            let why = "the address begins with mqtt://, mqtts://, ws:// or wss://";
            return wrong(URL, why, String::new());
        }
        if url.contains('@') {
            let why = "the user and the password have fields of their own";
            return wrong(URL, why, String::new());
        }
        match over.text(FILTER) {
            "" => Ok(()),
            filter => TopicFilter::parse(filter)
                .map(|_filter| ())
                .or_else(|why| wrong(FILTER, "this is no topic filter", why.to_string())),
        }
    }
}

/// What was typed; checked before.
pub(super) fn gathered(over: &FormOver) -> NewProfile {
    let text = |field| match over.text(field) {
        "" => None,
        text => Some(text.to_owned()),
    };
    NewProfile {
        name: over.text(NAME).to_owned(),
        account: NewAccount::Mqtt {
            url: over.text(URL).to_owned(),
            version: version(over),
            username: text(USER),
            password: text(PASSWORD).map(Secret::new),
            filter: filter(over),
        },
    }
}

fn version(over: &FormOver) -> Version {
    match over.text(VERSION) {
        "5" => Version::V5,
        _ => Version::V311,
    }
}

fn filter(over: &FormOver) -> Option<TopicFilter> {
    TopicFilter::parse(over.text(FILTER)).ok()
}

/// The profile as it was saved.
pub(super) fn summary(over: &FormOver) -> ProfileSummary {
    let wish = |filter| FilterWish::new(filter, Qos::AtLeastOnce);
    ProfileSummary {
        version: version(over),
        topics: filter(over).map(wish).into_iter().collect(),
        ..ProfileSummary::new(over.text(NAME), PlatformId::Mqtt, over.text(URL))
    }
}

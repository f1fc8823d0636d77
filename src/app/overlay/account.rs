//! A new profile of AWS IoT Core: where the account is, how to sign in, and what to listen to; tried before it is saved.

use std::path::PathBuf;

use super::super::effect::{NewAccount, NewAws, NewProfile};
use super::super::screen::Line;
use super::super::state::{App, ProfileSummary};
use super::form::{FormField, FormKind, FormOver, Sort, paragraph};
use super::wizard::check_name;
use super::{After, Over};
use crate::base::problem::Problem;
use crate::domain::message::Qos;
use crate::domain::profile::{AwsAuth, AwsEndpoint, PlatformId, Version};
use crate::domain::subscription::FilterWish;
use crate::domain::topic::TopicFilter;

const NAME: usize = 0;
const ENDPOINT: usize = 1;
const SIGN_IN: usize = 2;
const CERTIFICATE: usize = 3;
const KEY: usize = 4;
const KEYS_OF: usize = 5;
const REGION: usize = 6;
const CLIENT_ID: usize = 7;
const VERSION: usize = 8;
const FILTER: usize = 9;

const WITH_CERTIFICATE: &str = "certificate";
const WITH_KEYS: &str = "access keys";

pub(super) fn intro(cells: usize) -> Vec<Line> {
    let text = "`aws iot describe-endpoint --endpoint-type iot:Data-ATS` names the endpoint. MQTT 5 is best here: what a \
                policy denies then comes with a reason, where 3.1.1 only closes the connection.";
    paragraph(text, cells)
}

/// Whether leaving would lose something.
pub(super) fn is_touched(over: &FormOver) -> bool {
    [ENDPOINT, CERTIFICATE, KEY]
        .iter()
        .any(|field| !over.text(*field).is_empty())
}

impl App {
    pub(super) fn open_aws_wizard(&mut self) {
        let one_of = |words: [&str; 2]| Sort::OneOf(words.map(str::to_owned).into());
        let (five, three) = (Version::V5.word(), Version::V311.word());
        let field =
            |label: &str, text: &str, sort, hint: &str| FormField::new(label, text, sort, hint);
        let text = |label: &str, hint: &str| field(label, "", Sort::Text, hint);
        let fields = vec![
            field(
                "Name",
                &self.free_name("factory"),
                Sort::Text,
                "for -p and the header",
            ),
            text("Endpoint", "xxxx-ats.iot.REGION.amazonaws.com"),
            field(
                "Sign in",
                WITH_CERTIFICATE,
                one_of([WITH_CERTIFICATE, WITH_KEYS]),
                "",
            ),
            text("Certificate", "path of …-certificate.pem.crt"),
            text("Private key", "path of …-private.pem.key"),
            text(
                "AWS profile",
                "for keys and the list of things; empty: AWS's usual places",
            ),
            text("Region", "empty: as the endpoint says"),
            text("Client id", "empty: a new one at every start"),
            field("MQTT", five, one_of([five, three]), ""),
            text("Filter", "such as plant/#; or leave it empty"),
        ];
        let mut form = FormOver::new(FormKind::Aws, fields);
        form.focus = ENDPOINT;
        self.open_over(Over::Form(form));
    }

    pub(super) fn submit_aws(&mut self, over: FormOver) -> After {
        let checked = self.check_aws(&over);
        let checked = checked.map(|()| gathered(&over));
        self.try_profile(over, checked)
    }

    /// Which field is wrong and why.
    fn check_aws(&self, over: &FormOver) -> Result<(), (usize, Problem)> {
        let wrong = |field, what: &str, cause: String| Err((field, Problem::new(what, cause, "")));
        if let Some(why) = check_name(&self.profiles, over.text(NAME)) {
            return wrong(NAME, why, String::new());
        }
        let endpoint = match AwsEndpoint::parse(over.text(ENDPOINT)) {
            Ok(endpoint) => endpoint,
            Err(why) => return wrong(ENDPOINT, "this is no endpoint", why),
        };
        if endpoint.is_legacy() {
            let why =
                "the endpoint needs -ats in its name: nobody trusts the old one's certificate";
            return wrong(ENDPOINT, why, String::new());
        }
        let is_keyed = auth(over) == AwsAuth::SigV4;
        let empty = |field: &&usize| over.text(**field).is_empty();
        if let Some(field) = [CERTIFICATE, KEY].iter().find(empty).filter(|_| !is_keyed) {
            let why = "a certificate signs in with both of its files";
            return wrong(*field, why, String::new());
        }
        if is_keyed && over.text(REGION).is_empty() && endpoint.region().is_none() {
            let why = "the endpoint's name does not tell the region";
            return wrong(REGION, why, String::new());
        }
        match over.text(FILTER) {
            "" => Ok(()),
            filter => TopicFilter::parse(filter)
                .map(|_filter| ())
                .or_else(|why| wrong(FILTER, "this is no topic filter", why.to_string())),
        }
    }
}

fn auth(over: &FormOver) -> AwsAuth {
    match over.text(SIGN_IN) {
        WITH_KEYS => AwsAuth::SigV4,
        _ => AwsAuth::Mtls,
    }
}

fn version(over: &FormOver) -> Version {
    match over.text(VERSION) {
        "5" => Version::V5,
        _ => Version::V311,
    }
}

fn endpoint(over: &FormOver) -> String {
    let typed = over.text(ENDPOINT);
    AwsEndpoint::parse(typed).map_or_else(|_| typed.to_owned(), |endpoint| endpoint.to_string())
}

fn filter(over: &FormOver) -> Option<TopicFilter> {
    TopicFilter::parse(over.text(FILTER)).ok()
}

/// What was typed; checked before.
pub(super) fn gathered(over: &FormOver) -> NewProfile {
    let text = |field| match over.text(field) {
        "" => None,
        text => Some(text.to_owned()),
    };
    let auth = auth(over);
    let path = |field| {
        text(field)
            .map(PathBuf::from)
            .filter(|_| auth == AwsAuth::Mtls)
    };
    NewProfile {
        name: over.text(NAME).to_owned(),
        account: NewAccount::Aws(Box::new(NewAws {
            endpoint: endpoint(over),
            auth,
            version: version(over),
            client_id: text(CLIENT_ID),
            cert_file: path(CERTIFICATE),
            key_file: path(KEY),
            keys_of: text(KEYS_OF),
            region: text(REGION),
            filter: filter(over),
        })),
    }
}

/// The profile as it was saved.
pub(super) fn summary(over: &FormOver) -> ProfileSummary {
    let wish = |filter| FilterWish::new(filter, Qos::AtLeastOnce);
    ProfileSummary {
        version: version(over),
        topics: filter(over).map(wish).into_iter().collect(),
        ..ProfileSummary::new(over.text(NAME), PlatformId::Aws, &endpoint(over))
    }
}

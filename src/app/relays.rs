//! Devices behind a platform that relays: their configurations and states as they were asked for, complaints about them,
//! and until when the credential of the connection is good.

use std::collections::BTreeMap;
use std::time::Duration;

use super::asked::Asked;
use super::effect::Effect;
use super::pending::Purpose;
use super::screen::{Role, Span};
use super::state::App;
use super::words;
use crate::base::moment;
use crate::base::problem::Problem;
use crate::domain::device::DeviceId;
use crate::domain::relay::{
    ConfigVersion, RelayFault, RelayNews, RelayReply, RelayRequest, StateVersion,
};
use crate::domain::request::{Reply, Request, RequestId};

/// Devices whose versions are kept at once.
const KEPT: usize = 64;

/// The platform's clock may be ahead by so much.
const CLOCKS_APART: Duration = Duration::from_secs(5);

/// The credential's end is shown as a warning from here on.
const SOON: Duration = Duration::from_mins(2);

/// What an answer is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RelayPurpose {
    Configs(DeviceId),
    States(DeviceId),
    SendConfig(DeviceId),
    SendCommand(DeviceId),
    /// What a report of it may say, for the composer.
    ReportDraft(DeviceId),
    EventDraft(DeviceId),
    SendMessage(DeviceId),
    Clock,
    Bind {
        device: DeviceId,
        gateway: DeviceId,
    },
    Unbind {
        device: DeviceId,
        gateway: DeviceId,
    },
}

/// What is known of one device.
#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) configs: Option<Vec<ConfigVersion>>,
    pub(super) states: Option<Vec<StateVersion>>,
    pub(super) trouble: Option<Problem>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Relays {
    views: BTreeMap<DeviceId, View>,
    faults: BTreeMap<DeviceId, RelayFault>,
    credential: Option<moment::Timestamp>,
    pub(super) asked: Asked,
}

impl Relays {
    pub(super) fn view(&self, device: &DeviceId) -> Option<&View> {
        self.views.get(device)
    }

    /// The last complaint about a device.
    pub(super) fn fault(&self, device: &DeviceId) -> Option<&RelayFault> {
        self.faults.get(device)
    }

    pub(super) fn newest(&self, device: &DeviceId) -> Option<&ConfigVersion> {
        self.view(device)?.configs.as_ref()?.first()
    }

    /// The version of a configuration that came at this time: the newest of then with this content.
    pub(super) fn version_of(
        &self,
        device: &DeviceId,
        payload: &[u8],
        at: moment::Timestamp,
    ) -> Option<&ConfigVersion> {
        let until = at.plus(CLOCKS_APART);
        let mut configs = self.view(device)?.configs.as_ref()?.iter();
        configs.find(|version| {
            version.payload == payload && version.updated.is_none_or(|updated| updated <= until)
        })
    }

    fn entry(&mut self, device: &DeviceId) -> &mut View {
        if self.views.len() >= KEPT && !self.views.contains_key(device) {
            self.views.pop_first();
        }
        self.views.entry(device.clone()).or_default()
    }
}

impl App {
    pub(super) fn relay_news(&mut self, news: RelayNews) {
        self.moved = true;
        match news {
            RelayNews::Credential { until } => self.home.relays.credential = Some(until),
            RelayNews::Fault(fault) => {
                let name = match &fault.device {
                    Some(device) => self.home.devices.label(device),
                    None => "the bridge".to_owned(),
                };
                self.remember(&name, &fault.problem);
                self.say(Role::Bad, fault.problem.line());
                if let Some(device) = fault.device.clone() {
                    if let Some(entry) = self.home.devices.get_mut(&device) {
                        entry.trouble = Some(words::brief(&fault.problem));
                    }
                    self.home.relays.faults.insert(device, fault);
                }
            }
            RelayNews::Asked(asked) => self.home.relays.asked.came(asked),
            RelayNews::Answered { id, at, result } => {
                self.home.relays.asked.answered(&id, at, result);
            }
        }
    }

    /// For the header: how long the credential is still good.
    pub(super) fn credential_span(&self) -> Option<Span> {
        let until = self.home.relays.credential?;
        if !self.home.link.is_up() {
            return None;
        }
        let left = self.at.wall.until(until);
        let role = if left < SOON { Role::Warn } else { Role::Dim };
        let text = if left.is_zero() {
            "token has ended".to_owned()
        } else {
            format!("token {}", moment::words(left))
        };
        Some(Span::new(text, role))
    }

    /// When that reads otherwise.
    pub(super) fn credential_change(&self) -> Option<Duration> {
        let until = self.home.relays.credential?;
        let left = self.at.wall.until(until);
        if left.is_zero() || !self.home.link.is_up() {
            return None;
        }
        let unit = if left < Duration::from_mins(1) { 1 } else { 60 };
        let within = Duration::from_secs(left.as_secs() % unit);
        Some(
            within
                + Duration::from_nanos(u64::from(left.subsec_nanos()))
                + Duration::from_millis(1),
        )
    }

    pub(super) fn ask_relay(&mut self, purpose: RelayPurpose, request: RelayRequest) -> RequestId {
        let id = self.pending.begin(Purpose::Relay(purpose));
        self.ask(Effect::Request(id, Request::Relay(request)));
        id
    }

    /// Both lists of a device, unless they are on their way.
    pub(super) fn ask_versions(&mut self, device: &DeviceId) {
        self.ask_configs(device);
        let purpose = RelayPurpose::States(device.clone());
        self.ask_once(purpose, RelayRequest::States(device.clone()));
    }

    /// The versions of its configuration.
    pub(super) fn ask_configs(&mut self, device: &DeviceId) {
        let purpose = RelayPurpose::Configs(device.clone());
        self.ask_once(purpose, RelayRequest::Configs(device.clone()));
    }

    fn ask_once(&mut self, purpose: RelayPurpose, request: RelayRequest) {
        let wanted = Purpose::Relay(purpose.clone());
        if !self.pending.has(|known| *known == wanted) {
            self.ask_relay(purpose, request);
        }
    }

    pub(super) fn versions_are_asked(&self, device: &DeviceId) -> bool {
        self.pending.has(|purpose| {
            matches!(
                purpose,
                Purpose::Relay(RelayPurpose::Configs(asked) | RelayPurpose::States(asked))
                    if asked == device
            )
        })
    }

    pub(super) fn relay_answered(
        &mut self,
        id: RequestId,
        purpose: RelayPurpose,
        result: Result<Reply, Problem>,
    ) {
        self.moved = true;
        let reply = match result {
            Ok(Reply::Relay(reply)) => Ok(reply),
            Ok(_) => return,
            Err(problem) => Err(problem),
        };
        match (purpose, reply) {
            (RelayPurpose::Configs(device), Ok(RelayReply::Configs(versions))) => {
                let view = self.home.relays.entry(&device);
                view.configs = Some(versions);
                view.trouble = None;
                self.relay_configs_came(&device);
            }
            (RelayPurpose::States(device), Ok(RelayReply::States(states))) => {
                self.home.relays.entry(&device).states = Some(states);
            }
            (RelayPurpose::Configs(device) | RelayPurpose::States(device), Err(problem)) => {
                self.home.relays.entry(&device).trouble = Some(problem);
            }
            (RelayPurpose::SendConfig(device), Ok(RelayReply::Configured(version))) => {
                self.close_form_waiting(id);
                let name = self.home.devices.label(&device);
                let text = format!("{name}: configuration version {} is sent", version.version);
                self.say(Role::Good, text);
                self.ask_versions(&device);
            }
            (RelayPurpose::SendConfig(device), Ok(RelayReply::Conflict { newest })) => {
                self.relay_conflict(id, &device, &newest);
            }
            (RelayPurpose::ReportDraft(_), Ok(RelayReply::Draft { topic, payload })) => {
                self.open_draft(&topic, &payload);
                self.say(
                    Role::Normal,
                    "a report of properties: change it, Ctrl-S sends",
                );
            }
            (RelayPurpose::EventDraft(_), Ok(RelayReply::Draft { topic, payload })) => {
                self.open_draft(&topic, &payload);
                self.say(Role::Normal, "an event: change it, Ctrl-S sends");
            }
            (RelayPurpose::SendCommand(device), Ok(reply)) => {
                self.close_form_waiting(id);
                let name = self.home.devices.label(&device);
                let text = match reply {
                    RelayReply::Commanded {
                        answer: Some(answer),
                        ..
                    } => format!("{name} answers {answer}"),
                    _ => format!("{name}: the command is sent"),
                };
                self.say(Role::Good, text);
            }
            (RelayPurpose::SendMessage(device), Ok(reply)) => {
                self.close_form_waiting(id);
                let name = self.home.devices.label(&device);
                let text = match reply {
                    RelayReply::Commanded {
                        answer: Some(answer),
                        ..
                    } => format!("{name}: the message is taken: {answer}"),
                    _ => format!("{name}: the message is taken"),
                };
                self.say(Role::Good, text);
            }
            (RelayPurpose::Clock, Ok(RelayReply::Clock { words, .. })) => {
                self.say(Role::Good, words);
            }
            (RelayPurpose::Clock, Err(problem)) => self.say(Role::Bad, problem.line()),
            (RelayPurpose::Bind { device, gateway }, Ok(_)) => {
                self.close_form_waiting(id);
                self.say(Role::Good, format!("{device} is bound to {gateway}"));
                self.ask_devices(false);
            }
            (RelayPurpose::Unbind { device, gateway }, Ok(_)) => {
                self.close_form_waiting(id);
                let text = format!("{device} is not bound to {gateway} any more");
                self.say(Role::Good, text);
                self.ask_devices(false);
            }
            (
                RelayPurpose::SendConfig(device)
                | RelayPurpose::SendCommand(device)
                | RelayPurpose::SendMessage(device)
                | RelayPurpose::ReportDraft(device)
                | RelayPurpose::EventDraft(device)
                | RelayPurpose::Bind { device, .. }
                | RelayPurpose::Unbind { device, .. },
                Err(problem),
            ) => {
                let name = self.home.devices.label(&device);
                self.relay_failed(id, &name, problem);
            }
            (_, Ok(_)) => self.pending.stray(),
        }
    }

    /// In the composer, to be filled in: of the device at hand where this connection speaks for it, else of its own.
    pub(super) fn compose_event(&mut self) {
        let at_hand = self.device_at_hand().filter(|id| !self.is_elsewhere(id));
        let own = self.home.devices.with_feeds().next().cloned();
        let Some(device) = at_hand.or(own) else {
            return self.say(Role::Warn, "no device is selected");
        };
        let purpose = RelayPurpose::EventDraft(device.clone());
        self.ask_relay(purpose, RelayRequest::EventDraft(device));
    }

    pub(super) fn compare_clocks(&mut self) {
        self.say(Role::Pending, "asking the platform for its time …");
        self.ask_relay(RelayPurpose::Clock, RelayRequest::SyncClock);
    }

    /// In the form that asked, or, where that is closed, as a notice.
    fn relay_failed(&mut self, id: RequestId, name: &str, problem: Problem) {
        match self.form_waiting(id) {
            Some(form) => form.failed(problem),
            None => self.problem_notice(name, &problem),
        }
    }
}

impl App {
    /// Where something may be published on a platform that relays: for this client and the devices attached to it.
    pub(super) fn relay_topics(&self) -> Vec<String> {
        use crate::domain::subscription::Feed;
        if !self.capabilities().relay.config {
            return Vec::new();
        }
        let is_gateway = self.capabilities().push.is_some();
        let mut topics = Vec::new();
        for entry in self.home.devices.iter() {
            let id = entry.device.id.as_str();
            let attached = entry.feed(Feed::Push).is_on();
            if attached || entry.feed(Feed::Event).is_on() {
                topics.push(format!("/devices/{id}/events"));
                topics.push(format!("/devices/{id}/state"));
            }
            if is_gateway && entry.device.kind != "GATEWAY" {
                let verb = if attached { "detach" } else { "attach" };
                topics.push(format!("/devices/{id}/{verb}"));
            }
        }
        topics
    }
}

//! `s` and `x` on a device behind a platform that relays: its configuration and states, and the forms that send it a
//! command or a configuration, and bind it to a gateway.

use super::super::effect::Effect;
use super::super::input::Input;
use super::super::lines::{self, labelled, line, pieces, span};
use super::super::pending::Purpose;
use super::super::relays::RelayPurpose;
use super::super::screen::{Line, Role};
use super::super::state::App;
use super::form::{FormField, FormKind, FormOver, Sort};
use super::order::{self, Order};
use super::text::{TextKind, TextOver, problem_lines};
use super::{After, Over};
use crate::base::moment::Timestamp;
use crate::base::problem::Problem;
use crate::base::text;
use crate::domain::device::DeviceId;
use crate::domain::payload;
use crate::domain::relay::{Command, ConfigVersion, RelayRequest};
use crate::domain::request::RequestId;

/// Lines of the newest payload; older ones have one.
const NEWEST: usize = 24;

const COMMAND: &str = "command";
const CONFIG: &str = "configuration";

const WHAT: usize = 0;
const FOLDER: usize = 1;
const PAYLOAD: usize = 2;

/// What a form of these sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum RelayForm {
    /// `expected`: the version that a configuration replaces.
    Send {
        device: DeviceId,
        expected: Option<u64>,
    },
    Bind {
        device: DeviceId,
        on: bool,
    },
    Order {
        device: DeviceId,
        what: Order,
    },
}

impl App {
    pub(super) fn open_versions(&mut self, device: DeviceId) {
        self.ask_versions(&device);
        self.open_over(Over::Text(TextOver::new(TextKind::Versions(device))));
    }

    pub(super) fn versions_lines(&self, device: &DeviceId, cells: usize) -> Vec<Line> {
        let mut out = Vec::new();
        if let Some(fault) = self.home.relays.fault(device) {
            out.extend(problem_lines(&fault.problem, cells));
            if let Some(culprit) = &fault.culprit {
                let text = format!("{} at {}", culprit.topic, culprit.at.clock(self.zone));
                out.extend(labelled("sent     ", &text, Role::Dim, cells));
            }
            out.push(Vec::new());
        }
        if let Some(entry) = self.home.devices.get(device) {
            let attributes = &entry.device.attributes;
            let names = attributes.iter().map(|(name, _)| text::width(name));
            let width = names.max().unwrap_or(0).min(28);
            for (name, value) in attributes {
                let label = format!("{}  ", text::pad(name, width));
                out.extend(labelled(&label, &self.time_read(value), Role::Text, cells));
            }
            if !attributes.is_empty() {
                out.push(Vec::new());
            }
        }
        let view = self.home.relays.view(device);
        if let Some(problem) = view.and_then(|view| view.trouble.as_ref()) {
            out.extend(problem_lines(problem, cells));
            out.push(Vec::new());
        }
        let asked = self.versions_are_asked(device);
        out.push(line("Configuration", Role::Label));
        match view.and_then(|view| view.configs.as_ref()) {
            None => out.push(waiting(asked)),
            Some(versions) if versions.is_empty() => {
                out.push(line("it never had one", Role::Dim));
            }
            Some(versions) => {
                for (index, version) in versions.iter().enumerate() {
                    out.push(self.version_head(version));
                    out.extend(content(&version.payload, index == 0, cells));
                }
            }
        }
        out.push(Vec::new());
        out.push(line("States", Role::Label));
        match view.and_then(|view| view.states.as_ref()) {
            None => out.push(waiting(asked)),
            Some(states) if states.is_empty() => {
                out.push(line("it has sent none", Role::Dim));
            }
            Some(states) => {
                for (index, state) in states.iter().enumerate() {
                    out.push(line(self.clock_of(state.updated), Role::Dim));
                    out.extend(content(&state.payload, index == 0, cells));
                }
            }
        }
        out
    }

    pub(in super::super) fn version_head(&self, version: &ConfigVersion) -> Line {
        let mut head = vec![
            span(format!("version {}", version.version), Role::Number),
            span(format!("  {}", self.clock_of(version.updated)), Role::Dim),
        ];
        head.push(match version.acknowledged {
            Some(at) => span(
                format!("  acknowledged {}", at.clock(self.zone)),
                Role::Good,
            ),
            None => span("  not acknowledged", Role::Warn),
        });
        head
    }

    fn clock_of(&self, at: Option<Timestamp>) -> String {
        let Some(at) = at else {
            return "at an unknown time".to_owned();
        };
        let day: String = at.to_string().chars().take(10).collect();
        format!("{day} {}", at.clock(self.zone))
    }

    /// A moment, as people read it; anything else as it is.
    fn time_read(&self, value: &str) -> String {
        match value.parse::<jiff::Timestamp>() {
            Ok(at) => self.clock_of(Some(Timestamp(at.as_microsecond()))),
            Err(_) => value.to_owned(),
        }
    }

    /// `x`.
    pub(super) fn open_relay_send(&mut self, device: DeviceId) {
        self.ask_versions(&device);
        let expected = self
            .home
            .relays
            .newest(&device)
            .map(|newest| newest.version);
        let words = vec![COMMAND.to_owned(), CONFIG.to_owned()];
        let fields = vec![
            FormField::new("Send a", COMMAND, Sort::OneOf(words), ""),
            FormField::new("Subfolder", "", Sort::Text, "of a command: a/b, or empty"),
            FormField::new("Payload", "", Sort::Payload, "text or JSON"),
        ];
        let kind = FormKind::Relay(RelayForm::Send { device, expected });
        let mut form = FormOver::new(kind, fields);
        form.focus = PAYLOAD;
        self.open_over(Over::Form(form));
    }

    pub(in super::super) fn open_binding(&mut self, on: bool) {
        let Some(device) = self.device_at_hand() else {
            return self.say(Role::Warn, "no device is selected");
        };
        let gateways = self.home.devices.iter();
        let gateway = gateways
            .filter(|entry| entry.device.kind == "GATEWAY")
            .map(|entry| entry.device.id.as_str().to_owned())
            .next()
            .unwrap_or_default();
        let gateway = match self.own_gateway() {
            Some(own) => own,
            None => gateway,
        };
        let field = FormField::new("Gateway", &gateway, Sort::Text, "its id");
        let kind = FormKind::Relay(RelayForm::Bind { device, on });
        self.open_over(Over::Form(FormOver::new(kind, vec![field])));
    }

    /// The adapter lists this client first.
    fn own_gateway(&self) -> Option<String> {
        self.home.filters.iter().find_map(|filter| {
            let text = filter.wish.filter.as_str();
            let id = text.strip_prefix("/devices/")?.strip_suffix("/errors")?;
            Some(id.to_owned())
        })
    }

    pub(super) fn submit_relay(&mut self, mut over: FormOver, form: &RelayForm) -> After {
        let id = match form {
            RelayForm::Send { device, expected } => {
                let payload = payload_text(&over).as_bytes().to_vec().into();
                if over.text(WHAT) == CONFIG {
                    let request = RelayRequest::SendConfig {
                        device: device.clone(),
                        payload,
                        expected: *expected,
                    };
                    self.ask_relay(RelayPurpose::SendConfig(device.clone()), request)
                } else {
                    let folder = over.text(FOLDER).to_owned();
                    let request = RelayRequest::SendCommand {
                        device: device.clone(),
                        command: Command::Bytes {
                            subfolder: (!folder.is_empty()).then_some(folder),
                            payload,
                        },
                    };
                    self.ask_relay(RelayPurpose::SendCommand(device.clone()), request)
                }
            }
            RelayForm::Order { device, what } => match self.submit_order(&over, device, *what) {
                Ok(id) => id,
                Err(problem) => {
                    over.failed(problem);
                    return After::Stay(Over::Form(over));
                }
            },
            RelayForm::Bind { device, on } => {
                let gateway = over.text(0).to_owned();
                if gateway.is_empty() {
                    let problem = Problem::new("which gateway?", "none is named", "type its id");
                    over.failed(problem);
                    return After::Stay(Over::Form(over));
                }
                let gateway = DeviceId::new(&gateway);
                let device = device.clone();
                let (request, purpose) = if *on {
                    (
                        RelayRequest::Bind {
                            gateway: gateway.clone(),
                            device: device.clone(),
                        },
                        RelayPurpose::Bind { device, gateway },
                    )
                } else {
                    (
                        RelayRequest::Unbind {
                            gateway: gateway.clone(),
                            device: device.clone(),
                        },
                        RelayPurpose::Unbind { device, gateway },
                    )
                };
                self.ask_relay(purpose, request)
            }
        };
        over.waiting = Some(id);
        over.error = None;
        After::Stay(Over::Form(over))
    }

    /// The user's editor on the payload; on the newest configuration, where one is to be replaced and none is typed.
    pub(super) fn edit_relay_payload(&mut self, over: &FormOver) {
        let FormKind::Relay(RelayForm::Send { device, .. }) = &over.kind else {
            return;
        };
        let mut text = payload_text(over).to_owned();
        if text.is_empty() && over.text(WHAT) == CONFIG {
            let newest = self.home.relays.newest(device);
            let newest = newest.and_then(|newest| std::str::from_utf8(&newest.payload).ok());
            newest.unwrap_or_default().clone_into(&mut text);
        }
        let id = self.pending.begin(Purpose::EditRelay);
        self.ask(Effect::Edit {
            id,
            text,
            ending: ".json",
        });
    }

    /// The text as the editor left it, without the line break that editors add.
    pub(in super::super) fn relay_edited(&mut self, text: &str) {
        let form = self.overlays.iter_mut().rev().find_map(|over| match over {
            Over::Form(form) if matches!(form.kind, FormKind::Relay(RelayForm::Send { .. })) => {
                Some(form)
            }
            _ => None,
        });
        let Some(field) = form.and_then(|form| {
            form.error = None;
            form.fields.get_mut(PAYLOAD)
        }) else {
            return self.pending.stray();
        };
        field.input = Input::new(text.strip_suffix('\n').unwrap_or(text));
        self.moved = true;
    }

    pub(super) fn relay_form_title(&self, form: &RelayForm) -> String {
        match form {
            RelayForm::Send { device, .. } => {
                format!("Send to {}", self.home.devices.label(device))
            }
            RelayForm::Order { device, what } => {
                format!("A {} to {}", what.word(), self.home.devices.label(device))
            }
            RelayForm::Bind { device, on: true } => format!("Bind {device} to a gateway"),
            RelayForm::Bind { device, on: false } => format!("Unbind {device} from a gateway"),
        }
    }

    pub(super) fn relay_form_intro(&self, over: &FormOver, cells: usize) -> Vec<Line> {
        if let FormKind::Relay(RelayForm::Order { what, .. }) = &over.kind {
            return order::intro(*what, cells);
        }
        let FormKind::Relay(RelayForm::Send { device, expected }) = &over.kind else {
            return Vec::new();
        };
        if over.text(WHAT) != CONFIG {
            let text = "A command is not stored: the device has to be connected, or attached, and to listen.";
            return lines::wrapped(text, Role::Dim, cells);
        }
        let mut out = match expected {
            Some(version) => lines::wrapped(
                &format!("Replaces version {version}, and only that one:"),
                Role::Dim,
                cells,
            ),
            None => lines::wrapped(
                "Replaces whatever there is: its version is not known.",
                Role::Warn,
                cells,
            ),
        };
        if let Some(newest) = self.home.relays.newest(device) {
            out.extend(content(&newest.payload, false, cells));
        }
        out
    }

    /// The newest version is known now: an open form replaces that one.
    pub(in super::super) fn relay_configs_came(&mut self, device: &DeviceId) {
        let newest = self.home.relays.newest(device).map(|newest| newest.version);
        if self.device_of_inspector().as_ref() == Some(device) {
            self.heading_changed();
        }
        for over in &mut self.overlays {
            if let Over::Form(form) = over
                && let FormKind::Relay(RelayForm::Send {
                    device: of,
                    expected,
                }) = &mut form.kind
                && of == device
                && expected.is_none()
            {
                *expected = newest;
            }
        }
    }

    /// Somebody else was faster: the newer version is shown, and only who has seen it replaces it.
    pub(in super::super) fn relay_conflict(
        &mut self,
        id: RequestId,
        device: &DeviceId,
        newest: &ConfigVersion,
    ) {
        let now = newest.version;
        let shown: String = payload::compact(&newest.payload, 400)
            .into_iter()
            .map(|piece| piece.text)
            .collect();
        self.ask_versions(device);
        let Some(form) = self.form_waiting(id) else {
            let text = format!("{device}: not sent, version {now} is newer");
            return self.say(Role::Bad, text);
        };
        let before = match &mut form.kind {
            FormKind::Relay(RelayForm::Send { expected, .. }) => expected.replace(now),
            _ => None,
        };
        let before = before.unwrap_or_default();
        let cause = format!("version {now} is there, not {before}: {shown}");
        form.failed(Problem::new(
            "it was not sent: somebody else was faster",
            cause,
            "Enter replaces that one, Esc leaves it",
        ));
    }
}

/// Blanks at its ends are a part of it.
fn payload_text(over: &FormOver) -> &str {
    over.fields
        .get(PAYLOAD)
        .map_or("", |field| field.input.text())
}

fn waiting(asked: bool) -> Line {
    if asked {
        line("asking the platform …", Role::Pending)
    } else {
        line("not known; r asks for it", Role::Dim)
    }
}

/// The newest at length, an older one in a line.
fn content(payload: &[u8], whole: bool, cells: usize) -> Vec<Line> {
    let room = cells.saturating_sub(2);
    let indented = |parts: Line| {
        let mut out = vec![span("  ", Role::Normal)];
        out.extend(parts);
        out
    };
    if payload.is_empty() {
        return vec![line("  empty", Role::Dim)];
    }
    let pretty = payload::pretty(payload).filter(|_| whole);
    match pretty {
        Some(rows) => rows
            .into_iter()
            .take(NEWEST)
            .map(|row| indented(pieces(row)))
            .collect(),
        None => vec![indented(pieces(payload::compact(payload, room)))],
    }
}

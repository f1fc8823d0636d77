//! What an application asks of a device at Huawei's platform: a command, whose answer is waited for, or a message.

use super::super::lines;
use super::super::relays::RelayPurpose;
use super::super::screen::{Line, Role};
use super::super::state::App;
use super::Over;
use super::form::{FormField, FormKind, FormOver, Sort};
use super::relay::RelayForm;
use crate::base::problem::Problem;
use crate::domain::device::DeviceId;
use crate::domain::relay::{Command, RelayRequest};
use crate::domain::request::RequestId;

const COMMAND: usize = 0;
const PARAMETERS: usize = 1;
const PAYLOAD: usize = 0;
const TOPIC: usize = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Order {
    Command,
    Message,
}

impl Order {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Message => "message",
        }
    }
}

impl App {
    pub(in super::super) fn open_command(&mut self) {
        self.open_order(Order::Command);
    }

    pub(in super::super) fn open_send_message(&mut self) {
        self.open_order(Order::Message);
    }

    /// To the device at hand.
    fn open_order(&mut self, what: Order) {
        let Some(device) = self.device_at_hand() else {
            return self.say(Role::Warn, "no device is selected");
        };
        if self.capabilities().relay.config {
            return self.open_relay_send(device);
        }
        self.open_order_of(device, what);
    }

    pub(super) fn open_order_of(&mut self, device: DeviceId, what: Order) {
        let fields = match what {
            Order::Command => vec![
                FormField::new("Command", "", Sort::Text, "SERVICE.COMMAND"),
                FormField::new("Parameters", "{}", Sort::Text, "a JSON object"),
            ],
            Order::Message => vec![
                FormField::new("Payload", "", Sort::Text, "text or JSON"),
                FormField::new("Topic", "", Sort::Text, "one of its own, or empty"),
            ],
        };
        let kind = FormKind::Relay(RelayForm::Order { device, what });
        self.open_over(Over::Form(FormOver::new(kind, fields)));
    }

    pub(super) fn submit_order(
        &mut self,
        over: &FormOver,
        device: &DeviceId,
        what: Order,
    ) -> Result<RequestId, Problem> {
        let device = device.clone();
        match what {
            Order::Command => {
                let (service, name) = named(over.text(COMMAND))?;
                let request = RelayRequest::SendCommand {
                    device: device.clone(),
                    command: Command::Named {
                        service,
                        name,
                        parameters: over.text(PARAMETERS).to_owned(),
                    },
                };
                Ok(self.ask_relay(RelayPurpose::SendCommand(device), request))
            }
            Order::Message => {
                let topic = over.text(TOPIC).to_owned();
                let request = RelayRequest::SendMessage {
                    device: device.clone(),
                    payload: over.text(PAYLOAD).as_bytes().to_vec().into(),
                    name: None,
                    topic: (!topic.is_empty()).then_some(topic),
                };
                Ok(self.ask_relay(RelayPurpose::SendMessage(device), request))
            }
        }
    }

    /// `x` on a device that this connection cannot report for: it has a connection of its own, or another gateway.
    pub(in super::super) fn is_elsewhere(&self, device: &DeviceId) -> bool {
        let devices = &self.home.devices;
        // The only one that has topics here is the one that is connected.
        let Some(own) = devices.with_feeds().next() else {
            return false;
        };
        let Some(entry) = devices.get(device).filter(|_| device != own) else {
            return false;
        };
        let mut attributes = entry.device.attributes.iter();
        let gateway = attributes.find(|(name, _)| name == "gateway_id");
        gateway.is_some_and(|(_, id)| id != own.as_str())
    }
}

/// `SERVICE.COMMAND`, or `COMMAND`.
fn named(text: &str) -> Result<(Option<String>, String), Problem> {
    let (service, name) = match text.split_once('.') {
        Some((service, name)) => (Some(service.to_owned()), name),
        None => (None, text),
    };
    if name.is_empty() || service.as_deref() == Some("") {
        let remedy = "write SERVICE.COMMAND, as the product's model names them";
        return Err(Problem::new("which command?", "none is named", remedy));
    }
    Ok((service, name.to_owned()))
}

pub(super) fn intro(what: Order, cells: usize) -> Vec<Line> {
    let text = match what {
        Order::Command => {
            "The device has to be connected, and to answer within 20 s; its answer is shown here."
        }
        Order::Message => {
            "Kept for a day where the device is not connected. A topic of the product is named by its end, any other whole."
        }
    };
    lines::wrapped(text, Role::Dim, cells)
}

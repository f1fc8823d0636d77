//! What comes into the composer from elsewhere: a received message, the editor.

use super::super::effect::Effect;
use super::super::pending::Purpose;
use super::super::screen::Role;
use super::super::state::App;
use crate::domain::compose::{PayloadKind, Sheet};
use crate::domain::json_text::JsonState;

impl App {
    /// The message at hand into the composer: its bytes, QoS and retain mark as they came.
    pub(in super::super) fn compose_message(&mut self) {
        if !self.has_composer() {
            let platform = self.platform_name();
            return self.say(Role::Warn, format!("{platform} takes no messages of ours"));
        }
        self.hold();
        let Some(message) = self.message_at_hand() else {
            return self.say(Role::Warn, "there is no message here to open");
        };
        if message.is_cut() {
            let text = "only the beginning of this message was kept: it cannot be sent again";
            return self.say(Role::Warn, text);
        }
        let opened = Sheet::of_message(
            &message.topic,
            &message.payload,
            message.qos,
            message.retain,
            message.properties.as_deref(),
        );
        match opened {
            Ok(sheet) => self.open_sheet(&sheet),
            Err(why) => self.say(Role::Warn, format!("it cannot be opened: {why}")),
        }
    }

    pub(in super::super) fn open_editor(&mut self) {
        if !self.has_composer() {
            return;
        }
        let id = self.pending.begin(Purpose::Edit);
        let ending = match (self.composer.kind, &self.composer.json) {
            (PayloadKind::Text, JsonState::Valid | JsonState::Broken { .. }) => ".json",
            _ => ".txt",
        };
        self.compose_at(super::Spot::Payload);
        self.ask(Effect::Edit {
            id,
            text: self.composer.payload.text().to_owned(),
            ending,
        });
    }

    pub(in super::super) fn edited(&mut self, text: &str) {
        if text == self.composer.payload.text() {
            return self.say(Role::Normal, "the payload is as it was");
        }
        self.composer.payload.replace(text);
        self.composer_changed();
        let bytes = super::super::words::bytes(text.len() as u64);
        self.say(
            Role::Good,
            format!("the payload comes from the editor: {bytes}"),
        );
    }
}

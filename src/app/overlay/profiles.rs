//! `P`: another profile, a new broker, or a new account.

use super::super::lines::span;
use super::super::screen::Role;
use super::super::state::App;
use super::Over;
use super::choice::{Choice, ChoiceKind, ChoiceOver, Pick};

impl App {
    pub(in super::super) fn open_profiles(&mut self) {
        let over = ChoiceOver::new(ChoiceKind::Profiles).at(self.open.unwrap_or(0));
        self.open_over(Over::Choice(over));
    }

    pub(super) fn profile_choices(&self) -> Vec<Choice> {
        let mut out: Vec<_> = self
            .profiles
            .iter()
            .enumerate()
            .map(|(index, profile)| {
                let state = if self.open == Some(index) { "open" } else { "" };
                let kind = if profile.simulated {
                    "simulated".to_owned()
                } else {
                    profile.place.clone()
                };
                Choice {
                    name: vec![
                        span(profile.name.as_str(), Role::Normal),
                        span(format!("  {}, {kind}", profile.platform.name()), Role::Dim),
                    ],
                    detail: span(state, Role::Good),
                    find: profile.name.clone(),
                    pick: Pick::Profile(index),
                }
            })
            .collect();
        let adding = |text: &str, pick| Choice {
            name: vec![span(format!("{text} …"), Role::Key)],
            detail: span("", Role::Dim),
            find: text.to_owned(),
            pick,
        };
        out.push(adding("add an LG ThinQ account", Pick::AddAccount));
        out.push(adding(
            "add a gateway or device of IoT Core (ClearBlade)",
            Pick::AddGoogle,
        ));
        out.push(adding("add an AWS IoT Core account", Pick::AddAws));
        out.push(adding("add a Huawei IoT device", Pick::AddHuawei));
        out.push(adding("add an MQTT broker", Pick::AddBroker));
        out
    }
}

//! A new ThinQ account: name, country, token; tried step by step before it is saved.

use super::super::countries::{self, COUNTRIES};
use super::super::effect::{Effect, NewAccount, NewProfile};
use super::super::event::Outcome;
use super::super::input::Input;
use super::super::lines::span;
use super::super::pending::Purpose;
use super::super::screen::{Line, Role};
use super::super::state::{App, ProfileSummary};
use super::choice::{Choice, ChoiceKind, ChoiceOver, Pick};
use super::form::{FormField, FormKind, FormOver, Sort, paragraph};
use super::{After, Over};
use crate::base::problem::Problem;
use crate::base::secret::Secret;
use crate::base::text::SafeText;
use crate::domain::fact::Fact;
use crate::domain::profile::PlatformId;
use crate::domain::request::{Reply, RequestId};

const NAME: usize = 0;
const COUNTRY: usize = 1;
const TOKEN: usize = 2;

pub(super) const TOKEN_PAGE: &str = "https://connect-pat.lgthinq.com";

pub(super) fn intro(cells: usize) -> Vec<Line> {
    let text = format!(
        "Make a personal access token at {TOKEN_PAGE} with the account of the ThinQ app (by id and password, not by QR \
         code), tick all scopes, and paste it here."
    );
    paragraph(&text, cells)
}

impl App {
    pub(in super::super) fn open_wizard(&mut self) {
        let open = |over: &Over| matches!(over, Over::Form(f) if f.kind == FormKind::Wizard);
        if self.overlays.iter().any(open) {
            return;
        }
        let fields = vec![
            FormField::new(
                "Name",
                &self.free_name("home"),
                Sort::Text,
                "for -p and the header",
            ),
            FormField::new("Country", "", Sort::Country, "Enter chooses"),
            FormField::new("Token", "", Sort::Secret, "paste it"),
        ];
        let mut form = FormOver::new(FormKind::Wizard, fields);
        form.focus = COUNTRY;
        self.open_over(Over::Form(form));
    }

    pub(super) fn free_name(&self, first: &str) -> String {
        let taken = |name: &str| self.profiles.iter().any(|p| p.name == name);
        let numbered = (2_u32..).map(|n| format!("{first}{n}"));
        std::iter::once(first.to_owned())
            .chain(numbered)
            .find(|name| !taken(name))
            .unwrap_or_default()
    }

    pub(super) fn submit_wizard(&mut self, over: FormOver) -> After {
        let profile = self.new_profile(&over);
        self.try_profile(over, profile)
    }

    /// The form waits while its profile is tried, or says which field is wrong and why.
    pub(super) fn try_profile(
        &mut self,
        mut over: FormOver,
        profile: Result<NewProfile, (usize, Problem)>,
    ) -> After {
        match profile {
            Ok(profile) => {
                let id = self.pending.begin(Purpose::TryProfile);
                over.waiting = Some(id);
                over.error = None;
                over.steps.clear();
                self.ask(Effect::TryProfile(id, profile));
            }
            Err((field, why)) => {
                over.focus = field;
                over.error = Some(why);
            }
        }
        After::Stay(Over::Form(over))
    }

    /// What was typed, or which field is wrong and why.
    fn new_profile(&self, over: &FormOver) -> Result<NewProfile, (usize, Problem)> {
        let wrong = |field, what: &str, remedy: &str| Err((field, Problem::new(what, "", remedy)));
        let (name, country, token) = (over.text(NAME), over.text(COUNTRY), over.text(TOKEN));
        if let Some(why) = check_name(&self.profiles, name) {
            return wrong(NAME, why, "");
        }
        if country.is_empty() {
            return wrong(COUNTRY, "choose the country of the LG account", "");
        }
        if token.is_empty() {
            return wrong(TOKEN, "paste the access token", "");
        }
        if !token.bytes().all(|b| b.is_ascii_graphic()) {
            return wrong(
                TOKEN,
                "a token is plain ASCII without blanks: copy it once more",
                "",
            );
        }
        Ok(gathered(over))
    }

    pub(in super::super) fn wizard_progress(&mut self, id: RequestId, fact: Fact) {
        let Fact::Step(step) = fact else { return };
        let Some(form) = self.form_waiting(id) else {
            return;
        };
        match form.steps.iter_mut().find(|s| s.name == step.name) {
            Some(known) => *known = step,
            None => form.steps.push(step),
        }
        self.moved = true;
    }

    pub(in super::super) fn profile_tried(
        &mut self,
        id: RequestId,
        result: Result<Reply, Problem>,
    ) {
        let save = self.pending.begin(Purpose::SaveProfile);
        let Some(form) = self.form_waiting(id) else {
            self.pending.end(save);
            return;
        };
        form.waiting = None;
        match result {
            Ok(_) => {
                form.waiting = Some(save);
                let profile = match form.kind {
                    FormKind::Broker => super::broker::gathered(form),
                    FormKind::Aws => super::account::gathered(form),
                    FormKind::Google => super::gateway::gathered(form),
                    FormKind::Huawei => super::meter::gathered(form),
                    _ => gathered(form),
                };
                self.ask(Effect::SaveProfile(save, profile));
            }
            Err(problem) => {
                form.error = Some(problem);
                self.pending.end(save);
            }
        }
    }

    pub(in super::super) fn profile_saved(
        &mut self,
        id: RequestId,
        result: Result<Outcome, Problem>,
    ) {
        let Some(form) = self.form_waiting(id) else {
            return;
        };
        if let Err(problem) = result {
            form.waiting = None;
            form.error = Some(problem);
            return;
        }
        let saved = match form.kind {
            FormKind::Broker => super::broker::summary(form),
            FormKind::Aws => super::account::summary(form),
            FormKind::Google => super::gateway::summary(form),
            FormKind::Huawei => super::meter::summary(form),
            _ => summary(form),
        };
        self.close_form_waiting(id);
        let name = saved.name.clone();
        self.profiles.retain(|p| p.name != name);
        self.profiles.push(saved);
        self.switch_to(self.profiles.len() - 1);
        self.say(Role::Good, format!("profile {name} is saved and open"));
    }

    pub(super) fn country_chosen(&mut self, code: &str) {
        for over in &mut self.overlays {
            let Over::Form(form) = over else { continue };
            if let Some(field) = form.fields.get_mut(COUNTRY) {
                field.input = Input::new(code);
                form.error = None;
                form.focus = TOKEN;
            }
        }
    }
}

/// Why a new profile cannot be called so.
pub(super) fn check_name(profiles: &[ProfileSummary], name: &str) -> Option<&'static str> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() || !name.chars().all(plain) {
        return Some("a name is letters, digits, - and _");
    }
    let is_taken = profiles.iter().any(|p| p.name == name && !p.simulated);
    is_taken.then_some("a profile of that name is there already")
}

/// What was typed; checked before.
fn gathered(over: &FormOver) -> NewProfile {
    NewProfile {
        name: over.text(NAME).to_owned(),
        account: NewAccount::Thinq {
            country: over.text(COUNTRY).to_owned(),
            token: Secret::new(over.text(TOKEN)),
        },
    }
}

/// The profile as it was saved.
fn summary(over: &FormOver) -> ProfileSummary {
    ProfileSummary::new(over.text(NAME), PlatformId::Thinq, "token: a private file")
}

/// The list above the wizard, with what was typed on the field as the search.
pub(super) fn choose_country(over: FormOver, typed: &str) -> After {
    let mut list = ChoiceOver::new(ChoiceKind::Countries);
    list.paste(typed);
    After::Cover(Over::Form(over), Over::Choice(list))
}

pub(super) fn country_choices() -> Vec<Choice> {
    COUNTRIES
        .iter()
        .map(|country| Choice {
            name: vec![
                span(country.code, Role::Key),
                span(format!("  {}", country.name), Role::Normal),
            ],
            detail: span(country.region.words(), Role::Dim),
            find: format!("{} {}", country.name, country.code),
            pick: Pick::Country(country.code),
        })
        .collect()
}

pub(super) fn country_shown(code: &str) -> SafeText {
    match countries::find(code) {
        Some(country) => SafeText::new(&format!("{} {}", country.code, country.name)),
        None => SafeText::new(code),
    }
}

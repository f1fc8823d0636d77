//! The composer's boxes: history, templates, properties, repetition, the awaited answer, clearing what is retained.

use std::time::Duration;

use super::super::composer::send::Job;
use super::super::composer::sweep::Sweep;
use super::super::effect::{Effect, TemplateOrder};
use super::super::lines::span;
use super::super::pending::{ForTemplates, Purpose};
use super::super::screen::{Line, PaneId, Role};
use super::super::state::App;
use super::super::words;
use super::choice::{Choice, ChoiceKind, ChoiceOver, Pick};
use super::form::{FormField, FormKind, FormOver, Sort, paragraph};
use super::text::{TextKind, TextOver};
use super::{After, Over};
use crate::base::moment::parse_duration;
use crate::base::problem::Problem;
use crate::domain::compose::{self, PropertyTexts, Sheet, Template};
use crate::domain::profile::Version;

/// Faster than this is no repetition but a flood.
const FASTEST: Duration = Duration::from_millis(10);

const FORMATS: [&str; 3] = ["not said", "utf8", "bytes"];

impl Over {
    pub(in super::super) fn history() -> Self {
        Self::Choice(ChoiceOver::new(ChoiceKind::History))
    }

    pub(in super::super) fn templates(delete: bool) -> Self {
        Self::Choice(ChoiceOver::new(ChoiceKind::Templates { delete }))
    }

    pub(in super::super) fn sweep() -> Self {
        Self::Text(TextOver::new(TextKind::Sweep))
    }

    pub(in super::super) fn sweep_question() -> Self {
        let field = FormField::new("Topic or number", "", Sort::Text, "typed, it goes");
        Self::Form(FormOver::new(FormKind::SweepConfirm, vec![field]))
    }

    pub(in super::super) fn is_sweep(&self) -> bool {
        matches!(self, Self::Text(t) if t.kind == TextKind::Sweep)
    }
}

impl App {
    pub(super) fn history_choices(&self) -> Vec<Choice> {
        self.composer
            .history
            .iter()
            .enumerate()
            .rev()
            .map(|(n, entry)| {
                let when = entry.at.clock(self.zone);
                let note = if entry.sent { "" } else { "not sent  " };
                sheet_choice(&entry.sheet, None, &format!("{note}{when}"), Pick::Sheet(n))
            })
            .collect()
    }

    pub(super) fn template_choices(&self, delete: bool) -> Vec<Choice> {
        let pick = if delete { Pick::Forget } else { Pick::Template };
        self.composer
            .templates
            .iter()
            .enumerate()
            .map(|(n, template)| sheet_choice(&template.sheet, Some(&template.name), "", pick(n)))
            .collect()
    }

    pub(super) fn sheet_picked(&mut self, pick: &Pick) {
        let sheet = match pick {
            Pick::Sheet(n) => self.composer.history.get(*n).map(|e| e.sheet.clone()),
            Pick::Template(n) => self.composer.templates.get(*n).map(|t| t.sheet.clone()),
            _ => None,
        };
        if let Some(sheet) = sheet {
            self.open_sheet(&sheet);
        }
    }

    pub(super) fn forget_template(&mut self, name: &str) {
        let purpose = Purpose::Templates(ForTemplates::Deleted(name.to_owned()));
        let id = self.pending.begin(purpose);
        self.ask(Effect::Templates(
            id,
            TemplateOrder::Delete(name.to_owned()),
        ));
    }

    pub(in super::super) fn open_template_name(&mut self) {
        let field = FormField::new("Name", "", Sort::Text, "in templates.toml");
        let form = FormOver::new(FormKind::TemplateName, vec![field]);
        self.open_over(Over::Form(form));
    }

    pub(super) fn submit_template(&mut self, mut over: FormOver) -> After {
        const TAKEN: &str = "there is one of that name: Enter again replaces it";
        let name = over.text(0).to_owned();
        if name.is_empty() {
            return refused(over, "a template needs a name", "");
        }
        let taken = self.composer.templates.iter().any(|t| t.name == name);
        if taken && over.error.as_ref().is_none_or(|e| e.what != TAKEN) {
            return refused(over, TAKEN, "");
        }
        let template = Template {
            name: name.clone(),
            sheet: self.composer.sheet(),
        };
        let id = self
            .pending
            .begin(Purpose::Templates(ForTemplates::Saved(name)));
        self.ask(Effect::Templates(
            id,
            TemplateOrder::Save(Box::new(template)),
        ));
        over.error = None;
        After::Close
    }

    pub(in super::super) fn open_properties(&mut self) {
        if self.version() == Version::V311 && self.composer.properties.is_empty() {
            let text = "properties need MQTT 5; this connection speaks 3.1.1 (version = \"5\" in the profile)";
            return self.say(Role::Warn, text);
        }
        let texts = &self.composer.properties;
        let text = |label, text: &str, note| FormField::new(label, text, Sort::Text, note);
        let formats = FORMATS.map(str::to_owned).to_vec();
        let format = if texts.format.is_empty() {
            FORMATS[0]
        } else {
            texts.format.as_str()
        };
        let fields = vec![
            text("Content type", &texts.content_type, "application/json"),
            text(
                "Response topic",
                &texts.response_topic,
                "where an answer goes",
            ),
            text("Correlation", &texts.correlation, "text, hex:… or base64:…"),
            text("Expiry", &texts.expiry, "seconds"),
            text("User", &texts.user, "name=value, name=value"),
            FormField::new("Format", format, Sort::OneOf(formats), ""),
        ];
        let form = FormOver::new(FormKind::Properties, fields);
        self.open_over(Over::Form(form));
    }

    pub(super) fn submit_properties(&mut self, over: FormOver) -> After {
        let format = over.text(5);
        let texts = PropertyTexts {
            content_type: over.text(0).to_owned(),
            response_topic: over.text(1).to_owned(),
            correlation: over.text(2).to_owned(),
            expiry: over.text(3).to_owned(),
            user: over.text(4).to_owned(),
            format: if format == FORMATS[0] { "" } else { format }.to_owned(),
        };
        if let Err(why) = texts.read() {
            return refused(over, &why, "");
        }
        self.composer.properties = texts;
        self.composer_changed();
        self.unsettled = true;
        After::Close
    }

    pub(in super::super) fn open_repeat(&mut self) {
        let fields = vec![
            FormField::new("Every", "1s", Sort::Text, "500ms, 10s, 5m"),
            FormField::new("Times", "", Sort::Text, "empty: until Ctrl-X"),
        ];
        let form = FormOver::new(FormKind::Repeat, fields);
        self.open_over(Over::Form(form));
    }

    pub(super) fn submit_repeat(&mut self, over: FormOver) -> After {
        let Some(every) = parse_duration(over.text(0)).filter(|every| *every >= FASTEST) else {
            return refused(
                over,
                "this is no interval",
                "write 500ms, 10s or 5m; 10ms is the shortest",
            );
        };
        let count = match over.text(1) {
            "" => None,
            text => match text.parse::<u64>() {
                Ok(count) if count > 0 => Some(count),
                _ => {
                    return refused(
                        over,
                        "this is no number of times",
                        "leave it empty for no end",
                    );
                }
            },
        };
        let sheet = self.composer.sheet();
        self.begin(Job::Repeat {
            sheet,
            every,
            count,
        });
        self.unsettled = true;
        After::Close
    }

    pub(in super::super) fn open_answer(&mut self) {
        let wish = &self.composer.wish;
        let words = ["off", "awaited"].map(str::to_owned).to_vec();
        let made_up = match self.version() {
            Version::V5 => "made up where empty",
            Version::V311 => "the next message on it counts",
        };
        let patience = format!("{}s", wish.patience.as_secs());
        // Whoever comes here wants one, unless it is on already.
        let fields = vec![
            FormField::new("Answer", "awaited", Sort::OneOf(words), ""),
            FormField::new("On topic", &wish.topic, Sort::Text, made_up),
            FormField::new("For", &patience, Sort::Text, "10s, 2m"),
        ];
        let form = FormOver::new(FormKind::Answer, fields);
        self.open_over(Over::Form(form));
    }

    pub(super) fn submit_answer(&mut self, over: FormOver) -> After {
        let on = over.text(0) == "awaited";
        let topic = over.text(1).to_owned();
        if on && topic.is_empty() && self.version() == Version::V311 {
            let remedy = "MQTT 3.1.1 knows no response topics: the other side must know it already";
            return refused(over, "name the topic of the answer", remedy);
        }
        if let Some(why) = Some(&topic)
            .filter(|t| !t.is_empty())
            .and_then(|t| compose::topic_trouble(t))
        {
            return refused(over, &why, "");
        }
        let longest = Duration::from_mins(10);
        let Some(patience) = parse_duration(over.text(2)).filter(|p| !p.is_zero() && *p <= longest)
        else {
            return refused(
                over,
                "this is no time to wait",
                "write 10s or 2m; 10m is the longest",
            );
        };
        self.composer.wish.on = on;
        self.composer.wish.topic = topic;
        self.composer.wish.patience = patience;
        self.unsettled = true;
        After::Close
    }

    /// Below which topic: that of the message or node at hand is proposed.
    pub(in super::super) fn open_sweep(&mut self) {
        if !self.has_composer() {
            let platform = self.platform_name();
            return self.say(Role::Warn, format!("{platform} takes no messages of ours"));
        }
        if self.composer.sweep.as_ref().is_some_and(Sweep::is_clearing) {
            return self.open_over(Over::sweep());
        }
        let at_hand = match self.focus {
            PaneId::Inspector => self.opened_topic(),
            PaneId::Messages if self.is_grouped() => self.group_topic(),
            PaneId::Messages => self.selected_message().map(|kept| kept.topic.to_owned()),
            _ => self.selected_topic(),
        };
        self.open_sweep_of(&at_hand.unwrap_or_default());
    }

    /// With that topic in the field: what is below it is counted when the user says so.
    pub(in super::super) fn open_sweep_of(&mut self, topic: &str) {
        let field = FormField::new("Below", topic, Sort::Text, "the topic itself included");
        let form = FormOver::new(FormKind::SweepTopic, vec![field]);
        self.open_over(Over::Form(form));
    }

    pub(super) fn submit_sweep(&mut self, over: FormOver) -> After {
        match self.start_sweep(over.text(0)) {
            Ok(()) => After::Close,
            Err(why) => refused(over, &why, ""),
        }
    }

    pub(super) fn submit_sweep_confirm(&mut self, over: FormOver) -> After {
        let typed = over.text(0);
        let agrees = self
            .composer
            .sweep
            .as_ref()
            .is_some_and(|s| s.is_confirmed_by(typed));
        if !agrees {
            let root = self.composer.sweep.as_ref().map_or("", |s| s.root());
            let count = self.sweep_count();
            let remedy = format!("type {root} or {count}");
            return refused(over, "that is neither the topic nor the number", &remedy);
        }
        self.clear_found();
        After::Close
    }

    pub(super) fn compose_form_intro(&self, kind: &FormKind, cells: usize) -> Vec<Line> {
        match kind {
            FormKind::SweepConfirm => self.sweep_intro(cells),
            FormKind::SweepTopic => paragraph(
                "What the broker retains below a topic is counted first; nothing is cleared without another question.",
                cells,
            ),
            FormKind::Repeat => paragraph(
                "The message of the composer is sent again and again, its placeholders made anew each time. Ctrl-X stops it from anywhere.",
                cells,
            ),
            FormKind::Answer => paragraph(
                "When the message is sent, its answer is waited for and shown with the time it took.",
                cells,
            ),
            _ => Vec::new(),
        }
    }
}

fn sheet_choice(sheet: &Sheet, name: Option<&str>, detail: &str, pick: Pick) -> Choice {
    let payload: String = sheet
        .payload
        .chars()
        .take(200)
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .collect();
    let mut line = Vec::new();
    if let Some(name) = name {
        line.push(span(format!("{name}  "), Role::Normal));
    }
    line.push(span(sheet.topic.as_str(), Role::Label));
    line.push(span(format!("  {payload}"), Role::Dim));
    Choice {
        find: format!("{} {} {payload}", name.unwrap_or_default(), sheet.topic),
        name: line,
        detail: span(detail, Role::Dim),
        pick,
    }
}

fn refused(mut over: FormOver, what: &str, remedy: &str) -> After {
    over.error = Some(Problem::new(what, "", remedy));
    After::Stay(Over::Form(over))
}

/// How many there are, for titles.
pub(super) fn counted(count: usize, noun: &str) -> String {
    words::count(count, noun)
}

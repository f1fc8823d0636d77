//! "Report connection state in the shadow": whose and where, then the texts page by page, and a trial at the end.

use super::super::effect::Effect;
use super::super::event::{Key, KeyCode, Outcome};
use super::super::lines::{self, line, span};
use super::super::pane::devices::step_line;
use super::super::pending::Purpose;
use super::super::screen::{Line, Role};
use super::super::state::App;
use super::form::{FormField, FormKind, FormOver, Sort, paragraph};
use super::provision::put_step;
use super::text::{TextKind, TextOver, problem_lines};
use super::{After, Over};
use crate::base::problem::Problem;
use crate::domain::connection_state::{
    DISCONNECTED, Proof, Recipe, Section, Trial, check_thing, check_will_topic,
};
use crate::domain::fact::{Progress, Step};
use crate::domain::request::{Reply, Request};

const THING: usize = 0;
const TOPIC: usize = 1;
const ACCOUNT: usize = 2;

/// The recipe at hand.
#[derive(Debug, Default)]
pub(in super::super) struct RecipeState {
    recipe: Option<Recipe>,
    sections: Vec<Section>,
    /// The one that is shown; behind the last one is the trial.
    page: usize,
    trial: TrialState,
    /// The profile has the messages by now, and was not opened since.
    changed: bool,
}

#[derive(Debug, Default)]
struct TrialState {
    running: bool,
    steps: Vec<Step>,
    outcome: Option<Result<Proof, Problem>>,
}

pub(super) fn intro(cells: usize) -> Vec<Line> {
    let text = "A device that loses its power says nothing. Its will can: the broker sends it, a rule puts it into the shadow. The \
                will needs an ordinary topic; a level that is the thing's name lets one rule serve all things.";
    paragraph(text, cells)
}

impl App {
    pub(in super::super) fn open_recipe(&mut self) {
        if !self.capabilities().provision {
            let platform = self.platform_name();
            return self.say(Role::Warn, format!("{platform} has no such rules"));
        }
        let thing = self
            .device_at_hand()
            .map_or_else(String::new, |device| device.as_str().to_owned());
        let topic = match thing.as_str() {
            "" => "my/things/THING/update".to_owned(),
            thing => format!("my/things/{thing}/update"),
        };
        let fields = vec![
            FormField::new("Thing", &thing, Sort::Text, "whose shadow it is"),
            FormField::new("Will topic", &topic, Sort::Text, "an ordinary one"),
            FormField::new("Account", "", Sort::Text, "12 digits, or leave it empty"),
        ];
        self.open_over(Over::Form(FormOver::new(FormKind::Recipe, fields)));
    }

    pub(super) fn submit_recipe(&mut self, mut over: FormOver) -> After {
        match self.asked_recipe(&over) {
            Ok(recipe) => {
                let id = self.pending.begin(Purpose::Recipe);
                self.recipe = RecipeState::default();
                self.ask(Effect::CompleteRecipe(id, Box::new(recipe)));
                After::Close
            }
            Err((field, problem)) => {
                over.focus = field;
                over.error = Some(problem);
                After::Stay(Over::Form(over))
            }
        }
    }

    fn asked_recipe(&self, over: &FormOver) -> Result<Recipe, (usize, Problem)> {
        let (thing, topic, account) = (over.text(THING), over.text(TOPIC), over.text(ACCOUNT));
        check_thing(thing).map_err(|why| (THING, Problem::new(why, "", "")))?;
        let topic = topic.replace("THING", thing);
        check_will_topic(&topic).map_err(|problem| (TOPIC, problem))?;
        let digits = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
        if !account.is_empty() && !digits {
            let what = "an account is 12 digits";
            return Err((ACCOUNT, Problem::new(what, "", "leave it empty otherwise")));
        }
        Ok(Recipe {
            profile: self.profile().map_or(String::new(), |p| p.name.clone()),
            thing: thing.to_owned(),
            topic,
            client_id: None,
            region: None,
            account: Some(account.to_owned()).filter(|text| !text.is_empty()),
            keep_alive: 30,
        })
    }

    pub(in super::super) fn recipe_completed(&mut self, result: Result<Outcome, Problem>) {
        match result {
            Ok(Outcome::Recipe(recipe)) => {
                self.recipe.sections = recipe.sections();
                self.recipe.recipe = Some(*recipe);
                self.open_over(Over::Text(TextOver::new(TextKind::Recipe)));
            }
            Ok(_) => {}
            Err(problem) => self.problem_notice("the recipe", &problem),
        }
    }

    fn recipe_pages(&self) -> usize {
        self.recipe.sections.len() + 1
    }

    pub(super) fn recipe_title(&self) -> String {
        let thing = self.recipe.recipe.as_ref().map_or("", |r| r.thing.as_str());
        format!(
            "Connection state of {thing} in its shadow, {} of {}",
            self.recipe.page + 1,
            self.recipe_pages()
        )
    }

    pub(super) fn recipe_hint(&self) -> String {
        let own = match self.recipe.sections.get(self.recipe.page) {
            None if self.recipe.trial.running => "Esc stop",
            None => "t test it  Tab next  Esc close",
            Some(_) if self.recipe.page == 0 && self.recipe.changed => {
                "o open the profile with it  Tab next  y copy  Y all  w file  Esc close"
            }
            Some(_) if self.recipe.page == 0 => {
                "s save in the profile  Tab next  y copy  Y all  w file  Esc close"
            }
            Some(_) => "Tab next  y copy  Y all  w file  t test  Esc close",
        };
        own.to_owned()
    }

    /// `true`: the key was one of the recipe's own.
    pub(super) fn recipe_key(&mut self, over: &mut TextOver, key: Key) -> bool {
        let pages = self.recipe_pages();
        let turn = match key.code {
            KeyCode::Tab | KeyCode::Right | KeyCode::Char('l') if !key.shift => 1,
            KeyCode::BackTab | KeyCode::Tab | KeyCode::Left | KeyCode::Char('h') => pages - 1,
            _ => 0,
        };
        if turn > 0 {
            self.recipe.page = (self.recipe.page + turn) % pages;
            over.offset = 0;
            return true;
        }
        if key.repeat || key.ctrl || key.alt {
            return false;
        }
        match key.code {
            KeyCode::Esc if self.recipe.trial.running => self.stop_trial(),
            KeyCode::Char('y') => self.copy_recipe(false),
            KeyCode::Char('Y') => self.copy_recipe(true),
            KeyCode::Char('w') => self.write_recipe(),
            KeyCode::Char('s') if self.recipe.page == 0 => self.save_messages(),
            KeyCode::Char('o') if self.recipe.changed => self.open_again(),
            KeyCode::Char('t') => self.begin_trial(over),
            _ => return false,
        }
        true
    }

    fn copy_recipe(&mut self, all: bool) {
        let (Some(recipe), state) = (&self.recipe.recipe, &self.recipe) else {
            return;
        };
        let text = match state.sections.get(state.page) {
            Some(section) if !all => section.text.clone(),
            _ => recipe.text(),
        };
        let id = self.pending.begin(Purpose::Copy);
        self.ask(Effect::Copy(id, text));
    }

    fn write_recipe(&mut self) {
        let Some(recipe) = &self.recipe.recipe else {
            return;
        };
        let text = recipe.text();
        let id = self.pending.begin(Purpose::Export);
        self.ask(Effect::Export {
            id,
            ending: "txt",
            text,
        });
    }

    fn save_messages(&mut self) {
        let Some(recipe) = self.recipe.recipe.clone() else {
            return;
        };
        if self.profile().is_some_and(|profile| profile.simulated) {
            let text = "this profile is the simulator's own: copy the lines with y";
            return self.say(Role::Warn, text);
        }
        let id = self.pending.begin(Purpose::SaveMessages);
        self.ask(Effect::SaveMessages(id, Box::new(recipe)));
    }

    pub(in super::super) fn messages_saved(&mut self, result: Result<Outcome, Problem>) {
        match result {
            Ok(Outcome::Written { path }) => {
                self.recipe.changed = true;
                let text = format!(
                    "will, on_connect and on_disconnect are in {path}; o opens the profile with them"
                );
                self.say(Role::Good, text);
            }
            Ok(_) => {}
            Err(problem) => self.problem_notice("the profile", &problem),
        }
    }

    fn open_again(&mut self) {
        if let Some(open) = self.open {
            self.switch_to(open);
        }
    }

    fn begin_trial(&mut self, over: &mut TextOver) {
        self.recipe.page = self.recipe.sections.len();
        over.offset = 0;
        if self.recipe.trial.running {
            return;
        }
        let Some(recipe) = &self.recipe.recipe else {
            return;
        };
        let Ok(topic) = check_will_topic(&recipe.topic) else {
            return;
        };
        let trial = Trial {
            thing: recipe.thing.clone(),
            topic,
            payload: DISCONNECTED.to_owned(),
        };
        self.recipe.trial = TrialState::default();
        if !self.home.link.is_up() {
            let what = "there is no connection to watch the shadow on";
            let problem = Problem::new(what, "", "Esc, then r connects");
            self.recipe.trial.outcome = Some(Err(problem));
            return;
        }
        self.recipe.trial.running = true;
        let id = self.pending.begin(Purpose::Trial);
        self.ask(Effect::Request(
            id,
            Request::ConnectionState(Box::new(trial)),
        ));
    }

    fn stop_trial(&mut self) {
        for id in self.pending.abandon(|purpose| *purpose == Purpose::Trial) {
            self.ask(Effect::Abort(id));
        }
        self.recipe.trial.running = false;
        self.recipe.trial.outcome = Some(Err(Problem::new("stopped", "", "")));
    }

    pub(in super::super) fn trial_step(&mut self, progress: Progress) {
        if self.recipe.trial.running {
            put_step(&mut self.recipe.trial.steps, progress.step);
            self.moved = true;
        }
    }

    pub(in super::super) fn trial_answered(&mut self, result: Result<Reply, Problem>) {
        self.recipe.trial.running = false;
        self.recipe.trial.outcome = match result {
            Ok(Reply::ConnectionState(proof)) => Some(Ok(proof)),
            Ok(_) => None,
            Err(problem) => Some(Err(problem)),
        };
    }

    pub(super) fn recipe_lines(&self, cells: usize) -> Vec<Line> {
        match self.recipe.sections.get(self.recipe.page) {
            Some(section) => section_lines(section, cells),
            None => self.trial_lines(cells),
        }
    }

    fn trial_lines(&self, cells: usize) -> Vec<Line> {
        let Some(recipe) = &self.recipe.recipe else {
            return Vec::new();
        };
        let trial = &self.recipe.trial;
        let mut out = vec![line("Test", Role::Title)];
        let text = format!(
            "A second connection stands in for {}: with a client id of its own, so that neither this session nor the device is \
             thrown out, and with the will. Its socket is then cut without a DISCONNECT, as a power loss would. The shadow says \
             connected = false afterwards, until the device connects again.",
            recipe.thing
        );
        out.extend(lines::wrapped(&text, Role::Normal, cells));
        out.extend(lines::wrapped(&recipe.delay(), Role::Dim, cells));
        out.push(line("", Role::Normal));
        for step in &trial.steps {
            out.extend(wrapped_step(step, cells));
        }
        match &trial.outcome {
            None if trial.running && trial.steps.is_empty() => {
                out.push(line("asking …", Role::Pending));
            }
            None if !trial.running => out.push(line("t begins", Role::Dim)),
            None => {}
            Some(Ok(proof)) => {
                let version = proof
                    .version
                    .map_or(String::new(), |v| format!(", version {v}"));
                out.push(line("", Role::Normal));
                out.push(vec![
                    span("✓ ", Role::Good),
                    span(
                        format!("the shadow turned connected = false{version}"),
                        Role::Good,
                    ),
                ]);
            }
            Some(Err(problem)) => {
                out.push(line("", Role::Normal));
                out.extend(problem_lines(problem, cells));
            }
        }
        out
    }
}

/// Broken between words, unlike what a terminal would do.
fn wrapped_step(step: &Step, cells: usize) -> Vec<Line> {
    let mut first = step_line(step);
    let Some(text) = first.pop() else {
        return Vec::new();
    };
    let indent: usize = first.iter().map(|part| part.text.width()).sum();
    let parts = lines::wrapped(&step.text, text.role, cells.saturating_sub(indent).max(8));
    let mut out = Vec::new();
    for (at, part) in parts.into_iter().enumerate() {
        let front = match at {
            0 => std::mem::take(&mut first),
            _ => line(" ".repeat(indent), Role::Normal),
        };
        out.push([front, part].concat());
    }
    out
}

fn section_lines(section: &Section, cells: usize) -> Vec<Line> {
    let mut out = vec![line(section.title.as_str(), Role::Title)];
    out.extend(lines::wrapped(&section.note, Role::Normal, cells));
    out.push(line("", Role::Normal));
    for text in section.text.lines() {
        out.extend(lines::fold(line(text, Role::Text), cells, 4));
    }
    out
}

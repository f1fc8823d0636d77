//! The token is refused while the program runs: a new one is asked for, nothing ends (F35).

use super::super::effect::Effect;
use super::super::event::Outcome;
use super::super::pending::Purpose;
use super::super::screen::{Line, Role};
use super::super::state::App;
use super::super::words;
use super::form::{FormField, FormKind, FormOver, Sort, paragraph};
use super::text::problem_lines;
use super::{After, Over};
use crate::base::problem::Problem;
use crate::base::secret::Secret;
use crate::domain::request::RequestId;
use crate::domain::session::SessionCommand;

pub(super) fn intro(problem: Option<&Problem>, cells: usize) -> Vec<Line> {
    let mut out = problem.map_or(Vec::new(), |p| problem_lines(p, cells));
    let page = super::wizard::TOKEN_PAGE;
    let text = format!("Make one at {page} and paste it. The stream of messages stays meanwhile.");
    out.extend(paragraph(&text, cells));
    out
}

impl App {
    pub(in super::super) fn token_is_asked(&self) -> bool {
        let asks =
            |over: &Over| matches!(over, Over::Form(f) if matches!(f.kind, FormKind::Token(_)));
        self.overlays.iter().chain(&self.waiting).any(asks)
    }

    pub(in super::super) fn token_refused(&mut self, problem: Problem) {
        if self.token_is_asked() {
            return;
        }
        if self.home.token_declined {
            let text = format!("{}; : new access token", words::brief(&problem));
            return self.say(Role::Bad, text);
        }
        self.close_problem_box();
        self.offer(token_form(Some(problem)));
    }

    /// At the user's own wish.
    pub(in super::super) fn open_token(&mut self, problem: Option<Problem>) {
        if !self.token_is_asked() {
            self.open_over(token_form(problem));
        }
    }

    pub(super) fn submit_token(&mut self, mut over: FormOver) -> After {
        let token = over.text(0);
        if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
            let what = "a token is plain ASCII without blanks: copy it once more";
            over.error = Some(Problem::new(what, "", ""));
            return After::Stay(Over::Form(over));
        }
        let token = Secret::new(token);
        let id = self.pending.begin(Purpose::SaveToken);
        over.waiting = Some(id);
        self.ask(Effect::SaveToken(id, token));
        After::Stay(Over::Form(over))
    }

    pub(in super::super) fn token_saved(
        &mut self,
        id: RequestId,
        result: Result<Outcome, Problem>,
    ) {
        match result {
            Ok(_) => {
                self.close_form_waiting(id);
                self.home.token_declined = false;
                self.say(Role::Good, "the new token is saved");
                if self.home.link.is_up() {
                    self.ask_devices(false);
                } else {
                    let session = self.home.session;
                    self.ask(Effect::Session(session, SessionCommand::RetryNow));
                }
            }
            Err(problem) => {
                if let Some(form) = self.form_waiting(id) {
                    form.waiting = None;
                    form.error = Some(problem);
                }
            }
        }
    }
}

fn token_form(problem: Option<Problem>) -> Over {
    let field = FormField::new("Token", "", Sort::Secret, "paste it");
    Over::Form(FormOver::new(FormKind::Token(problem), vec![field]))
}

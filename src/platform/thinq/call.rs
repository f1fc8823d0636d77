//! Sending one call: within the budget, with the token and the client id, its outcome counted and remembered.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value;

use super::Thinq;
use super::budget::{Admission, Urgency};
use super::codes::Concern;
use super::error::ThinqError;
use super::region::Region;
use super::shared::lock;
use super::wire::{self, API_KEY, Call, Dress};
use crate::base::problem::{Exit, Problem};
use crate::base::secret::Secret;
use crate::domain::fact::Fact;
use crate::domain::session::LogLevel;
use crate::platform::io::Io;

/// Between a read that failed in passing and its repetition.
const BREATH: Duration = Duration::from_secs(1);

impl Thinq {
    /// The `response` of one call. A read is repeated once where the failure is a passing one, any call where another token
    /// has appeared in place of one that is refused.
    pub(super) async fn call(
        &self,
        io: &dyn Io,
        call: &Call,
        urgency: Urgency,
    ) -> Result<Value, ThinqError> {
        let token = self.token(io).await?;
        let first = self.send(io, call, urgency, &token).await;
        match &first {
            Err(error) if error.is_token() => {
                self.token_refused(&token);
                let another = self.token(io).await?;
                let outcome = if another == token {
                    first
                } else {
                    self.send(io, call, urgency, &another).await
                };
                self.tell_refused_token(io, &outcome);
                outcome
            }
            Err(error) if call.is_read() && error.is_passing() => {
                io.sleep(BREATH).await;
                self.send(io, call, urgency, &token).await
            }
            _ => first,
        }
    }

    /// It is read afresh where it lives, unless that has been done since.
    fn token_refused(&self, refused: &Secret) {
        lock(&self.token).take_if(|token| token == refused);
    }

    fn tell_refused_token(&self, io: &dyn Io, outcome: &Result<Value, ThinqError>) {
        if let Err(error) = outcome
            && error.is_token()
            && !self.token_told.swap(true, Ordering::Relaxed)
        {
            io.fact(Fact::TokenRefused(
                self.problem_of(error, "LG refused the token"),
            ));
        }
    }

    async fn send(
        &self,
        io: &dyn Io,
        call: &Call,
        urgency: Urgency,
        token: &Secret,
    ) -> Result<Value, ThinqError> {
        let client_id = self.client_id(io)?;
        self.admit(io, urgency).await?;
        let message_id = message_id(io);
        let dress = Dress {
            base: &self.base_url()?,
            country: &self.settings.country,
            client_id: &client_id,
            api_key: self.settings.api_key.as_deref().unwrap_or(API_KEY),
            token,
        };
        let outcome = match io.http(call.http(&dress, &message_id)).await {
            Ok(reply) if call.is_read() => wire::open_read(&reply),
            Ok(reply) => wire::open(&reply),
            Err(error) => Err(error.into()),
        };
        self.note(io, call, &message_id, outcome)
    }

    async fn admit(&self, io: &dyn Io, urgency: Urgency) -> Result<(), ThinqError> {
        loop {
            let now = io.now();
            let admission = lock(&self.budget).ask(now, urgency);
            match admission {
                Admission::Go => break,
                Admission::Wait(wait) => io.sleep(wait).await,
                Admission::Spent(wait) => return Err(ThinqError::Spent { wait }),
                Admission::Resting(wait) => {
                    return Err(ThinqError::Resting {
                        until: now.wall.plus(wait),
                        wait,
                    });
                }
            }
        }
        self.tell_budget(io);
        Ok(())
    }

    fn tell_budget(&self, io: &dyn Io) {
        let fact = lock(&self.budget).fact(io.now());
        io.fact(Fact::Budget(fact));
    }

    /// Learns from an outcome what concerns all calls, and logs a refusal with its message id, which LG's support asks for.
    fn note(
        &self,
        io: &dyn Io,
        call: &Call,
        message_id: &str,
        outcome: Result<Value, ThinqError>,
    ) -> Result<Value, ThinqError> {
        let now = io.now();
        match outcome {
            Ok(response) => {
                lock(&self.budget).answered(now);
                self.token_told.store(false, Ordering::Relaxed);
                Ok(response)
            }
            Err(ThinqError::Limit { code, retry_after }) => {
                let wait = lock(&self.budget).limited(now, retry_after);
                self.tell_budget(io);
                let error = ThinqError::Limit {
                    code,
                    retry_after: Some(wait),
                };
                io.log(
                    LogLevel::Warn,
                    format!("{}: {error}; message id {message_id}", call.label),
                );
                Err(error)
            }
            Err(error) => {
                if matches!(error, ThinqError::Api { .. }) {
                    lock(&self.budget).answered(now);
                }
                let level = match error.concern() {
                    Concern::Harmless => LogLevel::Debug,
                    Concern::Device => LogLevel::Info,
                    _ => LogLevel::Warn,
                };
                io.log(
                    level,
                    format!("{}: {error}; message id {message_id}", call.label),
                );
                Err(error)
            }
        }
    }

    /// Read once and kept: a command that asks a password store is not run at every call.
    async fn token(&self, io: &dyn Io) -> Result<Secret, ThinqError> {
        if let Some(token) = lock(&self.token).clone() {
            return Ok(token);
        }
        let raw = io.token().await?;
        let token = Secret::new(raw.expose().trim());
        if token.is_empty() || !token.expose().bytes().all(|b| b.is_ascii_graphic()) {
            let place = self.settings.token.place();
            return Err(ThinqError::Local(
                Problem::new(
                    "could not sign in to LG ThinQ",
                    format!("what stands at {place} is no token: it is empty, or holds blanks or other characters"),
                    "paste the token as https://connect-pat.lgthinq.com shows it",
                )
                .exit(Exit::Refused),
            ));
        }
        *lock(&self.token) = Some(token.clone());
        Ok(token)
    }

    /// Read it afresh at the next call.
    pub(super) fn forget_token(&self) {
        *lock(&self.token) = None;
    }

    pub(super) fn base_url(&self) -> Result<String, Problem> {
        if let Some(url) = &self.settings.api_url {
            return Ok(url.trim_end_matches('/').to_owned());
        }
        let country = &self.settings.country;
        Region::of(country).map(|region| region.base_url().to_owned()).ok_or_else(|| {
            Problem::new(
                "could not choose a region",
                format!("LG ThinQ offers no service for the country {country:?}"),
                "set `country` of the profile to the LG account's country, two letters, as KR, US or DE",
            )
            .exit(Exit::Usage)
        })
    }

    /// In words; where the token is refused also with what a wrong region looks like.
    pub(super) fn problem_of(&self, error: &ThinqError, what: impl Into<String>) -> Problem {
        let mut problem = error.problem(what);
        if error.is_token() && self.settings.api_url.is_none() {
            let country = &self.settings.country;
            let region = Region::of(country).map_or("no region", Region::word);
            problem.remedy.push_str(&format!(
                " (it is {country}, so the region is {region}: a token of another region is refused just so)"
            ));
        }
        problem
    }
}

fn message_id(io: &dyn Io) -> String {
    let mut random = [0; 16];
    io.random(&mut random);
    wire::message_id(random)
}

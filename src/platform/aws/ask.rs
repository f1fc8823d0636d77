//! A question over MQTT: subscribe the topics of the answer, wait until the broker has granted them, publish, and take
//! the answer that carries our `clientToken` (`reference/aws-iot.md` 5).
//!
//! Filters are lent: several questions may wait on the same topics, and the last one gives them back. Where a feed or the
//! profile brings the answers anyway nothing is subscribed.

use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select, try_join_all};

use super::Aws;
use crate::base::moment::Mono;
use crate::base::problem::{Exit, Problem, Retry};
use crate::base::text;
use crate::domain::message::{Draft, Message, Qos};
use crate::domain::shadow::read;
use crate::domain::subscription::FilterWish;
use crate::domain::topic::{Topic, TopicFilter};
use crate::platform::io::{Ear, Io};

/// Until the broker has granted the filters, and then until the service has answered.
const PATIENCE: Duration = Duration::from_secs(10);

/// Without credentials they are not looked for again for so long.
const KEYLESS: Duration = Duration::from_mins(1);

/// Between two looks whether the connection stands.
const LOOK: Duration = Duration::from_millis(50);

/// What the questions of one profile share.
#[derive(Debug, Default)]
pub(super) struct Desk {
    /// A session wants a connection.
    begun: AtomicBool,
    /// Connections that stand: one, or none.
    up: AtomicUsize,
    lent: Mutex<HashMap<TopicFilter, usize>>,
    /// When no credentials were found the last time: looking for them takes a while.
    keyless: Mutex<Option<Mono>>,
}

/// The connection stands for as long as this lives.
pub(super) struct Up<'a>(&'a Desk);

impl Drop for Up<'_> {
    fn drop(&mut self) {
        self.0.up.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Desk {
    pub(super) fn connected(&self) -> Up<'_> {
        self.up.fetch_add(1, Ordering::Relaxed);
        Up(self)
    }

    pub(super) fn begin(&self) {
        self.begun.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_connected(&self) -> bool {
        self.up.load(Ordering::Relaxed) > 0
    }

    /// Waits a while for a connection that is on its way. `false`: there is none.
    pub(super) async fn connection(&self, io: &dyn Io) -> bool {
        let mut waited = Duration::ZERO;
        while self.begun.load(Ordering::Relaxed) && waited < PATIENCE && !self.is_connected() {
            io.sleep(LOOK).await;
            waited += LOOK;
        }
        self.is_connected()
    }

    /// Whether it is worth looking for credentials again, while a connection can be asked instead.
    pub(super) fn may_have_keys(&self, now: Mono) -> bool {
        let keyless = self.keyless.lock().unwrap_or_else(PoisonError::into_inner);
        keyless.is_none_or(|since| now.since(since) >= KEYLESS)
    }

    pub(super) fn found_no_keys(&self, now: Mono) {
        *self.keyless.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }

    fn lent(&self) -> MutexGuard<'_, HashMap<TopicFilter, usize>> {
        self.lent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One question.
pub(super) struct Question {
    /// For a person: `the shadow of RPI`.
    pub(super) about: String,
    pub(super) topic: String,
    pub(super) payload: String,
    /// Ours is the answer that carries it. `None`: the service has no place for one here.
    pub(super) token: Option<String>,
    /// An answer without any token will do: it says the same, whoever asked for it.
    pub(super) any_will_do: bool,
}

/// What came of it, as it came.
pub(super) enum Answer {
    Accepted(Bytes),
    Rejected(Bytes),
}

/// A `clientToken` that nobody else has.
pub(super) fn token(io: &dyn Io) -> String {
    let mut bytes = [0; 12];
    io.random(&mut bytes);
    format!("thingdeck-{}", text::hex(&bytes))
}

impl Aws {
    /// A filter of the profile brings what is said there.
    pub(super) fn is_heard_by_profile(&self, topic: &str) -> bool {
        let mut topics = self.common.topics.iter();
        topics.any(|wish| wish.filter.matches(topic))
    }
}

/// `is_heard`: what is said on that topic comes anyway.
pub(super) async fn ask(
    desk: &Desk,
    io: &dyn Io,
    question: Question,
    is_heard: impl Fn(&str) -> bool,
) -> Result<Answer, Problem> {
    let accepted = format!("{}/accepted", question.topic);
    let rejected = format!("{}/rejected", question.topic);
    let topic = Topic::parse(&question.topic).map_err(|why| misnamed(&question, &why))?;
    let mut filters = Vec::new();
    for text in [&accepted, &rejected] {
        let filter = TopicFilter::parse(text).map_err(|why| misnamed(&question, &why))?;
        filters.push(filter);
    }
    let mut ear = io.listen(filters.clone());
    let loan = Loan::take(desk, io, filters, is_heard);
    within(io, loan.granted())
        .await
        .ok_or_else(|| not_granted(&question))?
        .map_err(|why| refused(&question, &why))?;
    let payload = Bytes::copy_from_slice(question.payload.as_bytes());
    let draft = Draft::new(topic, payload, Qos::AtLeastOnce);
    let exchange = async {
        io.publish(draft)
            .await
            .map_err(|why| not_sent(&question, &why))?;
        Ok(answer(&mut *ear, &question, &accepted).await)
    };
    within(io, exchange)
        .await
        .ok_or_else(|| silent(&question))?
}

async fn answer(ear: &mut dyn Ear, question: &Question, accepted: &str) -> Answer {
    loop {
        let message = ear.next().await;
        let is_accepted = message.topic.as_str() == accepted;
        if is_ours(question, &message, is_accepted) {
            return if is_accepted {
                Answer::Accepted(message.payload)
            } else {
                Answer::Rejected(message.payload)
            };
        }
    }
}

fn is_ours(question: &Question, message: &Message, is_accepted: bool) -> bool {
    let Some(ours) = &question.token else {
        return true;
    };
    let theirs = std::str::from_utf8(&message.payload)
        .ok()
        .and_then(read::token);
    match theirs {
        Some(theirs) => theirs == *ours,
        // A request that could not be read is rejected without its token.
        None => question.any_will_do || !is_accepted,
    }
}

/// Filters that are subscribed until this goes.
struct Loan<'a> {
    desk: &'a Desk,
    io: &'a dyn Io,
    filters: Vec<TopicFilter>,
}

impl<'a> Loan<'a> {
    fn take(
        desk: &'a Desk,
        io: &'a dyn Io,
        mut filters: Vec<TopicFilter>,
        is_heard: impl Fn(&str) -> bool,
    ) -> Self {
        filters.retain(|filter| !is_heard(filter.as_str()));
        for filter in &filters {
            *desk.lent().entry(filter.clone()).or_default() += 1;
        }
        Self { desk, io, filters }
    }

    async fn granted(&self) -> Result<(), Problem> {
        let asked = self.filters.iter().map(|filter| {
            self.io
                .subscribed(FilterWish::new(filter.clone(), Qos::AtLeastOnce))
        });
        try_join_all(asked).await.map(drop)
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        for filter in &self.filters {
            let mut table = self.desk.lent();
            let left = table.get(filter).copied().unwrap_or(1) - 1;
            if left > 0 {
                table.insert(filter.clone(), left);
                continue;
            }
            table.remove(filter);
            drop(table);
            self.io.unsubscribe(filter.clone());
        }
    }
}

async fn within<T>(io: &dyn Io, work: impl Future<Output = T>) -> Option<T> {
    match select(pin!(work), io.sleep(PATIENCE)).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(_) => None,
    }
}

fn misnamed(question: &Question, why: &dyn std::fmt::Display) -> Problem {
    Problem::new(
        format!("could not ask for {}", question.about),
        why.to_string(),
        "a thing's name has letters, digits and : _ -",
    )
    .exit(Exit::Usage)
}

fn refused(question: &Question, why: &Problem) -> Problem {
    let exit = match (why.exit, why.is_fatal()) {
        (Exit::Failed, true) => Exit::Refused,
        (exit, _) => exit,
    };
    let what = format!("could not ask for {}", question.about);
    Problem::new(what, format!("{}: {}", why.what, why.cause), &*why.remedy)
        .exit(exit)
        .retry(why.retry)
}

fn not_granted(question: &Question) -> Problem {
    let cause = format!(
        "the broker did not grant the topics of the answer within {} s",
        PATIENCE.as_secs()
    );
    let remedy = format!(
        "allow iot:Subscribe on topicfilter/{}/accepted and …/rejected; or give the profile credentials, to ask over REST",
        question.topic
    );
    Problem::new(
        format!("could not ask for {}", question.about),
        cause,
        remedy,
    )
    .exit(Exit::Refused)
}

fn not_sent(question: &Question, why: &Problem) -> Problem {
    let remedy = format!(
        "allow iot:Publish on topic/{}; {}",
        question.topic, why.remedy
    );
    Problem::new(
        format!("could not ask for {}", question.about),
        why.line(),
        remedy.trim_end_matches("; "),
    )
    .exit(why.exit)
    .retry(why.retry)
}

fn silent(question: &Question) -> Problem {
    let cause = format!(
        "AWS did not answer on {}/accepted or …/rejected within {} s",
        question.topic,
        PATIENCE.as_secs()
    );
    let remedy = format!(
        "allow iot:Publish on topic/{topic} and iot:Receive on topic/{topic}/*; names of things are case-sensitive",
        topic = question.topic
    );
    Problem::new(format!("no answer about {}", question.about), cause, remedy).retry(Retry::Backoff)
}

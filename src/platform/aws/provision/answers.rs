//! Questions over MQTT and their answers: the answer topics are subscribed first, a lost connection is waited for, and a
//! question whose answer went down with it is asked once more.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select};
use serde::Deserialize;

use crate::base::problem::{Problem, Retry};
use crate::domain::message::{Draft, Message, Qos};
use crate::domain::subscription::FilterWish;
use crate::domain::topic::{Topic, TopicFilter};
use crate::platform::io::{Ear, Io};

/// For an answer; AWS's hook has 5 s (`reference/aws-iot.md` 8, 19).
const PATIENCE: Duration = Duration::from_secs(10);
/// For the broker's word on the answer topics. A session that finds out at which filter the broker hangs up takes a while.
const GRANTS: Duration = Duration::from_mins(1);
/// A connection that is not there by now is said to be waited for.
const AT_ONCE: Duration = Duration::from_millis(50);
/// What waited in a kept session comes right after the connection stands.
const QUEUED: Duration = Duration::from_secs(2);
/// A close this soon after a request is taken for an answer to it; so many of them are.
const BLAME: Duration = Duration::from_secs(5);
const BREAKS: u32 = 2;
/// Whatever the reason.
const MOST_BREAKS: u32 = 5;

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum Trouble {
    Rejected(Rejection),
    /// Nothing within [`PATIENCE`].
    Silent,
    /// The broker hung up whenever it was asked.
    HungUp,
    /// No connection for so long.
    Away(Duration),
    Problem(Problem),
}

/// `{"statusCode", "errorCode", "errorMessage"}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in super::super) struct Rejection {
    pub(in super::super) status_code: u16,
    pub(in super::super) error_code: String,
    pub(in super::super) error_message: String,
}

pub(in super::super) struct Question {
    pub(in super::super) topic: Topic,
    pub(in super::super) payload: Bytes,
    pub(in super::super) qos: Qos,
    /// How long a lost connection is waited for.
    pub(in super::super) wait: Duration,
}

/// Answer topics, subscribed for as long as this lives.
pub(in super::super) struct Answers<'a> {
    io: &'a dyn Io,
    ear: Box<dyn Ear>,
    filters: Vec<TopicFilter>,
    /// Those that the profile does not want anyway.
    own: Vec<TopicFilter>,
    /// The last question was asked more than once.
    pub(in super::super) repeated: bool,
}

impl<'a> Answers<'a> {
    pub(in super::super) fn listen(
        io: &'a dyn Io,
        filters: Vec<TopicFilter>,
        wanted: &[FilterWish],
    ) -> Self {
        let own = filters
            .iter()
            .filter(|filter| wanted.iter().all(|wish| wish.filter != **filter));
        Self {
            io,
            ear: io.listen(filters.clone()),
            own: own.cloned().collect(),
            filters,
            repeated: false,
        }
    }

    pub(in super::super) fn count(&self) -> usize {
        self.filters.len()
    }

    /// Until the connection stands and the broker has granted every filter. Its number.
    pub(in super::super) async fn ready(&mut self, wait: Duration) -> Result<u64, Trouble> {
        let Some(number) = within(self.io, wait, self.io.connected()).await else {
            return Err(Trouble::Away(wait));
        };
        let grants = self
            .filters
            .iter()
            .map(|filter| FilterWish::new(filter.clone(), Qos::AtLeastOnce))
            .map(|wish| self.io.subscribed(wish));
        let grants = futures_util::future::join_all(grants);
        let Some(granted) = within(self.io, GRANTS, grants).await else {
            return Err(Trouble::Silent);
        };
        match granted.into_iter().find_map(Result::err) {
            Some(problem) => Err(Trouble::Problem(problem)),
            None => Ok(number),
        }
    }

    pub(in super::super) async fn ask(
        &mut self,
        question: &Question,
        tell: impl Fn(&str),
    ) -> Result<Message, Trouble> {
        self.repeated = false;
        let (mut breaks, mut blamed) = (0, 0);
        loop {
            if within(self.io, AT_ONCE, self.io.connected())
                .await
                .is_none()
            {
                tell("the connection is lost; goes on when it is back");
            }
            let number = self.ready(question.wait).await?;
            if breaks > 0 {
                if let Some(message) = within(self.io, QUEUED, self.answer_to(question)).await {
                    return read(message);
                }
                self.repeated = true;
                tell("the answer went down with the connection; asks again");
            }
            let sent = self.io.now().mono;
            match self.once(question, number).await {
                Outcome::Answer(message) => return read(message),
                Outcome::Late => return Err(Trouble::Silent),
                Outcome::Unsent(problem) => return Err(Trouble::Problem(problem)),
                Outcome::Lost => {
                    breaks += 1;
                    blamed += u32::from(self.io.now().mono.since(sent) < BLAME);
                    if blamed >= BREAKS || breaks >= MOST_BREAKS {
                        return Err(Trouble::HungUp);
                    }
                }
            }
        }
    }

    pub(in super::super) async fn next(&mut self) -> Message {
        self.ear.next().await
    }

    /// The next message on one of the question's two answer topics.
    async fn answer_to(&mut self, question: &Question) -> Message {
        loop {
            let message = self.ear.next().await;
            let end = message.topic.as_str().strip_prefix(question.topic.as_str());
            if matches!(end, Some("/accepted" | "/rejected")) {
                return message;
            }
        }
    }

    async fn once(&mut self, question: &Question, number: u64) -> Outcome {
        let io = self.io;
        let draft = Draft::new(
            question.topic.clone(),
            question.payload.clone(),
            question.qos,
        );
        let mut publish = Some(io.publish(draft));
        let mut lost = pin!(io.disconnected(number));
        let mut late = pin!(io.sleep(PATIENCE));
        let mut answer = pin!(self.answer_to(question));
        let mut unsent = None;
        let happened = poll_fn(|cx| {
            if let Poll::Ready(message) = answer.as_mut().poll(cx) {
                return Poll::Ready(Outcome::Answer(message));
            }
            if let Some(under_way) = &mut publish
                && let Poll::Ready(result) = under_way.as_mut().poll(cx)
            {
                publish = None;
                match result {
                    Ok(()) => {}
                    // Perhaps because the connection has just ended: that is told right after this.
                    Err(problem) if problem.retry != Retry::Never => unsent = Some(problem),
                    Err(problem) => return Poll::Ready(Outcome::Unsent(problem)),
                }
            }
            if lost.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Outcome::Lost);
            }
            if late.as_mut().poll(cx).is_ready() {
                return Poll::Ready(match unsent.take() {
                    Some(problem) => Outcome::Unsent(problem),
                    None => Outcome::Late,
                });
            }
            Poll::Pending
        });
        happened.await
    }
}

impl Drop for Answers<'_> {
    fn drop(&mut self) {
        for filter in self.own.drain(..) {
            self.io.unsubscribe(filter);
        }
    }
}

enum Outcome {
    Answer(Message),
    Lost,
    Late,
    Unsent(Problem),
}

fn read(message: Message) -> Result<Message, Trouble> {
    if message.topic.as_str().ends_with("/accepted") {
        return Ok(message);
    }
    // What cannot be read is a refusal all the same.
    let rejection = serde_json::from_slice(&message.payload).unwrap_or_default();
    Err(Trouble::Rejected(rejection))
}

/// `None`: not in time.
pub(in super::super) async fn within<T>(
    io: &dyn Io,
    wait: Duration,
    future: impl Future<Output = T>,
) -> Option<T> {
    match select(pin!(future), io.sleep(wait)).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}

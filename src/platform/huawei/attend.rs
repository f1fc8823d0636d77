//! Beside the connection: what the platform asks is answered, where the profile says so.

use std::pin::pin;
use std::sync::PoisonError;

use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt as _};

use super::Huawei;
use super::answer;
use super::messages::{self, Asked, PATIENCE};
use super::topics::{command_topic_v1, sys_topic};
use crate::base::problem::Problem;
use crate::domain::device::DeviceId;
use crate::domain::fact::Fact;
use crate::domain::message::{Draft, Message, Qos};
use crate::domain::relay::RelayNews;
use crate::domain::session::LogLevel;
use crate::domain::topic::{Topic, TopicFilter};
use crate::platform::Leave;
use crate::platform::io::Io;

impl Huawei {
    /// From before the connection stands, so that nothing passes by.
    pub(super) fn listen(&self, io: &dyn Io) {
        if !self.settings.auto_reply {
            return;
        }
        let id = &self.settings.device_id;
        let filters = [
            sys_topic(id, "commands/+"),
            sys_topic(id, "properties/set/+"),
            command_topic_v1(id),
        ];
        let filters = filters
            .iter()
            .filter_map(|text| TopicFilter::parse(text).ok());
        let ear = io.listen(filters.collect());
        *self.ear.lock().unwrap_or_else(PoisonError::into_inner) = Some(ear);
    }

    pub(super) async fn reply(&self, io: &dyn Io) -> Leave {
        let ear = self
            .ear
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(mut ear) = ear else {
            return std::future::pending().await;
        };
        // One answer that is slow does not hold up the others: each has twenty seconds.
        let mut under_way = FuturesUnordered::new();
        loop {
            let message = if under_way.is_empty() {
                ear.next().await
            } else {
                let next = ear.next();
                match select(next, under_way.next()).await {
                    Either::Left((message, _)) => message,
                    Either::Right(_) => continue,
                }
            };
            under_way.push(self.reply_to(io, message));
        }
    }

    async fn reply_to(&self, io: &dyn Io, message: Message) {
        let Some(asked) = messages::asked(&message) else {
            return;
        };
        // Which values the device has nobody here knows.
        if matches!(asked, Asked::PropertyGet { .. }) {
            return;
        }
        let Some(answer) = answer::draft(&self.settings, &message, &asked) else {
            return;
        };
        let Ok(topic) = Topic::parse(&answer.topic) else {
            return;
        };
        let draft = Draft::new(topic, answer.payload.into(), Qos::AtLeastOnce);
        let result = {
            let sent = pin!(io.publish(draft));
            let late = pin!(io.sleep(PATIENCE));
            match select(sent, late).await {
                Either::Left((result, _)) => result,
                Either::Right(_) => Err(too_late()),
            }
        };
        let device = DeviceId::new(&self.settings.device_id);
        if let Err(problem) = &result {
            let text = format!("command {} of {device}: {}", asked.id(), problem.line());
            io.log(LogLevel::Warn, text);
        }
        io.fact(Fact::Relay(Box::new(RelayNews::Answered {
            id: asked.id(),
            at: io.now().wall,
            result,
        })));
    }
}

fn too_late() -> Problem {
    Problem::new(
        "the answer was not taken in time",
        "the platform waits 20 s for it and has stopped waiting",
        "look at the connection; the command can be sent again from the console",
    )
}

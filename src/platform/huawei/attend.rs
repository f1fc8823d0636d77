//! Beside the connection: what the platform asks is answered, where the profile says so.

use std::pin::pin;
use std::sync::PoisonError;

use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt as _};

use super::Huawei;
use super::answer;
use super::messages;
use super::topics::{command_topic_v1, sys_topic};
use crate::domain::device::{Device, Presence};
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
            sys_topic(id, "properties/get/+"),
            command_topic_v1(id),
        ];
        let filters = filters
            .iter()
            .filter_map(|text| TopicFilter::parse(text).ok());
        let ear = io.listen(filters.collect());
        *self.ear.lock().unwrap_or_else(PoisonError::into_inner) = Some(ear);
    }

    pub(super) async fn beside_connection(&self, io: &dyn Io) -> Leave {
        let greet = pin!(self.greet(io));
        let reply = pin!(self.reply(io));
        match select(greet, reply).await {
            Either::Left(((), reply)) => reply.await,
            Either::Right((leave, _)) => leave,
        }
    }

    async fn greet(&self, io: &dyn Io) {
        let own = Device {
            presence: Presence::Online,
            ..self.own()
        };
        io.fact(Fact::DeviceHeard(own.clone()));
        io.fact(Fact::Presence {
            device: own.id.clone(),
            presence: Presence::Online,
        });
        if self.settings.rest.is_some() {
            match self.devices(io).await {
                Ok(mut devices) => {
                    if !devices.iter().any(|device| device.id == own.id) {
                        devices.insert(0, own);
                    }
                    io.fact(Fact::Devices(devices));
                }
                Err(problem) => io.fact(Fact::Notice(problem)),
            }
        } else {
            io.fact(Fact::Devices(vec![own]));
        }
        for entry in self.list_feeds() {
            io.fact(Fact::Feed {
                device: entry.device,
                feed: entry.feed,
                state: entry.state,
            });
        }
    }

    async fn reply(&self, io: &dyn Io) -> Leave {
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
        let answer = answer::draft(&self.settings, &message, &asked, &self.reported());
        let Some(answer) = answer else {
            return;
        };
        let Ok(topic) = Topic::parse(&answer.topic) else {
            return;
        };
        let draft = Draft::new(topic, answer.payload.into(), Qos::AtLeastOnce);
        let result = self.send(io, draft).await;
        if let Err(problem) = &result {
            let device = &self.settings.device_id;
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

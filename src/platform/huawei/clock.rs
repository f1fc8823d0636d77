//! The platform's clock, asked for as `$time_sync` (`reference/huawei-iot.md` 5): logins of type 1 and signed calls hang on it.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};

use super::Huawei;
use super::body;
use super::facts::{off_words, offset};
use super::topics::sys_topic;
use crate::base::problem::{Exit, Problem, Retry};
use crate::domain::message::Draft;
use crate::domain::relay::{NewEvent, RelayReply};
use crate::domain::topic::TopicFilter;
use crate::platform::io::Io;

/// Until the platform has answered; the connection may have to come about first.
const PATIENCE: Duration = Duration::from_secs(20);

impl Huawei {
    pub(super) async fn sync_clock(&self, io: &dyn Io) -> Result<RelayReply, Problem> {
        // Without a connection this waits, and so it is asked first what can be refused at once.
        self.time_request(io)?;
        let answers = sys_topic(&self.settings.device_id, "events/down");
        let filter = TopicFilter::parse(&answers).map_err(|why| {
            let what = "the platform's clock is not asked for";
            Problem::new(what, why.to_string(), "check device_id").exit(Exit::Usage)
        })?;
        let exchange = async {
            io.connected().await;
            let mut ear = io.listen(vec![filter]);
            let draft = self.time_request(io)?;
            self.check(&draft, io.now().mono)?;
            self.send(io, draft).await?;
            loop {
                let message = ear.next().await;
                if let Some(off) = offset(&body::of(&message), message.at) {
                    return Ok::<_, Problem>(off);
                }
            }
        };
        match select(pin!(exchange), io.sleep(PATIENCE)).await {
            Either::Left((off, _)) => off.map(|offset_ms| RelayReply::Clock {
                offset_ms,
                words: off_words(offset_ms),
            }),
            Either::Right(_) => Err(silent(&answers)),
        }
    }

    fn time_request(&self, io: &dyn Io) -> Result<Draft, Problem> {
        let sent = io.now().wall.0.div_euclid(1000);
        let event = NewEvent {
            service: "$time_sync".to_owned(),
            name: "time_sync_request".to_owned(),
            parameters: format!("{{\"device_send_time\":{sent}}}"),
        };
        self.event_of(io, None, &event)
    }
}

fn silent(answers: &str) -> Problem {
    Problem::new(
        "the platform does not tell its time",
        format!("nothing came on {answers} within {} s", PATIENCE.as_secs()),
        "look at the connection, then ask again",
    )
    .retry(Retry::Backoff)
}

//! A connection that lives until the broker's first word: are the address, the user and the password right?

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::io::RuntimeIo;
use crate::base::problem::{Exit, Problem};
use crate::domain::request::Reply;
use crate::domain::session::{LinkState, SessionCommand, SessionEvent};
use crate::platform::Platform;
use crate::session::driver::{Driver, Post};

/// The session's own limits for name, TCP, TLS and CONNACK come first.
const PATIENCE: Duration = Duration::from_secs(30);

/// Only what becomes of the connection counts; a full queue has the answer in it already.
struct Words(mpsc::Sender<Result<Reply, Problem>>);

impl Post for Words {
    fn post(&self, event: SessionEvent) {
        let SessionEvent::Link(link) = event else {
            return;
        };
        let outcome = match link {
            LinkState::Connected { .. } => Ok(Reply::Probed { devices: 0 }),
            LinkState::Refused(why)
            | LinkState::TakenOver(why)
            | LinkState::Reconnecting { why, .. } => Err(why),
            _ => return,
        };
        let _first_one_counts = self.0.try_send(outcome);
    }
}

/// Connects with the adapter's plan, without a filter, and takes leave.
pub async fn connect(platform: Arc<dyn Platform>, io: Arc<RuntimeIo>) -> Result<Reply, Problem> {
    let (tell, mut told) = mpsc::channel(1);
    let (commands, orders) = mpsc::channel(1);
    let driver = Driver {
        platform,
        io,
        post: Arc::new(Words(tell)),
        commands: orders,
        extra_filters: Vec::new(),
        manual_ack: true,
        heard: Arc::default(),
    };
    let answer = async {
        let answer = tokio::time::timeout(PATIENCE, told.recv()).await;
        let _gone = commands.send(SessionCommand::Close).await;
        answer.ok().flatten()
    };
    let (answer, ()) = tokio::join!(answer, driver.run());
    answer.unwrap_or_else(|| {
        let cause = format!("no answer within {} s", PATIENCE.as_secs());
        Err(Problem::new("could not connect in time", cause, "try again").exit(Exit::Unreachable))
    })
}

//! A second connection that ends as a power loss ends one: without DISCONNECT, so that the broker publishes its will.

use std::sync::Arc;
use std::time::Duration;

use crate::base::problem::{Exit, Problem};
use crate::domain::message::Draft;
use crate::platform::plan::ConnectPlan;
use crate::session::end::End;
use crate::session::link::{Link, LinkEvent, Opening, Order, Ticket};

/// For the broker's word on everything that is published there.
const PATIENCE: Duration = Duration::from_secs(10);

/// The addresses in their order, as a session tries them.
pub async fn connect_and_vanish(plan: ConnectPlan, drafts: Vec<Draft>) -> Result<(), Problem> {
    let plan = Arc::new(plan);
    let mut last = Problem::new("could not connect", "the plan names no address", "");
    for endpoint in plan.endpoints.clone() {
        let opening = Opening {
            plan: Arc::clone(&plan),
            endpoint,
            manual_ack: false,
        };
        match up(opening).await {
            Ok(link) => return publish(link, drafts).await,
            Err(end) => last = end.problem,
        }
    }
    Err(last)
}

/// Until CONNACK: the plan bounds it in time.
async fn up(opening: Opening) -> Result<Link, End> {
    let mut link = Link::open(opening).await?;
    loop {
        match link.next().await {
            LinkEvent::Up(_) => return Ok(link),
            LinkEvent::Closed(end) => return Err(end),
            _ => {}
        }
    }
}

/// The link is dropped at the end, and with it the socket.
async fn publish(mut link: Link, drafts: Vec<Draft>) -> Result<(), Problem> {
    let mut waiting = drafts.len();
    for (number, draft) in (1_u16..).zip(drafts) {
        link.send(Order::Publish {
            ticket: Ticket(number.into()),
            draft,
            packet: number,
            dup: false,
        });
    }
    let answered = async {
        while waiting > 0 {
            match link.next().await {
                LinkEvent::Published { result, .. } => {
                    result?;
                    waiting -= 1;
                }
                LinkEvent::Closed(end) => return Err(end.problem),
                _ => {}
            }
        }
        Ok(())
    };
    match tokio::time::timeout(PATIENCE, answered).await {
        Ok(result) => result,
        Err(_late) => {
            let cause = format!("no acknowledgement within {} s", PATIENCE.as_secs());
            let what = "the second connection could not publish";
            Err(Problem::new(what, cause, "check the policy of its topic").exit(Exit::Refused))
        }
    }
}

//! One link under test, without the machine above it.

use std::sync::Arc;

use bytes::Bytes;
use thingdeck::base::problem::Problem;
use thingdeck::domain::message::{Draft, Qos};
use thingdeck::domain::session::Delivered;
use thingdeck::domain::subscription::FilterWish;
use thingdeck::domain::topic::{Topic, TopicFilter};
use thingdeck::platform::plan::ConnectPlan;
use thingdeck::session::end::End;
use thingdeck::session::link::{Accepted, Arrival, Link, LinkEvent, Opening, Order, Ticket};

use super::broker::soon;

/// A link, and all that it told so far.
pub struct Line {
    pub link: Link,
    pub past: Vec<LinkEvent>,
    tickets: u64,
}

impl Line {
    pub async fn open(plan: ConnectPlan) -> Self {
        Self::try_open(plan, false).await.expect("a connection")
    }

    pub async fn try_open(plan: ConnectPlan, manual_ack: bool) -> Result<Self, End> {
        let endpoint = plan.endpoints[0].clone();
        let opening = Opening {
            plan: Arc::new(plan),
            endpoint,
            manual_ack,
        };
        Ok(Self {
            link: soon("a connection or its end", Link::open(opening)).await?,
            past: Vec::new(),
            tickets: 0,
        })
    }

    pub fn send(&mut self, order: impl FnOnce(Ticket) -> Order) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.link.send(order(ticket));
        ticket
    }

    /// The first event from now on of which `pick` makes something.
    pub async fn until<T>(&mut self, what: &str, pick: impl Fn(&LinkEvent) -> Option<T>) -> T {
        let found = tokio::time::timeout(super::broker::PATIENCE, async {
            loop {
                let event = self.link.next().await;
                let over = matches!(event, LinkEvent::Closed(_));
                let picked = pick(&event);
                self.past.push(event);
                if picked.is_some() || over {
                    return picked;
                }
            }
        });
        match found.await {
            Ok(Some(found)) => found,
            _ => panic!("never came: {what}; these came: {:#?}", self.past),
        }
    }

    pub async fn up(&mut self) -> Accepted {
        self.until("CONNACK", |event| match event {
            LinkEvent::Up(accepted) => Some(accepted.clone()),
            _ => None,
        })
        .await
    }

    pub async fn message(&mut self) -> Arrival {
        self.until("a message", |event| match event {
            LinkEvent::Message(arrival) => Some(arrival.clone()),
            _ => None,
        })
        .await
    }

    pub async fn skipped(&mut self) -> (String, u64) {
        self.until("a skipped message", |event| match event {
            LinkEvent::Skipped { topic, bytes } => Some((topic.clone(), *bytes)),
            _ => None,
        })
        .await
    }

    pub async fn subscribed(&mut self) -> Vec<Result<Qos, String>> {
        self.until("SUBACK", |event| match event {
            LinkEvent::Subscribed { codes, .. } => Some(codes.clone()),
            _ => None,
        })
        .await
    }

    pub async fn published(&mut self) -> (Ticket, Result<Delivered, Problem>) {
        self.until("an answer to a publish", |event| match event {
            LinkEvent::Published { ticket, result } => Some((*ticket, result.clone())),
            _ => None,
        })
        .await
    }

    pub async fn closed(&mut self) -> End {
        self.until("the end", |event| match event {
            LinkEvent::Closed(end) => Some(end.clone()),
            _ => None,
        })
        .await
    }

    pub async fn log(&mut self, part: &str) -> String {
        self.until(part, |event| match event {
            LinkEvent::Packet { text } if text.contains(part) => Some(text.clone()),
            _ => None,
        })
        .await
    }

    pub async fn subscribe(&mut self, filters: Vec<FilterWish>) -> Vec<Result<Qos, String>> {
        self.send(|ticket| Order::Subscribe { ticket, filters });
        self.subscribed().await
    }

    pub fn publish(&mut self, draft: Draft, packet: u16) -> Ticket {
        self.send(|ticket| Order::Publish {
            ticket,
            draft,
            packet,
            dup: false,
        })
    }

    /// DISCONNECT, and the end of the stream.
    pub async fn leave(mut self) {
        self.link.send(Order::Disconnect);
        self.closed().await;
    }
}

pub fn wish(filter: &str, qos: Qos) -> FilterWish {
    FilterWish::new(TopicFilter::parse(filter).expect("a filter"), qos)
}

pub fn draft(topic: &str, payload: impl Into<Bytes>, qos: Qos) -> Draft {
    Draft::new(Topic::parse(topic).expect("a topic"), payload.into(), qos)
}

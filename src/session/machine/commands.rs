//! What the session is told to do.

use super::{FAREWELL, Machine, Phase, Then};
use crate::base::moment::{Moment, Mono};
use crate::domain::message::{AckToken, Draft};
use crate::domain::session::{LinkState, LogLevel, ReceiptId, SessionCommand, SessionEvent};
use crate::domain::subscription::FilterWish;
use crate::domain::topic::TopicFilter;
use crate::session::link::Order;

impl Machine {
    pub(super) fn command(&mut self, now: Moment, command: SessionCommand) {
        match command {
            SessionCommand::Subscribe(wish) => self.subscribe(now.mono, wish),
            SessionCommand::Unsubscribe(filter) => self.unsubscribe(filter),
            SessionCommand::Publish(id, draft) => self.publish(now.mono, id, draft),
            SessionCommand::Ack(token) => self.acknowledge(token),
            SessionCommand::RetryNow => self.retry_now(),
            SessionCommand::Resubscribe { reason } => self.resubscribe(now, &reason),
            SessionCommand::PublishFirst(id, draft) => match self.outbox.push_first(id, draft) {
                Ok(()) if self.is_up() => self.pump(now.mono),
                Ok(()) => {}
                Err(problem) => self.not_published(vec![(id, problem)]),
            },
            SessionCommand::Release => {
                self.outbox.hold(false);
                self.pump(now.mono);
            }
            SessionCommand::GiveUp { packet, problem } => {
                let given_up = self.outbox.give_up_one(packet);
                self.not_published(given_up.map(|id| (id, problem)).into_iter().collect());
                self.pump(now.mono);
            }
            SessionCommand::Close => self.close(now.mono),
        }
    }

    fn subscribe(&mut self, now: Mono, wish: FilterWish) {
        let filter = wish.filter.clone();
        if let Some(qos) = self.registry.in_force(&wish) {
            self.post(SessionEvent::Granted {
                filter,
                result: Ok(qos),
            });
            return;
        }
        self.registry.want(wish);
        if self.is_up() {
            let step = self.registry.one(now, &filter);
            self.take(step);
        }
    }

    fn unsubscribe(&mut self, filter: TopicFilter) {
        match self.registry.drop_filter(&filter, self.is_up()) {
            Some(order) => self.send_all([order]),
            None => self.post(SessionEvent::Dropped(filter)),
        }
    }

    fn publish(&mut self, now: Mono, id: ReceiptId, draft: Draft) {
        let topic = draft.topic.clone();
        if let Err(problem) = self.outbox.push(id, draft) {
            self.not_published(vec![(id, problem)]);
            return;
        }
        if self.is_up() {
            self.pump(now);
        } else {
            let waiting = self.outbox.waiting();
            let text = format!("publish to {topic} waits for the connection ({waiting} waiting)");
            self.log(LogLevel::Info, text);
        }
    }

    fn acknowledge(&mut self, token: AckToken) {
        if let Some((packet, qos)) = self.received.used(token)
            && self.is_up()
        {
            self.send_all([Order::Acknowledge { packet, qos }]);
        }
    }

    fn retry_now(&mut self) {
        match self.phase {
            Phase::Waiting { .. } => self.make_plan(),
            Phase::Stopped => {
                self.attempt = 0;
                self.short_lives = 0;
                self.closed_early = 0;
                self.judged = false;
                self.make_plan();
            }
            _ => {}
        }
    }

    fn resubscribe(&mut self, now: Moment, reason: &str) {
        let Phase::Up(up) = &mut self.phase else {
            return;
        };
        up.silent = true;
        self.post_link(LinkState::Silent { since: now.wall });
        self.log(
            LogLevel::Warn,
            format!("silent: {reason}; every filter is subscribed again"),
        );
        let step = self.registry.again(now.mono);
        self.take(step);
    }

    fn close(&mut self, now: Mono) {
        match &mut self.phase {
            Phase::Up(_) => self.leave(now, Then::Close),
            Phase::Leaving { until, then } => {
                *until = (*until).min(now.plus(FAREWELL));
                *then = Then::Close;
            }
            Phase::Over => {}
            _ => self.finish(),
        }
    }
}

//! The pump between a byte stream and an [`Exchange`]: reads, writes, pings, and knows when it is over.
//!
//! Everything that is under way is kept in [`Wire`] and nothing in a future, so [`Wire::next`] may be dropped at any
//! point. The stream is read only while somebody asks for events and has taken those that are there: that is how a slow
//! reader slows the broker. It is written to whenever anybody asks for events, and a write side that is stuck stops
//! neither reading nor pings.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWrite as _, AsyncWriteExt as _};
use tokio::time::{Instant, Sleep, sleep_until};

use super::codec::{self, Ack, Codec, Header, Incoming, Malformed};
use super::exchange::Exchange;
use super::gather::gather;
use super::outgoing::Outgoing;
use super::pace::Pace;
use super::pulse::Pulse;
use super::skim::Skim;
use super::words::{self, Place, codes};
use super::{Accepted, LinkEvent, Opening, Order};
use crate::session::end::End;
use crate::session::tls::Tls;
use crate::session::transport::Stream;

/// Room that is made for one read.
const CHUNK: usize = 64 << 10;
/// As long as there is so much, none is made.
const LEAST: usize = 16 << 10;
/// Orders are written out until so many bytes wait; a draft costs nothing while it is an order.
const WRITE_AHEAD: usize = 64 << 10;
/// A buffer that a large packet has stretched is let go.
const KEPT: usize = 1 << 20;
/// Read buffers that are remembered while a batch holds them.
const LENT: usize = 24;
/// What is no message may be this large whatever the plan's limit is: a SUBACK of many filters with its reason.
const CONTROL: usize = 1 << 20;
/// After a failed write the broker's last words are still read, for at most so long.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// One connection.
pub struct Wire {
    stream: Box<dyn Stream>,
    place: Place,
    tls: Option<Tls>,
    max_packet: usize,
    /// The broker keeps the session, and with it what was not acknowledged.
    is_kept: bool,
    stage: Stage,
    exchange: Exchange,
    inbox: BytesMut,
    /// Read buffers that went with batches, oldest first: each is used again when its batch is gone. In a flood the memory
    /// stays the same, and warm.
    lent: VecDeque<Bytes>,
    /// The one at hand is among them.
    is_lent: bool,
    skim: Option<Skim>,
    /// Messages are handed on in batches; how many the last one had.
    batches: Option<usize>,
    orders: VecDeque<Order>,
    out: Outgoing,
    /// Nothing can be written any more. The broker may have said why.
    broken: Option<(io::Error, Instant)>,
    pulse: Pulse,
    pace: Pace,
    alarm: Pin<Box<Sleep>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// CONNECT is on its way; CONNACK has to come before this.
    Connecting(Instant),
    Up,
    /// DISCONNECT was written. What the broker sent before it read that comes never again, unless it keeps the session: so
    /// it is still handed on, and not answered.
    Leaving,
    /// The same, flushed, and our side of the stream is closed.
    Left,
    Over,
}

impl Wire {
    /// `connect` is the CONNECT packet, `text` the same for the log.
    pub fn new(
        opening: &Opening,
        stream: Box<dyn Stream>,
        tls: Option<Tls>,
        codec: Codec,
        connect: &[u8],
        deadline: Instant,
    ) -> Self {
        let plan = &opening.plan;
        let now = Instant::now();
        let mut exchange = Exchange::new(codec, opening.manual_ack);
        for line in super::shown(tls.as_ref()) {
            exchange.log(line);
        }
        exchange.log(connect_text(opening));
        let mut out = Outgoing::default();
        out.bytes().extend_from_slice(connect);
        Self {
            stream,
            place: Place::new(opening),
            tls,
            max_packet: plan.limits.max_packet,
            is_kept: !plan.clean_session || !plan.session_expiry.is_zero(),
            stage: Stage::Connecting(deadline),
            exchange,
            inbox: BytesMut::new(),
            lent: VecDeque::new(),
            is_lent: false,
            skim: None,
            batches: None,
            orders: VecDeque::new(),
            out,
            broken: None,
            pulse: Pulse::new(codec::seconds(plan.keep_alive), now),
            pace: Pace::new(now),
            alarm: Box::pin(sleep_until(deadline)),
        }
    }

    pub const fn take_in_batches(&mut self) {
        self.batches = Some(0);
    }

    pub fn send(&mut self, order: Order) {
        self.orders.push_back(order);
    }

    pub async fn next(&mut self) -> LinkEvent {
        loop {
            if let Some(event) = self.at_hand() {
                return event;
            }
            if self.stage == Stage::Over {
                std::future::pending::<()>().await;
            }
            poll_fn(|cx| self.poll(cx)).await;
        }
    }

    /// Without waiting.
    pub fn at_hand(&mut self) -> Option<LinkEvent> {
        loop {
            let event = self.exchange.events.pop_front();
            if event.is_some() || self.stage == Stage::Over || !self.digest() {
                return event;
            }
        }
    }

    fn close(&mut self, end: End) {
        self.exchange.events.push_back(LinkEvent::Closed(end));
        self.stage = Stage::Over;
    }

    // What has come in.

    /// Takes one packet out of what was read; `false` when there is none.
    fn digest(&mut self) -> bool {
        match self.stage {
            Stage::Connecting(_) => {
                if let Some(end) = words::sniff(&self.inbox, &self.place) {
                    self.close(end);
                    return true;
                }
            }
            Stage::Up | Stage::Leaving | Stage::Left | Stage::Over => {}
        }
        match self.take() {
            Ok(taken) => taken,
            Err(_) if matches!(self.stage, Stage::Leaving | Stage::Left) => {
                self.inbox.clear();
                false
            }
            Err(malformed) => {
                let end = match self.stage {
                    Stage::Connecting(_) => words::strange(&self.place, &malformed.0),
                    _ => words::broke_protocol(&self.place, &malformed.0),
                };
                self.close(end);
                true
            }
        }
    }

    fn take(&mut self) -> Result<bool, Malformed> {
        if self.skim.is_some() {
            return Ok(self.pass());
        }
        if self.stage == Stage::Up && self.gather() {
            return Ok(true);
        }
        let Some(header) = Header::read(&self.inbox)? else {
            return Ok(false);
        };
        let total = header.total();
        if total > self.max_packet {
            if header.is_publish() {
                return self.begin_skim(header);
            }
            if total > CONTROL {
                return Err(Malformed(format!("a packet of {total} bytes")));
            }
        }
        let Some(body) = self.inbox.get(header.len..total) else {
            return Ok(false);
        };
        let packet = self.exchange.codec.read(header.first, body)?;
        self.inbox.advance(total);
        self.received(packet);
        Ok(true)
    }

    fn gather(&mut self) -> bool {
        let Some(expected) = self.batches else {
            return false;
        };
        let version = self.exchange.codec.version();
        let mut is_answered = false;
        let gathered = gather(
            &mut self.inbox,
            version,
            self.max_packet,
            expected,
            |packet| {
                is_answered = true;
                self.out.answer(Ack::Acknowledged, packet);
            },
        );
        let Some(batch) = gathered else {
            return false;
        };
        self.batches = Some(batch.len());
        if !is_answered && self.stream.is_drained() {
            self.pace.may_rest();
        }
        if batch.shares_memory() && !self.is_lent && self.lent.len() < LENT {
            self.lent.push_back(batch.bytes().clone());
            self.is_lent = true;
        }
        self.exchange.events.push_back(LinkEvent::Messages(batch));
        true
    }

    fn begin_skim(&mut self, header: Header) -> Result<bool, Malformed> {
        let codec = &mut self.exchange.codec;
        self.skim = Skim::begin(header, &self.inbox, codec, CONTROL)?;
        Ok(self.skim.is_some())
    }

    /// Lets a skipped message go by; `false` when more of it has to come.
    fn pass(&mut self) -> bool {
        let over = self
            .skim
            .as_mut()
            .is_some_and(|skim| skim.pass(&mut self.inbox));
        if over
            && let Some(skim) = self.skim.take()
            && self.stage == Stage::Up
        {
            let preamble = skim.preamble;
            self.exchange
                .skipped(preamble.head, preamble.payload, &mut self.out);
        }
        over
    }

    fn received(&mut self, packet: Incoming) {
        match (self.stage, packet) {
            (Stage::Connecting(_), Incoming::Accepted(accepted)) => self.accepted(accepted),
            (Stage::Connecting(_), Incoming::Refused(farewell)) => {
                let text = codes::farewell_text("in CONNACK", &farewell);
                self.exchange.log(text);
                self.close(codes::refused(&farewell, &self.place));
            }
            (Stage::Connecting(_), Incoming::Auth) => self.close(codes::asks_more(&self.place)),
            (Stage::Connecting(_), _) => {
                self.close(words::strange(&self.place, words::NOT_CONNACK));
            }
            (Stage::Leaving | Stage::Left, packet) => self.exchange.last(packet, self.is_kept),
            (_, Incoming::Accepted(_) | Incoming::Refused(_)) => {
                self.close(words::broke_protocol(&self.place, "a second CONNACK"));
            }
            (_, Incoming::Auth) => {
                self.close(words::broke_protocol(
                    &self.place,
                    "AUTH was never agreed on",
                ));
            }
            (_, Incoming::Disconnect(farewell)) => {
                let text = codes::farewell_text("in DISCONNECT", &farewell);
                self.exchange.log(text);
                self.close(codes::disconnected(&farewell, &self.place));
            }
            (_, packet) => self.exchange.received(packet, &mut self.out),
        }
    }

    fn accepted(&mut self, accepted: Accepted) {
        self.stage = Stage::Up;
        if let Some(every) = accepted.keep_alive {
            self.pulse.set_interval(every);
        }
        self.exchange.accepted(accepted);
    }

    // What goes in and out.

    /// Ready when something happened that may have made an event.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_write(cx);
        if !self.exchange.events.is_empty() {
            return Poll::Ready(());
        }
        let rests = self.pace.rest().is_some();
        if rests && self.out.is_flushed() && self.broken.is_none() {
            self.stream.rest();
        }
        let reads = !rests && self.out.has_room_for_answers();
        if reads && self.poll_read(cx).is_ready() {
            return Poll::Ready(());
        }
        self.poll_alarm(cx)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) {
        if self.broken.is_some() {
            return;
        }
        if let Err(error) = self.try_write(cx) {
            self.out.clear();
            self.broken = Some((error, Instant::now() + LAST_WORDS));
        }
    }

    /// Writes until the stream takes no more or there is no more.
    fn try_write(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        loop {
            self.write_orders();
            if self.out.unsent() == 0 {
                break;
            }
            let write = pin!(self.stream.write_buf(self.out.bytes())).poll(cx)?;
            match write {
                Poll::Pending => return Ok(()),
                Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(count) => self.out.sent(count),
            }
            self.pulse.sent(Instant::now());
        }
        if !self.out.is_flushed() {
            if Pin::new(&mut self.stream).poll_flush(cx)?.is_pending() {
                return Ok(());
            }
            self.out.flushed();
            self.exchange.flushed(&mut self.out);
        }
        if self.stage == Stage::Leaving && Pin::new(&mut self.stream).poll_shutdown(cx)?.is_ready()
        {
            self.stage = Stage::Left;
        }
        Ok(())
    }

    fn write_orders(&mut self) {
        while self.stage == Stage::Up
            && self.out.unsent() < WRITE_AHEAD
            && let Some(order) = self.orders.pop_front()
        {
            if matches!(order, Order::Disconnect) {
                codec::disconnect(self.out.bytes());
                self.exchange.log("out DISCONNECT".to_owned());
                self.stage = Stage::Leaving;
            } else {
                self.exchange.send(order, &mut self.out);
            }
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.inbox.is_empty() && self.inbox.capacity() > KEPT {
            self.inbox = BytesMut::new();
        }
        self.make_room();
        match ready!(pin!(self.stream.read_buf(&mut self.inbox)).poll(cx)) {
            Ok(0) => self.ended(None),
            Ok(bytes) => {
                let now = Instant::now();
                self.pulse.heard(now);
                self.pace.read(bytes, now);
            }
            Err(error) => self.ended(Some(error)),
        }
        Poll::Ready(())
    }

    fn make_room(&mut self) {
        if self.inbox.capacity() - self.inbox.len() >= LEAST {
            return;
        }
        self.is_lent = false;
        if self.lent.front().is_some_and(Bytes::is_unique)
            && let Some(back) = self.lent.pop_front()
            && let Ok(mut buffer) = back.try_into_mut()
        {
            buffer.clear();
            if buffer.capacity() >= self.inbox.len() + LEAST {
                buffer.extend_from_slice(&self.inbox);
                self.inbox = buffer;
                return;
            }
        }
        self.inbox.reserve(CHUNK);
    }

    /// All that was read is digested by now.
    fn ended(&mut self, error: Option<io::Error>) {
        let error = error.or_else(|| self.broken.take().map(|(error, _)| error));
        let up = !matches!(self.stage, Stage::Connecting(_));
        self.close(words::ended(
            error.as_ref(),
            up,
            &self.place,
            self.tls.as_ref(),
        ));
    }

    // What the clock says.

    fn due(&self) -> Option<Instant> {
        let broken = self.broken.as_ref().map(|(_, until)| *until);
        let due = match self.stage {
            Stage::Connecting(deadline) => Some(deadline),
            Stage::Up if broken.is_none() => self.pulse.due(),
            Stage::Up | Stage::Leaving | Stage::Left | Stage::Over => None,
        };
        due.into_iter().chain(broken).chain(self.pace.rest()).min()
    }

    /// The timer is set when it has run out, not at every packet.
    fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let Some(due) = self.due() else {
                return Poll::Pending;
            };
            if due < self.alarm.deadline() {
                self.alarm.as_mut().reset(due);
            }
            ready!(self.alarm.as_mut().poll(cx));
            let now = Instant::now();
            if self.pace.awakes(now) {
                return Poll::Ready(());
            }
            if due <= now {
                self.rang(now);
                return Poll::Ready(());
            }
            self.alarm.as_mut().reset(due);
        }
    }

    fn rang(&mut self, now: Instant) {
        match self.stage {
            Stage::Up if self.broken.is_none() && !self.pulse.is_waiting() => {
                codec::ping(self.out.bytes());
                self.pulse.pinged(now);
                self.exchange.log("out PINGREQ".to_owned());
            }
            // The ping stands in line behind a large message, and a slow network still takes that.
            Stage::Up
                if self.broken.is_none()
                    && !self.out.is_flushed()
                    && self.pulse.has_sent_since() =>
            {
                self.pulse.pinged(now);
            }
            Stage::Up if self.broken.is_none() => self.close(words::no_pong(&self.place)),
            Stage::Connecting(_) if self.broken.is_none() => {
                self.close(words::no_connack(&self.place));
            }
            _ => self.ended(None),
        }
    }
}

/// CONNECT for the log: everything but the secrets.
fn connect_text(opening: &Opening) -> String {
    let plan = &opening.plan;
    format!(
        "out CONNECT {}:{} version={} client_id={} keep_alive={} clean_session={}",
        opening.endpoint.host,
        opening.endpoint.port,
        plan.version.word(),
        plan.client_id,
        plan.keep_alive.as_secs(),
        plan.clean_session,
    )
}

#[cfg(test)]
mod tests;

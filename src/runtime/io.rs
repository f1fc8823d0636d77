//! The port `Io` for real: REST, the identity folder, clock and randomness, and the way back to the session.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use tokio::sync::{mpsc, oneshot};

use super::clock::Clock;
use super::files::is_readable_by_others;
use super::keep::Keep;
use super::secrets;
use super::taps::Taps;
use super::vanish;
use crate::base::moment::{Moment, Mono};
use crate::base::problem::{Problem, Retry};
use crate::base::secret::{Secret, without};
use crate::cli::environment::Environment;
use crate::domain::fact::Fact;
use crate::domain::message::{Draft, Message, Qos};
use crate::domain::profile::SecretRef;
use crate::domain::reading::Reading;
use crate::domain::session::{
    Delivered, LogLevel, LogLine, LogSource, ReceiptId, SessionCommand, SessionEvent,
};
use crate::domain::subscription::FilterWish;
use crate::domain::topic::TopicFilter;
use crate::platform::Pending;
use crate::platform::io::{Ear, HttpCall, HttpError, HttpReply, Io};
use crate::platform::plan::ConnectPlan;
use crate::rest::client::RestClient;
use crate::session::driver::{Heard, Post};

/// What a profile says of itself at each connection, and before it leaves.
pub const GREETING: ReceiptId = ReceiptId(u64::MAX);

/// Receipts of an adapter's own publishes have this bit, so that they never meet those of the user.
const ADAPTER: u64 = 1 << 63;

pub struct RuntimeIo {
    pub clock: Clock,
    /// `None` on platforms that speak nothing but MQTT.
    pub rest: Option<RestClient>,
    pub identity: Keep,
    /// Where the token is now: another place after a new one was given. `None` on platforms without one.
    pub token: Option<TokenPlace>,
    pub environment: Environment,
    pub commands: mpsc::Sender<SessionCommand>,
    pub heard: Arc<Heard>,
    pub outlet: Arc<dyn Post>,
    pub receipts: Arc<Receipts>,
    /// Files that others can read, told once.
    pub told: Mutex<HashSet<PathBuf>>,
}

/// The place of a profile's token, shared by all that are open on it.
#[derive(Clone)]
pub struct TokenPlace(Arc<Mutex<SecretRef>>);

impl TokenPlace {
    pub fn new(place: SecretRef) -> Self {
        Self(Arc::new(Mutex::new(place)))
    }

    fn now(&self) -> SecretRef {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub fn moved(&self, place: SecretRef) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }
}

/// Publishes of the adapter that wait for their acknowledgement.
#[derive(Default)]
pub struct Receipts {
    next: AtomicU64,
    waiting: Mutex<HashMap<ReceiptId, oneshot::Sender<Result<(), Problem>>>>,
    /// What else it waits for.
    pub taps: Arc<Taps>,
}

impl Receipts {
    fn expect(&self) -> (ReceiptId, oneshot::Receiver<Result<(), Problem>>) {
        let id = ReceiptId(ADAPTER | self.next.fetch_add(1, Ordering::Relaxed));
        let (tell, told) = oneshot::channel();
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, tell);
        (id, told)
    }

    /// `true` when the receipt belonged to the adapter.
    pub fn settle(&self, id: ReceiptId, result: &Result<Delivered, Problem>) -> bool {
        let Some(tell) = self
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&id)
        else {
            return id.0 & ADAPTER != 0;
        };
        // Nobody waits any more when the adapter's future was dropped: fine.
        let _ = tell.send(result.clone().map(|_delivered| ()));
        true
    }
}

impl RuntimeIo {
    fn command(&self, command: SessionCommand) {
        if self.commands.try_send(command).is_err() {
            self.log(
                LogLevel::Warn,
                "the session is busy or closed; a command of the adapter was let go".to_owned(),
            );
        }
    }

    fn line(&self, source: LogSource, level: LogLevel, text: String) {
        let at = self.clock.now().wall;
        self.outlet.post(SessionEvent::Log(LogLine {
            at,
            source,
            level,
            text,
        }));
    }
}

impl Io for RuntimeIo {
    fn http(&self, call: HttpCall) -> Pending<'_, Result<HttpReply, HttpError>> {
        Box::pin(async move {
            let label = call.label.clone();
            let sent = call.secret_headers.clone();
            let begun = self.clock.now().mono;
            let result = match &self.rest {
                Some(rest) => rest.call(call).await.map(|reply| discreet(reply, &sent)),
                None => Err(HttpError::Unreachable {
                    host: call.url,
                    why: "this platform has no API over HTTP".to_owned(),
                }),
            };
            let took = self.clock.now().mono.since(begun).as_millis();
            let (level, outcome) = match &result {
                Ok(reply) if reply.status < 400 => (LogLevel::Info, reply.status.to_string()),
                Ok(reply) => (
                    LogLevel::Warn,
                    format!("{} {}", reply.status, refusal(&reply.body)),
                ),
                Err(error) => (LogLevel::Warn, error.to_string()),
            };
            self.line(
                LogSource::Rest,
                level,
                format!("{label}  {outcome}  {took} ms"),
            );
            result
        })
    }

    fn publish(&self, draft: Draft) -> Pending<'_, Result<(), Problem>> {
        Box::pin(async move {
            let (id, told) = self.receipts.expect();
            self.command(SessionCommand::Publish(id, draft));
            acknowledged(told).await
        })
    }

    fn publish_first(&self, draft: Draft) -> Pending<'_, Result<(), Problem>> {
        Box::pin(async move {
            let (id, told) = self.receipts.expect();
            self.command(SessionCommand::PublishFirst(id, draft));
            acknowledged(told).await
        })
    }

    fn outgoing(&self, message: Message, reading: Reading) {
        self.outlet
            .post(SessionEvent::Message(Box::new(message), reading));
    }

    fn release(&self) {
        self.command(SessionCommand::Release);
    }

    fn give_up(&self, packet: u16, problem: Problem) {
        self.command(SessionCommand::GiveUp { packet, problem });
    }

    fn subscribe(&self, wish: FilterWish) {
        self.command(SessionCommand::Subscribe(wish));
    }

    fn subscribed(&self, wish: FilterWish) -> Pending<'_, Result<Qos, Problem>> {
        let told = self.receipts.taps.grant(wish.filter.clone());
        self.command(SessionCommand::Subscribe(wish));
        Box::pin(async {
            told.await.unwrap_or_else(|_closed| {
                let what = "the filter is not subscribed";
                Err(Problem::new(what, "the session closed", "").retry(Retry::Backoff))
            })
        })
    }

    fn unsubscribe(&self, filter: TopicFilter) {
        self.command(SessionCommand::Unsubscribe(filter));
    }

    fn connected(&self) -> Pending<'_, u64> {
        Box::pin(self.receipts.taps.connected())
    }

    fn disconnected(&self, number: u64) -> Pending<'_, ()> {
        Box::pin(self.receipts.taps.disconnected(number))
    }

    fn vanish(&self, plan: ConnectPlan, drafts: Vec<Draft>) -> Pending<'_, Result<(), Problem>> {
        Box::pin(vanish::connect_and_vanish(plan, drafts))
    }

    fn listen(&self, filters: Vec<TopicFilter>) -> Box<dyn Ear> {
        self.receipts.taps.listen(filters)
    }

    fn variable(&self, name: &str) -> Option<Secret> {
        self.environment.text(name).map(Secret::new)
    }

    fn silent(&self, reason: &str) {
        self.command(SessionCommand::Resubscribe {
            reason: reason.to_owned(),
        });
    }

    fn heard(&self) -> Mono {
        self.heard.at()
    }

    fn sleep(&self, wait: Duration) -> Pending<'_, ()> {
        Box::pin(tokio::time::sleep(wait))
    }

    fn now(&self) -> Moment {
        self.clock.now()
    }

    fn roll(&self) -> f64 {
        fastrand::f64()
    }

    fn random(&self, bytes: &mut [u8]) {
        // The system's generator through the TLS provider: ids must not repeat across installations.
        if rustls::crypto::aws_lc_rs::default_provider()
            .secure_random
            .fill(bytes)
            .is_err()
        {
            fastrand::fill(bytes);
        }
    }

    fn key_and_csr(&self, common_name: &str) -> Pending<'_, Result<(Secret, String), Problem>> {
        let name = common_name.to_owned();
        Box::pin(async move {
            let made = tokio::task::spawn_blocking(move || make_key(&name)).await;
            let failed = |why: String| {
                Problem::new(
                    "could not make a key pair",
                    why,
                    "free some memory and try again",
                )
            };
            made.map_err(|e| failed(e.to_string()))?
                .map_err(|e| failed(e.to_string()))
        })
    }

    fn token(&self) -> Pending<'_, Result<Secret, Problem>> {
        Box::pin(async move {
            let Some(place) = &self.token else {
                let cause = "this platform has no access token";
                return Err(Problem::new("could not sign in", cause, ""));
            };
            let place = place.now();
            let found = secrets::find(&place, &self.environment).await?;
            if let Some(warning) = found.warning {
                self.fact(Fact::Notice(warning));
            }
            Ok(found.secret)
        })
    }

    fn secret<'a>(&'a self, place: &'a SecretRef) -> Pending<'a, Result<Secret, Problem>> {
        Box::pin(async move {
            let found = secrets::find(place, &self.environment).await?;
            if let Some(warning) = found.warning {
                self.fact(Fact::Notice(warning));
            }
            Ok(found.secret)
        })
    }

    fn output<'a>(&'a self, words: &'a [String]) -> Pending<'a, Result<Secret, Problem>> {
        Box::pin(secrets::output(words))
    }

    fn fact(&self, fact: Fact) {
        self.outlet.post(SessionEvent::Fact(fact));
    }

    fn log(&self, level: LogLevel, text: String) {
        self.line(LogSource::Program, level, text);
    }

    fn load(&self, name: &str) -> Result<Option<Secret>, Problem> {
        let kept = self.identity.load(name)?;
        if let Some(notice) = kept.notice {
            self.fact(Fact::Notice(notice));
        }
        Ok(kept.content)
    }

    fn keep(&self, name: &str, content: &Secret) -> Result<(), Problem> {
        self.identity.keep(name, content)
    }

    fn forget(&self, name: &str) -> Result<(), Problem> {
        self.identity.forget(name)
    }

    fn read_file(&self, path: &Path) -> Result<Bytes, Problem> {
        std::fs::read(path).map(Bytes::from).map_err(|error| {
            Problem::new(
                format!("could not read {}", path.display()),
                error.to_string(),
                "check the path in the profile",
            )
            .exit(crate::base::problem::Exit::Usage)
        })
    }

    fn read_private(&self, path: &Path) -> Result<Secret, Problem> {
        let content = self.read_file(path)?;
        let is_new = self
            .told
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(path.to_owned());
        if is_new && let Some(problem) = too_open(path) {
            self.fact(Fact::Notice(problem));
        }
        Ok(Secret::new(String::from_utf8_lossy(&content)))
    }
}

async fn acknowledged(told: oneshot::Receiver<Result<(), Problem>>) -> Result<(), Problem> {
    told.await.unwrap_or_else(|_closed| {
        let what = "the message was not published";
        Err(Problem::new(what, "the session closed", "").retry(Retry::Backoff))
    })
}

/// A problem where others than its owner may read the file.
fn too_open(path: &Path) -> Option<Problem> {
    let metadata = std::fs::metadata(path).ok()?;
    is_readable_by_others(&metadata).then(|| {
        Problem::new(
            format!("others can read the key {}", path.display()),
            "its permissions are too wide",
            format!("chmod 600 {}", path.display()),
        )
    })
}

fn make_key(name: &str) -> Result<(Secret, String), rcgen::Error> {
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let request = params.serialize_request(&key)?.pem()?;
    Ok((Secret::new(key.serialize_pem()), request))
}

/// A refusal that repeats the request (AWS tells the string that it would have signed) repeats its secrets too.
fn discreet(mut reply: HttpReply, sent: &[(&'static str, Secret)]) -> HttpReply {
    let whole = sent.iter().map(|(_, value)| value.expose());
    // `Bearer …`
    let bare = whole
        .clone()
        .filter_map(|value| Some(value.split_once(' ')?.1));
    let mut values: Vec<_> = whole.chain(bare).collect();
    values.sort_unstable_by_key(|value| std::cmp::Reverse(value.len()));
    if reply.status >= 400
        && let Ok(text) = std::str::from_utf8(&reply.body)
    {
        reply.body = Bytes::from(without(text, values));
    }
    reply
}

/// The error code in an answer, for the log: `1207 Already subscribed push`, or nothing.
fn refusal(body: &[u8]) -> String {
    let parsed: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name| {
        parsed
            .pointer(name)
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default()
    };
    format!("{} {}", text("/error/code"), text("/error/message"))
        .trim()
        .chars()
        .take(120)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_that_repeats_the_request_repeats_no_secret() {
        let sent = [
            ("authorization", Secret::new("Bearer c4nary-c4nary")),
            ("x-amz-security-token", Secret::new("t0ken-t0ken")),
        ];
        let said = |status| HttpReply {
            status,
            retry_after: None,
            headers: Vec::new(),
            body: Bytes::from_static(b"Bearer c4nary-c4nary, c4nary-c4nary, t0ken-t0ken"),
        };
        let told = discreet(said(403), &sent);
        assert_eq!(&*told.body, "(…), (…), (…)".as_bytes());
        assert_eq!(discreet(said(200), &sent), said(200));
    }
}

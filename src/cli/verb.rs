//! What the command line may ask of the headless scripts, as plain data.

use std::path::PathBuf;
use std::time::Duration;

use crate::base::secret::Secret;
use crate::domain::expression::Expression;
use crate::domain::message::{Properties, Qos};
use crate::domain::profile::{AwsAuth, GoogleSettings, HuaweiDialect, SecretRef, Version};
use crate::domain::subscription::{Feed, FilterWish};
use crate::domain::topic::Topic;

#[derive(Debug, Clone, PartialEq)]
pub enum Verb {
    Devices {
        json: bool,
    },
    Subs {
        json: bool,
        /// Leave out the topic filters: their state needs a connection.
        no_connect: bool,
    },
    Feed(FeedVerb),
    State {
        device: String,
        /// Also the older ones, where the platform keeps them.
        versions: bool,
    },
    Relay(RelayVerb),
    Profile {
        device: String,
    },
    Control(ControlVerb),
    Tail(TailVerb),
    /// One filter, and the first match is all.
    Expect(TailVerb),
    Publish(PublishVerb),
    Shadow(ShadowVerb),
    Record(RecordVerb),
    Replay(ReplayVerb),
    Provision(ProvisionVerb),
    ProfileAdd(AddVerb),
    ProfileList {
        json: bool,
    },
    ProfileRemove {
        name: String,
        yes: bool,
    },
}

/// `provision`: a new thing, on the platform that has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvisionVerb {
    pub template: String,
    pub parameters: Vec<(String, String)>,
    /// The key is made here.
    pub csr: bool,
    /// `None`: after the thing.
    pub save_as: Option<String>,
    pub replace: bool,
    /// Save it without connecting as the thing.
    pub no_check: bool,
}

/// Devices behind a gateway, and what the registry is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RelayVerb {
    /// `attach` and `detach`.
    Attach {
        device: String,
        on: bool,
        /// The attachment lives as long as the connection.
        hold: Option<Duration>,
    },
    Config {
        device: String,
        what: ConfigVerb,
    },
    Command {
        device: String,
        subfolder: Option<String>,
        payload: PayloadSource,
        /// JSON, where the payload is `SERVICE.COMMAND`.
        parameters: Option<String>,
    },
    /// `report`, as typed: `[SERVICE] KEY=VALUE…`, or JSON.
    Report {
        device: String,
        words: Vec<String>,
    },
    /// `name` is `SERVICE.EVENT`, `parameters` JSON or empty.
    Event {
        device: String,
        name: String,
        parameters: String,
    },
    /// `time-sync`.
    SyncClock {
        json: bool,
    },
    /// `device`.
    Detail {
        device: String,
    },
    Message {
        device: String,
        payload: PayloadSource,
        name: Option<String>,
        topic: Option<String>,
    },
    Register(RegisterVerb),
    /// `device-delete`.
    Delete {
        device: String,
        yes: bool,
    },
    /// `bind` and `unbind`.
    Bind {
        device: String,
        /// `None`: the profile's own.
        gateway: Option<String>,
        on: bool,
    },
    Registries {
        json: bool,
    },
}

/// `device-register`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterVerb {
    pub node: String,
    pub product: String,
    pub name: Option<String>,
    pub device: Option<String>,
    pub gateway: Option<String>,
    /// `None`: the platform makes one.
    pub secret: Option<SecretSource>,
    /// `None`: after the node.
    pub save_as: Option<String>,
    pub replace: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigVerb {
    Show {
        all: bool,
    },
    Send {
        payload: PayloadSource,
        /// Only when this is still the newest version.
        expected: Option<u64>,
    },
}

/// `subscribe` and `unsubscribe`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedVerb {
    pub feed: Feed,
    pub on: bool,
    pub target: Target,
    /// 1 to 24, event subscriptions only.
    pub hours: Option<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    All,
    /// An id, a unique beginning of one, or an alias.
    One(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlVerb {
    pub device: String,
    /// As typed: `[place.]resource.property=value`.
    pub settings: Vec<String>,
    pub dry_run: bool,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct TailVerb {
    /// Empty: all that the profile's own subscriptions bring.
    pub filters: Vec<FilterWish>,
    pub count: Option<u64>,
    pub within: Option<Duration>,
    pub condition: Option<Expression>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishVerb {
    pub topic: Topic,
    pub payload: PayloadSource,
    pub qos: Qos,
    pub retain: bool,
    /// How often in all. `None`: once; with `every` until it is interrupted.
    pub repeat: Option<u64>,
    /// From one to the next. `None`: as fast as they are taken.
    pub every: Option<Duration>,
    /// `{{uuid}}` and its like in the payload stand for values, others each time.
    pub expand: bool,
    /// MQTT 5.
    pub properties: Properties,
}

/// `shadow`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShadowVerb {
    pub thing: String,
    /// `None`: the classic shadow.
    pub name: Option<String>,
    pub deed: ShadowDeed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShadowDeed {
    Get,
    Update {
        change: PayloadSource,
        /// Only where the document has this version.
        version: Option<u64>,
    },
    Delete,
    /// The names of the named ones.
    List,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayloadSource {
    Text(String),
    File(PathBuf),
    /// All of it.
    Stdin,
}

/// A file, or stdin and stdout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Standard,
    File(PathBuf),
}

/// What becomes of a recording that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    Refuse,
    Append,
    Replace,
}

#[derive(Debug, Clone, PartialEq)]
pub struct RecordVerb {
    pub to: Place,
    pub existing: Existing,
    pub tail: TailVerb,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ReplayVerb {
    pub from: Place,
    pub speed: Speed,
    /// Before each topic, as it stands.
    pub prefix: String,
    pub condition: Option<Expression>,
    /// Also what had been sent.
    pub sent: bool,
    pub dry_run: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// Above zero and finite.
    Times(f64),
    /// As fast as the broker acknowledges.
    Max,
}

/// `profile-add`, the form without questions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddVerb {
    pub name: String,
    pub account: Account,
    pub ca_file: Option<PathBuf>,
    pub make_default: bool,
    pub replace: bool,
    /// Save it without trying it.
    pub no_check: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Account {
    Thinq {
        country: String,
        token: SecretSource,
        event_hours: Option<u8>,
        api_url: Option<String>,
        mqtt_url: Option<String>,
    },
    Mqtt {
        /// As typed: it may hold a login, which is refused.
        url: Secret,
        version: Version,
        username: Option<String>,
        password: Option<SecretSource>,
        client_id: Option<String>,
        topics: Vec<FilterWish>,
    },
    Google(Box<GoogleSettings>),
    Aws(Box<AwsAccount>),
    Huawei(Box<HuaweiAccount>),
}

/// A device; what the application side needs is written into the config file by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HuaweiAccount {
    pub mqtt_url: String,
    pub device_id: String,
    pub dialect: HuaweiDialect,
    /// The clock of this computer is not to be compared.
    pub unchecked: bool,
    /// `None` where a certificate signs in.
    pub secret: Option<SecretSource>,
    pub cert_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
    pub auto_reply: bool,
    pub topics: Vec<FilterWish>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsAccount {
    pub endpoint: String,
    pub auth: AwsAuth,
    pub version: Version,
    pub client_id: Option<String>,
    pub cert_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
    pub region: Option<String>,
    /// A profile of AWS's shared files.
    pub aws_profile: Option<String>,
    /// Both halves of an access key.
    pub keys: Option<(String, SecretSource)>,
    pub api_url: Option<String>,
    pub things: Vec<String>,
    pub topics: Vec<FilterWish>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    At(SecretRef),
    /// Read once from stdin, then kept in a 0600 file.
    Stdin,
}

//! The commands as clap sees them: the single source of `--help`, completions and the man page.

use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args as ClapArgs, CommandFactory as _, Parser, Subcommand, ValueEnum};

use super::add::AddArgs;
use super::look::LookArgs;
use super::provision::ProvisionArgs;
use super::publish::PublishArgs;
use super::recording::{RecordArgs, ReplayArgs};
use super::relay::{
    AttachArgs, BindArgs, CommandArgs, ConfigArgs, DeleteArgs, DetachArgs, EventArgs, MessageArgs,
    RegisterArgs, ReportArgs,
};
use super::shadow::ShadowArgs;
use super::verb::{ControlVerb, FeedVerb, TailVerb, Target, Verb};
use super::{Command, Look, SimOptions};
use crate::domain::expression::Expression;
use crate::domain::message::Qos;
use crate::domain::profile::PlatformId;
use crate::domain::session::LogLevel;
use crate::domain::subscription::{Feed, FilterWish};
use crate::domain::topic::TopicFilter;

const AFTER_HELP: &str = "\
Without a command: the dashboard on the profile that -p, THINGDECK_PROFILE or default_profile names; with no profile at all, \
the dashboard on a simulated home.";

const AFTER_LONG_HELP: &str = "\
Without a command: the dashboard on the profile that -p, THINGDECK_PROFILE or default_profile names; with no profile at all, \
the dashboard on a simulated home.

stdout carries data, stderr talk. A closed pipe ends quietly with 0. Durations are written 10s, 5m, 1h30m.

Exit codes:
  0    done
  1    failed while running
  2    wrong usage or configuration
  3    refused (credentials, certificate, policy, client id)
  4    not found (device, thing, topic, profile)
  5    nothing matched in time
  6    could not reach the host
  130  interrupted by SIGINT before it had anything to finish

Environment:
  THINGDECK_PROFILE    stands in for --profile
  THINGDECK_CONFIG     stands in for --config
  THINGDECK_DATA_DIR   folder for identities: keys, certificates, client ids
  THINGDECK_STATE_DIR  folder for logs and history
  THINGDECK_PASSWORD   password of the user in --url
  NO_COLOR             no colours";

/// A terminal dashboard for IoT clouds: devices, subscriptions and live MQTT payloads.
#[derive(Debug, Parser)]
#[command(name = "thingdeck", version, after_help = AFTER_HELP, after_long_help = AFTER_LONG_HELP)]
#[command(subcommand_help_heading = "Commands", disable_help_subcommand = true)]
pub struct Args {
    #[command(flatten)]
    pub globals: Globals,
    #[command(subcommand)]
    pub command: Option<Commands>,
}

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Options for every command")]
pub struct Globals {
    /// Profile of the config file to work with [env: THINGDECK_PROFILE]
    #[arg(
        short = 'p',
        long = "profile",
        value_name = "NAME",
        global = true,
        id = "profile_name"
    )]
    pub profile_name: Option<String>,
    #[command(flatten)]
    pub look: LookArgs,
    /// Config file instead of the one in the config folder [env: THINGDECK_CONFIG]
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// How much goes to the log file
    #[arg(
        long,
        value_name = "LEVEL",
        global = true,
        default_value = "info",
        hide_possible_values = false
    )]
    pub log_level: Level,
    /// Allow profiles that say `insecure_skip_verify = true` to skip the check of the server's certificate
    #[arg(long, global = true)]
    pub insecure: bool,
    #[arg(long, global = true, hide = true)]
    pub frame_marks: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Level {
    Error,
    Warn,
    Info,
    Debug,
}

impl Level {
    pub const fn level(self) -> LogLevel {
        match self {
            Self::Error => LogLevel::Error,
            Self::Warn => LogLevel::Warn,
            Self::Info => LogLevel::Info,
            Self::Debug => LogLevel::Debug,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum PlatformArg {
    /// A home of LG appliances
    Thinq,
    /// An AWS account with a small fleet of things
    Aws,
    /// Google IoT Core's bridge, as ClearBlade serves it, with a gateway and its devices
    Google,
    /// Huawei's IoTDA and its older interface, with meters and a gateway
    Huawei,
    /// A plain MQTT broker with a small plant
    Mqtt,
}

/// Platforms that a profile can be of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProfilePlatform {
    Thinq,
    Aws,
    Google,
    Huawei,
    Mqtt,
}

impl PlatformArg {
    const fn id(self) -> PlatformId {
        match self {
            Self::Thinq => PlatformId::Thinq,
            Self::Aws => PlatformId::Aws,
            Self::Google => PlatformId::Google,
            Self::Huawei => PlatformId::Huawei,
            Self::Mqtt => PlatformId::Mqtt,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum FeedArg {
    /// Notifications, such as "washing is complete"; they stay until they are ended
    Push,
    /// State changes; they end after some hours unless they are renewed
    Event,
}

impl FeedArg {
    const fn feed(self) -> Feed {
        match self {
            Self::Push => Feed::Push,
            Self::Event => Feed::Event,
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum Commands {
    /// The dashboard on a simulated cloud: no account, no network
    Demo {
        /// Which cloud to simulate
        #[arg(value_name = "PLATFORM", default_value = "thinq")]
        platform: PlatformArg,
    },
    /// The simulator alone, on 127.0.0.1, until SIGINT or SIGTERM
    ///
    /// Once it serves it prints one JSON line with its addresses, and writes DIR/ca.pem and DIR/config.toml with ready-made
    /// profiles for it.
    Sim(SimArgs),
    /// List the devices
    Devices {
        /// One JSON object a line instead of a table
        #[arg(long)]
        json: bool,
    },
    /// List every subscription and its state
    ///
    /// The platform's own subscriptions per device, and the topic filters with what the broker granted. For the latter it
    /// connects, with the profile's client id: a dashboard that runs with the same profile loses its connection.
    Subs {
        /// One JSON object a line instead of a table
        #[arg(long)]
        json: bool,
        /// Do not connect, and leave out the topic filters
        #[arg(long)]
        no_connect: bool,
    },
    /// Subscribe to a device's notifications (push) or state changes (event)
    Subscribe {
        #[command(flatten)]
        feed: FeedArgs,
        /// How long an event subscription lasts, 1 to 24 [default: the profile's event_hours]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=24))]
        hours: Option<u8>,
    },
    /// End a subscription
    Unsubscribe {
        #[command(flatten)]
        feed: FeedArgs,
    },
    /// Print a device's state as JSON
    ///
    /// Where the platform keeps the states that a device sent (Google), the newest as one JSON line.
    State {
        /// Id, unique beginning of an id, or alias
        #[arg(value_name = "DEVICE")]
        device: String,
        /// All that the platform keeps, newest first (Google)
        #[arg(long)]
        versions: bool,
    },
    /// Attach a device to the gateway (Google), and tell whether the bridge takes it
    ///
    /// The bridge acknowledges, or says nothing and gives the reason on the gateway's errors topic: both are told in words. The
    /// attachment ends with the connection: see --for, and `devices` in the profile.
    Attach(AttachArgs),
    /// Detach a device from the gateway (Google)
    Detach(DetachArgs),
    /// Print a device's configuration, or send it a new one (Google, over REST)
    ///
    /// Each version is one JSON line: version, times, and the payload as `payload` (JSON), `text` or `base64`.
    Config(ConfigArgs),
    /// Send a command to a device (Google, Huawei, over REST)
    ///
    /// The device has to be connected, or attached, and to listen for commands at this moment. On Google the payload is the
    /// command. On Huawei it is SERVICE.COMMAND, its parameters follow as JSON, and the device's answer is printed.
    Command(CommandArgs),
    /// Report properties, as the profile's device or for one behind it (Huawei)
    ///
    /// Returns when the platform has acknowledged the message: that it arrived, not that it knows the properties.
    Report(ReportArgs),
    /// Report an event, as the profile's device or for one behind it (Huawei IoTDA)
    ///
    /// Returns when the platform has acknowledged the message.
    Event(EventArgs),
    /// Ask the platform for its time, and tell how far this clock is off (Huawei IoTDA)
    ///
    /// Logins of signature type 1 and signed REST calls are refused where it is off too far.
    TimeSync {
        /// One JSON object: {"offset_ms":…}, the platform's clock minus this one
        #[arg(long)]
        json: bool,
    },
    /// Print all that the platform tells of a device as JSON (Huawei, over REST)
    Device {
        /// Id, unique beginning of an id, or name
        #[arg(value_name = "DEVICE")]
        device: String,
    },
    /// Send a message to a device (Huawei, over REST)
    ///
    /// Kept for a day where the device is offline. The answer is one JSON line.
    Message(MessageArgs),
    /// Register a device (Huawei, over REST), and keep it as a profile
    ///
    /// What the platform says of it is one JSON line on stdout, without its secret: that is written to a file that only you can
    /// read, and named on stderr.
    DeviceRegister(RegisterArgs),
    /// Delete a device at the platform (Huawei, over REST)
    DeviceDelete(DeleteArgs),
    /// Bind a device to a gateway (Google, over REST)
    Bind(BindArgs),
    /// Take a device's binding to a gateway away (Google, over REST)
    Unbind(BindArgs),
    /// List the registries of the project and region (Google, over REST)
    Registries {
        /// One JSON object a line instead of ids
        #[arg(long)]
        json: bool,
    },
    /// Print what a device can tell and be told (its profile) as JSON
    Profile {
        /// Id, unique beginning of an id, or alias
        #[arg(value_name = "DEVICE")]
        device: String,
    },
    /// Set properties of a device, checked against its profile before anything is sent
    ///
    /// KEY is [PLACE.]RESOURCE.PROPERTY as `profile` names them, or the property alone where that is enough:
    /// `control washer operation.washerOperationMode=START`, `control fridge FREEZER.temperatureInUnits.targetTemperatureC=-19`.
    Control {
        /// Id, unique beginning of an id, or alias
        #[arg(value_name = "DEVICE")]
        device: String,
        /// What to set
        #[arg(value_name = "KEY=VALUE", required = true, value_parser = parse_setting)]
        settings: Vec<String>,
        /// Print the request's body and send nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Print messages as JSON lines as they come
    ///
    /// Until N messages are printed, the time is over, or a signal comes. QoS 1 and 2 messages are acknowledged only after
    /// their line is written: a slow reader slows the broker, and loses nothing.
    Tail(TailArgs),
    /// Wait for the first message that matches, and print it as a JSON line
    ///
    /// Ends with 0, or with 5 when none came in time. A retained message counts.
    Expect(ExpectArgs),
    /// Publish a message
    ///
    /// Returns when the broker has acknowledged it (QoS 1 and 2), or when it is written to the network (QoS 0). A topic with
    /// wildcards is refused before anything is sent.
    Publish(PublishArgs),
    /// Read, change or delete a device shadow (AWS, Huawei)
    ///
    /// On Huawei a service is what --name names; without it the document has all of them: {"desired":{"SERVICE":{…}}}.
    /// Over REST where there are credentials, else over a connection with the profile's client id.
    Shadow(ShadowArgs),
    /// Provision a new thing (AWS fleet provisioning), and keep it as a profile
    ///
    /// With a claim certificate, or with access keys (auth = "sigv4"). Each step is told on stderr, the result is one JSON line
    /// without secrets on stdout. Key and certificate are written to files that only you can read before AWS is asked to
    /// register the thing; what breaks off goes on where it was when the same command is given again within the hour.
    Provision(ProvisionArgs),
    /// Record messages as JSON lines in a file
    ///
    /// As `tail`, into a file that only you can read; a name that ends in .zst compresses. A file that is there already is
    /// left alone unless --append or --force says otherwise. QoS 1 and 2 messages are acknowledged only after their lines are
    /// with the system. SIGINT finishes the file.
    Record(RecordArgs),
    /// Publish the messages of a recording again
    ///
    /// With their payloads byte for byte, QoS, retain and MQTT 5 properties, at the distances in which they came. Topics that
    /// begin with $ are the broker's own and left out, unless a prefix makes others of them; what thingdeck had sent to such a
    /// topic goes there again with --sent.
    Replay(ReplayArgs),
    /// Add a profile to the config file
    ///
    /// A token or a password is never an argument: other users of the machine could read it in the process list.
    /// For a broker: `--platform mqtt --url mqtt://HOST:1883`, with `--topic`, `--ca-file` and `--mqtt-version` as for every
    /// command.
    ProfileAdd(Box<AddArgs>),
    /// List the profiles of the config file
    ProfileList {
        /// One JSON object a line instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Remove a profile: unsubscribe, deregister the client, delete its identity and its entry
    ProfileRemove {
        /// Which profile; `profile-list` shows them
        #[arg(value_name = "NAME")]
        name: String,
        /// Do not ask
        #[arg(long, short = 'y')]
        yes: bool,
    },
    /// Tell where thingdeck keeps its files
    ///
    /// The config file, and the folders of identities, logs, recordings and history, whether they are there yet or not.
    Info {
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Print shell completions
    Completions {
        #[arg(value_name = "SHELL")]
        shell: clap_complete::Shell,
    },
    /// Print the manual page (roff)
    Man,
    #[command(hide = true)]
    SieveHelper,
    #[command(hide = true)]
    Picture {
        file: PathBuf,
        #[arg(long, default_value = "120x36", value_parser = parse_size)]
        size: (u16, u16),
    },
}

#[derive(Debug, ClapArgs)]
pub struct SimArgs {
    /// Which cloud to simulate
    #[arg(value_name = "PLATFORM", default_value = "thinq")]
    platform: PlatformArg,
    /// Where ca.pem, config.toml and identities go [default: a temporary folder]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Port of the HTTPS API, where the platform has one; 0 is any free one
    #[arg(long, value_name = "N", default_value_t = 0)]
    api_port: u16,
    /// Port of the MQTT broker; 0 is any free one
    ///
    /// Huawei's own device SDK takes no ports but 8883, with TLS, and 1883, without: with 8883 here the simulated
    /// platform serves the other as well, where it is free.
    #[arg(long, value_name = "N", default_value_t = 0)]
    mqtt_port: u16,
    /// Port of MQTT over WebSocket, where the platform has it; 0 is any free one
    #[arg(long, value_name = "N", default_value_t = 0)]
    wss_port: u16,
    /// How many devices there are, up to 100000
    #[arg(long, value_name = "N", value_parser = parse_devices)]
    devices: Option<usize>,
    /// Messages per second besides what the devices say by themselves
    #[arg(long, value_name = "MSGS_PER_S", value_parser = parse_rate)]
    rate: Option<f64>,
    /// Makes a run repeatable
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

#[derive(Debug, ClapArgs)]
pub struct FeedArgs {
    /// Which of the device's two feeds
    #[arg(value_name = "FEED")]
    feed: FeedArg,
    /// Id, unique beginning of an id, or alias
    #[arg(
        value_name = "DEVICE",
        required_unless_present = "all",
        conflicts_with = "all"
    )]
    device: Option<String>,
    /// Every device
    #[arg(long)]
    all: bool,
}

#[derive(Debug, ClapArgs)]
pub struct TailArgs {
    /// Topic filters; without any, what the profile's own subscriptions bring
    #[arg(value_name = "FILTER", value_parser = TopicFilter::parse)]
    filters: Vec<TopicFilter>,
    /// End after N messages
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// End after this time: 10s, 5m, 1h30m
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    within: Option<Duration>,
    /// Only messages that match: `kind:push`, `device:washer`, words, `-word`, `.report.runState.currentState == "RUNNING"`,
    /// `temp>25`, joined by blanks, `or` and parentheses
    #[arg(long = "where", value_name = "EXPR", value_parser = Expression::parse, allow_hyphen_values = true)]
    condition: Option<Expression>,
    /// QoS asked for with FILTER
    #[arg(long, value_name = "0|1|2", default_value = "1", value_parser = parse_qos)]
    qos: Qos,
}

#[derive(Debug, ClapArgs)]
pub struct ExpectArgs {
    /// Topic filter
    #[arg(value_name = "FILTER", value_parser = TopicFilter::parse)]
    filter: TopicFilter,
    /// Which message, as `tail --where` has it; without it, any
    #[arg(value_name = "EXPR", value_parser = Expression::parse, allow_hyphen_values = true)]
    condition: Option<Expression>,
    /// Give up after this time: 10s, 5m, 1h30m
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    within: Option<Duration>,
    /// QoS asked for
    #[arg(long, value_name = "0|1|2", default_value = "1", value_parser = parse_qos)]
    qos: Qos,
}

impl ExpectArgs {
    fn verb(self) -> TailVerb {
        TailVerb {
            filters: vec![FilterWish::new(self.filter, self.qos)],
            count: Some(1),
            within: self.within,
            condition: self.condition,
        }
    }
}

impl Args {
    /// What is asked for, and of which broker where `--url` names one.
    pub fn look_and_command(&mut self) -> Result<(Option<Look>, Command), clap::Error> {
        let look = &self.globals.look;
        let command = match self.command.take() {
            None => Command::Dashboard,
            Some(Commands::ProfileAdd(args)) => {
                let verb = Verb::ProfileAdd(args.verb(look)?);
                return Ok((None, Command::Verb(verb)));
            }
            Some(command) => command.command()?,
        };
        Ok((look.look(&self.globals, &command)?, command))
    }
}

impl Commands {
    pub fn command(self) -> Result<Command, clap::Error> {
        Ok(match self {
            Self::Demo { platform } => Command::Demo(platform.id()),
            Self::Sim(args) => Command::Sim(args.options()),
            Self::Devices { json } => Command::Verb(Verb::Devices { json }),
            Self::Subs { json, no_connect } => Command::Verb(Verb::Subs { json, no_connect }),
            Self::Subscribe { feed, hours } => Command::Verb(feed.verb(true, hours)?),
            Self::Unsubscribe { feed } => Command::Verb(feed.verb(false, None)?),
            Self::State { device, versions } => Command::Verb(Verb::State { device, versions }),
            Self::Attach(args) => Command::Verb(Verb::Relay(args.verb())),
            Self::Detach(args) => Command::Verb(Verb::Relay(args.verb())),
            Self::Config(args) => Command::Verb(Verb::Relay(args.verb())),
            Self::Command(args) => Command::Verb(Verb::Relay(args.verb())),
            Self::Report(args) => Command::Verb(Verb::Relay(args.verb())),
            Self::Message(args) => Command::Verb(Verb::Relay(args.verb())),
            Self::DeviceRegister(args) => Command::Verb(Verb::Relay(args.verb())),
            Self::Event(args) => Command::Verb(Verb::Relay(args.verb())),
            Self::TimeSync { json } => {
                Command::Verb(Verb::Relay(super::verb::RelayVerb::SyncClock { json }))
            }
            Self::Device { device } => {
                Command::Verb(Verb::Relay(super::verb::RelayVerb::Detail { device }))
            }
            Self::DeviceDelete(args) => Command::Verb(Verb::Relay(args.verb())),
            Self::Bind(args) => Command::Verb(Verb::Relay(args.verb(true))),
            Self::Unbind(args) => Command::Verb(Verb::Relay(args.verb(false))),
            Self::Registries { json } => {
                Command::Verb(Verb::Relay(super::verb::RelayVerb::Registries { json }))
            }
            Self::Profile { device } => Command::Verb(Verb::Profile { device }),
            Self::Control {
                device,
                settings,
                dry_run,
            } => Command::Verb(Verb::Control(ControlVerb {
                device,
                settings,
                dry_run,
            })),
            Self::Tail(args) => Command::Verb(Verb::Tail(args.verb())),
            Self::Expect(args) => Command::Verb(Verb::Expect(args.verb())),
            Self::Publish(args) => Command::Verb(Verb::Publish(args.verb()?)),
            Self::Shadow(args) => Command::Verb(Verb::Shadow(args.verb())),
            Self::Provision(args) => Command::Verb(Verb::Provision(args.verb())),
            Self::Record(args) => Command::Verb(Verb::Record(args.verb())),
            Self::Replay(args) => Command::Verb(Verb::Replay(args.verb())),
            Self::ProfileAdd(args) => {
                Command::Verb(Verb::ProfileAdd(args.verb(&LookArgs::default())?))
            }
            Self::ProfileList { json } => Command::Verb(Verb::ProfileList { json }),
            Self::ProfileRemove { name, yes } => Command::Verb(Verb::ProfileRemove { name, yes }),
            Self::Info { json } => Command::Info { json },
            Self::Completions { shell } => Command::Completions(shell),
            Self::Man => Command::Man,
            Self::SieveHelper => Command::SieveHelper,
            Self::Picture {
                file,
                size: (width, height),
            } => Command::Picture {
                file,
                width,
                height,
            },
        })
    }
}

impl SimArgs {
    fn options(self) -> SimOptions {
        SimOptions {
            platform: self.platform.id(),
            dir: self.dir,
            api_port: self.api_port,
            mqtt_port: self.mqtt_port,
            wss_port: self.wss_port,
            devices: self.devices,
            rate: self.rate,
            seed: self.seed,
        }
    }
}

impl FeedArgs {
    fn verb(self, on: bool, hours: Option<u8>) -> Result<Verb, clap::Error> {
        let feed = self.feed.feed();
        if hours.is_some() && feed == Feed::Push {
            return Err(Args::command().error(
                ErrorKind::ArgumentConflict,
                "--hours is for event subscriptions: push has no end",
            ));
        }
        let target = self.device.map_or(Target::All, Target::One);
        Ok(Verb::Feed(FeedVerb {
            feed,
            on,
            target,
            hours,
        }))
    }
}

impl TailArgs {
    pub(super) fn verb(self) -> TailVerb {
        let qos = self.qos;
        TailVerb {
            filters: self
                .filters
                .into_iter()
                .map(|filter| FilterWish::new(filter, qos))
                .collect(),
            count: self.count,
            within: self.within,
            condition: self.condition,
        }
    }
}

/// `10s`, `5m`, `1h30m`; also `500ms` and `2d`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    crate::base::moment::parse_duration(text).ok_or_else(|| {
        "a duration is written like 10s, 5m or 1h30m (units: ms, s, m, h, d)".to_owned()
    })
}

pub(super) fn parse_setting(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some((key, _)) if !key.trim().is_empty() => Ok(text.to_owned()),
        _ => Err("it must be written KEY=VALUE".to_owned()),
    }
}

pub(super) fn parse_qos(text: &str) -> Result<Qos, String> {
    text.parse()
        .ok()
        .and_then(Qos::from_number)
        .ok_or_else(|| "QoS is 0, 1 or 2".to_owned())
}

pub(super) fn parse_country(text: &str) -> Result<String, String> {
    if text.len() == 2 && text.chars().all(|c| c.is_ascii_alphabetic()) {
        Ok(text.to_ascii_uppercase())
    } else {
        Err("a country is two letters, such as KR, US or DE".to_owned())
    }
}

fn parse_devices(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|n| (1..=100_000).contains(n))
        .ok_or_else(|| "between 1 and 100000".to_owned())
}

fn parse_rate(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|rate: &f64| rate.is_finite() && *rate >= 0.0)
        .ok_or_else(|| "messages per second, 0 or more".to_owned())
}

fn parse_size(text: &str) -> Result<(u16, u16), String> {
    text.split_once('x')
        .and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)))
        .filter(|(width, height)| *width > 0 && *height > 0)
        .ok_or_else(|| "a size is written COLUMNSxROWS, such as 120x36".to_owned())
}

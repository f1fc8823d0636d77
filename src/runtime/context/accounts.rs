//! Accounts that come and go: tried before they are saved, saved, given a new token, removed.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::{Context, edit};
use crate::app::effect::{NewAccount, NewAws, NewProfile};
use crate::app::event::Event;
use crate::base::problem::Problem;
use crate::base::secret::Secret;
use crate::domain::message::Qos;
use crate::domain::profile::{
    AwsCredentials, AwsSettings, Common, HuaweiSettings, MqttSettings, Profile, SecretRef,
    Settings, ThinqSettings,
};
use crate::domain::request::{Reply, Request, RequestId};
use crate::domain::session::SessionEvent;
use crate::domain::subscription::FilterWish;
use crate::domain::topic::TopicFilter;
use crate::headless::console::NewEntry;
use crate::platform::catalog;
use crate::runtime::inbox::Inbox;
use crate::runtime::keep::Keep;
use crate::runtime::station::Live;
use crate::session::driver::Post;

impl Context {
    /// One authorised call with an account that is not saved.
    pub async fn probe(
        &self,
        id: RequestId,
        new: &NewProfile,
        inbox: &Inbox,
    ) -> Result<Reply, Problem> {
        let profile = self.unsaved(new);
        let (commands, _orders) = mpsc::channel(1);
        let outlet = Arc::new(Progress {
            id,
            inbox: inbox.clone(),
        });
        let io = self
            .port(
                &profile,
                Keep::in_memory(),
                commands,
                Arc::default(),
                Arc::default(),
                outlet,
            )
            .await?;
        let platform = catalog::build(&profile);
        let live = Live {
            platform,
            io: Arc::new(io),
            profile,
        };
        live.request(Request::Probe).await
    }

    fn unsaved(&self, new: &NewProfile) -> Profile {
        let path = |name| self.environment.text(name).map(PathBuf::from);
        let mut common = Common {
            ca_file: path("THINGDECK_CA_FILE"),
            ..Common::default()
        };
        let topics = |filter: &Option<TopicFilter>| {
            let wish = |filter: &TopicFilter| FilterWish::new(filter.clone(), Qos::AtLeastOnce);
            filter.iter().map(wish).collect()
        };
        let settings = match &new.account {
            NewAccount::Aws(account) => {
                common.topics = topics(&account.filter);
                common.cert_file.clone_from(&account.cert_file);
                common.key_file.clone_from(&account.key_file);
                Settings::Aws(unsaved_aws(account))
            }
            NewAccount::Google(settings) => Settings::Google((**settings).clone()),
            NewAccount::Huawei(account) => {
                common.cert_file.clone_from(&account.cert_file);
                common.key_file.clone_from(&account.key_file);
                Settings::Huawei(HuaweiSettings {
                    secret: account.secret.clone().map(SecretRef::Plain),
                    auto_reply: account.auto_reply,
                    ..HuaweiSettings::new(
                        account.dialect,
                        account.mqtt_url.clone(),
                        account.device_id.clone(),
                    )
                })
            }
            NewAccount::Thinq { country, token } => {
                Settings::Thinq(self.unsaved_account(country, token))
            }
            NewAccount::Mqtt {
                url,
                version,
                username,
                password,
                filter,
            } => {
                common.topics = topics(filter);
                Settings::Mqtt(MqttSettings {
                    version: *version,
                    username: username.clone(),
                    password: password.clone().map(SecretRef::Plain),
                    ..MqttSettings::new(url.clone())
                })
            }
        };
        Profile {
            name: new.name.clone(),
            settings,
            common,
            simulated: false,
        }
    }

    fn unsaved_account(&self, country: &str, token: &Secret) -> ThinqSettings {
        let text = |name| self.environment.text(name).map(str::to_owned);
        ThinqSettings {
            // For any server that speaks LG's protocol: a test's, or a gateway's.
            api_url: text("THINGDECK_API_URL"),
            mqtt_url: text("THINGDECK_MQTT_URL"),
            ..ThinqSettings::new(country.to_owned(), SecretRef::Plain(token.clone()))
        }
    }

    pub fn save_profile(&self, new: &NewProfile) -> Result<(), Problem> {
        let entry = NewEntry {
            profile: self.unsaved(new),
            make_default: true,
            replace: false,
        };
        self.add_profile(&entry).map(|_where| ())
    }

    pub fn add_profile(&self, entry: &NewEntry) -> Result<String, Problem> {
        let place = edit::save_profile(&self.folders, entry)?;
        self.read_again()?;
        Ok(place)
    }

    /// Out of the config file, and its identity deleted. Answers what is left behind, in words.
    pub fn remove_profile(&self, name: &str) -> Result<Vec<String>, Problem> {
        edit::remove_profile(&self.folders.config_file, name)?;
        self.read_again()?;
        let deleted = self.folders.identity(name).delete();
        Ok(deleted
            .err()
            .map(|problem| problem.line())
            .into_iter()
            .collect())
    }

    /// What stays when a profile is removed: what it received, recorded and drafted is the user's.
    pub fn folders_that_stay(&self, name: &str) -> Vec<PathBuf> {
        let folders = [
            self.folders.history(name),
            self.folders.recordings(name),
            self.folders.composer(name),
        ];
        folders.into_iter().filter(|path| path.exists()).collect()
    }

    /// A fresh token for a profile: into a 0600 file, which the config names from now on.
    pub fn save_token(&self, profile: &str, token: &Secret) -> Result<(), Problem> {
        edit::save_token(&self.folders, profile, token)?;
        self.read_again()?;
        if let Some(token) = self.choose(Some(profile))?.settings.token() {
            self.token_place(profile, token);
        }
        Ok(())
    }
}

/// Facts on the way to a wizard's answer.
struct Progress {
    id: RequestId,
    inbox: Inbox,
}

impl Post for Progress {
    fn post(&self, event: SessionEvent) {
        if let SessionEvent::Fact(fact) = event {
            self.inbox.push(Event::Progress(self.id, fact));
        }
    }
}

fn unsaved_aws(account: &NewAws) -> AwsSettings {
    AwsSettings {
        auth: account.auth,
        version: account.version,
        client_id: account.client_id.clone(),
        region: account.region.clone(),
        credentials: match &account.keys_of {
            Some(name) => AwsCredentials::Profile(name.clone()),
            None => AwsCredentials::Chain,
        },
        ..AwsSettings::new(account.endpoint.clone())
    }
}

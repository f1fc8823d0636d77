//! The registry: devices and gateways, configurations, states, commands, bindings (`reference/google-iot-core.md` 10, 11).

use bytes::Bytes;
use serde_json::{Value, json};

use super::Google;
use super::account::Door;
use super::rest::{Ask, Refusal, encode};
use super::rules;
use super::wire;
use crate::base::problem::{Exit, Problem};
use crate::domain::device::{Device, DeviceId};
use crate::domain::relay::{
    Command, ConfigVersion, Registry, RelayReply, RelayRequest, StateVersion,
};
use crate::domain::request::Reply;
use crate::platform::io::{Io, Method};

/// Of one page.
const PAGE: usize = 500;
/// A list that never ends is not followed for ever.
const MOST_PAGES: usize = 1000;
/// Versions and states that the platform keeps.
const KEPT: &str = "10";

impl Google {
    pub(super) async fn probe(&self, io: &dyn Io) -> Result<Reply, Problem> {
        let token = self.token(io)?;
        if !self.has_registry(io) {
            drop(token);
            return Ok(Reply::Probed { devices: 0 });
        }
        let devices = self.list_devices(io, true).await?;
        Ok(Reply::Probed {
            devices: devices.len(),
        })
    }

    /// The registry's, where it can be asked, and those of the profile and the stream.
    pub(super) async fn list_devices(
        &self,
        io: &dyn Io,
        _fresh: bool,
    ) -> Result<Vec<Device>, Problem> {
        if self.has_registry(io) {
            let what = "could not list the devices";
            let listed = self
                .listed(io)
                .await
                .map_err(|refusal| refusal.problem(what))?;
            self.book().list(listed);
        }
        Ok(self.book().devices(&self.settings))
    }

    async fn listed(&self, io: &dyn Io) -> Result<Vec<Device>, Refusal> {
        let mask = ("fieldMask", wire::FIELD_MASK.to_owned());
        let all = self
            .pages(io, "devices", || self.devices_ask(vec![mask.clone()]))
            .await?;
        let bound = if self.is_gateway() {
            let gateway = self.settings.identity.id().to_owned();
            let by = ("gatewayListOptions.associationsGatewayId", gateway);
            let bound = self
                .pages(io, "devices", || self.devices_ask(vec![by.clone()]))
                .await?;
            bound.iter().filter_map(id_of).collect()
        } else {
            Vec::new()
        };
        let own = self.settings.identity.id();
        let method = all
            .iter()
            .find(|device| id_of(device).as_deref() == Some(own))
            .and_then(wire::auth_method);
        self.book().auth_method = method.map(str::to_owned);
        let devices = all.iter().filter_map(|device| {
            let is_bound = id_of(device).is_some_and(|id| bound.contains(&id));
            wire::device(device, is_bound)
        });
        Ok(devices.collect())
    }

    /// Follows the pages to the end.
    async fn pages(
        &self,
        io: &dyn Io,
        name: &str,
        ask: impl Fn() -> Ask,
    ) -> Result<Vec<Value>, Refusal> {
        let mut all = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let mut ask = ask();
            ask.query.push(("pageSize", PAGE.to_string()));
            ask.query
                .extend(token.take().map(|token| ("pageToken", token)));
            let page = self.ask(io, ask).await?;
            all.extend(wire::list(&page, name).iter().cloned());
            token = wire::next_page(&page);
            if token.is_none() {
                break;
            }
        }
        Ok(all)
    }

    fn devices_ask(&self, query: Vec<(&'static str, String)>) -> Ask {
        let registry = self.settings.registry_path();
        Ask {
            method: Method::Get,
            path: format!("{}/devices", self.registry_url_path()),
            service: "cloudiot_devices",
            own: vec![("parent", registry)],
            query,
            body: None,
            repeatable: true,
        }
    }

    /// The registry's path, each part encoded.
    fn registry_url_path(&self) -> String {
        format!(
            "projects/{}/locations/{}/registries/{}",
            encode(&self.settings.project),
            encode(&self.settings.region),
            encode(&self.settings.registry)
        )
    }

    pub(super) async fn relay(
        &self,
        io: &dyn Io,
        request: RelayRequest,
    ) -> Result<RelayReply, Problem> {
        match request {
            RelayRequest::Registries => self.registries(io).await.map(RelayReply::Registries),
            RelayRequest::Configs(device) => {
                self.configs(io, &device).await.map(RelayReply::Configs)
            }
            RelayRequest::States(device) => {
                self.states_of(io, &device).await.map(RelayReply::States)
            }
            RelayRequest::SendConfig {
                device,
                payload,
                expected,
            } => self.send_config(io, &device, &payload, expected).await,
            RelayRequest::SendCommand {
                device,
                command: Command::Bytes { subfolder, payload },
            } => {
                self.send_command(io, &device, subfolder.as_deref(), &payload)
                    .await
            }
            RelayRequest::Bind { gateway, device } => {
                self.binding(io, "bindDeviceToGateway", &gateway, &device)
                    .await
            }
            RelayRequest::Unbind { gateway, device } => {
                self.binding(io, "unbindDeviceFromGateway", &gateway, &device)
                    .await
            }
            RelayRequest::SendCommand { .. }
            | RelayRequest::SendMessage { .. }
            | RelayRequest::Report { .. }
            | RelayRequest::ReportDraft(_)
            | RelayRequest::Event { .. }
            | RelayRequest::EventDraft(_)
            | RelayRequest::SyncClock
            | RelayRequest::Detail(_)
            | RelayRequest::Register(_)
            | RelayRequest::Delete(_) => Err(Problem::new(
                "the bridge has no such thing",
                "its devices have a configuration, commands of bytes, and states",
                "use config, command and state",
            )
            .exit(Exit::Usage)),
        }
    }

    async fn registries(&self, io: &dyn Io) -> Result<Vec<Registry>, Problem> {
        let what = "could not list the registries";
        let door = self.admin_door(io).await?;
        let (project, region) = (&self.settings.project, &self.settings.region);
        let parent = format!("projects/{project}/locations/{region}");
        let mut all = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let mut query = vec![("pageSize", "100".to_owned())];
            query.extend(token.take().map(|token| ("pageToken", token)));
            let ask = Ask {
                method: Method::Get,
                path: format!(
                    "projects/{}/locations/{}/registries",
                    encode(project),
                    encode(region)
                ),
                service: "cloudiot",
                own: vec![("parent", parent.clone())],
                query,
                body: None,
                repeatable: true,
            };
            let page = self.ask_at(io, &door, &ask).await;
            let page = page.map_err(|refusal| refusal.problem(what))?;
            let found = wire::list(&page, "deviceRegistries").iter();
            all.extend(found.filter_map(|registry| {
                Some(Registry {
                    id: id_of(registry)?,
                    raw: std::sync::Arc::new(registry.clone()),
                })
            }));
            token = wire::next_page(&page);
            if token.is_none() {
                break;
            }
        }
        Ok(all)
    }

    fn device_ask(&self, method: Method, device: &DeviceId, below: &str) -> Ask {
        let own = format!("{}/devices/{device}", self.settings.registry_path());
        Ask {
            method,
            path: format!(
                "{}/devices/{}{below}",
                self.registry_url_path(),
                encode(device.as_str())
            ),
            service: "cloudiot_devices",
            own: vec![("name", own)],
            query: Vec::new(),
            body: None,
            repeatable: method == Method::Get,
        }
    }

    async fn configs(&self, io: &dyn Io, device: &DeviceId) -> Result<Vec<ConfigVersion>, Problem> {
        let mut ask = self.device_ask(Method::Get, device, "/configVersions");
        ask.service = "cloudiot_devices_configVersions";
        ask.query.push(("numVersions", KEPT.to_owned()));
        let what = format!("could not read the configuration of {device}");
        let page = self
            .ask(io, ask)
            .await
            .map_err(|refusal| refusal.problem(&what))?;
        let found = wire::list(&page, "deviceConfigs").iter();
        let mut versions: Vec<_> = found.map(wire::config_version).collect();
        versions.sort_by_key(|version| std::cmp::Reverse(version.version));
        Ok(versions)
    }

    async fn states_of(
        &self,
        io: &dyn Io,
        device: &DeviceId,
    ) -> Result<Vec<StateVersion>, Problem> {
        let mut ask = self.device_ask(Method::Get, device, "/states");
        ask.service = "cloudiot_devices_states";
        ask.query.push(("numStates", KEPT.to_owned()));
        // Else ClearBlade's binary states come damaged (`reference/google-iot-core.md` 11).
        ask.own.push(("base64Encode", "true".to_owned()));
        let what = format!("could not read the states of {device}");
        let page = self
            .ask(io, ask)
            .await
            .map_err(|refusal| refusal.problem(&what))?;
        let found = wire::list(&page, "deviceStates").iter();
        Ok(found.map(wire::state_version).collect())
    }

    async fn send_config(
        &self,
        io: &dyn Io,
        device: &DeviceId,
        payload: &Bytes,
        expected: Option<u64>,
    ) -> Result<RelayReply, Problem> {
        let what = format!("could not send the configuration of {device}");
        if payload.len() > rules::LARGEST_CONFIG {
            let cause = format!(
                "it has {} bytes, and the platform takes {}",
                payload.len(),
                rules::LARGEST_CONFIG
            );
            return Err(Problem::new(what, cause, "send less").exit(Exit::Usage));
        }
        let door = self.door(io).await?;
        let version = expected.unwrap_or(0);
        // A 64-bit number is a text in Google's JSON.
        let version = match door {
            Door::Google { .. } => json!(version.to_string()),
            Door::ClearBlade(_) => json!(version),
        };
        let mut ask = self.device_ask(Method::Post, device, ":modifyCloudToDeviceConfig");
        ask.own
            .push(("method", "modifyCloudToDeviceConfig".to_owned()));
        ask.body = Some(json!({
            "binaryData": wire::encoded(payload),
            "versionToUpdate": version,
        }));
        match self.ask(io, ask).await {
            Ok(config) => Ok(RelayReply::Configured(wire::config_version(&config))),
            Err(refusal) => {
                let is_conflict = refusal.is("FAILED_PRECONDITION") || refusal.is("ABORTED");
                if let Some(expected) = expected.filter(|_| is_conflict) {
                    let newest = self.configs(io, device).await?.into_iter().next();
                    if let Some(newest) = newest.filter(|newest| newest.version != expected) {
                        return Ok(RelayReply::Conflict {
                            newest: Box::new(newest),
                        });
                    }
                }
                Err(refusal.problem(&what))
            }
        }
    }

    async fn send_command(
        &self,
        io: &dyn Io,
        device: &DeviceId,
        subfolder: Option<&str>,
        payload: &Bytes,
    ) -> Result<RelayReply, Problem> {
        let what = format!("could not send the command to {device}");
        let subfolder = subfolder.filter(|folder| !folder.is_empty());
        if let Some(folder) = subfolder {
            rules::check_folder(folder)?;
        }
        if payload.len() > rules::LARGEST_EVENT {
            let cause = format!(
                "it has {} bytes, and the platform takes {}",
                payload.len(),
                rules::LARGEST_EVENT
            );
            return Err(Problem::new(what, cause, "send less").exit(Exit::Usage));
        }
        let mut body = json!({ "binaryData": wire::encoded(payload) });
        if let (Some(folder), Some(body)) = (subfolder, body.as_object_mut()) {
            body.insert("subfolder".to_owned(), json!(folder));
        }
        let mut ask = self.device_ask(Method::Post, device, ":sendCommandToDevice");
        ask.own.push(("method", "sendCommandToDevice".to_owned()));
        ask.body = Some(body);
        match self.ask(io, ask).await {
            Ok(_) => Ok(RelayReply::Commanded {
                id: None,
                answer: None,
            }),
            Err(refusal) => {
                let mut problem = refusal.problem(&what);
                if refusal.is("FAILED_PRECONDITION") {
                    "the device has to be connected and subscribed to commands/# (not to `commands` or one subfolder); behind a gateway it has to be attached, and the gateway has to hold that subscription".clone_into(&mut problem.remedy);
                }
                Err(problem)
            }
        }
    }

    async fn binding(
        &self,
        io: &dyn Io,
        verb: &'static str,
        gateway: &DeviceId,
        device: &DeviceId,
    ) -> Result<RelayReply, Problem> {
        let ask = Ask {
            method: Method::Post,
            path: format!("{}:{verb}", self.registry_url_path()),
            service: "cloudiot",
            own: vec![("method", verb.to_owned())],
            query: Vec::new(),
            body: Some(json!({
                "gatewayId": gateway.as_str(),
                "deviceId": device.as_str(),
            })),
            repeatable: true,
        };
        let doing = if verb.starts_with("bind") {
            format!("could not bind {device} to {gateway}")
        } else {
            format!("could not unbind {device} from {gateway}")
        };
        match self.ask(io, ask).await {
            Ok(_) => Ok(RelayReply::Done),
            Err(refusal) => Err(refusal.problem(&doing)),
        }
    }
}

fn id_of(value: &Value) -> Option<String> {
    let id = value.get("id")?.as_str()?;
    (!id.is_empty()).then(|| id.to_owned())
}

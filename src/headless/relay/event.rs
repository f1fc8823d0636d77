//! `event` and `time-sync`, each over a connection of its own.

use super::report::connected;
use super::{device, unfit_relay};
use crate::base::problem::{Exit, Problem};
use crate::domain::relay::{NewEvent, RelayReply, RelayRequest};
use crate::headless::script::{End, Script};

pub(super) async fn run(
    script: &mut Script<'_>,
    wanted: &str,
    name: &str,
    parameters: &str,
) -> Result<Exit, End> {
    script.begin_with("event", |can| can.relay.event)?;
    // A service may begin with `$`, an event's type has no dots.
    let Some((service, kind)) = name.rsplit_once('.') else {
        let cause = format!("{name:?} is not SERVICE.EVENT");
        let remedy = "write the service, a dot and the event's type: Door.opened";
        return Err(Problem::new("the event is not sent", cause, remedy)
            .exit(Exit::Usage)
            .into());
    };
    let device = device(script, wanted).await?;
    let request = RelayRequest::Event {
        device: Some(device.clone()),
        event: NewEvent {
            service: service.to_owned(),
            name: kind.to_owned(),
            parameters: parameters.to_owned(),
        },
    };
    match connected(script, request).await? {
        RelayReply::Done => {
            script.say(&format!("the event of {device} is acknowledged"));
            Ok(Exit::Done)
        }
        other => Err(unfit_relay(other)),
    }
}

pub(super) async fn sync_clock(script: &mut Script<'_>, json: bool) -> Result<Exit, End> {
    script.begin_with("time-sync", |can| can.relay.event)?;
    match connected(script, RelayRequest::SyncClock).await? {
        RelayReply::Clock { offset_ms, .. } if json => {
            script
                .out(&format!("{{\"offset_ms\":{offset_ms}}}"))
                .await?;
            Ok(Exit::Done)
        }
        RelayReply::Clock { words, .. } => {
            script.out(&words).await?;
            Ok(Exit::Done)
        }
        other => Err(unfit_relay(other)),
    }
}

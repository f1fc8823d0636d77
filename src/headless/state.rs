//! `state` and `profile`: what the platform gave, as it gave it.

use crate::base::problem::Exit;
use crate::domain::json::pretty;
use crate::domain::request::{Reply, Request};

use super::relay;
use super::script::{End, Script, unfit};

pub(super) async fn state(
    script: &mut Script<'_>,
    wanted: &str,
    versions: bool,
) -> Result<Exit, End> {
    let profile = script.begin_with("state", |can| can.state || can.relay.config)?;
    if script.console.capabilities(&profile).relay.config {
        return relay::states(script, wanted, versions).await;
    }
    let device = script.device(wanted).await?.id;
    match script.ask(Request::State { device }).await? {
        Reply::State(state) => script.out(&pretty(&state)).await?,
        other => return Err(unfit(&other)),
    }
    Ok(Exit::Done)
}

pub(super) async fn profile(script: &mut Script<'_>, wanted: &str) -> Result<Exit, End> {
    script.begin_with("profile", |can| !can.topics)?;
    let device = script.device(wanted).await?.id;
    match script.ask(Request::Model { device }).await? {
        Reply::Model { raw, .. } => script.out(&pretty(&raw)).await?,
        other => return Err(unfit(&other)),
    }
    Ok(Exit::Done)
}

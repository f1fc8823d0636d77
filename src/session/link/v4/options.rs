//! A plan as rumqttc's options, without what its defaults get wrong and without what makes it panic.

use std::time::Duration;

use rumqttc::{LastWill, MqttOptions, TlsConfiguration, Transport};

use super::qos_out;
use crate::base::problem::{Exit, Problem};
use crate::session::link::Opening;
use crate::session::tls::Tls;

/// The largest packet that MQTT can express. The event loop dies of a packet over its limit, and again of the same
/// packet after each reconnect; so it gets this one, and the plan's limit is kept here, by skipping.
const PROTOCOL_MAX: usize = 268_435_455;
/// rumqttc counts packet ids up to this and then from 1 again; far over what is ever in flight, so that it never meets
/// an id in use, and never stops reading orders.
const PACKET_IDS: u16 = 1024;

pub fn build(opening: &Opening, tls: Option<&Tls>) -> Result<MqttOptions, Problem> {
    let plan = &opening.plan;
    check_client_id(&plan.client_id, plan.clean_session)?;
    let endpoint = &opening.endpoint;
    let host = host(&endpoint.host, tls.is_some());
    let mut options = MqttOptions::new(&plan.client_id, host, endpoint.port);
    options
        .set_keep_alive(keep_alive(plan.keep_alive))
        .set_clean_session(plan.clean_session)
        .set_max_packet_size(PROTOCOL_MAX, PROTOCOL_MAX)
        .set_inflight(PACKET_IDS)
        .set_manual_acks(opening.manual_ack);
    if let Some(tls) = tls {
        let config = TlsConfiguration::Rustls(tls.config());
        options.set_transport(Transport::tls_with_config(config));
    }
    if plan.username.is_some() || plan.password.is_some() {
        let password = plan.password.as_ref().map_or("", |secret| secret.expose());
        options.set_credentials(plan.username.clone().unwrap_or_default(), password);
    }
    if let Some(will) = &plan.will {
        let will = &will.draft;
        let payload = will.payload.to_vec();
        let topic = will.topic.as_str();
        options.set_last_will(LastWill::new(
            topic,
            payload,
            qos_out(will.qos),
            will.retain,
        ));
    }
    Ok(options)
}

/// rumqttc puts host and port together without brackets; under TLS the same text is the certificate's name, and there a
/// bare IPv6 address stays out of reach.
fn host(host: &str, tls: bool) -> String {
    if host.contains(':') && !host.starts_with('[') && !tls {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

/// rumqttc panics on the one and truncates the other.
fn check_client_id(client_id: &str, clean_session: bool) -> Result<(), Problem> {
    let cause = if client_id.is_empty() && !clean_session {
        "a kept session needs a client id, and it is empty"
    } else if client_id.len() > usize::from(u16::MAX) {
        "the client id is longer than 65,535 bytes"
    } else {
        return Ok(());
    };
    let remedy = "change `client_id` or `clean_session` in the profile";
    Err(Problem::new("could not connect", cause, remedy).exit(Exit::Usage))
}

/// Whole seconds in 16 bits on the wire; zero means none.
fn keep_alive(wanted: Duration) -> Duration {
    let most = Duration::from_secs(u64::from(u16::MAX));
    if wanted.is_zero() {
        wanted
    } else {
        wanted.clamp(Duration::from_secs(1), most)
    }
}

/// CONNECT for the log: everything but the secrets.
pub fn connect_text(opening: &Opening) -> String {
    format!(
        "out CONNECT {}:{} client_id={} keep_alive={} clean_session={}",
        opening.endpoint.host,
        opening.endpoint.port,
        opening.plan.client_id,
        opening.plan.keep_alive.as_secs(),
        opening.plan.clean_session,
    )
}

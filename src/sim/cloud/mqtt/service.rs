//! Request and response: `plant/service/echo` says again what it is asked.

use serde_json::Value;

use crate::domain::message::Properties;
use crate::domain::topic::Topic;
use crate::sim::cloud::Publication;

pub const ECHO: &str = "plant/service/echo";

/// The answer goes to the response topic with the correlation data (MQTT 5, 4.10), or to where `reply_to` in a JSON
/// request says. A request with neither has no answer.
pub fn echo(request: &Publication) -> Option<Publication> {
    let said = || {
        let json: Value = serde_json::from_slice(&request.payload).ok()?;
        Some(json.get("reply_to")?.as_str()?.to_owned())
    };
    let topic = request.properties.response_topic.clone().or_else(said)?;
    Topic::parse(&topic).ok()?;
    let properties = Properties {
        correlation_data: request.properties.correlation_data.clone(),
        content_type: request.properties.content_type.clone(),
        utf8: request.properties.utf8,
        user: vec![("service".to_owned(), "echo".to_owned())],
        ..Properties::default()
    };
    Some(Publication {
        qos: request.qos,
        properties,
        ..Publication::new(topic, request.payload.clone())
    })
}

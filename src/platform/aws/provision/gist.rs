//! The gist of a provisioning message for the stream's row. Key and token stay out of it.

use serde_json::Value;

use super::short;
use crate::domain::message::Message;
use crate::domain::reading::{Kind, Reading};
use crate::platform::aws::topics::Provisioning;

/// `step` is what the topic says.
pub(in super::super) fn interpret(message: &Message, step: Provisioning<'_>) -> Reading {
    let body: Value = serde_json::from_slice(&message.payload).unwrap_or_default();
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let (Provisioning::Create { answer, .. } | Provisioning::Register { answer, .. }) = step;
    let gist = match (answer, step) {
        ("rejected", _) => {
            let code = body.get("statusCode").map(Value::to_string);
            let parts = [
                code.as_deref().unwrap_or_default(),
                text("errorCode"),
                text("errorMessage"),
            ];
            let told: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            format!("rejected: {}", told.join(" "))
        }
        ("accepted", Provisioning::Create { csr, .. }) => {
            let what = if csr {
                "certificate"
            } else {
                "key and certificate"
            };
            format!("{what} {} made", short(text("certificateId")))
        }
        ("accepted", Provisioning::Register { template, .. }) => {
            format!("thing {} registered with {template}", text("thingName"))
        }
        _ => String::new(),
    };
    Reading {
        kind: Kind::Provisioning,
        gist,
        ..Reading::default()
    }
}

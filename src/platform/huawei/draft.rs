//! What a report of a device may say, for the composer: the properties of its product where the application side tells
//! them, with the values that are known; else what was reported last; else the bare form.

use std::sync::{MutexGuard, PoisonError};

use super::Huawei;
use super::body::{list, object, raw, text, word};
use super::messages::Reported;
use super::report;
use super::rest::Ask;
use super::shadow;
use crate::base::problem::Problem;
use crate::domain::device::DeviceId;
use crate::domain::relay::RelayReply;
use crate::domain::shadow::{Node, ShadowKey};
use crate::domain::topic::Topic;
use crate::platform::io::{Io, Method};

impl Huawei {
    /// Reports that passed by.
    pub(super) fn reported(&self) -> MutexGuard<'_, Reported> {
        self.reported.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn report_draft(
        &self,
        io: &dyn Io,
        device: &DeviceId,
    ) -> Result<RelayReply, Problem> {
        let mut services = Node::empty();
        if self.settings.rest.is_some() {
            // Neither is worth a failure: the form can be filled in by hand.
            if let Ok(model) = self.model(io, device).await {
                services = model;
            }
            let key = ShadowKey::classic(device.clone());
            if let Ok(Some(known)) = shadow::reported(self, io, &key).await {
                services.merge(&known);
            }
        }
        if let Some(last) = self.reported().get(device) {
            services.merge(last);
        }
        if services.is_empty() {
            services = object([("SERVICE", object([("PROPERTY", raw("0"))]))]);
        }
        let draft = report::report(&self.settings, Some(device), None, &services.text())?;
        let topic = Topic::parse(&draft.topic).map_err(|why| {
            Problem::new(
                "the report has no topic",
                why.to_string(),
                "check device_id",
            )
        })?;
        Ok(RelayReply::Draft {
            topic,
            payload: draft.payload.into(),
        })
    }

    /// `{"SERVICE":{"PROPERTY":a value of its type}}` of what the device's product says it reports.
    async fn model(&self, io: &dyn Io, device: &DeviceId) -> Result<Node, Problem> {
        let what = "could not ask for the product of the device";
        let path = ["devices", device.as_str()];
        let found = self.ask(io, Ask::new(Method::Get, &path, what)).await?;
        let path = ["products", &word(&found, "product_id")];
        let product = self.ask(io, Ask::new(Method::Get, &path, what)).await?;
        Ok(of_product(&product))
    }
}

fn of_product(product: &Node) -> Node {
    let mut services = Node::empty();
    for service in list(product, "service_capabilities") {
        let properties: Vec<_> = list(&service, "properties")
            .iter()
            .map(|property| (word(property, "property_name"), example(property)))
            .filter(|(name, _)| !name.is_empty())
            .collect();
        let id = word(&service, "service_id");
        if !id.is_empty() && !properties.is_empty() {
            services.merge(&Node::Object(vec![(id, Node::Object(properties))]));
        }
    }
    services
}

/// Something of the property's type: the first of its words, the least it can be.
fn example(property: &Node) -> Node {
    if let Some(first) = list(property, "enum_list").first() {
        return first.clone();
    }
    let least = word(property, "min").parse::<i64>().unwrap_or_default();
    match word(property, "data_type").as_str() {
        "int" | "long" | "integer" => raw(&least.to_string()),
        "decimal" | "double" | "float" => raw(&format!("{least}.0")),
        "boolean" | "bool" => raw("false"),
        "jsonObject" | "object" => Node::empty(),
        "stringList" | "array" => raw("[]"),
        _ => text(""),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::body::read;
    use super::*;

    fn node(value: &Value) -> Node {
        read(value.to_string().as_bytes())
    }

    #[test]
    fn the_form_has_a_value_of_each_type_and_what_is_known_in_its_place() {
        let product = json!({"service_capabilities": [
            {"service_id": "Meter", "properties": [
                {"property_name": "voltage", "data_type": "decimal", "min": "0"},
                {"property_name": "mode", "data_type": "string", "enum_list": ["eco", "full"]}]},
            {"service_id": "Empty", "properties": []}]});
        let mut services = of_product(&node(&product));
        assert_eq!(services.text(), r#"{"Meter":{"voltage":0.0,"mode":"eco"}}"#);
        services.merge(&read(
            br#"{"Meter":{"voltage":229.50},"Relay":{"on":true}}"#,
        ));
        assert_eq!(
            services.text(),
            r#"{"Meter":{"voltage":229.50,"mode":"eco"},"Relay":{"on":true}}"#
        );
        let odd = json!({"service_capabilities": 7});
        assert!(of_product(&node(&odd)).is_empty());
    }
}

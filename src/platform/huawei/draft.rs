//! What a report of a device may say, for the composer: the properties of its product where the application side tells
//! them, with the values that are known; else what was reported last; else the bare form.

use std::sync::PoisonError;

use serde_json::{Map, Value, json};

use super::Huawei;
use super::messages::word;
use super::report;
use super::rest::Ask;
use crate::base::problem::Problem;
use crate::domain::device::DeviceId;
use crate::domain::fact::Fact;
use crate::domain::reading::Reading;
use crate::domain::relay::RelayReply;
use crate::domain::topic::Topic;
use crate::platform::io::{Io, Method};

/// Devices whose last reports are kept.
const KEPT: usize = 256;

impl Huawei {
    /// Reports that pass by.
    pub(super) fn remember(&self, reading: &Reading) {
        for fact in &reading.facts {
            let Fact::Report { device, patch } = fact else {
                continue;
            };
            let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
            if reported.len() >= KEPT && !reported.contains_key(device) {
                reported.pop_first();
            }
            let known = reported.entry(device.clone()).or_insert_with(|| json!({}));
            merge(known, patch);
        }
    }

    pub(super) async fn report_draft(
        &self,
        io: &dyn Io,
        device: &DeviceId,
    ) -> Result<RelayReply, Problem> {
        let mut services = json!({});
        if self.settings.rest.is_some() {
            // Neither is worth a failure: the form can be filled in by hand.
            if let Ok(model) = self.model(io, device).await {
                services = model;
            }
            if let Ok(known) = self.properties(io, device).await {
                merge(&mut services, &known);
            }
        }
        let last = self
            .reported
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(device)
            .cloned();
        if let Some(last) = last {
            merge(&mut services, &last);
        }
        if services.as_object().is_none_or(Map::is_empty) {
            services = json!({"SERVICE": {"PROPERTY": 0}});
        }
        let text = services.to_string();
        let draft = report::report(&self.settings, Some(device), None, &text)?;
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
    async fn model(&self, io: &dyn Io, device: &DeviceId) -> Result<Value, Problem> {
        let what = "could not ask for the product of the device";
        let path = ["devices", device.as_str()];
        let found = self.ask(io, Ask::new(Method::Get, &path, what)).await?;
        let path = ["products", word(&found, "product_id")];
        let product = self.ask(io, Ask::new(Method::Get, &path, what)).await?;
        Ok(of_product(&product))
    }
}

fn of_product(product: &Value) -> Value {
    let list = |value: &Value, name: &str| {
        value
            .get(name)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let mut services = Map::new();
    for service in list(product, "service_capabilities") {
        let mut properties = Map::new();
        for property in list(&service, "properties") {
            let name = word(&property, "property_name");
            if !name.is_empty() {
                properties.insert(name.to_owned(), example(&property));
            }
        }
        let id = word(&service, "service_id");
        if !id.is_empty() && !properties.is_empty() {
            services.insert(id.to_owned(), properties.into());
        }
    }
    services.into()
}

/// Something of the property's type: the first of its words, the least it can be.
fn example(property: &Value) -> Value {
    if let Some(first) = property
        .get("enum_list")
        .and_then(Value::as_array)
        .and_then(|list| list.first())
    {
        return first.clone();
    }
    let least = word(property, "min").parse::<i64>().unwrap_or_default();
    match word(property, "data_type") {
        "int" | "long" | "integer" => least.into(),
        "decimal" | "double" | "float" => json!(f64::from(i32::try_from(least).unwrap_or(0))),
        "boolean" | "bool" => false.into(),
        "jsonObject" | "object" => json!({}),
        "stringList" | "array" => json!([]),
        _ => "".into(),
    }
}

/// Service by service, property by property.
fn merge(known: &mut Value, newer: &Value) {
    let (Some(known), Some(newer)) = (known.as_object_mut(), newer.as_object()) else {
        return;
    };
    for (service, properties) in newer {
        let entry = known
            .entry(service.clone())
            .or_insert_with(|| json!({}))
            .as_object_mut();
        if let (Some(entry), Some(properties)) = (entry, properties.as_object()) {
            entry.extend(properties.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_has_a_value_of_each_type_and_what_is_known_in_its_place() {
        let product = json!({"service_capabilities": [
            {"service_id": "Meter", "properties": [
                {"property_name": "voltage", "data_type": "decimal", "min": "0"},
                {"property_name": "mode", "data_type": "string", "enum_list": ["eco", "full"]}]},
            {"service_id": "Empty", "properties": []}]});
        let mut services = of_product(&product);
        merge(
            &mut services,
            &json!({"Meter": {"voltage": 229.5}, "Relay": {"on": true}}),
        );
        assert_eq!(
            services.to_string(),
            r#"{"Meter":{"voltage":229.5,"mode":"eco"},"Relay":{"on":true}}"#
        );
        assert_eq!(of_product(&json!({"service_capabilities": 7})), json!({}));
    }
}

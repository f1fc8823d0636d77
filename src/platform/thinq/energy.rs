//! Energy by day, where the product has it (`reference/lg-thinq.md` 5.8).

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;

use super::Thinq;
use super::budget::Urgency;
use super::error::ThinqError;
use super::shared::lock;
use super::wire;
use crate::base::moment::Timestamp;
use crate::base::problem::Problem;
use crate::domain::device::DeviceId;
use crate::domain::request::Usage;
use crate::platform::io::Io;

const DAYS: u64 = 30;
const DAY: Duration = Duration::from_hours(24);

/// Devices whose product has no energy data, or whose token may not ask: asked once, remembered.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<HashMap<DeviceId, ThinqError>>);

impl Thinq {
    pub(super) async fn energy(
        &self,
        io: &dyn Io,
        device: &DeviceId,
    ) -> Result<Vec<Usage>, Problem> {
        self.read_energy(io, device).await.map_err(|error| {
            self.problem_of(
                &error,
                format!("could not read the energy of {}", self.name(device)),
            )
        })
    }

    async fn read_energy(&self, io: &dyn Io, device: &DeviceId) -> Result<Vec<Usage>, ThinqError> {
        if let Some(refusal) = lock(&self.energy.0).get(device) {
            return Err(refusal.clone());
        }
        let read = self.ask_energy(io, device).await;
        if let Err(error) = &read
            && ["1219", "1220", "1221", "1305", "1309"]
                .iter()
                .any(|code| error.is(code))
        {
            lock(&self.energy.0).insert(device.clone(), error.clone());
        }
        read
    }

    async fn ask_energy(&self, io: &dyn Io, device: &DeviceId) -> Result<Vec<Usage>, ThinqError> {
        let profile = self
            .call(io, &wire::energy_profile(device), Urgency::Look)
            .await?;
        let (start, end) = span(io.now().wall);
        let mut usage = Vec::new();
        for property in properties(&profile) {
            let call = wire::energy_usage(device, &property, &start, &end);
            let response = self.call(io, &call, Urgency::Look).await?;
            usage.extend(figures(&response, &property));
        }
        Ok(usage)
    }
}

/// The last days, as LG writes dates. The account's zone is not known and the end must not lie in its future, so the
/// day ends twelve hours late.
fn span(now: Timestamp) -> (String, String) {
    let end = Timestamp(now.0.saturating_sub(12 * 3_600_000_000));
    let back = i64::try_from((DAY * u32::try_from(DAYS - 1).unwrap_or(0)).as_micros()).unwrap_or(0);
    (date(Timestamp(end.0.saturating_sub(back))), date(end))
}

fn date(at: Timestamp) -> String {
    at.to_string()
        .chars()
        .take(10)
        .filter(char::is_ascii_digit)
        .collect()
}

fn properties(profile: &Value) -> Vec<String> {
    let result = profile.get("result").unwrap_or(profile);
    let listed = result.get("property").and_then(Value::as_array);
    listed
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

/// The amount stands under the property's name in practice, under `useAmount` in LG's example.
fn figures(response: &Value, property: &str) -> Vec<Usage> {
    let result = response.get("result").unwrap_or(response);
    let days = result.get("dataList").and_then(Value::as_array);
    let figure = |day: &Value| {
        let amount = [property, "useAmount"]
            .iter()
            .find_map(|name| number(day.get(*name)?))?;
        let date = day.get("usedDate").and_then(Value::as_str)?.to_owned();
        Some(Usage {
            date,
            property: property.to_owned(),
            amount,
        })
    };
    days.into_iter().flatten().filter_map(figure).collect()
}

fn number(value: &Value) -> Option<f64> {
    value
        .as_f64()
        .or_else(|| value.as_str()?.parse().ok())
        .filter(|n: &f64| n.is_finite())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_spellings_of_the_amount_are_read() {
        let response = json!({"resultCode": "0000", "result": {"property": "energyUsage", "dataList": [
            {"usedDate": "20260301", "energyUsage": 1234}, {"usedDate": "20260302", "useAmount": "7.5"}, {"usedDate": "20260303"}]}});
        let read: Vec<_> = figures(&response, "energyUsage")
            .into_iter()
            .map(|u| (u.date, u.amount))
            .collect();
        assert_eq!(
            read,
            [
                ("20260301".to_owned(), 1234.0),
                ("20260302".to_owned(), 7.5)
            ]
        );
    }

    #[test]
    fn the_span_has_thirty_days_and_does_not_end_in_the_future() {
        let now = Timestamp::from_seconds(1_772_420_400); // 2026-03-02T03:00:00Z
        assert_eq!(span(now), ("20260131".to_owned(), "20260301".to_owned()));
    }
}

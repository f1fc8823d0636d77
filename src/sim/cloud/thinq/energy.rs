//! Energy usage: made up, but always the same for a device and a day (`reference/lg-thinq.md` 5.8).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::codes::Refusal;
use crate::base::moment::Timestamp;
use crate::sim::world::Device;

const PROPERTY: &str = "energyUsage";

pub fn profile(device: &Device) -> Result<Value, Refusal> {
    if !device.kind.has_energy {
        return Err("1221".into());
    }
    Ok(json!({"resultCode": "0000", "result": {"property": [PROPERTY]}}))
}

pub fn usage(
    device: &Device,
    query: &BTreeMap<String, String>,
    wall: Timestamp,
) -> Result<Value, Refusal> {
    if !device.kind.has_energy {
        return Err("1221".into());
    }
    let given = |name: &str| query.get(name).map(String::as_str).ok_or("1101");
    let (property, period) = (given("property")?, given("period")?);
    let (start, end) = (given("startDate")?, given("endDate")?);
    let length = match period {
        "DAILY" => 8,
        "MONTHLY" => 6,
        _ => return Err("1102".into()),
    };
    let today: String = wall
        .to_string()
        .chars()
        .filter(char::is_ascii_digit)
        .take(length)
        .collect();
    let is_date = |text: &str| text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
    let in_order = start <= end && end <= today.as_str();
    if property != PROPERTY || !is_date(start) || !is_date(end) || !in_order {
        return Err("1102".into());
    }
    let list: Vec<_> = dates(start, end)
        .into_iter()
        .filter_map(|date| Some(json!({"usedDate": date, PROPERTY: amount(&device.id, &date)?})))
        .collect();
    Ok(json!({"resultCode": "0000", "result": {"property": PROPERTY, "dataList": list}}))
}

/// Days or months from `start` to `end`, both in.
fn dates(start: &str, end: &str) -> Vec<String> {
    let parse = |text: &str| {
        let padded = format!("{text:0<6}01");
        let digits: i32 = padded.chars().take(8).collect::<String>().parse().ok()?;
        let (year, month, day) = (digits / 10_000, digits / 100 % 100, digits % 100);
        jiff::civil::Date::new(
            year.try_into().ok()?,
            month.try_into().ok()?,
            day.try_into().ok()?,
        )
        .ok()
    };
    let (Some(first), Some(last)) = (parse(start), parse(end)) else {
        return Vec::new();
    };
    let monthly = start.len() == 6;
    let step = if monthly {
        jiff::Span::new().months(1)
    } else {
        jiff::Span::new().days(1)
    };
    first
        .series(step)
        .take_while(|date| *date <= last)
        .take(400)
        .map(|date| {
            date.strftime(if monthly { "%Y%m" } else { "%Y%m%d" })
                .to_string()
        })
        .collect()
}

/// Watt-hours; some days have no data.
fn amount(device: &str, date: &str) -> Option<u64> {
    let hash = device
        .bytes()
        .chain(date.bytes())
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        });
    (hash % 11 != 0).then_some(200 + hash % 2400)
}

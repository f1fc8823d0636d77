//! `devices`.

use crate::base::problem::Exit;
use crate::base::text::SafeText;
use crate::domain::device::{Device, Presence};
use crate::domain::json::quote;

use super::script::{End, Script};
use super::table;

pub(super) async fn run(script: &mut Script<'_>, json: bool) -> Result<Exit, End> {
    script.begin_with("devices", |can| !can.topics)?;
    let devices = script.devices().await?;
    if json {
        for device in &devices {
            script.out(&json_line(device)).await?;
        }
    } else if devices.is_empty() {
        script.say(
            "no devices: the account has none, or the country of the profile is not the account's",
        );
    } else {
        let rows: Vec<_> = devices.iter().map(row).collect();
        for line in table::lines(&["NAME", "TYPE", "MODEL", "ONLINE", "ID"], &rows) {
            script.out(&line).await?;
        }
    }
    Ok(Exit::Done)
}

fn row(device: &Device) -> Vec<SafeText> {
    let online = match device.presence {
        Presence::Unknown => "?",
        Presence::Online => "yes",
        Presence::Offline => "no",
    };
    vec![
        device.label().into(),
        device.kind_words().into(),
        SafeText::new(&device.detail()),
        SafeText::new(online),
        SafeText::new(device.id.as_str()),
    ]
}

fn json_line(device: &Device) -> String {
    let mut line = format!(
        "{{\"id\":{},\"name\":{},\"type\":{},\"model\":{},\"reportable\":{}",
        quote(device.id.as_str()),
        quote(&device.name),
        quote(&device.kind),
        quote(&device.model),
        device.reportable
    );
    if let Some(group) = &device.group {
        line.push_str(&format!(",\"group\":{}", quote(group)));
    }
    if !device.attributes.is_empty() {
        let attributes = device.attributes.iter();
        let attributes: Vec<_> = attributes
            .map(|(name, value)| format!("{}:{}", quote(name), quote(value)))
            .collect();
        line.push_str(&format!(",\"attributes\":{{{}}}", attributes.join(",")));
    }
    match device.presence {
        Presence::Unknown => {}
        Presence::Online => line.push_str(",\"online\":true"),
        Presence::Offline => line.push_str(",\"online\":false"),
    }
    line.push('}');
    line
}

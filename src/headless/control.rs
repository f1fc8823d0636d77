//! `control`: properties by name, checked against the device's own description before anything is sent.

use crate::base::near::nearest;
use crate::base::problem::{Exit, Problem};
use crate::base::text::is_unsafe;
use crate::cli::verb::ControlVerb;
use crate::domain::json::one_line;
use crate::domain::model::{Model, Property};
use crate::domain::request::{PropertyPath, Reply, Request, Setting};

use super::feed::named;
use super::script::{End, Script, unfit};

pub(super) async fn run(script: &mut Script<'_>, verb: &ControlVerb) -> Result<Exit, End> {
    script.begin_with("control", |can| can.control)?;
    let device = script.device(&verb.device).await?;
    let request = Request::Model {
        device: device.id.clone(),
    };
    let model = match script.ask(request).await? {
        Reply::Model { model, .. } => model,
        other => return Err(unfit(&other)),
    };
    let settings = verb
        .settings
        .iter()
        .map(|typed| setting(&model, typed))
        .collect::<Result<Vec<_>, _>>()?;
    let request = Request::Control {
        device: device.id.clone(),
        settings,
        dry_run: verb.dry_run,
    };
    match script.ask(request).await? {
        Reply::Control { body, sent: true } => {
            script.say(&format!("sent to {}: {body}", named(&device)));
        }
        Reply::Control { body, sent: false } => script.out(&safe(&body)).await?,
        other => return Err(unfit(&other)),
    }
    Ok(Exit::Done)
}

/// The body byte for byte, unless a terminal would obey some of it.
fn safe(body: &str) -> String {
    if body.chars().any(is_unsafe) {
        one_line(body)
    } else {
        body.to_owned()
    }
}

/// `[place.]resource.property=value`; without the place, the resource or both where the rest names one property.
fn setting(model: &Model, typed: &str) -> Result<Setting, Problem> {
    let (key, value) = typed.split_once('=').unwrap_or((typed, ""));
    let (key, value) = (key.trim(), value.trim());
    let property = property(model, key)?;
    let Some(domain) = &property.write else {
        return Err(wrong(
            key,
            "the device's profile says that it can only be read",
            &writable(model),
        ));
    };
    let value = domain
        .parse(value)
        .map_err(|why| wrong(key, &why, "give one of the allowed values"))?;
    Ok(Setting {
        path: property.path.clone(),
        value,
    })
}

fn wrong(key: &str, cause: &str, remedy: &str) -> Problem {
    Problem::new(format!("cannot set {key:?}"), cause, remedy).exit(Exit::Usage)
}

/// The exact spelling first; any case where nothing is spelled so.
fn property<'a>(model: &'a Model, key: &str) -> Result<&'a Property, Problem> {
    let exact: Vec<_> = matching(model, &|path| fits(path, key, |a, b| a == b));
    let found = if exact.is_empty() {
        matching(model, &|path| fits(path, key, str::eq_ignore_ascii_case))
    } else {
        exact
    };
    let writable_ones: Vec<_> = found
        .iter()
        .copied()
        .filter(|p| p.write.is_some())
        .collect();
    match (writable_ones.as_slice(), found.as_slice()) {
        ([one], _) | ([], [one, ..]) => Ok(one),
        ([], []) => Err(unknown(model, key)),
        (many, _) => {
            let paths: Vec<_> = many.iter().map(|p| p.path.to_string()).collect();
            Err(wrong(
                key,
                &format!("it could be any of: {}", paths.join(", ")),
                "write the whole name",
            ))
        }
    }
}

fn matching<'a>(model: &'a Model, test: &dyn Fn(&PropertyPath) -> bool) -> Vec<&'a Property> {
    model.properties.iter().filter(|p| test(&p.path)).collect()
}

fn fits(path: &PropertyPath, key: &str, same: fn(&str, &str) -> bool) -> bool {
    let whole = path.to_string();
    let short = format!("{}.{}", path.resource, path.property);
    let placed = path
        .place
        .as_ref()
        .map(|place| format!("{place}.{}", path.property));
    [whole.as_str(), short.as_str(), path.property.as_str()]
        .into_iter()
        .chain(placed.as_deref())
        .any(|name| same(name, key))
}

fn unknown(model: &Model, key: &str) -> Problem {
    let paths: Vec<String> = model.writable().map(|p| p.path.to_string()).collect();
    let properties = model.writable().map(|p| p.path.property.as_str());
    let near = nearest(key, paths.iter().map(String::as_str).chain(properties));
    let remedy = near.map_or_else(|| writable(model), |near| format!("did you mean {near}?"));
    wrong(key, "the device's profile has no such property", &remedy)
}

fn writable(model: &Model) -> String {
    let paths: Vec<_> = model.writable().map(|p| p.path.to_string()).collect();
    if paths.is_empty() {
        "this device takes no commands".to_owned()
    } else {
        format!("what can be set: {}", paths.join(", "))
    }
}

//! `provision`: a new thing, step by step on stderr; what came of it as one JSON line on stdout, without its secrets.

use crate::base::moment::words;
use crate::base::problem::{Exit, Problem};
use crate::cli::verb::ProvisionVerb;
use crate::domain::fact::{Fact, Progress};
use crate::domain::json::{one_line, quote};
use crate::domain::provision::{
    NewThing, NewThingProfile, ProvisionRequest, Provisioned, SavedThing,
};
use crate::domain::request::{Reply, Request};
use crate::domain::session::{LinkState, SessionEvent};

use super::console::{Heard, Opening};
use super::script::{End, Script, problem_text, unfit};

pub(super) async fn run(script: &mut Script<'_>, verb: &ProvisionVerb) -> Result<Exit, End> {
    let claim = script.begin_with("provision", |can| can.provision)?;
    let thing = NewThing::new(&verb.template, verb.parameters.clone(), verb.csr)?;
    check_free(script, verb)?;
    let thing = provision(script, thing).await?;
    let saved = save(script, verb, &claim.name, &thing).await?;
    // Key and certificate are in two places until then; that the first is left behind is no failure of the second.
    if let Err(End::Failed(problem)) = saved_for_good(script).await {
        script.console.say(&problem_text(&problem));
    }
    let checked = if verb.no_check {
        None
    } else {
        Some(script.console.try_connection(&saved.profile).await)
    };
    let connected = checked.as_ref().map(Result::is_ok);
    script.out(&line(&thing, &saved, connected)).await?;
    match checked {
        None => {}
        Some(Ok(())) => script.say(&format!("[ok] connected as {}", thing.thing)),
        Some(Err(problem)) => return Err(not_connected(&thing, &saved, problem).into()),
    }
    Ok(Exit::Done)
}

/// Before anything is made that would have no place.
fn check_free(script: &Script<'_>, verb: &ProvisionVerb) -> Result<(), Problem> {
    let Some(name) = &verb.save_as else {
        return Ok(());
    };
    let is_taken = script.console.profiles().iter().any(|p| p.name == *name);
    if !is_taken || verb.replace {
        return Ok(());
    }
    Err(Problem::new(
        "nothing was provisioned",
        format!("there is a profile {name:?} already"),
        "choose another name, or give --replace",
    )
    .exit(Exit::Usage))
}

async fn provision(script: &mut Script<'_>, thing: NewThing) -> Result<Provisioned, End> {
    script.console.open(Opening {
        manual_ack: false,
        filters: Vec::new(),
        bare: true,
    });
    let request = ProvisionRequest::Begin(thing);
    let id = script
        .console
        .request(Request::Provision(Box::new(request)));
    let mut watch = Watch::default();
    loop {
        match script.console.next(None).await {
            Heard::Reply(answered, outcome) if answered == id => match outcome? {
                Reply::Provisioned(thing) => return Ok(*thing),
                other => return Err(unfit(&other)),
            },
            Heard::Fact(fact) | Heard::Session(SessionEvent::Fact(fact)) => {
                watch.note(&fact);
                script.tell(&fact);
            }
            Heard::Session(SessionEvent::Link(link)) => watch.link(script, link)?,
            Heard::Interrupt => {
                watch.say_what_is_left(script);
                return Err(End::Interrupted);
            }
            Heard::Reply(..)
            | Heard::Session(_)
            | Heard::Piece(_)
            | Heard::Left
            | Heard::Deadline => {}
        }
    }
}

/// What happens beside the request.
#[derive(Default)]
struct Watch {
    connected: bool,
    /// The last that was told of the certificate, while it waits for its registration.
    certificate: Option<Progress>,
}

impl Watch {
    fn note(&mut self, fact: &Fact) {
        if let Fact::Progress(progress) = fact
            && progress.until.is_some()
            && progress.step.name == "certificate"
        {
            self.certificate = Some(progress.clone());
        }
    }

    fn link(&mut self, script: &mut Script<'_>, link: LinkState) -> Result<(), End> {
        match link {
            LinkState::Connected { .. } => {
                self.connected = true;
                script.say("[ok] connected with the claim");
            }
            LinkState::Reconnecting { why, .. } if !self.connected => return Err(why.into()),
            LinkState::Reconnecting { at, why, .. } => {
                script.say_reconnecting(at, &why);
            }
            LinkState::Refused(why) | LinkState::TakenOver(why) => {
                self.say_what_is_left(script);
                return Err(why.into());
            }
            _ => {}
        }
        Ok(())
    }

    fn say_what_is_left(&self, script: &mut Script<'_>) {
        let Some(Progress {
            until: Some(until), ..
        }) = self.certificate
        else {
            return;
        };
        let left = words(script.console.now().wall.until(until));
        script.say(&format!(
            "a certificate waits here for its registration for another {left}: the same command goes on with it; AWS deletes it if none comes"
        ));
    }
}

async fn save(
    script: &mut Script<'_>,
    verb: &ProvisionVerb,
    claim: &str,
    thing: &Provisioned,
) -> Result<SavedThing, End> {
    let new = NewThingProfile {
        claim: claim.to_owned(),
        thing: thing.clone(),
        name: verb.save_as.clone(),
        replace: verb.replace,
    };
    let saved = script.console.save_thing(&new).await?;
    script.say(&format!("[ok] saved as profile {:?}", saved.profile));
    for remark in &saved.remarks {
        script.say(&format!("     {remark}"));
    }
    Ok(saved)
}

async fn saved_for_good(script: &mut Script<'_>) -> Result<(), End> {
    let request = Request::Provision(Box::new(ProvisionRequest::Saved));
    script.ask(request).await.map(|_kept| ())
}

fn line(thing: &Provisioned, saved: &SavedThing, connected: Option<bool>) -> String {
    let connected = connected.map_or(String::new(), |up| format!(",\"connected\":{up}"));
    let configuration = thing.configuration.as_ref().map_or(String::new(), |value| {
        format!(",\"deviceConfiguration\":{}", one_line(&value.to_string()))
    });
    format!(
        "{{\"thing\":{},\"certificateId\":{},\"profile\":{},\"files\":{{\"certificate\":{},\"key\":{}}}{connected}{configuration}}}",
        quote(&thing.thing),
        quote(&thing.certificate_id),
        quote(&saved.profile),
        quote(&saved.certificate.to_string_lossy()),
        quote(&saved.key.to_string_lossy()),
    )
}

/// The thing is there; what it may do is another matter.
fn not_connected(thing: &Provisioned, saved: &SavedThing, problem: Problem) -> Problem {
    Problem {
        what: format!(
            "{} is registered and saved as profile {:?}, but it could not connect",
            thing.thing, saved.profile
        ),
        cause: if problem.cause.is_empty() {
            problem.what
        } else {
            format!("{}: {}", problem.what, problem.cause)
        },
        ..problem
    }
}

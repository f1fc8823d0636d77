//! A recording of the open profile (`R`): every message that comes and goes, whatever the stream shows of them.
//!
//! A filter is a way of looking; a recording that was narrowed by one could not be widened afterwards, while `replay --where`
//! narrows any. So the recording takes all, and says so.

use super::effect::{Effect, Recorded};
use super::event::{Amount, RecordingEvent, RecordingId};
use super::screen::{Role, Span};
use super::state::App;
use super::words;
use crate::base::problem::Problem;
use crate::domain::message::Message;
use crate::domain::reading::Reading;
use crate::domain::session::Gap;

/// The recording that is being made.
#[derive(Debug)]
pub(super) struct Recording {
    id: RecordingId,
    /// `None` until the file is there.
    path: Option<String>,
    amount: Amount,
    /// Nothing more goes into it; its end is awaited.
    is_ending: bool,
}

impl App {
    pub(super) fn record_or_stop(&mut self) {
        match &self.recording {
            Some(recording) if recording.is_ending => {
                self.say(Role::Pending, "the last recording is being finished");
            }
            Some(_) => self.stop_recording(),
            None => self.start_recording(),
        }
    }

    fn start_recording(&mut self) {
        let Some(profile) = self.profile() else {
            return self.say(Role::Warn, "no profile is open: nothing to record");
        };
        let (profile, platform) = (profile.name.clone(), profile.platform);
        self.recordings += 1;
        let id = RecordingId(self.recordings);
        self.recording = Some(Recording {
            id,
            path: None,
            amount: Amount::default(),
            is_ending: false,
        });
        self.ask(Effect::StartRecording {
            id,
            profile,
            platform,
        });
    }

    /// Ends it, where there is one. Its last word comes as an event.
    pub(super) fn stop_recording(&mut self) {
        let Some(recording) = self.recording.as_mut().filter(|r| !r.is_ending) else {
            return;
        };
        recording.is_ending = true;
        let id = recording.id;
        self.ask(Effect::StopRecording(id));
        self.moved = true;
    }

    fn put_on_record(&mut self, recorded: impl FnOnce(&Self) -> Recorded) {
        let Some(recording) = self.recording.as_ref().filter(|r| !r.is_ending) else {
            return;
        };
        let id = recording.id;
        let recorded = Box::new(recorded(self));
        self.ask(Effect::Record(id, recorded));
    }

    pub(super) fn record(&mut self, message: &Message, reading: &Reading) {
        self.put_on_record(|app| Recorded::Message {
            message: message.clone(),
            kind: reading.kind,
            device: reading.device.clone(),
            device_name: reading
                .device
                .as_ref()
                .and_then(|id| app.home.devices.get(id))
                .map(|entry| entry.device.name.clone()),
            mask: reading.mask.clone(),
        });
    }

    pub(super) fn record_gap(&mut self, gap: Gap) {
        self.put_on_record(|app| Recorded::Gap(gap, app.at.wall));
    }

    pub(super) fn recording_event(&mut self, id: RecordingId, event: RecordingEvent) {
        let Some(recording) = self.recording.as_mut().filter(|r| r.id == id) else {
            return self.pending.stray();
        };
        self.moved = true;
        match event {
            RecordingEvent::Began { path } => {
                let text = format!("recording everything that comes (R stops), in {path}");
                recording.path = Some(path);
                self.say(Role::Good, text);
            }
            RecordingEvent::Written(amount) => recording.amount = amount,
            RecordingEvent::Ended(amount, result) => {
                let path = recording.path.take();
                self.recording = None;
                self.recording_ended(path, amount, result);
            }
        }
    }

    fn recording_ended(
        &mut self,
        path: Option<String>,
        amount: Amount,
        result: Result<(), Problem>,
    ) {
        if let Err(problem) = result {
            self.remember(&problem.what, &problem);
            return self.say(Role::Bad, problem.line());
        }
        let mut text = format!(
            "recorded {} in {}",
            words::count(
                usize::try_from(amount.messages).unwrap_or(usize::MAX),
                "message"
            ),
            path.unwrap_or_default()
        );
        let mut role = Role::Good;
        if amount.lost > 0 {
            let lost = words::grouped(amount.lost);
            text.push_str(&format!("; {lost} are missing: the disk was too slow"));
            role = Role::Warn;
        }
        self.say(role, text);
    }

    /// `recording 1,203 · 4.5 MB`, for the header.
    pub(super) fn recording_span(&self) -> Option<Span> {
        let recording = self.recording.as_ref()?;
        let Amount {
            messages,
            bytes,
            lost,
        } = recording.amount;
        if recording.is_ending {
            return Some(Span::new("finishing the recording", Role::Pending));
        }
        let mut text = format!(
            "recording {}, {}",
            words::grouped(messages),
            words::bytes(bytes)
        );
        if lost > 0 {
            text.push_str(&format!(", {} missing", words::grouped(lost)));
        }
        let role = if lost > 0 { Role::Warn } else { Role::Bad };
        Some(Span::new(text, role))
    }
}

//! Numbers that a jq program makes of payloads: its work is done beside the screen, some rows at a time.

use bytes::Bytes;

use super::{Point, figures};
use crate::app::effect::Effect;
use crate::app::pending::Purpose;
use crate::app::screen::Role;
use crate::app::sieve::{SiftRow, Sifted, output_chain};
use crate::app::state::App;
use crate::domain::decode::Chain;
use crate::domain::program::{Made, Program};
use crate::domain::request::RequestId;
use crate::store::ring::Kept;

/// Rows in one question: the window asks, too, and its turn comes after it.
const ROWS: usize = 64;
/// Bytes of an output that may lead to a number.
const MOST: usize = 16 * 1024;

/// Which field a row is for, when it came, and at which end of the field it belongs.
#[derive(Debug, Clone, Copy)]
struct Place {
    series: u64,
    at: i64,
    is_newer: bool,
}

/// Rows of a question that is under way.
#[derive(Debug)]
pub(super) struct Asked {
    id: RequestId,
    places: Vec<Place>,
}

/// Rows of the next question.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    places: Vec<Place>,
    rows: Vec<SiftRow>,
}

impl Wanted {
    pub(super) const fn is_full(&self) -> bool {
        self.rows.len() >= ROWS
    }

    pub(super) fn add(
        &mut self,
        series: u64,
        program: &Program,
        kept: &Kept<'_>,
        pin: Option<&Chain>,
        is_newer: bool,
    ) {
        self.places.push(Place {
            series,
            at: kept.at.0,
            is_newer,
        });
        self.rows.push(SiftRow {
            program: program.clone(),
            topic: kept.topic.to_owned(),
            payload: Bytes::copy_from_slice(kept.payload),
            pin: pin.cloned(),
            most: MOST,
        });
    }
}

impl App {
    /// Whether there was anything to ask.
    pub(super) fn plot_sift(&mut self, wanted: Wanted) -> bool {
        let Wanted { places, rows } = wanted;
        if rows.is_empty() {
            return false;
        }
        let id = self.pending.begin(Purpose::Sift);
        self.plot.asked = Some(Asked { id, places });
        self.ask(Effect::Sift(id, rows));
        true
    }

    /// Nobody waits for it any more.
    pub(super) fn plot_unask(&mut self) {
        if let Some(asked) = self.plot.asked.take()
            && self.pending.end(asked.id).is_some()
        {
            self.ask(Effect::Abort(asked.id));
        }
    }

    pub(in super::super) fn plot_waits_for(&self, id: RequestId) -> bool {
        self.plot.asked.as_ref().is_some_and(|asked| asked.id == id)
    }

    /// A part of an answer.
    pub(in super::super) fn plot_sifted(&mut self, results: Vec<(usize, Sifted)>, last: bool) {
        let Some(asked) = self.plot.asked.take() else {
            return;
        };
        for (index, result) in results {
            let Some(place) = asked.places.get(index).copied() else {
                continue;
            };
            let mut all = self.plot.series.iter_mut();
            let Some(series) = all.find(|series| series.id == place.series) else {
                continue;
            };
            match result {
                Sifted::Made(Made::Lines { text, .. }) => {
                    let chain = output_chain(&text);
                    let bytes = text.as_bytes();
                    let value = figures::number(bytes, &series.topic, Some(&chain), &series.path);
                    if let Some(value) = value {
                        let at = place.at;
                        series.add(Point { at, value }, place.is_newer);
                    }
                }
                Sifted::Made(Made::Failed(_)) => {}
                Sifted::Stopped(why) => {
                    let text = format!("jq {}: {why}", series.way());
                    series.back = None;
                    series.is_cut = true;
                    self.say(Role::Warn, text);
                }
            }
        }
        if last {
            self.pending.end(asked.id);
        } else {
            self.plot.asked = Some(asked);
        }
        self.moved = true;
    }
}

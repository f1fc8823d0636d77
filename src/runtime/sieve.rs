//! Runs jq programs in a process of their own, which can be ended: nothing inside a program ends it (F40).
//!
//! The helper is this very binary under a hidden verb ([`helper`]). It answers one payload after the other; what takes
//! longer than [`PATIENCE`], more memory than it is given, or breaks it otherwise is cut off, and the program named.

pub mod helper;

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::app::sieve::{SiftRow, Sifted};
use crate::domain::decode::{self, Content, Limits};
use crate::domain::program::{Made, Program};

/// A program that takes longer for one payload is cut off.
const PATIENCE: Duration = Duration::from_secs(1);
/// What a machine under load may take until the helper runs. That is no program's fault.
const BEGINNING: Duration = Duration::from_secs(20);
/// What is there already is told when the next one takes longer than this.
const TELL_AFTER: Duration = Duration::from_millis(20);
/// Larger payloads are not given to programs. Bytes.
const LARGEST: usize = 1 << 20;

/// The hidden verb.
pub const VERB: &str = "sieve-helper";

/// See the module.
pub struct Sieve {
    binary: PathBuf,
    /// While it answers it is taken out: whoever drops the question ends the helper.
    helper: Option<Helper>,
}

impl Sieve {
    /// `binary`: a thingdeck.
    pub fn new(binary: PathBuf) -> Self {
        Self {
            binary,
            helper: None,
        }
    }

    /// Puts each row through its program; `tell` gets the answers in parts, by the rows' numbers, and `true` with the last.
    pub async fn sift(
        &mut self,
        rows: &[SiftRow],
        mut tell: impl FnMut(Vec<(usize, Sifted)>, bool),
    ) {
        let mut ready = Vec::new();
        let mut stopped: Vec<&Program> = Vec::new();
        for (index, row) in rows.iter().enumerate() {
            if stopped.contains(&&row.program) {
                continue;
            }
            let asked = self.one(row);
            tokio::pin!(asked);
            let answer = match timeout(TELL_AFTER, &mut asked).await {
                Ok(answer) => answer,
                Err(_slow) => {
                    if !ready.is_empty() {
                        tell(std::mem::take(&mut ready), false);
                    }
                    asked.await
                }
            };
            if matches!(answer, Sifted::Stopped(_)) {
                stopped.push(&row.program);
            }
            ready.push((index, answer));
        }
        tell(ready, true);
    }

    async fn one(&mut self, row: &SiftRow) -> Sifted {
        let input = match input(row) {
            Ok(input) => input,
            Err(why) => return Sifted::Made(Made::Failed(why)),
        };
        // One that was there already may have ended by itself: it is not the program's fault.
        let mut is_new = false;
        loop {
            let helper = self.helper.take();
            is_new |= helper.is_none();
            let started = match helper {
                Some(helper) => Ok(helper),
                None => Helper::start(&self.binary).await,
            };
            let mut helper = match started {
                Ok(helper) => helper,
                Err(error) => return Sifted::Stopped(format!("it cannot be run: {error}")),
            };
            match timeout(PATIENCE, helper.ask(row.program.text(), &input, row.most)).await {
                Ok(Ok(made)) => {
                    self.helper = Some(helper);
                    return Sifted::Made(made);
                }
                Ok(Err(_)) if !is_new => {}
                Ok(Err(_)) => {
                    let mib = helper::MEMORY >> 20;
                    let why = format!("cut off: it needs more than {mib} MiB, or too many levels");
                    return Sifted::Stopped(why);
                }
                Err(_) => {
                    helper.end().await;
                    let seconds = PATIENCE.as_secs();
                    return Sifted::Stopped(format!("cut off: not done after {seconds} s"));
                }
            }
        }
    }
}

/// JSON as it came; anything else decoded, as far as that is done between two frames.
fn input(row: &SiftRow) -> Result<Vec<u8>, String> {
    if row.payload.len() > LARGEST {
        return Err(format!(
            "payloads above {} MiB are not given to it",
            LARGEST >> 20
        ));
    }
    let first = row.payload.iter().find(|byte| !byte.is_ascii_whitespace());
    let is_json = first.is_some_and(|byte| {
        matches!(
            byte,
            b'{' | b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n'
        )
    });
    if row.pin.is_none() && is_json && std::str::from_utf8(&row.payload).is_ok() {
        return Ok(row.payload.to_vec());
    }
    let decoded = decode::decode(&row.payload, &row.topic, row.pin.as_ref(), Limits::QUICK);
    if decoded.stopped {
        return Err("this payload is too large to be decoded for it".to_owned());
    }
    let mut out = String::new();
    match decoded.content {
        Content::Tree(value) => value.json(&mut out),
        Content::Text(text) => decode::Value::text(&text).json(&mut out),
        Content::Bytes(bytes) => decode::Value::Bytes(bytes).json(&mut out),
        Content::Picture(picture) => {
            out = format!(
                "{{\"width\":{},\"height\":{}}}",
                picture.width, picture.height
            );
        }
    }
    Ok(out.into_bytes())
}

/// A process that runs programs.
struct Helper {
    child: Child,
    to: ChildStdin,
    from: ChildStdout,
}

impl Helper {
    /// Until it says that it runs.
    async fn start(binary: &PathBuf) -> std::io::Result<Self> {
        // Nothing of our environment: a program has no business with it.
        let mut child = Command::new(binary)
            .arg(VERB)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(std::io::ErrorKind::BrokenPipe.into());
        };
        let mut helper = Self { child, to, from };
        match timeout(BEGINNING, helper.from.read_u8()).await {
            Ok(Ok(helper::READY)) => Ok(helper),
            Ok(Ok(_)) => Err(std::io::ErrorKind::InvalidData.into()),
            Ok(Err(error)) => Err(error),
            Err(_late) => Err(std::io::ErrorKind::TimedOut.into()),
        }
    }

    async fn ask(&mut self, program: &str, input: &[u8], most: usize) -> std::io::Result<Made> {
        let mut question = Vec::with_capacity(program.len() + input.len() + 12);
        for part in [program.as_bytes(), input] {
            question.extend_from_slice(&length(part.len()).to_le_bytes());
            question.extend_from_slice(part);
        }
        question.extend_from_slice(&length(most).to_le_bytes());
        self.to.write_all(&question).await?;
        self.to.flush().await?;
        let kind = self.from.read_u8().await?;
        let length = self.from.read_u32_le().await? as usize;
        let mut text = vec![0; length.min(LARGEST)];
        self.from.read_exact(&mut text).await?;
        let text = String::from_utf8_lossy(&text).into_owned();
        Ok(match kind {
            helper::LINES => Made::Lines { text, cut: false },
            helper::CUT => Made::Lines { text, cut: true },
            _ => Made::Failed(text),
        })
    }

    async fn end(&mut self) {
        // It may be gone already.
        let _ = self.child.kill().await;
    }
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

//! Copying: OSC 52 to the terminal (it works over SSH), and the local clipboard where a helper program is there.

use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::cli::environment::Environment;

/// Terminals cut longer sequences off; beyond it a file is written instead. Base64 characters.
pub const LIMIT: usize = 74_994;

/// What a terminal multiplexer around us needs for a sequence to pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wrapping {
    #[default]
    None,
    Tmux,
    Screen,
}

impl Wrapping {
    pub fn around(environment: &Environment) -> Self {
        let screen = |term: &str| term.starts_with("screen");
        if environment.value("TMUX").is_some() {
            Self::Tmux
        } else if environment.value("STY").is_some() || environment.text("TERM").is_some_and(screen)
        {
            Self::Screen
        } else {
            Self::None
        }
    }
}

/// Whether it may be short enough for a terminal; where not, it need not be looked at.
pub const fn fits(content: &[u8]) -> bool {
    content.len() <= LIMIT / 4 * 3
}

/// The OSC 52 sequence for `content`; `None` when it is longer than terminals take.
pub fn osc52(content: &[u8], wrapping: Wrapping) -> Option<Vec<u8>> {
    if !fits(content) {
        return None;
    }
    let encoded = STANDARD.encode(content);
    let sequence = format!("\x1b]52;c;{encoded}\x07");
    Some(match wrapping {
        Wrapping::None => sequence.into_bytes(),
        Wrapping::Tmux => {
            format!("\x1bPtmux;{}\x1b\\", sequence.replace('\x1b', "\x1b\x1b")).into_bytes()
        }
        // screen takes at most 768 bytes in one piece.
        Wrapping::Screen => {
            let pieces: Vec<String> = sequence
                .as_bytes()
                .chunks(760)
                .map(|c| format!("\x1bP{}\x1b\\", String::from_utf8_lossy(c)))
                .collect();
            pieces.concat().into_bytes()
        }
    })
}

/// Bytes as a clipboard takes them: text as it is, anything else as hex.
pub fn as_text(bytes: &Bytes) -> Bytes {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    if std::str::from_utf8(bytes).is_ok() {
        return bytes.clone();
    }
    let pairs = bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| DIGITS[usize::from(digit)]);
    pairs.collect()
}

/// Hands `content` to the first clipboard program there is. `true` when one took it. Ends by itself.
pub async fn local(content: &[u8]) -> bool {
    const HELPERS: [&[&str]; 4] = [
        &["wl-copy"],
        &["xclip", "-selection", "clipboard"],
        &["xsel", "-ib"],
        &["pbcopy"],
    ];
    for helper in HELPERS {
        if offer(helper, content).await.unwrap_or(false) {
            return true;
        }
    }
    false
}

async fn offer(helper: &[&str], content: &[u8]) -> std::io::Result<bool> {
    let mut child = Command::new(helper[0])
        .args(&helper[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    // One that reads nothing is waited for no longer than one that does not end.
    let work = async {
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(content).await?;
        }
        child.wait().await
    };
    let waited = tokio::time::timeout(std::time::Duration::from_secs(2), work).await;
    Ok(matches!(waited, Ok(Ok(status)) if status.success()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_wrapped_for_tmux_and_refused_beyond_the_limit() {
        assert_eq!(osc52(b"hi", Wrapping::None).unwrap(), b"\x1b]52;c;aGk=\x07");
        assert_eq!(
            osc52(b"hi", Wrapping::Tmux).unwrap(),
            b"\x1bPtmux;\x1b\x1b]52;c;aGk=\x07\x1b\\"
        );
        assert_eq!(osc52(&vec![0; LIMIT], Wrapping::None), None);
    }

    #[test]
    fn a_multiplexer_is_known_by_its_variable() {
        let around = |variables: &[(&str, &str)]| {
            let pairs = variables
                .iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).into()));
            Wrapping::around(&pairs.collect())
        };
        assert_eq!(around(&[("TERM", "xterm")]), Wrapping::None);
        assert_eq!(
            around(&[("TERM", "xterm"), ("STY", "1.pts-0")]),
            Wrapping::Screen
        );
        assert_eq!(around(&[("TERM", "screen")]), Wrapping::Screen);
        let both = [("TERM", "screen-256color"), ("TMUX", "/tmp/t,1,0")];
        assert_eq!(around(&both), Wrapping::Tmux);
    }

    /// What a terminal puts into its clipboard, whatever is wrapped around the sequence.
    fn received(sequence: &[u8], wrapping: Wrapping) -> Vec<u8> {
        let text = String::from_utf8(sequence.to_vec()).expect("ASCII");
        let inner = match wrapping {
            Wrapping::None => text,
            Wrapping::Tmux => {
                let passed = text.strip_prefix("\x1bPtmux;").expect("a beginning");
                let passed = passed.strip_suffix("\x1b\\").expect("an end");
                passed.replace("\x1b\x1b", "\x1b")
            }
            Wrapping::Screen => {
                let pieces = text.split("\x1bP").skip(1);
                let pieces = pieces.map(|p| p.strip_suffix("\x1b\\").expect("an end"));
                pieces
                    .inspect(|piece| assert!(piece.len() <= 764, "{}", piece.len()))
                    .collect()
            }
        };
        let encoded = inner.strip_prefix("\x1b]52;c;").expect("a beginning");
        STANDARD
            .decode(encoded.strip_suffix('\x07').expect("an end"))
            .expect("Base64")
    }

    /// failure-modes.md F13.
    #[test]
    fn ten_thousand_random_payloads_are_copied_byte_for_byte() {
        let mut rng = fastrand::Rng::with_seed(13);
        for n in 0..10_000 {
            let length = rng.usize(0..=8192) >> rng.u32(0..8);
            let bytes: Vec<u8> = if n % 2 == 0 {
                std::iter::repeat_with(|| rng.u8(..)).take(length).collect()
            } else {
                let text: String = std::iter::repeat_with(|| rng.char(..))
                    .take(length / 3)
                    .collect();
                text.into_bytes()
            };
            let copied = as_text(&Bytes::from(bytes.clone()));
            let wrapping = [Wrapping::None, Wrapping::Tmux, Wrapping::Screen][n % 3];
            let sequence = osc52(&copied, wrapping).expect("below the limit");
            let received = received(&sequence, wrapping);
            let is_text = std::str::from_utf8(&bytes).is_ok();
            let back = if is_text {
                received
            } else {
                let hex = String::from_utf8(received).expect("hex");
                (0..hex.len())
                    .step_by(2)
                    .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex"))
                    .collect()
            };
            assert!(back == bytes, "payload {n} of {} bytes", bytes.len());
        }
    }
}

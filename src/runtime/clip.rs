//! Copying: OSC 52 to the terminal (it works over SSH), and the local clipboard where a helper program is there.

use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
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
        } else if environment.text("TERM").is_some_and(screen) {
            Self::Screen
        } else {
            Self::None
        }
    }
}

/// The OSC 52 sequence for `content`; `None` when it is longer than terminals take.
pub fn osc52(content: &[u8], wrapping: Wrapping) -> Option<Vec<u8>> {
    let encoded = STANDARD.encode(content);
    if encoded.len() > LIMIT {
        return None;
    }
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
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(content).await?;
    }
    let waited = tokio::time::timeout(std::time::Duration::from_secs(2), child.wait()).await;
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
}

//! gzip, zlib, raw deflate and zstd, up to a ceiling: a bomb stops there and says so.

use std::io::Read;

/// What came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    pub bytes: Vec<u8>,
    /// There was more than the ceiling allows.
    pub cut: bool,
    /// Bytes after the end of the compressed stream.
    pub trailing: usize,
    /// It ended or broke in the middle: what came out until then is there.
    pub broken: Option<String>,
}

/// All members, for there may be several (RFC 1952, 2.2).
pub fn gzip(bytes: &[u8], ceiling: usize) -> Result<Opened, String> {
    /// Members that are opened; each costs something, though it may hold nothing.
    const MEMBERS: usize = 256;
    let mut left = bytes;
    let opened = pull(flate2::bufread::GzDecoder::new(&mut left), ceiling);
    let mut whole = finish(opened, left.len())?;
    for _ in 1..MEMBERS {
        if whole.cut || whole.broken.is_some() || !left.starts_with(&[0x1f, 0x8b, 8]) {
            break;
        }
        let room = ceiling - whole.bytes.len();
        let opened = pull(flate2::bufread::GzDecoder::new(&mut left), room);
        let Ok(member) = finish(opened, left.len()) else {
            break;
        };
        whole.bytes.extend(member.bytes);
        (whole.cut, whole.broken, whole.trailing) = (member.cut, member.broken, member.trailing);
    }
    Ok(whole)
}

pub fn zlib(bytes: &[u8], ceiling: usize) -> Result<Opened, String> {
    let mut left = bytes;
    let opened = pull(flate2::bufread::ZlibDecoder::new(&mut left), ceiling);
    finish(opened, left.len())
}

pub fn deflate(bytes: &[u8], ceiling: usize) -> Result<Opened, String> {
    let mut left = bytes;
    let opened = pull(flate2::bufread::DeflateDecoder::new(&mut left), ceiling);
    finish(opened, left.len())
}

pub fn zstd(bytes: &[u8], ceiling: usize) -> Result<Opened, String> {
    /// Bytes of the largest window that is allocated, as a power of two: 8 MiB, what every decoder has to support
    /// (RFC 8878, 3.1.1.1.2).
    const WINDOW: u32 = 23;
    let mut left = bytes;
    let mut decoder = zstd::stream::read::Decoder::with_buffer(&mut left)
        .map_err(|error| error.to_string())?
        .single_frame();
    decoder
        .window_log_max(WINDOW)
        .map_err(|error| error.to_string())?;
    let opened = pull(&mut decoder, ceiling);
    drop(decoder);
    finish(opened, left.len())
}

fn pull(mut source: impl Read, ceiling: usize) -> Opened {
    let mut out = Opened {
        bytes: Vec::new(),
        cut: false,
        trailing: 0,
        broken: None,
    };
    let mut chunk = [0; 16 * 1024];
    loop {
        match source.read(&mut chunk) {
            Ok(0) => return out,
            Ok(read) => {
                let room = ceiling - out.bytes.len();
                out.bytes.extend_from_slice(&chunk[..read.min(room)]);
                if read > room {
                    out.cut = true;
                    return out;
                }
            }
            Err(error) => {
                out.broken = Some(error.to_string());
                return out;
            }
        }
    }
}

/// Nothing at all came out of a broken stream: then it was none.
fn finish(mut opened: Opened, left: usize) -> Result<Opened, String> {
    match &opened.broken {
        Some(why) if opened.bytes.is_empty() => Err(why.clone()),
        _ => {
            if !opened.cut && opened.broken.is_none() {
                opened.trailing = left;
            }
            Ok(opened)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).expect("memory");
        encoder.finish().expect("memory")
    }

    #[test]
    fn a_bomb_stops_at_the_ceiling_and_says_so() {
        let bomb = packed(&vec![0; 50 << 20]);
        assert!(bomb.len() < 1 << 20, "{}", bomb.len());
        let opened = gzip(&bomb, 1 << 20).expect("gzip");
        assert_eq!((opened.bytes.len(), opened.cut), (1 << 20, true));
        let bomb = zstd::stream::encode_all(&vec![0; 50 << 20][..], 1).expect("memory");
        let opened = zstd(&bomb, 1 << 20).expect("zstd");
        assert_eq!((opened.bytes.len(), opened.cut), (1 << 20, true));
    }

    #[test]
    fn what_follows_is_counted_and_what_is_missing_is_said() {
        let mut with_tail = packed(b"hello");
        let whole = with_tail.clone();
        with_tail.extend(b"tail!");
        let opened = gzip(&with_tail, 100).expect("gzip");
        assert_eq!(
            (opened.bytes.as_slice(), opened.trailing),
            (&b"hello"[..], 5)
        );
        let two = [packed(b"hello, "), packed(b"world"), b"!".to_vec()].concat();
        let opened = gzip(&two, 100).expect("gzip");
        assert_eq!(
            (opened.bytes.as_slice(), opened.trailing),
            (&b"hello, world"[..], 1)
        );
        let opened = gzip(&two, 9).expect("gzip");
        assert_eq!(
            (opened.bytes.as_slice(), opened.cut),
            (&b"hello, wo"[..], true)
        );
        let half = packed(&b"hello world, ".repeat(5000));
        let opened = gzip(&half[..half.len() - 12], 1 << 20).expect("a part");
        assert!(opened.broken.is_some() && !opened.bytes.is_empty());
        assert!(gzip(&whole[..6], 100).is_err());
        assert!(gzip(b"plain", 100).is_err());
        let mut tailed = zstd::stream::encode_all(&b"hello"[..], 1).expect("memory");
        tailed.extend(b"tail!");
        let opened = zstd(&tailed, 100).expect("zstd");
        assert_eq!(
            (opened.bytes.as_slice(), opened.trailing),
            (&b"hello"[..], 5)
        );
    }
}

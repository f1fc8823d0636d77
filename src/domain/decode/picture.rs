//! Pictures: format and size of PNG, JPEG, GIF, BMP and WebP; pixels, made small, of PNG and JPEG.

use std::io::Cursor;

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Pixels a side that are kept at most: more than any terminal shows.
const SIDE: u32 = 320;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// `PNG`
    pub format: &'static str,
    pub width: u32,
    pub height: u32,
    /// Made small enough to be kept; the reason why there are none.
    pub pixels: Result<Pixels, NoPixels>,
}

/// Rows from the top, three bytes (red, green, blue) a pixel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels {
    pub width: u32,
    pub height: u32,
    pub rgb: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoPixels {
    #[error("only its size is read")]
    Unread,
    /// A higher bound would do.
    #[error("it is larger than is drawn at once")]
    Large,
    #[error("{0}")]
    Broken(String),
}

/// Format and size, from the first bytes.
pub fn size(bytes: &[u8]) -> Option<(&'static str, u32, u32)> {
    let found = match bytes {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => {
            ("PNG", big(bytes.get(16..20)?), big(bytes.get(20..24)?))
        }
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => {
            ("GIF", little(bytes.get(6..8)?), little(bytes.get(8..10)?))
        }
        [b'B', b'M', ..] => {
            // The header says how long the file is: two letters alone could be any text.
            let length = little(bytes.get(2..6)?);
            let header = little(bytes.get(14..18)?);
            if !matches!(header, 12 | 40 | 52 | 56 | 64 | 108 | 124)
                || !(26..=bytes.len() as u64).contains(&length.into())
            {
                return None;
            }
            let (width, height) = if header == 12 {
                (little(bytes.get(18..20)?), little(bytes.get(20..22)?))
            } else {
                let height = little(bytes.get(22..26)?).cast_signed();
                (little(bytes.get(18..22)?), height.unsigned_abs())
            };
            ("BMP", width, height)
        }
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => webp(bytes)?,
        [0xff, 0xd8, 0xff, ..] => jpeg(bytes)?,
        _ => return None,
    };
    (found.1 > 0 && found.2 > 0).then_some(found)
}

fn big(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |n, b| n << 8 | u32::from(*b))
}

fn little(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |n, b| n << 8 | u32::from(*b))
}

fn webp(bytes: &[u8]) -> Option<(&'static str, u32, u32)> {
    let (width, height) = match bytes.get(12..16)? {
        b"VP8 " => (
            little(bytes.get(26..28)?) & 0x3fff,
            little(bytes.get(28..30)?) & 0x3fff,
        ),
        b"VP8L" => {
            let bits = little(bytes.get(21..25)?);
            ((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1)
        }
        b"VP8X" => (
            little(bytes.get(24..27)?) + 1,
            little(bytes.get(27..30)?) + 1,
        ),
        _ => return None,
    };
    Some(("WebP", width, height))
}

/// The first frame header (SOF) among the segments.
fn jpeg(bytes: &[u8]) -> Option<(&'static str, u32, u32)> {
    let mut at = 2;
    loop {
        match bytes.get(at..at + 2)? {
            [0xff, 0xff] => at += 1,
            [0xff, 0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf] => {
                let (height, width) = (bytes.get(at + 5..at + 7)?, bytes.get(at + 7..at + 9)?);
                return Some(("JPEG", big(width), big(height)));
            }
            [0xff, 0x01 | 0xd0..=0xd7] => at += 2,
            [0xff, _] => at += 2 + usize::try_from(big(bytes.get(at + 2..at + 4)?).max(2)).ok()?,
            _ => return None,
        }
    }
}

/// The picture with its pixels, where it has no more than `limit` of them.
pub fn read(bytes: &[u8], limit: usize) -> Option<Picture> {
    let (format, width, height) = size(bytes)?;
    let many = u64::from(width) * u64::from(height) > limit as u64;
    let pixels = match format {
        "PNG" | "JPEG" if many => Err(NoPixels::Large),
        "PNG" => png(bytes).map_err(NoPixels::Broken),
        "JPEG" => jpeg_pixels(bytes).map_err(NoPixels::Broken),
        _ => Err(NoPixels::Unread),
    };
    Some(Picture {
        format,
        width,
        height,
        pixels,
    })
}

fn png(bytes: &[u8]) -> Result<Pixels, String> {
    let limits = png::Limits { bytes: 128 << 20 };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    let mut reader = decoder.read_info().map_err(|e| e.to_string())?;
    let length = reader.output_buffer_size().ok_or("it is too large")?;
    let mut raw = vec![0; length];
    let frame = reader.next_frame(&mut raw).map_err(|e| e.to_string())?;
    let samples = frame.color_type.samples();
    Ok(small(frame.width, frame.height, &raw, samples))
}

fn jpeg_pixels(bytes: &[u8]) -> Result<Pixels, String> {
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    let raw = decoder.decode().map_err(|e| e.to_string())?;
    let info = decoder.info().ok_or("it has no size")?;
    Ok(small(
        u32::from(info.width),
        u32::from(info.height),
        &raw,
        3,
    ))
}

/// Scaled down by whole steps, transparency on black.
fn small(width: u32, height: u32, raw: &[u8], samples: usize) -> Pixels {
    let step = width.div_ceil(SIDE).max(height.div_ceil(SIDE)).max(1);
    let (wide, high) = (width.div_ceil(step), height.div_ceil(step));
    let mut rgb = Vec::with_capacity((wide * high * 3) as usize);
    for y in 0..high {
        for x in 0..wide {
            let columns = x * step..(x * step + step).min(width);
            let rows = y * step..(y * step + step).min(height);
            rgb.extend(average(raw, width, samples, columns, &rows));
        }
    }
    Pixels {
        width: wide,
        height: high,
        rgb,
    }
}

fn average(
    raw: &[u8],
    width: u32,
    samples: usize,
    columns: std::ops::Range<u32>,
    rows: &std::ops::Range<u32>,
) -> [u8; 3] {
    let (mut sum, mut count) = ([0_u32; 3], 0);
    for x in columns {
        for y in rows.clone() {
            let at = (y as usize * width as usize + x as usize) * samples;
            let Some(pixel) = raw.get(at..at + samples) else {
                continue;
            };
            let (r, g, b, alpha) = match pixel {
                [grey] => (*grey, *grey, *grey, 255),
                [grey, alpha] => (*grey, *grey, *grey, *alpha),
                [r, g, b] => (*r, *g, *b, 255),
                [r, g, b, alpha] => (*r, *g, *b, *alpha),
                _ => continue,
            };
            for (sum, part) in sum.iter_mut().zip([r, g, b]) {
                *sum += u32::from(part) * u32::from(alpha) / 255;
            }
            count += 1;
        }
    }
    sum.map(|s| u8::try_from(s / count.max(1)).unwrap_or(u8::MAX))
}

impl Pixels {
    /// The colour at a place of a picture scaled to `width` by `height`.
    pub fn at(&self, x: u32, y: u32, width: u32, height: u32) -> [u8; 3] {
        let column = (u64::from(x) * u64::from(self.width) / u64::from(width.max(1)))
            .min(u64::from(self.width.saturating_sub(1)));
        let row = (u64::from(y) * u64::from(self.height) / u64::from(height.max(1)))
            .min(u64::from(self.height.saturating_sub(1)));
        let at = usize::try_from((row * u64::from(self.width) + column) * 3).unwrap_or(usize::MAX);
        self.rgb
            .get(at..at.saturating_add(3))
            .and_then(|pixel| pixel.try_into().ok())
            .unwrap_or_default()
    }
}

/// Eight by eight in one grey: a block whose every coefficient is nothing (ITU T.81).
#[cfg(test)]
pub(super) fn grey_jpeg() -> Vec<u8> {
    let mut out = b"\xff\xd8\xff\xdb\0\x43\0".to_vec();
    out.extend([1; 64]);
    out.extend(b"\xff\xc0\0\x0b\x08\0\x08\0\x08\x01\x01\x11\0");
    for table in [0x00, 0x10] {
        out.extend(b"\xff\xc4\0\x14");
        out.push(table);
        out.extend([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }
    out.extend(b"\xff\xda\0\x08\x01\x01\0\0\x3f\0\x3f\xff\xd9");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two by two: red, green; blue, white.
    pub(super) fn sample_png() -> Vec<u8> {
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, 2, 2);
        encoder.set_color(png::ColorType::Rgb);
        let mut writer = encoder.write_header().expect("memory");
        let pixels = [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255];
        writer.write_image_data(&pixels).expect("memory");
        writer.finish().expect("memory");
        out
    }

    #[test]
    fn a_png_has_its_size_and_its_colours() {
        let picture = read(&sample_png(), 100).expect("a picture");
        assert_eq!(
            (picture.format, picture.width, picture.height),
            ("PNG", 2, 2)
        );
        let pixels = picture.pixels.expect("pixels");
        assert_eq!(pixels.at(0, 0, 2, 2), [255, 0, 0]);
        assert_eq!(pixels.at(3, 3, 4, 4), [255, 255, 255]);
        assert_eq!(
            read(&sample_png(), 3).expect("a size").pixels,
            Err(NoPixels::Large)
        );
    }

    #[test]
    fn a_jpeg_has_its_size_and_its_colours() {
        let picture = read(&grey_jpeg(), 100).expect("a picture");
        assert_eq!(
            (picture.format, picture.width, picture.height),
            ("JPEG", 8, 8)
        );
        let pixels = picture.pixels.expect("pixels");
        assert_eq!(pixels.at(3, 3, 8, 8), [128, 128, 128]);
    }

    #[test]
    fn sizes_stand_where_each_format_has_them() {
        type Size = (&'static str, u32, u32);
        let cases: [(&[u8], Size); 6] = [
            (b"GIF89a\x40\x01\xf0\x00\x00", ("GIF", 320, 240)),
            (
                b"BM\x1a\0\0\0\0\0\0\0\x1a\0\0\0\x0c\0\0\0\x05\0\x04\0\x01\0\x18\0",
                ("BMP", 5, 4),
            ),
            (
                b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f\x3f\xc1\x3b\x00\0\0\0\0",
                ("WebP", 320, 240),
            ),
            (
                b"RIFF\x1a\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x3f\x01\0\xef\0\0",
                ("WebP", 320, 240),
            ),
            (
                b"RIFF\x1a\0\0\0WEBPVP8 \x0a\0\0\0\0\0\0\x9d\x01\x2a\x40\x01\xf0\0",
                ("WebP", 320, 240),
            ),
            (
                b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x11\x08\0\xf0\x01\x40\x03",
                ("JPEG", 320, 240),
            ),
        ];
        for (bytes, expected) in cases {
            assert_eq!(size(bytes), Some(expected), "{bytes:x?}");
        }
        assert_eq!(size(b"BM is a text"), None);
        assert_eq!(size(b"BMW owners of the world, unite at 14:00"), None);
    }
}

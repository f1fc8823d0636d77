//! What MQTT 5 adds to a message, as the bytes that stand behind its payload in the ring: most messages have none, so it costs
//! nothing there.

use bytes::Bytes;

use crate::domain::message::Properties;

const UTF8: u8 = 1;
const EXPIRY: u8 = 2;
const CONTENT_TYPE: u8 = 3;
const RESPONSE_TOPIC: u8 = 4;
const CORRELATION_DATA: u8 = 5;
const USER_NAME: u8 = 6;
const USER_VALUE: u8 = 7;
const SUBSCRIPTION: u8 = 8;

/// Each part is its sign, its length and its bytes.
pub(super) fn pack(properties: &Properties) -> Vec<u8> {
    let mut packed = Vec::new();
    let mut part = |sign: u8, bytes: &[u8]| {
        packed.push(sign);
        packed.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
        packed.extend(bytes);
    };
    if let Some(utf8) = properties.utf8 {
        part(UTF8, &[u8::from(utf8)]);
    }
    if let Some(expiry) = properties.expiry {
        part(EXPIRY, &expiry.to_le_bytes());
    }
    if let Some(text) = &properties.content_type {
        part(CONTENT_TYPE, text.as_bytes());
    }
    if let Some(text) = &properties.response_topic {
        part(RESPONSE_TOPIC, text.as_bytes());
    }
    if let Some(data) = &properties.correlation_data {
        part(CORRELATION_DATA, data);
    }
    for (name, value) in &properties.user {
        part(USER_NAME, name.as_bytes());
        part(USER_VALUE, value.as_bytes());
    }
    for id in &properties.subscription_ids {
        part(SUBSCRIPTION, &id.to_le_bytes());
    }
    packed
}

/// What cannot be read is left out: it came from a disk.
pub(super) fn unpack(mut packed: &[u8]) -> Option<Box<Properties>> {
    let mut properties = Properties::default();
    while let Some((sign, bytes)) = part(&mut packed) {
        let text = || String::from_utf8_lossy(bytes).into_owned();
        let number = || bytes.try_into().map_or(0, u32::from_le_bytes);
        match sign {
            UTF8 => properties.utf8 = Some(bytes == [1]),
            EXPIRY => properties.expiry = Some(number()),
            CONTENT_TYPE => properties.content_type = Some(text()),
            RESPONSE_TOPIC => properties.response_topic = Some(text()),
            CORRELATION_DATA => properties.correlation_data = Some(Bytes::copy_from_slice(bytes)),
            USER_NAME => properties.user.push((text(), String::new())),
            USER_VALUE => {
                if let Some((_, value)) = properties.user.last_mut() {
                    *value = text();
                }
            }
            SUBSCRIPTION => properties.subscription_ids.push(number()),
            _ => {}
        }
    }
    (!properties.is_empty()).then(|| Box::new(properties))
}

fn part<'a>(packed: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (head, rest) = packed.split_first_chunk::<5>()?;
    let [sign, length @ ..] = *head;
    let length = usize::try_from(u32::from_le_bytes(length)).ok()?;
    let (bytes, rest) = rest.split_at_checked(length)?;
    *packed = rest;
    Some((sign, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_come_back_as_they_went_in() {
        let properties = Properties {
            utf8: Some(true),
            expiry: Some(60),
            content_type: Some("json".to_owned()),
            response_topic: Some("answers/1".to_owned()),
            correlation_data: Some(Bytes::from_static(b"\x00\xff")),
            user: vec![
                ("a".to_owned(), "1".to_owned()),
                ("a".to_owned(), String::new()),
            ],
            subscription_ids: vec![1, 268_435_455],
        };
        let packed = pack(&properties);
        assert_eq!(unpack(&packed), Some(Box::new(properties)));
        assert_eq!(unpack(&[]), None);
        for end in 0..packed.len() {
            unpack(&packed[..end]);
        }
    }
}

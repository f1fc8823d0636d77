//! Bytes to numbers and texts, with every bound checked.

/// Why bytes are no packet, in words that end a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed(pub String);

/// A cursor over the body of one packet.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    left: &'a [u8],
    ran_out: bool,
}

impl<'a> Reader<'a> {
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self {
            left: bytes,
            ran_out: false,
        }
    }

    pub const fn len(&self) -> usize {
        self.left.len()
    }

    pub const fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// Whether an error came from bytes that are missing, rather than from bytes that are wrong.
    pub const fn ran_out(&self) -> bool {
        self.ran_out
    }

    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let Some((taken, left)) = self.left.split_at_checked(count) else {
            self.ran_out = true;
            return Err(Malformed(
                "a field goes past the end of its packet".to_owned(),
            ));
        };
        self.left = left;
        Ok(taken)
    }

    /// All that is left.
    pub const fn rest(&mut self) -> &'a [u8] {
        let rest = self.left;
        self.left = &[];
        rest
    }

    pub fn u8(&mut self) -> Result<u8, Malformed> {
        self.take(1).map(|bytes| bytes[0])
    }

    pub fn u16(&mut self) -> Result<u16, Malformed> {
        self.take(2)
            .map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    pub fn u32(&mut self) -> Result<u32, Malformed> {
        let bytes = self.take(4)?;
        Ok(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    /// One to four bytes of seven bits each (MQTT 5, 1.5.5).
    pub fn varint(&mut self) -> Result<u32, Malformed> {
        let mut value = 0;
        for shift in [0, 7, 14, 21] {
            let byte = self.u8()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed("a length of more than four bytes".to_owned()))
    }

    pub fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let count = self.u16()?;
        self.take(usize::from(count))
    }

    /// What is no UTF-8 is replaced, not refused: one bad topic that a broker retained would end every connection.
    pub fn text(&mut self) -> Result<String, Malformed> {
        self.bytes()
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }
}

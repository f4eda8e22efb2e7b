use std::io::Write as _;

/// Encodes one value: `encode(|e| e.dict(|d| d.int("port", 6881)))`.
pub fn encode(write: impl FnOnce(Encoder<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(Encoder::new(&mut out));
    out
}

/// A place for exactly one value at the end of a buffer; each method fills it.
#[derive(Debug)]
#[must_use = "an encoder that writes nothing leaves a value out"]
pub struct Encoder<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Encoder<'a> {
    /// The place after what `out` holds already.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    /// Writes an integer.
    pub fn int(self, number: impl Into<i128>) {
        let number: i128 = number.into();
        // Most are short, and those are quicker to write.
        let _ = match i64::try_from(number) {
            Ok(short) => write!(self.out, "i{short}e"),
            Err(_) => write!(self.out, "i{number}e"),
        };
    }

    /// Writes a byte string; text as its UTF-8.
    pub fn bytes(self, bytes: impl AsRef<[u8]>) {
        write_bytes(self.out, bytes.as_ref());
    }

    /// Writes bytes that are one canonical value already, such as an `info` dictionary.
    pub fn raw(self, value: &[u8]) {
        self.out.extend_from_slice(value);
    }

    /// Writes the list that `items` fills.
    pub fn list(self, items: impl FnOnce(&mut ListEncoder<'_>)) {
        self.out.push(b'l');
        items(&mut ListEncoder { out: self.out });
        self.out.push(b'e');
    }

    /// Writes the dictionary that `entries` fills.
    ///
    /// # Panics
    /// When keys are not given in strictly ascending byte order.
    pub fn dict(self, entries: impl FnOnce(&mut DictEncoder<'_>)) {
        self.out.push(b'd');
        entries(&mut DictEncoder { out: self.out, last: None });
        self.out.push(b'e');
    }
}

/// A list being written.
#[derive(Debug)]
pub struct ListEncoder<'a> {
    out: &'a mut Vec<u8>,
}

impl ListEncoder<'_> {
    /// The place of the next item.
    pub fn item(&mut self) -> Encoder<'_> {
        Encoder { out: self.out }
    }
}

/// A dictionary being written, in ascending order of keys.
#[derive(Debug)]
pub struct DictEncoder<'a> {
    out: &'a mut Vec<u8>,
    /// Where in `out` the last key stands.
    last: Option<(usize, usize)>,
}

impl DictEncoder<'_> {
    /// Writes `key`; the place returned is for its value.
    ///
    /// # Panics
    /// When `key` is not greater than the key before it.
    pub fn key(&mut self, key: impl AsRef<[u8]>) -> Encoder<'_> {
        let key = key.as_ref();
        if let Some((start, end)) = self.last {
            let last = &self.out[start..end];
            assert!(last < key, "key {:?} must come before {:?}", ascii(key), ascii(last));
        }
        write_bytes(self.out, key);
        self.last = Some((self.out.len() - key.len(), self.out.len()));
        Encoder { out: self.out }
    }

    /// Writes `key` and an integer. Panics like [`Self::key`], as do the methods below.
    pub fn int(&mut self, key: impl AsRef<[u8]>, number: impl Into<i128>) {
        self.key(key).int(number);
    }

    /// Writes `key` and a byte string.
    pub fn bytes(&mut self, key: impl AsRef<[u8]>, bytes: impl AsRef<[u8]>) {
        self.key(key).bytes(bytes);
    }

    /// Writes `key` and the list that `items` fills.
    pub fn list(&mut self, key: impl AsRef<[u8]>, items: impl FnOnce(&mut ListEncoder<'_>)) {
        self.key(key).list(items);
    }

    /// Writes `key` and the dictionary that `entries` fills.
    pub fn dict(&mut self, key: impl AsRef<[u8]>, entries: impl FnOnce(&mut DictEncoder<'_>)) {
        self.key(key).dict(entries);
    }
}

fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    let _ = write!(out, "{}:", bytes.len());
    out.extend_from_slice(bytes);
}

fn ascii(key: &[u8]) -> String {
    key.escape_ascii().to_string()
}

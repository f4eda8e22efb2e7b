use std::fmt;

/// The four kinds of values (BEP 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `i…e`
    Integer,
    /// `length:…`
    Bytes,
    /// `l…e`
    List,
    /// `d…e`
    Dict,
}

/// A decoded value: a slice of the input that is known to be well formed. Cheap to copy.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Value<'a> {
    raw: &'a [u8],
}

impl<'a> Value<'a> {
    /// `raw` must be exactly one value that the checker accepted.
    pub(crate) fn checked(raw: &'a [u8]) -> Self {
        Self { raw }
    }

    /// The value's own bytes in the input, exactly as they stand there.
    pub fn raw(self) -> &'a [u8] {
        self.raw
    }

    /// What kind of value this is.
    pub fn kind(self) -> Kind {
        match self.raw[0] {
            b'i' => Kind::Integer,
            b'l' => Kind::List,
            b'd' => Kind::Dict,
            _ => Kind::Bytes,
        }
    }

    /// The number, if this is an integer.
    pub fn as_int(self) -> Option<i64> {
        if self.kind() != Kind::Integer {
            return None;
        }
        let (negative, digits) = match self.raw[1] {
            b'-' => (true, &self.raw[2..]),
            _ => (false, &self.raw[1..]),
        };
        let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
        // The checker saw that the number fits, and that only i64::MIN needs the negative sum.
        let sum = digits.fold(0i64, |sum, digit| sum * 10 - i64::from(digit - b'0'));
        Some(if negative { sum } else { -sum })
    }

    /// The number, if this is an integer that is not negative.
    pub fn as_uint(self) -> Option<u64> {
        self.as_int().and_then(|number| number.try_into().ok())
    }

    /// The content, if this is a byte string.
    pub fn as_bytes(self) -> Option<&'a [u8]> {
        (self.kind() == Kind::Bytes).then(|| split_string(self.raw).0)
    }

    /// The content, if this is a byte string of valid UTF-8.
    pub fn as_str(self) -> Option<&'a str> {
        self.as_bytes().and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    /// The list, if this is one.
    pub fn as_list(self) -> Option<List<'a>> {
        (self.kind() == Kind::List).then(|| List { items: inside(self.raw) })
    }

    /// The dictionary, if this is one.
    pub fn as_dict(self) -> Option<Dict<'a>> {
        (self.kind() == Kind::Dict).then(|| Dict { entries: inside(self.raw) })
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({})", self.kind(), self.raw.escape_ascii())
    }
}

/// A list. Iterate it; there is no random access.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct List<'a> {
    items: &'a [u8],
}

impl<'a> List<'a> {
    /// The values in order.
    pub fn iter(self) -> ListIter<'a> {
        ListIter { rest: self.items }
    }

    /// True when there is nothing in it.
    pub fn is_empty(self) -> bool {
        self.items.is_empty()
    }
}

impl<'a> IntoIterator for List<'a> {
    type Item = Value<'a>;
    type IntoIter = ListIter<'a>;

    fn into_iter(self) -> ListIter<'a> {
        self.iter()
    }
}

impl fmt::Debug for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// The values of a [`List`].
#[derive(Clone, Debug)]
pub struct ListIter<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for ListIter<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        take_value(&mut self.rest)
    }
}

/// A dictionary. A look-up walks it from the start: right for the handful of keys that messages
/// have. Of a large one [`Self::pick`] all that is wanted, or iterate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Dict<'a> {
    entries: &'a [u8],
}

impl<'a> Dict<'a> {
    /// The keys and values in the order of the input.
    pub fn iter(self) -> DictIter<'a> {
        DictIter { rest: self.entries }
    }

    /// True when there is nothing in it.
    pub fn is_empty(self) -> bool {
        self.entries.is_empty()
    }

    /// The value of `key`; of the first such key if a lenient decode let several through.
    pub fn get(self, key: impl AsRef<[u8]>) -> Option<Value<'a>> {
        let key = key.as_ref();
        self.iter().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// The values of several keys that differ, each as [`Self::get`] finds it, in one walk.
    pub fn pick<const N: usize>(self, keys: [&str; N]) -> [Option<Value<'a>>; N] {
        let mut found = [None; N];
        for (name, value) in self {
            if let Some(at) = keys.iter().position(|key| key.as_bytes() == name) {
                found[at] = found[at].or(Some(value));
            }
        }
        found
    }

    /// The integer at `key`.
    pub fn int(self, key: impl AsRef<[u8]>) -> Option<i64> {
        self.get(key).and_then(Value::as_int)
    }

    /// The integer at `key`, when it is not negative.
    pub fn uint(self, key: impl AsRef<[u8]>) -> Option<u64> {
        self.get(key).and_then(Value::as_uint)
    }

    /// The byte string at `key`.
    pub fn bytes(self, key: impl AsRef<[u8]>) -> Option<&'a [u8]> {
        self.get(key).and_then(Value::as_bytes)
    }

    /// The byte string at `key`, when it is UTF-8.
    pub fn str(self, key: impl AsRef<[u8]>) -> Option<&'a str> {
        self.get(key).and_then(Value::as_str)
    }

    /// The list at `key`.
    pub fn list(self, key: impl AsRef<[u8]>) -> Option<List<'a>> {
        self.get(key).and_then(Value::as_list)
    }

    /// The dictionary at `key`.
    pub fn dict(self, key: impl AsRef<[u8]>) -> Option<Self> {
        self.get(key).and_then(Value::as_dict)
    }
}

impl<'a> IntoIterator for Dict<'a> {
    type Item = (&'a [u8], Value<'a>);
    type IntoIter = DictIter<'a>;

    fn into_iter(self) -> DictIter<'a> {
        self.iter()
    }
}

impl fmt::Debug for Dict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.iter().map(|(key, value)| (key.escape_ascii().to_string(), value));
        f.debug_map().entries(entries).finish()
    }
}

/// The keys and values of a [`Dict`].
#[derive(Clone, Debug)]
pub struct DictIter<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for DictIter<'a> {
    type Item = (&'a [u8], Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let (key, rest) = split_string(self.rest);
        self.rest = rest;
        Some((key, take_value(&mut self.rest)?))
    }
}

/// What stands between the first byte and the last.
fn inside(raw: &[u8]) -> &[u8] {
    &raw[1..raw.len() - 1]
}

/// Splits off the value at the start of checked bytes; `None` at their end.
fn take_value<'a>(rest: &mut &'a [u8]) -> Option<Value<'a>> {
    if rest.is_empty() {
        return None;
    }
    let (raw, after) = rest.split_at(value_length(rest));
    *rest = after;
    Some(Value { raw })
}

/// The length of the value at the start of checked bytes.
fn value_length(bytes: &[u8]) -> usize {
    let (mut at, mut depth) = (0, 0usize);
    loop {
        match bytes[at] {
            b'l' | b'd' => {
                depth += 1;
                at += 1;
            }
            b'e' => {
                depth -= 1;
                at += 1;
            }
            b'i' => at += 1 + bytes[at..].iter().take_while(|&&byte| byte != b'e').count(),
            _ => at = bytes.len() - split_string(&bytes[at..]).1.len(),
        }
        if depth == 0 {
            return at;
        }
    }
}

/// The content of the string at the start of checked bytes, and what follows it.
fn split_string(bytes: &[u8]) -> (&[u8], &[u8]) {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit());
    let (mut length, mut count) = (0usize, 0usize);
    for digit in digits {
        length = length * 10 + usize::from(digit - b'0');
        count += 1;
    }
    bytes[count + 1..].split_at(length)
}

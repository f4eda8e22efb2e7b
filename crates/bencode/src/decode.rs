use crate::error::{Error, ErrorKind};
use crate::value::Value;

/// How much of the wild to accept. The table test `modes_differ_as_documented` is the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The canonical form only: keys sorted and unique, integers and lengths in their shortest
    /// form. BEP 52 requires it of v2 metadata.
    Strict,
    /// Also what old torrent makers and trackers emit: keys in any order, repeated keys (the
    /// first one counts), integers and lengths with leading zeros, minus zero.
    Lenient,
}

/// Bounds on what a decode may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Deepest nesting of lists and dictionaries; a lone list has depth one.
    pub depth: usize,
    /// Most values and keys together.
    pub tokens: usize,
    /// Most input bytes.
    pub size: usize,
}

impl Limits {
    /// For messages between peers, trackers and nodes: 1 MiB, 16 deep, 100,000 tokens.
    pub const MESSAGE: Self = Self { depth: 16, tokens: 100_000, size: 1 << 20 };
}

/// Decodes the one value that `input` holds.
///
/// # Errors
/// When `input` is not one whole value in the given mode, has bytes after it, or exceeds `limits`.
pub fn decode(input: &[u8], mode: Mode, limits: Limits) -> Result<Value<'_>, Error> {
    if input.len() > limits.size {
        return Err(Error { kind: ErrorKind::TooLarge, offset: limits.size });
    }
    let (value, rest) = decode_prefix(input, mode, limits)?;
    if rest.is_empty() {
        return Ok(value);
    }
    Err(Error { kind: ErrorKind::TrailingData, offset: input.len() - rest.len() })
}

/// Decodes the value at the start of `input` and returns what follows it, such as the payload of
/// an `ut_metadata` message (BEP 9). The size limit counts the value alone.
///
/// # Errors
/// When `input` does not start with a whole value in the given mode, or exceeds `limits`.
pub fn decode_prefix(
    input: &[u8],
    mode: Mode,
    limits: Limits,
) -> Result<(Value<'_>, &[u8]), Error> {
    let window = &input[..input.len().min(limits.size)];
    let checker = Checker { input: window, at: 0, mode, tokens: limits.tokens };
    match checker.run(limits.depth) {
        Ok(length) => {
            let (raw, rest) = input.split_at(length);
            Ok((Value::checked(raw), rest))
        }
        Err(error) => {
            let cut = window.len() < input.len();
            let short = matches!(error.kind, ErrorKind::UnexpectedEnd | ErrorKind::BadLength);
            // Running into the end of the window is the limit's doing, not the input's.
            let kind = if cut && short { ErrorKind::TooLarge } else { error.kind };
            Err(Error { kind, ..error })
        }
    }
}

/// A container being read.
enum Frame<'a> {
    List,
    Dict { last: Option<&'a [u8]> },
}

/// One pass over the input, without recursion, so that depth costs heap bounded by the limit.
struct Checker<'a> {
    input: &'a [u8],
    at: usize,
    mode: Mode,
    tokens: usize,
}

impl<'a> Checker<'a> {
    /// Returns the length of the value at the start.
    fn run(mut self, depth: usize) -> Result<usize, Error> {
        let mut stack: Vec<Frame<'a>> = Vec::new();
        loop {
            let byte = self.peek()?;
            if byte == b'e' && !stack.is_empty() {
                self.at += 1;
                stack.pop();
            } else {
                if let Some(Frame::Dict { last }) = stack.last_mut() {
                    self.key(last)?;
                    if self.peek()? == b'e' {
                        return self.fail(ErrorKind::MissingValue);
                    }
                }
                if let Some(frame) = self.value()? {
                    if stack.len() == depth {
                        self.at -= 1;
                        return self.fail(ErrorKind::TooDeep);
                    }
                    stack.push(frame);
                }
            }
            if stack.is_empty() {
                return Ok(self.at);
            }
        }
    }

    /// Reads a scalar, or the opening of a container, whose frame it returns.
    fn value(&mut self) -> Result<Option<Frame<'a>>, Error> {
        self.count()?;
        let frame = match self.peek()? {
            b'l' => Frame::List,
            b'd' => Frame::Dict { last: None },
            b'i' => {
                self.integer()?;
                return Ok(None);
            }
            b'0'..=b'9' => {
                self.string()?;
                return Ok(None);
            }
            _ => return self.fail(ErrorKind::ExpectedValue),
        };
        self.at += 1;
        Ok(Some(frame))
    }

    fn key(&mut self, last: &mut Option<&'a [u8]>) -> Result<(), Error> {
        self.count()?;
        if !self.peek()?.is_ascii_digit() {
            return self.fail(ErrorKind::ExpectedKey);
        }
        let start = self.at;
        let key = self.string()?;
        if self.mode == Mode::Strict {
            let kind = match last {
                Some(last) if *last == key => Some(ErrorKind::DuplicateKey),
                Some(last) if *last > key => Some(ErrorKind::UnsortedKeys),
                _ => None,
            };
            if let Some(kind) = kind {
                return Err(Error { kind, offset: start });
            }
        }
        *last = Some(key);
        Ok(())
    }

    fn integer(&mut self) -> Result<(), Error> {
        let start = self.at;
        self.at += 1;
        let negative = self.peek()? == b'-';
        self.at += usize::from(negative);
        let first = self.at;
        // Accumulated negatively, because i64::MIN has no positive counterpart.
        let mut number: i64 = 0;
        while self.peek()?.is_ascii_digit() {
            let digit = i64::from(self.input[self.at] - b'0');
            let next = number.checked_mul(10).and_then(|n| n.checked_sub(digit));
            number = next.ok_or(Error { kind: ErrorKind::IntegerRange, offset: start })?;
            self.at += 1;
        }
        let digits = self.at - first;
        if digits == 0 || self.input[self.at] != b'e' {
            return self.fail(ErrorKind::BadInteger);
        }
        if !negative && number == i64::MIN {
            return Err(Error { kind: ErrorKind::IntegerRange, offset: start });
        }
        let padded = self.input[first] == b'0' && (digits > 1 || negative);
        if self.mode == Mode::Strict && padded {
            return Err(Error { kind: ErrorKind::NonCanonicalInteger, offset: start });
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Result<&'a [u8], Error> {
        let start = self.at;
        let mut length: usize = 0;
        while self.peek()?.is_ascii_digit() {
            let digit = usize::from(self.input[self.at] - b'0');
            let next = length.checked_mul(10).and_then(|n| n.checked_add(digit));
            length = next.ok_or(Error { kind: ErrorKind::BadLength, offset: start })?;
            self.at += 1;
        }
        if self.input[self.at] != b':' {
            return self.fail(ErrorKind::BadLength);
        }
        let padded = self.input[start] == b'0' && self.at - start > 1;
        if self.mode == Mode::Strict && padded {
            return Err(Error { kind: ErrorKind::NonCanonicalInteger, offset: start });
        }
        let body = self.at + 1;
        let end = body.checked_add(length).filter(|&end| end <= self.input.len());
        let end = end.ok_or(Error { kind: ErrorKind::BadLength, offset: start })?;
        self.at = end;
        Ok(&self.input[body..end])
    }

    fn count(&mut self) -> Result<(), Error> {
        match self.tokens.checked_sub(1) {
            Some(left) => self.tokens = left,
            None => return self.fail(ErrorKind::TooManyTokens),
        }
        Ok(())
    }

    fn peek(&self) -> Result<u8, Error> {
        let end = Error { kind: ErrorKind::UnexpectedEnd, offset: self.input.len() };
        self.input.get(self.at).copied().ok_or(end)
    }

    fn fail<T>(&self, kind: ErrorKind) -> Result<T, Error> {
        Err(Error { kind, offset: self.at })
    }
}

use crate::Fault;
use stdx::Duration;

/// The longest that a server's wish to be left alone is heeded.
const REST_MAX: Duration = Duration::from_hours(1);

/// The bytes that are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The first.
    pub from: u64,
    /// The one behind the last.
    pub to: u64,
    /// The file's length; `None` where a script answers with these bytes alone (BEP 17).
    pub whole: Option<u64>,
    /// What comes behind them may be wanted next, and is to be had by the same answer: the server
    /// gives whole files only, and would have to begin again.
    pub streamed: bool,
}

impl Asked {
    /// How many bytes.
    pub fn length(&self) -> u64 {
        self.to - self.from
    }

    /// Whether the answer is to be kept for what comes behind these bytes.
    pub fn goes_on(&self) -> bool {
        self.streamed && self.whole.is_some_and(|whole| self.to < whole)
    }

    /// The `Range` header (RFC 9110 §14.2), where it needs one.
    pub fn range(&self) -> Option<String> {
        if self.streamed {
            // Some servers give ranges after all, later or elsewhere.
            return (self.from > 0).then(|| format!("bytes={}-", self.from));
        }
        let part = self.whole.is_some_and(|whole| self.from > 0 || self.to < whole);
        part.then(|| format!("bytes={}-{}", self.from, self.to - 1))
    }
}

/// What matters of the head of an HTTP answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head<'a> {
    /// The status.
    pub status: u16,
    /// `Content-Length`, or what else says how long the body is.
    pub length: Option<u64>,
    /// `Content-Range`.
    pub range: Option<&'a str>,
    /// `Content-Encoding`.
    pub encoding: Option<&'a str>,
    /// `Retry-After`, in seconds from now.
    pub retry_after: Option<u64>,
    /// `Location`.
    pub location: Option<&'a str>,
}

/// What to do with an HTTP answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Drop so many bytes of the body and take as many as were asked for.
    Take {
        /// How many to drop.
        skip: u64,
    },
    /// Ask there.
    Follow(String),
    /// Nothing.
    Refuse(Fault),
}

/// Judges the head of an HTTP answer.
pub fn judge(asked: &Asked, head: &Head<'_>) -> Judgement {
    let verdict = match (head.status, head.location) {
        (301 | 302 | 303 | 307 | 308, Some(location)) => {
            return Judgement::Follow(location.to_owned());
        }
        (200..=299, _) if is_encoded(head.encoding) => {
            let encoding: String = head.encoding.unwrap_or_default().chars().take(40).collect();
            Err(Fault::Encoded(encoding))
        }
        (206, _) if asked.whole.is_some() => part(asked, head.range),
        (200 | 206, _) => whole(asked, head.length),
        (429 | 503, _) => {
            let rest = head.retry_after.map(Duration::from_secs);
            Err(Fault::Busy(rest.map(|rest| rest.min(REST_MAX))))
        }
        (status, _) => Err(Fault::Status(status)),
    };
    match verdict {
        Ok(skip) => Judgement::Take { skip },
        Err(fault) => Judgement::Refuse(fault),
    }
}

fn is_encoded(encoding: Option<&str>) -> bool {
    let encoding = encoding.map(str::trim).unwrap_or_default();
    !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity")
}

/// Of an answer with a part of the file.
fn part(asked: &Asked, range: Option<&str>) -> Result<u64, Fault> {
    let (first, last, whole) = range.and_then(content_range).ok_or(Fault::WrongRange)?;
    if let (Some(is), Some(should)) = (whole, asked.whole)
        && is != should
    {
        return Err(Fault::WrongSize { is, should });
    }
    if first != asked.from || last < first {
        return Err(Fault::WrongRange);
    }
    Ok(0)
}

/// Of an answer with all there is.
fn whole(asked: &Asked, length: Option<u64>) -> Result<u64, Fault> {
    let should = asked.whole.unwrap_or(asked.length());
    if let Some(is) = length.filter(|&is| is != should) {
        return Err(Fault::WrongSize { is, should });
    }
    let skip = if asked.whole.is_some() { asked.from } else { 0 };
    if skip > 0 && !asked.streamed { Err(Fault::NoRanges) } else { Ok(skip) }
}

/// First byte, last byte and the file's length of `bytes 0-9/100` (RFC 9110 §14.4).
fn content_range(text: &str) -> Option<(u64, u64, Option<u64>)> {
    let (unit, rest) = text.trim().split_once(' ')?;
    let (range, whole) = rest.trim().split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u64>().ok().filter(|_| digits)
    };
    let whole = match whole {
        "*" => None,
        whole => Some(number(whole)?),
    };
    let known = unit.eq_ignore_ascii_case("bytes");
    known.then_some((number(first)?, number(last)?, whole))
}

#[cfg(test)]
mod tests;

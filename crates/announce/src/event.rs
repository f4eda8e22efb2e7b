/// What happened at the peer that announces (BEP 3, numbered as in BEP 15).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// Nothing: an announce at the regular interval.
    #[default]
    None,
    /// The download has just become complete. Never sent by who started complete.
    Completed,
    /// The first announce to this tracker.
    Started,
    /// The peer leaves.
    Stopped,
}

impl Event {
    /// The number in a UDP announce (BEP 15).
    pub const fn code(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Completed => 1,
            Self::Started => 2,
            Self::Stopped => 3,
        }
    }

    /// The event of a UDP announce; unknown numbers count as [`Event::None`].
    pub const fn from_code(code: u32) -> Self {
        match code {
            1 => Self::Completed,
            2 => Self::Started,
            3 => Self::Stopped,
            _ => Self::None,
        }
    }

    /// The value of `event` in an HTTP announce; `None` when the key is left out (BEP 3).
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Completed => Some("completed"),
            Self::Started => Some("started"),
            Self::Stopped => Some("stopped"),
        }
    }

    /// The event of an HTTP announce; unknown names (`paused` of BEP 21 too) count as
    /// [`Event::None`].
    pub fn from_name(name: &[u8]) -> Self {
        match name {
            b"completed" => Self::Completed,
            b"started" => Self::Started,
            b"stopped" => Self::Stopped,
            _ => Self::None,
        }
    }
}

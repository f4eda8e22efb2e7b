use crate::{PacketError, Seq};

/// Bytes of a header (BEP 29, "header format").
pub(crate) const HEADER_LENGTH: usize = 20;

/// The only version there is.
const VERSION: u8 = 1;

/// Extensions in one packet, at most; nobody needs more than a few.
const EXTENSIONS_MAX: usize = 16;

/// The end of the chain of extensions.
const NO_EXTENSION: u8 = 0;
/// Which packets beyond the cumulative acknowledgement have arrived (BEP 29, "selective ack").
const SELECTIVE_ACK: u8 = 1;
/// Which extensions the sender understands, as 8 bytes of bits (libutp's, beside BEP 29).
const EXTENSION_BITS: u8 = 2;
/// Bytes that mean nothing, in a number that nobody uses: implementations skip what they do not
/// know by its length, so a packet can be made longer without being given more payload. Not the
/// first in the chain: where that is above 2, libutp takes the packet for one of version 0.
const PADDING: u8 = 0xf0;

/// An extension's type and length.
const EXTENSION_HEAD: usize = 2;
/// The most padding that one extension holds, its head included.
const PADDING_STEP: usize = EXTENSION_HEAD + 255;
/// What stands in front of padding: extension bits, of which none is set.
const PADDING_HEAD: [u8; EXTENSION_HEAD + 8] = [PADDING, 8, 0, 0, 0, 0, 0, 0, 0, 0];
/// The least that a packet can be made longer by.
pub(crate) const PADDING_LEAST: usize = PADDING_HEAD.len() + EXTENSION_HEAD;

/// What a packet is for (BEP 29, "type").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Carries payload.
    Data = 0,
    /// The last packet of its sender's stream.
    Fin = 1,
    /// Acknowledges, and has no number of its own.
    State = 2,
    /// Ends the connection at once.
    Reset = 3,
    /// Begins a connection.
    Syn = 4,
}

impl Kind {
    fn from_bits(bits: u8) -> Option<Self> {
        [Self::Data, Self::Fin, Self::State, Self::Reset, Self::Syn].get(bits as usize).copied()
    }
}

/// The fixed part of a packet (BEP 29, "header format").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What it is for.
    pub kind: Kind,
    /// The connection id, which the receiver of the packet chose or derived.
    pub connection: u16,
    /// When it was sent, in microseconds of its sender's clock.
    pub timestamp: u32,
    /// How long the last packet of the other direction took, in microseconds, by two clocks that
    /// know nothing of each other; 0 while there was none.
    pub timestamp_difference: u32,
    /// Bytes that its sender has room for.
    pub window: u32,
    /// Its number; of a [`Kind::State`], the number of the next packet.
    pub seq: Seq,
    /// The last number up to which its sender has everything.
    pub ack: Seq,
}

/// Which packets have arrived beyond the one after [`Header::ack`], which has not: bit 0 of byte 0
/// stands for `ack + 2` (BEP 29, "selective ack").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelectiveAck<'a>(pub &'a [u8]);

impl SelectiveAck<'_> {
    /// Whether packet `ack + 2 + n` has arrived.
    pub fn contains(self, n: usize) -> bool {
        self.0.get(n / 8).is_some_and(|byte| byte >> (n % 8) & 1 == 1)
    }

    /// How many packets it speaks of.
    pub fn bits(self) -> usize {
        self.0.len() * 8
    }
}

/// One packet, as it lies in its datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The fixed part.
    pub header: Header,
    /// The extension of that name, if there is one.
    pub selective_ack: Option<SelectiveAck<'a>>,
    /// What follows.
    pub payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads a datagram. Extensions that are unknown are skipped.
    ///
    /// # Errors
    /// When it is not a packet of version 1.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, PacketError> {
        let Some((head, mut rest)) = datagram.split_first_chunk::<HEADER_LENGTH>() else {
            return Err(PacketError::Short(datagram.len()));
        };
        if head[0] & 0x0f != VERSION {
            return Err(PacketError::Version(head[0] & 0x0f));
        }
        let kind = Kind::from_bits(head[0] >> 4).ok_or(PacketError::Kind(head[0] >> 4))?;
        let mut extension = head[1];
        let mut selective_ack = None;
        for _ in 0..EXTENSIONS_MAX {
            if extension == NO_EXTENSION {
                break;
            }
            let (&[next, length], tail) =
                rest.split_first_chunk::<EXTENSION_HEAD>().ok_or(PacketError::Extension)?;
            let (body, tail) =
                tail.split_at_checked(length.into()).ok_or(PacketError::Extension)?;
            if extension == SELECTIVE_ACK {
                selective_ack = Some(SelectiveAck(body));
            }
            (extension, rest) = (next, tail);
        }
        if extension != NO_EXTENSION {
            return Err(PacketError::Extensions);
        }
        let header = Header {
            kind,
            connection: short(head, 2),
            timestamp: long(head, 4),
            timestamp_difference: long(head, 8),
            window: long(head, 12),
            seq: Seq(short(head, 16)),
            ack: Seq(short(head, 18)),
        };
        Ok(Self { header, selective_ack, payload: rest })
    }
}

impl Header {
    /// Appends the header and its extensions to `out`: a selective ack unless `selective_ack` is
    /// empty, and `padding` bytes that mean nothing.
    ///
    /// # Panics
    /// When the selective ack is longer than 255 bytes, or there is padding of less than 12.
    pub fn encode(&self, selective_ack: &[u8], mut padding: usize, out: &mut Vec<u8>) {
        assert!(padding == 0 || padding >= PADDING_LEAST, "its extensions take as much");
        let pad_next = if padding > 0 { EXTENSION_BITS } else { NO_EXTENSION };
        let first = if selective_ack.is_empty() { pad_next } else { SELECTIVE_ACK };
        out.extend([(self.kind as u8) << 4 | VERSION, first]);
        out.extend(self.connection.to_be_bytes());
        out.extend(self.timestamp.to_be_bytes());
        out.extend(self.timestamp_difference.to_be_bytes());
        out.extend(self.window.to_be_bytes());
        out.extend(self.seq.0.to_be_bytes());
        out.extend(self.ack.0.to_be_bytes());
        if !selective_ack.is_empty() {
            let length = u8::try_from(selective_ack.len()).expect("masks are short");
            out.extend([pad_next, length]);
            out.extend_from_slice(selective_ack);
        }
        if padding > 0 {
            out.extend(PADDING_HEAD);
            padding -= PADDING_HEAD.len();
        }
        while padding > 0 {
            // What is left over must not be a single byte, which no extension can fill.
            let step = match padding {
                ..=PADDING_STEP => padding,
                more if more == PADDING_STEP + 1 => PADDING_STEP - 1,
                _ => PADDING_STEP,
            };
            padding -= step;
            let next = if padding > 0 { PADDING } else { NO_EXTENSION };
            out.extend([next, (step - EXTENSION_HEAD) as u8]);
            out.resize(out.len() + step - EXTENSION_HEAD, 0);
        }
    }
}

/// Whether a datagram is for uTP, among the protocols that share a UDP port: neither a bencoded
/// dictionary nor what trackers say begins like this.
pub fn looks_like_utp(datagram: &[u8]) -> bool {
    datagram.len() >= HEADER_LENGTH
        && datagram[0] & 0x0f == VERSION
        && Kind::from_bits(datagram[0] >> 4).is_some()
}

fn short(head: &[u8; HEADER_LENGTH], at: usize) -> u16 {
    u16::from_be_bytes([head[at], head[at + 1]])
}

fn long(head: &[u8; HEADER_LENGTH], at: usize) -> u32 {
    u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]])
}

#[cfg(test)]
mod tests;

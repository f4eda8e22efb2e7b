use hash::Sha1Digest;
use stdx::PeerId;

use super::{ANNOUNCE, CONNECT, MAGIC, MAX_SCRAPED, Reader, SCRAPE};
use crate::{AnnounceRequest, Error, Event};

const OPTION_END: u8 = 0;
const OPTION_NOP: u8 = 1;
const OPTION_URL: u8 = 2;
/// Longest path and query that is sent or read, in bytes.
const MAX_URL: usize = 1024;

/// What a client sends to a UDP tracker (BEP 15).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UdpRequest {
    /// Asks for a connection id.
    Connect {
        /// Comes back in the answer.
        transaction: u32,
    },
    /// Announces.
    Announce {
        /// The id from the connect answer.
        connection: u64,
        /// Comes back in the answer.
        transaction: u32,
        /// What the peer says. The `tracker_id` has no place here.
        announce: AnnounceRequest,
        /// Path and query of the tracker's URL (BEP 41), empty when there is none.
        url: Vec<u8>,
    },
    /// Scrapes.
    Scrape {
        /// The id from the connect answer.
        connection: u64,
        /// Comes back in the answer.
        transaction: u32,
        /// The swarms, 74 at most.
        info_hashes: Vec<Sha1Digest>,
    },
}

impl UdpRequest {
    /// Appends the datagram.
    pub fn write(&self, out: &mut Vec<u8>) {
        let (connection, action, transaction) = match self {
            Self::Connect { transaction } => (MAGIC, CONNECT, transaction),
            Self::Announce { connection, transaction, .. } => (*connection, ANNOUNCE, transaction),
            Self::Scrape { connection, transaction, .. } => (*connection, SCRAPE, transaction),
        };
        out.extend_from_slice(&connection.to_be_bytes());
        out.extend_from_slice(&action.to_be_bytes());
        out.extend_from_slice(&transaction.to_be_bytes());
        match self {
            Self::Connect { .. } => {}
            Self::Announce { announce, url, .. } => write_announce(announce, url, out),
            Self::Scrape { info_hashes, .. } => {
                for info_hash in info_hashes.iter().take(MAX_SCRAPED) {
                    out.extend_from_slice(&info_hash.0);
                }
            }
        }
    }

    /// Reads a datagram. Bytes beyond what BEP 15 and BEP 41 describe are ignored.
    ///
    /// # Errors
    /// When it is too short, no known action, or a connect without the magic number.
    pub fn parse(datagram: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader(datagram);
        let (connection, action, transaction) = (reader.u64()?, reader.u32()?, reader.u32()?);
        match action {
            CONNECT if connection == MAGIC => Ok(Self::Connect { transaction }),
            CONNECT => Err(Error::BadDatagram("connect without the magic number")),
            ANNOUNCE => {
                let announce = read_announce(&mut reader)?;
                let url = read_url(reader.rest());
                Ok(Self::Announce { connection, transaction, announce, url })
            }
            SCRAPE => {
                let hashes = reader.rest().chunks_exact(Sha1Digest::LEN);
                let info_hashes: Vec<_> =
                    hashes.filter_map(Sha1Digest::from_slice).take(MAX_SCRAPED).collect();
                if info_hashes.is_empty() {
                    return Err(Error::BadDatagram("scrape of nothing"));
                }
                Ok(Self::Scrape { connection, transaction, info_hashes })
            }
            _ => Err(Error::BadDatagram("unknown action")),
        }
    }
}

/// The swarm that a datagram announces to, if it is an announce.
pub(crate) fn swarm_announced_to(datagram: &[u8]) -> Option<Sha1Digest> {
    let mut reader = Reader(datagram);
    let (_connection, action, _transaction) = (reader.u64(), reader.u32(), reader.u32());
    let info_hash = reader.bytes().ok()?;
    (action.ok()? == ANNOUNCE).then_some(Sha1Digest(info_hash))
}

fn write_announce(announce: &AnnounceRequest, url: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&announce.info_hash.0);
    out.extend_from_slice(&announce.peer_id.0);
    for count in [announce.downloaded, announce.left, announce.uploaded] {
        out.extend_from_slice(&count.to_be_bytes());
    }
    out.extend_from_slice(&announce.event.code().to_be_bytes());
    // The address field stays zero: the tracker takes the datagram's source.
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&announce.key.to_be_bytes());
    let numwant = announce.numwant.map_or(-1, |n| i32::try_from(n).unwrap_or(i32::MAX));
    out.extend_from_slice(&numwant.to_be_bytes());
    out.extend_from_slice(&announce.port.to_be_bytes());
    for part in url[..url.len().min(MAX_URL)].chunks(255) {
        out.extend_from_slice(&[OPTION_URL, part.len() as u8]);
        out.extend_from_slice(part);
    }
}

fn read_announce(reader: &mut Reader<'_>) -> Result<AnnounceRequest, Error> {
    let info_hash = Sha1Digest(reader.bytes()?);
    let peer_id = PeerId(reader.bytes()?);
    let (downloaded, left, uploaded) = (reader.u64()?, reader.u64()?, reader.u64()?);
    let event = Event::from_code(reader.u32()?);
    let _address = reader.u32()?;
    let key = reader.u32()?;
    let numwant = i32::from_be_bytes(reader.bytes()?);
    let port = reader.u16()?;
    Ok(AnnounceRequest {
        info_hash,
        peer_id,
        port,
        uploaded,
        downloaded,
        left,
        event,
        numwant: u32::try_from(numwant).ok(),
        key,
        tracker_id: None,
    })
}

/// Joins the URL data among the options (BEP 41); anything malformed ends the options.
fn read_url(mut options: &[u8]) -> Vec<u8> {
    let mut url = Vec::new();
    loop {
        options = match options {
            [] | [OPTION_END, ..] => return url,
            [OPTION_NOP, rest @ ..] => rest,
            [kind, length, rest @ ..] if rest.len() >= usize::from(*length) => {
                let (data, rest) = rest.split_at(usize::from(*length));
                if *kind == OPTION_URL && url.len() + data.len() <= MAX_URL {
                    url.extend_from_slice(data);
                }
                rest
            }
            _ => return url,
        };
    }
}

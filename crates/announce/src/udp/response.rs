use std::net::SocketAddr;

use stdx::Duration;

use super::{ANNOUNCE, CONNECT, ERROR, MAX_SCRAPED, Reader, SCRAPE};
use crate::message::{MAX_PEERS_PER_ANSWER, printable};
use crate::{AnnounceSummary, Error, ScrapeEntry, compact};

/// What a UDP tracker answers (BEP 15).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UdpResponse {
    /// Gives a connection id.
    Connect {
        /// That of the request.
        transaction: u32,
        /// To be sent with what follows, for a minute.
        connection: u64,
    },
    /// Answers an announce.
    Announce {
        /// That of the request.
        transaction: u32,
        /// Time until the next announce.
        interval: Duration,
        /// Leechers of the swarm.
        leechers: u32,
        /// Seeders of the swarm.
        seeders: u32,
        /// Peers, all of the family that the datagram travels by.
        peers: Vec<SocketAddr>,
    },
    /// Answers a scrape.
    Scrape {
        /// That of the request.
        transaction: u32,
        /// One for each info-hash of the request, in its order.
        entries: Vec<ScrapeEntry>,
    },
    /// Says why there is no answer.
    Error {
        /// That of the request.
        transaction: u32,
        /// For a person to read.
        message: String,
    },
}

impl UdpResponse {
    /// The transaction of the request that this answers.
    pub fn transaction(&self) -> u32 {
        match self {
            Self::Connect { transaction, .. }
            | Self::Announce { transaction, .. }
            | Self::Scrape { transaction, .. }
            | Self::Error { transaction, .. } => *transaction,
        }
    }

    /// Appends the datagram, with the peers of one family only.
    pub fn write(&self, ipv6: bool, out: &mut Vec<u8>) {
        let action = match self {
            Self::Connect { .. } => CONNECT,
            Self::Announce { .. } => ANNOUNCE,
            Self::Scrape { .. } => SCRAPE,
            Self::Error { .. } => ERROR,
        };
        out.extend_from_slice(&action.to_be_bytes());
        out.extend_from_slice(&self.transaction().to_be_bytes());
        match self {
            Self::Connect { connection, .. } => out.extend_from_slice(&connection.to_be_bytes()),
            Self::Announce { interval, leechers, seeders, peers, .. } => {
                let interval = u32::try_from(interval.as_secs()).unwrap_or(u32::MAX);
                for number in [interval, *leechers, *seeders] {
                    out.extend_from_slice(&number.to_be_bytes());
                }
                compact::write(peers, ipv6, out);
            }
            Self::Scrape { entries, .. } => {
                for entry in entries.iter().take(MAX_SCRAPED) {
                    for number in [entry.seeders, entry.completed, entry.leechers] {
                        out.extend_from_slice(&number.to_be_bytes());
                    }
                }
            }
            Self::Error { message, .. } => out.extend_from_slice(message.as_bytes()),
        }
    }

    /// Reads a datagram that came over IPv6 or IPv4.
    ///
    /// # Errors
    /// When it is too short or of no known action.
    pub fn parse(datagram: &[u8], ipv6: bool) -> Result<Self, Error> {
        let mut reader = Reader(datagram);
        let (action, transaction) = (reader.u32()?, reader.u32()?);
        match action {
            CONNECT => Ok(Self::Connect { transaction, connection: reader.u64()? }),
            ANNOUNCE => {
                let interval = Duration::from_secs(u64::from(reader.u32()?));
                let (leechers, seeders) = (reader.u32()?, reader.u32()?);
                let mut peers = Vec::new();
                compact::read(reader.rest(), ipv6, MAX_PEERS_PER_ANSWER, &mut peers);
                Ok(Self::Announce { transaction, interval, leechers, seeders, peers })
            }
            SCRAPE => {
                let mut entries = Vec::new();
                while entries.len() < MAX_SCRAPED && reader.0.len() >= 12 {
                    entries.push(ScrapeEntry {
                        seeders: reader.u32()?,
                        completed: reader.u32()?,
                        leechers: reader.u32()?,
                    });
                }
                Ok(Self::Scrape { transaction, entries })
            }
            ERROR => Ok(Self::Error { transaction, message: printable(reader.rest()) }),
            _ => Err(Error::BadDatagram("unknown action")),
        }
    }
}

/// Appends the answer to an announce, whose peers `fill` appends.
pub(crate) fn write_udp_announce(
    transaction: u32,
    out: &mut Vec<u8>,
    fill: impl FnOnce(&mut Vec<u8>) -> AnnounceSummary,
) {
    let head = |summary: Option<AnnounceSummary>| {
        let (seconds, leechers, seeders) =
            summary.map_or((0, 0, 0), |it| (it.interval.as_secs(), it.leechers, it.seeders));
        let interval = u32::try_from(seconds).unwrap_or(u32::MAX);
        [ANNOUNCE, transaction, interval, leechers, seeders].map(u32::to_be_bytes)
    };
    let start = out.len();
    out.extend_from_slice(head(None).as_flattened());
    let summary = fill(out);
    let head = head(Some(summary));
    out[start..start + head.as_flattened().len()].copy_from_slice(head.as_flattened());
}

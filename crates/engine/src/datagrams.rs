//! Datagrams: one UDP socket for each address, for everything that speaks UDP there.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::Sender;

use crate::egress::Egress;
use crate::listen::{self, ListenError};
use crate::udp::{Inbox, UdpPort};

/// Longest datagram that is handed on.
const DATAGRAM_MAX: usize = 2_048;
/// Pause after an error of a socket, so that one that lasts costs nothing.
const ERROR_PAUSE: Duration = Duration::from_millis(50);

/// Whose datagram it is: all that share a socket are told apart by their first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// A message of the distributed hash table: a bencoded dictionary (BEP 5).
    Dht,
    /// A packet of uTP: version 1, and one of its five types (BEP 29).
    Utp,
    /// An answer of a UDP tracker: an action from 0 to 3 (BEP 15).
    Tracker,
    /// None of these.
    Unknown,
}

impl Protocol {
    pub(crate) fn of(datagram: &[u8]) -> Self {
        match datagram {
            [b'd', .., b'e'] => Self::Dht,
            _ if utp::looks_like_utp(datagram) => Self::Utp,
            [0, 0, 0, 0..=3, ..] if datagram.len() >= 8 => Self::Tracker,
            _ => Self::Unknown,
        }
    }
}

/// A datagram that came.
#[derive(Debug)]
pub(crate) struct Datagram {
    /// Which of the sockets it came by.
    pub(crate) socket: usize,
    pub(crate) from: SocketAddr,
    pub(crate) payload: Vec<u8>,
}

/// Where datagrams go that are not of the one who receives at a socket.
#[derive(Clone, Debug, Default)]
pub(crate) struct Others {
    /// Which of the sockets it is.
    pub(crate) socket: usize,
    /// To the hash table, where there is one.
    pub(crate) dht: Option<Sender<Datagram>>,
}

impl Others {
    /// Hands on what is of somebody here. When those are behind, datagrams are lost, as they may be
    /// anywhere on their way.
    pub(crate) fn hand_on(&self, from: SocketAddr, datagram: &[u8]) {
        if let Some(dht) = &self.dht
            && datagram.len() <= DATAGRAM_MAX
            && Protocol::of(datagram) == Protocol::Dht
        {
            let payload = datagram.to_vec();
            let _lost = dht.try_send(Datagram { socket: self.socket, from, payload });
        }
    }

    /// Waits until nobody wants anything any more.
    async fn gone(&self) {
        if let Some(dht) = &self.dht {
            dht.closed().await;
        }
    }
}

/// Opens the named addresses; with none, the default port (or any free one) on IPv4 and IPv6.
///
/// # Errors
/// When an address that was named cannot be had.
pub(crate) fn open(
    egress: &Egress,
    named: &[SocketAddr],
) -> Result<Vec<Arc<UdpPort>>, ListenError> {
    let bind = |address| UdpPort::bind(egress, address).map(Arc::new);
    if named.is_empty() {
        return listen::open_default(bind, |port| port.local_addr());
    }
    let named = named
        .iter()
        .map(|&address| bind(address).map_err(|source| ListenError { address, source }));
    named.collect()
}

/// Receives at a socket that uTP does not use, until nobody wants what comes.
pub(crate) async fn receive(port: Arc<UdpPort>, others: Others) {
    let mut inbox = Inbox::new();
    loop {
        let readable = tokio::select! {
            readable = port.readable() => readable,
            () = others.gone() => return,
        };
        match readable.and_then(|()| port.try_receive(&mut inbox)) {
            Ok(()) => inbox.datagrams().for_each(|(from, _, it)| others.hand_on(from, it)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            // Word that an earlier datagram found nobody there, or worse.
            Err(_) => tokio::time::sleep(ERROR_PAUSE).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_told_apart_by_their_first_bytes() {
        let utp = |kind: u8| [&[kind << 4 | 1][..], &[0; 19]].concat();
        for (datagram, expected) in [
            (b"d1:t2:aa1:y1:qe".to_vec(), Protocol::Dht),
            (b"d1:t2:aa1:y1:q".to_vec(), Protocol::Unknown),
            (utp(0), Protocol::Utp),
            (utp(4), Protocol::Utp),
            (utp(5), Protocol::Unknown),
            (vec![0x21; 19], Protocol::Unknown),
            (vec![0, 0, 0, 1, 9, 9, 9, 9], Protocol::Tracker),
            (vec![0, 0, 0, 4, 9, 9, 9, 9], Protocol::Unknown),
            (vec![0, 0, 0, 1], Protocol::Unknown),
            (Vec::new(), Protocol::Unknown),
        ] {
            assert_eq!(Protocol::of(&datagram), expected, "{datagram:?}");
        }
    }
}

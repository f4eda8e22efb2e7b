use std::collections::BTreeMap;

use netem::{Network, PipeId};
use peer::Carrier;
use utp::Handle;

use super::link::{CHUNK, Chunk, Route};
use super::utp::Utp;

/// What carries a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    /// Two pipes, as TCP would.
    Pipes { out: PipeId, inbound: PipeId },
    /// A uTP connection of the process.
    Utp(Handle),
}

impl Way {
    /// What the peers say of it.
    pub(crate) fn carrier(self) -> Carrier {
        Carrier { utp: matches!(self, Self::Utp(_)), encrypted: false }
    }

    /// How many bytes it may take now; over uTP, only trying shows it.
    pub(crate) fn room(self, net: &Network<Chunk>, utp: Option<&Utp>) -> u64 {
        match self {
            Self::Pipes { out, .. } => net.free_space(out),
            Self::Utp(stream) if utp.is_some_and(|utp| utp.is_writable(stream)) => CHUNK,
            Self::Utp(_) => 0,
        }
    }

    /// Whether the remote knows of no such connection: it was gone without a word. Over uTP, it
    /// would say so itself.
    pub(crate) fn is_forgotten(self, routes: &BTreeMap<PipeId, Route>) -> bool {
        match self {
            Self::Pipes { out, inbound } => {
                ![out, inbound].iter().any(|it| routes.contains_key(it))
            }
            Self::Utp(_) => false,
        }
    }
}

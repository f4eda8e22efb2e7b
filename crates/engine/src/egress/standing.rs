use std::io;

use tokio::sync::watch;

use proxy::{Command, ProxyError};

/// How the proxy does that everything goes through, as of the last time that it was asked for
/// anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ProxyStanding {
    /// It does what it is there for, or was not asked yet.
    #[default]
    Fine,
    /// It passes connections on, but no datagrams: why.
    NoDatagrams(String),
    /// It cannot be reached, or does not let us in: why. Nothing goes anywhere.
    Down(String),
}

/// Where a [`ProxyStanding`] is kept for those who tell people of it.
#[derive(Debug)]
pub(super) struct Standing(watch::Sender<ProxyStanding>);

impl Standing {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(ProxyStanding::Fine))
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<ProxyStanding> {
        self.0.subscribe()
    }

    /// The proxy cannot be reached.
    pub(super) fn unreachable(&self, error: &io::Error) {
        self.set(ProxyStanding::Down(error.to_string()));
    }

    /// The proxy did what it was asked for.
    pub(super) fn did(&self, command: Command) {
        self.0.send_if_modified(|now| {
            let better = match &*now {
                ProxyStanding::Fine => false,
                ProxyStanding::NoDatagrams(_) => command == Command::Associate,
                ProxyStanding::Down(_) => true,
            };
            if better {
                *now = ProxyStanding::Fine;
            }
            better
        });
    }

    /// The proxy did not. That a host cannot be reached by it says nothing of the proxy.
    pub(super) fn did_not(&self, command: Command, error: ProxyError, text: &str) {
        match (command, error) {
            (_, ProxyError::NoProxy | ProxyError::WantsUser | ProxyError::Denied) => {
                self.set(ProxyStanding::Down(text.to_owned()));
            }
            (Command::Associate, _) => self.set(ProxyStanding::NoDatagrams(text.to_owned())),
            (Command::Connect, _) => self.did(command),
        }
    }

    /// Of what it comes to, the first words are told.
    fn set(&self, next: ProxyStanding) {
        self.0.send_if_modified(|now| {
            let news = std::mem::discriminant(now) != std::mem::discriminant(&next);
            if news {
                *now = next;
            }
            news
        });
    }
}

#[cfg(test)]
mod tests;

//! Message stream encryption (MSE/PE): connections between peers that look like noise to those in
//! between. It hides what is spoken from equipment that looks for it, and nothing more: RC4 keeps
//! no secret for long, and nobody proves who he is.
//!
//! ```text
//!   Initiator                                            Responder
//!   Ya, padding                                    ──▶
//!                                                  ◀──   Yb, padding
//!   H(req1 S), H(req2 SKEY) ^ H(req3 S),           ──▶
//!   RC4(VC, provide, padding, first words)
//!                                                  ◀──   RC4(VC, select, padding)
//!   … and from here on RC4, or nothing, as was selected, both ways
//! ```
//!
//! S is a Diffie-Hellman secret, SKEY the info-hash. The names are those of the specification that
//! Azureus and µTorrent published in 2006; BEP 13 was kept free for it and never written.

mod cipher;
mod error;
mod initiator;
mod key;
mod methods;
mod rc4;
mod responder;

// The public interface is:
pub use cipher::Ciphers;
pub use error::MseError;
pub use initiator::Initiator;
pub use key::Entropy;
pub use methods::Methods;
pub use responder::{Responder, torrent_key};

/// The end of a handshake: how to go on.
#[derive(Debug)]
pub struct Outcome {
    /// What disguises the stream from now on; nothing, when that was agreed.
    pub ciphers: Option<Ciphers>,
    /// What has come of the stream already, as it was meant.
    pub received: Vec<u8>,
}

#[cfg(test)]
mod tests;

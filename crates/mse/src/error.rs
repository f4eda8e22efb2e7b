/// Why a handshake failed. The connection is of no use any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MseError {
    /// A public key that makes the secret known to everybody.
    #[error("the peer's public key is degenerate")]
    Key,
    /// The secret has zeros in front, which not everybody hashes alike. One in 256 has; on a new
    /// connection it is another one.
    #[error("the secret begins with zeros, which not everybody hashes alike")]
    ShortSecret,
    /// The place where the disguise begins was not found in time.
    #[error("the peer does not speak encryption, or not about a torrent of ours")]
    NoSync,
    /// No torrent of ours has the hash that the peer means.
    #[error("the peer asks for a torrent that is not here")]
    UnknownTorrent,
    /// The verification constant is wrong.
    #[error("the peer's encryption does not fit ours")]
    Verification,
    /// The peers have no method in common.
    #[error("no encryption method that both allow; the peer offers {0:#x}")]
    Method(u32),
    /// Padding or first words are longer than allowed.
    #[error("{0} bytes of padding or first words, which is too many")]
    TooLong(usize),
}

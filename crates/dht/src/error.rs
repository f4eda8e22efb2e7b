/// What a node cannot do, and why a message or an item is not acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A datagram that is not bencode, or a value that is not.
    #[error(transparent)]
    Bencode(#[from] bencode::Error),
    /// A datagram that is bencode, but no message.
    #[error("no DHT message: `{0}` is missing or malformed")]
    Message(&'static str),
    /// A value longer than BEP 44 allows.
    #[error("the value has {0} bytes, 1000 are allowed: put it in a torrent, and its hash here")]
    ValueTooLong(usize),
    /// A salt longer than BEP 44 allows.
    #[error("the salt has {0} bytes, 64 are allowed: use its hash")]
    SaltTooLong(usize),
    /// A version that is negative.
    #[error("the sequence number is negative")]
    NegativeSeq,
    /// A signature that its key did not make.
    #[error("the signature is not that of the key")]
    Signature,
    /// More at once than is good.
    #[error("too many look-ups are under way: wait for one to end")]
    Busy,
    /// More announces than are kept.
    #[error("too many torrents are announced")]
    TooManyAnnounces,
}

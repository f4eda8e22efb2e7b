/// Why there is no plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nobody wants it.
    #[error("there are no peers to give it to")]
    NoPeers,
    /// More peers than the model counts.
    #[error("there are more than {} peers", crate::PEERS_MAX)]
    TooManyPeers,
    /// A rate of 0 at a place through which everything must go.
    #[error("the {0} is 0, so it never ends")]
    ZeroRate(&'static str),
    /// Size and overhead together do not fit 64 bits.
    #[error("the size with its overhead exceeds 2^64 bytes")]
    TooLarge,
}

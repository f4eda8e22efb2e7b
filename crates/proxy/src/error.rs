/// Why a proxy is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// It speaks something else.
    #[error("what listens there is no such proxy")]
    NoProxy,
    /// It wants to know who asks.
    #[error("the proxy wants a user name and a password: write USER:PASSWORD@ before its host")]
    WantsUser,
    /// It does not believe who asks, or wants another proof.
    #[error("the proxy does not take the user name and the password")]
    Denied,
    /// It does not do what was asked: SOCKS5's reply code (RFC 1928 §6).
    #[error("the proxy says: {}", reply(*.0))]
    Refused(u8),
    /// It does not do what was asked: HTTP's status.
    #[error("the proxy answers {0}")]
    Status(u16),
    /// HTTP carries connections only.
    #[error("an HTTP proxy carries no datagrams")]
    NoDatagrams,
    /// A name that no proxy can be told.
    #[error("the name is longer than a proxy can be told")]
    LongName,
}

fn reply(code: u8) -> &'static str {
    match code {
        1 => "it failed",
        2 => "its rules do not allow that",
        3 => "the network cannot be reached",
        4 => "the host cannot be reached",
        5 => "the connection was refused",
        6 => "it took too long",
        7 => "it does not do that at all",
        8 => "it does not know that kind of address",
        _ => "it failed for a reason that has no name",
    }
}

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;

use mirror::{Fault, Url};

use crate::egress::Egress;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(20);
/// Addresses of one host that are tried.
const ADDRESSES_MAX: usize = 4;

/// Connects to a URL's host at one of its addresses that `allow` permits, and that the filter does,
/// unless a person named the mirror (`typed`).
///
/// # Errors
/// When no address is allowed, or none answers.
pub(super) async fn connect(
    egress: &Egress,
    url: &Url,
    typed: bool,
    allow: impl Fn(IpAddr) -> bool,
) -> Result<(TcpStream, IpAddr), Fault> {
    let (host, port) = (url.host(), url.port());
    let look = egress.places(host, port);
    let found = match tokio::time::timeout(RESOLVE_TIMEOUT, look).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => {
            return Err(Fault::Network(format!("cannot find the address of `{host}`: {error}")));
        }
        Err(_) => {
            let text = format!("cannot find the address of `{host}`: no answer in time");
            return Err(Fault::Network(text));
        }
    };
    let mut last = Fault::Network(format!("`{host}` has no address"));
    for address in found.into_iter().take(ADDRESSES_MAX) {
        if !allow(address.ip()) {
            last = Fault::Forbidden(address.ip());
            continue;
        }
        if !typed && egress.forbidden().holds(address.ip()) {
            last = Fault::Filtered(address.ip());
            continue;
        }
        match tcp(egress, address).await {
            Ok(stream) => return Ok((stream, address.ip())),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Connects to an address.
///
/// # Errors
/// When nobody answers there in time.
pub(super) async fn tcp(egress: &Egress, address: SocketAddr) -> Result<TcpStream, Fault> {
    let failed = |why: &str| Fault::Network(format!("cannot connect to {address}: {why}"));
    match tokio::time::timeout(CONNECT_TIMEOUT, egress.connect(address)).await {
        Ok(Ok(stream)) => {
            let _slower = stream.set_nodelay(true);
            Ok(stream)
        }
        Ok(Err(error)) => Err(failed(&error.to_string())),
        Err(_) => Err(failed("no answer in time")),
    }
}

//! What people hear of a proxy: what does not work with it, and when it does not work itself.

use anyhow::bail;

use engine::{Egress, ProxyStanding, Transport};

use crate::args::{self, Net};
use crate::output::Output;

/// Says what is left out because of a proxy, and from now on how it does; returns what may carry
/// connections.
///
/// # Errors
/// When nothing may.
pub(crate) fn start(net: &Net, egress: &Egress, output: &Output) -> anyhow::Result<Transport> {
    let Some(proxy) = egress.proxy() else {
        return Ok(net.transport.into());
    };
    if !egress.carries_datagrams() {
        if net.transport == args::Transport::Utp {
            bail!("{proxy} takes no UDP, and so no uTP; name a SOCKS5 proxy or --transport tcp");
        }
        output.notice(format!(
            "everything goes through {proxy}, which takes no UDP: no DHT, no uTP, no UDP trackers; \
             nobody can connect to us; no local discovery and no port mapping"
        ));
        keep_told(egress, output);
        return Ok(Transport::Tcp);
    }
    output.notice(format!(
        "everything goes through {proxy}: nobody can connect to us; no local discovery and no port \
         mapping"
    ));
    if !egress.looks_up_names() {
        output.notice(
            "the proxy looks up the names of those it connects to, but not those of UDP trackers \
             and of the DHT's routers: name a server for these that it reaches with --dns IP",
        );
    }
    keep_told(egress, output);
    Ok(net.transport.into())
}

/// Tells how a proxy does, if there is one, whenever that changes.
pub(crate) fn keep_told(egress: &Egress, output: &Output) {
    let (Some(mut standing), Some(proxy)) = (egress.proxy_standing(), egress.proxy()) else {
        return;
    };
    let (proxy, output) = (proxy.to_string(), output.clone());
    tokio::spawn(async move {
        let mut last = ProxyStanding::Fine;
        loop {
            let now = standing.borrow_and_update().clone();
            if now != last {
                tell(&now, &proxy, &output);
                last = now;
            }
            if standing.changed().await.is_err() {
                return;
            }
        }
    });
}

fn tell(standing: &ProxyStanding, proxy: &str, output: &Output) {
    match standing {
        ProxyStanding::Fine => output.notice(format!("{proxy} does its work again")),
        ProxyStanding::NoDatagrams(why) => output.warn(format!(
            "{why}; without UDP there is no DHT, no uTP and no UDP tracker, the rest works"
        )),
        ProxyStanding::Down(why) => output.warn(format!(
            "{why}; until it works, nothing is sent or received: nothing goes past it"
        )),
    }
}

//! `share`'s own tracker and page.

use std::net::SocketAddr;
use std::sync::Arc;

use announce::StoreConfig;
use engine::{Egress, Engine, Torrent, UplinkTurns};
use metainfo::Metainfo;
use page::{Site, Swarm};
use served::{Grant, Page, PageContent, TrackerServer, Turns, Uplink};
use session::Status;
use stdx::Duration;

use crate::args::Share;
use crate::{names, reach, tracker};

/// Our own tracker serves people who wait; they ask more often than a public one would like.
const INTERVAL: Duration = Duration::from_mins(5);
const MIN_INTERVAL: Duration = Duration::from_secs(15);

/// A tracker that lists this process, and the page beside it.
#[derive(Debug)]
pub(crate) struct Hosting {
    server: TrackerServer,
    page: Page,
    egress: Egress,
}

impl Hosting {
    /// Begins to answer; the page says that there is nothing yet.
    ///
    /// # Errors
    /// When the address is busy.
    pub(crate) fn start(
        args: &Share,
        engine: &Engine,
        metainfo: &Metainfo,
    ) -> anyhow::Result<Self> {
        let store = StoreConfig {
            interval: INTERVAL,
            min_interval: MIN_INTERVAL,
            peer_timeout: INTERVAL * 3 / 2,
            ..StoreConfig::default()
        };
        let page = Page::new();
        let listening = engine.listening();
        let mut builder = TrackerServer::builder().store(store).fallback(page.clone());
        if let Some(interface) = engine.egress().interface() {
            builder = builder.interface(interface);
        }
        match args.http {
            Some(address) => builder = builder.http(address),
            None => {
                for address in listening {
                    builder = builder.http(SocketAddr::new(address.ip(), 0));
                }
            }
        }
        let server = builder.spawn()?;
        let port = listening.first().map_or(0, SocketAddr::port);
        for hash in metainfo.hashes.handshake_hashes() {
            server.host(hash, port, true);
        }
        Ok(Self { server, page, egress: engine.egress().clone() })
    }

    /// Where to announce.
    pub(crate) fn tracker(&self) -> String {
        tracker::url(&self.egress, self.server.http_addresses())
    }

    /// Where the page is, under an address that others can reach.
    pub(crate) fn address(&self) -> Option<String> {
        let reachable = reach::addresses(&self.egress, self.server.http_addresses());
        reachable.first().map(|address| format!("http://{address}/"))
    }

    /// The page itself.
    pub(crate) fn page(&self) -> &Page {
        &self.page
    }

    /// Shows a torrent whose files are open.
    pub(crate) fn show(
        &self,
        metainfo: &Metainfo,
        magnet: &str,
        torrent: &Torrent,
        engine: &Engine,
    ) {
        let Some(storage) = torrent.storage() else {
            return;
        };
        let content = PageContent {
            // A web seed's clients ask for what the torrent says (BEP 19).
            site: Site::new(names::original(&metainfo.info), magnet.to_owned()),
            torrent: metainfo.to_bytes().into(),
            storage,
            uplink: Arc::new(Peers(engine.uplink())),
        };
        self.page.open(content);
    }

    /// Ends both; downloads under way are broken off.
    pub(crate) async fn end(self) {
        self.page.close();
        self.server.shutdown().await;
    }
}

/// Tells the page's readers who is there, as far as we are connected.
pub(crate) fn tell_swarm(page: &Page, status: &Status) {
    let downloading = status.peers.saturating_sub(status.seeds);
    page.set_swarm(Swarm { downloading, seeding: status.seeds + 1 });
}

/// The page sends within the limit that the peers have.
#[derive(Debug)]
struct Peers(engine::Uplink);

impl Uplink for Peers {
    fn join(&self) -> Box<dyn Turns> {
        Box::new(Place(self.0.join()))
    }
}

struct Place(UplinkTurns);

impl Turns for Place {
    fn take(&mut self, want: u64) -> Grant<'_> {
        Box::pin(self.0.take(want))
    }
}

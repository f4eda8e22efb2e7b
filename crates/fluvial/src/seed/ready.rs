use std::path::Path;

use engine::Engine;
use metainfo::Metainfo;

use crate::describe::magnet_of;
use crate::events::Event;
use crate::output::Output;
use crate::reach;
use crate::units::show_size;

/// Where we are reached, to be told with every torrent.
pub(super) struct Ready {
    listen: String,
    peers: Vec<String>,
}

impl Ready {
    pub(super) fn new(engine: &Engine) -> Self {
        let reachable = reach::addresses(engine.egress(), engine.listening());
        Self {
            listen: engine.listening().first().map(ToString::to_string).unwrap_or_default(),
            peers: reachable.iter().map(ToString::to_string).collect(),
        }
    }

    /// Tells scripts that a torrent is served.
    pub(super) fn tell(&self, metainfo: &Metainfo, file: &Path, output: &Output) {
        if !output.is_json() {
            return;
        }
        let mut magnet = magnet_of(metainfo);
        magnet.peers.clone_from(&self.peers);
        output.event(&Event::Ready {
            info_hash: metainfo.hashes.v1.map(|hash| hash.to_string()),
            info_hash_v2: metainfo.hashes.v2.map(|hash| hash.to_string()),
            magnet: &magnet.to_string(),
            torrent: &file.display().to_string(),
            listen: &self.listen,
            tracker: &metainfo.trackers.concat(),
            page: None,
        });
    }

    /// Tells a person that a torrent is served.
    pub(super) fn name(metainfo: &Metainfo, output: &Output) {
        let (name, layout) = (metainfo.info.name(), metainfo.info.layout());
        output.good("Seeding", format!("{name}  {}", show_size(layout.content_length())));
    }
}

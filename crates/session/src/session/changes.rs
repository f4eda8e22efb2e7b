use stdx::{FileIndex, Instant, PieceIndex, TorrentId};

use super::Session;
use crate::Event;
use crate::torrent::Phase;

/// Files that change under a torrent.
impl Session {
    /// The driver noticed that files are no longer as they were verified. Their pieces are taken
    /// back, and `message` is passed on as [`Event::ContentChanged`].
    pub fn handle_changed(
        &mut self,
        now: Instant,
        id: TorrentId,
        files: &[FileIndex],
        message: String,
    ) {
        let Some(torrent) = self.torrents.get_mut(&id).filter(|it| it.phase == Phase::Running)
        else {
            return;
        };
        let Some(info) = torrent.info().cloned() else { return };
        let pieces = files.iter().flat_map(|&file| info.layout().file_pieces(file));
        torrent.swarm.withhold(now, pieces.map(PieceIndex));
        self.events.push_back(Event::ContentChanged { torrent: id, message });
        self.touch(id);
        self.pump(now);
    }

    /// The driver verified pieces anew whose files had changed. They are offered again, and
    /// `message` is passed on as [`Event::ContentVerified`].
    pub fn handle_verified(
        &mut self,
        now: Instant,
        id: TorrentId,
        pieces: &[PieceIndex],
        message: String,
    ) {
        let Some(torrent) = self.torrents.get_mut(&id).filter(|it| it.phase == Phase::Running)
        else {
            return;
        };
        torrent.swarm.offer_again(now, pieces.iter().copied());
        self.events.push_back(Event::ContentVerified { torrent: id, message });
        self.touch(id);
        self.pump(now);
    }
}

//! The cache and the driver together.

use std::sync::mpsc::{Receiver, channel};

use cache::{Cache, Config, Done, Event};
use stdx::{Bitfield, BlockIndex, BlockRange, Buf, Instant, PieceIndex, Pool, TorrentId};

use super::*;
use crate::spindle::Spindle;
use crate::{Disk, DiskConfig, Resume};

const TORRENT: TorrentId = TorrentId(1);
const SEED: TorrentId = TorrentId(2);

pub(super) struct Download {
    pub(super) cache: Cache,
    pub(super) storage: Arc<Storage>,
    pub(super) have: Bitfield,
    judge: Judge,
    disk: Disk,
    done: Receiver<Done>,
}

impl Download {
    /// Of `torrent` into `dir`, with the content to copy from at `seed`.
    pub(super) fn new(
        torrent: &Metainfo,
        seed: &Path,
        storage: Arc<Storage>,
        have: Bitfield,
    ) -> Self {
        let (answers, done) = channel();
        let disk = Disk::start(&DiskConfig::default(), Pool::new(64), move |done| {
            let _ = answers.send(done);
        });
        let disk = disk.unwrap();
        disk.attach(TORRENT, Arc::clone(&storage));
        disk.attach(SEED, Arc::new(seeding(torrent, seed)));
        let mut cache = Cache::new(Config::with_budget(256 << 10));
        cache.add_torrent(TORRENT, Arc::clone(&torrent.info), have.clone());
        Self { cache, storage, have, judge: judge(torrent), disk, done }
    }

    fn blocks(&self, piece: PieceIndex) -> Vec<BlockRange> {
        let layout = self.storage.content();
        let blocks = (0..layout.block_count(piece)).map(BlockIndex);
        blocks.filter_map(|block| layout.request(piece, block)).collect()
    }

    /// Fetches blocks from the seed into the cache.
    pub(super) fn fetch(&mut self, ranges: Vec<BlockRange>) {
        let (reply, read) = channel();
        self.disk.read(SEED, ranges, Box::new(move |it| reply.send(it).unwrap()));
        let read: Vec<(BlockRange, Option<Buf>)> = read.recv().unwrap();
        for (range, data) in read {
            self.cache.store(Instant::ZERO, TORRENT, range, data.unwrap());
        }
        self.run();
    }

    pub(super) fn fetch_piece(&mut self, piece: u32) {
        self.fetch(self.blocks(PieceIndex(piece)));
    }

    /// Until the disk has nothing to do.
    pub(super) fn run(&mut self) {
        let mut running = 0;
        loop {
            while let Some(event) = self.cache.poll_event() {
                match event {
                    Event::Hashed { torrent, piece, digests } => {
                        let good = self.judge.is_good(piece, &digests);
                        self.cache.verdict(Instant::ZERO, torrent, piece, good);
                    }
                    Event::Written { piece, .. } => assert!(self.have.set(piece.0)),
                    Event::Failed { fault, .. } => panic!("{fault}"),
                    Event::Blocks { .. }
                    | Event::Durable { .. }
                    | Event::Flushed { .. }
                    | Event::Forgotten { .. } => {}
                }
            }
            if let Some(op) = self.cache.poll_op() {
                self.disk.submit(op);
                running += 1;
            } else if running > 0 {
                self.cache.handle_done(Instant::ZERO, self.done.recv().unwrap());
                running -= 1;
            } else {
                return;
            }
        }
    }

    pub(super) fn flush(&mut self) {
        self.cache.flush(Instant::ZERO, TORRENT);
        self.run();
    }
}

/// On a disk that turns, reads and writes take turns.
fn formats_and_disks() -> impl Iterator<Item = (Version, Option<Spindle>)> {
    FORMATS.into_iter().flat_map(|format| [None, Some(Spindle(1))].map(|disk| (format, disk)))
}

#[test]
fn a_download_ends_identical_and_is_trusted_at_the_next_start() {
    for (seed, (format, spindle)) in formats_and_disks().enumerate() {
        let dir = tree(seed as u64);
        let source = dir.path().join("tree");
        let torrent = torrent(&source, format);
        let (out, state) = (dir.path().join("out"), dir.path().join("state"));
        let open = || {
            let (resume, _) = Resume::open(&state, &torrent.hashes, &out).unwrap();
            let resume = Arc::new(resume);
            let info = Arc::clone(&torrent.info);
            let options = StorageOptions::default();
            let storage = Storage::new(info, &out, Some(Arc::clone(&resume)), options);
            (Arc::new(storage.on(spindle)), resume)
        };
        let (storage, resume) = open();
        let found = resume.validate(&storage).unwrap();
        assert!(found.fresh && found.have.ones() == 0 && found.doubtful.ones() == 0);
        resume.adopt(&storage, &found.have, &[]).unwrap();
        let mut download = Download::new(&torrent, &source, Arc::clone(&storage), found.have);
        // Every block of all pieces but two, back to front, so that pieces are spilled.
        let pieces = torrent.info.layout().pieces();
        for block in (0..2).rev() {
            for piece in (2..pieces).rev() {
                let ranges = download.blocks(PieceIndex(piece));
                download.fetch(ranges.into_iter().filter(|it| it.block().0 == block).collect());
            }
        }
        let first = download.blocks(PieceIndex(0))[0];
        download.fetch(vec![first]);
        download.flush();
        let have = download.have.clone();
        assert_eq!(have.ones(), pieces - 2, "{format}");
        resume.close(&storage).unwrap();
        drop((download, storage, resume));

        let (storage, resume) = open();
        let found = resume.validate(&storage).unwrap();
        assert!(found.clean && !found.fresh && found.changed.is_empty(), "{found:?}");
        assert_eq!(found.have, have);
        let mut download = Download::new(&torrent, &source, Arc::clone(&storage), found.have);
        let [(piece, blocks)] = &found.partial[..] else { panic!("{format} {:?}", found.partial) };
        assert_eq!((*piece, blocks.iter_ones().collect::<Vec<_>>()), (PieceIndex(0), vec![0]));
        download.cache.restore_partial(TORRENT, *piece, blocks);
        let rest = download.blocks(PieceIndex(0)).split_off(1);
        download.fetch(rest);
        download.fetch_piece(1);
        download.flush();
        storage.finish().unwrap();
        assert!(contents(&out.join("tree")) == contents(&source), "{format}");
    }
}

//! The store on a disk that loses its power: of what was not synced, any part may survive.

use std::io;
use std::sync::{Mutex, MutexGuard};

use cache::SyncJob;
use metainfo::Layout;
use redb::StorageBackend;
use stdx::PieceIndex;

use super::*;
use crate::Resume;

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Resize(usize),
}

#[derive(Debug, Default)]
struct State {
    seen: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Change>,
    /// Changes until the cut; what survived it.
    left: Option<u64>,
    survived: Option<Vec<u8>>,
    seed: u64,
}

impl State {
    fn change(&mut self, change: Change) {
        apply(&mut self.seen, &change);
        self.unsynced.push(change);
        self.left = self.left.map(|left| left.saturating_sub(1));
        if self.left == Some(0) && self.survived.is_none() {
            let mut rng = Rng::new(self.seed);
            let mut bytes = self.durable.clone();
            for change in &self.unsynced {
                if rng.chance(0.5) {
                    apply(&mut bytes, change);
                }
            }
            self.survived = Some(bytes);
        }
    }
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Resize(len) => bytes.resize(*len, 0),
        Change::Write(at, data) => {
            let end = at + data.len();
            bytes.resize(bytes.len().max(end), 0);
            bytes[*at..end].copy_from_slice(data);
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Model(Arc<Mutex<State>>);

impl Model {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl StorageBackend for Model {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state();
        let bytes = state.seen.get(offset as usize..offset as usize + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.state().change(Change::Resize(len as usize));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state();
        state.durable = state.seen.clone();
        state.unsynced.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.state().change(Change::Write(offset as usize, data.to_vec()));
        Ok(())
    }
}

/// Commits piece after piece until the power goes at change `cut`; what was committed before must
/// be claimed afterwards, and nothing that was not begun. False when all was over before.
fn check(cut: u64, dir: &Path) -> bool {
    const PIECES: u32 = 12;
    let layout = Arc::new(Layout::single(u64::from(PIECES) * PIECE, PIECE as u32));
    let storage = Storage::new(layout, dir, None, StorageOptions::default());
    let model = Model::default();
    model.state().seed = cut;
    let resume = Resume::on_backend(model.clone(), &dir.join("lock")).unwrap();
    model.state().left = Some(cut);
    let mut committed = Vec::new();
    for piece in 0..PIECES {
        let job = SyncJob { pieces: vec![PieceIndex(piece)], ..SyncJob::default() };
        resume.commit(&storage, &job).unwrap();
        if model.state().survived.is_some() {
            break;
        }
        committed.push(piece);
    }
    drop(resume);
    let Some(survived) = model.state().survived.take() else {
        return false;
    };
    let after = Model::default();
    *after.state() = State { durable: survived.clone(), seen: survived, ..State::default() };
    let resume = Resume::on_backend(after, &dir.join("lock")).expect("a cut damages nothing");
    let found = resume.validate(&storage).unwrap();
    // The file holds no data, so what is in doubt is what was claimed.
    let claimed: Vec<u32> = found.doubtful.iter_ones().collect();
    let begun: Vec<u32> = (0..=committed.len() as u32).collect();
    assert!(claimed == committed || claimed == begun, "cut {cut}: {claimed:?} {committed:?}");
    true
}

#[test]
fn a_power_cut_in_the_middle_of_a_commit_leaves_the_claims_before_it() {
    let dir = tempfile::tempdir().unwrap();
    fs::File::create(dir.path().join("content")).unwrap().set_len(12 * PIECE).unwrap();
    let cuts = (1..150).filter(|&cut| check(cut, dir.path())).count();
    assert!(cuts > 40, "only {cuts} fell into the commits");
}

use std::sync::Arc;

use hash::{Sha256Digest, sha256};
use metainfo::{Info, PieceLayer, PieceLayers, merkle};
use stdx::{ConnId, Duration, Instant, PieceIndex};

use super::{Layers, Unproven};

const NOW: Instant = Instant::from_secs(1);
const PIECES: u32 = 1_300;

fn nodes() -> Vec<Sha256Digest> {
    (0..PIECES).map(|piece| sha256(&piece.to_be_bytes())).collect()
}

/// A v2 torrent of one file in pieces of one block, and its layer.
fn torrent() -> (Arc<Info>, PieceLayers) {
    let length = u64::from(PIECES) * 16_384;
    let root = merkle::root(&nodes(), 0, u64::from(PIECES.next_power_of_two()));
    let mut raw = format!("d9:file treed1:xd0:d6:lengthi{length}e11:pieces root32:").into_bytes();
    raw.extend(root.0);
    raw.extend(b"eee12:meta versioni2e4:name1:x12:piece lengthi16384ee");
    let mut layers = PieceLayers::default();
    layers.insert(PieceLayer::new(root, length, 16_384, nodes()).unwrap());
    (Arc::new(Info::parse(&raw).unwrap()), layers)
}

#[test]
fn a_layer_is_fetched_in_ranges_from_peers_that_have_it() {
    let (info, layers) = torrent();
    let full = Layers::new(&info, layers);
    assert!(!full.is_fetching());
    let mut it = Layers::new(&info, PieceLayers::default());
    assert_eq!(it.piece_hash(&info, PieceIndex(3)), None);
    assert_eq!(it.requests(NOW, &info, &[]), []);
    let requests = it.requests(NOW, &info, &[ConnId(1), ConnId(2)]);
    assert_eq!(requests.len(), PIECES.div_ceil(512) as usize);
    assert_eq!(it.requests(NOW, &info, &[ConnId(1)]), []);
    let mut gained = 0;
    for (conn, request) in requests {
        let hashes = full.serve(&request).unwrap();
        let files = it.answered(conn, &request, &hashes).unwrap();
        gained += files[0].1.clone().filter(|&piece| piece < PIECES).count();
    }
    assert_eq!(gained, PIECES as usize);
    assert!(!it.is_fetching());
    assert_eq!(it.piece_hash(&info, PieceIndex(3)), Some(nodes()[3]));
    assert_eq!(it.known(), full.known());
}

#[test]
fn refusals_silence_and_departures_lead_to_somebody_else() {
    let (info, _) = torrent();
    let mut it = Layers::new(&info, PieceLayers::default());
    let both = [ConnId(1), ConnId(2)];
    let first = it.requests(NOW, &info, &both);
    for (conn, request) in first.iter().filter(|it| it.0 == ConnId(1)) {
        it.rejected(NOW, *conn, request);
    }
    let again = it.requests(NOW, &info, &both);
    assert!(!again.is_empty() && again.iter().all(|it| it.0 == ConnId(2)));
    it.closed(ConnId(2));
    assert_eq!(it.requests(NOW, &info, &[ConnId(3)]).len(), first.len());
    let later = NOW + Duration::from_secs(11);
    assert_eq!(it.requests(later, &info, &[ConnId(4)]).len(), first.len());
}

#[test]
fn an_answer_without_proof_is_the_peer_s_fault() {
    let (info, layers) = torrent();
    let full = Layers::new(&info, layers);
    let mut it = Layers::new(&info, PieceLayers::default());
    let (conn, request) = it.requests(NOW, &info, &[ConnId(1)])[0];
    let mut hashes = full.serve(&request).unwrap();
    hashes[7].0[0] ^= 1;
    assert_eq!(it.answered(conn, &request, &hashes), Err(Unproven));
    assert_eq!(it.answered(conn, &request, &[]), Err(Unproven));
}

#[test]
fn a_layer_computed_from_good_pieces_can_be_served() {
    let (info, layers) = torrent();
    let mut it = Layers::new(&info, PieceLayers::default());
    it.requests(NOW, &info, &[ConnId(1)]);
    for (piece, node) in (0..).zip(nodes()) {
        it.computed(&info, PieceIndex(piece), node).unwrap();
    }
    assert_eq!(it.known(), &layers);
    let mut wrong = Layers::new(&info, PieceLayers::default());
    let last = nodes().into_iter().rev();
    let results: Vec<_> = (0..)
        .zip(last)
        .map(|(piece, node)| wrong.computed(&info, PieceIndex(piece), node))
        .collect();
    assert!(results.last().unwrap().is_err());
}

use hash::{Sha1Digest, Sha256Digest};
use metainfo::InfoHashes;
use stdx::PeerId;
use wire::{Handshake, Reserved};

use super::{answer, conclude, offer};
use crate::PeerError;

const V1: Sha1Digest = Sha1Digest([1; 20]);
const V2: Sha256Digest = Sha256Digest([2; 32]);
const V2_SHORT: Sha1Digest = Sha1Digest([2; 20]);
const OTHER: Sha1Digest = Sha1Digest([9; 20]);

const ONLY_V1: InfoHashes = InfoHashes { v1: Some(V1), v2: None };
const ONLY_V2: InfoHashes = InfoHashes { v1: None, v2: Some(V2) };
const HYBRID: InfoHashes = InfoHashes { v1: Some(V1), v2: Some(V2) };

fn theirs(info_hash: Sha1Digest, v2: bool) -> Handshake {
    let reserved = if v2 { Reserved::NONE.with_v2() } else { Reserved::NONE };
    Handshake { reserved, info_hash, peer_id: PeerId([7; 20]) }
}

#[test]
fn an_offer_names_the_v1_hash_and_offers_the_upgrade_of_a_hybrid() {
    let table = [(ONLY_V1, V1, false), (ONLY_V2, V2_SHORT, true), (HYBRID, V1, true)];
    for (hashes, info_hash, v2) in table {
        let ours = offer(&hashes, PeerId([5; 20]), false).unwrap();
        assert_eq!((ours.info_hash, ours.reserved.v2()), (info_hash, v2), "{hashes}");
        assert!(ours.reserved.fast() && ours.reserved.extended());
    }
    assert_eq!(offer(&InfoHashes::default(), PeerId([5; 20]), false), None);
}

#[test]
fn an_answer_upgrades_whenever_both_sides_can() {
    // What we have, what they ask for, their v2 bit, what we answer, whether v2 is spoken.
    let table = [
        (ONLY_V1, V1, false, Some((V1, false))),
        (ONLY_V1, V1, true, Some((V1, false))),
        (ONLY_V1, V2_SHORT, true, None),
        (ONLY_V2, V2_SHORT, false, Some((V2_SHORT, true))),
        (ONLY_V2, V2_SHORT, true, Some((V2_SHORT, true))),
        (ONLY_V2, V1, true, None),
        (HYBRID, V1, false, Some((V1, false))),
        (HYBRID, V1, true, Some((V2_SHORT, true))),
        (HYBRID, V2_SHORT, false, Some((V2_SHORT, true))),
        (HYBRID, V2_SHORT, true, Some((V2_SHORT, true))),
        (HYBRID, OTHER, true, None),
    ];
    for (hashes, asked, bit, expected) in table {
        let answer = answer(&hashes, &theirs(asked, bit), PeerId([5; 20]), false);
        let got = answer.map(|(ours, agreed)| {
            assert_eq!(ours.info_hash, agreed.info_hash);
            (agreed.info_hash, agreed.v2)
        });
        assert_eq!(got, expected, "{hashes} asked for {asked}, bit {bit}");
    }
}

#[test]
fn the_connecting_side_accepts_either_hash_of_its_torrent() {
    let table = [
        (ONLY_V1, V1, Ok(false)),
        (ONLY_V1, V2_SHORT, Err(PeerError::WrongTorrent)),
        (ONLY_V2, V2_SHORT, Ok(true)),
        (HYBRID, V1, Ok(false)),
        (HYBRID, V2_SHORT, Ok(true)),
        (HYBRID, OTHER, Err(PeerError::WrongTorrent)),
    ];
    for (hashes, answered, expected) in table {
        let agreed = conclude(&hashes, &theirs(answered, true)).map(|agreed| agreed.v2);
        assert_eq!(agreed, expected, "{hashes} answered with {answered}");
    }
}

#[test]
fn both_ends_always_agree() {
    for ours in [ONLY_V1, ONLY_V2, HYBRID] {
        for remote in [ONLY_V1, ONLY_V2, HYBRID] {
            let first = offer(&ours, PeerId([5; 20]), false).unwrap();
            let Some((second, accepted)) = answer(&remote, &first, PeerId([6; 20]), false) else {
                continue;
            };
            let connected = conclude(&ours, &second).unwrap();
            assert_eq!(connected, accepted, "{ours} to {remote}");
            let hybrids = ours == HYBRID && remote == HYBRID;
            assert_eq!(connected.v2, hybrids || ours == ONLY_V2, "{ours} to {remote}");
        }
    }
}

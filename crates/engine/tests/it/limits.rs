use std::time::Instant;

use metainfo::Version;
use session::Limits;

use crate::support::{Place, UNLIMITED, asking, complete};

const SIZE: usize = 600_000;
const RATE: u64 = 800_000;

/// However slow the machine is, a limit is never exceeded: `bytes <= rate * time + burst`.
async fn check(seeder: Limits, getter: Limits) {
    let place = Place::new(Version::V1, SIZE);
    let (giver, seed) = place.seed(seeder).await;
    let began = Instant::now();
    let (_taker, mut get) = place.join(asking(place.add(), &giver), getter).await;
    place.start(&get, &place.torrent.info, "there", None).await;
    let mut moved = 0;
    while moved < SIZE as u64 {
        let most = RATE / 10 + (RATE as f64 * began.elapsed().as_secs_f64()) as u64;
        let (up, down) = (seed.status().await.unwrap(), get.status().await.unwrap());
        let (up, down) = (up.unwrap().uploaded, down.unwrap().downloaded);
        if seeder.up.is_some() {
            assert!(up <= RATE / 10 + (RATE as f64 * began.elapsed().as_secs_f64()) as u64);
        }
        moved = down;
        let later = RATE / 10 + (RATE as f64 * began.elapsed().as_secs_f64()) as u64;
        assert!(down <= later, "{down} bytes came, {most} to {later} allowed");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    complete(&mut get).await;
    place.assert_got("there");
}

#[tokio::test]
async fn the_giver_keeps_its_limit() {
    check(Limits { up: Some(RATE), down: None }, UNLIMITED).await;
}

#[tokio::test]
async fn the_taker_keeps_its_limit() {
    check(UNLIMITED, Limits { up: None, down: Some(RATE) }).await;
}

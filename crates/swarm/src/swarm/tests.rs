use world::World;

mod behaviour;
mod layers;
mod others;
mod punch;
pub(super) mod world;

const MIB: u64 = 1 << 20;
const UP: u64 = 4_000_000;

/// What came of one first seed and eight downloaders.
struct Outcome {
    /// When the last was done, in multiples of the least possible time.
    time: f64,
    /// What the seed sent until then, in copies of the content.
    copies: f64,
    /// What the seed had sent when every piece had left it.
    copies_when_out: f64,
    /// What was sent in vain, in copies.
    wasted: f64,
}

fn eight(size: u64, piece: u32, seed_up: u64, seed: u64) -> Outcome {
    let mut rates = vec![UP; 9];
    rates[0] = seed_up;
    let mut world = World::new(&world::info(size, piece), &rates, seed);
    let last = world.run(400.0);
    let in_copies = |bytes: u64| bytes as f64 / size as f64;
    let bound = (size as f64 / seed_up as f64).max(8.0 * size as f64 / (seed_up + 8 * UP) as f64);
    let wasted = world.nodes.iter().map(|node| node.swarm.stats().wasted).sum();
    Outcome {
        time: last / bound,
        copies: in_copies(world.nodes[0].sent),
        copies_when_out: in_copies(world.sent_when_out.unwrap()),
        wasted: in_copies(wasted),
    }
}

#[test]
fn a_first_seed_sends_each_piece_about_once() {
    for (piece, seed) in [(256 << 10, 1), (256 << 10, 2), (1 << 20, 3)] {
        let it = eight(256 * MIB, piece, UP, seed);
        assert!(it.copies_when_out <= 1.12, "{} copies until all were out", it.copies_when_out);
        assert!(it.time <= 1.15, "{} of the bound", it.time);
        assert!(it.copies <= 1.15, "{} copies", it.copies);
        assert!(it.wasted < 0.02, "{} copies wasted", it.wasted);
    }
}

#[test]
fn downloaders_give_most_even_when_the_seed_is_fast() {
    let it = eight(256 * MIB, 256 << 10, 4 * UP, 4);
    assert!(it.time <= 1.1, "{} of the bound", it.time);
    assert!(it.copies <= 3.0, "{} of 8 copies", it.copies);
}

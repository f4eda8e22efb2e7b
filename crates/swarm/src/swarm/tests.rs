use world::World;

mod world;

const MIB: u64 = 1 << 20;

/// One first seed and eight downloaders with uplinks of 4 MB/s each.
fn check_eight(size: u64, piece: u32, seed_up: u64, seed: u64) -> (f64, f64, f64) {
    const UP: u64 = 4_000_000;
    let info = world::info(size, piece);
    let mut rates = vec![UP; 9];
    rates[0] = seed_up;
    let mut world = World::new(&info, &rates, seed);
    let last = world.run(400.0);
    let all_up = (seed_up + 8 * UP) as f64;
    let bound = (size as f64 / seed_up as f64).max(8.0 * size as f64 / all_up);
    let copies = world.nodes[0].sent as f64 / size as f64;
    let wasted: u64 = world
        .nodes
        .iter()
        .map(|node| node.swarm.stats().wasted)
        .sum();
    (last / bound, copies, wasted as f64 / size as f64)
}

#[test]
fn a_first_seed_sends_each_piece_about_once() {
    for (piece, seed) in [(256 << 10, 1), (256 << 10, 2), (1 << 20, 3)] {
        let (time, copies, wasted) = check_eight(256 * MIB, piece, 4_000_000, seed);
        println!("{piece}: {time:.3} of the bound, {copies:.3} copies, {wasted:.4} wasted");
        assert!(
            time <= 1.35 && copies <= 1.25,
            "{time:.3} of the bound, {copies:.3} copies"
        );
        assert!(wasted < 0.02, "{wasted:.4} copies wasted");
    }
}

#[test]
fn downloaders_give_most_even_when_the_seed_is_fast() {
    let (time, copies, _) = check_eight(256 * MIB, 256 << 10, 16_000_000, 4);
    println!("{time:.3} of the bound, {copies:.3} copies");
    assert!(
        time <= 1.35 && copies <= 4.0,
        "{time:.3} of the bound, {copies:.3} copies"
    );
}

//! `fluvial lab link`: the emulated link of the simulator, for real packets.
//!
//! Its precision is that of the timer, a millisecond.

mod ends;
mod tally;

use std::time::Instant;

use anyhow::anyhow;
use tokio::time::sleep_until;

use netem::Link;
use stdx::Rng;

use self::ends::{Ends, Packet};
pub(crate) use self::tally::Carried;
use self::tally::Tally;
use crate::args::LinkLab;
use crate::events::Event;
use crate::output::Output;
use crate::signals::Stop;

/// Carries packets until the person has seen enough.
///
/// # Errors
/// When the flags contradict each other, or the system gives no socket or device.
pub(crate) async fn run(args: &LinkLab, output: &Output) -> anyhow::Result<()> {
    let mut stop = Stop::listen()?;
    let [there, back] = args.links().map_err(|why| anyhow!(why))?;
    let started = Instant::now();
    let mut ends = Ends::open(args, started).await?;
    let names = ends.names();
    output.event(&Event::LinkReady { ends: &names });
    output.good("Link", format!("{}; Ctrl-C ends it", names.join(" – ")));
    let mut rng = Rng::new(args.seed);
    let mut ways = [Way::new(&there, rng.fork()), Way::new(&back, rng.fork())];
    let now = || stdx::Instant::ZERO + started.elapsed();
    loop {
        let due = ways.iter().filter_map(|way| way.link.poll_timeout()).min();
        let due = due.map(|at| started + (at - stdx::Instant::ZERO));
        tokio::select! {
            () = stop.wished() => break,
            packet = ends.receive() => ways[packet.from as usize].send(now(), packet),
            () = sleep_until(due.unwrap_or(started).into()), if due.is_some() => {}
        }
        for way in &mut ways {
            while let Some(packet) = way.link.poll_deliver(now()) {
                way.tally.delivered(&packet, started.elapsed());
                ends.send(packet).await;
            }
        }
    }
    let [there, back] = ways.map(|way| way.tally.result(way.link.stats()));
    tally::print(&[("There", &there), ("Back", &back)], output);
    output.event(&Event::LinkResult { there, back });
    Ok(())
}

/// One direction.
struct Way {
    link: Link<Packet>,
    tally: Tally,
}

impl Way {
    fn new(config: &netem::LinkConfig, rng: Rng) -> Self {
        Self { link: Link::new(config, rng), tally: Tally::default() }
    }

    fn send(&mut self, now: stdx::Instant, packet: Packet) {
        let size = packet.size();
        // The link counts what it drops.
        let _dropped = self.link.send(now, size, packet);
    }
}

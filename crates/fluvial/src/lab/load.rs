//! `fluvial lab load`: a crowd of peers at a tracker.

mod cost;
mod drive;
mod http;
mod result;
mod udp;

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, ToSocketAddrs as _};

use anyhow::{Context as _, Result, bail};

use announce::Host;
use load::{Crowd, Load, Mix, Pace};

use self::cost::Cost;
use self::drive::{Clock, Line, Speed};
use self::http::Connections;
pub(crate) use self::result::LoadResult;
use self::udp::Port;
use super::watch::Watch;
use crate::args::LoadLab;
use crate::events::Event;
use crate::output::Output;

/// Where hosts begin: an address below 127, apart from those that trackers run at.
const FIRST_HOST: Ipv4Addr = Ipv4Addr::new(127, 1, 0, 0);

/// What was noted at a turn of the experiment.
#[derive(Clone, Copy, Debug)]
struct Mark {
    at: stdx::Instant,
    cost: Option<Cost>,
}

/// Lets the crowd join and ask, and tells what came of it.
///
/// # Errors
/// When the tracker is not there, or the system has no socket.
pub(crate) fn run(args: &LoadLab, output: &Output) -> Result<()> {
    let tracker = resolve(args)?;
    let crowd = Crowd::new(args.peers, args.torrents, (FIRST_HOST, args.hosts()), args.seeders);
    let crowd = crowd.context("so many peers need more hosts: 64512 fit on one")?;
    let mix = Mix {
        connects: args.connects,
        scrapes: args.scrapes,
        silent: args.silent,
        addresses_known: tracker.ip().is_loopback(),
    };
    let mut load = Load::new(crowd, mix, args.seed);
    let clock = Clock::start();
    let mut line = if args.by_http() {
        let host = format!("{}:{}", show_host(args.tracker.host()), tracker.port());
        let path = args.tracker.path_and_query();
        Line::Http(Connections::new(tracker, &host, path, args.hosts())?)
    } else {
        Line::Udp(Box::new(Port::open(tracker, clock, args.rate.is_some())?))
    };
    let mark = || -> Result<Mark> {
        Ok(Mark { at: clock.now(), cost: args.pid.map(Cost::of).transpose()? })
    };
    let mut watch = Watch::new(output);
    let started = mark()?;
    drive::join(&mut line, &mut load, clock, args.window(), |joined| {
        watch.show(("Joining", "joining"), joined, args.peers);
    })?;
    let begun = mark()?;
    let joined = load.tally().clone();
    load.begin();
    line.begin();
    let speed = match args.rate {
        Some(rate) => Speed::Paced(Pace::new(begun.at, rate)),
        None => Speed::Window(args.window()),
    };
    let until = begun.at + args.time;
    let pauses = drive::ask(&mut line, &mut load, clock, (speed, until), |now| {
        let millis = |time: std::time::Duration| time.as_millis() as u64;
        watch.show(("Asking", "asking"), millis(now - begun.at), millis(args.time));
    })?;
    let ended = mark()?;
    let answered = load.tally().announced;
    drive::wait(&mut line, &mut load, clock)?;
    watch.finish();
    let tally = (load.tally(), pauses);
    let result = LoadResult::new(args, &joined, tally, answered, [started, begun, ended]);
    result.print(output);
    output.event(&Event::LoadResult(&result));
    Ok(())
}

fn resolve(args: &LoadLab) -> Result<SocketAddrV4> {
    let (host, port) = (show_host(args.tracker.host()), args.tracker.port());
    let found = (host.as_str(), port).to_socket_addrs();
    let mut found = found.with_context(|| format!("cannot find the tracker `{host}`"))?;
    let v4 = found.find_map(|address| match address {
        SocketAddr::V4(address) => Some(address),
        SocketAddr::V6(_) => None,
    });
    match v4 {
        Some(address) => Ok(address),
        None => bail!("the tracker `{host}` has no IPv4 address"),
    }
}

fn show_host(host: &Host) -> String {
    match host {
        Host::Name(name) => name.clone(),
        Host::Ip(ip) => ip.to_string(),
    }
}

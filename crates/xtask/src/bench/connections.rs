//! The connections job: peers that are connected to a seeder and ask for nothing.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use hash::Sha1Digest;
use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};

use super::Args;
use super::seeds::{Program, Programs, Seeds, free_port, loopback, shake_hands};
use super::statistics::Spread;

/// Time from when all are connected until memory is looked at.
const SETTLE: Duration = Duration::from_secs(2);

/// Measures both, run by run, and prints the table; returns what it says.
pub(super) fn measure(root: &Path, args: &Args) -> Result<Value> {
    let programs = Programs::find(root, args)?;
    let seeds = programs.stage(1)?;
    let mut all = [Vec::new(), Vec::new()];
    for run in 0..args.runs {
        for (program, figures) in [Program::Fluvial, Program::Libtorrent].into_iter().zip(&mut all)
        {
            let each = each(&seeds, program, args.connections).context(program.name())?;
            println!("   {}/{}: {}: {each:.0} bytes each", run + 1, args.runs, program.name());
            figures.push(each);
        }
    }
    let [ours, theirs] = all;
    let ratio = Spread::of_ratios(ours.clone(), theirs.clone());
    println!("\n{} connections, bytes each, {} runs:", args.connections, args.runs);
    for (name, figures) in [("fluvial", ours.clone()), ("libtorrent", theirs.clone())] {
        println!("{name}: {}", Spread::of(figures).map_or_else(String::new, |it| it.show(0)));
    }
    println!("ratio: {}", ratio.map_or_else(String::new, |it| it.show(2)));
    Ok(json!({"connections": args.connections, "fluvial": ours, "libtorrent": theirs}))
}

/// Resident bytes that each of so many connections takes.
fn each(seeds: &Seeds<'_>, program: Program, connections: u32) -> Result<f64> {
    let port = free_port()?;
    let mut process = seeds.start(program, port)?;
    process.wait_for("ready")?;
    // What the first one needs is there once, however many follow.
    let first = connect(0, port, seeds.last())?;
    thread::sleep(SETTLE);
    let before = process.rss()?;
    let others = (1..connections).map(|number| connect(number, port, seeds.last()));
    let others: Vec<TcpStream> = others.collect::<Result<_>>()?;
    thread::sleep(SETTLE);
    let after = process.rss()?;
    drop((first, others));
    Ok(after.saturating_sub(before) as f64 / f64::from(connections - 1))
}

/// A connection from an address of its own.
fn connect(number: u32, port: u16, torrent: Sha1Digest) -> Result<TcpStream> {
    let [.., high, low] = number.to_be_bytes();
    let from = SocketAddr::from((Ipv4Addr::new(127, 1, high, low), 0));
    let open = || -> io::Result<TcpStream> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&from.into())?;
        socket.connect(&loopback(port).into())?;
        Ok(socket.into())
    };
    let mut stream = open().with_context(|| format!("cannot connect from {from}"))?;
    let answered = shake_hands(&mut stream, torrent, number);
    let answered = answered.with_context(|| format!("no answer to the handshake from {from}"))?;
    ensure!(answered, "the handshake from {from} was answered for another torrent");
    Ok(stream)
}

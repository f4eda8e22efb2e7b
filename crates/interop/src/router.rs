//! A home router: address translation by nftables, and miniupnpd, which opens ports on demand.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::lab::{Lab, Node};
use crate::process::Process;

const MINIUPNPD: &str = "/usr/sbin/miniupnpd";

/// What it passes: everything from home, answers to that, and what miniupnpd allows.
const RULES: &str = "table inet filter {
chain forward { type filter hook forward priority 0; policy drop;
  ct state established,related accept; iifname lan accept; jump miniupnpd; }
chain miniupnpd { }
chain prerouting { type nat hook prerouting priority -100; jump prerouting_miniupnpd; }
chain prerouting_miniupnpd { }
chain postrouting { type nat hook postrouting priority 100;
  oifname eth0 masquerade; jump postrouting_miniupnpd; }
chain postrouting_miniupnpd { }
}
";

/// Our address must be one of the world for miniupnpd to forward; that of the lab is not.
const OUTSIDE: &str = "11.22.33.44";

/// A router between the lab and one machine.
#[derive(Debug)]
pub struct Router {
    node: Node,
    home: Node,
    _miniupnpd: Process,
}

impl Router {
    /// Starts a router and a machine behind it.
    ///
    /// # Errors
    /// When the kernel cannot translate addresses, or miniupnpd does not start.
    pub fn start(lab: &mut Lab) -> Result<Self> {
        let node = lab.node("router")?;
        let home = lab.node_at_home("home", &node)?;
        let folder = |name: &str| node.path(name);
        fs::write(folder("rules"), RULES)?;
        run(&node, "nft", &["-f".as_ref(), folder("rules").as_ref()])?;
        run(&node, "sysctl", &["-qw".as_ref(), "net.ipv4.ip_forward=1".as_ref()])?;
        let leases = folder("leases").display().to_string();
        let settings = format!(
            "ext_ifname=eth0\next_ip={OUTSIDE}\nlistening_ip=lan\nport=5000\nenable_natpmp=yes\n\
             enable_upnp=yes\nsecure_mode=yes\nmin_lifetime=1\nmax_lifetime=86400\n\
             uuid=68555350-3352-3883-2883-335030522880\nlease_file={leases}\n\
             allow 1-65535 0.0.0.0/0 1-65535\n"
        );
        fs::write(folder("miniupnpd.conf"), settings)?;
        let mut command = node.command(Path::new(MINIUPNPD));
        command.arg("-d").arg("-f").arg(folder("miniupnpd.conf"));
        // It keeps its pid there, whoever asks.
        command.arg("-P").arg(folder("pid"));
        let miniupnpd = Process::start("miniupnpd", command, &folder("miniupnpd.log"))?;
        Ok(Self { node, home, _miniupnpd: miniupnpd })
    }

    /// The machine behind it.
    pub fn home(&self) -> &Node {
        &self.home
    }

    /// Its own address outside, as far as the lab goes.
    pub fn outside(&self) -> Ipv4Addr {
        self.node.v4()
    }

    /// The ports that it forwards now.
    ///
    /// # Errors
    /// When it does not say.
    pub fn forwarded(&self) -> Result<Vec<u16>> {
        let chain = ["list", "chain", "inet", "filter", "prerouting_miniupnpd"];
        let said = run(&self.node, "nft", &chain.map(AsRef::as_ref))?;
        let port = |line: &str| -> Option<u16> {
            line.split_once("dport ")?.1.split(' ').next()?.parse().ok()
        };
        Ok(said.lines().filter(|line| line.contains("dnat")).filter_map(port).collect())
    }
}

/// Runs a command on a machine to its end, and returns what it printed.
fn run(node: &Node, program: &str, arguments: &[&std::ffi::OsStr]) -> Result<String> {
    let mut command: Command = node.command(Path::new(program));
    let output = command.args(arguments).output();
    let output = output.with_context(|| format!("cannot start `{program}`"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{program}: {}", said.trim());
    Ok(String::from_utf8(output.stdout)?)
}

//! A network of namespaces, for one test.

use std::fs;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::process::Process;
use crate::programs;

/// Bytes that a limited uplink lets out at once: some packets.
const UPLINK_BURST: u64 = 16 << 10;

/// A bridge, the nodes joined to it, and a folder. The test itself runs where the bridge is.
#[derive(Debug)]
pub struct Lab {
    folder: PathBuf,
    nodes: u16,
    /// Between the bridge and each machine that is made from now on.
    wire: Option<Wire>,
    /// The bridge's namespace passes on what machines say to each other.
    routed: bool,
    /// The links of those that are far.
    links: Vec<Process>,
}

/// What a wire does to the packets of each direction.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Wire {
    /// How long they take.
    pub delay: Duration,
    /// The share that gets lost, from 0 to 1.
    pub loss: f64,
}

impl Lab {
    /// Sets up the bridge in the namespace that we are in.
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        // Names of namespaces live in /run; ours is not the machine's.
        execute("mount", "-t tmpfs tmpfs /run")?;
        // Names of machines likewise.
        fs::write(folder.join("hosts"), "127.0.0.1 localhost\n")?;
        bind(&folder.join("hosts"), "/etc/hosts")?;
        execute("ip", "link set lo up")?;
        execute("ip", "link add bridge type bridge")?;
        execute("ip", "address add 198.18.0.1/15 dev bridge")?;
        execute("ip", "address add 2001:2::1/48 dev bridge nodad")?;
        execute("ip", "link set bridge up")?;
        let folder = folder.to_owned();
        Ok(Self { folder, nodes: 1, wire: None, routed: false, links: Vec::new() })
    }

    /// A file or folder of this lab.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Gives an address a name that every machine of this lab resolves.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn name(&self, address: IpAddr, name: &str) -> Result<()> {
        let mut hosts = fs::OpenOptions::new().append(true).open(self.path("hosts"))?;
        writeln!(hosts, "{address} {name}").context("cannot write the lab's hosts")
    }

    /// Lays such a wire to each machine that is made from now on: a `fluvial lab link`.
    ///
    /// # Errors
    /// When the kernel does not forward.
    pub fn set_wire(&mut self, wire: Wire) -> Result<()> {
        self.wire = Some(wire);
        fs::write("/proc/sys/net/ipv4/ip_forward", "1")?;
        fs::write("/proc/sys/net/ipv6/conf/all/forwarding", "1")?;
        // Who is on the bridge takes the whole range for its neighbours.
        Ok(fs::write("/proc/sys/net/ipv4/conf/bridge/proxy_arp", "1")?)
    }

    /// Has all machines that are made from now on reach each other's IPv4 addresses by way of the
    /// bridge's namespace. Of a crowd, each would be a neighbour of each, and the kernel keeps
    /// 1,024 neighbours over all namespaces: what is for others does not leave, and nobody is told.
    ///
    /// # Errors
    /// When the kernel does not forward.
    pub fn set_routed(&mut self) -> Result<()> {
        self.routed = true;
        fs::write("/proc/sys/net/ipv4/ip_forward", "1")?;
        // Nobody shall be told of the shorter way.
        fs::write("/proc/sys/net/ipv4/conf/all/send_redirects", "0")?;
        Ok(fs::write("/proc/sys/net/ipv4/conf/bridge/send_redirects", "0")?)
    }

    /// A machine with a cable to the bridge and a folder of its own. Its default route leads to
    /// the bridge's namespace, which forwards nothing unless it was told to.
    ///
    /// # Errors
    /// When a command fails.
    pub fn node(&mut self, name: &str) -> Result<Node> {
        self.nodes += 1;
        let number = self.nodes;
        let id = format!("n{number}");
        let folder = self.folder.join(format!("{number}-{name}"));
        fs::create_dir_all(folder.join("content"))?;
        let node = Node { id: id.clone(), number, folder, home: None };
        let (v4, v6) = (node.v4(), node.v6());
        execute("ip", &format!("netns add {id}"))?;
        if let Some(wire) = self.wire {
            self.links.push(node.lay(wire)?);
            return Ok(node);
        }
        execute("ip", &format!("link add {id} type veth peer name eth0 netns {id}"))?;
        execute("ip", &format!("link set {id} master bridge"))?;
        execute("ip", &format!("link set {id} up"))?;
        execute("ip", &format!("-n {id} link set lo up"))?;
        let neighbours = if self.routed { 32 } else { 15 };
        execute("ip", &format!("-n {id} address add {v4}/{neighbours} dev eth0"))?;
        execute("ip", &format!("-n {id} address add {v6}/48 dev eth0 nodad"))?;
        execute("ip", &format!("-n {id} link set eth0 up"))?;
        execute("ip", &format!("-n {id} route add default via 198.18.0.1 dev eth0 onlink"))?;
        execute("ip", &format!("-n {id} route add default via 2001:2::1"))?;
        Ok(node)
    }

    /// A machine with a cable to another one, its router, and an IPv4 address of the network there
    /// alone. The router's end is called `lan`.
    ///
    /// # Errors
    /// When a command fails.
    pub fn node_at_home(&mut self, name: &str, router: &Node) -> Result<Node> {
        let (number, outside) = (router.number, &router.id);
        let id = format!("h{number}");
        let (inner, home) = (home_of(number, 1), home_of(number, 2));
        let folder = self.folder.join(format!("{number}-{name}"));
        fs::create_dir_all(folder.join("content"))?;
        execute("ip", &format!("netns add {id}"))?;
        let cable = format!("-n {outside} link add lan type veth peer name eth0 netns {id}");
        execute("ip", &cable)?;
        execute("ip", &format!("-n {outside} address add {inner}/24 dev lan"))?;
        execute("ip", &format!("-n {outside} link set lan up"))?;
        execute("ip", &format!("-n {id} link set lo up"))?;
        execute("ip", &format!("-n {id} address add {home}/24 dev eth0"))?;
        execute("ip", &format!("-n {id} link set eth0 up"))?;
        execute("ip", &format!("-n {id} route add default via {inner}"))?;
        Ok(Node { id, number, folder, home: Some(home) })
    }

    /// A machine behind an address translator, with an IPv4 address alone, which lets in nothing
    /// that was not asked for. What the machine sends by UDP from the first of `moved` leaves from
    /// the second, whoever it goes to; all else from the same port, if that is free.
    ///
    /// # Errors
    /// When a command fails.
    pub fn node_behind_nat(&mut self, name: &str, moved: Option<(u16, u16)>) -> Result<Node> {
        let router = self.node(&format!("{name}-router"))?;
        let node = self.node_at_home(name, &router)?;
        let moved = moved.map_or(String::new(), |(from, to)| {
            format!("oifname eth0 udp sport {from} snat to {}:{to}", router.v4())
        });
        let rules = format!(
            "table ip nat {{\n chain out {{\n type nat hook postrouting priority 100\n \
             {moved}\n oifname eth0 masquerade\n }}\n}}\n\
             table ip guard {{\n\
             chain in {{\n type filter hook input priority 0\n \
             iifname eth0 ct state new drop\n }}\n\
             chain on {{\n type filter hook forward priority 0\n \
             iifname eth0 ct state new drop\n }}\n}}\n"
        );
        fs::write(router.path("nat"), rules)?;
        let enter = format!("--net=/run/netns/{}", router.id);
        let nat = router.path("nat");
        execute("nsenter", &format!("{enter} -- nft -f {}", nat.display()))?;
        execute("nsenter", &format!("{enter} -- sysctl -qw net.ipv4.ip_forward=1"))?;
        Ok(node)
    }

    /// Gives a machine a second interface, which its IPv4 routes prefer for everything; nobody is
    /// behind it. Returns its name.
    ///
    /// # Errors
    /// When a command fails.
    pub fn add_uplink(&mut self, node: &Node) -> Result<String> {
        let (id, number) = (&node.id, node.number);
        let (far, near) = (home_of(number, 1), home_of(number, 2));
        execute("ip", &format!("link add {id}b type veth peer name eth1 netns {id}"))?;
        // The system itself has things to say on IPv6.
        fs::write(format!("/proc/sys/net/ipv6/conf/{id}b/disable_ipv6"), "1")?;
        execute("ip", &format!("address add {far}/24 dev {id}b"))?;
        execute("ip", &format!("link set {id}b up"))?;
        execute("ip", &format!("-n {id} address add {near}/24 dev eth1"))?;
        let quiet =
            format!("--net=/run/netns/{id} -- sysctl -qw net.ipv6.conf.eth1.disable_ipv6=1");
        execute("nsenter", &quiet)?;
        execute("ip", &format!("-n {id} link set eth1 up"))?;
        execute("ip", &format!("-n {id} route replace default via {far}"))?;
        // More telling than the route to the lab itself, which is a /15.
        for half in ["198.18.0.0/16", "198.19.0.0/16"] {
            execute("ip", &format!("-n {id} route add {half} via {far}"))?;
        }
        Ok("eth1".to_owned())
    }
}

/// A machine of a [`Lab`].
#[derive(Clone, Debug)]
pub struct Node {
    id: String,
    number: u16,
    folder: PathBuf,
    /// Its address at home, behind a router.
    home: Option<Ipv4Addr>,
}

impl Node {
    /// Its IPv4 address; behind an address translator, the one at home.
    pub fn v4(&self) -> Ipv4Addr {
        self.home.unwrap_or_else(|| self.outer())
    }

    /// Its IPv4 address as others see it, in a /24 of its own as far as there are some: nodes of
    /// the DHT keep neighbours apart.
    pub fn outer(&self) -> Ipv4Addr {
        let [high, low] = self.number.to_be_bytes();
        Ipv4Addr::new(198, 18 + high % 2, low, 2 + high / 2)
    }

    /// Whether it is behind a router, and so without IPv6.
    pub fn is_at_home(&self) -> bool {
        self.home.is_some()
    }

    /// Its IPv6 address.
    pub fn v6(&self) -> Ipv6Addr {
        Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, self.number)
    }

    /// A file or folder of this machine.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Where its clients write content.
    pub fn content(&self) -> PathBuf {
        self.folder.join("content")
    }

    /// Lays a wire from the bridge's namespace to this machine.
    fn lay(&self, wire: Wire) -> Result<Process> {
        let (id, v4, v6) = (&self.id, self.v4(), self.v6());
        let mut command = Command::new(programs::fluvial()?);
        command.args(["lab", "link", "--json", "--tun", &format!("{id},{id}x")]);
        command.args(["--delay", &format!("{}ms", wire.delay.as_secs_f64() * 1e3)]);
        command.args(["--loss", &wire.loss.to_string()]);
        let mut link = Process::start_talking("fluvial lab link", command, &self.path("link.log"))?;
        let ready = link.next()?;
        ensure!(ready["event"] == "ready", "fluvial lab link says {ready}");
        execute("ip", &format!("link set {id} up"))?;
        execute("ip", &format!("route add {v4}/32 dev {id}"))?;
        execute("ip", &format!("route add {v6}/128 dev {id}"))?;
        execute("ip", &format!("link set {id}x netns {id}"))?;
        execute("ip", &format!("-n {id} link set {id}x name eth0"))?;
        execute("ip", &format!("-n {id} link set lo up"))?;
        execute("ip", &format!("-n {id} address add {v4}/32 dev eth0"))?;
        execute("ip", &format!("-n {id} address add {v6}/128 dev eth0 nodad"))?;
        execute("ip", &format!("-n {id} link set eth0 up"))?;
        execute("ip", &format!("-n {id} route add default dev eth0"))?;
        execute("ip", &format!("-n {id} -6 route add default dev eth0"))?;
        Ok(link)
    }

    /// Lets so many bits a second out of this machine, headers included, with a queue of 50 ms, as
    /// behind a home router.
    ///
    /// # Errors
    /// When the kernel cannot.
    pub fn limit_uplink(&self, bits: u64) -> Result<()> {
        let tbf = format!("tbf rate {bits}bit burst {UPLINK_BURST} latency 50ms");
        execute("tc", &format!("-n {} qdisc add dev eth0 root {tbf}", self.id))?;
        Ok(())
    }

    /// Bytes that left this machine since its uplink was limited, headers included.
    ///
    /// # Errors
    /// When the kernel does not say.
    pub fn uplink_sent(&self) -> Result<u64> {
        let said = execute("tc", &format!("-n {} -s -j qdisc show dev eth0", self.id))?;
        let said: Value = serde_json::from_str(&said)?;
        said[0]["bytes"].as_u64().context("no count of bytes")
    }

    /// Takes an interface of this machine up or down.
    ///
    /// # Errors
    /// When there is none.
    pub fn set_link(&self, interface: &str, up: bool) -> Result<()> {
        let state = if up { "up" } else { "down" };
        execute("ip", &format!("-n {} link set {interface} {state}", self.id))?;
        Ok(())
    }

    /// Gives an interface of this machine another IPv4 address instead of its first.
    ///
    /// # Errors
    /// When it does not have that.
    pub fn move_to(&self, interface: &str, to: Ipv4Addr) -> Result<()> {
        let (id, v4) = (&self.id, self.v4());
        execute("ip", &format!("-n {id} address del {v4}/15 dev {interface}"))?;
        execute("ip", &format!("-n {id} address add {to}/15 dev {interface}"))?;
        Ok(())
    }

    /// A command that runs on this machine.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net=/run/netns/{}", self.id))
            .arg("--")
            .arg(program)
            .current_dir(&self.folder)
            .env("HOME", &self.folder)
            .env("XDG_STATE_HOME", self.path("state"))
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("RUST_LOG");
        command
    }
}

/// An address of the network at home behind a machine.
fn home_of(number: u16, host: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 168, number as u8, host)
}

/// Has one file stand in for another, for this lab only.
fn bind(ours: &Path, theirs: &str) -> Result<()> {
    let status = Command::new("mount").arg("--bind").arg(ours).arg(theirs).status()?;
    ensure!(status.success(), "cannot mount over {theirs}: {status}");
    Ok(())
}

/// Runs a command to its end and returns what it printed; its arguments hold no spaces.
fn execute(program: &str, arguments: &str) -> Result<String> {
    let mut command = Command::new(program);
    let output = command.args(arguments.split(' ')).output();
    let output = output.with_context(|| format!("cannot start `{program}`"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "`{program} {arguments}`: {}", said.trim());
    Ok(String::from_utf8(output.stdout)?)
}

//! Proxies that people run.

use std::fs;
use std::path::Path;

use anyhow::Result;

use crate::lab::{Lab, Node};
use crate::process::Process;
use crate::wait::wait_until;

/// Where Debian keeps daemons, for those who are not root.
const DANTE: &str = "/usr/sbin/danted";
const USER: &str = "fish";
const PASSWORD: &str = "wa:ter";

/// A machine with a proxy.
#[derive(Debug)]
pub struct ProxyNode {
    node: Node,
    url: String,
    process: Option<Process>,
}

impl ProxyNode {
    /// Dante: SOCKS5 for connections and datagrams, for anybody.
    ///
    /// # Errors
    /// When it does not start.
    pub fn dante(lab: &mut Lab) -> Result<Self> {
        let node = lab.node("dante")?;
        let ip = node.v4();
        let at = format!("logoutput: stderr\ninternal: {ip} port = 1080\nexternal: {ip}\n");
        let settings = "clientmethod: none\nsocksmethod: none\n\
                        user.privileged: root\nuser.unprivileged: root\n\
                        client pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }\n\
                        client pass { from: ::/0 to: ::/0 }\n\
                        socks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }\n\
                        socks pass { from: ::/0 to: ::/0 }\n";
        fs::write(node.path("danted.conf"), at + settings)?;
        let mut command = node.command(Path::new(DANTE));
        command.arg("-f").arg(node.path("danted.conf")).arg("-p").arg(node.path("pid"));
        let url = format!("socks5://{}:1080", node.v4());
        Self::start(node, "dante", command, url, 1080)
    }

    /// microsocks: SOCKS5 for connections alone, for those who know the password.
    ///
    /// # Errors
    /// When it does not start.
    pub fn microsocks(lab: &mut Lab) -> Result<Self> {
        let node = lab.node("microsocks")?;
        let mut command = node.command(Path::new("microsocks"));
        command.args(["-p", "1080", "-u", USER, "-P", PASSWORD]);
        let url = format!("socks5://{USER}:{}@{}:1080", PASSWORD.replace(':', "%3A"), node.v4());
        Self::start(node, "microsocks", command, url, 1080)
    }

    /// tinyproxy: HTTP, for those who know the password.
    ///
    /// # Errors
    /// When it does not start.
    pub fn tinyproxy(lab: &mut Lab) -> Result<Self> {
        let node = lab.node("tinyproxy")?;
        // It takes letters and digits alone.
        let password = PASSWORD.replace(':', "");
        let settings =
            format!("Port 8888\nTimeout 600\nMaxClients 100\nBasicAuth {USER} {password}\n");
        fs::write(node.path("tinyproxy.conf"), settings)?;
        let mut command = node.command(Path::new("tinyproxy"));
        command.arg("-d").arg("-c").arg(node.path("tinyproxy.conf"));
        let url = format!("http://{USER}:{password}@{}:8888", node.v4());
        Self::start(node, "tinyproxy", command, url, 8888)
    }

    fn start(
        node: Node,
        name: &str,
        command: std::process::Command,
        url: String,
        port: u16,
    ) -> Result<Self> {
        let process = Some(Process::start(name, command, &node.path(&format!("{name}.log")))?);
        let open = || Ok(std::net::TcpStream::connect((node.v4(), port)).is_ok());
        wait_until("the proxy to listen", open)?;
        Ok(Self { node, url, process })
    }

    /// How a person names it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its machine.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Ends it.
    pub fn stop(&mut self) {
        self.process = None;
    }
}

//! Which programs there are, and the binary under test.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context as _, Result, ensure};

/// The binary to test instead of the one that cargo makes.
const BINARY: &str = "FLUVIAL_TEST_BINARY";
/// A Python that has libtorrent.
const PYTHON: &str = "FLUVIAL_TEST_PYTHON";

/// An rqbit that is not where `./test rqbit` puts it.
const RQBIT: &str = "FLUVIAL_TEST_RQBIT";

/// A program that a test needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// `transmission-daemon`.
    Transmission,
    /// libtorrent (rasterbar), through its Python module.
    Libtorrent,
    /// `python3`, whose `http.server` people serve folders with.
    Python,
    /// `aria2c`.
    Aria2,
    /// `rtorrent`.
    Rtorrent,
    /// `rqbit`.
    Rqbit,
    /// `opentracker`.
    Opentracker,
    /// `miniupnpd`, built for nftables, and `nft`.
    Miniupnpd,
    /// `tcpdump`.
    Tcpdump,
    /// `nginx`.
    Nginx,
    /// `vsftpd`.
    Vsftpd,
    /// `openssl`, which makes certificates.
    Openssl,
    /// `danted`.
    Dante,
    /// `microsocks`.
    Microsocks,
    /// `tinyproxy`.
    Tinyproxy,
}

impl Program {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Transmission,
        Self::Libtorrent,
        Self::Python,
        Self::Aria2,
        Self::Rtorrent,
        Self::Rqbit,
        Self::Opentracker,
        Self::Miniupnpd,
        Self::Tcpdump,
        Self::Nginx,
        Self::Vsftpd,
        Self::Openssl,
        Self::Dante,
        Self::Microsocks,
        Self::Tinyproxy,
    ];

    /// Its name, as its makers write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Transmission => "Transmission",
            Self::Libtorrent => "libtorrent",
            Self::Python => "Python",
            Self::Aria2 => "aria2",
            Self::Rtorrent => "rtorrent",
            Self::Rqbit => "rqbit",
            Self::Opentracker => "opentracker",
            Self::Miniupnpd => "miniupnpd",
            Self::Tcpdump => "tcpdump",
            Self::Nginx => "nginx",
            Self::Vsftpd => "vsftpd",
            Self::Openssl => "OpenSSL",
            Self::Dante => "Dante",
            Self::Microsocks => "microsocks",
            Self::Tinyproxy => "tinyproxy",
        }
    }

    /// Its name and what installs it, when it is not installed.
    pub(crate) fn missing(self) -> Option<String> {
        let by = if self == Self::Rqbit { "./test rqbit" } else { "./test" };
        self.version().is_none().then(|| format!("{} (`{by}` installs it)", self.name()))
    }

    /// What it says of its version; `None` when it is not installed.
    pub fn version(self) -> Option<String> {
        let (program, argument): (PathBuf, _) = match self {
            Self::Transmission => ("transmission-daemon".into(), "--version"),
            Self::Python => ("python3".into(), "--version"),
            Self::Aria2 => ("aria2c".into(), "--version"),
            Self::Rtorrent => ("rtorrent".into(), "-h"),
            Self::Rqbit => (rqbit(), "--version"),
            Self::Opentracker
            | Self::Miniupnpd
            | Self::Vsftpd
            | Self::Dante
            | Self::Microsocks
            | Self::Tinyproxy => ("dpkg-query".into(), "--show"),
            Self::Tcpdump => ("tcpdump".into(), "--version"),
            Self::Nginx => ("nginx".into(), "-v"),
            Self::Openssl => ("openssl".into(), "version"),
            Self::Libtorrent => (python(), "-c"),
        };
        let mut command = Command::new(program);
        command.arg(argument).stdin(Stdio::null());
        match self {
            Self::Libtorrent => {
                command.arg("import libtorrent as lt; print('libtorrent', lt.__version__)")
            }
            Self::Opentracker => command.arg("opentracker"),
            Self::Miniupnpd => command.args(["miniupnpd-nftables", "nftables"]),
            Self::Vsftpd => command.arg("vsftpd"),
            Self::Dante => command.arg("dante-server"),
            Self::Microsocks => command.arg("microsocks"),
            Self::Tinyproxy => command.arg("tinyproxy"),
            _ => &mut command,
        };
        let output = command.output().ok().filter(|output| output.status.success())?;
        // Transmission says it on standard error.
        let said = [output.stdout, output.stderr].concat();
        let first = String::from_utf8_lossy(&said).lines().next()?.trim().replace('\t', " ");
        Some(first.trim_end_matches('.').to_owned())
    }
}

/// A line for each program: what it says of its version.
pub fn versions() -> String {
    let line = |program: Program| {
        let version = program.version().unwrap_or("not installed".into());
        format!("{:<14}{version}\n", program.name())
    };
    Program::ALL.map(line).concat()
}

/// Makes the binary under test, unless one is named. Cargo does it once and is quick afterwards.
pub(crate) fn build() -> Result<()> {
    static BUILT: OnceLock<bool> = OnceLock::new();
    if env::var_os(BINARY).is_some() {
        return Ok(());
    }
    let is_built = BUILT.get_or_init(|| {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
        // What cargo tells the test of its package, build scripts of others would take as news.
        for (key, _) in env::vars_os() {
            let name = key.to_string_lossy();
            if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&key);
            }
        }
        command.args(["build", "--quiet", "--locked", "--package", "fluvial"]);
        command.current_dir(env!("CARGO_MANIFEST_DIR"));
        command.status().is_ok_and(|status| status.success())
    });
    ensure!(*is_built, "cargo cannot build fluvial");
    Ok(())
}

/// The binary under test.
pub(crate) fn fluvial() -> Result<PathBuf> {
    if let Some(named) = env::var_os(BINARY) {
        return Ok(named.into());
    }
    let binary = profile_folder()?.join("fluvial");
    ensure!(binary.exists(), "there is no {}", binary.display());
    Ok(binary)
}

/// Where the labs' folders are made: beside what cargo builds, for /tmp may be small.
pub(crate) fn scratch() -> Result<PathBuf> {
    let folder = profile_folder()?.join("../tmp");
    std::fs::create_dir_all(&folder)?;
    Ok(folder.canonicalize()?)
}

/// A Python that has libtorrent, if there is one.
pub(crate) fn python() -> PathBuf {
    let installed = || Some(profile_folder().ok()?.join("../interop/bin/python"));
    let named = env::var_os(PYTHON).map(PathBuf::from);
    named.or_else(installed).unwrap_or("python3".into())
}

/// rqbit, if it is there.
pub(crate) fn rqbit() -> PathBuf {
    let installed = || Some(profile_folder().ok()?.join("../rqbit/bin/rqbit"));
    let named = env::var_os(RQBIT).map(PathBuf::from);
    named.or_else(installed).unwrap_or("rqbit".into())
}

/// `target/debug`, as seen from a program in it or a test in `target/debug/deps`.
fn profile_folder() -> Result<PathBuf> {
    let this = env::current_exe()?;
    let folder = this.parent().context("a program lives in target")?;
    let above = folder.parent().filter(|_| folder.ends_with("deps"));
    Ok(above.unwrap_or(folder).to_owned())
}

//! Web and FTP servers that people mirror with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::lab::{Lab, Node};
use crate::process::Process;
use crate::wait::wait_until;

/// What nginx's log says of a request, with tabs between.
const LOGGED: &str = r"$request_uri\t$status\t$body_bytes_sent\t$http_range\t$http_authorization";

/// nginx, with the folder that it serves.
#[derive(Debug)]
pub struct Nginx {
    node: Node,
    scheme: &'static str,
    /// `None` while it is down.
    process: Option<Process>,
}

/// A request that nginx has answered, or tried to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Path and query, as they were asked for.
    pub target: String,
    /// The status of the answer.
    pub status: u16,
    /// Bytes of the body that were sent.
    pub sent: u64,
    /// First and last byte of the range that was asked for.
    pub range: Option<(u64, u64)>,
    /// Whether it brought credentials.
    pub authorized: bool,
}

impl Nginx {
    /// Serves `folder` on a machine of its own; `more` is what else its configuration says of the
    /// server, such as `limit_rate 20k;`, which is for each connection.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(lab: &mut Lab, folder: &Path, more: &str) -> Result<Self> {
        Self::start_at(lab.node("nginx")?, folder, "listen 80;", more)
    }

    /// The same on a machine that is there, reached by nobody but itself.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_inside(node: &Node, folder: &Path) -> Result<Self> {
        Self::start_at(node.clone(), folder, "listen 127.0.0.1:80;", "")
    }

    /// The same over TLS, on a machine of its own, with a certificate for `name` of an authority.
    ///
    /// # Errors
    /// When it does not start, or gets no certificate.
    pub fn start_secure(
        lab: &mut Lab,
        folder: &Path,
        (authority, name): (&Authority, &str),
    ) -> Result<Self> {
        let node = lab.node("nginx")?;
        lab.name(node.v4().into(), name)?;
        authority.certify(&node, name)?;
        let at = node.path("");
        let at = at.display();
        let more = format!("ssl_certificate {at}/server.pem; ssl_certificate_key {at}/server.key;");
        Self::start_at(node, folder, "listen 443 ssl;", &more)
    }

    fn start_at(node: Node, folder: &Path, listen: &str, more: &str) -> Result<Self> {
        let at = node.path("");
        let (at, root) = (at.display(), folder.display());
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {at}/{name};"))
            .concat();
        // As one process it needs no other user, and ends as a whole.
        let config = format!(
            "daemon off; master_process off; pid {at}/pid; error_log {at}/error.log;\n\
             events {{}}\n\
             http {{ log_format told escape=none '{LOGGED}'; access_log {at}/access.log told;\n\
             {temporary}\n server {{ {listen} root \"{root}\"; {more} }} }}\n"
        );
        fs::write(node.path("nginx.conf"), config)?;
        let scheme = if listen.contains("ssl") { "https" } else { "http" };
        let mut nginx = Self { node, scheme, process: None };
        nginx.revive()?;
        Ok(nginx)
    }

    /// Ends it in the midst of its answers.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Starts it again.
    ///
    /// # Errors
    /// When it does not start.
    pub fn revive(&mut self) -> Result<()> {
        let node = &self.node;
        let mut command = node.command(Path::new("nginx"));
        command.arg("-c").arg(node.path("nginx.conf"));
        let process = Process::start("nginx", command, &node.path("nginx.log"))?;
        let process = self.process.insert(process);
        let port = if self.scheme == "https" { 443 } else { 80 };
        wait_until("nginx to listen", || {
            process.check()?;
            listens(node, port)
        })
    }

    /// The URL of a name in the folder, percent-encoded as it is to stand there.
    pub fn url(&self, name: &str) -> String {
        format!("{}://{}/{name}", self.scheme, self.node.v4())
    }

    /// What it was asked for and is done with. What was broken off is among it, if a little later.
    ///
    /// # Errors
    /// When there is no log.
    pub fn requests(&self) -> Result<Vec<Request>> {
        let log = fs::read_to_string(self.node.path("access.log"))?;
        log.lines().map(|line| Request::read(line).with_context(|| line.to_owned())).collect()
    }

    /// Bytes of content that it sent.
    ///
    /// # Errors
    /// When there is no log.
    pub fn sent(&self) -> Result<u64> {
        let taken = |request: &Request| (200..300).contains(&request.status);
        Ok(self.requests()?.iter().filter(|it| taken(it)).map(|it| it.sent).sum())
    }
}

impl Request {
    fn read(line: &str) -> Option<Self> {
        let mut parts = line.split('\t');
        let (target, status) = (parts.next()?.to_owned(), parts.next()?.parse().ok()?);
        let (sent, range, credentials) =
            (parts.next()?.parse().ok()?, parts.next()?, parts.next()?);
        let range = range.strip_prefix("bytes=").and_then(|range| {
            let (first, last) = range.split_once('-')?;
            Some((first.parse().ok()?, last.parse().ok()?))
        });
        Some(Self { target, status, sent, range, authorized: !credentials.is_empty() })
    }
}

/// vsftpd, open to anybody.
#[derive(Debug)]
pub struct Vsftpd {
    node: Node,
    _process: Process,
}

impl Vsftpd {
    /// Serves `folder` on a machine of its own.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(lab: &mut Lab, folder: &Path) -> Result<Self> {
        Self::start_with(lab, folder, "")
    }

    /// The same with a line more in its configuration.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_with(lab: &mut Lab, folder: &Path, more: &str) -> Result<Self> {
        let node = lab.node("vsftpd")?;
        let empty = node.path("empty");
        fs::create_dir_all(&empty)?;
        // As whoever starts it, for inside a user namespace there are no others.
        let config = format!(
            "listen=YES\nbackground=NO\nanonymous_enable=YES\nanon_root={}\nftp_username=root\n\
             run_as_launching_user=YES\nsecure_chroot_dir={}\nseccomp_sandbox=NO\nisolate=NO\n\
             isolate_network=NO\nxferlog_enable=YES\nvsftpd_log_file={}\n{more}\n",
            folder.display(),
            empty.display(),
            node.path("transfers.log").display(),
        );
        fs::write(node.path("vsftpd.conf"), config)?;
        let mut command = node.command(Path::new("vsftpd"));
        command.arg(node.path("vsftpd.conf"));
        let mut process = Process::start("vsftpd", command, &node.path("vsftpd.log"))?;
        wait_until("vsftpd to listen", || {
            process.check()?;
            listens(&node, 21)
        })?;
        Ok(Self { node, _process: process })
    }

    /// The URL of a name in the folder, percent-encoded as it is to stand there.
    pub fn url(&self, name: &str) -> String {
        format!("ftp://{}/{name}", self.node.v4())
    }
}

/// An authority for certificates that nobody trusts who is not told to.
#[derive(Debug)]
pub struct Authority {
    folder: PathBuf,
}

impl Authority {
    /// A new one.
    ///
    /// # Errors
    /// When `openssl` fails.
    pub fn new(lab: &Lab) -> Result<Self> {
        let folder = lab.path("authority");
        fs::create_dir_all(&folder)?;
        let subject = ["-x509", "-subj", "/CN=Authority of the lab", "-out", "ca.pem"];
        openssl(&folder, &[&["req", "-keyout", "ca.key"], &NEW_KEY[..], &subject].concat())?;
        Ok(Self { folder })
    }

    /// The file that says whom to trust.
    pub fn certificate(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// Gives a machine a certificate for a name, and the key to it.
    fn certify(&self, node: &Node, name: &str) -> Result<()> {
        let at = node.path("");
        let authority = self.folder.display().to_string();
        let (ca, key) = (format!("{authority}/ca.pem"), format!("{authority}/ca.key"));
        let subject = format!("/CN={name}");
        let names = format!("subjectAltName=DNS:{name}");
        let server = ["-subj", &subject, "-addext", &names, "-out", "server.csr"];
        openssl(&at, &[&["req", "-keyout", "server.key"], &NEW_KEY[..], &server].concat())?;
        let sign = ["-in", "server.csr", "-CA", &ca, "-CAkey", &key, "-out", "server.pem"];
        let with = ["x509", "-req", "-days", "2", "-CAcreateserial", "-copy_extensions", "copy"];
        openssl(&at, &[&with[..], &sign].concat())
    }
}

/// Of an elliptic curve, for those are quickly made.
const NEW_KEY: [&str; 5] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc"];

fn openssl(folder: &Path, arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("openssl");
    let output = command.args(arguments).current_dir(folder).output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "openssl {}: {said}", arguments.join(" "));
    Ok(())
}

/// Whether something listens on a TCP port of a machine.
pub(crate) fn listens(node: &Node, port: u16) -> Result<bool> {
    let mut command = node.command(Path::new("cat"));
    let table = command.args(["/proc/net/tcp", "/proc/net/tcp6"]).output()?.stdout;
    let text = String::from_utf8_lossy(&table).into_owned();
    let wanted = format!(":{port:04X}");
    Ok(text.lines().any(|line| {
        let mut words = line.split_whitespace().skip(1);
        // State 0A is LISTEN.
        words.next().is_some_and(|at| at.ends_with(&wanted)) && words.nth(1) == Some("0A")
    }))
}

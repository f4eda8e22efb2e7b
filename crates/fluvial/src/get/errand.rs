//! The person's own command, once all is written.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};

/// How long a command that was asked to end may take.
const END_MAX: Duration = Duration::from_secs(3);

/// How a command ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// With status 0.
    Well,
    /// With another status.
    Status(i32),
    /// By a signal.
    Signal(i32),
    /// Because the person wished to end.
    Stopped,
}

/// Runs `command` in a shell, with the content's `path` in `FLUVIAL_PATH`. What it prints goes to
/// stderr, so that events stay alone on stdout. When `stop` ends first, the command and what it
/// started are asked to end, and then made to.
///
/// # Errors
/// When there is no shell, or the system starts no process.
pub(super) async fn run(
    command: &str,
    path: &Path,
    stop: impl Future<Output = ()>,
) -> io::Result<Ending> {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(command).env("FLUVIAL_PATH", path);
    shell.stdin(Stdio::null()).stdout(io::stderr()).kill_on_drop(true);
    // A group of its own: so that all of it can be ended, and only once.
    #[cfg(unix)]
    shell.process_group(0);
    let mut child = shell.spawn()?;
    tokio::select! {
        status = child.wait() => status.map(ending),
        () = stop => {
            end(&mut child).await;
            Ok(Ending::Stopped)
        }
    }
}

fn ending(status: ExitStatus) -> Ending {
    match status.code() {
        Some(0) => Ending::Well,
        Some(code) => Ending::Status(code),
        None => Ending::Signal(signal(status)),
    }
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    status.signal().unwrap_or_default()
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> i32 {
    0
}

#[cfg(unix)]
async fn end(child: &mut Child) {
    use rustix::process::{Pid, Signal, kill_process_group};
    let Some(group) = child.id().and_then(|id| Pid::from_raw(id.cast_signed())) else {
        return;
    };
    // An error only says that nobody is left.
    let _gone = kill_process_group(group, Signal::TERM);
    if tokio::time::timeout(END_MAX, child.wait()).await.is_err() {
        let _gone = kill_process_group(group, Signal::KILL);
    }
}

#[cfg(not(unix))]
async fn end(child: &mut Child) {
    let _gone = child.start_kill();
    let _late = tokio::time::timeout(END_MAX, child.wait()).await;
}

#[cfg(all(test, unix))]
mod tests;

//! The wish to end: Ctrl-C and SIGTERM; and to have files read again: SIGHUP.

use tokio::sync::watch;

/// Waits for the person's wish to end. The second wish ends the process on the spot, so that a
/// slow farewell can always be cut short.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Starts listening for signals, on the current runtime.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn listen() -> std::io::Result<Self> {
        let (send, receive) = watch::channel(false);
        let mut signals = Signals::new()?;
        tokio::spawn(async move {
            signals.next().await;
            let _nobody = send.send(true);
            signals.next().await;
            exit_now();
        });
        Ok(Self(receive))
    }

    /// Whether the person wishes to end.
    pub(crate) fn is_wished(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns once the person wishes to end.
    pub(crate) async fn wished(&mut self) {
        if self.0.wait_for(|wish| *wish).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[allow(clippy::exit, reason = "the person asked twice, and nothing is lost that is recorded")]
fn exit_now() -> ! {
    std::process::exit(130)
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    #[allow(clippy::unnecessary_wraps, reason = "the shape of the other platforms")]
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}

/// The wish to have files read again: SIGHUP. Where nothing is to be read it keeps its usual
/// meaning, the end of a process whose terminal is gone.
#[derive(Debug)]
pub(crate) struct Hangups {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
}

impl Hangups {
    /// Starts listening for it, if it means anything here.
    ///
    /// # Errors
    /// When the system refuses.
    #[cfg(unix)]
    pub(crate) fn listen(is_meant: bool) -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let signal = if is_meant { Some(signal(SignalKind::hangup())?) } else { None };
        Ok(Self { signal })
    }

    #[cfg(not(unix))]
    #[allow(clippy::unnecessary_wraps, reason = "the shape of the other platforms")]
    pub(crate) fn listen(_is_meant: bool) -> std::io::Result<Self> {
        Ok(Self {})
    }

    /// Returns at the next one.
    pub(crate) async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.signal
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending::<()>().await;
    }
}

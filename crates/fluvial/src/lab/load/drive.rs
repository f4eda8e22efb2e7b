//! The loop: what is due goes out, what has come is judged.

use std::time::{Duration, SystemTime};

use anyhow::Result;

use load::{Load, Pace};
use stdx::Instant;

use super::http::Connections;
use super::udp::Port;

/// How long answers are waited for once no more is asked.
const LATE: Duration = Duration::from_millis(500);

/// A tracker that answers nothing for so long is not there.
const QUIET_MAX: Duration = Duration::from_secs(5);
/// Refusals that may be a matter of time, such as a connection id that has aged.
const REFUSED_MAX: u64 = 1_000;

/// Longer than any turn of the loop takes: the crowd had no core meanwhile.
const PAUSE_MIN: Duration = Duration::from_millis(1);

/// When the crowd could neither ask nor listen, for something else had its core: what was due then
/// is late by no fault of the tracker's.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pauses {
    pub(super) count: u64,
    pub(super) total: Duration,
    pub(super) longest: Duration,
}

impl Pauses {
    fn note(&mut self, turn: Duration) {
        if turn >= PAUSE_MIN {
            self.count += 1;
            self.total += turn;
            self.longest = self.longest.max(turn);
        }
    }
}

/// How fast the crowd asks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Speed {
    /// At fixed moments.
    Paced(Pace),
    /// As fast as the tracker answers, with so many requests on their way.
    Window(usize),
}

/// What requests travel by.
pub(super) enum Line {
    Udp(Box<Port>),
    Http(Connections),
}

impl Line {
    /// All take part again.
    pub(super) fn begin(&mut self) {
        if let Self::Http(connections) = self {
            connections.begin();
        }
    }

    fn send(&mut self, load: &mut Load, most: u64, due: impl Fn(u64) -> Instant) -> Result<u64> {
        match self {
            Self::Udp(port) => Ok(port.send(load, most, due)?),
            Self::Http(connections) => connections.send(load, most, due),
        }
    }

    fn receive(&mut self, load: &mut Load, clock: impl Fn() -> Instant) -> Result<()> {
        match self {
            Self::Udp(port) => Ok(port.receive(load)?),
            Self::Http(connections) => connections.receive(load, clock),
        }
    }
}

/// A clock that begins with the experiment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock(std::time::Instant);

impl Clock {
    pub(super) fn start() -> Self {
        Self(std::time::Instant::now())
    }

    pub(super) fn now(self) -> Instant {
        Instant::ZERO + self.0.elapsed()
    }

    /// When it began, by the system's clock: as of the best of some looks, for something may come
    /// between looking at the one and at the other.
    pub(super) fn began(self) -> SystemTime {
        const LOOKS: usize = 16;
        let look = || {
            let elapsed = self.0.elapsed();
            SystemTime::now() - elapsed
        };
        (1..LOOKS).fold(look(), |began, _| began.min(look()))
    }
}

/// Lets everybody join, `window` requests at a time. `tell` hears how many have been asked for.
///
/// # Errors
/// What the system says, or that nothing is answered.
pub(super) fn join(
    line: &mut Line,
    load: &mut Load,
    clock: Clock,
    window: usize,
    mut tell: impl FnMut(u64),
) -> Result<()> {
    let (mut answered, mut quiet_since) = (0, clock.now());
    loop {
        let now = clock.now();
        let room = window.saturating_sub(load.in_flight()) as u64;
        line.send(load, room, |_| now)?;
        line.receive(load, || clock.now())?;
        load.handle_timeout(now);
        if load.tally().times.total() > answered {
            (answered, quiet_since) = (load.tally().times.total(), now);
        }
        let all_asked = match line {
            Line::Udp(_) => load.is_joined(),
            Line::Http(_) => load.is_joined_by_http(),
        };
        if all_asked && load.in_flight() == 0 {
            return Ok(());
        }
        anyhow::ensure!(now - quiet_since < QUIET_MAX, "the tracker does not answer");
        let (announced, refused) = (load.tally().announced, load.tally().refused);
        anyhow::ensure!(refused <= announced + REFUSED_MAX, "the tracker refuses to serve them");
        tell(announced);
    }
}

/// Asks for so long; returns when that is over, and how it was held up.
///
/// # Errors
/// What the system says.
pub(super) fn ask(
    line: &mut Line,
    load: &mut Load,
    clock: Clock,
    (speed, until): (Speed, Instant),
    mut tell: impl FnMut(Instant),
) -> Result<Pauses> {
    let (mut sent, mut pauses, mut before) = (0, Pauses::default(), clock.now());
    loop {
        let now = clock.now();
        pauses.note(now - before);
        before = now;
        if now >= until {
            return Ok(pauses);
        }
        sent += match speed {
            Speed::Paced(pace) => {
                let most = pace.due(now).saturating_sub(sent);
                line.send(load, most, |n| pace.at(sent + n + 1))?
            }
            Speed::Window(window) => {
                let most = window.saturating_sub(load.in_flight()) as u64;
                line.send(load, most, |_| now)?
            }
        };
        line.receive(load, || clock.now())?;
        load.handle_timeout(now);
        tell(now);
    }
}

/// Takes the answers that are still to come.
///
/// # Errors
/// What the system says.
pub(super) fn wait(line: &mut Line, load: &mut Load, clock: Clock) -> Result<()> {
    let until = clock.now() + LATE;
    while load.in_flight() > 0 && clock.now() < until {
        line.receive(load, || clock.now())?;
    }
    Ok(())
}

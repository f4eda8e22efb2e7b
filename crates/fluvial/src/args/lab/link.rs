//! The flags of `fluvial lab link`.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use clap::error::ErrorKind;

use netem::{LinkConfig, Loss, Rungs};

use super::super::values::parse_address;
use super::super::wrong;
use super::parse_part;
use crate::units::{Rate, parse_duration, parse_rate};

/// Bytes that a queue holds at least: two full packets.
const QUEUE_BYTES_MIN: u64 = 3_000;
/// The longest delay; what is on its way is in memory.
const DELAY_MAX: Duration = Duration::from_mins(1);
/// The longest mean burst of losses, in packets.
const BURST_MAX: f64 = 10_000.0;

/// Carry real packets over an emulated link: rate, delay, loss, reordering
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  fluvial lab link --listen 127.0.0.1:7001 --to 127.0.0.1:7000 --delay 50ms --loss 0.01
  fluvial lab link --tun left,right --rate 10Mbit/s --delay 20ms --queue 50ms
  fluvial lab link --tun left,right --rung mobile

--listen relays UDP, as a user may. --tun makes two network devices, which takes root: give each
an address, or move it to a network namespace (`ip link set left netns A`), and all IP packets
go from one to the other. Ctrl-C ends it and tells what became of the packets.")]
pub(crate) struct LinkLab {
    /// Relay UDP packets that come here
    #[arg(long, value_name = "IP:PORT", value_parser = parse_address)]
    #[arg(requires = "to", required_unless_present = "tun")]
    pub(crate) listen: Option<SocketAddr>,
    /// Where they go; each sender has its answers back
    #[arg(long, value_name = "IP:PORT", value_parser = parse_address, requires = "listen")]
    pub(crate) to: Option<SocketAddr>,
    /// Make these two network devices and carry packets between them
    #[arg(long, value_name = "A,B", value_delimiter = ',', conflicts_with = "listen")]
    pub(crate) tun: Vec<String>,
    /// Begin with a link by name: lan, fibre, cable, dsl, mobile, satellite, lossy
    #[arg(long, value_name = "NAME")]
    pub(crate) rung: Option<String>,
    /// Bytes or bits a second, each way; packets count with their headers
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    pub(crate) rate: Option<Rate>,
    /// Time that a packet takes, one way
    #[arg(long, value_name = "DUR", value_parser = parse_duration)]
    pub(crate) delay: Option<Duration>,
    /// The most that is added to it at random
    #[arg(long, value_name = "DUR", value_parser = parse_duration)]
    pub(crate) jitter: Option<Duration>,
    /// How long packets may wait for the rate before they are dropped [default: 100ms]
    #[arg(long, value_name = "DUR", value_parser = parse_duration)]
    pub(crate) queue: Option<Duration>,
    /// Share of the packets that get lost, from 0 to 1
    #[arg(long, value_name = "SHARE", value_parser = parse_part)]
    pub(crate) loss: Option<f64>,
    /// Packets that get lost in a row, on average [default: 1]
    #[arg(long, value_name = "N", value_parser = parse_burst, requires = "loss")]
    pub(crate) burst: Option<f64>,
    /// Share of the packets that are held back, by a tenth of a second
    #[arg(long, value_name = "SHARE", value_parser = parse_part)]
    pub(crate) reorder: Option<f64>,
    /// Share of the packets that arrive twice
    #[arg(long, value_name = "SHARE", value_parser = parse_part)]
    pub(crate) duplicate: Option<f64>,
    /// What chance begins with [default: 1]
    #[arg(long, value_name = "S", default_value_t = 1, hide_default_value = true)]
    pub(crate) seed: u64,
}

impl LinkLab {
    /// The links there and back.
    ///
    /// # Errors
    /// When there is no link of this name.
    pub(crate) fn links(&self) -> Result<[LinkConfig; 2], String> {
        let rungs = Rungs::built_in();
        let Some(name) = &self.rung else {
            return Ok([(); 2].map(|()| self.adjust(LinkConfig::default())));
        };
        let Some(rung) = rungs.get(name) else {
            let all: Vec<&str> = rungs.names().collect();
            return Err(format!("--rung `{name}` is none of {}", all.join(", ")));
        };
        Ok([self.adjust(rung.up.clone()), self.adjust(rung.down.clone())])
    }

    fn adjust(&self, mut link: LinkConfig) -> LinkConfig {
        /// How long a packet is held back that others overtake.
        const HELD_BACK: Duration = Duration::from_millis(100);
        /// What may wait for the rate where nobody says.
        const QUEUE: Duration = Duration::from_millis(100);
        if let Some(rate) = self.rate {
            link.rate = rate.0;
        }
        if let (Some(rate), true) = (link.rate, self.rate.is_some() || self.queue.is_some()) {
            let bytes = rate as f64 * self.queue.unwrap_or(QUEUE).as_secs_f64();
            link.queue_bytes = (bytes as u64).max(QUEUE_BYTES_MIN);
        }
        link.delay = self.delay.unwrap_or(link.delay);
        link.jitter = self.jitter.unwrap_or(link.jitter);
        if let Some(loss) = self.loss {
            link.loss = Loss::bursts(loss, self.burst.unwrap_or(1.0));
        }
        if let Some(share) = self.reorder {
            (link.reorder, link.reorder_by) = (share, HELD_BACK);
        }
        link.duplicate = self.duplicate.unwrap_or(link.duplicate);
        link
    }

    pub(super) fn check(&self) -> Result<(), clap::Error> {
        let usage = |why: &str| wrong("lab link", ErrorKind::InvalidValue, why);
        self.links().map_err(|why| usage(&why))?;
        if !matches!(self.tun.len(), 0 | 2) {
            return Err(usage("--tun takes two names, for example left,right"));
        }
        let times = [("--delay", self.delay), ("--jitter", self.jitter), ("--queue", self.queue)];
        for (flag, time) in times {
            if time.is_some_and(|time| time > DELAY_MAX) {
                return Err(usage(&format!("{flag} may be 60s at most")));
            }
        }
        Ok(())
    }
}

fn parse_burst(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(length) if (1.0..=BURST_MAX).contains(&length) => Ok(length),
        _ => Err("write a number of packets from 1 to 10000, for example 3".to_owned()),
    }
}

//! What follows the last byte: the news, the person's command, giving back.

use std::time::Instant;

use anyhow::anyhow;

use session::Event as Happened;

use super::super::Ended;
use super::{Job, superseded};
use crate::args::SeedGoal;
use crate::events::Event;
use crate::get::efficiency;
use crate::get::errand::{self, Ending};
use crate::live::TICK;
use crate::text::plain;
use crate::units::{show_duration, show_rate, show_size};
use crate::{farewell, net, seeding};

impl Job<'_> {
    pub(super) async fn tell_complete(&mut self) -> Result<(), Ended> {
        let Some(status) = self.torrent.status().await? else {
            return Ok(());
        };
        let elapsed = self.started.elapsed();
        let path = self.torrent.content_path().unwrap_or_default();
        let bytes = status.total.unwrap_or(0);
        if bytes > 0 && path.symlink_metadata().is_err() {
            let path = path.display();
            return Err(anyhow!("`{path}` was taken away while it was fetched; run again").into());
        }
        let path = path.display().to_string();
        let met = self.torrent.sources().await?;
        let fetched = status.downloaded.min(bytes);
        let efficiency = efficiency::of(fetched, elapsed, net::limits(&self.args.net), &met);
        let sources = farewell::sources(met);
        self.output.event(&Event::Complete {
            path: &path,
            bytes,
            seconds: elapsed.as_secs_f64(),
            efficiency,
            sources: &sources,
        });
        let size = show_size(bytes);
        if status.downloaded == 0 {
            let already = if bytes > 0 { ", all of it was there already" } else { "" };
            self.output.good("Complete", format!("{path}  {size}{already}"));
            return Ok(());
        }
        let rate = (status.downloaded as f64 / elapsed.as_secs_f64().max(1e-3)) as u64;
        let (rate, elapsed) = (show_rate(rate), show_duration(elapsed));
        self.output.good("Complete", format!("{path}  {size} in {elapsed} ({rate})"));
        farewell::print_sources(&sources, status.downloaded, self.output);
        self.output.line(farewell::totals(&status, &sources));
        if let Some(efficiency) = efficiency {
            let percent = (efficiency * 100.0).round();
            self.output.line(format!("{percent:>11}% of what this swarm's uplinks allow"));
        }
        if self.args.seed == SeedGoal::None && self.following.is_none() {
            self.output.hint("`--seed ratio:1` gives back what was taken");
        }
        Ok(())
    }

    /// Runs the command of `--on-complete`. Its failure is told, and takes nothing away from the
    /// download; the wish to end ends it as well.
    pub(super) async fn obey(&mut self) -> Result<(), Ended> {
        let Some(command) = &self.args.on_complete else {
            return Ok(());
        };
        let path = self.torrent.content_path().unwrap_or_default();
        let told = match errand::run(command, &path, self.stop.wished()).await {
            Ok(Ending::Well) => return Ok(()),
            Ok(Ending::Status(status)) => format!("ended with status {status}"),
            Ok(Ending::Signal(signal)) => format!("was ended by signal {signal}"),
            Ok(Ending::Stopped) => "was stopped before its end".to_owned(),
            Err(error) => format!("did not start: {}", plain(&error.to_string())),
        };
        self.output.warn(format!("the command `{command}` {told}; the download is complete"));
        Ok(())
    }

    /// Gives until the goal is reached or the person wishes to end.
    pub(super) async fn seed(&mut self) -> Result<(), Ended> {
        let began = Instant::now();
        let mut tick = tokio::time::interval(TICK);
        loop {
            let Some(status) = self.torrent.status().await? else {
                return Ok(());
            };
            let reached = match self.args.seed {
                // Who follows stays, and gives what it has meanwhile.
                _ if self.following.is_some() => false,
                SeedGoal::None => return Ok(()),
                SeedGoal::Forever => false,
                SeedGoal::Ratio(ratio) => {
                    status.uploaded as f64 >= ratio * status.total.unwrap_or(0) as f64
                }
                SeedGoal::Time(time) => began.elapsed() >= time,
            };
            if reached || self.stop.is_wished() {
                self.live.clear();
                if !reached {
                    self.output.event(&Event::Stopped);
                }
                self.output.line(farewell::given(status.uploaded));
                return Ok(());
            }
            tokio::select! {
                _ = tick.tick() => self.live.show(&status),
                event = self.torrent.event() => match event {
                    Some(Happened::Failed { error, .. }) => return Err(error.into()),
                    Some(happened) => seeding::tell(&happened, self.output),
                    // Nothing more is said: asking tells whether that is an orderly end.
                    None => {
                        self.torrent.status().await?;
                    }
                },
                () = self.stop.wished() => {}
                () = superseded(&mut self.following) => return Err(Ended::Superseded),
            }
        }
    }
}

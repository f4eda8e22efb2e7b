//! Log lines: to stderr (above the bars) or to a file.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};

use anyhow::Context as _;
use indicatif::MultiProgress;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::args::Common;
use crate::output::Output;

/// Starts logging as `-v`, `--quiet` and `--log` ask; `RUST_LOG` beats them.
pub(crate) fn start(common: &Common, output: &Output) -> anyhow::Result<()> {
    let level = match (common.quiet, common.verbose, &common.log) {
        (true, _, None) => "error",
        (_, 0, None) => "warn",
        (_, 0 | 1, _) => "info",
        (_, 2, _) => "debug",
        (_, _, _) => "trace",
    };
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new(format!("warn,{}", own_targets(level))));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_target(common.verbose > 1);
    if let Some(path) = &common.log {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .with_context(|| format!("cannot write the log to `{}`", path.display()))?;
        builder.with_ansi(false).with_writer(SharedFile(file)).init();
    } else {
        let ansi = anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
        let writer = AboveBars(output.bars().clone());
        builder.with_ansi(ansi).without_time().with_writer(writer).init();
    }
    Ok(())
}

fn own_targets(level: &str) -> String {
    ["fluvial", "engine", "disk", "served"].map(|target| format!("{target}={level}")).join(",")
}

struct SharedFile(File);

impl<'a> MakeWriter<'a> for SharedFile {
    type Writer = &'a File;

    fn make_writer(&'a self) -> &'a File {
        &self.0
    }
}

#[derive(Clone)]
struct AboveBars(MultiProgress);

impl Write for AboveBars {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write_all(line))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for AboveBars {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

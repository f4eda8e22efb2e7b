//! `fluvial`: the command line. `args` is what can be typed; each command has its file.

mod args;
mod create;
mod describe;
mod dht;
mod events;
mod farewell;
mod filter;
mod fingerprint;
mod get;
mod hosting;
mod lab;
mod live;
mod logging;
mod making;
mod manual;
mod names;
mod net;
mod output;
mod planning;
mod proxied;
mod reach;
mod record;
mod seed;
mod seeding;
mod selection;
mod share;
mod show;
mod signals;
mod source;
mod state;
mod text;
mod tracker;
mod units;
mod verify;

use std::process::ExitCode;

use clap::error::ErrorKind;

use args::{Cli, Command, Misuse};
use events::Event;
use output::Output;

/// It could not be done.
const FAILED: u8 = 1;
/// Wrong usage.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let cli = match Cli::read() {
        Ok(cli) => cli,
        Err(misuse) => return usage(&misuse),
    };
    let output = Output::new(&cli.common);
    let done = logging::start(&cli.common, &output).and_then(|()| run(cli.command, &output));
    match done {
        Ok(code) => match output::lost() {
            None => code,
            Some(error) => {
                let why = text::plain(&error.to_string());
                output.error(&format!("cannot write to standard output: {why}"));
                ExitCode::from(FAILED)
            }
        },
        Err(error) => {
            output.error(&text::causes(&error));
            ExitCode::from(FAILED)
        }
    }
}

/// Prints help, the version, or what is wrong with the words typed.
fn usage(Misuse { error, json }: &Misuse) -> ExitCode {
    let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if !asked && *json {
        let message = text::usage(error);
        output::event_line(&Event::Error { message: &message });
    }
    // Nobody is left to tell when even this cannot be printed.
    let _: std::io::Result<()> = error.print();
    ExitCode::from(if asked { 0 } else { USAGE })
}

fn run(command: Command, output: &Output) -> anyhow::Result<ExitCode> {
    let done = |()| ExitCode::SUCCESS;
    match command {
        Command::Create(args) => create::run(&args, output).map(done),
        Command::Verify(args) => verify::run(&args, output),
        Command::Get(args) => on_runtime(get::run(&args, output)),
        Command::Share(args) => on_runtime(share::run(&args, output)).map(done),
        Command::Seed(args) => on_runtime(seed::run(&args, output)).map(done),
        Command::Show(args) => on_runtime(show::run(&args, output)).map(done),
        Command::Plan(args) => planning::run(&args, output).map(done),
        Command::Lab(args) => lab::run(&args, output).map(done),
        Command::Tracker(args) => on_runtime(tracker::run(&args, output)).map(done),
        Command::Dht(args) => on_runtime(dht::run(&args, output)).map(done),
        Command::Completions(args) => {
            manual::completions(&args);
            Ok(ExitCode::SUCCESS)
        }
        Command::Man(args) => manual::pages(&args, output).map(done),
    }
}

/// One thread for the network and the mind; hashing and files have threads of their own.
fn on_runtime<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    done
}

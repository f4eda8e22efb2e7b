//! `fluvial completions` and `fluvial man`: both are made from the flags as they are.

use std::path::Path;

use anyhow::Context as _;
use clap::{Command, CommandFactory as _};
use clap_mangen::Man as Page;

use crate::args::{Cli, Completions, Man};
use crate::output::{self, Output};
use crate::state;

/// Prints a shell's completions.
pub(crate) fn completions(args: &Completions) {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "fluvial", &mut script);
    output::raw(&script);
}

/// Prints the main page, or writes a page per command.
///
/// # Errors
/// When the folder or a page cannot be written.
pub(crate) fn pages(args: &Man, output: &Output) -> anyhow::Result<()> {
    let Some(dir) = &args.dir else {
        output::raw(&page(command()));
        return Ok(());
    };
    let shown = dir.display();
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make the folder `{shown}`"))?;
    let mut command = command();
    command.build();
    let pages = write_all(dir, &command)?;
    output.good("Wrote", format!("{pages} pages to {shown}"));
    Ok(())
}

fn command() -> Command {
    Cli::command().disable_help_subcommand(true)
}

/// Writes the pages of a command and those below it; their number.
fn write_all(dir: &Path, command: &Command) -> anyhow::Result<usize> {
    write(dir, command)?;
    command.get_subcommands().try_fold(1, |pages, below| Ok(pages + write_all(dir, below)?))
}

fn write(dir: &Path, command: &Command) -> anyhow::Result<()> {
    // Commands are pages of their own: `man fluvial-get`, as with git.
    let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
    let path = dir.join(format!("{name}.1"));
    state::write_whole(&path, &page(command.clone().name(name)))
}

fn page(command: Command) -> Vec<u8> {
    let mut page = Vec::new();
    Page::new(command).render(&mut page).expect("memory takes all that is written");
    page
}

#[cfg(test)]
mod tests;

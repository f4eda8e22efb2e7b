//! Flags that were not typed: from the environment and from a file.
//!
//! They are put among the words of the command line, right behind the command, and then everything
//! is read as if it had been typed: what a flag is called, takes and refuses is said once, where
//! it is defined. A layer gives a flag only when no earlier one gave it, or one that conflicts
//! with it; lists replace each other, they do not add up.

mod file;
mod setting;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};

use self::file::Settings;
use self::setting::Value;

/// What one layer says of a flag.
type Layer<'a> = &'a dyn Fn(&Arg) -> Result<Option<Value>, String>;

/// Looks a variable of the environment up.
pub(super) type Lookup<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// The words of a command line, with the flags that the environment and the file add to them.
///
/// # Errors
/// When the person asks for help, a variable or the file is wrong. What is wrong with the words
/// themselves is left to whoever reads them.
pub(super) fn complete(
    mut command: Command,
    words: Vec<OsString>,
    environment: Lookup<'_>,
) -> Result<Vec<OsString>, clap::Error> {
    command.build();
    let typed = command.clone().ignore_errors(true).try_get_matches_from(&words)?;
    let Some((name, chosen, typed)) = chosen(&command, &typed) else { return Ok(words) };
    let settings = settings(&command, typed, environment)?;
    let mut given: Vec<&Arg> = chosen.get_arguments().filter(|arg| is_typed(arg, typed)).collect();
    let mut added = Vec::new();
    let layers: [Layer<'_>; 3] = [
        &|arg| variable(&name, arg, environment),
        &|arg| Ok(settings.of_command(&name, arg)),
        &|arg| Ok(if is_shared(&name, arg) { settings.of_all(arg) } else { None }),
    ];
    for layer in layers {
        let before = given.clone();
        for arg in flags(chosen).filter(|arg| !is_excluded(chosen, arg, &before)) {
            if let Some(value) = layer(arg).map_err(|text| wrong(&text))? {
                added.extend(value.words());
                given.push(arg);
            }
        }
    }
    let at = position(&command, &words);
    Ok([&words[..at], &added, &words[at..]].concat())
}

/// The command that is to run, by its name (`lab.ring` for one below another), and what was typed
/// behind it.
fn chosen<'a>(
    command: &'a Command,
    typed: &'a ArgMatches,
) -> Option<(String, &'a Command, &'a ArgMatches)> {
    let (name, typed) = typed.subcommand()?;
    let command = command.find_subcommand(name)?;
    if !command.has_subcommands() {
        return Some((name.to_owned(), command, typed));
    }
    let (below, command, typed) = chosen(command, typed)?;
    Some((format!("{name}.{below}"), command, typed))
}

/// Whether a flag means the same for every command that has it. Those of experiments are their own:
/// `--seed` is a number there.
fn is_shared(name: &str, arg: &Arg) -> bool {
    arg.is_global_set() || !name.contains('.')
}

/// The flags that a layer may give.
fn flags(command: &Command) -> impl Iterator<Item = &Arg> {
    command
        .get_arguments()
        .filter(|arg| !matches!(arg.get_long(), None | Some("help" | "version" | "config")))
}

/// The name of a flag's variable: `FLUVIAL_UP_LIMIT` for `--up-limit`, `FLUVIAL_LAB_RING_SEED` for
/// an experiment's own `--seed`.
fn variable_name(long: &str) -> String {
    format!("FLUVIAL_{}", long.to_ascii_uppercase().replace(['-', '.'], "_"))
}

/// What the environment says of a flag.
fn variable(command: &str, arg: &Arg, environment: Lookup<'_>) -> Result<Option<Value>, String> {
    let long = arg.get_long().unwrap_or_default();
    let name = if is_shared(command, arg) {
        variable_name(long)
    } else {
        variable_name(&format!("{command}-{long}"))
    };
    let Some(text) = environment(&name).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let text = text.to_str().ok_or_else(|| format!("`{name}` is not valid UTF-8"))?;
    Value::of_text(arg, text).map(Some).map_err(|why| format!("`{name}`: {why}"))
}

/// The settings of the file: the one that is named, else the one in its usual place.
fn settings(
    command: &Command,
    typed: &ArgMatches,
    environment: Lookup<'_>,
) -> Result<Settings, clap::Error> {
    let absolute = |name| environment(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let typed = typed.get_one::<PathBuf>("config").cloned();
    let named = typed.or_else(|| {
        environment(&variable_name("config")).filter(|path| !path.is_empty()).map(PathBuf::from)
    });
    let usual = || {
        absolute("XDG_CONFIG_HOME")
            .or_else(|| Some(absolute("HOME")?.join(".config")))
            .map(|base| base.join("fluvial/config.toml"))
            .filter(|path| path.exists())
    };
    match named.or_else(usual) {
        Some(path) => Settings::read(&path, command, environment("HOME")).map_err(|e| wrong(&e)),
        None => Ok(Settings::default()),
    }
}

fn is_typed(arg: &Arg, typed: &ArgMatches) -> bool {
    typed.try_contains_id(arg.get_id().as_str()).is_ok()
        && typed.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine)
}

/// Whether a flag was given already, or another that rules it out.
fn is_excluded(command: &Command, arg: &Arg, given: &[&Arg]) -> bool {
    let rules_out = |one: &Arg, other: &Arg| {
        command.get_arg_conflicts_with(one).iter().any(|arg| arg.get_id() == other.get_id())
    };
    given.iter().any(|other| {
        other.get_id() == arg.get_id() || rules_out(arg, other) || rules_out(other, arg)
    })
}

/// Behind the word that is the command: the first with which there is one.
fn position(command: &Command, words: &[OsString]) -> usize {
    let has_command = |end: &usize| {
        let read = command.clone().ignore_errors(true).try_get_matches_from(&words[..*end]);
        read.is_ok_and(|read| chosen(command, &read).is_some())
    };
    (1..words.len()).find(has_command).unwrap_or(words.len())
}

fn wrong(message: &str) -> clap::Error {
    clap::Error::raw(ErrorKind::ValueValidation, format!("{message}\n"))
}

#[cfg(test)]
mod tests;

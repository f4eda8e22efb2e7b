//! The file of settings: flags by their long names, in a table per command or above all tables.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Read as _;
use std::path::Path;

use clap::{Arg, Command};
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::flags;
use super::setting::Value;
use crate::text::plain;

/// More than anybody writes by hand.
const SIZE_MAX: u64 = 1 << 20;

/// As alike as a slip of the pen leaves them, by Jaro's measure.
const NEAR: f64 = 0.8;

/// What a file says: by command (`lab.ring` for one below another, `None`: above all tables) and
/// flag.
#[derive(Debug, Default)]
pub(super) struct Settings(BTreeMap<(Option<String>, String), Value>);

impl Settings {
    /// Reads a file, and checks all of it against the flags of `command`.
    ///
    /// # Errors
    /// One line that names the file, the line, the key, and what may stand there.
    pub(super) fn read(
        path: &Path,
        command: &Command,
        home: Option<OsString>,
    ) -> Result<Self, String> {
        let shown = path.display();
        let text =
            text_of(path).map_err(|why| format!("cannot read the settings `{shown}`: {why}"))?;
        let line = |at: usize| text[..at.min(text.len())].matches('\n').count() + 1;
        let table = DeTable::parse(&text).map_err(|error| {
            let at = line(error.span().map_or(0, |span| span.start));
            let why = error.message().lines().collect::<Vec<_>>().join(", ");
            format!("`{shown}` line {at}: {why}")
        })?;
        let home = home.and_then(|home| home.into_string().ok());
        let mut reading = Reading { command, home: home.as_deref(), settings: Self::default() };
        match reading.all(table.get_ref()) {
            Ok(()) => Ok(reading.settings),
            Err((at, why)) => Err(format!("`{shown}` line {}: {why}", line(at))),
        }
    }

    /// What the table of a command says of one of its flags.
    pub(super) fn of_command(&self, command: &str, arg: &Arg) -> Option<Value> {
        let long = arg.get_long()?.to_owned();
        self.0.get(&(Some(command.to_owned()), long)).cloned()
    }

    /// What stands above all tables about a flag.
    pub(super) fn of_all(&self, arg: &Arg) -> Option<Value> {
        self.0.get(&(None, arg.get_long()?.to_owned())).cloned()
    }
}

fn text_of(path: &Path) -> Result<String, String> {
    let plain = |error: std::io::Error| plain(&error.to_string());
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(plain)?;
    file.take(SIZE_MAX + 1).read_to_string(&mut text).map_err(plain)?;
    if text.len() as u64 > SIZE_MAX {
        return Err("it is larger than 1 MiB".to_owned());
    }
    Ok(text)
}

/// Where in the text, and what is wrong there.
type Fault = (usize, String);

struct Reading<'a> {
    command: &'a Command,
    home: Option<&'a str>,
    settings: Settings,
}

impl Reading<'_> {
    fn all(&mut self, table: &DeTable<'_>) -> Result<(), Fault> {
        for (key, value) in table {
            let at = key.span().start;
            let name = key.get_ref();
            match (self.command.find_subcommand(name.as_ref()), value.get_ref()) {
                (Some(command), DeValue::Table(table)) => {
                    self.table(&command.clone(), command.get_name(), table)?;
                }
                (Some(_), _) => {
                    let why =
                        format!("`{name}` is a command; its flags go below a line `[{name}]`");
                    return Err((at, why));
                }
                (None, DeValue::Table(_)) => {
                    let all: Vec<_> =
                        self.command.get_subcommands().map(Command::get_name).collect();
                    let all = all.join(", ");
                    return Err((at, format!("`[{name}]` is none of the commands {all}")));
                }
                (None, _) => self.shared(key, value)?,
            }
        }
        Ok(())
    }

    fn table(&mut self, command: &Command, name: &str, table: &DeTable<'_>) -> Result<(), Fault> {
        for (key, value) in table {
            match (command.find_subcommand(key.get_ref().as_ref()), value.get_ref()) {
                (Some(below), DeValue::Table(table)) => {
                    self.table(below, &format!("{name}.{}", below.get_name()), table)?;
                    continue;
                }
                _ if command.has_subcommands() => {
                    let below = command.get_subcommands().map(Command::get_name);
                    let below: Vec<_> = below.map(|below| format!("[{name}.{below}]")).collect();
                    let why = format!("flags go below one of {}", below.join(", "));
                    return Err((key.span().start, why));
                }
                _ => {}
            }
            let Some(arg) = flags(command).find(|arg| arg.get_long() == Some(key.get_ref())) else {
                return Err(unknown(key, &format!("[{name}]"), flags(command)));
            };
            self.keep(Some(name), key, value, arg)?;
        }
        Ok(())
    }

    /// A flag for every command that has it; it must suit them all.
    fn shared(
        &mut self,
        key: &Spanned<DeString<'_>>,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<(), Fault> {
        let command = self.command;
        let is_table =
            |arg: &&Arg| command.find_subcommand(arg.get_long().unwrap_or_default()).is_some();
        let all = || command.get_subcommands().flat_map(flags).filter(|arg| !is_table(arg));
        let named = all().filter(|arg| arg.get_long() == Some(key.get_ref()));
        let named: Vec<&Arg> = named.collect();
        if named.is_empty() {
            return Err(unknown(key, "above the tables", all()));
        }
        named.into_iter().try_for_each(|arg| self.keep(None, key, value, arg))
    }

    fn keep(
        &mut self,
        command: Option<&str>,
        key: &Spanned<DeString<'_>>,
        value: &Spanned<DeValue<'_>>,
        arg: &Arg,
    ) -> Result<(), Fault> {
        let read = Value::of_toml(arg, value.get_ref(), self.home)
            .map_err(|why| (value.span().start, format!("`{}`: {why}", key.get_ref())))?;
        self.settings.0.insert((command.map(str::to_owned), key.get_ref().to_string()), read);
        Ok(())
    }
}

/// No such flag here; the one that it may be meant for.
fn unknown<'a>(
    key: &Spanned<DeString<'_>>,
    place: &str,
    flags: impl Iterator<Item = &'a Arg>,
) -> Fault {
    let name = key.get_ref();
    let alike = flags.filter_map(Arg::get_long).map(|long| (strsim::jaro(long, name), long));
    let meant = match alike.max_by(|one, other| one.0.total_cmp(&other.0)) {
        Some((NEAR.., long)) => format!("did you mean `{long}`?"),
        _ => "`fluvial COMMAND --help` lists what there is".to_owned(),
    };
    (key.span().start, format!("there is no `{name}` {place}; {meant}"))
}

//! One value of a flag, as it would be typed.

use std::ffi::OsString;

use clap::{Arg, ArgAction, Command, ValueHint};
use toml::de::DeValue;

use crate::text;

/// What a flag is to be: words as they would be typed, known to be readable.
#[derive(Clone, Debug)]
pub(super) struct Value(Vec<String>);

impl Value {
    /// Reads a variable: `true` or `false` for a switch, values with blanks between them for a
    /// flag that repeats.
    pub(super) fn of_text(arg: &Arg, text: &str) -> Result<Self, String> {
        match arg.get_action() {
            ArgAction::SetTrue => match text {
                "true" | "1" => Self::switch(arg, 1),
                "false" | "0" => Self::switch(arg, 0),
                _ => Err(format!("`{text}` is neither true nor false")),
            },
            ArgAction::Count => match text.parse() {
                Ok(times) => Self::switch(arg, times),
                Err(_) => Err(format!("`{text}` is not a number from 0 to 255")),
            },
            ArgAction::Append => Self::list(arg, text.split_whitespace().map(str::to_owned)),
            _ => Self::list(arg, [text.to_owned()]),
        }
    }

    /// Reads a value of the file. A path that begins with `~/` is one below `home`.
    pub(super) fn of_toml(
        arg: &Arg,
        value: &DeValue<'_>,
        home: Option<&str>,
    ) -> Result<Self, String> {
        let wrong_type =
            |needed: &str| Err(format!("{needed} is needed, not this {}", value.type_str()));
        let one = |value: &DeValue<'_>| match value {
            DeValue::String(text) => Some(expanded(arg, text, home)),
            DeValue::Integer(number) => Some(number.to_string()),
            DeValue::Float(number) => Some(number.to_string()),
            _ => None,
        };
        match (arg.get_action(), value) {
            (ArgAction::SetTrue, DeValue::Boolean(on)) => Self::switch(arg, u8::from(*on)),
            (ArgAction::SetTrue, _) => wrong_type("true or false"),
            (ArgAction::Count, DeValue::Integer(_)) => {
                Self::of_text(arg, &one(value).unwrap_or_default())
            }
            (ArgAction::Count, _) => wrong_type("a number"),
            (ArgAction::Append, DeValue::Array(all)) => {
                match all.iter().map(|value| one(value.get_ref())).collect::<Option<Vec<_>>>() {
                    Some(all) => Self::list(arg, all),
                    None => Err("a list of texts is needed, such as [\"a\", \"b\"]".to_owned()),
                }
            }
            (action, value) => match one(value) {
                Some(text) => Self::list(arg, [text]),
                None if matches!(action, ArgAction::Append) => {
                    wrong_type("a text or a list of texts")
                }
                None => wrong_type("a text or a number"),
            },
        }
    }

    /// The words to type.
    pub(super) fn words(self) -> impl Iterator<Item = OsString> {
        self.0.into_iter().map(OsString::from)
    }

    #[allow(clippy::unnecessary_wraps, reason = "one shape for the readers above")]
    fn switch(arg: &Arg, times: u8) -> Result<Self, String> {
        Ok(Self(vec![word(arg); times.into()]))
    }

    fn list(arg: &Arg, values: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let words: Vec<String> =
            values.into_iter().map(|value| format!("{}={value}", word(arg))).collect();
        // The flag alone, by its own rules: what it has to do with others is not to be judged yet.
        let alone = Arg::new(arg.get_id().clone())
            .long(arg.get_long().map(str::to_owned).unwrap_or_default())
            .action(ArgAction::Append)
            .value_parser(arg.get_value_parser().clone())
            .value_names(arg.get_value_names().unwrap_or_default().to_vec());
        match Command::new("").no_binary_name(true).arg(alone).try_get_matches_from(&words) {
            Ok(_) => Ok(Self(words)),
            Err(error) => Err(text::usage(&error)),
        }
    }
}

fn word(arg: &Arg) -> String {
    format!("--{}", arg.get_long().unwrap_or_default())
}

/// What a shell would make of a path.
fn expanded(arg: &Arg, text: &str, home: Option<&str>) -> String {
    let is_path = !matches!(arg.get_value_hint(), ValueHint::Unknown | ValueHint::Other);
    match (text.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) if is_path => format!("{home}/{rest}"),
        _ => text.to_owned(),
    }
}

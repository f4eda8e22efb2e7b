//! `fluvial lab ring`: one query in a ring that is spelled out, many in a random one, or steps in
//! any order.

mod many;
mod page;
mod picture;
mod published;
mod query;
mod rings;
mod steps;

use anyhow::anyhow;
use serde::Serialize;

use ring::{Id, Space};

pub(crate) use self::published::{PublishedResult, PublishedRow};
use crate::args::RingLab;
use crate::output::Output;

/// Identifiers of up to this many bits are numbers in JSON, as every reader of JSON can hold them;
/// longer ones are texts.
const NUMBER_BITS: u8 = 53;

/// One identifier in JSON.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Point {
    Number(u64),
    Text(String),
}

impl Point {
    fn new(space: Space, id: Id) -> Self {
        match id.to_u64() {
            Some(number) if space.bits() <= NUMBER_BITS => Self::Number(number),
            _ => Self::Text(id.to_string()),
        }
    }
}

/// Runs what the flags ask for.
///
/// # Errors
/// When the flags contradict each other, or the page cannot be written.
pub(crate) fn run(args: &RingLab, output: &Output) -> anyhow::Result<()> {
    if let Some(path) = &args.html {
        // Before any work: nobody wants to hear at its end that it was for nothing.
        crate::state::check_writable(path)?;
    }
    if let Some(query) = args.query().map_err(|why| anyhow!(why))? {
        return query::run(args, &query, output);
    }
    if let Some(steps) = args.steps {
        steps::run(args, steps, output);
        return Ok(());
    }
    match args.published {
        Some(table) => published::run(args, table, output),
        None if args.sweep => many::sweep(args, output),
        None => many::run(args, output),
    }
}

/// `1 → 10 → 12`.
fn arrows(path: &[Id]) -> String {
    path.iter().map(ToString::to_string).collect::<Vec<_>>().join(" → ")
}

//! The experiment needs calls that other systems do not have.

use serde::Serialize;

use crate::args::LoadLab;
use crate::output::Output;

/// What there is never.
#[derive(Debug, Serialize)]
pub(crate) enum LoadResult {}

/// # Errors
/// Always.
pub(crate) fn run(_args: &LoadLab, _output: &Output) -> anyhow::Result<()> {
    anyhow::bail!("`lab load` needs Linux")
}

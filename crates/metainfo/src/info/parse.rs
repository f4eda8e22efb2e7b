use crate::{Error, Info};

pub(super) fn info(_raw: &[u8]) -> Result<Info, Error> {
    Err(Error::Missing("info"))
}

use crate::passkeys::is_passkey;

/// Which HTTP resource a query is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpAction {
    /// `/announce`
    Announce,
    /// `/scrape`
    Scrape,
}

/// What the path of a tracker URL asks for, and on whose behalf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route<'a> {
    /// The resource.
    pub action: HttpAction,
    /// The asker's passkey, for a private tracker.
    pub passkey: Option<&'a str>,
}

impl<'a> Route<'a> {
    /// Reads a path: `/announce`, `/PASSKEY/announce` or `/announce/PASSKEY`, and the same with
    /// `scrape`. `None` for every other. A query that follows is ignored.
    ///
    /// The second form is customary, and what scraping by BEP 48 expects; only the third is let
    /// through by clients that demand of local addresses a path that begins with `/announce`.
    pub fn parse(path: &'a str) -> Option<Self> {
        let path = path.split(['?', '#']).next()?.strip_prefix('/')?;
        let action = |name| match name {
            "announce" => Some(HttpAction::Announce),
            "scrape" => Some(HttpAction::Scrape),
            _ => None,
        };
        let Some((first, second)) = path.split_once('/') else {
            return Some(Self { action: action(path)?, passkey: None });
        };
        let (action, passkey) = match (action(first), action(second)) {
            (Some(action), _) => (action, second),
            (None, action) => (action?, first),
        };
        is_passkey(passkey).then_some(Self { action, passkey: Some(passkey) })
    }
}

impl From<HttpAction> for Route<'_> {
    fn from(action: HttpAction) -> Self {
        Self { action, passkey: None }
    }
}

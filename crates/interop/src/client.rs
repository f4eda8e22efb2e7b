//! What all clients have in common.

use std::path::PathBuf;

use anyhow::Result;

use crate::content::Content;
use crate::lab::Node;
use crate::wait::wait_until;

/// From what a client starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The `.torrent` file.
    Torrent,
    /// The magnet link, with its tracker and nothing else.
    Magnet,
}

/// How a client may be reached, and reaches others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// As it does by itself; see each client.
    #[default]
    Usual,
    /// Over uTP alone.
    Utp,
    /// Encrypted alone.
    Encrypted,
}

/// A hybrid torrent made by libtorrent 2.1, so that a client which cannot read it cannot read any.
pub(crate) const FOREIGN_HYBRID: &[u8] = include_bytes!("client/hybrid.torrent");

/// A program that seeds and gets, on a node of its own.
pub trait Client {
    /// The program, for messages and tables.
    fn name(&self) -> &'static str;

    /// The machine that it runs on.
    fn node(&self) -> &Node;

    /// True when it understands hybrid torrents, be it as v1; asked of the program itself, with a
    /// torrent that is not ours.
    fn reads_hybrids(&mut self) -> Result<bool> {
        Ok(true)
    }

    /// True when files of no bytes are among what it writes.
    fn makes_empty_files(&self) -> bool {
        true
    }

    /// True when it wants to find the padding of a hybrid as files (BEP 47).
    fn seeds_padding(&self) -> bool {
        true
    }

    /// Seeds the content from its folder.
    fn seed(&mut self, content: &Content) -> Result<()> {
        content.lay_in(&self.node().content(), self.seeds_padding() && content.is_hybrid())?;
        self.get(content, Source::Torrent)?;
        let what = format!("{} to have checked its files", self.name());
        wait_until(&what, || self.is_complete(content))
    }

    /// Gets the content into its folder.
    fn get(&mut self, content: &Content, source: Source) -> Result<()>;

    /// True when it says that it has everything.
    fn is_complete(&mut self, content: &Content) -> Result<bool>;

    /// Where the content goes.
    fn path_of(&self, content: &Content) -> PathBuf {
        self.node().content().join(content.name())
    }

    /// Waits until it has everything, and what it wrote is what was published.
    ///
    /// # Errors
    /// When it takes too long, or the client complains.
    fn wait_complete(&mut self, content: &Content) -> Result<()> {
        let what = format!("{} to have {}", self.name(), content.name());
        wait_until(&what, || self.is_complete(content))?;
        // Some say "complete" while their last writes are under way.
        let path = self.path_of(content);
        wait_until(&format!("{what}, as published"), || {
            Ok(content.difference(&path, self.makes_empty_files()).is_none())
        })
    }
}

use std::ops::Deref;
use std::sync::Arc;

use metainfo::{Info, Layout};

/// Whatever carries a torrent's [`Layout`]: its metadata, or the bare layout in simulations.
#[derive(Clone, Debug)]
pub enum Content {
    /// The metadata.
    Info(Arc<Info>),
    /// The layout alone.
    Layout(Arc<Layout>),
}

impl From<Arc<Info>> for Content {
    fn from(info: Arc<Info>) -> Self {
        Self::Info(info)
    }
}

impl From<Arc<Layout>> for Content {
    fn from(layout: Arc<Layout>) -> Self {
        Self::Layout(layout)
    }
}

impl Deref for Content {
    type Target = Layout;

    fn deref(&self) -> &Layout {
        match self {
            Self::Info(info) => info.layout(),
            Self::Layout(layout) => layout,
        }
    }
}

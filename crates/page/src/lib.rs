//! What people without a client see of a share: one page, and its files over HTTP.
//!
//! Pure: paths, headers and numbers in, decisions and HTML out. Sockets and files are the
//! driver's (`served`).
//!
//! - `site`: what is shared, and which path stands for what.
//! - `select`: which bytes of a file a request is for (RFC 9110 §13, §14).
//! - `names`: names of strangers in URLs, headers and text.
//! - `view`: the HTML.

mod listing;
mod names;
mod qr;
mod select;
mod site;
mod view;

// The public interface is:
pub use listing::FILES_ON_PAGE;
pub use names::attachment;
pub use select::{Conditions, Selection, Version, select};
pub use site::{FILES, Route, Site, Swarm};
pub use view::{Problem, content_policy, problem};

/// What files and torrents are served under: nothing in them is ever run on the page's origin.
pub const FILE_POLICY: &str = "default-src 'none'; sandbox";

//! Lists of IP addresses that are not dealt with, as people keep them.
//!
//! [`FilterReader`] reads them, in any of the forms that are about; [`IpFilter`] is what comes of
//! it, to be asked for each address.

mod filter;
mod line;
mod reader;

// The public interface is:
pub use filter::IpFilter;
pub use line::Fault;
pub use reader::{BadLine, FilterReader, LINE_MAX, RANGES_MAX};

//! One torrent's mind: availability, picker, verification, neighbours.

mod picker;

// The public interface is:
pub use picker::{Asker, Contributors, Picker, Priority, Received, Shape};

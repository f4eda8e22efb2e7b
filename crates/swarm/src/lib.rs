//! One torrent's mind: availability, picker, verification, neighbours.

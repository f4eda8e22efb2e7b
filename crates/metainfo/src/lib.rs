//! Torrent files, magnet links, piece layout and creation plans (BEP 3, 9, 12, 19, 27, 47, 52).

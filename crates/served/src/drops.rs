//! Datagrams that the system threw away before anyone read them.

use std::net::UdpSocket;

/// The sockets to count for, by the number that Linux lists them under.
#[derive(Debug, Default)]
pub(crate) struct Drops {
    inodes: Vec<u64>,
}

impl Drops {
    /// Counts for these sockets. Where the system has no such counter, it stays zero.
    #[cfg(target_os = "linux")]
    pub(crate) fn of<'a>(sockets: impl Iterator<Item = &'a UdpSocket>) -> Self {
        use std::os::fd::AsFd;

        let inode = |socket: &UdpSocket| Some(rustix::fs::fstat(socket.as_fd()).ok()?.st_ino);
        Self { inodes: sockets.filter_map(inode).collect() }
    }

    /// Counts for these sockets. Where the system has no such counter, it stays zero.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn of<'a>(_sockets: impl Iterator<Item = &'a UdpSocket>) -> Self {
        Self::default()
    }

    /// Datagrams dropped so far because the sockets' buffers were full.
    pub(crate) fn total(&self) -> u64 {
        if self.inodes.is_empty() {
            return 0;
        }
        let tables = ["/proc/self/net/udp", "/proc/self/net/udp6"];
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        tables.into_iter().map(|path| self.total_in(&read(path))).sum()
    }

    /// The sum of the last column ("drops") over the rows whose tenth ("inode") is one of ours.
    fn total_in(&self, table: &str) -> u64 {
        let dropped = |row: &str| {
            let inode = row.split_ascii_whitespace().nth(9)?.parse().ok()?;
            let drops = row.split_ascii_whitespace().next_back()?.parse::<u64>().ok()?;
            self.inodes.contains(&inode).then_some(drops)
        };
        table.lines().filter_map(dropped).sum()
    }
}

#[cfg(test)]
mod tests;

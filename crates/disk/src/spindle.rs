//! Disks whose heads move.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Where Linux describes its block devices, by number.
const DEVICES: &str = "/sys/dev/block";

/// A disk that turns: it reads and writes at one place quickly, and at several by turns slowly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spindle(pub(crate) u64);

impl Spindle {
    /// The one that `path` is on, or will be; `None` for everything without moving parts, and where
    /// the system does not say.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let path = std::path::absolute(path).ok()?;
        let device = path.ancestors().find_map(|path| path.metadata().ok())?.dev();
        let number = format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device));
        turns(&Path::new(DEVICES).join(number)).then_some(Self(device))
    }
}

/// Whether the disk turns that a folder of `/sys` describes, or of which it describes a part. What
/// virtual machines offer as disks of their own kind says so, too, whatever is behind it: believed
/// is what answers like a SCSI disk, as those on SATA and USB do.
fn turns(device: &Path) -> bool {
    // A partition's folder lies in that of its disk, which has the queue.
    let Some(disk) =
        [device.to_owned(), device.join("..")].into_iter().find(|disk| disk.join("queue").is_dir())
    else {
        return false;
    };
    let says = fs::read_to_string(disk.join("queue/rotational"));
    if !says.is_ok_and(|text| text.trim() == "1") {
        return false;
    }
    let bus = fs::read_link(disk.join("device/subsystem")).ok();
    // Of several disks, or of a part of one: volumes, arrays, encryption.
    let below = || fs::read_dir(disk.join("slaves")).into_iter().flatten().flatten();
    bus.is_some_and(|bus| bus.ends_with("scsi")) || below().any(|part| turns(&part.path()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn disks_their_partitions_and_volumes_are_told_from_others() {
        let dir = tempfile::tempdir().unwrap();
        let sys = dir.path();
        for (disk, bus, says) in
            [("sda", "scsi", "1\n"), ("sdb", "scsi", "0\n"), ("vda", "virtio", "1\n")]
        {
            let disk = sys.join(disk);
            fs::create_dir_all(disk.join("queue")).unwrap();
            fs::create_dir_all(disk.join("part")).unwrap();
            fs::create_dir_all(disk.join("device")).unwrap();
            fs::write(disk.join("queue/rotational"), says).unwrap();
            symlink(Path::new("../../../bus").join(bus), disk.join("device/subsystem")).unwrap();
        }
        for (volume, on) in [("dm-0", "sda"), ("dm-1", "vda")] {
            let volume = sys.join(volume);
            fs::create_dir_all(volume.join("queue")).unwrap();
            fs::create_dir_all(volume.join("slaves")).unwrap();
            fs::write(volume.join("queue/rotational"), "1\n").unwrap();
            symlink(sys.join(on).join("part"), volume.join("slaves/part")).unwrap();
        }
        for turning in ["sda", "sda/part", "dm-0"] {
            assert!(turns(&sys.join(turning)), "{turning}");
        }
        for still in ["sdb", "sdb/part", "vda", "vda/part", "dm-1", "nothing"] {
            assert!(!turns(&sys.join(still)), "{still}");
        }
    }
}

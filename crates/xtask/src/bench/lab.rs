//! Where a benchmark happens: the programs, a folder on tmpfs, something to move.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use stdx::Rng;

use super::{Args, Job};

/// Room that a transfer needs beside its content, which is there twice.
const ROOM_BESIDE: u64 = 256 << 20;
/// What a transfer fills beside the copy: buffers of both sides, the records.
const TOUCHED_BESIDE: u64 = 512 << 20;

/// A folder with content in it, and the programs to measure. The folder goes when this does.
#[derive(Debug)]
pub(super) struct Lab {
    pub(super) fluvial: PathBuf,
    pub(super) python: PathBuf,
    pub(super) rival: PathBuf,
    /// Hashes what is in memory.
    pub(super) limit: PathBuf,
    pub(super) size: u64,
    pub(super) piece_length: u64,
    /// As both programs spell it.
    pub(super) format: &'static str,
    cold: bool,
    folder: PathBuf,
    /// Held while the folder is in use.
    _lock: File,
}

impl Lab {
    /// Builds, installs and generates what the benchmark needs.
    pub(super) fn set_up(root: &Path, args: &Args) -> Result<Self> {
        let target = crate::target(root);
        let fluvial = fluvial(root, args)?;
        let limit = example(root, "hash", "limit")?;
        let python = python(root, &target)?;
        let folder = args.dir.clone().unwrap_or_else(|| roomy(&target, args));
        let folder = folder.join("fluvial-bench");
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let lock = File::create(folder.with_extension("lock"))?;
        ensure!(lock.try_lock().is_ok(), "another benchmark is running in {}", folder.display());
        let lab = Self {
            fluvial,
            python,
            rival: root.join("crates/xtask/src/bench/rival.py"),
            limit,
            cold: args.cold,
            size: args.size,
            piece_length: args.piece_length,
            format: args.format.name(),
            folder,
            _lock: lock,
        };
        println!("== content: {} bytes in {}", lab.size, lab.folder.display());
        ensure!(args.files == 1 || !args.cold, "--cold takes one file alone");
        lab.fresh("source")?;
        write_content(&lab.content(), lab.size, args.files.into())?;
        Ok(lab)
    }

    /// Has nothing of the content in memory, if that is wanted.
    pub(super) fn cool_down(&self) -> Result<()> {
        if !self.cold {
            return Ok(());
        }
        // Written back first: what is not on the disk yet cannot be forgotten.
        let mut command = Command::new("dd");
        command.arg(format!("of={}", self.content().display())).arg("oflag=nocache");
        command.args(["conv=notrunc,fdatasync", "count=0", "status=none"]);
        let status = command.status().context("cannot start dd")?;
        ensure!(status.success(), "dd cannot drop the content from memory ({status})");
        Ok(())
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What is moved.
    pub(super) fn content(&self) -> PathBuf {
        self.folder.join("source/content")
    }

    /// Describes the content.
    pub(super) fn torrent(&self) -> PathBuf {
        self.folder.join("content.torrent")
    }

    /// A folder by this name with nothing in it.
    pub(super) fn fresh(&self, name: &str) -> Result<PathBuf> {
        let path = self.folder.join(name);
        if path.exists() {
            fs::remove_dir_all(&path)?;
        }
        fs::create_dir_all(&path)?;
        Ok(path)
    }

    /// Touches as much memory as a transfer of so many copies will fill. A virtual machine gives
    /// freed pages back to its host, and to touch them again then costs more processor time than a
    /// whole client.
    pub(super) fn touch_memory(&self, copies: u64) {
        let bytes = copies * self.size + TOUCHED_BESIDE;
        if memory_available().is_some_and(|available| bytes < available) {
            drop(black_box(vec![1_u8; bytes as usize]));
        } else {
            println!("   too little memory to touch {bytes} bytes beforehand");
        }
    }

    /// Compares content with a torrent.
    pub(super) fn verify(&self, torrent: &Path, content: &Path) -> Result<()> {
        let mut command = Command::new(&self.fluvial);
        command.arg("verify").arg(torrent).arg(content);
        let output = command.output().context("cannot start fluvial")?;
        let said = String::from_utf8_lossy(&output.stderr);
        let (torrent, content) = (torrent.display(), content.display());
        ensure!(output.status.success(), "{content} is not what {torrent} describes: {said}");
        Ok(())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // On tmpfs it is memory.
        let _best_effort = fs::remove_dir_all(&self.folder);
        let _best_effort = fs::remove_file(self.folder.with_extension("lock"));
    }
}

/// The binary to measure.
pub(super) fn fluvial(root: &Path, args: &Args) -> Result<PathBuf> {
    if let Some(binary) = &args.binary {
        return Ok(binary.clone());
    }
    build(root, &["--package", "fluvial"])?;
    Ok(crate::target(root).join("release/fluvial"))
}

/// Builds an example of a crate.
pub(super) fn example(root: &Path, package: &str, name: &str) -> Result<PathBuf> {
    build(root, &["--package", package, "--example", name])?;
    Ok(crate::target(root).join("release/examples").join(name))
}

/// Whether there is such a program.
pub(super) fn runs(program: impl AsRef<OsStr>) -> bool {
    let mut command = Command::new(program);
    command.arg("-h").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok()
}

/// Builds a part of the project.
fn build(root: &Path, part: &[&str]) -> Result<()> {
    println!("== build: cargo build --release {}", part.join(" "));
    let mut command = Command::new(env!("CARGO"));
    command.args(["build", "--locked", "--release"]).args(part).current_dir(root);
    let status = command.status().context("cannot start cargo")?;
    ensure!(status.success(), "the build failed ({status})");
    Ok(())
}

/// A Python that has libtorrent: the one that the tests use, made in the same way when missing, as
/// is what else we are compared with.
pub(super) fn python(root: &Path, target: &Path) -> Result<PathBuf> {
    let named = std::env::var_os("FLUVIAL_TEST_PYTHON").map(PathBuf::from);
    let python = named.unwrap_or_else(|| target.join("interop/bin/python"));
    let has_libtorrent = || {
        let mut command = Command::new(&python);
        command.args(["-c", "import libtorrent"]).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let has_mktorrent = Command::new("mktorrent").arg("-h").output().is_ok();
    if !has_libtorrent() || !has_mktorrent {
        let mut command = Command::new(root.join("test"));
        let status = command.arg("rivals").status()?;
        ensure!(status.success(), "`./test rivals` failed ({status})");
        ensure!(has_libtorrent(), "{} has no libtorrent", python.display());
    }
    Ok(python)
}

/// Memory when there is enough of it, the build folder when not.
fn roomy(target: &Path, args: &Args) -> PathBuf {
    let copies = if args.jobs.contains(&Job::FanOut) { u64::from(args.leechers) } else { 1 };
    let needed = (1 + copies) * args.size + ROOM_BESIDE;
    let memory = PathBuf::from("/dev/shm");
    let is_room = room(&memory).is_ok_and(|room| room >= needed)
        && memory_available().is_some_and(|available| available >= needed + copies * args.size);
    if is_room {
        return memory;
    }
    println!("== no room in /dev/shm for {needed} bytes; on the disk instead");
    target.to_owned()
}

/// Bytes free in a folder.
fn room(folder: &Path) -> Result<u64> {
    let mut command = Command::new("df");
    command.args(["--output=avail", "-B1"]).arg(folder);
    let output = command.output().context("cannot start df")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let Some(bytes) = text.split_whitespace().last() else {
        bail!("df says nothing of {}", folder.display());
    };
    Ok(bytes.parse()?)
}

/// Bytes that processes may still take.
fn memory_available() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemAvailable"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

/// Writes a file, or a folder of so many, of `size` bytes in all.
fn write_content(path: &Path, size: u64, files: u64) -> Result<()> {
    if files == 1 {
        return write_noise(path, size, size);
    }
    ensure!(files <= size, "{files} files cannot share {size} bytes");
    for number in 0..files {
        // Folders of a thousand, as those have who keep so many.
        let name = format!("{:03}/{number:06}.bin", number / 1_000);
        let length = size / files + u64::from(number < size % files);
        write_noise(&path.join(name), length, number)?;
    }
    Ok(())
}

/// Writes `size` bytes that are the same every time and do not compress.
fn write_noise(path: &Path, size: u64, seed: u64) -> Result<()> {
    const STRETCH: u64 = 1 << 20;
    fs::create_dir_all(path.parent().context("inside the folder")?)?;
    let mut rng = Rng::new(seed);
    let mut file = BufWriter::new(File::create(path)?);
    let mut bytes = vec![0; STRETCH.min(size) as usize];
    for start in (0..size).step_by(STRETCH as usize) {
        rng.fill(&mut bytes);
        let length = STRETCH.min(size - start) as usize;
        file.write_all(&bytes[..length])
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(file.flush()?)
}

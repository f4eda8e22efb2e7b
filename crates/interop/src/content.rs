//! Something to move, and its torrent.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use hash::Sha1Digest;
use metainfo::{Metainfo, Version};
use stdx::Rng;

use crate::lab::Lab;
use crate::programs;

/// Where clients without BEP 47 keep the padding of a hybrid torrent.
const PAD_FOLDER: &str = ".pad";

/// The format of a torrent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// BitTorrent v1 (BEP 3).
    V1,
    /// BitTorrent v2 (BEP 52).
    V2,
    /// Both at once.
    Hybrid,
}

impl Format {
    /// As `--format` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
            Self::Hybrid => "hybrid",
        }
    }
}

/// What is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One file.
    File,
    /// A folder with folders in it, empty files, and names in many scripts.
    Tree,
}

/// Published content: the original, and the torrent that describes it.
#[derive(Debug)]
pub struct Content {
    name: String,
    original: PathBuf,
    torrent: PathBuf,
    described: Metainfo,
}

impl Content {
    /// Generates about `size` bytes and has `fluvial create` make the torrent; without a tracker
    /// when its URL is empty.
    ///
    /// # Errors
    /// When that fails.
    pub fn publish(
        lab: &Lab,
        (shape, format): (Shape, Format),
        size: u64,
        tracker: &str,
    ) -> Result<Self> {
        let name = match shape {
            Shape::File => format!("{} file.iso", format.name()),
            Shape::Tree => format!("{} Bäume 木", format.name()),
        };
        Self::publish_as(lab, &name, (shape, format), size, tracker)
    }

    /// The same, with a name of the caller's, by which the bytes vary.
    ///
    /// # Errors
    /// When that fails.
    pub fn publish_as(
        lab: &Lab,
        name: &str,
        (shape, format): (Shape, Format),
        size: u64,
        tracker: &str,
    ) -> Result<Self> {
        let original = lab.path("published").join(name);
        let torrent = lab.path("published").join(format!("{name}.torrent"));
        let mut rng = Rng::new(name.bytes().map(u64::from).sum::<u64>() + size);
        match shape {
            Shape::File => write_noise(&original, size, &mut rng)?,
            Shape::Tree => write_tree(&original, size, &mut rng)?,
        }
        let mut flags = vec!["--format", format.name()];
        if !tracker.is_empty() {
            flags.extend(["--announce", tracker]);
        }
        let content = Self::create(original, torrent, &flags)?;
        let seeds = &content.described.web_seeds;
        ensure!(seeds.is_empty(), "bytes must come from peers, not web seeds");
        Ok(content)
    }

    /// The same under a torrent of its own, which names a web seed and no tracker.
    ///
    /// # Errors
    /// When `fluvial create` fails.
    pub fn at_web_seed(&self, format: Format, url: &str) -> Result<Self> {
        let torrent = self.torrent.with_extension("web.torrent");
        let flags = ["--format", format.name(), "--web-seed", url];
        Self::create(self.original.clone(), torrent, &flags)
    }

    /// The same under a torrent of its own, which names no tracker.
    ///
    /// # Errors
    /// When `fluvial create` fails.
    pub fn without_tracker(&self, format: Format) -> Result<Self> {
        let torrent = self.torrent.with_extension("bare.torrent");
        Self::create(self.original.clone(), torrent, &["--format", format.name()])
    }

    /// The same under a private torrent of its own (BEP 27).
    ///
    /// # Errors
    /// When `fluvial create` fails.
    pub fn made_private(&self, format: Format, tracker: &str) -> Result<Self> {
        let torrent = self.torrent.with_extension("private.torrent");
        let flags = ["--format", format.name(), "--announce", tracker, "--private"];
        Self::create(self.original.clone(), torrent, &flags)
    }

    fn create(original: PathBuf, torrent: PathBuf, flags: &[&str]) -> Result<Self> {
        let mut command = Command::new(programs::fluvial()?);
        command.arg("create").arg(&original).arg("-o").arg(&torrent).args(flags);
        let output = command.output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "fluvial create: {said}");
        let described = Metainfo::parse(&fs::read(&torrent)?)?;
        let name = described.info.name().to_owned();
        Ok(Self { name, original, torrent, described })
    }

    /// The name of the file or folder.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Bytes in it.
    pub fn length(&self) -> u64 {
        self.described.info.layout().content_length()
    }

    /// What was published, where it stands.
    pub fn original(&self) -> &Path {
        &self.original
    }

    /// The `.torrent` file.
    pub fn torrent(&self) -> &Path {
        &self.torrent
    }

    /// True for torrents that name two versions.
    pub fn is_hybrid(&self) -> bool {
        self.described.info.version() == Version::Hybrid
    }

    /// Whether peers are its tracker's affair alone (BEP 27).
    pub fn is_private(&self) -> bool {
        self.described.info.is_private()
    }

    /// The twenty bytes that trackers know it by.
    pub fn info_hash(&self) -> Sha1Digest {
        self.described.hashes.handshake_hashes().next().expect("a torrent has a hash")
    }

    /// A link with the hashes and the tracker, and neither names nor peers.
    pub fn magnet(&self) -> String {
        let hashes = &self.described.hashes;
        let v1 = hashes.v1.map(|hash| format!("xt=urn:btih:{hash}"));
        let v2 = hashes.v2.map(|hash| format!("xt=urn:btmh:1220{hash}"));
        let trackers = self.described.trackers.iter().flatten();
        let trackers = trackers.map(|tracker| format!("tr={}", escape(tracker)));
        let parts: Vec<String> = v1.into_iter().chain(v2).chain(trackers).collect();
        format!("magnet:?{}", parts.join("&"))
    }

    /// Copies it into a folder; with `pads`, lays the files beside it that a client without BEP 47
    /// believes in.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn lay_in(&self, folder: &Path, pads: bool) -> Result<()> {
        let to = folder.join(&self.name);
        copy(&self.original, &to)?;
        let layout = self.described.info.layout();
        let files = layout.files();
        for (file, next) in files.iter().zip(files.iter().skip(1)).filter(|_| pads) {
            let gap = next.offset - (file.offset + file.length);
            if gap > 0 {
                fs::create_dir_all(to.join(PAD_FOLDER))?;
                fs::write(to.join(PAD_FOLDER).join(gap.to_string()), vec![0; gap as usize])?;
            }
        }
        Ok(())
    }

    /// The first path at or below `path` that is not as published; padding does not count, nor
    /// missing empty files unless `with_empty`.
    pub fn difference(&self, path: &Path, with_empty: bool) -> Option<PathBuf> {
        difference(&self.original, path, with_empty)
    }
}

fn difference(left: &Path, right: &Path, with_empty: bool) -> Option<PathBuf> {
    if left.is_file() {
        let bytes = fs::read(left).unwrap_or_default();
        let is_same = fs::read(right).map_or(bytes.is_empty() && !with_empty, |it| it == bytes);
        return (!is_same).then(|| right.to_owned());
    }
    let names = names_in(left);
    let extra = names_in(right).into_iter().find(|name| !names.contains(name));
    let within = |name| difference(&left.join(name), &right.join(name), with_empty);
    extra.map(|name| right.join(name)).or_else(|| names.iter().find_map(within))
}

fn names_in(folder: &Path) -> Vec<std::ffi::OsString> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name());
    let mut names: Vec<_> = names.filter(|name| name != PAD_FOLDER).collect();
    names.sort();
    names
}

/// All but letters and digits as %XX.
fn escape(text: &str) -> String {
    let escaped = text.bytes().map(|byte| match byte {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    });
    escaped.collect()
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if from.is_file() {
        fs::copy(from, to).with_context(|| format!("cannot write {}", to.display()))?;
        return Ok(());
    }
    fs::create_dir_all(to)?;
    for name in names_in(from) {
        copy(&from.join(&name), &to.join(&name))?;
    }
    Ok(())
}

fn write_noise(path: &Path, length: u64, rng: &mut Rng) -> Result<()> {
    let mut bytes = vec![0; length as usize];
    rng.fill(&mut bytes);
    fs::create_dir_all(path.parent().context("inside the lab")?)?;
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// Half of it in one file, the rest in small ones.
fn write_tree(root: &Path, size: u64, rng: &mut Rng) -> Result<()> {
    const FILES: u64 = 40;
    let names = ["plain", "mit Umlaut ä", "日本語", "emoji 🦀", "two  spaces", "Ελληνικά"];
    write_noise(&root.join("large.bin"), size / 2, rng)?;
    write_noise(&root.join("one piece or more.bin"), 1 << 20, rng)?;
    for number in 0..FILES as usize {
        let mut path = root.to_owned();
        for depth in 0..number % 5 {
            path.push(format!("{} {depth}", names[(number + depth) % names.len()]));
        }
        path.push(format!("{}-{number}", names[number % names.len()]));
        let length = if number % 8 == 0 { 0 } else { rng.below(size / FILES) };
        write_noise(&path, length, rng)?;
    }
    Ok(())
}

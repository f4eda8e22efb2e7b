//! What `show` says of a torrent or a magnet link.

use serde::Serialize;

use metainfo::{Magnet, Metainfo};

use crate::output::Output;
use crate::units::{count, show_number, show_round, show_size};

/// How many files are listed for a person before the rest is only counted.
const FILES_SHOWN: usize = 50;

/// A torrent or magnet link in the names that `--json` uses; sizes in bytes.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Description {
    kind: &'static str,
    name: Option<String>,
    format: Option<String>,
    info_hash: Option<String>,
    info_hash_v2: Option<String>,
    total: Option<u64>,
    pieces: Option<u32>,
    piece_length: Option<u32>,
    private: bool,
    trackers: Vec<Vec<String>>,
    web_seeds: Vec<String>,
    http_seeds: Vec<String>,
    peers: Vec<String>,
    comment: Option<String>,
    created_by: Option<String>,
    creation_date: Option<i64>,
    magnet: String,
    files: Vec<File>,
    notices: Vec<String>,
    /// Files that a magnet selects (BEP 53), as it says them.
    #[serde(skip)]
    selection: Option<String>,
}

#[derive(Debug, Serialize)]
struct File {
    index: u32,
    path: String,
    length: u64,
    executable: bool,
    hidden: bool,
    symlink: Option<String>,
    root: Option<String>,
}

impl Description {
    /// Describes a `.torrent`.
    pub(crate) fn of_torrent(metainfo: &Metainfo) -> Self {
        let info = &metainfo.info;
        let layout = info.layout();
        let files = layout.files().iter().zip(0..).map(|(file, index)| File {
            index,
            path: file.path.display().to_string(),
            length: file.length,
            executable: file.executable,
            hidden: file.hidden,
            symlink: file.symlink.as_ref().map(|target| target.display().to_string()),
            root: file.root.map(|root| root.to_string()),
        });
        let notices = info.notices().iter().chain(&metainfo.notices).map(ToString::to_string);
        Self {
            kind: "torrent",
            name: Some(info.name().to_owned()),
            format: Some(info.version().to_string()),
            info_hash: metainfo.hashes.v1.map(|hash| hash.to_string()),
            info_hash_v2: metainfo.hashes.v2.map(|hash| hash.to_string()),
            total: Some(layout.content_length()),
            pieces: Some(layout.pieces()),
            piece_length: Some(info.piece_length()),
            private: info.is_private(),
            trackers: metainfo.trackers.clone(),
            web_seeds: metainfo.web_seeds.clone(),
            http_seeds: metainfo.http_seeds.clone(),
            peers: Vec::new(),
            comment: metainfo.comment.clone(),
            created_by: metainfo.created_by.clone(),
            creation_date: metainfo.creation_date,
            magnet: magnet_of(metainfo).to_string(),
            files: files.collect(),
            notices: notices.collect(),
            selection: None,
        }
    }

    /// Describes a magnet link.
    pub(crate) fn of_magnet(magnet: &Magnet) -> Self {
        Self {
            kind: "magnet",
            name: magnet.name.clone(),
            info_hash: magnet.hashes.v1.map(|hash| hash.to_string()),
            info_hash_v2: magnet.hashes.v2.map(|hash| hash.to_string()),
            trackers: magnet.trackers.iter().map(|url| vec![url.clone()]).collect(),
            web_seeds: magnet.web_seeds.clone(),
            peers: magnet.peers.clone(),
            magnet: magnet.to_string(),
            notices: magnet.notices.iter().map(ToString::to_string).collect(),
            selection: magnet.select_only.as_ref().map(|ranges| {
                let ranges = ranges.iter().map(|it| match (it.start(), it.end()) {
                    (first, last) if first == last => first.to_string(),
                    (first, last) => format!("{first}-{last}"),
                });
                ranges.collect::<Vec<_>>().join(", ")
            }),
            ..Self::default()
        }
    }

    /// Prints a table for a person.
    pub(crate) fn print(&self, output: &Output) {
        let row = |label: &str, value: Option<String>| {
            if let Some(value) = value {
                output.row(label, value);
            }
        };
        row("Name", self.name.clone());
        row("Format", self.format.clone());
        row("Info-hash v1", self.info_hash.clone());
        row("Info-hash v2", self.info_hash_v2.clone());
        row("Size", self.size());
        row(
            "Pieces",
            self.pieces.zip(self.piece_length).map(|(pieces, length)| {
                format!("{} of {}", show_number(pieces.into()), show_round(length.into()))
            }),
        );
        row("Private", self.private.then(|| "yes".to_owned()));
        row("Comment", self.comment.clone());
        row("Made by", self.created_by.clone());
        for (tier, urls) in self.trackers.iter().enumerate() {
            row(&format!("Tracker {}", tier + 1), Some(urls.join(" ")));
        }
        for url in &self.web_seeds {
            row("Web seed", Some(url.clone()));
        }
        for url in &self.http_seeds {
            row("HTTP seed", Some(url.clone()));
        }
        for peer in &self.peers {
            row("Peer", Some(peer.clone()));
        }
        row("Only files", self.selection.clone());
        if self.kind == "torrent" {
            row("Magnet", Some(self.magnet.clone()));
        }
        if !self.files.is_empty() {
            output.line("");
        }
        self.print_files(output, FILES_SHOWN);
        self.print_notices(output);
    }

    /// Prints what was changed or left out.
    pub(crate) fn print_notices(&self, output: &Output) {
        for notice in &self.notices {
            output.notice(notice);
        }
    }

    /// `2.86 MiB (3,000,000 bytes) in 12 files`.
    fn size(&self) -> Option<String> {
        let total = self.total?;
        let bytes = match total {
            ..1024 => String::new(),
            _ => format!(" ({} bytes)", show_number(total)),
        };
        let files = match self.files.len() {
            ..2 => String::new(),
            files => format!(" in {}", count(files as u64, "file")),
        };
        Some(format!("{}{bytes}{files}", show_size(total)))
    }

    /// Prints the files, at most `most` of them.
    pub(crate) fn print_files(&self, output: &Output, most: usize) {
        if self.files.is_empty() {
            return;
        }
        output.row(&format!("{:>5}  {:>10}  File", "Index", "Size"), "");
        for file in self.files.iter().take(most) {
            let link = file.symlink.as_ref().map(|target| format!(" -> {target}"));
            output.line(format!(
                "{:>5}  {:>10}  {}{}",
                file.index,
                show_size(file.length),
                file.path,
                link.unwrap_or_default()
            ));
        }
        if self.files.len() > most {
            let more = count((self.files.len() - most) as u64, "more file");
            output.line(format!("… and {more} (`get SOURCE --list` lists all)"));
        }
    }
}

/// The magnet link of a torrent: hashes, name, trackers and web seeds.
pub(crate) fn magnet_of(metainfo: &Metainfo) -> Magnet {
    Magnet {
        hashes: metainfo.hashes,
        name: Some(metainfo.info.name().to_owned()),
        trackers: metainfo.trackers.concat(),
        web_seeds: metainfo.web_seeds.clone(),
        ..Magnet::default()
    }
}

//! What a `get` knows before any peer is asked.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};

use disk::Resume;
use metainfo::{InfoHashes, Magnet, Metainfo};

use crate::args::Get;
use crate::output::Output;
use crate::source::Source;
use crate::{record, selection, state};

/// What is to be fetched, as far as it is known before any peer is asked.
pub(super) struct Plan {
    pub(super) hashes: InfoHashes,
    pub(super) metainfo: Option<Box<Metainfo>>,
    pub(super) magnet: Option<Box<Magnet>>,
    pub(super) trackers: Vec<Vec<String>>,
    /// Mirrors that the torrent or magnet names (BEP 19, BEP 17).
    pub(super) web_seeds: Vec<String>,
    pub(super) http_seeds: Vec<String>,
    pub(super) resume: Option<Arc<Resume>>,
    pub(super) folder: PathBuf,
}

impl Plan {
    pub(super) fn read(args: &Get, output: &Output, source: Source) -> anyhow::Result<Self> {
        let (hashes, mut metainfo, magnet) = match source {
            Source::Torrent(metainfo) => (metainfo.hashes, Some(metainfo), None),
            Source::Magnet(magnet) => (magnet.hashes, None, Some(magnet)),
        };
        let mut plan = Self {
            hashes,
            trackers: Vec::new(),
            web_seeds: Vec::new(),
            http_seeds: Vec::new(),
            resume: None,
            folder: args.output.clone(),
            metainfo: None,
            magnet,
        };
        if let Some(metainfo) = &metainfo {
            // What cannot be wanted is told before anything is made.
            selection::wanted(&metainfo.info, &args.files, None)?;
        }
        if !args.list {
            let of_torrent = metainfo.iter().flat_map(|it| &it.notices);
            let of_magnet = plan.magnet.iter().flat_map(|it| &it.notices);
            for notice in of_torrent.chain(of_magnet) {
                output.notice(notice.to_string());
            }
            plan.folder = make_folder(&args.output)?;
            let resume = plan.open_resume(args, output)?;
            if metainfo.is_none() {
                metainfo = record::load(&resume, &plan.hashes)?.map(Box::new);
            }
            plan.resume = Some(Arc::new(resume));
        }
        plan.trackers = match (&metainfo, &plan.magnet) {
            (_, Some(magnet)) => magnet.trackers.iter().map(|url| vec![url.clone()]).collect(),
            (Some(metainfo), None) => metainfo.trackers.clone(),
            (None, None) => Vec::new(),
        };
        if let Some(metainfo) = &metainfo {
            plan.web_seeds.clone_from(&metainfo.web_seeds);
            plan.http_seeds.clone_from(&metainfo.http_seeds);
        }
        plan.web_seeds.extend(plan.magnet.iter().flat_map(|magnet| magnet.web_seeds.clone()));
        plan.metainfo = metainfo;
        Ok(plan)
    }

    fn open_resume(&self, args: &Get, output: &Output) -> anyhow::Result<Resume> {
        let state_dir = state::dir(args.net.state_dir.as_deref())?;
        let (resume, opened) = Resume::open(&state_dir, &self.hashes, &self.folder)?;
        if let disk::Opened::SetAside(path) = opened {
            output.notice(format!(
                "the record of this download was damaged and set aside as `{}`; checking all",
                path.display()
            ));
        }
        Ok(resume)
    }
}

fn make_folder(folder: &Path) -> anyhow::Result<PathBuf> {
    let shown = folder.display();
    if folder.exists() && !folder.is_dir() {
        bail!("`{shown}` is a file; name a folder with -o, and the content goes into it");
    }
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder `{shown}`"))?;
    folder.canonicalize().with_context(|| format!("cannot use the folder `{shown}`"))
}

/// Whether the content can be made in the folder, by a file without a name that leaves no trace.
/// What is there already may need no writing at all.
///
/// # Errors
/// When it cannot.
pub(super) fn writable(folder: &Path, name: &str) -> anyhow::Result<()> {
    if folder.join(name).exists() {
        return Ok(());
    }
    match tempfile::tempfile_in(folder) {
        Err(error) if is_refusal(&error) => Err(error).with_context(|| {
            let shown = folder.display();
            format!("cannot write into `{shown}`; choose another folder with -o")
        }),
        // Anything else is told by the work itself, with its path.
        _ => Ok(()),
    }
}

fn is_refusal(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem)
}

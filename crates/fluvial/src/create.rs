//! `fluvial create`.

use std::time::SystemTime;

use anyhow::bail;

use disk::{Created, Roots};
use metainfo::PlanOptions;

use crate::args::Create;
use crate::events::Event;
use crate::making::{CREATED_BY, make, name_of, real_path, tell_names};
use crate::output::Output;
use crate::state::write_whole;
use crate::units::{count, show_round, show_size};

/// Makes a `.torrent` file.
pub(crate) fn run(args: &Create, output: &Output) -> anyhow::Result<()> {
    let shown = args.output.display();
    if args.output.exists() && !args.overwrite {
        bail!("`{shown}` exists; choose another name or add --overwrite");
    }
    let path = real_path(&args.path)?;
    let name = name_of(&path, &args.path)?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let options = PlanOptions {
        name,
        format: args.format.map(Into::into),
        piece_length: args.piece_length,
        private: args.private,
        comment: args.comment.clone(),
        created_by: Some(CREATED_BY.to_owned()),
        trackers: args.announce.iter().map(|url| vec![url.to_string()]).collect(),
        web_seeds: args.web_seed.clone(),
        creation_date: args.date.then(|| now.map_or(0, |since| since.as_secs().cast_signed())),
    };
    let Created { torrent, metainfo, .. } = make(&path, &Roots::new(), options, output)?;
    write_whole(&args.output, &torrent)?;
    tell_names(&metainfo, output);
    let layout = metainfo.info.layout();
    output.event(&Event::Created {
        path: &shown.to_string(),
        info_hash: metainfo.hashes.v1.map(|hash| hash.to_string()),
        info_hash_v2: metainfo.hashes.v2.map(|hash| hash.to_string()),
        pieces: layout.pieces(),
        piece_length: layout.piece_length(),
    });
    output.good(
        "Created",
        format!(
            "{shown}  {} in {} of {}, {}",
            show_size(layout.content_length()),
            count(layout.pieces().into(), "piece"),
            show_round(layout.piece_length().into()),
            metainfo.info.version(),
        ),
    );
    if let Some(hash) = metainfo.hashes.v1 {
        output.line(format!("  info-hash v1  {hash}"));
    }
    if let Some(hash) = metainfo.hashes.v2 {
        output.line(format!("  info-hash v2  {hash}"));
    }
    Ok(())
}

//! `fluvial show`.

use engine::Egress;

use crate::args::Show;
use crate::describe::Description;
use crate::events::Event;
use crate::output::Output;
use crate::source::{self, Source};

/// Describes the source.
pub(crate) async fn run(args: &Show, output: &Output) -> anyhow::Result<()> {
    let description = match source::read(&args.source, &Egress::default()).await? {
        Source::Torrent(metainfo) => Description::of_torrent(&metainfo),
        Source::Magnet(magnet) => Description::of_magnet(&magnet),
    };
    output.event(&Event::Torrent(&description));
    description.print(output);
    Ok(())
}

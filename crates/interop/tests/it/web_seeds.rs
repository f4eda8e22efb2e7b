//! The page of a share as a web seed (BEP 19): the only source that these clients have.

use anyhow::Result;

use interop::run;
use interop::{Aria2, Client, Content, Fluvial, Format, Lab, Libtorrent, Program, Shape, Source};

const SIZE: u64 = 8 << 20;
/// Nobody listens there.
const NO_TRACKER: &str = "http://127.0.0.1:9/announce";

fn served<C: Client>(
    lab: &mut Lab,
    start: impl FnOnce(&mut Lab) -> Result<C>,
    formats: &[Format],
) -> Result<()> {
    let mut ours = Fluvial::start(lab, &[])?;
    let mut theirs = start(lab)?;
    for &format in formats {
        for shape in [Shape::File, Shape::Tree] {
            let content = Content::publish(lab, (shape, format), SIZE, NO_TRACKER)?;
            let page = ours.share(&content)?;
            let content = content.at_web_seed(format, &format!("{page}files/"))?;
            theirs.get(&content, Source::Torrent)?;
            theirs.wait_complete(&content)?;
            println!("   {} from the page, {}: identical", theirs.name(), content.name());
        }
    }
    Ok(())
}

#[test]
fn aria2_gets() {
    run("web_seeds::aria2_gets", &[Program::Aria2], |lab| served(lab, Aria2::start, &[Format::V1]));
}

#[test]
fn libtorrent_gets() {
    run("web_seeds::libtorrent_gets", &[Program::Libtorrent], |lab| {
        served(lab, Libtorrent::start, &[Format::V1, Format::Hybrid])
    });
}

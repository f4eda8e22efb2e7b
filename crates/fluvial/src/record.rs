//! Metadata to and from a download's record, so that a magnet resumes without its peers.

use std::sync::Arc;

use disk::{Resume, Source};
use hash::Sha256Digest;
use metainfo::{Info, InfoHashes, Metainfo, PieceLayer, PieceLayers};

/// Records the metadata.
///
/// # Errors
/// When the store fails.
pub(crate) fn save(
    resume: &Resume,
    info: &Info,
    layers: &PieceLayers,
    trackers: &[Vec<String>],
) -> Result<(), disk::Error> {
    let concatenated = |layer: &Arc<PieceLayer>| {
        let hashes = layer.hashes().iter().flat_map(|hash| hash.0).collect();
        (layer.root().0, hashes)
    };
    resume.set_source(&Source {
        info: Some(Arc::clone(info.raw())),
        layers: layers.iter().map(concatenated).collect(),
        trackers: trackers.to_vec(),
        web_seeds: Vec::new(),
        magnet: None,
    })
}

/// The metadata that an earlier run recorded, if it is what `hashes` name.
///
/// # Errors
/// When the store fails.
pub(crate) fn load(resume: &Resume, hashes: &InfoHashes) -> Result<Option<Metainfo>, disk::Error> {
    let source = resume.load()?.source;
    let Some(raw) = source.info else {
        return Ok(None);
    };
    let Ok(info) = Info::parse_expecting(&raw, hashes) else {
        return Ok(None);
    };
    let mut metainfo = Metainfo::new(Arc::new(info));
    metainfo.piece_layers = layers(&metainfo.info, &source.layers);
    Ok(Some(metainfo))
}

fn layers(info: &Info, recorded: &[([u8; 32], Vec<u8>)]) -> PieceLayers {
    let mut layers = PieceLayers::default();
    for file in info.layout().files() {
        let Some(root) = file.root else { continue };
        let Some((_, bytes)) = recorded.iter().find(|(known, _)| *known == root.0) else {
            continue;
        };
        let hashes = bytes.chunks(32).filter_map(Sha256Digest::from_slice).collect();
        if let Some(layer) = PieceLayer::new(root, file.length, info.piece_length(), hashes) {
            layers.insert(layer);
        }
    }
    layers
}

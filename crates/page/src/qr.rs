use std::fmt::Write as _;

use qrcode::types::Color;
use qrcode::{EcLevel, QrCode};

/// Light modules round the code, which readers need (ISO/IEC 18004 §9.1).
const QUIET: usize = 4;

/// A QR code as the path of an SVG image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Qr {
    /// Modules along each side of the image, the quiet zone included.
    pub(crate) side: usize,
    /// The dark modules, as the `d` of a `path`; one module is one unit.
    pub(crate) path: String,
}

impl Qr {
    /// The code of `text`; `None` when no code is large enough. With the least redundancy: on a
    /// screen nothing is torn or dirty, and larger modules are read from further away.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
        let width = code.width();
        let mut path = String::new();
        for (row, modules) in code.to_colors().chunks(width).enumerate() {
            let mut column = 0;
            // A run of dark modules is one rectangle.
            for run in modules.chunk_by(|a, b| a == b) {
                if run[0] == Color::Dark {
                    let (x, y, length) = (column + QUIET, row + QUIET, run.len());
                    write!(path, "M{x} {y}h{length}v1h-{length}z").expect("writing to a string");
                }
                column += run.len();
            }
        }
        Some(Self { side: width + 2 * QUIET, path })
    }
}

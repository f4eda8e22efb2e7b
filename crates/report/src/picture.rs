use maud::{Markup, PreEscaped, html};

use crate::words::px;

/// How wide a picture is drawn for a screen, in CSS pixels.
pub const WIDE: f64 = 720.0;

/// How wide it is drawn for a phone.
pub const NARROW: f64 = 340.0;

/// How many colours there are to tell series apart: the classes `k1` to `k8`.
pub const KINDS: usize = 8;

/// Colours, strokes and fonts, the same in a file and in a page.
pub(crate) const STYLE: &str = include_str!("chart.css");

/// Something that can be drawn.
pub trait Picture {
    /// Draws it `width` CSS pixels wide, with text of 12 pixels, for a page of either colour
    /// scheme.
    ///
    /// Colours come from classes: `k1`…`k8` (colour-blind safe, see [`KINDS`]), `soft` for what
    /// stands back, `q0`…`q9` for less to more; they set `color`, so draw with `currentColor`.
    /// `line`, `grid`, `base`, `ref` are strokes, `fill` a filled shape, `halo` a text that is
    /// drawn over other things.
    fn draw(&self, width: f64) -> Drawing;
}

/// What was drawn.
#[derive(Clone, Debug)]
pub struct Drawing {
    /// CSS pixels from top to bottom.
    pub height: f64,
    /// What stands inside the `svg` element.
    pub body: Markup,
}

impl Drawing {
    /// A drawing whose elements were written elsewhere; whatever in it came from strangers must
    /// be escaped already.
    pub fn of_elements(height: f64, elements: String) -> Self {
        Self { height, body: PreEscaped(elements) }
    }
}

/// The `svg` element of a picture inside a page, that has the style already.
pub(crate) fn inline(picture: &dyn Picture, width: f64, class: &str, label: &str) -> Markup {
    let drawing = picture.draw(width);
    let view = format!("0 0 {} {}", px(width), px(drawing.height));
    html! {
        svg class={ "chart " (class) } viewBox=(view) role="img" aria-label=(label) {
            (drawing.body)
        }
    }
}

/// Space above the picture for the title in a file.
const TITLE_HEIGHT: f64 = 34.0;
/// Space round the picture in a file.
const MARGIN: f64 = 16.0;

/// An SVG file of one picture, with its title.
pub fn svg(title: &str, picture: &dyn Picture) -> String {
    let drawing = picture.draw(WIDE);
    let width = WIDE + 2.0 * MARGIN;
    let height = drawing.height + TITLE_HEIGHT + 2.0 * MARGIN;
    let view = format!("0 0 {} {}", px(width), px(height));
    let shift = format!("translate({} {})", px(MARGIN), px(MARGIN + TITLE_HEIGHT));
    let file = html! {
        svg.chart xmlns="http://www.w3.org/2000/svg" viewBox=(view) width=(px(width))
            height=(px(height)) role="img" aria-label=(title) {
            style { (PreEscaped(STYLE)) }
            rect.ground width="100%" height="100%" {}
            text.head x=(px(MARGIN)) y=(px(MARGIN + 16.0)) { (title) }
            g transform=(shift) { (drawing.body) }
        }
    };
    let mut text = file.into_string();
    text.push('\n');
    text
}

use maud::{Markup, html};

use crate::axis::Axis;
use crate::frame::Frame;
use crate::legend::{self, Mark};
use crate::picture::{Drawing, KINDS, Picture};
use crate::scale::{Scale, extent};
use crate::words::{fitted, px, width};

/// The most rows that are drawn; how many more there are is said.
const ROWS_MAX: usize = 80;
/// The most spans in a row.
const SPANS_MAX: usize = 1_000;
/// From row to row.
const ROW: f64 = 18.0;

/// What was when: one row for each thing, with the times in which something held, such as who was
/// unchoked.
#[derive(Clone, Debug)]
pub struct Spans {
    x: Axis,
    kinds: Vec<String>,
    rows: Vec<(String, Vec<Span>)>,
}

/// From, to, and the kind.
type Span = (f64, f64, usize);

impl Spans {
    /// An empty chart; `kinds` are what the colours mean.
    pub fn new(x: Axis, kinds: &[&str]) -> Self {
        let kinds = kinds.iter().take(KINDS).map(ToString::to_string).collect();
        Self { x, kinds, rows: Vec::new() }
    }

    /// Adds a row of spans: from, to, and which of the kinds, from 0.
    pub fn row(mut self, name: &str, spans: &[(f64, f64, usize)]) -> Self {
        let sound = spans.iter().filter(|(from, to, _)| (*from..=f64::MAX).contains(to));
        self.rows.push((name.to_owned(), sound.take(SPANS_MAX).copied().collect()));
        self
    }

    fn frame(&self, total: f64, above: f64, rows: usize, names: f64) -> Frame {
        let ends = self.rows.iter().flat_map(|(_, spans)| spans);
        let ends = ends.flat_map(|(from, to, _)| [*from, *to]);
        let x = Scale::fit(&self.x, extent(&self.x, ends), (total / 95.0).max(3.0), false);
        let y = Scale::fit(&Axis::new(""), None, 1.0, false);
        let height = above + rows as f64 * ROW + 72.0;
        let mut frame = Frame::new((x, y), (total, height), above, 0.0);
        frame.y.ticks.clear();
        frame.left = names;
        frame.x = frame.x.placed(names, frame.right);
        frame
    }
}

impl Picture for Spans {
    fn draw(&self, total: f64) -> Drawing {
        let shown = &self.rows[..self.rows.len().min(ROWS_MAX)];
        let kinds = self.kinds.iter().enumerate();
        let entries: Vec<_> =
            kinds.map(|(kind, name)| (&**name, kind % KINDS + 1, Mark::Block)).collect();
        let entries = if entries.len() > 1 { entries } else { Vec::new() };
        let (legend, above) = legend::draw(&entries, total);
        // The frame keeps room for the label of a y axis, which there is none of here.
        let above = above - 20.0;
        let names = shown.iter().map(|(name, _)| width(name)).fold(0.0, f64::max);
        let left = names.min(total * 0.35) + 10.0;
        let frame = self.frame(total, above, shown.len(), left);
        let hidden = self.rows.len() - shown.len();
        let body = html! {
            (legend)
            (frame.draw())
            @for (index, (name, spans)) in shown.iter().enumerate() {
                @let y = frame.top + index as f64 * ROW + 3.0;
                text x=(px(left - 8.0)) y=(px(y + 9.0)) text-anchor="end" {
                    (fitted(name, left - 10.0))
                }
                path.grid d={ "M" (px(left)) " " (px(y + 5.0)) "H" (px(frame.right)) } {}
                @for span in spans { (draw_span(&frame, *span, y)) }
            }
            @if hidden > 0 {
                text.soft x="0" y=(px(frame.bottom + 36.0)) { "and " (hidden) " more" }
            }
        };
        Drawing { height: frame.bottom + 44.0, body }
    }
}

fn draw_span(frame: &Frame, (from, to, kind): Span, y: f64) -> Markup {
    let (from, to) = (frame.x.at(from), frame.x.at(to));
    html! {
        rect class={ "fill k" (kind % KINDS + 1) } x=(px(from)) y=(px(y)) rx="1.5"
            width=(px((to - from).max(1.0))) height="10" {}
    }
}

#[cfg(test)]
mod tests;

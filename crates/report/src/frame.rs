//! The axes round a plot.

use maud::{Markup, html};

use crate::scale::Scale;
use crate::words::{px, width};

/// The space of the x axis: its ticks' words and its label.
const UNDER: f64 = 42.0;
/// The space of the y axis' label, which stands above it.
const OVER: f64 = 24.0;
/// The least free space at the right end.
const RIGHT: f64 = 8.0;

/// A plot's place between its axes.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) x: Scale,
    pub(crate) y: Scale,
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) top: f64,
    pub(crate) bottom: f64,
}

impl Frame {
    /// Places two axes: `above` pixels are taken at the top, `beside` at the right.
    pub(crate) fn new(
        (x, y): (Scale, Scale),
        (total_width, height): (f64, f64),
        above: f64,
        beside: f64,
    ) -> Self {
        let words = y.ticks.iter().map(|(_, text)| width(text));
        let left = words.fold(0.0, f64::max) + 10.0;
        let last = x.ticks.last().map_or(0.0, |(_, text)| width(text) / 2.0);
        let right = total_width - beside.max(RIGHT).max(last + 2.0);
        let top = above + OVER;
        let bottom = (height - UNDER).max(top + 40.0);
        Self { x: x.placed(left, right), y: y.placed(bottom, top), left, right, top, bottom }
    }

    /// The grid and the words round it; the data comes on top.
    pub(crate) fn draw(&self) -> Markup {
        let Self { x, y, left, right, top, bottom } = self;
        html! {
            @for (at, text) in &y.ticks {
                @let here = y.at(*at);
                path.grid d={ "M" (px(*left)) " " (px(here)) "H" (px(*right)) } {}
                text.soft x=(px(left - 8.0)) y=(px(here + 4.0)) text-anchor="end" { (text) }
            }
            text x="0" y=(px(top - 13.0)) { (y.title) }
            (self.draw_x())
            path.base d={ "M" (px(*left)) " " (px(*bottom)) "H" (px(*right)) } {}
            text x=(px((left + right) / 2.0)) y=(px(bottom + 36.0)) text-anchor="middle" {
                (x.title)
            }
        }
    }

    /// Ticks of the x axis, as many as have room for their words.
    fn draw_x(&self) -> Markup {
        let mut free = f64::MIN;
        let ticks = self.x.ticks.iter().map(|(at, text)| (self.x.at(*at), text));
        let ticks: Vec<_> = ticks
            .filter(|(at, text)| {
                let half = width(text) / 2.0;
                let fits = at - half >= free;
                free = if fits { at + half + 6.0 } else { free };
                fits
            })
            .collect();
        html! {
            @for (at, text) in ticks {
                path.base d={ "M" (px(at)) " " (px(self.bottom)) "v4" } {}
                text.soft x=(px(at)) y=(px(self.bottom + 17.0)) text-anchor="middle" { (text) }
            }
        }
    }
}

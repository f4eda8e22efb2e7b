//! Which colour is what, above a chart.

use maud::{Markup, html};

use crate::words::{fitted, px, width};

/// From one row of names to the next.
const ROW: f64 = 20.0;
/// The mark in front of a name, and the space behind the name.
const MARK: f64 = 18.0;
const GAP: f64 = 16.0;

/// How a kind of thing is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Line { dashed: bool },
    Dot,
    Block,
}

/// Names in rows; returns what was drawn and how much of the height it took.
pub(crate) fn draw(names: &[(&str, usize, Mark)], most: f64) -> (Markup, f64) {
    let mut rows: Vec<(f64, f64, String, usize, Mark)> = Vec::new();
    let (mut x, mut y) = (0.0, 0.0);
    for (name, kind, mark) in names {
        let name = fitted(name, most - MARK);
        let needed = MARK + width(&name);
        if x > 0.0 && x + needed > most {
            x = 0.0;
            y += ROW;
        }
        rows.push((x, y, name, *kind, *mark));
        x += needed + GAP;
    }
    if rows.is_empty() {
        return (html! {}, 0.0);
    }
    let markup = html! {
        @for (x, y, name, kind, mark) in &rows {
            g class={ "k" (kind) } { (sample(*x, y + 6.0, *mark)) }
            text x=(px(x + MARK)) y=(px(y + 10.0)) { (name) }
        }
    };
    (markup, y + ROW + 4.0)
}

fn sample(x: f64, y: f64, mark: Mark) -> Markup {
    match mark {
        Mark::Line { dashed } => {
            let class = if dashed { "line dashed" } else { "line" };
            html! { path class=(class) d={ "M" (px(x)) " " (px(y)) "h13" } {} }
        }
        Mark::Dot => html! { circle.dot cx=(px(x + 6.0)) cy=(px(y)) r="3" {} },
        Mark::Block => {
            html! { rect.fill x=(px(x)) y=(px(y - 5.0)) width="11" height="11" rx="2" {} }
        }
    }
}

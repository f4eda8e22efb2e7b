use maud::{Markup, html};

use crate::axis::Axis;
use crate::frame::Frame;
use crate::legend::{self, Mark};
use crate::picture::{Drawing, KINDS, NARROW, Picture};
use crate::scale::{Scale, extent};
use crate::thin;
use crate::words::{fitted, px, width};

/// The most series that are drawn; further ones are left out.
const SERIES_MAX: usize = 64;
/// The most dots of one series: evenly chosen from more.
const DOTS_MAX: usize = 2_000;
/// How many series have their names at their ends rather than above the chart.
const DIRECT_MAX: usize = 8;
/// The least distance between names at the right.
const NAME_ROW: f64 = 15.0;

/// How a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    Line,
    Steps,
    Dots,
}

/// Values of one thing along x.
#[derive(Clone, Debug)]
pub struct Series {
    name: String,
    points: Vec<(f64, f64)>,
    path: Path,
    dashed: bool,
    filled: bool,
    kind: Option<usize>,
}

impl Series {
    /// Points joined by straight lines, in the order of x.
    pub fn line(name: &str, points: Vec<(f64, f64)>) -> Self {
        Self::new(name, points, Path::Line)
    }

    /// Each value holds until the next one, the last to the end of the axis, as in a count of what
    /// is complete.
    pub fn steps(name: &str, points: Vec<(f64, f64)>) -> Self {
        Self::new(name, points, Path::Steps)
    }

    /// Points on their own, as in a comparison of two properties.
    pub fn dots(name: &str, points: Vec<(f64, f64)>) -> Self {
        Self::new(name, points, Path::Dots)
    }

    /// Draws the line dashed: a model or a bound beside what was measured.
    pub fn dashed(mut self) -> Self {
        self.dashed = true;
        self
    }

    /// Fills what is under the line.
    pub fn filled(mut self) -> Self {
        self.filled = true;
        self
    }

    /// Takes the colour with this number, from 1, instead of its turn: what belongs together can
    /// look so.
    pub fn colour(mut self, kind: usize) -> Self {
        self.kind = Some(kind.saturating_sub(1) % KINDS + 1);
        self
    }

    fn new(name: &str, mut points: Vec<(f64, f64)>, path: Path) -> Self {
        points.retain(|(x, y)| x.is_finite() && y.is_finite());
        if path != Path::Dots {
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
        }
        let name = name.to_owned();
        Self { name, points, path, dashed: false, filled: false, kind: None }
    }

    fn mark(&self) -> Mark {
        match self.path {
            Path::Dots => Mark::Dot,
            Path::Line | Path::Steps => Mark::Line { dashed: self.dashed },
        }
    }
}

#[derive(Clone, Debug)]
struct Reference {
    name: String,
    at: f64,
    is_vertical: bool,
}

/// Curves, step curves and dots over two axes.
#[derive(Clone, Debug)]
pub struct Lines {
    x: Axis,
    y: Axis,
    series: Vec<Series>,
    references: Vec<Reference>,
}

impl Lines {
    /// An empty chart.
    pub fn new(x: Axis, y: Axis) -> Self {
        Self { x, y, series: Vec::new(), references: Vec::new() }
    }

    /// Adds a series; an unnamed one is in no legend.
    pub fn with(mut self, series: Series) -> Self {
        if self.series.len() < SERIES_MAX {
            self.series.push(series);
        }
        self
    }

    /// A thin line across the chart at a value of y, with its name.
    pub fn level(mut self, name: &str, at: f64) -> Self {
        self.references.push(Reference { name: name.to_owned(), at, is_vertical: false });
        self
    }

    /// A thin line from top to bottom at a value of x, with its name.
    pub fn moment(mut self, name: &str, at: f64) -> Self {
        self.references.push(Reference { name: name.to_owned(), at, is_vertical: true });
        self
    }

    fn kind(&self, index: usize) -> usize {
        self.series[index].kind.unwrap_or(index % KINDS + 1)
    }

    pub(crate) fn scales(&self, width: f64, height: f64) -> (Scale, Scale) {
        let references = |vertical: bool| {
            let all = self.references.iter().filter(move |line| line.is_vertical == vertical);
            all.map(|line| line.at)
        };
        let points = || self.series.iter().flat_map(|series| &series.points);
        let x = extent(&self.x, points().map(|point| point.0).chain(references(true)));
        let y = extent(&self.y, points().map(|point| point.1).chain(references(false)));
        let x = Scale::fit(&self.x, x, (width / 85.0).max(3.0), false);
        (x, Scale::fit(&self.y, y, (height / 70.0).max(3.0), true))
    }

    /// The series' names and colours.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&str, usize)> {
        named(&self.series).map(|(index, series)| (&*series.name, self.kind(index)))
    }

    /// The names of the thin lines across, and where they are.
    pub(crate) fn levels(&self) -> impl Iterator<Item = (&str, f64)> {
        let levels = self.references.iter().filter(|line| !line.is_vertical);
        levels.map(|line| (&*line.name, line.at))
    }

    /// What is drawn: points between two axes, how they are joined, and the colour.
    pub(crate) fn paths(
        &self,
        x: &Scale,
        y: &Scale,
    ) -> impl Iterator<Item = (Vec<(f64, f64)>, Path, usize)> {
        self.series.iter().enumerate().map(move |(index, series)| {
            let seen = series.points.iter().filter(|(a, b)| x.holds(*a) && y.has(*b));
            let points = seen.map(|(a, b)| (x.at(*a), y.at(*b))).collect();
            (points, series.path, self.kind(index))
        })
    }

    /// Where the last point of each named series is, from the top, with its name and colour.
    pub(crate) fn ends(&self, x: &Scale, y: &Scale) -> impl Iterator<Item = (f64, &str, usize)> {
        named(&self.series).filter_map(move |(index, series)| {
            let mut back = series.points.iter().rev();
            let (_, last) = back.find(|(a, b)| x.holds(*a) && y.has(*b))?;
            Some((y.at(*last), &*series.name, self.kind(index)))
        })
    }

    /// Names at the ends of the lines, when they have room there.
    fn direct(&self, total: f64) -> Option<f64> {
        let named = || self.series.iter().filter(|series| !series.name.is_empty());
        // They are written bold, which is wider.
        let widest = named().map(|series| 1.15 * width(&series.name)).fold(0.0, f64::max);
        let fits = total > NARROW * 1.5 && widest <= total * 0.26;
        let lines = named().all(|series| series.path != Path::Dots);
        (fits && lines && (1..=DIRECT_MAX).contains(&named().count())).then_some(widest + 14.0)
    }
}

impl Picture for Lines {
    fn draw(&self, width: f64) -> Drawing {
        let direct = self.direct(width).filter(|_| named(&self.series).count() > 1);
        let entries: Vec<_> = match direct {
            None if self.series.len() > 1 => named(&self.series)
                .map(|(index, series)| (&*series.name, self.kind(index), series.mark()))
                .collect(),
            _ => Vec::new(),
        };
        let (names, above) = legend::draw(&entries, width);
        let height = above + if width < NARROW * 1.5 { 270.0 } else { 380.0 };
        let scales = self.scales(width, height);
        let frame = Frame::new(scales, (width, height), above, direct.unwrap_or(0.0));
        let body = html! {
            (names)
            (frame.draw())
            @for line in &self.references { (draw_reference(&frame, line)) }
            @for (index, series) in self.series.iter().enumerate() {
                g class={ "k" (self.kind(index)) } { (draw_series(&frame, series)) }
            }
            @for line in &self.references { (self.name_reference(&frame, line)) }
            @if direct.is_some() { (self.draw_names(&frame)) }
        };
        Drawing { height, body }
    }
}

fn named(series: &[Series]) -> impl Iterator<Item = (usize, &Series)> {
    series.iter().enumerate().filter(|(_, series)| !series.name.is_empty())
}

impl Lines {
    /// Names beside the last points, moved apart where they would meet.
    fn draw_names(&self, frame: &Frame) -> Markup {
        let mut ends: Vec<_> = self.ends(&frame.x, &frame.y).collect();
        ends.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut free = frame.top;
        for end in &mut ends {
            end.0 = end.0.max(free);
            free = end.0 + NAME_ROW;
        }
        let mut free = frame.bottom;
        for end in ends.iter_mut().rev() {
            end.0 = end.0.min(free);
            free = end.0 - NAME_ROW;
        }
        html! {
            @for (y, name, kind) in ends {
                text class={ "strong k" (kind) } x=(px(frame.right + 8.0)) y=(px(y + 4.0)) {
                    (name)
                }
            }
        }
    }
}

impl Lines {
    /// The name beside a reference, on the side where fewer points are near.
    fn name_reference(&self, frame: &Frame, line: &Reference) -> Markup {
        let (low, high) = (frame.left, frame.right);
        let name = fitted(&line.name, (high - low) * 0.6);
        let long = width(&name) + 12.0;
        let (x, y, is_left) = if line.is_vertical {
            let x = frame.x.at(line.at);
            let left = self.near(frame, (x - long, x), frame.top);
            let right = self.near(frame, (x, x + long), frame.top);
            let is_left = x + long > high || left < right && x - long > low;
            (x, frame.top + 11.0, is_left)
        } else {
            let y = frame.y.at(line.at) - 6.0;
            let left = self.near(frame, (low, low + long), y);
            let is_left = self.near(frame, (high - long, high), y) < left;
            (if is_left { high } else { low }, y, is_left)
        };
        let (x, anchor) = if is_left { (x - 6.0, "end") } else { (x + 6.0, "start") };
        html! { text.soft.halo x=(px(x)) y=(px(y)) text-anchor=(anchor) { (name) } }
    }

    /// How many of the drawn curves pass a place of one line's height.
    fn near(&self, frame: &Frame, (from, to): (f64, f64), y: f64) -> usize {
        let meets = |series: &&Series| {
            let mut points = series.points.iter().map(|(x, y)| (frame.x.at(*x), frame.y.at(*y)));
            points.any(|point| point.0 >= from && point.0 <= to && (point.1 - y).abs() < 14.0)
        };
        self.series.iter().filter(meets).count()
    }
}

fn on(frame: &Frame, x: f64, y: f64) -> bool {
    frame.x.holds(x) && frame.y.has(y)
}

fn draw_series(frame: &Frame, series: &Series) -> Markup {
    let seen = series.points.iter().filter(|(x, y)| on(frame, *x, *y));
    let inside = |y: f64| y.clamp(frame.top, frame.bottom);
    let points: Vec<_> = seen.map(|(x, y)| (frame.x.at(*x), inside(frame.y.at(*y)))).collect();
    if series.path == Path::Dots || points.len() == 1 {
        let stride = points.len().div_ceil(DOTS_MAX).max(1);
        return html! {
            @for (x, y) in points.iter().step_by(stride) {
                circle.dot cx=(px(*x)) cy=(px(*y)) r="3" {}
            }
        };
    }
    let mut points = thin::curve(&points);
    if let (Path::Steps, Some((_, y))) = (series.path, points.last()) {
        points.push((frame.right, *y));
    }
    let Some(((first, _), (last, _))) = points.first().zip(points.last()) else {
        return html! {};
    };
    let path = outline(&points, series.path);
    let class = if series.dashed { "line dashed" } else { "line" };
    html! {
        @if series.filled {
            path.wash d={ (path) "H" (px(*last)) "V" (px(frame.bottom)) "H" (px(*first)) "Z" } {}
        }
        path class=(class) d=(path) {}
    }
}

fn outline(points: &[(f64, f64)], path: Path) -> String {
    let step = |(index, (x, y)): (usize, &(f64, f64))| {
        let (x, y) = (px(*x), px(*y));
        match path {
            _ if index == 0 => format!("M{x} {y}"),
            Path::Steps => format!("H{x}V{y}"),
            Path::Line | Path::Dots => format!("L{x} {y}"),
        }
    };
    let steps: Vec<String> = points.iter().enumerate().map(step).collect();
    steps.concat()
}

fn draw_reference(frame: &Frame, line: &Reference) -> Markup {
    let Frame { left, right, top, bottom, .. } = frame;
    let path = if line.is_vertical {
        let x = px(frame.x.at(line.at));
        format!("M{x} {}V{}", px(*top), px(*bottom))
    } else {
        let y = px(frame.y.at(line.at));
        format!("M{} {y}H{}", px(*left), px(*right))
    };
    html! { path.ref.soft d=(path) {} }
}

#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use maud::{Markup, html};

use crate::axis::Unit;
use crate::picture::{Drawing, Picture};
use crate::words::{fitted, px, width};

/// The most cells along one side: of more, neighbours are drawn as one, with their mean.
const SIDE_MAX: usize = 160;
/// Steps of colour: the classes `q0` to `q9`.
const STEPS: usize = 10;
/// Every so many-th row or column is numbered.
const STRIDES: [usize; 13] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000];
/// Cells get no larger than this.
const CELL_MAX: f64 = 34.0;
/// Space at the right, for half of the last column's name.
const RIGHT: f64 = 14.0;
/// The least distance between the names of rows.
const ROW_MARK: f64 = 18.0;
/// Space for the names above and the key below.
const ABOVE: f64 = 22.0;
const BELOW: f64 = 40.0;

/// A matrix in colours, such as who fed whom.
#[derive(Clone, Debug)]
pub struct Heat {
    unit: Unit,
    rows_label: String,
    columns_label: String,
    rows: Vec<String>,
    columns: Vec<String>,
    cells: Vec<Vec<f64>>,
    top: Option<f64>,
}

impl Heat {
    /// A matrix: `cells[row][column]`. What is not finite stays empty.
    pub fn new(unit: Unit, rows_label: &str, columns_label: &str, cells: Vec<Vec<f64>>) -> Self {
        Self {
            unit,
            rows_label: rows_label.to_owned(),
            columns_label: columns_label.to_owned(),
            rows: Vec::new(),
            columns: Vec::new(),
            cells,
            top: None,
        }
    }

    /// Names the rows and columns; otherwise they are counted from 1.
    pub fn named(mut self, rows: Vec<String>, columns: Vec<String>) -> Self {
        self.rows = rows;
        self.columns = columns;
        self
    }

    /// The value of the fullest colour, so that several pictures compare; otherwise the largest.
    pub fn up_to(mut self, top: f64) -> Self {
        self.top = Some(top).filter(|top| top.is_finite() && *top > 0.0);
        self
    }

    /// The cells that are drawn, and how many of the given ones each stands for.
    fn pooled(&self) -> (Vec<Vec<f64>>, usize, usize) {
        let columns = self.cells.iter().map(Vec::len).max().unwrap_or(0);
        let (down, across) = (pool(self.cells.len()), pool(columns));
        let mean = |rows: &[Vec<f64>], column: usize| {
            let inside = |row: &Vec<f64>| {
                let end = (column + across).min(row.len());
                row.get(column..end).unwrap_or_default().to_vec()
            };
            let values: Vec<f64> =
                rows.iter().flat_map(inside).filter(|value| value.is_finite()).collect();
            values.iter().sum::<f64>() / values.len() as f64
        };
        let row = |rows: &[Vec<f64>]| {
            (0..columns).step_by(across).map(|column| mean(rows, column)).collect()
        };
        (self.cells.chunks(down).map(row).collect(), down, across)
    }
}

fn pool(cells: usize) -> usize {
    cells.div_ceil(SIDE_MAX).max(1)
}

/// A matrix with its place.
struct Grid<'a> {
    cells: &'a [Vec<f64>],
    left: f64,
    top: f64,
    cell: (f64, f64),
    most: f64,
}

impl Picture for Heat {
    fn draw(&self, total: f64) -> Drawing {
        let (cells, down, across) = self.pooled();
        let (rows, columns) = (cells.len().max(1), cells.first().map_or(1, Vec::len).max(1));
        let largest = cells.iter().flatten().copied().filter(|value| value.is_finite());
        let most = self.top.unwrap_or_else(|| largest.fold(0.0, f64::max));
        let last = self.cells.len().to_string();
        let names = self.rows.iter().chain(self.rows.is_empty().then_some(&last));
        let widest = names.map(|name| width(name)).fold(0.0, f64::max);
        let left = widest.min(total * 0.3) + 8.0;
        let wide = ((total - left - RIGHT) / columns as f64).min(CELL_MAX);
        // Square, unless a long table would get too high.
        let high = wide.min((total * 0.8).max(280.0) / rows as f64).max(1.0);
        let high = if rows * 3 < columns { high.max(12.0) } else { high };
        let top = 18.0 + ABOVE;
        let grid = Grid { cells: &cells, left, top, cell: (wide, high), most };
        let bottom = top + high * rows as f64;
        let row_marks = marks(&self.rows, self.cells.len(), high / down as f64, |_| ROW_MARK);
        let given = self.cells.iter().map(Vec::len).max().unwrap_or(0);
        let column_marks = |name: &str| width(name) + 8.0;
        let column_marks = marks(&self.columns, given, wide / across as f64, column_marks);
        let body = html! {
            text x="0" y="11" { (self.title(total)) }
            @for (at, text) in &row_marks {
                text.soft x=(px(left - 6.0)) y=(px(top + at + 4.0)) text-anchor="end" {
                    (fitted(text, left - 8.0))
                }
            }
            @for (at, text) in &column_marks {
                text.soft x=(px(left + at)) y=(px(top - 7.0)) text-anchor="middle" { (text) }
            }
            (grid.draw())
            (self.key(left, bottom + 16.0, most))
        };
        Drawing { height: bottom + BELOW, body }
    }
}

impl Heat {
    fn title(&self, total: f64) -> String {
        fitted(&format!("{} ↓ · {} →", self.rows_label, self.columns_label), total)
    }

    /// What the colours mean.
    fn key(&self, left: f64, y: f64, most: f64) -> Markup {
        let zero = format!("0{}", if self.unit == Unit::Share { " %" } else { "" });
        let start = left + width(&zero) + 8.0;
        html! {
            text.soft x=(px(left)) y=(px(y + 10.0)) { (zero) }
            @for step in 0..STEPS {
                rect class={ "fill q" (step) } x=(px(start + step as f64 * 14.0)) y=(px(y))
                    width="14" height="12" {}
            }
            text.soft x=(px(start + STEPS as f64 * 14.0 + 8.0)) y=(px(y + 10.0)) {
                (self.unit.words(most))
            }
        }
    }
}

impl Grid<'_> {
    /// One path for each colour; neighbours of a colour in one stroke.
    fn draw(&self) -> Markup {
        let (wide, high) = self.cell;
        let gap = if wide.min(high) > 6.0 { 1.0 } else { 0.0 };
        let mut paths = vec![String::new(); STEPS];
        for (row, cells) in self.cells.iter().enumerate() {
            let y = px(self.top + row as f64 * high);
            let steps: Vec<_> = cells.iter().map(|value| self.step(*value)).collect();
            let mut column = 0;
            for run in steps.chunk_by(|a, b| a == b && gap == 0.0) {
                if let Some(step) = run[0] {
                    let x = px(self.left + column as f64 * wide);
                    let (w, h) = (px(run.len() as f64 * wide - gap), px(high - gap));
                    // Memory takes all that is written.
                    let _ = write!(paths[step], "M{x} {y}h{w}v{h}h-{w}z");
                }
                column += run.len();
            }
        }
        html! {
            @for (step, path) in paths.iter().enumerate().filter(|(_, path)| !path.is_empty()) {
                path class={ "fill q" (step) } d=(path) {}
            }
        }
    }

    fn step(&self, value: f64) -> Option<usize> {
        let part = if self.most > 0.0 { value / self.most } else { 0.0 };
        let step = (part.clamp(0.0, 1.0) * (STEPS - 1) as f64).ceil();
        value.is_finite().then_some(step as usize)
    }
}

/// The names that have room, with the middles of what they name; `pitch` is the size of one.
fn marks(
    names: &[String],
    count: usize,
    pitch: f64,
    needed: impl Fn(&str) -> f64,
) -> Vec<(f64, String)> {
    let middle = |index: usize| (index as f64 + 0.5) * pitch;
    if names.is_empty() {
        let room = needed(&count.to_string());
        let stride = STRIDES.into_iter().find(|stride| *stride as f64 * pitch >= room);
        let stride = stride.unwrap_or(count.max(1));
        let numbers = (1..=count).filter(|number| number.is_multiple_of(stride));
        return numbers.map(|number| (middle(number - 1), number.to_string())).collect();
    }
    let mut free = f64::MIN;
    let placed = names.iter().take(count).enumerate().map(|(i, name)| (middle(i), name.clone()));
    let fits = |(at, name): &(f64, String)| {
        let half = needed(name) / 2.0;
        let fits = at - half >= free;
        free = if fits { at + half } else { free };
        fits
    };
    placed.filter(fits).collect()
}

#[cfg(test)]
mod tests;

//! Curves in a terminal: braille dots, two by four to a character.

use anstyle::{AnsiColor, Color, Style};

use crate::lines::{Lines, Path};
use crate::scale::Scale;

/// The colours of a terminal in the order of the classes `k1` to `k8`.
const COLOURS: [AnsiColor; 8] = [
    AnsiColor::Blue,
    AnsiColor::Yellow,
    AnsiColor::Green,
    AnsiColor::Magenta,
    AnsiColor::Cyan,
    AnsiColor::BrightBlue,
    AnsiColor::BrightMagenta,
    AnsiColor::BrightBlack,
];
const SOFT: Style = Style::new().dimmed();

/// The least and the most characters of the plot itself, across and down.
const COLUMNS_MIN: usize = 16;
const COLUMNS_MAX: usize = 200;
const ROWS_MIN: usize = 4;
const ROWS_MAX: usize = 60;
/// Dots of a character, across and down, and the first braille character (Unicode 1.1).
const DOTS: (usize, usize) = (2, 4);
const BRAILLE: u32 = 0x2800;
/// The bit of each dot: the columns of the character, from the top.
const BITS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

/// A character of the plot: its dots, and whose they are.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    dots: u8,
    kind: Option<usize>,
}

/// The plot without what stands round it.
struct Canvas {
    columns: usize,
    rows: usize,
    cells: Vec<Cell>,
}

impl Canvas {
    fn new(columns: usize, rows: usize) -> Self {
        Self { columns, rows, cells: vec![Cell::default(); columns * rows] }
    }

    fn dot(&mut self, x: f64, y: f64, kind: usize) {
        let (x, y) = (x.round().max(0.0) as usize, y.round().max(0.0) as usize);
        let (column, row) = (x / DOTS.0, y / DOTS.1);
        if column < self.columns && row < self.rows {
            let cell = &mut self.cells[row * self.columns + column];
            cell.dots |= BITS[x % DOTS.0][y % DOTS.1];
            cell.kind = Some(kind);
        }
    }

    fn line(&mut self, from: (f64, f64), to: (f64, f64), kind: usize) {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let steps = dx.abs().max(dy.abs()).ceil().clamp(1.0, 4_096.0) as u32;
        for step in 0..=steps {
            let part = f64::from(step) / f64::from(steps);
            self.dot(from.0 + dx * part, from.1 + dy * part, kind);
        }
    }

    /// A row in colour; a level fills what is empty, with its name where that is longest.
    fn row(&self, row: usize, level: Option<&str>) -> String {
        let cells = &self.cells[row * self.columns..][..self.columns];
        let runs: Vec<&[Cell]> = cells.chunk_by(|a, b| a.kind == b.kind).collect();
        let empty = runs.iter().filter(|run| run[0].kind.is_none()).map(|run| run.len());
        let mut longest = empty.max();
        let mut out = String::new();
        for run in runs {
            match (run[0].kind, level) {
                (Some(kind), _) => {
                    let letter = |cell: &Cell| char::from_u32(BRAILLE + u32::from(cell.dots));
                    let text: String = run.iter().filter_map(letter).collect();
                    out += &painted(&text, style(kind));
                }
                (None, None) => out += &" ".repeat(run.len()),
                (None, Some(name)) => {
                    let name = longest.take_if(|most| *most == run.len()).map_or("", |_| name);
                    out += &painted(&dashes(name, run.len()), SOFT);
                }
            }
        }
        out
    }
}

/// A dashed line with a name in it, if it has room.
fn dashes(name: &str, long: usize) -> String {
    let room = long.saturating_sub(name.chars().count() + 4);
    match name {
        "" => "╌".repeat(long),
        _ if room == 0 => "╌".repeat(long),
        name => format!("╌╌ {name} {}", "╌".repeat(room)),
    }
}

/// The row of a place, from the top, in dots.
fn row(dots: f64) -> usize {
    dots.round().max(0.0) as usize / DOTS.1
}

fn style(kind: usize) -> Style {
    let colour = COLOURS[kind.saturating_sub(1) % COLOURS.len()];
    Style::new().fg_color(Some(Color::Ansi(colour)))
}

fn painted(text: &str, style: Style) -> String {
    format!("{style}{text}{style:#}")
}

impl Lines {
    /// The chart in characters, at most `columns` wide, with `rows` for the plot itself; names
    /// stand at the ends of the lines, so it can be read without colours, which are ANSI
    /// sequences. Empty when there is no room for it.
    pub fn text(&self, columns: usize, rows: usize) -> String {
        let rows = rows.clamp(ROWS_MIN, ROWS_MAX);
        let (x, y) = self.scales(columns as f64 * 9.0, rows as f64 * 22.0);
        let tick = y.ticks.iter().map(|(_, text)| text.chars().count()).max().unwrap_or(0);
        let names = self.names().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let wide = columns.saturating_sub(tick + 3 + names + 1).min(COLUMNS_MAX);
        if wide < COLUMNS_MIN {
            return String::new();
        }
        let (right, bottom) = ((wide * DOTS.0 - 1) as f64, (rows * DOTS.1 - 1) as f64);
        let (x, y) = (x.placed(0.0, right), y.placed(bottom, 0.0));
        let mut canvas = Canvas::new(wide, rows);
        for (points, path, kind) in self.paths(&x, &y) {
            draw(&mut canvas, &points, path, kind);
        }
        let mut out = format!("{}\n", y.title);
        let row_of = |value: f64| row(y.at(value)).min(rows - 1);
        let levels: Vec<_> = self.levels().map(|(name, at)| (row_of(at), name)).collect();
        let ends = ends(self, &x, &y, rows);
        for row in 0..rows {
            let mark = y.ticks.iter().find(|(at, _)| row_of(*at) == row);
            let (text, joint) = mark.map_or(("", '│'), |(_, text)| (&**text, '┤'));
            let level = levels.iter().find(|(at, _)| *at == row).map(|(_, name)| *name);
            let plot = canvas.row(row, level);
            let name = ends.iter().find(|end| end.0 == row);
            let name = name.map(|(_, name, kind)| painted(name, style(*kind)));
            let line = format!("{text:>tick$} {joint}{plot} {}", name.unwrap_or_default());
            out += line.trim_end();
            out.push('\n');
        }
        out + &x_axis(&x, tick, wide)
    }
}

fn draw(canvas: &mut Canvas, points: &[(f64, f64)], path: Path, kind: usize) {
    if path == Path::Dots || points.len() == 1 {
        for (x, y) in points {
            canvas.dot(*x, *y, kind);
        }
    }
    for pair in points.windows(2).filter(|_| path != Path::Dots) {
        let [from, to] = [pair[0], pair[1]];
        if path == Path::Steps {
            canvas.line(from, (to.0, from.1), kind);
            canvas.line((to.0, from.1), to, kind);
        } else {
            canvas.line(from, to, kind);
        }
    }
}

/// Rows for the names at the right, each its own.
fn ends<'a>(chart: &'a Lines, x: &Scale, y: &Scale, rows: usize) -> Vec<(usize, &'a str, usize)> {
    let mut ends: Vec<_> =
        chart.ends(x, y).map(|(at, name, kind)| (row(at), name, kind)).take(rows).collect();
    ends.sort_by_key(|end| end.0);
    let mut free = 0;
    for end in &mut ends {
        end.0 = end.0.max(free);
        free = end.0 + 1;
    }
    let mut last = rows;
    for end in ends.iter_mut().rev() {
        end.0 = end.0.min(last - 1);
        last = end.0;
    }
    ends
}

/// The line below the plot, with ticks, numbers and what they count.
fn x_axis(x: &Scale, tick: usize, wide: usize) -> String {
    let mut rule = vec!['─'; wide];
    let mut numbers = vec![' '; wide + 8];
    let mut free = 0;
    for (at, text) in &x.ticks {
        let column = ((x.at(*at) / DOTS.0 as f64) as usize).min(wide - 1);
        let long = text.chars().count();
        // The first may stand under the corner.
        let start = (column + 1).saturating_sub(long / 2);
        if start < free || start + long > numbers.len() {
            continue;
        }
        rule[column] = '┬';
        numbers.splice(start..start + long, text.chars());
        free = start + long + 1;
    }
    let rule: String = rule.into_iter().collect();
    let numbers: String = numbers.into_iter().collect();
    let middle = tick + 2 + (wide.saturating_sub(x.title.chars().count())) / 2;
    let pad = " ".repeat(tick + 1);
    format!("{pad}└{rule}\n{pad}{}\n{}{}\n", numbers.trim_end(), " ".repeat(middle), x.title)
}

#[cfg(test)]
mod tests;

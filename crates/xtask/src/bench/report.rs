//! The table and the JSON of what was measured.

use serde_json::{Map, Value, json};

use super::jobs::Sample;
use super::process::Cost;
use super::statistics::Spread;

const MIB: f64 = (1 << 20) as f64;

/// Something that is read off a measurement of so many bytes.
struct Figure {
    title: &'static str,
    key: &'static str,
    digits: usize,
    of: fn(&Sample, f64) -> Option<f64>,
}

/// In a pair, those without a role are the leecher's.
const FIGURES: [Figure; 8] = [
    Figure {
        title: "MiB/s",
        key: "mib_per_s",
        digits: 0,
        of: |sample, bytes| Some(bytes / MIB / sample.seconds),
    },
    Figure {
        title: "CPU s/GiB",
        key: "cpu_s_per_gib",
        digits: 2,
        of: |sample, bytes| Some(per_gib(sample.worker, bytes)),
    },
    Figure {
        title: "private MiB",
        key: "private_mib",
        digits: 0,
        of: |sample, _| Some(sample.worker.private),
    },
    Figure { title: "RSS MiB", key: "rss_mib", digits: 0, of: |sample, _| Some(sample.worker.rss) },
    Figure {
        title: "seeder CPU s/GiB",
        key: "seeder_cpu_s_per_gib",
        digits: 2,
        of: |sample, bytes| Some(per_gib(sample.seeder?, bytes)),
    },
    Figure {
        title: "CPU s/GiB of both",
        key: "pair_cpu_s_per_gib",
        digits: 2,
        of: |sample, bytes| Some(per_gib(sample.worker, bytes) + per_gib(sample.seeder?, bytes)),
    },
    Figure {
        title: "seeder private MiB",
        key: "seeder_private_mib",
        digits: 0,
        of: |sample, _| Some(sample.seeder?.private),
    },
    Figure {
        title: "seeder RSS MiB",
        key: "seeder_rss_mib",
        digits: 0,
        of: |sample, _| Some(sample.seeder?.rss),
    },
];

fn per_gib(cost: Cost, bytes: f64) -> f64 {
    cost.cpu / (bytes / MIB / 1024.0)
}

/// One job, done by several; the last row is the rival on its own, which all are compared with.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) title: String,
    pub(super) bytes: u64,
    pub(super) rows: Vec<Row>,
}

/// The measurements of one way to do a job, run by run.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) samples: Vec<Sample>,
}

impl Table {
    fn values(&self, row: &Row, figure: &Figure) -> Vec<f64> {
        let values = row.samples.iter();
        values.filter_map(|sample| (figure.of)(sample, self.bytes as f64)).collect()
    }

    fn spread(&self, row: &Row, figure: &Figure) -> Option<Spread> {
        Spread::of(self.values(row, figure))
    }

    fn ratio(&self, row: &Row, figure: &Figure) -> Option<Spread> {
        let theirs = self.values(self.rows.last()?, figure);
        Spread::of_ratios(self.values(row, figure), theirs)
    }

    /// Medians with the least and the most; below, the same as ratios to the last row.
    pub(super) fn show(&self) -> String {
        let Some((rival, others)) = self.rows.split_last() else {
            return String::new();
        };
        let values = cells(&self.title, &self.rows, |row, figure| {
            Some(self.spread(row, figure)?.show(figure.digits))
        });
        let ratios = cells(&format!("÷ {}", rival.name), others, |row, figure| {
            Some(self.ratio(row, figure)?.show(2))
        });
        format!("{}\n{}", align(&values), align(&ratios))
    }

    pub(super) fn json(&self) -> Value {
        let rows: Vec<Value> = self.rows.iter().map(|row| self.row_json(row)).collect();
        json!({"job": self.title, "bytes": self.bytes, "rows": rows})
    }

    fn row_json(&self, row: &Row) -> Value {
        let mut figures = Map::new();
        for figure in &FIGURES {
            let (Some(spread), Some(ratio)) = (self.spread(row, figure), self.ratio(row, figure))
            else {
                continue;
            };
            let values = self.values(row, figure);
            let shown = json!({"values": values, "is": spread.json(), "ratio": ratio.json()});
            figures.insert(figure.key.to_owned(), shown);
        }
        json!({"name": row.name, "figures": figures})
    }
}

/// A line of titles, then a line for each figure that there is.
fn cells(
    title: &str,
    rows: &[Row],
    cell: impl Fn(&Row, &Figure) -> Option<String>,
) -> Vec<Vec<String>> {
    let names = rows.iter().map(|row| row.name.clone());
    let titles = [title.to_owned()].into_iter().chain(names).collect();
    let lines = FIGURES.iter().filter_map(|figure| {
        let cells: Option<Vec<String>> = rows.iter().map(|row| cell(row, figure)).collect();
        let title = [figure.title.to_owned()].into_iter();
        Some(title.chain(cells?).collect())
    });
    [titles].into_iter().chain(lines).collect()
}

/// Lines of cells as a table: the first column to the left, the others to the right.
pub(super) fn align(cells: &[Vec<String>]) -> String {
    let columns = cells.first().map_or(0, Vec::len);
    let width = |column: usize| cells.iter().map(|line| line[column].chars().count()).max();
    let widths: Vec<usize> = (0..columns).filter_map(width).collect();
    let mut lines: Vec<String> = Vec::new();
    for line in cells {
        let padded = line.iter().zip(&widths).enumerate();
        let padded = padded.map(|(column, (cell, &width))| match column {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        lines.push(format!("| {} |\n", padded.collect::<Vec<_>>().join(" | ")));
    }
    let rules = widths.iter().enumerate().map(|(column, &width)| match column {
        0 => "-".repeat(width + 2),
        _ => "-".repeat(width + 1) + ":",
    });
    lines.insert(1, format!("|{}|\n", rules.collect::<Vec<_>>().join("|")));
    lines.concat()
}

#[cfg(test)]
mod tests;

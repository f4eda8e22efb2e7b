use super::super::jobs::Sample;
use super::super::process::Cost;
use super::{Row, Table};

fn table(seeders: bool) -> Table {
    let sample = |seconds: f64, cpu: f64| {
        let cost = Cost { cpu, rss: 30.0, private: 20.0 };
        Sample { seconds, worker: cost, seeder: seeders.then_some(cost) }
    };
    let row =
        |name: &str, samples: [Sample; 3]| Row { name: name.to_owned(), samples: samples.to_vec() };
    let ours = [sample(2.0, 1.0), sample(1.0, 3.0), sample(4.0, 2.0)];
    let theirs = [sample(1.0, 1.0), sample(1.0, 1.0), sample(1.0, 1.0)];
    Table {
        title: "PAIR".to_owned(),
        bytes: 1 << 30,
        rows: vec![row("ours", ours), row("theirs", theirs)],
    }
}

#[test]
fn a_table_shows_medians_and_ratios() {
    let shown = table(false).show();
    let lines: Vec<&str> = shown.lines().collect();
    let expected = [
        "| PAIR | ours | theirs |",
        "|---|---:|---:|",
        "| MiB/s | 512 (256–1024) | 1024 (1024–1024) |",
        "| CPU s/GiB | 2.00 (1.00–3.00) | 1.00 (1.00–1.00) |",
        "| private MiB | 20 (20–20) | 20 (20–20) |",
        "| RSS MiB | 30 (30–30) | 30 (30–30) |",
        "",
        "| ÷ theirs | ours |",
        "|---|---:|",
        "| MiB/s | 0.50 (0.25–1.00) |",
        "| CPU s/GiB | 2.00 (1.00–3.00) |",
        "| private MiB | 1.00 (1.00–1.00) |",
        "| RSS MiB | 1.00 (1.00–1.00) |",
    ];
    assert_eq!(lines.len(), expected.len(), "{shown}");
    for (line, expected) in lines.iter().zip(expected) {
        assert_eq!(without_padding(line), expected);
    }
    for part in [&lines[..6], &lines[7..]] {
        let widths: Vec<usize> = part.iter().map(|line| line.chars().count()).collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{shown}");
    }
}

fn without_padding(line: &str) -> String {
    let mut line = line.to_owned();
    for (wide, narrow) in [("  ", " "), ("----", "---")] {
        while line.contains(wide) {
            line = line.replace(wide, narrow);
        }
    }
    line
}

#[test]
fn seeders_have_columns_where_there_are_seeders() {
    for seeders in [false, true] {
        let table = table(seeders);
        assert_eq!(table.show().contains("seeder CPU"), seeders);
        let figures = &table.json()["rows"][0]["figures"];
        assert_eq!(figures["mib_per_s"]["is"]["median"], 512.0);
        assert_eq!(figures["mib_per_s"]["ratio"]["median"], 0.5);
        assert_eq!(figures.get("seeder_cpu_s_per_gib").is_some(), seeders);
    }
}

use super::*;
use crate::{Axis, Lines, Series, svg};

fn chart() -> Lines {
    let points = vec![(1.0, 2.0), (2.0, 3.0)];
    Lines::new(Axis::new("x"), Axis::new("y")).with(Series::line("a", points))
}

#[test]
fn a_page_is_complete_in_itself() {
    let page = Page::new("A <swarm>")
        .lead("It was fast.")
        .fact("Efficiency", "95 %")
        .heading("When")
        .text("Soon.")
        .figure(&Figure::new("Completion", &chart()).caption("All at once."))
        .table(&Table::new(&["name", "seconds"]).row(["a", "1.5"]).row(["b", "12"]))
        .parameter("Seed", "7")
        .data("{\"a\":1}")
        .html();
    for words in ["A &lt;swarm&gt;", "It was fast.", "95 %", "All at once.", "Seed", "eyJhIjoxfQ=="]
    {
        assert!(page.contains(words), "{words}: {page}");
    }
    for elsewhere in ["<script", "http:", "https:", "url(", "@import", "src="] {
        assert!(!page.contains(elsewhere), "{elsewhere}: {page}");
    }
    assert_eq!(page.matches("<svg").count(), 2, "one for a screen and one for a phone");
    assert_eq!(page.matches("class=\"number\"").count(), 3, "{page}");
}

#[test]
fn long_tables_are_cut() {
    let mut table = Table::new(&["n"]);
    for row in 0..2_000 {
        table = table.row([row.to_string()]);
    }
    assert!(Page::new("t").table(&table).html().contains("and 1500 more rows"));
}

#[test]
fn a_file_of_one_picture_has_its_style_and_title() {
    let file = svg("Time & peers", &chart());
    assert!(
        file.starts_with("<svg class=\"chart\" xmlns=\"http://www.w3.org/2000/svg\""),
        "{file}"
    );
    assert!(file.contains("Time &amp; peers</text>") && file.contains("prefers-color-scheme"));
    assert!(file.ends_with("</svg>\n"));
}

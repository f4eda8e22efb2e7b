use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::picture::{NARROW, Picture, STYLE, WIDE, inline};

const PAGE_STYLE: &str = include_str!("page.css");
/// Nothing from elsewhere, and no scripts.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
                      base-uri 'none'; form-action 'none'";
/// The most rows of a table; how many more there are is said below.
const ROWS_MAX: usize = 500;

/// A picture with what it shows and what can be seen in it.
#[derive(Debug)]
pub struct Figure {
    title: String,
    caption: String,
    wide: Markup,
    narrow: Markup,
}

impl Figure {
    /// A picture under a title; draws it at once.
    pub fn new(title: &str, picture: &dyn Picture) -> Self {
        Self {
            title: title.to_owned(),
            caption: String::new(),
            wide: inline(picture, WIDE, "wide", title),
            narrow: inline(picture, NARROW, "narrow", title),
        }
    }

    /// What can be seen in it: a sentence or two.
    pub fn caption(mut self, text: &str) -> Self {
        text.clone_into(&mut self.caption);
        self
    }

    fn draw(&self) -> Markup {
        html! {
            figure {
                h3 { (self.title) }
                (self.wide)
                (self.narrow)
                @if !self.caption.is_empty() { figcaption { (self.caption) } }
            }
        }
    }
}

/// Rows and columns of words; columns of numbers stand to the right.
#[derive(Clone, Debug, Default)]
pub struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table with these columns.
    pub fn new(columns: &[&str]) -> Self {
        Self { columns: columns.iter().map(ToString::to_string).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row(mut self, cells: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.rows.push(cells.into_iter().map(Into::into).collect());
        self
    }

    fn draw(&self) -> Markup {
        let shown = &self.rows[..self.rows.len().min(ROWS_MAX)];
        let hidden = self.rows.len() - shown.len();
        let is_number = |column: usize| {
            let mut cells = shown.iter().filter_map(|row| row.get(column));
            cells.all(|cell| cell.starts_with(|c: char| c.is_ascii_digit() || "+−-–—".contains(c)))
        };
        let numbers: Vec<bool> = (0..self.columns.len()).map(is_number).collect();
        let class = |column: usize| numbers.get(column).is_some_and(|is| *is).then_some("number");
        html! {
            div.table {
                table {
                    thead {
                        tr {
                            @for (index, name) in self.columns.iter().enumerate() {
                                th class=[class(index)] scope="col" { (name) }
                            }
                        }
                    }
                    tbody {
                        @for row in shown {
                            tr {
                                @for (index, cell) in row.iter().enumerate() {
                                    td class=[class(index)] { (cell) }
                                }
                            }
                        }
                    }
                }
                @if hidden > 0 { p.soft { "and " (hidden) " more rows" } }
            }
        }
    }
}

/// A page of figures: one HTML file, complete in itself.
#[derive(Debug)]
pub struct Page {
    title: String,
    lead: String,
    facts: Vec<(String, String)>,
    parameters: Vec<(String, String)>,
    blocks: Vec<Markup>,
    data: Option<String>,
}

impl Page {
    /// An empty page.
    pub fn new(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            lead: String::new(),
            facts: Vec::new(),
            parameters: Vec::new(),
            blocks: Vec::new(),
            data: None,
        }
    }

    /// What came out, in a sentence or two under the title.
    pub fn lead(mut self, text: &str) -> Self {
        text.clone_into(&mut self.lead);
        self
    }

    /// One of the few numbers that matter most, in large type: its name and the number.
    pub fn fact(mut self, name: &str, value: &str) -> Self {
        self.facts.push((name.to_owned(), value.to_owned()));
        self
    }

    /// What the experiment was told: the command, the seed, sizes, rates. Stands at the end.
    pub fn parameter(mut self, name: &str, value: &str) -> Self {
        self.parameters.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Begins a part of the page.
    pub fn heading(mut self, text: &str) -> Self {
        self.blocks.push(html! { h2 { (text) } });
        self
    }

    /// A paragraph.
    pub fn text(mut self, text: &str) -> Self {
        self.blocks.push(html! { p { (text) } });
        self
    }

    /// A figure.
    pub fn figure(mut self, figure: &Figure) -> Self {
        self.blocks.push(figure.draw());
        self
    }

    /// A table.
    pub fn table(mut self, table: &Table) -> Self {
        self.blocks.push(table.draw());
        self
    }

    /// The numbers behind the figures, as a JSON text that readers can save.
    pub fn data(mut self, json: &str) -> Self {
        self.data = Some(BASE64_STANDARD.encode(json));
        self
    }

    /// The file.
    pub fn html(&self) -> String {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta http-equiv="Content-Security-Policy" content=(POLICY);
                    title { (self.title) }
                    style { (PreEscaped(PAGE_STYLE)) (PreEscaped(STYLE)) }
                }
                body {
                    main {
                        header {
                            h1 { (self.title) }
                            @if !self.lead.is_empty() { p.lead { (self.lead) } }
                        }
                        (self.draw_facts())
                        @for block in &self.blocks { (block) }
                        (self.draw_parameters())
                    }
                }
            }
        };
        let mut text = page.into_string();
        text.push('\n');
        text
    }

    fn draw_facts(&self) -> Markup {
        html! {
            @if !self.facts.is_empty() {
                dl.facts {
                    @for (name, value) in &self.facts {
                        div { dt { (name) } dd { (value) } }
                    }
                }
            }
        }
    }

    fn draw_parameters(&self) -> Markup {
        html! {
            @if !self.parameters.is_empty() {
                section {
                    h2 { "What was run" }
                    dl.parameters {
                        @for (name, value) in &self.parameters {
                            dt { (name) }
                            dd { (value) }
                        }
                    }
                }
            }
            footer {
                "Made by Fluvial. "
                @if let Some(data) = &self.data {
                    a download="report.json" href={ "data:application/json;base64," (data) } {
                        "Save the numbers (JSON)"
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;

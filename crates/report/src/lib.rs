//! What an experiment found, as a person reads it: charts as SVG, and pages of them as one HTML
//! file that needs nothing else. Light and dark, wide and on a phone, printed or on a screen.
//!
//! A [`Picture`] draws itself for a given width: [`Lines`], [`Bars`], [`Heat`] and [`Spans`] are
//! here, and whoever has another kind of picture implements the trait. [`svg`] makes a file of
//! one picture, [`Page`] a page of many, and [`Lines::text`] draws in a terminal. Nothing here does
//! I/O; values that are not finite are left out; what is drawn is bounded however much is given.

mod axis;
mod bars;
mod frame;
mod heat;
mod legend;
mod lines;
mod page;
mod picture;
mod scale;
mod spans;
mod terminal;
mod thin;
mod words;

// The public interface is:
pub use axis::{Axis, Unit};
pub use bars::Bars;
pub use heat::Heat;
pub use lines::{Lines, Series};
pub use page::{Figure, Page, Table};
pub use picture::{Drawing, KINDS, NARROW, Picture, WIDE, svg};
pub use spans::Spans;

//! The circle, its peers, and the way of a query round it.

use std::f64::consts::TAU;
use std::fmt::Write as _;

use report::{Drawing, Picture};
use ring::{Id, Route, Space};

/// Wider than this the picture does not become.
const WIDTH_MAX: f64 = 520.0;
/// Beyond this many peers, only those on the way have their names.
const NAMES_MAX: usize = 40;
/// Beyond this many peers, only some are drawn.
const PEERS_MAX: usize = 720;

/// The circle with one way round it.
#[derive(Debug)]
pub(super) struct Circle<'a> {
    pub(super) space: Space,
    pub(super) members: &'a [Id],
    pub(super) route: &'a Route,
    pub(super) key: Id,
    /// Its colour.
    pub(super) kind: usize,
}

impl Circle<'_> {
    /// Where on the circle a point lies, as a part of one turn.
    fn turn(&self, id: Id) -> f64 {
        let digits = id.bytes().iter().fold(0.0, |sum, byte| sum * 256.0 + f64::from(*byte));
        digits / f64::from(self.space.bits()).exp2()
    }
}

/// The middle of the picture and the radius of the circle.
#[derive(Clone, Copy)]
struct Round {
    x: f64,
    y: f64,
    radius: f64,
}

impl Round {
    /// A point at a turn (0 is on top, clockwise), so far from the middle.
    fn at(self, turn: f64, part: f64) -> (f64, f64) {
        let angle = turn * TAU;
        let far = self.radius * part;
        (self.x + far * angle.sin(), self.y - far * angle.cos())
    }
}

impl Picture for Circle<'_> {
    fn draw(&self, width: f64) -> Drawing {
        let side = width.min(WIDTH_MAX);
        let round = Round { x: width / 2.0, y: side / 2.0, radius: side * 0.37 };
        let Round { x, y, radius } = round;
        let mut out = format!(
            "<circle class='base' cx='{x:.1}' cy='{y:.1}' r='{radius:.1}' fill='none' \
                 stroke-width='2'/>"
        );
        self.hops(round, &mut out);
        self.key_mark(round, &mut out);
        self.peers(round, &mut out);
        Drawing::of_elements(side, out)
    }
}

/// Writing to a text cannot fail.
const WRITES: &str = "a text takes all that is written";

impl Circle<'_> {
    /// An arrow for each message, bent towards the middle, and a dotted one for the delivery.
    fn hops(&self, round: Round, out: &mut String) {
        let mut stops = self.route.path.clone();
        let messages = stops.len() - 1;
        stops.extend(self.route.owner.filter(|owner| stops.last() != Some(owner)));
        write!(out, "<g class='k{}'>", self.kind).expect(WRITES);
        for (number, pair) in stops.windows(2).enumerate() {
            let (from, to) = (self.turn(pair[0]), self.turn(pair[1]));
            let span = (to - from).rem_euclid(1.0);
            // A long jump runs near the middle, a short one near the rim.
            let (x0, y0) = round.at(from, 0.96);
            let (x1, y1) = round.at(to, 0.96);
            let (cx, cy) = round.at(from + span / 2.0, 0.94 - 1.5 * span);
            let dash = if number >= messages { "stroke-dasharray='2 5'" } else { "" };
            write!(
                out,
                "<path class='line' fill='none' stroke-width='2' {dash} d='M{x0:.1} \
                 {y0:.1}Q{cx:.1} {cy:.1} {x1:.1} {y1:.1}'/>"
            )
            .expect(WRITES);
            arrow_head((cx, cy), (x1, y1), out);
        }
        out.push_str("</g>");
    }

    fn key_mark(&self, round: Round, out: &mut String) {
        let turn = self.turn(self.key);
        let ((x0, y0), (x1, y1)) = (round.at(turn, 1.16), round.at(turn, 1.23));
        let (x, y) = round.at(turn, 1.29);
        write!(
            out,
            "<g class='k2'><path class='line' stroke-width='2' d='M{x0:.1} \
                 {y0:.1}L{x1:.1} {y1:.1}'/></g><text class='strong halo' \
                 text-anchor='middle' x='{x:.1}' y='{:.1}'>key</text>",
            y + 4.0
        )
        .expect(WRITES);
    }

    fn peers(&self, round: Round, out: &mut String) {
        let is_named = |id: &Id| {
            self.members.len() <= NAMES_MAX && self.space.bits() <= 32
                || self.members.len() <= PEERS_MAX && self.space.bits() <= 32 && self.is_on_way(*id)
        };
        let skip = self.members.len().div_ceil(PEERS_MAX);
        for (at, id) in self.members.iter().enumerate() {
            let is_on_way = self.is_on_way(*id);
            if !is_on_way && at % skip != 0 {
                continue;
            }
            let turn = self.turn(*id);
            let (x, y) = round.at(turn, 1.0);
            let size = if is_on_way { 6.5 } else { 4.5 };
            let class = if is_on_way { format!("k{}", self.kind) } else { "soft".to_owned() };
            write!(
                out,
                "<g class='{class}'><circle class='dot' fill='currentColor' cx='{x:.1}' \
                 cy='{y:.1}' r='{size}'/></g>"
            )
            .expect(WRITES);
            if is_named(id) {
                let (x, y) = round.at(turn, 1.1);
                let class = if is_on_way { "strong halo" } else { "soft halo" };
                let y = y + 4.0;
                write!(
                    out,
                    "<text class='{class}' text-anchor='middle' x='{x:.1}' \
                 y='{y:.1}'>{id}</text>"
                )
                .expect(WRITES);
            }
        }
    }

    fn is_on_way(&self, id: Id) -> bool {
        self.route.path.contains(&id) || self.route.owner == Some(id)
    }
}

/// The head of an arrow that comes from one point to another.
fn arrow_head(from: (f64, f64), to: (f64, f64), out: &mut String) {
    let angle = (to.1 - from.1).atan2(to.0 - from.0);
    // The peer's dot covers the very end.
    let tip = (to.0 - 5.0 * angle.cos(), to.1 - 5.0 * angle.sin());
    let corner =
        |turn: f64| (tip.0 - 9.0 * (angle + turn).cos(), tip.1 - 9.0 * (angle + turn).sin());
    let (left, right) = (corner(0.45), corner(-0.45));
    write!(
        out,
        "<path class='fill' fill='currentColor' d='M{:.1} {:.1}L{:.1} {:.1}L{:.1} \
                 {:.1}Z'/>",
        tip.0, tip.1, left.0, left.1, right.0, right.1
    )
    .expect(WRITES);
}

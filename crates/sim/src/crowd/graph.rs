/// A graph without directions over the members that live.
#[derive(Clone, Debug)]
pub struct Graph {
    /// The members, in order.
    nodes: Vec<u32>,
    /// For each of `nodes`, where its edges begin in `edges`.
    starts: Vec<usize>,
    /// Places in `nodes`.
    edges: Vec<u32>,
    /// Edges that one end alone knows of.
    one_sided: u64,
}

/// What a graph looks like.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// Members.
    pub nodes: u32,
    /// Parts that no edge joins.
    pub components: u32,
    /// Members of the largest part.
    pub largest: u32,
    /// How many members have so many neighbours; the index is the degree.
    pub degrees: Vec<u32>,
    /// The longest of all shortest ways, in hops, within the parts.
    pub diameter: u32,
    /// The mean of all shortest ways, in hops, within the parts.
    pub mean_path: f64,
    /// Edges that one end alone knows of.
    pub one_sided: u64,
}

impl Shape {
    /// The share of members with a degree within these bounds.
    pub fn share_within(&self, low: usize, high: usize) -> f64 {
        let within = self.degrees.iter().skip(low).take((high + 1).saturating_sub(low));
        f64::from(within.sum::<u32>()) / f64::from(self.nodes.max(1))
    }

    /// Neighbours of a member on average.
    pub fn mean_degree(&self) -> f64 {
        let ends: u64 = (0..).zip(&self.degrees).map(|(degree, &n)| degree * u64::from(n)).sum();
        ends as f64 / f64::from(self.nodes.max(1))
    }
}

impl Graph {
    /// From what each of `count` numbers knows; `None` where there is no such member.
    pub(super) fn new<'a>(count: u32, known: impl Fn(u32) -> Option<&'a [u32]>) -> Self {
        let nodes: Vec<u32> = (0..count).filter(|number| known(*number).is_some()).collect();
        let mut place_of = vec![u32::MAX; count as usize];
        for (place, number) in (0..).zip(&nodes) {
            place_of[*number as usize] = place;
        }
        let (mut starts, mut edges, mut one_sided) = (Vec::new(), Vec::new(), 0);
        for number in &nodes {
            starts.push(edges.len());
            for other in known(*number).unwrap_or_default() {
                if known(*other).is_some_and(|back| back.contains(number)) {
                    edges.push(place_of[*other as usize]);
                } else {
                    one_sided += 1;
                }
            }
        }
        starts.push(edges.len());
        Self { nodes, starts, edges, one_sided }
    }

    /// The members.
    pub fn nodes(&self) -> &[u32] {
        &self.nodes
    }

    fn of(&self, place: usize) -> &[u32] {
        &self.edges[self.starts[place]..self.starts[place + 1]]
    }

    /// Its figures; exact, in time that grows with members × edges ÷ 64.
    pub fn shape(&self) -> Shape {
        let mut degrees = Vec::new();
        for place in 0..self.nodes.len() {
            let degree = self.of(place).len();
            degrees.resize(degrees.len().max(degree + 1), 0);
            degrees[degree] += 1;
        }
        let sizes = self.component_sizes();
        let (diameter, mean_path) = self.distances();
        Shape {
            nodes: self.nodes.len() as u32,
            components: sizes.len() as u32,
            largest: sizes.into_iter().max().unwrap_or(0),
            degrees,
            diameter,
            mean_path,
            one_sided: self.one_sided,
        }
    }

    fn component_sizes(&self) -> Vec<u32> {
        let mut seen = vec![false; self.nodes.len()];
        let mut sizes = Vec::new();
        for start in 0..self.nodes.len() {
            let mut size = 0;
            let mut open = vec![start];
            while let Some(place) = open.pop() {
                if !std::mem::replace(&mut seen[place], true) {
                    size += 1;
                    open.extend(self.of(place).iter().map(|it| *it as usize));
                }
            }
            if size > 0 {
                sizes.push(size);
            }
        }
        sizes
    }

    /// The longest and the mean shortest way. The searches from 64 members at a time go side by
    /// side, a bit each.
    fn distances(&self) -> (u32, f64) {
        let count = self.nodes.len();
        let (mut longest, mut sum, mut pairs) = (0, 0u64, 0u64);
        let (mut seen, mut next) = (vec![0u64; count], vec![0u64; count]);
        for first in (0..count).step_by(64) {
            seen.fill(0);
            for (bit, place) in (first..count.min(first + 64)).enumerate() {
                seen[place] = 1 << bit;
            }
            for hops in 1u32.. {
                let mut fresh = 0u64;
                for place in 0..count {
                    let around = self.of(place).iter().fold(0, |all, it| all | seen[*it as usize]);
                    next[place] = seen[place] | around;
                    fresh += u64::from((around & !seen[place]).count_ones());
                }
                if fresh == 0 {
                    break;
                }
                std::mem::swap(&mut seen, &mut next);
                longest = longest.max(hops);
                sum += u64::from(hops) * fresh;
                pairs += fresh;
            }
        }
        (longest, sum as f64 / pairs.max(1) as f64)
    }
}

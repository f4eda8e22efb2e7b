//! What must hold of a ring at every moment (P. Zave, TSE 2017, § VI).

use std::fmt;

use crate::id::Id;
use crate::tables::Tables;

/// What is wrong with a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Broken {
    /// A member whose successors are all gone.
    NoLiveSuccessor(Id),
    /// A list that names its keeper, names somebody twice, goes round the circle, or is too long.
    BadList(Id),
    /// Fewer members than r+1 that no list passes over.
    TooFewPrincipals {
        /// How many there are.
        principals: usize,
        /// How many there must be.
        needed: usize,
    },
    /// A list began to pass over a member that none had passed over.
    PassedOver(Id),
    /// From successor to successor, members go round circles of their own.
    Split,
    /// From successor to successor, the circle is not in order.
    Disordered(Id),
}

impl Broken {
    /// What is wrong, whoever it concerns.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NoLiveSuccessor(_) => "no live successor",
            Self::BadList(_) => "list out of order",
            Self::TooFewPrincipals { .. } => "too few principals",
            Self::PassedOver(_) => "passed over",
            Self::Split => "ring split",
            Self::Disordered(_) => "ring out of order",
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLiveSuccessor(id) => write!(f, "{id} has no live successor"),
            Self::BadList(id) => write!(f, "the list of {id} is out of order"),
            Self::TooFewPrincipals { principals, needed } => {
                write!(f, "{principals} principal members, not {needed}")
            }
            Self::PassedOver(id) => write!(f, "{id} is passed over"),
            Self::Split => f.write_str("the ring is split"),
            Self::Disordered(id) => write!(f, "the ring is out of order at {id}"),
        }
    }
}

/// The members that no list passes over, in order; or what is wrong.
///
/// `members` are in order of their identifiers, and everybody who is there is among them.
pub fn check(members: &[&Tables], successors: usize) -> Result<Vec<Id>, Broken> {
    for tables in members {
        check_list(tables, successors)?;
    }
    let heads = live_heads(members)?;
    check_circle(members, &heads)?;
    let principals = principals(members);
    let needed = successors + 1;
    if principals.len() < needed {
        return Err(Broken::TooFewPrincipals { principals: principals.len(), needed });
    }
    Ok(principals)
}

/// The members that no list passes over, in order.
pub fn principals(members: &[&Tables]) -> Vec<Id> {
    // How many lists pass over each member, as differences: a list passes over whole stretches.
    let mut passes = vec![0_i64; members.len() + 1];
    let mut pass = |from: usize, to: usize| {
        if from < to {
            passes[from] += 1;
            passes[to] -= 1;
        }
    };
    let behind = |id: Id| members.partition_point(|tables| tables.id <= id);
    let before = |id: Id| members.partition_point(|tables| tables.id < id);
    for tables in members {
        let mut from = tables.id;
        for &to in &tables.successors {
            if from < to {
                pass(behind(from), before(to));
            } else {
                pass(behind(from), members.len());
                pass(0, before(to));
            }
            from = to;
        }
    }
    let mut now = 0;
    let counted = members.iter().zip(passes).map(|(tables, change)| {
        now += change;
        (tables.id, now)
    });
    counted.filter(|(_, passes)| *passes == 0).map(|(id, _)| id).collect()
}

fn check_list(tables: &Tables, successors: usize) -> Result<(), Broken> {
    let mut last = tables.id;
    for &id in &tables.successors {
        if id == tables.id || !id.is_between(last, tables.id) {
            return Err(Broken::BadList(tables.id));
        }
        last = id;
    }
    if tables.successors.len() > successors {
        return Err(Broken::BadList(tables.id));
    }
    Ok(())
}

fn position(members: &[&Tables], id: Id) -> Option<usize> {
    members.binary_search_by_key(&id, |tables| tables.id).ok()
}

/// Where the first successor of each that is there stands.
fn live_heads(members: &[&Tables]) -> Result<Vec<usize>, Broken> {
    let head = |tables: &&Tables| {
        let head = tables.successors.iter().find_map(|id| position(members, *id));
        head.ok_or(Broken::NoLiveSuccessor(tables.id))
    };
    members.iter().map(head).collect()
}

/// Whether live successors make one circle, in order, that everybody reaches.
fn check_circle(members: &[&Tables], heads: &[usize]) -> Result<(), Broken> {
    // Whoever steps as often as there are members stands on a circle.
    let Some(&first) = heads.first() else { return Ok(()) };
    let start = (0..members.len()).fold(first, |at, _| heads[at]);
    let mut reaches = vec![false; members.len()];
    let (mut at, mut turns) = (start, 0);
    while !reaches[at] {
        reaches[at] = true;
        turns += usize::from(heads[at] <= at);
        if turns > 1 {
            return Err(Broken::Disordered(members[at].id));
        }
        at = heads[at];
    }
    for from in 0..members.len() {
        let mut way = Vec::new();
        let mut at = from;
        while !reaches[at] {
            if way.len() > members.len() {
                return Err(Broken::Split);
            }
            way.push(at);
            at = heads[at];
        }
        for at in way {
            reaches[at] = true;
        }
    }
    Ok(())
}

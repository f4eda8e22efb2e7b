use stdx::{Instant, Rng};

use super::{CHECK_EVERY, Search, WAITING_MAX, Walker};
use crate::member::Out;
use crate::{Address, Id, Message, SearchId};

impl<A: Address> Search<A> {
    pub(super) fn handle_walk(
        &mut self,
        now: Instant,
        walker: Walker<A>,
        neighbours: &[A],
        rng: &mut Rng,
        out: &mut Out<A>,
    ) {
        let Walker { search, origin, ttl, hops, .. } = walker;
        if self.holds(walker.key) {
            out.send(origin, Message::Found { search, hops });
        } else if ttl == 0 {
            // Its way ends here.
        } else if hops.is_multiple_of(CHECK_EVERY) {
            // Who looks for nothing does not answer, so nobody can be made to hear of a search
            // that is not its own more than once per walker.
            if self.waiting.len() < WAITING_MAX {
                let number = self.next_walker;
                self.next_walker = number.wrapping_add(1);
                let until = now + self.config.request_timeout;
                self.waiting.push_back((until, number, walker));
                out.send(origin, Message::Check { search, walker: number });
            }
        } else {
            step(walker, neighbours, rng, out);
        }
    }

    pub(super) fn handle_go_on(
        &mut self,
        from: A,
        search: SearchId,
        number: u32,
        neighbours: &[A],
        rng: &mut Rng,
        out: &mut Out<A>,
    ) {
        let place = self.waiting.iter().position(|(_, waiting, walker)| {
            *waiting == number && walker.search == search && walker.origin == from
        });
        if let Some((_, _, walker)) = place.and_then(|place| self.waiting.remove(place)) {
            step(walker, neighbours, rng, out);
        }
    }

    fn holds(&self, key: Id) -> bool {
        self.held.contains(&key)
    }
}

/// One hop further, and not back, unless there is no other way.
pub(super) fn step<A: Address>(
    walker: Walker<A>,
    neighbours: &[A],
    rng: &mut Rng,
    out: &mut Out<A>,
) {
    let Walker { search, key, origin, from, .. } = walker;
    let Some(ttl) = walker.ttl.checked_sub(1) else {
        return;
    };
    let mut others = neighbours.iter().filter(|it| **it != from);
    let count = others.clone().count();
    let to = match count {
        0 => neighbours.first(),
        _ => others.nth(rng.index(count)),
    };
    if let Some(to) = to {
        let hops = walker.hops.saturating_add(1);
        out.send(*to, Message::Walk { search, key, origin, ttl, hops });
    }
}

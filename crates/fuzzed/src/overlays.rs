use std::sync::Arc;

use overlay::{Config, Event, How, Id, Message, Overlay, Priority, SearchId};
use stdx::{Duration, Instant, Rng};

use crate::input::Input;

/// Members that run the core; numbers up to `SPOKEN_OF` are only spoken of.
const MEMBERS: u32 = 6;
const SPOKEN_OF: u8 = 12;
/// Messages on their way; the oldest are lost.
const OPEN_MAX: usize = 512;
/// Messages that one input makes, at most: a few for each neighbour.
const OUT_MAX: usize = 128;
const ACTIVE: usize = 4;
const RESERVE: usize = 6;

/// A few members of an overlay, whose messages are lost, doubled and late, with words between
/// them that nobody of theirs said. All keep to their limits.
pub fn fuzz_overlay(data: &[u8]) {
    let (mut input, mut crowd) = (Input(data), Crowd::new());
    while let (Some(op), Some(who)) = (input.byte(), input.byte()) {
        crowd.step(op, who, &mut input);
    }
    // In the end all is quiet but for what keeps the overlay up.
    for _ in 0..100 {
        crowd.open.clear();
        crowd.pass(Duration::from_secs(1));
    }
}

struct Crowd {
    now: Instant,
    members: Vec<Overlay<u32>>,
    open: Vec<(u32, u32, Message<u32>)>,
}

impl Crowd {
    fn new() -> Self {
        let config = Config {
            active_low: 2,
            active_want: 3,
            active_high: ACTIVE,
            passive: RESERVE,
            rotate: 2,
            ..Config::default()
        };
        let member = |number: u32| {
            let rng = Rng::new(number.into());
            Overlay::new(number, config.clone(), rng, Instant::ZERO)
        };
        Self { now: Instant::ZERO, members: (0..MEMBERS).map(member).collect(), open: Vec::new() }
    }

    fn step(&mut self, op: u8, who: u8, input: &mut Input<'_>) {
        let number = u32::from(who) % MEMBERS;
        let (now, member) = (self.now, &mut self.members[number as usize]);
        match op % 12 {
            0 => member.join(now, some(input)),
            1..=4 if !self.open.is_empty() => {
                let place = usize::from(who) % self.open.len();
                let (from, to, message) = match op % 12 {
                    1 | 2 => self.open.remove(0),
                    3 => self.open.remove(place),
                    _ => self.open[place].clone(),
                };
                if let Some(member) = self.members.get_mut(to as usize) {
                    member.handle_message(now, from, message);
                    self.drain(to);
                }
                return;
            }
            5 => member.handle_failed(now, some(input)),
            6 | 7 => {
                let (from, message) = (some(input), forged(input));
                member.handle_message(now, from, message);
            }
            8 => {
                let payload: Arc<[u8]> = input.slice().into();
                let _known = member.broadcast(now, id(input), payload);
            }
            9 => {
                let (ttl, walkers) = (input.short(), u16::from(input.byte().unwrap_or(0)));
                let how = match ttl % 2 {
                    0 => How::Flood { ttl: ttl as u8 },
                    _ => How::Walk { walkers, ttl },
                };
                let _full = member.search(now, id(input), how);
            }
            10 => {
                let key = id(input);
                let _full = member.hold(key);
            }
            _ if who > 250 => member.leave(),
            _ => {
                self.pass(Duration::from_millis(u64::from(input.short())));
                return;
            }
        }
        self.drain(number);
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        for number in 0..MEMBERS {
            let member = &mut self.members[number as usize];
            member.handle_timeout(self.now);
            let due = member.poll_timeout();
            assert!(due.is_none_or(|due| due > self.now), "what is due is done at once");
            self.drain(number);
        }
    }

    fn drain(&mut self, number: u32) {
        let member = &mut self.members[number as usize];
        let mut said = 0;
        while let Some(transmit) = member.poll_transmit() {
            said += 1;
            assert!(transmit.to != number, "nobody speaks to itself");
            assert!(transmit.message.size() < 70_000);
            self.open.push((number, transmit.to, transmit.message));
        }
        assert!(said <= OUT_MAX, "{said} messages at once");
        let more = self.open.len().saturating_sub(OPEN_MAX);
        self.open.drain(..more);
        while let Some(event) = member.poll_event() {
            assert!(event != Event::Up(number), "nobody is its own neighbour");
        }
        let (active, reserve) = (member.neighbours(), member.reserve());
        assert!(active.len() <= ACTIVE && reserve.len() <= RESERVE);
        let mut all: Vec<u32> = active.iter().chain(reserve).copied().collect();
        all.sort_unstable();
        all.dedup();
        assert!(all.len() == active.len() + reserve.len(), "nobody is there twice");
        assert!(!all.contains(&number));
        let tree: Vec<u32> = member.tree_neighbours().collect();
        assert!(tree.iter().all(|it| active.contains(it)), "the tree is among neighbours");
    }
}

/// A member, or somebody who is only spoken of.
fn some(input: &mut Input<'_>) -> u32 {
    u32::from(input.byte().unwrap_or(0) % SPOKEN_OF)
}

fn id(input: &mut Input<'_>) -> Id {
    Id([input.byte().unwrap_or(0) % 8; 20])
}

/// As many as the next byte says: more than any member may send.
fn several(input: &mut Input<'_>) -> Vec<u32> {
    input.slice().iter().map(|byte| u32::from(byte % SPOKEN_OF)).collect()
}

/// A message that nobody sent.
fn forged(input: &mut Input<'_>) -> Message<u32> {
    let kind = input.byte().unwrap_or(0);
    let priority = if kind >= 128 { Priority::High } else { Priority::Low };
    let (ttl, round) = (input.byte().unwrap_or(0), input.short());
    let search = SearchId(u64::from(round % 4));
    match kind % 20 {
        0 => Message::Join,
        1 => Message::Welcome { contacts: several(input) },
        2 => Message::Forward { origin: some(input), priority, ttl },
        3 => Message::Neighbour { priority },
        4 => Message::Accept,
        5 => Message::Refuse,
        6 => Message::Disconnect { leaving: kind >= 128 },
        7 => Message::Keep,
        8 => Message::Shuffle { origin: some(input), ttl, sample: several(input) },
        9 => Message::ShuffleReply { sample: several(input) },
        10 => Message::Gossip { id: id(input), round, payload: input.slice().into() },
        11 => {
            Message::IHave { ids: input.slice().iter().map(|it| (Id([*it; 20]), round)).collect() }
        }
        12 => Message::Graft { id: (ttl % 2 == 0).then(|| id(input)) },
        13 => Message::Prune,
        14 => Message::Query { search, key: id(input), ttl, hops: round as u8 },
        15 => Message::Answer { search, holder: some(input), hops: ttl },
        16 => {
            let origin = some(input);
            Message::Walk { search, key: id(input), origin, ttl: round, hops: ttl.into() }
        }
        17 => Message::Check { search, walker: ttl.into() },
        18 => Message::GoOn { search, walker: ttl.into() },
        _ => Message::Found { search, hops: round },
    }
}

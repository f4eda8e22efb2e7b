//! One member of a ring among peers who say anything.

use ring::{Answer, Ask, Config, Event, Id, Message, Node, Repair, Reply, Space, Transmit};
use stdx::{Duration, Instant};

use crate::input::Input;

/// Messages and news that one input may cause: a question for every pointer, and a little more.
const OUT_MAX: usize = 512;

/// Questions of the member that can be answered late.
const SENT_MAX: usize = 64;

/// A member, or somebody who wants to be one, that is told, asked and answered anything, in any
/// order, with messages lost and time passing.
///
/// # Panics
/// When its list is out of order, too long or names itself, or when it says too much at once.
pub fn fuzz_ring(data: &[u8]) {
    let mut input = Input(data);
    let Some(kind) = input.byte() else { return };
    let successors = 1 + usize::from(kind & 3);
    let space = Space::new(3 + (kind >> 2 & 7)).expect("from 3 to 10 bits");
    let repair = if kind & 0x20 == 0 { Repair::Prompt } else { Repair::Rounds };
    let config = Config { repair, ..Config::new(space, successors) };
    let mut now = Instant::ZERO;
    let ids: Vec<Id> = (0..=successors as u64).map(Id::from).collect();
    let node = if kind & 0x40 == 0 {
        Node::founder(config, ids[1], &ids, 1, now)
    } else {
        Node::newcomer(config, Id::from(7), &ids, 1, now)
    };
    let mut world = World { node: node.expect("it is possible"), space, sent: Vec::new() };
    world.check(config);
    while let Some(op) = input.byte() {
        world.act(op, &mut now, &mut input);
        world.check(config);
    }
}

struct World {
    node: Node,
    space: Space,
    /// What it asked, newest last.
    sent: Vec<Transmit>,
}

impl World {
    fn act(&mut self, op: u8, now: &mut Instant, input: &mut Input<'_>) {
        match op % 8 {
            0 => {
                *now += Duration::from_millis(u64::from(input.short()));
                self.node.handle_timeout(*now);
            }
            1 => {
                let (from, ask) = (self.id(input), self.ask(op, input));
                self.node.handle_message(*now, from, Message::Request { token: 1, ask });
            }
            2 => {
                let key = self.id(input);
                // It may refuse: what matters is that it goes on.
                let _refused = self.node.look_up(*now, key, op & 8 == 0);
            }
            3 => {
                if let Some(sent) = self.sent.pop() {
                    self.node.handle_undelivered(*now, &sent);
                }
            }
            4 => self.node.stabilize(*now),
            _ => {
                let at = usize::from(input.byte().unwrap_or(0)) % self.sent.len().max(1);
                if at >= self.sent.len() {
                    return;
                }
                let Transmit { to, message } = self.sent.remove(at);
                let Message::Request { token, ask } = message else { return };
                let reply = self.reply(op, to, ask, input);
                self.node.handle_message(*now, to, Message::Reply { token, reply });
            }
        }
    }

    fn id(&self, input: &mut Input<'_>) -> Id {
        let id = Id::from(u64::from(input.short()));
        if self.space.contains(id) {
            id
        } else {
            Id::from(u64::from(input.byte().unwrap_or(0)) % 8)
        }
    }

    fn ids(&self, input: &mut Input<'_>) -> Vec<Id> {
        let count = input.byte().unwrap_or(0) % 80;
        (0..count).map(|_| self.id(input)).collect()
    }

    fn ask(&self, op: u8, input: &mut Input<'_>) -> Ask {
        match op >> 3 & 7 {
            0 if op & 0x40 != 0 => Ask::Shortcuts,
            0 => Ask::Ping,
            1 => Ask::State,
            2 => Ask::Way { key: self.id(input), shortcuts: op & 0x40 == 0 },
            3 => Ask::Owner { key: self.id(input) },
            4 | 5 => Ask::Notify,
            6 => Ask::Nudge,
            _ => Ask::Leave,
        }
    }

    /// An answer of the right kind with anything in it, or one of any kind.
    fn reply(&self, op: u8, from: Id, ask: Ask, input: &mut Input<'_>) -> Reply {
        let fits = match ask {
            Ask::State => 3,
            Ask::Way { .. } => 4,
            Ask::Owner { .. } | Ask::Notify => 5,
            Ask::Shortcuts => 8,
            Ask::Ping | Ask::Nudge | Ask::Leave => 0,
        };
        match if op & 0x80 == 0 { fits } else { op >> 3 & 7 } {
            0 => Reply::Pong,
            1 => Reply::Absent,
            2 => Reply::Busy,
            3 => {
                let predecessor = (op & 0x40 == 0).then(|| self.id(input));
                Reply::State { predecessor, successors: self.ids(input) }
            }
            4 => Reply::Way(Answer { id: from, closer: self.ids(input), owners: self.ids(input) }),
            5 => Reply::Before(Some(self.id(input))),
            6 => Reply::Before(None),
            8 => Reply::Shortcuts((0..).zip(self.ids(input)).collect()),
            _ => Reply::Way(Answer { id: self.id(input), closer: Vec::new(), owners: Vec::new() }),
        }
    }

    fn check(&mut self, config: Config) {
        let mut said = 0;
        while let Some(sent) = self.node.poll_transmit() {
            said += 1;
            if matches!(sent.message, Message::Request { .. }) {
                self.sent.push(sent);
            }
        }
        while let Some(event) = self.node.poll_event() {
            said += 1;
            if let Event::Found { route, .. } = event {
                assert!(!route.path.is_empty(), "a way begins with the asker");
            }
        }
        assert!(said <= OUT_MAX, "{said} at once");
        let excess = self.sent.len().saturating_sub(SENT_MAX);
        self.sent.drain(..excess);
        let tables = self.node.tables();
        assert!(tables.successors.len() <= config.successors, "{tables:?}");
        let mut last = tables.id;
        for &id in &tables.successors {
            assert!(id != tables.id && id.is_between(last, tables.id), "{tables:?}");
            last = id;
        }
        assert!(tables.fingers.iter().all(|(power, _)| power < config.space.bits()), "{tables:?}");
    }
}

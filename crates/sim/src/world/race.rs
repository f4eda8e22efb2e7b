//! Connections over whichever transport answers first, as the engine opens them: TCP has a head
//! start. What was opened in vain is closed at once.

use session::Connect;
use stdx::{ConnId, Duration};

use super::way::Way;
use super::{Event, NodeIndex, Transport, World};

/// How long TCP is tried alone, as in the engine.
const HEAD_START: Duration = Duration::from_millis(400);

/// An attempt over both transports that nobody has answered yet.
#[derive(Debug)]
pub(crate) struct Race {
    connect: Connect,
    /// uTP has begun.
    both: bool,
    /// How many are on their way.
    left: u8,
}

impl World {
    /// TCP begins.
    pub(super) fn start_race(&mut self, node: NodeIndex, connect: Connect) {
        let conn = connect.conn;
        let Some(mind) = &mut self.nodes[node.get()].mind else {
            return;
        };
        mind.races.insert(conn, Race { connect: connect.clone(), both: false, left: 1 });
        self.schedule(node, HEAD_START, Event::HeadStartOver(conn));
        self.knock(node, connect);
    }

    /// uTP begins, if TCP has neither answered nor failed.
    pub(super) fn handle_head_start(&mut self, node: NodeIndex, conn: ConnId) {
        let race = self.race(node, conn).filter(|race| !race.both);
        if let Some(race) = race {
            (race.both, race.left) = (true, race.left + 1);
            let connect = race.connect.clone();
            self.dial_utp(node, connect);
        }
    }

    /// Somebody has answered: whether that is the first of its attempt. Otherwise it is closed.
    pub(super) fn wins_race(&mut self, node: NodeIndex, connect: &Connect, way: Way) -> bool {
        let races = self.nodes[node.get()].spec.transport == Transport::Both && !connect.punch;
        let race =
            self.nodes[node.get()].mind.as_mut().map(|mind| mind.races.remove(&connect.conn));
        match race.flatten() {
            Some(_) => self.cancel_utp(node, connect.conn),
            None if races => {
                self.close_way(node, way);
                return false;
            }
            None => {}
        }
        true
    }

    /// An attempt over one transport has failed: whether that was the last of it.
    pub(super) fn has_lost(&mut self, node: NodeIndex, conn: ConnId) -> bool {
        let Some(race) = self.race(node, conn) else {
            return true;
        };
        race.left -= 1;
        let (left, both) = (race.left, race.both);
        if !both {
            self.handle_head_start(node, conn);
        } else if left == 0
            && let Some(mind) = &mut self.nodes[node.get()].mind
        {
            mind.races.remove(&conn);
            return true;
        }
        false
    }

    fn race(&mut self, node: NodeIndex, conn: ConnId) -> Option<&mut Race> {
        self.nodes[node.get()].mind.as_mut()?.races.get_mut(&conn)
    }
}

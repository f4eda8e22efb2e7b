use std::collections::BTreeMap;
use std::net::IpAddr;

use tokio::task::JoinSet;

use super::hunts::Hunts;
use super::wishes::{Open, Wishes};
use super::{
    Arc, Clock, Datagram, Dht, Event, Family, Found, HashTableConfig, Id, Lookup, LookupId,
    NodeStore, NodeView, Order, Outgoing, SavedNodes, Service, SocketAddr, UdpPort, mpsc, watch,
};
use crate::egress::Egress;

/// Time between two times that nodes are saved.
const SAVE_EVERY: std::time::Duration = std::time::Duration::from_mins(5);

/// Nodes that are kept with those that are no more in the table.
const KEPT_MAX: usize = 200;

/// A node, with the numbers of its sockets by family.
struct Member {
    dht: Dht,
    sockets: [Option<usize>; 2],
}

/// The task that owns the nodes.
pub(super) struct Runner {
    clock: Clock,
    members: Vec<Member>,
    sockets: Vec<Arc<UdpPort>>,
    /// Which member each socket is of.
    owners: Vec<usize>,
    watched: BTreeMap<(usize, LookupId), mpsc::Sender<Event>>,
    store: Option<NodeStore>,
    /// Where nodes were when they were saved last.
    kept: Vec<SocketAddr>,
    bootstrap: Vec<String>,
    egress: Egress,
    names: JoinSet<Vec<SocketAddr>>,
    ready: watch::Sender<bool>,
    next: usize,
    wishes: Wishes,
    service: Service,
    hunts: Hunts,
}

impl Runner {
    pub(super) fn new(
        config: &HashTableConfig,
        sockets: Vec<Arc<UdpPort>>,
        clock: Clock,
        ready: watch::Sender<bool>,
        (wishes, service): (Wishes, Service),
    ) -> Self {
        let store = open_store(config);
        let saved = store.as_ref().and_then(|it| it.load().ok()).unwrap_or_default();
        let mut runner = Self {
            clock,
            members: Vec::new(),
            owners: Vec::new(),
            watched: BTreeMap::new(),
            store,
            kept: saved.addresses.clone(),
            bootstrap: config.bootstrap.clone(),
            egress: config.egress.clone(),
            names: JoinSet::new(),
            ready,
            next: 0,
            wishes,
            service,
            hunts: Hunts::default(),
            sockets,
        };
        let mut places: Vec<[Option<usize>; 2]> = Vec::new();
        for (number, socket) in runner.sockets.iter().enumerate() {
            let Ok(address) = socket.local_addr() else { continue };
            let family = Family::of(address) as usize;
            let free = places.iter().position(|place| place[family].is_none());
            let place = free.unwrap_or(places.len());
            if free.is_none() {
                places.push([None; 2]);
            }
            places[place][family] = Some(number);
            runner.owners.push(place);
        }
        for (sibling, place) in places.into_iter().enumerate() {
            runner.add_member(config, &saved, sibling, place);
        }
        runner.resolve();
        runner
    }

    fn add_member(
        &mut self,
        config: &HashTableConfig,
        saved: &SavedNodes,
        sibling: usize,
        sockets: [Option<usize>; 2],
    ) {
        let id = |family: Family| {
            let text = saved.ids[family as usize].as_ref().filter(|_| sibling == 0)?;
            text.parse().ok()
        };
        let mut secret = config.secret;
        secret[0] ^= sibling as u8;
        let settings = dht::Config {
            v4: sockets[0].is_some(),
            v6: sockets[1].is_some(),
            ids: Family::ALL.map(id),
            sibling: sibling as u8,
            read_only: config.read_only,
            ..dht::Config::default()
        };
        let now = self.clock.now();
        let mut dht = Dht::new(now, settings, secret);
        for number in sockets.into_iter().flatten() {
            // An address that others cannot be wrong about.
            if let Ok(address) = self.sockets[number].local_addr()
                && is_global(address.ip())
            {
                dht.set_external_ip(now, address.ip());
            }
        }
        dht.add_addresses(now, &saved.addresses);
        self.members.push(Member { dht, sockets });
    }

    pub(super) async fn run(
        mut self,
        mut orders: mpsc::Receiver<Order>,
        mut incoming: mpsc::Receiver<Datagram>,
    ) {
        for socket in &self.sockets {
            socket.settle().await;
        }
        let mut saving = tokio::time::interval(SAVE_EVERY);
        saving.tick().await;
        let wishes = self.wishes.clone();
        loop {
            self.hunt();
            (0..self.members.len()).for_each(|member| self.drain(member));
            let due = self.members.iter().filter_map(|it| it.dht.poll_timeout()).min();
            tokio::select! {
                Some(datagram) = incoming.recv() => self.deliver(&datagram),
                order = orders.recv() => match order {
                    Some(Order::Stop(done)) => {
                        self.save();
                        // The sockets are closed once it is said to be over.
                        drop(self);
                        // Whoever asked may have gone.
                        let _gone = done.send(());
                        return;
                    }
                    Some(order) => self.obey(order),
                    None => return self.save(),
                },
                open = wishes.take() => self.fulfil(open),
                Some(Ok(addresses)) = self.names.join_next() => self.add_addresses(&addresses),
                _ = saving.tick() => self.save(),
                () = self.clock.sleep_until(due) => {}
            }
            let now = self.clock.now();
            for member in &mut self.members {
                if member.dht.poll_timeout().is_some_and(|at| at <= now) {
                    member.dht.handle_timeout(now);
                }
            }
        }
    }

    fn deliver(&mut self, datagram: &Datagram) {
        let Some(member) = self.owners.get(datagram.socket) else { return };
        let dht = &mut self.members[*member].dht;
        dht.handle_datagram(self.clock.now(), datagram.from, &datagram.payload);
    }

    fn obey(&mut self, order: Order) {
        let now = self.clock.now();
        match order {
            Order::Begin(lookup, events, answer) => {
                // In turn, so that no address has all the traffic (BEP 45).
                self.next = (self.next + 1) % self.members.len().max(1);
                let number = self.next;
                let Some(member) = self.members.get_mut(number) else { return };
                let begun = begin(&mut member.dht, now, lookup);
                // Whoever asked may have gone.
                let _gone = answer.send(begun.map(|lookup| {
                    self.watched.insert((number, lookup), events);
                }));
            }
            Order::Announce(info_hash, port, seed) => {
                self.announce(info_hash, port, seed);
            }
            Order::Withdraw(info_hash) => self.withdraw(info_hash),
            Order::Addresses(addresses) => self.add_addresses(&addresses),
            Order::View(answer) => {
                let view = |member: &Member| NodeView {
                    ids: Family::ALL.map(|family| member.dht.id(family)),
                    external: Family::ALL.map(|family| member.dht.external_ip(family)),
                    stats: member.dht.stats(),
                };
                let _gone = answer.send(self.members.iter().map(view).collect());
            }
            Order::Stop(_) => {}
        }
    }

    fn announce(&mut self, info_hash: Id, port: Option<u16>, seed: bool) {
        let now = self.clock.now();
        for member in &mut self.members {
            if let Err(error) = member.dht.announce(now, info_hash, port, seed) {
                tracing::warn!(%info_hash, %error, "not announced to the DHT");
            }
        }
    }

    fn withdraw(&mut self, info_hash: Id) {
        self.members.iter_mut().for_each(|member| member.dht.withdraw(info_hash));
    }

    /// Does what the session wishes.
    fn fulfil(&mut self, open: Open) {
        for (info_hash, announce) in open.announces {
            match announce {
                Some(seed) => self.announce(info_hash, self.service.announce_port, seed),
                None => self.withdraw(info_hash),
            }
        }
        open.finds.into_iter().for_each(|info_hash| self.hunts.add(info_hash));
        for (member, lookup) in open.abandoned.into_iter().flat_map(|it| self.hunts.forget(it)) {
            self.members[member].dht.cancel(lookup);
        }
        self.add_addresses(&open.nodes);
        open.outside.into_iter().flatten().for_each(|ip| self.set_outside(ip));
    }

    /// Has the nodes be of an address, as far as other nodes have not told them theirs.
    fn set_outside(&mut self, ip: IpAddr) {
        let (now, family) = (self.clock.now(), Family::of((ip, 0).into()));
        for member in &mut self.members {
            if member.dht.id(family).is_some() && member.dht.external_ip(family).is_none() {
                member.dht.set_external_ip(now, ip);
            }
        }
    }

    /// Looks up what is waiting for that, as soon as there is anybody to ask.
    fn hunt(&mut self) {
        let known = |member: &Member| member.dht.stats().good != [0; 2];
        if !self.hunts.is_waiting() || !self.members.iter().any(known) {
            return;
        }
        let now = self.clock.now();
        while let Some(info_hash) = self.hunts.next() {
            self.next = (self.next + 1) % self.members.len().max(1);
            let (mut next, count) = (self.next, self.members.len());
            while !known(&self.members[next]) {
                next = (next + 1) % count;
            }
            match self.members[next].dht.find_peers(now, info_hash, false) {
                Ok(lookup) => self.hunts.begun((next, lookup), info_hash),
                // Too many at once: after others.
                Err(_) => return self.hunts.add(info_hash),
            }
        }
    }

    fn add_addresses(&mut self, addresses: &[SocketAddr]) {
        let now = self.clock.now();
        self.members.iter_mut().for_each(|member| member.dht.add_addresses(now, addresses));
    }

    fn drain(&mut self, number: usize) {
        let member = &mut self.members[number];
        while let Some(transmit) = member.dht.poll_transmit() {
            let socket = member.sockets[Family::of(transmit.to) as usize];
            if let Some(socket) = socket.and_then(|it| self.sockets.get(it)) {
                // What the kernel does not take now is lost, as on the way.
                let _lost = socket.try_send(&Outgoing {
                    to: transmit.to,
                    from: None,
                    segment: transmit.payload.len(),
                    bytes: &transmit.payload,
                    dont_fragment: false,
                });
            }
        }
        while let Some(event) = self.members[number].dht.poll_event() {
            self.tell(number, event);
        }
    }

    fn tell(&mut self, number: usize, event: Event) {
        let lookup = match &event {
            Event::Peers { lookup, .. }
            | Event::Item { lookup, .. }
            | Event::Samples { lookup, .. }
            | Event::Ended { lookup, .. } => *lookup,
            Event::Ready(family) => {
                let good: usize = self.members.iter().flat_map(|it| it.dht.stats().good).sum();
                tracing::info!(?family, nodes = good, "the DHT has been joined");
                self.ready.send_replace(true);
                self.hunts.ready();
                return;
            }
            Event::Address(ip) => {
                tracing::info!(%ip, "others see this node at an address");
                return;
            }
            Event::Fault { from, fault } => {
                tracing::debug!(%from, %fault, "somebody in the DHT is at fault");
                return;
            }
            Event::Stranded(family) => {
                tracing::info!(?family, "no node of the DHT is known");
                self.add_addresses(&self.kept.clone());
                self.resolve();
                return;
            }
        };
        let key = (number, lookup);
        self.tell_session(key, &event);
        let over = matches!(event, Event::Ended { .. });
        if let Some(events) = self.watched.get(&key) {
            // Who is behind loses some; who has gone wants none.
            let _lost = events.try_send(event);
        }
        if over {
            self.watched.remove(&key);
        }
    }

    /// Passes on what turned up of what the session wished for.
    fn tell_session(&mut self, key: (usize, LookupId), event: &Event) {
        if self.watched.contains_key(&key) {
            return;
        }
        match event {
            Event::Peers { info_hash, peers, .. } => {
                tracing::info!(%info_hash, count = peers.len(), "the DHT names peers");
                self.hunts.found(key);
                // Who is behind hears of them the next time.
                let found = Found { info_hash: *info_hash, peers: peers.clone() };
                let _lost = self.service.found.try_send(found);
            }
            Event::Ended { outcome, .. } => {
                let (info_hash, queries) = (outcome.target, outcome.queries);
                if outcome.crowded {
                    tracing::info!(%info_hash, "many sit round this key in the DHT; looked wider");
                }
                if outcome.stored > 0 {
                    let nodes = outcome.stored;
                    tracing::info!(%info_hash, nodes, "announced to the DHT");
                } else {
                    tracing::debug!(%info_hash, queries, "a look-up in the DHT has ended");
                }
                self.hunts.ended(key, *self.ready.borrow());
            }
            _ => {}
        }
    }

    /// Looks up the names of the routers.
    fn resolve(&mut self) {
        if !self.names.is_empty() {
            return;
        }
        for name in self.bootstrap.clone() {
            let egress = self.egress.clone();
            self.names.spawn(async move {
                match egress.lookup_named(&name).await {
                    Ok(addresses) => addresses,
                    Err(error) => {
                        tracing::info!(name, %error, "no address of a DHT router");
                        Vec::new()
                    }
                }
            });
        }
    }

    fn save(&mut self) {
        let mut nodes = SavedNodes::default();
        for member in &self.members {
            nodes.addresses.extend(member.dht.saved().iter().map(|it| it.address));
        }
        if let Some(first) = self.members.first() {
            nodes.ids = Family::ALL.map(|family| first.dht.id(family).map(|id| id.to_string()));
        }
        // An outage empties the table: who was there before it may be there after it.
        let gone = self.kept.iter().filter(|it| !nodes.addresses.contains(it)).copied();
        let gone: Vec<SocketAddr> = gone.collect();
        let room = KEPT_MAX.saturating_sub(nodes.addresses.len());
        nodes.addresses.extend(gone.into_iter().take(room));
        self.kept.clone_from(&nodes.addresses);
        let Some(store) = self.store.as_ref().filter(|_| !nodes.addresses.is_empty()) else {
            return;
        };
        if let Err(error) = store.save(&nodes) {
            tracing::warn!(%error, "the nodes of the DHT are not saved");
        }
    }
}

fn open_store(config: &HashTableConfig) -> Option<NodeStore> {
    match NodeStore::open(config.state_dir.as_ref()?) {
        Ok(store) => store,
        Err(error) => {
            tracing::warn!(%error, "nodes of the DHT are not kept");
            None
        }
    }
}

fn begin(dht: &mut Dht, now: stdx::Instant, lookup: Lookup) -> Result<LookupId, dht::Error> {
    match lookup {
        Lookup::Nodes(target) => dht.find_nodes(now, target),
        Lookup::Peers(info_hash) => dht.find_peers(now, info_hash, false),
        Lookup::Scrape(info_hash) => dht.scrape(now, info_hash),
        Lookup::Get(target) => dht.get(now, target),
        Lookup::GetMutable(key, salt) => dht.get_mutable(now, &key, &salt),
        Lookup::Put(item, cas) => dht.put(now, item, cas),
        Lookup::Sample(target) => dht.sample(now, target),
    }
}

fn is_global(ip: IpAddr) -> bool {
    !ip.is_unspecified() && !stdx::is_local(ip)
}

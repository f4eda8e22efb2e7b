use std::fmt::Display;

use netem::NatKind;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use session::ChokerPolicy;
use stdx::{Duration, Rate, parse_duration, parse_rate, parse_size};
use swarm::PieceOrder;

use super::{
    Arrival, BLOCKS_MAX, DiskKind, Fidelity, GROUPS_MAX, Group, PEERS_MAX, POWER_CUTS_MAX,
    SIZE_MAX, Scenario,
};
use crate::Transport;

/// The longest time that anything in a scenario may take.
const TIME_MAX: Duration = Duration::from_hours(10_000);

/// The most that gets lost: beyond it a connection lives from one time-out to the next.
const LOSS_MAX: f64 = 0.5;

/// The most that a modem holds back.
const QUEUE_MAX: Duration = Duration::from_secs(10);

/// Why a scenario is none: one line that says what, where, and what may stand there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ScenarioError(String);

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// When it is no TOML, has a key that means nothing, or asks for the impossible or absurd.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let file: File = toml::from_str(text).map_err(|error| {
            let message = error.message().lines().next().unwrap_or_default().to_owned();
            match error.span() {
                Some(span) => {
                    let before = &text[..span.start.min(text.len())];
                    ScenarioError(format!("line {}: {message}", before.matches('\n').count() + 1))
                }
                None => ScenarioError(message),
            }
        })?;
        let scenario = file.into_scenario();
        scenario.check()?;
        Ok(scenario)
    }

    /// Whether it can be run at all.
    ///
    /// # Errors
    /// What is impossible or absurd about it.
    pub fn check(&self) -> Result<(), ScenarioError> {
        let least = u64::from(stdx::BLOCK_LENGTH);
        let piece = u64::from(self.piece_length);
        within("size", self.size, least, SIZE_MAX)?;
        if !piece.is_power_of_two() || piece < least || piece > 64 << 20 {
            return wrong("`piece-length` is a power of two from 16KiB to 64MiB");
        }
        within("peer-set", self.peer_set as u64, 1, 1_000)?;
        if !(0.0..=LOSS_MAX).contains(&self.loss) {
            return wrong(format!("`loss` is a share from 0 to {LOSS_MAX}"));
        }
        if !(1.0..=1_000.0).contains(&self.loss_burst) {
            return wrong("`loss-burst` is a number of packets from 1 to 1000");
        }
        self.check_datagrams()?;
        if self.rtt > Duration::from_secs(10) {
            return wrong("`rtt` is at most 10s");
        }
        if self.limit > TIME_MAX {
            return wrong("`limit` is at most 10000h");
        }
        if self.seeds.len() + self.peers.len() > GROUPS_MAX {
            return wrong(format!("there are at most {GROUPS_MAX} groups of seeds and peers"));
        }
        for group in self.seeds.iter().chain(&self.peers) {
            group.check()?;
        }
        if self.seeds.iter().any(|group| group.magnet) {
            return wrong("`magnet` is for peers: seeds have everything from the start");
        }
        let troubled = self.seeds.iter().chain(&self.peers).any(Group::is_troubled);
        let has_wire = self.loss > 0.0 || self.transport.has_utp();
        if self.fidelity == Fidelity::Blocks && (has_wire || troubled) {
            return wrong(
                "`loss`, `transport`, `nat`, `lies`, `disk`, `power-cuts` and `magnet` need \
                 `fidelity = \"messages\"`",
            );
        }
        let count = |groups: &[Group]| groups.iter().map(|it| u64::from(it.count)).sum::<u64>();
        let (seeds, peers) = (count(&self.seeds), count(&self.peers));
        if seeds == 0 || peers == 0 {
            return wrong("there is at least one seed and one peer");
        }
        within("count", seeds + peers, 2, u64::from(PEERS_MAX))?;
        if u64::from(self.watch) >= seeds + peers {
            return wrong(format!(
                "`watch` names one of {} peers, the first being 0",
                seeds + peers
            ));
        }
        let blocks = self.size.div_ceil(least) * peers;
        if blocks > BLOCKS_MAX {
            return wrong(format!(
                "{blocks} blocks of 16 KiB are more than the {BLOCKS_MAX} that can be simulated; \
                 take fewer peers or a smaller `size`"
            ));
        }
        Ok(())
    }
}

impl Scenario {
    fn check_datagrams(&self) -> Result<(), ScenarioError> {
        let shares = [("duplicates", self.duplicates), ("reordering", self.reordering)];
        for (key, share) in shares {
            if !(0.0..=LOSS_MAX).contains(&share) {
                return wrong(format!("`{key}` is a share from 0 to {LOSS_MAX}"));
            }
            if share > 0.0 && !self.transport.has_utp() {
                return wrong(format!("`{key}` needs `transport = \"utp\"` or `\"both\"`"));
            }
        }
        if !(Duration::from_millis(1)..=QUEUE_MAX).contains(&self.queue) {
            return wrong("`queue` is a time from 1ms to 10s");
        }
        Ok(())
    }
}

impl Group {
    /// Whether there is anything about them that only a world of messages has.
    fn is_troubled(&self) -> bool {
        let bad = self.lies > 0.0 || self.disk != DiskKind::Sound;
        bad || self.power_cuts > 0 || self.magnet || self.nat.is_some()
    }

    fn check(&self) -> Result<(), ScenarioError> {
        if self.up.into_iter().chain(self.down).any(|rate| rate < 1_000) {
            return wrong("`up` and `down` are at least 1kB/s");
        }
        let quit = self.quit.map(|(_, within)| within);
        let times = [Some(self.at), self.stay, quit, Some(self.trouble_within)];
        if times.into_iter().flatten().any(|time| time > TIME_MAX) {
            return wrong("times are at most 10000h");
        }
        if self.quit.is_some_and(|(share, _)| !(0.0..=1.0).contains(&share)) {
            return wrong("`quit` is a share from 0 to 1");
        }
        if !(0.0..=1.0).contains(&self.lies) {
            return wrong("`lies` is a share from 0 to 1");
        }
        within("power-cuts", self.power_cuts.into(), 0, POWER_CUTS_MAX.into())?;
        if self.copies.is_some_and(|copies| !(copies > 0.0 && copies < 1e6)) {
            return wrong("`leave-after-copies` is a positive number");
        }
        match self.arrival {
            Arrival::PerSecond(rate) if !(rate > 1e-3 && rate < 1e6) => {
                wrong("`per-second` is a number from 0.001 to 1000000")
            }
            Arrival::Within(time) if time > TIME_MAX => wrong("times are at most 10000h"),
            _ => Ok(()),
        }
    }
}

fn within(key: &str, value: u64, least: u64, most: u64) -> Result<(), ScenarioError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    wrong(format!("`{key}` is {value}, which is not from {least} to {most}"))
}

fn wrong<T>(what: impl Into<String>) -> Result<T, ScenarioError> {
    Err(ScenarioError(what.into()))
}

/// A scenario as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    about: Option<String>,
    #[serde(default, deserialize_with = "size")]
    size: Option<u64>,
    #[serde(default, deserialize_with = "size")]
    piece_length: Option<u64>,
    #[serde(default, deserialize_with = "duration")]
    rtt: Option<Duration>,
    loss: Option<f64>,
    loss_burst: Option<f64>,
    duplicates: Option<f64>,
    reordering: Option<f64>,
    #[serde(default, deserialize_with = "duration")]
    queue: Option<Duration>,
    transport: Option<TransportName>,
    peer_set: Option<usize>,
    seed: Option<u64>,
    fidelity: Option<FidelityName>,
    #[serde(default, deserialize_with = "duration")]
    limit: Option<Duration>,
    picker: Option<PickerName>,
    choker: Option<ChokerName>,
    send_once: Option<bool>,
    watch: Option<u32>,
    seeds: Option<Vec<FileGroup>>,
    peers: Option<Vec<FileGroup>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FileGroup {
    name: Option<String>,
    count: Option<u32>,
    #[serde(default, deserialize_with = "rate")]
    up: Option<Rate>,
    #[serde(default, deserialize_with = "rate")]
    down: Option<Rate>,
    #[serde(default, deserialize_with = "duration")]
    at: Option<Duration>,
    #[serde(default, deserialize_with = "duration")]
    within: Option<Duration>,
    per_second: Option<f64>,
    free_riders: Option<bool>,
    #[serde(default, deserialize_with = "duration")]
    stay: Option<Duration>,
    leave_after_copies: Option<f64>,
    quit: Option<f64>,
    #[serde(default, deserialize_with = "duration")]
    quit_within: Option<Duration>,
    nat: Option<NatName>,
    magnet: Option<bool>,
    lies: Option<f64>,
    disk: Option<DiskName>,
    power_cuts: Option<u32>,
    #[serde(default, deserialize_with = "duration")]
    trouble_within: Option<Duration>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum TransportName {
    Tcp,
    Utp,
    Both,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum NatName {
    FullCone,
    AddressRestricted,
    PortRestricted,
    Symmetric,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum DiskName {
    Sound,
    Slow,
    Full,
    Failing,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum FidelityName {
    Messages,
    Blocks,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum PickerName {
    RarestFirst,
    Random,
    Sequential,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ChokerName {
    TitForTat,
    SeedStyle,
    AlwaysOpen,
}

impl File {
    fn into_scenario(self) -> Scenario {
        let usual = Scenario::default();
        let mut tactics = usual.tactics;
        tactics.send_once = self.send_once.unwrap_or(tactics.send_once);
        tactics.order = self.picker.map_or(tactics.order, |name| match name {
            PickerName::RarestFirst => PieceOrder::RarestFirst,
            PickerName::Random => PieceOrder::Random,
            PickerName::Sequential => PieceOrder::Sequential,
        });
        let groups = |groups: Option<Vec<FileGroup>>, usual: Vec<Group>| {
            let first = usual.first().cloned().unwrap_or_default();
            let group = |it: FileGroup| it.into_group(&first);
            groups.map_or(usual, |groups| groups.into_iter().map(group).collect())
        };
        Scenario {
            about: self.about.unwrap_or_default(),
            size: self.size.unwrap_or(usual.size),
            piece_length: self
                .piece_length
                .map_or(usual.piece_length, |length| u32::try_from(length).unwrap_or(0)),
            rtt: self.rtt.unwrap_or(usual.rtt),
            loss: self.loss.unwrap_or(usual.loss),
            loss_burst: self.loss_burst.unwrap_or(usual.loss_burst),
            duplicates: self.duplicates.unwrap_or(usual.duplicates),
            reordering: self.reordering.unwrap_or(usual.reordering),
            queue: self.queue.unwrap_or(usual.queue),
            transport: self.transport.map_or(usual.transport, |name| match name {
                TransportName::Tcp => Transport::Tcp,
                TransportName::Utp => Transport::Utp,
                TransportName::Both => Transport::Both,
            }),
            peer_set: self.peer_set.unwrap_or(usual.peer_set),
            seed: self.seed.unwrap_or(usual.seed),
            fidelity: self.fidelity.map_or(usual.fidelity, |name| match name {
                FidelityName::Messages => Fidelity::Messages,
                FidelityName::Blocks => Fidelity::Blocks,
            }),
            limit: self.limit.unwrap_or(usual.limit),
            tactics,
            choker: self.choker.map_or(usual.choker, |name| match name {
                ChokerName::TitForTat => ChokerPolicy::TitForTat,
                ChokerName::SeedStyle => ChokerPolicy::Turns,
                ChokerName::AlwaysOpen => ChokerPolicy::Open,
            }),
            watch: self.watch.unwrap_or(usual.watch),
            seeds: groups(self.seeds, usual.seeds),
            peers: groups(self.peers, usual.peers),
        }
    }
}

impl FileGroup {
    fn into_group(self, usual: &Group) -> Group {
        let quit_within = self.quit_within.unwrap_or(Duration::from_mins(1));
        Group {
            name: self.name.unwrap_or_default(),
            count: self.count.unwrap_or(1),
            up: self.up.map_or(usual.up, |rate| rate.0),
            down: self.down.map_or(usual.down, |rate| rate.0),
            at: self.at.unwrap_or_default(),
            arrival: match (self.within, self.per_second) {
                (_, Some(rate)) => Arrival::PerSecond(rate),
                (Some(time), None) => Arrival::Within(time),
                (None, None) => Arrival::Together,
            },
            free_riders: self.free_riders.unwrap_or(false),
            stay: self.stay,
            copies: self.leave_after_copies,
            quit: self.quit.map(|share| (share, quit_within)),
            nat: self.nat.map_or(usual.nat, |name| {
                Some(match name {
                    NatName::FullCone => NatKind::FullCone,
                    NatName::AddressRestricted => NatKind::AddressRestricted,
                    NatName::PortRestricted => NatKind::PortRestricted,
                    NatName::Symmetric => NatKind::Symmetric,
                })
            }),
            magnet: self.magnet.unwrap_or(usual.magnet),
            lies: self.lies.unwrap_or(usual.lies),
            disk: self.disk.map_or(usual.disk, |name| match name {
                DiskName::Sound => DiskKind::Sound,
                DiskName::Slow => DiskKind::Slow,
                DiskName::Full => DiskKind::Full,
                DiskName::Failing => DiskKind::Failing,
            }),
            power_cuts: self.power_cuts.unwrap_or(usual.power_cuts),
            trouble_within: self.trouble_within.unwrap_or(usual.trouble_within),
        }
    }
}

fn size<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    words(from, parse_size).map(Some)
}

fn rate<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Rate>, D::Error> {
    words(from, parse_rate).map(Some)
}

fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    let time = |text: &str| if text == "0s" { Ok(Duration::ZERO) } else { parse_duration(text) };
    words(from, time).map(Some)
}

fn words<'de, D: Deserializer<'de>, T, E: Display>(
    from: D,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<T, D::Error> {
    let text = String::deserialize(from)?;
    parse(&text).map_err(D::Error::custom)
}

use serde::Serialize;

use sim::{Costs, LookupTrial, LookupTrialReport, theory};

/// What look-ups took among so many nodes, in JSON.
#[derive(Debug, Serialize)]
pub(crate) struct LookupsResult {
    pub(super) nodes: u32,
    lookups: u32,
    seed: u64,
    pub(super) successors: Way,
    pub(super) shortcuts: Way,
    pub(super) dht: Way,
}

/// What they took in one of the networks.
#[derive(Debug, Serialize)]
pub(crate) struct Way {
    pub(super) mean_messages: f64,
    pub(super) p95_messages: f64,
    /// What theory says of messages, where it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expected_messages: Option<f64>,
    pub(super) mean_hops: f64,
    pub(super) p95_hops: f64,
    /// The same of hops.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expected_hops: Option<f64>,
    /// Messages until all who keep the key have answered, where a look-up goes on until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mean_whole_messages: Option<f64>,
    /// Look-ups that ended without the nearest node of all, where there may be such.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) missed_nearest: Option<u32>,
    pub(super) median_seconds: f64,
    pub(super) p95_seconds: f64,
    pub(super) failed_lookups: u32,
}

impl LookupsResult {
    pub(super) fn new(trial: &LookupTrial, report: &LookupTrialReport) -> Self {
        let LookupTrial { nodes, lookups, seed } = *trial;
        let ring = |costs: &Costs, expected: f64| Way {
            expected_messages: Some(expected),
            expected_hops: Some(expected),
            ..Way::new(costs)
        };
        Self {
            nodes,
            lookups,
            seed,
            successors: ring(&report.successors, theory::successors(nodes)),
            shortcuts: ring(&report.shortcuts, theory::shortcuts(nodes)),
            dht: Way {
                expected_hops: Some(theory::kademlia_hops(nodes)),
                mean_whole_messages: Some(report.whole.mean),
                missed_nearest: Some(report.missed),
                ..Way::new(&report.dht)
            },
        }
    }
}

impl Way {
    fn new(costs: &Costs) -> Self {
        Self {
            mean_messages: costs.messages.mean,
            p95_messages: costs.messages.p95,
            expected_messages: None,
            mean_hops: costs.hops.mean,
            p95_hops: costs.hops.p95,
            expected_hops: None,
            mean_whole_messages: None,
            missed_nearest: None,
            median_seconds: costs.seconds.median,
            p95_seconds: costs.seconds.p95,
            failed_lookups: costs.failed,
        }
    }
}

use stdx::Rng;

/// How packets get lost on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Loss {
    /// None is.
    #[default]
    None,
    /// Each with this probability, whatever became of those before it.
    Random(f64),
    /// In bursts (Gilbert 1960, Elliott 1963): the link is good or bad, and may change with every
    /// packet.
    Bursts {
        /// Probability to turn bad, with each packet while it is good.
        enter: f64,
        /// Probability to turn good, with each packet while it is bad.
        leave: f64,
        /// Probability of loss while it is good.
        good: f64,
        /// Probability of loss while it is bad.
        bad: f64,
    },
}

impl Loss {
    /// This share of all packets is lost, so many in a row on average: with 1 or less, each on
    /// its own.
    pub fn bursts(share: f64, mean_length: f64) -> Self {
        if share <= 0.0 {
            return Self::None;
        }
        if mean_length <= 1.0 || share >= 1.0 {
            return Self::Random(share);
        }
        let leave = 1.0 / mean_length;
        // In the long run the link is bad for enter ÷ (enter + leave) of the packets.
        let enter = (leave * share / (1.0 - share)).min(1.0);
        Self::Bursts { enter, leave, good: 0.0, bad: 1.0 }
    }

    /// The share of packets that is lost in the long run.
    pub fn mean(self) -> f64 {
        match self {
            Self::None => 0.0,
            Self::Random(share) => share,
            Self::Bursts { enter, leave, .. } if enter + leave <= 0.0 => 0.0,
            Self::Bursts { enter, leave, good, bad } => {
                (leave * good + enter * bad) / (enter + leave)
            }
        }
    }
}

/// The losses of one link.
#[derive(Debug)]
pub(crate) struct Losses {
    loss: Loss,
    rng: Rng,
    is_bad: bool,
}

impl Losses {
    pub(crate) fn new(loss: Loss, rng: Rng) -> Self {
        Self { loss, rng, is_bad: false }
    }

    /// Whether the next packet is lost.
    pub(crate) fn next(&mut self) -> bool {
        match self.loss {
            Loss::None => false,
            Loss::Random(share) => self.rng.chance(share),
            Loss::Bursts { enter, leave, good, bad } => {
                let change = if self.is_bad { leave } else { enter };
                self.is_bad ^= self.rng.chance(change);
                self.rng.chance(if self.is_bad { bad } else { good })
            }
        }
    }
}

use stdx::{Bitfield, PieceIndex};

/// Which pieces one side has. All and nothing, the usual cases, take no memory.
#[derive(Clone, Debug)]
pub(crate) enum PieceSet {
    None(u32),
    All(u32),
    Some(Bitfield),
}

impl PieceSet {
    pub(crate) fn new(bits: Bitfield) -> Self {
        match bits.ones() {
            0 => Self::None(bits.len()),
            ones if ones == bits.len() => Self::All(ones),
            _ => Self::Some(bits),
        }
    }

    pub(crate) fn len(&self) -> u32 {
        match self {
            Self::None(len) | Self::All(len) => *len,
            Self::Some(bits) => bits.len(),
        }
    }

    pub(crate) fn ones(&self) -> u32 {
        match self {
            Self::None(_) => 0,
            Self::All(len) => *len,
            Self::Some(bits) => bits.ones(),
        }
    }

    pub(crate) fn get(&self, piece: PieceIndex) -> bool {
        match self {
            Self::None(_) => false,
            Self::All(len) => piece.0 < *len,
            Self::Some(bits) => bits.get(piece.0),
        }
    }

    /// Adds a piece; returns whether it is new. Pieces beyond the end are ignored.
    pub(crate) fn insert(&mut self, piece: PieceIndex) -> bool {
        if piece.0 >= self.len() || self.get(piece) {
            return false;
        }
        self.change(|bits| bits.set(piece.0));
        true
    }

    /// Removes a piece; returns whether it was there.
    pub(crate) fn remove(&mut self, piece: PieceIndex) -> bool {
        if !self.get(piece) {
            return false;
        }
        self.change(|bits| bits.clear(piece.0));
        true
    }

    pub(crate) fn to_bitfield(&self) -> Bitfield {
        match self {
            Self::None(len) => Bitfield::new(*len),
            Self::All(len) => Bitfield::full(*len),
            Self::Some(bits) => bits.clone(),
        }
    }

    fn change(&mut self, change: impl FnOnce(&mut Bitfield) -> bool) {
        let mut bits = match std::mem::replace(self, Self::None(0)) {
            Self::Some(bits) => bits,
            uniform => uniform.to_bitfield(),
        };
        change(&mut bits);
        *self = Self::new(bits);
    }
}

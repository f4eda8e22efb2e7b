use std::collections::{BTreeSet, VecDeque};

use metainfo::Layout;
use stdx::{BlockRange, Buf, FileIndex, Instant, PieceIndex, Pool};

use crate::Kind;

/// Zeros to fill padding from.
const ZEROS: [u8; 4_096] = [0; 4_096];

/// Bytes that stand together at the mirror.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// Of a file.
    File { file: FileIndex, from: u64, to: u64 },
    /// Of a piece (BEP 17).
    Piece { piece: PieceIndex, from: u32, to: u32 },
    /// Padding, which nobody is asked for.
    Zeros(u64),
}

impl Segment {
    fn length(self) -> u64 {
        match self {
            Self::File { from, to, .. } => to - from,
            Self::Piece { from, to, .. } => u64::from(to - from),
            Self::Zeros(length) => length,
        }
    }

    /// Makes one of two where the second goes on where the first ends.
    fn joined(self, next: Self) -> Option<Self> {
        match (self, next) {
            (Self::File { file, from, to }, Self::File { file: same, from: on, to: end })
                if file == same && to == on =>
            {
                Some(Self::File { file, from, to: end })
            }
            (Self::Piece { piece, from, to }, Self::Piece { piece: same, from: on, to: end })
                if piece == same && to == on =>
            {
                Some(Self::Piece { piece, from, to: end })
            }
            (Self::Zeros(some), Self::Zeros(more)) => Some(Self::Zeros(some + more)),
            _ => None,
        }
    }
}

/// What one connection of a mirror is at: blocks, one after the other, whatever files they are of.
#[derive(Debug)]
pub(crate) struct Work {
    /// What has not come yet, in order.
    blocks: VecDeque<BlockRange>,
    /// Those of them that are no longer wanted.
    cancelled: BTreeSet<BlockRange>,
    /// Where they stand; the first is being fetched.
    segments: VecDeque<Segment>,
    /// Bytes of the first segment that are here.
    got: u64,
    /// The block that is coming.
    buf: Option<Buf>,
    pub(crate) since: Instant,
}

impl Work {
    pub(crate) fn new(
        now: Instant,
        layout: &Layout,
        kind: Kind,
        blocks: VecDeque<BlockRange>,
    ) -> Self {
        let mut segments: VecDeque<Segment> = VecDeque::new();
        for segment in blocks.iter().flat_map(|block| segments_of(layout, kind, *block)) {
            let joined = segments.back().and_then(|last| last.joined(segment));
            match (joined, segments.back_mut()) {
                (Some(joined), Some(last)) => *last = joined,
                _ => segments.push_back(segment),
            }
        }
        Self { blocks, cancelled: BTreeSet::new(), segments, got: 0, buf: None, since: now }
    }

    /// What is to be fetched next, less what of it is here; padding fills itself in.
    pub(crate) fn next(
        &mut self,
        pool: &Pool,
        out: &mut Vec<(BlockRange, Buf)>,
    ) -> Option<Segment> {
        while let Some(Segment::Zeros(mut left)) = self.segments.front().copied() {
            while left > 0 {
                let n = left.min(ZEROS.len() as u64);
                self.fill(&ZEROS[..n as usize], pool, out);
                left -= n;
            }
            self.segments.pop_front();
        }
        let got = self.got;
        self.segments.front().map(|segment| match *segment {
            Segment::File { file, from, to } => Segment::File { file, from: from + got, to },
            Segment::Piece { piece, from, to } => {
                Segment::Piece { piece, from: from + got as u32, to }
            }
            Segment::Zeros(_) => *segment,
        })
    }

    /// Takes bytes of the first segment; what is beyond its end is dropped.
    pub(crate) fn take(&mut self, data: &[u8], pool: &Pool, out: &mut Vec<(BlockRange, Buf)>) {
        let left = self.segments.front().map_or(0, |segment| segment.length() - self.got);
        let data = &data[..data.len().min(usize::try_from(left).unwrap_or(usize::MAX))];
        self.got += data.len() as u64;
        self.fill(data, pool, out);
    }

    /// Goes on to the next segment. False when the first is not whole.
    pub(crate) fn finish(&mut self) -> bool {
        let Some(segment) = self.segments.front() else {
            return false;
        };
        if self.got < segment.length() {
            return false;
        }
        self.segments.pop_front();
        self.got = 0;
        true
    }

    /// Notes that a block is no longer wanted. False when it is not among these.
    pub(crate) fn cancel(&mut self, block: BlockRange) -> bool {
        self.blocks.contains(&block) && self.cancelled.insert(block)
    }

    /// Whether nobody wants any of it.
    pub(crate) fn is_void(&self) -> bool {
        self.blocks.len() == self.cancelled.len()
    }

    /// Blocks that have not come, wanted or not.
    pub(crate) fn len(&self) -> usize {
        self.blocks.len()
    }

    /// The file that is being fetched.
    pub(crate) fn file(&self) -> Option<FileIndex> {
        match self.segments.front()? {
            Segment::File { file, .. } => Some(*file),
            _ => None,
        }
    }

    /// The piece that is being fetched.
    pub(crate) fn piece(&self) -> Option<PieceIndex> {
        self.blocks.front().map(|block| block.piece)
    }

    /// What has not come and is wanted.
    pub(crate) fn into_wanted(self) -> Vec<BlockRange> {
        let Self { blocks, cancelled, .. } = self;
        blocks.into_iter().filter(|block| !cancelled.contains(block)).collect()
    }

    fn fill(&mut self, mut data: &[u8], pool: &Pool, out: &mut Vec<(BlockRange, Buf)>) {
        while !data.is_empty() {
            let Some(block) = self.blocks.front().copied() else {
                return;
            };
            let buf = self.buf.get_or_insert_with(|| pool.take());
            let n = (block.length as usize - buf.len()).min(data.len());
            buf.push(&data[..n]);
            data = &data[n..];
            if buf.len() == block.length as usize {
                self.blocks.pop_front();
                let whole = self.buf.take().filter(|_| !self.cancelled.remove(&block));
                out.extend(whole.map(|buf| (block, buf)));
            }
        }
    }
}

fn segments_of(layout: &Layout, kind: Kind, block: BlockRange) -> Vec<Segment> {
    let BlockRange { piece, begin, length } = block;
    if kind == Kind::Pieces {
        return vec![Segment::Piece { piece, from: begin, to: begin + length }];
    }
    let spans = layout.spans(piece, begin, length);
    let segment = |span: metainfo::Span| match span.file {
        Some(file) => {
            let to = span.offset + u64::from(span.length);
            Segment::File { file, from: span.offset, to }
        }
        None => Segment::Zeros(u64::from(span.length)),
    };
    spans.map(segment).collect()
}

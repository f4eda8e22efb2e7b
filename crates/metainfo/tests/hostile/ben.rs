//! Bencode that may be as wrong as one likes, and the well-formed torrents that rows start from.

use hash::{Sha256Digest, sha256};

/// A value to be written as it stands: keys in the order given.
#[derive(Clone, Debug)]
pub(crate) enum Ben {
    Int(i64),
    Str(Vec<u8>),
    List(Vec<Self>),
    Dict(Vec<(Vec<u8>, Self)>),
    /// Bytes that need not be bencode.
    Raw(Vec<u8>),
}

pub(crate) use Ben::{Dict, Int, List};

pub(crate) fn s(text: impl AsRef<[u8]>) -> Ben {
    Ben::Str(text.as_ref().to_vec())
}

pub(crate) fn raw(bytes: impl AsRef<[u8]>) -> Ben {
    Ben::Raw(bytes.as_ref().to_vec())
}

pub(crate) fn dict<const N: usize>(entries: [(&str, Ben); N]) -> Ben {
    Dict(entries.into_iter().map(|(key, value)| (key.as_bytes().to_vec(), value)).collect())
}

impl Ben {
    /// Sets a key, in its place among sorted keys.
    pub(crate) fn with(mut self, key: &str, value: Self) -> Self {
        let Dict(entries) = &mut self else { panic!("a dictionary is needed") };
        entries.retain(|(known, _)| known != key.as_bytes());
        let at = entries.partition_point(|(known, _)| &known[..] < key.as_bytes());
        entries.insert(at, (key.as_bytes().to_vec(), value));
        self
    }

    pub(crate) fn without(mut self, key: &str) -> Self {
        let Dict(entries) = &mut self else { panic!("a dictionary is needed") };
        entries.retain(|(known, _)| known != key.as_bytes());
        self
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let string = |out: &mut Vec<u8>, bytes: &[u8]| {
            out.extend(format!("{}:", bytes.len()).bytes());
            out.extend(bytes);
        };
        match self {
            Int(number) => out.extend(format!("i{number}e").bytes()),
            Self::Str(bytes) => string(out, bytes),
            Self::Raw(bytes) => out.extend(bytes),
            List(items) => {
                out.push(b'l');
                for item in items {
                    item.write(out);
                }
                out.push(b'e');
            }
            Dict(entries) => {
                out.push(b'd');
                for (key, value) in entries {
                    string(out, key);
                    value.write(out);
                }
                out.push(b'e');
            }
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }
}

/// A `.torrent` round an `info`.
pub(crate) fn torrent(info: Ben) -> Vec<u8> {
    dict([("info", info)]).bytes()
}

/// The `info` of a v1 file of 5 bytes.
pub(crate) fn single() -> Ben {
    dict([
        ("length", Int(5)),
        ("name", s("n")),
        ("piece length", Int(16_384)),
        ("pieces", s([7; 20])),
    ])
}

/// An entry of `files`.
pub(crate) fn file(path: &[&[u8]], length: i64) -> Ben {
    dict([("length", Int(length)), ("path", List(path.iter().map(s).collect()))])
}

/// A link to a path in the torrent (BEP 47).
pub(crate) fn link(path: &[&[u8]], target: &[&[u8]]) -> Ben {
    let target = List(target.iter().map(s).collect());
    file(path, 0).with("attr", s("l")).with("symlink path", target)
}

/// The `info` of a v1 folder `n` that holds less than a piece.
pub(crate) fn multi(files: Vec<Ben>) -> Ben {
    single().without("length").with("files", List(files))
}

/// A folder of files of one byte with these paths, `/` between components.
pub(crate) fn named(paths: &[&str]) -> Vec<u8> {
    let parts = |path: &str| List(path.split('/').map(s).collect());
    let files = paths.iter().map(|path| file(&[], 1).with("path", parts(path)));
    torrent(multi(files.collect()))
}

/// A piece of zeros, hashed for v2.
pub(crate) fn zero_piece() -> Sha256Digest {
    sha256(&[0; 16_384])
}

/// The root of `pieces` pieces of zeros: 1, 2 or 4.
pub(crate) fn zero_root(pieces: usize) -> Sha256Digest {
    let mut layer = vec![zero_piece(); pieces];
    while layer.len() > 1 {
        layer = layer.chunks(2).map(|pair| sha256(&[pair[0].0, pair[1].0].concat())).collect();
    }
    layer[0]
}

/// A leaf of a v2 file tree: so many pieces of zeros.
pub(crate) fn leaf(pieces: u16) -> Ben {
    let root = s(zero_root(pieces.into()).0);
    let file = dict([("length", Int(i64::from(pieces) * 16_384)), ("pieces root", root)]);
    dict([("", file)])
}

/// The `info` of a v2 torrent round a file tree.
pub(crate) fn v2_info(tree: Ben) -> Ben {
    dict([
        ("file tree", tree),
        ("meta version", Int(2)),
        ("name", s("n")),
        ("piece length", Int(16_384)),
    ])
}

/// A v2 torrent of a file of two pieces, with its piece layer.
pub(crate) fn v2() -> Ben {
    dict([("info", v2_info(dict([("n", leaf(2))]))), ("piece layers", layers(2))])
}

/// The piece layers of one file of so many pieces of zeros.
pub(crate) fn layers(pieces: usize) -> Ben {
    Dict(vec![(zero_root(pieces).0.to_vec(), s(zero_piece().0.repeat(pieces)))])
}

/// The `info` of a hybrid of two files of a piece each.
pub(crate) fn hybrid() -> Ben {
    v2_info(dict([("a", leaf(1)), ("b", leaf(1))]))
        .with("files", List(vec![file(&[b"a"], 16_384), file(&[b"b"], 16_384)]))
        .with("pieces", s([7; 40]))
}

/// A torrent round a hybrid's `info`.
pub(crate) fn with_layers(info: Ben) -> Vec<u8> {
    dict([("info", info), ("piece layers", dict([]))]).bytes()
}

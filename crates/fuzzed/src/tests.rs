use std::fs;
use std::path::{Path, PathBuf};

use stdx::Rng;

use crate::{TARGETS, Target};

pub(crate) fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let entries = fs::read_dir(root.join(name)).expect("every target has a corpus");
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// Runs a target's function over an input; a panic names what to replay.
fn check(name: &str, run: fn(&[u8]), input: &[u8], origin: &str) {
    let outcome = std::panic::catch_unwind(|| run(input));
    assert!(outcome.is_ok(), "{name} fails on {origin}: {}", input.escape_ascii());
}

/// One of the changes that fuzzers make: flip, overwrite, insert, remove, repeat, cut, splice.
fn mutate(rng: &mut Rng, input: &[u8], other: &[u8]) -> Vec<u8> {
    const TELLING: &[u8] = b"0919:-delix\x00\xff\x7f\x80\x01/.\\&=%";
    let mut out = input.to_vec();
    for _ in 0..=rng.below(4) {
        let at = rng.index(out.len() + 1);
        let end = at + rng.index(out.len() - at + 1);
        let byte = TELLING[rng.index(TELLING.len())];
        match rng.below(7) {
            0 if at < out.len() => out[at] ^= 1 << rng.below(8),
            1 if at < out.len() => out[at] = byte,
            2 => out.insert(at, byte),
            3 => drop(out.drain(at..end)),
            4 => drop(out.splice(at..at, out[at..end].to_vec())),
            5 => out.truncate(at),
            6 if !other.is_empty() => out.extend_from_slice(&other[rng.index(other.len())..]),
            _ => {}
        }
    }
    out
}

#[test]
fn corpora_replay() {
    for Target { name, run, .. } in TARGETS {
        let corpus = corpus(name);
        assert!(!corpus.is_empty(), "fuzz/corpus/{name} holds at least one input");
        for (path, input) in &corpus {
            check(name, run, input, &path.display().to_string());
        }
    }
}

#[test]
fn mutations_of_the_corpora_replay() {
    for Target { name, run, mutations } in TARGETS {
        let corpus = corpus(name);
        for (number, (path, input)) in (0..).zip(&corpus) {
            let mut rng = Rng::new(number);
            for mutation in 0..mutations {
                let other = &corpus[rng.index(corpus.len())].1;
                let origin = format!("mutation {mutation} of {}", path.display());
                check(name, run, &mutate(&mut rng, input, other), &origin);
            }
        }
    }
}

#[test]
fn every_target_has_its_shell() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    for Target { name, .. } in TARGETS {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is not in fuzz");
        let shell = fs::read_to_string(fuzz.join("fuzz_targets").join(format!("{name}.rs")));
        assert!(shell.unwrap().contains(&format!("fuzzed::fuzz_{name}(data)")), "{name}");
    }
}

//! `fluvial dht put`.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};

use dht::{Event as TableEvent, Item, Mutable, SecretKey};
use engine::{HashTable, Lookup};
use hash::Sha256Digest;

use super::join::join;
use super::{DhtResult, finish};
use crate::args::DhtPut;
use crate::events::Event;
use crate::output::Output;
use crate::units::count;

/// Stores a value, and says where.
pub(super) async fn run(args: &DhtPut, output: &Output) -> anyhow::Result<()> {
    let value = match (&args.value, args.torrent) {
        (_, Some(torrent)) => dht::torrent_value(torrent),
        (Some(text), None) => bencode::encode(|e| e.bytes(text)),
        (None, None) => bail!("there is nothing to store; name a value"),
    };
    // What cannot be stored is said before anybody is asked.
    Item::Immutable(value.clone()).verify()?;
    let secret = args.secret.as_deref().map(secret).transpose()?;
    let table = join(&args.net, output).await?;
    let done = store(&table, args, value, secret.as_ref(), output).await;
    table.shutdown().await;
    done
}

async fn store(
    table: &HashTable,
    args: &DhtPut,
    value: Vec<u8>,
    secret: Option<&SecretKey>,
    output: &Output,
) -> anyhow::Result<()> {
    let (item, cas) = match secret {
        None => (Item::Immutable(value), None),
        Some(secret) => {
            let salt = args.salt.as_bytes();
            let last = latest(table, secret, salt).await?.and_then(|item| item.seq());
            let seq = last.map_or(1, |last| last.saturating_add(1));
            (Item::Mutable(Mutable::sign(secret, salt, seq, &value)?), last)
        }
    };
    let (target, seq) = (item.target(), item.seq());
    let mut newer = false;
    let outcome = finish(table, Lookup::Put(item, cas), &mut |event| {
        newer |= seq.is_some() && matches!(event, TableEvent::Item { .. });
    })
    .await?;
    ensure!(!newer, "somebody else stored a later version meanwhile; look at it, and try again");
    ensure!(outcome.stored > 0, "no node took the value: {} refused it", outcome.refused);
    let public_key = secret.map(|secret| Sha256Digest(secret.public().0).to_string());
    output.good("Stored", format!("at {}", count(u64::from(outcome.stored), "node")));
    match &public_key {
        None => output.line(format!("  fluvial dht get {target}")),
        Some(key) if args.salt.is_empty() => output.line(format!("  fluvial dht get {key}")),
        Some(key) => {
            let salt = shlex::try_quote(&args.salt).context("the salt has a zero byte")?;
            output.line(format!("  fluvial dht get {key} --salt {salt}"));
        }
    }
    output.hint("values are kept for two hours; store it again before that to keep it longer");
    let (target, stored) = (target.to_string(), outcome.stored);
    output.event(&Event::DhtResult(&DhtResult::Stored { target, public_key, seq, stored }));
    Ok(())
}

/// The version that is there.
///
/// # Errors
/// When the table has ended, or too much is asked of it.
pub(crate) async fn latest(
    table: &HashTable,
    secret: &SecretKey,
    salt: &[u8],
) -> anyhow::Result<Option<Item>> {
    let mut latest: Option<Item> = None;
    let lookup = Lookup::GetMutable(secret.public(), salt.to_vec());
    finish(table, lookup, &mut |event| {
        if let TableEvent::Item { item, .. } = event
            && latest.as_ref().is_none_or(|known| known.seq() < item.seq())
        {
            latest = Some(item);
        }
    })
    .await?;
    Ok(latest)
}

/// Reads a key, 64 hexadecimal digits, or makes one that nobody else may read.
///
/// # Errors
/// When it is no key, or cannot be read or written.
pub(crate) fn secret(path: &Path) -> anyhow::Result<SecretKey> {
    let shown = path.display();
    match std::fs::read_to_string(path) {
        Ok(text) => match text.trim().parse::<Sha256Digest>() {
            Ok(seed) => Ok(SecretKey::from_seed(&seed.0)),
            Err(_) => bail!("`{shown}` holds no key: 64 hexadecimal digits are needed"),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut seed = [0; 32];
            getrandom::fill(&mut seed).context("the system gives no randomness")?;
            let mut options = std::fs::OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let written =
                options.open(path).and_then(|mut file| writeln!(file, "{}", Sha256Digest(seed)));
            written.with_context(|| format!("cannot write the key `{shown}`"))?;
            Ok(SecretKey::from_seed(&seed))
        }
        Err(error) => Err(error).with_context(|| format!("cannot read the key `{shown}`")),
    }
}

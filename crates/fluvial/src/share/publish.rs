//! `share --publish`: a torrent under a key, so that others can follow what it becomes (BEP 46).

use std::time::Duration;

use anyhow::bail;

use dht::{Item, Mutable, SecretKey};
use engine::{HashTable, Lookup};
use metainfo::{Magnet, Metainfo, Publisher};

use crate::args::Share;
use crate::dht::{finish, put};
use crate::events::Event;
use crate::output::Output;

/// Nodes keep a value for two hours.
const AGAIN: Duration = Duration::from_mins(45);
/// Time to the next try when nobody took it, while the table comes together as a rule.
const RETRY: Duration = Duration::from_secs(5);

/// What is to be published.
pub(super) struct Edition {
    secret: SecretKey,
    torrent: dht::Id,
}

impl Edition {
    /// Reads the key, or makes it, where the flags name one.
    ///
    /// # Errors
    /// When it is no key, or the torrent has no v1 info-hash to be published by.
    pub(super) fn read(args: &Share, metainfo: &Metainfo) -> anyhow::Result<Option<Self>> {
        let Some(path) = &args.publish else { return Ok(None) };
        if args.net.no_dht || args.net.no_discovery {
            bail!("--publish needs the DHT; leave --no-dht and --no-discovery out");
        }
        let Some(hash) = metainfo.hashes.v1 else {
            bail!("--publish names a torrent by its v1 info-hash; use --format hybrid or v1");
        };
        Ok(Some(Self { secret: put::secret(path)?, torrent: dht::Id(hash.0) }))
    }

    /// The link to follow it by.
    pub(super) fn magnet(&self) -> String {
        let publisher = Publisher { key: self.secret.public().0, salt: Vec::new() };
        Magnet { publisher: Some(publisher), ..Magnet::default() }.to_string()
    }

    /// Stores it in the table, and keeps it there, for ever. Says so the first time.
    pub(super) async fn keep(self, table: HashTable, output: Output) {
        let magnet = self.magnet();
        let mut told = false;
        table.ready().await;
        loop {
            let pause = match self.store(&table).await {
                Ok(Some((seq, stored))) => {
                    tracing::info!(seq, stored, "published in the DHT");
                    if !std::mem::replace(&mut told, true) {
                        output.event(&Event::Published { magnet: &magnet, seq, stored });
                    }
                    AGAIN
                }
                Ok(None) => RETRY,
                Err(error) => {
                    tracing::warn!("not published: {error:#}");
                    RETRY
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Stores it as the next version, or again as the one that it is; `None` when nobody took it.
    async fn store(&self, table: &HashTable) -> anyhow::Result<Option<(i64, u32)>> {
        let last = put::latest(table, &self.secret, b"").await?;
        let value = dht::torrent_value(self.torrent);
        let seq = match &last {
            None => 1,
            Some(item) if item.value() == value => item.seq().unwrap_or(1),
            Some(item) => item.seq().unwrap_or(0).saturating_add(1),
        };
        let item = Item::Mutable(Mutable::sign(&self.secret, b"", seq, &value)?);
        let outcome = finish(table, Lookup::Put(item, None), &mut |_| ()).await?;
        Ok((outcome.stored > 0).then_some((seq, outcome.stored)))
    }
}

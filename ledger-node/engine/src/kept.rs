//! Where final blocks and certificates lie: all of them for ever, or the newest.

use std::sync::Arc;

use commonware_codec::CodecShared;
use commonware_consensus::marshal::store::{Blocks, Certificates};
use commonware_consensus::simplex::types::Finalization;
use commonware_consensus::types::Height;
use commonware_cryptography::sha256::Digest;
use commonware_runtime::Handle;
use commonware_runtime::buffer::paged::CacheRef;
use commonware_storage::archive::{self, Archive as _, Identifier, immutable, prunable};
use commonware_storage::translator::EightCap;
use commonware_utils::NZU64;

use crate::block::Block;
use crate::consensus::{BUFFER_BYTES, REPLAY_BYTES, Runtime};
use crate::setup::Scheme;

type Certificate = Finalization<Scheme, Digest>;

/// One of both.
pub(crate) enum Kept<E: Runtime, V: CodecShared> {
    /// On disk with its index: for ever.
    All(immutable::Archive<E, Digest, V>),
    /// In sections that can be dropped; the index is in memory.
    Newest(prunable::Archive<EightCap, E, Digest, V>),
}

/// The same for whichever it is.
macro_rules! with {
    ($kept:expr, $archive:ident => $then:expr) => {
        match $kept {
            Kept::All($archive) => $then,
            Kept::Newest($archive) => $then,
        }
    };
}

/// What comes back of it takes its place.
macro_rules! changed {
    ($kept:expr, $archive:ident => $then:expr) => {
        Ok(match $kept {
            Kept::All($archive) => Kept::All($then.await?),
            Kept::Newest($archive) => Kept::Newest($then.await?),
        })
    };
}

impl<E: Runtime, V: CodecShared> Kept<E, V> {
    /// Opens what is kept under this name.
    pub(crate) async fn open(
        context: &E,
        prefix: &str,
        name: &'static str,
        page_cache: &CacheRef,
        codec_config: V::Cfg,
        only_newest: bool,
    ) -> Result<Self, String> {
        let failed = |error: archive::Error| format!("{name}: {error}");
        if only_newest {
            let config = prunable::Config {
                translator: EightCap,
                metadata_partition: format!("{prefix}newest-{name}-metadata"),
                key_partition: format!("{prefix}newest-{name}-keys"),
                key_page_cache: page_cache.clone(),
                value_partition: format!("{prefix}newest-{name}-values"),
                compression: None,
                codec_config,
                items_per_section: NZU64!(64),
                key_write_buffer: BUFFER_BYTES,
                value_write_buffer: BUFFER_BYTES,
                replay_buffer: REPLAY_BYTES,
            };
            return prunable::Archive::init(context.child(name), config).await.map(Self::Newest).map_err(failed);
        }
        let config = immutable::Config {
            metadata_partition: format!("{prefix}{name}-metadata"),
            freezer_table_partition: format!("{prefix}{name}-table"),
            freezer_table_initial_size: 1 << 14,
            freezer_table_resize_frequency: 4,
            freezer_table_resize_chunk_size: 1 << 12,
            freezer_key_partition: format!("{prefix}{name}-keys"),
            freezer_key_page_cache: page_cache.clone(),
            freezer_value_partition: format!("{prefix}{name}-values"),
            freezer_value_target_size: 256 * 1024 * 1024,
            freezer_value_compression: None,
            ordinal_partition: format!("{prefix}{name}-ordinals"),
            items_per_section: NZU64!(65_536),
            freezer_key_write_buffer: BUFFER_BYTES,
            freezer_value_write_buffer: BUFFER_BYTES,
            ordinal_write_buffer: BUFFER_BYTES,
            replay_buffer: REPLAY_BYTES,
            codec_config,
        };
        immutable::Archive::init(context.child(name), config).await.map(Self::All).map_err(failed)
    }

    /// Puts one in and waits until it is durable.
    pub(crate) async fn put_sync(self, index: u64, key: Digest, value: &V) -> Result<Self, archive::Error> {
        changed!(self, archive => archive.put_sync(index, key, value))
    }
}

impl<E: Runtime> Certificates for Kept<E, Certificate> {
    type BlockDigest = Digest;
    type Commitment = Digest;
    type Scheme = Scheme;
    type Error = archive::Error;

    async fn put(self, height: Height, digest: Digest, finalization: &Certificate) -> Result<Self, Self::Error> {
        changed!(self, archive => Certificates::put(archive, height, digest, finalization))
    }

    async fn sync(self) -> Result<Self, Self::Error> {
        changed!(self, archive => Certificates::sync(archive))
    }

    async fn start_sync(self) -> Result<(Self, Handle<()>), Self::Error> {
        Ok(match self {
            Self::All(archive) => {
                let (archive, handle) = Certificates::start_sync(archive).await?;
                (Self::All(archive), handle)
            }
            Self::Newest(archive) => {
                let (archive, handle) = Certificates::start_sync(archive).await?;
                (Self::Newest(archive), handle)
            }
        })
    }

    async fn get(&self, id: Identifier<'_, Digest>) -> Result<Option<Certificate>, Self::Error> {
        with!(self, archive => Certificates::get(archive, id).await)
    }

    async fn has(&self, height: Height) -> Result<bool, Self::Error> {
        with!(self, archive => Certificates::has(archive, height).await)
    }

    async fn prune(self, min: Height) -> Result<Self, Self::Error> {
        changed!(self, archive => Certificates::prune(archive, min))
    }

    fn last_index(&self) -> Option<Height> {
        with!(self, archive => Certificates::last_index(archive))
    }

    fn ranges_from(&self, from: Height) -> impl Iterator<Item = (Height, Height)> {
        with!(self, archive => Certificates::ranges_from(archive, from).collect::<Vec<_>>()).into_iter()
    }
}

impl<E: Runtime> Blocks for Kept<E, Arc<Block>> {
    type Block = Arc<Block>;
    type Error = archive::Error;

    async fn put(self, digest: Digest, block: &Arc<Block>) -> Result<Self, Self::Error> {
        changed!(self, archive => Blocks::put(archive, digest, block))
    }

    async fn sync(self) -> Result<Self, Self::Error> {
        changed!(self, archive => Blocks::sync(archive))
    }

    async fn start_sync(self) -> Result<(Self, Handle<()>), Self::Error> {
        Ok(match self {
            Self::All(archive) => {
                let (archive, handle) = Blocks::start_sync(archive).await?;
                (Self::All(archive), handle)
            }
            Self::Newest(archive) => {
                let (archive, handle) = Blocks::start_sync(archive).await?;
                (Self::Newest(archive), handle)
            }
        })
    }

    async fn get(&self, id: Identifier<'_, Digest>) -> Result<Option<Arc<Block>>, Self::Error> {
        with!(self, archive => Blocks::get(archive, id).await)
    }

    async fn prune(self, min: Height) -> Result<Self, Self::Error> {
        changed!(self, archive => Blocks::prune(archive, min))
    }

    fn missing_items(&self, start: Height, max: usize) -> Vec<Height> {
        with!(self, archive => Blocks::missing_items(archive, start, max))
    }

    fn next_gap(&self, value: Height) -> (Option<Height>, Option<Height>) {
        with!(self, archive => Blocks::next_gap(archive, value))
    }

    fn last_index(&self) -> Option<Height> {
        with!(self, archive => Blocks::last_index(archive))
    }
}

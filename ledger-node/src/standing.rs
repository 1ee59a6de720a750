//! How a node stands: how old what it says is, and which validators it sees at work.

use std::collections::BTreeMap;

use crate::clock;
use crate::node::Node;

/// A validator may be this many views behind and still counts as voting: views pass about once in two seconds when
/// nothing is recorded, and faster than votes travel when much is.
const VIEWS_BEHIND: u64 = 20;

/// As of when a node speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    /// Height of the last committed block.
    pub height: u64,
    /// Its time, Unix milliseconds.
    pub time_ms: u64,
    /// How long ago that was, in milliseconds, by this machine's clock.
    pub age_ms: u64,
    /// No block came for so long that heartbeats must be missing: what is read is true as of `time_ms`, and may have
    /// changed elsewhere.
    pub stale: bool,
}

/// What this node sees of a validator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It is this node.
    Own,
    /// Connected, and its votes arrive.
    Voting,
    /// Connected, but its votes are old.
    Behind,
    /// Not connected to this node.
    Absent,
}

/// A validator as this node sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validator {
    /// Its key in the validators' network.
    pub key: [u8; 32],
    /// What is seen of it.
    pub standing: Standing,
    /// Since when it is connected, Unix milliseconds.
    pub connected_ms: Option<u64>,
}

impl Node {
    /// As of when this node speaks.
    #[must_use]
    pub fn freshness(&self) -> Freshness {
        let tip = self.latest();
        let age_ms = clock::now_ms().saturating_sub(tip.time_ms);
        Freshness { height: tip.height, time_ms: tip.time_ms, age_ms, stale: age_ms > self.stale_after_ms() }
    }

    /// The validators as this node sees them, in the order of their keys; empty once it has stopped.
    pub async fn validators(&self) -> Vec<Validator> {
        let figures = self.engine_figures().await.unwrap_or_default();
        standings(&figures, &self.node_key())
    }
}

fn standings(figures: &str, own: &[u8; 32]) -> Vec<Validator> {
    let votes = by_peer(figures, "latest_vote");
    let connected = by_peer(figures, "connected");
    let newest = votes.values().copied().max().unwrap_or_default();
    let validator = |(key, vote): (&[u8; 32], &u64)| {
        let connected_ms = connected.get(key).copied();
        let standing = match connected_ms {
            _ if key == own => Standing::Own,
            None => Standing::Absent,
            Some(_) if vote.saturating_add(VIEWS_BEHIND) >= newest => Standing::Voting,
            Some(_) => Standing::Behind,
        };
        Validator { key: *key, standing, connected_ms }
    };
    votes.iter().map(validator).collect()
}

/// The values of a family of figures, by the node key in its label `peer`; the largest where there are several.
fn by_peer(figures: &str, family: &str) -> BTreeMap<[u8; 32], u64> {
    let mut values = BTreeMap::new();
    for line in figures.lines() {
        let Some((name, rest)) = line.split_once('{') else { continue };
        if !name.ends_with(family) {
            continue;
        }
        let Some((labels, value)) = rest.rsplit_once("} ") else { continue };
        let peer = labels.split(',').find_map(|label| label.strip_prefix("peer=\"")?.strip_suffix('"'));
        let mut key = [0; 32];
        if peer.is_none_or(|peer| hex::decode_to_slice(peer, &mut key).is_err()) {
            continue;
        }
        if let Ok(value) = value.trim().parse::<u64>() {
            let kept: &mut u64 = values.entry(key).or_default();
            *kept = value.max(*kept);
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn votes_and_connections_say_who_is_at_work() {
        let line =
            |family: &str, n: u8, value: u64| format!("engine_{family}{{peer=\"{}\"}} {value}\n", hex::encode([n; 32]));
        let figures = [
            "# TYPE engine_latest_vote gauge\n".to_owned(),
            line("latest_vote", 1, 0),
            line("latest_vote", 2, 99),
            line("latest_vote", 3, 12),
            line("latest_vote", 4, 100),
            line("connected", 2, 7),
            line("connected", 3, 8),
            "engine_connected{peer=\"short\"} 1\nengine_latest_vote{epoch=\"1\"} 3\n".to_owned(),
        ];
        let seen: Vec<_> = standings(&figures.concat(), &[1; 32]).iter().map(|v| (v.key[0], v.standing)).collect();
        let expected = [(1, Standing::Own), (2, Standing::Voting), (3, Standing::Behind), (4, Standing::Absent)];
        assert_eq!(seen, expected);
        assert!(standings("", &[1; 32]).is_empty());
    }
}

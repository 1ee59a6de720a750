//! How much at once, and for how long.

use std::time::Duration;

/// The limits of a node's HTTP service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Reading requests served at one time; more are told to come back (503).
    pub reads: usize,
    /// Writing requests that wait for finality at one time; more are told to come back (503). They have places of
    /// their own, so that a halted ledger can still be read.
    pub writes: usize,
    /// Longest time for a reading request.
    pub read_time: Duration,
    /// Longest time for a writing request, its body included. It waits less for finality.
    pub write_time: Duration,
    /// Connections at one time; more wait to be accepted.
    pub connections: usize,
    /// Longest time until the head of a request is there, on a new connection or on one that was used before.
    pub header_time: Duration,
    /// Longest time from the head of a request to the end of its body.
    pub body_time: Duration,
    /// A connection takes no further request after this time.
    pub connection_time: Duration,
}

impl Default for Limits {
    /// 512 reads of 10 s, 1,024 writes of 20 s; 4,096 connections of 5 min, with 10 s for a head and 8 s for a body.
    fn default() -> Self {
        Self {
            reads: 512,
            writes: 1_024,
            read_time: Duration::from_secs(10),
            write_time: Duration::from_secs(20),
            connections: 4_096,
            header_time: Duration::from_secs(10),
            body_time: Duration::from_secs(8),
            connection_time: Duration::from_secs(300),
        }
    }
}

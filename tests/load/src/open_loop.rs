//! Arrivals at fixed times, whether or not those before were served, and how long each took from the time it was due. A service
//! that falls behind is seen to: nothing waits for it before it arrives.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wallet_core::openid4vci::{Answer, Request};

/// How much, and how long.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Arrivals in a second.
    pub per_second: f64,
    /// Arrivals in all.
    pub count: usize,
    /// Clients; when all are busy, whoever arrives waits, and that counts.
    pub clients: usize,
}

/// How one ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It got what it came for.
    Done,
    /// It was told to come back later: 429 or 503 with `Retry-After`.
    Busy,
    /// Anything else.
    Failed(String),
}

/// What came of a load.
#[derive(Debug, Clone)]
pub struct Report {
    /// Arrivals in a second.
    pub offered: f64,
    /// Served.
    pub done: usize,
    /// Told to come back.
    pub busy: usize,
    /// Anything else, by its name.
    pub failed: BTreeMap<String, usize>,
    /// Served in a second, over the time until the last one ended.
    pub goodput: f64,
    /// Of those served, from when they were due, in milliseconds: half, 99 of 100, and the slowest.
    pub latency: [f64; 3],
}

impl Report {
    /// For programs.
    #[must_use]
    pub fn json(&self) -> Value {
        let [p50, p99, max] = self.latency;
        json!({
            "offered_per_second": self.offered, "done": self.done, "busy": self.busy, "failed": self.failed,
            "goodput_per_second": self.goodput, "p50_ms": p50, "p99_ms": p99, "max_ms": max,
        })
    }
}

/// Has `one` done by the number of each arrival, with a client that keeps its connection.
pub fn run(load: Load, one: impl Fn(&Http, usize) -> Ended + Sync) -> Report {
    let (next, served) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(load.count)));
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..load.clients {
            scope.spawn(|| {
                let http = Http::default();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= load.count {
                        return;
                    }
                    let due = start + Duration::from_secs_f64(number as f64 / load.per_second);
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    let ended = one(&http, number);
                    let took = due.elapsed();
                    served.lock().unwrap_or_else(|it| it.into_inner()).push((ended, took));
                }
            });
        }
    });
    let seconds = start.elapsed().as_secs_f64();
    let served = served.into_inner().unwrap_or_else(|it| it.into_inner());
    let mut report =
        Report { offered: load.per_second, done: 0, busy: 0, failed: BTreeMap::new(), goodput: 0.0, latency: [0.0; 3] };
    let mut times = Vec::new();
    for (ended, took) in served {
        match ended {
            Ended::Done => times.push(took.as_secs_f64() * 1e3),
            Ended::Busy => report.busy += 1,
            Ended::Failed(name) => *report.failed.entry(name).or_default() += 1,
        }
    }
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times.get(((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1)));
    report.latency = [0.5, 0.99, 1.0].map(|share| at(share).copied().unwrap_or_default());
    report.done = times.len();
    report.goodput = times.len() as f64 / seconds;
    report
}

/// A client that takes every status for an answer, and keeps its connection.
pub struct Http(ureq::Agent);

impl Default for Http {
    fn default() -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(20)))
            .proxy(None);
        Self(config.build().into())
    }
}

impl Http {
    /// Sends it.
    ///
    /// # Errors
    /// [`Ended::Busy`] for 429 and 503 that say when to come back; [`Ended::Failed`] when there is no answer, or a 503 that does not say so.
    pub fn send(&self, request: &Request) -> Result<Answer, Ended> {
        let (address, headers) = (request.address.as_str(), &request.headers);
        let sent = match request.method {
            "GET" => headers.iter().fold(self.0.get(address), |it, (name, value)| it.header(*name, value)).call(),
            _ => {
                let post = headers.iter().fold(self.0.post(address), |it, (name, value)| it.header(*name, value));
                post.send(request.body.as_slice())
            }
        };
        let mut answer = sent.map_err(|error| Ended::Failed(format!("no answer: {error}")))?;
        let header = |name: &str| answer.headers().get(name).and_then(|it| it.to_str().ok()).map(str::to_owned);
        let (status, dpop_nonce, later) = (answer.status().as_u16(), header("dpop-nonce"), header("retry-after"));
        let body = answer.body_mut().with_config().limit(1 << 22).read_to_vec();
        let body = body.map_err(|error| Ended::Failed(format!("no answer: {error}")))?;
        match (status, later) {
            (429 | 503, Some(_)) => Err(Ended::Busy),
            (429 | 503, None) => Err(Ended::Failed(format!("{status} without Retry-After"))),
            _ => Ok(Answer { status, dpop_nonce, body }),
        }
    }
}

//! Telling the demo: what happens, how long it took, and whether it came out as told.

use std::io::{IsTerminal, Write};
use std::time::Instant;

use serde::Serialize;

/// The language of the story.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Lang {
    /// Korean.
    Ko,
    /// English.
    En,
}

impl Lang {
    /// The text in this language.
    pub(crate) fn pick<'a>(self, ko: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Ko => ko,
            Self::En => en,
        }
    }

    /// Its code.
    pub(crate) fn code(self) -> &'static str {
        self.pick("ko", "en")
    }
}

/// Something that was to succeed.
#[derive(Debug, Serialize)]
pub(crate) struct Step {
    id: &'static str,
    ok: bool,
    ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<usize>,
}

/// Something that was to be refused, with the name of the error.
#[derive(Debug, Serialize)]
pub(crate) struct Refused {
    id: &'static str,
    expected: &'static str,
    got: String,
}

/// The largest code that was drawn.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Qr {
    pub(crate) bytes: usize,
    pub(crate) version: u8,
}

/// The trust data that the checks rested on.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Trust {
    pub(crate) height: u64,
    pub(crate) age_seconds: u64,
}

/// The story as data.
#[derive(Debug, Serialize)]
pub(crate) struct Story {
    steps: Vec<Step>,
    refusals: Vec<Refused>,
    pub(crate) qr: Qr,
    pub(crate) trust: Trust,
    #[serde(skip)]
    lang: Lang,
}

impl Story {
    pub(crate) fn new(lang: Lang) -> Self {
        Self { steps: Vec::new(), refusals: Vec::new(), qr: Qr::default(), trust: Trust::default(), lang }
    }

    /// The language it is told in.
    pub(crate) fn lang(&self) -> Lang {
        self.lang
    }

    /// A line of the story.
    pub(crate) fn say(&self, ko: &str, en: &str) {
        self.print(self.lang.pick(ko, en));
    }

    /// A heading.
    pub(crate) fn chapter(&self, number: usize, ko: &str, en: &str) {
        self.print(&format!("\n{number}. {}", self.lang.pick(ko, en)));
    }

    /// Text as it is.
    pub(crate) fn print(&self, text: &str) {
        println!("{text}");
    }

    /// Does something that has to succeed, and says how long it took.
    ///
    /// The story ends here if it does not: what follows would only fail because of it.
    pub(crate) fn step<T>(
        &mut self,
        id: &'static str,
        ko: &str,
        en: &str,
        work: impl FnOnce() -> Result<T, String>,
    ) -> Result<T, String> {
        let start = Instant::now();
        let done = work();
        // Tenths of a millisecond are as fine as one run can tell.
        let ms = (start.elapsed().as_secs_f64() * 10_000.0).round() / 10.0;
        let text = self.lang.pick(ko, en);
        match &done {
            Ok(_) => self.print(&format!("   ✓ {text} ({ms} ms)")),
            Err(why) => self.print(&format!("   ✗ {text}: {why}")),
        }
        self.steps.push(Step { id, ok: done.is_ok(), ms, bytes: None });
        done
    }

    /// Notes the size of what the last step made.
    pub(crate) fn size(&mut self, bytes: usize) {
        if let Some(step) = self.steps.last_mut() {
            step.bytes = Some(bytes);
        }
    }

    /// Notes what came of something that had to be refused with exactly this error.
    pub(crate) fn refused<T>(
        &mut self,
        id: &'static str,
        expected: &'static str,
        ko: &str,
        en: &str,
        got: Result<T, String>,
    ) {
        let got = match got {
            Ok(_) => "accepted".to_owned(),
            Err(name) => name,
        };
        let mark = if got == expected { '✓' } else { '✗' };
        self.print(&format!("   {mark} {}  →  {got}", self.lang.pick(ko, en)));
        self.refusals.push(Refused { id, expected, got });
    }

    /// Notes the size and version of a code that was drawn; the largest counts.
    pub(crate) fn drawn(&mut self, bytes: usize, version: u8) {
        if bytes > self.qr.bytes {
            self.qr = Qr { bytes, version };
        }
    }

    /// Notes the trust data that a check rested on.
    pub(crate) fn trusted(&mut self, height: u64, age_seconds: u64) {
        self.trust = Trust { height, age_seconds };
    }

    /// Whether every step and every refusal came out as told.
    pub(crate) fn came_true(&self) -> bool {
        let steps = !self.steps.is_empty() && self.steps.iter().all(|step| step.ok);
        steps && !self.refusals.is_empty() && self.refusals.iter().all(|refusal| refusal.got == refusal.expected)
    }

    /// How long a step took, in milliseconds.
    pub(crate) fn took(&self, id: &str) -> f64 {
        self.steps.iter().find(|step| step.id == id).map_or(0.0, |step| step.ms)
    }

    /// The size of what a step made.
    pub(crate) fn bytes(&self, id: &str) -> usize {
        self.steps.iter().find(|step| step.id == id).and_then(|step| step.bytes).unwrap_or_default()
    }

    /// A progress line for something long, rewritten in place on a terminal.
    pub(crate) fn progress(&self, ko: &str, en: &str) -> impl Fn(usize, usize) + Send + Sync + use<> {
        let text = self.lang.pick(ko, en).to_owned();
        let show = std::io::stdout().is_terminal();
        move |done, all| {
            if show && all > 0 {
                let end = if done == all { "\r\x1b[K" } else { "" };
                print!("\r   … {text} {} %{end}", done * 100 / all);
                // A progress line that cannot be written is not worth failing for.
                let _ = std::io::stdout().flush();
            }
        }
    }

    /// The story as JSON.
    pub(crate) fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }
}

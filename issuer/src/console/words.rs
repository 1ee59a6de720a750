//! What the pages say, in both languages: `words/ko.json` and `words/en.json`.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use protocol::credential::Day;

const KO: &str = include_str!("words/ko.json");
const EN: &str = include_str!("words/en.json");

/// The language of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lang {
    Ko,
    En,
}

impl Lang {
    /// The language of a path's first part.
    pub(super) fn of_path(part: &str) -> Option<Self> {
        [Self::Ko, Self::En].into_iter().find(|lang| lang.code() == part)
    }

    /// What a browser prefers; Korean unless English comes first.
    pub(super) fn preferred(accept_language: &str) -> Self {
        let known = |tag: &str| tag.trim().get(..2).and_then(Self::of_path);
        accept_language.split(',').find_map(known).unwrap_or(Self::Ko)
    }

    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Ko => "ko",
            Self::En => "en",
        }
    }

    pub(super) fn other(self) -> Self {
        match self {
            Self::Ko => Self::En,
            Self::En => Self::Ko,
        }
    }

    /// The text of `key`. A key without a text shows itself, and a test finds it.
    pub(super) fn word(self, key: &str) -> &str {
        self.texts().get(key).map_or(key, String::as_str)
    }

    /// Why something was refused, by the error's name.
    pub(super) fn why(self, name: &str) -> &'static str {
        let texts = self.texts();
        texts.get(&format!("why.{name}")).or_else(|| texts.get("why.other")).map_or("", String::as_str)
    }

    fn texts(self) -> &'static BTreeMap<String, String> {
        static TEXTS: [OnceLock<BTreeMap<String, String>>; 2] = [OnceLock::new(), OnceLock::new()];
        let (index, json) = match self {
            Self::Ko => (0, KO),
            Self::En => (1, EN),
        };
        // A test reads both files; one that cannot be read would show keys.
        TEXTS[index].get_or_init(|| serde_json::from_str(json).unwrap_or_default())
    }
}

/// A moment (unix seconds) as a clock in Korea shows it.
pub(super) fn moment(seconds: u64) -> String {
    let of_day = (seconds.saturating_add(9 * 3_600)) % 86_400;
    format!("{} {:02}:{:02}", Day::in_korea(seconds), of_day / 3_600, of_day / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browser_chooses_and_clocks_are_korean() {
        assert_eq!(Lang::preferred("en-GB,en;q=0.9,ko;q=0.5"), Lang::En);
        assert_eq!(Lang::preferred("한,fr"), Lang::Ko);
        assert_eq!(Lang::En.word("no such key"), "no such key");
        assert_eq!(moment(1_795_143_600), "2026-11-20 12:00");
    }
}

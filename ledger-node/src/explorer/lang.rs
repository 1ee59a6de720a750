//! The two languages of the pages.

/// The language of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lang {
    /// Korean.
    Ko,
    /// English.
    En,
}

impl Lang {
    /// The language of a path's part.
    pub(super) fn of_path(part: &str) -> Option<Self> {
        match part {
            "ko" => Some(Self::Ko),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    /// What a browser prefers; Korean unless English comes first.
    pub(super) fn preferred(accept_language: &str) -> Self {
        let first = accept_language.split(',').filter_map(|tag| tag.trim().get(..2)).find_map(Self::of_path);
        first.unwrap_or(Self::Ko)
    }

    pub(super) fn code(self) -> &'static str {
        self.pick("ko", "en")
    }

    pub(super) fn name(self) -> &'static str {
        self.pick("한국어", "English")
    }

    pub(super) fn other(self) -> Self {
        match self {
            Self::Ko => Self::En,
            Self::En => Self::Ko,
        }
    }

    pub(super) fn pick<'a>(self, ko: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Ko => ko,
            Self::En => en,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browser_chooses() {
        assert_eq!(Lang::preferred("en-GB,en;q=0.9,ko;q=0.5"), Lang::En);
        assert_eq!(Lang::preferred("fr, ko-KR;q=0.9,en;q=0.5"), Lang::Ko);
        assert_eq!(Lang::preferred("한"), Lang::Ko);
    }
}

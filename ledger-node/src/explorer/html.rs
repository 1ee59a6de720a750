//! Pieces of HTML.

use std::fmt::Write as _;

use super::lang::Lang;
use crate::clock;

/// Seconds between UTC and Korean time.
const KST: u64 = 9 * 3_600;

/// Text inside HTML, also inside quoted attributes.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A number with its thousands apart.
pub(super) fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A time, in Korean time for people and in UTC for programs.
pub(super) fn time(lang: Lang, seconds: u64) -> String {
    let utc = clock::rfc3339(seconds);
    let local = clock::rfc3339(seconds.saturating_add(KST));
    let (date, clock) = (local.get(..10).unwrap_or_default(), local.get(11..19).unwrap_or_default());
    let zone = lang.pick("한국 시각", "KST");
    format!("<time datetime=\"{utc}\">{date} {clock} <span class=\"zone\">{zone}</span></time>")
}

/// A day, in Korean time.
pub(super) fn day(seconds: u64) -> String {
    let local = clock::rfc3339(seconds.saturating_add(KST));
    format!("<time datetime=\"{}\">{}</time>", clock::rfc3339(seconds), local.get(..10).unwrap_or_default())
}

/// How long ago, in the largest unit that says enough.
pub(super) fn age(lang: Lang, milliseconds: u64) -> String {
    let seconds = milliseconds / 1_000;
    let (count, ko, one, many) = match seconds {
        0..60 => (seconds, "초", "second", "seconds"),
        60..3_600 => (seconds / 60, "분", "minute", "minutes"),
        3_600..86_400 => (seconds / 3_600, "시간", "hour", "hours"),
        _ => (seconds / 86_400, "일", "day", "days"),
    };
    match lang {
        Lang::Ko => format!("{}{ko} 전", number(count)),
        Lang::En => format!("{} {} ago", number(count), if count == 1 { one } else { many }),
    }
}

/// An identifier that may be broken anywhere and is never translated.
pub(super) fn code(text: &str) -> String {
    format!("<code translate=\"no\">{}</code>", escape(text))
}

/// The beginning of a long hexadecimal text; the whole of it for programs and pointers.
pub(super) fn short(hex: &str) -> String {
    format!("<code translate=\"no\" title=\"{0}\">{1}…</code>", escape(hex), escape(hex.get(..16).unwrap_or(hex)))
}

/// A state in a word, with a mark that is not only a colour.
pub(super) fn badge(kind: Badge, text: &str) -> String {
    let (class, mark) = match kind {
        Badge::Good => ("good", "✓"),
        Badge::Fair => ("fair", "!"),
        Badge::Gone => ("gone", "✕"),
    };
    format!("<span class=\"badge {class}\"><span aria-hidden=\"true\">{mark}</span> {}</span>", escape(text))
}

/// How a state is to be taken.
#[derive(Debug, Clone, Copy)]
pub(super) enum Badge {
    Good,
    Fair,
    Gone,
}

/// A table that can be scrolled sideways with the keyboard.
pub(super) fn table(id: &str, caption: &str, heads: &[&str], rows: &[Vec<String>], none: &str) -> String {
    if rows.is_empty() {
        return format!("<p class=\"none\">{}</p>\n", escape(none));
    }
    let mut out = format!(
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-labelledby=\"{id}\">\n<table>\n<caption id=\"{id}\">{}</caption>\n<thead><tr>",
        escape(caption)
    );
    for head in heads {
        let _ = write!(out, "<th scope=\"col\">{}</th>", escape(head));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        out.push_str("<tr>");
        for (at, cell) in row.iter().enumerate() {
            let _ = match at {
                0 => write!(out, "<th scope=\"row\">{cell}</th>"),
                _ => write!(out, "<td>{cell}</td>"),
            };
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table>\n</div>\n");
    out
}

/// Names with what they stand for.
pub(super) fn facts(facts: &[(&str, String)]) -> String {
    let mut out = String::from("<dl class=\"facts\">\n");
    for (name, value) in facts {
        let _ = writeln!(out, "<div><dt>{}</dt><dd>{value}</dd></div>", escape(name));
    }
    out.push_str("</dl>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_becomes_markup_and_numbers_are_readable() {
        assert_eq!(escape("<b a=\"x\">'&"), "&lt;b a=&quot;x&quot;&gt;&#39;&amp;");
        assert_eq!((number(7), number(1_000), number(12_345_678)), ("7".into(), "1,000".into(), "12,345,678".into()));
        assert_eq!(age(Lang::En, 1_500), "1 second ago");
        assert_eq!(age(Lang::Ko, 7_200_000), "2시간 전");
        assert!(time(Lang::En, 1_777_854_600).contains("2026-05-04 09:30:00"));
        assert!(table("t", "c", &["h"], &[vec!["<i>".into()]], "").contains("<th scope=\"row\"><i></th>"));
    }
}

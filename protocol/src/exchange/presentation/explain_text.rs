//! An explanation as people read it, in Korean and English.

use std::fmt::Write as _;

use super::{Bound, ExplainedStatus, Explanation, Readable};
use crate::credential::{Day, Label};

/// Seconds of a day, and those by which Korea is ahead.
const DAY: u64 = 86_400;
const KOREA: u64 = 9 * 3_600;

#[derive(Clone, Copy)]
enum Lang {
    Ko,
    En,
}

impl Lang {
    /// The text in this language.
    fn of<'a>(self, ko: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Ko => ko,
            Self::En => en,
        }
    }

    fn label(self, label: &Label) -> &str {
        self.of(&label.ko, &label.en)
    }
}

impl Explanation {
    /// A line for each thing, in `lang` (`ko`, anything else is English).
    #[must_use]
    pub fn text(&self, lang: &str) -> String {
        text(self, if lang == "ko" { Lang::Ko } else { Lang::En })
    }
}

fn time(unix: u64) -> String {
    let second = unix.saturating_add(KOREA) % DAY;
    format!("{} {:02}:{:02}:{:02} KST", Day::in_korea(unix), second / 3_600, second / 60 % 60, second % 60)
}

fn text(explanation: &Explanation, lang: Lang) -> String {
    let mut out = String::new();
    let mut line = |ko: &str, en: &str, value: &str| {
        // Writing into a string cannot fail.
        let _ = writeln!(out, "{}: {value}", lang.of(ko, en));
    };
    let Explanation { bytes, .. } = explanation;
    line("제시물", "a presentation", &format!("{} {}", bytes.total, lang.of("바이트", "bytes")));
    line(
        "검증",
        "checked",
        lang.of(
            "하지 않음. 아래는 이 코드를 읽는 누구나 볼 수 있는 것",
            "no. What follows is what anyone who scans the code can read",
        ),
    );
    let kind = explanation.credential_type.as_ref().map_or_else(
        || lang.of("알 수 없음", "not known here").to_owned(),
        |guess| format!("{} ({}), {}", lang.label(&guess.name), guess.id, lang.of("형식으로 보아", "by its form")),
    );
    line("종류", "kind", &kind);
    line("발급 키", "issuer key", &explanation.issuer_key);
    let exact = match explanation.made_within {
        0 | 1 => lang.of("초까지", "to the second").to_owned(),
        within => format!("{within} {}", lang.of("초 단위", "seconds wide")),
    };
    line("만든 때", "made", &format!("{} ({exact})", time(explanation.made_at)));
    let request = match &explanation.request {
        None => lang.of("보는 누구에게나, 30초 동안", "shown to whoever scans it, for half a minute").to_owned(),
        Some(digest) => format!("{} {digest}", lang.of("요청에 대한 답:", "only to who asked, by the request")),
    };
    line("받는 이", "for", &request);

    let shown: Vec<_> = explanation.shown.iter().map(|readable| readable_line(readable, lang)).collect();
    line("보여 줌", "shown", &listed(shown, lang));
    let mut proven: Vec<_> = explanation.proven.iter().map(|label| lang.label(label).to_owned()).collect();
    proven.push(lang.of("그날 유효함", "valid on that day").to_owned());
    if let ExplainedStatus::VouchedFor { epoch } = explanation.status {
        proven.push(format!("{} {epoch}", lang.of("폐지되지 않음, 기준 회차", "not withdrawn as of epoch")));
    }
    line("증명함", "proven", &listed(proven, lang));
    let mut kept: Vec<_> = explanation.kept.iter().map(|label| lang.label(label).to_owned()).collect();
    kept.push(lang.of("만료일", "day of expiry").to_owned());
    if !matches!(explanation.status, ExplainedStatus::Listed { .. }) {
        kept.push(lang.of("자격증명 번호", "the credential's number").to_owned());
    }
    line("숨김", "kept", &listed(kept, lang));

    line("다시 알아볼 수 있나", "recognised again", &recognised(explanation, lang).join("; "));
    line(
        "결합",
        "bound",
        match &explanation.bound {
            Bound::LinkSecret => lang.of(
                "익명: 숨은 비밀에. 비밀이 복사되지 않았다는 뜻은 아님",
                "anonymous, by a hidden secret; that the secret was not copied is not said",
            ),
            Bound::HardwareKey { one_time: Some(true), .. } => lang.of(
                "기기: 휴대폰 보안 영역의, 이번 한 번만 쓰는 키가 서명함",
                "to the phone: a key of its secure area signed, which is used this once",
            ),
            Bound::HardwareKey { .. } => {
                lang.of("기기: 휴대폰 보안 영역의 키가 서명함", "to the phone: a key of its secure area signed")
            }
        },
    );
    line(
        "바이트",
        "bytes",
        &format!(
            "{} {}, {} {}, {} {}, {} {}, {} {}",
            bytes.envelope,
            lang.of("평문", "in the clear"),
            bytes.proof_base,
            lang.of("서명 증명", "signature"),
            bytes.proof_hidden,
            lang.of("숨은 값", "hidden values"),
            bytes.proof_statements,
            lang.of("숨은 값에 대한 증명", "statements about them"),
            bytes.device,
            lang.of("기기 서명", "phone's signature"),
        ),
    );
    out
}

fn readable_line(readable: &Readable, lang: Lang) -> String {
    match lang.label(&readable.name) {
        "" => format!("{} {}", lang.of("항목", "attribute"), readable.position),
        name => format!("{name} = {}", lang.label(&readable.value)),
    }
}

fn listed(all: Vec<String>, lang: Lang) -> String {
    if all.is_empty() { lang.of("없음", "nothing").to_owned() } else { all.join(", ") }
}

/// By what two codes of one person can be told to be of one person.
fn recognised(explanation: &Explanation, lang: Lang) -> Vec<String> {
    let mut by = Vec::new();
    if let Bound::HardwareKey { one_time, .. } = &explanation.bound {
        let key = match one_time {
            Some(true) => lang.of(
                "발급자만, 한 번 쓰는 휴대폰의 키로(발급자가 서명한 키이므로)",
                "only by the issuer, by the phone's key for this once, because it signed that key",
            ),
            Some(false) => lang.of("휴대폰의 키로", "by the phone's key"),
            None => lang.of(
                "휴대폰의 키로(한 번만 쓰는 키라면 발급자만)",
                "by the phone's key; if it is for this once, only by the issuer",
            ),
        };
        by.push(key.to_owned());
    }
    if let ExplainedStatus::Listed { list, entry } = explanation.status {
        by.push(format!("{} {list}/{entry}", lang.of("상태 목록의 자리로,", "by its entry in a status list,")));
    }
    if !explanation.shown.is_empty() {
        by.push(lang.of("보여 준 값으로", "by what is shown").to_owned());
    }
    if let Some(pseudonym) = &explanation.pseudonym {
        by.push(format!("{} {}", lang.of("이 검증자만:", "only by the verifier"), pseudonym.verifier));
        let by_this = lang.of("가명으로:", "by the pseudonym");
        by.push(format!("{by_this} {} ({})", pseudonym.value, pseudonym.scope));
    }
    if by.is_empty() {
        by.push(
            lang.of(
                "아니오: 두 코드에 같은 것은 발급 키, 질문, 회차뿐",
                "no: all that two codes share is the issuer's key, the question and the epoch",
            )
            .to_owned(),
        );
    }
    by
}

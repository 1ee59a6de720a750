//! The pages of a running network: what is where, and a check for whoever has no scanner.
//!
//! Plain HTML in Korean and English. No script, no picture, nothing from elsewhere.

use std::fmt::Write as _;

use ledger_node::escape;
use verifier::Verdict;

use crate::clock;

/// The language of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lang {
    /// Korean.
    Ko,
    /// English.
    En,
}

impl Lang {
    /// The language of a path's first part.
    pub(crate) fn of_path(part: &str) -> Option<Self> {
        match part {
            "ko" => Some(Self::Ko),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    /// What a browser prefers; Korean unless English comes first.
    pub(crate) fn preferred(accept_language: &str) -> Self {
        let english = accept_language.split(',').map(str::trim).find_map(|tag| match tag.get(..2) {
            Some("ko") => Some(false),
            Some("en") => Some(true),
            _ => None,
        });
        if english == Some(true) { Self::En } else { Self::Ko }
    }

    pub(crate) fn code(self) -> &'static str {
        self.pick("ko", "en")
    }

    fn pick<'a>(self, ko: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Ko => ko,
            Self::En => en,
        }
    }
}

/// A service and its address.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) name_ko: &'static str,
    pub(crate) name_en: &'static str,
    pub(crate) url: String,
    pub(crate) about_ko: &'static str,
    pub(crate) about_en: &'static str,
}

/// A member of the network.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) name_ko: &'static str,
    pub(crate) name_en: &'static str,
    pub(crate) did: String,
}

/// What the landing page says.
#[derive(Debug, Clone)]
pub(crate) struct Overview {
    pub(crate) network: String,
    pub(crate) height: u64,
    pub(crate) time_ms: u64,
    pub(crate) places: Vec<Place>,
    pub(crate) members: Vec<Member>,
    /// Address of the ledger node.
    pub(crate) ledger: String,
    /// Where the network is kept.
    pub(crate) directory: String,
}

/// A question the check page offers.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    /// `type/profile`.
    pub(crate) value: String,
    pub(crate) name_ko: String,
    pub(crate) name_en: String,
}

/// The landing page.
pub(crate) fn landing(lang: Lang, overview: &Overview) -> String {
    let mut body = String::new();
    let t = |ko, en| lang.pick(ko, en);
    let _ = write!(
        body,
        "<p>{}</p>\n<p>{} <strong>{}</strong>, {} {} ({}).</p>\n",
        t(
            "발급, 보관, 제시, 검증이 이 기기 안에서 모두 돌아가고 있습니다.",
            "Issuing, holding, presenting and verifying all run on this machine.",
        ),
        t("원장", "Ledger"),
        escape(&overview.network),
        t("높이", "height"),
        overview.height,
        escape(&clock::rfc3339(overview.time_ms / 1_000)),
    );
    let _ = writeln!(
        body,
        "<p><a href=\"/{}/check\">{}</a></p>",
        lang.code(),
        t("제시 확인: QR 코드의 글을 붙여 넣어 보세요", "Check a presentation: paste the text of its QR code"),
    );
    let _ = write!(body, "<h2 id=\"places\">{}</h2>\n<dl>\n", t("무엇이 어디에 있나", "What is where"));
    for place in &overview.places {
        let _ = writeln!(
            body,
            "<dt><a href=\"{0}\">{1}</a></dt><dd><code>{0}</code><br>{2}</dd>",
            escape(&place.url),
            escape(t(place.name_ko, place.name_en)),
            escape(t(place.about_ko, place.about_en)),
        );
    }
    let _ = write!(body, "</dl>\n<h2 id=\"members\">{}</h2>\n<dl>\n", t("참여 기관", "Members"));
    for member in &overview.members {
        let _ = writeln!(
            body,
            "<dt>{}</dt><dd><code translate=\"no\">{}</code></dd>",
            escape(t(member.name_ko, member.name_en)),
            escape(&member.did)
        );
    }
    let _ = write!(
        body,
        "</dl>\n<h2 id=\"try\">{}</h2>\n<p>{}</p>\n<pre><code translate=\"no\">{}</code></pre>\n",
        t("써 보기", "Try it"),
        t("다른 터미널에서 차례로 실행하세요.", "Run these one after another in another terminal."),
        escape(&commands(overview)),
    );
    document(lang, "", t("모바일 신분증", "Mobile identity"), &body)
}

/// The commands that take a visitor from an offer to a verdict.
fn commands(overview: &Overview) -> String {
    let Overview { directory, ledger, .. } = overview;
    let trust = format!("--bundle {directory}/bundle.cbor --anchor {directory}/anchor.png");
    format!(
        "alias mid='cargo run --quiet --release --'\n\
         mid issuer offer --dir {directory}/issuer --person person-0001 --out offer.png\n\
         mid wallet init --dir my-wallet\n\
         mid wallet accept offer.png --dir my-wallet --anchor {directory}/anchor.png --url {ledger}\n\
         mid wallet present --dir my-wallet --profile age-19 --out qr.png\n\
         mid verifier check qr.png {trust} --type kr.go.police.zk-identity.1 --profile age-19"
    )
}

/// The page that checks what a person pastes.
pub(crate) fn check_form(lang: Lang, choices: &[Choice], result: Option<&Result<Verdict, (String, String)>>) -> String {
    let t = |ko, en| lang.pick(ko, en);
    let mut body = String::new();
    if let Some(result) = result {
        outcome(lang, &mut body, result);
    }
    let _ = write!(
        body,
        "<form method=\"post\" action=\"/{}/check\" accept-charset=\"utf-8\">\n\
         <p><label for=\"question\">{}</label><br><select id=\"question\" name=\"question\">\n",
        lang.code(),
        t("무엇을 확인하나요", "What to check"),
    );
    for choice in choices {
        let name = t(&choice.name_ko, &choice.name_en);
        let _ = writeln!(body, "<option value=\"{}\">{}</option>", escape(&choice.value), escape(name));
    }
    let _ = write!(
        body,
        "</select></p>\n<p><label for=\"code\">{}</label><br>\
         <textarea id=\"code\" name=\"code\" rows=\"8\" required spellcheck=\"false\" autocomplete=\"off\" \
         aria-describedby=\"hint\"></textarea></p>\n<p id=\"hint\">{}</p>\n<p><button>{}</button></p>\n</form>\n",
        t("QR 코드의 글", "Text of the QR code"),
        t(
            "MP1: 로 시작합니다. 값은 저장되지 않으며, 같은 코드는 한 번만 받아들입니다.",
            "It begins with MP1: . Nothing is kept, and a code is accepted once.",
        ),
        t("확인", "Check"),
    );
    document(lang, "check", t("제시 확인", "Check a presentation"), &body)
}

fn outcome(lang: Lang, body: &mut String, result: &Result<Verdict, (String, String)>) {
    let t = |ko, en| lang.pick(ko, en);
    match result {
        Err((name, message)) => {
            let _ = write!(
                body,
                "<section role=\"alert\" aria-labelledby=\"outcome\"><h2 id=\"outcome\">✗ {}</h2>\n\
                 <p><strong translate=\"no\">{}</strong></p><p lang=\"en\">{}</p></section>\n",
                t("거부", "Refused"),
                escape(name),
                escape(message)
            );
        }
        Ok(verdict) => {
            let _ = write!(
                body,
                "<section role=\"status\" aria-labelledby=\"outcome\"><h2 id=\"outcome\">✓ {}</h2>\n<dl>\n",
                t("확인됨", "Accepted")
            );
            for claim in verdict.claims() {
                let _ = writeln!(
                    body,
                    "<dt>{}</dt><dd>{}</dd>",
                    escape(claim.label.text(lang.code())),
                    escape(claim.value.text(lang.code()))
                );
            }
            for predicate in verdict.proven() {
                let _ = writeln!(body, "<dt>{}</dt><dd>{}</dd>", t("증명됨", "Proven"), escape(&predicate.to_string()));
            }
            let _ = write!(
                body,
                "<dt>{}</dt><dd>{}</dd>\n<dt>{}</dt><dd>{}</dd>\n</dl></section>\n",
                t("철회되지 않음, 기준 시각", "Not withdrawn as of"),
                escape(&clock::rfc3339(verdict.status_as_of())),
                t("신뢰 자료의 나이(초)", "Age of the trust data in seconds"),
                verdict.trust().age
            );
        }
    }
}

fn document(lang: Lang, path: &str, title: &str, body: &str) -> String {
    let (other, other_name) = match lang {
        Lang::Ko => ("en", "English"),
        Lang::En => ("ko", "한국어"),
    };
    let here = lang.code();
    let (home, check) = (lang.pick("처음", "Home"), lang.pick("제시 확인", "Check"));
    let skip = lang.pick("본문으로", "Skip to content");
    format!(
        "<!doctype html>\n<html lang=\"{here}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <link rel=\"stylesheet\" href=\"/style.css\">\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">{skip}</a>\n\
         <header><nav aria-label=\"{home}\"><a href=\"/{here}\">{home}</a> <a href=\"/{here}/check\">{check}</a> \
         <a href=\"/{other}/{path}\" lang=\"{other}\" hreflang=\"{other}\">{other_name}</a></nav></header>\n\
         <main id=\"main\">\n<h1>{title}</h1>\n{body}</main>\n</body>\n</html>\n"
    )
}

/// What the pages look like, served as `/style.css`.
pub(crate) const STYLE: &str = "body{font:1rem/1.6 system-ui,sans-serif;max-width:48rem;margin:0 auto;padding:1rem;color:#111;background:#fff}\
nav a{margin-right:1rem}a{color:#0b3d91}:focus-visible{outline:3px solid #0b3d91;outline-offset:2px}\
.skip{position:absolute;left:-99rem}.skip:focus{position:static}dt{font-weight:600;margin-top:.6rem}\
code,pre,textarea{font-family:ui-monospace,monospace;overflow-wrap:anywhere}pre{white-space:pre-wrap;background:#f3f3f3;padding:.8rem}\
textarea,select{width:100%;font-size:1rem;box-sizing:border-box}button{font-size:1rem;padding:.5rem 1.5rem}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_say_their_own() {
        let overview = Overview {
            network: "kr<demo>".into(),
            height: 3,
            time_ms: 1_777_854_600_000,
            places: Vec::new(),
            members: vec![Member {
                name_ko: "경찰청", name_en: "National Police Agency", did: "did:mid:kr:x".into()
            }],
            ledger: "http://127.0.0.1:1/ledger".into(),
            directory: "/tmp/d".into(),
        };
        let (ko, en) = (landing(Lang::Ko, &overview), landing(Lang::En, &overview));
        assert!(ko.contains("<html lang=\"ko\">") && ko.contains("경찰청") && !ko.contains("National Police"));
        assert!(en.contains("<html lang=\"en\">") && en.contains("National Police Agency"));
        assert!(en.contains("kr&lt;demo&gt;"));
        assert!(!ko.contains("<script") && !ko.contains("src="));
    }

    #[test]
    fn what_was_pasted_never_becomes_markup() {
        let refused = Err(("MalformedInput".to_owned(), "<b>\"'&".to_owned()));
        let page = check_form(Lang::En, &[], Some(&refused));
        assert!(page.contains("&lt;b&gt;&quot;&#39;&amp;") && !page.contains("<b>"));
    }

    #[test]
    fn the_browser_chooses() {
        assert_eq!(Lang::preferred("en-GB,en;q=0.9,ko;q=0.5"), Lang::En);
        assert_eq!(Lang::preferred("ko-KR,ko;q=0.9,en;q=0.5"), Lang::Ko);
        assert_eq!(Lang::preferred("한,fr"), Lang::Ko);
        assert_eq!(Lang::preferred(""), Lang::Ko);
    }
}

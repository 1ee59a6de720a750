//! The closing table.

use super::story::Story;

/// Prints sizes and times.
pub(crate) fn print(story: &Story) {
    story.chapter(6, "숫자로 보면", "In figures");
    let lang = story.lang();
    let bytes = |id| format!("{} {}", story.bytes(id), lang.pick("바이트", "bytes"));
    let ms = |id| format!("{} ms", story.took(id));
    let rows = [
        (lang.pick("만 19세 이상 증명, QR 내용", "age ≥ 19, in the QR"), bytes("prove")),
        (lang.pick("운전면허 확인, QR 내용", "licence check, in the QR"), bytes("prove-licence")),
        (lang.pick("가장 큰 QR의 버전", "version of the largest QR"), story.qr.version.to_string()),
        (lang.pick("두 증명서 발급(공개 자료 포함)", "issue both credentials, public data included"), ms("issue")),
        (lang.pick("증명 만들기: 나이", "prove: age"), ms("prove")),
        (lang.pick("증명 만들기: 면허", "prove: licence"), ms("prove-licence")),
        (lang.pick("그림에서 QR 읽기", "read the QR from the picture"), ms("read")),
        (lang.pick("검사: 나이", "verify: age"), ms("verify")),
        (lang.pick("검사: 면허", "verify: licence"), ms("verify-licence")),
        (
            lang.pick("신뢰 자료", "trust data"),
            format!(
                "{} {}, {} s {}",
                lang.pick("높이", "height"),
                story.trust.height,
                story.trust.age_seconds,
                lang.pick("전", "old")
            ),
        ),
    ];
    for (what, figure) in rows {
        // Korean letters are two columns wide.
        let columns: usize = what.chars().map(|c| if u32::from(c) > 0x1100 { 2 } else { 1 }).sum();
        story.print(&format!("   {what}{}{figure}", " ".repeat(48usize.saturating_sub(columns))));
    }
}

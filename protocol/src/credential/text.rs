//! What no claim may contain.

/// Whether `text` contains something of the form of a resident registration number
/// (six digits of a birth date, an optional separator, a digit 1–8 and six more).
///
/// The resident number is never a claim (promise 3 of the project): types that name it and values that
/// contain it are refused before anything is signed.
#[must_use]
pub fn resident_number_in(text: &str) -> bool {
    // Full-width digits are the same number to a reader, so they count; separators may be any one character.
    let folded: Vec<char> = text
        .chars()
        .map(|c| match c {
            '０'..='９' => char::from_u32(u32::from(c) - u32::from('０') + u32::from('0')).unwrap_or(c),
            other => other,
        })
        .collect();
    let digits = |chars: &[char]| chars.iter().all(char::is_ascii_digit);
    let tail = |chars: &[char]| chars.len() >= 7 && matches!(chars[0], '1'..='8') && digits(&chars[..7]);
    let isolated = |start: usize, end: usize| {
        let before = start.checked_sub(1).and_then(|i| folded.get(i));
        let after = folded.get(end);
        !before.is_some_and(char::is_ascii_digit) && !after.is_some_and(char::is_ascii_digit)
    };
    (0..folded.len()).any(|i| {
        let Some(head) = folded.get(i..i + 6) else { return false };
        let number =
            |from: usize, to: usize| head[from..to].iter().fold(0, |n, c| n * 10 + c.to_digit(10).unwrap_or(0));
        if !digits(head) || !(1..=12).contains(&number(2, 4)) || !(1..=31).contains(&number(4, 6)) {
            return false;
        }
        (tail(&folded[i + 6..]) && isolated(i, i + 13))
            || (folded.get(i + 6).is_some_and(|c| !c.is_ascii_digit())
                && tail(folded.get(i + 7..).unwrap_or(&[]))
                && isolated(i, i + 14))
    })
}

#[cfg(test)]
mod tests {
    use super::resident_number_in;

    #[test]
    fn found_in_every_spelling() {
        for text in [
            "900101-1234567",
            "9001011234567",
            "x 900101 2234567 y",
            "９００１０１－１２３４５６７",
            "no:900101–4234567.",
        ] {
            assert!(resident_number_in(text), "{text}");
        }
        for text in [
            "",
            "11-26-123456-78",
            "2026-11-20",
            "991301-1234567",
            "900101-9234567",
            "19001011234567",
            "서울특별시 종로구 세종대로 209",
        ] {
            assert!(!resident_number_in(text), "{text}");
        }
    }
}

//! The owner's PIN: which ones are accepted, and how they are read (WFILE-03).

use protocol::credential::Day;
use zeroize::Zeroizing;

use crate::error::WalletError;

/// Fewest and most digits.
const DIGITS: std::ops::RangeInclusive<usize> = 6..=12;
/// Lines of three on a telephone's keypad, read in either direction.
const KEYPAD_LINES: [&str; 8] = ["147", "258", "369", "123", "456", "789", "159", "357"];
/// Often chosen, and not caught by a rule below.
const COMMON: [&str; 24] = [
    "159753", "142536", "010203", "102030", "192837", "918273", "314159", "271828", "520520", "131452", "135246",
    "246135", "112358", "100200", "010101", "025800", "258000", "102938", "147896", "123698", "789632", "741236",
    "456852", "963258",
];

/// What others know of the owner, so that it is no PIN.
#[derive(Clone, Copy, Default)]
pub struct PersonalNumbers<'a> {
    /// The owner's birth date.
    pub birth_date: Option<Day>,
    /// The owner's telephone number, in any spelling.
    pub phone: Option<&'a str>,
}

impl core::fmt::Debug for PersonalNumbers<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("PersonalNumbers([redacted])")
    }
}

/// 6–12 ASCII digits, erased when dropped.
pub(crate) struct Pin(Zeroizing<String>);

impl core::fmt::Debug for Pin {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Pin([redacted])")
    }
}

impl Pin {
    /// Reads a PIN as it was typed. Full-width and Arabic digits mean the same as ASCII ones.
    pub(crate) fn read(typed: &str) -> Result<Self, WalletError> {
        if typed.chars().count() > *DIGITS.end() {
            return Err(WalletError::PinFormat);
        }
        let mut digits = Zeroizing::new(String::with_capacity(*DIGITS.end()));
        for c in typed.chars() {
            digits.push(ascii_digit(c).ok_or(WalletError::PinFormat)?);
        }
        if DIGITS.contains(&digits.len()) { Ok(Self(digits)) } else { Err(WalletError::PinFormat) }
    }

    /// Reads a PIN that is to be set, and refuses those that are tried first.
    pub(crate) fn choose(typed: &str, personal: &PersonalNumbers<'_>) -> Result<Self, WalletError> {
        let pin = Self::read(typed)?;
        if pin.is_weak() || pin.is_personal(personal) { Err(WalletError::PinTooWeak) } else { Ok(pin) }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    fn is_weak(&self) -> bool {
        let digits = self.as_bytes();
        let few = digits.iter().collect::<std::collections::BTreeSet<_>>().len() <= 2;
        // 123456, 654321, 135791, 999999: one step from each digit to the next, also past 9.
        let step = |pair: &[u8]| pair.last().zip(pair.first()).map(|(b, a)| (10 + b - a) % 10);
        let sequence =
            |digits: &[u8]| digits.windows(2).map(step).collect::<std::collections::BTreeSet<_>>().len() <= 1;
        // 123123, 112112112.
        let repeated = (1..=digits.len() / 2)
            .any(|n| digits.len().is_multiple_of(n) && digits.chunks(n).all(|c| c == &digits[..n]));
        // 112233, 111222: a sequence of doubled or trebled digits.
        let stretched = (2..=3).any(|n| {
            let firsts: Vec<u8> = digits.chunks(n).filter_map(|chunk| chunk.first().copied()).collect();
            digits.chunks(n).all(|chunk| chunk.iter().all(|d| Some(d) == chunk.first())) && sequence(&firsts)
        });
        // 123321.
        let palindrome = digits.iter().eq(digits.iter().rev());
        let line = |chunk: &[u8]| {
            let backwards: Vec<u8> = chunk.iter().rev().copied().collect();
            KEYPAD_LINES.iter().any(|line| line.as_bytes() == chunk || line.as_bytes() == backwards)
        };
        let lines = digits.chunks(3).all(line);
        let common = COMMON.contains(&self.0.as_str());
        few || sequence(digits) || repeated || stretched || palindrome || lines || common
    }

    fn is_personal(&self, personal: &PersonalNumbers<'_>) -> bool {
        let of_birth = personal.birth_date.is_some_and(|date| {
            let (year, month, day) = date.ymd();
            let short = year % 100;
            let spellings = [
                format!("{year:04}{month:02}{day:02}"),
                format!("{day:02}{month:02}{year:04}"),
                format!("{month:02}{day:02}{year:04}"),
                format!("{short:02}{month:02}{day:02}"),
                format!("{day:02}{month:02}{short:02}"),
                format!("{month:02}{day:02}{short:02}"),
                format!("{year:04}{month:02}"),
                format!("{month:02}{year:04}"),
            ];
            spellings.iter().any(|spelling| self.0.contains(spelling.as_str()) || spelling.contains(self.0.as_str()))
        });
        let of_phone = personal.phone.is_some_and(|phone| {
            let digits: Vec<u8> = phone.chars().filter_map(ascii_digit).map(|digit| digit as u8).collect();
            digits.windows(*DIGITS.start()).any(|run| self.as_bytes().windows(run.len()).any(|part| part == run))
        });
        of_birth || of_phone
    }
}

fn ascii_digit(c: char) -> Option<char> {
    // ASCII, full-width, Arabic-Indic, Extended Arabic-Indic.
    ['0', '０', '٠', '۰'].into_iter().find_map(|zero| {
        let value = u32::from(c).checked_sub(u32::from(zero))?;
        char::from_digit(value, 10)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(typed: &str) -> Result<String, WalletError> {
        let personal =
            PersonalNumbers { birth_date: Some("1990-07-24".parse().unwrap()), phone: Some("+82 10-4837-2915") };
        Pin::choose(typed, &personal).map(|pin| pin.0.to_string())
    }

    #[test]
    fn g06_guessable_pins_are_refused() {
        for weak in [
            "000000",
            "111111",
            "123456",
            "654321",
            "890123",
            "135791",
            "975319",
            "121212",
            "112211",
            "123123",
            "112112112",
            "112233",
            "111222",
            "332211",
            "123321",
            "147258",
            "258369",
            "159357",
            "963852",
            "741852",
            "789456",
            "159753",
            "19900724",
            "24071990",
            "900724",
            "072490",
            "240790",
            "199007",
            "9007240",
            "372915",
            "483729",
            "01048372915",
        ] {
            assert_eq!(choose(weak), Err(WalletError::PinTooWeak), "{weak}");
        }
        for good in ["839174", "502618", "7390518", "482915603712"] {
            assert_eq!(choose(good).as_deref(), Ok(good));
        }
    }

    #[test]
    fn g07_six_to_twelve_digits_in_any_script() {
        for bad in
            ["", "8391", "83917", "8391740283746", "83917a", "839 174", "839174\0", "八三九一七四", "-83917", "83917५"]
        {
            assert_eq!(choose(bad), Err(WalletError::PinFormat), "{bad}");
        }
        for same in ["839174", "８３９１７４", "٨٣٩١٧٤", "۸۳۹۱۷۴"] {
            assert_eq!(choose(same).as_deref(), Ok("839174"), "{same}");
        }
        assert_eq!(choose("１２３４５６"), Err(WalletError::PinTooWeak));
    }

    #[test]
    fn g26_pins_print_nothing() {
        assert_eq!(format!("{:?}", Pin::read("839174").unwrap()), "Pin([redacted])");
        let personal = PersonalNumbers { birth_date: None, phone: Some("01048372915") };
        assert_eq!(format!("{personal:?}"), "PersonalNumbers([redacted])");
    }
}

//! What owners type and what others do to their files.

use super::Case;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = pins();
    cases.extend(files());
    cases
}

/// PINs to be set by someone born on 24 July 1990 whose number is 010-4837-2915.
fn pins() -> Vec<Case> {
    let good = Case::valid("pin", "six-digits", "Six digits without a pattern.", "839174".into())
        .with("birth-date", "1990-07-24")
        .with("phone", "010-4837-2915");
    let full_width = Case {
        slug: "full-width".into(),
        title: "The same in full-width digits.".into(),
        bytes: "８３９１７４".into(),
        ..good.clone()
    };
    let weak = [
        ("zeros", "000000"),
        ("sequence", "123456"),
        ("sequence-backwards", "987654"),
        ("odd-numbers", "135791"),
        ("repeated", "482482"),
        ("doubled", "112233"),
        ("palindrome", "482284"),
        ("keypad", "147258"),
        ("well-known", "159753"),
        ("birth-date", "900724"),
        ("birth-date-in-full", "19900724"),
        ("birth-date-inside", "3900724"),
        ("phone-tail", "372915"),
        ("full-width-sequence", "１２３４５６"),
    ];
    let malformed = [
        ("empty", ""),
        ("four-digits", "8391"),
        ("five-digits", "83917"),
        ("thirteen-digits", "8391740283746"),
        ("letter", "83917a"),
        ("space", "839 174"),
        ("nul", "839174\0"),
        ("sign", "-839174"),
        ("chinese-numerals", "八三九一七四"),
    ];
    let weak = weak.map(|(slug, pin)| good.broken("G06", slug, "A PIN that is tried first.", "PinTooWeak", pin.into()));
    let form = malformed.map(|(slug, pin)| good.broken("G07", slug, "Not 6 to 12 digits.", "PinFormat", pin.into()));
    [vec![good, full_width], weak.into(), form.into()].concat()
}

/// A wallet is made in the run, changed as `change` says, and opened with its PIN.
fn files() -> Vec<Case> {
    let good = Case::valid("wallet-file", "untouched", "A wallet that nobody has touched.", vec![])
        .with("change", "none")
        .with("phone", "own");
    let changed = |id: &str, slug: &str, title: &str, expect: &str, change: &str| {
        good.under(("change", change), id, slug, title, expect)
    };
    let tampered = "StorageTampered";
    vec![
        changed("G09", "first-page", "A bit of the database's first page.", tampered, "flip wallet.db 5"),
        changed("G09", "second-page", "A bit of its second page.", tampered, "flip wallet.db 4200"),
        changed("G09", "checksum-of-page", "A bit at the end of a page.", tampered, "flip wallet.db 8191"),
        changed("G09", "cut-short", "The database lacks its last byte.", tampered, "cut wallet.db 1"),
        changed("G09", "made-longer", "A byte follows the database.", tampered, "append wallet.db 1"),
        changed("G01", "database-removed", "There is no database.", tampered, "remove wallet.db"),
        changed("G09", "magic", "The header begins with something else.", tampered, "flip wallet.head 0"),
        changed("G12", "version", "The header's version is changed from outside.", tampered, "flip wallet.head 4"),
        changed("G10", "wallet-id", "The header names another wallet.", tampered, "flip wallet.head 5"),
        changed("G09", "header-cut-short", "The header lacks its last byte.", tampered, "cut wallet.head 1"),
        changed("G01", "header-removed", "The database without its header.", tampered, "remove wallet.head"),
        changed("G04", "other-pin", "Another PIN.", "PinIncorrect", "pin 502618"),
        good.under(("phone", "other"), "G13", "other-phone", "Copied to another phone.", "DeviceMismatch"),
        good,
    ]
}

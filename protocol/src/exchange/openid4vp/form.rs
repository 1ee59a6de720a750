//! `application/x-www-form-urlencoded`, strictly: what an answer travels in.

use super::VpError;

/// Most parameters that are read.
pub const PARAMETERS_MAX: usize = 16;
/// Longest form, in bytes: an encrypted answer of [`TOKEN_MAX`](crate::crypto::jose::TOKEN_MAX) and its names.
pub const FORM_MAX: usize = (1 << 20) + 4096;

/// The form with these parameters.
#[must_use]
pub fn write(parameters: &[(&str, &str)]) -> String {
    let pair = |(name, value): &(&str, &str)| format!("{}={}", escape(name), escape(value));
    parameters.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// A text as a part of a query or form.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

/// Reads a form: each name once (K28).
///
/// # Errors
/// [`VpError::MalformedPresentation`]
pub fn read(bytes: &[u8]) -> Result<Vec<(String, String)>, VpError> {
    let malformed = VpError::MalformedPresentation("form");
    let text = core::str::from_utf8(bytes).ok().filter(|it| it.len() <= FORM_MAX).ok_or(malformed.clone())?;
    let mut parameters: Vec<(String, String)> = Vec::new();
    for pair in text.split('&').filter(|it| !it.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or(malformed.clone())?;
        let (name, value) = (unescape(name).ok_or(malformed.clone())?, unescape(value).ok_or(malformed.clone())?);
        if parameters.len() == PARAMETERS_MAX || parameters.iter().any(|(other, _)| *other == name) {
            return Err(malformed);
        }
        parameters.push((name, value));
    }
    Ok(parameters)
}

fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |it: Option<u8>| char::from(it?).to_digit(16);
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                u8::try_from(high * 16 + low).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

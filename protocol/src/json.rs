//! Strict reading of JSON (RFC 8259) that others sent: one meaning, bounded size and depth.
//!
//! What most readers let pass, and two readers understand differently, is refused here: a member that
//! occurs twice, text that is not UTF-8, more nesting than any format of ours has.

use core::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Deepest nesting of objects and arrays that is read.
pub const DEPTH_MAX: usize = 32;

/// Name under which the reader reports a second member of one name to itself.
const DUPLICATE: &str = "\u{1}duplicate member";

/// Why a text is not read as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// More bytes than the reader allows.
    #[error("the text is larger than allowed; ask the sender for a smaller one")]
    TooLarge,
    /// Objects and arrays nested more than [`DEPTH_MAX`] deep.
    #[error("the text is nested too deeply; ask the sender for a flatter one")]
    TooDeep,
    /// Not UTF-8, or half of a surrogate pair.
    #[error("the text is not valid Unicode; ask the sender to encode it again")]
    InvalidUtf8,
    /// Not JSON.
    #[error("the text is not JSON; ask the sender to encode it again")]
    MalformedJson,
    /// One object names a member twice.
    #[error("the text says one thing twice; do not trust either")]
    DuplicateClaim,
}

/// Reads one JSON value of at most `max_len` bytes.
///
/// # Errors
/// [`JsonError`]
pub fn read(bytes: &[u8], max_len: usize) -> Result<Value, JsonError> {
    if bytes.len() > max_len {
        return Err(JsonError::TooLarge);
    }
    let text = core::str::from_utf8(bytes).map_err(|_| JsonError::InvalidUtf8)?;
    if depth(text) > DEPTH_MAX {
        return Err(JsonError::TooDeep);
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Strict.deserialize(&mut reader).map_err(|error| reason(&error))?;
    reader.end().map_err(|_| JsonError::MalformedJson)?;
    Ok(value)
}

/// Reads one JSON object of at most `max_len` bytes.
///
/// # Errors
/// As [`read`]; [`JsonError::MalformedJson`] for any other value.
pub fn read_object(bytes: &[u8], max_len: usize) -> Result<Map<String, Value>, JsonError> {
    match read(bytes, max_len)? {
        Value::Object(object) => Ok(object),
        _ => Err(JsonError::MalformedJson),
    }
}

fn reason(error: &serde_json::Error) -> JsonError {
    let text = error.to_string();
    if text.starts_with(DUPLICATE) {
        JsonError::DuplicateClaim
    } else if text.contains("surrogate") || text.contains("unexpected end of hex escape") {
        JsonError::InvalidUtf8
    } else {
        JsonError::MalformedJson
    }
}

/// Deepest nesting outside of strings. Brackets that do not match are the reader's affair.
fn depth(text: &str) -> usize {
    let (mut now, mut most) = (0usize, 0usize);
    let (mut in_string, mut escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                now += 1;
                most = most.max(now);
            }
            b'}' | b']' if !in_string => now = now.saturating_sub(1),
            _ => {}
        }
    }
    most
}

/// A [`Value`] of which no object has a member twice.
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(entry) = entries.next_element_seed(Self)? {
            list.push(entry);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(Self)?;
            if object.insert(name, value).is_some() {
                return Err(de::Error::custom(DUPLICATE));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Result<Value, JsonError> {
        read(text.as_bytes(), 4096)
    }

    #[test]
    fn reads_what_has_one_meaning() {
        let same = r#"{"a":[1,-2,3.5,"[{",null,true],"b":{"a":"\"}"}}"#;
        assert_eq!(text(same), Ok(serde_json::from_str(same).unwrap()));
        assert!(text(&format!("{}{}", "[".repeat(DEPTH_MAX), "]".repeat(DEPTH_MAX))).is_ok());
        assert_eq!(text(r#""\ud83d\ude00""#), Ok("😀".into()));
    }

    #[test]
    fn refuses_the_rest_by_name() {
        assert_eq!(text(r#"{"a":1,"b":{"c":1,"c":1}}"#), Err(JsonError::DuplicateClaim));
        assert_eq!(text(r#"{"a":1,"\u0061":2}"#), Err(JsonError::DuplicateClaim), "escapes spell the same name");
        assert_eq!(text(&format!("{}{}", "[".repeat(33), "]".repeat(33))), Err(JsonError::TooDeep));
        assert_eq!(text(&"[".repeat(4000)), Err(JsonError::TooDeep));
        assert_eq!(read(b"\"\xc0\xaf\"", 9), Err(JsonError::InvalidUtf8), "overlong slash");
        assert_eq!(text(r#""\ud83d""#), Err(JsonError::InvalidUtf8), "half a pair");
        assert_eq!(text(r#""\ud83dx""#), Err(JsonError::InvalidUtf8), "half a pair");
        for bad in ["", "{", "{}{}", "{a:1}", "[1,]", "01", "NaN", "\"\n\""] {
            assert_eq!(text(bad), Err(JsonError::MalformedJson), "{bad}");
        }
        assert_eq!(read(b"[1]", 2), Err(JsonError::TooLarge));
        assert_eq!(read_object(b"[1]", 9), Err(JsonError::MalformedJson));
    }
}

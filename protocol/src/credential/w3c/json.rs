//! Reading untrusted JSON: bounded, without members that occur twice, without numbers that change when written again.

use core::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::W3cError;

/// The most bytes of a document.
pub const DOCUMENT_MAX: usize = 256 * 1024;
/// The deepest nesting.
const DEPTH_MAX: usize = 32;
/// The most members and elements together.
const VALUES_MAX: usize = 4096;
/// The longest name of a member, in bytes.
const NAME_MAX: usize = 1024;
/// Whole numbers up to here are the same in every program (RFC 7493, section 2.2).
const WHOLE_MAX: u64 = (1 << 53) - 1;

/// Reads one JSON document (WJSN-01…03).
///
/// # Errors
/// [`W3cError::TooLarge`], [`W3cError::TooDeep`], [`W3cError::DuplicateClaim`], [`W3cError::NumberOutOfRange`],
/// [`W3cError::MalformedJson`]
pub fn read_json(bytes: &[u8]) -> Result<Value, W3cError> {
    // WJSN-01
    if bytes.len() > DOCUMENT_MAX {
        return Err(W3cError::TooLarge);
    }
    let mut state = State { values: 0, why: W3cError::MalformedJson };
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Reader { state: &mut state, depth: 0 }.deserialize(&mut reader);
    match value {
        Ok(value) if reader.end().is_ok() => Ok(value),
        Ok(_) => Err(W3cError::MalformedJson),
        Err(_) => Err(state.why),
    }
}

struct State {
    values: usize,
    why: W3cError,
}

struct Reader<'a> {
    state: &'a mut State,
    depth: usize,
}

impl Reader<'_> {
    fn refuse<E: serde::de::Error>(&mut self, why: W3cError) -> E {
        self.state.why = why;
        E::custom(why)
    }

    fn count<E: serde::de::Error>(&mut self) -> Result<(), E> {
        self.state.values += 1;
        if self.state.values > VALUES_MAX { Err(self.refuse(W3cError::TooLarge)) } else { Ok(()) }
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(mut self, deserializer: D) -> Result<Value, D::Error> {
        if self.depth > DEPTH_MAX {
            return Err(self.refuse(W3cError::TooDeep));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: serde::de::Error>(mut self, value: u64) -> Result<Value, E> {
        // WJSN-03
        if value > WHOLE_MAX { Err(self.refuse(W3cError::NumberOutOfRange)) } else { Ok(value.into()) }
    }

    fn visit_i64<E: serde::de::Error>(mut self, value: i64) -> Result<Value, E> {
        if value.unsigned_abs() > WHOLE_MAX { Err(self.refuse(W3cError::NumberOutOfRange)) } else { Ok(value.into()) }
    }

    fn visit_f64<E: serde::de::Error>(mut self, value: f64) -> Result<Value, E> {
        // WJSN-03: JSON-LD writes 16 digits, and those have to mean the same number again.
        let same = format!("{value:.15e}").parse::<f64>() == Ok(value);
        match Number::from_f64(value).filter(|_| same) {
            Some(number) => Ok(Value::Number(number)),
            None => Err(self.refuse(W3cError::NumberOutOfRange)),
        }
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element_seed(Reader { state: self.state, depth: self.depth + 1 })? {
            self.count()?;
            list.push(element);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<Name>()? {
            self.count()?;
            if name.0.len() > NAME_MAX {
                return Err(self.refuse(W3cError::TooLarge));
            }
            let value = members.next_value_seed(Reader { state: self.state, depth: self.depth + 1 })?;
            // WJSN-02
            if object.insert(name.0, value).is_some() {
                return Err(self.refuse(W3cError::DuplicateClaim));
            }
        }
        Ok(Value::Object(object))
    }
}

struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self).map_err(D::Error::custom)
    }
}

/// RFC 8785.
pub(super) fn canonical(value: &Value) -> Result<Vec<u8>, W3cError> {
    serde_json_canonicalizer::to_vec(value).map_err(|_| W3cError::MalformedJson)
}

/// JSON as the RDF converter has to read it: numbers with a fraction in the 16 digits that JSON-LD prescribes, which it
/// does not round itself.
pub(super) fn for_rdf(value: &Value) -> Result<Vec<u8>, W3cError> {
    struct Digits;
    impl serde_json::ser::Formatter for Digits {
        fn write_f64<W: ?Sized + std::io::Write>(&mut self, writer: &mut W, value: f64) -> std::io::Result<()> {
            write!(writer, "{value:.15e}")
        }
    }
    let mut text = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, Digits);
    serde::Serialize::serialize(value, &mut serializer).map_err(|_| W3cError::MalformedJson)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wjsn_01_is_bounded() {
        assert!(read_json(br#"{"a":[1,2.5,"x",null,true]}"#).is_ok());
        let deep = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
        assert!(read_json(&deep(32)).is_ok());
        assert_eq!(read_json(&deep(40)), Err(W3cError::TooDeep));
        assert_eq!(read_json(&deep(100_000)), Err(W3cError::TooDeep));
        assert_eq!(read_json(&vec![b' '; DOCUMENT_MAX + 1]), Err(W3cError::TooLarge));
        let many = format!("[{}1]", "1,".repeat(VALUES_MAX));
        assert_eq!(read_json(many.as_bytes()), Err(W3cError::TooLarge));
        let name = format!("{{\"{}\":1}}", "n".repeat(65536));
        assert_eq!(read_json(name.as_bytes()), Err(W3cError::TooLarge));
        for bad in [&b"{"[..], b"", b"{} {}", b"\"\\ud800\"", b"\"\xff\"", b"{'a':1}", b"01"] {
            assert_eq!(read_json(bad), Err(W3cError::MalformedJson), "{bad:?}");
        }
    }

    #[test]
    fn wjsn_02_members_occur_once() {
        assert_eq!(read_json(br#"{"issuer":"a","issuer":"b"}"#), Err(W3cError::DuplicateClaim));
        assert_eq!(read_json(br#"{"a":{"b":1,"\u0062":2}}"#), Err(W3cError::DuplicateClaim));
    }

    #[test]
    fn wjsn_03_numbers_are_the_same_everywhere() {
        for good in ["9007199254740991", "-9007199254740991", "9.95", "6.1", "1e3", "0.1"] {
            assert!(read_json(good.as_bytes()).is_ok(), "{good}");
        }
        for bad in ["9007199254740992", "18446744073709551615", "0.30000000000000004", "1e999", "123456789012345678901"]
        {
            assert!(
                matches!(read_json(bad.as_bytes()), Err(W3cError::NumberOutOfRange | W3cError::MalformedJson)),
                "{bad}"
            );
        }
        assert_eq!(
            for_rdf(&serde_json::json!([9.95, 7, 5.5])).unwrap(),
            b"[9.949999999999999e0,7,5.500000000000000e0]"
        );
    }
}

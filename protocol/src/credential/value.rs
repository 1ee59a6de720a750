//! A claim's value, as it is signed.

use minicbor::data::Type;
use minicbor::{Decode, Decoder, Encode, Encoder};

use super::credential_type::Encoding;

/// Longest text or byte value of one claim, in bytes.
const VALUE_MAX: usize = 256;

/// Why a value does not fit the attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// The value has another form than the credential type says, or is not in its list of codes.
    #[error("the value does not have the form that the credential type defines")]
    ValueNotInType,
    /// Text or bytes longer than 256 bytes.
    #[error("the value is longer than 256 bytes; shorten it")]
    ValueTooLong,
    /// The text contains a resident registration number, which is never a claim.
    #[error("the value contains a resident registration number, which no credential may carry; remove it")]
    ResidentNumberForbidden,
    /// The text contains control or direction-changing characters, which could make it show as something else.
    #[error("the text contains invisible control characters; remove them")]
    SuspiciousText,
}

/// The value of one attribute. What a number means (a day, a code, a set) is the type's business.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// Text in NFC as the register has it.
    Text(String),
    /// A day number, the position of a code, or a bitmap of positions.
    Number(u64),
    /// A digest.
    Bytes(Vec<u8>),
}

impl Value {
    /// Refuses what no credential may carry, whatever its type (CTYP-07).
    pub(super) fn check(&self) -> Result<(), ValueError> {
        match self {
            Self::Text(text) => {
                if text.len() > VALUE_MAX {
                    return Err(ValueError::ValueTooLong);
                }
                if super::text::resident_number_in(text) {
                    return Err(ValueError::ResidentNumberForbidden);
                }
                if text.chars().any(is_hidden) { Err(ValueError::SuspiciousText) } else { Ok(()) }
            }
            Self::Number(_) => Ok(()),
            Self::Bytes(bytes) if bytes.len() > VALUE_MAX => Err(ValueError::ValueTooLong),
            Self::Bytes(_) => Ok(()),
        }
    }
}

/// Control, zero-width and direction-changing characters, and the separators that start a new line or paragraph.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Claims are personal data: logs and panics never show them.
impl core::fmt::Debug for Value {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Value([redacted])")
    }
}

impl<C> Encode<C> for Value {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        match self {
            Self::Text(text) => e.str(text)?.ok(),
            Self::Number(number) => e.u64(*number)?.ok(),
            Self::Bytes(bytes) => e.bytes(bytes)?.ok(),
        }
    }
}

impl<'b, C> Decode<'b, C> for Value {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        match d.datatype()? {
            Type::String => Ok(Self::Text(d.str()?.to_owned())),
            Type::Bytes => Ok(Self::Bytes(d.bytes()?.to_vec())),
            Type::U8 | Type::U16 | Type::U32 | Type::U64 => Ok(Self::Number(d.u64()?)),
            _ => Err(minicbor::decode::Error::message("a claim is text, a number or bytes")),
        }
    }
}

impl Encoding {
    /// How many bytes a presentation gives every number of this encoding (PRES-13); none for text and digests.
    fn width(&self) -> Option<usize> {
        match self {
            Self::Text | Self::Digest => None,
            Self::Date => Some(3),
            Self::Code(codes) => Some(if codes.len() <= 256 { 1 } else { 2 }),
            Self::Set(codes) => Some(codes.len().div_ceil(8).max(1)),
        }
    }

    /// A value as a presentation carries it: numbers as big-endian bytes of the encoding's width, so that one value
    /// takes as much room as another.
    pub(crate) fn to_fixed(&self, value: &Value) -> Value {
        match (self.width(), value) {
            (Some(width), Value::Number(number)) => {
                let bytes = number.to_be_bytes();
                Value::Bytes(bytes.get(bytes.len() - width..).unwrap_or_default().to_vec())
            }
            _ => value.clone(),
        }
    }

    /// The value that a presentation carries in this way; none when it has another width.
    pub(crate) fn value_of_fixed(&self, value: &Value) -> Option<Value> {
        match (self.width(), value) {
            (None, value) => Some(value.clone()),
            (Some(width), Value::Bytes(bytes)) if bytes.len() == width => {
                Some(Value::Number(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::credential_type::Code;

    #[test]
    fn pres_13_numbers_of_an_attribute_have_one_width() {
        let label = || crate::credential::Label { ko: String::new(), en: String::new() };
        let codes = |count| (0..count).map(|i: u32| Code { code: i.to_string(), name: label() }).collect::<Vec<_>>();
        for (encoding, width, largest) in [
            (Encoding::Date, 3, 2_958_463),
            (Encoding::Code(codes(256)), 1, 255),
            (Encoding::Code(codes(257)), 2, 256),
            (Encoding::Set(codes(6)), 1, 63),
            (Encoding::Set(codes(9)), 2, 511),
            (Encoding::Set(codes(48)), 6, (1 << 48) - 1),
        ] {
            for number in [0, 1, 23, largest] {
                let fixed = encoding.to_fixed(&Value::Number(number));
                assert!(matches!(&fixed, Value::Bytes(bytes) if bytes.len() == width));
                assert!(encoding.value_of_fixed(&fixed) == Some(Value::Number(number)));
            }
            assert!(encoding.value_of_fixed(&Value::Number(1)).is_none());
            assert!(encoding.value_of_fixed(&Value::Bytes(vec![0; width + 1])).is_none());
        }
        let text = Value::Text("a".into());
        assert!(Encoding::Text.to_fixed(&text) == text && Encoding::Text.value_of_fixed(&text) == Some(text));
    }

    #[test]
    fn ctyp_07_length_and_characters_are_bounded() {
        let text = |text: &str| Value::Text(text.to_owned()).check();
        for good in ["홍길동", "HONG GILDONG", "서울특별시 종로구", &"a".repeat(256)] {
            assert_eq!(text(good), Ok(()), "{good}");
        }
        assert_eq!(text(&"a".repeat(257)), Err(ValueError::ValueTooLong));
        assert_eq!(Value::Bytes(vec![0; 256]).check(), Ok(()));
        assert_eq!(Value::Bytes(vec![0; 257]).check(), Err(ValueError::ValueTooLong));
        for c in
            "\n\0\u{7f}\u{85}\u{61c}\u{180e}\u{200b}\u{200f}\u{2028}\u{2029}\u{202e}\u{2060}\u{2066}\u{2069}\u{feff}"
                .chars()
        {
            assert_eq!(text(&format!("a{c}b")), Err(ValueError::SuspiciousText), "{:x}", u32::from(c));
        }
    }
}

//! From the typed values of a credential to what other formats write.

use std::collections::BTreeMap;

use super::Source;
use crate::credential::age::Statute;
use crate::credential::calendar::Day;
use crate::credential::credential_type::{Code, CredentialType, Encoding};
use crate::credential::value::Value;

/// What is known of a person at issuing: what the ZK credential signs, and the picture whose digest is in it.
pub struct Facts<'a> {
    /// The type.
    pub credential_type: &'a CredentialType,
    /// One value for each attribute of the type.
    pub values: &'a [Value],
    /// The register's picture.
    pub picture: &'a [u8],
    /// Last day of the enrolment's validity.
    pub expiry: Day,
    /// The day of issue.
    pub today: Day,
}

/// Personal data: logs never show it.
impl core::fmt::Debug for Facts<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Facts([redacted])")
    }
}

/// A value in the words that all formats share.
#[derive(Clone, PartialEq, Eq)]
pub enum Datum {
    /// Text.
    Text(String),
    /// A date.
    Date(Day),
    /// True or false.
    Truth(bool),
    /// A picture.
    Picture(Vec<u8>),
    /// Several.
    List(Vec<Datum>),
    /// Several with names.
    Members(BTreeMap<String, Datum>),
}

/// Personal data: logs never show it.
impl core::fmt::Debug for Datum {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Datum([redacted])")
    }
}

impl Facts<'_> {
    /// The value of a claim; none where the person has nothing to be said of: a name of one word has no other words.
    #[must_use]
    pub fn read(&self, source: &Source) -> Option<Datum> {
        Some(match source {
            Source::Fixed(text) => Datum::Text(text.clone()),
            Source::Text(name) => Datum::Text(self.text(name)?.to_owned()),
            Source::FirstWord(name) => Datum::Text(self.text(name)?.split_whitespace().next()?.to_owned()),
            Source::OtherWords(name) => {
                let words: Vec<_> = self.text(name)?.split_whitespace().skip(1).collect();
                if words.is_empty() {
                    return None;
                }
                Datum::Text(words.join(" "))
            }
            Source::Date(name) => Datum::Date(self.day(name)?),
            Source::Codes(name) => self.codes(name, |code| code.code.clone())?,
            Source::Names { attribute, language } => {
                self.codes(attribute, |code| code.name.text(language).to_owned())?
            }
            Source::Privileges { attribute, issued, categories } => {
                let (_, held) = self.held(attribute)?;
                let mut named: Vec<&String> =
                    held.iter().filter_map(|code| categories.get(&code.code)).flatten().collect();
                named.sort_unstable();
                named.dedup();
                let since = self.day(issued)?;
                let privilege = |category: &String| {
                    Datum::Members(BTreeMap::from([
                        ("vehicle_category_code".to_owned(), Datum::Text(category.clone())),
                        ("issue_date".to_owned(), Datum::Date(since)),
                        ("expiry_date".to_owned(), Datum::Date(self.expiry)),
                    ]))
                };
                Datum::List(named.into_iter().map(privilege).collect())
            }
            Source::AgeOver { birth_date, years } => {
                Datum::Truth(self.day(birth_date)? <= Statute::Civil.latest_birth_date(*years, self.today))
            }
            Source::Expiry => Datum::Date(self.expiry),
            Source::Picture => Datum::Picture(self.picture.to_vec()),
            Source::Group(claims) => {
                let read = claims.iter().filter_map(|(name, source)| Some((name.clone(), self.read(source)?)));
                Datum::Members(read.collect())
            }
        })
    }

    fn value(&self, name: &str) -> Option<(&Encoding, &Value)> {
        let position = self.credential_type.position(name)?;
        Some((&self.credential_type.attributes.get(position)?.encoding, self.values.get(position)?))
    }

    fn text(&self, name: &str) -> Option<&str> {
        match self.value(name)? {
            (_, Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    fn day(&self, name: &str) -> Option<Day> {
        match self.value(name)? {
            (Encoding::Date, Value::Number(number)) => Day::from_number(u32::try_from(*number).ok()?).ok(),
            _ => None,
        }
    }

    /// Whether the attribute is a set, and the codes that the person has of it.
    fn held(&self, name: &str) -> Option<(bool, Vec<&Code>)> {
        match self.value(name)? {
            (Encoding::Code(codes), Value::Number(number)) => {
                Some((false, vec![codes.get(usize::try_from(*number).ok()?)?]))
            }
            (Encoding::Set(codes), Value::Number(bits)) => {
                let held = codes.iter().enumerate().filter(|(position, _)| bits >> position & 1 == 1);
                Some((true, held.map(|(_, code)| code).collect()))
            }
            _ => None,
        }
    }

    fn codes(&self, name: &str, text: impl Fn(&Code) -> String) -> Option<Datum> {
        let (several, held) = self.held(name)?;
        let mut texts = held.into_iter().map(|code| Datum::Text(text(code)));
        if several { Some(Datum::List(texts.collect())) } else { texts.next() }
    }
}

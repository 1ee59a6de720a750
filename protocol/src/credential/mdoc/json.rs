//! Elements as JSON, for queries and verdicts (RFC 8949, section 6.1): bytes become base64url, dates stay texts.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::signed::Items;
use super::{IssuerSigned, Value, Verified};
use crate::crypto::jose::base64url;

/// A value as JSON; what JSON cannot say becomes `null`.
#[must_use]
pub fn to_json(value: &Value) -> Json {
    match value {
        Value::Text(text) => text.as_str().into(),
        Value::Bool(it) => (*it).into(),
        Value::Bytes(bytes) => base64url(bytes).into(),
        Value::Float(number) => serde_json::Number::from_f64(*number).map_or(Json::Null, Json::Number),
        Value::Integer(number) => {
            let signed = i64::try_from(*number).map(Json::from);
            signed.or_else(|_| u64::try_from(*number).map(Json::from)).unwrap_or(Json::Null)
        }
        // 0 and 1004 are dates as texts (ISO/IEC 18013-5, 7.2.1); any other says nothing that JSON could.
        Value::Tag(_, inner) => to_json(inner),
        Value::Array(list) => list.iter().map(to_json).collect(),
        Value::Map(members) => {
            let member = |(name, value): &(Value, Value)| Some((name.as_text()?.to_owned(), to_json(value)));
            Json::Object(members.iter().filter_map(member).collect())
        }
        _ => Json::Null,
    }
}

impl Verified {
    /// Namespaces with their elements, as JSON.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let elements = |it: &BTreeMap<String, Value>| it.iter().map(|(name, it)| (name.clone(), to_json(it))).collect();
        Json::Object(self.elements.iter().map(|(name, it)| (name.clone(), Json::Object(elements(it)))).collect())
    }
}

impl IssuerSigned {
    /// Namespaces with their elements, as JSON: for holders, of a document they checked when it was issued.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let items: &Items = &self.items;
        let elements = items.iter().map(|(namespace, items)| {
            let elements = items.iter().map(|item| (item.name.clone(), to_json(&item.value))).collect();
            (namespace.clone(), Json::Object(elements))
        });
        Json::Object(elements.collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_as_json() {
        let text = |text: &str| Value::Text(text.into());
        for (value, expected) in [
            (text("가"), json!("가")),
            (Value::from(-1), json!(-1)),
            (Value::from(u64::MAX), json!(u64::MAX)),
            (Value::Bool(true), json!(true)),
            (Value::Float(1.5), json!(1.5)),
            (Value::Float(f64::NAN), json!(null)),
            (Value::Bytes(vec![255]), json!("_w")),
            (Value::Tag(1004, Box::new(text("2000-01-01"))), json!("2000-01-01")),
            (Value::Array(vec![Value::Null]), json!([null])),
            (Value::Map(vec![(text("a"), Value::from(1)), (Value::from(1), Value::from(1))]), json!({ "a": 1 })),
        ] {
            assert_eq!(to_json(&value), expected);
        }
    }
}

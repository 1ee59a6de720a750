//! Reading a query. Members that the standard does not name are passed over (section 6).

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{
    CLAIMS_MAX, ClaimsQuery, CredentialQuery, CredentialSet, DcqlError, DcqlQuery, LIST_MAX, Meta, PATH_MAX, Segment,
    TEXT_MAX, TrustedAuthority,
};

type Members = Map<String, Value>;

impl DcqlQuery {
    /// Reads a query (DCQL-01).
    ///
    /// # Errors
    /// [`DcqlError::MalformedQuery`], [`DcqlError::MalformedId`]
    pub fn from_json(value: &Value) -> Result<Self, DcqlError> {
        let members = object(value, "query")?;
        let credentials: Vec<CredentialQuery> = list(members, "credentials", LIST_MAX)?
            .ok_or(DcqlError::MalformedQuery("credentials"))?
            .iter()
            .map(CredentialQuery::from_json)
            .collect::<Result<_, _>>()?;
        unique(credentials.iter().map(|it| it.id.as_str()))?;
        let sets = list(members, "credential_sets", LIST_MAX)?.unwrap_or_default();
        let credential_sets: Vec<CredentialSet> =
            sets.iter().map(CredentialSet::from_json).collect::<Result<_, _>>()?;
        let known = |id: &String| credentials.iter().any(|it| it.id == *id);
        if !credential_sets.iter().flat_map(|it| &it.options).flatten().all(known) {
            return Err(DcqlError::MalformedQuery("credential_sets"));
        }
        Ok(Self { credentials, credential_sets })
    }
}

impl CredentialSet {
    fn from_json(value: &Value) -> Result<Self, DcqlError> {
        let members = object(value, "credential_sets")?;
        let options = list(members, "options", LIST_MAX)?.ok_or(DcqlError::MalformedQuery("options"))?;
        let options = options.iter().map(|it| texts(it, "options")).collect::<Result<_, _>>()?;
        Ok(Self { options, required: flag(members, "required", true)? })
    }
}

impl CredentialQuery {
    fn from_json(value: &Value) -> Result<Self, DcqlError> {
        let members = object(value, "credentials")?;
        let authorities = list(members, "trusted_authorities", LIST_MAX)?.unwrap_or_default();
        let claims = list(members, "claims", CLAIMS_MAX)?.unwrap_or_default();
        let claims: Vec<ClaimsQuery> = claims.iter().map(ClaimsQuery::from_json).collect::<Result<_, _>>()?;
        unique(claims.iter().filter_map(|it| it.id.as_deref()))?;
        let sets = list(members, "claim_sets", LIST_MAX)?.unwrap_or_default();
        let claim_sets: Vec<Vec<String>> = sets.iter().map(|it| texts(it, "claim_sets")).collect::<Result<_, _>>()?;
        let named = |id: &String| claims.iter().any(|it| it.id.as_ref() == Some(id));
        if !claim_sets.iter().flatten().all(named) {
            return Err(DcqlError::MalformedQuery("claim_sets"));
        }
        let meta = Meta::from_json(members)?;
        let mdoc = matches!(meta, Meta::MsoMdoc { .. });
        // Section 7.2: namespace and element.
        if mdoc && claims.iter().any(|it| super::member_path(&it.path).is_none_or(|path| path.len() != 2)) {
            return Err(DcqlError::MalformedQuery("path"));
        }
        Ok(Self {
            id: identifier(members.get("id"))?,
            meta,
            multiple: flag(members, "multiple", false)?,
            trusted_authorities: authorities.iter().map(TrustedAuthority::from_json).collect::<Result<_, _>>()?,
            holder_binding: flag(members, "require_cryptographic_holder_binding", true)?,
            claims,
            claim_sets,
        })
    }
}

impl Meta {
    fn from_json(query: &Members) -> Result<Self, DcqlError> {
        let format = text(query.get("format"), "format")?;
        let members = object(member(query, "meta")?, "meta")?;
        Ok(match format.as_str() {
            "dc+sd-jwt" => Self::SdJwt { vct_values: texts(member(members, "vct_values")?, "vct_values")? },
            "mso_mdoc" => Self::MsoMdoc { doctype_value: text(members.get("doctype_value"), "doctype_value")? },
            "ldp_vc" => {
                let sets = list(members, "type_values", LIST_MAX)?.ok_or(DcqlError::MalformedQuery("type_values"))?;
                let sets = sets.iter().map(|it| texts(it, "type_values")).collect::<Result<_, _>>()?;
                Self::LdpVc { type_values: sets }
            }
            _ => Self::Other { format, meta: members.clone() },
        })
    }
}

impl TrustedAuthority {
    fn from_json(value: &Value) -> Result<Self, DcqlError> {
        let members = object(value, "trusted_authorities")?;
        let kind = text(members.get("type"), "type")?;
        Ok(Self { kind, values: texts(member(members, "values")?, "values")? })
    }
}

impl ClaimsQuery {
    fn from_json(value: &Value) -> Result<Self, DcqlError> {
        let members = object(value, "claims")?;
        let path = list(members, "path", PATH_MAX)?.ok_or(DcqlError::MalformedQuery("path"))?;
        let values = list(members, "values", CLAIMS_MAX)?.unwrap_or_default();
        let plain = |it: &Value| it.is_boolean() || it.is_i64() || it.is_u64() || it.as_str().is_some_and(short);
        if !values.iter().all(plain) {
            return Err(DcqlError::MalformedQuery("values"));
        }
        let retain = members.contains_key("intent_to_retain").then(|| flag(members, "intent_to_retain", false));
        Ok(Self {
            id: members.get("id").map(|id| identifier(Some(id))).transpose()?,
            path: path.iter().map(Segment::from_json).collect::<Result<_, _>>()?,
            values: values.to_vec(),
            intent_to_retain: retain.transpose()?,
        })
    }
}

impl Segment {
    fn from_json(value: &Value) -> Result<Self, DcqlError> {
        match value {
            Value::Null => Ok(Self::All),
            Value::String(name) if short(name) => Ok(Self::Member(name.clone())),
            value => value.as_u64().map(Self::Index).ok_or(DcqlError::MalformedQuery("path")),
        }
    }
}

fn short(text: &str) -> bool {
    text.len() <= TEXT_MAX
}

fn object<'a>(value: &'a Value, what: &'static str) -> Result<&'a Members, DcqlError> {
    value.as_object().ok_or(DcqlError::MalformedQuery(what))
}

fn member<'a>(members: &'a Members, name: &'static str) -> Result<&'a Value, DcqlError> {
    members.get(name).ok_or(DcqlError::MalformedQuery(name))
}

/// A list with something in it, when it is there.
fn list<'a>(members: &'a Members, name: &'static str, max: usize) -> Result<Option<&'a [Value]>, DcqlError> {
    let Some(value) = members.get(name) else { return Ok(None) };
    let list = value.as_array().filter(|list| !list.is_empty() && list.len() <= max);
    list.map(|list| Some(list.as_slice())).ok_or(DcqlError::MalformedQuery(name))
}

fn text(value: Option<&Value>, name: &'static str) -> Result<String, DcqlError> {
    let text = value.and_then(Value::as_str).filter(|it| !it.is_empty() && short(it));
    text.map(str::to_owned).ok_or(DcqlError::MalformedQuery(name))
}

fn texts(value: &Value, name: &'static str) -> Result<Vec<String>, DcqlError> {
    let list = value.as_array().filter(|list| !list.is_empty() && list.len() <= LIST_MAX);
    list.ok_or(DcqlError::MalformedQuery(name))?.iter().map(|it| text(Some(it), name)).collect()
}

fn flag(members: &Members, name: &'static str, otherwise: bool) -> Result<bool, DcqlError> {
    members.get(name).map_or(Ok(otherwise), |it| it.as_bool().ok_or(DcqlError::MalformedQuery(name)))
}

fn identifier(value: Option<&Value>) -> Result<String, DcqlError> {
    let id = text(value, "id")?;
    let plain = id.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_' || it == b'-');
    if plain { Ok(id) } else { Err(DcqlError::MalformedId) }
}

fn unique<'a>(mut ids: impl Iterator<Item = &'a str>) -> Result<(), DcqlError> {
    let mut seen = BTreeSet::new();
    if ids.all(|id| seen.insert(id)) { Ok(()) } else { Err(DcqlError::MalformedId) }
}

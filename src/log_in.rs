//! Logging in at an issuer with a credential that the person holds: what joins the issuer to a verifier's service, over HTTP.
//!
//! | member of the file | |
//! |---|---|
//! | `verifier`, `token_file` | where the service is, and what it knows the issuer by; a path is beside the file |
//! | `purpose`, `dcql_query` | what it asks for: one SD-JWT credential, within its registration |
//! | `name` | what that is called, in Korean and English |
//! | `person` | attributes of the register, and where the credential says them (`"birth_date": "/birthdate"`): two at least |

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use issuer::openid4vci::{AsksForCredentials, CredentialQuestion, CredentialRequested, HeldRefusal};
use protocol::credential::Label;
use protocol::json;
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::files;
use crate::http::Http;
use crate::output::CliError;

/// Largest file, in bytes.
const FILE_MAX: usize = 64 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    verifier: String,
    token_file: PathBuf,
    purpose: String,
    dcql_query: Value,
    name: Label,
    person: BTreeMap<String, String>,
}

/// A verifier's service that asks for one credential.
pub(crate) struct LogInService {
    http: Http,
    settings: Settings,
    token: Zeroizing<String>,
    query: String,
}

/// The service that a file names.
pub(crate) fn read(path: &Path) -> Result<LogInService, CliError> {
    let malformed = |what: &str| CliError::refused("MalformedLogIn", format!("{}: {what}; correct it", path.display()));
    let value = json::read(&files::read(path)?, FILE_MAX).map_err(|_| malformed("this is not JSON"))?;
    let settings: Settings = serde_json::from_value(value)
        .map_err(|_| malformed("members are missing or unknown (specs/held-credential.md)"))?;
    let queries = settings.dcql_query.get("credentials").and_then(Value::as_array);
    let query = match queries.map(Vec::as_slice) {
        Some([one]) if one["format"] == "dc+sd-jwt" => one["id"].as_str().map(str::to_owned),
        _ => None,
    };
    let query = query.ok_or_else(|| malformed("dcql_query asks for one credential, of dc+sd-jwt"))?;
    // HELD-05: a name or a day of birth by itself is nobody.
    if settings.person.len() < 2 || settings.person.keys().any(|name| name.contains("resident_number")) {
        return Err(malformed("person names two attributes of the register at least, and no resident number"));
    }
    let beside = path.parent().unwrap_or(Path::new("."));
    let token = files::read_private(&beside.join(&settings.token_file))?;
    let token = Zeroizing::new(String::from_utf8_lossy(&token).trim().to_owned());
    Ok(LogInService { http: Http::new(), settings, token, query })
}

impl LogInService {
    fn ask(&self, path: &str, body: &Value) -> Result<(u16, Value), HeldRefusal> {
        let address = format!("{}{path}", self.settings.verifier.trim_end_matches('/'));
        self.http.ask(&address, &self.token, body).ok_or(HeldRefusal::CredentialCheckUnavailable)
    }
}

impl AsksForCredentials for LogInService {
    fn credential(&self) -> (String, String) {
        (self.settings.name.ko.clone(), self.settings.name.en.clone())
    }

    fn ask(&self, question: &CredentialQuestion) -> Result<CredentialRequested, HeldRefusal> {
        let agreed = json!({
            "credential_ids": [self.query], "text_ko": question.text_ko, "text_en": question.text_en,
        });
        let mut body = json!({
            "purpose": self.settings.purpose, "dcql_query": self.settings.dcql_query, "transactions": [agreed],
        });
        if let Some(back) = &question.back {
            body["redirect_uri"] = back.as_str().into();
        }
        let (status, made) = Self::ask(self, "/openid4vp/requests", &body)?;
        let text = |name: &str| made.get(name).and_then(Value::as_str).map(str::to_owned);
        match (status, text("id"), text("link")) {
            (201, Some(id), Some(link)) => Ok(CredentialRequested { id, link }),
            _ => {
                tracing::warn!(status, "the verifier does not ask people who log in for a credential");
                Err(HeldRefusal::CredentialCheckUnavailable)
            }
        }
    }

    fn shown(&self, id: &str, response_code: Option<&str>) -> Result<BTreeMap<String, String>, HeldRefusal> {
        let body = response_code.map_or_else(|| json!({}), |code| json!({ "response_code": code }));
        let (status, answer) = Self::ask(self, &format!("/openid4vp/requests/{id}/verdict"), &body)?;
        match (status, answer["error_description"].as_str()) {
            (200, _) => attributes(&answer["verdict"], &self.settings.person).ok_or(HeldRefusal::HolderNotFound),
            (403, _) => Err(HeldRefusal::ShownElsewhere),
            (409, Some("waiting" | "fetched")) => Err(HeldRefusal::CredentialNotShown),
            (404 | 409, _) => Err(HeldRefusal::CredentialNotAccepted),
            _ => Err(HeldRefusal::CredentialCheckUnavailable),
        }
    }
}

/// What the one credential of a verdict says under the names of the register; nothing when a part is missing.
fn attributes(verdict: &Value, person: &BTreeMap<String, String>) -> Option<BTreeMap<String, String>> {
    let [credential] = verdict["credentials"].as_array()?.as_slice() else { return None };
    let claims = credential["claims"].as_array()?;
    let said = |path: &String| claims.iter().find(|claim| claim["path"] == path.as_str())?["value"].as_str();
    person.iter().map(|(name, path)| Some((name.clone(), said(path)?.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(dir: &Path, change: impl FnOnce(&mut Value)) -> Result<LogInService, CliError> {
        let mut settings = json!({
            "verifier": "http://127.0.0.1:9", "token_file": "token", "purpose": "log-in",
            "name": { "ko": "운전면허증", "en": "Driver's licence" },
            "dcql_query": { "credentials": [{ "id": "held", "format": "dc+sd-jwt" }] },
            "person": { "name_ko": "/name_ko", "birth_date": "/birthdate" },
        });
        change(&mut settings);
        std::fs::write(dir.join("log-in.json"), settings.to_string()).unwrap();
        read(&dir.join("log-in.json"))
    }

    #[test]
    fn held_05_a_file_that_could_take_one_for_another_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        files::write_secret(&dir.path().join("token"), b"secret").unwrap();
        assert!(settings(dir.path(), |_| {}).is_ok());
        let faults: [fn(&mut Value); 6] = [
            |it| it["person"] = json!({ "name_ko": "/name_ko" }),
            |it| it["person"]["resident_number"] = json!("/x"),
            |it| it["other"] = json!(1),
            |it| it["dcql_query"]["credentials"][0]["format"] = json!("mso_mdoc"),
            |it| it["dcql_query"] = json!({ "credentials": [] }),
            |it| it["name"] = Value::Null,
        ];
        for fault in faults {
            let refused = settings(dir.path(), fault).err();
            assert!(matches!(refused, Some(CliError::Refused { name, .. }) if name == "MalformedLogIn"));
        }
        let nobody = settings(dir.path(), |_| {}).unwrap();
        assert_eq!(nobody.shown("x", None), Err(HeldRefusal::CredentialCheckUnavailable));
    }

    #[test]
    fn what_a_verdict_says_is_all_there_or_nothing() {
        let person: BTreeMap<_, _> = [("birth_date".to_owned(), "/birthdate".to_owned())].into();
        let verdict = |claims: Value| json!({ "credentials": [{ "claims": claims }] });
        let born = json!([{ "path": "/birthdate", "value": "1985-03-15" }]);
        let said = attributes(&verdict(born.clone()), &person).unwrap();
        assert_eq!(said.get("birth_date").map(String::as_str), Some("1985-03-15"));
        for claims in
            [json!([]), json!([{ "path": "/birthdate", "value": 1985 }]), json!([{ "path": "/x", "value": "1" }])]
        {
            assert_eq!(attributes(&verdict(claims), &person), None);
        }
        let two = json!({ "credentials": [{ "claims": born }, { "claims": born }] });
        assert_eq!(attributes(&two, &person), None);
    }
}

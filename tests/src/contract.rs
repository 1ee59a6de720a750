//! The document of an API against the service that runs: the OpenAPI validator, JSON schemas, and Schemathesis, which sends
//! whatever the document allows and what it does not, and looks for answers that the document does not have.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::python;

/// A service that runs, and its document.
pub struct Contract<'a> {
    /// Address of the document.
    pub document: &'a str,
    /// What its paths are below.
    pub base: &'a str,
    /// Sent with everything, e.g. `Authorization: Bearer …`.
    pub headers: &'a [String],
    /// Cases for each operation.
    pub cases: u32,
    /// Folder of `hooks.py`, where media types need help.
    pub hooks: Option<&'a Path>,
    /// Which checks beside those on status, media type and schema of answers.
    pub checks: &'a [&'a str],
    /// Further arguments, e.g. `--exclude-path-regex`.
    pub arguments: &'a [&'a str],
}

impl Contract<'_> {
    /// The document is OpenAPI, and these answers have the form that it gives to these schemas.
    ///
    /// # Panics
    /// When not.
    pub fn describes(&self, answers: &[(&str, &Value)]) {
        let answers: Vec<_> =
            answers.iter().map(|(schema, value)| json!({ "schema": schema, "value": value })).collect();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("contract/document.py");
        let lines =
            python::lines(&script, json!({ "document": self.document, "answers": answers }).to_string().as_bytes());
        assert_eq!(lines, ["good"], "{} does not describe its service", self.document);
    }

    /// Whatever is sent: no answer that the document does not have.
    ///
    /// # Panics
    /// When there is one.
    pub fn holds(&self) {
        let checks = ["status_code_conformance", "content_type_conformance", "response_schema_conformance"];
        let checks = checks.iter().chain(self.checks).copied().collect::<Vec<_>>().join(",");
        let mut command = Command::new(python::interpreter().with_file_name("schemathesis"));
        command
            .args(["run", self.document, "--url", self.base, "--checks", &checks])
            .args(["--phases", "examples,coverage,fuzzing", "--max-examples", &self.cases.to_string(), "--seed", "1"])
            .args(["--warnings", "off", "--suppress-health-check", "all", "--request-timeout", "60"])
            .args(self.arguments)
            .args(self.headers.iter().flat_map(|it| ["--header", it]))
            .current_dir(std::env::temp_dir());
        if let Some(folder) = self.hooks {
            command.env("SCHEMATHESIS_HOOKS", "hooks").env("PYTHONPATH", folder);
        }
        let run = command.output().expect("schemathesis runs");
        assert!(
            run.status.success(),
            "{}{}",
            String::from_utf8_lossy(&run.stdout),
            String::from_utf8_lossy(&run.stderr)
        );
    }
}

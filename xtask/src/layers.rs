//! Who imports whom: roles exchange messages, never function calls (ARCHITECTURE.md).

use std::fs;

use crate::chores::root;

/// Folder, and the workspace crates its product code may depend on.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("protocol", &[]),
    ("issuer", &["protocol", "ledger-client", "postgresql"]),
    ("postgresql", &[]),
    ("push", &["protocol"]),
    ("relay", &["protocol", "push-message"]),
    ("wallet-core", &["protocol", "push-message"]),
    ("wallet-core/sqlcipher", &[]),
    ("verifier", &["protocol"]),
    ("verifier/server", &["protocol", "push-message", "verifier", "ledger-client"]),
    ("ledger-node", &["protocol", "ledger-engine"]),
    ("ledger-node/engine", &["protocol"]),
    ("ledger-node/client", &["protocol"]),
    ("mobile-bindings", &["protocol", "wallet-core", "verifier"]),
    ("mobile-bindings/web", &["protocol", "verifier", "wallet-core"]),
];

/// Libraries that would let a role call out, and where they must not be.
const NO_NETWORK: [&str; 5] = ["protocol", "push", "wallet-core", "verifier", "mobile-bindings/web"];
const NETWORKING: [&str; 6] = ["ureq", "axum", "tokio", "hyper", "reqwest", "ledger-client"];

/// Fails with every import that the drawing does not have.
pub(crate) fn check() -> Result<(), String> {
    let crates: Vec<&str> = [
        "protocol",
        "issuer",
        "postgresql",
        "push-message",
        "push-relay",
        "wallet-core",
        "verifier",
        "ledger-node",
        "ledger-engine",
        "ledger-client",
    ]
    .to_vec();
    let mut wrong = Vec::new();
    for (folder, allowed) in MAY_IMPORT {
        let path = root().join(folder).join("Cargo.toml");
        if !path.exists() {
            continue;
        }
        let manifest = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let imports = dependencies(&manifest);
        let workspace =
            imports.iter().filter(|name| crates.contains(&name.as_str()) && !allowed.contains(&name.as_str()));
        wrong.extend(workspace.map(|name| format!("  {folder} imports {name}")));
        if NO_NETWORK.contains(folder) {
            let networking = imports.iter().filter(|name| NETWORKING.contains(&name.as_str()));
            wrong.extend(
                networking.map(|name| format!("  {folder} imports {name}, and must not be able to call anyone")),
            );
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("imports against the drawing:\n{}", wrong.join("\n"))) }
}

/// Names below `[dependencies]`.
fn dependencies(manifest: &str) -> Vec<String> {
    let section = manifest.lines().skip_while(|line| line.trim() != "[dependencies]").skip(1);
    let lines = section.take_while(|line| !line.starts_with('['));
    let name = |line: &str| line.split(['=', '.', ' ']).next().unwrap_or_default().trim().to_owned();
    lines.filter(|line| !line.trim().is_empty() && !line.starts_with('#')).map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::dependencies;

    #[test]
    fn reads_names_of_product_dependencies_only() {
        let manifest = "[package]\nname = \"x\"\n[dependencies]\na = { workspace = true }\n# b\nc.workspace = true\n\n[dev-dependencies]\nd = \"1\"\n";
        assert_eq!(dependencies(manifest), ["a", "c"]);
    }
}

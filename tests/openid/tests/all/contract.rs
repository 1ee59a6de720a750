//! What issuer and verifier of the local network say of themselves, against what they do.

use std::path::Path;

use journeys::Services;
use tests::contract::Contract;

#[test]
fn issuer_and_verifier_answer_as_their_documents_say() {
    let dir = tempfile::tempdir().unwrap();
    let services = Services::start(&dir.path().join("network"));
    let hooks = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contract");
    let secret = |name: &str| std::fs::read_to_string(services.dir.join(name)).unwrap().trim().to_owned();
    let bearer = |token: String| format!("Authorization: Bearer {token}");
    let (url, issuer) = (&services.url, format!("{}/issuer", services.url));
    let documents = [
        (format!("{url}/openid4vp/openapi.json"), url, bearer(secret("police/api.token"))),
        (format!("{issuer}/openapi.json"), &issuer, bearer(services.admin_token())),
    ];
    for (document, base, token) in &documents {
        for headers in [&[][..], std::slice::from_ref(token)] {
            let checks = &["not_a_server_error"];
            // Events go on as long as a request that the run made itself: they are asked in a run that makes none.
            for arguments in [["--exclude-path-regex", "/events$"], ["--include-path-regex", "/events$"]] {
                if arguments[0].starts_with("--in") && *base == &issuer {
                    continue;
                }
                let arguments = &arguments;
                let contract = Contract { document, base, headers, cases: 10, hooks: Some(&hooks), checks, arguments };
                contract.describes(&[]);
                contract.holds();
            }
        }
    }
    // Both are there afterwards.
    assert_eq!(services.client.get(&format!("{url}/ledger/health")).unwrap().0, 200);
}

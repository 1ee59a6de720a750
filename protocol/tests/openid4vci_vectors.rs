//! The examples of OpenID4VCI 1.0 are messages that are read here, each to the end and back.
//!
//! They are read from `$MID_VECTORS/openid4vci` or `../shared/vectors/openid4vci` beside the workspace.
#![allow(clippy::unwrap_used, clippy::panic)] // an example that cannot be read must stop the test

mod vectors;

use protocol::crypto::jose::Jws;
use protocol::exchange::openid4vci::{
    CredentialResponse, IssuerMetadata, MDOC, MESSAGE_MAX, METADATA_KIND, Offer, SD_JWT, read,
};
use serde_json::Value;

#[test]
fn examples_of_the_standard_are_read() {
    let Some(folder) = vectors::at("openid4vci/1.0/examples") else { return };
    let file = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    // Behind the head of an HTTP message, if there is one.
    let body = |name: &str| {
        let text = file(name);
        text.split_once("\n\n").filter(|_| text.starts_with("HTTP")).map_or(text.clone(), |(_, body)| body.to_owned())
    };

    let json = file("credential_issuer_metadata_sd_jwt_long.json");
    let metadata: IssuerMetadata = read(json.as_bytes(), MESSAGE_MAX).unwrap();
    assert_eq!(metadata.batch_credential_issuance.unwrap().batch_size, 10);
    assert!(metadata.credential_configurations_supported.values().all(|it| it.format == SD_JWT));
    let (ours, theirs) = (serde_json::to_value(&metadata).unwrap(), serde_json::from_str::<Value>(&json).unwrap());
    for name in ["credential_issuer", "authorization_servers", "credential_endpoint", "nonce_endpoint"] {
        assert_eq!(ours[name], theirs[name], "{name}");
    }
    let mdoc: Value = serde_json::from_str(&file("credential_metadata_mso_mdoc.json")).unwrap();
    let configurations = &mdoc["credential_configurations_supported"];
    let known = serde_json::from_value(configurations.clone());
    let known: std::collections::BTreeMap<String, protocol::exchange::openid4vci::CredentialConfiguration> =
        known.unwrap();
    assert!(known.values().all(|it| it.format == MDOC && it.doctype.is_some()));

    let jwt: String = file("credential_issuer_metadata_sd_jwt_jwt.txt").split_whitespace().collect();
    Jws::read(&jwt).unwrap().expect_kind(METADATA_KIND).unwrap();

    let (mut offers, mut coded) = (0, 0);
    for name in [
        "credential_offer_authz_code.txt",
        "credential_offer_by_reference.json",
        "credential_offer_multiple_credentials.json",
        "credential_offer_pre-authz_code.json",
    ] {
        let offer = Offer::read(body(name).as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"));
        offers += 1;
        coded += usize::from(offer.pre_authorized().is_some_and(|it| it.tx_code.is_some()));
    }
    assert_eq!((offers, coded), (4, 3));
    let response = body("credential_response_mso_mdoc.txt");
    assert_eq!(read::<CredentialResponse>(response.as_bytes(), MESSAGE_MAX).unwrap().credentials.len(), 1);
    println!("8 examples");
}

//! The contexts that suites name, and the documents that credentials relate to by digest.

use protocol::credential::w3c::{CREDENTIALS_V2, Contexts};
use serde_json::Value;

/// URL, content and SHA-256.
const SUITES: [(&str, &[u8], &str); 5] = [
    (
        "https://www.w3.org/ns/credentials/examples/v2",
        include_bytes!("contexts/credentials-examples-v2.jsonld"),
        "57393fbc69d6efb9b9b5dc9cb6b9880b0944360abfe2eaf459c9e58cf2279d7c",
    ),
    (
        "https://w3id.org/citizenship/v4rc1",
        include_bytes!("contexts/citizenship-v4rc1.jsonld"),
        "a89b0bc00b1848ac3dfdf956c7dd5de8567e755351c07ec6a1c2b4a08b67953b",
    ),
    (
        "https://w3id.org/vdl/v1",
        include_bytes!("contexts/vdl-v1.jsonld"),
        "5e61aa138bc6a1bf92299edd01408df52f20c24057b9dbea72ccaeef5b792010",
    ),
    (
        "https://w3id.org/vdl/aamva/v1",
        include_bytes!("contexts/vdl-aamva-v1.jsonld"),
        "8394e1f448f15c12b173b264a6f6006f85b343a81548f8e5f1a532bc258894e6",
    ),
    (
        "https://w3id.org/security/suites/ed25519-2020/v1",
        include_bytes!("contexts/ed25519-signature-2020-v1.jsonld"),
        "b9e1ab971fd8bf2c7553e0c4a9438e0b9450afde1ea1ca5b2492368b9f549588",
    ),
];

/// Digests that the 2.0 context has, or had when the suite's fixture was written (revision of 2024-07-20).
const V2_DIGESTS: [&str; 4] = [
    "sha384-NSOcNpmdIVUxIJGvGUoe22FjTWrXiaXlsZ8q6912LdnR3KraQO2n75Ica4wK4Qeg",
    "uJKGMkOmFbVJhEfKTduMC2XCyvRAYLjOVmZWwIH1wQ7k",
    "sha256-WZVc7WaX1h4D8rJVb+vlMIqxaEKEb1tYbX8fet7JJzQ=",
    "uWZVc7WaX1h4D8rJVb-vlMIqxaEKEb1tYbX8fet7JJzQ",
];

/// The contexts of the standards and of the suites, and inline ones, as the suites send them.
pub(crate) fn contexts() -> Contexts {
    SUITES.iter().fold(Contexts::standard().with_inline(), |contexts, (url, content, sha256)| {
        contexts.with(url, content, sha256).expect("a bundled context")
    })
}

/// Whether every related document that is known here has the digest that a credential states.
pub(crate) fn related_is_right(credential: &Value) -> bool {
    let related = match credential.get("relatedResource") {
        Some(Value::Array(several)) => several.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    related.iter().filter(|one| one["id"] == CREDENTIALS_V2).all(|one| {
        let digests = ["digestSRI", "digestMultibase"].iter().filter_map(|name| one[*name].as_str());
        digests.into_iter().all(|digest| V2_DIGESTS.contains(&digest))
    })
}

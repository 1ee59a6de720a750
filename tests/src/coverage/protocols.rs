//! Rows about issuing (J), presenting over a network (K) and HTTP (N), and modules of the OpenID Foundation's conformance suite.

use super::Met::{self, Absent, Test};

const OPENID: &str = "issuer/tests/all/openid.rs";
const ATTESTED: &str = "issuer/tests/all/attested.rs";
const ENCRYPTED: &str = "issuer/tests/all/encrypted.rs";
const ISSUER_HTTP: &str = "issuer/tests/all/http.rs";
const FOREIGN_ISSUER: &str = "tests/openid/tests/all/foreign_issuer.rs";
const FOREIGN_FAULTS: &str = "what_a_foreign_issuer_must_not_do_is_refused_by_name";
const VP: &str = "protocol/src/exchange/openid4vp/tests.rs";
const SERVICE: &str = "tests/presenting/tests/all/service.rs";
const OWNER: &str = "tests/presenting/tests/all/wallet.rs";
const BUNDLE: &str = "protocol/src/ledger/bundle/tests.rs";
const HTTP: &str = "tests/journeys/tests/http.rs";
const LINK: &str = "wallet-core/src/openid4vp/link.rs";

pub(super) const ROWS: &[(&str, &str, Met)] = &[
    ("J01", "unknown configuration", Test(OPENID, "vci_20_requests_prove_their_keys")),
    ("J02", "unknown identifier", Test(OPENID, "vci_20_requests_prove_their_keys")),
    ("J03", "request without a key proof", Test(OPENID, "vci_20_requests_prove_their_keys")),
    ("J05", "nonce of nobody, used or run out", Test(OPENID, "vci_20_requests_prove_their_keys")),
    ("J06", "proof without a nonce", Test(OPENID, "vci_20_requests_prove_their_keys")),
    ("J07", "proof for another issuer, another time", Test(OPENID, "vci_20_requests_prove_their_keys")),
    (
        "J08",
        "keys that are none",
        Test("protocol/src/exchange/openid4vci/tests.rs", "vci_20_key_proofs_are_checked_completely"),
    ),
    ("J09", "batch with a key twice, too large, of two nonces", Test(OPENID, "vci_20_requests_prove_their_keys")),
    ("J11", "wallet attestations that are none", Test(ATTESTED, "vci_60_tokens_go_to_attested_wallets")),
    ("J12", "wallet attestations that were withdrawn", Test(ATTESTED, "vci_69_providers_stand_by_what_they_attested")),
    ("J13", "DPoP proofs", Test(OPENID, "vci_10_tokens_are_given_to_the_holder_of_a_key")),
    ("J14", "tokens in the wrong place", Test(OPENID, "vci_13_tokens_are_good_with_their_key_only")),
    ("J15", "token run out, for another type", Test(OPENID, "vci_13_tokens_are_good_with_their_key_only")),
    ("J17", "five wrong codes", Test(OPENID, "vci_02_codes_are_good_once_and_die_after_five_errors")),
    ("J18", "code where none was asked for", Test(OPENID, "vci_02_codes_are_good_once_and_die_after_five_errors")),
    ("J19", "an offer raced by a hundred", Test(OPENID, "vci_02_codes_are_good_once_and_die_after_five_errors")),
    ("J20", "PKCE", Test(OPENID, "vci_56_codes_are_bound_to_whoever_asked")),
    ("J21", "pushed requests", Test(OPENID, "vci_50_requests_are_pushed_and_opened_once")),
    ("J23", "answer of another issuer", Test(FOREIGN_ISSUER, FOREIGN_FAULTS)),
    ("J24", "encryption that is not supported", Test(ENCRYPTED, "vci_24_requests_and_answers_are_encrypted")),
    ("J25", "request to an old key", Test(ENCRYPTED, "vci_24_requests_and_answers_are_encrypted")),
    (
        "J26",
        "transactions of others",
        Test("issuer/tests/all/deferred.rs", "vci_70_a_clerk_looks_before_anything_is_issued"),
    ),
    ("J27", "notifications", Test(OPENID, "vci_30_notifications_name_an_answer_of_the_same_wallet")),
    ("J29", "issuer that nobody recorded", Test(FOREIGN_ISSUER, FOREIGN_FAULTS)),
    ("J30", "metadata that lie", Test(FOREIGN_ISSUER, FOREIGN_FAULTS)),
    ("J31", "a second phone", Test(OPENID, "vci_27_one_phone_has_the_licence")),
    ("J32", "idempotency key with another body", Test(ISSUER_HTTP, "idempotency_conflict")),
    ("J33", "the same request after a crash", Test(OPENID, "vci_26_the_same_request_gets_the_same_credential")),
    ("J35", "members that nobody knows", Test(OPENID, "token_requests_are_read_strictly")),
    ("J36", "other methods", Test(OPENID, "token_requests_are_read_strictly")),
    ("J37", "a register that changes meanwhile", Test(OPENID, "vci_28_a_changed_entry_is_renewed_and_never_slips_in")),
    ("J38", "answers that may be kept", Test(SERVICE, "both_formats_by_every_identifier_and_mode")),
    ("K01", "request with another signature", Test(VP, "ovp_03_who_it_is_not")),
    ("K03", "unknown identifiers of verifiers", Test(VP, "ovp_01_other_identifiers_are_refused")),
    ("K04", "certificate of another", Test(VP, "ovp_03_who_it_is_not")),
    ("K05", "answer to somewhere else", Test(VP, "ovp_05_for_this_wallet_and_now")),
    ("K06", "redirect and post at once", Test(VP, "ovp_02_malformed_requests_are_refused")),
    ("K07", "nonce missing, short, of other letters", Test(VP, "ovp_02_malformed_requests_are_refused")),
    ("K09", "other methods to fetch a request", Test(LINK, "links_name_the_verifier_and_where_the_request_is")),
    ("K10", "nonce of the wallet not repeated", Test(VP, "ovp_05_for_this_wallet_and_now")),
    ("K11", "request of another time, audience, kind", Test(VP, "ovp_03_who_it_is_not")),
    (
        "K12",
        "a request's address that redirects, never ends, is slow",
        Test(HTTP, "k12_a_request_is_fetched_from_where_the_link_says"),
    ),
    ("K13", "transactions that are not understood", Test(VP, "ovp_07_transactions_are_understood_whole")),
    (
        "K15",
        "page of another origin",
        Test("tests/presenting/tests/all/browser.rs", "ovp_15_an_answer_is_for_one_origin"),
    ),
    (
        "K16",
        "several signatures, one bad",
        Absent(
            "requests with several signatures (Appendix A.3.2.2) are not read: another protocol of the browser's list is taken",
        ),
    ),
    ("K17", "encryption keys that cannot be used", Test(VP, "ovp_02_malformed_requests_are_refused")),
    ("K18", "no encryption key", Test(VP, "ovp_09_encrypted_where_that_was_asked_for")),
    (
        "K19",
        "attribute not registered",
        Test(OWNER, "ovp_06_what_was_not_registered_is_blocked_unless_the_owner_insists"),
    ),
    (
        "K21",
        "verifier whose certificate is in no public log",
        Absent("who may ask stands on the ledger, not in logs of certificates: LREC and OVP-03"),
    ),
    ("K22", "probing for values", Test(OWNER, "ovp_06_what_was_not_registered_is_blocked_unless_the_owner_insists")),
    ("K23", "answer to a request that is over", Test(SERVICE, "requests_run_out_and_polls_are_counted")),
    ("K24", "a thousand answers at once", Test(SERVICE, "one_answer_posted_a_thousand_times_counts_once")),
    ("K25", "response codes guessed", Test(SERVICE, "on_the_same_device_a_code_leads_back")),
    ("K27", "polls", Test(SERVICE, "requests_run_out_and_polls_are_counted")),
    (
        "K28",
        "forms with two meanings, too large, of another kind",
        Test(SERVICE, "what_is_not_an_answer_is_refused_by_name"),
    ),
    ("K29", "answer in the address", Test(SERVICE, "what_is_not_an_answer_is_refused_by_name")),
    ("K30", "another origin", Test(SERVICE, "what_is_not_an_answer_is_refused_by_name")),
    ("K31", "script in an error", Test(SERVICE, "what_is_not_an_answer_is_refused_by_name")),
    ("K33", "bundle stale, changed, older", Test(BUNDLE, "bndl_03_an_older_bundle_is_refused")),
    ("N02", "bodies that are too large", Test(SERVICE, "what_is_not_an_answer_is_refused_by_name")),
    ("N03", "two lengths, lines that end half", Test(HTTP, "n03_no_request_hides_in_another")),
    ("N04", "two thousand that send byte by byte", Test(HTTP, "n04_slow_clients_keep_nobody_waiting")),
    ("N05", "a body byte by byte", Test(HTTP, "n04_slow_clients_keep_nobody_waiting")),
    (
        "N06",
        "a flood",
        Test(
            "tests/load/tests/overload.rs",
            "under_too_much_load_the_services_serve_some_and_tell_the_others_when_to_come_back",
        ),
    ),
    ("N08", "compressed requests", Test(SERVICE, "what_is_not_an_answer_is_refused_by_name")),
    ("N09", "paths that lead elsewhere", Test(HTTP, "n09_paths_and_headers_are_not_believed")),
    ("N10", "another host", Test(SERVICE, "the_code_and_the_request_say_what_the_link_says")),
    ("N11", "addresses in headers", Test(HTTP, "n09_paths_and_headers_are_not_believed")),
    ("N12", "limits by code, wallet and person", Test(OPENID, "vci_02_codes_are_good_once_and_die_after_five_errors")),
    ("N14", "no file descriptor left", Test(HTTP, "n14_without_file_descriptors_it_waits_and_goes_on")),
    ("N15", "database locked", Test(HTTP, "n15_a_locked_database_is_told_and_loses_nothing")),
    ("N16", "told to stop under load", Test(HTTP, "n16_told_to_stop_under_load_it_loses_nothing_acknowledged")),
    ("N17", "operators' calls from elsewhere", Test(ISSUER_HTTP, "only_operators_on_this_machine_administer")),
    (
        "N18",
        "addresses that lead inside",
        Test("src/did_web/tests.rs", "dweb_04_no_connection_is_opened_to_a_private_address"),
    ),
];

/// Modules of the OpenID Foundation's conformance suite (state of 2026-08-20) for issuers of OpenID4VCI 1.0, verifiers and wallets of
/// OpenID4VP 1.0: what is tried, and in which source its name stands. Modules whose whole point is that everything goes well
/// with a foreign counterpart are left to foreign software (`specs/openid4vc-profile.md`).
pub(super) const MODULES: &[(&str, &[&str])] = &[
    (
        "issuer/tests/all/modules.rs",
        &[
            "oid4vci-1_0-issuer-fail-client-attestation-exp-in-past",
            "oid4vci-1_0-issuer-fail-client-attestation-no-sub",
            "oid4vci-1_0-issuer-fail-client-attestation-pop-wrong-aud",
            "oid4vci-1_0-issuer-fail-invalid-client-attestation-pop-signature",
            "oid4vci-1_0-issuer-fail-invalid-client-attestation-signature",
            "oid4vci-1_0-issuer-fail-invalid-jwt-proof-signature",
            "oid4vci-1_0-issuer-fail-invalid-key-attestation-signature",
            "oid4vci-1_0-issuer-fail-invalid-nonce",
            "oid4vci-1_0-issuer-fail-mismatched-client-attestation-pop-key",
            "oid4vci-1_0-issuer-fail-missing-proof",
            "oid4vci-1_0-issuer-fail-on-access-token-in-query",
            "oid4vci-1_0-issuer-fail-unknown-credential-configuration",
            "oid4vci-1_0-issuer-fail-unknown-credential-identifier",
            "oid4vci-1_0-issuer-fail-unsupported-encryption-algorithm",
        ],
    ),
    (
        "tests/presenting/tests/all/modules.rs",
        &[
            "oid4vp-1final-verifier-happy-flow",
            "oid4vp-1final-verifier-invalid-credential-signature",
            "oid4vp-1final-verifier-invalid-kb-jwt-aud",
            "oid4vp-1final-verifier-invalid-kb-jwt-nonce",
            "oid4vp-1final-verifier-invalid-kb-jwt-signature",
            "oid4vp-1final-verifier-invalid-sd-hash",
            "oid4vp-1final-verifier-invalid-session-transcript",
            "oid4vp-1final-verifier-kb-jwt-iat-in-future",
            "oid4vp-1final-verifier-kb-jwt-iat-in-past",
            "oid4vp-1final-verifier-minimal-cnf-jwk",
            "oid4vp-1final-verifier-request-uri-fetched-twice",
            "oid4vp-1final-verifier-request-uri-method-post",
            "oid4vp-1final-wallet-fewer-claims-than-available",
            "oid4vp-1final-wallet-happy-flow",
            "oid4vp-1final-wallet-ignores-unusable-encryption-key",
            "oid4vp-1final-wallet-negative-test-invalid-client-id-prefix",
            "oid4vp-1final-wallet-negative-test-invalid-request-object-signature",
            "oid4vp-1final-wallet-negative-test-mismatched-client-id",
            "oid4vp-1final-wallet-negative-test-missing-nonce",
            "oid4vp-1final-wallet-negative-test-redirect-uri-with-direct-post",
            "oid4vp-1final-wallet-negative-test-required-non-matching-credential",
            "oid4vp-1final-wallet-negative-test-response-uri-not-client-id",
            "oid4vp-1final-wallet-negative-test-unknown-transaction-data-type",
            "oid4vp-1final-wallet-negative-test-wrong-expected-origins",
            "oid4vp-1final-wallet-no-claims-in-dcql-query",
            "oid4vp-1final-wallet-optional-credential-set",
        ],
    ),
];

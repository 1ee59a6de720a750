//! Rows about credentials of other standards: keys and signatures (A), parts of them (B), status (I).

use super::Met::{self, Absent, Test};

const JWS: &str = "protocol/src/crypto/jose/jws/tests.rs";
const COSE: &str = "protocol/src/crypto/cose.rs";
const X509: &str = "protocol/src/crypto/x509/tests.rs";
const SD_JWT: &str = "protocol/src/credential/sd_jwt/tests.rs";
const MDOC: &str = "protocol/src/credential/mdoc/tests.rs";
const W3C: &str = "protocol/src/credential/w3c/tests.rs";
const ATTACKS: &str = "protocol/tests/attacks.rs";
const ROOTS: &str = "protocol/src/ledger/certificate_root.rs";
const BUNDLE: &str = "protocol/src/ledger/bundle/tests.rs";
const EVIDENCE: &str = "protocol/src/ledger/twin_evidence.rs";
const TOKEN: &str = "protocol/src/credential/status/token/tests.rs";
const LIST: &str = "protocol/src/credential/status/list.rs";
const FETCHED: &str = "no list is fetched while a credential is checked: lists come with trust bundles, ahead of time";

pub(super) const BEFORE: &[(&str, &str, Met)] = &[
    ("A01", "no algorithm", Test(JWS, "jose_03_algorithms_are_a_short_list")),
    ("A02", "spellings of no algorithm", Test(JWS, "jose_03_algorithms_are_a_short_list")),
    ("A03", "MAC keyed with the public key", Test(COSE, "cose_02_headers_decide_nothing_unsigned_or_unknown")),
    ("A04", "key of another algorithm", Test(JWS, "jose_01_all_algorithms_there_and_back")),
    ("A06", "key from an address in the header", Test(SD_JWT, "sdj_07_the_key_comes_from_the_certificates")),
    ("A07", "chain that ends at nobody", Test(X509, "cert_01_a_chain_ends_at_a_trusted_root")),
    ("A08", "certificate made for another use", Test(X509, "cert_04_each_certificate_has_one_use")),
    ("A09", "certificate out of its time", Test(X509, "cert_03_all_certificates_are_valid_then_and_now")),
    ("A10", "key identifiers of any kind", Test(SD_JWT, "sdj_07_the_key_comes_from_the_certificates")),
    ("A12", "critical extensions", Test(JWS, "jose_04_extensions_are_not_understood")),
    ("A13", "ECDSA numbers out of range, other encodings", Test(JWS, "changed_tokens_are_refused")),
    (
        "A14",
        "Ed25519 keys and signatures of small order",
        Test("protocol/src/crypto/algorithm.rs", "points_that_are_none_are_refused"),
    ),
    ("A15", "the other ECDSA signature of a message", Test(ATTACKS, "a15_both_signatures_of_ecdsa_are_one_credential")),
    ("A16", "keys off the curve", Test("protocol/src/crypto/algorithm.rs", "points_that_are_none_are_refused")),
    ("A18", "other serialisations", Test(JWS, "jose_01_other_serialisations_are_refused")),
    ("A19", "encrypted where signed is due", Test(JWS, "jose_01_other_serialisations_are_refused")),
    ("A20", "token of another kind", Test(JWS, "kinds_are_kept_apart")),
    ("A21", "other base64", Test(JWS, "jose_02_one_encoding")),
    ("A22", "a member twice", Test(SD_JWT, "sdj_04_names_are_free_and_not_reserved")),
    ("A24", "text that is not UTF-8", Test(ATTACKS, "a24_text_is_utf_8_or_refused")),
    ("A25", "issuer of another type", Test(ROOTS, "cert_06_one_bundle_answers_for_credentials_of_other_formats")),
    (
        "A26",
        "issuer no longer on the ledger",
        Test(ROOTS, "cert_06_one_bundle_answers_for_credentials_of_other_formats"),
    ),
    ("A27", "two entries for one DID", Test(BUNDLE, "bndl_09_two_states_of_one_height_are_a_fork")),
    ("A28", "DID with query, path or two fragments", Test(ATTACKS, "a28_a_did_is_a_did_and_nothing_around_it")),
    (
        "A30",
        "key of another controller",
        Test("protocol/src/identifier/controller.rs", "dkey_04_keys_serve_their_own_controller_and_purpose"),
    ),
    ("A31", "older version of a DID", Test(BUNDLE, "bndl_03_an_older_bundle_is_refused")),
    (
        "A32",
        "a stranger's good proof beside the issuer's bad one",
        Test(ATTACKS, "a32_every_proof_holds_and_one_is_the_issuers"),
    ),
    ("A33", "key used for another purpose", Test(EVIDENCE, "didm_05_keys_of_the_ledger_serve_their_purpose_and_time")),
    (
        "A34",
        "signed in the future, or before the key",
        Test(EVIDENCE, "didm_05_keys_of_the_ledger_serve_their_purpose_and_time"),
    ),
    ("A36", "CBOR in other spellings", Test(MDOC, "mdoc_01_other_forms_are_refused")),
    ("A37", "elements changed, reused, not signed", Test(MDOC, "mdoc_04_every_element_is_one_that_was_signed")),
    ("A38", "another doctype inside", Test(MDOC, "mdoc_03_one_version_three_digests")),
    ("A39", "dates in the wrong order", Test(MDOC, "mdoc_05_all_dates_hold")),
    ("A40", "too much of anything", Test(SD_JWT, "sdj_01_other_forms_are_refused")),
    ("B02", "a digest twice", Test(SD_JWT, "sdj_06_each_digest_once_and_each_disclosure_somewhere")),
    ("B03", "a disclosure of nothing", Test(SD_JWT, "sdj_06_each_digest_once_and_each_disclosure_somewhere")),
    ("B04", "reserved names", Test(SD_JWT, "sdj_04_names_are_free_and_not_reserved")),
    ("B05", "a claim that is there in clear", Test(SD_JWT, "sdj_04_names_are_free_and_not_reserved")),
    ("B06", "disclosures of other lengths", Test(SD_JWT, "sdj_03_disclosures_have_two_or_three_parts")),
    ("B08", "another hash algorithm", Test(SD_JWT, "sdj_05_one_hash_algorithm")),
    ("B09", "disclosures within disclosures", Test(SD_JWT, "nesting_has_a_limit")),
    ("B10", "hidden claims that decide", Test(SD_JWT, "sdj_08_what_decides_is_never_hidden")),
    ("B11", "disclosure of another credential", Test(SD_JWT, "sdj_06_each_digest_once_and_each_disclosure_somewhere")),
    ("B12", "value or salt changed", Test(SD_JWT, "sdj_06_each_digest_once_and_each_disclosure_somewhere")),
    ("B14", "another type, other metadata", Test(SD_JWT, "sdj_11_metadata_are_those_that_were_signed")),
    ("B15", "vocabularies swapped", Test(W3C, "wctx_02_contexts_swapped_or_added_are_refused")),
    ("B16", "definitions added to a document", Test(W3C, "wctx_02_contexts_swapped_or_added_are_refused")),
    ("B17", "a context with other content", Test(W3C, "wctx_02_contexts_swapped_or_added_are_refused")),
    ("B18", "a term that no signature covers", Test(W3C, "wctx_03_what_means_nothing_is_neither_signed_nor_accepted")),
    ("B20", "graphs that take long", Test(W3C, "wctx_05_poisoned_graphs_cost_little")),
    ("B21", "language and direction changed", Test(ATTACKS, "b21_language_and_direction_are_signed")),
    ("B22", "base changed", Test(W3C, "wctx_02_contexts_swapped_or_added_are_refused")),
];

pub(super) const AFTER: &[(&str, &str, Met)] = &[
    ("I01", "entries beyond the list", Test(EVIDENCE, "stat_09_a_list_is_the_issuers_and_the_types")),
    ("I02", "entries of other sizes", Test(TOKEN, "stat_01_the_first_entry_is_the_lowest_bits")),
    ("I03", "damaged compression", Test(TOKEN, "stat_03_damaged_lists_and_bombs")),
    ("I04", "lists that unpack to much more", Test(TOKEN, "stat_03_damaged_lists_and_bombs")),
    ("I05", "compressed twice", Test(TOKEN, "stat_03_damaged_lists_and_bombs")),
    ("I07", "signed by others, expired, from the future", Test(TOKEN, "stat_06_both_signed_forms_and_every_fault")),
    ("I08", "another list's address", Test(TOKEN, "stat_06_both_signed_forms_and_every_fault")),
    ("I09", "kept for ever, or for no time", Test(TOKEN, "stat_07_old_and_future_lists_decide_nothing")),
    ("I10", "an older list", Test(TOKEN, "stat_08_an_older_list_is_refused")),
    ("I11", "suspended, unknown", Test(TOKEN, "stat_04_suspended_is_not_revoked_and_unknown_is_not_valid")),
    ("I13", "a server that answers slowly", Absent(FETCHED)),
    ("I14", "a server that does not answer", Absent(FETCHED)),
    (
        "I15",
        "two entries, one withdrawn",
        Absent("a credential of this network has one entry; revoked and suspended are two values of it"),
    ),
    ("I16", "no status where one is due", Test(TOKEN, "references_in_both_forms")),
    ("I17", "a list that has become shorter", Test(LIST, "cred_04_other_values_are_not_valid")),
    (
        "I19",
        "a list for each credential",
        Absent("an accredited issuer keeps lists of one size, and opens the next when half of one is used"),
    ),
    ("I20", "a revocation taken back", Test(LIST, "stat_05_a_suspension_ends_and_a_revocation_does_not")),
];

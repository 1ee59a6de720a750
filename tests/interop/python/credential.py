"""A credential and how it is issued, checked from specs/zk-credential.md, issuance.md and credential-types.md alone."""

import hashlib
import json

from curve import G1, Refused, compress, decompress_g1, decompress_g2, hash_to_scalar, same_pairing, total
from presentation import write
from zk_presentation import Reader, base_point, domain, generators, number

TEXT_TAG, KEY_TAG = b"mid/v1/credential/attribute;", b"mid/v1/credential/device-key;"
HEADER, COMMITMENT = b"mid/v1/credential/header;", b"mid/v1/blind/commitment;"


def same(ours, file, what: str) -> None:
    if ours != file:
        raise Refused("another " + what)


def claim(value: dict):
    """What CBOR has of a value."""
    return bytes.fromhex(value["bytes"]) if "bytes" in value else value.get("text", value.get("number"))


def numbers_of(file: dict) -> list:
    """CRED-01, CTYP-05."""
    key = bytes.fromhex(file["device_key"])
    fixed = [int(file["link_secret"], 16), int(file["blinder"], 16), file["handle"], file["expiry"]]
    values = [claim(value) for value in file["values"]]
    return fixed + [hash_to_scalar(write(key), KEY_TAG)] + [
        value if isinstance(value, int) else hash_to_scalar(bytes([place]) + write(value), TEXT_TAG)
        for place, value in enumerate(values)
    ]


def check_form(file: dict, definition: bytes) -> None:
    """The numbers, the header and the stored bytes are what the values make."""
    same([value.to_bytes(32, "big").hex() for value in numbers_of(file)], file["numbers"], "number")
    digest = hashlib.sha256(definition).digest()
    same(digest.hex(), file["definition_digest"], "definition")
    key_id = bytes.fromhex(file["issuer_key"])
    header = HEADER + bytes.fromhex(file["network"]) + key_id + digest  # CRED-02
    same(header.hex(), file["header"], "header")
    values = [claim(value) for value in file["values"]]
    signature = bytes.fromhex(file["signatures"][0]["signature"])
    device_key = bytes.fromhex(file["device_key"])
    stored = [key_id, json.loads(definition)["id"], values, file["expiry"], file["handle"], device_key, signature]
    same(write(stored).hex(), file["credential"], "encoding")


def check_commitment(file: dict, case: dict) -> None:
    """ISSU-06: the holder knows what it asks for."""
    issuer, nonce, sent = (bytes.fromhex(text) for text in (file["issuer"], case["nonce"], case["commitment"]))
    if len(sent) != 48 + 3 * 32:
        raise Refused("CommitmentLength")
    reader = Reader(sent)
    point, c, s0, s1 = reader.point(), reader.scalar(), reader.scalar(), reader.scalar()
    count = len(file["numbers"])
    h = generators(count + 1)[1:]
    t = total((h[0], s0), (h[1], s1), (point, -c))
    dom = domain(issuer, bytes.fromhex(file["header"]), count).to_bytes(32, "big")
    hashed = issuer + dom + number(2) + number(0) + number(1) + number(len(nonce)) + nonce + compress(point) + compress(t)
    if hash_to_scalar(hashed, COMMITMENT) != c:
        raise Refused("CommitmentInvalid")
    same(compress(total((h[0], int(file["link_secret"], 16)), (h[1], int(file["blinder"], 16)))), compress(point), "opening")


def check_signature(file: dict, case: dict) -> None:
    """CoreVerify of the BBS draft: e(A, W + G2·e) = e(B, G2)."""
    reader = Reader(bytes.fromhex(case["signature"]))
    a, e = reader.point(), reader.scalar()
    issuer, messages = bytes.fromhex(file["issuer"]), [int(text, 16) for text in file["numbers"]]
    points = generators(len(messages) + 1)
    dom = domain(issuer, bytes.fromhex(file["header"]), len(messages))
    right = total((base_point(), 1), (points[0], dom), *zip(points[1:], messages), (a, -e))
    if not same_pairing(a, decompress_g2(issuer), right):
        raise Refused("SignatureInvalid")


def check_value(key: str, value: int, signature: str) -> None:
    """A weak Boneh–Boyen signature: V·(y + value) = G1."""
    v = decompress_g1(bytes.fromhex(signature))
    if not same_pairing(v, decompress_g2(bytes.fromhex(key)), total((G1, 1), (v, -value))):
        raise Refused("SignatureInvalid")


def checks(file: dict, definition: bytes):
    """All of the file: the form, then each case in order."""
    yield lambda: check_form(file, definition)
    for case in file["commitments"]:
        yield lambda case=case: check_commitment(file, case)
    for case in file["signatures"]:
        yield lambda case=case: check_signature(file, case)
    for case in file["day_set"]["signatures"]:
        yield lambda case=case: check_value(file["day_set"]["key"], case["number"], case["signature"])
    for case in file["status"]["tokens"]:

        def token(case=case):
            value = case["handle"] + (case["epoch"] << 128)  # CRED-05
            same(value.to_bytes(32, "big").hex(), case["number"], "number of a token")
            check_value(file["status"]["key"], value, case["signature"])

        yield token

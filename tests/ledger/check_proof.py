"""Checks ledger proofs from specs/ledger-proof.md and specs/ledger-records.md alone: `check_proof.py VECTORS.json`, or
`check_proof.py ANCHOR PROOF [FLOOR]` with files. Needs py_ecc for BLS12-381; everything else is written out here."""
import hashlib, json, sys
from py_ecc.bls.g2_primitives import subgroup_check
from py_ecc.bls.hash_to_curve import hash_to_G1
from py_ecc.bls.point_compression import decompress_G1, decompress_G2
from py_ecc.optimized_bls12_381 import FQ12, G2, final_exponentiate, is_inf, neg, pairing

SUITE = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_"
EMPTY = bytes(32)
sha = lambda *parts: hashlib.sha256(b"".join(parts)).digest()
class Refused(Exception):
    """The message is the name in the specification."""

def need(condition, name):
    if not condition:
        raise Refused(name)

def head(major, n):
    size = next(s for s in (0, 1, 2, 4, 8) if n < (24 if s == 0 else 1 << 8 * s))
    return bytes([major << 5 | (24 + (1, 2, 4, 8).index(size) if size else n)]) + (n.to_bytes(size, "big") if size else b"")

def encode(value):
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(encode, value))
    data = value.encode() if isinstance(value, str) else value
    return head(3 if isinstance(value, str) else 2, len(data)) + data

def decode(data):
    """The one item that `data` is the canonical encoding of: unsigned numbers, bytes, text, arrays, booleans."""
    def item(at):
        first = data[at]
        major, n, at = first >> 5, first & 31, at + 1
        if first in (0xF4, 0xF5):
            return first == 0xF5, at
        if n in (24, 25, 26, 27):
            n, at = int.from_bytes(data[at : at + (1 << n - 24)], "big"), at + (1 << n - 24)
        need(n < 1 << 64 and major in (0, 2, 3, 4), "ProofGrammar")
        if major == 0:
            return n, at
        need(n <= len(data), "ProofGrammar")
        if major in (2, 3):
            text = data[at : at + n]
            return (text if major == 2 else text.decode()), at + n
        items = []
        while len(items) < n:
            value, at = item(at)
            items += [value]
        return items, at
    try:
        value, _ = item(0)
    except (IndexError, UnicodeDecodeError, RecursionError):
        raise Refused("ProofGrammar")
    need(encode(value) == data, "ProofGrammar")  # LPRF-01: one encoding, nothing after it
    return value

def state_key(kind, body):
    """LREC-01: what identifies a record of each kind."""
    need(kind in range(12) and isinstance(body, list) and body, "ProofGrammar")
    identifier = [] if kind in (0, 9, 11) else body[: 2 if kind == 2 else 3] if kind in (2, 5, 6) else body[0]
    if kind == 10:
        identifier = state_key(*decode(body[0]))
    return sha(b"mid/v1/ledger/state-key;", bytes([kind]), encode(identifier))

def read_path(data):
    """LPRF-03: depth, bitmap, siblings, each in its one form; root first."""
    need(len(data) >= 2, "ProofGrammar")
    depth = int.from_bytes(data[:2], "big")
    need(depth <= 256, "ProofGrammar")
    size = (depth + 7) // 8
    bits = [data[2 + i // 8] >> (7 - i % 8) & 1 for i in range(8 * size)] if len(data) >= 2 + size else [1] * 9999
    rest = data[2 + size :]
    need(not any(bits[depth:]) and len(rest) == 32 * sum(bits) and (depth == 0 or bits[depth - 1]), "ProofGrammar")
    given = iter(rest[i : i + 32] for i in range(0, len(rest), 32))
    siblings = [next(given) if bit else EMPTY for bit in bits[:depth]]
    need(all(s != EMPTY for s, bit in zip(siblings, bits) if bit), "ProofGrammar")
    return siblings

def after_varints(data, count):
    """Where `count` LEB128 numbers of at most 64 bits, each in its shortest form, end."""
    at = shift = 0
    while count:
        need(at < len(data) and shift < 70 and (data[at] or not shift) and (shift < 63 or data[at] < 2), "CertificateInvalid")
        count, shift = (count - 1, 0) if data[at] < 128 else (count, shift + 7)
        at += 1
    return at

def check_certificate(header, certificate, network_id, group_key):
    """LPRF-02: one BLS signature in G1 over the digest of the header, by the group."""
    end = after_varints(certificate, 3) + 32
    fields, signature = certificate[:end], certificate[end:]
    need(len(signature) == 48 and fields[-32:] == sha(b"mid/v1/ledger/header;", header), "CertificateInvalid")
    namespace = b"mid/v1/ledger/certificate;" + network_id + b"_FINALIZE"
    try:
        point = decompress_G1(int.from_bytes(signature, "big"))
        key = decompress_G2((int.from_bytes(group_key[:48], "big"), int.from_bytes(group_key[48:], "big")))
    except ValueError:
        raise Refused("CertificateInvalid")
    need(all(subgroup_check(p) and not is_inf(p) for p in (point, key)), "CertificateInvalid")
    message = hash_to_G1(bytes([len(namespace)]) + namespace + fields, SUITE, hashlib.sha256)
    product = pairing(neg(G2), point, final_exponentiate=False) * pairing(key, message, final_exponentiate=False)
    need(final_exponentiate(product) == FQ12.one(), "CertificateInvalid")

def check(anchor, proof, floor):
    """The key a proof is about, its value or None, and the height."""
    _, network_id, group_key = decode(anchor)
    proof = decode(proof)
    need(isinstance(proof, list) and len(proof) == 4 and all(isinstance(p, bytes) for p in proof[:3]), "ProofGrammar")
    header, certificate, siblings, evidence = *proof[:2], read_path(proof[2]), proof[3]
    form = evidence[0] if isinstance(evidence, list) and evidence else None
    need([*map(type, evidence or ())] == [int] + [bytes] * {0: 1, 1: 1, 2: 3}.get(form, 9), "ProofGrammar")
    need(form == 0 or all(len(part) == 32 for part in evidence[1:]), "ProofGrammar")
    leaf = lambda key, value_hash: sha(b"\0", key, value_hash)
    if form == 0:
        value = decode(evidence[1])
        need(isinstance(value, list) and len(value) == 3 and isinstance(value[2], list) and len(value[2]) == 2, "ProofGrammar")
        node = leaf(key := state_key(*value[2]), sha(evidence[1]))
    else:
        key, node = evidence[1], EMPTY if form == 1 else leaf(*evidence[2:])
    need(len(header) == 145 and header[0] == 1, "ProofGrammar")
    need(header[1:33] == network_id, "WrongNetwork")
    check_certificate(header, certificate, network_id, group_key)
    bit = lambda k, level: k[level // 8] >> (7 - level % 8) & 1
    if form == 2:  # LPRF-04: another key proves absence only where it stands alone on this key's way
        need(evidence[2] != key and all(bit(evidence[2], i) == bit(key, i) for i in range(len(siblings))), "ProofInvalid")
    for level in reversed(range(len(siblings))):
        node = sha(b"\1", siblings[level], node) if bit(key, level) else sha(b"\1", node, siblings[level])
    need(node == header[113:145], "ProofInvalid")
    height = int.from_bytes(header[33:41], "big")
    need(height >= floor, "LedgerStale")  # LPRF-05
    return key, evidence[1] if form == 0 else None, height

def outcome(anchor, proof, floor):
    try:
        key, value, height = check(anchor, proof, floor)
        return f"{'absent' if value is None else 'present'} {key.hex()} {height}"
    except Refused as refused:
        return str(refused)

if __name__ == "__main__" and len(sys.argv) == 2:
    for case in (cases := json.load(open(sys.argv[1]))["cases"]):
        got = outcome(bytes.fromhex(case["anchor"]), bytes.fromhex(case["proof"]), case["floor"])
        assert got == case["expect"], f"{case['name']}: expected {case['expect']}, got {got}"
    print(f"{len(cases)} proofs as expected")
elif __name__ == "__main__":
    print(outcome(*(open(path, "rb").read() for path in sys.argv[1:3]), int((sys.argv[3:] or ["0"])[0])))

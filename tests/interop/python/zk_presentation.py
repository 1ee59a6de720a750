"""The proof of a ZK presentation, checked from specs/zk-presentation.md alone.

Written without the project's code, by the equations of section 5 one after the other: no batching, no tables.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache

from curve import ORDER, Refused, compress, decompress_g1, decompress_g2, expand_message_xmd
from curve import hash_to_curve_g1, hash_to_scalar, same_pairing, scalar, total

SUITE = b"BLS12381G1_XMD:SHA-256_SSWU_RO_"
API = b"BBS_" + SUITE + b"H2G_HM2S_"


@dataclass
class Membership:
    """coefficient·m + constant is in the set with this key and base."""

    key: bytes
    message: int
    coefficient: int
    constant: int
    base: bytes


@dataclass
class Pseudonym:
    """value is hash_to_curve(scope)·m."""

    scope: bytes
    message: int
    value: bytes


@dataclass
class Statement:
    """Section 2."""

    issuer: bytes
    header: bytes
    message_count: int
    shown: list
    memberships: list
    pseudonym: Pseudonym | None


def number(value: int) -> bytes:
    return value.to_bytes(8, "big")


def wide(value: int) -> bytes:
    return (value % ORDER).to_bytes(32, "big")


def string(value: bytes) -> bytes:
    return number(len(value)) + value


@lru_cache
def generators(count: int):
    """create_generators of the BBS draft, section 4.1.1: Q1, H1, …"""
    seed_tag, point_tag = API + b"SIG_GENERATOR_SEED_", API + b"SIG_GENERATOR_DST_"
    state, found = expand_message_xmd(API + b"MESSAGE_GENERATOR_SEED", seed_tag, 48), []
    for index in range(1, count + 1):
        state = expand_message_xmd(state + number(index), seed_tag, 48)
        found.append(hash_to_curve_g1(state, point_tag))
    return found


@lru_cache
def base_point():
    """P1 of the suite."""
    seed = expand_message_xmd(API + b"BP_MESSAGE_GENERATOR_SEED", API + b"SIG_GENERATOR_SEED_", 48)
    seed = expand_message_xmd(seed + number(1), API + b"SIG_GENERATOR_SEED_", 48)
    return hash_to_curve_g1(seed, API + b"SIG_GENERATOR_DST_")


@lru_cache
def domain(issuer: bytes, header: bytes, count: int) -> int:
    """calculate_domain of the draft, section 4.2.3."""
    points = b"".join(compress(point) for point in generators(count + 1))
    return hash_to_scalar(issuer + number(count) + points + API + string(header), API + b"H2S_")


class Reader:
    def __init__(self, data: bytes):
        self.data = data

    def take(self, length: int) -> bytes:
        field, self.data = self.data[:length], self.data[length:]
        return field

    def point(self):
        return decompress_g1(self.take(48))

    def scalar(self) -> int:
        return scalar(self.take(32))


def verify(statement: Statement, context: bytes, proof: bytes) -> None:
    """Sections 4 and 5; raises Refused with the name of the first rule broken."""
    count = statement.message_count
    if count > 256:  # ZKP-07
        raise Refused("TooManyMessages")
    shown = dict(statement.shown)
    indices = [index for index, _ in statement.shown]
    if any(b <= a for a, b in zip(indices, indices[1:])) or any(index >= count for index in indices):  # ZKP-05
        raise Refused("IndexInvalid")
    hidden = [index for index in range(count) if index not in shown]
    for membership in statement.memberships:
        if membership.coefficient % ORDER == 0:  # ZKP-06
            raise Refused("PredicateVacuous")
        base = decompress_g1(membership.base)  # ZKP-03
        if membership.message not in hidden:  # ZKP-05
            raise Refused("IndexInvalid")
    if statement.pseudonym is not None:
        pseudonym_value = decompress_g1(statement.pseudonym.value)  # ZKP-03
        if statement.pseudonym.message not in hidden:
            raise Refused("IndexInvalid")
    if len(proof) != 272 + 32 * len(hidden) + 128 * len(statement.memberships):  # ZKP-01
        raise Refused("ProofLength")

    # Section 4. ZKP-02, ZKP-03, ZKP-04
    reader = Reader(proof)
    a_bar, b_bar, d = reader.point(), reader.point(), reader.point()
    e_hat, r1_hat, r3_hat = reader.scalar(), reader.scalar(), reader.scalar()
    m_hat = {index: reader.scalar() for index in hidden}
    c = reader.scalar()
    parts = [(reader.point(), reader.point(), reader.scalar()) for _ in statement.memberships]

    # Section 5.
    points = generators(count + 1)
    q1, h = points[0], points[1:]
    dom = domain(statement.issuer, statement.header, count)
    t1 = total((b_bar, c), (a_bar, e_hat), (d, r1_hat))
    known = total((base_point(), 1), (q1, dom), *((h[index], message) for index, message in statement.shown))
    t2 = total((known, c), (d, r3_hat), *((h[index], m_hat[index]) for index in hidden))
    commitments = [t1, t2]
    for membership, (a_prime, a_prime_bar, r_hat) in zip(statement.memberships, parts):
        value_hat = membership.coefficient * m_hat[membership.message] + membership.constant * c  # ZKP-12
        base = decompress_g1(membership.base)
        commitments.append(total((a_prime_bar, c), (a_prime, value_hat), (base, r_hat)))
    if statement.pseudonym is not None:
        scope = hash_to_curve_g1(statement.pseudonym.scope, b"mid/v1/pseudonym/scope;")
        commitments.append(total((scope, m_hat[statement.pseudonym.message]), (pseudonym_value, -c)))

    # Section 3.
    transcript = string(b"mid/v1/zk-presentation/transcript;") + statement.issuer + wide(dom) + number(count)
    transcript += number(len(statement.shown))
    for index, message in statement.shown:
        transcript += number(index) + wide(message)
    transcript += number(len(statement.memberships))
    for m in statement.memberships:
        transcript += m.key + number(m.message) + wide(m.coefficient) + wide(m.constant) + m.base
    if statement.pseudonym is None:
        transcript += number(0)
    else:
        pseudonym = statement.pseudonym
        transcript += number(1) + string(pseudonym.scope) + number(pseudonym.message) + pseudonym.value
    first_move = [a_bar, b_bar, d, *(point for a_prime, a_prime_bar, _ in parts for point in (a_prime, a_prime_bar))]
    transcript += b"".join(compress(point) for point in first_move + commitments) + string(context)
    digest = hashlib.sha256(transcript).digest()
    if hash_to_scalar(digest, b"mid/v1/zk-presentation/challenge;") != c:  # ZKP-08
        raise Refused("ProofInvalid")

    if not same_pairing(a_bar, decompress_g2(statement.issuer), b_bar):  # ZKP-09
        raise Refused("ProofInvalid")
    for index, (membership, (a_prime, a_prime_bar, _)) in enumerate(zip(statement.memberships, parts)):
        if not same_pairing(a_prime, decompress_g2(membership.key), a_prime_bar):  # ZKP-10
            raise Refused("PredicateInvalid")

"""Points, scalars and hashes of BLS12-381 as the specifications use them, on py_ecc."""

import hashlib

from py_ecc.bls.hash import expand_message_xmd as _expand
from py_ecc.bls.hash_to_curve import hash_to_G1
from py_ecc.optimized_bls12_381 import FQ, FQ12, G1, G2, add, b, b2, double
from py_ecc.optimized_bls12_381 import curve_order as ORDER
from py_ecc.optimized_bls12_381 import field_modulus as P
from py_ecc.optimized_bls12_381 import is_inf, is_on_curve, multiply, neg, normalize, pairing
from py_ecc.optimized_bls12_381.optimized_pairing import final_exponentiate


class Refused(Exception):
    """A refusal, by its name in the specification."""


def expand_message_xmd(message: bytes, tag: bytes, length: int) -> bytes:
    """RFC 9380, section 5.3.1, with SHA-256."""
    return _expand(message, tag, length, hashlib.sha256)


def hash_to_scalar(message: bytes, tag: bytes) -> int:
    """48 bytes of expand_message_xmd, big-endian, modulo the group order."""
    return int.from_bytes(expand_message_xmd(message, tag, 48), "big") % ORDER


def hash_to_curve_g1(message: bytes, tag: bytes):
    """RFC 9380, BLS12381G1_XMD:SHA-256_SSWU_RO_."""
    return hash_to_G1(message, tag, hashlib.sha256)


def compress(point) -> bytes:
    """48 bytes: x, with the flags compressed, infinity and larger y."""
    if is_inf(point):
        return bytes([0xC0]) + bytes(47)
    x, y = (int(c) for c in normalize(point))
    return (x | (0b100 if 2 * y < P else 0b101) << 381).to_bytes(48, "big")


def decompress_g1(data: bytes):
    """A point of G1 other than the identity, from its one encoding."""
    flags, x = data[0] >> 5, int.from_bytes(data, "big") & (1 << 381) - 1
    if flags == 0b110 and x == 0:
        raise Refused("IdentityPoint")
    if flags not in (0b100, 0b101) or x >= P:
        raise Refused("InvalidPoint")
    square = (pow(x, 3, P) + 4) % P
    y = pow(square, (P + 1) // 4, P)
    if y * y % P != square:
        raise Refused("InvalidPoint")
    if (2 * y > P) != (flags == 0b101):
        y = P - y
    point = (FQ(x), FQ(y), FQ(1))
    if not is_on_curve(point, b) or not is_inf(multiply(point, ORDER)):
        raise Refused("InvalidPoint")
    return point


def decompress_g2(data: bytes):
    """A point of G2 other than the identity."""
    from py_ecc.bls.point_compression import decompress_G2

    halves = int.from_bytes(data[:48], "big"), int.from_bytes(data[48:], "big")
    try:
        point = decompress_G2(halves)
    except ValueError as error:
        raise Refused("InvalidPublicKey") from error
    if is_inf(point) or not is_on_curve(point, b2) or not is_inf(multiply(point, ORDER)):
        raise Refused("InvalidPublicKey")
    return point


def scalar(data: bytes) -> int:
    """A scalar above zero and below the group order."""
    value = int.from_bytes(data, "big")
    if not 0 < value < ORDER:
        raise Refused("ScalarOutOfRange")
    return value


def total(*terms):
    """Σ point·scalar, bit by bit for all terms at once."""
    terms = [(point, factor % ORDER) for point, factor in terms]
    result = (FQ(1), FQ(1), FQ(0))
    for bit in reversed(range(ORDER.bit_length())):
        result = double(result)
        for point, factor in terms:
            if factor >> bit & 1:
                result = add(result, point)
    return result


def same_pairing(left, key, right) -> bool:
    """e(left, key) = e(right, G2)."""
    product = pairing(key, left, final_exponentiate=False) * pairing(G2, neg(right), final_exponentiate=False)
    return final_exponentiate(product) == FQ12.one()


__all__ = [
    "G1", "G2", "ORDER", "Refused", "compress", "decompress_g1", "decompress_g2", "expand_message_xmd",
    "hash_to_curve_g1", "hash_to_scalar", "is_inf", "same_pairing", "scalar", "total",
]

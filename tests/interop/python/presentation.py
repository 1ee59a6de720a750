"""A presentation, checked from specs/presentation.md, zk-credential.md and credential-types.md alone.

Form, device signature and proof (VERD-03) of types bound by link secret and their one-time copies; who is trusted and what was asked is the verifier's business.
"""

import datetime
import hashlib
import json
from functools import lru_cache

import p256
from curve import G1, ORDER, Refused, compress, decompress_g1, hash_to_scalar, total
from zk_presentation import Membership, Pseudonym, Statement, verify

GENERATOR = compress(G1)
EPOCH_DAY = datetime.date(1900, 1, 1)
DEVICE = b"mid/v1/presentation/device;"
P256_CODEC = b"\x80\x24"
# Multicodec prefix and length: P-256, Ed25519.
DEVICE_KEYS = ((P256_CODEC, 35), (b"\xed\x01", 34))
LINK_SECRET, HANDLE, EXPIRY, DEVICE_KEY, ATTRIBUTES = 0, 2, 3, 4, 5


# Canonical CBOR, RFC 8949 section 4.2.1: what is used of it.


class Malformed(Exception):
    pass


def read(data: bytes):
    """One item and what follows it; only shortest, definite forms."""
    if not data:
        raise Malformed
    major, info, data = data[0] >> 5, data[0] & 31, data[1:]
    if major == 7 or info > 27:
        raise Malformed
    size = 0 if info < 24 else 1 << info - 24
    value, data = (info if size == 0 else int.from_bytes(data[:size], "big")), data[size:]
    if size and (len(data) < 0 or value < (24 if size == 1 else 1 << 4 * size)):
        raise Malformed
    if major == 0:
        return value, data
    if major in (2, 3):
        if len(data) < value:
            raise Malformed
        return (data[:value] if major == 2 else data[:value].decode()), data[value:]
    if major not in (4, 5) or value > 64:
        raise Malformed
    items = []
    for _ in range(value * (major - 3)):
        item, data = read(data)
        items.append(item)
    if major == 4:
        return items, data
    keys = items[::2]
    if not all(isinstance(key, int) for key in keys) or any(b <= a for a, b in zip(keys, keys[1:])):
        raise Malformed
    return dict(zip(keys, items[1::2])), data


def head(major: int, value: int) -> bytes:
    for info, size in ((None, 0), (24, 1), (25, 2), (26, 4), (27, 8)):
        if size == 0 and value < 24:
            return bytes([major << 5 | value])
        if size and value < 1 << 8 * size:
            return bytes([major << 5 | info]) + value.to_bytes(size, "big")
    raise Malformed


def write(item) -> bytes:
    if isinstance(item, int):
        return head(0, item)
    if isinstance(item, bytes):
        return head(2, len(item)) + item
    if isinstance(item, str):
        return head(3, len(item.encode())) + item.encode()
    if isinstance(item, list):
        return head(4, len(item)) + b"".join(map(write, item))
    return head(5, len(item)) + b"".join(write(key) + write(item[key]) for key in sorted(item))


# credential-types.md


def encoding_of(attribute) -> str:
    encoding = attribute["encoding"]
    return encoding if isinstance(encoding, str) else next(iter(encoding))


def codes_of(attribute) -> list:
    encoding = attribute["encoding"]
    return [] if isinstance(encoding, str) else [member["code"] for member in next(iter(encoding.values()))]


def number_of(attribute, value):
    """PRES-13, CTYP-05 and CTYP-07, for the encodings of types bound by link secret; None for what is no value."""
    kind, codes = encoding_of(attribute), codes_of(attribute)
    largest = {"date": 2_958_463, "code": len(codes) - 1, "set": (1 << len(codes)) - 1}.get(kind)
    width = {"date": 3, "code": 1 if len(codes) <= 256 else 2, "set": (len(codes) + 7) // 8}.get(kind)
    if largest is None or not isinstance(value, bytes) or len(value) != width:
        return None
    number = int.from_bytes(value, "big")
    return number if number <= largest else None


def named(attribute, codes, any_of: bool):
    """CTYP-09: the numbers that a statement names."""
    known, kind = codes_of(attribute), encoding_of(attribute)
    if kind not in ("code", "set") or kind == "set" and len(known) > 9 or any(code not in known for code in codes):
        raise Refused("TypeMismatch")
    at = [known.index(code) for code in codes]
    if at != sorted(set(at)):
        raise Refused("TypeMismatch")
    if kind == "code":
        every = range(len(known))
        inside = [n for n in every if any(known[n] == c or known[n].startswith(c + "-") for c in codes)]
    else:
        every = range(1 << len(known))
        inside = [n for n in every if any(n >> bit & 1 for bit in at)]
    numbers = inside if any_of else [n for n in every if n not in inside]
    if not numbers or len(numbers) == len(every):
        raise Refused("TypeMismatch")
    return numbers


# zk-credential.md


def day_number(date: datetime.date) -> int:
    return (date - EPOCH_DAY).days


def day_in_korea(seconds: int) -> datetime.date:
    return (datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds, hours=9)).date()


def last_birth_date(years: int, statute: int, today: datetime.date) -> int:
    """CRED-06."""
    year = today.year - years
    if statute == 1:
        return day_number(datetime.date(year, 12, 31))
    try:
        return day_number(today.replace(year=year))
    except ValueError:
        # 29 February, and no such day that year.
        return day_number(datetime.date(year, 2, 28))


def base(parameters: bytes, numbers) -> bytes:
    """G1·Π(τ + s), from the powers."""
    return _base(parameters, tuple(numbers))


@lru_cache
def _base(parameters: bytes, numbers) -> bytes:
    coefficients = [1]
    for member in numbers:
        shifted = [0, *coefficients]
        coefficients = [(a * member + b) % ORDER for a, b in zip([*coefficients, 0], shifted)]
    powers = [G1] + [decompress_g1(parameters[at : at + 48]) for at in range(96, 96 + 48 * (len(coefficients) - 1), 48)]
    return compress(total(*zip(powers, coefficients)))


# presentation.md


def is_pair(item, *kinds) -> bool:
    return isinstance(item, list) and len(item) == len(kinds) and all(map(isinstance, item, kinds))


def is_statement(item) -> bool:
    if not is_pair(item, int, list) or item[0] > 3:
        return False
    if item[0] < 2:
        return is_pair(item[1], int, int) and item[1][0] < 256 and item[1][1] < 2
    return is_pair(item[1], str, list) and all(isinstance(code, str) for code in item[1][1])


def is_pseudonym(item) -> bool:
    if not is_pair(item, str, list, bytes) or not is_pair(item[1], int, list) or len(item[2]) != 48:
        return False
    kind, argument = item[1]
    return is_pair(argument, int) and argument[0] < 3 if kind == 0 else kind == 1 and is_pair(argument, str)


def has_the_shape(message) -> bool:
    """The table of fields in presentation.md."""
    kinds = {0: int, 1: bytes, 2: int, 3: bytes, 4: list, 5: list, 6: int, 7: int, 8: bytes, 9: bytes, 10: bytes}
    kinds[11] = list
    lengths = {1: 8, 3: 32, 10: 64}
    if not isinstance(message, dict) or not {0, 1, 2, 4, 5, 9} <= set(message) <= set(kinds):
        return False
    return (
        all(isinstance(value, kinds[key]) for key, value in message.items())
        and all(len(message[key]) == length for key, length in lengths.items() if key in message)
        and message[0] < 256
        and message.get(7, 0) < 1 << 32
        and all(is_pair(shown, int, (int, str, bytes)) and shown[0] < 256 for shown in message[4])
        and all(map(is_statement, message[5]))
        and (8 not in message or (message[8][:2], len(message[8])) in DEVICE_KEYS)
        and (11 not in message or is_pseudonym(message[11]))
    )


def check(data: bytes, issuer: dict) -> None:
    """PRES-01 … PRES-05 and PRES-10 … PRES-12; raises Refused."""
    if len(data) > 2_860:
        raise Refused("MalformedPresentation")
    try:
        message, rest = read(data)
    except (Malformed, UnicodeDecodeError) as error:
        raise Refused("MalformedPresentation") from error
    if rest or not has_the_shape(message):
        raise Refused("MalformedPresentation")
    if message[0] != 1:
        raise Refused("UnsupportedVersion")
    if message[1] != issuer["key_id"]:
        raise Refused("UnknownKey")

    # PRES-02, PRES-03, PRES-04, PRES-10, PRES-11, PRES-12
    attributes = issuer["type"]["attributes"]
    places = [place for place, _ in message[4]]
    fits = all(a < b for a, b in zip(places, places[1:])) and all(place < len(attributes) for place in places)
    fits = fits and all(number_of(attributes[place], value) is not None for place, value in message[4])
    bound = 8 in message
    fits = fits and 6 not in message and 7 in message
    fits = fits and (issuer["type"].get("bound_copies", 0) > 0 if bound else 10 not in message)
    fits = fits and (bound or message[2] % 10 == 0)
    fits = fits and (11 not in message or 3 in message and not bound)
    fits = fits and len(message[5]) <= 8 and all(s not in message[5][:i] for i, s in enumerate(message[5]))
    if not fits:
        raise Refused("TypeMismatch")
    device = 0
    if bound:  # PRES-06
        if 10 not in message:
            raise Refused("HolderBindingMissing")
        signed = hashlib.sha256(write({key: value for key, value in message.items() if key != 10})).digest()
        key = message[8]
        p256_key = key[:2] == P256_CODEC
        if not p256_key or not p256.holds(key[2:], len(DEVICE).to_bytes(8, "big") + DEVICE + signed, message[10]):
            raise Refused("HolderBindingInvalid")
        device = hash_to_scalar(write(key), b"mid/v1/credential/device-key;")
    position = {attribute["name"]: place for place, attribute in enumerate(attributes)}
    today = day_in_korea(message[2])
    days, sets = issuer["day_set"], issuer["sets"]
    memberships = [
        Membership(days, EXPIRY, 1, -day_number(today), GENERATOR),
        Membership(issuer["status"], HANDLE, 1, message[7] << 128, GENERATOR),
    ]
    for index, arguments in message[5]:
        name = "birth_date" if index in (0, 1) else arguments[0]
        if name not in position:
            raise Refused("TypeMismatch")
        at, attribute = ATTRIBUTES + position[name], attributes[position[name]]
        if index in (0, 1):
            years, statute = arguments
            if not 1 <= years <= 125 or encoding_of(attribute) != "date":
                raise Refused("TypeMismatch")
            last = last_birth_date(years, statute, today)
            at_least = Membership(days, at, -1, last, GENERATOR)
            memberships.append(at_least if index == 0 else Membership(days, at, 1, -(last + 1), GENERATOR))
        else:
            numbers = named(attribute, arguments[1], index == 2)
            memberships.append(Membership(sets[:96], at, 1, 0, base(sets, numbers)))
    pseudonym = None
    if 11 in message:
        verifier, (kind, (argument,)), value = message[11]
        names = [today.isoformat(), today.isoformat()[:7], today.isoformat()[:4]]
        scope = [argument, names[argument]] if kind == 0 else [3, argument]
        pseudonym = Pseudonym(write([issuer["network"], verifier, *scope]), LINK_SECRET, value)

    # PRES-05
    shown = [(DEVICE_KEY, device)] + [(ATTRIBUTES + place, number_of(attributes[place], value)) for place, value in message[4]]
    definition = hashlib.sha256(issuer["definition"]).digest()
    header = b"mid/v1/credential/header;" + issuer["network"] + issuer["key_id"] + definition
    context = b"mid/v1/presentation/context;" + write({**{key: value for key, value in message.items() if key != 10}, 9: b""})
    statement = Statement(issuer["bbs"], header, ATTRIBUTES + len(attributes), shown, memberships, pseudonym)
    verify(statement, context, message[9])


def issuer_of(record: dict) -> dict:
    """From JSON with everything in hexadecimal."""
    issuer = {name: bytes.fromhex(value) for name, value in record.items()}
    issuer["type"] = json.loads(issuer["definition"])
    return issuer

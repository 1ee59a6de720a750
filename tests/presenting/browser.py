"""`org-iso-mdoc` as another reader and another device do it, with `cryptography` (HPKE) and `cbor2`: ISO/IEC TS 18013-7, annex C.

Reads jobs as JSON lines and writes an answer for each: `transcript` of a session, `open` an answer, `seal` one."""

import base64
import hashlib
import json
import sys

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

SUITE = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_128_GCM)
POINT = 65


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def transcript(job):
    info = cbor2.dumps([job["encryptionInfo"], job["origin"]])
    return cbor2.dumps([None, None, ["dcapi", hashlib.sha256(info).digest()]])


def opened(job):
    kind, data = cbor2.loads(decode(job["response"]))
    assert kind == "dcapi" and len(data["enc"]) == POINT
    key = ec.derive_private_key(int(job["key"], 16), ec.SECP256R1())
    message = SUITE.decrypt(data["enc"] + data["cipherText"], key, info=transcript(job))
    response = cbor2.loads(message)
    shown = {}
    for document in response["documents"]:
        for items in document["issuerSigned"]["nameSpaces"].values():
            for item in items:
                item = cbor2.loads(item.value)
                shown[item["elementIdentifier"]] = item["elementValue"]
    return {"status": response["status"], "shown": shown}


def sealed(job):
    kind, parameters = cbor2.loads(decode(job["encryptionInfo"]))
    assert kind == "dcapi" and len(parameters["nonce"]) >= 16
    key = parameters["recipientPublicKey"]
    assert key[1] == 2 and key[-1] == 1
    numbers = ec.EllipticCurvePublicNumbers(*(int.from_bytes(key[at], "big") for at in (-2, -3)), ec.SECP256R1())
    message = SUITE.encrypt(decode(job["deviceResponse"]), numbers.public_key(), info=transcript(job))
    data = {"enc": message[:POINT], "cipherText": message[POINT:]}
    return {"response": encode(cbor2.dumps(["dcapi", data]))}


JOBS = {"transcript": lambda job: {"transcript": encode(transcript(job))}, "open": opened, "seal": sealed}

for line in sys.stdin:
    job = json.loads(line)
    try:
        print(json.dumps(JOBS[job["job"]](job)))
    except Exception as error:  # a refusal is an answer
        print(json.dumps({"error": type(error).__name__}))

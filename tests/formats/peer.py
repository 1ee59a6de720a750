"""Credentials made and checked by Python packages of others. Reads a JSON list of jobs, prints a JSON list of
`{"ok": …}` or `{"error": "…"}`."""

import base64
import json
import sys
import time

import cbor2
from cryptography import x509
from jwcrypto.jwk import JWK
from pycose.keys import EC2Key
from pymdoccbor.mdoc.issuer import MdocCborIssuer
from pymdoccbor.mdoc.verifier import MdocCbor
from sd_jwt.common import SDObj
from sd_jwt.holder import SDJWTHolder
from sd_jwt.issuer import SDJWTIssuer
from sd_jwt.verifier import SDJWTVerifier


def hidden(value):
    """`{"$": value}` is what a holder may keep back; a name that ends in `$` a claim."""
    if isinstance(value, dict):
        if set(value) == {"$"}:
            return SDObj(hidden(value["$"]))
        return {SDObj(k[:-1]) if k.endswith("$") else k: hidden(v) for k, v in value.items()}
    return [hidden(v) for v in value] if isinstance(value, list) else value


def verify_sd_jwt(text, key, nonce, audience):
    def of(_issuer, _header):
        return JWK(**key)

    return {"claims": SDJWTVerifier(text, of, audience, nonce).get_verified_payload()}


def present_sd_jwt(claims, header, issuer, holder, show, audience, nonce):
    issued = SDJWTIssuer(
        hidden(claims), JWK(**issuer), JWK(**holder), add_decoy_claims=True, extra_header_parameters=header
    ).sd_jwt_issuance
    peer = SDJWTHolder(issued)
    peer.create_presentation(show, nonce, audience, JWK(**holder))
    return {"issued": issued, "presented": peer.sd_jwt_presentation}


def verify_mdoc(response, root):
    peer = MdocCbor()
    peer.loads(bytes.fromhex(response))
    root = x509.load_der_x509_certificate(bytes.fromhex(root))
    return {"valid": peer.verify(trusted_root_certs=[root], verify_hashes=True)}


def issue_mdoc(data, doctype, certificate, issuer, device, until):
    """Dated now: the package takes no other time."""

    def of(key, name):
        return base64.urlsafe_b64decode(key[name] + "==")

    key = EC2Key("P_256", of(issuer, "x"), of(issuer, "y"), of(issuer, "d"), optional_params={"ALG": "ES256"})
    peer = MdocCborIssuer(private_key=key, alg="ES256").new(
        data=data,
        doctype=doctype,
        validity={"issuance_date": "2026-01-01", "expiry_date": until},
        devicekeyinfo={"KTY": "EC2", "CURVE": "P_256", "X": of(device, "x"), "Y": of(device, "y")},
        x509_chain=[bytes.fromhex(certificate)],
    )
    return {"issued": cbor2.dumps(peer["documents"][0]["issuerSigned"], canonical=True).hex(), "now": int(time.time())}


def main():
    results = []
    for job in json.load(sys.stdin):
        name = job.pop("job")
        try:
            results.append({"ok": globals()[name](**job)})
        except Exception as error:  # noqa: BLE001: whatever the package says
            results.append({"error": f"{type(error).__name__}: {error}"})
    print(json.dumps(results))


main()

"""Verdicts of the second implementation: reads cases from standard input as JSON, prints one name a line.

    {"vectors": …, "skip": 0}            the file specs/vectors/zk-presentation.json
    {"credential": …, "definition": …}   the file specs/vectors/zk-credential.json, and the definition of its type
    {"issuer": …, "presentations": […]}  presentations in hexadecimal, under one issuer key
"""

import json
import sys

from credential import checks
from curve import Refused
from presentation import base, check, issuer_of
from zk_presentation import Membership, Pseudonym, Statement, verify


def outcome(work) -> str:
    try:
        work()
    except Refused as refused:
        return str(refused)
    return "accepted"


def vector(case: dict) -> None:
    def data(name):
        return bytes.fromhex(case[name])

    memberships = [
        Membership(
            bytes.fromhex(m["set"]), m["message"], int(m["coefficient"], 16), int(m["constant"], 16),
            bytes.fromhex(m["base"]),
        )
        for m in case["memberships"]
    ]
    said = case["pseudonym"]
    pseudonym = said and Pseudonym(bytes.fromhex(said["scope"]), said["message"], bytes.fromhex(said["value"]))
    shown = [(pair["index"], int(pair["message"], 16)) for pair in case["shown"]]
    statement = Statement(data("issuer"), data("header"), case["message_count"], shown, memberships, pseudonym)
    verify(statement, data("context"), data("proof"))


def public_sets(sets: dict) -> None:
    parameters = bytes.fromhex(sets["parameters"])
    for one in sets["sets"]:
        if base(parameters, one["values"]).hex() != one["base"]:
            raise Refused("another base")
    witness = sets["witness"]
    others = [value for value in witness["values"] if value != witness["member"]]
    if base(parameters, others).hex() != witness["point"]:
        raise Refused("another witness")


def main() -> None:
    work = json.load(sys.stdin)
    if "vectors" in work:
        print(outcome(lambda: public_sets(work["vectors"]["public_sets"])), flush=True)
        for case in work["vectors"]["cases"]:
            print(outcome(lambda: vector(case)), flush=True)
    elif "credential" in work:
        for check_one in checks(work["credential"], work["definition"].encode()):
            print(outcome(check_one), flush=True)
    else:
        issuer = issuer_of(work["issuer"])
        for presentation in work["presentations"]:
            print(outcome(lambda: check(bytes.fromhex(presentation), issuer)), flush=True)


main()

"""What a running node answers, against documents that others wrote.

usage: check.py BASE VECTORS DID KEY   (VECTORS: the folder `did-resolution` of the published vectors, or "-")
"""
import json
import sys
import urllib.error
import urllib.parse
import urllib.request

import jsonschema
from openapi_spec_validator import validate
from prometheus_client.openmetrics.parser import text_string_to_metric_families

base, vectors, did, key = sys.argv[1:5]


def get(path, accept="*/*"):
    request = urllib.request.Request(base + path, headers={"Accept": accept})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.headers, refused.read()


# The API document is OpenAPI 3.1, and names every route that there is.
status, _, body = get("/openapi.json")
document = json.loads(body)
validate(document)
print("openapi:", document["openapi"], len(document["paths"]), "paths")

# The figures are OpenMetrics, by the parser of the Prometheus project.
status, headers, body = get("/metrics")
assert headers["Content-Type"].startswith("application/openmetrics-text"), headers["Content-Type"]
families = list(text_string_to_metric_families(body.decode()))
names = {family.name for family in families}
assert {"mid_ledger_height", "mid_ledger_http_answers", "mid_ledger_stale"} <= names, sorted(names)[:20]
print("metrics:", len(families), "families")

# DID resolution: the documents of the W3C suite and of the specification.
if vectors != "-":
    import yaml

    with open(f"{vectors}/did-schema.json") as file:
        did_schema = json.load(file)
    with open(f"{vectors}/openapi/openapi.yaml") as file:
        binding = yaml.safe_load(file)

    def conforms(instance, name):
        schema = {"$ref": f"#/components/schemas/{name}", "components": binding["components"]}
        # The published schema has the document and content as objects only; null is what the algorithm demands.
        pruned = {k: v for k, v in instance.items() if v is not None}
        jsonschema.validate(pruned, schema, cls=jsonschema.Draft202012Validator)

    result, dereferenced = "application/did-resolution", "application/did-url-dereferencing"
    quoted = urllib.parse.quote(did, safe="")
    checked = 0
    for path, expected in [
        (did, 200), (quoted, 200), (f"{quoted}?versionId=1", 200), ("not-a-did", 400), ("did:example", 400),
        ("did:unsupported:123456789abcdefghi", 501), (f"{did}?versionId=99", 404), (f"{did}?x=y", 501),
    ]:
        for accept, name, metadata in [
            (result, "ResolutionResult", "didResolutionMetadata"),
            (dereferenced, "DereferencingResult", "dereferencingMetadata"),
        ]:
            status, headers, body = get(f"/1.0/identifiers/{path}", accept)
            answer = json.loads(body)
            assert status == expected, (path, status)
            assert headers["Content-Type"] == accept == answer[metadata]["contentType"], headers["Content-Type"]
            conforms(answer, name)
            if status != 200:
                assert answer[metadata]["error"]["type"].startswith("https://www.w3.org/ns/did#")
            checked += 1
    for accept in ["application/did", "application/did+json", "application/did+ld+json"]:
        status, headers, body = get(f"/1.0/identifiers/{did}", accept)
        assert (status, headers["Content-Type"]) == (200, accept)
        jsonschema.validate(json.loads(body), did_schema)
        checked += 1
    print("did resolution:", checked, "answers against the published schemas")

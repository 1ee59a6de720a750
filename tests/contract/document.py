"""Whether a document is OpenAPI, and answers have the form that it says: `{"document": URL, "answers": [{"schema", "value"}]}`."""
import json
import sys
import urllib.request

import jsonschema
from openapi_spec_validator import validate

asked = json.load(sys.stdin)
with urllib.request.urlopen(asked["document"]) as answer:
    assert answer.headers["Content-Type"] == "application/json"
    document = json.load(answer)
validate(document)
for answer in asked["answers"]:
    schema = {"$ref": f"#/components/schemas/{answer['schema']}", "components": document["components"]}
    jsonschema.validate(answer["value"], schema, cls=jsonschema.Draft202012Validator)
print("good")

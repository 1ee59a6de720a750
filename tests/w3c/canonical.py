"""Canonical statements by PyLD: a JSON list of documents and a map of contexts in, one JSON string a line out."""

import json
import sys

from pyld import jsonld

given = json.load(sys.stdin)


def load(url, _options):
    return {"contextUrl": None, "documentUrl": url, "document": given["contexts"][url], "contentType": "application/ld+json"}


for document in given["documents"]:
    options = {"algorithm": "URDNA2015", "format": "application/n-quads", "documentLoader": load}
    print(json.dumps(jsonld.normalize(document, options)))

"""Bodies for Schemathesis: canonical CBOR is a byte string like any other to it."""
import schemathesis


@schemathesis.serializer("application/cbor")
def cbor(context, value):
    if isinstance(value, bytes):
        return value
    return getattr(value, "data", str(value).encode())

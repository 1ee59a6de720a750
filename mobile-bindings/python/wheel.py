"""Writes a wheel. Arguments: the folder of the package, the version, the folder for the wheel. Prints where it is."""

import base64
import hashlib
import pathlib
import sys
import sysconfig
import zipfile

source, version, target = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
info = f"mid_sdk-{version}.dist-info"
files = {f"mid_sdk/{path.name}": path.read_bytes() for path in sorted(source.iterdir()) if path.is_file()}
readme = (pathlib.Path(__file__).parent / "README.md").read_text("utf-8")
files[f"{info}/METADATA"] = (
    f"Metadata-Version: 2.1\nName: mid-sdk\nVersion: {version}\nSummary: Wallet and verifier of a mobile identity\n"
    f"License: Apache-2.0\nRequires-Python: >=3.10\nDescription-Content-Type: text/markdown\n\n{readme}"
).encode()
files[f"{info}/WHEEL"] = (
    f"Wheel-Version: 1.0\nGenerator: mid-sdk\nRoot-Is-Purelib: false\nTag: py3-none-{platform}\n"
).encode()
record = [
    f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b'=').decode()},{len(content)}\n"
    for name, content in files.items()
]
files[f"{info}/RECORD"] = ("".join(record) + f"{info}/RECORD,,\n").encode()
wheel = target / f"mid_sdk-{version}-py3-none-{platform}.whl"
with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
    for name, content in files.items():
        # The same bytes from the same files.
        archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
print(wheel)

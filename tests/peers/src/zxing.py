"""Reads codes with zxing-cpp. In: width, height (4 bytes each, big-endian) and grey pixels, picture after picture.
Out: a line for each picture, the content and the text of the code found in hexadecimal, empty when there is none."""

import struct
import sys

import zxingcpp

pictures = sys.stdin.buffer
while head := pictures.read(8):
    width, height = struct.unpack(">II", head)
    pixels = memoryview(pictures.read(width * height)).cast("B", (height, width))
    found = zxingcpp.read_barcodes(pixels, formats=zxingcpp.BarcodeFormat.QRCode)
    print(f"{found[0].bytes.hex()} {found[0].text.encode().hex()}" if found else "")

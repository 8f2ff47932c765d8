"""
The smallest image that there is.
"""

from base64 import b64encode

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55"
    "0000000a4944415478da6368000000820081da45083b0000000049454e44ae426082"
)
"""One pixel of grey.  There is nothing in it to remove, so it is kept as it is."""

DOT = b64encode(PNG).decode()

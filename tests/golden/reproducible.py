# SPDX-License-Identifier: MIT
import json
import struct


def reproducible(data):
    """The safetensors file with its metadata sorted: the library writes them in an order that changes with each run."""
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data[8 + size:]

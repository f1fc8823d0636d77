#!/usr/bin/env python3
"""Checks a token's signature with OpenSSL alone: check_token.py PUBLIC.pem, the token on stdin. Ends with 0 when it is good."""

import base64
import json
import subprocess
import sys
import tempfile


def open64(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def der(number):
    content = number.lstrip(b"\0") or b"\0"
    if content[0] & 0x80:
        content = b"\0" + content
    return b"\x02" + bytes([len(content)]) + content


def main():
    header, claims, signature = sys.stdin.read().strip().split(".")
    raw = open64(signature)
    if json.loads(open64(header))["alg"] == "ES256":
        assert len(raw) == 64, len(raw)
        both = der(raw[:32]) + der(raw[32:])
        raw = b"\x30" + bytes([len(both)]) + both
    with tempfile.NamedTemporaryFile() as file:
        file.write(raw)
        file.flush()
        command = ["openssl", "dgst", "-sha256", "-verify", sys.argv[1], "-signature", file.name]
        done = subprocess.run(command, input=f"{header}.{claims}".encode(), capture_output=True)
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()

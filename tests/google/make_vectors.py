#!/usr/bin/env python3
"""Keys and signatures for tests/google/keys.rs, by OpenSSL alone.

    python3 tests/google/make_vectors.py       # rewrites tests/google/keys/

The keys are for these tests and open nothing. RS256 is the same each time it is signed, so its signature is kept; ES256 is
not, so tokens are checked by `check_token.py` instead.
"""

import base64
import hashlib
import json
import subprocess
from pathlib import Path

HERE = Path(__file__).parent / "keys"


def openssl(*arguments, given=None):
    done = subprocess.run(["openssl", *arguments], input=given, capture_output=True, check=True)
    return done.stdout


def write(name, content):
    (HERE / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def url64(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def main():
    HERE.mkdir(exist_ok=True)
    write("rsa_pkcs8.pem", openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"))
    rsa = str(HERE / "rsa_pkcs8.pem")
    write("rsa_pkcs1.pem", openssl("rsa", "-in", rsa, "-traditional"))
    write("rsa_public.pem", openssl("pkey", "-in", rsa, "-pubout"))
    write("rsa_crlf.pem", (HERE / "rsa_pkcs8.pem").read_bytes().replace(b"\n", b"\r\n"))
    write("rsa_bom.pem", b"\xef\xbb\xbf" + (HERE / "rsa_pkcs1.pem").read_bytes())
    write("rsa_encrypted.pem", openssl("pkcs8", "-topk8", "-in", rsa, "-passout", "pass:x"))
    write("rsa_encrypted_old.pem", openssl("rsa", "-in", rsa, "-traditional", "-aes128", "-passout", "pass:x"))
    write("rsa_1024.pem", openssl("genrsa", "1024"))
    write("ec_parameters.pem", openssl("ecparam", "-genkey", "-name", "prime256v1"))
    ec = str(HERE / "ec_parameters.pem")
    write("ec_sec1.pem", openssl("ec", "-in", ec))
    write("ec_pkcs8.pem", openssl("pkcs8", "-topk8", "-nocrypt", "-in", ec))
    write("ec_public.pem", openssl("pkey", "-in", ec, "-pubout"))
    write("ec_p384.pem", openssl("ecparam", "-genkey", "-name", "secp384r1", "-noout"))
    write("ec_p384_pkcs8.pem", openssl("pkcs8", "-topk8", "-nocrypt", "-in", str(HERE / "ec_p384.pem")))
    write("ed25519.pem", openssl("genpkey", "-algorithm", "ED25519"))
    subject = ["-subj", "/CN=unused", "-days", "36500"]
    write("certificate.pem", openssl("req", "-x509", "-new", "-key", rsa, *subject))
    write("request.pem", openssl("req", "-new", "-key", rsa, "-subj", "/CN=unused"))
    claims = '{"iat":1772438400,"exp":1772442000,"aud":"plant"}'
    header = '{"alg":"RS256","typ":"JWT"}'
    signed = f"{url64(header.encode())}.{url64(claims.encode())}"
    signature = openssl("dgst", "-sha256", "-sign", rsa, given=signed.encode())
    vectors = {
        "claims": claims,
        "token": f"{signed}.{url64(signature)}",
        "rsa_fingerprint": hashlib.sha256(openssl("pkey", "-in", rsa, "-pubout", "-outform", "DER")).hexdigest(),
        "ec_fingerprint": hashlib.sha256(openssl("pkey", "-in", ec, "-pubout", "-outform", "DER")).hexdigest(),
    }
    write("vectors.json", json.dumps(vectors, indent=1) + "\n")


if __name__ == "__main__":
    main()

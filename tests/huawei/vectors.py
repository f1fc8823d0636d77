"""Logins and signatures of Huawei IoT, computed with Python's standard library alone from the published algorithms.

Prints one JSON object: `logins` (client id, password) and `calls` (the value of Authorization). The test beside this file
holds thingdeck against them; with `--check` the two constants that stand in the unit tests are checked here.
"""

import datetime
import hashlib
import hmac
import json
import sys
import urllib.parse

UTC = datetime.timezone.utc


def login(device, secret, access, signature, at):
    hour = datetime.datetime.fromtimestamp(at, UTC).strftime("%Y%m%d%H")
    # The hour is the key, the secret the message.
    password = hmac.new(hour.encode(), secret.encode(), hashlib.sha256).hexdigest()
    return {
        "device_id": device, "secret": secret, "by_node": access == 2, "signature": signature, "at": at,
        "client_id": f"{device}_{access}_{signature}_{hour}", "password": password,
    }


def hkdf(key, salt, info, length):
    """RFC 5869 with SHA-256."""
    prk = hmac.new(salt, key, hashlib.sha256).digest()
    out, block, number = b"", b"", 0
    while len(out) < length:
        number += 1
        block = hmac.new(prk, block + info + bytes([number]), hashlib.sha256).digest()
        out += block
    return out[:length]


def encode(text):
    return urllib.parse.quote(text, safe="-_.~")


def call(method, path, query, headers, body, access_key, secret_key, region, at):
    date = datetime.datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = dict(headers, **{"x-sdk-date": date})
    names = sorted(headers)
    levels = [encode(urllib.parse.unquote(level)) for level in path.split("/")]
    canonical_path = "/".join(levels)
    if not canonical_path.endswith("/"):
        canonical_path += "/"
    pairs = sorted((name, value) for name, value in query)
    canonical = "\n".join([
        method,
        canonical_path,
        "&".join(f"{encode(name)}={encode(value)}" for name, value in pairs),
        "".join(f"{name}:{headers[name].strip()}\n" for name in names),
        ";".join(names),
        hashlib.sha256(body.encode()).hexdigest(),
    ])
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    signed = ";".join(names)
    if region is None:
        text = f"SDK-HMAC-SHA256\n{date}\n{digest}"
        signature = hmac.new(secret_key.encode(), text.encode(), hashlib.sha256).hexdigest()
        value = f"SDK-HMAC-SHA256 Access={access_key}, SignedHeaders={signed}, Signature={signature}"
    else:
        info = f"{date[:8]}/{region}/iotdm"
        derived = hkdf(secret_key.encode(), access_key.encode(), info.encode(), 32).hex()
        text = f"V11-HMAC-SHA256\n{date}\n{info}\n{digest}"
        signature = hmac.new(derived.encode(), text.encode(), hashlib.sha256).hexdigest()
        value = f"V11-HMAC-SHA256 Credential={access_key}/{info}, SignedHeaders={signed}, Signature={signature}"
    return {
        "method": method, "path": path, "query": query, "headers": sorted(headers.items()), "body": body,
        "access_key": access_key, "secret_key": secret_key, "region": region, "at": at, "authorization": value,
    }


LOGINS = [
    login("5e06_meter", "s3cret_of-meter", 0, 1, 1795280399),
    login("5e06bfee334dd4f33759f5b3_demo", "12345678", 0, 0, 0),
    login("node-42", "A-Za-z0-9_-" * 2, 2, 1, 1767225599),
    login("a_b_c_d", "x" * 32, 0, 1, 1767225600),
    login("leap", "day-secret", 0, 1, 1709164800),
]

PROJECT = "0123456789abcdef0123456789abcdef"
INSTANCE = "abc123.st1.iotda-app.cn-north-4.myhuaweicloud.com"
KEYS = ("AKAKAKAKAKAKAKAKAKAK", "SKSKSKSKSKSKSKSKSKSKSKSKSKSKSKSKSKSKSKSK")
JSON = {"content-type": "application/json", "x-project-id": PROJECT}
COMMAND = (
    "POST", f"/v5/iot/{PROJECT}/devices/plant_1%20a/commands", [["b", "x y"], ["a", "+"], ["a", ""]],
    dict(JSON, host=INSTANCE), '{"paras":{}}', *KEYS,
)
AT = 1795280143
CALLS = [
    call(*COMMAND, None, AT),
    call(*COMMAND, "cn-north-4", AT),
    call("GET", f"/v5/iot/{PROJECT}/devices", [["limit", "50"], ["marker", "f" * 24]],
         dict(JSON, host="127.0.0.1:8443"), "", *KEYS, "cn-north-4", AT),
    call("PUT", f"/v5/iot/{PROJECT}/devices/%E8%AE%BE%E5%A4%87~1/shadow", [],
         dict(JSON, host="iotda.cn-north-4.myhuaweicloud.com", **{"x-security-token": " token "}),
         '{"shadow":[{"service_id":"Gerät"}]}', *KEYS, None, AT + 86400),
    call("DELETE", f"/v5/iot/{PROJECT}/devices/d/", [["q", "~*'()/?"]], dict(JSON, host=INSTANCE), "", *KEYS,
         "sa-brazil-1", AT),
]

if __name__ == "__main__":
    if "--check" in sys.argv:
        signature = lambda value: value["authorization"].rsplit("=", 1)[1]
        assert LOGINS[0]["password"] == "69ef907a7d42350f2742ca993cf4bf763d274fa8640b0dba887c1ed25fe4ddbd"
        assert signature(CALLS[0]) == "26342f2f73648a6f7a25b010a3b6e318b19845d9936f83a4cfa20d2e61ab4da3"
        assert signature(CALLS[1]) == "ae56fda355a347f08e25718fbcf2781d75ff32f11dff6a84a303c1c5ac78b2a9"
        print("ok")
    else:
        json.dump({"logins": LOGINS, "calls": CALLS}, sys.stdout)

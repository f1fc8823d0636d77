"""Signature Version 4 from AWS's own description, with nothing but the standard library.

Reads one question as JSON from stdin and answers with JSON. Where botocore is installed it has to agree.
"""

import hashlib
import hmac
import json
import sys
from urllib.parse import parse_qsl, quote, urlsplit


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def encode(text: str) -> str:
    return quote(text, safe="-_.~")


def sign(q, service: str, canonical: str) -> str:
    date = q["date"]
    scope = f"{date[:8]}/{q['region']}/{service}/aws4_request"
    to_sign = "\n".join(["AWS4-HMAC-SHA256", date, scope, sha256(canonical.encode())])
    key = ("AWS4" + q["secret"]).encode()
    for part in (date[:8], q["region"], service, "aws4_request"):
        key = mac(key, part)
    return hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()


def presign(q) -> dict:
    service = "iotdevicegateway"
    scope = f"{q['date'][:8]}/{q['region']}/{service}/aws4_request"
    query = "&".join(
        f"{name}={encode(value)}"
        for name, value in [
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
            ("X-Amz-Credential", f"{q['id']}/{scope}"),
            ("X-Amz-Date", q["date"]),
            ("X-Amz-Expires", str(q["expires"])),
            ("X-Amz-SignedHeaders", "host"),
        ]
    )
    canonical = "\n".join(["GET", "/mqtt", query, f"host:{q['host']}", "", "host", sha256(b"")])
    target = f"/mqtt?{query}&X-Amz-Signature={sign(q, service, canonical)}"
    if q.get("token"):
        target += "&X-Amz-Security-Token=" + encode(q["token"])
    return {"target": target}


def headers(q) -> dict:
    url = urlsplit(q["url"])
    fields = {"host": url.netloc, "x-amz-date": q["date"]}
    if q.get("token"):
        fields["x-amz-security-token"] = q["token"]
    names = sorted(fields)
    pairs = sorted((encode(n), encode(v)) for n, v in parse_qsl(url.query, keep_blank_values=True))
    canonical = "\n".join(
        [
            q["method"],
            quote(url.path or "/", safe="/-_.~"),
            "&".join(f"{n}={v}" for n, v in pairs),
            *(f"{name}:{fields[name].strip()}" for name in names),
            "",
            ";".join(names),
            sha256(q["body"].encode()),
        ]
    )
    scope = f"{q['date'][:8]}/{q['region']}/{q['service']}/aws4_request"
    signature = sign(q, q["service"], canonical)
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={q['id']}/{scope}, SignedHeaders={';'.join(names)}, Signature={signature}"
    )
    agree_with_botocore(q, url, authorization)
    return {"authorization": authorization}


def agree_with_botocore(q, url, authorization: str) -> None:
    try:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials
    except ImportError:
        return
    request = AWSRequest(method=q["method"], url=q["url"], data=q["body"].encode())
    request.context["timestamp"] = q["date"]
    request.headers["x-amz-date"] = q["date"]
    if q.get("token"):
        request.headers["x-amz-security-token"] = q["token"]
    auth = SigV4Auth(Credentials(q["id"], q["secret"], q.get("token")), q["service"], q["region"])
    theirs = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    ours = authorization.rsplit("=", 1)[1]
    if theirs != ours:
        sys.exit(f"botocore signs {theirs} where this script signs {ours}, for {url.geturl()}")


question = json.load(sys.stdin)
answer = presign(question) if question["kind"] == "presign" else headers(question)
json.dump(answer, sys.stdout)

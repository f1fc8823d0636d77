#!/usr/bin/env python3
"""A fake AWS IoT Core, written from reference/aws-iot.md alone and without a look at src/sim.

Python's standard library, and the `openssl` command for certificates. One port stands for 8883 (MQTT, client certificate, no ALPN),
one for 443 (by ALPN: `x-amzn-mqtt-ca` MQTT with a certificate, `mqtt` MQTT past a custom authorizer, none or `http/1.1` HTTPS: the WebSocket at /mqtt and REST). What breaks a
rule of AWS's is answered as AWS answers it: mostly by hanging up. What breaks the reference without AWS saying so is kept as a
violation.

    aws_core.py FOLDER

It prints one JSON line when it serves, then takes one JSON command per line on stdin and answers each with one line (`Cloud.command`).
It ends when stdin does.
"""

import base64
import calendar
import hashlib
import hmac
import json
import re
import secrets
import select
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import uuid
from collections import deque
from email.utils import formatdate
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlsplit

REGION = "eu-west-1"
ACCOUNT = "123456789012"
HOST = "localhost"
# key id: (secret, session token or None)
KEYS = {
    "AKIAIOSFODNN7EXAMPLE": ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", None),
    "ASIAIOSFODNN7EXAMPLE": ("temporary/K7MDENG/bPxRfiCYEXAMPLEKEY", "AQoDYXdz/EJr+1=="),
}
EMPTY = hashlib.sha256(b"").hexdigest()
PAYLOAD, TOPIC, SLASHES, SUBSCRIPTIONS, FILTERS, RATE, WINDOW = 131072, 256, 7, 50, 8, 100, 100
THING = re.compile(r"[a-zA-Z0-9:_-]{1,128}\Z")
SHADOW = re.compile(r"[a-zA-Z0-9:_$-]{1,64}\Z")


def openssl(*arguments, stdin=None):
    """Runs openssl; its stdout."""
    done = subprocess.run(["openssl", *arguments], input=stdin, capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {arguments[0]}: {done.stderr.decode(errors='replace')}")
    return done.stdout


def certificate_id(der):
    return hashlib.sha256(der).hexdigest()


class Authority:
    """A certificate authority with a key of its own."""

    def __init__(self, folder, name):
        self.folder, self.key, self.certificate = folder, folder / f"{name}.key", folder / f"{name}.pem"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", f"/CN={name}",
                "-keyout", str(self.key), "-out", str(self.certificate), "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def sign(self, request, *more):
        return openssl("x509", "-req", "-CA", str(self.certificate), "-CAkey", str(self.key), "-CAcreateserial", "-days", "30", *more,
                       stdin=request).decode()

    def server(self, name):
        key, chain, names = self.folder / f"{name}.key", self.folder / f"{name}.crt", self.folder / f"{name}.ext"
        names.write_text("subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n")
        request = openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                          "-keyout", str(key))
        chain.write_text(self.sign(request, "-extfile", str(names)))
        return key, chain

    def device(self):
        """As AWS makes them: RSA, PKCS#1, one subject for all."""
        key = openssl("genrsa", "-traditional", "2048")
        return key.decode(), self.of_request(openssl("req", "-new", "-key", "/dev/stdin", "-subj", "/CN=AWS IoT Certificate", stdin=key))

    def of_request(self, request):
        names = self.folder / "device.ext"
        names.write_text("basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n")
        return self.sign(request, "-subj", "/CN=AWS IoT Certificate", "-extfile", str(names))

    def own(self):
        """As `openssl x509 -req` makes them for an authority of the user's own: X.509 version 1."""
        key = openssl("ecparam", "-genkey", "-name", "prime256v1")
        return key.decode(), self.sign(openssl("req", "-new", "-key", "/dev/stdin", "-subj", "/CN=mine", stdin=key))


# --- Signature Version 4 -------------------------------------------------------------------------------------------------------------


def sign(secret, date, region, service, text):
    key = ("AWS4" + secret).encode()
    for part in (date[:8], region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def canonical_query(pairs):
    return "&".join(sorted(f"{quote(n, safe='-_.~')}={quote(v, safe='-_.~')}" for n, v in pairs))


class Refused(Exception):
    """403 in AWS's words."""

    def __init__(self, message, kind="ForbiddenException", status=403):
        super().__init__(message)
        self.message, self.kind, self.status = message, kind, status


class Guard:
    """Checks signatures."""

    def __init__(self, cloud):
        self.cloud = cloud

    def check(self, method, raw_path, raw_query, headers, body, services):
        pairs = parse_qsl(raw_query, keep_blank_values=True)
        given = dict(pairs)
        if "X-Amz-Signature" in given:
            return self.presigned(method, raw_path, raw_query, pairs, given, headers, services)
        return self.by_header(method, raw_path, pairs, headers, body, services)

    def presigned(self, method, raw_path, raw_query, pairs, given, headers, services):
        names = [name for name, _ in pairs]
        token = given.get("X-Amz-Security-Token")
        if token is not None and names.index("X-Amz-Security-Token") < names.index("X-Amz-Signature"):
            raise Refused("The request signature we calculated does not match the signature you provided. Check your key.")
        if "+" in raw_query or re.search(r"%[0-9a-f]?[a-f]", raw_query):
            self.cloud.violation(f"presigned: percent-encoding is upper-case and a space is %20: {raw_query}")
        signed = [(n, v) for n, v in pairs if n not in ("X-Amz-Signature", "X-Amz-Security-Token")]
        if given.get("X-Amz-Algorithm") != "AWS4-HMAC-SHA256":
            raise Refused("Unsupported algorithm")
        expires = int(given.get("X-Amz-Expires", "300"))
        return self.verify(method, raw_path, signed, headers, EMPTY, given["X-Amz-Credential"], given["X-Amz-Date"],
                           given["X-Amz-SignedHeaders"], given["X-Amz-Signature"], token, services, min(300, expires), once=True)

    def by_header(self, method, raw_path, pairs, headers, body, services):
        text = headers.get("authorization")
        if not text:
            raise Refused("Missing Authentication Token", "MissingAuthenticationTokenException")
        match = re.match(r"AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})\Z", text)
        if not match:
            raise Refused(f"Authorization header is malformed: {text}", "IncompleteSignatureException")
        credential, names, signature = match.groups()
        if "host" not in names.split(";") or "x-amz-date" not in names.split(";"):
            raise Refused("'Host' and 'X-Amz-Date' must be signed", "InvalidSignatureException")
        token = headers.get("x-amz-security-token")
        if token is not None and "x-amz-security-token" not in names.split(";"):
            self.cloud.violation("rest: the session token is a signed header")
        # The wire path encoded once more.
        return self.verify(method, quote(raw_path, safe="/-_.~"), pairs, headers, hashlib.sha256(body).hexdigest(), credential,
                           headers.get("x-amz-date", ""), names, signature, token, services, 300)

    def verify(self, method, path, pairs, headers, body_hash, credential, date, names, signature, token, services, seconds, once=False):
        key_id, day, region, service, end = (credential.split("/") + [""] * 5)[:5]
        if key_id not in KEYS or key_id in self.cloud.dead_keys:
            if key_id in self.cloud.dead_keys:
                raise Refused("The security token included in the request is expired", "ExpiredTokenException")
            raise Refused("The security token included in the request is invalid.", "UnrecognizedClientException")
        secret, wanted = KEYS[key_id]
        if token != wanted:
            raise Refused("The security token included in the request is invalid.", "UnrecognizedClientException")
        if region != REGION:
            raise Refused(f"Credential should be scoped to a valid region, not '{region}'.")
        if service not in services or end != "aws4_request":
            raise Refused(f"Credential should be scoped to correct service: '{services[0]}'.")
        at = time.strptime(date, "%Y%m%dT%H%M%SZ")
        skew = calendar.timegm(at) - (time.time() + self.cloud.skew)
        stamp = lambda t: time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(t))
        now = time.time() + self.cloud.skew
        if skew < -seconds:
            raise Refused(f"Signature expired: {date} is now earlier than {stamp(now - 300)} ({stamp(now)} - 5 min.)")
        if skew > 300:
            raise Refused(f"Signature not yet current: {date} is still later than {stamp(now + 300)} ({stamp(now)} + 5 min.)")
        if day != date[:8]:
            raise Refused("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date", "SignatureDoesNotMatch")
        listed = names.split(";")
        if listed != sorted(listed):
            self.cloud.violation(f"signed headers are not sorted: {names}")
        lines = "".join(f"{name}:{' '.join(headers.get(name, '').split())}\n" for name in listed)
        request = "\n".join([method, path, canonical_query(pairs), lines, names, body_hash])
        text = "\n".join(["AWS4-HMAC-SHA256", date, "/".join([day, region, service, end]), hashlib.sha256(request.encode()).hexdigest()])
        if not hmac.compare_digest(sign(secret, date, region, service, text), signature):
            raise Refused("The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
                          "and signing method. Consult the service documentation for details.",
                          "ForbiddenException" if once else "SignatureDoesNotMatchException")
        if once and abs(skew) > 5:
            self.cloud.violation(f"a presigned URL is made right before it is used, not {skew} s before")
        return key_id


# --- MQTT bytes ----------------------------------------------------------------------------------------------------------------------


class Gone(Exception):
    """The connection ends; `reason` is the life-cycle event's."""

    def __init__(self, reason="CLIENT_ERROR", code=None, why=""):
        super().__init__(why or reason)
        self.reason, self.code = reason, code


class Bytes:
    """Reads one packet's body."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if self.at + count > len(self.data):
            raise Gone(code=0x81, why="packet too short")
        self.at += count
        return self.data[self.at - count:self.at]

    def byte(self):
        return self.take(1)[0]

    def short(self):
        return struct.unpack(">H", self.take(2))[0]

    def blob(self):
        return self.take(self.short())

    def text(self):
        return self.blob().decode("utf-8")

    def number(self):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def rest(self):
        return self.take(len(self.data) - self.at)

    def is_over(self):
        return self.at == len(self.data)

    def properties(self):
        """{id: value}; user properties as a list under 0x26."""
        end = self.number() + self.at
        found = {}
        while self.at < end:
            name = self.number()
            if name in (0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2A):
                value = self.byte()
            elif name in (0x13, 0x21, 0x22, 0x23):
                value = self.short()
            elif name in (0x02, 0x11, 0x18, 0x27):
                value = struct.unpack(">I", self.take(4))[0]
            elif name == 0x0B:
                value = self.number()
            elif name in (0x09, 0x16):
                value = self.blob()
            elif name == 0x26:
                found.setdefault(name, []).append((self.text(), self.text()))
                continue
            else:
                value = self.text()
            found[name] = value
        return found


def number(value):
    out = b""
    while True:
        value, low = divmod(value, 128)
        out += bytes([low | (128 if value else 0)])
        if not value:
            return out


def text(value):
    data = value.encode() if isinstance(value, str) else value
    return struct.pack(">H", len(data)) + data


def packet(first, body):
    return bytes([first]) + number(len(body)) + body


def encode_properties(found):
    out = b""
    for name, value in found.items():
        if name == 0x26:
            for pair in value:
                out += number(name) + text(pair[0]) + text(pair[1])
        elif name in (0x01, 0x24, 0x25, 0x28, 0x29, 0x2A):
            out += number(name) + bytes([value])
        elif name in (0x13, 0x21, 0x22, 0x23):
            out += number(name) + struct.pack(">H", value)
        elif name in (0x02, 0x11, 0x18, 0x27):
            out += number(name) + struct.pack(">I", value)
        else:
            out += number(name) + text(value)
    return number(len(out)) + out


def matches(filter_, topic):
    """AWS: `#` leaves `$` out, and `a/#` does not match `a`."""
    wanted, levels = filter_.split("/"), topic.split("/")
    if topic.startswith("$") and not wanted[0].startswith("$"):
        return False
    for at, level in enumerate(wanted):
        if level == "#":
            return len(levels) > at
        if at >= len(levels) or level not in ("+", levels[at]):
            return False
    return len(levels) == len(wanted)


def share(filter_):
    """(group or None, filter)"""
    if filter_.startswith("$share/"):
        _, group, inner = filter_.split("/", 2)
        return group, inner
    return None, filter_


class Socket:
    """Plain bytes over TLS. OpenSSL's objects stand one thread at a time."""

    def __init__(self, raw):
        self.raw, self.lock, self.patience = raw, threading.Lock(), 30

    def read(self, count):
        out = b""
        end = time.monotonic() + self.patience
        while len(out) < count:
            if not Socket.is_readable(self, 0.5):
                if time.monotonic() > end:
                    raise TimeoutError
                continue
            try:
                with self.lock:
                    self.raw.settimeout(0.05)
                    piece = self.raw.recv(count - len(out))
            except TimeoutError:
                continue
            if not piece:
                raise Gone("CONNECTION_LOST")
            out += piece
        return out

    def is_readable(self, seconds):
        return bool(self.raw.pending()) or bool(select.select([self.raw], [], [], seconds)[0])

    def write(self, data):
        with self.lock:
            self.raw.settimeout(20)
            self.raw.sendall(data)

    def close(self):
        try:
            self.raw.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class WebSocket(Socket):
    """Binary frames, each with a part of a packet, as AWS may send them."""

    def __init__(self, raw, cloud):
        super().__init__(raw)
        self.buffer, self.cloud, self.whole = b"", cloud, threading.Lock()

    def frame(self):
        first, second = Socket.read(self, 2)
        size = second & 127
        if size == 126:
            size = struct.unpack(">H", Socket.read(self, 2))[0]
        elif size == 127:
            size = struct.unpack(">Q", Socket.read(self, 8))[0]
        if not second & 128:
            self.cloud.violation("websocket: a client's frame is not masked")
            raise Gone()
        mask = Socket.read(self, 4)
        data = Socket.read(self, size)
        data = bytes(b ^ mask[i % 4] for i, b in enumerate(data)) if size < 65536 else self.unmask(data, mask)
        code = first & 15
        if code == 8:
            raise Gone("CLIENT_INITIATED_DISCONNECT")
        if code == 9:
            self.send(10, data)
        elif code in (0, 2):
            self.buffer += data
        elif code == 1:
            self.cloud.violation("websocket: a text frame")
            raise Gone()

    @staticmethod
    def unmask(data, mask):
        whole = int.from_bytes(data, "big") ^ int.from_bytes((mask * (len(data) // 4 + 1))[:len(data)], "big")
        return whole.to_bytes(len(data), "big")

    def read(self, count):
        while len(self.buffer) < count:
            self.frame()
        out, self.buffer = self.buffer[:count], self.buffer[count:]
        return out

    def is_readable(self, seconds):
        return bool(self.buffer) or Socket.is_readable(self, seconds)

    def send(self, code, data):
        head = bytes([0x80 | code])
        if len(data) < 126:
            head += bytes([len(data)])
        elif len(data) < 65536:
            head += bytes([126]) + struct.pack(">H", len(data))
        else:
            head += bytes([127]) + struct.pack(">Q", len(data))
        Socket.write(self, head + data)

    def write(self, data):
        middle = len(data) // 2
        with self.whole:
            if middle:
                self.send(2, data[:middle])
            self.send(2, data[middle:])


# --- Shadows -------------------------------------------------------------------------------------------------------------------------


class Rejected(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code, self.message = code, message


def depth(value):
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return 1 + max((depth(one) for one in inner), default=0) if isinstance(value, (dict, list)) else 0


def holds_null(value):
    if isinstance(value, list):
        return any(one is None or holds_null(one) for one in value)
    return isinstance(value, dict) and any(holds_null(one) for one in value.values())


def merge(old, change):
    """null takes away; what is emptied by that goes too."""
    out = dict(old)
    for name, value in change.items():
        if value is None:
            out.pop(name, None)
        elif isinstance(value, dict):
            before = out.get(name)
            inner = merge(before if isinstance(before, dict) else {}, value)
            if inner:
                out[name] = inner
            else:
                out.pop(name, None)
        else:
            out[name] = value
    return out


def stamped(value, now):
    if isinstance(value, dict):
        return {name: stamped(one, now) for name, one in value.items()}
    if isinstance(value, list):
        return [stamped(one, now) for one in value]
    return {"timestamp": now}


def merge_metadata(old, change, state, now):
    out = {}
    for name, value in state.items():
        before = old.get(name)
        if name in change and change[name] is not None:
            if isinstance(value, dict) and isinstance(change[name], dict):
                out[name] = merge_metadata(before if isinstance(before, dict) else {}, change[name], value, now)
            else:
                out[name] = stamped(value, now)
        else:
            out[name] = before if before is not None else stamped(value, now)
    return out


def difference(desired, reported):
    out = {}
    for name, value in desired.items():
        if name not in reported:
            out[name] = value
        elif isinstance(value, dict) and isinstance(reported[name], dict):
            inner = difference(value, reported[name])
            if inner:
                out[name] = inner
        elif value != reported[name]:
            out[name] = value
    return out


def part(metadata, state):
    """The metadata of those fields."""
    return {name: part(metadata.get(name, {}), value) if isinstance(value, dict) else metadata.get(name) for name, value in state.items()}


class Shadow:
    def __init__(self, version=0):
        self.state, self.metadata, self.version = {}, {}, version

    def document(self):
        return {"state": self.state, "metadata": self.metadata, "version": self.version}

    def delta(self):
        return difference(self.state.get("desired", {}), self.state.get("reported", {}))


class Shadows:
    def __init__(self, cloud):
        self.cloud, self.all, self.last = cloud, {}, {}

    def find(self, thing, name):
        if thing not in self.cloud.things:
            raise Rejected(404, f"No thing exists with name: '{thing}'")
        if (thing, name) not in self.all:
            raise Rejected(404, f"No shadow exists with name: '{thing if name is None else f'{thing}~{name}'}'")
        return self.all[(thing, name)]

    def get(self, thing, name, body):
        token = self.token(body)
        shadow = self.find(thing, name)
        state = dict(shadow.state)
        if shadow.delta():
            state["delta"] = shadow.delta()
        return {"state": state, "metadata": shadow.metadata, "version": shadow.version, "timestamp": int(time.time()), **token}

    def delete(self, thing, name, body):
        token = self.token(body)
        shadow = self.find(thing, name)
        del self.all[(thing, name)]
        self.last[(thing, name)] = shadow.version
        return {"version": shadow.version, "timestamp": int(time.time()), **token}

    @staticmethod
    def parsed(body):
        if not body:
            return {}
        try:
            decoded = body.decode()
        except UnicodeDecodeError:
            raise Rejected(415, "Unsupported documented encoding; supported encoding is UTF-8") from None
        try:
            value = json.loads(decoded)
        except ValueError:
            raise Rejected(400, "Invalid JSON") from None
        if not isinstance(value, dict):
            raise Rejected(400, "Invalid JSON")
        return value

    def token(self, body):
        token = self.parsed(body).get("clientToken")
        if token is None:
            return {}
        if not isinstance(token, str) or len(token.encode()) > 64:
            raise Rejected(400, "Invalid clientToken")
        return {"clientToken": token}

    def update(self, thing, name, body):
        """The accepted answer, and what is told besides."""
        asked = self.parsed(body)
        token = self.token(body)
        state = asked.get("state")
        if state is None:
            raise Rejected(400, "Missing required node: state")
        if not isinstance(state, dict):
            raise Rejected(400, "State node must be an object")
        for section in state:
            if section not in ("desired", "reported"):
                raise Rejected(400, f"State contains an invalid node: '{section}'")
            if state[section] is not None and not isinstance(state[section], dict):
                raise Rejected(400, f"{section.capitalize()} node must be an object")
        if depth(state) > 8:
            raise Rejected(400, "JSON contains too many levels of nesting; maximum is 8")
        if holds_null(state):
            raise Rejected(400, "Invalid JSON")
        version = asked.get("version")
        if version is not None and (not isinstance(version, int) or isinstance(version, bool) or version < 0):
            raise Rejected(400, "Invalid version")
        if thing not in self.cloud.things:
            raise Rejected(404, f"No thing exists with name: '{thing}'")
        known = self.all.get((thing, name))
        shadow = Shadow(known.version if known else self.last.get((thing, name), 0))
        if version is not None and version != shadow.version:
            raise Rejected(409, "Version conflict")
        now = int(time.time())
        previous = known.document() if known else {"state": {}, "metadata": {}, "version": shadow.version}
        for section in ("desired", "reported"):
            old = known.state.get(section, {}) if known else {}
            old_metadata = known.metadata.get(section, {}) if known else {}
            change = state.get(section, {})
            merged = {} if change is None else merge(old, change)
            if merged:
                shadow.state[section] = merged
                shadow.metadata[section] = merge_metadata(old_metadata, change, merged, now)
        if len(json.dumps(shadow.state, separators=(",", ":"))) > 8192:
            raise Rejected(413, "The payload exceeds the maximum size allowed")
        shadow.version += 1
        self.all[(thing, name)] = shadow
        metadata = {section: stamped(value or {}, now) for section, value in state.items()}
        accepted = {"state": state, "metadata": metadata, "version": shadow.version, "timestamp": now, **token}
        told = [("update/documents", {"previous": previous, "current": shadow.document(), "timestamp": now, **token})]
        if shadow.delta():
            delta = shadow.delta()
            told.append(("update/delta", {"version": shadow.version, "timestamp": now, "state": delta,
                                          "metadata": part(shadow.metadata.get("desired", {}), delta), **token}))
        return accepted, told


# --- The cloud -----------------------------------------------------------------------------------------------------------------------


class Session:
    def __init__(self, client, version):
        self.client, self.version, self.filters, self.queue, self.flight, self.next = client, version, {}, deque(), {}, 0
        self.persistent = False
        self.connection = None

    def packet_id(self):
        self.next = self.next % 65535 + 1
        return self.next


class Cloud:
    def __init__(self, folder):
        self.folder, self.lock, self.changed = folder, threading.RLock(), threading.Condition()
        self.entries, self.violations, self.dead_keys = [], [], set()
        self.usurpers, self.subscriptions = {}, SUBSCRIPTIONS
        self.skew, self.index_on, self.rest_faults, self.connack_delay = 0, True, [], 0.05
        self.sessions, self.retained, self.certificates, self.lives = {}, {}, {}, {}
        self.things, self.jobs, self.tokens, self.rules, self.faults = {}, {}, {}, [], {}
        self.shadows, self.guard = Shadows(self), Guard(self)
        self.roots, self.issuer = Authority(folder, "root"), Authority(folder, "issuer")
        self.key, self.chain = self.roots.server("server")
        self.templates = {"line": {"parameters": ["SerialNumber"]}}
        self.policies = {"device": [{"Action": "iot:*", "Resource": "*"}], "key": [{"Action": "iot:*", "Resource": "*"}]}
        self.policies["claim"] = self.claim_policy()
        for name in ("device", "claim", "own"):
            key, pem = self.issuer.own() if name == "own" else self.issuer.device()
            (folder / f"{name}.key").write_text(key)
            (folder / f"{name}.key").chmod(0o600)
            (folder / f"{name}.crt").write_text(pem)
            self.register(pem, "ACTIVE", "claim" if name == "claim" else "device")
        for name, kind, attributes in (("RPI", "Board", {"site": "north"}), ("lamp", "Light", {}), ("pump:1", "", {"site": "south"})):
            self.add_thing(name, kind, attributes)
        self.mtls_port = self.listen(self.serve_mtls, [])
        self.https_port = self.listen(self.serve_https, ["x-amzn-mqtt-ca", "mqtt", "http/1.1"])

    @staticmethod
    def claim_policy():
        places = ["$aws/certificates/create*", "$aws/provisioning-templates/line/provision/*"]
        arn = lambda kind: [f"arn:aws:iot:{REGION}:{ACCOUNT}:{kind}/{place}" for place in places]
        return [{"Action": "iot:Connect", "Resource": "*"}, {"Action": "iot:Publish", "Resource": arn("topic")},
                {"Action": "iot:Receive", "Resource": arn("topic")}, {"Action": "iot:Subscribe", "Resource": arn("topicfilter")}]

    def add_thing(self, name, kind="", attributes=None):
        self.things[name] = {"thingName": name, "thingTypeName": kind or None, "attributes": attributes or {}, "version": 1,
                             "thingArn": f"arn:aws:iot:{REGION}:{ACCOUNT}:thing/{name}"}

    def register(self, pem, status, policy):
        identity = certificate_id(ssl.PEM_cert_to_DER_cert(pem))
        self.certificates[identity] = {"status": status, "policy": policy, "pem": pem}
        return identity

    def allows(self, policy, action, resource):
        """Whether a statement of the policy allows it; `*` and `?` are its only wildcards."""
        arn = f"arn:aws:iot:{REGION}:{ACCOUNT}:{resource}"

        def fits(pattern, value):
            escaped = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
            return re.fullmatch(escaped, value, re.DOTALL) is not None

        def listed(value):
            return value if isinstance(value, list) else [value]

        granted = False
        for statement in self.policies[policy]:
            hit = any(fits(a, action) for a in listed(statement["Action"])) and any(fits(r, arn) for r in listed(statement["Resource"]))
            if hit and statement.get("Effect", "Allow") == "Deny":
                return False
            granted |= hit
        return granted

    # What was seen.

    def note(self, kind, line):
        with self.changed:
            self.entries.append({"kind": kind, "text": line})
            self.changed.notify_all()

    def violation(self, line):
        self.violations.append(line)
        self.note("violation", line)

    # Listening.

    def listen(self, serve, alpn):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.chain, self.key)
        context.load_verify_locations(self.issuer.certificate)
        context.verify_mode = ssl.CERT_OPTIONAL
        if alpn:
            context.set_alpn_protocols(alpn)
        names = {}

        def named(connection, name, _context):
            names[id(connection)] = name

        context.sni_callback = named
        listener = socket.create_server(("127.0.0.1", 0), backlog=64)

        def accept():
            while True:
                raw, _ = listener.accept()
                threading.Thread(target=handle, args=(raw,), daemon=True).start()

        def handle(raw):
            raw.settimeout(20)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                connection = context.wrap_socket(raw, server_side=True)
            except (ssl.SSLError, OSError) as problem:
                self.note("tls", f"handshake failed: {problem}")
                return
            connection.settimeout(None)
            if names.pop(id(connection), None) != HOST:
                self.violation("tls: no server name, or another one")
            try:
                serve(connection)
            except (Gone, OSError, ValueError) as problem:
                self.note("tls", f"closed: {problem!r}")
            except Exception as problem:  # a bug here must be seen
                self.violation(f"look-alike: {problem!r}")
            finally:
                connection.close()

        threading.Thread(target=accept, daemon=True).start()
        return listener.getsockname()[1]

    def certificate_of(self, connection):
        der = connection.getpeercert(True)
        return certificate_id(der) if der else None

    def serve_mtls(self, connection):
        if connection.selected_alpn_protocol():
            self.violation("8883 has no ALPN")
        self.with_certificate(connection, "mtls")

    def with_certificate(self, connection, way):
        identity = self.certificate_of(connection)
        known = self.certificates.get(identity)
        if not known or known["status"] != "ACTIVE":
            # The handshake was fine; then the socket closes without CONNACK.
            self.note("tls", f"certificate {identity} is not active")
            time.sleep(0.05)
            return
        Client(self, Socket(connection), known["policy"], identity, way).run()

    def serve_https(self, connection):
        if connection.selected_alpn_protocol() == "x-amzn-mqtt-ca":
            self.with_certificate(connection, "alpn")
            return
        if connection.selected_alpn_protocol() == "mqtt":
            if self.certificate_of(connection):
                self.violation("a custom authorizer wants no certificate")
            Client(self, Socket(connection), "device", "lambda", "custom").run()
            return
        Http(self, connection).run()

    # Delivering.

    def publish(self, topic, payload, qos=1, retain=False, properties=None, will=False, policy=None):
        """From anybody to whoever has subscribed; then rules and services."""
        data = payload if isinstance(payload, bytes) else json.dumps(payload, separators=(",", ":")).encode()
        self.note("message", f"{topic} {data[:400].decode(errors='replace')}")
        with self.lock:
            if retain and not data:
                self.retained.pop(topic, None)
            elif retain:
                self.retained[topic] = (data, qos)
            groups = {}
            for session in list(self.sessions.values()):
                for filter_, granted in session.filters.items():
                    group, inner = share(filter_)
                    if matches(inner, topic):
                        if group is None:
                            self.deliver(session, topic, data, min(qos, granted), False, properties)
                            break
                        groups.setdefault((group, inner), []).append((session, granted))
            for members in groups.values():
                session, granted = secrets.choice(members)
                self.deliver(session, topic, data, min(qos, granted), False, properties)
            for rule in self.rules:
                if matches(rule["from"], topic):
                    levels = topic.split("/")
                    target = re.sub(r"\$\{topic\((\d+)\)\}", lambda m: levels[int(m.group(1)) - 1], rule["to"])
                    # One $ is an expression and leads nowhere.
                    if target.startswith("$$"):
                        self.publish(target[1:], data, 1)
                        self.serve(target[1:], data, None)
                    elif not target.startswith("$"):
                        self.publish(target, data, 1)

    def deliver(self, session, topic, data, qos, retain, properties):
        connection = session.connection
        if connection is None:
            if session.persistent and qos > 0:
                session.queue.append((topic, data, qos, properties))
            return
        connection.deliver(topic, data, qos, retain, properties)

    def serve(self, topic, payload, client):
        """What a reserved topic's service answers."""
        match = re.fullmatch(r"\$aws/things/([^/]+)/shadow(?:/name/([^/]+))?/(get|update|delete)", topic)
        if match:
            self.serve_shadow(*match.groups(), topic, payload)
            return
        match = re.fullmatch(r"\$aws/things/([^/]+)/jobs/(.+)", topic)
        if match and client:
            self.serve_jobs(match.group(1), match.group(2), topic, payload, client)
            return
        if topic in ("$aws/certificates/create/json", "$aws/certificates/create-from-csr/json"):
            self.provision(topic, payload, client, self.create)
        match = re.fullmatch(r"\$aws/provisioning-templates/([^/]+)/provision/json", topic)
        if match:
            self.provision(topic, payload, client, lambda t, p: self.register_thing(match.group(1), p))

    def serve_shadow(self, thing, name, verb, topic, payload):
        prefix = topic.rsplit("/", 1)[0]
        try:
            with self.lock:
                told = []
                if verb == "update":
                    accepted, told = self.shadows.update(thing, name, payload)
                else:
                    accepted = getattr(self.shadows, verb)(thing, name, payload)
            self.publish(f"{topic}/accepted", accepted)
            for what, document in told:
                self.publish(f"{prefix}/{what}", document)
        except Rejected as no:
            body = {"code": no.code, "message": no.message, "timestamp": int(time.time())}
            try:
                body.update(self.shadows.token(payload))
            except Rejected:
                pass
            self.publish(f"{topic}/rejected", body)

    # Jobs.

    def add_job(self, thing, job, document):
        now = int(time.time())
        self.jobs.setdefault(thing, []).append(
            {"jobId": job, "thingName": thing, "jobDocument": document, "status": "QUEUED", "statusDetails": {}, "queuedAt": now,
             "lastUpdatedAt": now, "versionNumber": 1, "executionNumber": 1})
        self.notify(thing, self.next_job(thing) and self.next_job(thing)["jobId"] == job)

    def next_job(self, thing):
        open_ = [job for job in self.jobs.get(thing, []) if job["status"] in ("IN_PROGRESS", "QUEUED")]
        return min(open_, key=lambda job: job["status"] != "IN_PROGRESS", default=None)

    def summaries(self, thing, status):
        names = ("jobId", "queuedAt", "startedAt", "lastUpdatedAt", "versionNumber", "executionNumber")
        return [{n: job[n] for n in names if n in job} for job in self.jobs.get(thing, []) if job["status"] == status]

    def notify(self, thing, next_changed=True):
        now = int(time.time())
        jobs = {s: self.summaries(thing, s) for s in ("QUEUED", "IN_PROGRESS")}
        self.publish(f"$aws/things/{thing}/jobs/notify", {"timestamp": now, "jobs": {s: j for s, j in jobs.items() if j}})
        if next_changed:
            job = self.next_job(thing)
            self.publish(f"$aws/things/{thing}/jobs/notify-next", {"timestamp": now, **({"execution": job} if job else {})})

    def serve_jobs(self, thing, verb, topic, payload, client):
        now = int(time.time())

        def answer(end, body):
            # To the one who asked, whether it has subscribed or not, and to nobody else.
            data = json.dumps(body).encode()
            self.note("message", f"{topic}/{end} {data[:400].decode()}")
            client.deliver(f"{topic}/{end}", data, 1, False, None)

        token = {}
        try:
            try:
                asked = json.loads(payload or b"{}")
            except ValueError:
                raise Rejected("InvalidJson", "the payload is no JSON") from None
            token = {"clientToken": asked["clientToken"]} if "clientToken" in asked else {}
            if verb == "get":
                answer("accepted", {"timestamp": now, "inProgressJobs": self.summaries(thing, "IN_PROGRESS"),
                                    "queuedJobs": self.summaries(thing, "QUEUED"), **token})
            elif verb == "start-next":
                job = self.next_job(thing)
                if job and job["status"] == "QUEUED":
                    job.update(status="IN_PROGRESS", startedAt=now, lastUpdatedAt=now, versionNumber=job["versionNumber"] + 1)
                answer("accepted", {"timestamp": now, **({"execution": job} if job else {}), **token})
                if job:
                    self.notify(thing)
            elif verb.endswith("/get"):
                job = self.job(thing, verb[:-4])
                answer("accepted", {"timestamp": now, **({"execution": job} if job else {}), **token})
            elif verb.endswith("/update"):
                self.update_job(self.job(thing, verb[:-7]), asked, now)
                answer("accepted", {"timestamp": now, **token})
                self.notify(thing)
            else:
                raise Rejected("InvalidTopic", f"{topic} is none")
        except Rejected as no:
            answer("rejected", {"code": no.code, "message": no.message, "timestamp": now, **token})

    def job(self, thing, name):
        if name == "$next":
            return self.next_job(thing)
        for job in self.jobs.get(thing, []):
            if job["jobId"] == name:
                return job
        raise Rejected("ResourceNotFound", f"no job {name}")

    @staticmethod
    def update_job(job, asked, now):
        status = asked.get("status")
        if status not in ("IN_PROGRESS", "FAILED", "SUCCEEDED", "REJECTED"):
            raise Rejected("InvalidRequest", f"status {status}")
        if job["status"] not in ("QUEUED", "IN_PROGRESS"):
            raise Rejected("TerminalStateReached", f"it is {job['status']}")
        if "expectedVersion" in asked and int(asked["expectedVersion"]) != job["versionNumber"]:
            raise Rejected("VersionMismatch", f"version is {job['versionNumber']}")
        details = asked.get("statusDetails", {})
        if not all(isinstance(v, str) for v in details.values()):
            raise Rejected("InvalidRequest", "statusDetails are strings")
        job.update(status=status, statusDetails=details, lastUpdatedAt=now, versionNumber=job["versionNumber"] + 1)

    # Fleet provisioning.

    def provision(self, topic, payload, client, work):
        for end in ("accepted", "rejected"):
            if client and not any(matches(share(f)[1], f"{topic}/{end}") for f in client.session.filters):
                self.violation(f"{topic}: {end} is not subscribed")
        fault = self.faults.get("provision:" + topic)
        if fault == "silent":
            return
        if fault == "drop":
            del self.faults["provision:" + topic]
            client.socket.close()
            return
        try:
            end, body = "accepted", work(topic, payload)
        except Rejected as no:
            end, body = "rejected", {"statusCode": no.code, "errorCode": no.message[0], "errorMessage": no.message[1]}
        if fault == "drop-after":
            del self.faults["provision:" + topic]
            client.socket.close()
            return
        self.publish(f"{topic}/{end}", body)

    def create(self, topic, payload):
        if "csr" in topic:
            asked = json.loads(payload)
            if list(asked) != ["certificateSigningRequest"]:
                self.violation(f"csr: {list(asked)}")
            request = asked["certificateSigningRequest"].encode()
            try:
                openssl("req", "-verify", "-noout", stdin=request)
                pem, more = self.issuer.of_request(request), {}
            except RuntimeError as problem:
                raise Rejected(400, ("InvalidCertificateSigningRequest", str(problem))) from None
        else:
            if payload not in (b"", b"{}"):
                self.violation(f"create: its payload is empty, not {payload[:100]!r}")
            key, pem = self.issuer.device()
            more = {"privateKey": key}
        identity = self.register(pem, "PENDING_ACTIVATION", None)
        token = base64.b64encode(secrets.token_bytes(40)).decode()
        self.tokens[token] = (identity, time.time() + 3600)
        return {"certificateId": identity, "certificatePem": pem, **more, "certificateOwnershipToken": token}

    def register_thing(self, template, payload):
        asked = json.loads(payload)
        if set(asked) - {"parameters", "certificateOwnershipToken"}:
            self.violation(f"register: {sorted(asked)}")
        token, parameters = asked.get("certificateOwnershipToken"), asked.get("parameters", {})
        if not token:
            raise Rejected(400, ("InvalidCertificateOwnershipToken", "Certificate ownership token cannot be empty."))
        identity, until = self.tokens.get(token, (None, 0))
        if time.time() > until:
            raise Rejected(400, ("InvalidCertificateOwnershipToken", "Certificate ownership token is invalid or expired."))
        if template not in self.templates:
            raise Rejected(404, ("TemplateNotFound", f"no template {template}"))
        if not all(isinstance(v, str) for v in parameters.values()):
            raise Rejected(400, ("InvalidParameters", "parameters are strings"))
        if any(name.startswith("AWS::") for name in parameters):
            self.violation("register: the service fills AWS:: parameters itself")
        for name in self.templates[template]["parameters"]:
            if name not in parameters:
                raise Rejected(400, ("InvalidParameters", f"{name} is missing"))
        if parameters["SerialNumber"].startswith("BAD"):
            raise Rejected(403, ("ACCESS_DENIED", "Pre-provisioning hook denied provisioning"))
        del self.tokens[token]
        name = "line-" + parameters["SerialNumber"]
        self.add_thing(name, "", {"serial": parameters["SerialNumber"]})
        self.certificates[identity].update(status="ACTIVE", policy="device")
        return {"deviceConfiguration": {"report_every": "30", "region": REGION}, "thingName": name}

    # Commands of the test.

    def command(self, order):
        do = order["do"]
        if do == "log":
            return self.entries[order.get("from", 0):]
        if do == "violations":
            return self.violations
        if do == "wait":
            return self.wait(order)
        if do == "publish":
            payload = base64.b64decode(order["base64"]) if "base64" in order else order.get("text", "").encode()
            self.publish(order["topic"], payload, order.get("qos", 1), order.get("retain", False))
            return True
        if do == "update":
            self.serve_shadow(order["thing"], order.get("name"), "update", self.shadow_topic(order, "update"),
                              json.dumps(order["body"]).encode())
            return True
        if do == "shadow":
            shadow = self.shadows.all.get((order["thing"], order.get("name")))
            return shadow.document() if shadow else None
        if do == "job":
            self.add_job(order["thing"], order["job"], order["document"])
            return True
        if do == "jobs":
            return self.jobs.get(order["thing"], [])
        if do == "policy":
            self.policies[order["name"]] = order["statements"]
            return True
        if do == "thing":
            for number_ in range(order.get("count", 1)):
                self.add_thing(order["name"].format(number_), order.get("type", ""), order.get("attributes"))
            return len(self.things)
        if do == "certificates":
            return {identity: known["status"] for identity, known in self.certificates.items()}
        if do == "certificate":
            self.certificates[order["id"]]["status"] = order["status"]
            return True
        if do == "rule":
            self.rules.append(order)
            return True
        if do == "kick":
            session = self.sessions[order["client"]]
            session.connection.socket.close()
            return True
        if do == "clients":
            return [name for name, session in self.sessions.items() if session.connection]
        if do == "fault":
            self.faults[order["at"]] = order["what"]
            return True
        if do == "set":
            setattr(self, order["name"], set(order["value"]) if isinstance(order["value"], list) else order["value"])
            return True
        if do == "usurp":
            # Another client with this id, which comes back whenever it is thrown out.
            self.usurpers[order["client"]] = order["times"]
            session = self.sessions.get(order["client"])
            if order["times"] and session and session.connection:
                self.usurp(session.connection)
            return True
        if do == "throttle":
            self.rest_faults.extend(order["answers"])
            return True
        if do == "presence":
            self.publish(f"$aws/events/presence/{order['event']}/{order['body']['clientId']}", order["body"])
            return True
        raise ValueError(f"unknown order {do}")

    def usurp(self, connection):
        self.note("mqtt", f"takeover of {connection.id}")
        if connection.five:
            try:
                connection.socket.write(packet(0xE0, bytes([0x8E]) + encode_properties({})))
            except OSError:
                pass
        connection.leave("DUPLICATE_CLIENTID")

    @staticmethod
    def shadow_topic(order, verb):
        name = f"/name/{order['name']}" if order.get("name") else ""
        return f"$aws/things/{order['thing']}/shadow{name}/{verb}"

    def wait(self, order):
        pattern, start = re.compile(order["text"]), order.get("from", 0)
        end = time.monotonic() + order.get("seconds", 30)
        with self.changed:
            while True:
                for at in range(start, len(self.entries)):
                    if pattern.search(self.entries[at]["text"]):
                        return at
                start = len(self.entries)
                left = end - time.monotonic()
                if left <= 0:
                    return None
                self.changed.wait(left)


class Client:
    """One MQTT connection."""

    def __init__(self, cloud, socket_, policy, principal, way):
        self.cloud, self.socket, self.policy, self.principal, self.way = cloud, socket_, policy, principal, way
        self.five, self.id, self.session, self.will = False, "", None, None
        self.published, self.waiting, self.aliases = deque(), deque(), {}
        self.over = False
        self.life = threading.Lock()

    def allows(self, action, resource):
        return self.cloud.allows(self.policy, action, resource)

    def run(self):
        try:
            self.connect()
        except Gone as end:
            self.cloud.note("mqtt", f"refused {self.id}: {end}")
            if self.five and end.code:
                self.socket.write(packet(0x20, bytes([0, end.code]) + encode_properties({})))
            self.socket.close()
            if end.reason == "AUTHORIZATION_FAILED":
                self.event("presence/connect_failed", connectFailureReason="AUTHORIZATION_FAILED")
            return
        reason = "CONNECTION_LOST"
        try:
            while True:
                self.one()
        except Gone as end:
            reason = end.reason
            word = "left:" if reason == "CLIENT_INITIATED_DISCONNECT" else "hangs up at"
            self.cloud.note("mqtt", f"{word} {self.id}: {end}")
            if self.five and end.code:
                try:
                    self.socket.write(packet(0xE0, bytes([end.code]) + encode_properties({})))
                except OSError:
                    pass
        except (OSError, ValueError) as problem:
            self.cloud.note("mqtt", f"lost {self.id}: {problem!r}")
        self.leave(reason)

    def leave(self, reason):
        with self.life:
            if self.over:
                return
            self.over = True
        self.socket.close()
        with self.cloud.lock:
            if self.session.connection is self:
                self.session.connection = None
                for entry in self.session.flight.values():
                    self.session.queue.append(entry)
                self.session.flight = {}
                if not self.session.persistent:
                    self.cloud.sessions.pop(self.id, None)
        clean = reason == "CLIENT_INITIATED_DISCONNECT"
        self.event("presence/disconnected", clientInitiatedDisconnect=clean, disconnectReason=reason)
        if self.will and not clean:
            topic, payload, qos, retain = self.will
            # The shadow service ignores a will; rules and subscribers see it.
            self.cloud.publish(topic, payload, qos, retain, will=True)

    def event(self, kind, **more):
        body = {"clientId": self.id, "timestamp": int(time.time() * 1000), "eventType": kind.rsplit("/", 1)[1],
                "sessionIdentifier": getattr(self, "session_identifier", "00000000-0000-0000-0000-000000000000"),
                "principalIdentifier": self.principal, "versionNumber": getattr(self, "version_number", 0), **more}
        self.cloud.publish(f"$aws/events/{kind}/{self.id}", body)

    def read_packet(self, limit=149504):
        first = self.socket.read(1)[0]
        size = shift = 0
        while True:
            byte = self.socket.read(1)[0]
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        if size > limit:
            raise Gone(code=0x95, why=f"packet of {size}")
        return first, self.socket.read(size)

    def connect(self):
        first, body = self.read_packet()
        if first != 0x10:
            raise Gone(why=f"first packet {first:#x}")
        data = Bytes(body)
        name, level, flags, keep_alive = data.text(), data.byte(), data.byte(), data.short()
        if name != "MQTT" or level not in (4, 5):
            raise Gone(why=f"protocol {name} {level}")
        self.five = level == 5
        found = data.properties() if self.five else {}
        self.id = data.text()
        will_properties = {}
        if flags & 4:
            will_properties = data.properties() if self.five else {}
            self.will = (data.text(), data.blob(), flags >> 3 & 3, bool(flags & 32))
        user = data.text() if flags & 128 else None
        password = data.blob() if flags & 64 else None
        clean = bool(flags & 2)
        self.cloud.note("mqtt", f"CONNECT {self.id} v{level} c{int(clean)} k{keep_alive} {self.way} user={user} "
                                f"will={self.will[0] if self.will else None} expiry={found.get(0x11)}")
        self.assigned = self.five and not self.id
        if self.assigned:
            self.id = f"$GEN/{uuid.uuid4()}"
        elif not self.id or len(self.id.encode()) > 128 or self.id.startswith("$"):
            raise Gone(code=0x85, why="client id")
        if self.will and self.will[2] == 2:
            raise Gone(code=0x9B, why="QoS 2 will")
        if self.will and self.will[3] and self.will[0].startswith("$"):
            raise Gone(code=0x90, why="retained will on a reserved topic")
        fine = self.allows("iot:Connect", f"client/{self.id}") and (self.way != "custom" or self.authorized(user, password))
        if self.will:
            fine &= self.allows("iot:Publish", f"topic/{self.will[0]}")
            fine &= not self.will[3] or self.allows("iot:RetainPublish", f"topic/{self.will[0]}")
        if not fine:
            raise Gone("AUTHORIZATION_FAILED", code=0x87, why="not authorized")
        if self.socket.is_readable(self.cloud.connack_delay):
            self.cloud.violation(f"{self.id} sends before CONNACK")
        keep_alive = 1200 if keep_alive == 0 or keep_alive > 1200 else max(30, keep_alive)
        self.socket.patience = keep_alive * 1.5
        self.take_session(clean, found, keep_alive)

    @staticmethod
    def authorized(user, password):
        """The Lambda: its name, a token that it knows, the token's signature; the rest is the user's."""
        name, _, query = (user or "").partition("?")
        given = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=True)) if query else {}
        return (name == "me" and password == b"pw" and given.get("x-amz-customauthorizer-name") == "door"
                and given.get("token") == "a token+1" and given.get("x-amz-customauthorizer-signature") == "c2ln+/==")

    def take_session(self, clean, found, keep_alive):
        cloud = self.cloud
        with cloud.lock:
            old = cloud.sessions.get(self.id)
            twin = old.connection if old else None
        if twin:
            cloud.usurp(twin)
        with cloud.lock:
            old = cloud.sessions.get(self.id)
            expiry = found.get(0x11, 0)
            kept = bool(old and not clean and old.persistent and old.version == self.five)
            self.session = old if kept else Session(self.id, self.five)
            self.session.persistent = expiry > 0 if self.five else not clean
            cloud.sessions[self.id] = self.session
            known = cloud.lives.get(self.id, -1)
            self.version_number = cloud.lives[self.id] = known + 1
            self.session_identifier = str(uuid.uuid4())
            if self.five:
                properties = {0x21: WINDOW, 0x24: 1, 0x25: 1, 0x27: 149504, 0x22: 8, 0x28: 1, 0x29: 0, 0x2A: 1, 0x13: keep_alive}
                if self.assigned:
                    properties[0x12] = self.id
                if expiry:
                    properties[0x11] = min(expiry, 3600)
                self.socket.write(packet(0x20, bytes([int(kept), 0]) + encode_properties(properties)))
            else:
                self.socket.write(packet(0x20, bytes([int(kept), 0])))
            self.session.connection = self
            queued, self.session.queue = self.session.queue, deque()
        self.event("presence/connected", ipAddress="127.0.0.1")
        if cloud.usurpers.get(self.id, 0) > 0:
            cloud.usurpers[self.id] -= 1
            threading.Timer(0.3, cloud.usurp, (self,)).start()
        if queued:
            threading.Thread(target=self.resume, args=(queued,), daemon=True).start()

    def resume(self, queued):
        """Ten a second."""
        for entry in queued:
            time.sleep(0.1)
            try:
                self.deliver(entry[0], entry[1], entry[2], False, entry[3])
            except OSError:
                return

    def one(self):
        try:
            first, body = self.read_packet()
        except TimeoutError:
            raise Gone("MQTT_KEEP_ALIVE_TIMEOUT", 0x8D) from None
        kind, data = first >> 4, Bytes(body)
        if kind == 3:
            self.publish(first, data)
        elif kind == 4:
            self.acknowledged(data.short())
        elif kind == 8:
            self.subscribe(data)
        elif kind == 10:
            self.unsubscribe(data)
        elif kind == 12:
            self.socket.write(b"\xd0\x00")
        elif kind == 14:
            code = data.byte() if self.five and not data.is_over() else 0
            raise Gone("CLIENT_INITIATED_DISCONNECT" if code != 4 else "CLIENT_ERROR")
        else:
            raise Gone(code=0x82, why=f"packet {first:#x}")

    def check_topic(self, topic, word):
        counted = topic.split("/", 3)[3] if topic.startswith("$aws/rules/") and topic.count("/") > 2 else share(topic)[1]
        if len(counted.encode()) > TOPIC or counted.count("/") > SLASHES:
            raise Gone(code=0x90, why=f"{word} is too long: {topic}")

    def is_too_fast(self):
        """In and out together; what is more is thrown away without a word."""
        now = time.monotonic()
        while self.published and now - self.published[0] >= 1:
            self.published.popleft()
        if len(self.published) >= RATE:
            return True
        self.published.append(now)
        return False

    def publish(self, first, data):
        qos, retain = first >> 1 & 3, bool(first & 1)
        topic = data.text()
        identity = data.short() if qos else 0
        found = data.properties() if self.five else {}
        payload = data.rest()
        if 0x23 in found:
            if not 1 <= found[0x23] <= 8:
                raise Gone(code=0x94, why="topic alias")
            topic = topic or self.aliases.get(found[0x23], "")
            self.aliases[found[0x23]] = topic
        self.cloud.note("mqtt", f"PUBLISH {self.id} {topic} q{qos} r{int(retain)} d{first >> 3 & 1} {len(payload)} bytes")
        if qos == 2:
            raise Gone(code=0x9B, why="QoS 2")
        if len(payload) > PAYLOAD:
            raise Gone(code=0x97, why=f"payload of {len(payload)}")
        if "+" in topic or "#" in topic or not topic:
            raise Gone(code=0x90, why=f"topic {topic!r}")
        self.check_topic(topic, "topic")
        if topic.startswith("$") and (retain or not self.is_for_clients(topic)):
            raise Gone("CLIENT_ERROR", 0x90, f"reserved topic {topic}")
        fine = self.allows("iot:Publish", f"topic/{topic}")
        fine &= not retain or self.allows("iot:RetainPublish", f"topic/{topic}")
        if not fine:
            if self.five and qos:
                self.socket.write(packet(0x40, struct.pack(">H", identity) + bytes([0x87]) + encode_properties({})))
                return
            raise Gone("AUTH_ERROR", 0x87, f"may not publish {topic}")
        if self.is_too_fast():
            self.cloud.note("mqtt", f"threw away {topic} of {self.id}")
            return
        if qos:
            self.socket.write(packet(0x40, struct.pack(">H", identity)))
        if topic.startswith("$aws/rules/"):
            return
        kept = {n: v for n, v in found.items() if n in (0x01, 0x03, 0x08, 0x09, 0x26)}
        self.cloud.publish(topic, payload, qos, retain, kept or None)
        self.cloud.serve(topic, payload, self)

    @staticmethod
    def is_for_clients(topic):
        places = (r"\$aws/things/[^/]+/shadow(/name/[^/]+)?/(get|update|delete)", r"\$aws/things/[^/]+/jobs/(get|start-next|[^/]+/(get|update))",
                  r"\$aws/certificates/create(-from-csr)?/(json|cbor)", r"\$aws/provisioning-templates/[^/]+/provision/(json|cbor)",
                  r"\$aws/rules/[^/]+/.+", r"\$aws/things/[^/]+/defender/metrics/(json|cbor)",
                  r"\$aws/things/[^/]+/streams/[^/]+/(get|describe)/(json|cbor)")
        return any(re.fullmatch(place, topic) for place in places)

    def subscribe(self, data):
        identity = data.short()
        found = data.properties() if self.five else {}
        if 0x0B in found:
            raise Gone(code=0xA1, why="subscription identifier")
        asked = []
        while not data.is_over():
            asked.append((data.text(), data.byte()))
        self.cloud.note("mqtt", f"SUBSCRIBE {self.id} " + " ".join(f"{f}@{o & 3}" for f, o in asked))
        if len(asked) > FILTERS:
            raise Gone(code=0x82, why=f"{len(asked)} filters in one SUBSCRIBE")
        codes, granted = [], []
        for filter_, options in asked:
            inner = share(filter_)[1]
            if options & 3 == 2:
                raise Gone(code=0x9B, why="QoS 2")
            self.check_topic(filter_, "filter")
            if inner.startswith("$") and (not inner.startswith("$aws/") or inner.startswith("$aws/rules")):
                raise Gone(code=0x8F, why=f"filter {filter_}")
            if not self.allows("iot:Subscribe", f"topicfilter/{filter_}"):
                if not self.five:
                    raise Gone("AUTH_ERROR", 0x87, f"may not subscribe {filter_}")
                codes.append(0x87)
            elif filter_ not in self.session.filters and len(self.session.filters) >= self.cloud.subscriptions:
                codes.append(0x97 if self.five else 0x80)
            else:
                with self.cloud.lock:
                    is_new = filter_ not in self.session.filters
                    self.session.filters[filter_] = options & 3
                codes.append(options & 3)
                granted.append((filter_, options, is_new))
        more = encode_properties({}) if self.five else b""
        self.socket.write(packet(0x90, struct.pack(">H", identity) + more + bytes(codes)))
        for filter_, options, is_new in granted:
            handling = options >> 4 & 3
            kept = self.cloud.retained.get(filter_)
            if kept and handling != 2 and (handling == 0 or is_new):
                self.deliver(filter_, kept[0], min(kept[1], options & 3), True, None)
        if granted:
            self.event("subscriptions/subscribed", topics=[f for f, _, _ in granted])

    def unsubscribe(self, data):
        identity = data.short()
        if self.five:
            data.properties()
        gone = []
        while not data.is_over():
            gone.append(data.text())
        self.cloud.note("mqtt", f"UNSUBSCRIBE {self.id} " + " ".join(gone))
        if len(gone) > FILTERS:
            raise Gone(code=0x82, why=f"{len(gone)} filters in one UNSUBSCRIBE")
        with self.cloud.lock:
            for filter_ in gone:
                self.session.filters.pop(filter_, None)
        more = encode_properties({}) + bytes(len(gone)) if self.five else b""
        self.socket.write(packet(0xB0, struct.pack(">H", identity) + more))

    def deliver(self, topic, payload, qos, retain, properties):
        if not self.allows("iot:Receive", f"topic/{topic}"):
            return
        if self.is_too_fast():
            self.cloud.note("mqtt", f"threw away {topic} for {self.id}")
            return
        with self.cloud.lock:
            if qos and len(self.session.flight) >= WINDOW:
                self.waiting.append((topic, payload, qos, retain, properties))
                return
            identity = b""
            if qos:
                number_ = self.session.packet_id()
                self.session.flight[number_] = (topic, payload, qos, properties)
                identity = struct.pack(">H", number_)
        more = encode_properties(properties or {}) if self.five else b""
        try:
            self.socket.write(packet(0x30 | qos << 1 | int(retain), text(topic) + identity + more + payload))
        except OSError:
            pass

    def acknowledged(self, identity):
        with self.cloud.lock:
            if self.session.flight.pop(identity, None) is None:
                self.cloud.violation(f"{self.id}: PUBACK {identity} for nothing")
            following = self.waiting.popleft() if self.waiting else None
        if following:
            self.deliver(*following)


class Http:
    """The 443 port without ALPN: the WebSocket, and REST of both planes."""

    DATA = ("iotdata", "iotdevicegateway")

    def __init__(self, cloud, connection):
        self.cloud, self.connection = cloud, connection

    def run(self):
        reader = self.connection.makefile("rb")
        while True:
            line = reader.readline().decode("latin-1").split()
            if len(line) != 3:
                # An MQTT client that forgot ALPN meets HTTP.
                self.connection.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                return
            method, target, _ = line
            headers = {}
            while True:
                name, _, value = reader.readline().decode("latin-1").partition(":")
                if not name.strip():
                    break
                headers[name.strip().lower()] = value.strip()
            body = reader.read(int(headers.get("content-length", 0)))
            if headers.get("upgrade", "").lower() == "websocket":
                self.upgrade(method, target, headers)
                return
            self.answer(method, target, headers, body)

    def reply(self, status, body, kind=None):
        data = json.dumps(body).encode()
        lines = [f"HTTP/1.1 {status} X", "content-type: application/json", f"content-length: {len(data)}",
                 f"date: {formatdate(time.time() + self.cloud.skew, usegmt=True)}"]
        if kind:
            lines.append(f"x-amzn-ErrorType: {kind}:")
        self.connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode() + data)

    def upgrade(self, method, target, headers):
        url = urlsplit(target)
        self.cloud.note("rest", f"UPGRADE {url.path} host={headers.get('host')}")
        if headers.get("sec-websocket-protocol") != "mqtt":
            self.cloud.violation(f"websocket: subprotocol {headers.get('sec-websocket-protocol')}")
        if url.path != "/mqtt":
            self.reply(404, {"message": "Not Found"})
            return
        if headers.get("host") != f"{HOST}:{self.cloud.https_port}":
            self.cloud.violation(f"websocket: host {headers.get('host')}")
        try:
            key = self.cloud.guard.check(method, url.path, url.query, headers, b"", ("iotdevicegateway",))
        except Refused as no:
            self.cloud.note("rest", f"403 {no.message}")
            self.reply(403, {"message": no.message, "traceId": str(uuid.uuid4())}, "ForbiddenException")
            return
        accept = base64.b64encode(hashlib.sha1((headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest())
        self.connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
                                b"sec-websocket-protocol: mqtt\r\nsec-websocket-accept: " + accept + b"\r\n\r\n")
        Client(self.cloud, WebSocket(self.connection, self.cloud), "key", key, "wss").run()

    def answer(self, method, target, headers, body):
        url = urlsplit(target)
        self.cloud.note("rest", f"{method} {url.path}?{url.query}")
        if self.cloud.rest_faults:
            status, kind, message = self.cloud.rest_faults.pop(0)
            self.reply(status, {"message": message}, kind)
            return
        segments = [unquote(part_) for part_ in url.path.strip("/").split("/")]
        is_shadow = segments[0] == "things" and segments[-1] == "shadow"
        is_data = is_shadow or segments[0] in ("api", "topics", "retainedMessage")
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        try:
            self.cloud.guard.check(method, url.path, url.query, headers, body, self.DATA if is_data else ("iot",))
            with self.cloud.lock:
                if is_data:
                    status, content = self.data(method, segments, query, body)
                else:
                    status, content = self.control(method, segments, query, body)
            self.reply(status, content)
        except Refused as no:
            self.cloud.note("rest", f"{no.status} {no.kind} {no.message}")
            self.reply(no.status, {"message": no.message, **({"traceId": str(uuid.uuid4())} if is_data else {})}, no.kind)
        except Rejected as no:
            kinds = {400: "InvalidRequestException", 404: "ResourceNotFoundException", 409: "ConflictException",
                     413: "RequestEntityTooLargeException", 415: "UnsupportedDocumentEncodingException"}
            self.reply(no.code, {"message": no.message, "traceId": str(uuid.uuid4())}, kinds.get(no.code, "InternalFailureException"))

    def permit(self, action, resource="*", plane="control"):
        if self.cloud.allows("key", action, resource):
            return
        if plane == "data":
            raise Refused("Forbidden")
        raise Refused(f"User: arn:aws:iam::{ACCOUNT}:user/me is not authorized to perform: {action} on resource: {resource}",
                      "AccessDeniedException")

    def control(self, method, segments, query, body):
        cloud = self.cloud
        if method == "GET" and segments == ["things"]:
            self.permit("iot:ListThings")
            size = int(query.get("maxResults", 25))
            if not 1 <= size <= 250:
                raise Refused("maxResults", "InvalidRequestException", 400)
            # The order is nobody's promise.
            return 200, self.page(sorted(cloud.things.values(), key=lambda t: hashlib.md5(t["thingName"].encode()).digest()), size,
                                  query.get("nextToken"))
        if method == "GET" and segments[0] == "things" and len(segments) == 2:
            self.permit("iot:DescribeThing", f"thing/{segments[1]}")
            if segments[1] not in cloud.things:
                raise Refused("Thing not found", "ResourceNotFoundException", 404)
            return 200, {**cloud.things[segments[1]], "defaultClientId": segments[1], "thingId": str(uuid.uuid4())}
        if method == "GET" and segments == ["endpoint"]:
            return 200, {"endpointAddress": f"{HOST}:{cloud.mtls_port}"}
        if method == "POST" and segments == ["indices", "search"]:
            self.permit("iot:SearchIndex")
            return 200, self.search(json.loads(body))
        raise Refused(f"no {method} {segments}", "InvalidRequestException", 404)

    def search(self, asked):
        cloud = self.cloud
        if not cloud.index_on:
            raise Refused("Index AWS_Things does not exist", "ResourceNotFoundException", 404)
        if asked.get("indexName", "AWS_Things") != "AWS_Things" or not asked.get("queryString"):
            raise Refused("index or query", "InvalidQueryException", 400)
        size = asked.get("maxResults", 100)
        if not isinstance(size, int) or not 1 <= size <= 500:
            raise Refused("maxResults", "InvalidRequestException", 400)
        found = [thing for thing in cloud.things.values() if self.fits(thing, asked["queryString"])]
        page = self.page(found, size, asked.get("nextToken"))
        things = []
        for thing in page["things"]:
            session = cloud.sessions.get(thing["thingName"])
            shadow = cloud.shadows.all.get((thing["thingName"], None))
            things.append({"thingName": thing["thingName"], "thingId": str(uuid.uuid4()), "thingTypeName": thing["thingTypeName"],
                           "attributes": thing["attributes"], **({"shadow": json.dumps(shadow.state)} if shadow else {}),
                           "connectivity": {"connected": bool(session and session.connection), "timestamp": int(time.time() * 1000)}})
        return {**page, "things": things}

    @staticmethod
    def fits(thing, query):
        for term in re.split(r"\s+AND\s+", query.strip().strip("()")):
            name, _, wanted = term.strip().strip("()").partition(":")
            value = thing["attributes"].get(name[11:]) if name.startswith("attributes.") else thing.get(name)
            pattern = re.escape(wanted).replace(r"\*", ".*")
            if value is None or not re.fullmatch(pattern, value):
                return False
        return True

    def page(self, things, size, token):
        start = 0
        if token is not None:
            try:
                start = int(base64.b64decode(token).decode().removeprefix("page/+="))
            except ValueError:
                raise Refused("Invalid nextToken", "InvalidRequestException", 400) from None
        end = start + size
        # A token with everything in it that has to be encoded.
        more = base64.b64encode(f"page/+={end}".encode()).decode() if end < len(things) else None
        return {"things": things[start:end], "nextToken": more}

    def data(self, method, segments, query, body):
        shadows = self.cloud.shadows
        if segments[0] == "things":
            thing, name = segments[1], query.get("name")
            resource = f"thing/{thing}" + (f"/{name}" if name else "")
            verb = {"GET": "get", "POST": "update", "DELETE": "delete"}[method]
            self.permit(f"iot:{verb.capitalize()}ThingShadow", resource, "data")
            if verb != "update":
                return 200, getattr(shadows, verb)(thing, name, b"")
            accepted, told = shadows.update(thing, name, body)
            prefix = f"$aws/things/{thing}/shadow" + (f"/name/{name}" if name else "")
            self.cloud.publish(f"{prefix}/update/accepted", accepted)
            for what, document in told:
                self.cloud.publish(f"{prefix}/{what}", document)
            return 200, accepted
        if segments[:4] == ["api", "things", "shadow", "ListNamedShadowsForThing"]:
            self.permit("iot:ListNamedShadowsForThing", "*", "data")
            size = int(query.get("pageSize", 25))
            if not 1 <= size <= 100:
                raise Refused("pageSize", "InvalidRequestException", 400)
            if segments[4] not in self.cloud.things:
                raise Rejected(404, f"No thing exists with name: '{segments[4]}'")
            names = sorted(name for thing, name in shadows.all if thing == segments[4] and name)
            start = int(query.get("nextToken", 0))
            more = {"nextToken": str(start + size)} if start + size < len(names) else {}
            return 200, {"results": names[start:start + size], "timestamp": int(time.time()), **more}
        if segments[0] == "topics" and method == "POST":
            self.permit("iot:Publish", f"topic/{segments[1]}", "data")
            self.cloud.publish(segments[1], body, int(query.get("qos", 0)))
            return 200, {"message": "OK", "traceId": str(uuid.uuid4())}
        raise Refused(f"no {method} {segments}", "InvalidRequestException", 404)


def main():
    folder = Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    cloud = Cloud(folder)

    def say(value):
        print(json.dumps(value, ensure_ascii=False, default=str), flush=True)

    say({"ready": True, "host": HOST, "region": REGION, "account": ACCOUNT, "mtls_port": cloud.mtls_port, "https_port": cloud.https_port,
         "ca_file": str(cloud.roots.certificate), "keys": {name: {"secret": s, "token": t} for name, (s, t) in KEYS.items()},
         "certificates": list(cloud.certificates)})
    for line in sys.stdin:
        try:
            say({"ok": cloud.command(json.loads(line))})
        except Exception as problem:
            say({"error": repr(problem)})


if __name__ == "__main__":
    main()

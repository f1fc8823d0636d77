#!/usr/bin/env python3
"""The platforms' documented flows with nothing but Python's standard library (and openssl, where keys sign).

    python3 tests/sim/flows.py google|huawei|aws DIR      # DIR as given to `thingdeck sim PLATFORM --dir DIR`

MQTT 3.1.1, the WebSocket, JWTs and all three kinds of signatures are written out here once more: nothing is shared with
the program, with the simulator or with the other tests. Ends with 0 when everything held.
"""

import base64
import hashlib
import hmac
import json
import os
import queue
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import tomllib
import urllib.error
import urllib.request
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import quote, urlparse

LIMIT = 20
DIR = Path(sys.argv[2])
PROFILES = tomllib.loads((DIR / "config.toml").read_text())["profiles"]


def secret(name):
    return (DIR / name).read_text().strip()


def tls(cert=None, alpn=None):
    context = ssl.create_default_context(cafile=str(DIR / "ca.pem"))
    # As Python 3.13 has it.
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    if cert:
        context.load_cert_chain(*(str(DIR / name) for name in cert))
    if alpn:
        context.set_alpn_protocols([alpn])
    return context


def call(method, url, headers=None, body=None):
    request = urllib.request.Request(url, body, headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, context=tls(), timeout=LIMIT) as answer:
            return answer.status, dict(answer.headers), json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), json.loads(error.read() or b"{}")


# MQTT 3.1.1


def text(value):
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack(">H", len(data)) + data


def packet(first, body):
    length, size = b"", len(body)
    while True:
        size, low = divmod(size, 128)
        length += bytes([low | (0x80 if size else 0)])
        if not size:
            return bytes([first]) + length + body


class Mqtt:
    """One connection, read when something is waited for. `code` is CONNACK's, or none where the broker hung up."""

    def __init__(self, stream, client, user=None, password=None, keep_alive=60):
        self.stream, self.messages, self.acks = stream, [], {}
        self.code, self.last, self.ended = None, 0, False
        flags = 2 | (0x80 if user is not None else 0) | (0x40 if password is not None else 0)
        body = b"".join(text(field) for field in (client, user, password) if field is not None)
        self.write(packet(0x10, text("MQTT") + bytes([4, flags]) + struct.pack(">H", keep_alive) + body))
        self.wait(lambda: self.code is not None)

    def write(self, data):
        self.stream.sendall(data)

    def exactly(self, count):
        data = b""
        while len(data) < count:
            more = self.stream.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def wait(self, test):
        """Reads until this is so; false where the connection ends before."""
        while not test():
            if self.ended:
                return False
            try:
                self.read()
            except TimeoutError:
                raise  # A silence is a failure, and no end.
            except (EOFError, OSError):
                self.ended = True
        return True

    def read(self):
        first, length, shift = self.exactly(1)[0], 0, 0
        while True:
            byte = self.exactly(1)[0]
            length |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        body, kind = self.exactly(length), first >> 4
        if kind == 2:
            self.code = body[1]
        elif kind == 3:
            size = struct.unpack(">H", body[:2])[0]
            topic, rest = body[2 : 2 + size].decode(), body[2 + size :]
            if first & 6:
                self.write(packet(0x40, rest[:2]))
                rest = rest[2:]
            self.messages.append((topic, rest))
        elif kind in (4, 9):
            self.acks[struct.unpack(">H", body[:2])[0]] = body[2:]

    def ask(self, first, body):
        """Sends something with a packet id; what is acknowledged, or none where the broker hangs up."""
        self.last += 1
        self.write(packet(first, body(struct.pack(">H", self.last))))
        self.wait(lambda: self.last in self.acks)
        return self.acks.pop(self.last, None)

    def publish(self, topic, payload=b""):
        payload = payload if isinstance(payload, bytes) else payload.encode()
        return self.ask(0x32, lambda packet_id: text(topic) + packet_id + payload) is not None

    def subscribe(self, *filters):
        return self.ask(0x82, lambda packet_id: packet_id + b"".join(text(f) + b"\x01" for f in filters))

    def message(self, topic, test=lambda _: True):
        """The next message whose topic begins so; what came before it is let go."""
        while True:
            assert self.wait(lambda: self.messages), f"the end before {topic}"
            found, payload = self.messages.pop(0)
            if found.startswith(topic) and test(payload):
                return found, payload

    def until(self, topic, test=lambda _: True):
        return self.message(topic, test)[1]

    def hung_up(self):
        return not self.wait(lambda: False)

    def close(self):
        self.write(packet(0xE0, b""))
        self.stream.close()


def dial(url, context):
    parts = urlparse(url if "://" in url else f"mqtts://{url}")
    stream = socket.create_connection((parts.hostname, parts.port), timeout=LIMIT)
    return context.wrap_socket(stream, server_hostname=parts.hostname)


class WebSocket:
    """The client's half of RFC 6455, as far as MQTT needs it."""

    def __init__(self, stream, host, target):
        self.stream, self.rest = stream, b""
        key = base64.b64encode(os.urandom(16)).decode()
        head = f"GET {target} HTTP/1.1\r\nHost: {host}\r\nupgrade: WebSocket\r\nconnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
        stream.sendall((head + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n").encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            more = stream.recv(1)
            assert more, answer
            answer += more
        self.head = answer.decode()
        self.status = int(self.head.split(" ", 2)[1])

    def sendall(self, data):
        # Packets may be split and joined in any way.
        for part in (data[:3], data[3:]) if len(data) > 3 else (data,):
            mask = os.urandom(4)
            size = bytes([0x80 | len(part)]) if len(part) < 126 else b"\xfe" + struct.pack(">H", len(part))
            self.stream.sendall(b"\x82" + size + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(part)))

    def whole(self, count):
        data = b""
        while len(data) < count:
            more = self.stream.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def recv(self, count):
        while not self.rest:
            first, size = self.whole(2)
            if size == 126:
                size = struct.unpack(">H", self.whole(2))[0]
            data = self.whole(size)
            if first & 0x0F == 8:
                return b""
            self.rest += data if first & 0x0F == 2 else b""
        data, self.rest = self.rest[:count], self.rest[count:]
        return data

    def close(self):
        self.stream.close()


# Google's bridge


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwt(key, **more):
    """RS256 or ES256 by the key; openssl signs."""
    path = DIR / key
    kind = subprocess.run(["openssl", "pkey", "-in", path, "-noout", "-text"], capture_output=True, text=True, check=True)
    is_rsa = "modulus" in kind.stdout
    now = int(time.time())
    claims = {"iat": now, "exp": now + 3600, "aud": PROFILES["meter"]["project"], **more}
    head = {"alg": "RS256" if is_rsa else "ES256", "typ": "JWT"}
    message = ".".join(base64url(json.dumps(part).encode()) for part in (head, claims))
    signed = subprocess.run(["openssl", "dgst", "-sha256", "-sign", path], input=message.encode(), capture_output=True, check=True)
    signature = signed.stdout
    if not is_rsa:
        # From DER's two integers to 32 bytes each.
        r_end = 4 + signature[3]
        r, s = signature[4:r_end], signature[r_end + 2 :]
        signature = b"".join(part.lstrip(b"\0").rjust(32, b"\0") for part in (r, s))
    return f"{message}.{base64url(signature)}"


def google():
    where = PROFILES["gateway"]
    path = f"projects/{where['project']}/locations/{where['region']}/registries/{where['registry']}"

    def connect(device, token):
        return Mqtt(dial(where["mqtt_url"], tls()), f"{path}/devices/{device}", "unused", token)

    meter = PROFILES["meter"]["device"]
    key = PROFILES["meter"]["key_file"]
    device = connect(meter, jwt(key))
    assert device.code == 0
    assert device.subscribe(f"/devices/{meter}/config", f"/devices/{meter}/commands/#") == b"\x01\x01"
    device.until(f"/devices/{meter}/config")
    assert device.publish(f"/devices/{meter}/events", "hello") and device.publish(f"/devices/{meter}/state", "on")
    assert not device.publish("/devices/sensor-1/events", "x") and device.hung_up()
    assert connect(meter, jwt(key, aud="other")).code == 4
    assert connect(meter, jwt(key, exp=int(time.time()) - 700)).code == 4
    assert connect("nobody", jwt(key)).code == 4
    gateway = connect(where["gateway"], jwt(where["key_file"]))
    assert gateway.code == 0
    gateway.subscribe(f"/devices/{where['gateway']}/errors")
    for child in where["devices"]:
        assert gateway.publish(f"/devices/{child}/attach", "{}")
        assert gateway.subscribe(f"/devices/{child}/config", f"/devices/{child}/commands/#")
        gateway.until(f"/devices/{child}/config")
        assert gateway.publish(f"/devices/{child}/events/alarms", "loud")
    gateway.write(packet(0x32, text("/devices/sensor-3/attach") + b"\x70\x00"))
    error = json.loads(gateway.until(f"/devices/{where['gateway']}/errors"))
    assert (error["error_type"], error["packet_id"]) == ("GATEWAY_ATTACHMENT_ERROR", 0x7000), error
    keys = json.loads(secret(where["credentials_file"]))
    token = {"ClearBlade-UserToken": keys["token"]}
    which = json.dumps({"region": where["region"], "registry": where["registry"], "project": where["project"]}).encode()
    status, _, found = call("POST", f"{keys['url']}/api/v/1/code/{keys['systemKey']}/getRegistryCredentials", token, which)
    assert status == 200, found
    token = {"ClearBlade-UserToken": found["serviceAccountToken"]}
    child = where["devices"][0]
    url = f"{found['url']}/api/v/4/webhook/execute/{found['systemKey']}/cloudiot_devices?name={path}/devices/{child}&method=sendCommandToDevice"
    body = json.dumps({"binaryData": base64.b64encode(b"blink").decode(), "subfolder": "led"}).encode()
    assert call("POST", url, token, body)[0] == 200
    assert gateway.until(f"/devices/{child}/commands/led", lambda payload: payload == b"blink")
    gateway.close()


# Huawei


def huawei_signed(rest, method, path, query="", body=b""):
    url = urlparse(rest["api_url"])
    now = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": url.netloc, "x-sdk-date": now}
    canonical = [method, path + "/", query, *(f"{k}:{v}" for k, v in sorted(headers.items())), "", "host;x-sdk-date", hashlib.sha256(body).hexdigest()]
    info = f"{now[:8]}/{rest['region']}/iotdm"
    access, key = rest["access_key"], secret(rest["secret_key"]["file"])
    first = hmac.new(access.encode(), key.encode(), hashlib.sha256).digest()
    derived = hmac.new(first, info.encode() + b"\x01", hashlib.sha256).hexdigest()
    to_sign = "\n".join(["V11-HMAC-SHA256", now, info, hashlib.sha256("\n".join(canonical).encode()).hexdigest()])
    signature = hmac.new(derived.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
    headers["Authorization"] = f"V11-HMAC-SHA256 Credential={access}/{info}, SignedHeaders=host;x-sdk-date, Signature={signature}"
    return call(method, f"{rest['api_url']}{path}{'?' + query if query else ''}", headers, body or None)


def huawei():
    def connect(profile, hour=None, kind=1, key=None, keep_alive=120):
        one = PROFILES[profile]
        hour = hour or datetime.now(timezone.utc).strftime("%Y%m%d%H")
        key = key or secret(one["secret"]["file"])
        password = hmac.new(hour.encode(), key.encode(), hashlib.sha256).hexdigest()
        device = one["device_id"]
        return Mqtt(dial(one["mqtt_url"], tls()), f"{device}_0_{kind}_{hour}", device, password, keep_alive)

    assert connect("meter-manual", key="wrongwrong").code == 4
    assert connect("meter-manual", hour="2020010100").code == 4
    assert connect("meter-manual", keep_alive=20).code == 2
    assert connect("frozen").code == 5
    old = connect("meter-manual", hour="2020010100", kind=0)
    assert old.code == 0, "type 0 knows no clock"
    old.close()
    meter = connect("meter")
    assert meter.code == 0
    device, rest = PROFILES["meter"]["device_id"], PROFILES["meter"]["rest"]
    base = f"$oc/devices/{device}/sys/"
    report = {"services": [{"service_id": "Meter", "properties": {"voltage": 231.5}}]}
    assert meter.publish(base + "properties/report", json.dumps(report))
    assert meter.publish(base + "shadow/get/request_id=r1")
    shadow = json.loads(meter.until(base + "shadow/get/response/request_id=r1"))
    parts = {part["service_id"]: part["reported"]["properties"] for part in shadow["shadow"]}
    assert parts["Meter"]["voltage"] == 231.5, shadow
    project = f"/v5/iot/{rest['project_id']}"
    status, _, page = huawei_signed(rest, "GET", f"{project}/devices", "limit=5")
    assert status == 200 and len(page["devices"]) == 5, page
    answers = queue.Queue()
    body = json.dumps({"service_id": "Meter", "command_name": "SWITCH", "paras": {"value": "OFF"}}).encode()
    threading.Thread(target=lambda: answers.put(huawei_signed(rest, "POST", f"{project}/devices/{device}/commands", "", body))).start()
    topic, _ = meter.message(base + "commands/request_id=", lambda payload: json.loads(payload)["paras"] == {"value": "OFF"})
    request = topic.split("request_id=")[1]
    assert meter.publish(f"{base}commands/response/request_id={request}", json.dumps({"result_code": 0, "paras": {"relay": "OFF"}}))
    status, _, answer = answers.get(timeout=LIMIT)
    assert status == 200 and answer["response"]["paras"] == {"relay": "OFF"}, answer
    status, _, refused = huawei_signed({**rest, "access_key": "NOBODY"}, "GET", f"{project}/devices")
    assert (status, refused["error_code"]) == (401, "IOTDA.000002"), refused
    assert not meter.publish("$oc/devices/other/sys/messages/up", "{}") and meter.hung_up()


# AWS


def mac(key, value):
    return hmac.new(key, value.encode(), hashlib.sha256).digest()


def aws_key(key, scope):
    signing = b"AWS4" + key.encode()
    for part in scope.split("/"):
        signing = mac(signing, part)
    return signing


def presigned(host, region, access, key, token):
    now = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{now[:8]}/{region}/iotdevicegateway/aws4_request"
    query = "&".join(
        f"{name}={quote(value, safe='-_.~')}"
        for name, value in [("X-Amz-Algorithm", "AWS4-HMAC-SHA256"), ("X-Amz-Credential", f"{access}/{scope}"), ("X-Amz-Date", now), ("X-Amz-SignedHeaders", "host")]
    )
    canonical = "\n".join(["GET", "/mqtt", query, f"host:{host}", "", "host", hashlib.sha256(b"").hexdigest()])
    to_sign = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    signature = hmac.new(aws_key(key, scope), to_sign.encode(), hashlib.sha256).hexdigest()
    return f"/mqtt?{query}&X-Amz-Signature={signature}&X-Amz-Security-Token={quote(token, safe='-_.~')}"


def aws_signed(service, method, url, region, body=b""):
    parts = urlparse(url)
    now = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{now[:8]}/{region}/{service}/aws4_request"
    canonical = "\n".join(
        [method, quote(parts.path, safe="/-_.~"), parts.query, f"host:{parts.netloc}", f"x-amz-date:{now}", "", "host;x-amz-date", hashlib.sha256(body).hexdigest()]
    )
    to_sign = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    signature = hmac.new(aws_key(secret("secret_access_key"), scope), to_sign.encode(), hashlib.sha256).hexdigest()
    credential = f"{secret('access_key_id')}/{scope}"
    authorization = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host;x-amz-date, Signature={signature}"
    return call(method, url, {"X-Amz-Date": now, "Authorization": authorization}, body or None)


def aws():
    fleet, front = PROFILES["fleet"], PROFILES["fleet-wss"]["endpoint"]
    deck = tls((fleet["cert_file"], fleet["key_file"]))
    device = Mqtt(dial(fleet["endpoint"], deck), "flows-1")
    assert device.code == 0
    shadow = "$aws/things/flows/shadow"
    assert device.subscribe(*(f"{shadow}/{rest}" for rest in ("update/accepted", "update/rejected", "update/delta", "get/rejected"))) == b"\x01" * 4
    assert device.publish(shadow + "/update", json.dumps({"state": {"desired": {"led": 1}, "reported": {"led": 0}}, "clientToken": "t"}))
    assert json.loads(device.until(shadow + "/update/accepted"))["clientToken"] == "t"
    assert json.loads(device.until(shadow + "/update/delta"))["state"] == {"led": 1}
    device.publish(shadow + "/update", json.dumps({"state": {}, "version": 99}))
    assert json.loads(device.until(shadow + "/update/rejected"))["code"] == 409
    device.write(packet(0x82, b"\x01\x00" + text("$SYS/#") + b"\x00"))
    assert device.hung_up(), "there is no $SYS"
    alpn = Mqtt(dial(front, tls((fleet["cert_file"], fleet["key_file"]), "x-amzn-mqtt-ca")), "flows-2")
    assert alpn.code == 0
    alpn.close()
    keys = secret("temporary_key_id"), secret("temporary_secret_key"), secret("session_token")
    target = presigned(front, fleet["region"], *keys)
    web = WebSocket(dial(front, tls()), front, target)
    assert web.status == 101, web.head
    signed = Mqtt(web, "flows-3")
    assert signed.code == 0 and signed.subscribe("flows/#") == b"\x01"
    assert signed.publish("flows/a", "hi") and signed.until("flows/a") == b"hi"
    wrong = WebSocket(dial(front, tls()), front, target.replace("X-Amz-Signature=", "X-Amz-Signature=0"))
    assert wrong.status == 403 and "ForbiddenException" in wrong.head, wrong.head
    status, _, page = aws_signed("iot", "GET", fleet["api_url"] + "/things?maxResults=3", fleet["region"])
    assert status == 200 and len(page["things"]) == 3, page
    status, _, _ = aws_signed("iotdata", "POST", fleet["api_url"] + "/topics/flows%2Frest?qos=1", fleet["region"], b"by rest")
    assert status == 200 and signed.until("flows/rest") == b"by rest"
    assert call("GET", fleet["api_url"] + "/things")[0] == 403
    signed.close()

    claim = PROFILES["claim"]
    one = Mqtt(dial(claim["endpoint"], tls((claim["cert_file"], claim["key_file"]))), "claim-flows")
    assert one.code == 0
    create, register = "$aws/certificates/create/json", "$aws/provisioning-templates/thingdeck/provision/json"
    assert one.subscribe(*(f"{topic}/{end}" for topic in (create, register) for end in ("accepted", "rejected"))) == b"\x01" * 4
    assert one.publish(create, "")
    made = json.loads(one.until(create + "/accepted"))
    request = {"certificateOwnershipToken": made["certificateOwnershipToken"], "parameters": {"SerialNumber": "flows"}}
    assert one.publish(register, json.dumps(request))
    thing = json.loads(one.until(register + "/accepted"))["thingName"]
    one.close()
    (DIR / "flows.crt").write_text(made["certificatePem"])
    (DIR / "flows.key").write_text(made["privateKey"])
    own = tls(("flows.crt", "flows.key"))
    assert Mqtt(dial(fleet["endpoint"], own), "another").code is None, "a hang-up without CONNACK"
    born = Mqtt(dial(fleet["endpoint"], own), thing)
    assert born.code == 0 and born.publish(f"$aws/things/{thing}/shadow/update", '{"state":{"reported":{"new":true}}}')
    assert not born.publish("elsewhere", "x") and born.hung_up()


{"google": google, "huawei": huawei, "aws": aws}[sys.argv[1]]()
print("everything held")

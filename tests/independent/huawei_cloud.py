#!/usr/bin/env python3
"""A look-alike of Huawei's IoT platform (IoTDA and the older v1 topics), written from reference/huawei-iot.md alone and without a
look at src/sim. Python's standard library, certificates from the `openssl` command.

What a client does is held against the reference to the letter. What deviates is kept as a violation, and answered as the
platform would where its answer is known.

    huawei_cloud.py FOLDER

FOLDER takes certificates. It prints one JSON line when it serves, then takes one JSON command per line on stdin and answers each
with one line (see `Cloud.order`). It ends when stdin does. Numbers are kept as they are written, everywhere.
"""

import base64
import binascii
import datetime
import hashlib
import hmac
import json
import os
import re
import secrets
import socket
import ssl
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlsplit

REGION = "cn-north-4"
PROJECT = "0123456789abcdef0123456789abcdef"
ACCESS_KEY = "AKINDEPENDENT0000001"
SECRET_KEY = "SKindependent000000000000000000000000001"
SECURITY_TOKEN = "gAAAA-temporary-keys"
USER, PASSWORD, DOMAIN = "operator", "Pass-w0rd!", "acme"
PRODUCT = "5e06"
UTC_SHORT = r"\d{8}T\d{6}Z"
UTC_LONG = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z"
MOST_BYTES = 1 << 20


class Number(str):
    """A JSON number as it was written."""


def load(text):
    """JSON with its numbers as they were written. Members of one name twice are an error here."""
    def members(pairs):
        names = [name for name, _ in pairs]
        if len(set(names)) != len(names):
            raise ValueError(f"a member twice: {names}")
        return dict(pairs)
    if isinstance(text, bytes):
        text = text.decode("utf-8")
    return json.loads(text, parse_float=Number, parse_int=Number, object_pairs_hook=members)


def dump(value):
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name, ensure_ascii=False)}:{dump(member)}" for name, member in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(dump, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {arguments[0]}: {done.stderr.decode(errors='replace')}")
    return done.stdout


class Authority:
    """A certificate authority of its own."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.key, self.certificate = folder / f"{name}.key", folder / f"{name}.pem"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
                f"/CN={name}", "-keyout", str(self.key), "-out", str(self.certificate), "-addext", "keyUsage=critical,keyCertSign")

    def issue(self, name, usage, *subjects):
        key, request, certificate, extensions = (self.folder / f"{name}.{end}" for end in ("key", "csr", "crt", "ext"))
        names = f"subjectAltName={','.join(subjects)}\n" if subjects else ""
        extensions.write_text(f"{names}basicConstraints=CA:FALSE\nextendedKeyUsage={usage}\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout", str(key),
                "-out", str(request))
        openssl("x509", "-req", "-in", str(request), "-CA", str(self.certificate), "-CAkey", str(self.key), "-set_serial",
                str(time.time_ns()), "-days", "30", "-extfile", str(extensions), "-out", str(certificate))
        os.chmod(key, 0o600)
        return key, certificate


def fingerprint(pem_file):
    der = ssl.PEM_cert_to_DER_cert(Path(pem_file).read_text())
    return hashlib.sha256(der).hexdigest()


# ---------------------------------------------------------------------------------------------------------------- devices

class Device:
    def __init__(self, device_id, node_id, name="", secret=None, gateway=None, product=PRODUCT, fingerprint=None, status="INACTIVE"):
        self.id, self.node, self.name, self.secret = device_id, node_id, name, secret
        self.gateway, self.product, self.fingerprint, self.status = gateway or device_id, product, fingerprint, status
        self.shadow = {}
        self.cached = []
        self.marker = secrets.token_hex(12)

    def described(self):
        kind = "ENDPOINT" if self.gateway != self.id else "GATEWAY"
        return {"app_id": "app-1", "app_name": "Plant", "device_id": self.id, "node_id": self.node, "gateway_id": self.gateway,
                "device_name": self.name, "node_type": kind, "product_id": self.product, "product_name": "智能电表",
                "status": self.status, "fw_version": "1.0", "sw_version": "2.1", "device_sdk_version": "", "tags": [],
                "description": "一楼配电室"}

    def detail(self):
        return {**self.described(), "auth_info": {"auth_type": "CERTIFICATES" if self.fingerprint else "SECRET"},
                "create_time": "20260101T000000Z", "active_time": "2026-01-02T03:04:05.678Z", "extension_info": {"floor": Number("1.0")}}


PRODUCT_MODEL = {"product_id": PRODUCT, "name": "智能电表", "service_capabilities": [
    {"service_id": "Meter", "service_type": "Meter", "properties": [
        {"property_name": "voltage", "data_type": "decimal", "method": "R", "min": "0", "max": "400"},
        {"property_name": "current", "data_type": "decimal", "method": "R", "min": "0", "max": "100"}], "commands": []},
    {"service_id": "Relay", "service_type": "Relay", "properties": [
        {"property_name": "on", "data_type": "boolean", "method": "RW"}],
     "commands": [{"command_name": "ON", "paras": [{"para_name": "value", "data_type": "int"}]}]}]}


# ------------------------------------------------------------------------------------------------------------------- MQTT

class Closed(Exception):
    pass


class Link:
    """One connection of one client."""

    def __init__(self, cloud, sock, secure, certificate):
        self.cloud, self.sock, self.secure, self.certificate = cloud, sock, secure, certificate
        self.device, self.id, self.filters, self.keep_alive = None, None, {}, 60
        self.packet, self.unacknowledged, self.sent_at = 0, set(), []
        self.writing = threading.Lock()
        self.alive = True

    def read(self, count):
        data = b""
        while len(data) < count:
            part = self.sock.recv(count - len(data))
            if not part:
                raise Closed("the client hung up")
            data += part
        return data

    def write(self, data):
        with self.writing:
            try:
                self.sock.sendall(data)
            except OSError:
                pass

    def close(self):
        self.alive = False
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()

    def run(self):
        cloud = self.cloud
        try:
            self.sock.settimeout(20)
            self.connect(*self.next_packet())
            while self.alive:
                self.sock.settimeout(self.keep_alive * 1.5)
                first, body = self.next_packet()
                with cloud.lock:
                    self.packet_came(first, body)
                    cloud.changed.notify_all()
        except Closed as why:
            cloud.note("mqtt", f"closed {self.id}: {why}")
        except (OSError, ValueError, IndexError) as why:
            cloud.note("mqtt", f"broken {self.id}: {why!r}")
        finally:
            self.close()
            with cloud.lock:
                cloud.gone(self)

    def next_packet(self):
        first = self.read(1)[0]
        length, shift = 0, 0
        while True:
            byte = self.read(1)[0]
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
            if shift > 21:
                raise Closed("a length of five bytes")
        if length > MOST_BYTES + 4096:
            self.cloud.violation(f"a packet of {length} bytes")
            raise Closed("too long")
        return first, self.read(length)

    def refuse(self, code, why):
        self.cloud.note("mqtt", f"CONNACK {code}: {why}")
        self.write(bytes([0x20, 2, 0, code]))
        raise Closed(why)

    def connect(self, first, body):
        cloud = self.cloud
        if first != 0x10:
            raise Closed("the first packet is no CONNECT")
        reader = Reader(body)
        name, level, flags, keep_alive = reader.text(), reader.byte(), reader.byte(), reader.short()
        if (name, level) != ("MQTT", 4):
            self.refuse(1, f"{name} {level}: this look-alike speaks 3.1.1")
        client_id = reader.text()
        if flags & 0x04:
            cloud.violation("CONNECT: there is no last will")
            reader.text(), reader.binary()
        user = reader.text() if flags & 0x80 else None
        password = reader.binary().decode() if flags & 0x40 else None
        reader.end()
        if flags & 0x01:
            raise Closed("the reserved flag is set")
        cloud.connects.append({"client_id": client_id, "user": user, "password": password, "keep_alive": keep_alive,
                               "secure": self.secure, "clean": bool(flags & 0x02)})
        parts = client_id.rsplit("_", 3)
        if len(client_id) > 256 or len(parts) != 4 or parts[1] not in "02" or parts[2] not in "01" \
                or not re.fullmatch(r"\d{10}", parts[3]):
            self.refuse(2, f"client id {client_id!r}")
        if not 30 <= keep_alive <= 1200:
            self.refuse(2, f"keep-alive {keep_alive}")
        self.id, access, kind, hour = parts
        if cloud.outage:
            self.refuse(3, "not available")
        if access == "2":
            found = [device for device in cloud.devices.values() if device.node == self.id and device.gateway == device.id]
        else:
            found = [cloud.devices[self.id]] if self.id in cloud.devices else []
        if user != self.id or not found or found[0].gateway != found[0].id:
            self.refuse(4, f"user {user!r}, client id {client_id!r}")
        device = found[0]
        if kind == "1" and hour not in cloud.hours():
            self.refuse(4, f"hour {hour}, and here it is {cloud.hours()}")
        if device.fingerprint:
            if password is not None:
                cloud.violation("CONNECT: a device with a certificate sends no password")
            if self.certificate != device.fingerprint:
                self.refuse(4, f"certificate {self.certificate}")
        else:
            # The timestamp is the key and the secret the message.
            wanted = hmac.new(hour.encode(), device.secret.encode(), hashlib.sha256).hexdigest()
            if password != wanted:
                self.refuse(4, "password")
        if device.status == "FROZEN":
            self.refuse(5, "frozen")
        self.keep_alive = keep_alive
        with cloud.lock:
            older = cloud.links.get(device.id)
            self.device = device
            cloud.links[device.id] = self
            device.status = "ONLINE"
            if older:
                cloud.note("mqtt", f"taken over {device.id}")
                older.close()
            self.write(bytes([0x20, 2, 0, 0]))
            cloud.note("mqtt", f"connected {self.id}")
            for topic, payload in device.cached:
                self.deliver(topic, payload)
            device.cached.clear()
            cloud.changed.notify_all()

    def packet_came(self, first, body):
        kind = first >> 4
        if kind == 3:
            self.publish(first & 0x0F, body)
        elif kind == 4:
            self.unacknowledged.discard(int.from_bytes(body, "big"))
        elif kind == 8 and first & 0x0F == 2:
            self.subscribe(body)
        elif kind == 10 and first & 0x0F == 2:
            reader = Reader(body)
            identifier = reader.short()
            while reader.more():
                name = reader.text()
                self.filters.pop(name, None)
                self.cloud.note("mqtt", f"unsubscribed {name}")
            self.write(bytes([0xB0, 2]) + identifier.to_bytes(2, "big"))
        elif kind == 12:
            self.write(bytes([0xD0, 0]))
        elif kind == 14:
            raise Closed("DISCONNECT")
        else:
            self.cloud.violation(f"packet {first:#x}")
            raise Closed("a packet that has no place")

    def subscribe(self, body):
        reader = Reader(body)
        identifier, codes = reader.short(), []
        while reader.more():
            name, qos = reader.text(), reader.byte()
            if qos > 1:
                self.cloud.violation(f"SUBSCRIBE {name}: QoS {qos}")
            own = self.is_own(name)
            if not own:
                self.cloud.violation(f"SUBSCRIBE {name}: not its own")
            granted = min(qos, 1) if own and len(self.filters) < 100 else 0x80
            if granted != 0x80:
                self.filters[name] = granted
            codes.append(granted)
            self.cloud.note("mqtt", f"subscribed {name} {granted}")
        self.write(bytes([0x90, 2 + len(codes)]) + identifier.to_bytes(2, "big") + bytes(codes))

    def is_own(self, name):
        for front in ("$oc/devices/", "/huawei/v1/devices/"):
            if name.startswith(front):
                return name[len(front):].split("/")[0] == self.id
        return not name.startswith("$")

    def publish(self, flags, body):
        cloud = self.cloud
        reader = Reader(body)
        topic = reader.text()
        qos, identifier = (flags >> 1) & 3, None
        if qos:
            identifier = reader.short()
        payload = reader.rest()
        if qos > 1:
            cloud.violation(f"PUBLISH {topic}: QoS 2")
            raise Closed("QoS 2")
        if flags & 1:
            cloud.violation(f"PUBLISH {topic}: retained")
        if len(payload) > MOST_BYTES:
            cloud.violation(f"PUBLISH {topic}: {len(payload)} bytes")
            raise Closed("too long")
        if not self.is_own(topic):
            cloud.violation(f"PUBLISH {topic}: not its own")
            raise Closed("a foreign topic")
        now = time.monotonic()
        self.sent_at = [at for at in self.sent_at if now - at < 1] + [now]
        if len(self.sent_at) > 55:
            cloud.violation("more than 50 messages a second")
        cloud.uplinks.append({"device": self.device.id, "topic": topic, "payload": payload.decode(errors="replace"), "qos": qos})
        cloud.note("up", f"{topic} {payload.decode(errors='replace')}")
        cloud.uplink(self, topic, payload)
        if qos and not cloud.deaf:
            self.write(bytes([0x40, 2]) + identifier.to_bytes(2, "big"))

    def deliver(self, topic, payload):
        """With QoS 1, or what was subscribed."""
        matching = [qos for name, qos in self.filters.items() if matches(name, topic)]
        implicit = topic.startswith(f"$oc/devices/{self.id}/sys/")
        if not matching and not implicit:
            return False
        qos = max(matching) if matching else 1
        self.packet = self.packet % 65_535 + 1
        body = len(topic.encode()).to_bytes(2, "big") + topic.encode()
        if qos:
            body += self.packet.to_bytes(2, "big")
            self.unacknowledged.add(self.packet)
        body += payload
        length, rest = b"", len(body)
        while True:
            length += bytes([rest % 128 | (0x80 if rest >= 128 else 0)])
            rest //= 128
            if not rest:
                break
        self.write(bytes([0x30 | qos << 1]) + length + body)
        self.cloud.note("down", f"{topic} {payload.decode(errors='replace')}")
        return True


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def byte(self):
        self.at += 1
        return self.data[self.at - 1]

    def short(self):
        return self.byte() << 8 | self.byte()

    def binary(self):
        length = self.short()
        if self.at + length > len(self.data):
            raise Closed("a field beyond its packet")
        self.at += length
        return self.data[self.at - length:self.at]

    def text(self):
        return self.binary().decode("utf-8")

    def more(self):
        return self.at < len(self.data)

    def rest(self):
        return self.data[self.at:]

    def end(self):
        if self.more():
            raise Closed("bytes after the end")


def matches(name, topic):
    wanted, levels = name.split("/"), topic.split("/")
    if topic.startswith("$") and wanted[0] in ("#", "+"):
        return False
    for at, level in enumerate(wanted):
        if level == "#":
            return True
        if at >= len(levels) or level not in ("+", levels[at]):
            return False
    return len(wanted) == len(levels)


# ------------------------------------------------------------------------------------------------------------------ cloud

class Cloud:
    def __init__(self, folder):
        self.folder = folder
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.log, self.violations, self.connects, self.uplinks = [], [], [], []
        self.links, self.pending, self.pending_v1, self.mid = {}, {}, {}, 0
        self.shift, self.deaf, self.outage = 0, False, False
        self.signing, self.instance, self.patience, self.date_shift = "derived", None, 20.0, 0
        self.tokens = {}
        self.token_seconds = 24 * 3600
        self.devices = {}
        self.root = Authority(folder, "root")
        self.device_authority = Authority(folder, "device-ca")
        _, certificate = self.device_authority.issue("x509", "clientAuth")
        for device in (
                Device("5e06_meter", "meter", "三相电表", "s3cret_of-meter"),
                Device("5e06_gateway", "gateway", "网关", "s3cret_of-gateway"),
                Device("5e06_child", "child", "温度传感器", gateway="5e06_gateway"),
                Device("5e06_older", "SN-0042", "旧电表", "s3cret_of-older"),
                Device("5e06_x509", "x509", "证书设备", fingerprint=fingerprint(certificate)),
                Device("5e06_frozen", "frozen", "", "s3cret_of-frozen", status="FROZEN")):
            self.devices[device.id] = device
        for number in range(120):
            device = Device(f"5e06_n{number:03}", f"n{number:03}", "", f"s3cret_of_{number:03}")
            self.devices[device.id] = device
        self.devices["5e06_meter"].shadow = {
            "Relay": {"desired": {"properties": {"on": True}, "event_time": "20261121T165500Z"},
                      "reported": {"properties": {"on": False, "load": Number("1.50")}, "event_time": "2026-11-21T16:56:00.250Z"},
                      "version": Number("7")},
            "Meter": {"desired": {"properties": None, "event_time": None},
                      "reported": {"properties": {"voltage": Number("229.80"), "pulses": Number("12345678901234567890123"),
                                                  "huge": Number("1e400")}, "event_time": "20261121T165501Z"},
                      "version": Number("2")}}
        key, certificate = self.root.issue("server", "serverAuth", "DNS:localhost", "IP:127.0.0.1")
        wrong = self.root.issue("other-host", "serverAuth", "DNS:other.example")
        self.tls_port = self.listen(self.context(key, certificate))
        self.wrong_port = self.listen(self.context(*wrong))
        self.plain_port = self.listen(None)
        self.api = self.https(Api, key, certificate)
        self.iam = self.https(Iam, key, certificate)

    def hours(self):
        """The hours that count as now: around the change of the hour both."""
        now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=self.shift)
        around = [now + datetime.timedelta(seconds=seconds) for seconds in (-30, 0, 30)]
        return {moment.strftime("%Y%m%d%H") for moment in around}

    def context(self, key, certificate):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(certificate, key)
        context.load_verify_locations(self.device_authority.certificate)
        context.verify_mode = ssl.CERT_OPTIONAL

        def named(sock, name, _):
            self.note("tls", f"server name {name}")
            if name is None:
                self.violation("TLS: no server name (SNI)")
        context.sni_callback = named
        return context

    def listen(self, context):
        listener = socket.create_server(("127.0.0.1", 0))

        def serve(sock):
            certificate = None
            try:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.settimeout(20)
                if context:
                    sock = context.wrap_socket(sock, server_side=True)
                    presented = sock.getpeercert(binary_form=True)
                    certificate = hashlib.sha256(presented).hexdigest() if presented else None
            except (OSError, ssl.SSLError) as why:
                self.note("tls", f"failed: {why}")
                return
            Link(self, sock, context is not None, certificate).run()

        def accept():
            while True:
                sock, _ = listener.accept()
                threading.Thread(target=serve, args=(sock,), daemon=True).start()
        threading.Thread(target=accept, daemon=True).start()
        return listener.getsockname()[1]

    def https(self, handler, key, certificate):
        kind = type(handler.__name__, (handler,), {"cloud": self})
        server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
        server.daemon_threads = True
        # A client that was stopped in the middle of an answer.
        server.handle_error = lambda request, address: self.note("rest", f"broken off: {sys.exc_info()[1]!r}")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server.server_port

    def note(self, kind, text):
        with self.lock:
            self.log.append({"kind": kind, "text": text})
            self.changed.notify_all()

    def violation(self, text):
        with self.lock:
            self.violations.append(text)
            self.note("violation", text)

    def gone(self, link):
        if link.device and self.links.get(link.device.id) is link:
            del self.links[link.device.id]
            if link.device.status == "ONLINE":
                link.device.status = "OFFLINE"
        self.changed.notify_all()

    # -- what devices say

    def uplink(self, link, topic, payload):
        v1 = f"/huawei/v1/devices/{link.id}/data/"
        if topic.startswith(v1):
            if topic[len(v1):] == "json":
                self.said_v1(link, payload)
            elif topic[len(v1):] != "binary":
                self.violation(f"{topic}: no codec of that name")
            return
        front = f"$oc/devices/{link.id}/sys/"
        if topic.startswith(front):
            self.said(link, topic[len(front):], payload)

    def shaped(self, where, value, needed, allowed=()):
        """Whether it is an object with these members and no others."""
        if not isinstance(value, dict):
            self.violation(f"{where}: no object: {dump(value)}")
            return False
        absent = [name for name in needed if name not in value]
        more = [name for name in value if name not in needed and name not in allowed]
        if absent or more:
            self.violation(f"{where}: without {absent}, with {more}: {dump(value)}")
        return not absent

    def said(self, link, rest, payload):
        path, _, request = rest.partition("request_id=")
        path = path.rstrip("/?")
        answers = {"commands/response": "command", "properties/set/response": "set", "properties/get/response": "get"}
        if path == "messages/up":
            return
        try:
            body = load(payload)
        except (ValueError, UnicodeDecodeError) as why:
            self.violation(f"{rest}: no JSON: {why}")
            return
        if path == "properties/report":
            if self.shaped(path, body, ["services"]):
                self.reported(link.device, path, body["services"])
        elif path == "gateway/sub_devices/properties/report":
            if self.shaped(path, body, ["devices"]):
                if not 1 <= len(body["devices"]) <= 100:
                    self.violation(f"{path}: {len(body['devices'])} devices")
                for entry in body["devices"]:
                    if self.shaped(path, entry, ["device_id", "services"]):
                        child = self.devices.get(entry["device_id"])
                        if child is None or link.device.id not in (child.gateway, child.id):
                            self.violation(f"{path}: {entry['device_id']} is not behind {link.device.id}")
                        else:
                            self.reported(child, path, entry["services"])
        elif path in answers and request:
            self.answered(path, answers[path], request, body)
        elif path == "shadow/get" and request:
            self.shadow_asked(link, request, body)
        elif path == "events/up":
            self.events(link, body)
        else:
            self.violation(f"{rest}: no topic of the platform")

    def reported(self, device, where, services):
        if not isinstance(services, list) or not services:
            self.violation(f"{where}: services {dump(services)}")
            return
        for entry in services:
            if not self.shaped(where, entry, ["service_id", "properties"], ["event_time"]):
                continue
            at = entry.get("event_time")
            if at is not None and not (re.fullmatch(UTC_SHORT, at) or re.fullmatch(UTC_LONG, at)):
                self.violation(f"{where}: event_time {at!r}")
            if not isinstance(entry["service_id"], str) or not isinstance(entry["properties"], dict):
                self.violation(f"{where}: {dump(entry)}")
                continue
            self.keep(device, entry["service_id"], entry["properties"], at)

    def keep(self, device, service, properties, at):
        """Into the shadow."""
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        entry = device.shadow.setdefault(service, {"desired": {"properties": None, "event_time": None},
                                                   "reported": {"properties": {}, "event_time": None}, "version": Number("0")})
        known = entry["reported"].get("properties") or {}
        entry["reported"] = {"properties": {**known, **properties}, "event_time": at or now}
        entry["version"] = Number(int(entry["version"]) + 1)

    def answered(self, path, kind, request, body):
        wanted = {"command": ([], ["result_code", "response_name", "paras"]), "set": ([], ["result_code", "result_desc"]),
                  "get": (["services"], ["object_device_id"])}[kind]
        self.shaped(path, body, *wanted)
        if kind != "get" and isinstance(body, dict) and not isinstance(body.get("result_code", Number("0")), Number):
            self.violation(f"{path}: result_code {body['result_code']!r}")
        waiting = self.pending.get(request)
        if waiting is None or waiting["kind"] != kind:
            self.violation(f"{path}: nobody waits for {request}")
        else:
            waiting["answer"], waiting["took"] = body, time.monotonic() - waiting["at"]
            self.changed.notify_all()

    def shadow_asked(self, link, request, body):
        self.shaped("shadow/get", body, [], ["object_device_id", "service_id"])
        device = self.devices.get(body.get("object_device_id") or link.device.id)
        if device is None or link.device.id not in (device.id, device.gateway):
            self.violation(f"shadow/get: {body.get('object_device_id')} is not behind {link.device.id}")
            return
        only = body.get("service_id")
        shadow = [{"service_id": name, **entry} for name, entry in device.shadow.items() if only in (None, name)]
        link.deliver(f"$oc/devices/{link.id}/sys/shadow/get/response/request_id={request}",
                     dump({"object_device_id": device.id, "shadow": shadow}).encode())

    def events(self, link, body):
        if not self.shaped("events/up", body, ["services"], ["object_device_id"]):
            return
        for entry in body["services"]:
            if not self.shaped("events/up", entry, ["service_id", "event_type", "event_time", "paras"], ["event_id"]):
                continue
            if not (re.fullmatch(UTC_SHORT, entry["event_time"]) or re.fullmatch(UTC_LONG, entry["event_time"])):
                self.violation(f"events/up: event_time {entry['event_time']!r}")
            if not isinstance(entry["paras"], dict):
                self.violation("events/up: paras is no object")
            if entry["event_type"] == "time_sync_request":
                if entry["service_id"] != "$time_sync":
                    self.violation(f"events/up: time_sync_request of {entry['service_id']}")
                sent = entry["paras"].get("device_send_time")
                if not isinstance(sent, Number) or not re.fullmatch(r"\d{13}", sent):
                    self.violation(f"events/up: device_send_time {sent!r}")
                now = int(time.time() * 1000) + self.shift * 3_600_000
                paras = {"device_send_time": sent, "server_recv_time": Number(now), "server_send_time": Number(now)}
                answer = {"services": [{"service_id": "$time_sync", "event_type": "time_sync_response",
                                        "event_time": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()), "paras": paras}]}
                link.deliver(f"$oc/devices/{link.id}/sys/events/down", dump(answer).encode())

    def said_v1(self, link, payload):
        where = "v1 data"
        try:
            body = load(payload)
        except (ValueError, UnicodeDecodeError) as why:
            self.violation(f"{where}: no JSON: {why}")
            return
        kind = body.get("msgType") if isinstance(body, dict) else None
        if kind == "deviceReq":
            if self.shaped(where, body, ["msgType", "data"]):
                for entry in body["data"]:
                    if self.shaped(where, entry, ["serviceId", "serviceData"], ["eventTime"]):
                        if "eventTime" in entry and not re.fullmatch(UTC_SHORT, entry["eventTime"]):
                            self.violation(f"{where}: eventTime {entry['eventTime']!r}")
                        self.keep(link.device, entry["serviceId"], entry["serviceData"], entry.get("eventTime"))
        elif kind == "deviceRsp":
            if self.shaped(where, body, ["msgType", "mid", "errcode"], ["body"]):
                if not isinstance(body["mid"], Number) or body["errcode"] not in ("0", "1"):
                    self.violation(f"{where}: mid {body['mid']!r}, errcode {body['errcode']!r}")
                waiting = self.pending_v1.get((link.device.id, str(body["mid"])))
                if waiting is None:
                    self.violation(f"{where}: nobody waits for mid {body['mid']}")
                else:
                    waiting["answer"], waiting["took"] = body, time.monotonic() - waiting["at"]
                    self.changed.notify_all()
        else:
            self.violation(f"{where}: msgType {kind!r}")

    # -- what the platform asks

    def ask(self, kind, device_id, text):
        """Sends it down as it is written. Gives the request id, or None when the device is not there."""
        device = self.devices[device_id]
        link = self.links.get(device.gateway)
        if link is None:
            return None
        request = f"{secrets.token_hex(4)}-{len(self.pending)}"
        path = {"command": "commands", "set": "properties/set", "get": "properties/get"}[kind]
        self.pending[request] = {"kind": kind, "answer": None, "at": time.monotonic(), "took": None}
        link.deliver(f"$oc/devices/{link.id}/sys/{path}/request_id={request}", text.encode())
        return request

    def ask_v1(self, device_id, service, command, paras):
        link = self.links.get(device_id)
        self.mid = self.mid % 65_535 + 1
        text = f'{{"msgType":"cloudReq","serviceId":{json.dumps(service)},"cmd":{json.dumps(command)},"paras":{paras},"mid":{self.mid}}}'
        waiting = {"answer": None, "at": time.monotonic(), "took": None}
        if link is None or not link.deliver(f"/huawei/v1/devices/{link.id}/command/json", text.encode()):
            return None
        self.pending_v1[(device_id, str(self.mid))] = waiting
        return str(self.mid)

    def wait_for(self, test, seconds):
        deadline = time.monotonic() + seconds
        with self.lock:
            while not test():
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self.changed.wait(left)
        return True

    # -- orders of the tests

    def order(self, order):
        do = order["do"]
        if do == "violations":
            return self.violations
        if do == "log":
            return self.log[order.get("from", 0):]
        if do == "wait":
            start = order.get("from", 0)
            return self.wait_for(lambda: any(order["text"] in entry["text"] for entry in self.log[start:]), order["seconds"])
        if do == "connects":
            return self.connects
        if do == "uplinks":
            return [entry for entry in self.uplinks if entry["device"] == order["device"]]
        if do == "status":
            return self.devices[order["device"]].status if order["device"] in self.devices else None
        if do in ("command", "set", "get"):
            with self.lock:
                return self.ask(do, order["device"], order["text"])
        if do == "command_v1":
            with self.lock:
                return self.ask_v1(order["device"], order["service"], order["command"], order.get("paras", "{}"))
        if do == "answer":
            waiting = self.pending_v1[(order["device"], order["request"])] if "device" in order else self.pending[order["request"]]
            self.wait_for(lambda: waiting["answer"] is not None, order["seconds"])
            return None if waiting["answer"] is None else dump(waiting["answer"])
        if do == "down":
            with self.lock:
                link = self.links[order["device"]]
                return link.deliver(order["topic"], order["text"].encode())
        if do == "kick":
            with self.lock:
                self.links[order["device"]].close()
            return True
        if do == "shadow":
            return dump(self.devices[order["device"]].shadow)
        if do == "unacknowledged":
            link = self.links.get(order["device"])
            self.wait_for(lambda: not link.unacknowledged, 10)
            return len(link.unacknowledged)
        if do == "set_rule":
            for name, value in order["rules"].items():
                if not hasattr(self, name):
                    raise ValueError(name)
                setattr(self, name, value)
            return True
        if do == "forget_tokens":
            self.tokens.clear()
            return True
        raise ValueError(do)


# ------------------------------------------------------------------------------------------------------------------- REST

class Refused(Exception):
    def __init__(self, status, code, words):
        super().__init__(words)
        self.status, self.code, self.words = status, code, words


def encoded(text):
    return quote(text, safe="-_.~")


class Served(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cloud = None

    def serve(self):
        self.body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.request_id = secrets.token_hex(8)
        self.cloud.note("rest", f"{self.command} {self.path} {self.body.decode(errors='replace')}".rstrip())
        try:
            status, content, headers = self.answer()
        except Refused as no:
            status, headers = no.status, {}
            content = {"error_code": no.code, "error_msg": no.words}
            if no.code.startswith("APIGW"):
                content["request_id"] = self.request_id
        except Exception as problem:
            self.cloud.violation(f"{self.command} {self.path}: {problem!r}")
            status, content, headers = 500, {"error_code": "IOTDA.000001", "error_msg": repr(problem)}, {}
        raw = b"" if content is None else dump(content).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(raw)), "X-Request-Id": self.request_id,
                            **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)

    do_GET = do_POST = do_DELETE = do_PUT = serve

    def date_time_string(self, timestamp=None):
        return super().date_time_string((timestamp or time.time()) + self.cloud.date_shift)

    def log_message(self, *arguments):
        """Nothing on stderr: the log is asked for."""


class Iam(Served):
    def answer(self):
        cloud, url = self.cloud, urlsplit(self.path)
        if (self.command, url.path) == ("POST", "/v3/auth/tokens"):
            auth = load(self.body)["auth"]
            identity = auth["identity"]
            user = identity["password"]["user"]
            if identity["methods"] != ["password"] or set(user) != {"name", "password", "domain"}:
                cloud.violation(f"IAM: {dump(identity)}")
            project = auth.get("scope", {}).get("project", {})
            if project not in ({"name": REGION}, {"id": PROJECT}):
                cloud.violation(f"IAM: scope {dump(auth.get('scope'))}")
            if (user["name"], user["password"], user["domain"].get("name")) != (USER, PASSWORD, DOMAIN):
                return 401, {"error": {"code": Number("401"), "message": "The username or password is wrong.", "title": "Unauthorized"}}, {}
            # Several KB long.
            token = "MII" + secrets.token_urlsafe(3000)
            until = time.time() + cloud.token_seconds
            cloud.tokens[token] = until
            at = datetime.datetime.fromtimestamp(until, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
            return 201, {"token": {"expires_at": at, "methods": ["password"]}}, {"X-Subject-Token": token}
        if (self.command, url.path) == ("GET", "/v3/projects"):
            if self.headers.get("x-auth-token") not in cloud.tokens:
                return 401, {"error": {"code": Number("401"), "message": "no token", "title": "Unauthorized"}}, {}
            name = dict(parse_qsl(url.query)).get("name")
            return 200, {"projects": [{"id": PROJECT, "name": name}] if name == REGION else []}, {}
        cloud.violation(f"IAM: {self.command} {self.path}")
        return 404, {"error": {"code": Number("404"), "message": "not found", "title": "Not Found"}}, {}


class Api(Served):
    def answer(self):
        url = urlsplit(self.path)
        self.authenticate(url)
        front = f"/v5/iot/{PROJECT}/"
        if not url.path.startswith(front):
            raise Refused(403, "IOTDA.000004", f"project of {url.path}")
        if self.cloud.instance and self.headers.get("instance-id") != self.cloud.instance:
            raise Refused(403, "IOTDA.000021", "The user has not subscribed to the service.")
        parts = [unquote(part) for part in url.path[len(front):].split("/")]
        query = parse_qsl(url.query, keep_blank_values=True)
        with self.cloud.lock:
            return self.route(parts, dict(query))

    def authenticate(self, url):
        cloud, headers = self.cloud, self.headers
        token = headers.get("x-auth-token")
        if token is not None:
            if cloud.tokens.get(token, 0) < time.time():
                raise Refused(401, "APIGW.0301", "Incorrect IAM authentication information: token expires")
            return
        no = Refused(401, "IOTDA.000002", "Authentication failed.")
        found = re.fullmatch(r"(SDK|V11)-HMAC-SHA256 (Access|Credential)=([^,]+), SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})",
                             headers.get("authorization") or "")
        date = headers.get("x-sdk-date") or ""
        if not found or not re.fullmatch(UTC_SHORT, date):
            cloud.violation(f"authorization {headers.get('authorization')!r}, date {date!r}")
            raise no
        kind, word, credential, names, signature = found.groups()
        if (kind, word) not in (("SDK", "Access"), ("V11", "Credential")):
            cloud.violation(f"{kind} with {word}")
        if names.split(";") != sorted(names.split(";")) or not {"host", "x-sdk-date"} <= set(names.split(";")):
            cloud.violation(f"signed headers {names}")
        for name in ("x-security-token", "x-project-id"):
            if headers.get(name) and name not in names.split(";"):
                cloud.violation(f"{name} is sent and not signed")
        if headers.get("x-project-id") not in (None, PROJECT):
            cloud.violation(f"x-project-id {headers.get('x-project-id')!r}")
        at = datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
        if abs(time.time() + cloud.date_shift - at.timestamp()) > 15 * 60:
            cloud.note("rest", "the date is too far away")
            raise no
        path = "/".join(encoded(unquote(part)) for part in url.path.split("/"))
        path = path if path.endswith("/") else path + "/"
        query = "&".join(f"{encoded(name)}={encoded(value)}"
                         for name, value in sorted(parse_qsl(url.query, keep_blank_values=True)))
        if "+" in url.query:
            cloud.violation(f"a blank as + in {url.query}")
        lines = "".join(f"{name}:{(headers.get(name) or '').strip()}\n" for name in names.split(";"))
        canonical = "\n".join([self.command, path, query, lines, names, hashlib.sha256(self.body).hexdigest()])
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        if kind == "SDK":
            access, key, text = credential, SECRET_KEY.encode(), f"SDK-HMAC-SHA256\n{date}\n{digest}"
        else:
            access, _, info = credential.partition("/")
            if info != f"{date[:8]}/{REGION}/iotdm":
                cloud.violation(f"credential {credential}")
            extracted = hmac.new(access.encode(), SECRET_KEY.encode(), hashlib.sha256).digest()
            key = hmac.new(extracted, info.encode() + b"\x01", hashlib.sha256).hexdigest().encode()
            text = f"V11-HMAC-SHA256\n{date}\n{info}\n{digest}"
        wanted = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        if access.startswith("TMP") and headers.get("x-security-token") != SECURITY_TOKEN:
            raise no
        if access.removeprefix("TMP") != ACCESS_KEY or wanted != signature:
            cloud.note("rest", f"signature: {canonical!r}")
            raise no
        if cloud.signing != {"SDK": "standard", "V11": "derived"}[kind]:
            cloud.note("rest", f"signed {kind}, and {cloud.signing} is wanted")
            raise no

    def route(self, parts, query):
        cloud, method = self.cloud, self.command
        if parts == ["devices"] and method == "GET":
            return self.devices(query)
        if parts == ["devices"] and method == "POST":
            return self.register()
        if parts[0] == "products" and len(parts) == 2 and method == "GET":
            if parts[1] != PRODUCT:
                raise Refused(404, "IOTDA.000004", "no such product")
            return 200, PRODUCT_MODEL, {}
        if parts[0] != "devices" or len(parts) < 2:
            cloud.violation(f"{method} {self.path}: no such call")
            raise Refused(404, "APIGW.0101", "The API does not exist")
        device = cloud.devices.get(parts[1])
        if device is None:
            raise Refused(404, "IOTDA.014000", "The device does not exist.")
        rest = (method, *parts[2:])
        body = load(self.body) if self.body else {}
        if rest == ("GET",):
            return 200, device.detail(), {}
        if rest == ("DELETE",):
            del cloud.devices[device.id]
            return 204, None, {}
        if rest == ("GET", "shadow"):
            return 200, self.shadow(device), {}
        if rest == ("PUT", "shadow"):
            return self.desire(device, body)
        if rest == ("POST", "commands"):
            return self.command_of(device, body)
        if rest == ("POST", "messages"):
            return self.message_of(device, body)
        if rest == ("GET", "properties"):
            text = dump({"service_id": query["service_id"]})
            return self.live(device, "get", text)
        if rest == ("PUT", "properties"):
            return self.live(device, "set", dump(body))
        cloud.violation(f"{method} {self.path}: no such call")
        raise Refused(404, "APIGW.0101", "The API does not exist")

    def devices(self, query):
        known = {"limit", "marker", "offset", "product_id", "gateway_id", "is_cascade_query", "node_id", "device_name",
                 "start_time", "end_time", "app_id"}
        if set(query) - known:
            self.cloud.violation(f"GET devices: {sorted(set(query) - known)}")
        limit = int(query.get("limit", "10"))
        marker = query.get("marker", "f" * 24)
        if not 1 <= limit <= 50:
            raise Refused(400, "IOTDA.000017", "limit is out of range")
        if not re.fullmatch(r"[0-9a-f]{24}", marker):
            raise Refused(400, "IOTDA.000006", "marker")
        newest = list(reversed(self.cloud.devices.values()))
        newest = [device for device in newest if query.get("gateway_id") in (None, device.gateway)]
        begin = 0
        if marker != "f" * 24:
            begin = next(at + 1 for at, device in enumerate(newest) if device.marker == marker)
        begin += int(query.get("offset", "0"))
        page = newest[begin:begin + limit]
        last = page[-1].marker if page else marker
        return 200, {"devices": [device.described() for device in page], "page": {"count": Number(len(newest)), "marker": last}}, {}

    def register(self):
        body = load(self.body)
        self.cloud.shaped("register", body, ["node_id", "product_id"],
                          ["device_id", "device_name", "gateway_id", "auth_info", "description", "app_id"])
        if body["product_id"] != PRODUCT:
            raise Refused(404, "IOTDA.000004", "The product does not exist.")
        device_id = body.get("device_id") or f"{PRODUCT}_{body['node_id']}"
        if device_id in self.cloud.devices:
            raise Refused(400, "IOTDA.014005", "The device already exists.")
        secret = (body.get("auth_info") or {}).get("secret") or secrets.token_hex(16)
        if not re.fullmatch(r"[A-Za-z0-9_-]{8,32}", secret):
            raise Refused(400, "IOTDA.000006", "secret")
        device = Device(device_id, body["node_id"], body.get("device_name", ""), secret, body.get("gateway_id"))
        self.cloud.devices[device_id] = device
        return 201, {**device.detail(), "auth_info": {"auth_type": "SECRET", "secret": secret}}, {}

    def shadow(self, device):
        return {"device_id": device.id, "shadow": [{"service_id": name, **entry} for name, entry in device.shadow.items()]}

    def desire(self, device, body):
        cloud = self.cloud
        cloud.shaped("shadow", body, ["shadow"])
        for entry in body["shadow"]:
            cloud.shaped("shadow", entry, ["service_id", "desired"], ["version"])
            if any(set(name) & set(".$\0") for name in entry["desired"]):
                raise Refused(400, "IOTDA.000006", "a key with . or $")
            known = device.shadow.setdefault(entry["service_id"], {"reported": {"properties": None, "event_time": None},
                                                                   "version": Number("0")})
            if "version" in entry and entry["version"] != known["version"]:
                raise Refused(409, "IOTDA.014019", f"version {known['version']}")
            known["desired"] = {"properties": entry["desired"], "event_time": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())}
            known["version"] = Number(int(known["version"]) + 1)
        return 200, self.shadow(device), {}

    def wait_for_answer(self, device, kind, text):
        """The lock is held, and let go while waiting."""
        cloud = self.cloud
        request = cloud.ask(kind, device.id, text)
        if request is None:
            raise Refused(403, "IOTDA.014016", "The device is not online.")
        waiting = cloud.pending[request]
        if not cloud.wait_for(lambda: waiting["answer"] is not None, cloud.patience):
            # The error sits in a successful answer.
            return request, None
        return request, waiting["answer"]

    def command_of(self, device, body):
        self.cloud.shaped("command", body, ["paras"], ["service_id", "command_name"])
        if body.get("service_id") != "Relay" or body.get("command_name") != "ON":
            raise Refused(400, "IOTDA.013002", "The command is not in the product model.")
        text = {} if device.gateway == device.id else {"object_device_id": device.id}
        text.update(body)
        request, answer = self.wait_for_answer(device, "command", dump(text))
        if answer is None:
            return 200, {"error_code": "IOTDA.014111", "error_msg": "The device did not answer in time."}, {}
        return 200, {"command_id": request, "response": answer}, {}

    def live(self, device, kind, text):
        request, answer = self.wait_for_answer(device, kind, text)
        if answer is None:
            return 200, {"error_code": "IOTDA.014111", "error_msg": "The device did not answer in time."}, {}
        return 200, {"request_id": request, "response": answer}, {}

    def message_of(self, device, body):
        cloud = self.cloud
        cloud.shaped("message", body, ["message"],
                     ["name", "message_id", "encoding", "payload_format", "topic", "topic_full_name", "ttl"])
        if "topic" in body and "topic_full_name" in body:
            cloud.violation("message: topic and topic_full_name")
        if body.get("encoding", "none") not in ("none", "base64") or body.get("payload_format", "standard") not in ("standard", "raw"):
            cloud.violation(f"message: {dump(body)}")
        content = body["message"] if isinstance(body["message"], str) else dump(body["message"])
        raw = base64.b64decode(content, validate=True) if body.get("encoding") == "base64" else content.encode()
        identifier = body.get("message_id") or secrets.token_hex(8)
        if body.get("payload_format", "standard") == "standard":
            raw = dump({"object_device_id": None, "name": body.get("name"), "id": identifier, "content": raw.decode()}).encode()
        link = cloud.links.get(device.gateway)
        now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        result = {"status": "PENDING", "created_time": now, "finished_time": None}
        own = device.gateway
        topic = f"$oc/devices/{own}/sys/messages/down"
        if "topic" in body:
            topic = f"$oc/devices/{own}/user/{body['topic']}"
        elif "topic_full_name" in body:
            topic = body["topic_full_name"]
            if topic.startswith("$oc"):
                raise Refused(400, "IOTDA.000006", "topic_full_name is for free topics")
        if link is None:
            device.cached = (device.cached + [(topic, raw)])[-20:]
        elif link.deliver(topic, raw):
            result.update(status="DELIVERED", finished_time=now)
        else:
            raise Refused(403, "IOTDA.014112", "The device has not subscribed to the topic.")
        return 201, {"message_id": identifier, "result": result}, {}


def main():
    folder = Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    cloud = Cloud(folder)

    def say(value):
        print(json.dumps(value, ensure_ascii=False), flush=True)

    say({"ready": True, "tls_port": cloud.tls_port, "wrong_port": cloud.wrong_port, "plain_port": cloud.plain_port,
         "api_port": cloud.api, "iam_port": cloud.iam, "ca_file": str(cloud.root.certificate), "region": REGION, "project": PROJECT,
         "access_key": ACCESS_KEY, "secret_key": SECRET_KEY, "security_token": SECURITY_TOKEN, "user": USER, "password": PASSWORD,
         "domain": DOMAIN, "product": PRODUCT})
    for line in sys.stdin:
        try:
            say({"ok": cloud.order(json.loads(line))})
        except Exception as problem:
            say({"error": repr(problem)})


if __name__ == "__main__":
    main()

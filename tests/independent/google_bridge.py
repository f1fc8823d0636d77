#!/usr/bin/env python3
"""A look-alike of Google IoT Core's MQTT bridge as ClearBlade serves it, written from reference/google-iot-core.md alone and
without a look at src/sim. Its registry and REST API are in `google_registry.py`.

MQTT 3.1.1 over TLS by the standard library, certificates, keys and signatures by the `openssl` command. It is as strict as the
reference says: what a client of the bridge must not do is kept as a violation, and answered by the same hang-up or silence.

    google_bridge.py FOLDER

FOLDER takes certificates, keys and credentials. It prints one JSON line when it serves, then takes one JSON order per line on
stdin and answers each with one line (see `Program.order`). It ends when stdin does.
"""

import collections
import json
import re
import select
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from http.server import ThreadingHTTPServer
from pathlib import Path

import google_registry
from google_registry import ID, No, PATH, Device, Registry, Rest

KB = 1024
TYPES = {1: "CONNECT", 3: "PUBLISH", 4: "PUBACK", 5: "PUBREC", 6: "PUBREL", 7: "PUBCOMP", 8: "SUBSCRIBE", 10: "UNSUBSCRIBE",
         12: "PINGREQ", 14: "DISCONNECT"}
# Arrivals may be closer together than departures by so much.
JITTER = 0.2


class HangUp(Exception):
    """The bridge closes the connection, without a word (section 7)."""


def openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {arguments[0]}: {done.stderr.decode(errors='replace')}")
    return done.stdout


def text16(raw, at):
    """A UTF-8 text with its length before it, and where the next thing begins (MQTT 3.1.1, 1.5.3)."""
    size = int.from_bytes(raw[at:at + 2], "big")
    piece = raw[at + 2:at + 2 + size]
    if len(piece) != size or len(raw) < at + 2:
        raise HangUp("a text that is cut off")
    text = piece.decode("utf-8")
    if "\0" in text:
        raise HangUp("a text with a NUL")
    return text, at + 2 + size


def remaining(size):
    out = bytearray()
    while True:
        size, digit = divmod(size, 128)
        out.append(digit | (0x80 if size else 0))
        if not size:
            return bytes(out)


def packet(first, body):
    return bytes([first]) + remaining(len(body)) + body


class Connection(threading.Thread):
    """One client. Its thread alone touches the socket; others leave packets in `out`."""

    def __init__(self, bridge, sock, google):
        super().__init__(daemon=True)
        self.bridge, self.registry, self.sock, self.google = bridge, bridge.registry, sock, google
        self.raw, self.out, self.open = bytearray(), collections.deque(), True
        self.poke, self.poked = socket.socketpair()
        self.device, self.filters, self.attached, self.unacknowledged = None, {}, {}, {}
        self.repeated = []
        self.last_packet, self.timers, self.arrivals, self.attaching = 0, [], collections.deque(), 0
        self.heard, self.keep_alive, self.ends = time.time(), 10, None

    # The socket.

    def send(self, data):
        self.out.append(data)
        try:
            self.poke.send(b"x")
        except OSError:
            pass

    def later(self, seconds, what):
        self.timers.append((time.time() + seconds, what))
        self.send(b"")

    def run(self):
        try:
            self.sock = self.bridge.tls.wrap_socket(self.sock, server_side=True)
            self.sock.settimeout(10)
            self.loop()
        except HangUp as why:
            self.note(f"closed {self.name_now()}: {why}")
        except (OSError, ssl.SSLError) as error:
            self.note(f"gone {self.name_now()}: {error}")
        except (UnicodeDecodeError, IndexError, struct.error) as error:
            self.bridge.violation(f"a malformed packet: {error!r}")
        finally:
            self.leave()
            for end in (self.sock, self.poke, self.poked):
                end.close()

    def name_now(self):
        return self.device.id if self.device else "somebody"

    def note(self, text):
        self.bridge.note("mqtt", text)

    def loop(self):
        while True:
            self.flush()
            self.on_time()
            if not self.sock.pending():
                ready, _, _ = select.select([self.sock, self.poked], [], [], 0.05)
                if self.poked in ready:
                    self.poked.recv(4096)
                if self.sock not in ready:
                    continue
            more = self.sock.recv(65536)
            if not more:
                raise HangUp("the client closed without DISCONNECT")
            self.heard = time.time()
            self.raw += more
            while (whole := self.whole_packet()) is not None:
                if self.handle(*whole):
                    return self.farewell()

    def flush(self):
        while self.out:
            self.sock.sendall(self.out.popleft())

    def on_time(self):
        now = time.time()
        with self.registry.lock:
            due = [timer for timer in self.timers if timer[0] <= now]
            self.timers = [timer for timer in self.timers if timer[0] > now]
            for _, what in due:
                what()
            if self.ends and now > self.ends + self.bridge.skew:
                raise HangUp("the token has ended")
            if now - self.heard > (1.5 * self.keep_alive if self.keep_alive else 1200):
                raise HangUp("nothing came for 1.5 keep-alives")
            for name, ends in list(self.attached.items()):
                if ends and now > ends + self.bridge.skew:
                    self.detach_by_platform(name, f"The token of device {name} has ended")

    def farewell(self):
        """Accepted commands are sent, then the client closes; nothing may follow a DISCONNECT."""
        with self.registry.lock:
            self.open = False
        self.flush()
        self.sock.settimeout(1)
        try:
            if self.raw or self.sock.recv(1):
                self.bridge.violation("bytes after DISCONNECT")
        except OSError:
            pass

    def whole_packet(self):
        size, shift, at = 0, 0, 1
        while True:
            if at >= len(self.raw):
                return None
            digit = self.raw[at]
            size |= (digit & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if not digit & 0x80:
                break
            if shift > 21:
                raise HangUp("a remaining length of five bytes")
        if len(self.raw) < at + size:
            return None
        first, body = self.raw[0], bytes(self.raw[at:at + size])
        del self.raw[:at + size]
        return first, body

    # Packets.

    def handle(self, first, body):
        kind, flags = first >> 4, first & 15
        if kind not in TYPES:
            raise self.wrong(f"packet type {kind}")
        if kind != 3 and flags != (2 if kind in (6, 8, 10) else 0):
            raise self.wrong(f"{TYPES[kind]} with flags {flags}")
        if (kind == 1) == (self.device is not None):
            raise self.wrong(f"{TYPES[kind]} out of turn")
        with self.registry.lock:
            match kind:
                case 1:
                    self.connect(body)
                case 3:
                    self.publish(flags, body)
                case 4:
                    self.puback(int.from_bytes(body, "big"))
                case 5 | 6 | 7:
                    self.complain("GATEWAY_UNEXPECTED_MESSAGE_TYPE", self.device.id, f"{TYPES[kind]} is not supported", TYPES[kind])
                    raise self.wrong(f"{TYPES[kind]}: QoS 2 is not there")
                case 8:
                    self.subscribe(body)
                case 10:
                    self.unsubscribe(body)
                case 12:
                    self.device.seen("heartbeat")
                    self.send(packet(0xD0, b""))
                case 14:
                    self.note(f"DISCONNECT {self.device.id}")
                    self.open = False
                    return True
        return False

    def wrong(self, what):
        """What a client that knows the rules never does."""
        self.bridge.violation(f"{self.name_now()}: {what}")
        if self.device:
            self.device.error = (time.time(), what)
        return HangUp(what)

    def connect(self, body):
        protocol, at = text16(body, 0)
        level, flags = body[at], body[at + 1]
        self.keep_alive = int.from_bytes(body[at + 2:at + 4], "big")
        if (protocol, level) != ("MQTT", 4):
            self.answer_connect(1)
            raise self.wrong(f"protocol {protocol} level {level}")
        if flags & 1:
            raise self.wrong("the reserved flag of CONNECT")
        if not flags & 2:
            self.bridge.violation("clean session 0: there are no persistent sessions")
        if flags & 0x3C:
            raise self.wrong("a last will")
        if not 60 <= self.keep_alive < 1200:
            self.bridge.violation(f"keep-alive {self.keep_alive}")
        if flags & 0xC0 != 0xC0:
            raise self.wrong("no user name, or no password")
        client, at = text16(body, at + 4)
        user, at = text16(body, at)
        password, at = text16(body, at)
        if at != len(body):
            raise self.wrong("more after the password")
        if not user:
            self.bridge.violation("an empty user name")
        self.admit(client, password)

    def answer_connect(self, code):
        self.send(packet(0x20, bytes([0, code])))
        self.note(f"CONNACK {code}")
        self.flush()

    def admit(self, client, password):
        forced = self.bridge.connack
        bad = 5 if self.google else 4
        name = client.removeprefix(f"{PATH}/devices/")
        self.note(f"CONNECT {client}")
        if forced:
            self.answer_connect(forced.pop(0))
            raise HangUp("told to refuse")
        if name == client or not ID.match(name):
            self.answer_connect(bad if self.google else 2)
            raise HangUp("a client id of something else")
        try:
            device = self.registry.device(name)
            if device.blocked or device.id != name:
                raise No("PERMISSION_DENIED", f"{name} is blocked")
            self.ends = self.registry.check_token(device, password)
        except (No, ValueError) as no:
            self.bridge.note("refused", f"CONNECT {name}: {no}")
            self.answer_connect(bad)
            raise HangUp(f"refused: {no}") from no
        self.bridge.tokens.append(password)
        other = self.bridge.live.get(name)
        if other:
            other.device.error = (time.time(), "ALREADY_EXISTS")
            other.timers.append((0, other.displaced))
        self.device = device
        self.bridge.live[name] = self
        self.answer_connect(0)

    def displaced(self):
        raise HangUp("another connection has this client id")

    def leave(self):
        with self.registry.lock:
            self.open = False
            self.attached = {}
            if self.device and self.bridge.live.get(self.device.id) is self:
                del self.bridge.live[self.device.id]

    # What comes down.

    def hears(self, topic):
        """The QoS of a subscription to it; `None`: nobody hears it."""
        if topic in self.filters:
            return self.filters[topic]
        head, _, _ = topic.partition("/commands")
        return self.filters.get(f"{head}/commands/#") if "/commands" in topic else None

    def deliver(self, topic, payload):
        """`False` where nobody listens. Answers the packet id, or 0."""
        qos = self.hears(topic)
        if qos is None or not self.open:
            return None
        number = 0
        body = struct.pack("!H", len(topic.encode())) + topic.encode()
        if qos:
            self.last_packet = self.last_packet % 65535 + 1
            number = self.last_packet
            body += struct.pack("!H", number)
            self.unacknowledged[number] = None
        self.send(packet(0x30 | qos << 1, body + payload))
        return number

    def deliver_config(self, device):
        config = device.configs[0]
        for number in [n for n, what in self.unacknowledged.items() if what and what[0] is device]:
            self.unacknowledged[number] = "dropped"
        number = self.deliver(f"/devices/{device.id}/config", config["data"])
        if number is None:
            return
        device.seen("config_send")
        if number:
            self.unacknowledged[number] = (device, config)
            self.later(3, lambda: self.repeat(number))

    def repeat(self, number):
        """With QoS 1 the newest version is repeated until PUBACK."""
        waiting = self.unacknowledged.get(number)
        if waiting and waiting != "dropped":
            device, config = waiting
            topic = f"/devices/{device.id}/config".encode()
            self.send(packet(0x3A, struct.pack("!H", len(topic)) + topic + struct.pack("!H", number) + config["data"]))
            self.repeated.append(number)
            self.note(f"config {device.id} again")
            self.later(3, lambda: self.repeat(number))

    def puback(self, number):
        if number in self.repeated:
            # One for each time that it was sent.
            self.repeated.remove(number)
            return
        if number not in self.unacknowledged:
            self.complain("GATEWAY_UNEXPECTED_PACKET_ID", self.device.id, f"PUBACK {number} for nothing", "PUBACK", "", number)
            self.bridge.violation(f"PUBACK {number} for nothing")
            return
        waiting = self.unacknowledged.pop(number)
        if waiting and waiting != "dropped":
            device, config = waiting
            config["acknowledged"] = time.time()
            device.seen("config_ack")
            self.note(f"config {device.id} version {config['version']} acknowledged")

    def complain(self, kind, device, words, message="", topic="", number=0):
        """Best effort, QoS 0, and only where the gateway listens (section 6)."""
        error = {"error_type": kind, "device_id": device, "description": words}
        if message:
            error |= {"message_type": message, "topic": topic, "packet_id": number}
        self.note(f"error {kind} {device}")
        if self.bridge.mute:
            return
        self.deliver(f"/devices/{self.device.id}/errors", json.dumps(error).encode())

    def detach_by_platform(self, name, words):
        self.attached.pop(name, None)
        for filter_ in (f"/devices/{name}/config", f"/devices/{name}/commands/#"):
            self.filters.pop(filter_, None)
        self.complain("GATEWAY_DETACHMENT_DEVICE_ERROR", name, words)

    # What comes up.

    def subscribe(self, body):
        number, at, codes, configs = int.from_bytes(body[:2], "big"), 2, [], []
        if not number or at >= len(body):
            raise self.wrong("SUBSCRIBE without packet id or filters")
        while at < len(body):
            filter_, at = text16(body, at)
            qos, at = body[at], at + 1
            if qos > 2:
                raise self.wrong(f"QoS {qos}")
            codes.append(self.grant(filter_, qos, number))
            if filter_.endswith("/config") and codes[-1] < 2:
                configs.append(filter_.split("/")[2])
            self.note(f"SUBSCRIBE {filter_} {qos} {codes[-1]}")
        self.send(packet(0x90, struct.pack("!H", number) + bytes(codes)))
        for name in configs:
            self.deliver_config(self.registry.device(name))

    def grant(self, filter_, qos, number):
        found = re.fullmatch(r"/devices/([^/#+]+)/(config|commands/#|errors)", filter_)
        if not found or not ID.match(found[1]):
            raise self.wrong(f"subscribes {filter_}")
        name, what = found.groups()
        own = name == self.device.id
        if what == "errors":
            if not (own and self.device.method):
                raise self.wrong(f"subscribes {filter_}")
            if qos:
                self.bridge.violation("errors come at QoS 0")
            self.filters[filter_] = 0
            return 0
        if not own:
            if not self.device.method:
                raise self.wrong(f"subscribes another device's {filter_}")
            if name not in self.attached:
                self.bridge.violation(f"subscribes {filter_}, which is not attached")
                self.complain("GATEWAY_DEVICE_NOT_FOUND", name, f"Device {name} is not attached", "SUBSCRIBE", filter_, number)
                return 0x80
        self.filters[filter_] = min(qos, 1)
        return min(qos, 1)

    def unsubscribe(self, body):
        number, at = body[:2], 2
        while at < len(body):
            filter_, at = text16(body, at)
            self.filters.pop(filter_, None)
            self.note(f"UNSUBSCRIBE {filter_}")
        self.send(packet(0xB0, number))

    def publish(self, flags, body):
        qos, dup, retain = flags >> 1 & 3, flags & 8, flags & 1
        topic, at = text16(body, 0)
        if qos > 1:
            raise self.wrong("PUBLISH with QoS 2")
        if retain:
            raise self.wrong("PUBLISH with retain")
        if dup:
            self.bridge.violation("DUP in a session that has begun anew")
        number = 0
        if qos:
            number, at = int.from_bytes(body[at:at + 2], "big"), at + 2
            if not number:
                raise self.wrong("packet id 0")
        payload = body[at:]
        self.count(len(payload))
        found = re.fullmatch(r"/devices/([^/#+]+)/(events|state|attach|detach)(/[^#+]*)?", topic)
        if not found or not ID.match(found[1]) or (found[3] and found[2] != "events"):
            raise self.wrong(f"publishes to {topic}")
        name, what = found[1], found[2]
        if what in ("attach", "detach"):
            return self.control(what, name, qos, number, topic, payload)
        if name != self.device.id:
            if not self.device.method:
                raise self.wrong(f"publishes for {name}")
            if name not in self.attached:
                return self.complain("GATEWAY_DEVICE_NOT_FOUND", name, f"Device {name} is not attached to the gateway", "PUBLISH", topic,
                                     number)
        if self.bridge.swallow > 0:
            self.bridge.swallow -= 1
            raise HangUp("told to close before the PUBACK")
        device = self.registry.device(name)
        if what == "state":
            self.take_state(device, payload)
        else:
            self.take_event(device, (found[3] or "/")[1:], payload)
        if qos:
            self.send(packet(0x40, struct.pack("!H", number)))
        return None

    def count(self, size):
        """100 messages and 512 KB a second (section 3)."""
        now = time.time()
        self.arrivals.append((now, size))
        while self.arrivals[0][0] < now - (1 - JITTER):
            self.arrivals.popleft()
        if len(self.arrivals) > 100 or sum(size for _, size in self.arrivals) > max(512 * KB, size):
            raise self.wrong(f"{len(self.arrivals)} messages within a second")

    def take_state(self, device, payload):
        now = time.time()
        if len(payload) > 64 * KB:
            raise self.wrong("a state of more than 64 KB")
        if now - device.times.get("state", 0) < 1 - JITTER:
            raise self.wrong(f"two states of {device.id} within {now - device.times['state']:.3f} s")
        device.seen("state")
        device.states.insert(0, (now, payload))
        del device.states[10:]

    def take_event(self, device, folder, payload):
        if len(payload) > 256 * KB:
            raise self.wrong("an event of more than 256 KB")
        if self.bridge.no_topic:
            device.error = (time.time(), "The registry has no Pub/Sub topic")
            raise HangUp("the registry has no Pub/Sub topic")
        device.seen("event")
        self.bridge.events.append({"device": device.id, "folder": folder, "text": payload.decode(errors="replace")})

    def control(self, what, name, qos, number, topic, payload):
        if not self.device.method:
            raise self.wrong(f"{what} by a device")
        if not qos:
            self.bridge.violation(f"{what} at QoS 0 has no answer")
        if f"/devices/{self.device.id}/errors" not in self.filters:
            self.bridge.violation(f"{what} without the errors topic: a failure would be silent")
        acknowledge = packet(0x40, struct.pack("!H", number))
        if what == "detach":
            self.attached.pop(name, None)
            for filter_ in (f"/devices/{name}/config", f"/devices/{name}/commands/#"):
                self.filters.pop(filter_, None)
            self.note(f"detached {name}")
            return self.send(acknowledge)
        self.attaching += 1
        self.bridge.most_attaching = max(self.bridge.most_attaching, self.attaching)
        if name in self.bridge.silent:
            self.note(f"silence for {name}")
            return None
        return self.later(self.bridge.attach_delay, lambda: self.attach(name, number, topic, payload, acknowledge))

    def attach(self, name, number, topic, payload, acknowledge):
        self.attaching -= 1
        try:
            ends = self.may_attach(name, payload)
        except (No, ValueError) as no:
            return self.complain("GATEWAY_ATTACHMENT_ERROR", name, str(no), "PUBLISH", topic, number)
        self.attached[name] = ends
        self.note(f"attached {name}")
        return self.send(acknowledge)

    def may_attach(self, name, payload):
        """The table of section 6. Answers when the device's token ends."""
        device, method, gateway = self.registry.device(name), self.device.method, self.device.id
        if payload:
            body = json.loads(payload)
            if not isinstance(body, dict) or set(body) - {"authorization"}:
                self.bridge.violation(f"an attach payload of {payload!r}")
                raise No("INVALID_ARGUMENT", "the payload is not {\"authorization\": …}")
            token = body.get("authorization", "")
        else:
            token = ""
        if device.method or device.blocked:
            raise No("PERMISSION_DENIED", f"Device {name} is blocked, or a gateway itself")
        if method in ("ASSOCIATION_ONLY", "ASSOCIATION_AND_DEVICE_AUTH_TOKEN") and gateway not in device.gateways:
            raise No("PERMISSION_DENIED", f"Device {name} is not bound to gateway {gateway}")
        if method in ("DEVICE_AUTH_TOKEN_ONLY", "ASSOCIATION_AND_DEVICE_AUTH_TOKEN"):
            if not token:
                raise No("UNAUTHENTICATED", f"The token of device {name} is missing")
            return self.registry.check_token(device, token)
        if method == "GATEWAY_AUTH_METHOD_UNSPECIFIED":
            raise No("PERMISSION_DENIED", "no device may use this gateway")
        return None


class Bridge:
    def __init__(self, registry, tls, note, violation):
        self.registry, self.tls, self.note, self.violation = registry, tls, note, violation
        registry.bridge = self
        self.live, self.events, self.tokens = {}, [], []
        self.connack, self.silent, self.swallow, self.mute, self.no_topic = [], set(), 0, False, False
        self.skew, self.attach_delay, self.most_attaching = google_registry.SKEW, 0.0, 0
        self.ports = [self.listen(google) for google in (False, True)]

    def listen(self, google):
        listener = socket.create_server(("127.0.0.1", 0))

        def accept():
            while True:
                sock, _ = listener.accept()
                Connection(self, sock, google).start()

        threading.Thread(target=accept, daemon=True).start()
        return listener.getsockname()[1]

    def holders(self, device):
        """Connections that stand for a device: its own, and those of gateways that it is attached to."""
        return [c for c in list(self.live.values()) if c.open and (c.device is device or device.id in c.attached)]

    def config_changed(self, device):
        for connection in self.holders(device):
            connection.deliver_config(device)

    def deliver_command(self, device, folder, payload):
        topic = f"/devices/{device.id}/commands" + (f"/{folder}" if folder else "")
        took = [connection.deliver(topic, payload) for connection in self.holders(device)]
        return any(number is not None for number in took)

    def blocked(self, device):
        """It is disconnected, or detached from its gateway."""
        for connection in self.holders(device):
            if connection.device is device:
                connection.later(0, connection.displaced)
            else:
                connection.detach_by_platform(device.id, f"Device {device.id} is blocked")

    def unbound(self, gateway, device):
        connection = self.live.get(gateway.id)
        if connection and device.id in connection.attached and "ASSOCIATION" in gateway.method:
            connection.detach_by_platform(device.id, f"Device {device.id} is not bound any more")


class Program:
    def __init__(self, folder):
        self.folder, self.log, self.violations = folder, [], []
        self.heard = threading.Condition()
        folder.mkdir(parents=True, exist_ok=True)
        self.registry = Registry(folder, self.note, self.violation)
        self.make_keys()
        self.populate()
        tls = self.server_tls()
        self.bridge = Bridge(self.registry, tls, self.note, self.violation)
        handler = type("OurRest", (Rest,), {"registry": self.registry})
        self.handler = handler
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.registry.base = f"https://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.write_credentials()

    def note(self, kind, text):
        with self.heard:
            self.log.append({"kind": kind, "text": text})
            self.heard.notify_all()

    def violation(self, text):
        self.violations.append(text)
        self.note("violation", text)

    # Files.

    def path(self, name):
        return self.folder / name

    def make_keys(self):
        """Keys in the forms that people have (section 4)."""
        curve = ("-name", "prime256v1")
        self.path("gateway.pem").write_bytes(openssl("ecparam", "-genkey", *curve))  # with EC PARAMETERS in front
        self.path("sensor-1.pem").write_bytes(openssl("ecparam", "-genkey", "-noout", *curve))  # SEC1
        self.path("wrong.pem").write_bytes(openssl("ecparam", "-genkey", "-noout", *curve))
        pkcs8 = openssl("genrsa", "2048")
        self.path("meter.pem").write_bytes(pkcs8.replace(b"\n", b"\r\n"))
        self.path("plain.pem").write_bytes(pkcs8)
        openssl("rsa", "-in", str(self.path("plain.pem")), "-traditional", "-out", str(self.path("sensor-2.pem")))
        self.path("account.pem").write_bytes(openssl("genrsa", "2048"))
        for name in ("gateway", "sensor-1", "sensor-2", "account"):
            public = openssl("pkey", "-in", str(self.path(f"{name}.pem")), "-pubout")
            self.path(f"{name}.pub").write_bytes(public)
        for file in self.folder.glob("*.pem"):
            file.chmod(0o600)

    def server_tls(self):
        key, root, request, leaf, more = (self.path(f"server.{end}") for end in ("key", "root", "csr", "crt", "ext"))
        ca_key, root = self.path("root.key"), self.path("root.crt")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=Bridge CA",
                "-keyout", str(ca_key), "-out", str(root), "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        more.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost", "-keyout", str(key),
                "-out", str(request))
        openssl("x509", "-req", "-in", str(request), "-CA", str(root), "-CAkey", str(ca_key), "-set_serial", "77", "-days", "30",
                "-extfile", str(more), "-out", str(leaf))
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.minimum_version = ssl.TLSVersion.TLSv1_2
        tls.load_cert_chain(leaf, key)
        return tls

    def populate(self):
        ec, one, two = (self.path(name) for name in ("gateway.pub", "sensor-1.pub", "sensor-2.pub"))
        registry, gateways = self.registry, {
            "gw-hall": "ASSOCIATION_ONLY", "gw-token": "DEVICE_AUTH_TOKEN_ONLY", "gw-both": "ASSOCIATION_AND_DEVICE_AUTH_TOKEN",
            "gw-none": "GATEWAY_AUTH_METHOD_UNSPECIFIED"}
        number = 3_000_000_000_000_001
        for name, method in gateways.items():
            registry.devices[name] = Device(name, number, [("ES256_PEM", ec)], method)
            number += 1
        for name, keys in (("sensor-1", [("ES256_PEM", one)]), ("sensor-2", [("RSA_PEM", two), ("ES256_PEM", one)]), ("sensor-3", []),
                           ("sensor-4", []), ("Wetter~2.5%", []), ("meter-1", [("RSA_PEM", two)])):
            registry.devices[name] = Device(name, number, keys)
            number += 1
        bound = {"sensor-1": {"gw-hall", "gw-both"}, "sensor-2": {"gw-hall", "gw-both"}, "sensor-4": {"gw-hall"}, "Wetter~2.5%": {"gw-hall"}}
        for name, its in bound.items():
            registry.devices[name].gateways = its
        registry.devices["sensor-4"].blocked = True
        registry.devices["sensor-1"].metadata = {"raum": "Küche"}
        registry.account_key = self.path("account.pub")

    def write_credentials(self):
        registry = self.registry
        blade = {"systemKey": registry.admin[0], "token": registry.admin[1], "url": registry.base, "project": google_registry.PROJECT}
        account = {"type": "service_account", "client_email": registry.account, "token_uri": f"{registry.base}/token",
                   "private_key": self.path("account.pem").read_text()}
        for name, content in (("clearblade.json", blade), ("account.json", account)):
            self.path(name).write_text(json.dumps(content))
            self.path(name).chmod(0o600)

    # Orders.

    def wait(self, text, start, seconds):
        """The index after the first line from `start` on that holds the text; `None` when none came."""
        until = time.time() + seconds
        with self.heard:
            while True:
                for index in range(start, len(self.log)):
                    if text in self.log[index]["text"]:
                        return index + 1
                left = until - time.time()
                if left <= 0 or not self.heard.wait(left):
                    return None

    def stream(self, device, seconds, gap):
        """Numbered commands; answers which of them the bridge accepted."""
        accepted, number, until = [], 0, time.time() + seconds
        while time.time() < until:
            with self.registry.lock:
                if self.bridge.deliver_command(device, "n", str(number).encode()):
                    accepted.append(number)
            number += 1
            time.sleep(gap)
        return accepted

    def order(self, order):
        registry, bridge = self.registry, self.bridge
        device = registry.devices.get(order.get("device"))
        match order["do"]:
            case "log":
                return self.log[order.get("from", 0):]
            case "wait":
                return self.wait(order["text"], order.get("from", 0), order.get("seconds", 30))
            case "violations":
                return self.violations
            case "forgive":
                self.violations.clear()
            case "stream":
                return self.stream(device, order["seconds"], order["gap"])
            case "events":
                return bridge.events
            case "tokens":
                return bridge.tokens
            case "attached":
                connection = bridge.live.get(order["device"])
                return sorted(connection.attached) if connection else None
            case "filters":
                connection = bridge.live.get(order["device"])
                return sorted(connection.filters) if connection else None
            case "configs":
                return [{"version": c["version"], "text": c["data"].decode(), "acknowledged": bool(c["acknowledged"])} for c in device.configs]
            case "states":
                return [raw.decode(errors="replace") for _, raw in device.states]
            case "bound":
                return sorted(device.gateways)
            case "most_attaching":
                return bridge.most_attaching
            case "set":
                return self.set(order)
            case "drop":
                with registry.lock:
                    for connection in list(bridge.live.values()):
                        connection.later(0, connection.displaced)
            case "command":
                with registry.lock:
                    return bridge.deliver_command(device, order.get("folder", ""), order["text"].encode())
            case "config":
                with registry.lock:
                    return registry.write_config(device, order["text"].encode())
            case "complain":
                with registry.lock:
                    connection = bridge.live[order["gateway"]]
                    connection.deliver(f"/devices/{order['gateway']}/errors", json.dumps(order["error"]).encode())
            case "throw_out":
                with registry.lock:
                    bridge.live[order["gateway"]].detach_by_platform(order["device"], order["words"])
            case "add":
                for number in range(order["count"]):
                    name = f"fleet-{number:04}"
                    registry.devices[name] = Device(name, 4_000_000_000_000_000 + number)
                    registry.devices[name].gateways = {order["gateway"]}
            case other:
                raise ValueError(other)
        return None

    def set(self, order):
        """Of the bridge, of the registry, or of one device."""
        targets = (self.bridge, self.registry, self.handler, self.registry.devices.get(order.get("device")))
        for name, value in order.items():
            if name in ("do", "device"):
                continue
            target = next(target for target in reversed(targets) if target is not None and hasattr(target, name))
            setattr(target, name, set(value) if name in ("silent", "gateways") else value)
        if order.get("blocked"):
            with self.registry.lock:
                self.bridge.blocked(targets[3])


def main():
    program = Program(Path(sys.argv[1]).resolve())

    def say(value):
        print(json.dumps(value, ensure_ascii=False), flush=True)

    clearblade, google = program.bridge.ports
    say({"ready": True, "mqtt_url": f"mqtts://127.0.0.1:{clearblade}", "google_mqtt_url": f"mqtts://127.0.0.1:{google}",
         "api_url": program.registry.base, "ca_file": str(program.path("root.crt"))})
    for line in sys.stdin:
        try:
            say({"ok": program.order(json.loads(line))})
        except Exception as problem:
            say({"error": repr(problem)})


if __name__ == "__main__":
    main()

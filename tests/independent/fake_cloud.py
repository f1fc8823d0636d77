#!/usr/bin/env python3
"""A fake LG ThinQ cloud, written from reference/lg-thinq.md alone and without a look at src/sim.

HTTPS by the standard library, certificates by the `openssl` command, MQTT with mutual TLS by the real `mosquitto`.
Every request is held against the reference to the letter; what deviates is kept as a violation, and answered as LG would
where LG's answer is known.

    fake_cloud.py FOLDER FIXTURES

FOLDER takes certificates and logs, FIXTURES is the folder with profiles/, state/ and messages/. It prints one JSON line when it
serves, then takes one JSON command per line on stdin and answers each with one line. It ends when stdin does.
"""

import base64
import binascii
import hashlib
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

TOKEN = "thinqpat_" + "0123456789abcdef" * 3 + "0123"
COUNTRY = "KR"
API_KEY = "v6GFvkweNo7DK7yD3ylIZ9w52aKBU0eJ7wLXkSR3"
CLIENT_BODY = {"type": "MQTT", "service-code": "SVC202", "device-type": "607", "allowExist": True}
# Headers that HTTP itself brings; everything else must be one of the reference's section 3.
TRANSPORT = {"host", "user-agent", "accept", "accept-encoding", "content-length", "connection", "transfer-encoding"}
ALIASES = {
    "air_conditioner": "거실 에어컨", "washer": "Laundry", "washtower": "세탁 타워", "oven": "Oven", "cooktop": "Hob",
    "refrigerator": "냉장고", "robot_cleaner": "Robo", "dryer": "Laundry", "dish_washer": "",
}


def openssl(*arguments, stdin=None):
    """Runs openssl; its stdout."""
    done = subprocess.run(["openssl", *arguments], input=stdin, capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {arguments[0]}: {done.stderr.decode(errors='replace')}")
    return done.stdout


class Authority:
    """A certificate authority with a key of its own."""

    def __init__(self, folder, name):
        self.key, self.certificate = folder / f"{name}.key", folder / f"{name}.pem"
        self.folder = folder
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                "-subj", f"/CN={name}", "-keyout", str(self.key), "-out", str(self.certificate),
                "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def server(self, name):
        """A server's key and certificate for localhost."""
        key, request, certificate = (self.folder / f"{name}.{end}" for end in ("key", "csr", "pem"))
        extensions = self.folder / f"{name}.ext"
        extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n"
                              "extendedKeyUsage=serverAuth\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                "-keyout", str(key), "-out", str(request))
        openssl("x509", "-req", "-in", str(request), "-CA", str(self.certificate), "-CAkey", str(self.key),
                "-set_serial", str(time.time_ns()), "-days", "30", "-extfile", str(extensions), "-out", str(certificate))
        return key, certificate

    def sign(self, request_pem):
        """The certificate of a client, which AWS IoT issues with no name of the client's choice in it."""
        extensions = self.folder / "client.ext"
        extensions.write_text("basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\n")
        return openssl("x509", "-req", "-CA", str(self.certificate), "-CAkey", str(self.key), "-set_serial",
                       str(time.time_ns()), "-days", "30", "-extfile", str(extensions), stdin=request_pem).decode()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Broker:
    """mosquitto: one listener with mutual TLS for the client, one without for us."""

    def __init__(self, folder, root, note):
        self.folder, self.note, self.process = folder, note, None
        self.port, self.own_port = free_port(), free_port()
        self.key, self.certificate = root.server("broker")
        self.authority, self.generation = None, 0
        self.new_authority()
        (folder / "broker.acl").write_text("pattern read app/clients/%c/push\npattern read app/clients/%c/inbox\n")

    def new_authority(self):
        self.generation += 1
        self.authority = Authority(self.folder, f"device-ca-{self.generation}")
        self.signs_with = self.authority

    def start(self):
        configuration = self.folder / "mosquitto.conf"
        store = self.folder / "store"
        store.mkdir(exist_ok=True)
        user = "user root\n" if os.geteuid() == 0 else ""
        configuration.write_text(f"""{user}per_listener_settings true
persistence true
persistence_location {store}/
log_dest stderr
log_type all
connection_messages true
listener {self.port} 127.0.0.1
allow_anonymous true
acl_file {self.folder / "broker.acl"}
cafile {self.authority.certificate}
certfile {self.certificate}
keyfile {self.key}
require_certificate true
use_identity_as_username false
listener {self.own_port} 127.0.0.1
allow_anonymous true
""")
        path = os.environ.get("PATH", "") + ":/usr/sbin"
        self.process = subprocess.Popen([shutil.which("mosquitto", path=path), "-c", str(configuration)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        threading.Thread(target=self.listen, args=(self.process.stderr,), daemon=True).start()
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.own_port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError("mosquitto did not start")

    def listen(self, pipe):
        for line in pipe:
            self.note("mqtt", line.decode(errors="replace").strip().split(": ", 1)[-1])

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()
            self.process = None

    def publish(self, topic, payload, qos, retain):
        arguments = ["mosquitto_pub", "-V", "mqttv311", "-h", "127.0.0.1", "-p", str(self.own_port), "-t", topic, "-q", str(qos)]
        arguments += ["-r"] if retain else []
        arguments += ["-s"] if payload else ["-n"]
        done = subprocess.run(arguments, input=payload, capture_output=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.decode(errors="replace"))


class Home:
    """The account's devices, from the fixtures."""

    def __init__(self, fixtures):
        self.fixtures, self.devices, self.profiles, self.states = fixtures, [], {}, {}
        known = {}
        for path in sorted((fixtures / "messages").glob("*.json")):
            message = json.loads(path.read_bytes())
            message = message.get("event") or message.get("push") or message
            if "deviceType" in message:
                known.setdefault(message["deviceType"], message["deviceId"])
        for path in sorted((fixtures / "profiles").glob("*.json")):
            kind = "DEVICE_" + path.stem.upper()
            device = known.get(kind) or hashlib.sha256(path.stem.encode()).hexdigest()
            self.add(device, kind, ALIASES.get(path.stem, path.stem.replace("_", " ").title()), json.loads(path.read_bytes()),
                     json.loads((fixtures / "state" / path.name).read_bytes()))
        # A product kind that no SDK knows, with a resource that nobody knows; its id needs escaping in a path.
        self.add("pet feeder/7%", "DEVICE_PET_FEEDER", "밥그릇", {"property": {"bowl": {
            "fill": {"type": "range", "mode": ["r", "w"], "value": {"r": {"min": 0, "max": 5}, "w": {"min": 0, "max": 5}}},
            "mood": {"type": "fuzzy", "mode": ["r"], "value": {"r": ["purr"]}}}}}, {"bowl": {"fill": 2, "mood": "purr"}})
        self.devices[-1]["deviceInfo"]["reportable"] = False

    def add(self, device, kind, alias, profile, state):
        self.devices.append({"deviceId": device, "deviceInfo": {"deviceType": kind, "modelName": kind[7:] + "_FAKE",
                                                                "alias": alias, "reportable": True}})
        self.profiles[device], self.states[device] = profile, state


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that hangs up or does not trust us is no news."""


class Cloud:
    def __init__(self, folder, fixtures):
        self.folder = folder
        self.lock = threading.RLock()
        self.log, self.violations, self.faults, self.controls = [], [], [], []
        self.clients, self.push, self.event, self.account, self.ids = set(), {}, {}, set(), set()
        self.home = Home(fixtures)
        self.root = Authority(folder, "root")
        self.broker = Broker(folder, self.root, self.note)
        self.broker.start()
        key, certificate = self.root.server("api")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        handler = type("Handler", (Request,), {"cloud": self})
        self.server = Server(("127.0.0.1", 0), handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def note(self, kind, text):
        with self.lock:
            self.log.append({"at": round(time.time(), 4), "kind": kind, "text": text})

    def violation(self, text):
        with self.lock:
            self.violations.append(text)
            self.note("violation", text)

    def has_mqtt(self, pattern):
        return any(entry["kind"] == "mqtt" and re.search(pattern, entry["text"]) for entry in self.log)

    def fault_for(self, route):
        for fault in self.faults:
            if re.fullmatch(fault["route"], route) and fault.get("times", 1) > 0:
                fault["times"] = fault.get("times", 1) - 1
                return fault
        return None

    # --- commands on stdin

    def command(self, order):
        action = order["do"]
        if action == "log":
            return self.log[order.get("from", 0):]
        if action == "violations":
            return self.violations
        if action == "controls":
            return self.controls
        if action == "subscriptions":
            return {"push": sorted(self.push), "event": self.event, "account": sorted(self.account)}
        if action == "clear":
            with self.lock:
                self.faults.clear()
                if order.get("log"):
                    self.log.clear()
                    self.violations.clear()
            return True
        if action == "fault":
            self.faults.append(order)
            return True
        if action == "publish":
            payload = base64.b64decode(order["base64"]) if "base64" in order else order.get("text", "").encode()
            if "fixture" in order:
                payload = (self.home.fixtures / "messages" / order["fixture"]).read_bytes()
            client = order.get("client") or sorted(self.clients)[-1]
            topic = order.get("topic") or f"app/clients/{client}/push"
            self.broker.publish(topic, payload, order.get("qos", 1), order.get("retain", False))
            return topic
        if action == "broker":
            if order.get("stop", True):
                self.broker.stop()
            if order.get("new_authority"):
                old = self.broker.signs_with
                self.broker.new_authority()
                if order.get("sign_with_old"):
                    self.broker.signs_with = old
            if order.get("start", True):
                self.broker.start()
            return True
        if action == "state":
            self.home.states[order["device"]] = order["state"]
            return True
        if action == "forget_clients":
            self.clients.clear()
            return True
        if action == "forget_events":
            self.event.clear()
            return True
        if action == "wait":
            until = time.time() + order.get("seconds", 20)
            while time.time() < until:
                with self.lock:
                    for entry in self.log[order.get("from", 0):]:
                        if re.search(order["text"], entry["text"]):
                            return entry
                time.sleep(0.02)
            return None
        raise ValueError(f"no command {action!r}")

    # --- the reference's section 5

    def answer(self, request, method, path, headers, raw):
        self.check_headers(method, path, headers, raw)
        parts = [unquote(part) for part in path.strip("/").split("/")]
        client, body = headers.get("x-client-id"), json.loads(raw) if raw else None
        if headers.get("authorization") != f"Bearer {TOKEN}":
            return error(401, "1302", "Invalid token")
        if headers.get("x-country") != COUNTRY:
            return error(401, "1307", "Not supported country")
        device = self.home
        match [method, *parts]:
            case ["GET", "route"]:
                self.bodyless(raw, path)
                return ok({"apiServer": f"https://127.0.0.1:{self.server.server_port}",
                           "mqttServer": f"mqtts://localhost:{self.broker.port}",
                           "webSocketServer": f"wss://localhost:{self.broker.port}/mqtt"})
            case ["POST" | "DELETE", "client"]:
                if body != CLIENT_BODY:
                    self.violation(f"{method} client: body {raw!r}")
                    return error(400, "1000", "Bad request")
                if method == "POST":
                    self.clients.add(client)
                else:
                    self.clients.discard(client)
                return ok({})
            case ["POST", "client", "certificate"]:
                return self.certificate(client, body)
            case ["GET", "devices"]:
                self.bodyless(raw, path)
                return ok(device.devices)
            case ["GET", "devices", name, "profile"]:
                self.bodyless(raw, path)
                return ok(device.profiles[name]) if name in device.profiles else error(404, "1205", "Not exist device")
            case ["GET", "devices", name, "state"]:
                self.bodyless(raw, path)
                return ok(device.states[name]) if name in device.states else error(404, "1205", "Not exist device")
            case ["POST", "devices", name, "control"]:
                if name not in device.states:
                    return error(404, "1205", "Not exist device")
                self.controls.append({"device": name, "body": body})
                return ok({})
            case ["GET", "devices", "energy", name, "profile"]:
                return error(406, "1221", "Not supported product")
            case ["GET", "push" | "event" as feed]:
                self.bodyless(raw, path)
                table = self.push if feed == "push" else self.event
                return ok([{"deviceId": name} for (who, name) in table if who == client])
            case ["GET", "push", "devices"]:
                return ok([{"clientId": name} for name in self.account])
            case ["POST", "push", "devices"]:
                self.bodyless(raw, path)
                if client in self.account:
                    return error(400, "4001", "Already Subscirbed Home Push")
                self.account.add(client)
                return ok({})
            case ["DELETE", "push", "devices"]:
                self.account.discard(client)
                return ok({})
            case ["POST", "push", name, "subscribe"]:
                self.bodyless(raw, path)
                if (client, name) in self.push:
                    return error(404, "1207", "Already subscribed push")
                self.push[(client, name)] = True
                return ok({})
            case ["DELETE", "push", name, "unsubscribe"]:
                self.bodyless(raw, path)
                return ok({}) if self.push.pop((client, name), None) else error(404, "1206", "Not subscribed push")
            case ["POST", "event", name, "subscribe"]:
                timer = (body or {}).get("expire", {}).get("timer")
                if body != {"expire": {"unit": "HOUR", "timer": timer}} or type(timer) is not int or not 1 <= timer <= 24:
                    self.violation(f"event subscribe: body {raw!r}")
                    return error(400, "1102", "Not acceptable parameter")
                if any(d["deviceId"] == name and not d["deviceInfo"]["reportable"] for d in device.devices):
                    return error(404, "1214", "Not subscribable device")
                self.event[(client, name)] = timer
                return ok({})
            case ["DELETE", "event", name, "unsubscribe"]:
                self.bodyless(raw, path)
                return ok({}) if self.event.pop((client, name), None) else error(404, "1204", "Not subscribed event")
        self.violation(f"no such endpoint: {method} {path}")
        return error(404, "1000", "Bad request")

    def bodyless(self, raw, path):
        if raw:
            self.violation(f"{path}: a body where the reference has none: {raw!r}")

    def check_headers(self, method, path, headers, raw):
        where = f"{method} {path}"
        wanted = {"authorization": f"Bearer {TOKEN}", "x-country": COUNTRY, "x-api-key": API_KEY, "x-service-phase": "OP"}
        control = method == "POST" and path.endswith("/control")
        if control:
            wanted["x-conditional-control"] = "true"
        if raw:
            wanted["content-type"] = "application/json"
        for name, value in wanted.items():
            if headers.get(name) != value:
                self.violation(f"{where}: {name} is {headers.get(name) if name != 'authorization' else 'wrong'!r}")
        for name in headers:
            if name not in TRANSPORT and name not in {"authorization", "x-country", "x-api-key", "x-service-phase",
                                                      "x-message-id", "x-client-id", "content-type"} \
                    and not (control and name == "x-conditional-control"):
                self.violation(f"{where}: unexpected header {name}")
        client = headers.get("x-client-id", "")
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", client):
            self.violation(f"{where}: x-client-id {client!r}")
        message = headers.get("x-message-id", "")
        if not re.fullmatch(r"[A-Za-z0-9_-]{22}", message):
            self.violation(f"{where}: x-message-id {message!r}")
        else:
            uuid = base64.urlsafe_b64decode(message + "==")
            if uuid[6] >> 4 != 4 or uuid[8] >> 6 != 2:
                self.violation(f"{where}: x-message-id is no UUID v4: {message}")
        with self.lock:
            if message in self.ids:
                self.violation(f"{where}: x-message-id used twice")
            self.ids.add(message)

    def certificate(self, client, body):
        if not any(entry["text"] == "GET route" for entry in self.log):
            self.violation("POST client/certificate before GET route")
        if client not in self.clients:
            self.violation("POST client/certificate before POST client")
            return error(404, "1209", "Not exist user in service")
        if set(body or {}) != {"service-code", "csr"} or body["service-code"] != "SVC202":
            self.violation(f"certificate: members {sorted(body or {})}")
            return error(400, "1101", "Missing parameter")
        text = body["csr"]
        try:
            der = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            self.violation("certificate: the csr is no plain base64 line")
            return error(400, "1102", "Not acceptable parameter")
        pem = b"-----BEGIN CERTIFICATE REQUEST-----\n" + "\n".join(
            text[i:i + 64] for i in range(0, len(text), 64)).encode() + b"\n-----END CERTIFICATE REQUEST-----\n"
        seen = openssl("req", "-noout", "-verify", "-text", "-nameopt", "RFC2253", stdin=pem).decode()
        openssl("req", "-inform", "DER", "-noout", "-verify", stdin=der)
        rules = {"subject": r"Subject: CN=lg_thinq\n", "key": r"Public-Key: \(2048 bit\)", "exponent": r"Exponent: 65537 ",
                 "algorithm": r"Public Key Algorithm: rsaEncryption", "signature": r"Signature Algorithm: sha(256|512)WithRSAEncryption"}
        for name, pattern in rules.items():
            if not re.search(pattern, seen):
                self.violation(f"csr: {name}\n{seen}")
        # openssl prints an empty "Requested Extensions:" where there is no such attribute.
        if "X509v3" in seen or not re.search(r"Attributes:\s+\(none\)", seen):
            self.violation(f"csr: it has extensions\n{seen}")
        certificate = self.broker.signs_with.sign(pem)
        return ok({"resultCode": "0000", "result": {"certificatePem": certificate, "subscriptions": [
            f"app/clients/{client}/inbox", f"app/clients/{client}/push"], "publications": [f"app/clients/{client}/status"]}})


def ok(response):
    return 200, {"response": response}


def error(status, code, message):
    return status, {"error": {"message": message, "code": code}}


class Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cloud = None

    def serve(self):
        cloud = self.cloud
        headers = {}
        for name, value in self.headers.items():
            if name.lower() in headers:
                cloud.violation(f"{self.command} {self.path}: {name} twice")
            headers[name.lower()] = value
        raw = self.rfile.read(int(headers.get("content-length", 0)))
        path = urlsplit(self.path).path.strip("/")
        if not self.path.startswith("/") or "//" in self.path:
            cloud.violation(f"path {self.path!r}")
        cloud.note("rest", f"{self.command} {path}")
        fault = cloud.fault_for(f"{self.command} {path}")
        if fault:
            time.sleep(fault.get("delay", 0))
            if "drop" in fault:
                self.close_connection = True
                return
            if "html" in fault:
                self.reply(fault["http"], fault["html"].encode(), "text/html")
                return
            if "code" in fault:
                self.envelope(*error(fault["http"], fault["code"], fault.get("message", "")), headers)
                return
        try:
            with cloud.lock:
                status, content = cloud.answer(self, self.command, path, headers, raw)
        except Exception as problem:  # a bug here, or a body that is no JSON: both must be seen
            cloud.violation(f"{self.command} {path}: {problem!r}")
            status, content = error(500, "2000", "Internal server error")
        self.envelope(status, content, headers)

    def envelope(self, status, content, headers):
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + ".219000"
        whole = {"messageId": headers.get("x-message-id", ""), "timestamp": stamp, **content}
        self.reply(status, json.dumps(whole, ensure_ascii=False).encode(), "application/json;charset=UTF-8")

    def reply(self, status, content, kind):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_DELETE = do_PUT = serve

    def log_message(self, *arguments):
        """Nothing on stderr: the log is asked for."""


def main():
    folder, fixtures = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    cloud = Cloud(folder, fixtures)

    def say(value):
        print(json.dumps(value, ensure_ascii=False, default=str), flush=True)

    try:
        say({"ready": True, "api_url": f"https://127.0.0.1:{cloud.server.server_port}", "token": TOKEN,
             "mqtt_url": f"mqtts://127.0.0.1:{cloud.broker.port}", "ca_file": str(cloud.root.certificate),
             "devices": cloud.home.devices})
        for line in sys.stdin:
            try:
                order = json.loads(line)
                answer = cloud.command(order)
                if isinstance(answer, dict):
                    answer = {name: ([list(key) for key in value] if isinstance(value, (dict, list)) and name in ("push", "event")
                                     else value) for name, value in answer.items()}
                say({"ok": answer})
            except Exception as problem:
                say({"error": repr(problem)})
    finally:
        cloud.broker.stop()


if __name__ == "__main__":
    main()

"""The registry of an IoT Core look-alike: devices, keys, tokens, and its REST API in Google's and in ClearBlade's dialect.

Written from reference/google-iot-core.md alone, without a look at src/sim; `google_bridge.py` is the MQTT side and the program.
Signatures are checked by the `openssl` command.
"""

import base64
import binascii
import json
import re
import subprocess
import tempfile
import threading
import time
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

PROJECT, REGION, REGISTRY = "acme-plant", "us-central1", "floor-7"
PARENT = f"projects/{PROJECT}/locations/{REGION}"
PATH = f"{PARENT}/registries/{REGISTRY}"
SKEW = 600
DAY = 24 * 3600
ID = re.compile(r"^(?!goog)[A-Za-z][A-Za-z0-9\-._+~%]{2,254}$")
# Section 10: the fields of a device, as a mask names them.
FIELDS = {
    "id": "id", "num_id": "numId", "name": "name", "credentials": "credentials", "blocked": "blocked", "config": "config",
    "state": "state", "metadata": "metadata", "log_level": "logLevel", "gateway_config": "gatewayConfig",
    "last_heartbeat_time": "lastHeartbeatTime", "last_event_time": "lastEventTime", "last_state_time": "lastStateTime",
    "last_config_ack_time": "lastConfigAckTime", "last_config_send_time": "lastConfigSendTime",
    "last_error_time": "lastErrorTime", "last_error_status": "lastErrorStatus",
}
HTTP = {"INVALID_ARGUMENT": 400, "FAILED_PRECONDITION": 400, "UNAUTHENTICATED": 401, "PERMISSION_DENIED": 403, "NOT_FOUND": 404,
        "ABORTED": 409, "ALREADY_EXISTS": 409, "RESOURCE_EXHAUSTED": 429, "INTERNAL": 500, "UNAVAILABLE": 503}


class No(Exception):
    """A refusal: an RPC status and its words."""

    def __init__(self, status, words):
        super().__init__(words)
        self.status, self.words = status, words


def rfc3339(at):
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def unbase64url(part):
    """Strict: no padding, none of the other alphabet (section 4)."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", part) or len(part) % 4 == 1:
        raise No("UNAUTHENTICATED", "not base64url without padding")
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def der_integer(raw):
    raw = raw.lstrip(b"\0") or b"\0"
    if raw[0] & 0x80:
        raw = b"\0" + raw
    return bytes([2, len(raw)]) + raw


def verified(public_pem, algorithm, signed, signature):
    """By openssl: RS256 is PKCS#1 v1.5, ES256 is 64 raw bytes on P-256."""
    about = subprocess.run(["openssl", "pkey", "-pubin", "-in", str(public_pem), "-noout", "-text"], capture_output=True, check=True)
    is_ec = b"prime256v1" in about.stdout
    if is_ec != (algorithm == "ES256"):
        return False
    if is_ec:
        if len(signature) != 64:
            return False
        body = der_integer(signature[:32]) + der_integer(signature[32:])
        signature = bytes([0x30, len(body)]) + body
    with tempfile.NamedTemporaryFile() as file:
        file.write(signature)
        file.flush()
        done = subprocess.run(["openssl", "dgst", "-sha256", "-verify", str(public_pem), "-signature", file.name], input=signed,
                              capture_output=True, check=False)
    return done.returncode == 0


def whole(value):
    return isinstance(value, int) and not isinstance(value, bool)


def read_token(token):
    """Header, claims, what is signed, and the signature."""
    parts = token.split(".")
    if len(parts) != 3:
        raise No("UNAUTHENTICATED", f"a token has three parts, not {len(parts)}")
    header, claims = (json.loads(unbase64url(part)) for part in parts[:2])
    return header, claims, ".".join(parts[:2]).encode(), unbase64url(parts[2])


class Device:
    def __init__(self, name, number, keys=(), gateway=None):
        self.id, self.number, self.keys, self.method = name, number, list(keys), gateway
        self.blocked, self.metadata, self.log_level = False, {}, "NONE"
        self.configs = [{"version": 1, "data": b"", "updated": time.time(), "acknowledged": None}]
        self.states, self.times, self.error, self.gateways = [], {}, None, set()
        self.config_written = 0.0

    def seen(self, what):
        self.times[what] = time.time()

    def json(self, times_as_empty):
        def moment(what):
            at = self.times.get(what)
            return rfc3339(at) if at else ("" if times_as_empty else None)

        gateway = {"gatewayType": "GATEWAY" if self.method else "NON_GATEWAY"}
        if self.method:
            gateway["gatewayAuthMethod"] = self.method
        error = self.error or (None, None)
        everything = {
            "id": self.id, "numId": str(self.number), "name": f"{PATH}/devices/{self.number}", "blocked": self.blocked or None,
            "credentials": [{"publicKey": {"format": form, "key": key.read_text()}} for form, key in self.keys],
            "config": config_json(self.configs[0]), "state": None, "metadata": self.metadata or None, "logLevel": self.log_level,
            "gatewayConfig": gateway, "lastHeartbeatTime": moment("heartbeat"), "lastEventTime": moment("event"),
            "lastStateTime": moment("state"), "lastConfigAckTime": moment("config_ack"),
            "lastConfigSendTime": moment("config_send"), "lastErrorTime": rfc3339(error[0]) if error[0] else None,
            "lastErrorStatus": {"code": 9, "message": error[1]} if error[1] else None,
        }
        return {name: value for name, value in everything.items() if value is not None}


def config_json(config):
    out = {"version": str(config["version"]), "cloudUpdateTime": rfc3339(config["updated"]),
           "binaryData": base64.b64encode(config["data"]).decode()}
    if config["acknowledged"]:
        out["deviceAckTime"] = rfc3339(config["acknowledged"])
    return out


class Registry:
    """Shared by the bridge and the REST API, under one lock."""

    def __init__(self, folder, note, violation):
        self.folder, self.note, self.violation = folder, note, violation
        self.lock = threading.RLock()
        self.devices, self.page_cap, self.fault, self.bridge = {}, 500, None, None
        self.admin = ("adm1n5ys", "admin-token-77")
        self.keys = ("reg5ys", "registry-token-42")
        self.bearers, self.account, self.account_key, self.base = {}, "deck@acme-plant.iam.example", None, None

    def device(self, wanted):
        for device in self.devices.values():
            if wanted in (device.id, str(device.number)):
                return device
        raise No("NOT_FOUND", f"Device {wanted} not found")

    def check_token(self, device, token):
        """Section 4, to the letter. Answers when it ends."""
        header, claims, signed, signature = read_token(token)
        if header not in ({"alg": "RS256", "typ": "JWT"}, {"alg": "ES256", "typ": "JWT"}):
            raise No("UNAUTHENTICATED", f"the header {header}")
        issued, ends, now = claims.get("iat"), claims.get("exp"), time.time()
        if not whole(issued) or not whole(ends):
            raise No("UNAUTHENTICATED", "iat and exp are whole seconds")
        if claims.get("aud") != PROJECT:
            raise No("UNAUTHENTICATED", f"aud is {claims.get('aud')!r}")
        if ends - issued > DAY + SKEW or ends <= issued:
            raise No("UNAUTHENTICATED", "the lifetime is over 24 h, or none")
        if not issued - SKEW <= now <= ends + SKEW:
            raise No("UNAUTHENTICATED", "expired, or not valid yet")
        if not any(verified(key, header["alg"], signed, signature) for _, key in device.keys):
            raise No("UNAUTHENTICATED", "no registered key made this signature")
        return ends

    # What REST does.

    def set_config(self, device, body):
        data = unbase64(body.get("binaryData", ""))
        version = body.get("versionToUpdate", 0)
        if not (whole(version) or (isinstance(version, str) and version.isdigit())):
            raise No("INVALID_ARGUMENT", f"versionToUpdate {version!r}")
        if len(data) > 64 * 1024:
            raise No("INVALID_ARGUMENT", "a configuration is at most 64 KB")
        newest = device.configs[0]["version"]
        if int(version) not in (0, newest):
            raise No("FAILED_PRECONDITION", f"The newest version is {newest}")
        if time.time() - device.config_written < 1:
            raise No("RESOURCE_EXHAUSTED", "one configuration a second")
        return self.write_config(device, data)

    def write_config(self, device, data):
        device.config_written = time.time()
        device.configs.insert(0, {"version": device.configs[0]["version"] + 1, "data": data, "updated": time.time(),
                                  "acknowledged": None})
        del device.configs[10:]
        self.bridge.config_changed(device)
        return config_json(device.configs[0])

    def command(self, device, body):
        folder = body.get("subfolder", "")
        if len(folder) > 256 or re.search("[+#\0]", folder):
            raise No("INVALID_ARGUMENT", "that subfolder")
        if not self.bridge.deliver_command(device, folder, unbase64(body.get("binaryData", ""))):
            raise No("FAILED_PRECONDITION", f"Device {device.id} is not connected or not subscribed to commands")
        return {}

    def bind(self, body, on):
        if set(body) != {"gatewayId", "deviceId"}:
            raise No("INVALID_ARGUMENT", f"a binding of {sorted(body)}")
        gateway, device = self.device(body["gatewayId"]), self.device(body["deviceId"])
        if not gateway.method:
            raise No("INVALID_ARGUMENT", f"{gateway.id} is no gateway")
        if on:
            device.gateways.add(gateway.id)
        else:
            device.gateways.discard(gateway.id)
            self.bridge.unbound(gateway, device)
        return {}

    def list_devices(self, query, clearblade):
        found = list(self.devices.values())
        kind = query.get("gatewayListOptions.gatewayType")
        if kind:
            found = [device for device in found if bool(device.method) == (kind == "GATEWAY")]
        bound = query.get("gatewayListOptions.associationsGatewayId")
        if bound:
            self.device(bound)
            found = [device for device in found if bound in device.gateways]
        of = query.get("gatewayListOptions.associationsDeviceId")
        if of:
            found = [device for device in found if device.id in self.device(of).gateways]
        mask = query.get("fieldMask")
        page, token = self.page(found, query)
        out = [masked(device.json(clearblade), mask, clearblade) for device in page]
        return {**({"devices": out} if out else {}), **({"nextPageToken": token} if token else {})}

    def page(self, found, query):
        size = int(query.get("pageSize", "100"))
        if not 1 <= size <= 500:
            raise No("INVALID_ARGUMENT", f"pageSize {size}")
        size = min(size, self.page_cap)
        token = query.get("pageToken", "")
        start = int(token.removeprefix("at-")) if token else 0
        more = start + size < len(found)
        return found[start:start + size], f"at-{start + size}" if more else ""

    def list_registries(self, query, clearblade):
        names = [REGISTRY, "attic", "cellar"]
        page, token = self.page(names, query)
        out = {"deviceRegistries": [{"id": name, "name": f"{PARENT}/registries/{name}"} for name in page]}
        # A number in this list, a text in the other (section 11).
        if clearblade:
            return {**out, "nextPageToken": int(token.removeprefix("at-")) if token else 0}
        return {**out, **({"nextPageToken": token} if token else {})}

    def configs(self, device, query):
        return {"deviceConfigs": [config_json(c) for c in device.configs[:count(query, "numVersions")]]}

    def states(self, device, query, plain):
        """ClearBlade's are plain text unless asked for in base64 (section 11)."""
        def data(raw):
            return raw.decode(errors="replace") if plain else base64.b64encode(raw).decode()
        kept = device.states[:count(query, "numStates")]
        return {"deviceStates": [{"updateTime": rfc3339(at), "binaryData": data(raw)} for at, raw in kept]} if kept else {}


def count(query, name):
    wanted = int(query.get(name, "0"))
    if not 0 <= wanted <= 10:
        raise No("INVALID_ARGUMENT", f"{name} {wanted}")
    return wanted or 10


def unbase64(text):
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise No("INVALID_ARGUMENT", "binaryData is no base64") from error


def masked(device, mask, clearblade):
    """Without a mask Google tells ids only, ClearBlade all."""
    if mask is None:
        return device if clearblade else {"id": device["id"], "numId": device["numId"]}
    names = {"id", "numId"}
    for field in mask.split(","):
        if field not in FIELDS:
            raise No("INVALID_ARGUMENT", f"there is no field {field}")
        names.add(FIELDS[field])
    return {name: value for name, value in device.items() if name in names}


# Which parameters a call may have, besides those that every ClearBlade call may (section 10, 11).
DEVICES = {"pageSize", "pageToken", "deviceIds", "deviceNumIds", "fieldMask", "gatewayListOptions.gatewayType",
           "gatewayListOptions.associationsGatewayId", "gatewayListOptions.associationsDeviceId"}


class Rest(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry = None
    slow = 0.0

    def serve(self):
        registry = self.registry
        parts = urlsplit(self.path)
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        query = dict(pairs)
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        registry.note("rest", f"{self.command} {unquote(parts.path)}" + (f" {query.get('method')}" if "method" in query else ""))
        if registry.fault:
            fault = registry.fault.pop(0)
            if fault:
                return self.reply(fault[0], fault[1].encode(), "text/plain")
        try:
            with registry.lock:
                answer = self.answer(parts.path, query, raw)
            content, status = json.dumps(answer).encode(), 200
        except No as no:
            status = HTTP[no.status]
            content = json.dumps({"error": {"code": status, "message": no.words, "status": no.status}}).encode()
            registry.note("refused", f"{no.status} {no.words}")
        except Exception as problem:  # a bug here, or a body that is no JSON: both must be seen
            registry.violation(f"{self.command} {self.path}: {problem!r}")
            status, content = 500, b"broken"
        return self.reply(status, content, "application/json")

    def answer(self, path, query, raw):
        if path == "/token":
            return self.sign_in(raw)
        body = json.loads(raw) if raw else None
        if path.startswith("/v1/"):
            return self.google(unquote(path.removeprefix("/v1/")), query, body)
        return self.clearblade(path, query, body)

    def sign_in(self, raw):
        """RFC 7523, as section 10 tells it."""
        registry = self.registry
        if self.headers.get("content-type") != "application/x-www-form-urlencoded":
            raise No("INVALID_ARGUMENT", "the body is a form")
        form = dict(parse_qsl(raw.decode(), strict_parsing=True))
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            raise No("INVALID_ARGUMENT", "the grant type")
        header, claims, signed, signature = read_token(form["assertion"])
        now = time.time()
        right = (header.get("alg") == "RS256" and claims.get("iss") == registry.account
                 and claims.get("aud") == f"{registry.base}/token"
                 and claims.get("scope") in ("https://www.googleapis.com/auth/cloudiot",
                                             "https://www.googleapis.com/auth/cloud-platform")
                 and whole(claims.get("iat")) and whole(claims.get("exp")) and claims["exp"] - claims["iat"] <= 3600
                 and claims["iat"] - 60 <= now <= claims["exp"])
        if not right or not verified(registry.account_key, "RS256", signed, signature):
            raise No("UNAUTHENTICATED", "invalid_grant")
        bearer = f"ya29.{len(registry.bearers)}"
        registry.bearers[bearer] = now + 3599
        return {"access_token": bearer, "expires_in": 3599, "token_type": "Bearer"}

    def google(self, path, query, body):
        registry = self.registry
        bearer = self.headers.get("authorization", "").removeprefix("Bearer ")
        if registry.bearers.get(bearer, 0) < time.time():
            raise No("UNAUTHENTICATED", "no access token, or it has ended")
        get = self.command == "GET"
        if get and path == f"{PARENT}/registries":
            self.only(query, {"pageSize", "pageToken"})
            return registry.list_registries(query, False)
        if get and path == f"{PATH}/devices":
            self.only(query, DEVICES)
            return registry.list_devices(query, False)
        if path in (f"{PATH}:bindDeviceToGateway", f"{PATH}:unbindDeviceFromGateway") and not get:
            return registry.bind(body, ":bind" in path)
        found = re.fullmatch(re.escape(f"{PATH}/devices/") + r"([^/:]+)(?:([/:])(\w+))?", path)
        if not found:
            raise No("NOT_FOUND", path)
        device, verb = registry.device(found[1]), (found[2] or "") + (found[3] or "")
        match (self.command, verb):
            case ("GET", ""):
                self.only(query, {"fieldMask"})
                mask = query.get("fieldMask")
                return masked(device.json(False), mask, True)
            case ("GET", "/configVersions"):
                self.only(query, {"numVersions"})
                return registry.configs(device, query)
            case ("GET", "/states"):
                self.only(query, {"numStates"})
                return registry.states(device, query, False)
            case ("POST", ":modifyCloudToDeviceConfig"):
                self.only_body(body, {"binaryData", "versionToUpdate"})
                if "versionToUpdate" in body and not isinstance(body["versionToUpdate"], str):
                    registry.violation("an int64 is a text in Google's JSON")
                return registry.set_config(device, body)
            case ("POST", ":sendCommandToDevice"):
                self.only_body(body, {"binaryData", "subfolder"})
                return registry.command(device, body)
        raise No("NOT_FOUND", f"{self.command} {path}")

    def clearblade(self, path, query, body):
        registry = self.registry
        token = self.headers.get("clearblade-usertoken")
        if self.headers.get("authorization"):
            registry.violation("ClearBlade knows no Authorization header")
        if path == f"/api/v/1/code/{registry.admin[0]}/getRegistryCredentials" and self.command == "POST":
            if token != registry.admin[1]:
                raise No("UNAUTHENTICATED", "the admin token")
            if body != {"region": REGION, "registry": REGISTRY, "project": PROJECT}:
                raise No("NOT_FOUND", f"no registry {body}")
            return {"systemKey": registry.keys[0], "serviceAccountToken": registry.keys[1], "url": registry.base}
        found = re.fullmatch(r"/api/v/4/webhook/execute/(\w+)/(\w+)", path)
        if not found:
            raise No("NOT_FOUND", path)
        system, service = found.groups()
        method = query.get("method")
        if (system, service, self.command) == (registry.admin[0], "cloudiot", "GET"):
            self.allowed(token, registry.admin[1])
            self.only(query, {"parent", "pageSize", "pageToken"})
            self.same(query, "parent", PARENT)
            return registry.list_registries(query, True)
        if system != registry.keys[0]:
            raise No("UNAUTHENTICATED", f"system {system}")
        self.allowed(token, registry.keys[1])
        if service == "cloudiot" and self.command == "POST" and method in ("bindDeviceToGateway", "unbindDeviceFromGateway"):
            self.only(query, {"method"})
            return registry.bind(body, method.startswith("bind"))
        if service == "cloudiot_devices" and self.command == "GET" and "name" not in query:
            self.only(query, DEVICES | {"parent"})
            self.same(query, "parent", PATH)
            return registry.list_devices(query, True)
        device = registry.device(query.get("name", "").removeprefix(f"{PATH}/devices/"))
        match (self.command, service, method):
            case ("GET", "cloudiot_devices", None):
                self.only(query, {"name", "fieldMask", "base64Encode"})
                return masked(device.json(True), query.get("fieldMask"), True)
            case ("GET", "cloudiot_devices_configVersions", None):
                self.only(query, {"name", "numVersions"})
                return registry.configs(device, query)
            case ("GET", "cloudiot_devices_states", None):
                self.only(query, {"name", "numStates", "base64Encode"})
                return registry.states(device, query, query.get("base64Encode") != "true")
            case ("POST", "cloudiot_devices", "modifyCloudToDeviceConfig"):
                self.only(query, {"name", "method"})
                self.only_body(body, {"binaryData", "versionToUpdate"})
                return registry.set_config(device, body)
            case ("POST", "cloudiot_devices", "sendCommandToDevice"):
                self.only(query, {"name", "method"})
                self.only_body(body, {"binaryData", "subfolder"})
                return registry.command(device, body)
        raise No("NOT_FOUND", f"{self.command} {service} {method}")

    def allowed(self, token, right):
        if token != right:
            raise No("UNAUTHENTICATED", "the token in ClearBlade-UserToken")

    def only(self, query, names):
        for name in set(query) - names:
            self.registry.violation(f"{self.command} {self.path}: parameter {name}")

    def only_body(self, body, names):
        for name in set(body) - names:
            self.registry.violation(f"{self.command} {self.path}: member {name}")

    def same(self, query, name, right):
        if query.get(name) != right:
            raise No("NOT_FOUND", f"{name} {query.get(name)}")

    def reply(self, status, content, kind):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        try:
            self.wfile.write(content)
        except OSError:
            self.close_connection = True

    def date_time_string(self, timestamp=None):
        return super().date_time_string((timestamp or time.time()) + self.slow)

    do_GET = do_POST = serve

    def log_message(self, *arguments):
        """Nothing on stderr: the log is asked for."""

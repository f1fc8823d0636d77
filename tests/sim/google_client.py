#!/usr/bin/env python3
"""paho and PyJWT, by the platform's documented flow, against the simulated bridge.

    pip install paho-mqtt PyJWT cryptography
    python3 tests/sim/google_client.py DIR        # DIR as given to `thingdeck sim google --dir DIR`

The simulator lives while this runs: commands and configurations come by themselves. Ends with 0 when everything held.
"""

import base64
import json
import ssl
import sys
import threading
import time
import tomllib
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import jwt
import paho.mqtt.client as mqtt

PATIENCE = 15


def token(directory, key, algorithm, project="plant", age=0, minutes=60, **more):
    now = int(time.time()) - age
    claims = {"iat": now, "exp": now + minutes * 60, "aud": project, **more}
    return jwt.encode(claims, (directory / f"{key}.pem").read_text(), algorithm=algorithm)


class Bridge:
    """One connection, and what came of it."""

    def __init__(self, directory, url, device, password, client_id=None, username="unused", protocol=mqtt.MQTTv311):
        self.codes, self.acks, self.messages, self.closed = [], set(), [], threading.Event()
        self.changed = threading.Condition()
        client_id = client_id or f"projects/plant/locations/us-central1/registries/sensors/devices/{device}"
        version = mqtt.CallbackAPIVersion.VERSION2
        self.client = mqtt.Client(version, client_id, protocol=protocol, reconnect_on_failure=False)
        if username is not None:
            self.client.username_pw_set(username, password)
        self.client.tls_set(ca_certs=str(directory / "ca.pem"), tls_version=ssl.PROTOCOL_TLS_CLIENT)
        self.client.on_connect = lambda c, u, f, code, p: self.put(self.codes.append, code)
        self.client.on_disconnect = lambda *a: self.put(lambda _: self.closed.set(), None)
        self.client.on_publish = lambda c, u, mid, *a: self.put(self.acks.add, mid)
        self.client.on_message = lambda c, u, m: self.put(self.messages.append, m)
        parts = urllib.parse.urlparse(url)
        self.client.connect(parts.hostname, parts.port, keepalive=60)
        self.client.loop_start()
        self.wait("a CONNACK", lambda: self.codes or self.closed.is_set())

    def put(self, act, value):
        with self.changed:
            act(value)
            self.changed.notify_all()

    def wait(self, what, test, patience=PATIENCE):
        with self.changed:
            assert self.changed.wait_for(test, patience), f"never happened: {what}"

    def publish(self, topic, payload="{}", qos=1):
        return self.client.publish(topic, payload, qos).mid

    def acknowledged(self, mid):
        self.wait(f"PUBACK {mid}", lambda: mid in self.acks)

    def subscribe(self, topic, qos=1):
        self.client.subscribe(topic, qos)

    def message(self, what, test):
        self.wait(what, lambda: any(test(m) for m in self.messages))
        return next(m for m in self.messages if test(m))

    def is_up(self):
        return bool(self.codes) and self.codes[0] == 0

    def end(self):
        self.client.disconnect()
        self.client.loop_stop()


def refused(directory, url, device, password, **more):
    bridge = Bridge(directory, url, device, password, **more)
    code = bridge.codes[0].value if bridge.codes else None
    bridge.end()
    return code


def hangs_up(directory, url, what, act):
    bridge = Bridge(directory, url, "meter-1", token(directory, "meter-1", "RS256"))
    assert bridge.is_up(), what
    act(bridge)
    bridge.wait(f"a hang-up: {what}", bridge.closed.is_set)
    bridge.end()


def call(directory, method, url, headers, body=None):
    context = ssl.create_default_context(cafile=str(directory / "ca.pem"))
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, context=context, timeout=PATIENCE) as answer:
            return answer.status, json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"{}")


def connects(directory, url):
    for device, algorithm in [("gateway", "ES256"), ("meter-1", "RS256")]:
        bridge = Bridge(directory, url, device, token(directory, device, algorithm))
        assert bridge.is_up(), (device, bridge.codes)
        bridge.end()
    good = token(directory, "meter-1", "RS256")
    wrong = {
        "another key": token(directory, "sensor-2", "RS256"),
        "another project": token(directory, "meter-1", "RS256", project="other"),
        "expired": token(directory, "meter-1", "RS256", age=3600 + 660, minutes=60),
        "in milliseconds": token(directory, "meter-1", "RS256", iat=int(time.time()) * 1000),
        "from the future": token(directory, "meter-1", "RS256", age=-900),
        "a day and more": token(directory, "meter-1", "RS256", minutes=60 * 25),
        "padded": good + "=",
        "no token": "secret",
    }
    for what, password in wrong.items():
        code = refused(directory, url, "meter-1", password)
        assert code == 134, (what, code)  # paho's name for 4 in 3.1.1: bad user name or password
    within = token(directory, "meter-1", "RS256", age=3600 + 300)
    bridge = Bridge(directory, url, "meter-1", within)
    assert bridge.is_up(), "ten minutes of skew are forgiven"
    bridge.end()
    assert refused(directory, url, "x", good, client_id="meter-1") == 133, "a client id that is no path"
    assert refused(directory, url, "nobody", good) == 134, "an unknown device"


def rules(directory, url):
    for what, act in {
        "QoS 2": lambda b: b.publish("/devices/meter-1/events", "x", 2),
        "a topic of its own": lambda b: b.publish("meter", "x"),
        "another device": lambda b: b.publish("/devices/sensor-1/events", "x"),
        "attach": lambda b: b.publish("/devices/sensor-1/attach"),
        "too large": lambda b: b.publish("/devices/meter-1/events", "x" * (256 * 1024 + 1)),
        "state too large": lambda b: b.publish("/devices/meter-1/state", "x" * (64 * 1024 + 1)),
        "two states": lambda b: [b.publish("/devices/meter-1/state", "x") for _ in range(2)],
        "a wildcard": lambda b: b.subscribe("#"),
        "one subfolder": lambda b: b.subscribe("/devices/meter-1/commands/led"),
        "another's config": lambda b: b.subscribe("/devices/sensor-1/config"),
    }.items():
        hangs_up(directory, url, what, act)


def gateway(directory, url):
    bridge = Bridge(directory, url, "gateway", token(directory, "gateway", "ES256"))
    bridge.subscribe("/devices/gateway/errors", 0)
    bridge.subscribe("/devices/gateway/config")
    bridge.message("its configuration", lambda m: m.topic == "/devices/gateway/config")
    for payload in ["", "{}", '{"authorization":""}']:
        bridge.acknowledged(bridge.publish("/devices/sensor-1/attach", payload))
    bridge.subscribe("/devices/sensor-1/config")
    bridge.subscribe("/devices/sensor-1/commands/#")
    bridge.message("the device's configuration", lambda m: m.topic == "/devices/sensor-1/config")
    bridge.acknowledged(bridge.publish("/devices/sensor-1/events/alarms", "loud"))
    bridge.acknowledged(bridge.publish("/devices/sensor-1/state", "on"))

    def error(what, kind, mid):
        found = bridge.message(
            what, lambda m: m.topic.endswith("/errors") and json.loads(m.payload)["packet_id"] == mid
        )
        content = json.loads(found.payload)
        assert content["error_type"] == kind, content
        assert mid not in bridge.acks, what
        assert not bridge.closed.is_set(), what

    error("not bound", "GATEWAY_ATTACHMENT_ERROR", bridge.publish("/devices/sensor-3/attach"))
    error("blocked", "GATEWAY_ATTACHMENT_ERROR", bridge.publish("/devices/sensor-4/attach"))
    error("not attached", "GATEWAY_DEVICE_NOT_FOUND", bridge.publish("/devices/sensor-2/events", "x"))
    error("no such topic", "GATEWAY_INVALID_MQTT_TOPIC", bridge.publish("/devices/sensor-1/telemetry", "x"))
    bridge.acknowledged(bridge.publish("/devices/sensor-1/detach"))
    bridge.acknowledged(bridge.publish("/devices/sensor-1/detach"))
    error("detached", "GATEWAY_DEVICE_NOT_FOUND", bridge.publish("/devices/sensor-1/events", "x"))
    bridge.end()

    both = Bridge(directory, url, "gateway-both", token(directory, "gateway-both", "ES256"))
    own = json.dumps({"authorization": token(directory, "sensor-2", "RS256")})
    both.acknowledged(both.publish("/devices/sensor-2/attach", own))
    mid = both.publish("/devices/sensor-1/attach", own)
    time.sleep(1)
    assert mid not in both.acks, "another device's token attaches nobody"
    both.end()


def registry(directory, url, api):
    keys = json.loads((directory / "clearblade.json").read_text())
    header = {"ClearBlade-UserToken": keys["token"], "Content-Type": "application/json"}
    where = {"region": "us-central1", "registry": "sensors", "project": "plant"}
    path = f"{api}/api/v/1/code/{keys['systemKey']}/getRegistryCredentials"
    status, found = call(directory, "POST", path, header, where)
    assert status == 200, found
    header["ClearBlade-UserToken"] = found["serviceAccountToken"]
    base = f"{found['url']}/api/v/4/webhook/execute/{found['systemKey']}"
    parent = "projects/plant/locations/us-central1/registries/sensors"

    def clearblade(verb, service, body=None, **query):
        return call(directory, verb, f"{base}/{service}?{urllib.parse.urlencode(query)}", header, body)

    names, page = [], ""
    while True:
        status, found = clearblade("GET", "cloudiot_devices", parent=parent, pageSize=5, pageToken=page)
        assert status == 200, found
        names += [device["id"] for device in found["devices"]]
        page = found.get("nextPageToken")
        if not page:
            break
    assert len(names) == len(set(names)) and "sensor-1" in names, names
    assert clearblade("GET", "cloudiot_devices", name=f"{parent}/devices/nobody")[0] == 404
    bridge = Bridge(directory, url, "meter-1", token(directory, "meter-1", "RS256"))
    bridge.acknowledged(bridge.publish("/devices/meter-1/state", b"\xff\x00on"))
    name = f"{parent}/devices/meter-1"
    status, found = clearblade("GET", "cloudiot_devices_states", name=name, base64Encode="true")
    assert base64.b64decode(found["deviceStates"][0]["binaryData"]) == b"\xff\x00on", found
    body = {"binaryData": base64.b64encode(b"look").decode()}
    status, found = clearblade("POST", "cloudiot_devices", body, name=name, method="sendCommandToDevice")
    assert status == 400 and found["error"]["status"] == "FAILED_PRECONDITION", found
    bridge.subscribe("/devices/meter-1/commands/#")
    bridge.subscribe("/devices/meter-1/config")
    bridge.message("the first configuration", lambda m: m.topic.endswith("/config"))
    body["subfolder"] = "a/b"
    status, found = clearblade("POST", "cloudiot_devices", body, name=name, method="sendCommandToDevice")
    assert status == 200, found
    bridge.message("the command", lambda m: m.topic.endswith("/commands/a/b") and m.payload == b"look")

    account = json.loads((directory / "service-account.json").read_text())
    now = int(time.time())
    claims = {
        "iss": account["client_email"],
        "scope": "https://www.googleapis.com/auth/cloudiot",
        "aud": account["token_uri"],
        "iat": now,
        "exp": now + 3600,
    }
    grant = {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": jwt.encode(claims, account["private_key"], algorithm="RS256"),
    }
    form = urllib.parse.urlencode(grant).encode()
    status, found = call(directory, "POST", account["token_uri"], {}, form)
    assert status == 200, found
    bearer = {"Authorization": f"Bearer {found['access_token']}", "Content-Type": "application/json"}
    status, found = call(directory, "GET", f"{api}/v1/{parent}/devices?pageSize=3", bearer)
    assert all(set(device) == {"id", "numId"} for device in found["devices"]), found
    status, found = call(directory, "GET", f"{api}/v1/{parent}/devices?fieldMask=gateway_config,blocked", bearer)
    assert all("gatewayConfig" in device for device in found["devices"]), found
    status, found = call(directory, "GET", f"{api}/v1/{name}/configVersions", bearer)
    newest = found["deviceConfigs"][0]["version"]
    path = f"{api}/v1/{name}:modifyCloudToDeviceConfig"
    body = {"binaryData": base64.b64encode(b"new").decode(), "versionToUpdate": str(int(newest) + 7)}
    status, found = call(directory, "POST", path, bearer, body)
    assert status == 400 and found["error"]["status"] == "FAILED_PRECONDITION", found
    body["versionToUpdate"] = newest
    status, found = call(directory, "POST", path, bearer, body)
    assert status == 200 and int(found["version"]) == int(newest) + 1, found
    bridge.message("the new configuration", lambda m: m.topic.endswith("/config") and m.payload == b"new")
    deadline = time.time() + PATIENCE
    while "deviceAckTime" not in call(directory, "GET", f"{api}/v1/{name}/configVersions", bearer)[1]["deviceConfigs"][0]:
        assert time.time() < deadline, "the configuration was acknowledged"
        time.sleep(0.1)
    assert call(directory, "GET", f"{api}/v1/{parent}/devices", {})[0] == 401
    bridge.end()


def main():
    directory = Path(sys.argv[1])
    profile = tomllib.loads((directory / "config.toml").read_text())["profiles"]["gateway"]
    url, api = profile["mqtt_url"], profile["api_url"]
    connects(directory, url)
    rules(directory, url)
    gateway(directory, url)
    registry(directory, url, api)
    print("everything held")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""paho-mqtt by Huawei's documented flows, and Huawei's own REST SDK, against the simulator, unchanged.

    pip install paho-mqtt huaweicloudsdkiotda
    python3 tests/sim/huawei_paho.py DIR          # DIR as given to `thingdeck sim huawei --dir DIR`

The login is made here from id, secret and hour; the SDK signs (and asks IAM for its token) independently of everything
in this repository. Ends with 0 when everything held.
"""

import hashlib
import hmac
import json
import queue
import re
import ssl
import sys
import threading
import time
import tomllib
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import urlparse

import paho.mqtt.client as paho
from huaweicloudsdkcore.auth.credentials import BasicCredentials, DerivedCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException, ServiceResponseException
from huaweicloudsdkcore.http.http_config import HttpConfig
from huaweicloudsdkiotda.v5 import (
    AddDevice,
    AddDeviceRequest,
    AuthInfo,
    CreateCommandRequest,
    CreateMessageRequest,
    DeleteDeviceRequest,
    DeviceCommandRequest,
    DeviceMessageRequest,
    DevicePropertiesRequest,
    IoTDAClient,
    ListDevicesRequest,
    ListPropertiesRequest,
    ShowDeviceRequest,
    ShowDeviceShadowRequest,
    ShowProductRequest,
    UpdateDesireds,
    UpdateDesired,
    UpdateDeviceShadowDesiredDataRequest,
    UpdatePropertiesRequest,
)

LIMIT = 15
DIR = Path(sys.argv[1])
CONFIG = tomllib.loads((DIR / "config.toml").read_text())
CA = str(DIR / "ca.pem")
PLAIN = re.search(r"without TLS: (mqtt://\S+)", (DIR / "config.toml").read_text())[1]


def profile(name):
    return CONFIG["profiles"][name]


def secret(name):
    return (DIR / profile(name)["secret"]["file"]).read_text().strip()


def say(text):
    print(f"ok  {text}", flush=True)


def login(device, key, signature=1, access=0, hour=None):
    hour = hour or datetime.now(timezone.utc).strftime("%Y%m%d%H")
    password = hmac.new(hour.encode(), key.encode(), hashlib.sha256).hexdigest()
    return f"{device}_{access}_{signature}_{hour}", device, password


class Device:
    """A device as Huawei's documentation has it: no subscription but for v1 and custom topics."""

    def __init__(self, name, url=None, protocol=paho.MQTTv311, keep_alive=120, cert=None, **how):
        self.device = how.pop("device", None) or profile(name)["device_id"]
        key = how.pop("key", None) or (secret(name) if cert is None else "")
        self.id, user, password = login(self.device, key, **how)
        url = urlparse(url or profile(name)["mqtt_url"])
        transport = "websockets" if url.scheme == "wss" else "tcp"
        self.client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, client_id=self.id, protocol=protocol, transport=transport
        )
        self.client.username_pw_set(user, None if cert else password)
        if url.scheme != "mqtt":
            context = ssl.create_default_context(cafile=CA)
            if cert:
                context.load_cert_chain(*cert)
            self.client.tls_set_context(context)
        self.messages, self.connacks, self.ends, self.acks = (queue.Queue() for _ in range(4))
        self.client.on_connect = lambda c, u, f, reason, p: self.connacks.put(reason)
        self.client.on_disconnect = lambda c, u, f, reason, p: self.ends.put(reason)
        self.client.on_publish = lambda c, u, mid, reason, p: self.acks.put(mid)
        self.client.on_message = lambda c, u, message: self.heard(message)
        self.answering = {}
        self.client.connect(url.hostname, url.port, keepalive=keep_alive)
        self.client.loop_start()
        self.connack = self.connacks.get(timeout=LIMIT)
        if self.connack.is_failure:
            self.client.loop_stop()

    def heard(self, message):
        for part, answer in self.answering.items():
            if part in message.topic and "response" not in message.topic:
                threading.Thread(target=answer, args=(message,)).start()
                return
        self.messages.put(message)

    def publish(self, topic, body, qos=1):
        payload = body if isinstance(body, (bytes, str)) else json.dumps(body)
        self.client.publish(topic, payload, qos)
        if qos:
            self.acks.get(timeout=LIMIT)

    def sys(self, rest):
        return f"$oc/devices/{self.device}/sys/{rest}"

    def until(self, part):
        """The next message whose topic holds this; the simulated world says other things, too."""
        end = time.monotonic() + LIMIT
        while True:
            message = self.messages.get(timeout=max(0.01, end - time.monotonic()))
            if part in message.topic:
                return message

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


def refused(code, **how):
    device = Device(**how)
    got = device.connack.value
    names = {2: 133, 4: 134, 5: 135}
    assert got == names[code], (got, code)


def rest_client(name, derived=True):
    rest = profile(name)["rest"]
    config = HttpConfig.get_default_config()
    config.ssl_ca_cert = CA
    config.timeout = 40
    if "access_key" in rest:
        key = (DIR / rest["secret_key"]["file"]).read_text().strip()
        credentials = BasicCredentials(rest["access_key"], key, rest["project_id"])
        if derived:
            credentials = credentials.with_derived_predicate(DerivedCredentials.get_default_derived_predicate())
    builder = IoTDAClient.new_builder().with_http_config(config).with_credentials(credentials)
    from huaweicloudsdkcore.region.region import Region

    return builder.with_region(Region(rest["region"], rest["api_url"])).build()


def sdk_refused(code, call, what):
    try:
        answer = call()
    except (ClientRequestException, ServiceResponseException) as error:
        assert error.error_code == code and error.request_id, error
        return say(f"{what}: {error.status_code} {error.error_code} {error.error_msg[:60]}")
    raise AssertionError(f"{what} went through: {answer}")


def main():
    # --- who comes in
    meter = Device("meter")
    assert meter.connack.value == 0
    say("3.1.1 over TLS, signature type 1")
    five = Device("meter-manual", protocol=paho.MQTTv5)
    assert five.connack.value == 0
    say("5 over TLS")
    wss = Device("meter-wss")
    assert wss.connack.value == 0
    say("3.1.1 over WebSocket")
    plain = Device("meter-iam", url=PLAIN)
    assert plain.connack.value == 0
    say("without TLS")
    plain.close()
    old = (datetime.now(timezone.utc) - timedelta(days=700)).strftime("%Y%m%d%H")
    years = Device("meter-iam", signature=0, hour=old)
    assert years.connack.value == 0
    say("type 0 with an hour of two years ago")
    years.close()
    x509 = Device("meter-x509", cert=(str(DIR / "meter-5.pem"), str(DIR / "meter-5.key")))
    assert x509.connack.value == 0
    say("a certificate without a password")
    x509.close()
    refused(4, name="meter-iam", hour=old)
    refused(4, name="meter-iam", key="wrongwrong")
    refused(4, name="meter-iam", device="nobody", key="wrongwrong")
    refused(2, name="meter-iam", keep_alive=20)
    refused(2, name="meter-iam", access=7)
    refused(5, name="frozen")
    say("refusals 2, 4 and 5")
    newer = Device("meter-manual", signature=0, hour=old)
    assert newer.connack.value == 0
    five.ends.get(timeout=LIMIT)
    five.client.loop_stop()
    say("the newer connection wins under another client id")
    newer.close()

    # --- up
    meter.publish(
        meter.sys("properties/report"),
        {"services": [{"service_id": "Meter", "properties": {"voltage": 229.5, "nonsense": 1}}]},
    )
    meter.publish(meter.sys("properties/report") + "?request_id=trace-1", {"services": []})
    meter.publish(meter.sys("shadow/get/request_id=s1"), {"service_id": "Meter"})
    shadow = json.loads(meter.until("shadow/get/response/request_id=s1").payload)
    reported = shadow["shadow"][0]["reported"]["properties"]
    assert reported["voltage"] == 229.5 and "nonsense" not in reported
    say("report and shadow, without a subscription")
    meter.publish(
        meter.sys("events/up"),
        {"services": [{"service_id": "$time_sync", "event_type": "time_sync_request", "event_time": "20260101T000000Z", "paras": {"device_send_time": 1}}]},
    )
    event = json.loads(meter.until("events/down").payload)
    while event["services"][0]["service_id"] != "$time_sync":
        event = json.loads(meter.until("events/down").payload)
    assert abs(event["services"][0]["paras"]["server_recv_time"] / 1000 - time.time()) < 5
    say("time sync")

    # --- REST by the SDK
    client = rest_client("meter")
    marker, seen = None, []
    while True:
        page = client.list_devices(ListDevicesRequest(limit=5, marker=marker))
        seen += [device.device_id for device in page.devices]
        if len(page.devices) < 5:
            break
        marker = page.page.marker
    assert len(seen) == len(set(seen)) == page.page.count, seen
    say(f"{len(seen)} devices by pages")
    named = client.list_devices(ListDevicesRequest(device_name="3층 전력량계"))
    assert len(named.devices) == 1
    say("a query in Korean is signed alike")
    shown = client.show_device(ShowDeviceRequest(device_id=meter.device))
    assert shown.status == "ONLINE" and shown.auth_info.auth_type == "SECRET"
    product = client.show_product(ShowProductRequest(product_id=shown.product_id))
    assert product.service_capabilities[0].service_id == "Meter"
    shadow = client.show_device_shadow(ShowDeviceShadowRequest(device_id=meter.device))
    assert shadow.shadow
    say("device, product, shadow")
    changed = client.update_device_shadow_desired_data(
        UpdateDeviceShadowDesiredDataRequest(
            device_id=meter.device,
            body=UpdateDesireds(shadow=[UpdateDesired(service_id="Meter", desired={"reportInterval": 30})]),
        )
    )
    wishes = [s.desired.properties for s in changed.shadow if s.service_id == "Meter"]
    assert wishes == [{"reportInterval": 30}], changed
    say("desired")

    def answer(part, body):
        def reply(message):
            rid = message.topic.split("request_id=")[1]
            meter.client.publish(meter.sys(f"{part}/response/request_id={rid}"), json.dumps(body), 1)

        return reply

    meter.answering = {
        "/commands/": answer("commands", {"result_code": 0, "response_name": "SWITCH_RESPONSE", "paras": {"result": "好"}}),
        "/properties/set/": answer("properties/set", {"result_code": 0, "result_desc": "success"}),
        "/properties/get/": answer("properties/get", {"services": [{"service_id": "Meter", "properties": {"voltage": 1}}]}),
    }
    order = DeviceCommandRequest(service_id="Meter", command_name="SWITCH", paras={"value": "ON"})
    done = client.create_command(CreateCommandRequest(device_id=meter.device, body=order))
    assert done.response["paras"]["result"] == "好", done
    say("a command and its answer")
    done = client.update_properties(
        UpdatePropertiesRequest(
            device_id=meter.device,
            body=DevicePropertiesRequest(services=[{"service_id": "Meter", "properties": {"reportInterval": 5}}]),
        )
    )
    assert done.response["result_code"] == 0
    done = client.list_properties(ListPropertiesRequest(device_id=meter.device, service_id="Meter"))
    assert done.response["services"][0]["properties"]["voltage"] == 1
    say("properties set and got")
    done = client.create_message(
        CreateMessageRequest(device_id=meter.device, body=DeviceMessageRequest(message={"안녕": 1}, name="sdk"))
    )
    while True:
        message = json.loads(meter.until("messages/down").payload)
        if message.get("id") == done.message_id:
            break
    assert message["content"] == {"안녕": 1}
    say("a message")
    sdk_refused("IOTDA.014112", lambda: client.create_message(CreateMessageRequest(device_id=meter.device, body=DeviceMessageRequest(message="x", topic="config"))), "no subscription")
    meter.client.subscribe(f"$oc/devices/{meter.device}/user/config", 1)
    time.sleep(0.5)
    client.create_message(
        CreateMessageRequest(device_id=meter.device, body=DeviceMessageRequest(message="raw words", topic="config", payload_format="raw"))
    )
    assert meter.until("/user/config").payload == b"raw words"
    say("a custom topic")
    sdk_refused("IOTDA.013002", lambda: client.create_command(CreateCommandRequest(device_id=meter.device, body=DeviceCommandRequest(service_id="Meter", command_name="FLY", paras={}))), "no such command")
    sdk_refused("IOTDA.000017", lambda: client.list_devices(ListDevicesRequest(limit=51)), "limit 51")
    sdk_refused("IOTDA.014000", lambda: client.show_device(ShowDeviceRequest(device_id="nobody")), "no such device")
    sdk_refused("IOTDA.000002", lambda: rest_client("meter", derived=False).list_devices(ListDevicesRequest()), "standard signature")
    made = client.add_device(
        AddDeviceRequest(body=AddDevice(node_id="sdk-1", product_id=shown.product_id, device_name="새 미터", auth_info=AuthInfo(auth_type="SECRET", secret="abcdefgh12345678")))
    )
    fresh = Device("meter", device=made.device_id, key="abcdefgh12345678")
    assert fresh.connack.value == 0
    fresh.close()
    client.delete_device(DeleteDeviceRequest(device_id=made.device_id))
    refused(4, name="meter", device=made.device_id, key="abcdefgh12345678")
    say("registered, connected, deleted, refused")

    # --- IAM
    rest = profile("meter-iam")["rest"]
    context = ssl.create_default_context(cafile=CA)
    body = {
        "auth": {
            "identity": {
                "methods": ["password"],
                "password": {"user": {"name": rest["user"], "password": (DIR / rest["password"]["file"]).read_text().strip(), "domain": {"name": rest["domain"]}}},
            },
            "scope": {"project": {"name": rest["region"]}},
        }
    }
    ask = urllib.request.Request(rest["iam_url"] + "/v3/auth/tokens", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(ask, context=context) as reply:
        token = reply.headers["X-Subject-Token"]
        assert reply.status == 201 and json.load(reply)["token"]["expires_at"]
    with_token = lambda path: json.load(urllib.request.urlopen(urllib.request.Request(rest["api_url"] + path, headers={"X-Auth-Token": token}), context=context))
    project = with_token(f"/v3/projects?name={rest['region']}")["projects"][0]["id"]
    assert with_token(f"/v5/iot/{project}/devices")["devices"]
    say("IAM: token, project, devices")

    # --- v1
    v1 = Device("meter-v1")
    assert v1.connack.value == 0
    v1.client.subscribe(f"/huawei/v1/devices/{v1.device}/command/json", 1)

    def older(message):
        order = json.loads(message.payload)
        assert order["msgType"] == "cloudReq" and isinstance(order["mid"], int)
        response = {"msgType": "deviceRsp", "mid": order["mid"], "errcode": 0, "body": {"cmd": order["cmd"]}}
        v1.client.publish(f"/huawei/v1/devices/{v1.device}/data/json", json.dumps(response), 1)

    v1.answering = {"/command/json": older}
    v1.publish(
        f"/huawei/v1/devices/{v1.device}/data/json",
        {"msgType": "deviceReq", "hasMore": 0, "data": [{"serviceId": "Meter", "serviceData": {"power": 7}, "eventTime": "20260101T000000Z"}]},
    )
    time.sleep(0.5)
    shadow = client.show_device_shadow(ShowDeviceShadowRequest(device_id=v1.device))
    assert shadow.shadow[0].reported.properties == {"power": 7}, shadow
    done = client.create_command(CreateCommandRequest(device_id=v1.device, body=order))
    assert done.response["result_code"] == 0 and done.response["paras"] == {"cmd": "SWITCH"}
    say("v1: report, command")

    # --- a device that does not answer, last because it takes 20 s
    meter.answering = {}
    ask = urllib.request.Request(
        rest["api_url"] + f"/v5/iot/{project}/devices/{meter.device}/commands",
        json.dumps({"service_id": "Meter", "command_name": "READ", "paras": {}}).encode(),
        {"X-Auth-Token": token},
    )
    with urllib.request.urlopen(ask, context=context, timeout=40) as reply:
        assert reply.status == 200 and json.load(reply)["error_code"] == "IOTDA.014111"
    say("no answer in 20 s: a success in HTTP")


main()
print("all held")

#!/usr/bin/env python3
"""Huawei's own device SDK for Python (1.2.0) against the simulator, unchanged.

    git clone https://github.com/huaweicloud/huaweicloud-iot-device-sdk-python SDK
    pip install paho-mqtt requests schedule apscheduler
    thingdeck sim huawei --dir DIR --mqtt-port 8883     # the SDK takes no ports but 8883 (TLS) and 1883 (without)
    PYTHONPATH=SDK python3 tests/sim/huawei_device_sdk.py DIR

The SDK is given address, ids, secrets and the CA of the simulator and nothing else. Ends with 0 when everything held.
"""

import json
import logging
import queue
import ssl
import sys
import time
import tomllib
import urllib.error
import urllib.request
from pathlib import Path

from iot_device_sdk_python.client.client_conf import ClientConf
from iot_device_sdk_python.client.connect_auth_info import ConnectAuthInfo
from iot_device_sdk_python.client.listener.device_message_listener import DeviceMessageListener
from iot_device_sdk_python.client.listener.device_shadow_listener import DeviceShadowListener
from iot_device_sdk_python.client.request.command_response import CommandRsp
from iot_device_sdk_python.client.request.device_base_info import DeviceBaseInfo
from iot_device_sdk_python.client.request.device_message import DeviceMessage
from iot_device_sdk_python.client.request.service_property import ServiceProperty
from iot_device_sdk_python.gateway.abstract_gateway import AbstractGateway
from iot_device_sdk_python.gateway.gtw_operate_sub_device_listener import GtwOperateSubDeviceListener
from iot_device_sdk_python.gateway.requests.added_sub_device_info import AddedSubDeviceInfo
from iot_device_sdk_python.gateway.sub_devices_persistence import SubDevicesPersistence
from iot_device_sdk_python.iot_device import IotDevice
from iot_device_sdk_python.service.abstract_service import AbstractService
from iot_device_sdk_python.service.property import Property
from iot_device_sdk_python.timesync.time_sync_listener import TimeSyncListener

logging.disable(logging.CRITICAL)

LIMIT = 15
DIR = Path(sys.argv[1])
CONFIG = tomllib.loads((DIR / "config.toml").read_text())
CA = str(DIR / "ca.pem")
SENSORS = "6560a1b2c3d4e5f60123bbbb"


def profile(name):
    return CONFIG["profiles"][name]


def say(text):
    print(f"ok  {text}", flush=True)


def login(name, **more):
    info = ConnectAuthInfo()
    info.server_uri = "127.0.0.1"
    info.port = 8883
    info.id = profile(name)["device_id"]
    if "secret" in profile(name):
        info.secret = (DIR / profile(name)["secret"]["file"]).read_text().strip()
    info.iot_cert_path = CA
    info.reconnect_on_failure = False
    for field, value in more.items():
        setattr(info, field, value)
    return info


def device(name, **more):
    return IotDevice(ClientConf(login(name, **more)))


class Rest:
    """The platform's application side, by a token of IAM."""

    def __init__(self):
        rest = profile("meter-iam")["rest"]
        self.context = ssl.create_default_context(cafile=CA)
        password = (DIR / rest["password"]["file"]).read_text().strip()
        user = {"name": rest["user"], "password": password, "domain": {"name": rest["domain"]}}
        body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": {"project": {"name": rest["region"]}}}}
        request = urllib.request.Request(rest["iam_url"] + "/v3/auth/tokens", json.dumps(body).encode())
        with urllib.request.urlopen(request, context=self.context) as reply:
            self.token = reply.headers["X-Subject-Token"]
            project = json.load(reply)["token"]["project"]["id"]
        self.base = f"{rest['api_url']}/v5/iot/{project}"

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"X-Auth-Token": self.token}, method=method)
        try:
            with urllib.request.urlopen(request, context=self.context, timeout=40) as reply:
                return json.loads(reply.read() or b"{}")
        except urllib.error.HTTPError as error:
            return json.loads(error.read())


class Meter(AbstractService):
    """As the SDK's own sample has its smoke detector."""

    def __init__(self):
        super().__init__()
        self.voltage = Property(val=229.5, field_name="voltage", prop_name="voltage", writeable=False)
        self.interval = Property(val=60, field_name="interval", prop_name="reportInterval", writeable=True)
        for one in (self.voltage, self.interval):
            self._readable_prop2field[one.prop_name] = one.field_name
        self._writeable_prop2field["reportInterval"] = "interval"
        self._command2method = {"SWITCH": "switch"}

    def get_voltage(self):
        return self.voltage.val

    def get_interval(self):
        return self.interval.val

    def set_interval(self, value):
        self.interval.val = value

    def switch(self, paras):
        answer = CommandRsp()
        answer.result_code = CommandRsp.success_code()
        answer.paras = {"relay": paras["value"]}
        return answer


class Heard(DeviceMessageListener, DeviceShadowListener, TimeSyncListener, GtwOperateSubDeviceListener):
    def __init__(self):
        self.all = queue.Queue()

    def on_device_message(self, message):
        self.all.put(("message", message))

    def on_shadow_get(self, request_id, object_device_id, shadow):
        self.all.put(("shadow", (request_id, object_device_id, shadow)))

    def on_time_sync_response(self, device_send_time, server_recv_time, server_send_time):
        self.all.put(("time", (device_send_time, server_recv_time, server_send_time)))

    def on_add_sub_device_rsp(self, answer, event_id):
        self.all.put(("added", (answer, event_id)))

    def on_del_sub_device_rsp(self, answer, event_id):
        self.all.put(("deleted", (answer, event_id)))

    def until(self, kind, test=lambda _: True):
        end = time.monotonic() + LIMIT
        while True:
            found, what = self.all.get(timeout=max(0.01, end - time.monotonic()))
            if found == kind and test(what):
                return what


class Children(SubDevicesPersistence):
    def __init__(self):
        self.known, self.version = {}, 0

    def get_sub_device(self, node_id):
        return self.known.get(node_id)

    def add_sub_devices(self, told):
        self.known.update({child.node_id: child for child in told.devices})
        return 0

    def delete_sub_devices(self, told):
        for child in told.devices:
            self.known.pop(child.node_id, None)
        return 0

    def get_version(self):
        return self.version


class Gateway(AbstractGateway):
    def __init__(self, children, conf):
        super().__init__(children, conf)
        self.commands = queue.Queue()

    def on_sub_dev_command(self, request_id, command):
        self.commands.put(command)
        answer = CommandRsp()
        answer.result_code = 0
        answer.paras = {"child": command.device_id}
        self.get_client().respond_command(request_id, answer)


def wait(what, test):
    end = time.monotonic() + LIMIT
    while not test():
        assert time.monotonic() < end, f"never happened: {what}"
        time.sleep(0.1)


def one_device(rest):
    meter, heard = device("meter"), Heard()
    meter.add_service("Meter", Meter())
    client = meter.get_client()
    client.set_device_msg_listener(heard)
    client.set_device_shadow_listener(heard)
    meter.get_time_sync_service().set_listener(heard)
    assert meter.connect() == 0
    say("connected with a checked hour")
    path = f"/devices/{meter.get_device_id()}"
    assert rest.call("GET", path)["status"] == "ONLINE"
    client.report_properties([ServiceProperty("Meter", {"voltage": 231.5, "power": 7})])

    def reported(name):
        shadow = rest.call("GET", path + "/shadow")["shadow"]
        return {part["service_id"]: part for part in shadow}["Meter"]["reported"]["properties"].get(name)

    wait("the report in the shadow", lambda: reported("voltage") == 231.5)
    say("a property report")
    client.get_device_shadow("rid-1", service_id="Meter")
    rid, owner, shadow = heard.until("shadow")
    assert (rid, owner) == ("rid-1", meter.get_device_id())
    assert shadow[0].reported.properties["voltage"] == 231.5
    say("the shadow")
    done = rest.call("POST", path + "/commands", {"service_id": "Meter", "command_name": "SWITCH", "paras": {"value": "ON"}})
    assert done["response"] == {"result_code": 0, "paras": {"relay": "ON"}, "response_name": None} or done["response"]["paras"] == {"relay": "ON"}, done
    say("a command")
    done = rest.call("PUT", path + "/properties", {"services": [{"service_id": "Meter", "properties": {"reportInterval": 5}}]})
    assert done["response"]["result_code"] == 0, done
    wait("the new interval in the shadow", lambda: reported("reportInterval") == 5)
    done = rest.call("GET", path + "/properties?service_id=Meter")
    assert done["response"]["services"][0]["properties"] == {"voltage": 229.5, "reportInterval": 5}, done
    say("properties set and asked for")
    sent = rest.call("POST", path + "/messages", {"message": "안녕", "name": "greeting"})
    message = heard.until("message", lambda m: m.id == sent["message_id"])
    assert (message.content, message.name) == ("안녕", "greeting")
    say("a message down")
    up = DeviceMessage()
    up.content = "Hello Huawei"
    client.report_device_message(up)
    meter.get_time_sync_service().request_time_sync()
    sent, received, _ = heard.until("time")
    assert abs(received / 1000 - time.time()) < 5 and abs(sent - received) < 5000, (sent, received)
    say("a message up, and the time")
    info = DeviceBaseInfo()
    info.fw_version, info.sw_version = "v1.0", "v2.0"
    client.report_device_info(info)
    meter.get_ota_service().report_version("v1.1", "v2.1")

    def versions():
        shown = rest.call("GET", path)
        return shown["device_sdk_version"], shown["fw_version"], shown["sw_version"]

    wait("the versions", lambda: versions() == ("Python_v1.2.0", "v1.1", "v2.1"))
    say("versions")
    heard_raw = queue.Queue()

    class Raw:
        def on_message_received(self, message):
            heard_raw.put(message)

    topic = f"$oc/devices/{meter.get_device_id()}/user/config"
    client.subscribe_topic(topic, 1, Raw())
    time.sleep(0.5)
    rest.call("POST", path + "/messages", {"message": "raw", "topic": "config", "payload_format": "raw"})
    assert heard_raw.get(timeout=LIMIT).payload == b"raw"
    say("a custom topic")
    meter.destroy()
    wait("OFFLINE", lambda: rest.call("GET", path)["status"] == "OFFLINE")


def ways(rest):
    for what, name, more in [
        ("an hour that nobody checks", "meter", {"check_timestamp": "0"}),
        ("without TLS on 1883", "meter", {"port": 1883}),
        (
            "a certificate",
            "meter-x509",
            {"auth_type": ConnectAuthInfo.X509_AUTH, "cert_path": str(DIR / "meter-5.pem"), "key_path": str(DIR / "meter-5.key")},
        ),
    ]:
        one = device(name, **more)
        assert one.connect() == 0, what
        one.destroy()
        say(what)
    for what, name, more, code in [
        ("a wrong secret", "meter", {"secret": "wrongwrong"}, 134),
        ("a frozen device", "frozen", {}, 135),
    ]:
        refused = device(name, **more).connect()
        assert getattr(refused, "value", refused) in (code, code - 130), (what, refused)
        say(f"refused: {what}")
    told = Path(sys.path[0]) / "server_info.json"
    told.unlink(missing_ok=True)
    new = device("meter-manual", bs_mode=ConnectAuthInfo.BS_MODE_STANDARD_BOOTSTRAP, bs_cert_path=CA, bs_message="{}")
    assert new.connect() == 0
    assert json.loads(told.read_text())["port"] == 8883
    told.unlink()
    new.destroy()
    say("provisioning tells the address")


def gateway(rest):
    children, heard = Children(), Heard()
    one = Gateway(children, ClientConf(login("gateway")))
    one.set_gtw_operate_sub_device_listener(heard)
    assert one.connect() == 0
    one.sync_sub_devices()
    wait("the list of sub-devices", lambda: "sensor-1" in children.known)
    child = children.known["sensor-1"].device_id
    one.report_sub_device_status(child, "ONLINE")
    one.report_sub_device_properties(child, [ServiceProperty("Environment", {"humidity": 61})])
    path = f"/devices/{child}"
    wait("ONLINE", lambda: rest.call("GET", path)["status"] == "ONLINE")
    wait("its report", lambda: rest.call("GET", path + "/shadow")["shadow"][0]["reported"]["properties"]["humidity"] == 61)
    say("a sub-device reports through its gateway")
    done = rest.call("POST", path + "/commands", {"service_id": "Environment", "command_name": "CALIBRATE", "paras": {"offset": 1}})
    assert done["response"]["paras"] == {"child": child}, done
    say("a command for a sub-device")
    new = AddedSubDeviceInfo()
    new.node_id, new.product_id, new.name = "sdk-child", SENSORS, "새 센서"
    one.gtw_add_sub_device([new], "event-1")
    answer, event = heard.until("added")
    assert event == "event-1" and len(answer.successful_devices) == 1, vars(answer)
    made = answer.successful_devices[0].device_id
    assert rest.call("GET", f"/devices/{made}")["gateway_id"] == one.get_device_id()
    one.gtw_add_sub_device([new], "event-2")
    answer, _ = heard.until("added")
    assert len(answer.add_sub_device_failed_reasons) == 1
    one.gtw_del_sub_device([made], "event-3")
    answer, _ = heard.until("deleted")
    assert answer.successful_devices == [made]
    say("sub-devices added, refused and deleted")
    one.destroy()


def main():
    rest = Rest()
    one_device(rest)
    ways(rest)
    gateway(rest)
    print("everything held")


main()

#!/usr/bin/env python3
"""ClearBlade's own SDK and paho against the simulated bridge, unchanged.

    pip install clearblade-cloud-iot paho-mqtt PyJWT cryptography
    thingdeck sim google --dir DIR --api-port 443       # the SDK takes no other port
    python3 tests/sim/clearblade_sdk.py DIR

The SDK is given the credentials file and the CA of the simulator. Ends with 0 when everything held.
"""

import base64
import os
import queue
import ssl
import sys
import time
import tomllib
from pathlib import Path
from urllib.parse import urlparse

DIR = Path(sys.argv[1])
os.environ["SSL_CERT_FILE"] = str(DIR / "ca.pem")
os.environ["CLEARBLADE_CONFIGURATION"] = str(DIR / "clearblade.json")

import jwt
import paho.mqtt.client as mqtt
from clearblade.cloud import iot_v1

LIMIT = 15
PROFILE = tomllib.loads((DIR / "config.toml").read_text())["profiles"]["meter"]
WHERE = PROFILE["project"], PROFILE["region"], PROFILE["registry"]


def say(text):
    print(f"ok  {text}", flush=True)


def device(client_id, heard):
    now = int(time.time())
    claims = {"iat": now, "exp": now + 3600, "aud": PROFILE["project"]}
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id)
    client.username_pw_set("unused", jwt.encode(claims, (DIR / PROFILE["key_file"]).read_text(), algorithm="RS256"))
    client.tls_set(ca_certs=str(DIR / "ca.pem"), tls_version=ssl.PROTOCOL_TLS_CLIENT)
    client.on_message = lambda c, u, message: heard.put(message)
    client.on_subscribe = lambda c, u, mid, codes, p: heard.put(codes)
    url = urlparse(PROFILE["mqtt_url"])
    client.connect(url.hostname, url.port)
    client.loop_start()
    return client


def until(heard, test):
    end = time.monotonic() + LIMIT
    while True:
        found = heard.get(timeout=max(0.01, end - time.monotonic()))
        if test(found):
            return found


def main():
    manager = iot_v1.DeviceManagerClient()
    parent = manager.registry_path(*WHERE)
    path = lambda name: manager.device_path(*WHERE, name)
    found = manager.list_device_registries(request=iot_v1.ListDeviceRegistriesRequest(parent=parent.split("/registries")[0]))
    assert WHERE[2] in [registry.id for registry in found]
    say("registries")
    found = [one.id for one in manager.list_devices(request=iot_v1.ListDevicesRequest(parent=parent))]
    assert {"gateway", "meter-1", "sensor-1"} <= set(found), found
    options = {"associationsGatewayId": "gateway"}
    bound = manager.list_devices(request=iot_v1.ListDevicesRequest(parent=parent, gatewayListOptions=options))
    assert sorted(one.id for one in bound) == ["sensor-1", "sensor-2", "sensor-4"]
    say("devices, and those behind a gateway")
    assert manager.get_device(request=iot_v1.GetDeviceRequest(name=path("gateway"))).id == "gateway"
    heard = queue.Queue()
    client = device(path("meter-1"), heard)
    client.subscribe([("/devices/meter-1/config", 1), ("/devices/meter-1/commands/#", 1)])
    until(heard, lambda one: isinstance(one, list))
    request = iot_v1.ModifyCloudToDeviceConfigRequest(name=path("meter-1"), binary_data=base64.b64encode(b"from the SDK"))
    manager.modify_cloud_to_device_config(request=request)
    until(heard, lambda one: getattr(one, "payload", None) == b"from the SDK")
    request = iot_v1.ListDeviceConfigVersionsRequest(name=path("meter-1"), numVersions=2)
    versions = manager.list_device_config_versions(request=request).device_configs
    assert base64.b64decode(versions[0].binary_data) == b"from the SDK", versions[0].binary_data
    say("a configuration")
    request = iot_v1.SendCommandToDeviceRequest(name=path("meter-1"), binary_data=b"blink", subfolder="led")
    manager.send_command_to_device(request=request)
    until(heard, lambda one: getattr(one, "topic", "") == "/devices/meter-1/commands/led" and one.payload == b"blink")
    say("a command")
    client.publish("/devices/meter-1/state", "on", 1).wait_for_publish(LIMIT)
    states = manager.list_device_states(request=iot_v1.ListDeviceStatesRequest(name=path("meter-1"), numStates=1)).device_states
    assert states[0].binary_data in (b"on", "on"), states[0].binary_data
    say("a state")
    client.disconnect()
    client.loop_stop()
    for act in (manager.bind_device_to_gateway, manager.unbind_device_from_gateway):
        kind = iot_v1.BindDeviceToGatewayRequest if act == manager.bind_device_to_gateway else iot_v1.UnbindDeviceFromGatewayRequest
        act(request=kind(parent=parent, deviceId="sensor-3", gatewayId="gateway"))
    say("bound and unbound")
    print("everything held")


main()

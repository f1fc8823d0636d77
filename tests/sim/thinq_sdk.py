#!/usr/bin/env python3
"""LG's official Python SDK (thinqconnect) against the simulator, unchanged but for host and CA.

    pip install thinqconnect
    python3 tests/sim/thinq_sdk.py DIR        # DIR as given to `thingdeck sim thinq --dir DIR`

Only two things of the SDK are replaced: the base URL of the REST calls, and the address and CA of the MQTT
connection (the SDK would take the region's host, port 443 and Amazon's root). Ends with 0 when everything held.
"""

import asyncio
import importlib
import inspect
import json
import pkgutil
import ssl
import sys
import tomllib
import uuid
from pathlib import Path
from urllib.parse import urlparse

import aiohttp
import thinqconnect.devices as sdk_devices
from awsiot import mqtt_connection_builder
from thinqconnect import ThinQApi, ThinQAPIException
from thinqconnect.mqtt_client import ThinQMQTTClient


def device_classes():
    """The SDK's class for each device type, by its naming rule."""
    classes = {}
    for module in pkgutil.iter_modules(sdk_devices.__path__):
        loaded = importlib.import_module(f"thinqconnect.devices.{module.name}")
        name = "".join(part.capitalize() for part in module.name.split("_")) + "Device"
        found = [c for n, c in inspect.getmembers(loaded, inspect.isclass) if n.lower() == name.lower()]
        if found:
            classes["DEVICE_" + module.name.upper()] = found[0]
    return classes


class Api(ThinQApi):
    def __init__(self, base, **kwargs):
        super().__init__(**kwargs)
        self._base = base

    def _get_url_from_endpoint(self, endpoint):
        return f"{self._base}/{endpoint}"


class Mqtt(ThinQMQTTClient):
    def __init__(self, ca, **kwargs):
        super().__init__(**kwargs)
        self._ca = ca

    async def _get_root_certificate(self, timeout=15):
        return self._ca


async def refused(code, call):
    try:
        await call
    except ThinQAPIException as error:
        assert error.code == code, f"expected {code}, got {error}"
        return
    raise AssertionError(f"not refused with {code}")


async def walk(directory):
    config = tomllib.loads((directory / "config.toml").read_text())["profiles"]["home"]
    ca = (directory / config["ca_file"]).read_text()
    token = (directory / config["token"]["file"]).read_text()
    mqtt_url = urlparse(config["mqtt_url"])

    # The SDK throws the port away and uses 443: put the simulator's in its place, and nothing else.
    original = mqtt_connection_builder.mtls_from_bytes

    def with_port(**kwargs):
        kwargs["port"] = mqtt_url.port
        return original(**kwargs)

    mqtt_connection_builder.mtls_from_bytes = with_port

    context = ssl.create_default_context(cadata=ca)
    client_id = f"thinq-open-{uuid.uuid4()}"
    connector = aiohttp.TCPConnector(ssl=context)
    async with aiohttp.ClientSession(connector=connector) as session:
        api = Api(
            config["api_url"],
            session=session,
            access_token=token,
            country_code=config["country"],
            client_id=client_id,
        )
        route = await api.async_get_route()
        assert route["mqttServer"] == config["mqtt_url"], route

        classes = device_classes()
        devices = await api.async_get_device_list()
        assert devices
        print(f"{len(devices)} devices")
        resolved = 0
        models = {}
        for entry in devices:
            info = entry["deviceInfo"]
            profile = await api.async_get_device_profile(entry["deviceId"])
            try:
                state = await api.async_get_device_status(entry["deviceId"])
            except ThinQAPIException as error:
                assert error.code == "1222", error
                continue
            device = classes[info["deviceType"]](
                thinq_api=api,
                device_id=entry["deviceId"],
                device_type=info["deviceType"],
                model_name=info["modelName"],
                alias=info["alias"],
                reportable=info["reportable"],
                profile=profile,
                **({"group_id": info.get("groupId", "")}),
            )
            device.set_status(state)
            models[entry["deviceId"]] = device
            resolved += 1
        print(f"{resolved} devices understood by the SDK's own classes")

        loop = asyncio.get_running_loop()
        received = asyncio.Queue()

        def on_message(topic, payload, dup, qos, retain, **kwargs):
            loop.call_soon_threadsafe(received.put_nowait, json.loads(payload))

        mqtt = Mqtt(ca, thinq_api=api, client_id=client_id, on_message_received=on_message)
        await mqtt.async_init()
        assert mqtt.mqtt_server == mqtt_url.hostname, mqtt.mqtt_server
        assert await mqtt.async_prepare_mqtt()
        print("certificate issued, topic", mqtt.topic_subscription)

        for entry in devices:
            device_id = entry["deviceId"]
            await api.async_post_push_subscribe(device_id)
            if entry["deviceInfo"]["reportable"]:
                await api.async_post_event_subscribe(device_id)
            else:
                await refused("1214", api.async_post_event_subscribe(device_id))
        await refused("1207", api.async_post_push_subscribe(devices[0]["deviceId"]))
        await api.async_post_push_devices_subscribe()
        await refused("4001", api.async_post_push_devices_subscribe())
        assert len(await api.async_get_push_list()) == len(devices)
        assert len(await api.async_get_event_list()) >= len(devices) - 1
        await api.async_get_push_devices_list()

        await mqtt.async_connect_mqtt()
        assert mqtt.is_connected, "MQTT connection failed"
        seen = set()
        while len(seen) < 2:
            message = await asyncio.wait_for(received.get(), 60)
            flat = message.get("event") or message.get("push") or message
            seen.add(flat["pushType"])
            if flat["pushType"] == "DEVICE_STATUS":
                models[flat["deviceId"]].update_status(flat["report"])
        print("messages:", ", ".join(sorted(seen)))

        conditioner = next(d for d in models.values() if d.device_type == "DEVICE_AIR_CONDITIONER")
        state = await api.async_get_device_status(conditioner.device_id)
        target = 23.5 if state["temperature"]["targetTemperature"] == 22.5 else 22.5
        await conditioner.set_cool_target_temperature_c(target)

        def confirms(message):
            flat = message.get("event") or message.get("push") or message
            return (
                flat["deviceId"] == conditioner.device_id
                and isinstance(flat.get("report"), dict)
                and flat["report"].get("temperature", {}).get("targetTemperature") == target
            )

        while not confirms(await asyncio.wait_for(received.get(), 10)):
            pass
        print("control confirmed by its report")
        await refused("2302", conditioner.set_air_con_operation_mode("POWER_ON"))

        washer = next(d for d in devices if d["deviceInfo"]["deviceType"] == "DEVICE_WASHER")
        energy = await api.async_get_device_energy_profile(washer["deviceId"])
        name = energy["result"]["property"][0]
        usage = await api.async_get_device_energy_usage(washer["deviceId"], name, "DAILY", "20260301", "20260310")
        assert usage["result"]["dataList"]

        for entry in devices:
            await api.async_delete_push_subscribe(entry["deviceId"])
            if entry["deviceInfo"]["reportable"]:
                await api.async_delete_event_subscribe(entry["deviceId"])
        await refused("1206", api.async_delete_push_subscribe(devices[0]["deviceId"]))
        await refused("1204", api.async_delete_event_subscribe(devices[0]["deviceId"]))
        await api.async_delete_push_devices_subscribe()
        await mqtt.async_disconnect()
        print("signed out")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    asyncio.run(walk(Path(sys.argv[1])))
    print("ok")

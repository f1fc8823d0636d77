#!/usr/bin/env python3
"""AWS's own clients against the simulator, unchanged: the IoT Device SDK v2 (awscrt) and botocore.

    pip install awsiotsdk botocore paho-mqtt
    python3 tests/sim/aws_sdk.py DIR          # DIR as given to `thingdeck sim aws --dir DIR`

They are given host, port and CA of the simulator and nothing else; botocore signs independently of everything here.
Ends with 0 when everything held.
"""

import hashlib
import json
import queue
import ssl
import sys
import threading
import time
import tomllib
import uuid
from pathlib import Path
from urllib.parse import urlparse

import botocore.session
import paho.mqtt.client as paho
from awscrt import auth, io, mqtt, mqtt5, mqtt_request_response
from awsiot import (
    iotidentity,
    iotjobs,
    iotshadow,
    mqtt5_client_builder,
    mqtt_connection_builder,
)
from botocore.exceptions import ClientError

LIMIT = 20
DIR = Path(sys.argv[1])
CONFIG = tomllib.loads((DIR / "config.toml").read_text())
CA = str(DIR / "ca.pem")


def profile(name):
    return CONFIG["profiles"][name]


def address(name):
    host, port = profile(name)["endpoint"].split(":")
    return host, int(port)


def file(name):
    return (DIR / name).read_text().strip()


REGION = profile("fleet")["region"]
STATIC = (file("access_key_id"), file("secret_access_key"), None)
TEMPORARY = (file("temporary_key_id"), file("temporary_secret_key"), file("session_token"))


def provider(keys):
    return auth.AwsCredentialsProvider.new_static(*keys)


def say(text):
    print(f"ok  {text}", flush=True)


def refused(call, what):
    """The code and message of botocore's error."""
    try:
        call()
    except ClientError as error:
        found = error.response["Error"]["Code"], error.response["Error"]["Message"]
        say(f"{what}: {found[0]}: {found[1][:70]}")
        return found
    raise AssertionError(f"{what} went through")


# MQTT 3.1.1

def round_trip(connection, what):
    got = queue.Queue()
    topic = f"sdk/{uuid.uuid4()}/한"
    ack, _ = connection.subscribe(topic, mqtt.QoS.AT_LEAST_ONCE, lambda topic, payload, **_: got.put(payload))
    assert ack.result(LIMIT)["qos"] == mqtt.QoS.AT_LEAST_ONCE
    sent, _ = connection.publish(topic, "안녕", mqtt.QoS.AT_LEAST_ONCE)
    sent.result(LIMIT)
    assert got.get(timeout=LIMIT) == "안녕".encode()
    say(f"a message round {what}")


def three(what, build, **more):
    connection = build(ca_filepath=CA, client_id=f"sdk-{uuid.uuid4()}", clean_session=True, keep_alive_secs=30, **more)
    connected = connection.connect().result(LIMIT)
    assert connected["session_present"] is False
    round_trip(connection, what)
    return connection


def identity(name, endpoint=None):
    host, port = address(endpoint or name)
    return {
        "endpoint": host,
        "port": port,
        "cert_filepath": str(DIR / profile(name)["cert_file"]),
        "pri_key_filepath": str(DIR / profile(name)["key_file"]),
    }


def alpn():
    """Port 443's way; the builder sets ALPN only where the port is literally 443."""
    host, port = address("fleet-443")
    options = io.TlsContextOptions.create_client_with_mtls_from_path(
        str(DIR / profile("fleet")["cert_file"]), str(DIR / profile("fleet")["key_file"]))
    options.override_default_trust_store_from_path(None, CA)
    options.alpn_list = ["x-amzn-mqtt-ca"]
    client = mqtt.Client(None, io.ClientTlsContext(options))
    connection = mqtt.Connection(client, host, port, f"sdk-{uuid.uuid4()}", True, keep_alive_secs=30)
    connection.connect().result(LIMIT)
    round_trip(connection, "with ALPN on the port like 443")
    connection.disconnect().result(LIMIT)


def websockets(keys):
    host, port = address("fleet-wss")
    return {"endpoint": host, "port": port, "region": REGION, "credentials_provider": provider(keys)}


# MQTT 5

def five(what, build, **more):
    stopped, done, got = threading.Event(), queue.Queue(), queue.Queue()
    client = build(
        ca_filepath=CA,
        client_id=f"sdk5-{uuid.uuid4()}",
        on_lifecycle_connection_success=lambda data: done.put(data),
        on_lifecycle_connection_failure=lambda data: done.put(data),
        on_lifecycle_stopped=lambda data: stopped.set(),
        on_publish_received=lambda data: got.put(data.publish_packet),
        **more)
    client.start()
    data = done.get(timeout=LIMIT)
    assert isinstance(data, mqtt5.LifecycleConnectSuccessData), data.exception
    settings = data.negotiated_settings
    assert settings.maximum_qos == mqtt5.QoS.AT_LEAST_ONCE
    assert settings.maximum_packet_size_to_server == 149504
    assert settings.topic_alias_maximum_to_server == 8
    assert settings.receive_maximum_from_server == 100
    assert settings.subscription_identifiers_available is False
    topic = f"sdk5/{uuid.uuid4()}"
    subscribe = mqtt5.SubscribePacket(
        [mqtt5.Subscription(topic, mqtt5.QoS.AT_LEAST_ONCE), mqtt5.Subscription("$SYSTEM", mqtt5.QoS.AT_LEAST_ONCE)][:1])
    codes = client.subscribe(subscribe).result(LIMIT).reason_codes
    assert codes == [mqtt5.SubackReasonCode.GRANTED_QOS_1], codes
    packet = mqtt5.PublishPacket(topic=topic, payload=b"five", qos=mqtt5.QoS.AT_LEAST_ONCE, content_type="text/plain",
                                 user_properties=[mqtt5.UserProperty("a", "b")])
    ack = client.publish(packet).result(LIMIT).puback
    assert ack.reason_code == mqtt5.PubackReasonCode.SUCCESS
    packet = got.get(timeout=LIMIT)
    assert (packet.payload, packet.content_type) == (b"five", "text/plain")
    say(f"MQTT 5: a message round {what}")
    client.stop()
    assert stopped.wait(LIMIT)


# The services

def shadows(connection):
    client = iotshadow.IotShadowClient(connection)
    thing, seen = f"sdk-{uuid.uuid4()}", queue.Queue()

    def listen(subscribe, request):
        done, _ = subscribe(request, mqtt.QoS.AT_LEAST_ONCE, lambda event: seen.put(event))
        done.result(LIMIT)

    listen(client.subscribe_to_update_shadow_accepted, iotshadow.UpdateShadowSubscriptionRequest(thing_name=thing))
    listen(client.subscribe_to_update_shadow_rejected, iotshadow.UpdateShadowSubscriptionRequest(thing_name=thing))
    listen(client.subscribe_to_get_shadow_accepted, iotshadow.GetShadowSubscriptionRequest(thing_name=thing))
    listen(client.subscribe_to_get_shadow_rejected, iotshadow.GetShadowSubscriptionRequest(thing_name=thing))
    listen(client.subscribe_to_shadow_delta_updated_events,
           iotshadow.ShadowDeltaUpdatedSubscriptionRequest(thing_name=thing))

    client.publish_get_shadow(iotshadow.GetShadowRequest(thing_name=thing), mqtt.QoS.AT_LEAST_ONCE).result(LIMIT)
    error = seen.get(timeout=LIMIT)
    assert (type(error), error.code) == (iotshadow.ErrorResponse, 404), error
    state = iotshadow.ShadowState(desired={"led": "on"}, reported={"led": "off"})
    client.publish_update_shadow(
        iotshadow.UpdateShadowRequest(thing_name=thing, state=state, client_token="t1"), mqtt.QoS.AT_LEAST_ONCE).result(LIMIT)
    answers = {type(event): event for event in (seen.get(timeout=LIMIT), seen.get(timeout=LIMIT))}
    accepted = answers[iotshadow.UpdateShadowResponse]
    assert (accepted.version, accepted.client_token) == (1, "t1")
    assert answers[iotshadow.ShadowDeltaUpdatedEvent].state == {"led": "on"}
    client.publish_update_shadow(
        iotshadow.UpdateShadowRequest(thing_name=thing, state=state, version=7), mqtt.QoS.AT_LEAST_ONCE).result(LIMIT)
    assert seen.get(timeout=LIMIT).code == 409
    client.publish_get_shadow(iotshadow.GetShadowRequest(thing_name=thing), mqtt.QoS.AT_LEAST_ONCE).result(LIMIT)
    got = seen.get(timeout=LIMIT)
    assert (got.state.delta, got.version) == ({"led": "on"}, 1)
    say("the shadow client gets, updates, hears deltas and conflicts")


def shadows_two(connection):
    """The request/response client of the SDK."""
    options = mqtt_request_response.ClientOptions(
        max_request_response_subscriptions=2, max_streaming_subscriptions=2, operation_timeout_in_seconds=LIMIT)
    client = iotshadow.IotShadowClientV2(connection, options)
    thing = f"sdk-{uuid.uuid4()}"
    state = iotshadow.ShadowState(reported={"a": 1})
    request = iotshadow.UpdateNamedShadowRequest(thing_name=thing, shadow_name="net", state=state)
    assert client.update_named_shadow(request).result(LIMIT).version == 1
    got = client.get_named_shadow(iotshadow.GetNamedShadowRequest(thing_name=thing, shadow_name="net")).result(LIMIT)
    assert got.state.reported == {"a": 1}
    gone = client.delete_named_shadow(iotshadow.DeleteNamedShadowRequest(thing_name=thing, shadow_name="net"))
    assert gone.result(LIMIT).version == 1
    say("the request/response client works on a named shadow")


def jobs(connection):
    client = iotjobs.IotJobsClient(connection)
    seen = queue.Queue()

    def listen(subscribe, request):
        done, _ = subscribe(request, mqtt.QoS.AT_LEAST_ONCE, lambda answer: seen.put(answer))
        done.result(LIMIT)

    listen(client.subscribe_to_get_pending_job_executions_accepted,
           iotjobs.GetPendingJobExecutionsSubscriptionRequest(thing_name="RPI"))
    listen(client.subscribe_to_start_next_pending_job_execution_accepted,
           iotjobs.StartNextPendingJobExecutionSubscriptionRequest(thing_name="RPI"))
    listen(client.subscribe_to_update_job_execution_rejected,
           iotjobs.UpdateJobExecutionSubscriptionRequest(thing_name="RPI", job_id="none"))
    client.publish_get_pending_job_executions(
        iotjobs.GetPendingJobExecutionsRequest(thing_name="RPI"), mqtt.QoS.AT_LEAST_ONCE).result(LIMIT)
    assert seen.get(timeout=LIMIT).queued_jobs == []
    client.publish_start_next_pending_job_execution(
        iotjobs.StartNextPendingJobExecutionRequest(thing_name="RPI"), mqtt.QoS.AT_LEAST_ONCE).result(LIMIT)
    assert seen.get(timeout=LIMIT).execution is None
    client.publish_update_job_execution(
        iotjobs.UpdateJobExecutionRequest(thing_name="RPI", job_id="none", status="SUCCEEDED"),
        mqtt.QoS.AT_LEAST_ONCE).result(LIMIT)
    assert seen.get(timeout=LIMIT).code == "ResourceNotFound"
    say("the jobs client asks, starts and is refused")


def provision(connection):
    client = iotidentity.IotIdentityClient(connection)
    seen = queue.Queue()

    def listen(subscribe, request):
        done, _ = subscribe(request, mqtt.QoS.AT_LEAST_ONCE, lambda answer: seen.put(answer))
        done.result(LIMIT)

    keys = iotidentity.CreateKeysAndCertificateSubscriptionRequest()
    listen(client.subscribe_to_create_keys_and_certificate_accepted, keys)
    thing = iotidentity.RegisterThingSubscriptionRequest(template_name="thingdeck")
    listen(client.subscribe_to_register_thing_accepted, thing)
    listen(client.subscribe_to_register_thing_rejected, thing)
    client.publish_create_keys_and_certificate(
        iotidentity.CreateKeysAndCertificateRequest(), mqtt.QoS.AT_LEAST_ONCE).result(LIMIT)
    made = seen.get(timeout=LIMIT)
    der = ssl.PEM_cert_to_DER_cert(made.certificate_pem)
    assert made.certificate_id == hashlib.sha256(der).hexdigest()
    assert made.private_key.startswith("-----BEGIN RSA PRIVATE KEY-----")
    serial = uuid.uuid4().hex[:10]

    def register(token, serial):
        request = iotidentity.RegisterThingRequest(
            template_name="thingdeck", certificate_ownership_token=token, parameters={"SerialNumber": serial})
        client.publish_register_thing(request, mqtt.QoS.AT_LEAST_ONCE).result(LIMIT)
        return seen.get(timeout=LIMIT)

    wrong = register("", serial)
    assert (wrong.status_code, wrong.error_code) == (400, "InvalidCertificateOwnershipToken"), wrong
    stolen = register(made.certificate_ownership_token, "STOLEN1")
    assert (stolen.status_code, stolen.error_code) == (403, "ACCESS_DENIED"), stolen
    given = register(made.certificate_ownership_token, serial)
    assert given.thing_name == f"device-{serial}", given
    say("fleet provisioning with keys, a refusal and a thing")
    cert, key = DIR / "new.crt", DIR / "new.key"
    cert.write_text(made.certificate_pem)
    key.write_text(made.private_key)
    host, port = address("fleet")
    connection = mqtt_connection_builder.mtls_from_path(
        endpoint=host, port=port, cert_filepath=str(cert), pri_key_filepath=str(key), ca_filepath=CA,
        client_id=given.thing_name, clean_session=False, keep_alive_secs=30)
    connection.connect().result(LIMIT)
    topic = f"$aws/things/{given.thing_name}/shadow/update"
    sent, _ = connection.publish(topic, json.dumps({"state": {"reported": {"new": True}}}), mqtt.QoS.AT_LEAST_ONCE)
    sent.result(LIMIT)
    say("the provisioned thing connects with its own certificate")
    connection.disconnect().result(LIMIT)


# REST, signed by botocore

def rest():
    session = botocore.session.get_session()

    def client(service, keys=STATIC, **more):
        return session.create_client(
            service, region_name=REGION, endpoint_url=profile("fleet")["api_url"], verify=CA,
            aws_access_key_id=keys[0], aws_secret_access_key=keys[1], aws_session_token=keys[2], **more)

    iot, data = client("iot"), client("iot-data", TEMPORARY)
    assert ":" in iot.describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"]
    names, token = [], None
    while True:
        page = iot.list_things(maxResults=3, **({"nextToken": token} if token else {}))
        names += [thing["thingName"] for thing in page["things"]]
        token = page.get("nextToken")
        if not token:
            break
    assert "RPI" in names and len(names) == len(set(names)) >= 8, names
    assert iot.describe_thing(thingName="RPI")["thingTypeName"] == "RaspberryPi"
    lamps = iot.search_index(queryString="thingTypeName:Lamp AND connectivity.connected:true")["things"]
    assert lamps and all("brightness" in json.loads(lamp["shadow"])["reported"] for lamp in lamps)
    assert iot.get_thing_connectivity_data(thingName="lamp-hall")["connected"] in (True, False)
    assert "RaspberryPi" in [t["thingTypeName"] for t in iot.list_thing_types()["thingTypes"]]
    say(f"control plane: {len(names)} things, the index and types")
    shadow = json.loads(data.get_thing_shadow(thingName="RPI")["payload"].read())
    assert "reported" in shadow["state"]
    body = json.dumps({"state": {"desired": {"from": "botocore"}}})
    updated = json.loads(data.update_thing_shadow(thingName="RPI", payload=body)["payload"].read())
    assert updated["version"] == shadow["version"] + 1
    assert "network" in data.list_named_shadows_for_thing(thingName="RPI")["results"]
    data.publish(topic="plant/line 1/메모", qos=1, retain=True, payload=b"hi")
    kept = data.get_retained_message(topic="plant/line 1/메모")
    assert kept["payload"] == b"hi"
    assert "plant/line 1/메모" in [m["topic"] for m in data.list_retained_messages()["retainedTopics"]]
    say("data plane: shadows, a topic with spaces and slashes, retained messages")
    code, _ = refused(lambda: data.get_thing_shadow(thingName="nobody"), "no shadow")
    assert code == "ResourceNotFoundException"
    code, _ = refused(lambda: iot.describe_thing(thingName="nobody"), "no thing")
    assert code == "ResourceNotFoundException"
    code, _ = refused(lambda: iot.list_things(nextToken="x"), "a wrong token")
    assert code == "InvalidRequestException"
    code, _ = refused(client("iot", (STATIC[0], "wrong", None)).list_things, "a wrong secret")
    assert code == "InvalidSignatureException"
    code, _ = refused(client("iot", ("AKIAUNKNOWN", "wrong", None)).list_things, "an unknown key")
    assert code == "UnrecognizedClientException"
    code, _ = refused(client("iot", (*TEMPORARY[:2], None)).list_things, "a temporary key without its token")
    assert code == "UnrecognizedClientException"


def story():
    """The last will, the rule, the shadow (seed 001), with paho."""
    iot = botocore.session.get_session().create_client(
        "iot-data", region_name=REGION, endpoint_url=profile("fleet")["api_url"], verify=CA,
        aws_access_key_id=STATIC[0], aws_secret_access_key=STATIC[1])

    def connected():
        return json.loads(iot.get_thing_shadow(thingName="RPI")["payload"].read())["state"]["reported"]["connected"]

    done = threading.Event()
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="RPI", clean_session=False)
    client.tls_set(CA, str(DIR / profile("rpi")["cert_file"]), str(DIR / profile("rpi")["key_file"]))
    client.will_set("my/things/RPI/update", json.dumps({"state": {"reported": {"connected": False}}}), qos=1)
    client.on_connect = lambda client, *_: client.publish(
        "$aws/things/RPI/shadow/update", json.dumps({"state": {"reported": {"connected": True}}}), qos=1)
    client.on_publish = lambda *_: done.set()
    client.connect(*address("rpi"), keepalive=30)
    client.loop_start()
    assert done.wait(LIMIT) and connected() is True
    client.loop_stop()
    client.socket().close()
    end = time.monotonic() + LIMIT
    while connected() and time.monotonic() < end:
        time.sleep(0.05)
    assert connected() is False
    say("a cut connection turns the shadow to connected = false, by will and rule")


def main():
    rest()
    connection = three("over mutual TLS", mqtt_connection_builder.mtls_from_path, **identity("fleet"))
    shadows(connection)
    shadows_two(connection)
    jobs(connection)
    connection.disconnect().result(LIMIT)
    alpn()
    for what, keys in (("lasting", STATIC), ("temporary", TEMPORARY)):
        signed = mqtt_connection_builder.websockets_with_default_aws_signing
        connection = three(f"over WebSocket with {what} keys", signed, **websockets(keys))
        connection.disconnect().result(LIMIT)
    five("over mutual TLS", mqtt5_client_builder.mtls_from_path, **identity("fleet"))
    five("over WebSocket", mqtt5_client_builder.websockets_with_default_aws_signing, **websockets(TEMPORARY))
    host, port = address("fleet-443")
    five("with an authorizer over WebSocket", mqtt5_client_builder.websockets_with_custom_authorizer,
         endpoint=host, port=port, auth_authorizer_name="deck", auth_username="me",
         auth_token_key_name="token", auth_token_value=file("authorizer_token"), auth_authorizer_signature="")
    host, port = address("claim")
    connection = mqtt_connection_builder.mtls_from_path(
        ca_filepath=CA, client_id=f"claim-{uuid.uuid4()}", clean_session=True, keep_alive_secs=30, **identity("claim"))
    connection.connect().result(LIMIT)
    provision(connection)
    connection.disconnect().result(LIMIT)
    story()
    print("everything held")


if __name__ == "__main__":
    main()

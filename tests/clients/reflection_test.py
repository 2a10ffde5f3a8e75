# SPDX-License-Identifier: Apache-2.0
"""Clients that know no stub: everything is asked of the server."""

import grpc
import pytest
from google.protobuf import descriptor_pool
from google.protobuf import json_format
from google.protobuf import message_factory
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase)

from chasqui_testing.requests import CAPITAL
from chasqui_testing.requests import CAPITAL_ANSWER

INFERENCE = "chasqui.inference.v1.InferenceService"
REQUEST = {"chat": {"messages": [{"role": "ROLE_USER", "parts": [{"text": CAPITAL}]}]},
           "sampling": {"temperature": 0}, "stop": {"max_tokens": 64}}


def ask(channel, version, **request):
    """One question to the reflection service of a version; both have the same schema."""
    call = channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString)
    message = reflection_pb2.ServerReflectionRequest(**request)
    return next(call(iter([message]), timeout=10))


@pytest.fixture(name="method")
def fixture_method(suite):
    """Finds a method's messages by reflection: (path, request class, response class)."""
    pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(suite.router.channel))

    def find(name):
        found = pool.FindServiceByName(INFERENCE).FindMethodByName(name)
        factory = message_factory.MessageFactory(pool)
        return (f"/{INFERENCE}/{name}", factory.GetPrototype(found.input_type),
                factory.GetPrototype(found.output_type))

    return find


def test_a_stream_by_reflection_alone(suite, method):
    path, request, response = method("StreamGenerate")
    call = suite.router.channel.unary_stream(
        path, request_serializer=request.SerializeToString,
        response_deserializer=response.FromString)

    events = list(call(json_format.ParseDict(REQUEST, request()), timeout=60))

    assert "".join(event.chunk.text for event in events) == CAPITAL_ANSWER


@pytest.mark.parametrize("version", ["v1alpha", "v1"])
def test_reflection_answers_what_grpc_cli_asks(suite, version):
    """`grpc_cli ls`, `ls -l SERVICE`, `type MESSAGE` and `call METHOD`, in that order."""
    for endpoint in (suite.router, suite.workers["worker-0"]):
        channel = endpoint.channel
        services = ask(channel, version, list_services="").list_services_response.service
        assert {INFERENCE, "grpc.health.v1.Health", f"grpc.reflection.{version}.ServerReflection",
                "grpc.channelz.v1.Channelz"} <= {service.name for service in services}
        for symbol in (INFERENCE, f"{INFERENCE}.StreamGenerate",
                       "chasqui.inference.v1.GenerateRequest"):
            answer = ask(channel, version, file_containing_symbol=symbol)
            assert answer.file_descriptor_response.file_descriptor_proto, symbol
        for file in ("chasqui/inference/v1/chat.proto", "google/protobuf/duration.proto"):
            answer = ask(channel, version, file_by_filename=file)
            assert answer.file_descriptor_response.file_descriptor_proto, file
        unknown = ask(channel, version, file_containing_symbol="no.such.Symbol")
        assert unknown.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]

# SPDX-License-Identifier: Apache-2.0
"""Compression of requests and responses, as Python's gRPC speaks it."""

import gzip
import re

import grpc
import pytest
from chasqui.inference.v1 import inference_service_pb2_grpc
from chasqui.inference.v1 import text_pb2

from chasqui_testing.requests import CAPITAL
from chasqui_testing.requests import CAPITAL_ANSWER
from chasqui_testing.requests import chat

SETTINGS = {"router.server.compression.responses": "true"}
TOKENIZE = "/chasqui.inference.v1.InferenceService/Tokenize"
LONG = text_pb2.TokenizeRequest(text="Once upon a time. " * 4000)
MIB = 1 << 20


def channel(suite, compression=grpc.Compression.NoCompression, **options):
    return grpc.insecure_channel(
        suite.router.address, compression=compression, options=[
            ("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1), *options.items()])


def peak_memory(pid):
    """The most memory that the process has had, in bytes."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1]) * 1024


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_compressed_requests_are_taken(suite, compression):
    plain = suite.router.inference.Tokenize(LONG, timeout=30)

    with channel(suite, compression) as compressing:
        stub = inference_service_pb2_grpc.InferenceServiceStub(compressing)
        assert stub.Tokenize(LONG, timeout=30) == plain
        events = list(stub.StreamGenerate(chat(CAPITAL), timeout=30))

    assert "".join(event.chunk.text for event in events) == CAPITAL_ANSWER


def raw_response(suite, request, **options):
    """The response's bytes as they come over the wire."""
    with channel(suite, **{"grpc.per_message_decompression": 0}, **options) as raw:
        return raw.unary_unary(TOKENIZE)(request.SerializeToString(), timeout=30)


def test_long_responses_are_compressed_for_clients_that_take_it(suite):
    plain = suite.router.inference.Tokenize(LONG, timeout=30)

    compressed = raw_response(suite, LONG)

    assert compressed.startswith(b"\x1f\x8b")
    assert text_pb2.TokenizeResponse.FromString(gzip.decompress(compressed)) == plain


def test_short_responses_and_those_for_other_clients_are_not(suite):
    short = text_pb2.TokenizeRequest(text="hello")

    for response, request in [
            (raw_response(suite, short), short),
            # Of the algorithms, identity alone.
            (raw_response(suite, LONG, **{
                "grpc.compression_enabled_algorithms_bitset": 1}), LONG)]:
        assert (text_pb2.TokenizeResponse.FromString(response)
                == suite.router.inference.Tokenize(request, timeout=30))


def test_a_compression_bomb_is_refused_and_costs_little(suite):
    before = peak_memory(suite.router_pid)

    with channel(suite, grpc.Compression.Gzip) as compressing:
        bomb = compressing.unary_unary(TOKENIZE)
        with pytest.raises(grpc.RpcError) as refused:
            bomb(b"\x12\x80\x80\x80\x80\x01" + b"x" * (256 * MIB), timeout=60)

    assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "when decompressed" in refused.value.details()
    # The limit is 16 MiB.
    assert peak_memory(suite.router_pid) - before < 64 * MIB
    assert suite.router.inference.Tokenize(LONG, timeout=30).token_ids

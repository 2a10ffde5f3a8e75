# SPDX-License-Identifier: Apache-2.0
"""A Python client with stubs generated from the protos."""

import time

import grpc
import pytest
from chasqui.inference.v1 import chat_pb2
from chasqui.inference.v1 import generate_pb2
from chasqui.inference.v1 import inference_service_pb2
from chasqui.inference.v1 import model_pb2
from chasqui.inference.v1 import text_pb2
from grpc.health.v1 import health_pb2
from grpc.health.v1 import health_pb2_grpc

from chasqui_testing import errors
from chasqui_testing import paths
from chasqui_testing.requests import CAPITAL
from chasqui_testing.requests import CAPITAL_ANSWER
from chasqui_testing.requests import ask
from chasqui_testing.requests import chat
from chasqui_testing.requests import long


def test_a_chat_is_streamed(suite):
    answer = ask(suite.router, chat(CAPITAL))

    assert answer.text == CAPITAL_ANSWER
    assert answer.finish_reason == generate_pb2.FINISH_REASON_STOP


def test_a_chat_is_answered_at_once(suite):
    response = suite.router.inference.Generate(chat(CAPITAL, include_timings=True), timeout=60)

    assert response.completions[0].text == CAPITAL_ANSWER
    assert response.usage.completion_tokens == len(response.completions[0].token_ids)
    assert response.timings.predicted_n > 0


def test_a_seed_gives_the_same_answer(suite):
    request = generate_pb2.GenerateRequest(
        prompt="Once upon a time", sampling={"temperature": 1.5, "seed": 7},
        stop={"max_tokens": 30})

    assert len({ask(suite.router, request).text for _ in range(3)}) == 1


def test_tokens_go_there_and_back(suite):
    text = "The llama ran. äöü 🦙"
    tokens = suite.router.inference.Tokenize(
        text_pb2.TokenizeRequest(text=text, with_pieces=True), timeout=10)
    back = suite.router.inference.Detokenize(
        text_pb2.DetokenizeRequest(token_ids=tokens.token_ids), timeout=10)

    assert b"".join(tokens.pieces).decode() == text
    assert back.text == text


def test_the_template_gives_the_prompt_of_a_chat(suite):
    chat_input = chat(CAPITAL).chat
    applied = suite.router.inference.ApplyTemplate(
        text_pb2.ApplyTemplateRequest(chat=chat_input), timeout=10)
    request = generate_pb2.GenerateRequest(
        tokens={"ids": applied.token_ids}, sampling={"temperature": 0}, stop={"max_tokens": 64})

    assert CAPITAL in applied.prompt
    assert ask(suite.router, request).text == CAPITAL_ANSWER


def test_models_are_listed(suite):
    models = suite.router.inference.ListModels(model_pb2.ListModelsRequest(), timeout=10).models

    assert [model.name for model in models] == [paths.TINY_NAME]
    assert models[0].workers == 2 and models[0].state == model_pb2.MODEL_STATE_READY
    assert len(models[0].fingerprint) == 32


def test_the_place_in_the_queue_can_be_asked_for(suite):
    request = inference_service_pb2.GetQueuePositionRequest(request_id="nobody")
    response = suite.router.inference.GetQueuePosition(request, timeout=10)

    assert response.state == inference_service_pb2.QUEUE_STATE_UNKNOWN


def test_health_is_serving(suite):
    stub = health_pb2_grpc.HealthStub(suite.router.channel)
    name = "chasqui.inference.v1.InferenceService"

    status = stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=10).status

    assert status == health_pb2.HealthCheckResponse.SERVING


def test_error_details_can_be_decoded(suite):
    request = chat(CAPITAL)
    request.chat.messages[0].role = chat_pb2.ROLE_UNSPECIFIED
    request.sampling.temperature = 11
    with pytest.raises(grpc.RpcError) as error:
        suite.router.inference.Generate(request, timeout=10)

    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    violations = errors.details(error.value)["BadRequest"].field_violations
    assert {v.field for v in violations} == {"chat.messages[0].role", "sampling.temperature"}
    assert errors.details(error.value)["ErrorInfo"].domain == "chasqui"


def test_a_refused_stream_sends_no_headers(suite):
    """So that the client's own retry policy may still apply."""
    stream = suite.router.inference.StreamGenerate(chat(CAPITAL, model="nope"), timeout=10)
    with pytest.raises(grpc.RpcError):
        next(stream)

    assert not stream.initial_metadata()


def test_a_stream_can_be_cancelled(suite):
    stream = suite.router.inference.StreamGenerate(long(), timeout=60)
    assert next(stream).HasField("started")

    stream.cancel()

    with pytest.raises(grpc.RpcError) as error:
        list(stream)
    assert error.value.code() == grpc.StatusCode.CANCELLED
    suite.wait_until_idle()


def test_a_deadline_ends_a_stream(suite):
    begin = time.monotonic()
    with pytest.raises(grpc.RpcError) as error:
        list(suite.router.inference.StreamGenerate(long(), timeout=0.1))

    assert error.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert time.monotonic() - begin < 5
    suite.wait_until_idle()

# SPDX-License-Identifier: Apache-2.0
"""What a client is told when it cannot be served."""

import grpc
import pytest
from chasqui.fleet.v1 import fleet_service_pb2

from chasqui_testing import errors
from chasqui_testing import paths
from chasqui_testing.process import held
from chasqui_testing.requests import Call
from chasqui_testing.requests import ask
from chasqui_testing.requests import chat
from chasqui_testing.requests import prompt
from chasqui_testing.suite import Suite
from chasqui_testing.waiting import eventually


def refused(endpoint, request):
    """The error of a request that must be refused."""
    with pytest.raises(grpc.RpcError) as error:
        endpoint.inference.Generate(request, timeout=20)
    return error.value


def queued(suite):
    """How many requests wait at the router."""
    watch = suite.router.fleet.WatchFleet(fleet_service_pb2.WatchFleetRequest(), timeout=10)
    snapshot = next(watch)
    watch.cancel()
    return sum(queue.queued for queue in snapshot.queues)


def test_a_full_queue_says_when_to_come_back():
    settings = {"worker.engine.slots": 1, "router.queue.max_requests": 1,
                "router.queue.retry_delay": "3s", "router.membership.report_interval": "60s"}
    with Suite("queue-full", workers=1, settings=settings) as suite:
        # Held, so that what runs and what waits stays so.
        with held(suite.pids["worker-0"]):
            running = Call(suite.router, prompt("A llama", max_tokens=4))
            eventually(lambda: suite.router.in_flight()["worker-0"] == 1, what="a running request")
            waiting = Call(suite.router, prompt("A llama", max_tokens=4))
            eventually(lambda: queued(suite) == 1, what="a waiting request")

            error = refused(suite.router, prompt("A llama", max_tokens=4))

        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert errors.retry_seconds(error) >= 3
        assert int(errors.trailer(error, "grpc-retry-pushback-ms")) >= 3000
        assert errors.reason(error)
        assert running.join_answer().text == waiting.join_answer().text


def test_no_worker_is_unavailable_with_a_time_to_come_back():
    # A worker that is silent for three intervals is dropped; it comes back when it may run again.
    settings = {"router.membership.report_interval": "300ms"}
    with Suite("no-worker", workers=1, settings=settings) as suite:
        with held(suite.pids["worker-0"]):
            eventually(lambda: not suite.router.workers(), what="its leaving")

            error = refused(suite.router, chat("hello", model=paths.TINY_NAME))

        assert error.code() == grpc.StatusCode.UNAVAILABLE
        assert errors.retry_seconds(error) > 0 and errors.reason(error)
        eventually(suite.router.workers, what="its return")
        assert ask(suite.router, chat("hello")).tokens > 0


def test_a_fleet_without_workers_serves_nobody():
    with Suite("empty-fleet", workers=0) as suite:
        error = refused(suite.router, chat("hello"))

        assert error.code() == grpc.StatusCode.UNAVAILABLE
        assert errors.retry_seconds(error) > 0


def test_an_unknown_model_is_not_found_and_the_known_ones_are_named(suite):
    error = refused(suite.router, chat("hello", model="llama-9000"))

    assert error.code() == grpc.StatusCode.NOT_FOUND
    assert errors.details(error)["ResourceInfo"].resource_name == "llama-9000"
    assert paths.TINY_NAME in error.details()


def test_every_wrong_field_is_named_at_once(suite):
    request = chat("hello")
    request.sampling.temperature = -1
    request.sampling.top_p = 2
    error = refused(suite.router, request)

    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    fields = [v.field for v in errors.details(error)["BadRequest"].field_violations]
    assert sorted(fields) == ["sampling.temperature", "sampling.top_p"]


def test_a_prompt_beyond_the_context_is_refused(suite):
    error = refused(suite.router, prompt("llama " * 20_000))

    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "1024" in error.details() or "1,024" in error.details()

# SPDX-License-Identifier: Apache-2.0
"""SIGTERM lets running streams finish, refuses new calls and ends with 0."""

import signal

import grpc
import pytest
from chasqui.fleet.v1 import fleet_service_pb2 as fleet

from chasqui_testing import errors
from chasqui_testing.fleet import Fleet
from chasqui_testing.process import held
from chasqui_testing.requests import Call
from chasqui_testing.requests import ask
from chasqui_testing.requests import chat
from chasqui_testing.requests import long
from chasqui_testing.waiting import eventually

MAX_TOKENS = 250


def start_streams(fleet_of_one, count=4):
    """Streams that run for a while, all begun."""
    calls = [Call(fleet_of_one.router, long(max_tokens=MAX_TOKENS)) for _ in range(count)]
    eventually(lambda: fleet_of_one.workers["w0"].load().active == count, what="running streams")
    return calls


def refused(endpoint, request):
    """Whether a new call is refused as UNAVAILABLE."""
    with pytest.raises(grpc.RpcError) as error:
        ask(endpoint, request, timeout=20)
    assert error.value.code() == grpc.StatusCode.UNAVAILABLE, error.value
    return error.value


def test_a_draining_router_finishes_its_streams():
    with Fleet("drain-router", workers=1) as one:
        calls = start_streams(one)
        # Held, so that the streams are still there when the router is asked.
        with held(one.processes["w0"].pid):
            one.router_processes[0].signal(signal.SIGTERM)
            eventually(lambda: "UNAVAILABLE" in probe(one.router), what="refused calls")

        assert [call.join_answer().tokens for call in calls] == [MAX_TOKENS] * len(calls)
        assert one.router_processes[0].wait() == 0
        assert one.processes["w0"].running()


def test_a_draining_worker_finishes_its_streams():
    with Fleet("drain-worker", workers=1) as one:
        calls = start_streams(one)

        one.processes["w0"].signal(signal.SIGTERM)

        eventually(lambda: "UNAVAILABLE" in probe(one.workers["w0"]), what="refused calls")
        error = refused(one.router, chat("hello"))
        assert errors.retry_seconds(error) > 0
        assert [call.join_answer().tokens for call in calls] == [MAX_TOKENS] * len(calls)
        assert one.processes["w0"].wait() == 0
        eventually(lambda: not one.router.workers(), what="an empty fleet")


def test_drain_worker_can_be_undone():
    with Fleet("drain-undo", workers=1) as one:
        calls = start_streams(one, 2)
        one.router.fleet.DrainWorker(fleet.DrainWorkerRequest(worker_id="w0"), timeout=10)
        eventually(lambda: one.router.workers()["w0"].state == 3, what="a draining worker")
        refused(one.router, chat("hello"))

        one.router.fleet.DrainWorker(fleet.DrainWorkerRequest(worker_id="w0", undo=True), timeout=10)

        one.wait_until_ready()
        assert ask(one.router, chat("hello")).tokens > 0
        assert [call.join_answer().tokens for call in calls] == [MAX_TOKENS] * 2


def test_an_idle_process_ends_at_once_and_a_second_signal_ends_any():
    with Fleet("second-signal", workers=1) as one:
        start_streams(one, 1)
        # Held, so that its stream cannot end: the router would wait for all of its grace.
        with held(one.processes["w0"].pid):
            one.router_processes[0].signal(signal.SIGTERM)
            eventually(lambda: "UNAVAILABLE" in probe(one.router), what="refused calls")

            one.router_processes[0].signal(signal.SIGTERM)

            assert one.router_processes[0].wait(10) != 0
        assert one.processes["w0"].stop(20) == 0


def probe(endpoint):
    """The code of a small new call."""
    try:
        ask(endpoint, chat("hello", max_tokens=1), timeout=1)
        return "OK"
    except grpc.RpcError as error:
        return error.code().name

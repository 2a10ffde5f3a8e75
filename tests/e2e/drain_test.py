# SPDX-License-Identifier: Apache-2.0
"""SIGTERM lets running streams finish, refuses new calls and ends with 0."""

import signal

import grpc
import pytest
from chasqui.fleet.v1 import fleet_service_pb2 as fleet

from chasqui_testing import errors
from chasqui_testing import paths
from chasqui_testing.process import Process
from chasqui_testing.process import held
from chasqui_testing.requests import Call
from chasqui_testing.requests import ask
from chasqui_testing.requests import chat
from chasqui_testing.requests import long
from chasqui_testing.suite import Endpoint
from chasqui_testing.waiting import eventually
from chasqui_testing.waiting import free_ports
from chasqui_testing.waiting import listening

MAX_TOKENS = 250


class Fleet:
    """A router and a worker, each a process of the test's own."""

    def __init__(self, name, slots=8):
        ports = free_ports(2)
        addresses = [f"127.0.0.1:{port}" for port in ports]
        self.router_process = Process(f"{name}-router", "chasqui-router",
                                      f"--set=server.listen_address={addresses[0]}")
        self.worker_process = Process(
            f"{name}-worker", "chasqui-inference-worker",
            f"--set=server.listen_address={addresses[1]}", "--set=worker_id=w",
            f"--set=routers={addresses[0]}", f"--set=models=[{{path: {paths.TINY_MODEL}}}]",
            f"--set=engine.slots={slots}", "--set=engine.threads=1")
        # Before there is anyone to connect to, a channel would only learn to wait.
        for port in ports:
            eventually(lambda: listening(port), 60, "a listening process")  # noqa: B023
        self.router = Endpoint(addresses[0])
        self.worker = Endpoint(addresses[1])

    def wait_until_ready(self):
        """Until the worker takes requests."""
        def ready():
            try:
                return [w.state for w in self.router.workers().values()] == [2]
            except grpc.RpcError:
                return False

        eventually(ready, 60, "a ready worker")

    def __enter__(self):
        self.wait_until_ready()
        return self

    def __exit__(self, kind, *rest):
        self.router.close()
        self.worker.close()
        for process in (self.router_process, self.worker_process):
            if process.running():
                process.kill()
            if kind is not None:
                print(f"--- log of {process.name} ---\n{process.log[-10000:]}")


def start_streams(fleet_of_one, count=4):
    """Streams that run for a while, all begun."""
    calls = [Call(fleet_of_one.router, long(max_tokens=MAX_TOKENS)) for _ in range(count)]
    eventually(lambda: fleet_of_one.worker.load().active == count, what="running streams")
    return calls


def refused(endpoint, request):
    """Whether a new call is refused as UNAVAILABLE."""
    with pytest.raises(grpc.RpcError) as error:
        ask(endpoint, request, timeout=20)
    assert error.value.code() == grpc.StatusCode.UNAVAILABLE, error.value
    return error.value


def test_a_draining_router_finishes_its_streams():
    with Fleet("drain-router") as one:
        calls = start_streams(one)
        # Held, so that the streams are still there when the router is asked.
        with held(one.worker_process.pid):
            one.router_process.signal(signal.SIGTERM)
            eventually(lambda: "UNAVAILABLE" in probe(one.router), what="refused calls")

        assert [call.join_answer().tokens for call in calls] == [MAX_TOKENS] * len(calls)
        assert one.router_process.wait() == 0
        assert one.worker_process.running()


def test_a_draining_worker_finishes_its_streams():
    with Fleet("drain-worker") as one:
        calls = start_streams(one)

        one.worker_process.signal(signal.SIGTERM)

        eventually(lambda: "UNAVAILABLE" in probe(one.worker), what="refused calls")
        error = refused(one.router, chat("hello"))
        assert errors.retry_seconds(error) > 0
        assert [call.join_answer().tokens for call in calls] == [MAX_TOKENS] * len(calls)
        assert one.worker_process.wait() == 0
        eventually(lambda: not one.router.workers(), what="an empty fleet")


def test_drain_worker_can_be_undone():
    with Fleet("drain-undo") as one:
        calls = start_streams(one, 2)
        one.router.fleet.DrainWorker(fleet.DrainWorkerRequest(worker_id="w"), timeout=10)
        eventually(lambda: one.router.workers()["w"].state == 3, what="a draining worker")
        refused(one.router, chat("hello"))

        one.router.fleet.DrainWorker(fleet.DrainWorkerRequest(worker_id="w", undo=True), timeout=10)

        one.wait_until_ready()
        assert ask(one.router, chat("hello")).tokens > 0
        assert [call.join_answer().tokens for call in calls] == [MAX_TOKENS] * 2


def test_an_idle_process_ends_at_once_and_a_second_signal_ends_any():
    with Fleet("second-signal") as one:
        start_streams(one, 1)
        # Held, so that its stream cannot end: the router would wait for all of its grace.
        with held(one.worker_process.pid):
            one.router_process.signal(signal.SIGTERM)
            eventually(lambda: "UNAVAILABLE" in probe(one.router), what="refused calls")

            one.router_process.signal(signal.SIGTERM)

            assert one.router_process.wait(10) != 0
        assert one.worker_process.stop(20) == 0


def probe(endpoint):
    """The code of a small new call."""
    try:
        ask(endpoint, chat("hello", max_tokens=1), timeout=1)
        return "OK"
    except grpc.RpcError as error:
        return error.code().name

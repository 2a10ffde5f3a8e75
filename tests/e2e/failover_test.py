# SPDX-License-Identifier: Apache-2.0
"""Streams outlive their workers: what the client reads is what it would have read undisturbed."""

import json
import re
import signal
import threading

import grpc
import pytest
from chasqui.fleet.v1 import fleet_service_pb2 as fleet
from chasqui.inference.v1 import generate_pb2
from chasqui.inference.v1 import inference_service_pb2

from chasqui_testing import paths
from chasqui_testing.fleet import Fleet
from chasqui_testing.requests import long
from chasqui_testing.waiting import eventually

SCHEMA = json.dumps({
    "type": "object", "required": ["names"],
    "properties": {"names": {"type": "array", "minItems": 12, "maxItems": 20,
                             "items": {"type": "string", "maxLength": 30}}}})


def seeded(**fields):
    request = long(max_tokens=900)
    request.sampling.temperature = 1
    request.sampling.seed = 42
    request.MergeFrom(generate_pb2.GenerateRequest(**fields))
    return request


def kinds():
    """One request of each kind that has state to carry over."""
    schema = seeded(output_format={"json_schema": SCHEMA})
    schema.stop.ignore_eos = False
    penalties = seeded()
    penalties.sampling.penalties.repeat = 1.3
    stops = seeded()
    stops.stop.strings.append("zzzzzzzz")
    echo = long(max_tokens=900)
    echo.echo = True
    return {
        "greedy": long(max_tokens=900),
        "seeded": seeded(),
        "grammar": seeded(output_format={"grammar": 'root ::= ("a" [b-z]+ " ")+'}),
        "schema": schema,
        "logprobs": seeded(logprobs={"top": 3}),
        "several": seeded(n=3),
        "penalties": penalties,
        "stops": stops,
        "echo": echo,
    }


class Reading(threading.Thread):
    """A stream whose events are kept; `begun` when so many chunks have come."""

    def __init__(self, endpoint, request, chunks=5):
        super().__init__(daemon=True)
        self.stream = endpoint.inference.StreamGenerate(request, timeout=120)
        self.chunks = chunks
        self.events = []
        self.begun = threading.Event()
        self.error = None
        self.start()

    def run(self):
        try:
            for event in self.stream:
                self.events.append(event)
                if len(self.events) > self.chunks:
                    self.begun.set()
        except grpc.RpcError as error:
            self.error = error
        self.begun.set()

    def finish(self):
        self.join(120)
        assert not self.is_alive()
        if self.error is not None:
            raise self.error
        return self.events


def essence(events):
    """What must be equal: per answer its text, tokens and log probabilities; how it ended; usage."""
    answers = {}
    for event in events:
        if event.HasField("chunk"):
            text, tokens, logprobs = answers.setdefault(event.chunk.index, ([], [], []))
            text.append(event.chunk.text)
            tokens.extend(event.chunk.token_ids)
            logprobs.extend(round(entry.logprob, 3) for entry in event.chunk.logprobs)
    usage = events[-1].finished.usage
    return ({index: ("".join(text), tokens, logprobs)
             for index, (text, tokens, logprobs) in answers.items()},
            [(end.index, end.finish_reason) for end in events[-1].finished.candidates],
            (usage.prompt_tokens, usage.completion_tokens))


def assert_unbroken(events):
    assert [event.sequence for event in events] == list(range(len(events)))
    assert [event.WhichOneof("event") for event in events].count("started") == 1
    assert events[-1].HasField("finished")


@pytest.fixture(name="pair")
def fixture_pair():
    with Fleet("failover", workers=2) as running:
        yield running


def worker_of(reading):
    assert reading.begun.wait(60)
    assert reading.events, reading.error
    return reading.events[0].started.worker_id


def test_kill_moves_every_kind_of_stream(pair):
    requests = kinds()
    alone = {kind: essence(list(pair.router.inference.StreamGenerate(request, timeout=120)))
             for kind, request in requests.items()}

    for kind, request in requests.items():
        reading = Reading(pair.router, request)
        victim = worker_of(reading)
        assert reading.is_alive(), f"{kind} was over before its worker could be killed"
        pair.kill(victim)
        events = reading.finish()
        assert_unbroken(events)
        assert essence(events) == alone[kind], kind
        pair.restart(victim)
        pair.wait_until_ready()
    assert pair.metric("chasqui_router_stream_moves_total", reason="lost") >= len(requests)


def test_a_stopped_worker_is_left(pair):
    request = seeded()
    alone = essence(list(pair.router.inference.StreamGenerate(request, timeout=120)))
    reading = Reading(pair.router, request)
    victim = worker_of(reading)

    pair.signal(victim, signal.SIGSTOP)
    try:
        events = reading.finish()
    finally:
        pair.signal(victim, signal.SIGCONT)

    assert_unbroken(events)
    assert essence(events) == alone
    pair.wait_until_ready()
    eventually(lambda: pair.workers[victim].load().active == 0, 30, "a free slot")


def test_sigterm_moves_streams_and_ends_the_worker_soon(pair):
    request = long(max_tokens=800)
    alone = essence(list(pair.router.inference.StreamGenerate(request, timeout=120)))
    readings = [Reading(pair.router, request) for _ in range(4)]
    victim = worker_of(readings[0])

    assert pair.processes[victim].stop(timeout=10) == 0

    for reading in readings:
        events = reading.finish()
        assert_unbroken(events)
        assert essence(events) == alone
    assert pair.metric("chasqui_router_stream_moves_total", reason="drained") >= 1


def test_drain_command_moves_streams(pair):
    readings = [Reading(pair.router, long(max_tokens=800)) for _ in range(4)]
    victim = worker_of(readings[0])

    pair.router.fleet.DrainWorker(fleet.DrainWorkerRequest(worker_id=victim), timeout=20)
    eventually(lambda: pair.router.in_flight()[victim] == 0, 20, "an empty worker")

    for reading in readings:
        assert_unbroken(reading.finish())


def test_the_only_worker_may_come_back():
    with Fleet("lonely", workers=1) as lonely:
        request = seeded()
        alone = essence(list(lonely.router.inference.StreamGenerate(request, timeout=120)))
        reading = Reading(lonely.router, request)
        victim = worker_of(reading)

        lonely.kill(victim)
        lonely.restart(victim)

        events = reading.finish()
        assert_unbroken(events)
        assert essence(events) == alone


def test_a_lost_stream_is_resumed_at_any_router():
    with Fleet("replicas", workers=2, routers=2) as replicas:
        request = seeded(request_id="the-stream")
        first, second = replicas.routers
        alone = list(first.inference.StreamGenerate(request, timeout=120))
        for taker in (second, first):
            stream = first.inference.StreamGenerate(request, timeout=120)
            seen = [next(stream) for _ in range(8)]
            stream.cancel()

            rest = list(taker.inference.ResumeStream(inference_service_pb2.ResumeStreamRequest(
                request_id="the-stream", after_sequence=7), timeout=120))

            assert_unbroken(seen + rest)
            assert essence(seen + rest) == essence(alone)


def documented_client():
    """stream_to_the_end of docs/clients.md."""
    blocks = re.findall(r"```python\n(.*?)```", (paths.SOURCE / "docs/clients.md").read_text(), re.S)
    names = {"grpc": grpc, "inference_service_pb2": inference_service_pb2}
    exec(next(block for block in blocks if "def stream_to_the_end" in block), names)
    return names["stream_to_the_end"]


@pytest.mark.parametrize("answers", [1, 2])
def test_a_stream_outlives_its_router(answers):
    with Fleet("routers", workers=2, routers=2) as replicas:
        request = seeded(request_id="the-stream", n=answers)
        stubs = [router.inference for router in replicas.routers]
        alone = list(stubs[0].StreamGenerate(request, timeout=120))

        events = []
        for event in documented_client()(stubs, request):
            events.append(event)
            if len(events) == 8:
                replicas.kill_router(0)

        assert [event.sequence for event in events] == list(range(len(events)))
        assert essence(events) == essence(alone)
        assert [event.HasField("started") for event in events].count(True) == 2

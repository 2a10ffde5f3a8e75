# SPDX-License-Identifier: Apache-2.0
"""Two hundred streams at once, while workers and a router are killed, stopped, drained and started again.

Every stream must end complete and equal to what it is undisturbed, no slot may leak, and nobody may be
told more tokens than it got. CHAOS_SECONDS and CHAOS_SEED set how long and what happens.
"""

import os
import random
import signal
import threading
import time

import grpc
from chasqui.fleet.v1 import fleet_service_pb2 as fleet
from chasqui.inference.v1 import inference_service_pb2

from chasqui_testing.fleet import Fleet
from chasqui_testing.requests import chat
from chasqui_testing.requests import long
from chasqui_testing.waiting import eventually

SECONDS = float(os.environ.get("CHAOS_SECONDS") or 30)
SEED = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(1 << 32))
STREAMS = 200
WORKERS = 6
# So many of them are left alone at any time.
UNDISTURBED = 2
STOPPED_SECONDS = 5
# Of each stream: so long that no router refuses one because it would come too late, going by how slow
# the fleet is while most of it is gone.
DEADLINE_SECONDS = 1800
# Longest that what is under way may take when nothing happens any more.
SETTLE_SECONDS = 180

# What a client may be told when its router goes: it then asks the other one.
ROUTER_LOST = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.ABORTED,
               grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL}


def requests():
    """Greedy, seeded and under a grammar; of different lengths."""
    mixed = []
    for index, length in enumerate((40, 80, 160)):
        mixed.append(chat(f"Tell me about {('llamas', 'routers', 'rivers')[index]}.", length))
        mixed.append(long(f"Story {index}. Once upon a time", max_tokens=length))
        seeded = long(f"Story {index}. Once upon a time", max_tokens=length)
        seeded.sampling.temperature = 1
        seeded.sampling.seed = 1000 + index
        mixed.append(seeded)
        grammar = long(f"Letters {index}:", max_tokens=length)
        grammar.sampling.CopyFrom(seeded.sampling)
        grammar.output_format.grammar = 'root ::= ("a" [b-z]+ " " | "o" [0-9]+ " ")+'
        mixed.append(grammar)
    return mixed


def essence(events):
    usage = events[-1].finished.usage
    return ("".join(event.chunk.text for event in events),
            [token for event in events for token in event.chunk.token_ids],
            [end.finish_reason for end in events[-1].finished.candidates],
            (usage.prompt_tokens, usage.completion_tokens))


class Client(threading.Thread):
    """Reads one stream after the other until the time is over; remembers what was wrong."""

    def __init__(self, number, running, wanted, over):
        super().__init__(daemon=True)
        self.number = number
        self.running = running
        self.wanted = wanted
        self.over = over
        self.random = random.Random(SEED + number)
        self.done = 0
        self.resumed = 0
        self.wrong = None
        self.start()

    def run(self):
        try:
            while not self.over.is_set():
                self.read_one()
                self.done += 1
        except (AssertionError, grpc.RpcError) as error:
            self.wrong = f"client {self.number}, stream {self.done}: {error}"
            self.over.set()

    def read_one(self):
        index = self.random.randrange(len(self.wanted))
        request, expected = self.wanted[index]
        router = self.random.randrange(len(self.running.routers))
        request_id = f"c{self.number}-{self.done}"
        events = []
        while True:
            stub = self.running.routers[router].inference
            try:
                for event in self.open(stub, request, request_id, events):
                    assert event.sequence == len(events), (event.sequence, len(events))
                    events.append(event)
                break
            except grpc.RpcError as error:
                if error.code() not in ROUTER_LOST or not self.running.router_was_lost(router):
                    raise
                router = 1 - router
                self.resumed += bool(events)
        assert events and events[-1].HasField("finished"), f"not finished: {len(events)} events"
        assert essence(events) == expected, f"request {index} differs: {essence(events)}"

    def open(self, stub, request, request_id, events):
        if not events:
            mine = type(request)()
            mine.CopyFrom(request)
            mine.request_id = request_id
            return stub.StreamGenerate(mine, timeout=DEADLINE_SECONDS)
        again = inference_service_pb2.ResumeStreamRequest(
            request_id=request_id, after_sequence=len(events) - 1, request=request)
        resume = again.request.resume
        resume.next_sequence = len(events)
        resume.candidates.add(token_ids=[token for event in events
                                         for token in event.chunk.token_ids])
        return stub.ResumeStream(again, timeout=DEADLINE_SECONDS)


class ChaoticFleet(Fleet):
    """Remembers when its routers were lost."""

    def __init__(self):
        super().__init__("chaos", workers=WORKERS, routers=2, slots=16,
                         settings={"streams.max_moves": 100, "upstream.max_attempts": 10,
                                   "queue.max_wait": "170s",
                                   "streams.move_timeout": "170s",
                                   "membership.report_interval": "500ms"})
        self._lost = set()

    def lose_router(self, index):
        self._lost.add(index)
        self.kill_router(index)

    def router_was_lost(self, index):
        return index in self._lost


class Trouble:
    """What happens to the fleet, one thing after the other, by the seed alone."""

    def __init__(self, running):
        self.running = running
        self.random = random.Random(SEED)
        self.disturbed = {}  # worker -> (when to mend, how)
        self.count = {}

    def note(self, what, which):
        self.count[what] = self.count.get(what, 0) + 1
        print(f"{time.monotonic():.1f} {what} {which}", flush=True)

    def mend(self, everything=False):
        now = time.monotonic()
        for worker, (when, how) in list(self.disturbed.items()):
            if everything or now >= when:
                how()
                del self.disturbed[worker]

    def disturb(self):
        ready = self.running.ready_workers()
        well = [worker for worker in self.running.workers
                if worker in ready and worker not in self.disturbed]
        if len(well) <= UNDISTURBED:
            return
        worker = self.random.choice(well)
        action = self.random.choice([self.kill, self.stop, self.terminate, self.drain])
        self.note(action.__name__, worker)
        seconds = STOPPED_SECONDS if action == self.stop else self.random.uniform(1, 4)
        self.disturbed[worker] = (time.monotonic() + seconds, action(worker))

    def kill(self, worker):
        self.running.kill(worker)
        return lambda: self.running.restart(worker)

    def stop(self, worker):
        self.running.signal(worker, signal.SIGSTOP)
        return lambda: self.running.signal(worker, signal.SIGCONT)

    def terminate(self, worker):
        self.running.signal(worker, signal.SIGTERM)

        def again():
            assert self.running.processes[worker].wait(60) == 0, f"{worker} did not end well"
            self.running.restart(worker)

        return again

    def drain(self, worker):
        self.order(worker, drain=True)
        return lambda: self.order(worker, drain=False)

    def order(self, worker, drain):
        for router in self.running.routers:
            try:
                router.fleet.DrainWorker(fleet.DrainWorkerRequest(
                    worker_id=worker, undo=not drain), timeout=10)
            except grpc.RpcError as error:
                print(f"drain {worker}: {error.code()}")

    def restart_router(self):
        self.note("kill", "r1")
        self.running.lose_router(1)
        self.running.start_router(1)


def test_every_stream_ends_as_if_nothing_had_happened():
    print(f"CHAOS_SEED={SEED} CHAOS_SECONDS={SECONDS}", flush=True)
    with ChaoticFleet() as running:
        wanted = [(request, essence(list(running.router.inference.StreamGenerate(request))))
                  for request in requests()]
        over = threading.Event()
        clients = [Client(number, running, wanted, over) for number in range(STREAMS)]
        trouble = Trouble(running)
        begin = time.monotonic()
        router_at = begin + SECONDS / 2
        while not over.wait(trouble.random.uniform(0.3, 1.5)):
            trouble.mend()
            trouble.disturb()
            if router_at is not None and time.monotonic() >= router_at:
                trouble.restart_router()
                router_at = None
            if time.monotonic() - begin >= SECONDS:
                over.set()
        trouble.mend(everything=True)
        for client in clients:
            client.join(SETTLE_SECONDS)

        assert not [client.number for client in clients if client.is_alive()], "streams that hang"
        wrong = [client.wrong for client in clients if client.wrong is not None]
        assert not wrong, f"seed {SEED}: {len(wrong)} streams went wrong, such as {wrong[0]}"
        running.wait_until_ready()
        for name, worker in running.workers.items():
            eventually(lambda: worker.load().active == 0, 30, f"no slot in use at {name}")  # noqa: B023
        for router in running.routers:
            eventually(lambda: not any(router.in_flight().values()), 30, "an idle fleet")  # noqa: B023
        moves = {reason: running.metric("chasqui_router_stream_moves_total", reason=reason)
                 for reason in ("lost", "failed", "silent", "drained")}
        print(f"{sum(client.done for client in clients)} streams, "
              f"{sum(client.resumed for client in clients)} resumed at the other router; "
              f"moves at r0 {moves}; {trouble.count}")
        assert sum(moves.values()) > 0, "nothing happened to any stream"

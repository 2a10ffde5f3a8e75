# SPDX-License-Identifier: Apache-2.0
"""Who gets a request, and what becomes of it when its worker dies.

Workers are held by SIGSTOP where a test needs requests to stay: what it then sees is exact.
"""

import os
import signal

from chasqui.fleet.v1 import fleet_service_pb2

from chasqui_testing.process import held
from chasqui_testing.requests import Call
from chasqui_testing.requests import prompt
from chasqui_testing.suite import Suite
from chasqui_testing.waiting import eventually

SLOTS = 6
# A worker that is held reports nothing: it must not be dropped for that. Without a warm-up no speed
# is measured: the workers are equal however busy this machine is, and however long after the other one
# of them has joined.
SETTINGS = {"worker.engine.slots": SLOTS, "worker.engine.warm_up": "false",
            "router.membership.report_interval": "60s", "router.balancing.slow_start": "0s"}


def running(suite):
    """Requests on each worker, by WatchFleet's first snapshot."""
    watch = suite.router.fleet.WatchFleet(fleet_service_pb2.WatchFleetRequest(), timeout=10)
    snapshot = next(watch)
    watch.cancel()
    return {worker.worker_id: worker.in_flight for worker in snapshot.workers}


def test_equal_workers_stay_within_one_request_of_each_other(suite):
    calls = []
    with held(*suite.pids.values()):
        for number in range(1, 2 * SLOTS + 1):
            calls.append(Call(suite.router, prompt("A llama", max_tokens=4)))
            counts = eventually(
                lambda: (now := running(suite)) and sum(now.values()) == number and now,
                what=f"{number} running requests")
            assert abs(counts["worker-0"] - counts["worker-1"]) <= 1, counts

    for call in calls:
        assert call.join_answer().tokens > 0
    suite.wait_until_idle()


def test_kill_9_before_the_first_token_loses_no_request():
    with Suite("kill-9", settings=SETTINGS) as suite:
        victim = suite.pids["worker-1"]
        with held(victim):
            calls = [Call(suite.router, prompt("A llama", max_tokens=4)) for _ in range(SLOTS)]
            eventually(lambda: running(suite).get("worker-1", 0) >= 1, what="requests on the victim")
            os.kill(victim, signal.SIGKILL)

            answers = [call.join_answer() for call in calls]

        assert len({answer.text for answer in answers}) == 1
        suite.wait_until_idle()

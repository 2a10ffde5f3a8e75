# SPDX-License-Identifier: Apache-2.0
"""A client that leaves gives back what it held."""

import grpc
import pytest

from chasqui_testing.requests import CAPITAL
from chasqui_testing.requests import CAPITAL_ANSWER
from chasqui_testing.requests import ask
from chasqui_testing.requests import chat
from chasqui_testing.requests import long
from chasqui_testing.waiting import eventually

STREAMS = 12
MAX_TOKENS = 900


def totals(suite):
    """Active requests and tokens generated so far, over all workers."""
    loads = [worker.load() for worker in suite.workers.values()]
    return sum(load.active for load in loads), sum(load.generated_tokens_total for load in loads)


def wait_until_free(suite):
    eventually(lambda: totals(suite)[0] == 0, what="free slots on the workers")
    suite.wait_until_idle()


def test_cancel_frees_the_slots(suite):
    before = totals(suite)[1]
    streams = [suite.router.inference.StreamGenerate(long(max_tokens=MAX_TOKENS), timeout=60)
               for _ in range(STREAMS)]
    for stream in streams:
        assert next(stream).HasField("started")
    assert totals(suite)[0] > 0

    for stream in streams:
        stream.cancel()

    wait_until_free(suite)
    # Freed by the cancelling, not because they were done.
    assert totals(suite)[1] - before < STREAMS * MAX_TOKENS / 2
    assert ask(suite.router, chat(CAPITAL)).text == CAPITAL_ANSWER


def test_a_deadline_frees_the_slots(suite):
    before = totals(suite)[1]
    streams = [suite.router.inference.StreamGenerate(long(max_tokens=MAX_TOKENS), timeout=0.3)
               for _ in range(STREAMS)]
    for stream in streams:
        with pytest.raises(grpc.RpcError) as error:
            for _ in stream:
                pass
        assert error.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED

    wait_until_free(suite)
    assert totals(suite)[1] - before < STREAMS * MAX_TOKENS


def test_a_unary_call_can_be_cancelled_too(suite):
    call = suite.router.inference.Generate.future(long(max_tokens=MAX_TOKENS), timeout=60)
    eventually(lambda: totals(suite)[0] == 1, what="the running request")

    call.cancel()

    wait_until_free(suite)

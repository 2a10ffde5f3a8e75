# SPDX-License-Identifier: Apache-2.0
"""What many ask for is answered anew before it expires, as long as the workers have nothing else to do."""

import contextlib
import threading

import pytest

from chasqui_testing.answers import Policy
from chasqui_testing.answers import ask_often
from chasqui_testing.answers import events
from chasqui_testing.answers import remembered
from chasqui_testing.answers import with_policy
from chasqui_testing.fleet import Fleet
from chasqui_testing.requests import ask
from chasqui_testing.requests import long
from chasqui_testing.requests import prompt
from chasqui_testing.waiting import eventually

SLOTS = 2
MIN_ASKED = 3
# An answer is due a second after it was made; the service looks for such ones ten times a period.
SETTINGS = {"ttl.base": "4s", "ttl.least_percent": 100, "ttl.most_percent": 100,
            "warming.period": "7s", "warming.lead_percent": 75, "warming.min_asked": MIN_ASKED,
            "warming.idle_percent": 100}


@pytest.fixture(scope="module")
def fleet():
    with Fleet("warming", workers=1, slots=SLOTS, cache_settings=SETTINGS) as it:
        yield it
        print(it.cache_process.log[-5000:])


@pytest.fixture(scope="module")
def popular(fleet):
    """The key and the first answer of what many asked for once, and nobody does any more.

    Before it, and so expiring before it, another was asked for only once.
    """
    events(fleet.router, tagged("rare"))
    key = ask_often(fleet.router, fleet.cache, tagged("popular"), MIN_ASKED)
    return key, fleet.cache.entry(key)


def tagged(name):
    return with_policy(prompt(f"What is {name}", max_tokens=12), tags=[name])


@contextlib.contextmanager
def busy_workers(fleet):
    """All slots are busy, and nobody waits for one: whoever came would have the next that is free."""
    over = threading.Event()

    def keep_asking(request):
        while not over.is_set():
            ask(fleet.router, request)
    # Of different lengths, so that they do not end together.
    requests = [with_policy(long(max_tokens=900 - 190 * i), mode=Policy.MODE_BYPASS)
                for i in range(SLOTS)]
    askers = [threading.Thread(target=keep_asking, args=[request]) for request in requests]
    for asker in askers:
        asker.start()
    try:
        eventually(lambda: fleet.workers["w0"].load().active == SLOTS, 30, "busy slots")
        yield
    finally:
        over.set()
        for asker in askers:
            asker.join()


def test_what_many_ask_for_is_made_anew_before_it_expires(fleet, popular):
    key, first = popular

    later = fleet.cache.made_after(key, first.expire_time)

    assert remembered(fleet.router, tagged("popular"))
    assert not remembered(fleet.router, tagged("rare"))
    assert (later.tags, later.completion_tokens) == (first.tags, first.completion_tokens)
    warmed = {result: fleet.cache_metric("chasqui_cache_warmed_total", cause="predicted",
                                         result=result)
              for result in ("generated", "remembered", "failed")}
    assert warmed["generated"] > 0 and warmed["remembered"] == warmed["failed"] == 0


def test_what_is_made_anew_is_the_same_answer(fleet, popular):
    request = tagged("popular")
    undisturbed = events(fleet.router, with_policy(request, mode=Policy.MODE_BYPASS))
    key, first = popular

    fleet.cache.made_after(key, first.create_time)

    again = fleet.cache.entry(key, with_events=True).events
    assert [event.chunk for event in again] == [event.chunk for event in undisturbed]


def test_what_nobody_asks_for_any_more_expires(fleet, popular):
    key, _ = popular

    eventually(lambda: fleet.cache.entry(key) is None, 40, "an answer that is let go")


def test_nothing_is_made_anew_while_the_workers_are_busy(fleet):
    request = tagged("busy")
    key = ask_often(fleet.router, fleet.cache, request, MIN_ASKED)
    fleet.cache.made_after(key, fleet.cache.entry(key).create_time)

    with busy_workers(fleet):
        hits = fleet.cache.stats().hits
        eventually(lambda: not remembered(fleet.router, request), 30, "an expired answer")

        assert fleet.cache.stats().hits - hits > MIN_ASKED


def test_a_list_is_made_anew_where_that_is_asked_for(fleet):
    request = tagged("listed")
    warmed = {"cause": "asked", "result": "generated"}
    before = fleet.cache_metric("chasqui_cache_warmed_total", **warmed)

    kept = fleet.cache.warm([request, request])
    anew = fleet.cache.warm([request], refresh=True)

    assert (kept.generated, kept.remembered) == (1, 1)
    assert (anew.generated, anew.remembered) == (1, 0)
    assert fleet.cache_metric("chasqui_cache_warmed_total", **warmed) - before == 2

# SPDX-License-Identifier: Apache-2.0
"""Two cache services, each with a router of its own, that share answers and invalidations in Redis."""

import pytest

from chasqui_testing.answers import MADE
from chasqui_testing.answers import MEMORY
from chasqui_testing.answers import Policy
from chasqui_testing.answers import REDIS
from chasqui_testing.answers import events
from chasqui_testing.answers import remembered
from chasqui_testing.answers import source
from chasqui_testing.answers import wait_until_remembered
from chasqui_testing.answers import with_policy
from chasqui_testing.cache import CacheEndpoint
from chasqui_testing.fleet import Fleet
from chasqui_testing.redis import RedisServer
from chasqui_testing.requests import long
from chasqui_testing.requests import prompt
from chasqui_testing.waiting import eventually

A, B = 0, 1
BOTH = (A, B)


@pytest.fixture(scope="module")
def redis():
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="module")
def shared_fleet(redis):
    # A machine that compiles beside this is no reason to do without Redis.
    settings = {"redis.server.address": redis.address, "redis.server.timeout": "5s"}
    with Fleet("replicas", workers=1, routers=2, caches=2, cache_settings=settings) as it:
        yield it
        for process in it.cache_processes:
            print(process.log[-5000:])


@pytest.fixture
def fleet(shared_fleet):
    """Both replicas hear each other and both routers use theirs."""
    wait_until_in_step(shared_fleet)
    for router in BOTH:
        wait_until_used(shared_fleet, router)
    return shared_fleet


def wait_until_in_step(fleet):
    for cache in fleet.caches:
        eventually(lambda: cache.stats().replicas == 2, 30, "two replicas")  # noqa: B023


def wait_until_used(fleet, router):
    """Until a router asks its cache service; after a failure it leaves it alone for a while."""
    def used():
        source(fleet.routers[router], prompt("Used?", max_tokens=1))
        return fleet.metric("chasqui_router_answer_cache_available", router=router) == 1
    eventually(used, 30, "a cache service in use")


def tagged(text, *tags):
    return with_policy(prompt(text, max_tokens=8), tags=tags)


def everywhere(fleet, *requests):
    """Has requests answered anew; both replicas have the answers in memory, and Redis has them."""
    for request in requests:
        events(fleet.routers[A], with_policy(request, mode=Policy.MODE_REFRESH))
        for router in BOTH:
            wait_until_remembered(fleet.routers[router], request)
            assert remembered(fleet.routers[router], request) == MEMORY


def gone(fleet, router, request):
    """Whether a router's cache service, asked for an answer, has none."""
    misses = fleet.metric("chasqui_router_answer_cache_total", router=router, outcome="miss")
    if remembered(fleet.routers[router], request) is not None:
        return False
    # It was asked: that it is away would look the same.
    return fleet.metric("chasqui_router_answer_cache_total", router=router,
                        outcome="miss") == misses + 1


def invalidate_everywhere(fleet, cache=A, **names):
    reply = fleet.caches[cache].invalidate(**names)
    assert (reply.replicas, reply.others_pending) == (2, False)


def test_what_one_made_the_other_finds_in_redis(fleet):
    request = tagged("Made by one")
    made = events(fleet.routers[A], request)
    assert made[0].started.answer_source == MADE

    assert wait_until_remembered(fleet.routers[B], request) == REDIS
    again = events(fleet.routers[B], request)

    assert again[0].started.answer_source == MEMORY
    assert [event.chunk for event in again] == [event.chunk for event in made]
    assert [source(fleet.routers[A], request) for _ in range(2)] == [REDIS, MEMORY]


@pytest.mark.parametrize("cache", BOTH)
@pytest.mark.parametrize("kind", ["tags", "models", "everything"])
def test_an_invalidation_holds_in_both_when_it_returns(fleet, cache, kind):
    wrong, right = tagged("Invalid", "wrong", "more"), tagged("Invalid", "right")
    everywhere(fleet, wrong, right)
    model = events(fleet.router, wrong)[0].started.model
    names = {"tags": ["wrong"], "models": [model], "everything": True}

    invalidate_everywhere(fleet, cache, **{kind: names[kind]})

    for router in BOTH:
        assert gone(fleet, router, wrong)
        if kind == "tags":
            assert remembered(fleet.routers[router], right) == MEMORY
        else:
            assert gone(fleet, router, right)


def test_what_was_begun_before_an_invalidation_by_the_other_is_not_remembered(fleet):
    request = with_policy(long("Begun before", max_tokens=900), tags=["begun"])
    stream = fleet.routers[A].inference.StreamGenerate(request, timeout=60)
    next(stream)

    invalidate_everywhere(fleet, B, tags=["begun"])

    assert list(stream)[-1].HasField("finished")
    eventually(lambda: fleet.caches[A].stats().flights == 0, 30, "the end of the flight")
    assert all(gone(fleet, router, request) for router in BOTH)


@pytest.mark.parametrize("loss", ["FLUSHALL", "DEL chasqui:generations"])
def test_nothing_invalid_comes_back_when_redis_loses_what_it_knows(fleet, redis, loss):
    # Looking at one removes it, so each is looked at only once.
    wrong = [tagged(f"Lost {i}", "lost") for i in range(8)]
    right = tagged("Not lost", "kept")
    everywhere(fleet, *wrong, right)
    invalidate_everywhere(fleet, tags=["lost"])

    assert redis.ask(loss) in ("+OK", ":1")
    assert all(gone(fleet, router, request) for request in wrong[:2] for router in BOTH)
    eventually(lambda: not fleet.caches[A].invalidate(tags=["other"]).others_pending, 30,
               "an invalidation that is shared")
    assert all(gone(fleet, router, request) for request in wrong[2:4] for router in BOTH)
    fleet.cache_processes[B].kill()
    fleet.start_cache(B)
    wait_until_in_step(fleet)
    wait_until_used(fleet, B)

    assert all(gone(fleet, router, request) for request in wrong[4:] for router in BOTH)
    assert remembered(fleet.routers[A], right) == MEMORY


def test_redis_away_costs_hits_only(fleet, redis):
    kept, new = tagged("Kept in memory"), tagged("Made without Redis")
    wrong = [tagged(f"Invalid meanwhile {i}", "meanwhile") for i in BOTH]
    everywhere(fleet, kept, *wrong)

    redis.kill()

    for router in fleet.routers:
        assert source(router, kept) == MEMORY
        assert source(router, new) == MADE
        assert wait_until_remembered(router, new) == MEMORY
    reply = fleet.caches[A].invalidate(tags=["meanwhile"])
    assert (reply.replicas, reply.others_pending) == (1, True)
    assert gone(fleet, A, wrong[A])
    assert remembered(fleet.routers[B], wrong[A]) == MEMORY

    redis.start()

    eventually(lambda: gone(fleet, B, wrong[A]), 30, "an invalidation made without Redis")
    wait_until_in_step(fleet)
    for router in BOTH:
        assert gone(fleet, router, wrong[B])
        assert remembered(fleet.routers[router], kept) == MEMORY
    request = tagged("After Redis is back")
    events(fleet.routers[A], request)
    assert wait_until_remembered(fleet.routers[B], request) == REDIS


def test_a_replica_that_was_down_hears_what_it_missed(fleet):
    wrong, right = tagged("Missed", "missed"), tagged("Not missed")
    everywhere(fleet, wrong, right)
    fleet.cache_processes[B].kill()
    eventually(lambda: fleet.caches[A].stats().replicas == 1, 30, "a replica that is alone")

    reply = fleet.caches[A].invalidate(tags=["missed"])
    assert (reply.replicas, reply.others_pending) == (1, False)
    fleet.start_cache(B)

    wait_until_in_step(fleet)
    wait_until_used(fleet, B)
    assert gone(fleet, B, wrong)
    assert remembered(fleet.routers[B], right) == REDIS


def test_a_replica_that_starts_gives_nothing_invalid(fleet):
    wrong, right = tagged("Invalid at the start", "at-start"), tagged("Valid", "valid-at-start")
    everywhere(fleet, wrong, right)
    keys = [eventually(lambda: fleet.caches[A].key_of(tag), 30, "a known key")  # noqa: B023
            for tag in ("at-start", "valid-at-start")]
    # Much to hear, so that hearing it takes a while.
    for i in range(200):
        invalidate_everywhere(fleet, tags=[f"{i} {j}" for j in range(1000)])
    fleet.cache_processes[B].kill()
    eventually(lambda: fleet.caches[A].stats().replicas == 1, 30, "a replica that is alone")
    fleet.caches[A].invalidate(tags=["at-start"])

    fleet.start_cache(B)

    with CacheEndpoint(fleet.cache_addresses[B]) as started:
        def answers():
            assert started.entry(keys[0]) is None, "an answer that was made invalid before the start"
            return started.entry(keys[1])
        eventually(answers, 30, "a replica that answers")


def test_a_message_that_is_no_invalidation_harms_nobody(fleet, redis):
    assert redis.ask("PUBLISH chasqui:invalidations nonsense").startswith(":2")
    request = tagged("Harmed by nobody", "harmed")
    everywhere(fleet, request)

    invalidate_everywhere(fleet, B, tags=["harmed"])

    assert all(gone(fleet, router, request) for router in BOTH)


def test_who_cannot_hear_for_long_gives_nothing_until_redis_is_back():
    with RedisServer() as redis:
        settings = {"redis.server.address": redis.address, "redis.max_unheard": "1s"}
        with Fleet("unheard", workers=1, cache_settings=settings) as fleet:
            asked, other = tagged("Asked meanwhile"), tagged("Not asked meanwhile")
            for request in (asked, other):
                events(fleet.router, request)
                wait_until_remembered(fleet.router, request)
                assert remembered(fleet.router, request) == MEMORY

            redis.kill()
            eventually(lambda: fleet.cache_metric("chasqui_cache_hears_replicas") == 0, 30,
                       "a replica that knows that it does not hear")
            assert gone(fleet, A, asked)
            redis.start()
            eventually(lambda: fleet.cache_metric("chasqui_cache_hears_replicas") == 1, 30,
                       "a replica that hears")

            assert remembered(fleet.router, other) == MEMORY
            assert remembered(fleet.router, asked) == MEMORY


def test_nothing_is_left_over(fleet):
    for cache in fleet.caches:
        eventually(lambda: cache.stats().flights == 0, 30, "no flights")  # noqa: B023
        assert cache.stats().followers == 0 and cache.tier("redis").available
    for router in fleet.routers:
        assert set(router.in_flight().values()) == {0}

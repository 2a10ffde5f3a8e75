# SPDX-License-Identifier: Apache-2.0
"""Answers belong to the tenant who asked; operators ask on behalf of any."""

import json

import grpc
import pytest

from chasqui_testing import errors
from chasqui_testing.answers import MADE
from chasqui_testing.answers import MEMORY
from chasqui_testing.answers import SHARED
from chasqui_testing.answers import Policy
from chasqui_testing.answers import ask_often
from chasqui_testing.answers import events
from chasqui_testing.answers import remembered
from chasqui_testing.answers import source
from chasqui_testing.answers import wait_until_remembered
from chasqui_testing.answers import with_policy
from chasqui_testing.keys import bearer
from chasqui_testing.keys import new_key
from chasqui_testing.requests import long
from chasqui_testing.requests import prompt
from chasqui_testing.suite import Suite
from chasqui_testing.waiting import eventually

MIN_ASKED = 3


class Callers:
    """A suite that asks for keys, and the metadata of who calls it."""

    def __init__(self, folder):
        a, a_entry = new_key("team-a")
        b, b_entry = new_key("team-b")
        operator, operator_entry = new_key("ops", "operator", "client")
        worker, worker_entry = new_key("fleet", "worker")
        keys, worker_file = folder / "keys.yaml", folder / "worker.txt"
        keys.write_text(json.dumps({"keys": [a_entry, b_entry, operator_entry, worker_entry]}))
        worker_file.write_text(f"{worker}\n")
        self.a, self.b, self.operator = bearer(a), bearer(b), bearer(operator)
        settings = {
            "router.auth.keys_file": keys, "worker.router_api_key_file": worker_file,
            "with_cache": "true", "cache.disk.path": folder / "answers",
            "cache.warming.api_key": operator, "cache.warming.period": "7s",
            "cache.warming.lead_percent": 75, "cache.warming.min_asked": MIN_ASKED,
            # Beside a compiler, several would wait for each other at each token.
            "worker.engine.threads": 1}
        self.suite = Suite("tenants", workers=1, settings=settings,
                           env={"CHASQUI_API_KEY": operator})
        self.router, self.cache = self.suite.router, self.suite.cache


@pytest.fixture(scope="module")
def callers(tmp_path_factory):
    it = Callers(tmp_path_factory.mktemp("tenants"))
    with it.suite:
        yield it
        print(it.suite.process.log[-5000:])


def on_behalf(caller, tenant):
    return [*caller, ("x-chasqui-answers-of", tenant)]


def tagged(name, **policy):
    return with_policy(prompt(f"What is {name}", max_tokens=12), tags=[name], **policy)


def test_tenants_do_not_get_each_others_answers(callers):
    request = tagged("kept apart")
    events(callers.router, request, callers.a)
    wait_until_remembered(callers.router, request, callers.a)

    assert remembered(callers.router, request, callers.b) is None
    assert source(callers.router, request, callers.b) == MADE
    assert source(callers.router, request, callers.a) == MEMORY


def test_tenants_do_not_share_what_is_just_made(callers):
    request = long("Two tenants ask at once")
    leader = callers.router.inference.StreamGenerate(request, timeout=60, metadata=callers.a)
    assert next(leader).started.answer_source == MADE

    other = callers.router.inference.StreamGenerate(request, timeout=60, metadata=callers.b)
    follower = callers.router.inference.StreamGenerate(request, timeout=60, metadata=callers.a)

    assert next(other).started.answer_source == MADE
    assert next(follower).started.answer_source == SHARED
    for stream in (leader, other, follower):
        assert list(stream)[-1].HasField("finished")


def test_an_operator_gets_a_tenants_answer(callers):
    request = tagged("the tenant's")
    events(callers.router, request, callers.a)
    wait_until_remembered(callers.router, request, callers.a)

    assert remembered(callers.router, request, on_behalf(callers.operator, "team-a")) == MEMORY
    assert remembered(callers.router, request, on_behalf(callers.operator, "team-b")) is None
    assert remembered(callers.router, request, callers.operator) is None


def test_an_operator_makes_a_tenants_answer_anew(callers):
    request = tagged("anew")
    first = events(callers.router, request, callers.a)
    wait_until_remembered(callers.router, request, callers.a)
    key = eventually(lambda: callers.cache.key_of("anew"), 30, "a known key")
    before = callers.cache.entry(key)

    made = source(callers.router, with_policy(request, mode=Policy.MODE_REFRESH),
                  on_behalf(callers.operator, "team-a"))

    assert made == MADE
    assert callers.cache.made_after(key, before.create_time).tenant == before.tenant == "team-a"
    hit = events(callers.router, with_policy(request, mode=Policy.MODE_REQUIRE), callers.a)
    assert [event.chunk for event in hit] == [event.chunk for event in first]


@pytest.mark.parametrize("mode", [Policy.MODE_DEFAULT, Policy.MODE_REFRESH, Policy.MODE_REQUIRE])
@pytest.mark.parametrize("tenant", ["team-a", "team-b"])
def test_who_is_no_operator_is_refused(callers, mode, tenant):
    request = with_policy(tagged("not theirs"), mode=mode)
    calls = [lambda **options: callers.router.inference.Generate(request, **options),
             lambda **options: list(callers.router.inference.StreamGenerate(request, **options))]
    for call in calls:
        with pytest.raises(grpc.RpcError) as refused:
            call(timeout=60, metadata=on_behalf(callers.b, tenant))
        assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
        assert errors.reason(refused.value) == "NOT_AN_OPERATOR"
    assert remembered(callers.router, request, callers.a) is None


def test_a_list_can_be_warmed_for_a_tenant(callers):
    request = tagged("warmed")

    last = callers.cache.warm([request], tenant="team-a")

    assert (last.completed, last.generated) == (1, 1), last
    assert remembered(callers.router, request, callers.a)
    assert remembered(callers.router, request, callers.b) is None
    assert remembered(callers.router, request, callers.operator) is None


def test_what_a_tenant_often_asks_for_is_made_anew_for_it(callers):
    request = tagged("popular", ttl={"seconds": 4})

    key = ask_often(callers.router, callers.cache, request, MIN_ASKED, callers.a)
    first = callers.cache.entry(key)

    later = callers.cache.made_after(key, first.expire_time)

    assert later.tenant == first.tenant == "team-a"
    assert remembered(callers.router, request, callers.a)
    assert remembered(callers.router, request, callers.operator) is None

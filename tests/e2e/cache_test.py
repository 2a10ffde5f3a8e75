# SPDX-License-Identifier: Apache-2.0
"""Answers are remembered and shared: what comes from the cache is what a worker would have said."""

import asyncio
import random
import subprocess
import time

import grpc
import pytest
from chasqui.inference.v1 import generate_pb2
from chasqui.inference.v1 import inference_service_pb2_grpc

from chasqui_testing import paths
from chasqui_testing.fleet import Fleet
from chasqui_testing.requests import Call
from chasqui_testing.requests import ask
from chasqui_testing.requests import chat
from chasqui_testing.requests import long
from chasqui_testing.requests import prompt
from chasqui_testing.waiting import eventually

Policy = generate_pb2.CachePolicy
SHARED, MEMORY, DISK = (generate_pb2.ANSWER_SOURCE_SHARED, generate_pb2.ANSWER_SOURCE_MEMORY,
                        generate_pb2.ANSWER_SOURCE_DISK)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    disk = tmp_path_factory.mktemp("answers")
    with Fleet("cache", workers=2, cache_settings={"disk.path": disk, "disk.max_bytes": "64MiB"}) as it:
        yield it
        print(it.cache_process.log[-5000:])


def events(fleet, request, timeout=60):
    return list(fleet.router.inference.StreamGenerate(request, timeout=timeout))


def source(stream):
    return stream[0].started.answer_source


def text(stream):
    return "".join(event.chunk.text for event in stream)


def generated(fleet):
    """Tokens that the workers have generated."""
    return sum(worker.load().generated_tokens_total for worker in fleet.workers.values())


def with_policy(request, **policy):
    request.cache_policy.MergeFrom(Policy(**policy))
    return request


def remembered(fleet, request):
    """Waits until the answer to a request that was asked is remembered."""
    required = with_policy(request.__class__.FromString(request.SerializeToString()),
                           mode=Policy.MODE_REQUIRE)

    def found():
        try:
            return source(events(fleet, required)) != SHARED
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.NOT_FOUND, error
            return False
    eventually(found, 20, "a remembered answer")


def test_a_hit_is_the_same_stream(fleet):
    request = prompt("A hit is ", max_tokens=40, logprobs={"top": 2})
    first = events(fleet, request)
    remembered(fleet, request)
    before = generated(fleet)

    hit = events(fleet, request)

    assert source(first) == 0 and source(hit) == MEMORY
    assert [event.sequence for event in hit] == list(range(len(hit)))
    assert [event.chunk for event in hit] == [event.chunk for event in first]
    assert hit[0].started.request_id != first[0].started.request_id
    assert hit[0].started.model_fingerprint == first[0].started.model_fingerprint
    usage = hit[-1].finished.usage
    assert usage.completion_tokens == first[-1].finished.usage.completion_tokens > 0
    assert usage.cached_completion_tokens == usage.completion_tokens
    assert usage.cached_prompt_tokens == usage.prompt_tokens
    assert hit[-1].finished.candidates == first[-1].finished.candidates
    assert generated(fleet) == before


def test_unary_calls_and_streams_share_answers(fleet):
    request = chat("Unary and streams?", max_tokens=30, n=2)
    whole = fleet.router.inference.Generate(request, timeout=60)
    remembered(fleet, request)

    hit = events(fleet, request)
    again = fleet.router.inference.Generate(request, timeout=60)

    assert source(hit) == MEMORY and again.started.answer_source == MEMORY
    assert [c.text for c in again.completions] == [c.text for c in whole.completions]
    assert whole.completions[0].text == "".join(
        event.chunk.text for event in hit if event.chunk.index == 0)
    assert [c.token_ids for c in again.completions] == [c.token_ids for c in whole.completions]
    assert again.usage.cached_completion_tokens == whole.usage.completion_tokens
    assert again.completions[0].finish_reason == whole.completions[0].finish_reason != 0


def test_what_is_drawn_at_random_is_not_remembered(fleet):
    request = prompt("At random", max_tokens=8)
    request.sampling.temperature = 1
    before = generated(fleet)
    for _ in range(2):
        assert source(events(fleet, request)) == 0
    assert generated(fleet) > before
    with pytest.raises(grpc.RpcError) as refused:
        events(fleet, with_policy(request, mode=Policy.MODE_REQUIRE))
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "temperature" in refused.value.details()


def test_a_seed_counts_where_the_request_says_so(fleet):
    request = prompt("With a seed", max_tokens=12)
    request.sampling.temperature, request.sampling.seed = 1, 7
    assert source(events(fleet, request)) == source(events(fleet, request)) == 0
    with_policy(request, seeded_is_deterministic=True)
    first = events(fleet, request)
    remembered(fleet, request)
    assert source(events(fleet, request)) == MEMORY
    other = request.__class__.FromString(request.SerializeToString())
    other.sampling.seed = 8
    assert text(events(fleet, other)) != text(first)


def test_bypass_refresh_require(fleet):
    request = prompt("The modes", max_tokens=12)
    with pytest.raises(grpc.RpcError) as missing:
        events(fleet, with_policy(prompt("The modes", max_tokens=12), mode=Policy.MODE_REQUIRE))
    assert missing.value.code() == grpc.StatusCode.NOT_FOUND
    assert source(events(fleet, with_policy(prompt("The modes", max_tokens=12),
                                            mode=Policy.MODE_BYPASS))) == 0
    assert source(events(fleet, request)) == 0  # the bypass left nothing
    remembered(fleet, request)
    stores = fleet.cache.tier("disk").stores
    assert source(events(fleet, with_policy(prompt("The modes", max_tokens=12),
                                            mode=Policy.MODE_REFRESH))) == 0
    eventually(lambda: fleet.cache.tier("disk").stores == stores + 1, 10, "the new answer")
    assert source(events(fleet, request)) in (MEMORY, DISK)


def test_other_requests_get_other_answers(fleet):
    base = prompt("Different", max_tokens=12)
    events(fleet, base)
    remembered(fleet, base)
    for other in (prompt("Different ", max_tokens=12), prompt("Different", max_tokens=13),
                  with_policy(prompt("Different", max_tokens=12), tags=["t"]),
                  prompt("Different", max_tokens=12, logprobs={"top": 1})):
        assert source(events(fleet, other)) == 0
    # What has no effect on the text does not tell requests apart.
    same = prompt("Different", max_tokens=12)
    same.sampling.top_k, same.sampling.seed = 7, 9
    same.priority = generate_pb2.PRIORITY_HIGH
    assert source(events(fleet, same)) == MEMORY


def test_identical_requests_share_one_generation(fleet):
    request = long("Identical requests", max_tokens=40)
    before = generated(fleet)

    async def read_all():
        async with grpc.aio.insecure_channel(fleet.router.address) as channel:
            stub = inference_service_pb2_grpc.InferenceServiceStub(channel)

            async def read():
                return [event async for event in stub.StreamGenerate(request, timeout=100)]
            return await asyncio.gather(*(read() for _ in range(1000)))
    streams = asyncio.run(read_all())

    outcomes = {outcome: fleet.metric("chasqui_router_answer_cache_total", outcome=outcome)
                for outcome in ("lead", "follow", "hit", "alone", "away")}
    assert generated(fleet) - before == 40, outcomes
    assert len({text(stream) for stream in streams}) == 1
    assert [source(stream) for stream in streams].count(0) == 1
    for stream in streams:
        assert [event.sequence for event in stream] == list(range(len(stream)))
    assert len({stream[0].started.request_id for stream in streams}) == len(streams)


def undisturbed(fleet, request):
    return text(events(fleet, with_policy(
        request.__class__.FromString(request.SerializeToString()), mode=Policy.MODE_BYPASS)))


def followers_of(fleet, request, count):
    before = fleet.cache.stats().followers
    calls = [Call(fleet.router, request) for _ in range(count)]
    eventually(lambda: fleet.cache.stats().followers >= before + count, 10, "followers")
    return calls


def test_followers_go_on_when_the_leaders_client_leaves(fleet):
    request = long("The leader leaves", max_tokens=600)
    expected = undisturbed(fleet, request)
    seed = random.randrange(1 << 30)
    draw = random.Random(seed)
    for _ in range(6):
        fleet.cache.invalidate(everything=True)
        leader = fleet.router.inference.StreamGenerate(request, timeout=60)
        for _ in range(draw.randint(1, 100)):
            next(leader)
        followers = followers_of(fleet, request, 3)

        leader.cancel()

        for follower in followers:
            assert follower.join_answer().text == expected, f"seed {seed}"
    assert fleet.cache.stats().promoted >= 1


def test_followers_go_on_when_the_worker_dies(fleet):
    request = long("The worker dies", max_tokens=600)
    expected = undisturbed(fleet, request)
    leader = Call(fleet.router, request)
    eventually(lambda: fleet.cache.stats().flights == 1, 10, "a flight")
    followers = followers_of(fleet, request, 5)
    busy = next(name for name, count in fleet.router.in_flight().items() if count > 0)

    fleet.kill(busy)

    for call in [leader, *followers]:
        assert call.join_answer().text == expected
    fleet.restart(busy)
    fleet.wait_until_ready()


def test_a_tag_invalidates_its_answers(fleet):
    tagged = with_policy(prompt("Tagged", max_tokens=12), tags=["news", "sport"])
    other = with_policy(prompt("Tagged", max_tokens=12), tags=["sport"])
    for request in (tagged, other):
        events(fleet, request)
        remembered(fleet, request)

    assert fleet.cache.invalidate(tags=["news"]).replicas == 1

    assert source(events(fleet, tagged)) == 0
    assert source(events(fleet, other)) == MEMORY
    fleet.cache.invalidate(everything=True)
    assert source(events(fleet, other)) == 0
    with pytest.raises(grpc.RpcError) as nothing:
        fleet.cache.invalidate()
    assert nothing.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_the_disk_outlives_the_service_and_invalidations_do(fleet):
    kept, gone = prompt("On disk", max_tokens=12), prompt("Gone", max_tokens=12)
    with_policy(gone, tags=["gone"])
    for request in (kept, gone):
        events(fleet, request)
        remembered(fleet, request)
    fleet.cache.invalidate(tags=["gone"])

    fleet.cache_process.kill()
    fleet.start_cache()
    eventually(lambda: source(events(fleet, kept)) == DISK, 20, "the answer from disk")

    assert source(events(fleet, kept)) == MEMORY
    assert source(events(fleet, gone)) == 0


def test_a_cache_that_is_away_costs_hits_only(fleet):
    request = long("The cache dies", max_tokens=600)
    expected = undisturbed(fleet, request)
    leader = Call(fleet.router, request)
    eventually(lambda: fleet.cache.stats().flights == 1, 10, "a flight")
    followers = followers_of(fleet, request, 5)

    fleet.cache_process.kill()

    for call in [leader, *followers]:
        assert call.join_answer().text == expected
    for _ in range(5):
        assert ask(fleet.router, request).text == expected
    assert fleet.metric("chasqui_router_answer_cache_available") == 0
    fleet.start_cache()
    eventually(lambda: events(fleet, request) and
               fleet.metric("chasqui_router_answer_cache_available") == 1, 20, "the cache again")


def test_a_hit_is_paced_if_asked(fleet):
    request = prompt("Paced", max_tokens=20, ignore_eos=True)
    events(fleet, request)
    remembered(fleet, request)

    begun = time.monotonic()
    hit = events(fleet, with_policy(request, replay_tokens_per_second=50))

    assert source(hit) == MEMORY
    assert time.monotonic() - begun >= 20 / 50 * 0.9


def test_warming_tells_its_progress(fleet):
    requests = [prompt(f"Warm {i}", max_tokens=8) for i in range(6)]
    events(fleet, requests[0])
    remembered(fleet, requests[0])

    last = fleet.cache.warm(requests, concurrency=3)

    assert (last.total, last.completed, last.generated, last.remembered, last.failed) == (6, 6, 5, 1, 0)
    for request in requests:
        remembered(fleet, request)
    with pytest.raises(grpc.RpcError) as refused:
        random = prompt("random")
        random.sampling.temperature = 1
        fleet.cache.warm([requests[0], random])
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    failing = fleet.cache.warm([prompt("x" * 100_000, max_tokens=8)])
    assert failing.failed == 1 and failing.failed_index == 0 and failing.failure


def test_an_error_of_the_request_is_told_to_all(fleet):
    request = prompt("x" * 100_000, max_tokens=8)
    calls = [Call(fleet.router, request) for _ in range(10)]
    for call in calls:
        with pytest.raises(grpc.RpcError) as refused:
            call.join_answer()
        assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_nothing_is_left_over(fleet):
    eventually(lambda: fleet.cache.stats().flights == 0, 10, "no flights")
    stats = fleet.cache.stats()
    assert stats.followers == 0 and stats.flight_bytes == 0
    assert stats.hits > 0 and stats.saved_completion_tokens > 0
    assert set(fleet.router.in_flight().values()) == {0}


def test_the_command_shows_and_purges(fleet):
    def run(*arguments):
        return subprocess.run([paths.binary("chasqui"), *arguments], capture_output=True, text=True,
                              timeout=60, check=False, stdin=subprocess.DEVNULL)
    generate = ("generate", "--server", fleet.router.address, "--greedy", "--max-tokens", "8",
                "--tag", "told", "By the command")
    first = run(*generate)
    remembered(fleet, with_policy(prompt("By the command", max_tokens=8), tags=["told"]))

    assert run(*generate, "--cache", "require").stdout == first.stdout != "", first.stderr
    top = run("cache", "stats", "--server", fleet.cache_address, "--top", "128").stdout
    assert "memory" in top and "disk" in top and "MOST ASKED" in top
    keys = [line.split()[0] for line in top.split("MOST ASKED")[1].splitlines()[1:]]
    shown = [run("cache", "get", "--server", fleet.cache_address, key).stdout for key in keys]
    assert any("tags               told" in text and first.stdout.strip() in text for text in shown)
    purged = run("cache", "purge", "--server", fleet.cache_address, "--tag", "told")
    assert purged.stdout == "invalid in 1 replica\n"
    missing = run(*generate, "--cache", "require")
    assert missing.returncode == 1 and "NO_ANSWER_REMEMBERED" in missing.stderr

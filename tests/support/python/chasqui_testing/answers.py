# SPDX-License-Identifier: Apache-2.0
"""Requests to a router that remembers answers, and where their answers come from."""

import grpc
from chasqui.inference.v1 import generate_pb2

from chasqui_testing import errors
from chasqui_testing.waiting import eventually

Policy = generate_pb2.CachePolicy
MADE, MEMORY, REDIS, SHARED = (
    generate_pb2.ANSWER_SOURCE_UNSPECIFIED, generate_pb2.ANSWER_SOURCE_MEMORY,
    generate_pb2.ANSWER_SOURCE_REDIS, generate_pb2.ANSWER_SOURCE_SHARED)


def with_policy(request, **policy):
    """The same request with another cache_policy."""
    other = request.__class__.FromString(request.SerializeToString())
    other.cache_policy.MergeFrom(Policy(**policy))
    return other


def events(router, request, metadata=None):
    """The whole stream."""
    return list(router.inference.StreamGenerate(request, timeout=60, metadata=metadata))


def source(router, request, metadata=None):
    """Where an answer comes from."""
    return events(router, request, metadata)[0].started.answer_source


def remembered(router, request, metadata=None):
    """Where an answer comes from that must be remembered; None when none is."""
    try:
        return source(router, with_policy(request, mode=Policy.MODE_REQUIRE), metadata)
    except grpc.RpcError as error:
        assert errors.reason(error) == "NO_ANSWER_REMEMBERED", error
        return None


def wait_until_remembered(router, request, metadata=None):
    """Until the answer to a request that was asked is remembered; where it was found first."""
    def found():
        where = remembered(router, request, metadata)
        return None if where == SHARED else where
    return eventually(found, 30, "a remembered answer")


def ask_often(router, cache, request, times, metadata=None):
    """Asks until that counts as so often, which a new period may delay; the answer's key.

    The request has a tag of its own.
    """
    def counts():
        events(router, request, metadata)
        return cache.key_of(request.cache_policy.tags[0], asked=times)
    return eventually(counts, 30, "a much asked answer")

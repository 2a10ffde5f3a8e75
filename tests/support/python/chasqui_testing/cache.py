# SPDX-License-Identifier: Apache-2.0
"""A cache service under test."""

import grpc
from chasqui.cache.v1 import cache_service_pb2
from chasqui.cache.v1 import cache_service_pb2_grpc

from chasqui_testing.waiting import eventually

TIERS = {1: "memory", 2: "redis", 3: "disk"}


class CacheEndpoint:
    """A cache service: its channel and stub. It may be away and come back."""

    def __init__(self, address):
        self.channel = grpc.insecure_channel(address, options=[
            ("grpc.use_local_subchannel_pool", 1), ("grpc.max_reconnect_backoff_ms", 200),
            ("grpc.max_receive_message_length", -1), ("grpc.enable_retries", 0)])
        self.stub = cache_service_pb2_grpc.CacheServiceStub(self.channel)

    def stats(self, top=0):
        return self.stub.GetStats(cache_service_pb2.GetStatsRequest(top=top), timeout=10)

    def tier(self, name):
        """The state of one tier."""
        return next(tier for tier in self.stats().tiers if TIERS[tier.tier] == name)

    def entry(self, key, **fields):
        """What is remembered under a key; None when nothing valid is. No use of the answer."""
        try:
            return self.stub.GetEntry(
                cache_service_pb2.GetEntryRequest(key=key, **fields), timeout=10)
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.NOT_FOUND, error
            return None

    def key_of(self, tag, asked=1):
        """The key of an answer with this tag that was surely asked for so often; None without one."""
        for top in self.stats(top=128).top:
            entry = self.entry(top.key) if top.asked - top.error >= asked else None
            if entry is not None and tag in entry.tags:
                return top.key
        return None

    def made_after(self, key, moment):
        """Waits for an answer made after a moment; until then a former one must be valid."""
        def anew():
            entry = self.entry(key)
            assert entry is not None, "the answer has expired"
            return entry if entry.create_time.ToNanoseconds() > moment.ToNanoseconds() else None
        return eventually(anew, 30, "an answer made anew")

    def invalidate(self, **names):
        return self.stub.Invalidate(cache_service_pb2.InvalidateRequest(**names), timeout=10)

    def warm(self, requests, **fields):
        """The last word of a Warm."""
        *_, last = self.stub.Warm(
            cache_service_pb2.WarmRequest(requests=requests, **fields), timeout=60)
        return last

    def close(self):
        self.channel.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

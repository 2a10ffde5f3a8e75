# SPDX-License-Identifier: Apache-2.0
"""A cache service under test."""

import grpc
from chasqui.cache.v1 import cache_service_pb2
from chasqui.cache.v1 import cache_service_pb2_grpc

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

    def invalidate(self, **names):
        return self.stub.Invalidate(cache_service_pb2.InvalidateRequest(**names), timeout=10)

    def warm(self, requests, **fields):
        """The last word of a Warm."""
        *_, last = self.stub.Warm(
            cache_service_pb2.WarmRequest(requests=requests, **fields), timeout=60)
        return last

    def close(self):
        self.channel.close()

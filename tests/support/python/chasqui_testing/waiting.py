# SPDX-License-Identifier: Apache-2.0
"""Waiting for a condition instead of sleeping for a result."""

import socket
import time


def eventually(condition, timeout=20.0, what="the condition"):
    """Calls `condition` until it gives something true, and returns that; asserts after `timeout`."""
    deadline = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline, f"{what} did not come true within {timeout} s"
        time.sleep(0.02)  # between two looks, not for a result


def free_ports(count):
    """`count` different ports nobody listens on, as far as can be told in advance."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def listening(port):
    """Whether somebody takes connections on a port of this machine."""
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0

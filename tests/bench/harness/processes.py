# SPDX-License-Identifier: Apache-2.0
"""Starts the programs of a benchmark, finds out when they serve, and ends them by their ids."""

import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BIN = ROOT / os.environ.get("BUILD", "build/release") / "bin"


class Failure(Exception):
    """A benchmark that cannot go on; the message is for its user."""


def raise_open_files():
    """A thousand streams need more than a thousand sockets. Children inherit the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def program(name):
    """The path of one of ours (from the build tree) or of the system's programs."""
    path = BIN / name if name.startswith("chasqui") else shutil.which(name)
    if path is None or not Path(path).exists():
        raise Failure(f"{name} is missing: build it, or see deploy/packages/test.txt")
    return str(path)


def children(pid):
    try:
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


class Process:
    """A running program, whose output goes to a file in `folder`."""

    def __init__(self, folder, name, command, environment=None):
        self.name = name
        self.log = Path(folder) / f"{name}.log"
        with open(self.log, "ab") as log:
            self.popen = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **(environment or {})}, cwd=folder)

    @property
    def pids(self):
        """Its process and the ones that it started."""
        return [self.popen.pid, *children(self.popen.pid)]

    def check(self):
        if self.popen.poll() is not None:
            raise Failure(f"{self.name} ended with {self.popen.returncode}:\n{self.tail()}")

    def tail(self):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])

    def wait_until(self, ready, what, timeout=60):
        """Until ready() gives something true, which is returned."""
        deadline = time.monotonic() + timeout
        while True:
            self.check()
            result = ready()
            if result:
                return result
            if time.monotonic() > deadline:
                raise Failure(f"{self.name}: {what} took more than {timeout} s:\n{self.tail()}")
            time.sleep(0.02)

    def wait_for_port(self, port, timeout=60):
        def connects():
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return True
            except OSError:
                return False
        self.wait_until(connects, f"listening on port {port}", timeout)

    def wait_for_line(self, line, timeout=60):
        """The lines before `line`."""
        def lines():
            found = self.log.read_text(errors="replace").splitlines()
            return found if line in found else None
        found = self.wait_until(lines, f'saying "{line}"', timeout)
        return found[:found.index(line)]

    def stop(self):
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
            try:
                self.popen.wait(10)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()


class Stage:
    """A temporary folder, and the programs that run in it; all are gone at the end of `with`."""

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="chasqui-bench-"))
        self.running = []
        signal.signal(signal.SIGTERM, lambda *_: exit(143))
        return self

    def start(self, name, command, environment=None):
        process = Process(self.folder, name, command, environment)
        self.running.append(process)
        return process

    def stop(self, process):
        process.stop()
        self.running.remove(process)

    def __exit__(self, *_):
        for process in reversed(self.running):
            process.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

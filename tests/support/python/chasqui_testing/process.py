# SPDX-License-Identifier: Apache-2.0
"""A program under test as a process: its log is kept and shown when a test fails."""

import contextlib
import os
import pathlib
import signal
import subprocess
import tempfile

from chasqui_testing import paths

_log_folder = None


def log_folder():
    """Where this test run's logs go; one folder a run."""
    global _log_folder
    if _log_folder is None:
        base = paths.BUILD / "test-logs"
        base.mkdir(parents=True, exist_ok=True)
        _log_folder = pathlib.Path(tempfile.mkdtemp(dir=base))
    return _log_folder


@contextlib.contextmanager
def held(*pids):
    """Stops processes for a while, so that nothing changes there; those killed meanwhile stay dead."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


class Process:
    """Runs a built program until stop(); always ended by its own pid, never by name."""

    def __init__(self, name, program, *arguments, env=None, stdin=subprocess.DEVNULL,
                 stdout=None):
        self.name = name
        self.log_path = log_folder() / f"{name}.log"
        self.popen = None
        with open(self.log_path, "ab") as log:
            self.popen = subprocess.Popen(
                [paths.binary(program), *arguments], stdin=stdin, stdout=stdout or log,
                stderr=log, env={**os.environ, **(env or {})}, start_new_session=True)

    @property
    def pid(self):
        return self.popen.pid

    @property
    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def running(self):
        return self.popen.poll() is None

    def signal(self, number):
        self.popen.send_signal(number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.popen.wait()

    def wait(self, timeout=30):
        """The exit status; asserts that it ends in time."""
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not end within {timeout} s:\n{self.log}")

    def stop(self, timeout=30):
        """SIGTERM, and the exit status."""
        if self.running():
            self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self.running():
            self.kill()

# SPDX-License-Identifier: Apache-2.0
"""The command at a terminal: Ctrl-C ends an answer and not the chat, pictures refresh in place."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import time

from chasqui_testing import paths
from chasqui_testing.requests import CAPITAL
from chasqui_testing.requests import CAPITAL_ANSWER


class Terminal:
    """A command with a terminal of its own; what it shows is kept in `shown`."""

    def __init__(self, *arguments, env=None):
        self._ours, theirs = pty.openpty()
        # A new session whose terminal this is, so that Ctrl-C becomes a signal.
        self._process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", paths.binary("chasqui"), *arguments], stdin=theirs,
            stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm", **(env or {})})
        os.close(theirs)
        self.shown = ""
        self._seen = 0  # how much of it has been waited for

    def type(self, text):
        os.write(self._ours, text.encode())

    def wait_for(self, pattern, timeout=30):
        """Until `pattern` is shown, after what was waited for before."""
        deadline = time.monotonic() + timeout
        while not (found := re.search(pattern, self.shown[self._seen:])):
            left = deadline - time.monotonic()
            assert left > 0 and self._read(left), f"no {pattern!r} in {self.shown[self._seen:]!r}"
        self._seen += found.end()

    def _read(self, timeout):
        ready, _, _ = select.select([self._ours], [], [], timeout)
        try:
            data = os.read(self._ours, 65536) if ready else b""
        except OSError:  # nobody has the terminal open any more
            data = b""
        self.shown += data.decode(errors="replace")
        return bool(data)

    def pid(self):
        """The command itself, where setsid is only its parent."""
        process = self._process.pid
        with open(f"/proc/{process}/task/{process}/children", encoding="utf-8") as children:
            return int((children.read().split() or [process])[0])

    def wait(self, timeout=30):
        return self._process.wait(timeout)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        os.close(self._ours)


def test_ctrl_c_ends_the_answer_and_not_the_chat(suite):
    with Terminal("chat", "--greedy", "--ignore-eos", "--max-tokens", "900",
                  "--server", suite.router.address) as terminal:
        terminal.wait_for("> ")
        terminal.type("Tell me a story.\n")
        terminal.wait_for(r"story\.\r\n.*\w")
        terminal.type("\x03")
        terminal.wait_for(r"\[cancelled\]")
        terminal.wait_for("> ")

        terminal.type("\x03")
        terminal.wait_for(r"/quit or Ctrl-D leaves")
        terminal.type("/quit\n")

        assert terminal.wait() == 0
    suite.wait_until_idle()


def test_chat_answers_at_a_terminal(suite):
    with Terminal("chat", "--greedy", "--server", suite.router.address) as terminal:
        terminal.wait_for("> ")
        terminal.type(f"{CAPITAL}\n")
        terminal.wait_for(re.escape(CAPITAL_ANSWER))
        terminal.wait_for("> ")
        terminal.type("\x04")

        assert terminal.wait() == 0


def test_fleet_watch_refreshes_in_place(suite):
    with Terminal("fleet", "watch", "--interval", "100ms",
                  "--server", suite.router.address) as terminal:
        terminal.wait_for("worker-1")
        subprocess.run([paths.binary("chasqui"), "generate", "--server", suite.router.address,
                        "--max-tokens", "1", "A"], check=True, capture_output=True, timeout=30)
        # The cursor goes up over the last picture.
        terminal.wait_for("\x1b\\[1?A")
        terminal.wait_for("worker-1")
        terminal.type("\x03")

        assert terminal.wait() == 0


def test_fleet_top_shows_the_fleet_and_drains(suite):
    with Terminal("fleet", "top", "--interval", "100ms",
                  "--server", suite.router.address) as terminal:
        terminal.wait_for("worker-1")
        terminal.type("d")
        terminal.wait_for(r"drain worker-0\? y/n")
        terminal.type("y")
        terminal.wait_for("worker-0 was told to drain")
        terminal.wait_for("DRAINING")
        terminal.type("d")
        terminal.wait_for("take requests again: worker-0")
        terminal.type("y")
        terminal.wait_for("worker-0 takes requests again")
        terminal.type("q")
        # The screen is as it was before.
        terminal.wait_for(re.escape("\x1b[?1049l"))

        assert terminal.wait() == 0


def test_fleet_top_ends_by_ctrl_c(suite):
    with Terminal("fleet", "top", "--server", suite.router.address) as terminal:
        terminal.wait_for("worker-1")
        terminal.type("\x03")

        assert terminal.wait() == 0


def test_fleet_top_prints_once_without_a_terminal(suite):
    def top(*flags):
        return subprocess.run([paths.binary("chasqui"), "fleet", "top", "--server",
                               suite.router.address, *flags],
                              check=True, capture_output=True, text=True, timeout=30).stdout

    assert re.search(r"^worker-1 +READY", top(), re.MULTILINE)
    snapshot = json.loads(top("--json"))
    assert "worker-1" in [worker["worker_id"] for worker in snapshot["workers"]]


def test_up_at_a_terminal_stops_by_ctrl_c():
    with Terminal("up", "--port", "0", "--workers", "1") as terminal:
        terminal.wait_for("joined")
        terminal.wait_for(re.escape(CAPITAL_ANSWER))
        terminal.wait_for("Ctrl-C stops")
        terminal.type("\x03")
        terminal.wait_for("stopping")

        assert terminal.wait() == 0


def test_sigterm_ends_a_chat(suite):
    with Terminal("chat", "--server", suite.router.address) as terminal:
        terminal.wait_for("> ")
        os.kill(terminal.pid(), signal.SIGTERM)

        assert terminal.wait() == 130

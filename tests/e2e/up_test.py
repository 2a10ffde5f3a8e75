# SPDX-License-Identifier: Apache-2.0
"""`chasqui up`: starting, asking, restarting and stopping a suite."""

import os
import pathlib
import signal
import socket
import subprocess

from chasqui_testing import paths
from chasqui_testing.process import held
from chasqui_testing.requests import CAPITAL_ANSWER
from chasqui_testing.requests import CAPITAL
from chasqui_testing.requests import ask
from chasqui_testing.requests import chat
from chasqui_testing.suite import Suite
from chasqui_testing.waiting import eventually


def up(*arguments, timeout=60):
    """A finished `chasqui up --once`."""
    return subprocess.run([paths.binary("chasqui"), "up", "--once", *arguments],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=timeout, check=False)


def alive(pid):
    """Whether a process runs; one that has ended and is not yet reaped does not."""
    try:
        return "\nState:\tZ" not in pathlib.Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def test_once_streams_the_known_answer_and_stops():
    done = up("--port=0")

    assert done.returncode == 0, done.stderr
    assert done.stdout == CAPITAL_ANSWER + "\n"
    assert "worker-1   joined" in done.stderr


def test_a_prompt_can_be_given():
    done = up("--port=0", "--workers=1", "--prompt", "What is a router?")

    assert done.stdout == ("A router is a program that decides which worker should handle each "
                           "request.\n"), done.stderr


def test_a_taken_port_is_one_clear_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = up(f"--port={port}")

    last = done.stderr.splitlines()[-1]
    assert done.returncode == 1
    assert last.startswith("chasqui: router ended: exit code 1") and str(port) in last, done.stderr


def test_a_bad_model_is_one_clear_line(tmp_path):
    text_file = tmp_path / "notes.gguf"
    text_file.write_text("this is no model\n" * 100)
    truncated = tmp_path / "truncated.gguf"
    truncated.write_bytes(paths.TINY_MODEL.read_bytes()[:100_000])

    for model in (text_file, truncated):
        done = up("--port=0", f"--model={model}")
        last = done.stderr.splitlines()[-1]
        assert done.returncode == 1 and done.stdout == ""
        assert last.startswith("chasqui: worker-") and model.name in last, done.stderr
    done = up("--port=0", f"--model={tmp_path / 'missing.gguf'}")
    assert done.returncode == 64 and "there is no file" in done.stderr


def test_ctrl_c_stops_everything():
    with Suite("ctrl-c") as suite:
        pids = [suite.router_pid, *suite.pids.values()]
        assert all(alive(pid) for pid in pids)

        suite.process.signal(signal.SIGINT)

        assert suite.process.wait() == 0, suite.process.log
        assert not any(alive(pid) for pid in pids)


def test_a_second_ctrl_c_does_not_wait():
    with Suite("second-ctrl-c") as suite:
        pids = [suite.router_pid, *suite.pids.values()]
        # Held, so that it cannot end by itself.
        with held(suite.pids["worker-0"]):
            suite.process.signal(signal.SIGINT)
            eventually(lambda: not alive(suite.router_pid), what="the router's end")
            suite.process.signal(signal.SIGINT)

            assert suite.process.wait(10) == 1
        assert not any(alive(pid) for pid in pids)


def test_killing_up_leaves_no_process():
    with Suite("killed-up") as suite:
        pids = [suite.router_pid, *suite.pids.values()]

        suite.process.kill()

        eventually(lambda: not any(alive(pid) for pid in pids), what="the end of all processes")


def test_a_dead_worker_is_started_again():
    with Suite("restart") as suite:
        os.kill(suite.pids["worker-1"], signal.SIGKILL)
        eventually(lambda: "worker-1" not in suite.router.workers(), what="its leaving")
        eventually(lambda: len(suite.router.workers()) == 2, what="its return")

        assert "worker-1 ended: signal 9 (Killed)" in suite.process.log
        assert ask(suite.router, chat(CAPITAL)).text == CAPITAL_ANSWER
        # One that was killed did not end by itself; what runs now does.
        assert suite.stop() == 0

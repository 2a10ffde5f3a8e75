# SPDX-License-Identifier: Apache-2.0
"""`buf curl`, which finds the schema by reflection, as grpcurl does."""

import json
import subprocess

import pytest

from chasqui_testing import paths
from chasqui_testing.requests import CAPITAL
from chasqui_testing.requests import CAPITAL_ANSWER

BUF = paths.SOURCE / "tests" / "lint" / "node_modules" / ".bin" / "buf"
REQUEST = {"chat": {"messages": [{"role": "ROLE_USER", "parts": [{"text": CAPITAL}]}]},
           "sampling": {"temperature": 0}, "stop": {"max_tokens": 64}}


def curl(endpoint, method, request, *flags):
    """A finished `buf curl`."""
    assert BUF.exists(), "buf is missing: run make npm"
    return subprocess.run(
        [BUF, "curl", "--protocol", "grpc", "--http2-prior-knowledge", "--data",
         json.dumps(request), *flags, f"http://{endpoint.address}/{method}"],
        capture_output=True, text=True, timeout=60, check=False, cwd="/")


@pytest.mark.parametrize("reflection", ["grpc-v1", "grpc-v1alpha"])
def test_a_unary_call(suite, reflection):
    done = curl(suite.router, "chasqui.inference.v1.InferenceService/Generate", REQUEST,
                "--reflect-protocol", reflection)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["completions"][0]["text"] == CAPITAL_ANSWER


def test_a_stream(suite):
    done = curl(suite.router, "chasqui.inference.v1.InferenceService/StreamGenerate", REQUEST)

    assert done.returncode == 0, done.stderr
    decoder, rest, text = json.JSONDecoder(), done.stdout.strip(), ""
    while rest:
        event, end = decoder.raw_decode(rest)
        text += event.get("chunk", {}).get("text", "")
        rest = rest[end:].lstrip()
    assert text == CAPITAL_ANSWER


def test_a_worker_by_itself(suite):
    done = curl(suite.workers["worker-1"], "chasqui.worker.v1.WorkerService/GetStatus", {})

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["workerId"] == "worker-1"


def test_errors_come_with_their_details(suite):
    done = curl(suite.router, "chasqui.inference.v1.InferenceService/Generate",
                {**REQUEST, "model": "nope"})

    assert done.returncode != 0
    error = json.loads(done.stderr)
    assert error["code"] == "not_found"
    assert any(detail["type"] == "google.rpc.ResourceInfo" for detail in error["details"])

# SPDX-License-Identifier: Apache-2.0
"""A suite that asks for keys: the command makes them, Python and the command show them."""

import json
import os
import subprocess

import grpc
import pytest
from chasqui.fleet.v1 import fleet_service_pb2

from chasqui_testing import errors
from chasqui_testing import paths
from chasqui_testing.keys import bearer
from chasqui_testing.keys import new_key
from chasqui_testing.requests import prompt
from chasqui_testing.suite import Suite


def chasqui(*arguments, stdin="", env=None):
    """The finished command."""
    return subprocess.run(
        [paths.binary("chasqui"), *arguments], input=stdin, capture_output=True, text=True,
        timeout=60, check=False, env={**os.environ, **(env or {})})


def refusal(call):
    """The error of a call that must be refused."""
    with pytest.raises(grpc.RpcError) as error:
        call()
    return error.value


def test_a_suite_with_keys_serves_whoever_has_one(tmp_path):
    client, client_entry = new_key("team-a")
    keeper, keeper_entry = new_key("ops", "operator", "client")
    worker, worker_entry = new_key("fleet", "worker")
    client_entry["limits"] = {"requests_per_hour": 3}
    keys = tmp_path / "keys.yaml"
    keys.write_text(json.dumps({"keys": [client_entry, keeper_entry, worker_entry]}))
    (tmp_path / "worker.txt").write_text(f"{worker}\n")
    (tmp_path / "client.txt").write_text(f"{client}\n")
    settings = {"router.auth.keys_file": keys,
                "worker.router_api_key_file": tmp_path / "worker.txt"}

    with Suite("auth", workers=1, settings=settings, env={"CHASQUI_API_KEY": keeper}) as suite:
        ask = suite.router.inference.Generate
        request = prompt("A llama", max_tokens=4)

        missing = refusal(lambda: ask(request, timeout=20))
        assert missing.code() == grpc.StatusCode.UNAUTHENTICATED
        assert errors.reason(missing) == "API_KEY_MISSING"
        wrong = refusal(lambda: ask(request, timeout=20, metadata=bearer(new_key("team-a")[0])))
        assert errors.reason(wrong) == "API_KEY_UNKNOWN"

        answer = ask(request, timeout=60, metadata=bearer(client))
        assert answer.usage.completion_tokens == 4
        done = chasqui("generate", "--server", suite.router.address, "--api-key-file",
                       str(tmp_path / "client.txt"), "--greedy", "--max-tokens=4", "A llama")
        assert (done.returncode, done.stdout) == (0, answer.completions[0].text + "\n")
        models = chasqui("models", "list", "--server", suite.router.address,
                         env={"CHASQUI_API_KEY": client})
        assert models.returncode == 0

        fleet = suite.router.fleet
        listing = fleet_service_pb2.ListWorkersRequest()
        assert errors.reason(refusal(lambda: fleet.ListWorkers(
            listing, timeout=20, metadata=bearer(client)))) == "ROLE_NOT_ALLOWED"
        assert len(fleet.ListWorkers(listing, timeout=20, metadata=bearer(keeper)).workers) == 1

        ask(request, timeout=60, metadata=bearer(client))
        limited = refusal(lambda: ask(request, timeout=20, metadata=bearer(client)))
        assert limited.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert errors.reason(limited) == "QUOTA_EXCEEDED"
        assert errors.details(limited)["QuotaFailure"].violations[0].subject == (
            f"key:{client_entry['id']}")
        assert 0 < errors.retry_seconds(limited) <= 1200
        done = chasqui("generate", "--server", suite.router.address, "x",
                       env={"CHASQUI_API_KEY": client})
        assert done.returncode == 75

        assert suite.stop() == 0
        log = suite.process.log
        assert "tenant=team-a" in log
        for secret in (client, keeper, worker, client_entry["hashed_api_key"]):
            assert secret.rsplit("_", 1)[-1].removeprefix("sha256:") not in log


def test_a_router_that_others_reach_does_not_start_without_keys():
    def start(*settings):
        return subprocess.run(
            [paths.binary("chasqui-router"), "--set=server.listen_address=0.0.0.0:0", *settings,
             "--print-config"], capture_output=True, text=True, timeout=60, check=False)

    refused = start()
    assert refused.returncode == 64
    assert refused.stderr.startswith("chasqui-router: auth.mode: is 'auto', and other machines")
    assert len(refused.stderr.splitlines()) == 1
    assert start("--set=auth.mode=off").returncode == 0


def test_the_entry_of_a_key_can_be_printed_again():
    key, entry = new_key("team-a", "client", "operator")

    done = chasqui("keys", "hash", "--json", "--tenant=team-a", "--role=client", "--role=operator",
                   stdin=key + "\n")
    assert json.loads(done.stdout) == entry
    assert key not in done.stdout + done.stderr

    made = chasqui("keys", "new", "--tenant=team-b", "--expires=2027-01-31T00:00:00Z")
    key = made.stdout.strip()
    again = chasqui("keys", "hash", "--tenant=team-b", "--expires=2027-01-31T00:00:00Z", stdin=key)
    assert made.stderr.endswith(again.stdout)
    assert key not in made.stderr

    assert chasqui("keys", "hash", "--tenant=a", stdin="no key").returncode == 64
    assert chasqui("keys", "new").returncode == 64
    assert chasqui("keys", "new", "--tenant=a", "--expires=soon").returncode == 64

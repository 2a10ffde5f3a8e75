# SPDX-License-Identifier: Apache-2.0
"""What operators look at: health by name, metrics, configuration errors."""

import re
import subprocess
import urllib.request

import grpc
import pytest
from grpc.health.v1 import health_pb2
from grpc.health.v1 import health_pb2_grpc

from chasqui_testing import paths
from chasqui_testing.requests import CAPITAL
from chasqui_testing.requests import ask
from chasqui_testing.requests import chat
from chasqui_testing.requests import prompt

SERVING = health_pb2.HealthCheckResponse.SERVING


def health(endpoint, name):
    """What a process says about itself under a name."""
    stub = health_pb2_grpc.HealthStub(endpoint.channel)
    return stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=10).status


def test_every_service_has_its_health(suite):
    everywhere = ["", "liveness", "readiness", "chasqui.inference.v1.InferenceService",
                  f"model:{paths.TINY_NAME}"]
    for name in [*everywhere, "chasqui.fleet.v1.FleetService",
                 "chasqui.fleet.v1.RegistrationService"]:
        assert health(suite.router, name) == SERVING, name
    for worker in suite.workers.values():
        for name in [*everywhere, "chasqui.worker.v1.WorkerService"]:
            assert health(worker, name) == SERVING, name


def test_an_unknown_name_is_not_found_and_can_be_watched(suite):
    with pytest.raises(grpc.RpcError) as error:
        health(suite.router, "no.such.Service")
    assert error.value.code() == grpc.StatusCode.NOT_FOUND

    stub = health_pb2_grpc.HealthStub(suite.router.channel)
    watch = stub.Watch(health_pb2.HealthCheckRequest(service="no.such.Service"), timeout=10)
    assert next(watch).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
    watch.cancel()


def scrape(url):
    """The samples of a metrics endpoint by name, checked line by line."""
    with urllib.request.urlopen(url, timeout=10) as response:
        assert response.headers["Content-Type"].startswith("text/plain")
        text = response.read().decode()
    samples = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            match = re.fullmatch(r'([a-zA-Z_:][\w:]*)(\{.*\})? (\S+)', line)
            assert match, line
            samples.setdefault(match[1], []).append((match[2] or "", float(match[3])))
    return samples


def documented(readme):
    """The names in a README's table of metrics."""
    text = (paths.SOURCE / readme).read_text(encoding="utf-8")
    table = text.split("## Metrics", 1)[1].split("\n## ")[0]
    names = re.findall(r"^\| `(chasqui_\w+)`", table, re.M)
    assert len(names) > 3, f"no table of metrics in {readme}"
    return names


@pytest.mark.parametrize("process,readme", [
    ("router", "services/router/README.md"),
    ("worker-0", "services/inference-worker/README.md"),
])
def test_the_documented_metrics_are_there(suite, process, readme):
    ask(suite.router, chat(CAPITAL))
    for worker in suite.workers.values():
        ask(worker, chat(CAPITAL))

    samples = scrape(suite.metrics[process])

    there = {re.sub(r"_(bucket|sum|count)$", "", name) for name in samples} | set(samples)
    # Those that count what did not happen here have no samples yet, keys and shared limits are not
    # configured, and no driver tells of the CPU.
    rare = {name for name in documented(readme)
            if re.search("retries|fallbacks|moves|resumed|eject|limited|refused|error|fail|evict|"
                         "router_keys|limits_shared|device_(temperature|utilization)", name)}
    assert sorted(set(documented(readme)) - there - rare) == []
    assert "grpc_server_started_total" in samples and "grpc_server_handled_total" in samples


def test_counters_count(suite):
    def total(name):
        return sum(value for _, value in scrape(suite.metrics["router"]).get(name, []))

    before = total("chasqui_router_requests_total")
    for _ in range(3):
        ask(suite.router, prompt("A", max_tokens=1))

    assert total("chasqui_router_requests_total") == before + 3
    suite.wait_until_idle()


@pytest.mark.parametrize("program,setting", [
    ("chasqui-router", "queue.max_requests=many"),
    ("chasqui-router", "nonsense=1"),
    ("chasqui-inference-worker", "engine.micro_batch_tokens=3"),
])
def test_a_bad_setting_is_one_line_and_exit_code_64(program, setting):
    done = subprocess.run([paths.binary(program), f"--set={setting}"], capture_output=True,
                          text=True, timeout=30, check=False)

    assert done.returncode == 64
    assert len(done.stderr.splitlines()) == 1 and setting.split("=")[0].split(".")[-1] in done.stderr


@pytest.mark.parametrize("program", ["chasqui-router", "chasqui-inference-worker"])
def test_print_config_is_read_back(program, tmp_path):
    first = subprocess.run([paths.binary(program), "--print-config"], capture_output=True,
                           text=True, timeout=30, check=True).stdout
    file = tmp_path / "config.yaml"
    file.write_text(first)
    again = subprocess.run([paths.binary(program), "--config", str(file), "--print-config"],
                           capture_output=True, text=True, timeout=30, check=True).stdout

    assert again == first

# SPDX-License-Identifier: Apache-2.0
"""Adapters over the model, by request, through the router and by the command."""

import json
import subprocess

import pytest
from chasqui.inference.v1 import model_pb2

from chasqui_testing import paths
from chasqui_testing.suite import Suite

PROMPT = "Once upon a time, a llama named Leo lived near the"


def chasqui(*arguments, server="127.0.0.1:1"):
    """A finished `chasqui ...`."""
    return subprocess.run([paths.binary("chasqui"), *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, check=False, env={"CHASQUI_SERVER": server})


@pytest.fixture(name="suite", scope="module")
def fixture_suite(tmp_path_factory):
    """A router and two workers with an adapter."""
    adapter = tmp_path_factory.mktemp("adapters") / "poet.gguf"
    synth = chasqui("models", "synth", adapter, "--adapter-for", paths.TINY_MODEL, "--seed", "2")
    assert synth.returncode == 0, synth.stderr
    model = {"name": "tiny", "path": str(paths.TINY_MODEL),
             "lora_adapters": [{"name": "poet", "path": str(adapter)}]}
    with Suite("lora", settings={"worker.models": json.dumps([model])}) as suite:
        yield suite
        assert suite.stop() == 0, suite.process.log[-5000:]


def generate(suite, *arguments):
    """A finished `chasqui generate`."""
    return chasqui("generate", "--greedy", "--max-tokens", "24", "--ignore-eos", *arguments, PROMPT,
                   server=suite.router.address)


def test_the_router_tells_the_adapters_of_a_model(suite):
    reply = suite.router.inference.ListModels(model_pb2.ListModelsRequest(), timeout=10)

    assert list(reply.models[0].lora_adapters) == ["poet"]
    assert reply.models[0].workers == 2
    told = chasqui("models", "inspect", "tiny", server=suite.router.address)
    assert "poet" in told.stdout, told.stderr


def test_the_command_applies_an_adapter_with_a_scale(suite):
    without = generate(suite)
    assert without.returncode == 0, without.stderr

    assert generate(suite, "--lora", "poet").stdout != without.stdout
    assert generate(suite, "--lora", "poet=0").stdout == without.stdout
    assert generate(suite, "--lora", "poet=1").stdout == generate(suite, "--lora", "poet").stdout


def test_wrong_adapters_are_refused_by_name(suite):
    unknown = generate(suite, "--lora", "bard")
    strong = generate(suite, "--lora", "poet=9")
    no_number = generate(suite, "--lora", "poet=much")

    assert unknown.returncode == 64 and "lora_adapters[0].name" in unknown.stderr
    assert "poet" in unknown.stderr
    assert strong.returncode == 64 and "lora_adapters[0].scale" in strong.stderr
    assert no_number.returncode == 64 and "no number" in no_number.stderr

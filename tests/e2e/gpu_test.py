# SPDX-License-Identifier: Apache-2.0
"""A worker whose layers lie on a GPU: libllama's Vulkan back end on Mesa's device in software, which
computes as a card would, slowly. It proves the way to a card, not a card's speed."""

import glob
import pathlib
import re

import pytest
from chasqui.worker.v1 import worker_service_pb2 as w

from chasqui_testing.requests import CAPITAL
from chasqui_testing.requests import CAPITAL_ANSWER
from chasqui_testing.requests import Call
from chasqui_testing.requests import ask
from chasqui_testing.requests import chat
from chasqui_testing.requests import prompt
from chasqui_testing.suite import Suite

BACKEND = "/usr/lib/*/ggml/backends0/libggml-vulkan.so"
DRIVER = pathlib.Path("/usr/share/vulkan/icd.d/lvp_icd.json")

# The back end passes processors over unless it is told which devices it may use.
ENVIRONMENT = {"VK_DRIVER_FILES": str(DRIVER), "GGML_VK_VISIBLE_DEVICES": "0"}


@pytest.fixture(name="suite", scope="module")
def fixture_suite():
    """One worker with the tiny model, all layers on the device."""
    if not glob.glob(BACKEND):
        pytest.skip("libggml0-backend-vulkan is not installed")
    if not DRIVER.exists():
        pytest.skip("mesa-vulkan-drivers is not installed")
    settings = {"worker.engine.gpu_layers": -1, "worker.engine.slots": 4,
                "worker.log.level": "LOG_LEVEL_DEBUG"}
    with Suite("gpu", workers=1, settings=settings, env=ENVIRONMENT) as suite:
        yield suite
        assert suite.stop() == 0, suite.process.log[-5000:]


def test_the_device_is_told(suite):
    worker = suite.workers["worker-0"].worker
    devices = worker.GetStatus(w.GetStatusRequest(), timeout=10).devices

    device = next((d for d in devices if d.name.startswith("Vulkan")), None)
    assert device is not None, devices
    assert "llvmpipe" in device.description and device.memory_total_bytes > 0


def test_all_layers_are_on_the_device(suite):
    offloaded = re.search(r"offloaded (\d+)/(\d+) layers to GPU", suite.process.log)

    assert offloaded is not None and offloaded.group(1) == offloaded.group(2)
    assert re.search(r"Vulkan0 KV buffer size = +[1-9]", suite.process.log)


def test_greedy_text_is_that_of_the_processor(suite):
    assert ask(suite.router, chat(CAPITAL)).text == CAPITAL_ANSWER


# With a GPU the slots share one cache and attention is computed by the fused kernel.
def test_answers_run_beside_each_other_in_a_shared_cache(suite):
    calls = [Call(suite.router, prompt("Once upon a time, a llama", max_tokens=24)) for _ in range(4)]

    texts = {call.join_answer().text for call in calls}

    assert len(texts) == 1 and texts.pop()
    assert ask(suite.router, chat(CAPITAL)).text == CAPITAL_ANSWER

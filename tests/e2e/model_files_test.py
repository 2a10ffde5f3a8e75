# SPDX-License-Identifier: Apache-2.0
"""The commands that make, weigh, load and unload models, against a running worker."""

import json
import os
import signal
import subprocess

import pytest
from chasqui.inference.v1 import model_pb2
from chasqui.worker.v1 import worker_service_pb2 as w

from chasqui_testing import paths
from chasqui_testing.process import Process
from chasqui_testing.requests import ask
from chasqui_testing.requests import prompt
from chasqui_testing.suite import Suite
from chasqui_testing.waiting import eventually


@pytest.fixture(name="folder", scope="module")
def fixture_folder(tmp_path_factory):
    """A folder that the worker may load from, with a model of 16 bits and one of 32."""
    folder = tmp_path_factory.mktemp("models")
    for kind in ("f16", "f32"):
        synth = models("synth", "--type", kind, "--preset", "m15", folder / f"{kind}.gguf")
        assert synth.returncode == 0, synth.stderr
    return folder


@pytest.fixture(name="suite", scope="module")
def fixture_suite(folder):
    """A router, and one worker that may read the folder."""
    settings = {"worker.model_folders": str(folder), "worker.engine.context_tokens": 512}
    with Suite("model-files", workers=1, settings=settings) as suite:
        yield suite


def models(*arguments, server="127.0.0.1:1"):
    """A finished `chasqui models ...`."""
    return subprocess.run(
        [paths.binary("chasqui"), "models", *(str(a) for a in arguments)], capture_output=True,
        text=True, timeout=120, check=False, env={**os.environ, "CHASQUI_SERVER": server})


@pytest.mark.parametrize("source,kind,name", [("f16", "q8_0", "Q8_0"),
                                              ("f32", "q4_k_m", "Q4_K - Medium")])
def test_a_quantised_model_is_loaded_and_generates(suite, folder, source, kind, name):
    worker = suite.workers["worker-0"]
    output = folder / f"{source}-{kind}.gguf"

    made = models("quantize", folder / f"{source}.gguf", output, "--type", kind)
    assert made.returncode == 0, made.stderr
    assert "became" in made.stdout and "quantising 0%" in made.stderr
    loaded = models("load", kind, "--path", output, server=worker.address)
    assert loaded.returncode == 0, loaded.stderr
    assert f"{kind} is loaded: llama" in loaded.stdout and name in loaded.stdout
    eventually(lambda: any(m.name == kind for m in suite.router.inference.ListModels(
        model_pb2.ListModelsRequest(), timeout=10).models), what="the model at the router")

    answer = ask(suite.router, prompt("the relay", max_tokens=8, ignore_eos=True, model=kind))
    assert answer.tokens == 8

    unloaded = models("unload", kind, server=worker.address)
    assert (unloaded.returncode, unloaded.stdout) == (0, f"{kind} is unloaded\n")
    ready = [m.name for m in worker.worker.GetStatus(w.GetStatusRequest(), timeout=10).models
             if m.state == model_pb2.MODEL_STATE_READY]
    assert kind not in ready


def test_loading_tells_its_progress_as_json_lines(suite, folder):
    address = suite.workers["worker-0"].address

    done = models("load", "--json", "--path", folder / "f16.gguf", server=address)

    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    assert events[-1]["loaded"]["name"] == "f16"
    assert all("progress" in event for event in events[:-1])
    assert models("unload", "--json", "f16", server=address).stdout == "{}\n"


def test_what_cannot_be_loaded_or_unloaded_is_refused(suite, folder):
    address = suite.workers["worker-0"].address
    outside = models("load", "--path", "/etc/passwd", server=address)
    missing = models("load", "--path", folder / "no.gguf", server=address)
    nothing = models("load", server=address)
    unknown = models("unload", "nobody", server=address)
    router = models("unload", "x", server=suite.router.address)

    assert outside.returncode == 77 and "model_folders" in outside.stderr
    assert missing.returncode == 1 and "NOT_FOUND" in missing.stderr
    assert nothing.returncode == 64 and "--path" in nothing.stderr
    assert unknown.returncode == 1 and "nobody" in unknown.stderr
    assert router.returncode == 1 and "UNIMPLEMENTED" in router.stderr


def test_a_dry_run_tells_the_sizes_and_writes_nothing(folder, tmp_path):
    output = tmp_path / "q.gguf"
    done = models("quantize", "--dry-run", "--json", folder / "f16.gguf", output, "--type", "Q4_K_M")
    told = json.loads(done.stdout)

    assert done.returncode == 0, done.stderr
    assert told["type"] == "Q4_K_M" and told["dry_run"] is True
    assert 0 < told["output_bytes"] < told["input_bytes"] / 2
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_quantised_is_refused(folder, tmp_path):
    source = folder / "f16.gguf"
    there = tmp_path / "there.gguf"
    there.write_bytes(b"x")
    unknown = models("quantize", source, tmp_path / "q.gguf", "--type", "q9")
    exists = models("quantize", source, there)
    no_model = models("quantize", there, tmp_path / "q.gguf")
    again = models("quantize", paths.TINY_MODEL, tmp_path / "q.gguf", "--type", "q4_0")
    tensor = models("quantize", source, tmp_path / "q.gguf", "--output-type", "i32")

    assert unknown.returncode == 64 and "Q4_K_M" in unknown.stderr
    assert exists.returncode == 1 and "--force" in exists.stderr
    assert no_model.returncode == 64 and "there.gguf" in no_model.stderr
    assert again.returncode == 1 and "--allow-requantize" in again.stderr
    assert tensor.returncode == 64 and "q8_0" in tensor.stderr
    assert [f.name for f in tmp_path.iterdir()] == ["there.gguf"]


def test_ctrl_c_leaves_no_half_a_model(folder, tmp_path):
    output = tmp_path / "q.gguf"
    with Process("quantize", "chasqui", "models", "quantize", "--threads", "1",
                 "--type", "iq3_s", str(folder / "f32.gguf"), str(output)) as quantize:
        eventually(lambda: list(tmp_path.iterdir()) or not quantize.running(),
                   what="the partial file")
        quantize.signal(signal.SIGINT)
        # It may have been done the moment before.
        assert quantize.wait() in (130, 0)
        assert [f.name for f in tmp_path.iterdir()] in ([], ["q.gguf"])


def test_an_estimate_tells_whether_a_model_fits_here(folder):
    small = models("estimate", "--json", "--slots", "1", "--context", "512", folder / "f16.gguf")
    wide = models("estimate", "--json", "--slots", "8", "--context", "512", folder / "f16.gguf")
    text = models("estimate", folder / "f16.gguf")
    told = json.loads(small.stdout)
    variant = told["variants"][0]

    assert small.returncode == 0, small.stderr
    assert variant["fits"] is True and told["chosen_path"] == str(folder / "f16.gguf")
    # 6 layers, keys and values of 256 numbers of 2 bytes, 512 tokens.
    assert int(variant["kv_cache_bytes"]) == 6 * 2 * 256 * 2 * 512
    assert int(json.loads(wide.stdout)["variants"][0]["kv_cache_bytes"]) == 8 * 6 * 2 * 256 * 2 * 512
    assert text.returncode == 0 and "KV CACHE" in text.stdout and "yes" in text.stdout


def test_an_estimate_knows_the_type_of_the_cache(folder):
    def kv_bytes(kind):
        done = models("estimate", "--json", "--slots", "1", "--context", "512", "--kv-type", kind,
                      folder / "f16.gguf")
        return int(json.loads(done.stdout)["variants"][0]["kv_cache_bytes"])

    assert kv_bytes("f32") == 2 * kv_bytes("f16")
    assert kv_bytes("q8_0") * 32 == kv_bytes("f16") * 17
    wrong = models("estimate", "--kv-type", "q9", folder / "f16.gguf")
    assert wrong.returncode == 64 and "iq4_nl" in wrong.stderr


def test_an_estimate_of_what_is_no_model_is_refused(tmp_path):
    (tmp_path / "x.gguf").write_text("no model\n" * 10)

    assert models("estimate", tmp_path / "x.gguf").returncode == 64
    assert models("estimate", tmp_path / "y.gguf").returncode == 1


def test_a_worker_is_asked_for_an_estimate(suite, folder):
    target = suite.workers["worker-0"].address
    ours = models("estimate", "--target", target, "--kv-type", "q8_0", folder / "f16.gguf")
    done = models("estimate", "--json", "--target", target, folder / "f16.gguf")

    assert ours.returncode == 64 and "--kv-type" in ours.stderr
    assert done.returncode == 0, done.stderr
    variant = json.loads(done.stdout)["variants"][0]
    assert int(variant["weights_bytes"]) > 0 and variant["fits"] is True

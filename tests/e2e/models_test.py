# SPDX-License-Identifier: Apache-2.0
"""Loading models into a running worker: what is bad is refused with its reason, and harms nobody."""

import shutil

import grpc
import pytest
from chasqui.inference.v1 import model_pb2
from chasqui.worker.v1 import worker_service_pb2 as w

from chasqui_testing import paths
from chasqui_testing.requests import CAPITAL
from chasqui_testing.requests import CAPITAL_ANSWER
from chasqui_testing.requests import ask
from chasqui_testing.requests import chat
from chasqui_testing.suite import Suite
from chasqui_testing.waiting import eventually


@pytest.fixture(name="folder", scope="module")
def fixture_folder(tmp_path_factory):
    """A folder that the worker may load from: a good model and bad ones."""
    folder = tmp_path_factory.mktemp("models")
    good = paths.TINY_MODEL.read_bytes()
    shutil.copy(paths.TINY_MODEL, folder / "good.gguf")
    (folder / "text.gguf").write_text("this is no model\n" * 1000)
    (folder / "empty.gguf").write_bytes(b"")
    (folder / "head.gguf").write_bytes(good[:64])
    (folder / "truncated.gguf").write_bytes(good[:len(good) // 2])
    (folder / "scrambled.gguf").write_bytes(good[:8] + b"\xff" * 4096 + good[4104:])
    return folder


@pytest.fixture(name="suite", scope="module")
def fixture_suite(folder):
    """One worker that may read the folder."""
    with Suite("models", workers=1, settings={"worker.model_folders": str(folder)}) as suite:
        yield suite


def load(suite, **fields):
    """The events of loading a model."""
    return list(suite.workers["worker-0"].worker.LoadModel(w.LoadModelRequest(**fields),
                                                           timeout=60))


def refused(suite, **fields):
    """Why a model is not loaded."""
    with pytest.raises(grpc.RpcError) as error:
        load(suite, **fields)
    return error.value


@pytest.mark.parametrize("name", ["text", "empty", "head", "truncated", "scrambled"])
def test_a_bad_file_is_refused_with_the_reason(suite, folder, name):
    error = refused(suite, path=str(folder / f"{name}.gguf"))

    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert f"{name}.gguf" in error.details() and len(error.details()) < 1000
    assert ask(suite.router, chat(CAPITAL)).text == CAPITAL_ANSWER


def test_a_missing_file_is_not_found(suite, folder):
    assert refused(suite, path=str(folder / "no.gguf")).code() == grpc.StatusCode.NOT_FOUND


def test_a_file_outside_the_folders_is_refused(suite, folder):
    for path in ("/etc/passwd", str(folder / ".." / "x.gguf"), "relative.gguf"):
        error = refused(suite, path=path)
        assert error.code() == grpc.StatusCode.PERMISSION_DENIED, path


def test_a_good_file_is_loaded_served_and_unloaded(suite, folder):
    events = load(suite, name="second", path=str(folder / "good.gguf"))
    assert events[-1].loaded.name == "second"
    assert events[-1].loaded.state == model_pb2.MODEL_STATE_READY
    eventually(lambda: any(m.name == "second" for m in suite.router.inference.ListModels(
        model_pb2.ListModelsRequest(), timeout=10).models), what="the model at the router")
    assert ask(suite.router, chat(CAPITAL, model="second")).text == CAPITAL_ANSWER

    worker = suite.workers["worker-0"].worker
    worker.UnloadModel(w.UnloadModelRequest(name="second"), timeout=30)

    names = [m.name for m in worker.GetStatus(w.GetStatusRequest(), timeout=10).models
             if m.state == model_pb2.MODEL_STATE_READY]
    assert names == [paths.TINY_NAME]


def test_the_worker_still_is_the_one_that_was_started(suite):
    assert "started again" not in suite.process.log

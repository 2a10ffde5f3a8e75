# SPDX-License-Identifier: Apache-2.0
"""Ranking documents through the router, with rerankers of random weights: their scores are held
against those of llama-server, which is given the same files."""

import json
import shutil
import subprocess
import urllib.request

import grpc
import pytest
from chasqui.inference.v1 import model_pb2
from chasqui.inference.v1 import text_pb2

from chasqui_testing import paths
from chasqui_testing.process import log_folder
from chasqui_testing.suite import Suite
from chasqui_testing.waiting import eventually
from chasqui_testing.waiting import free_ports

QUERY = "who carries the message over the mountains?"
DOCUMENTS = ["a llama eats grass", "the chasqui ran with a knotted string", "", "rain <|im_end|> fell",
             "a much longer document that says many things about roads, bridges and runners"]


@pytest.fixture(name="model", scope="module", params=["reranker", "prompt-reranker"])
def fixture_model(request, tmp_path_factory):
    """A small reranker's file."""
    path = tmp_path_factory.mktemp("models") / f"{request.param}.gguf"
    subprocess.run([paths.binary("chasqui"), "models", "synth", "--kind", request.param, "--type",
                    "f16", str(path)], check=True, capture_output=True, timeout=120)
    return path


@pytest.fixture(name="suite", scope="module")
def fixture_suite(model):
    """A router and two workers with the reranker."""
    with Suite(f"rerank-{model.stem}", arguments=["--model", str(model)]) as suite:
        yield suite
        assert suite.stop() == 0, suite.process.log[-5000:]


def rerank(suite, documents=DOCUMENTS, **fields):
    """The results of ranking documents."""
    request = text_pb2.RerankRequest(query=QUERY, documents=documents, **fields)
    return suite.router.inference.Rerank(request, timeout=60)


def llama_server_scores(model):
    """What llama-server says of DOCUMENTS."""
    port = free_ports(1)[0]
    log = log_folder() / f"llama-server-{model.stem}.log"
    with open(log, "wb") as out, subprocess.Popen(
            ["llama-server", "--model", str(model), "--rerank", "--port", str(port), "--host",
             "127.0.0.1", "-c", "2048", "-np", "1", "-t", "1", "--offline"],
            stdout=out, stderr=out) as server:
        try:
            def answered():
                assert server.poll() is None, log.read_text(errors="replace")[-3000:]
                try:
                    body = json.dumps({"query": QUERY, "documents": DOCUMENTS}).encode()
                    url = f"http://127.0.0.1:{port}/v1/rerank"
                    ask = urllib.request.Request(url, body, {"Content-Type": "application/json"})
                    with urllib.request.urlopen(ask, timeout=60) as reply:
                        return json.load(reply)
                except OSError:
                    return None
            results = eventually(answered, 60, "llama-server")["results"]
        finally:
            server.terminate()
    return [r["relevance_score"] for r in sorted(results, key=lambda r: r["index"])]


def test_scores_are_those_of_llama_server(suite, model):
    if shutil.which("llama-server") is None:
        pytest.skip("llama-server is not installed")

    # One by one, as llama-server with one slot computes them: together they round otherwise.
    ours = [rerank(suite, [text]).results[0].score for text in DOCUMENTS]

    # A marker in a document is text here; llama-server takes it for one where the model has a
    # template.
    alike = [i for i, text in enumerate(DOCUMENTS) if "<|" not in text or model.stem == "reranker"]
    theirs = llama_server_scores(model)
    assert [ours[i] for i in alike] == pytest.approx([theirs[i] for i in alike], rel=1e-3, abs=1e-4)


def test_the_best_come_first(suite):
    everything = rerank(suite)
    best = rerank(suite, top_n=2)

    scores = [r.score for r in everything.results]
    assert scores == sorted(scores, reverse=True) and len(set(scores)) == len(DOCUMENTS)
    assert [r.index for r in best.results] == [r.index for r in everything.results][:2]
    assert everything.usage.prompt_tokens > 0


def test_the_model_says_what_it_can(suite):
    model = suite.router.inference.ListModels(model_pb2.ListModelsRequest(), timeout=10).models[0]

    assert (model.generates, model.embeds, model.reranks) == (False, False, True)


def test_what_it_cannot_is_refused_with_the_reason(suite):
    request = text_pb2.EmbedRequest(inputs=[{"text": "x"}])
    with pytest.raises(grpc.RpcError) as error:
        suite.router.inference.Embed(request, timeout=30)

    assert error.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert "ranks documents" in error.value.details()


def test_the_command_prints_the_best_first(suite):
    def run(*arguments, text=""):
        return subprocess.run(
            [paths.binary("chasqui"), "rerank", "--server", suite.router.address, *arguments],
            input=text, capture_output=True, text=True, timeout=60, check=False)

    done = run(QUERY, "a llama", "a runner")
    piped = run("--top", "1", QUERY, text="a llama\na runner\n")
    machine = run("--json", QUERY, "a llama", "a runner")

    assert done.returncode == 0, done.stderr
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert sorted(line[2] for line in lines) == ["a llama", "a runner"]
    assert float(lines[0][0]) >= float(lines[1][0])
    assert piped.stdout.splitlines() == done.stdout.splitlines()[:1]
    assert len(json.loads(machine.stdout)["results"]) == 2

# SPDX-License-Identifier: Apache-2.0
"""The command `chasqui` against a server that says what the test wants."""

import json
import os
import signal
import subprocess
import threading

import grpc
import pytest
from chasqui.fleet.v1 import fleet_service_pb2 as fleet
from chasqui.inference.v1 import generate_pb2 as g
from chasqui.inference.v1 import inference_service_pb2 as inference
from chasqui.inference.v1 import model_pb2
from chasqui.inference.v1 import text_pb2 as text
from google.protobuf import duration_pb2
from google.rpc import error_details_pb2 as rpc

from chasqui_testing import fake_server
from chasqui_testing import paths
from chasqui_testing.fake_server import Refusal


def run(server, *arguments, stdin="", env=None):
    """The finished command: returncode, stdout, stderr."""
    return subprocess.run(
        [paths.binary("chasqui"), *arguments], input=stdin, capture_output=True, text=True,
        timeout=60, check=False, env={**os.environ, "CHASQUI_SERVER": server, **(env or {})})


def answering(reply):
    """A server that gives the same reply to everything, and the requests it saw."""
    requests = []

    def answer(method, request, context):
        requests.append((method, request, dict(context.invocation_metadata())))
        if isinstance(reply, Exception):
            raise reply
        return reply

    return fake_server.serving(answer), requests


def test_generate_streams_the_text_of_a_prompt():
    server, requests = answering(fake_server.stream("Hel", "lo"))
    with server as address:
        done = run(address, "generate", "--greedy", "--max-tokens", "5", "--stop", "x", "say", "hi")

    assert (done.returncode, done.stdout, done.stderr) == (0, "Hello\n", "")
    method, request, _ = requests[0]
    assert method == "StreamGenerate"
    assert request == g.GenerateRequest(
        prompt="say hi", sampling={"temperature": 0}, stop={"max_tokens": 5, "strings": ["x"]})


def test_generate_reads_standard_input_and_files(tmp_path):
    file = tmp_path / "prompt"
    file.write_text("from a file\n")
    server, requests = answering(fake_server.stream("ok"))
    with server as address:
        run(address, "generate", stdin="from a pipe\n")
        run(address, "generate", "--file", str(file), "--system", "be kind")

    assert requests[0][1].prompt == "from a pipe"
    assert [m.parts[0].text for m in requests[1][1].chat.messages] == ["be kind", "from a file\n"]


def test_generate_prints_events_as_json_lines():
    server, _ = answering(fake_server.stream("Hel", "lo"))
    with server as address:
        done = run(address, "generate", "--json", "x")

    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [next(k for k in e if k != "sequence") for e in events] == [
        "started", "chunk", "chunk", "finished"]
    assert [e["sequence"] for e in events] == ["0", "1", "2", "3"]


def test_generate_tells_why_an_answer_was_cut_off():
    server, _ = answering(fake_server.stream("Hel", finish=g.FINISH_REASON_MAX_TOKENS))
    with server as address:
        done = run(address, "generate", "x")

    assert (done.returncode, done.stdout) == (0, "Hel\n")
    assert "the most tokens" in done.stderr


def test_generate_refuses_a_stream_that_does_not_finish():
    server, _ = answering(fake_server.stream("Hel")[:2])
    with server as address:
        done = run(address, "generate", "x")

    assert (done.returncode, done.stdout) == (70, "Hel\n")
    assert "before the answer did" in done.stderr


def test_generate_takes_any_field_from_a_request_file(tmp_path):
    file = tmp_path / "request.json"
    file.write_text('{"prompt": "p", "n": 2, "cache_policy": {"mode": "MODE_BYPASS"}}')
    completion = g.Completion(text="a", finish_reason=g.FINISH_REASON_STOP)
    server, requests = answering(g.GenerateResponse(completions=[completion, completion]))
    with server as address:
        done = run(address, "generate", "--request-file", str(file))

    assert done.stdout == "--- 0\na\n--- 0\na\n"
    method, request, _ = requests[0]
    assert method == "Generate" and request.n == 2
    assert request.cache_policy.mode == g.CachePolicy.MODE_BYPASS


REFUSALS = [
    (grpc.StatusCode.INVALID_ARGUMENT, 64), (grpc.StatusCode.UNAVAILABLE, 69),
    (grpc.StatusCode.INTERNAL, 70), (grpc.StatusCode.RESOURCE_EXHAUSTED, 75),
    (grpc.StatusCode.UNAUTHENTICATED, 77), (grpc.StatusCode.NOT_FOUND, 1),
    (grpc.StatusCode.UNIMPLEMENTED, 1),
]


@pytest.mark.parametrize("code,exit_code", REFUSALS)
def test_exit_code_tells_what_to_do(code, exit_code):
    server, _ = answering(Refusal(code, "because"))
    with server as address:
        done = run(address, "tokenize", "x")

    assert done.returncode == exit_code
    assert done.stderr == f"chasqui: because ({code.name})\n"


def test_error_line_names_reason_fields_and_delay():
    server, _ = answering(Refusal(
        grpc.StatusCode.RESOURCE_EXHAUSTED, "full", rpc.ErrorInfo(reason="QUEUE_FULL"),
        rpc.RetryInfo(retry_delay=duration_pb2.Duration(seconds=2)),
        rpc.BadRequest(field_violations=[{"field": "stop.max_tokens", "description": "too many"}])))
    with server as address:
        plain = run(address, "tokenize", "x")
        machine = run(address, "tokenize", "--json", "x")

    assert plain.stderr == ("chasqui: full; stop.max_tokens: too many; try again in 2000 ms "
                            "(RESOURCE_EXHAUSTED, QUEUE_FULL)\n")
    assert json.loads(machine.stderr)["error"] == {
        "code": "RESOURCE_EXHAUSTED", "reason": "QUEUE_FULL", "message": "full",
        "fields": [{"field": "stop.max_tokens", "description": "too many"}],
        "retry_delay_ms": 2000}


def test_nobody_listening_is_unavailable_with_a_hint():
    done = run("127.0.0.1:1", "models", "list")

    assert done.returncode == 69
    assert "is the suite running?" in done.stderr and done.stderr.count("\n") == 1


def test_wrong_command_lines_exit_with_64():
    for arguments in (["nonsense"], ["generate", "--top-k", "x"], ["fleet"],
                      ["generate", "--timeout", "soon", "x"]):
        assert run("127.0.0.1:1", *arguments).returncode == 64


def test_deadline_is_sent_and_its_end_is_temporary():
    called = threading.Event()
    release = threading.Event()

    def answer(method, request, context):
        called.set()
        context.add_callback(release.set)
        release.wait(30)
        return text.TokenizeResponse()

    with fake_server.serving(answer) as address:
        done = run(address, "tokenize", "--timeout", "300ms", "x")

    assert called.is_set() and done.returncode == 75


def test_api_key_comes_from_the_environment():
    server, requests = answering(text.TokenizeResponse(token_ids=[1, 2]))
    with server as address:
        done = run(address, "tokenize", "x", env={"CHASQUI_API_KEY": "secret"})

    assert done.stdout == "1 2\n"
    assert requests[0][2]["authorization"] == "Bearer secret"


def test_ctrl_c_cancels_the_call():
    called = threading.Event()
    cancelled = threading.Event()

    def answer(method, request, context):
        context.add_callback(cancelled.set)
        yield fake_server.stream("x")[0]
        called.set()
        cancelled.wait(30)

    with fake_server.serving(answer) as address:
        with subprocess.Popen([paths.binary("chasqui"), "generate", "--server", address, "x"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert called.wait(30)
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 130
        assert cancelled.wait(30)


def test_tokens_go_there_and_back():
    def answer(method, request, context):
        if method == "Tokenize":
            return text.TokenizeResponse(token_ids=[5, 6], pieces=[b"a\xc3", b"\xa4\n"])
        assert method == "Detokenize"
        return text.DetokenizeResponse(text=f"{list(request.token_ids)}")

    with fake_server.serving(answer) as address:
        assert run(address, "tokenize", "x").stdout == "5 6\n"
        assert run(address, "tokenize", "--pieces", "x").stdout == '5\t"a\\303"\n6\t"\\244\\n"\n'
        assert run(address, "detokenize", "5", "6").stdout == "[5, 6]\n"
        assert run(address, "detokenize", stdin="5 6\n7").stdout == "[5, 6, 7]\n"
        assert run(address, "detokenize", "five").returncode == 64


def test_embed_prints_a_line_for_each_text():
    server, requests = answering(text.EmbedResponse(
        embeddings=[{"values": [0.5, 1]}, {"values": [0.25, -1]}]))
    with server as address:
        done = run(address, "embed", "--pooling", "mean", stdin="one\ntwo\n")

    assert done.stdout == "0.5 1\n0.25 -1\n"
    assert [i.text for i in requests[0][1].inputs] == ["one", "two"]


def test_template_shows_the_prompt():
    server, requests = answering(text.ApplyTemplateResponse(prompt="<|user|>hi", token_ids=[1]))
    with server as address:
        assert run(address, "template", "--system", "s", "hi").stdout == "<|user|>hi\n"
        assert run(address, "template", "--tokens", "hi").stdout == "1\n"
    assert len(requests[0][1].chat.messages) == 2


def test_models_and_fleet_are_tables():
    model = model_pb2.Model(name="tiny", state=model_pb2.MODEL_STATE_READY, slots=4, workers=1)

    def answer(method, request, context):
        if method == "ListModels":
            return model_pb2.ListModelsResponse(models=[model])
        if method == "GetModel":
            return model_pb2.GetModelResponse(model=model)
        worker = fleet.Worker(worker_id="worker-0", state=2, in_flight=3)
        if method == "ListWorkers":
            return fleet.ListWorkersResponse(workers=[worker])
        if method == "DrainWorker":
            return fleet.DrainWorkerResponse(worker=worker)
        return [fleet.WatchFleetResponse(workers=[worker], router_id="r")] * 3

    with fake_server.serving(answer) as address:
        assert "tiny  READY" in run(address, "models", "list").stdout
        assert "chat template    no" in run(address, "models", "inspect", "tiny").stdout
        assert "worker-0  READY" in run(address, "fleet", "list").stdout
        watched = run(address, "fleet", "watch", "--count", "2").stdout
        assert watched.count("worker-0=READY:3") == 2
        assert "runs 3 requests" in run(address, "fleet", "drain", "worker-0").stdout
        listed = json.loads(run(address, "models", "list", "--json").stdout)
        assert listed["models"][0]["name"] == "tiny"


def test_queue_tells_who_waits():
    def answer(method, request, context):
        if method == "GetQueuePosition":
            return inference.GetQueuePositionResponse(
                state=inference.QUEUE_STATE_WAITING, position=2, tokens_ahead=512)
        return [fleet.WatchFleetResponse(queues=[fleet.ModelQueue(model="tiny", queued=7)])]

    with fake_server.serving(answer) as address:
        assert "tiny         0        7" in run(address, "queue").stdout
        assert run(address, "queue", "r-1").stdout == "waiting: number 2, 512 tokens before it\n"
        assert json.loads(run(address, "queue", "--json").stdout)["queued"] == 7
        assert json.loads(run(address, "queue", "r-1", "--json").stdout)["position"] == 2


def test_models_inspect_reads_a_file_without_a_server():
    done = run("127.0.0.1:1", "models", "inspect", "--json", str(paths.TINY_MODEL))

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["parameter_count"] == 3672320


def test_models_synth_writes_a_model(tmp_path):
    done = run("127.0.0.1:1", "models", "synth", "--json", str(tmp_path / "m.gguf"))

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["architecture"] == "llama"


def test_chat_keeps_the_conversation(tmp_path):
    requests = []

    def answer(method, request, context):
        requests.append(request)
        return fake_server.stream(f"answer {len(requests)}")

    saved = tmp_path / "chat.json"
    lines = ["/system be brief", "one", "two", f"/save {saved}", "/reset", "//three", "/nonsense",
             "/quit", "never"]
    with fake_server.serving(answer) as address:
        done = run(address, "chat", stdin="\n".join(lines))

    assert (done.returncode, done.stdout) == (0, "answer 1\nanswer 2\nanswer 3\n")
    assert "no command /nonsense" in done.stderr
    said = [[m.parts[0].text for m in r.chat.messages] for r in requests]
    assert said == [["be brief", "one"], ["be brief", "one", "answer 1", "two"],
                    ["be brief", "/three"]]
    assert len(json.loads(saved.read_text())["messages"]) == 5


def test_chat_goes_on_after_an_error_and_tells_it_in_the_end():
    server, requests = answering(Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "full"))
    with server as address:
        done = run(address, "chat", stdin="one\ntwo\n")

    assert done.returncode == 75
    assert done.stderr.count("full (RESOURCE_EXHAUSTED)") == 2
    # What got no answer is not part of the conversation.
    assert [len(r.chat.messages) for _, r, _ in requests] == [1, 1]


def test_completion_names_every_command():
    script = run("", "completion", "bash").stdout

    assert "'chasqui fleet watch')" in script and "--grammar-file" in script


def test_version_says_what_it_is():
    assert json.loads(run("", "version", "--json").stdout)["version"]

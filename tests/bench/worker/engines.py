# SPDX-License-Identifier: Apache-2.0
"""What is measured on the same model file, with the same threads, slots and context. Each is an
object that is made, runs bursts, and is ended by its stage."""

import json
import subprocess
import urllib.error
import urllib.request

from harness.processes import Failure, free_port, program

CONTEXT_TOKENS = 512  # of each slot
MODEL_NAME = "bench"


class Burst:
    """Streams that start together."""

    def __init__(self, concurrent, prompt_tokens, generated_tokens, vocabulary, seed):
        self.concurrent = concurrent
        self.prompt_tokens = prompt_tokens
        self.generated_tokens = generated_tokens
        self.vocabulary = vocabulary
        self.seed = seed


class Setting:
    """What all engines are given."""

    def __init__(self, model, slots, threads):
        self.model = model
        self.slots = slots
        self.threads = threads


def load(protocol, port, burst, pids=()):
    """Has the load generator put a burst on a server, whose processes are `pids`."""
    result = subprocess.run(
        [program("chasqui-bench-worker-load"), f"--protocol={protocol}",
         f"--target=127.0.0.1:{port}", f"--model={MODEL_NAME}",
         f"--concurrent={burst.concurrent}", f"--prompt-tokens={burst.prompt_tokens}",
         f"--generated-tokens={burst.generated_tokens}", f"--vocabulary={burst.vocabulary}",
         f"--seed={burst.seed}", *(f"--pid={pid}" for pid in pids)], capture_output=True, text=True)
    if result.returncode != 0:
        raise Failure(result.stderr.strip())
    return json.loads(result.stdout)


class UpperBound:
    """llama_decode alone."""

    def __init__(self, stage, setting):
        self.log = open(stage.folder / "upper_bound.log", "ab")
        self.process = subprocess.Popen(
            [program("chasqui-bench-raw-decode"), "--model", setting.model,
             "--threads", str(setting.threads), "--context", str(CONTEXT_TOKENS)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.line()

    def line(self):
        line = self.process.stdout.readline()
        if not line:
            raise Failure(f"upper_bound ended with {self.process.wait()}")
        return line

    def run(self, burst):
        self.process.stdin.write(
            f"{burst.concurrent} {burst.prompt_tokens} {burst.generated_tokens}\n")
        self.process.stdin.flush()
        return json.loads(self.line())

    def stop(self):
        self.process.stdin.close()
        self.process.wait()
        self.log.close()


class Server:
    """An engine behind a port."""

    def __init__(self, stage, name, protocol, port, command):
        self.stage = stage
        self.protocol = protocol
        self.port = port
        self.process = stage.start(name, command)

    def run(self, burst):
        try:
            return load(self.protocol, self.port, burst, self.process.pids)
        except Failure as failure:
            raise Failure(f"{self.process.name}: {failure}\n{self.process.tail()}") from None

    def stop(self):
        self.stage.stop(self.process)


class Chasqui(Server):
    """chasqui-inference-worker, asked by gRPC."""

    def __init__(self, stage, setting):
        port = free_port()
        config = stage.folder / "worker.yaml"
        config.write_text(json.dumps({  # JSON is YAML
            "server": {"listen_address": f"127.0.0.1:{port}", "metrics_address": ""},
            "models": [{"name": MODEL_NAME, "path": str(setting.model)}],
            "engine": {"slots": setting.slots, "context_tokens": CONTEXT_TOKENS,
                       "threads": setting.threads},
        }))
        super().__init__(stage, "chasqui", "grpc", port,
                         [program("chasqui-inference-worker"), "--config", config])

        def answers():
            try:
                return load("grpc", port, Burst(1, 8, 2, 300, 0))
            except Failure:
                return None
        self.process.wait_for_port(port)
        self.process.wait_until(answers, "loading the model", timeout=120)


class LlamaServer(Server):
    """llama-server, asked by HTTP: every slot with a KV cache of its own (its faster way when no
    prefix is shared), and without the host-memory copies of prompts that nobody asks for again."""

    def __init__(self, stage, setting):
        port = free_port()
        super().__init__(stage, "llama_server", "http", port, [
            program("llama-server"), "--model", setting.model, "--host", "127.0.0.1",
            "--port", port, "--parallel", setting.slots,
            "--ctx-size", setting.slots * CONTEXT_TOKENS, "--threads", setting.threads,
            "--threads-batch", setting.threads, "--no-kv-unified", "--cache-ram", 0, "--no-webui"])

        def healthy():
            try:
                return urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5)
            except (urllib.error.URLError, OSError):
                return None
        self.process.wait_until(healthy, "loading the model", timeout=120)


ENGINES = {"upper_bound": UpperBound, "chasqui": Chasqui, "llama_server": LlamaServer}

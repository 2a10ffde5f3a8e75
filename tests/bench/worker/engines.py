# SPDX-License-Identifier: Apache-2.0
"""What is measured on the same model file, with the same threads, slots and context. Each is an
object that is made, takes loads, and is ended by its stage."""

import json
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from harness.processes import Failure, free_port, program

MODEL_NAME = "bench"


@dataclass
class Load:
    """A pattern of load: a command of chasqui-bench-worker-load, and its options."""
    pattern: str
    options: dict = field(default_factory=dict)


def burst(concurrent, prompt_tokens, generated_tokens, vocabulary, seed):
    return Load("burst", {"concurrent": concurrent, "prompt-tokens": prompt_tokens,
                          "generated-tokens": generated_tokens, "vocabulary": vocabulary,
                          "seed": seed})


@dataclass
class Setting:
    """What all engines of a case are given."""
    model: Path
    slots: int
    context: int  # tokens of a slot
    threads: int
    cache_prompt: bool = False  # whether prompts of the case share what is computed


def put(load, protocol, port, cache_prompt=False, pids=()):
    """Has the load generator put a load on a server, whose processes are `pids`."""
    command = [program("chasqui-bench-worker-load"), f"--protocol={protocol}",
               f"--target=127.0.0.1:{port}", f"--model={MODEL_NAME}",
               *(["--cache-prompt"] if cache_prompt else []), load.pattern,
               *(f"--{name}={value}" for name, value in load.options.items())]
    if load.pattern == "burst":
        command += [f"--pid={pid}" for pid in pids]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        raise Failure(result.stderr.strip())
    return json.loads(result.stdout)


class UpperBound:
    """llama_decode alone: bursts only."""

    def __init__(self, stage, setting):
        self.log = open(stage.folder / "upper_bound.log", "ab")
        self.process = subprocess.Popen(
            [program("chasqui-bench-raw-decode"), "--model", setting.model,
             "--threads", str(setting.threads), "--context", str(setting.context)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.line()

    def line(self):
        line = self.process.stdout.readline()
        if not line:
            raise Failure(f"upper_bound ended with {self.process.wait()}")
        return line

    def run(self, load):
        options = load.options
        self.process.stdin.write(f"{options['concurrent']} {options['prompt-tokens']} "
                                 f"{options['generated-tokens']}\n")
        self.process.stdin.flush()
        return json.loads(self.line())

    def stop(self):
        self.process.stdin.close()
        self.process.wait()
        self.log.close()


class Server:
    """An engine behind a port."""

    def __init__(self, stage, name, protocol, port, command, cache_prompt):
        self.stage = stage
        self.protocol = protocol
        self.port = port
        self.cache_prompt = cache_prompt
        self.process = stage.start(name, command)

    def run(self, load):
        try:
            return put(load, self.protocol, self.port, self.cache_prompt, self.process.pids)
        except Failure as failure:
            raise Failure(f"{self.process.name}: {failure}\n{self.process.tail()}") from None

    def stop(self):
        self.stage.stop(self.process)


class Chasqui(Server):
    """chasqui-inference-worker in its defaults, asked by gRPC: without a GPU text is exact."""
    name = "chasqui"
    options = {}

    def __init__(self, stage, setting):
        port = free_port()
        config = stage.folder / f"{self.name}.yaml"
        config.write_text(json.dumps({  # JSON is YAML
            "server": {"listen_address": f"127.0.0.1:{port}", "metrics_address": ""},
            "models": [{"name": MODEL_NAME, "path": str(setting.model)}],
            "engine": {"slots": setting.slots, "context_tokens": setting.context,
                       "threads": setting.threads, **self.options},
        }))
        super().__init__(stage, self.name, "grpc", port,
                         [program("chasqui-inference-worker"), "--config", config],
                         setting.cache_prompt)

        def answers():
            try:
                return put(burst(1, 8, 2, 300, 0), "grpc", port)
            except Failure:
                return None
        self.process.wait_for_port(port)
        self.process.wait_until(answers, "loading the model", timeout=120)


class ChasquiFlash(Chasqui):
    """With flash attention, as llama_decode alone and llama-server have it by default."""
    name = "chasqui_flash"
    options = {"flash_attention": "on"}


class LlamaServer(Server):
    """llama-server, asked by HTTP. Without prompts to share it gets no cache of prompts in host
    memory, whose copies nobody would ask for again."""
    name = "llama_server"
    unified = False  # whether its slots share one KV cache
    options = []

    def __init__(self, stage, setting):
        port = free_port()
        command = [
            program("llama-server"), "--model", setting.model, "--host", "127.0.0.1",
            "--port", port, "--parallel", setting.slots,
            "--ctx-size", setting.slots * setting.context, "--threads", setting.threads,
            "--threads-batch", setting.threads, "--no-webui",
            "--kv-unified" if self.unified else "--no-kv-unified", *self.options]
        if not setting.cache_prompt:
            command += ["--cache-ram", 0]
        super().__init__(stage, self.name, "http", port, command, setting.cache_prompt)
        self.process.wait_until(lambda: self.get("/health"), "loading the model", timeout=120)
        self.check(setting)

    def get(self, path):
        """What it answers, or nothing while it cannot."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return json.load(answer)
        except (urllib.error.URLError, OSError):
            return None

    def check(self, setting):
        """It tells what it made of what it was told."""
        slots = [slot["n_ctx"] for slot in self.get("/slots") or []]
        context = setting.context
        if self.unified:  # a slot may use all, but no more than the model was trained for
            trained = self.get("/v1/models")["data"][0]["meta"]["n_ctx_train"]
            context = min(setting.slots * setting.context, trained)
        if slots != [context] * setting.slots:
            raise Failure(f"{self.name} was told {setting.slots} slots of {context} tokens "
                          f"and has slots of {slots}")


class LlamaServerUnified(LlamaServer):
    """One KV cache for all slots."""
    name = "llama_server_unified"
    unified = True


class LlamaServerSmallBatch(LlamaServer):
    """Steps of at most 256 tokens instead of 2,048: a long prompt holds the others up for less."""
    name = "llama_server_b256"
    options = ["--batch-size", 256]


ENGINES = {"upper_bound": UpperBound, "chasqui": Chasqui, "chasqui_flash": ChasquiFlash,
           "llama_server": LlamaServer, "llama_server_unified": LlamaServerUnified,
           "llama_server_b256": LlamaServerSmallBatch}

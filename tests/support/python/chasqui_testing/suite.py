# SPDX-License-Identifier: Apache-2.0
"""Suites under test: `chasqui up` with the real programs and the model that ships."""

import json
import queue
import subprocess
import threading

import grpc
from chasqui.fleet.v1 import fleet_service_pb2
from chasqui.fleet.v1 import fleet_service_pb2_grpc
from chasqui.inference.v1 import inference_service_pb2_grpc
from chasqui.worker.v1 import worker_service_pb2
from chasqui.worker.v1 import worker_service_pb2_grpc

from chasqui_testing.cache import CacheEndpoint
from chasqui_testing.process import Process
from chasqui_testing.waiting import eventually


class Endpoint:
    """A router or worker: its channel and stubs. Close it, or use it as a context."""

    def __init__(self, address):
        self.address = address
        # A connection of its own, and no waiting long after a refused one.
        self.channel = grpc.insecure_channel(address, options=[
            ("grpc.use_local_subchannel_pool", 1), ("grpc.max_reconnect_backoff_ms", 200),
            ("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1),
            ("grpc.enable_retries", 0)])
        self.inference = inference_service_pb2_grpc.InferenceServiceStub(self.channel)
        self.fleet = fleet_service_pb2_grpc.FleetServiceStub(self.channel)
        self.worker = worker_service_pb2_grpc.WorkerServiceStub(self.channel)

    def workers(self):
        """The router's workers by id."""
        reply = self.fleet.ListWorkers(fleet_service_pb2.ListWorkersRequest(), timeout=10)
        return {worker.worker_id: worker for worker in reply.workers}

    def in_flight(self):
        """Requests of the router running on each worker, by id."""
        return {name: worker.in_flight for name, worker in self.workers().items()}

    def load(self):
        """What a worker is doing for its first model."""
        reply = self.worker.GetStatus(worker_service_pb2.GetStatusRequest(), timeout=10)
        return reply.load.models[0]

    def close(self):
        self.channel.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


class Suite:
    """A suite on free ports, started when made and stopped at the end of the context.

    `settings` are SuiteConfig's: {"router.queue.max_requests": 1}; `env` is added to the environment.
    """

    def __init__(self, name, workers=2, settings=None, arguments=(), env=None):
        # Answers of a former run would hide what workers do; tests of the cache ask for one.
        settings = {"with_cache": "false", **(settings or {})}
        overrides = [f"--set={path}={value}" for path, value in settings.items()]
        self.process = Process(
            name, "chasqui", "up", "--json", "--verbose", "--port=0", "--prompt", "",
            f"--workers={workers}", *overrides, *arguments, env=env,
            stdout=subprocess.PIPE)
        self._lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        try:
            ready = self.next_line(60)
            assert ready.get("event") == "ready", ready
        except BaseException:
            self.process.kill()
            raise
        self.router = Endpoint(ready["router"]["address"])
        self.router_pid = ready["router"]["pid"]
        self.workers = {w["name"]: Endpoint(w["address"]) for w in ready["workers"]}
        self.cache = CacheEndpoint(ready["cache"]["address"]) if "cache" in ready else None
        self.pids = {w["name"]: w["pid"] for w in ready["workers"]}
        self.metrics = {e["name"]: e["metrics"] for e in [ready["router"], *ready["workers"]]}

    def _read(self):
        for line in self.process.popen.stdout:
            self._lines.put(json.loads(line))
        self._lines.put({})

    def next_line(self, timeout):
        """The next line that `up` prints; {} at its end."""
        try:
            return self._lines.get(timeout=timeout)
        except queue.Empty:
            raise AssertionError(f"nothing within {timeout} s:\n{self.process.log}") from None

    def wait_until_idle(self, timeout=30):
        """Until no request runs anywhere; that is what every test must leave behind."""
        eventually(lambda: all(n == 0 for n in self.router.in_flight().values()), timeout,
                   "an idle fleet")

    def stop(self):
        """SIGTERM to `up`; its exit status."""
        self.router.close()
        for worker in self.workers.values():
            worker.close()
        if self.cache is not None:
            self.cache.close()
        return self.process.stop(60)

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        if self.process.running():
            self.stop()
        if kind is not None:
            print(f"--- log of {self.process.name} ---\n{self.process.log[-20000:]}")

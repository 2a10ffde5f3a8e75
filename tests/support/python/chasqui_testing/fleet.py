# SPDX-License-Identifier: Apache-2.0
"""Routers and workers with the model that ships, each a process that a test may end as it likes."""

import re
import signal
import urllib.request

import grpc

from chasqui_testing import paths
from chasqui_testing.cache import CacheEndpoint
from chasqui_testing.process import Process
from chasqui_testing.suite import Endpoint
from chasqui_testing.waiting import eventually
from chasqui_testing.waiting import free_ports
from chasqui_testing.waiting import listening

READY = 2  # WORKER_STATE_READY


class Fleet:
    """Routers that know of each other and workers that join all of them.

    `settings` are the routers', `worker_settings` the workers'. With `cache_settings` there are
    `caches` cache services, too, one after the other for each router.
    """

    def __init__(self, name, workers=2, routers=1, slots=8, settings=None, worker_settings=None,
                 cache_settings=None, caches=1):
        self.name = name
        self.slots = slots
        self.settings = settings or {}
        self.worker_settings = worker_settings or {}
        if cache_settings is None:
            caches = 0
        ports = free_ports(2 * routers + workers + 2 * caches)
        self.cache_settings = cache_settings
        self._cache_ports = [ports.pop() for _ in range(caches)]
        self._cache_metrics_ports = [ports.pop() for _ in range(caches)]
        self.cache_addresses = [f"127.0.0.1:{port}" for port in self._cache_ports]
        self.cache_processes = [None] * caches
        self.caches = [CacheEndpoint(address) for address in self.cache_addresses]
        self._router_ports = ports[:routers]
        self._metrics_ports = ports[routers:2 * routers]
        self.router_addresses = [f"127.0.0.1:{port}" for port in self._router_ports]
        self._worker_ports = {f"w{i}": port for i, port in enumerate(ports[2 * routers:])}
        self.router_processes = [None] * routers
        self.processes = {}
        self.routers = []
        self.workers = {}
        for index in range(caches):
            self.start_cache(index)
        for index in range(routers):
            self.start_router(index)
        for worker in self._worker_ports:
            self.restart(worker)
        # Before there is anyone to connect to, a channel would only learn to wait.
        for port in [*self._router_ports, *self._worker_ports.values()]:
            eventually(lambda: listening(port), 60, "a listening process")  # noqa: B023
        self.routers = [Endpoint(address) for address in self.router_addresses]
        self.workers = {worker: Endpoint(f"127.0.0.1:{port}")
                        for worker, port in self._worker_ports.items()}

    @property
    def router(self):
        return self.routers[0]

    @property
    def cache(self):
        return self.caches[0]

    @property
    def cache_process(self):
        return self.cache_processes[0]

    @property
    def cache_address(self):
        return self.cache_addresses[0]

    def start_cache(self, index=0):
        """Starts a cache service, which has ended or never was; what is on disk stays."""
        router = self.router_addresses[index % len(self.router_addresses)]
        settings = {"server.listen_address": self.cache_addresses[index],
                    "server.metrics_address": f"127.0.0.1:{self._cache_metrics_ports[index]}",
                    "warming.router": router, **self.cache_settings}
        self.cache_processes[index] = Process(
            f"{self.name}-c{index}", "chasqui-cache",
            *(f"--set={path}={value}" for path, value in settings.items()))
        eventually(lambda: listening(self._cache_ports[index]), 60, "a listening cache service")

    def start_router(self, index):
        peers = [address for other, address in enumerate(self.router_addresses) if other != index]
        settings = {"server.listen_address": self.router_addresses[index],
                    "server.metrics_address": f"127.0.0.1:{self._metrics_ports[index]}",
                    "router_id": f"r{index}", "streams.peers": ",".join(peers), **self.settings}
        if self.caches:
            cache = self.cache_addresses[index % len(self.caches)]
            settings = {"answers.cache": cache, **settings}
        self.router_processes[index] = Process(
            f"{self.name}-r{index}", "chasqui-router",
            *(f"--set={path}={value}" for path, value in settings.items() if value != ""))

    def kill_router(self, index):
        self.router_processes[index].kill()

    def restart(self, worker):
        """Starts a worker, which has ended or never was."""
        settings = {"server.listen_address": f"127.0.0.1:{self._worker_ports[worker]}",
                    "worker_id": worker, "routers": ",".join(self.router_addresses),
                    "models": f"[{{path: {paths.TINY_MODEL}}}]", "engine.slots": self.slots,
                    "engine.threads": 1, **self.worker_settings}
        self.processes[worker] = Process(
            f"{self.name}-{worker}", "chasqui-inference-worker",
            *(f"--set={path}={value}" for path, value in settings.items()))

    def kill(self, worker):
        self.processes[worker].kill()

    def signal(self, worker, number):
        self.processes[worker].signal(number)

    def ready_workers(self, router=None):
        """The ids of the workers that take requests of a router; none when it cannot be asked."""
        try:
            workers = (router or self.router).workers()
        except grpc.RpcError:
            return set()
        return {worker_id for worker_id, worker in workers.items() if worker.state == READY}

    def wait_until_ready(self, timeout=60):
        """Until all workers take requests of all routers."""
        for router in self.routers:
            eventually(lambda: self.ready_workers(router) == set(self._worker_ports),  # noqa: B023
                       timeout, "a ready fleet")

    def metric(self, name, router=0, **labels):
        """The sum of a router's series that have these labels; 0 when there is none."""
        return self._metric(self._metrics_ports[router], name, labels)

    def cache_metric(self, name, cache=0, **labels):
        """The same of a cache service."""
        return self._metric(self._cache_metrics_ports[cache], name, labels)

    @staticmethod
    def _metric(port, name, labels):
        url = f"http://127.0.0.1:{port}/metrics"
        with urllib.request.urlopen(url, timeout=10) as reply:
            text = reply.read().decode()
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
                   if re.match(name + "[{ ]", line) and all(label in line for label in wanted))

    def __enter__(self):
        try:
            self.wait_until_ready()
        except BaseException:
            self.__exit__(BaseException)
            raise
        return self

    def __exit__(self, kind, *rest):
        for endpoint in [*self.routers, *self.workers.values(), *self.caches]:
            endpoint.close()
        processes = [*self.router_processes, *self.processes.values(), *self.cache_processes]
        for process in processes:
            if process is not None and process.running():
                process.signal(signal.SIGCONT)
                process.kill()
            if kind is not None and process is not None:
                print(f"--- log of {process.name} ---\n{process.log[-10000:]}")

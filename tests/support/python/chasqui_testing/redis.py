# SPDX-License-Identifier: Apache-2.0
"""A redis-server of a test's own, which may die and come back."""

import pathlib
import socket
import subprocess
import tempfile

from chasqui_testing.waiting import eventually


class RedisServer:
    """On a unix socket in a folder of its own, without a file of data. Use it as a context."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="chasqui-redis-")
        self._socket = pathlib.Path(self._folder.name) / "redis.sock"
        self._process = None

    @property
    def address(self):
        return f"unix:{self._socket}"

    def start(self):
        """Starts it, at first or after kill(); it knows nothing then."""
        self._process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", str(self._socket), "--save", "",
             "--appendonly", "no", "--dir", self._folder.name, "--logfile",
             f"{self._folder.name}/log"], stdin=subprocess.DEVNULL, start_new_session=True)
        eventually(lambda: self.ask("PING") == "+PONG", 30, "an answer of redis-server")

    def kill(self):
        self._process.kill()
        self._process.wait()

    def ask(self, command):
        """The first line of what it answers to an inline command; empty when it is away."""
        with socket.socket(socket.AF_UNIX) as one:
            one.settimeout(10)
            if one.connect_ex(str(self._socket)) != 0:
                return ""
            one.sendall(f"{command}\r\n".encode())
            return one.makefile(encoding="utf-8", newline="\r\n").readline().strip()

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception):
        if self._process is not None:
            self.kill()
        self._folder.cleanup()

# SPDX-License-Identifier: Apache-2.0
"""Python stubs of the project's protos, generated at test time."""

import fcntl
import hashlib
import pathlib
import shutil
import subprocess
import sys
import tempfile

import google
import grpc

from chasqui_testing import paths

# Those of grpc.reflection come with python3-grpcio-reflection.
_PACKAGES = ("chasqui", "google/rpc", "grpc/health")


def install():
    """Makes `chasqui.inference.v1.generate_pb2` and so on importable, generating them if need be."""
    out = _generated()
    sys.path.insert(0, str(out))
    # Both are packages already; these folders belong to them too.
    google.__path__.append(str(out / "google"))
    grpc.__path__.append(str(out / "grpc"))


def _generated():
    root = paths.SOURCE / "proto"
    files = sorted(f for package in _PACKAGES for f in (root / package).rglob("*.proto"))
    digest = hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()[:16]
    base = paths.BUILD / "python-stubs"
    base.mkdir(parents=True, exist_ok=True)
    out = base / digest
    with open(base / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not out.exists():
            _generate(root, files, out)
    return out


def _generate(root, files, out):
    # protoc itself: Debian's python3-grpc-tools knows no `optional` in proto3.
    partial = pathlib.Path(tempfile.mkdtemp(dir=out.parent))
    plugin = shutil.which("grpc_python_plugin")
    subprocess.run(
        ["protoc", f"-I{root}", f"--python_out={partial}", f"--grpc_python_out={partial}",
         f"--plugin=protoc-gen-grpc_python={plugin}", *(str(f) for f in files)], check=True)
    partial.rename(out)

# SPDX-License-Identifier: Apache-2.0
"""Synthetic models, kept in the cache folder."""

import os
import subprocess
from pathlib import Path

from harness.processes import Failure, program


def model_file(preset, weights):
    """The model from the cache, where it is put first when it is not there."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    made = subprocess.run(
        [program("chasqui-bench-model"), "--folder", cache / "chasqui/models",
         "--preset", preset, "--type", weights], capture_output=True, text=True)
    if made.returncode != 0:
        raise Failure(made.stderr.strip())
    return Path(made.stdout.strip())

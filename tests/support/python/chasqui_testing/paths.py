# SPDX-License-Identifier: Apache-2.0
"""Where things are: ctest tells by environment, a bare pytest takes the release build."""

import os
import pathlib

SOURCE = pathlib.Path(__file__).resolve().parents[4]
BUILD = pathlib.Path(os.environ.get("CHASQUI_BUILD_DIR", SOURCE / "build" / "release"))
BIN = BUILD / "bin"
TINY_MODEL = SOURCE / "models" / "tiny" / "tiny-chasqui-q8_0.gguf"
TINY_NAME = "tiny-chasqui-q8_0"


def binary(name):
    """The built program; the test fails clearly when it is missing."""
    path = BIN / name
    assert path.exists(), f"{path} is not built"
    return str(path)

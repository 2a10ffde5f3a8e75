# SPDX-License-Identifier: Apache-2.0
"""Runs the Node.js client's own tests against the suite."""

import os
import pathlib
import subprocess

FOLDER = pathlib.Path(__file__).parent / "node"


def test_the_node_client(suite):
    assert (FOLDER / "node_modules").exists(), "packages are missing: run make npm"
    done = subprocess.run(
        ["node", "--test", "--test-reporter=spec", "client.test.js"], cwd=FOLDER,
        env={**os.environ, "CHASQUI_SERVER": suite.router.address}, capture_output=True, text=True,
        timeout=120, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "tests 0" not in done.stdout

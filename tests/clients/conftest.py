# SPDX-License-Identifier: Apache-2.0
"""One suite for all client tests of a run."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support" / "python"))

# Makes the stubs importable for the test files.
from chasqui_testing.suite import Suite  # noqa: E402


@pytest.fixture(scope="session")
def suite():
    """Two workers of the tiny model."""
    with Suite("clients") as running:
        yield running
        assert running.stop() == 0, running.process.log[-5000:]

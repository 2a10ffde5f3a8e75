# SPDX-License-Identifier: Apache-2.0
"""Makes tests/support/python importable, and shares a suite among the tests of a file."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support" / "python"))

# Makes the stubs importable for the test files.
from chasqui_testing.suite import Suite  # noqa: E402


@pytest.fixture(scope="module")
def suite(request):
    """Two workers of the tiny model, as the file's SETTINGS say; idle after each file."""
    settings = getattr(request.module, "SETTINGS", None)
    with Suite(request.module.__name__, settings=settings) as running:
        yield running
        assert running.stop() == 0, running.process.log[-5000:]

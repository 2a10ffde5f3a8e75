# SPDX-License-Identifier: Apache-2.0
"""Makes tests/support/python importable."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support" / "python"))

# Makes the stubs importable for the test files.
import chasqui_testing.suite  # noqa: E402, F401

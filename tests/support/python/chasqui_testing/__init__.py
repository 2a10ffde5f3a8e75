# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end and client tests share: processes, suites, stubs and waiting.

Importing the package generates the Python stubs once (see stubs.py) and makes them importable.
"""

from chasqui_testing import stubs

stubs.install()

# SPDX-License-Identifier: Apache-2.0
"""API keys, made by the command."""

import json
import subprocess

from chasqui_testing import paths


def new_key(tenant, *roles):
    """A new key, and its entry for the file of keys."""
    flags = [f"--role={role}" for role in roles]
    done = subprocess.run(
        [paths.binary("chasqui"), "keys", "new", "--json", "--tenant", tenant, *flags],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=True)
    made = json.loads(done.stdout)
    return made["key"], made["entry"]


def bearer(key):
    """The metadata that shows a key."""
    return [("authorization", f"Bearer {key}")]

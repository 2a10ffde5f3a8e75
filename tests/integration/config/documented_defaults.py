#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that a service's defaults are those its schema's comments promise.

usage: documented_defaults.py BINARY ROOT_MESSAGE

Setting every documented default by --set must change nothing in what --print-config prints: so the
comments are read as an operator would, by the program itself.
"""

import pathlib
import subprocess
import sys
from collections.abc import Iterator

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "tools" / "dev"))
import config_docs  # noqa: E402  found by the line above

# Depends on the service; its own comment says it in a sentence.
NOT_COMMON = {"server.listen_address"}


def documented(root: str, path: str = "") -> Iterator[tuple[str, str]]:
    """The settings below a message that have a default which can be written."""
    for file in config_docs.descriptors():
        said = config_docs.comments(file)
        for index, message in enumerate(file.message_type):
            if message.name != root:
                continue
            for number, field in enumerate(message.field):
                name = f"{path}{field.name}"
                is_list = field.label == config_docs.Field.LABEL_REPEATED
                is_duration = field.type_name == ".google.protobuf.Duration"
                if field.type == config_docs.Field.TYPE_MESSAGE and not is_duration and not is_list:
                    yield from documented(config_docs.short_name(field.type_name), f"{name}.")
                    continue
                comment = said.get((config_docs.MESSAGE, index, config_docs.MEMBER, number), "")
                default = config_docs.default_of(field, config_docs.split_default(comment)[1])
                if default.startswith("`"):
                    yield name, default.strip("`")
                elif default == "empty":
                    yield name, ""


def printed(binary: str, *arguments: str) -> dict[str, str]:
    """The settings that --print-config prints, by path; elements of lists are left out."""
    result = subprocess.run([binary, "--print-config", *arguments], capture_output=True, text=True,
                            check=False)
    if result.returncode != 0:
        sys.exit(result.stderr)
    settings: dict[str, str] = {}
    parents: list[tuple[int, str]] = []
    for line in result.stdout.splitlines():
        indent = len(line) - len(line.lstrip())
        key, colon, value = line.strip().partition(":")
        if key.startswith("-") or not colon:
            continue
        while parents and parents[-1][0] >= indent:
            parents.pop()
        parents.append((indent, key))
        settings[".".join(name for _, name in parents)] = value.strip()
    return settings


def main() -> int:
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 64
    binary, root = sys.argv[1:]
    flags = [f"--set={path}={default}" for path, default in documented(root)
             if path not in NOT_COMMON]
    actual, expected = printed(binary), printed(binary, *flags)
    # A part that is absent by default, such as TLS, appears once a setting below it is given.
    wrong = [path for path, value in expected.items()
             if actual.get(path, value) != value
             or (path not in actual and path.rpartition(".")[0] in actual
                 and not any(other.startswith(f"{path}.") for other in expected))]
    for path in wrong:
        print(f"{path}: is {actual.get(path, 'absent')}, documented as {expected[path]}")
    print(f"{len(flags)} documented defaults, {len(wrong)} wrong")
    return 1 if wrong or not flags else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/configuration.md from the comments of proto/chasqui/config/v1.

usage: config_docs.py {--write,--check}

--check exits with 1 when the file is not what --write would write.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

from google.protobuf import descriptor_pb2

TOP = pathlib.Path(__file__).resolve().parents[2]
PAGE = TOP / "docs" / "configuration.md"
PACKAGE = "chasqui.config.v1"

HEAD = """<!-- Written by `make docs` from the comments of proto/chasqui/config/v1; do not edit. -->
# Configuration

Every service takes its settings from, in this order, and what comes later wins:

1. a YAML file, `--config FILE` (at most 1 MiB, one document);
2. environment variables: the service's prefix and the path in capitals, with `_` for `.`:
   `CHASQUI_ROUTER_QUEUE_MAX_REQUESTS=512`;
3. flags: `--set queue.max_requests=512`, as often as needed.

`--print-config` prints what holds in the end, with passwords and keys masked, and exits. A setting that
is unknown, malformed or out of its range ends the program with exit status 64 and one line for each
problem, which names the file and its line, the setting, and what it must be.

How values are written:

| kind | as | examples |
| --- | --- | --- |
| duration | number and unit: `h`, `m` or `min`, `s`, `ms`, `us`, `ns` | `200ms`, `1.5s`, `1h30m` |
| size (`..._bytes`) | number, with a unit if wanted: `KiB`, `MiB`, `GiB`, `TiB`, `KB`, `MB`, `GB`, `TB` | `65536`, `64KiB` |
| one of | any of the names below, in any case, `-` for `_` if wanted | `least_connections` |
| list | YAML; in variables and flags also words with commas between | `[a, b]`, `a,b` |
| map, message | YAML; in variables and flags as flow YAML | `{zone: a}`, `labels.zone=a` with `--set` |

A list replaces the list of what came before; maps and messages are merged key by key. Settings whose
names end in `password`, `passphrase`, `secret`, `token`, `credentials` or `api_key` are never printed.
Variables that Kubernetes makes for Services of the same name (`CHASQUI_ROUTER_SERVICE_HOST` and its
like) are left alone.
"""

Field = descriptor_pb2.FieldDescriptorProto
SCALARS = {
    Field.TYPE_DOUBLE: "number", Field.TYPE_FLOAT: "number", Field.TYPE_INT32: "integer",
    Field.TYPE_INT64: "integer", Field.TYPE_UINT32: "integer ≥ 0", Field.TYPE_UINT64: "integer ≥ 0",
    Field.TYPE_BOOL: "true or false", Field.TYPE_STRING: "text", Field.TYPE_BYTES: "text",
}
# What a program takes as a whole; every other message is a part of one, or a file of its own.
PROGRAMS = ("CacheConfig", "InferenceWorkerConfig", "RouterConfig", "SuiteConfig")
# Fields 4 (message_type) and 5 (enum_type) of a file, 2 of a message and of an enum: how a location
# in the source names what it describes.
MESSAGE, ENUM, MEMBER = 4, 5, 2


def descriptors() -> list[descriptor_pb2.FileDescriptorProto]:
    files = sorted(str(path.relative_to(TOP / "proto"))
                   for path in (TOP / "proto/chasqui/config/v1").glob("*.proto"))
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run(["protoc", "-Iproto", "--include_source_info",
                        f"--descriptor_set_out={out.name}", *files], cwd=TOP, check=True)
        parsed = descriptor_pb2.FileDescriptorSet.FromString(pathlib.Path(out.name).read_bytes())
    return list(parsed.file)


def comments(file: descriptor_pb2.FileDescriptorProto) -> dict[tuple[int, ...], str]:
    return {tuple(location.path): " ".join(location.leading_comments.split())
            for location in file.source_code_info.location}


def short_name(full: str) -> str:
    return full.rsplit(".", 1)[-1]


def anchor(name: str) -> str:
    return f"[{name}](#{name.lower()})"


def kind_of(field: Field, maps: dict[str, descriptor_pb2.DescriptorProto]) -> str:
    if field.type_name in maps:
        entry = maps[field.type_name]
        return f"map of {kind_of(entry.field[1], maps)}"
    if field.type_name == ".google.protobuf.Duration":
        kind = "duration"
    elif field.type in (Field.TYPE_MESSAGE, Field.TYPE_ENUM):
        kind = anchor(short_name(field.type_name))
    elif field.name.endswith("_bytes") and field.type in SCALARS and "integer" in SCALARS[field.type]:
        kind = "size"
    else:
        kind = SCALARS[field.type]
    return f"list of {kind}" if field.label == Field.LABEL_REPEATED else kind


def split_default(comment: str) -> tuple[str, str]:
    """The comment without its "Default: X.", and X. What a semicolon adds to X stays a sentence."""
    match = re.search(r'(?<!: )\bDefault: ("[^"]*"|(?:[^.;]|\.(?=\d))+)(?:; ([^.]*))?\.?', comment)
    if not match:
        return comment, ""
    added = match.group(2)
    sentence = f"{added[0].upper()}{added[1:]}." if added else ""
    rest = " ".join((comment[:match.start()] + sentence + comment[match.end():]).split())
    return rest, match.group(1)


def default_of(field: Field, default: str) -> str:
    """A default as it may be written in a file; words such as "empty" are said, not written."""
    if re.fullmatch(r'".*"|-?[\d,.]+( ?[A-Za-z]+)?|true|false', default):
        return f"`{re.sub(r'(?<=[0-9]),(?=[0-9]{3})', '', default).strip('\"')}`"
    if field.type == Field.TYPE_ENUM:
        return f"`{default.removeprefix(enum_prefix(short_name(field.type_name))).lower()}`"
    return default


def enum_prefix(name: str) -> str:
    """LOG_LEVEL_ of LogLevel."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper() + "_"


def cell(text: str) -> str:
    return text.replace("|", "\\|")


def message_section(name: str, message: descriptor_pb2.DescriptorProto, path: tuple[int, ...],
                    said: dict[tuple[int, ...], str]) -> str:
    maps = {f".{PACKAGE}.{name}.{nested.name}": nested for nested in message.nested_type
            if nested.options.map_entry}
    lines = [said.get(path, ""), "", "| key | kind | default | meaning |", "| --- | --- | --- | --- |"]
    for index, field in enumerate(message.field):
        meaning, default = split_default(said.get((*path, MEMBER, index), ""))
        lines.append(f"| `{field.name}` | {kind_of(field, maps)} | {cell(default_of(field, default))} "
                     f"| {cell(meaning)} |")
    return "\n".join(lines) + "\n"


def enum_section(enum: descriptor_pb2.EnumDescriptorProto, path: tuple[int, ...],
                 said: dict[tuple[int, ...], str]) -> str:
    prefix = enum_prefix(enum.name)
    lines = [said.get(path, ""), "", "| name | meaning |", "| --- | --- |"]
    for index, value in enumerate(enum.value):
        if value.number != 0:
            name = value.name.removeprefix(prefix).lower()
            lines.append(f"| `{name}` | {cell(said.get((*path, MEMBER, index), ''))} |")
    return "\n".join(lines) + "\n"


def page() -> str:
    services, parts = [], []
    for file in descriptors():
        said = comments(file)
        stem = pathlib.PurePath(file.name).stem
        for index, message in enumerate(file.message_type):
            section = message_section(message.name, message, (MESSAGE, index), said)
            if message.name in PROGRAMS:
                prefix = "CHASQUI_" + stem.removesuffix("_config").upper()
                services.append(f"## {message.name}\n\nVariables begin with `{prefix}_`.\n{section}")
            else:
                parts.append((message.name, section))
        for index, enum in enumerate(file.enum_type):
            parts.append((enum.name, enum_section(enum, (ENUM, index), said)))
    body = [HEAD, *services, "## Parts\n"]
    body += [f"### {name}\n\n{section}" for name, section in sorted(parts)]
    return "\n".join(body)


def main() -> int:
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    if sys.argv[1:] == ["--check"]:
        if PAGE.exists() and PAGE.read_text(encoding="utf-8") == page():
            return 0
        print("docs/configuration.md is stale; run: make docs")
        return 1
    print(__doc__, file=sys.stderr)
    return 64


if __name__ == "__main__":
    sys.exit(main())

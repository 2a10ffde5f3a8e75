#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The rules of the source tree that no compiler knows: who may include whom, which calls belong in one
place only, how long a file may be, and the licence line.

usage: source_rules.py {layering,calls,sizes,licence} [ROOT]

Prints one line for each breach and exits with 1 when there is any. A line of code may be excused by a
comment that says why: `// lint: allow(<rule>): <reason>`.
"""

import pathlib
import re
import subprocess
import sys
from collections.abc import Iterator

# Folders of common from the bottom up: a folder includes only what stands in a lower tier.
TIERS = [
    {"ids", "status", "time", "version"},
    {"concurrency", "resilience"},
    {"config", "inference", "observability"},
    {"redis", "rpc"},
    {"service"},
]

# rule: (pattern, where it is allowed, what to do instead)
CALLS = {
    "thread": (
        r"\bstd::j?thread\b(?!::)|\bpthread_create\b",
        r"common/concurrency/",
        "use concurrency::NamedThread",
    ),
    "detach": (r"\.detach\(", None, "join what you start"),
    "sleep": (
        r"\bsleep_(for|until)\b|\babsl::SleepFor\b|\b(u|nano)?sleep\(",
        None,
        "wait for what you wait for, or use concurrency::Periodic",
    ),
    "now": (
        r"::now\(\)|\bclock_gettime\(CLOCK_|\bgettimeofday\b|\bgpr_now\b|\babsl::(Get|)Now\b",
        r"common/time/|tests/bench/",
        "take a time::Clock",
    ),
    # GCC 16 destroys what these have made too early.
    "co_await in a range": (r"\bfor \([^;]*:\s*\(?co_await\b", None, "await it before the loop"),
    "co_await in a choice": (r"\?\s*\(?co_await\b", None, "write an if"),
    "cout": (r"\bstd::c(out|err|log)\b", r"tools/|tests/", "use observability::Logger"),
    "getenv": (r"\b(secure_)?getenv\(", r"common/config/", "use common/config"),
    "exception": (r"\bthrow\b", r"tests/", "return an absl::Status"),
    "new": (
        r"\bnew\b(?!\s*\()|\bdelete\b(?!\s*(;|,|\)))",
        r"_reactor\.(h|cc)$|common/rpc/|tests/bench/",
        "use std::make_unique, or std::unique_ptr<T>(new T) for a private constructor",
    ),
}
# A private constructor cannot be reached by std::make_unique; a static that is never destroyed is
# safe at exit.
OWNED_NEW = re.compile(r"(_ptr<[^;]*>|WrapUnique|reset)\(\s*new\b|static const .*\bnew\b")

# Longest files: (pattern, lines). The first that matches holds.
SIZES = [
    (r"(^|/)main\.cc$", 80),
    (r"^tests/.*", 800),
    (r"\.h$", 300),
    (r"\.(cc|py|mjs|js|sh|sql)$", 500),
]

CODE = re.compile(r"\.(h|cc)$")
LICENSED = re.compile(r"(\.(h|cc|cmake|sh|py|mjs|js|proto|sql)|(^|/)(CMakeLists\.txt|Makefile))$")
# Schemas of others with their licences, and the model with its own.
FOREIGN = re.compile(r"^proto/(google|grpc)/|^models/")
SPDX = "SPDX-License-Identifier: Apache-2.0"


def files(root: pathlib.Path) -> list[str]:
    """What git knows or would add; without git, every file."""
    listing = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-co", "--exclude-standard"],
        capture_output=True, text=True, check=False)
    names = listing.stdout.splitlines() if listing.returncode == 0 else [
        str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]
    return sorted(name for name in names
                  if (root / name).is_file() and not FOREIGN.match(name))


def read(root: pathlib.Path, name: str) -> str:
    return (root / name).read_text(encoding="utf-8", errors="replace")


def without_texts(code: str) -> str:
    """The code with the insides of comments and literals blanked, line by line as it was."""
    pattern = re.compile(
        r'R"(?P<mark>[^(\s]*)\(.*?\)(?P=mark)"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-zA-Z])\'(?:\\.|[^\'\\\n])+\''
        r"|//[^\n]*|/\*.*?\*/", re.DOTALL)
    return pattern.sub(lambda match: "\n" * match.group().count("\n") or " ", code)


def layering(root: pathlib.Path) -> Iterator[str]:
    tier_of = {folder: tier for tier, folders in enumerate(TIERS) for folder in folders}
    include = re.compile(r'^#include "([^"]+)"')
    for name in filter(CODE.search, files(root)):
        parts = name.split("/")
        for number, line in enumerate(read(root, name).splitlines(), 1):
            match = include.match(line)
            if not match:
                continue
            target = match.group(1)
            to = target.split("/")
            where = f"{name}:{number}: includes {target}"
            if len(to) == 1:
                yield f"{where}: write the path from the root of the repository"
            elif parts[0] == "common":
                if to[0] in ("services", "tools", "tests"):
                    yield f"{where}: common knows no {to[0]}"
                elif to[0] == "common":
                    for folder in (parts[1], to[1]):
                        if folder not in tier_of:
                            yield f"{where}: common/{folder} has no tier in tests/lint/source_rules.py"
                            break
                    else:
                        if to[1] != parts[1] and tier_of[to[1]] >= tier_of[parts[1]]:
                            yield f"{where}: common/{to[1]} does not stand below common/{parts[1]}"
            elif parts[0] == "services":
                if to[0] == "services" and to[1] != parts[1]:
                    yield f"{where}: services meet through proto/ only"
                elif to[0] in ("tools", "tests"):
                    yield f"{where}: services know no {to[0]}"
            elif parts[0] == "tools" and to[0] == "tests":
                yield f"{where}: tools know no tests"


def calls(root: pathlib.Path) -> Iterator[str]:
    for name in filter(CODE.search, files(root)):
        text = read(root, name)
        lines = text.splitlines()
        code_lines = without_texts(text).splitlines()
        for number, code in enumerate(code_lines, 1):
            for rule, (pattern, allowed, instead) in CALLS.items():
                if allowed and re.search(allowed, name):
                    continue
                if not re.search(pattern, code):
                    continue
                # The call may be wrapped: look at the line before as well.
                context = (code_lines[number - 2] if number > 1 else "") + code
                if rule == "new" and (OWNED_NEW.search(context) or "operator new" in code
                                      or "operator delete" in code or "#include" in code):
                    continue
                excuse = f"lint: allow({rule}): "
                if excuse in lines[number - 1] or (number > 1 and excuse in lines[number - 2]):
                    continue
                yield f"{name}:{number}: {rule}: {instead}"


def sizes(root: pathlib.Path) -> Iterator[str]:
    for name in files(root):
        for pattern, most in SIZES:
            if not re.search(pattern, name) or not re.search(r"\.(h|cc|py|mjs|js|sh|sql)$", name):
                continue
            count = len(read(root, name).splitlines())
            if count > most:
                yield f"{name}: {count} lines, at most {most}: split it"
            break


def licence(root: pathlib.Path) -> Iterator[str]:
    for name in files(root):
        with (root / name).open("rb") as file:
            head = file.read(200).decode("utf-8", errors="replace")
        # An empty __init__.py only makes a folder a package.
        if not LICENSED.search(name) and not head.startswith("#!") or not head and name.endswith(".py"):
            continue
        lines = head.splitlines()
        line = lines[1:2] if head.startswith("#!") else lines[:1]
        if not line or SPDX not in line[0]:
            yield f"{name}: does not begin with {SPDX}"


RULES = {rule.__name__: rule for rule in (layering, calls, sizes, licence)}


def main() -> int:
    if len(sys.argv) not in (2, 3) or sys.argv[1] not in RULES:
        print(__doc__, file=sys.stderr)
        return 64
    root = pathlib.Path(sys.argv[2]) if len(sys.argv) == 3 else pathlib.Path(__file__).parents[2]
    breaches = list(RULES[sys.argv[1]](root.resolve()))
    for breach in breaches:
        print(breach)
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""Tests of source_rules.py: each rule sees what it is for, and nothing else."""

import pathlib
import tempfile
import unittest

import source_rules


class SourceRulesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def breaches(self, rule: str) -> list[str]:
        return list(source_rules.RULES[rule](self.root))

    def test_layering_knows_who_may_include_whom(self):
        for name, target, allowed in [
            ("services/router/a.cc", "services/router/b.h", True),
            ("services/router/a.cc", "common/rpc/b.h", True),
            ("services/router/a.cc", "services/cache/b.h", False),
            ("services/router/a.cc", "tests/support/b.h", False),
            ("services/router/a.cc", "b.h", False),
            ("common/rpc/a.cc", "common/time/b.h", True),
            ("common/rpc/a.cc", "common/rpc/b.h", True),
            ("common/time/a.cc", "common/rpc/b.h", False),
            ("common/config/a.cc", "common/observability/b.h", False),
            ("common/rpc/a.cc", "services/router/b.h", False),
            ("common/novelty/a.cc", "common/time/b.h", False),
            ("common/rpc/a.cc", "absl/status/status.h", True),
            ("tools/chasqui/a.cc", "services/router/b.h", True),
            ("tests/unit/a.cc", "services/cache/b.h", True),
        ]:
            with self.subTest(f"{name} includes {target}"):
                self.write(name, f'#include "{target}"\n')
                self.assertEqual(self.breaches("layering") == [], allowed)
                (self.root / name).unlink()

    def test_calls_belong_in_their_places(self):
        for name, line, allowed in [
            ("services/a.cc", "std::jthread t;", False),
            ("services/a.cc", "std::thread::native_handle_type h;", True),
            ("common/concurrency/a.cc", "std::jthread t;", True),
            ("services/a.cc", "std::this_thread::sleep_for(1s);", False),
            ("services/a.cc", "co_await loop.SleepFor(1s);", True),
            ("services/a.cc", "auto t = std::chrono::steady_clock::now();", False),
            ("common/time/a.cc", "auto t = std::chrono::steady_clock::now();", True),
            ("services/a.cc", "auto t = absl::Now();", False),
            ("services/a.cc", "for (const auto& x : co_await F()) G(x);", False),
            ("services/a.cc", "for (;;) co_await F();", True),
            ("services/a.cc", "co_return ready ? co_await F() : 0;", False),
            ("services/a.cc", "if (!co_await F()) co_return;", True),
            ("services/a.cc", "std::cout << 1;", False),
            ("tools/a.cc", "std::cout << 1;", True),
            ("services/a.cc", "getenv(name);", False),
            ("services/a.cc", "throw 1;", False),
            ("services/a.cc", "auto* a = new A;", False),
            ("services/a.cc", "delete a;", False),
            ("services/a.cc", "A(const A&) = delete;", True),
            ("services/a.cc", "return std::unique_ptr<A>(new A(1));", True),
            ("services/a.cc", "return std::unique_ptr<A>(\n    new A(1));", True),
            ("services/a.cc", "static const auto* const a = new A;", True),
            ("services/a_reactor.cc", "delete this;", True),
            ("services/a.cc", '// throw\nauto s = "new \\" throw";', True),
            ("services/a.cc", "auto s = R\"(throw)\"; /* new\nthrow */", True),
            ("services/a.cc", "std::cout << 1;  // lint: allow(cout): a test", True),
        ]:
            with self.subTest(f"{name}: {line}"):
                self.write(name, line + "\n")
                self.assertEqual(self.breaches("calls") == [], allowed)
                (self.root / name).unlink()

    def test_sizes_are_bounded_by_kind(self):
        self.write("a.h", "\n" * 301)
        self.write("a.cc", "\n" * 500)
        self.write("services/x/main.cc", "\n" * 81)
        self.write("tests/unit/a_test.cc", "\n" * 800)
        self.write("data.json", "\n" * 5000)
        self.assertEqual(
            [breach.split(":")[0] for breach in self.breaches("sizes")],
            ["a.h", "services/x/main.cc"])

    def test_licence_is_the_first_line_after_the_interpreter(self):
        self.write("good.cc", "// SPDX-License-Identifier: Apache-2.0\n")
        self.write("script", "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n")
        self.write("bad.cc", "\n// SPDX-License-Identifier: Apache-2.0\n")
        self.write("bad_script", "#!/bin/sh\n")
        self.write("empty.proto", "")
        self.write("package/__init__.py", "")
        self.write("notes.md", "# Notes\n")
        self.assertEqual(
            [breach.split(":")[0] for breach in self.breaches("licence")],
            ["bad.cc", "bad_script", "empty.proto"])


if __name__ == "__main__":
    unittest.main()

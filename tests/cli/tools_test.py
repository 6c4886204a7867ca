#!/usr/bin/env python3
"""The scripts that hold the rules: that they fail when the rules are broken."""
import os
import shlex
import subprocess
import sys
import unittest

from choir import SOURCE, Case, Ran

CC = shlex.split(os.environ["CHOIR_CC"])


def run(*words, **more):
    return Ran(subprocess.run([*map(str, words)], text=True, capture_output=True, timeout=60, **more))


class SansIo(Case):
    def archive(self, source):
        self.file("core.c", source)
        for words in ([*CC, "-c", "core.c"], ["ar", "rc", "core.a", "core.o"]):
            subprocess.run(words, cwd=self.folder, check=True, timeout=60)
        return self.folder / "core.a"

    def check(self, *libraries):
        return run("sh", SOURCE / "tools" / "check_sans_io.sh", *libraries)

    def test_memory_and_text_are_allowed(self):
        ran = self.check(self.archive("void *memcpy(); void *f(void *a) { return memcpy(a); }\n"))
        self.assertEqual(ran.code, 0, ran.out)

    def test_a_clock_is_named(self):
        ran = self.check(self.archive("long time(long *); long f(void) { return time(0); }\n"))
        self.assertEqual((ran.code, ran.out),
                         (1, "the protocol core reaches for the outside world: time\n"))

    def test_nothing_to_look_into_is_no_success(self):
        noise = self.file("noise.a", "no library\n")
        cases = [((), "which libraries?"), ((self.folder / "none.a",), "build it first"),
                 ((noise,), "nm cannot read"),
                 ((self.archive("int x;\n"),), "imports nothing at all")]
        for libraries, says in cases:
            with self.subTest(says):
                ran = self.check(*libraries)
                self.assertEqual(ran.code, 1)
                self.assertIn(says, ran.out)


class Tidy(Case):
    def faults(self, document):
        for folder in ("src/base", "docs", "include", "apps", "tests", "bench"):
            (self.folder / folder).mkdir(parents=True, exist_ok=True)
        self.file("src/base/rng.c", "/* Chance. */\n")
        self.file("src/base/CMakeLists.txt", "rng.c\n")
        self.file("docs/page.md", document)
        return run(sys.executable, SOURCE / "tools" / "tidy.py", self.folder)

    def test_files_that_documents_name_are_there(self):
        text = "`src/base/rng.c`, `base/rng.c`, `src/base/r<name>.c`, `rng.c`, [it](../src/base/rng.c)\n"
        ran = self.faults(text + "`client/server`, `a.yaml`, [far](https://example.org/src/x.c)\n")
        self.assertEqual((ran.code, ran.out), (0, "1 files tidy\n"))

    def test_files_that_are_not_there_are_named(self):
        for name, line in [("src/base/hash.c", "`src/base/hash.c`"), ("hash.c", "see `hash.c`"),
                           ("rng.c", "| `docs` | `rng.c` |"), ("hash.md", "[it](hash.md)")]:
            with self.subTest(line):
                ran = self.faults(f"# Page\n{line}\n")
                self.assertEqual((ran.code, ran.out), (
                    1, f"docs/page.md:2: names {name}, and there is no such file\n"))


class Fuzzing(Case):
    def test_a_long_run_does_not_prolong_the_next_short_one(self):
        said = run("make", "-n", "fuzz", cwd=SOURCE).out
        self.assertIn("CHOIR_FUZZ_SECONDS=5 ", said)


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""The scripts that hold the rules: that they fail when the rules are broken."""
import os
import shlex
import shutil
import subprocess
import sys
import unittest

from choir import SOURCE, Case, Ran

CC = shlex.split(os.environ["CHOIR_CC"])


def run(*words, **more):
    return Ran(subprocess.run([*map(str, words)], text=True, capture_output=True, timeout=60, **more))


class SansIo(Case):
    def archive(self, source, member="core.o", library="core.a"):
        self.file("core.c", source)
        for words in ([*CC, "-c", "core.c", "-o", member], ["ar", "rc", library, member]):
            subprocess.run(words, cwd=self.folder, check=True, timeout=60)
        return self.folder / library

    def check(self, *libraries):
        return run("sh", SOURCE / "tools" / "check_sans_io.sh", *libraries)

    def test_memory_and_text_are_allowed(self):
        ran = self.check(self.archive("void *memcpy(); void *f(void *a) { return memcpy(a); }\n"))
        self.assertEqual(ran.code, 0, ran.out)

    def test_a_clock_is_named(self):
        ran = self.check(self.archive("long time(long *); long f(void) { return time(0); }\n"))
        self.assertEqual((ran.code, ran.out),
                         (1, "the protocol core reaches for the outside world: time\n"))

    def test_a_function_whose_last_bits_are_the_c_librarys_is_named(self):
        exact = self.check(self.archive("double sqrt(double); double f(double x) { return sqrt(x); }\n"))
        self.assertEqual(exact.code, 0, exact.out)
        for name, takes, gives in [("pow", "double, double", "x, x"), ("exp", "double", "x"),
                                   ("log", "double", "x")]:
            with self.subTest(name):
                ran = self.check(self.archive(
                    f"double {name}({takes}); double f(double x) {{ return {name}({gives}); }}\n"))
                self.assertEqual((ran.code, ran.out),
                                 (1, f"the protocol core reaches for the outside world: {name}\n"))

    def test_the_c_librarys_exp_is_for_reference_kernels_alone(self):
        source = "double exp(double); double f(double x) { return exp(x); }\n"
        kernels = self.archive(source, "map_reference.c.o", "libchoir_math.a")
        self.assertEqual(self.check(kernels).code, 0)
        self.archive(source, "map_vector.c.o", "libchoir_math.a")
        ran = self.check(kernels)
        self.assertEqual((ran.code, ran.out),
                         (1, "the protocol core reaches for the outside world: exp\n"))

    def test_where_maths_alone_matters_the_system_may_be_used(self):
        clock = self.archive("long time(long *); long f(void) { return time(0); }\n")
        self.assertEqual(self.check("--maths", clock).code, 0)
        power = self.archive("float powf(float, float); float f(float x) { return powf(x, x); }\n",
                             "power.o")
        ran = self.check("--maths", power)
        self.assertEqual((ran.code, ran.out),
                         (1, "the last bits of these are each C library's own: powf\n"))

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


class Valgrind(Case):
    """tools/valgrind.sh on programs that are scripts, with a valgrind that only runs them."""

    def program(self, name, script):
        (self.folder / "tests/unit/base").mkdir(parents=True, exist_ok=True)
        (self.folder / "tests/system").mkdir(parents=True, exist_ok=True)
        self.file(name, "#!/bin/sh\n" + script).chmod(0o755)

    def check(self, *more, limit=60):
        self.program("valgrind", 'for last; do :; done\nexec "$last"\n')
        path = f"{self.folder}:{os.environ['PATH']}"
        return run(SOURCE / "tools" / "valgrind.sh", self.folder, *more,
                   env={**os.environ, "PATH": path, "CHOIR_VALGRIND_LIMIT": str(limit)})

    def setUp(self):
        super().setUp()
        self.program("tests/unit/base/a_test", '[ "$CHOIR_VALGRIND" = 1 ]\n')
        self.program("tests/system/b_test", "exit 77\n")

    def test_skipped_is_not_passed_and_is_named(self):
        ran = self.check()
        self.assertEqual(ran.code, 0, ran.out)
        self.assertTrue(ran.out.endswith(
            "valgrind: 1 passed, 0 passed before, 0 failed, skipped: b_test\n"), ran.out)

    def test_what_fails_or_hangs_is_named_and_the_rest_runs(self):
        self.program("tests/system/bad_test", "echo lost 8 bytes >&2\nexit 99\n")
        self.program("tests/system/c_test", "exec sleep 30\n")
        self.program("tests/system/d_test", "exit 0\n")
        ran = self.check(limit=3)
        self.assertEqual(ran.code, 1)
        for line in ("bad_test failed (exit 99)", "lost 8 bytes", "c_test was not done after 3 s",
                     "valgrind: 2 passed, 0 passed before, 2 failed, skipped: b_test"):
            self.assertIn(line, ran.out)

    def test_what_passed_before_is_not_run_again_and_what_failed_is(self):
        self.program("tests/system/bad_test", "exit 1\n")
        passed = self.folder / "passed"
        self.assertEqual(self.check(passed).code, 1)
        self.program("tests/unit/base/a_test", "exit 1\n")
        self.program("tests/system/bad_test", "exit 0\n")
        ran = self.check(passed)
        self.assertEqual(ran.code, 0, ran.out)
        self.assertIn("1 passed, 1 passed before, 0 failed, skipped: b_test", ran.out)

    def test_a_folder_without_tests_is_no_success(self):
        ran = run(SOURCE / "tools" / "valgrind.sh", self.folder / "none")
        self.assertEqual(ran.code, 1)
        self.assertIn("build it first", ran.log)


class CheckLong(Case):
    def setUp(self):
        super().setUp()
        for folder in ("tools", "bin"):
            (self.folder / folder).mkdir()
        text = (SOURCE / "tools" / "check_long.sh").read_text()
        self.script("tools/check_long.sh", text)
        self.script("tools/check_install.sh", "#!/bin/sh\necho installing\n[ ! -e broken ]\n")
        for words in (["init", "-q"], ["add", "tools"]):
            subprocess.run(["git", *words], cwd=self.folder, check=True, timeout=60)

    def script(self, name, text):
        self.file(name, text).chmod(0o755)

    def check(self, *parts, **more):
        return run(self.folder / "tools" / "check_long.sh", *parts, **more)

    def test_a_part_that_passed_is_run_again_only_when_a_file_has_changed(self):
        for again in ("", "\n# changed\n"):
            install = self.folder / "tools" / "check_install.sh"
            install.write_text(install.read_text() + again)
            for says in ("installing", "install passed before, on the same files"):
                ran = self.check("install")
                self.assertEqual(ran.code, 0, ran.out + ran.log)
                self.assertIn(says, ran.out)
                self.assertIn("check-long: passed: install\n", ran.out)

    def test_a_part_that_failed_is_named_and_run_again(self):
        self.file("broken", "")
        for _ in range(2):
            ran = self.check("install")
            self.assertEqual(ran.code, 1)
            self.assertIn("installing\n", ran.out)
            self.assertTrue(ran.out.endswith("check-long: failed: install\n"), ran.out)

    def test_a_part_whose_programs_are_not_there_is_skipped_and_named(self):
        for name in "sh git xargs sha256sum cut mkdir date dirname".split():
            (self.folder / "bin" / name).symlink_to(shutil.which(name))
        self.script("bin/cmake", "#!/bin/sh\n")
        self.script("tools/check_nginx.sh", "#!/bin/sh\necho through nginx\n")
        path = {"env": {**os.environ, "PATH": str(self.folder / "bin")}}
        ran = self.check("nginx", "install", **path)
        self.assertEqual(ran.code, 0, ran.out + ran.log)
        self.assertIn("there is no nginx here\n", ran.out)
        self.assertTrue(ran.out.endswith("check-long: skipped: nginx\ncheck-long: passed: install\n"), ran.out)
        alone = self.check("nginx", **path)
        self.assertEqual(alone.code, 1)
        self.assertNotIn("passed", alone.out)
        for name in ("nginx", "openssl", "curl"):
            self.script(f"bin/{name}", "#!/bin/sh\n")
        ran = self.check("nginx", **path)
        self.assertEqual(ran.code, 0, ran.out + ran.log)
        self.assertIn("through nginx\n", ran.out)

    def test_where_git_does_not_answer_nothing_has_passed(self):
        ran = self.check("install", env={**os.environ, "GIT_DIR": "none"})
        self.assertEqual(ran.code, 1)
        self.assertEqual(ran.out, "check-long: git names no files here, so what passed before cannot be known\n")

    def test_a_part_that_is_none_is_refused(self):
        ran = self.check("fuz")
        self.assertEqual((ran.code, ran.log), (
            2, "check-long: 'fuz' is not one of: fuzz clang kills install valgrind nginx service\n"))


class Format(Case):
    def test_where_git_does_not_answer_is_not_checked(self):
        ran = run("make", "fmt-check", cwd=SOURCE, stdin=subprocess.DEVNULL,
                  env={**os.environ, "GIT_DIR": "none", "LC_ALL": "C"})
        self.assertNotEqual(ran.code, 0, ran.out)
        self.assertIn("not a git repository", ran.log)


class Fuzzing(Case):
    def test_a_long_run_does_not_prolong_the_next_short_one(self):
        said = run("make", "-n", "fuzz", cwd=SOURCE).out
        self.assertIn("CHOIR_FUZZ_SECONDS=5 ", said)


if __name__ == "__main__":
    unittest.main()

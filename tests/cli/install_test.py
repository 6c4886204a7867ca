#!/usr/bin/env python3
"""The installed package: programs build against it, by pkg-config and by CMake."""
import json
import os
import re
import shlex
import shutil
import subprocess
import unittest

from choir import SOURCE, Case

BUILD = os.environ["CHOIR_BINARY_DIR"]
CC = shlex.split(os.environ["CHOIR_CC"])
FLAGS = shlex.split(os.environ.get("CHOIR_CFLAGS", ""))

PROGRAM = r"""
#include <choir/job.h>
#include <stdio.h>
int main(void) {
    static const char text[] = "name: ten\nclient: {epochs: 3}\n";
    choir_job job;
    choir_error err;
    if (choir_job_parse(&job, text, sizeof(text) - 1, "ten.yaml", NULL, 0, &err) != CHOIR_OK) {
        return 1;
    }
    return printf("%s %u\n", job.name, job.epochs) < 0;
}
"""

# What says its options, and what it is told, to each of the libraries.
CPP_PROGRAM = r"""
%s
#include <cstdio>
int main() {
    const choir_env env = choir_env_default();
    choir_client *client = nullptr;
    choir_error err;
    const choir_client_options options = choir_client_defaults(); // join is missing
    if (choir_client_create(&client, &options, &env, &err) != CHOIR_EINVAL) {
        return 1;
    }
    return std::printf("%%s %%u\n", choir_why_text(CHOIR_WHY_NONE), choir_job_defaults().epochs) < 0;
}
"""

# A model of one number that every client pulls half the way to its own: a trainer of one's own.
SIMULATION = r"""
#include <choir/sim.h>
#include <stdio.h>
static choir_status train(void *self, uint32_t client, const choir_task *task, const float *params,
                          float *delta, choir_training *out, choir_error *err) {
    (void)self, (void)task, (void)err;
    delta[0] = 0.5F * ((float)client - params[0]);
    *out = (choir_training){.examples = 1};
    return CHOIR_OK;
}
static uint32_t examples(void *self, uint32_t client) {
    (void)self, (void)client;
    return 1;
}
int main(void) {
    static const choir_trainer_ops ops = {.train = train, .examples = examples};
    const choir_trainer trainer = {.ops = &ops};
    const choir_env env = choir_env_default();
    choir_sim_options o = choir_sim_defaults();
    o.coordinator.dim = 1;
    o.coordinator.clients = 5;
    o.coordinator.rounds = 30;
    float start = 0;
    choir_sim *sim;
    choir_sim_round round;
    if (choir_sim_create(&sim, &start, &trainer, &o, &env, NULL) != CHOIR_OK) {
        return 1;
    }
    while (choir_sim_step(sim, &round, NULL) == CHOIR_OK) {
    }
    printf("%.3f\n", (double)choir_coordinator_params(choir_sim_coordinator(sim))[0]);
    choir_sim_destroy(sim);
    return 0;
}
"""

# A job for the devices of examples/, whose model fits what they make up.
JOB = """
name: %s
model: softmax
data: {source: synthetic, partition: natural, clients: 1, examples: 30}
client: {epochs: 5, batch_size: 10, learning_rate: 0.1}
server: {sample_rate: 1, rounds: 3, deadline: 600}
"""

PROJECT = """
cmake_minimum_required(VERSION 3.21)
project(ten LANGUAGES C)
find_package(choir 0.1 REQUIRED)
add_executable(ten ten.c)
target_link_libraries(ten PRIVATE choir::job)
"""


def cpp_compiler():
    """The C++ compiler that belongs to the C compiler; None: there is none."""
    names = {"clang": "clang++", "gcc": "g++", "cc": "c++"}
    named = re.sub(r"(clang|gcc|cc)(?=[-.\d]*$)", lambda m: names[m[0]], CC[0])
    return shutil.which(named) if named != CC[0] else None


def run(*words, **more):
    return subprocess.run([*map(str, words)], check=True, text=True, timeout=100,
                          stdout=subprocess.PIPE, **more).stdout


class Installed(Case):
    """An installed package."""

    def setUp(self):
        super().setUp()
        self.prefix = self.folder / "a prefix with blanks"
        run("cmake", "--install", BUILD, "--prefix", self.prefix)
        found = list(self.prefix.rglob("choir.pc"))
        self.assertEqual(len(found), 1)
        self.environment = dict(os.environ, PKG_CONFIG_PATH=str(found[0].parent))

    def flags_of(self, *packages):
        return shlex.split(run("pkg-config", "--cflags", "--libs", *packages, env=self.environment))


class Install(Installed):
    def setUp(self):
        super().setUp()
        self.file("ten.c", PROGRAM)

    def test_the_binary_runs_and_its_manual_lies_beside_it(self):
        version = run(self.prefix / "bin" / "choir", "version")
        self.assertRegex(version, r"^choir \d")
        manual = self.prefix / "share" / "man"
        for name in run(self.prefix / "bin" / "choir", "help", "--names").splitlines():
            page = manual / "man1" / f"choir-{name.replace(' ', '-')}.1"
            self.assertTrue(page.read_text().startswith(".TH"))
        self.assertIn("client.epochs", (manual / "man5" / "choir-job.5").read_text())
        completion = self.prefix / "share" / "bash-completion" / "completions" / "choir"
        if shutil.which("bash"):
            run("bash", "-n", completion)

    def test_every_public_header_is_installed_and_compiles_alone(self):
        headers = sorted((self.prefix / "include" / "choir").iterdir())
        self.assertGreater(len(headers), 9)
        for header in headers:
            with self.subTest(header.name):
                self.file("alone.c", f"#include <choir/{header.name}>\n")
                run(*CC, "-std=c17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only",
                    "-I", self.prefix / "include", self.folder / "alone.c")

    @unittest.skipIf(cpp_compiler() is None, "there is no C++ compiler")
    def test_programs_in_cpp_include_every_header_and_link(self):
        headers = sorted((self.prefix / "include" / "choir").iterdir())
        self.file("all.cc", CPP_PROGRAM % "\n".join(f"#include <choir/{h.name}>" for h in headers))
        run(cpp_compiler(), *FLAGS, "-std=c++11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-o", self.folder / "all",
            self.folder / "all.cc", *self.flags_of("choir-client"))
        self.assertEqual(run(self.folder / "all"), "none 1\n")

    def test_pages_that_help_texts_name_are_installed(self):
        pages = self.prefix / "share" / "doc" / "choir"
        said = run(self.prefix / "bin" / "choir", "job", "keys")
        for named in ["README.md", *re.findall(r"docs/[\w-]+\.md", said)]:
            self.assertTrue((pages / named).is_file(), named)
        for link in re.findall(r"\]\((docs/[^)#]+)", (pages / "README.md").read_text()):
            self.assertTrue((pages / link).exists(), link)

    def test_files_that_pages_tell_to_run_or_to_copy_are_installed(self):
        pages = self.prefix / "share" / "doc" / "choir"
        found = set()
        for page in (pages / "README.md", *(pages / "docs").glob("*.md")):
            found |= set(re.findall(r"\b(?:experiments|packaging)/[\w/-]+\.\w+", page.read_text()))
        self.assertLessEqual({"experiments/demo-network.yaml", "packaging/choir.service"}, found)
        for named in found:
            self.assertTrue((pages / named).is_file(), named)

    def test_the_papers_experiments_are_found_where_it_is_said(self):
        binary = self.prefix / "bin" / "choir"
        names = ("--from names the folder that holds the experiments: experiments/paper of choir's source, "
                 "or of share/doc/choir where it is installed")
        for why in ("No such file or directory", "holds no experiment (NAME.yaml)"):
            ran = subprocess.run([binary, "paper", "list"], cwd=self.folder, capture_output=True, text=True)
            self.assertEqual((ran.returncode, ran.stdout, ran.stderr),
                             (1, "", f"choir paper list: experiments/paper: {why}; {names}\n"))
            (self.folder / "experiments/paper/results").mkdir(parents=True, exist_ok=True)
        where = self.prefix / "share/doc/choir/experiments/paper"
        self.assertEqual(run(binary, "paper", "list", "--from", where, "--results", where / "results",
                             cwd=self.folder),
                         run(binary, "paper", "list", cwd=SOURCE))

    def test_a_program_builds_by_pkg_config(self):
        run(*CC, *FLAGS, "-o", self.folder / "ten", self.folder / "ten.c", *self.flags_of("choir-job"))
        self.assertEqual(run(self.folder / "ten"), "ten 3\n")

    def test_the_host_of_the_embedding_page_does_what_the_page_says(self):
        page = (SOURCE / "docs" / "embedding.md").read_text()
        program = re.search(r"^```c\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)[1]
        printed = re.search(r"^\$ cc .*\n(.*\n)```$", page, re.MULTILINE)[1]
        flags = self.flags_of("choir")
        self.assertNotIn("-lyaml", flags)  # a device needs no reader of job files
        self.file("host.c", program)
        run(*CC, *FLAGS, "-std=c17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-o",
            self.folder / "host", self.folder / "host.c", *flags)
        self.assertEqual(run(self.folder / "host"), printed)

    def test_the_device_of_the_embedding_page_is_what_the_headers_say(self):
        page = (SOURCE / "docs" / "embedding.md").read_text()
        device = re.findall(r"^```c\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)[1]
        self.file("device.c", device)
        run(*CC, *FLAGS, "-std=c17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-c", "-o",
            self.folder / "device.o", self.folder / "device.c", *self.flags_of("choir"))

    def test_a_trainer_of_ones_own_runs_in_the_installed_simulator(self):
        self.file("mine.c", SIMULATION)
        run(*CC, *FLAGS, "-o", self.folder / "mine", self.folder / "mine.c", *self.flags_of("choir"))
        self.assertEqual(run(self.folder / "mine"), "2.000\n")

    def test_a_program_builds_by_cmake(self):
        self.file("CMakeLists.txt", PROJECT)
        build = self.folder / "build"
        run("cmake", "-S", self.folder, "-B", build, f"-DCMAKE_PREFIX_PATH={self.prefix}",
            f"-DCMAKE_C_COMPILER={CC[0]}", f"-DCMAKE_C_FLAGS={shlex.join(FLAGS)}")
        run("cmake", "--build", build)
        self.assertEqual(run(build / "ten"), "ten 3\n")


class Devices(Installed):
    """The examples, built against the installed libraries, take part in rounds of the installed server."""

    def setUp(self):
        super().setUp()
        self.server = None
        self.sources = self.prefix / "share" / "doc" / "choir" / "examples"
        self.binary = self.prefix / "bin" / "choir"

    def tearDown(self):
        if self.server is not None:
            self.server.kill()
            self.server.wait(timeout=30)
            self.server.stdout.close()
        super().tearDown()

    def serve(self, *jobs):
        self.server = subprocess.Popen([self.binary, "serve", "--port", "0"], cwd=self.folder, text=True,
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.assertTrue(self.server.stdout.readline().startswith("serving "))
        for name in jobs:
            self.file(f"{name}.yaml", JOB % name)
            run(self.binary, "host", f"{name}.yaml", cwd=self.folder)

    def device(self, program, *words):
        return subprocess.run([*map(str, [program, "choir-server/join.json", *words])], cwd=self.folder,
                              text=True, timeout=100, capture_output=True)

    def test_each_is_less_than_a_hundred_lines(self):
        for source in self.sources.glob("*.c"):
            self.assertLess(len(source.read_text().splitlines()), 100, source)

    def test_one_with_choirs_engine_predicts_with_the_promoted_model(self):
        source = self.sources / "device.c"
        command = re.search(r"cc (-std=\S+) device.c \$\(pkg-config --cflags --libs (.*)\) -o device",
                            source.read_text())
        program = self.folder / "device"
        run(*CC, *FLAGS, command[1], "-Wall", "-Werror", "-o", program, source,
            *self.flags_of(*command[2].split()))
        self.serve("motions")
        words = "motions", "state", "examples.db"
        ran = self.device(program, *words)
        self.assertEqual(len(re.findall(r"(?m)^epoch 5 of 5, step (\d+) of \1$", ran.stdout)), 3)
        self.assertIn("device: promoted: no model of 'motions' is promoted", ran.stderr)
        run(self.binary, "hosted", "promote", "motions", "--round", 3, cwd=self.folder)
        ran = self.device(program, *words)
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        said = re.findall(r"(?m)^(\d) is taken for (\d)$", ran.stdout)
        self.assertEqual(len(said), 10)
        self.assertGreaterEqual(sum(a == b for a, b in said), 8, said)

    def test_one_with_a_trainer_of_its_own_keeps_its_state(self):
        build = self.folder / "build"
        run("cmake", "-S", self.sources, "-B", build, f"-DCMAKE_PREFIX_PATH={self.prefix}",
            f"-DCMAKE_C_COMPILER={CC[0]}", f"-DCMAKE_C_FLAGS={shlex.join(FLAGS)}")
        run("cmake", "--build", build)
        self.assertTrue((build / "device").is_file())
        self.serve("motions")
        ran = self.device(build / "own_trainer", "motions", "state")
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        self.assertEqual(ran.stdout.count("epoch 5 of 5\n"), 3)
        state = self.folder / "state" / "state-motions.bin"
        self.assertGreater(state.stat().st_size, 610 * 4)
        rounds = json.loads(run(self.binary, "hosted", "show", "motions", "--json", cwd=self.folder))
        self.assertEqual(rounds["round"], 3)


if __name__ == "__main__":
    unittest.main()

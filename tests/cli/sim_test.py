#!/usr/bin/env python3
"""Running jobs: the result, what a run leaves behind, stopping and going on, and exit codes."""
import contextlib
import fcntl
import json
import os
import pty
import resource
import re
import signal
import struct
import subprocess
import termios
import time
import unittest

from choir import CHOIR, Case, choir

JOB = """
model: softmax
data: {source: digits, partition: natural, clients: 8, examples: 20, test_examples: 60}
client: {learning_rate: 0.05}
server: {rounds: 4, sample_rate: 0.5}
"""


class SimCase(Case):
    def on_terminal(self, *words, interrupted_in=None):
        """Runs small.yaml on a terminal of 40 columns; SIGINT when it first says interrupted_in. Returns
        the exit code and all that was written."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 40, 0, 0))
        with subprocess.Popen([CHOIR, "sim", "small.yaml", "--no-report", *map(str, words)], cwd=self.folder,
                              stdin=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm"}) as process:
            os.close(theirs)
            sent = b""
            with contextlib.suppress(OSError):  # what a closed terminal answers, on Linux
                while chunk := os.read(ours, 4096):
                    sent += chunk
                    if interrupted_in is not None and interrupted_in.encode() in sent:
                        process.send_signal(signal.SIGINT)
                        interrupted_in = None
            os.close(ours)
        return process.returncode, sent.decode().replace("\r\n", "\n")

    def sim(self, *words, job=JOB, report=False):
        self.file("small.yaml", job)
        page = () if report else ("--no-report",)  # which takes longer than all the rest
        return self.run_in("sim", "small.yaml", "--quiet", "--json", *page, *words, timeout=200)

    def result(self, *words, code=0, **more):
        ran = self.sim(*words, **more)
        self.assertEqual(ran.code, code, ran.log)
        return json.loads(ran.out.splitlines()[-1])


class Result(SimCase):
    def test_the_last_line_is_the_result(self):
        r = self.result()
        self.assertEqual(r["rounds"], 4)
        self.assertIs(r["reached_target"], False)
        self.assertTrue(0 <= r["accuracy"] <= 1)
        self.assertGreater(r["loss"], 0)
        self.assertRegex(r["model_hash"], r"^[0-9a-f]{64}$")
        self.assertGreater(r["bytes_up"], 4 * 4 * 7850 * 4)  # rounds, clients, parameters, bytes
        self.assertGreater(r["bytes_down"], 4 * 4 * 7850 * 4)
        self.assertGreater(r["seconds"], 0)
        self.assertGreater(r["virtual_seconds"], 0)
        self.assertEqual(r["run_dir"], "runs/small-1")

    def test_quiet_runs_say_nothing_else(self):
        ran = self.sim()
        self.assertEqual((ran.code, ran.log), (0, ""))
        self.assertEqual(len(ran.out.splitlines()), 1)

    def test_other_runs_say_how_they_get_on_and_what_they_came_to(self):
        self.file("small.yaml", JOB)
        ran = self.run_in("sim", "small.yaml", timeout=200)
        self.assertEqual((ran.code, ran.out), (0, ""))
        self.assertIn("round 4/4", ran.log)
        self.assertIn("accuracy", ran.log)
        self.assertIn("runs/small-1/report.html", ran.log)

    def test_a_terminal_keeps_one_line_of_a_run_and_one_of_its_baseline(self):
        self.file("small.yaml", JOB)
        code, said = self.on_terminal("--baseline", "local")
        self.assertEqual(code, 0)
        drawn = [[text.removesuffix("\x1b[K") for text in line.split("\r")] for line in said.split("\n")]
        kept = [line[-1] for line in drawn]
        self.assertRegex(kept[0], r"^round 4/4  \d+\.\d\d %")
        self.assertEqual(kept[1], "baseline local: every client alone")
        self.assertEqual(kept[2:4], ["local client 8/8", ""])
        self.assertRegex(kept[4], "small.*: done, 4 of 4 rounds$")
        self.assertLess(max(len(text) for line in drawn[:3] for text in line), 40)

    def test_a_run_leaves_its_job_its_metrics_its_model_and_a_report(self):
        folder = self.folder / self.result("--run-dir", "here", report=True)["run_dir"]
        self.assertEqual(folder, self.folder / "here")
        for name in ("job.yaml", "run.json", "metrics.jsonl", "metrics.csv", "model.safetensors",
                     "report.html"):
            self.assertGreater((folder / name).stat().st_size, 0, name)
        rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        self.assertEqual([row["round"] for row in rows], [1, 2, 3, 4])
        self.assertEqual(choir("job", "check", folder / "job.yaml").out,
                         (folder / "job.yaml").read_text())
        facts = json.loads((folder / "run.json").read_text())
        self.assertEqual(facts["seed"], "1")
        self.assertIn("sim small.yaml --quiet --json --run-dir here", facts["command"])

    def test_a_run_can_be_run_again_from_the_job_it_left(self):
        first = self.result("--set", "client.epochs=2")
        self.file("again.yaml", (self.folder / first["run_dir"] / "job.yaml").read_text())
        ran = self.run_in("sim", "again.yaml", "--quiet", "--json", "--no-report", timeout=200)
        self.assertEqual(json.loads(ran.out)["model_hash"], first["model_hash"])

    def test_a_run_is_evaluated_and_resumed_from_any_folder(self):
        rows = "".join(f"{i % 7},{i % 5},{'ab'[i % 2]}\n" for i in range(200))
        self.file("t.csv", "x,y,label\n" + rows)
        job = "model: softmax\ndata: {source: t.csv, partition: iid, clients: 4}\nserver: {rounds: 2}\n"
        run = self.folder / self.result(job=job)["run_dir"]
        for words in (("eval", run), ("sim", "--resume", run, "--quiet", "--no-report")):
            ran = choir(*words, cwd="/")
            self.assertEqual(ran.code, 0, ran.log)
        ran = self.run_in("sim", "small.yaml", "--resume", run, "--quiet", "--no-report")
        self.assertEqual(ran.code, 0, ran.log)

    def test_a_run_whose_job_was_changed_does_not_go_on_until_it_is_put_back(self):
        sets = ("--run-dir", "run", "--rounds", 4, "--set", "checkpoint_every=2")
        self.result(*sets)
        path = self.folder / "run/job.yaml"
        before = path.read_text()
        self.assertIn("\n  epochs: 1\n", before)
        path.write_text(before.replace("\n  epochs: 1\n", "\n  epochs: 2\n"))
        resume = ("sim", "--resume", "run", "--quiet", "--no-report")
        self.assert_says(self.run_in(*resume), 1,
                         "choir sim: run/job.yaml: does not fit checkpoint-4.bin beside it (state: of another job; "
                         "resume with equal options); if it was changed since, put back what it said, else start a "
                         "run of its own\n")
        path.write_text(before)
        self.assertEqual(self.run_in(*resume).code, 0)

    def test_a_run_does_not_go_on_with_other_data(self):
        rows = "".join(f"{i % 7},{i % 5},{'ab'[i % 2]}\n" for i in range(200))
        job = "model: softmax\ndata: {source: t.csv, partition: iid, clients: 4}\nserver: {rounds: 2}\n"
        self.file("t.csv", "x,y,label\n" + rows)
        run = self.result(job=job)["run_dir"]
        self.file("t.csv", "x,y,label\n" + rows.replace("6,", "5,", 1))
        ran = self.run_in("sim", "--resume", run, "--quiet", "--no-report")
        self.assertEqual(ran.code, 2)
        self.assertRegex(ran.log, "t.csv' holds other examples than when .* began")
        self.file("t.csv", "x,y,label\n" + rows)
        ran = self.run_in("sim", "--resume", run, "--quiet", "--no-report")
        self.assertEqual(ran.code, 0, ran.log)

    def test_squared_errors_give_scores(self):
        run = self.result("--set", "model.loss=mean-squared-error")["run_dir"]
        ran = self.run_in("predict", run)
        self.assertEqual(ran.out.splitlines()[0], "example\tprediction\tscore\ttruth")

    def test_baselines_are_put_beside_it(self):
        folder = self.folder / self.result("--baseline", "central,local")["run_dir"]
        for name in ("baseline-central", "baseline-local"):
            self.assertGreater((folder / name / "metrics.jsonl").stat().st_size, 0)

    def test_each_client_is_told_how_it_does_alone(self):
        folder = self.folder / self.result("--baseline", "local", report=True)["run_dir"]
        clients = json.loads((folder / "clients.json").read_text())["clients"]
        self.assertTrue(all(0 <= c[key] <= 1 for c in clients for key in ("accuracy", "alone")))
        page = (folder / "report.html").read_text()
        self.assertRegex(page, r"Trained alone, these 8 clients reach \d+\.\d\d % on their own")
        (folder / "report.html").unlink()
        self.assertEqual(self.run_in("report", folder).code, 0)
        self.assertEqual((folder / "report.html").read_text(), page)

    def test_a_report_can_be_left_out_and_made_later(self):
        folder = self.folder / self.result()["run_dir"]
        self.assertFalse((folder / "report.html").exists())
        ran = self.run_in("report", folder)
        self.assertEqual((ran.code, ran.out), (0, f"{folder}/report.html\n"))
        self.assertTrue((folder / "report.html").exists())


class Sameness(SimCase):
    def test_the_same_job_and_seed_give_the_same_model_for_any_number_of_workers(self):
        hashes = {self.result("--workers", workers)["model_hash"] for workers in (1, 2, 3)}
        self.assertEqual(len(hashes), 1)

    def test_another_seed_gives_another_model(self):
        hashes = {self.result("--seed", seed)["model_hash"] for seed in (1, 2)}
        self.assertEqual(len(hashes), 2)

    def test_an_unkind_network_in_which_all_report_gives_the_same_model(self):
        kind = self.result()
        unkind = self.result("--set", "network.loss=0.3", "--set", "network.seed=9")
        self.assertEqual(kind["model_hash"], unkind["model_hash"])
        self.assertGreater(unkind["virtual_seconds"], kind["virtual_seconds"])

    def test_flags_change_what_is_run(self):
        self.assertEqual(self.result("--rounds", 2)["rounds"], 2)
        self.assertEqual(self.result("--set", "server.rounds=3")["rounds"], 3)


class Ends(SimCase):
    def test_a_target_that_is_reached_ends_the_run(self):
        r = self.result("--set", "server.target_accuracy=0.0001", "--rounds", 50)
        self.assertIs(r["reached_target"], True)
        self.assertLess(r["rounds"], 50)

    def test_a_target_that_is_not_reached_is_exit_3(self):
        ran = self.sim("--set", "server.target_accuracy=1")
        self.assertEqual(ran.code, 3)
        self.assertEqual(ran.log, "choir sim: server.target_accuracy 1 was not reached in 4 "
                                  "rounds\n")
        self.assertIs(json.loads(ran.out)["reached_target"], False)

    def test_a_run_in_which_no_round_counts_is_exit_4_and_says_why(self):
        ran = self.sim("--set", "client.learning_rate=1000")
        self.assertEqual(ran.code, 4)
        self.assertRegex(ran.log, r"^choir sim: warning: update_refused round=1 client=\d+ reason=")
        self.assertRegex(ran.log, r"\nchoir sim: not one of 4 rounds counted; updates refused: "
                                  r"\d+ \w+.*; a lower client.learning_rate .*\n$")
        said = json.loads(ran.out)
        self.assertEqual(ran.log.splitlines()[-1], "choir sim: " + said["reason"])
        self.assertIsNone(said["report"])
        self.assertIsNone(self.result()["reason"])

    def test_a_loss_that_rises_is_exit_4_even_when_a_target_is_missed(self):
        ran = self.sim("--set", "server.learning_rate=1000", "--set", "chain=clip=1|weight",
                       "--set", "server.target_accuracy=0.9")
        self.assertEqual(ran.code, 4)
        self.assertRegex(ran.log, r"(?m)^choir sim: training diverges: the loss on the test set rose "
                                  r"from \S+ in round 0 to \S+ in round 4; ")
        self.assertIsNone(json.loads(ran.out)["diverged"])

    def test_a_run_that_samples_nobody_says_so_and_its_page_has_no_chart_over_bytes(self):
        sets = ("--set", "server.sampler=poisson", "--set", "server.sample_rate=1e-9")
        for run in ("one", "two"):
            ran = self.sim("--run-dir", run, *sets, report=True)
            self.assertEqual(ran.code, 5)
            self.assertRegex(ran.log, r"\nchoir sim: not one of 4 rounds counted: no client was sampled in any; a "
                                      r"server.sample_rate above 1e-09 samples more\n$")
        self.assertEqual(self.run_in("report", "one", "two").code, 0)
        for page in ("one/report.html", "comparison.html"):
            text = (self.folder / page).read_text()
            self.assertNotIn("gnuplot: failed", text)
            self.assertNotIn("over bytes", text)

    def test_a_run_in_which_hardly_anybody_reports_is_exit_5_and_says_so(self):
        ran = self.sim("--set", "network.availability=0.0001")
        self.assertEqual(ran.code, 5)
        self.assertRegex(ran.log, r"(?m)^choir sim: not one of 4 rounds counted: too few reports for "
                                  r"server.quorum 1; 16 of the clients asked did not report; see "
                                  r"server.deadline, .*\n$")

    def test_a_model_that_cannot_be_built_is_told_with_its_key(self):
        ran = self.sim("--set", "model.hidden=[65536,65536]", job="model: mlp\n")
        self.assert_says(ran, 2, "choir sim: --set: model.hidden: '65536,65536': layer 3 'dense "
                                 "65536' makes the model larger than 268435456 parameters\n")

    def test_a_wrong_job_is_exit_2_and_leaves_nothing(self):
        for line in ("client: {epoch: 5}", "model: sofmax", "chain: clop|weight",
                     "schedule: {epochs: never}", "data: {partition: natrual}"):
            with self.subTest(line):
                ran = self.sim(job=line + "\n")
                self.assertEqual((ran.code, ran.out), (2, ""), ran.log)
                self.assertRegex(ran.log, r"^choir sim: .+\n$")
                self.assertFalse((self.folder / "runs").exists())

    def test_data_that_are_not_there_are_exit_1_and_leave_nothing(self):
        ran = self.sim(job="data: {source: digitz}\n")
        self.assertEqual((ran.code, ran.out), (1, ""))
        self.assertRegex(ran.log, r"^choir sim: small.yaml:1: data.source: no data set is called 'digitz'")
        self.assertFalse((self.folder / "runs").exists())

    def test_a_job_that_is_not_there_is_exit_1(self):
        self.assert_says(self.run_in("sim", "none.yaml"), 1, "choir sim: none.yaml: cannot be "
                         "opened: No such file or directory\n")

    def test_no_job_is_exit_2(self):
        for words, says in ((("--seed", ""), "--seed: is empty; give it a value, or leave it out"),
                            (("--run-dir=",), "--run-dir: is empty; give it a value, or leave it "
                                              "out")):
            ran = self.run_in("sim", "small.yaml", *words)
            self.assertEqual((ran.code, ran.log), (2, f"choir sim: {says}\n"
                                                      "Try 'choir sim --help'.\n"))
        self.file("small.yaml", "seed: 1\n")
        for words, says in (
                (("--rounds", "0"),
                 "--rounds: server.rounds: '0' is not a whole number in [1, 1000000] rounds"),
                (("--seed", "1", "--set", "seed=2"),
                 "--seed: 1 contradicts --set seed=2; give one of them")):
            self.assert_says(self.run_in("sim", "small.yaml", *words), 2, f"choir sim: {says}\n")
        self.assert_says(choir("sim"), 2, "choir sim: needs JOB.yaml, or --resume RUN\n")

    def test_a_folder_that_holds_a_run_is_not_written_over(self):
        self.result("--run-dir", "here")
        before = (self.folder / "here" / "metrics.jsonl").read_bytes()
        ran = self.sim("--run-dir", "here", "--seed", 2)
        self.assertEqual((ran.code, ran.out), (2, ""))
        self.assertIn("here", ran.log)
        self.assertEqual((self.folder / "here" / "metrics.jsonl").read_bytes(), before)


class Resume(SimCase):
    LONG = ("--set", "evaluate_every=50", "--set", "checkpoint_every=5", "--rounds", 200)

    def interrupt(self, number, *words):
        """Starts a long run, sends it a signal after some rounds, and returns what came of it."""
        self.file("small.yaml", JOB)
        process = subprocess.Popen([CHOIR, "sim", "small.yaml", "--run-dir", "cut", "--quiet",
                                    "--no-report", *map(str, self.LONG), *words], cwd=self.folder, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        metrics = self.folder / "cut" / "metrics.jsonl"
        limit = time.monotonic() + 60
        while time.monotonic() < limit and process.poll() is None:
            if metrics.exists() and metrics.read_bytes().count(b"\n") >= 7:
                break
            time.sleep(0.01)
        process.send_signal(number)
        out, log = process.communicate(timeout=100)
        return process.returncode, out, log

    def test_on_a_terminal_says_that_it_was_heard_and_then_how_to_go_on(self):
        self.file("small.yaml", JOB)
        code, said = self.on_terminal("--run-dir", "my runs", "--rounds", 100000, interrupted_in="round ")
        self.assertEqual(code, 130)
        self.assertEqual(said.count("\nending after what runs now; once more ends it at once\n"), 1)
        self.assertRegex(said, r"interrupted after round \d+; this goes on: choir sim --resume 'my runs'\n")

    def test_a_run_that_files_fail_says_how_to_go_on(self):
        self.file("small.yaml", JOB)
        ran = subprocess.run([CHOIR, "sim", "small.yaml", "--run-dir", "cut", "--quiet", "--no-report",
                              *map(str, self.LONG)], cwd=self.folder, text=True, capture_output=True,
                             timeout=100, check=False, restore_signals=False,  # SIGXFSZ is ignored here
                             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000)))
        self.assertEqual(ran.returncode, 1, ran.stderr)
        self.assertRegex(ran.stderr, r"^choir sim: cut/.*File too large; when that is mended, this goes on: "
                                     r"choir sim --resume cut\n$")
        self.assertEqual(self.run_in("sim", "--resume", "cut", "--quiet", "--no-report", timeout=200).code, 0)

    def test_a_run_that_was_interrupted_or_killed_ends_in_the_model_of_one_that_was_not(self):
        whole = self.result(*self.LONG)
        code, out, log = self.interrupt(signal.SIGINT)
        self.assertEqual((code, out), (130, ""))
        self.assertRegex(log, r"^choir sim: interrupted after round \d+; this goes on: choir sim "
                              r"--resume cut\n$")
        for name in os.listdir(self.folder / "cut"):
            self.assertFalse(name.endswith(".tmp"), name)
        ran = self.run_in("sim", "--resume", "cut", "--quiet", "--json", "--no-report",
                          timeout=200)
        self.assertEqual(ran.code, 0, ran.log)
        resumed = json.loads(ran.out)
        for key in ("model_hash", "rounds", "accuracy", "loss", "bytes_up", "bytes_down",
                    "virtual_seconds"):
            self.assertEqual(resumed[key], whole[key], key)

        def rounds(run):
            return [json.loads(line)["round"]
                    for line in (self.folder / run / "metrics.jsonl").read_text().splitlines()]
        self.assertEqual(rounds("cut"), rounds(whole["run_dir"]))

    def test_a_run_that_was_killed_goes_on_from_its_checkpoint(self):
        whole = self.result(*self.LONG)
        code, _, _ = self.interrupt(signal.SIGKILL)
        self.assertEqual(code, -signal.SIGKILL)
        ran = self.run_in("sim", "small.yaml", "--resume", "cut", "--quiet", "--json",
                          "--no-report", *self.LONG, timeout=200)
        self.assertEqual(ran.code, 0, ran.log)
        self.assertEqual(json.loads(ran.out)["model_hash"], whole["model_hash"])

    def test_a_damaged_checkpoint_is_told_of_and_the_one_before_it_used(self):
        whole = self.result("--run-dir", "here", "--set", "checkpoint_every=1")
        newest = max((self.folder / "here").glob("checkpoint-*.bin"),
                     key=lambda path: int(path.stem.split("-")[1]))
        newest.write_bytes(newest.read_bytes()[:-1])
        ran = self.run_in("sim", "--resume", "here", "--quiet", "--json", "--no-report")
        self.assertEqual(ran.code, 0, ran.log)
        self.assertRegex(ran.log, rf'^choir sim: warning: checkpoint_damaged why="here/{newest.name}: '
                                  r'has \d+ bytes, not what its head says"\n$')
        self.assertEqual(json.loads(ran.out)["model_hash"], whole["model_hash"])

    def test_a_run_cannot_go_on_as_another_job(self):
        self.result("--run-dir", "here")
        ran = self.run_in("sim", "--resume", "here", "--run-dir", "there")
        self.assert_says(ran, 2, "choir sim: --run-dir: 'there' is not where the run is that "
                                 "--resume 'here' goes on with; leave it out\n")
        ran = self.run_in("sim", "small.yaml", "--resume", "here", "--set", "client.epochs=3")
        self.assert_says(ran, 2, "choir sim: --resume: client.epochs is '1' in the run and cannot "
                                 "become '3'; leave it as it was, or start a run of its own\n")

    def test_what_is_not_a_run_cannot_go_on(self):
        self.assert_says(self.run_in("sim", "--resume", "nowhere"), 1,
                         "choir sim: --resume: 'nowhere' is not a run: no job.yaml in it\n")


class Model(SimCase):
    def setUp(self):
        super().setUp()
        self.run_result = self.result("--run-dir", "run")

    def test_eval_of_a_run_says_what_the_run_said(self):
        ran = self.run_in("eval", "run", "--json")
        self.assertEqual((ran.code, ran.log), (0, ""))
        e = json.loads(ran.out)
        self.assertEqual(e["accuracy"], self.run_result["accuracy"])
        self.assertEqual(e["loss"], self.run_result["loss"])
        self.assertEqual(e["examples"], 60)
        self.assertEqual(sum(map(sum, e["confusion"])), 60)
        right = sum(e["confusion"][i][i] for i in range(10))
        self.assertAlmostEqual(right / 60, e["accuracy"])

    def test_eval_takes_the_model_file_and_other_data(self):
        self.assertEqual(self.run_in("eval", "run/model.safetensors", "--json").out,
                         self.run_in("eval", "run", "--json").out)
        ran = self.run_in("eval", "run", "--json", "--set", "data.test_examples=90")
        self.assertEqual(json.loads(ran.out)["examples"], 90)
        self.assertRegex(self.run_in("eval", "run").out, r"^accuracy \d+\.\d\d %, loss ")

    def test_eval_and_predict_take_no_other_model(self):
        for key in ("model=softmax", "model.name=softmax", "model.file=other.safetensors"):
            for command in ("eval", "predict"):
                self.assert_says(self.run_in(command, "run", "--set", key), 2,
                                 f"choir {command}: --set: {key}: the model is run; set keys of data\n")

    def test_predict_prints_a_line_for_each_example(self):
        ran = self.run_in("predict", "run", "--first", 3, "--count", 5)
        self.assertEqual((ran.code, ran.log), (0, ""))
        lines = ran.out.splitlines()
        self.assertEqual([line.split("\t")[0] for line in lines[1:]], ["3", "4", "5", "6", "7"])
        self.assertEqual(self.run_in("predict", "run", "--first", 60).code, 2)

    def test_a_model_that_is_none_is_refused(self):
        self.file("none.safetensors", "not a model at all")
        for command in ("eval", "predict"):
            ran = self.run_in(command, "none.safetensors")
            self.assertEqual((ran.code, ran.out), (1, ""))
            self.assertIn("none.safetensors", ran.log)
            self.assertEqual(self.run_in(command, "nowhere").code, 1)

    def test_a_run_can_start_from_the_model_of_another(self):
        r = self.result("--set", "model.init=run/model.safetensors", "--rounds", 1)
        self.assertNotEqual(r["model_hash"], self.run_result["model_hash"])
        r = self.result("--set", "model.file=run/model.safetensors", "--rounds", 1)
        self.assertEqual(r["rounds"], 1)

    def test_a_model_that_does_not_fit_is_named_with_its_key_and_file(self):
        ran = self.sim("--set", "model.name=mlp", "--set", "model.hidden=9",
                       "--set", "model.init=run/model.safetensors")
        self.assertEqual(ran.code, 2)
        self.assertIn("model.init: run/model.safetensors: tensor 'dense1.weight' "
                      "has shape (", ran.log)
        self.file("none.safetensors", "not a model at all")
        ran = self.sim("--set", "model.init=none.safetensors")
        self.assertIn("model.init: none.safetensors: ", ran.log)

    def test_report_compares_runs(self):
        self.result("--run-dir", "other", "--seed", 2)
        ran = self.run_in("report", "run", "other", "--out", "both.html")
        self.assertEqual((ran.code, ran.out), (0, "both.html\n"))
        page = (self.folder / "both.html").read_text()
        self.assertNotRegex(page, r"""(src|href)=["']?https?:""")
        self.assertEqual(self.run_in("report", "nowhere").code, 1)


class Saved(Case):
    def test_a_run_without_a_model_and_a_file_that_is_none_are_told_as_such(self):
        (self.folder / "cut").mkdir()
        (self.folder / "cut" / "job.yaml").write_text("seed: 1\n")
        ran = self.run_in("eval", "cut")
        self.assertEqual(ran.code, 1)
        self.assertIn("cut: the run has no model yet; 'choir sim --resume cut' goes on with it\n",
                      ran.log)
        self.file("notes.txt", "just some notes of mine\n")
        ran = self.run_in("eval", "notes.txt")
        self.assertEqual(ran.code, 1)
        self.assertIn("notes.txt: is not a safetensors file\n", ran.log)
        (self.folder / "empty").mkdir()
        self.assertIn("empty: holds no model.safetensors, so it is no run\n",
                      self.run_in("eval", "empty").log)


class Crop(SimCase):
    JOB = """
model: cifar-cnn
data: {source: ./pictures, partition: iid, clients: 3, crop: 24}
client: {learning_rate: 0.01}
server: {rounds: 1, sample_rate: 0.5}
"""

    def setUp(self):
        super().setUp()
        (self.folder / "pictures").mkdir()
        for name, count in (("data_batch_1.bin", 30), ("test_batch.bin", 6)):
            records = b"".join(bytes([i % 10]) + bytes((i * 7 + p) % 251 for p in range(3072))
                               for i in range(count))
            (self.folder / "pictures" / name).write_bytes(records)

    def test_a_model_for_24x24_trains_on_the_middle_of_32x32(self):
        r = self.result("--run-dir", "run", job=self.JOB, report=True)
        self.assertEqual(r["rounds"], 1)
        self.assertIn("\n  crop: 24\n", (self.folder / "run" / "job.yaml").read_text())
        ran = self.run_in("eval", "run", "--json")
        self.assertEqual((ran.code, ran.log), (0, ""))
        self.assertEqual(json.loads(ran.out)["loss"], r["loss"])
        ran = self.run_in("eval", "run", "--set", "data.crop=0")
        self.assert_says(ran, 2, "choir eval: model.file: run wants 24x24x3 inputs, the data has "
                                 "32x32x3; data.crop: 24 cuts larger pictures to that size\n")
        ran = self.run_in("predict", "run/model.safetensors", "--set", "data.source=./pictures",
                          "--set", "data.partition=iid", "--set", "data.crop=24")
        self.assertEqual((ran.code, len(ran.out.splitlines())), (0, 7), ran.log)
        shown = self.run_in("data", "show", "small.yaml")
        self.assertIn("inputs of 24 x 24 x 3, 10 classes", shown.out)

    def test_pictures_of_another_size_are_refused_with_the_key_that_helps(self):
        for crop, side in ((0, 32), (20, 20)):
            ran = self.sim("--set", f"data.crop={crop}", job=self.JOB)
            self.assert_says(ran, 2, "choir sim: small.yaml:2: model.name: 'cifar-cnn' wants "
                                     f"24x24x3 inputs and 10 classes, the data has {side}x{side}x3 and 10; data.crop: 24 "
                                     "cuts larger pictures to that size; 'softmax' and 'mlp' fit "
                                     "any data\n")
        self.assert_says(self.sim("--set", "data.crop=33", job=self.JOB), 2,
                         "choir sim: --set: data.crop: 33 is more than the pictures of "
                         "'./pictures' have, which are 32x32\n")

    def test_pictures_are_treated_as_the_paper_treats_them(self):
        steps = "[crop, flip, brightness, contrast, whiten]"
        runs = [self.result("--workers", workers, "--run-dir", f"run{workers}", "--set", f"data.preprocess={steps}",
                            job=self.JOB) for workers in ("1", "2")]
        self.assertEqual(runs[0]["model_hash"], runs[1]["model_hash"])
        self.assertIn('\n  preprocess: "crop,flip,brightness,contrast,whiten"\n',
                      (self.folder / "run1" / "job.yaml").read_text())
        ran = self.run_in("eval", "run1", "--json")
        self.assertEqual(json.loads(ran.out)["loss"], runs[0]["loss"])
        shown = self.run_in("data", "show", "small.yaml", "--set", f"data.preprocess={steps}")
        self.assertIn("\ninputs    whiten; when trained on also crop, flip, brightness=63, contrast=0.8\n", shown.out)
        shown = self.run_in("data", "show", "small.yaml", "--set", "data.preprocess=[flip]")
        self.assertIn("\ninputs    when trained on flip\n", shown.out)
        self.assertNotIn("trained on f", self.run_in("data", "show", "small.yaml").out)
        self.assert_says(self.sim("--set", "data.preprocess=[whiten, flip]", job=self.JOB), 2,
                         "choir sim: --set: data.preprocess: 'flip' is out of place; each is there once, in the "
                         "order crop, flip, brightness, contrast, whiten\n")

    def test_pictures_beyond_the_memory_stay_in_their_files(self):
        (self.folder / "pictures" / "data_batch_1.bin").write_bytes(
            b"".join(bytes([i % 10]) + bytes([i * 7 % 251]) * 3072 for i in range(400)))
        sets = ("--set", "model.name=softmax")
        runs = [self.result("--run-dir", f"run{memory}", "--set", f"data.memory={memory}", *sets, job=self.JOB)
                for memory in ("0", "1")]
        self.assertEqual(runs[0]["model_hash"], runs[1]["model_hash"])
        shown = self.run_in("data", "show", "small.yaml", "--set", "data.memory=1")
        self.assertIn("\nmemory    pictures to train on stay in their files\n", shown.out)
        self.assertNotIn("\nmemory ", self.run_in("data", "show", "small.yaml").out)

    def test_rows_of_a_table_have_no_middle(self):
        self.file("t.csv", "a,b\n" + "1,0\n2,1\n" * 10)
        ran = self.sim("--set", "data.source=t.csv", job=self.JOB)
        self.assert_says(ran, 2, "choir sim: small.yaml:3: data.crop: 24 crops pictures, and "
                                 "'t.csv' has rows of 1 numbers; leave it at 0\n")


class WithoutTests(SimCase):
    JOB = """model: softmax
data: {source: t.csv, partition: iid, clients: 4, test_share: 0}
server: {rounds: 2}
"""

    def test_what_looks_at_a_test_set_is_refused_without_one_before_a_round(self):
        self.file("t.csv", "x,y,label\n" + "1,0,a\n2,1,b\n" * 10)
        for item, value in (("server.target_accuracy=0.5", "0.5"),
                            ("schedule.learning_rate=plateau patience=2", "'plateau patience=2'")):
            with self.subTest(item):
                ran = self.sim("--set", item, job=self.JOB)
                says = (f": --set: {item.split('=')[0]}: {value} needs a test set, and 't.csv' has none; "
                        "data.test_share above 0 makes one\n")
                self.assert_says(ran, 2, "choir sim" + says)
                self.assert_says(self.run_in("job", "check", "small.yaml", "--set", item), 2,
                                 "choir job check" + says)
        self.assertFalse((self.folder / "runs").exists())
        self.assertEqual(self.result(job=self.JOB)["accuracy"], None)


class Names(SimCase):
    JOB = """
model: softmax
data: {source: t.csv, partition: iid, clients: 3}
client: {epochs: 20, learning_rate: 0.5}
server: {rounds: 4, sample_rate: 1}
"""

    def train(self, names, run):
        self.file("t.csv", self.table(names))
        self.result("--run-dir", run, job=self.JOB)

    def table(self, names):
        return "x,what\n" + "".join(f"{i},{names[i // 20]}\n" for i in range(40))

    def test_predictions_are_called_what_the_table_calls_them(self):
        for run, names in (("texts", ("dög", "wild cat")), ("numbers", ("7", "30"))):
            with self.subTest(run):
                self.train(names, run)
                ran = self.run_in("predict", run, "--count", 8)
                self.assertEqual((ran.code, ran.log), (0, ""))
                rows = [line.split("\t") for line in ran.out.splitlines()[1:]]
                self.assertEqual({row[3] for row in rows}, set(names))
                self.assertTrue({row[1] for row in rows} <= set(names))
                ran = self.run_in("eval", run, "--json")
                self.assertEqual(json.loads(ran.out)["labels"], list(names))
                self.assertRegex(self.run_in("eval", run).out, rf"(?m)^ +1( +\d+){{2}}  {names[1]}$")
                shown = self.run_in("data", "show", "small.yaml").out
                self.assertIn(f"\nlabels    0 {names[0]}, 1 {names[1]}\n", shown)

    def test_other_labels_are_refused(self):
        self.train(("no", "yes"), "run")
        self.file("other.csv", self.table(("ja", "nein")))
        for command in ("eval", "predict"):
            ran = self.run_in(command, "run", "--set", "data.source=other.csv")
            self.assertEqual((ran.code, ran.out), (2, ""))
            self.assertRegex(ran.log, rf"^choir {command}: other.csv: line \d+: label '(ja|nein)' in "
                                      "column 2 is none of the 2 that the model tells apart, the "
                                      "first of which is 'no'\n$")


class Tables(SimCase):
    """A model reads another CSV file as the one that it was trained on."""

    JOB = """
model: softmax
data: {source: t.csv, partition: iid, clients: 4, drop: row}
client: {epochs: 3, learning_rate: 0.3}
server: {rounds: 3, sample_rate: 1}
"""
    HEAD = "row,age,colour,class\n"
    ROWS = [(i, 20 + 7 * i % 41, ("red", "blue", "green")[i % 3], ("no", "yes")[7 * i % 41 > 20])
            for i in range(60)]

    def setUp(self):
        super().setUp()
        self.table("t.csv", self.ROWS)
        self.result("--run-dir", "run", job=self.JOB)
        (self.folder / "lone.safetensors").write_bytes(
            (self.folder / "run" / "model.safetensors").read_bytes())

    def table(self, name, rows):
        self.file(name, self.HEAD + "".join(",".join(map(str, row)) + "\n" for row in rows))

    def predictions(self, model, data, *words):
        ran = self.run_in("predict", model, "--data", data, "--count", 100, *words)
        self.assertEqual((ran.code, ran.log), (0, ""))
        return [line.split("\t")[1:] for line in ran.out.splitlines()[1:]]

    def test_a_row_is_predicted_alone_as_among_all(self):
        whole = self.predictions("run", "t.csv")
        self.assertEqual([row[2] for row in whole], [row[3] for row in self.ROWS])
        self.assertGreater(len({row[1] for row in whole}), 10)
        for i in (0, 7, 59):
            self.table("one.csv", [self.ROWS[i]])
            for model in ("run", "lone.safetensors"):
                self.assertEqual(self.predictions(model, "one.csv"), [whole[i]])

    def test_columns_may_stand_anywhere_and_labels_be_lacking(self):
        whole = [row[:2] + ["?"] for row in self.predictions("run", "t.csv")]
        self.file("new.csv", "colour,note,age\n" + "".join(f"{r[2]},x,{r[1]}\n" for r in self.ROWS))
        self.assertEqual(self.predictions("run", "new.csv"), whole)
        self.assertEqual(self.predictions("lone.safetensors", "new.csv"), whole)
        self.assert_says(self.run_in("eval", "run", "--data", "new.csv"), 2,
                         "choir eval: new.csv: has no column 'class', which holds the labels; "
                         "without them, there are only predictions\n")

    def test_a_model_away_from_its_run_is_told_which_data(self):
        for command in ("eval", "predict"):
            self.assert_says(self.run_in(command, "lone.safetensors"), 2,
                             f"choir {command}: lone.safetensors: has no job beside it that says which data it is "
                             "for; say so with --data, --job or --set data.source=\n")
        self.assertEqual(self.run_in("eval", "lone.safetensors", "--set", "data.source=t.csv").code, 0)

    def test_eval_takes_all_rows_of_a_file(self):
        said = json.loads(self.run_in("eval", "lone.safetensors", "--data", "t.csv", "--json").out)
        self.assertEqual(said["examples"], 60)
        right = sum(row[0] == row[2] for row in self.predictions("run", "t.csv"))
        self.assertAlmostEqual(said["accuracy"], right / 60)
        said = json.loads(self.run_in("eval", "run", "--json", "--set", "data.source=t.csv").out)
        self.assertEqual(said["examples"], 12)
        self.assertEqual(json.loads(self.run_in("eval", "run", "--json").out), said)
        for key, says in (("data.test_share=0.5", "--data takes all rows; for a share of them, give "
                                                  "--set data.source=FILE instead of it"),
                          ("data.source=x", "the source is 't.csv' already; give one of them")):
            self.assert_says(self.run_in("eval", "run", "--data", "t.csv", "--set", key), 2,
                             f"choir eval: --set: {key}: {says}\n")

    def test_what_a_file_has_that_the_model_does_not_know_is_told(self):
        for row, code, says in (
                ((1, 30, "pink", "no"), 0,
                 "warning: category_unknown other.csv: line 2: value 'pink' in column 3 is none that "
                 "the model was trained on, as in 1 row in all; it counts as missing"),
                ((1, "old", "red", "no"), 1,
                 "other.csv: line 2: value 'old' in column 2 is no number, as all were that the "
                 "model was trained on; leave it empty when it is missing"),
                ((1, 30, "red", "perhaps"), 2,
                 "other.csv: line 2: label 'perhaps' in column 4 is none of the 2 that the model "
                 "tells apart, the first of which is 'no'")):
            with self.subTest(row=row):
                self.table("other.csv", [row])
                ran = self.run_in("predict", "run", "--data", "other.csv")
                self.assertEqual((ran.code, ran.log), (code, f"choir predict: {says}\n"))
        self.assert_says(self.run_in("eval", "run", "--data", "digits"), 2,
                         "choir eval: run: was trained on the columns of a CSV file; data.source "
                         "'digits' is none\n")

    def encoding(self, run):
        raw = (self.folder / run / "model.safetensors").read_bytes()
        header = json.loads(raw[8:8 + int.from_bytes(raw[:8], "little")])
        return json.loads(header["__metadata__"]["choir.encoding"])

    def test_a_run_that_starts_from_a_model_reads_as_it_did(self):
        kept = self.encoding("run")
        self.assertEqual([c["name"] for c in kept["columns"]], ["age", "colour"])
        self.assertEqual(kept["columns"][1]["values"], ["blue", "green", "red"])
        self.assertEqual(kept["label"], {"name": "class", "column": 4, "values": ["no", "yes"]})
        self.table("more.csv", [row for row in self.ROWS if row[2] != "red"])
        words = ("--set", "model.init=run", "--set", "data.source=more.csv")
        self.result("--run-dir", "next", *words, job=self.JOB)
        self.assertEqual(self.encoding("next"), kept)
        self.result("--run-dir", "afresh", *words[2:], job=self.JOB)
        self.assertNotEqual(self.encoding("afresh"), kept)
        ran = self.sim("--run-dir", "none", *words[:2], "--set", "data.source=digits",
                       "--set", "data.drop=", job=self.JOB)
        self.assert_says(ran, 2, "choir sim: run: was trained on the columns of a CSV file; "
                                 "data.source 'digits' is none\n")

    def test_a_run_does_not_go_on_with_columns_of_other_names(self):
        text = (self.folder / "t.csv").read_text()
        self.file("t.csv", text.replace("colour", "color", 1))
        ran = self.run_in("sim", "--resume", "run", "--quiet", "--no-report")
        self.assertEqual(ran.code, 2)
        self.assertRegex(ran.log, "t.csv' holds other examples than when .* began")


class Regression(SimCase):
    def test_numbers_are_predicted_as_classes_are_and_have_no_accuracy(self):
        rows = "".join(f"{i % 7},{i % 5},s{i % 4},{2 * (i % 7) - i % 5}\n" for i in range(200))
        self.file("points.csv", "a,b,site,y\n" + rows)
        r = self.result("--run-dir", "run", "--baseline", "local", job="""
model: {name: mlp, hidden: [4], loss: mean-squared-error}
data: {source: points.csv, partition: natural, clients: 0, group: site, task: regression}
client: {learning_rate: 0.02}
server: {rounds: 5, sample_rate: 0.5}
""")
        self.assertIsNone(r["accuracy"])
        self.assertGreater(r["loss"], 0)
        for log in ("metrics.jsonl", "baseline-local/metrics.jsonl"):
            for line in (self.folder / "run" / log).read_text().splitlines():
                row = json.loads(line)
                for key in ("accuracy", "heldout_mean", "heldout_worst", "train_accuracy"):
                    self.assertIsNone(row[key], f"{log}: {key}")
        clients = json.loads((self.folder / "run" / "clients.json").read_text())["clients"]
        self.assertEqual({c["accuracy"] for c in clients}, {None})
        ran = self.run_in("eval", "run", "--json")
        self.assertEqual((ran.code, ran.log), (0, ""))
        self.assertEqual(json.loads(ran.out), {"examples": 40, "accuracy": None,
                                               "loss": r["loss"], "confusion": []})
        self.assertRegex(self.run_in("eval", "run").out, r"^loss \d+\.\d{4}, 40 examples\n$")
        self.assertEqual(len(self.run_in("predict", "run").out.splitlines()), 11)

    def test_large_labels_are_named_where_every_update_is_refused(self):
        self.file("homes.csv", "".join(f"{i % 7},{i % 5},{100000 + 1000 * i}\n" for i in range(200)))
        ran = self.sim(job="""
model: {name: mlp, hidden: [4], loss: mean-squared-error}
data: {source: homes.csv, partition: iid, clients: 4, task: regression}
client: {learning_rate: 0.1, epochs: 5}
server: {rounds: 2, sample_rate: 1}
""")
        self.assertEqual(ran.code, 4)
        self.assertRegex(ran.log, r"client.learning_rate keeps them small, and so do labels of about 1: "
                                  r"they are not scaled as inputs are, so divide large ones in the file\n")

    def test_what_an_algorithm_holds_to_a_bound_of_its_own_is_named_where_every_update_is_refused(self):
        steps = ("what a client's steps weigh together must be at most 65536: fewer client.epochs, a larger "
                 "client.batch_size or a lower client.momentum lessens it; ")
        power = ("updates are sent times their client's loss to the power of server.q: a smaller server.q makes "
                 "that less, a larger server.%s lets it in; ")
        gradients = ("clients' mean gradients, which are sent too, have the same bound, whatever the rate: a larger "
                     "server.%s lets them in; ")
        cases = [("fednova", "momentum: 0.999, batch_size: 1, epochs: 100", "", "out_of_range", steps),
                 ("q-fedavg", "epochs: 5", "q: 10, ", "norm", power % "update_norm_max"),
                 ("q-fedavg", "epochs: 5", "coordinate_max: 0.01, ", "out_of_range", power % "coordinate_max"),
                 ("scaffold", "epochs: 5", "coordinate_max: 0.01, ", "out_of_range", gradients % "coordinate_max"),
                 ("scaffold", "epochs: 5", "update_norm_max: 1e-6, ", "norm", gradients % "update_norm_max"),
                 ("fedavg", "epochs: 5", "update_norm_max: 1e-6, ", "norm", "")]
        for algorithm, client, server, reason, advice in cases:
            with self.subTest(algorithm, reason=reason):
                ran = self.sim(job=f"""
model: softmax
data: {{source: synthetic, clients: 4, examples: 30, test_examples: 20, partition: iid}}
client: {{learning_rate: 0.1, {client}}}
server: {{algorithm: {algorithm}, {server}rounds: 1, sample_rate: 1}}
chain: uniform
""")
                self.assertEqual(ran.code, 4)
                self.assertIn(f"not one of 1 round counted; updates refused: 4 {reason}; {advice}a lower "
                              "client.learning_rate keeps them small\n", ran.log)

    def test_losses_too_small_for_q_fedavg_change_nothing_and_are_told(self):
        self.file("small.csv", "".join(f"{i % 7},{i % 5},{i % 7 / 1000}\n" for i in range(200)))
        self.file("constant.csv", "".join(f"1,1,{i % 7 / 1000}\n" for i in range(200)))
        job = """
model: {{name: {model}, loss: mean-squared-error}}
data: {{source: {file}.csv, partition: iid, clients: 4, task: regression}}
client: {{learning_rate: 0.1}}
server: {{algorithm: q-fedavg, q: {q}, rounds: {rounds}, sample_rate: 1}}
chain: uniform
"""
        why = ("the clients' losses to the power of server.q are too small to be summed up: a smaller server.q "
               "makes them larger")
        self.file("small.yaml", job.format(file="small", model="mlp, hidden: [4]", q=4, rounds=100))
        ran = self.run_in("sim", "small.yaml", "--run-dir", "run")
        rows = [json.loads(line) for line in (self.folder / "run" / "metrics.jsonl").read_text().splitlines()]
        unfit = [row["round"] for row in rows if not row["applied"]]
        self.assertEqual(ran.code, 0)
        self.assertTrue(1 not in unfit and unfit, unfit)
        self.assertEqual({row["reports"] for row in rows}, {4})
        self.assertIn(f'warning: round_unfit round={unfit[0]} reports=4 why="{why}"\n', ran.log)
        self.assertIn(f"discarded {len(unfit)} of 100 rounds, the model is as before them\n", ran.log)
        self.assertIn(f"{len(unfit)} of 100 rounds changed nothing, because q-fedavg could make no step",
                      (self.folder / "run" / "report.html").read_text())
        ran = self.sim(job=job.format(file="constant", model="softmax", q=2, rounds=2))
        self.assertEqual(ran.code, 5)
        self.assertIn(f"not one of 2 rounds counted: {why}\n", ran.log)


class Help(Case):
    def test_help_lists_every_key_with_bounds_and_default(self):
        text = re.sub(r"\s+", " ", choir("sim", "--help").out)
        for row in json.loads(choir("job", "keys", "--json").out):
            self.assertIn(f" {row['key']} {row['help']} ", text)


if __name__ == "__main__":
    unittest.main()

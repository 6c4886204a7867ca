"""choir compare: algorithms tuned on one job and shown side by side, ended and gone on with."""
import json
import re
import unittest

from choir import Case

JOB = """
name: letters
model: softmax
data: {source: digits, partition: natural, clients: 10, examples: 25, test_examples: 100}
client: {epochs: 2, learning_rate: 0.1}
server: {sample_rate: 0.5, rounds: 4}
"""


class Comparing(Case):
    def compare(self, *words, job=JOB):
        return self.run_in("compare", self.file("job.yaml", job), "--quiet", *words, timeout=120)

    def table(self, *words, job=JOB):
        ran = self.compare(*words, job=job)
        self.assertEqual(ran.code, 0, ran.log)
        head, *rows = ran.out.splitlines()
        self.assertEqual(head.split()[0], "algorithm")
        return [row.split() for row in rows]

    def best(self, run):
        rows = (self.folder / run / "metrics.jsonl").read_text().splitlines()
        return max(json.loads(row)["accuracy"] for row in rows)

    def runs(self):
        return sorted(path.name for path in (self.folder / "runs/compare").iterdir())

    def test_each_algorithm_is_shown_at_its_best(self):
        rows = self.table("--algorithms", "fedavg,fedadam,feddyn")
        self.assertEqual([row[0] for row in rows], ["fedavg", "fedadam", "feddyn"])
        self.assertEqual([" ".join(row).count(f"{n} of {n}") for row, n in zip(rows, (3, 9, 3))],
                         [1, 1, 1])
        rates = sorted(run.split("-")[2] for run in self.runs() if run.startswith("letters-fedavg-"))
        self.assertEqual(rates, ["0.0464", "0.1", "0.215"])
        self.assertEqual(rows[2][-2:], ["chain=uniform", "client.proximal_mu=0.1"])
        self.assertEqual(len(self.runs()), 15)
        for row in rows:
            best = max(self.best(f"runs/compare/{run}") for run in self.runs()
                       if run.startswith(f"letters-{row[0]}-"))
            self.assertEqual(float(row[3]), round(100 * best, 2))
            self.assertEqual("at the grid's edge" in " ".join(row), row[1] != "0.1")
        page = (self.folder / "comparison.html").read_text()
        for row in rows:
            self.assertIn(f"letters-{row[0]}", page)

    def test_what_an_algorithm_cannot_do_with_is_changed_and_told_and_nothing_else_is(self):
        job = JOB.replace("rounds: 4", "rounds: 1") + "chain: clip=0.5 | weight=20\n"
        rows = self.table("--algorithms", "fedavg,q-fedavg,scaffold,feddyn,fedprox,fednova", "--no-report", job=job)
        told = [" ".join(row).split("of 3")[1].replace("at the grid's edge", "").strip() for row in rows]
        self.assertEqual(told, ["", "chain=clip=0.5|uniform", "chain=weight=20 without clip",
                                "chain=uniform without clip client.proximal_mu=0.1",
                                "client.proximal_mu=0.1", "chain=weight=20 without clip"])
        for run in self.runs():
            text = (self.folder / "runs/compare" / run / "job.yaml").read_text()
            chain = {"q-fedavg": "clip=0.5|uniform", "scaffold": "weight=20", "feddyn": "uniform",
                     "fednova": "weight=20"}.get(
                run.removeprefix("letters-").rsplit("-", 2)[0], "clip=0.5 | weight=20")
            self.assertRegex(text, f"(?m)^chain: .?{re.escape(chain)}.?$")

    def test_the_neighbours_are_those_of_the_jobs_own_rate(self):
        job = JOB.replace("rounds: 4", "rounds: 1")
        self.table("--no-report", job=job.replace("rate: 0.1", "rate: 0.7"))
        self.assertEqual([run.split("-")[2] for run in self.runs()], ["0.325", "0.7", "1.51"])
        for rate, beside in (("900", "1940"), ("1e-9", "4.64e-10")):
            ran = self.compare("--no-report", job=job.replace("rate: 0.1", f"rate: {rate}"))
            self.assert_says(ran, 2, "choir compare: client.learning_rate: is "
                             f"{float(rate):g}, and its neighbour {beside} is tried too; both must be "
                             "in [1e-09, 1000]\n")

    def test_without_a_test_set_nothing_is_ranked(self):
        self.file("t.csv", "a,b,label\n" + "1,0,x\n2,1,y\n" * 10)
        job = "model: softmax\ndata: {source: t.csv, partition: iid, clients: 4, test_share: 0}\n"
        self.assert_says(self.compare("--no-report", job=job), 2,
                         f"choir compare: {self.folder}/job.yaml:2: data.source: 't.csv' has no test set to "
                         "measure accuracy on; data.test_share above 0 makes one\n")
        self.assertFalse((self.folder / "runs").exists())

    def test_without_a_list_the_jobs_own_algorithm_is_tuned(self):
        job = JOB.replace("rounds: 4", "rounds: 1, algorithm: fedavgm, learning_rate: 0.03")
        ran = self.compare(job=job)
        self.assertEqual(ran.code, 0, ran.log)
        self.assertEqual([row.split()[0] for row in ran.out.splitlines()[1:]], ["fedavgm"])
        self.assertEqual(ran.log, f"choir compare: warning: key_idle {self.folder}/job.yaml:6: "
                                  "server.learning_rate: '0.03' has no effect; each algorithm is tried at its "
                                  "own\n")
        self.assertTrue((self.folder / "comparison.html").exists())
        self.assertEqual(list(self.folder.rglob("report.html")), [])

    def test_a_run_of_which_no_round_counted_is_marked_and_is_no_result(self):
        job = JOB.replace("rounds: 4", "rounds: 2").replace("rate: 0.1", "rate: 400")
        ran = self.compare("--algorithms", "fedavg,fedprox", job=job)
        self.assertEqual(ran.code, 4, ran.log)
        rows = [row.split() for row in ran.out.splitlines()[1:]]
        for row in rows:
            self.assertEqual(row[3], "-")
            self.assertEqual(row[6:12], ["3", "of", "3", "no", "round", "counted"])
        self.assertRegex(ran.log, "\nchoir compare: fedavg: not one of 2 rounds counted; updates refused: .*; "
                                  "a lower client.learning_rate keeps them small\n$")
        self.assertFalse((self.folder / "comparison.html").exists())
        job = JOB.replace("rate: 0.5", "rate: 1e-9, sampler: poisson")
        ran = self.compare("--runs", "none", job=job)
        self.assertEqual(ran.code, 5, ran.log)
        self.assertIn("3 of 3  no round counted\n", ran.out)

    def test_a_run_of_which_rounds_counted_is_better_than_one_of_which_none_did(self):
        self.run_in("sim", self.file("good.yaml", JOB.replace("rounds: 4", "rounds: 12")), "--run-dir", "good",
                    "--quiet", "--no-report")
        job = JOB.replace("softmax", "{name: softmax, init: good/model.safetensors}")
        row = self.table("--no-report", job=job.replace("rounds: 4", "rounds: 2").replace("rate: 0.1", "rate: 60"))[0]
        self.assertNotIn("counted", row)
        begun, counted = self.best("good"), float(row[3]) / 100
        self.assertLess(counted, begun - 0.2)  # the model that it began with was better

    def test_a_run_that_diverged_is_behind_one_that_did_not_and_its_last_model_reaches_no_target(self):
        job = """
name: deep
model: {name: mlp, hidden: [32, 32, 32, 32, 32, 32, 32, 32, 32, 32], loss: mean-squared-error}
data: {source: digits, partition: iid, clients: 4, examples: 60, test_examples: 200}
client: {epochs: 1, batch_size: 0, learning_rate: 60}
server: {sample_rate: 1, rounds: 4, update_norm_max: 1000000000, coordinate_max: 1000000}
seed: 50
"""
        for target in ((), ("--set", "server.target_accuracy=0.16")):
            with self.subTest(target):
                runs = "with" if target else "without"
                row, = self.table("--algorithms", "fedavg", "--runs", runs, *target, job=job)
                rates = {path.name.split("-")[2]: path for path in (self.folder / runs).iterdir()}
                lost = json.loads((rates["60"] / "metrics.jsonl").read_text().splitlines()[-1])
                self.assertEqual((lost["loss"], (rates["60"] / "failure.txt").exists()), (None, True))
                self.assertGreater(lost["accuracy"], 0.16)
                self.assertEqual((row[1], (rates["27.8"] / "failure.txt").exists()), ("27.8", False))
                self.assertNotIn("diverged", row)

    def test_of_one_round_there_is_no_plural(self):
        path = self.file("job.yaml", JOB.replace("rounds: 4", "rounds: 1"))
        ran = self.run_in("compare", path, "--no-report", timeout=120)
        self.assertEqual(ran.code, 0, ran.log)
        self.assertTrue(ran.log.startswith("3 runs of at most 1 round, in runs/compare\n"), ran.log)

    def test_what_was_run_is_not_run_again(self):
        first = self.table("--algorithms", "fedavg", "--no-report")
        files = {run: (self.folder / "runs/compare" / run / "metrics.jsonl").stat().st_mtime_ns
                 for run in self.runs()}
        again = self.table("--algorithms", "fedavg,fednova", "--no-report")
        self.assertEqual(again[0], first[0])
        for run, written in files.items():
            path = self.folder / "runs/compare" / run / "metrics.jsonl"
            self.assertEqual(path.stat().st_mtime_ns, written)
        self.assertEqual(len(self.runs()), 6)
        self.assertFalse((self.folder / "comparison.html").exists())

    def test_more_rounds_are_runs_of_their_own(self):
        self.table("--no-report")
        rows = self.table("--no-report", job=JOB.replace("rounds: 4", "rounds: 6"))
        self.assertIn("3 of 3", " ".join(rows[0]))
        rounds = sorted(len((self.folder / "runs/compare" / run / "metrics.jsonl").read_text().splitlines())
                        for run in self.runs())
        self.assertEqual(rounds, [4, 4, 4, 6, 6, 6])

    def test_runs_on_other_examples_are_not_taken_for_its_own(self):
        job = ("name: t\nmodel: softmax\ndata: {source: t.csv, partition: iid, clients: 4}\n"
               "client: {learning_rate: 0.1}\nserver: {sample_rate: 1, rounds: 2}\n")
        rows = [f"{x / 40},{'ab'[x % 2]}" for x in range(40)]
        self.file("t.csv", "\n".join(["x,label", *rows, ""]))
        self.table("--no-report", job=job)
        self.file("t.csv", "\n".join(["x,label", *reversed(rows), ""]))
        ran = self.compare("--no-report", job=job)
        self.assertEqual(ran.code, 2)
        self.assertRegex(ran.log, r"^choir compare: \S*job\.yaml:3: data\.source: 't\.csv' holds other examples than "
                         r"when runs/compare/t-fedavg-\S+ was run \(digest \w{16}, now \w{16}\); put the old "
                         r"ones back, or give another --runs\n$")

    def test_it_goes_on_where_its_budget_ended_it(self):
        calm = self.table("--algorithms", "fedavg,scaffold", "--no-report", "--runs", "calm")
        ran = self.compare("--algorithms", "fedavg,scaffold", "--budget", 1e-6)
        self.assertEqual(ran.code, 130)
        self.assertEqual(ran.log, "choir compare: ended before all was run; the same call goes on\n")
        self.assertEqual(self.table("--algorithms", "fedavg,scaffold"), calm)

    def test_with_a_target_rounds_to_it_decide(self):
        job = JOB.replace("rounds: 4", "rounds: 12, target_accuracy: 0.3")
        ran = self.compare("--algorithms", "fedavg,scaffold", "--no-report", job=job)
        self.assertEqual(ran.code, 0, ran.log)
        head, *rows = (row.split() for row in ran.out.splitlines())
        self.assertEqual(head, ["algorithm", "client", "server", "accuracy", "rounds", "sent", "runs"])
        for row in rows:
            self.assertLessEqual(float(row[5]), 12, row)
            rounds = [len((self.folder / "runs/compare" / run / "metrics.jsonl").read_text().splitlines())
                      for run in self.runs() if run.startswith(f"letters-{row[0]}-")]
            self.assertEqual(max(rounds), 12)  # the best one, for its curve

    def test_that_the_page_cannot_be_written_is_said_before_anything_is_run(self):
        (self.folder / "comparison.html").mkdir()
        for words, log in (((), "comparison.html: cannot replace: Is a directory"),
                           (("--out", "no/page.html"),
                            "no/page.html.tmp: cannot create: No such file or directory")):
            with self.subTest(words):
                ran = self.compare("--algorithms", "fedavg,fedprox", *words)
                self.assert_says(ran, 1, f"choir compare: {log}\n")
        self.assertFalse((self.folder / "runs").exists())

    def test_what_cannot_be_compared_is_refused_before_anything_is_run(self):
        known = ("fedavg, fedavgm, fedprox, fedadagrad, fedadam, fedyogi, fednova, q-fedavg, scaffold, "
                 "feddyn")
        for words, job, log in (
                (("--algorithms", "fedavg,fedsgd"), JOB,
                 f"--algorithms: server.algorithm: 'fedsgd' is not one of {known}"),
                (("--algorithms", "fedavg,fedavg"), JOB, "--algorithms: 'fedavg' is named twice"),
                (("--algorithms", "fedavg,scaffold"), JOB.replace("epochs: 2", "epochs: 2, momentum: 0.9"),
                 "server.algorithm: 'scaffold' knows a client's gradients by its steps, so client.momentum "
                 "and client.proximal_mu must be 0")):
            with self.subTest(words):
                ran = self.compare(*words, job=job)
                self.assert_says(ran, 2, f"choir compare: {log}\n")
        self.assertFalse((self.folder / "runs").exists())


if __name__ == "__main__":
    unittest.main()

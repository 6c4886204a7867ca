"""choir paper: a small table of our own is listed, measured, killed, gone on with and reported."""
import json
import random
import subprocess
import time
import unittest

from choir import CHOIR, Case

BASE = """
name: tiny
model: {name: mlp, hidden: [16]}
data: {source: digits, partition: iid, clients: 20, examples: 30, test_examples: 300, heldout: 0}
client: {epochs: 1, batch_size: 10}
server: {sample_rate: 0.2}
checkpoint_every: 3
"""
TABLE = """
title: A table of our own
paper: Table 9
source: made up
job: jobs/tiny.yaml
target: 0.6
rounds: 60
rates: [0.1, 0.0464]
rates_max: 4
baseline: one
columns:
  iid: {label: IID, set: {data.partition: iid}}
  shards: {label: non-IID, set: {data.partition: shards}}
rows:
  one: {label: 1 client, set: {server.sample_rate: 0.05}, expect: {iid: 40, shards: never}}
  four:
    label: 4 clients
    set: {server.sample_rate: 0.2}
    expect: {iid: 10, shards: 30}
    note: {iid: "a reason that is kept"}
"""


class Paper(Case):
    def setUp(self):
        super().setUp()
        (self.folder / "experiments/paper/jobs").mkdir(parents=True)
        self.file("experiments/paper/jobs/tiny.yaml", BASE)
        self.file("experiments/paper/tiny.yaml", TABLE)

    def results(self, folder="experiments/paper/results"):
        found = sorted((self.folder / folder / "tiny").glob("*.json"))
        return {path.name: path.read_text() for path in found}

    def measure(self, *words, code=0):
        ran = self.run_in("paper", "run", *words, timeout=110)
        self.assertEqual(ran.code, code, ran.log)
        return ran.out.splitlines()


class ATable(Paper):
    def test_is_listed_measured_and_not_measured_again(self):
        ran = self.run_in("paper", "list")
        self.assertEqual((ran.code, ran.log), (0, ""))
        self.assertIn("0 of   4 measured  A table of our own", ran.out)
        lines = self.measure("tiny/four", "tiny/one/iid")
        self.assertRegex(lines[0], r"^3 of 3 cells to measure: about .* here, at most ")
        self.assertRegex(lines[1], r"^tiny/four/iid: [0-9.]+ rounds, .*; the paper: 10, ours is ")
        self.assertEqual(len(lines), 4)
        before = self.results()
        self.assertEqual(list(before), ["four.iid.json", "four.shards.json", "one.iid.json"])
        again = self.measure("tiny/four", "tiny/one/iid")
        self.assertEqual(again[0], "3 cells, all measured")
        self.assertIn("x, ", again[1])  # its speed-up is known now
        self.assertEqual(self.results(), before)
        listed = self.run_in("paper", "list", "--cells").out
        self.assertIn("3 of   4 measured", listed)
        self.assertRegex(listed, r"tiny/four/iid  measured, [34] rates\n")

    def test_walks_the_grid_until_the_best_has_both_neighbours_or_rates_end(self):
        self.measure("tiny/four/iid")
        cell = json.loads(self.results()["four.iid.json"])
        rates = [arm["learning_rate"] for arm in cell["rates"]]
        self.assertEqual(rates[:2], [0.1, 0.0464])
        reached = {arm["learning_rate"]: arm["crossing"] for arm in cell["rates"]
                   if arm["end"] == "reached"}
        best = min(reached, key=reached.get)
        if len(rates) < 4:
            self.assertIn(min(rates), [rate for rate in rates if rate < best])
            self.assertIn(max(rates), [rate for rate in rates if rate > best])
        for arm in cell["rates"]:
            if arm["end"] == "beaten":
                self.assertGreaterEqual(arm["rounds"], reached[best])

    def test_does_not_depend_on_workers_or_company(self):
        self.measure("tiny", "--workers", "1", "--runs", "a", "--out", "one")
        self.measure("tiny/one", "--workers", "3", "--runs", "b", "--out", "other")
        self.measure("tiny/four", "--workers", "2", "--runs", "b", "--out", "other")
        self.assertEqual(self.results("one"), self.results("other"))

    def test_that_is_killed_goes_on_and_comes_to_the_same(self):
        began = time.monotonic()
        self.measure("tiny", "--runs", "calm", "--out", "calm-results")
        length = time.monotonic() - began
        moments = random.Random(1)
        for _ in range(4):
            process = subprocess.Popen([CHOIR, "paper", "run", "tiny"], cwd=self.folder,
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            time.sleep(moments.uniform(0, length / 2))
            process.kill()
            process.wait(timeout=30)
        self.measure("tiny")
        self.assertEqual(self.results(), self.results("calm-results"))

    def test_ends_with_its_budget_and_goes_on_without_one(self):
        ran = self.run_in("paper", "run", "tiny", "--budget", "0.0001")
        self.assertEqual(ran.code, 130)
        self.assertIn("the budget is used up; the same command goes on", ran.log)
        self.measure("tiny")
        self.assertEqual(len(self.results()), 4)

    def test_can_be_only_estimated(self):
        lines = self.measure("tiny", "--estimate")
        self.assertEqual(len(lines), 1)
        self.assertIn("4 of 4 cells to measure: about ", lines[0])
        self.assertEqual(self.results(), {})

    def test_of_another_target_is_measured_anew(self):
        self.measure("tiny/four/iid")
        before = self.results()
        self.file("experiments/paper/tiny.yaml", TABLE.replace("target: 0.6", "target: 0.5"))
        self.assertIn("1 of 1 cell to measure", self.measure("tiny/four/iid")[0])
        after = self.results()
        self.assertNotEqual(before, after)
        self.assertEqual(json.loads(after["four.iid.json"])["target"], 0.5)


class WhatIsWrong(Paper):
    def test_is_told_with_the_nearest_name(self):
        for name, message in [
                ("tinny", "tinny: there is no such experiment; the nearest is 'tiny'; "
                          "'choir paper list' has all"),
                ("tiny/foru", "tiny/foru: there is no such row; the nearest is 'four'; "
                              "'choir paper list' has all"),
                ("tiny/four/idd", "tiny/four/idd: there is no such column; the nearest is 'iid'; "
                                  "'choir paper list' has all")]:
            self.assert_says(self.run_in("paper", "run", name), 2, f"choir paper run: {message}\n")

    def test_with_its_file_and_line(self):
        self.file("experiments/paper/bad.yaml", "title: x\nrates: [0.3]\nrats: 3\n")
        ran = self.run_in("paper", "list")
        self.assertEqual(ran.code, 2)
        self.assertIn("experiments/paper/bad.yaml:3: rats is not known; did you mean 'rates'?", ran.log)

    def test_in_a_job_as_any_job_says_it(self):
        self.file("experiments/paper/jobs/tiny.yaml", BASE.replace("name: mlp", "name: char-lstm-x"))
        ran = self.run_in("paper", "run", "tiny")
        self.assertEqual(ran.code, 2)
        self.assertIn("char-lstm-x", ran.log)

    def test_without_a_folder_of_experiments(self):
        ran = self.run_in("paper", "list", "--from", "nowhere")
        self.assertEqual(ran.code, 1)
        self.assertIn("nowhere: No such file or directory; --from names the folder", ran.log)


if __name__ == "__main__":
    unittest.main()

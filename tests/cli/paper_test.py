"""choir paper: a small table of our own is listed, measured, killed, gone on with and reported."""
import json
import random
import re
import subprocess
import time
import unittest

from choir import CHOIR, SOURCE, Case

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
        self.assertIn("tiny/one/shards\n", listed)

    def test_results_lie_beside_the_experiments_wherever_these_are(self):
        (self.folder / "experiments").rename(self.folder / "mine")
        self.measure("tiny/four/iid", "--from", "mine/paper")
        self.assertEqual(list(self.results("mine/paper/results")), ["four.iid.json"])
        self.assertFalse((self.folder / "experiments").exists())
        for where in ("mine/paper", "mine/paper/"):
            self.assertIn("1 of   4 measured", self.run_in("paper", "list", "--from", where).out)
            self.assertIn("1 of 4 cells measured", self.run_in("paper", "report", "--from", where).out)

    def test_a_setting_at_fault_is_told_with_its_file_and_row(self):
        name = "experiments/paper/tiny.yaml"
        usual = "set: {server.sample_rate: 0.2}"
        self.file(name, TABLE.replace(usual, "set: {server.sampel_rate: 0.2}"))
        for words in (("run", "tiny/four/iid"), ("list",)):
            self.assert_says(self.run_in("paper", *words), 2,
                             f"choir paper {words[0]}: {name}:18: rows.four.set: server.sampel_rate is not "
                             "known; did you mean 'server.sample_rate'?\n")
        self.file(name, TABLE.replace(usual, "set: {chain: clip=nought}"))  # which only the whole job shows
        ran = self.run_in("paper", "run", "tiny/four/iid")
        self.assertEqual((ran.code, ran.out), (2, ""), ran.log)
        self.assertTrue(ran.log.startswith(f"choir paper run: {name}: four/iid: set: chain: "), ran.log)

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

    def test_puts_a_rate_aside_until_others_had_their_turn(self):
        slow = TABLE.replace("rates: [0.1, 0.0464]", "rates: [0.0464, 0.1]").replace("iid: 10", "iid: 1")
        self.file("experiments/paper/tiny.yaml", slow.replace("rates_max: 4", "rates_max: 2"))
        self.measure("tiny/four/iid")
        whole = self.results()["four.iid.json"]
        slow, quick = json.loads(whole)["rates"]
        self.assertEqual((slow["end"], quick["end"]), ("beaten", "reached"))
        # Before, when it had three times the paper's one round, it was put aside: its run never had 60.
        self.assertTrue(3 < quick["crossing"] <= slow["rounds"] < quick["crossing"] + 1 < 60, whole)
        rounds = [len((run / "metrics.jsonl").read_text().splitlines())
                  for run in (self.folder / "runs/paper").iterdir()]
        self.assertEqual(sorted(rounds), sorted([slow["rounds"], quick["rounds"]]))

    def test_goes_on_with_what_was_put_aside_when_no_rate_gets_there(self):
        none = TABLE.replace("rates: [0.1, 0.0464]", "rates: [0.0001, 0.000215]").replace("iid: 10", "iid: 2")
        none = none.replace("rates_max: 4", "rates_max: 2").replace("rounds: 60", "rounds: 9")
        self.file("experiments/paper/tiny.yaml", none)
        self.measure("tiny/four/iid")
        cell = json.loads(self.results()["four.iid.json"])
        self.assertTrue(cell["complete"])
        self.assertEqual([(arm["end"], arm["rounds"]) for arm in cell["rates"]], [("not reached", 9)] * 2)

    def test_does_not_depend_on_workers_or_company(self):
        self.measure("tiny", "--workers", "1", "--runs", "a", "--results", "one")
        self.measure("tiny/one", "--workers", "3", "--runs", "b", "--results", "other")
        self.measure("tiny/four", "--workers", "2", "--runs", "b", "--results", "other")
        self.assertEqual(self.results("one"), self.results("other"))

    def test_has_cells_that_differ_by_their_target_alone(self):
        columns = "columns:\n  low: {label: low, target: 0.4}\n  high: {label: high, target: 0.5}\n"
        self.file("experiments/paper/tiny.yaml", TABLE.split("columns:")[0] + columns +
                  "rows:\n  one: {label: 1 client, set: {server.sample_rate: 0.05}}\n")
        self.measure("tiny", "--workers", "2", "--results", "two")
        self.measure("tiny", "--workers", "1", "--results", "one", "--runs", "alone")
        self.assertEqual(list(self.results("two")), ["one.high.json", "one.low.json"])
        self.assertEqual(self.results("two"), self.results("one"))

    def test_has_cells_that_say_the_same_in_other_words(self):
        columns = ("columns:\n  usual: {label: a, set: {client.momentum: 0}}\n"
                   "  default: {label: b, set: {client.epochs: 1}}\n")
        self.file("experiments/paper/tiny.yaml", TABLE.split("columns:")[0] + columns +
                  "rows:\n  one: {label: 1 client, set: {server.sample_rate: 0.05}}\n")
        self.measure("tiny", "--workers", "2")  # they share a run, and so are not run at once
        self.assertEqual(list(self.results()), ["one.default.json", "one.usual.json"])

    def test_that_is_killed_goes_on_and_comes_to_the_same(self):
        began = time.monotonic()
        self.measure("tiny", "--runs", "calm", "--results", "calm-results")
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

    def test_that_cannot_be_written_is_not_begun(self):
        self.file("taken", "")
        ran = self.run_in("paper", "run", "tiny/four", "--results", "taken")
        self.assert_says(ran, 1, "choir paper run: taken: cannot make the directory: Not a directory\n")
        (self.folder / "mine/tiny/four.iid.json.tmp").mkdir(parents=True)
        ran = self.run_in("paper", "run", "tiny/four", "--results", "mine")
        self.assert_says(ran, 1, "choir paper run: mine/tiny/four.iid.json.tmp: cannot create: "
                                 "Is a directory\n")
        self.assertFalse((self.folder / "runs").exists())

    def test_can_be_only_estimated(self):
        lines = self.measure("tiny", "--estimate")
        self.assertEqual(len(lines), 1)
        self.assertIn("4 of 4 cells to measure: about ", lines[0])
        self.assertEqual(self.results(), {})

    def test_that_may_have_further_rates_is_not_said_to_be_measured(self):
        self.measure("tiny/four/iid", "--rates", "1")
        self.assertEqual(self.measure("tiny/four/iid", "--rates", "1", "--estimate"),
                         ["1 cell, all measured"])
        self.assertRegex(self.measure("tiny/four/iid", "--rates", "3", "--estimate")[0],
                         "^1 of 1 cell to measure: about ")

    def test_of_another_target_is_measured_anew(self):
        self.measure("tiny/four/iid")
        before = self.results()
        self.file("experiments/paper/tiny.yaml", TABLE.replace("target: 0.6", "target: 0.5"))
        self.assertIn("1 of 1 cell to measure", self.measure("tiny/four/iid")[0])
        after = self.results()
        self.assertNotEqual(before, after)
        self.assertEqual(json.loads(after["four.iid.json"])["target"], 0.5)

    def test_of_another_base_job_is_measured_anew(self):
        self.measure("tiny/four/iid")
        before = self.results()
        self.file("experiments/paper/jobs/tiny.yaml", BASE.replace("batch_size: 10", "batch_size: 5"))
        self.assertIn("0 of   4 measured", self.run_in("paper", "list").out)
        self.assertIn("1 of 1 cell to measure", self.measure("tiny/four/iid")[0])
        self.assertNotEqual(before, self.results())


    def test_says_how_many_rates_it_was_allowed_and_by_what(self):
        self.measure("tiny/four/iid", "--rates", "1")
        cell = json.loads(self.results()["four.iid.json"])
        self.assertEqual(cell["command"], "choir paper run tiny/four/iid --seed 1 --rates 1")
        self.assertEqual(cell["rates_max"], 1)
        self.measure("tiny/four/iid")
        cell = json.loads(self.results()["four.iid.json"])
        self.assertEqual(cell["command"], "choir paper run tiny/four/iid --seed 1")
        self.assertNotIn("rates_max", cell)

    def test_stays_complete_while_further_rates_are_added(self):
        self.file("experiments/paper/tiny.yaml", TABLE.replace("target: 0.6", "target: 0.99"))  # all rounds of each
        self.measure("tiny/four/iid", "--rates", "1")
        path = self.folder / "experiments/paper/results/tiny/four.iid.json"
        met = 0
        budget = 0.0003  # minutes; longer each time, so that it ends on a slow machine, too
        while (ran := self.run_in("paper", "run", "tiny/four/iid", "--rates", "4", "--budget", budget)).code == 130:
            budget *= 1.1
            cell = json.loads(path.read_text())
            rates = len(cell["rates"])
            met += rates > 1
            self.assertTrue(cell["complete"])
            allowed = f" --rates {rates}" if rates < 4 else ""  # four are the experiment's own
            self.assertEqual((cell.get("rates_max", 4), cell["command"]),
                             (rates, "choir paper run tiny/four/iid --seed 1" + allowed))
        self.assertEqual(ran.code, 0, ran.log)
        self.assertGreater(met, 0)
        self.assertNotIn("rates_max", json.loads(path.read_text()))
        self.measure("tiny/four/iid", "--rates", "2")  # fewer than there are
        self.assertNotIn("rates_max", json.loads(path.read_text()))

    def test_of_a_target_of_many_digits_is_measured_once(self):
        self.file("experiments/paper/tiny.yaml", TABLE.replace("target: 0.6", "target: 0.6000001234"))
        self.measure("tiny/four/iid", "--rates", "1")
        self.assertIn("1 of   4 measured", self.run_in("paper", "list").out)

    def test_is_estimated_by_rounds_of_its_own_clients(self):
        few = TABLE.replace("rounds: 60", "rounds: 2000").replace(
            "set: {server.sample_rate: 0.05}", "set: {data.clients: 200, server.sample_rate: 0.005}")
        self.file("experiments/paper/tiny.yaml", few)
        self.measure("tiny", "--estimate")
        runs = [json.loads(path.read_text())["data_digest"]
                for path in (self.folder / "runs/paper").glob("*/run.json")]
        self.assertEqual(len(set(runs)), 2)  # one of 20 clients and one of 200

    def test_begun_with_other_examples_is_not_gone_on_with(self):
        self.measure("tiny/four/iid", "--rates", "1")
        path = self.folder / "experiments/paper/results/tiny/four.iid.json"
        digest = json.loads(path.read_text())["data"]
        path.write_text(path.read_text().replace(digest, "0123456789abcdef"))
        before = self.results()
        for folder in ("runs/paper", "elsewhere"):
            ran = self.run_in("paper", "run", "tiny/four/iid", "--runs", folder)
            self.assertEqual(ran.code, 2)
            self.assertIn("data.source: 'digits' holds other examples than when "
                          "experiments/paper/results/tiny/four.iid.json was begun (digest "
                          f"0123456789abcdef, now {digest}); put the old ones back, or remove that "
                          "file\n", ran.log)
        self.assertEqual(self.results(), before)

    def test_goes_on_with_the_data_it_is_given(self):
        job = self.file("digits.yaml", "data: {source: digits, clients: 20, examples: 30, test_examples: 300}\n")
        for folder, seed in (("first/mnist", 1), ("second/mnist", 2)):
            (self.folder / folder).parent.mkdir()
            ran = self.run_in("data", "export", job, folder, "--set", f"seed={seed}")
            self.assertEqual(ran.code, 0, ran.log)
        self.file("experiments/paper/jobs/tiny.yaml", BASE.replace(
            "source: digits, partition: iid, clients: 20, examples: 30, test_examples: 300",
            "source: mnist, partition: iid, clients: 20"))
        self.measure("tiny/four/iid", "--rates", "1", "--data", "first", "--estimate")  # three rounds
        ran = self.run_in("paper", "run", "tiny/four/iid", "--rates", "1", "--data", "second")
        self.assertEqual(ran.code, 2, ran.log)
        self.assertRegex(ran.log, "data.source: 'mnist' holds other examples than when "
                                  "runs/paper/tiny-0.1-[0-9a-f]+ began")
        self.assertEqual(self.results(), {})
        (self.folder / "first").rename(self.folder / "moved")
        self.measure("tiny/four/iid", "--rates", "1", "--data", "moved")

    def test_names_every_machine_that_had_a_part(self):
        self.measure("tiny/four/iid", "--rates", "1")
        path = self.folder / "experiments/paper/results/tiny/four.iid.json"
        cell = json.loads(path.read_text())
        path.write_text(path.read_text().replace(f'"{cell["cpu"]}"', '"Another; A third"').replace(
            f'"{cell["version"]}"', '"0.0.9"'))
        self.measure("tiny/four/iid")
        after = json.loads(path.read_text())
        self.assertEqual((after["cpu"], after["version"], after["backend"]),
                         ("Another; A third; " + cell["cpu"], "0.0.9; " + cell["version"],
                          cell["backend"]))


CURVES = """
title: Curves of our own
paper: Figure 9
job: jobs/tiny.yaml
kind: curves
metric: METRIC
rounds: 12
rates: [0.1]
rates_max: 1
like: tiny
columns:
  iid: {label: IID, set: {data.partition: iid}}
rows:
  one: {label: 1 client, set: {server.sample_rate: 0.05}}
  four: {label: 4 clients, set: {server.sample_rate: 0.2}, baselines: "BASELINES"}
"""


class AFigure(Paper):
    def curves(self, metric, baselines=""):
        self.file("experiments/paper/curves.yaml",
                  CURVES.replace("METRIC", metric).replace("BASELINES", baselines))

    def cell(self, name):
        return json.loads((self.folder / "experiments/paper/results/curves" / name).read_text())

    def page(self):
        ran = self.run_in("paper", "report")
        self.assertEqual(ran.code, 0, ran.log)
        return ran.out, (self.folder / "paper.html").read_text()

    def test_runs_all_its_rounds_at_the_rate_that_the_table_found(self):
        self.curves("accuracy")
        self.measure("tiny/four/iid")
        table = json.loads(self.results()["four.iid.json"])
        best = min((arm for arm in table["rates"] if arm["crossing"]), key=lambda a: a["crossing"])
        self.measure("curves")
        arms = self.cell("four.iid.json")["rates"]
        self.assertEqual([arm["learning_rate"] for arm in arms], [best["learning_rate"]])
        self.assertEqual(arms[0]["rounds"], 12)
        *records, last = arms[0]["curve"]
        self.assertEqual([records[0][0], last[0]], [1, 12])  # a round that is no better is not drawn
        better = [point[1] for point in records]
        self.assertEqual(better, sorted(set(better)))
        self.assertEqual(self.cell("one.iid.json")["rates"][0]["learning_rate"], 0.1)
        # the same run: what the table has of it is its beginning
        again = {point[0]: point[1] for point in best["curve"]}
        for point in arms[0]["curve"]:
            self.assertEqual(again.get(point[0], point[1]), point[1])

    def test_takes_no_rate_from_what_is_not_measured_to_the_end(self):
        self.curves("accuracy")
        table = self.folder / "experiments/paper/results/tiny/four.iid.json"
        self.measure("tiny/four/iid", "--rates", "1")
        begun = table.read_text().replace('"complete": true', '"complete": false').replace("0.1,", "0.0464,")
        table.write_text(begun)
        self.measure("curves/four")
        self.assertEqual(self.cell("four.iid.json")["rates"][0]["learning_rate"], 0.1)
        self.assertEqual(self.measure("curves/four")[0], "1 cell, all measured")
        table.write_text(begun.replace('"complete": false', '"complete": true'))
        self.assertIn("0 of   2 measured  Curves", self.run_in("paper", "list").out)
        self.measure("curves/four")
        self.assertEqual(self.cell("four.iid.json")["rates"][0]["learning_rate"], 0.0464)
        table.write_text("{")
        for words in (("run", "curves/four"), ("report",)):
            self.assertIn("four.iid.json:1: is no JSON", self.run_in("paper", *words).log)

    def test_counts_rounds_to_its_level_and_runs_all(self):
        self.file("experiments/paper/curves.yaml", CURVES.replace("METRIC", "accuracy-raw").replace(
            'baselines: "BASELINES"', "scale: 1").replace("rounds: 12", "rounds: 12\nlevel: 0.3"))
        self.measure("curves/four")
        arm = self.cell("four.iid.json")["rates"][0]
        self.assertEqual((arm["end"], arm["rounds"], len(arm["curve"])), ("not reached", 12, 12))
        best = [max(point[1] for point in arm["curve"][:n + 1]) for n in range(12)]
        after = next(n for n in range(12) if best[n] >= 0.3)
        self.assertTrue(after <= arm["crossing"] <= after + 1, arm)
        said, page = self.page()
        self.assertIn(f"<td>{arm['crossing']:.1f}</td>", page)

    def test_is_estimated_as_all_its_rounds(self):
        self.curves("pooled-loss")
        lines = self.measure("curves", "--estimate")
        self.assertRegex(lines[0], r"^2 of 2 cells to measure: about (.*) here, at most \1$")

    def test_of_the_loss_on_all_training_examples_is_killed_and_comes_to_the_same(self):
        self.curves("pooled-loss")
        self.measure("curves", "--runs", "calm", "--results", "calm-results")
        for seconds in (0.15, 0.3, 0.2):
            process = subprocess.Popen([CHOIR, "paper", "run", "curves"], cwd=self.folder,
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            time.sleep(seconds)
            process.kill()
            process.wait(timeout=30)
        self.measure("curves")
        arm = self.cell("four.iid.json")["rates"][0]
        self.assertEqual(arm["rounds"], 12)
        losses = [point[3] for point in arm["curve"]]
        self.assertEqual(len(losses), 12)
        self.assertLess(losses[-1], losses[0])
        for name in ("one.iid.json", "four.iid.json"):
            calm = (self.folder / "calm-results/curves" / name).read_text()
            self.assertEqual(json.loads(calm), self.cell(name))

    def test_stands_beside_pooled_data_and_clients_alone(self):
        self.curves("accuracy-raw", "central,local")
        self.measure("curves/four")
        names = [arm.get("name", "") for arm in self.cell("four.iid.json")["rates"]]
        self.assertEqual(names, ["", "central", "local"])
        said, page = self.page()
        self.assertIn("all data on one machine", page)
        self.assertIn("each client alone", page)
        self.assertIn("<tr><th>4 clients</th><td>0.1</td><td>12</td>", page)

    def test_has_each_baseline_at_its_own_best_rate_alone(self):
        self.curves("accuracy-raw", "central,local")
        path = self.folder / "experiments/paper/curves.yaml"
        path.write_text(path.read_text().replace("rates_max: 1", "rates_max: 3").replace(
            "rates: [0.1]", "rates: [0.1, 0.215, 0.464]").replace("rounds: 12", "rounds: 40"))
        self.measure("curves/four")
        arms = self.cell("four.iid.json")["rates"]
        best = {name: max((arm for arm in arms if arm.get("name", "") == name), key=lambda arm: arm["best"])
                for name in ("", "central", "local")}
        self.assertEqual(len({arm["learning_rate"] for arm in best.values()}), 3)
        said, page = self.page()
        for name, label in (("central", "all data on one machine"), ("local", "each client alone")):
            rows = [row for row in page.split("<tr>") if row.startswith(f"<th>{label}</th>")]
            self.assertEqual(len(rows), 1, label)
            self.assertIn(f"<td>{best[name]['learning_rate']}</td>", rows[0])
            self.assertIn(f"<td>{100 * best[name]['best']:.2f} %</td>", rows[0])

    def test_that_is_killed_while_those_are_trained_trains_them_whole(self):
        self.curves("accuracy-raw", "central,local")
        path = self.folder / "experiments/paper/curves.yaml"
        path.write_text(path.read_text().replace("rounds: 12", "rounds: 60"))
        self.measure("curves/four", "--runs", "calm", "--results", "calm-results")
        for name in ("central", "local"):
            process = subprocess.Popen([CHOIR, "paper", "run", "curves/four"], cwd=self.folder,
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            until = time.monotonic() + 60
            while not list(self.folder.glob(f"runs/paper/*/baseline-{name}/unfinished/metrics.jsonl")):
                self.assertLess(time.monotonic(), until)
                self.assertIsNone(process.poll())
                time.sleep(0.001)
            process.kill()
            process.wait(timeout=30)
            self.assertEqual(list(self.folder.glob(f"runs/paper/*/baseline-{name}/metrics.jsonl")), [])
        self.measure("curves/four")
        calm = (self.folder / "calm-results/curves/four.iid.json").read_text()
        self.assertEqual(json.loads(calm), self.cell("four.iid.json"))
        self.assertEqual(list(self.folder.glob("runs/paper/*/baseline-*/unfinished")), [])

    def test_has_room_for_the_baselines_of_five_rates(self):
        self.curves("accuracy-raw", "central,local")
        path = self.folder / "experiments/paper/curves.yaml"
        path.write_text(path.read_text().replace("rates_max: 1", "rates_max: 10").replace(
            "rates: [0.1]", "rates: [0.00464, 0.01, 0.0215, 0.0464, 0.1]").replace(
            "rounds: 12", "rounds: 2"))
        self.measure("curves/four")
        rates = [arm["learning_rate"] for arm in self.cell("four.iid.json")["rates"]]
        self.assertEqual((len(rates), len(set(rates))), (15, 5))

    def test_of_two_models_averaged_has_fifty_weights(self):
        self.file("experiments/paper/pair.yaml", CURVES.split("metric")[0].replace(
            "kind: curves", "kind: average") + "metric: pooled-loss\nrates: [0.1]\n"
            "columns: {shared: {label: same}, separate: {label: own}}\nrows: {pair: {label: p}}\n")
        self.measure("pair")
        folder = self.folder / "experiments/paper/results/pair"
        shared = json.loads((folder / "pair.shared.json").read_text())["rates"]
        separate = json.loads((folder / "pair.separate.json").read_text())["rates"]
        for arms in (shared, separate):
            self.assertEqual([len(arm["curve"]) for arm in arms], [2, 50])
            for end, weight in ((0, 7), (1, 42)):  # theta 0 and 1 are the parents
                self.assertEqual(arms[0]["curve"][end][1:], arms[1]["curve"][weight][1:])
        half = [arms[1]["curve"][24][3] for arms in (shared, separate)]
        self.assertLess(half[0], half[1])
        said, page = self.page()
        self.assertIn("2 of 6 cells measured", said)
        self.assertIn("the better of the two", page)


class OfOne(Paper):
    """One cell of one round, whose counts have no plural."""

    def one(self, text):
        self.file("experiments/paper/tiny.yaml", text)
        said = self.measure("tiny")
        ran = self.run_in("paper", "report")
        self.assertIn("paper.html: 1 of 1 cell measured; ", ran.out)
        return said, (self.folder / "paper.html").read_text()

    def test_a_table(self):
        head = TABLE.split("columns:")[0].replace("rounds: 60", "rounds: 1").replace("0.6", "0.99")
        said, page = self.one(head + "columns: {iid: {label: IID}}\n"
                              "rows: {one: {label: 1 client, set: {server.sample_rate: 0.05}}}\n")
        self.assertRegex(said[0], "^1 of 1 cell to measure: about ")
        self.assertRegex(said[1], r"^tiny/one/iid: 1 round, best ")
        self.assertRegex(page, r"[0-9.]+ % in 1 round; ")

    def test_a_figure(self):
        text = CURVES.split("rows:")[0].replace("METRIC", "accuracy").replace("like: tiny\n", "")
        text = text.replace("rounds: 12", "rounds: 1") + "rows: {one: {label: 1 client}}\n"
        self.file("experiments/paper/tiny.yaml", text)
        self.assertIn("0 of 1 cell measured", self.run_in("paper", "report").out)
        self.assertRegex((self.folder / "paper.html").read_text(),
                         "Its curve is not measured in full: .* measures it[.]")
        said, page = self.one(text)
        self.assertNotIn("measured in full", page)


class AReport(Paper):
    def test_has_what_is_measured_beside_the_paper_and_says_what_is_not(self):
        self.measure("tiny/four")
        ran = self.run_in("paper", "report", "--out", "page.html")
        self.assertEqual(ran.code, 0, ran.log)
        self.assertIn("page.html: 2 of 4 cells measured; of 2 with a number", ran.out)
        page = (self.folder / "page.html").read_text()
        self.assertEqual(page.count("not measured"), 2)
        self.assertIn('<a href="#tiny">Table 9. A table of our own</a> <span>2 of 4</span>', page)
        self.assertIn("choir paper run tiny</code>. Seed 1; choir ", page)
        self.assertIn("paper: 30", page)
        self.assertIn("a reason that is kept", page)
        self.assertNotIn("<script", page)
        self.assertNotIn("http", page.replace("http://www.w3.org", ""))
        self.run_in("paper", "report", "--out", "again.html")
        self.assertEqual((self.folder / "again.html").read_text(), page)

    def test_is_also_a_table_for_a_readme(self):
        self.assertEqual(self.run_in("paper", "report", "--markdown").out, "")
        self.measure("tiny/four/iid")
        ran = self.run_in("paper", "report", "--markdown")
        self.assertEqual((ran.code, ran.log), (0, ""))
        head, rule, one, four, end = ran.out.split("\n")[:5]
        self.assertEqual((head, rule, one, end),
                         ("| Table 9. A table of our own | IID | non-IID |", "|---|---|---|",
                          "| 1 client | not measured; 40 | not measured; — |", ""))
        self.assertRegex(four, r"^\| 4 clients \| \*\*[0-9.]+\*\*; 10 \(4.0×\) \| not measured; 30 \|$")
        self.assertFalse((self.folder / "paper.html").exists())

    def test_does_not_show_what_answers_another_question(self):
        self.measure("tiny/four")
        self.file("experiments/paper/tiny.yaml", TABLE.replace("target: 0.6", "target: 0.5"))
        self.assertIn("0 of 4 cells measured", self.run_in("paper", "report").out)

    def test_of_the_usual_folder_may_have_nothing_measured(self):
        self.assertIn("0 of 4 cells measured", self.run_in("paper", "report").out)

    def test_of_a_folder_that_is_not_there_or_has_no_result_is_refused(self):
        self.measure("tiny/four/iid", "--results", "mine")
        self.assertIn("1 of 4 cells measured", self.run_in("paper", "report", "--results", "mine").out)
        (self.folder / "paper.html").unlink()
        names = "--results names the folder that holds what 'choir paper run' measured"
        nothing = "holds no result with seed %d of any of the experiments; " + names
        for words, log in ((("--results", "mines"), "mines: No such file or directory; " + names),
                           (("--results", "mine/tiny"), "mine/tiny: " + nothing % 1),
                           (("--results", "mine", "--seed", 2), "mine: " + nothing % 2)):
            for command in (("report",), ("report", "--markdown"), ("list",)):
                with self.subTest(words + command):
                    ran = self.run_in("paper", *command, *words)
                    self.assert_says(ran, 1, f"choir paper {command[0]}: {log}\n")
        self.assertFalse((self.folder / "paper.html").exists())

    def test_refuses_a_result_that_is_none(self):
        self.measure("tiny/four/iid")
        path = self.folder / "experiments/paper/results/tiny/four.iid.json"
        path.write_text(path.read_text().replace("0.1", "0.3"))
        ran = self.run_in("paper", "report")
        self.assertEqual(ran.code, 1)
        self.assertIn("four.iid.json: is no result: ", ran.log)


class TheReadme(Case):
    def cells(self, text):
        """The number in bold of each cell that has one, by table, row and column."""
        found = {}
        lines = text.splitlines()
        for line, after in zip(lines, lines[1:]):
            words = [word.strip() for word in line.strip("|").split("|")]
            if after.startswith("|---"):
                title, *columns = words
            elif line.startswith("| "):
                for column, word in zip(columns, words[1:]):
                    if bold := re.match(r"\*\*(.+?)\*\*", word):
                        found[title, words[0], column] = bold[1]
        return found

    def test_has_nothing_but_what_the_results_have(self):
        folder = SOURCE / "experiments" / "paper"
        ran = self.run_in("paper", "report", "--markdown", "--from", folder,
                          "--results", folder / "results")
        measured = self.cells(ran.out)
        readme = (SOURCE / "README.md").read_text()
        told = self.cells(readme[readme.index("<!-- choir paper"):readme.index("<!-- end of what")])
        self.assertGreater(len(told), 5)
        for cell, rounds in told.items():
            self.assertEqual(measured.get(cell), rounds, f"{cell}: tools/readme_paper.py writes it anew")


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

    def test_with_what_it_is_like_or_how_many_rounds(self):
        for text, log in (
                (TABLE + "like: tinny\n", "experiments/paper/bad.yaml: like: 'tinny' is no table of its folder\n"),
                (TABLE.replace("expect: {iid: 40", "expect: {iid: 0"),
                 "experiments/paper/bad.yaml:15: rows.one.expect.iid: must be above 0, or never"),
                (TABLE.replace("iid: {label: IID,", "iid: {rounds: 2.9, label: IID,"),
                 "experiments/paper/bad.yaml:12: columns.iid.rounds: rounds must be a whole number")):
            self.file("experiments/paper/bad.yaml", text)
            ran = self.run_in("paper", "list")
            self.assertEqual(ran.code, 2)
            self.assertIn(log, ran.log)

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

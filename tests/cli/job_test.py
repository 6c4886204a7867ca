#!/usr/bin/env python3
"""Job files: what a file may say, what it may not, and documents that cannot go stale."""
import json
import os
import re
import unittest

from choir import SOURCE, Case, choir


class Check(Case):
    def check(self, text, *more):
        self.file("a.yaml", text)
        return self.run_in("job", "check", "a.yaml", *more)

    def test_a_job_is_printed_with_every_default_filled_in(self):
        ran = self.check("seed: 7\n")
        self.assertEqual((ran.code, ran.log), (0, ""))
        self.assertIn("\nseed: 7\n", ran.out)
        self.assertIn("\nclient:\n  epochs: 1\n", ran.out)

    def test_what_is_printed_is_a_job_that_prints_the_same(self):
        first = self.check("model: {name: mlp, hidden: [30, 20]}\ndata: {alpha: 0.3}\n")
        self.assertEqual(self.check(first.out).out, first.out)

    def test_flags_win_over_the_file(self):
        ran = self.check("client: {epochs: 3}\n", "--set", "client.epochs=4", "--set=seed=9")
        self.assertIn("\n  epochs: 4\n", ran.out)
        self.assertIn("\nseed: 9\n", ran.out)

    def test_an_unknown_key_is_refused_with_the_nearest(self):
        self.assert_says(self.check("client:\n  epoch: 5\n"), 2,
                         "choir job check: a.yaml:2: client.epoch is not known; "
                         "did you mean 'client.epochs'?\n")

    def test_a_value_out_of_bounds_is_refused_with_what_would_be_right(self):
        self.assert_says(self.check("\nserver:\n  sample_rate: 2\n"), 2,
                         "choir job check: a.yaml:3: server.sample_rate: '2' is not a number in "
                         "[1e-09, 1]\n")

    def test_a_value_of_the_wrong_type_is_refused(self):
        self.assert_says(self.check("seed: soon\n"), 2,
                         "choir job check: a.yaml:1: seed: 'soon' is not a whole number in "
                         "[0, 9007199254740991]\n")

    def test_a_wrong_override_is_refused_like_a_wrong_line(self):
        self.assert_says(self.check("", "--set", "server.algorithm=fedvag"), 2,
                         "choir job check: --set: server.algorithm: 'fedvag' is not one of "
                         "fedavg, fedavgm, fedprox, fedadagrad, fedadam, fedyogi, "
                         "fednova, q-fedavg, scaffold, feddyn; did you mean 'fedavg'?\n")

    def test_bad_yaml_is_refused_with_its_line(self):
        ran = self.check("client:\n  epochs: [1\nseed: 1\n")
        self.assertEqual(ran.code, 2)
        self.assertRegex(ran.log, r"^choir job check: a.yaml:\d: not YAML: ")

    def test_a_section_is_not_set_at_once(self):
        self.assert_says(self.check("", "--set", "model={name: mlp, hidden: [20]}"), 2,
                         "choir job check: --set: model: '{name: mlp, hidden: [20]}' are several "
                         "keys; give each of them a --set, such as model.name=...\n")

    def test_layers_that_are_too_large_are_those_that_were_given(self):
        ran = self.check("model: {name: mlp, hidden: [5]}\ndata: {test_examples: 10}\n",
                         "--set", "model.hidden=[65536, 65536]")
        self.assertRegex(ran.log, r"^choir job check: --set: model.hidden: '65536,65536': layer 3 ")

    def test_a_tab_that_indents_is_named(self):
        self.assert_says(self.check("client:\n\tepochs: 3\n"), 2,
                         "choir job check: a.yaml:2: not YAML: the line is indented with a tab; "
                         "indent with blanks\n")

    def test_a_byte_order_mark_is_not_part_of_a_job(self):
        ran = self.check("\ufeffseed: 7\nclient:\n  epochs: 3\n")
        self.assertEqual((ran.code, ran.log), (0, ""))
        self.assertIn("\nseed: 7\n", ran.out)

    def test_a_file_that_is_not_there_is_a_failure(self):
        self.assert_says(self.run_in("job", "check", "b.yaml"), 1,
                         "choir job check: b.yaml: cannot be opened: No such file or directory\n")

    def test_a_file_without_end_is_refused(self):
        if not os.path.exists("/dev/zero"):
            self.skipTest("no /dev/zero")
        self.assert_says(choir("job", "check", "/dev/zero"), 2,
                         "choir job check: /dev/zero: is larger than 1048576 bytes, "
                         "so it is not a job\n")

    def test_what_a_run_would_refuse_before_it_begins_is_refused_with_its_line(self):
        for text, code, says in (
                ("model: foo", 2, "model.name: 'foo' is not known; there are softmax, mlp, "),
                ("model: sofmax", 2, "model.name: 'sofmax' is not known; did you mean 'softmax'? "),
                ("model: {name: mlp, hidden: big}", 2, "model.hidden: 'big' is not a list of sizes"),
                ("model: {file: missing.safetensors}", 1, "model.file: missing.safetensors: "),
                ("model: {init: missing.safetensors}", 1, "model.init: missing.safetensors: "),
                ("backend: cuda", 2, "backend: 'cuda' is unknown; "),
                ("data: {clients: 20}\nserver: {quorum: 3}", 2, "server.quorum: 3 reports never"),
                ("data: {source: /dev/null}", 1, "data.source: /dev/null is neither a file nor a "),
                ("data: {source: nonesuch}", 1, "data.source: 'nonesuch' is no built-in data set"),
                ("data: {task: regression}\nmodel: {loss: mean-squared-error}", 2,
                 "data.task: regression needs numbers to predict; data.source 'digits' has")):
            with self.subTest(text):
                line = 2 if "quorum" in text else 1
                self.file("a.yaml", text + "\n")
                for command in (("job", "check"), ("sim", "--quiet")):
                    ran = self.run_in(*command, "a.yaml")
                    self.assertEqual((ran.code, ran.out), (code, ""), ran.log)
                    name = " ".join(w for w in command if w[0] != "-")
                    self.assertIn(f"choir {name}: a.yaml:{line}: {says}", ran.log)

    def test_what_a_run_refuses_of_its_data_and_model_is_refused_in_the_same_words(self):
        rows = "".join(f"{i % 7},{i % 5},{'yes' if i % 3 == 0 else 'no'}\n" for i in range(40))
        self.file("t.csv", "a,b,sick\n" + rows)
        self.file("small.yaml", "model: {name: mlp, hidden: [3]}\ndata: {source: t.csv, label: sick, "
                                "partition: iid, clients: 4}\nserver: {rounds: 1}\n")
        self.assertEqual(self.run_in("sim", "small.yaml", "--quiet", "--run-dir", "r").code, 0)
        digits, table = "data.test_examples=10", ("data.source=t.csv", "data.clients=4")
        for words, says in (
                (["data.preprocess=[blur]"], "data.preprocess: "),
                (["data.preprocess=[whiten,flip]"], "data.preprocess: "),
                (["data.crop=40"], "data.crop: 40"),
                (["model=cifar-cnn"], "model.name: 'cifar-cnn'"),
                (["model=char-lstm"], "model.name: 'char-lstm'"),
                ([*table, "data.partition=iid", "data.label=sick", "model=mlp",
                  "model.hidden=[4]", "model.init=r/model.safetensors"],
                 "model.init: r/model.safetensors"),
                ([*table, "data.partition=iid", "data.clients=1000"], "data.clients: 1000"),
                ([*table], "data.partition: 'natural'"),
                ([*table, "data.group=ward"], "data.group: "),
                ([*table, "data.partition=iid", "data.label=ill"], "data.label: "),
                ([*table, "data.partition=iid", "data.categorical=[c]"], "data.categorical: "),
                ([*table, "data.partition=iid", "data.drop=[c]"], "data.drop: "),
                (["data.source=a.yaml"], ""),
                (["data.source=mnist", "data.dir=/nonexistent"], "data.source: 'mnist' is not in ")):
            with self.subTest(words):
                self.file("a.yaml", "")
                sets = [word for key in (digits, *words) for word in ("--set", key)]
                ran, run = (self.run_in(*command, "a.yaml", *sets)
                            for command in (("job", "check"), ("sim", "--quiet")))
                self.assertEqual((ran.code, ran.out), (run.code, ""), ran.log)
                self.assertNotEqual(ran.code, 0)
                self.assertEqual(ran.log.replace("choir job check:", "choir sim:"), run.log)
                self.assertIn(says, ran.log)
        self.assertFalse((self.folder / "runs").exists())

    def test_without_data_what_they_decide_is_not_asked(self):
        for text in ("data: {source: mnist, partition: iid, dir: /nonexistent}",
                     "data: {source: there/people.csv, label: sick}"):
            with self.subTest(text):
                self.assertEqual(self.check(text + "\n").code, 1)
                ran = self.check(text + "\n", "--no-data")
                self.assertEqual((ran.code, ran.log), (0, ""))
        self.assertEqual(self.check("model: sofmax\n", "--no-data").code, 2)

    def test_values_that_cannot_matter_are_warned_of_with_what_they_are_for(self):
        for text, key, what_for in (
                ("data: {alpha: 0.3}", "data.alpha: '0.3'", "data.partition 'dirichlet'"),
                ("data: {shards: 3}", "data.shards: '3'", "data.partition 'shards'"),
                ("data: {similarity: 0.1}", "data.similarity: '0.1'",
                 "data.partition 'similarity'"),
                ("data: {power: 1}", "data.power: '1'", "data.partition 'quantity'"),
                ("data: {label: y}", "data.label: 'y'", "CSV files"),
                ("data: {memory: 1}", "data.memory: '1'", "pictures, CSV files and numbers of LEAF"),
                ("server: {momentum: 0.5}", "server.momentum: '0.5'",
                 "server.algorithm 'fedavgm'"),
                ("server: {beta1: 0.5, algorithm: fedadagrad}", "server.beta1: '0.5'",
                 "server.algorithm 'fedadam' or 'fedyogi'"),
                ("server: {q: 0.5}", "server.q: '0.5'", "server.algorithm 'q-fedavg'"),
                ("schedule: {batch_size: step every=1 factor=2}\nclient: {batch_size: 0}",
                 "schedule.batch_size: 'step every=1 factor=2'", "a client.batch_size above 0"),
                ("{evaluate_clients: 50, data: {heldout: 0}}", "evaluate_clients: '50'", "a data.heldout above 0"),
                ("server: {examples_max: 10}\nchain: uniform", "server.examples_max: '10'",
                 "the chain's link 'weight'"),
                ("server: {tau: 0.5}", "server.tau: '0.5'",
                 "server.algorithm 'fedadagrad', 'fedadam' or 'fedyogi'")):
            with self.subTest(text):
                ran = self.check(text + "\n")
                self.assertEqual(ran.code, 0)
                self.assertEqual(ran.log, "choir job check: warning: key_idle a.yaml:1: "
                                          f"{key} has no effect; it is for {what_for}\n")
        ran = self.check("data: {alpha: 0.3, partition: dirichlet}\n")
        self.assertEqual((ran.code, ran.log), (0, ""))

    def test_fedprox_needs_its_term(self):
        self.assert_says(self.check("server: {algorithm: fedprox}\n"), 2,
                         "choir job check: a.yaml:1: server.algorithm: 'fedprox' needs a "
                         "client.proximal_mu above 0, like 0.01\n")
        ran = self.check("server: {algorithm: fedprox}\nclient: {proximal_mu: 0.1}\n")
        self.assertEqual((ran.code, ran.log), (0, ""))

    def test_options_of_csv_files_are_warned_of_where_other_files_lie(self):
        label, share = ("label", "CSV files"), ("test_share", "data that come without a test part")
        for folder, file, idle in (("idx", "train-images-idx3-ubyte", (label, share)),
                                   ("cifar", "data_batch_1.bin", (label,)),
                                   ("csv", "t.csv", ())):
            with self.subTest(folder):
                (self.folder / folder).mkdir()
                self.file(f"{folder}/{file}", "a,b\n")
                source = f"{folder}/{file}" if folder == "csv" else f"./{folder}"
                ran = self.check(f"data: {{source: {source}, label: 0.3, test_share: 0.3}}\n",
                                 "--no-data")
                self.assertEqual(ran.code, 0)
                self.assertEqual(ran.log, "".join(
                    f"choir job check: warning: key_idle a.yaml:1: data.{key}: '0.3' has no effect; "
                    f"it is for {what}\n" for key, what in idle))

    def test_a_terminal_is_not_sent_what_a_file_holds(self):
        ran = self.check('"\\e[31mred": 1\n')
        self.assertEqual(ran.log, "choir job check: a.yaml:1: ?[31mred is not known; "
                                  "'choir job keys' lists what can be given\n")


class Keys(Case):
    def keys(self):
        return json.loads(choir("job", "keys", "--json").out)

    def population(self, row):
        """What a job must say to have a key at all."""
        words = ["population=open", "server.goal=1"] if row["help"].startswith("open:") else []
        return [word for key in words for word in ("--set", key)]

    def test_every_default_is_printed_and_accepted(self):
        lines = []
        for row in self.keys():
            value = row["default"] if row["default"] != "" else '""'
            line = f"{row['key']}: {value}\n"
            if not row["help"].endswith("to be given"):
                ran = choir("job", "check", self.file("a.yaml", line), *self.population(row),
                            "--no-data")
                self.assertEqual(ran.code, 0, ran.log)
            if not row["help"].startswith("open:"):
                lines.append(line)
        ran = choir("job", "check", self.file("all.yaml", "".join(lines)))
        self.assertEqual((ran.code, ran.log), (0, ""))

    def test_every_bound_is_accepted_and_the_number_beyond_it_is_not(self):
        for row in self.keys():
            if "min" not in row:
                continue
            for bound, beyond in ((row["min"], -1), (row["max"], row["max"] * 2 + 1)):
                with self.subTest(row["key"], bound=bound):
                    path = self.file("a.yaml", f"{row['key']}: {bound}\n")
                    ran = choir("job", "check", path, "--no-data", "--set", "data.clients=0",
                                *self.population(row), *(["--set", f"{row['key']}={bound}"]))
                    self.assertEqual(ran.code, 0, ran.log)
                    self.assertRegex(ran.log, r"^(.* has no effect; it is for .*\n)?$")
                    path = self.file("a.yaml", f"{row['key']}: {beyond}\n")
                    ran = choir("job", "check", path)
                    self.assertEqual(ran.code, 2)
                    self.assertIn(f"{row['key']}: '{beyond}' is not a", ran.log)

    def test_text_lists_every_key_with_unit_bounds_and_default(self):
        text = choir("job", "keys").out
        for row in self.keys():
            found = re.search(rf"^  {re.escape(row['key'])} .*?(?=^  \S|\Z)", text, re.S | re.M)
            flat = re.sub(r"\s+", " ", found[0])
            self.assertIn(row["help"], flat)
            self.assertIn(row["unit"], flat)
            self.assertIn(str(row["default"]), flat)

    def test_the_page_in_docs_holds_the_table_as_it_is(self):
        page = (SOURCE / "docs" / "job.md").read_text()
        table = choir("job", "keys", "--markdown").out
        self.assertIn(table, page, "docs/job.md is stale: put the output of "
                                   "'choir job keys --markdown' in its place")

    def test_the_example_in_docs_is_a_job(self):
        page = (SOURCE / "docs" / "job.md").read_text()
        for example in re.findall(r"```yaml\n(.*?)```", page, re.S):
            ran = choir("job", "check", self.file("example.yaml", example))
            self.assertEqual((ran.code, ran.log), (0, ""))

    def test_the_page_on_jobs_shows_what_a_misspelt_key_of_its_example_gets(self):
        page = (SOURCE / "docs" / "job.md").read_text()
        example = re.search(r"```yaml\n(.*?)```", page, re.S)[1]
        shown = re.search(r"^\$ choir sim digits.yaml\n(.*\n)```", page, re.M)[1]
        self.file("digits.yaml", example.replace("  epochs:", "  epoch:"))
        self.assert_says(self.run_in("sim", "digits.yaml"), 2, shown)

    def test_every_job_of_the_repository_is_a_job(self):
        tables = set(SOURCE.glob("experiments/paper/*.yaml"))  # whose jobs are in a folder below
        for path in sorted(set(SOURCE.glob("experiments/**/*.yaml")) - tables):
            with self.subTest(path.name):
                ran = self.run_in("job", "check", path, "--no-data")
                self.assertEqual((ran.code, ran.log), (0, ""))

    def test_the_manual_page_lists_every_key(self):
        page = choir("job", "keys", "--man").out
        self.assertTrue(page.startswith('.TH "CHOIR-JOB" 5'))
        for row in self.keys():
            self.assertIn("\n.B " + row["key"] + "\n", page)


if __name__ == "__main__":
    unittest.main()

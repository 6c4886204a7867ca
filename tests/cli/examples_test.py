"""Stores of examples: filled, looked at and expired by commands, and trained on by clients."""
import json
import stat
import unittest

from network import CLIENTS, JOB, Network

WHOLE = JOB.replace("test_examples: 200}", "test_examples: 200, heldout: 0}")
CSV = "age,colour,class\n1,red,no\n2,blue,yes\n3,red,yes\n4,blue,no\n5,red,no\n"


class Stores(Network):
    def shown(self, store="a.db"):
        return json.loads(self.check_ran("examples", "show", store, "--json").out)

    def listed(self, store="a.db", *words):
        return [json.loads(line) for line in
                self.check_ran("examples", "ls", store, "--json", *words).out.splitlines()]

    def test_train_the_model_that_a_simulation_promises(self):
        job = self.file("job.yaml", WHOLE % 5)
        self.serve()
        self.host(job)
        for k in range(CLIENTS):
            self.check_ran("examples", "add", f"{k}.db", job, "--client", k)
        clients = [self.start("join", "choir-server/join.json", "--job", "letters", "--client", k,
                              "--examples", f"{k}.db") for k in range(CLIENTS)]
        self.ends(clients)
        self.assertEqual(self.exported(), self.simulated(job))

    def test_are_filled_from_a_table_and_shown(self):
        self.file("a.csv", CSV)
        self.assertEqual(self.check_ran("examples", "add", "a.db", "a.csv").out,
                         "a.db: 5 added, holds 5\n")
        self.assertEqual(self.check_ran("examples", "add", "a.db", "a.csv", "--from", 1, "--count", 2).out,
                         "a.db: 2 added, holds 7\n")
        shown = self.shown()
        self.assertEqual((shown["kind"], shown["height"], shown["width"], shown["channels"],
                          shown["classes"], shown["count"]), ("reals", 1, 1, 3, 2, 7))
        self.assertEqual([x["label"] for x in self.listed()], [0, 1, 1, 0, 0, 1, 1])
        self.assertEqual([x["example"] for x in self.listed("a.db", "--from", 6)], [6, 7])
        text = self.check_ran("examples", "show", "a.db").out
        self.assertRegex(text, r"^examples  7 of at most 10000, 84 bytes of at most 67108864\n"
                               r"form      1 x 1 x 3 numbers \(fp32\), 2 classes\nage       any\n"
                               r"from      \d{4}-\d\d-\d\dT[\d:]+Z to ")
        self.assertRegex(self.check_ran("examples", "ls", "a.db", "--count", 1).out,
                         r"^ +1  \d{4}-\d\d-\d\dT[\d:]+Z  0\n$")
        self.assertEqual(stat.S_IMODE((self.folder / "a.db").stat().st_mode), 0o600)

    def test_are_read_as_a_model_reads_its_table(self):
        self.file("a.csv", CSV)
        self.file("yes.csv", "colour,class,age\nblue,yes,3\n")
        self.check_ran("sim", self.file("job.yaml", "model: softmax\ndata: {source: a.csv, clients: 1, "
                                        "partition: iid, test_share: 0.2}\nserver: {rounds: 1}\n"),
                       "--run-dir", "run", "--quiet")
        self.check_ran("examples", "add", "own.db", "yes.csv", "--set", "data.label=class")
        self.check_ran("examples", "add", "a.db", "yes.csv", "--model", "run")
        self.assertEqual((self.shown("own.db")["channels"], self.listed("own.db")[0]["label"]), (2, 0))
        self.assertEqual((self.shown()["channels"], self.listed()[0]["label"]), (3, 1))  # age, blue, red

    def test_are_not_read_as_a_model_of_something_else(self):
        self.file("a.csv", CSV)
        tables = "model: softmax\ndata: {source: a.csv, clients: 1, partition: iid, test_share: 0.2}\nserver: {rounds: 1}\n"
        self.check_ran("sim", self.file("tables.yaml", tables), "--run-dir", "tables", "--quiet", "--no-report")
        self.check_ran("sim", self.file("job.yaml", WHOLE % 1), "--run-dir", "pictures", "--quiet", "--no-report")
        for words, why in [
                (("a.csv", "--model", "pictures"), "--model: pictures/model.safetensors was trained on no CSV file, so it "
                                                   "does not say what the columns of 'a.csv' mean to it"),
                (("job.yaml", "--client", 0, "--model", "tables"), "--model: tables/model.safetensors was trained on the "
                                                                   "columns of a CSV file; data.source 'digits' is none")]:
            ran = self.run_in("examples", "add", "a.db", *words)
            self.assert_says(ran, 2, f"choir examples add: {why}\n")
        self.assertFalse((self.folder / "a.db").exists())
        self.check_ran("examples", "add", "a.db", "job.yaml", "--client", 0, "--model", "pictures")
        self.assertIn("none.csv", self.refused("examples", "add", "a.db", "./none.csv", "--model", "pictures"))

    def test_are_filled_from_pictures(self):
        self.check_ran("data", "export", "digits", "pictures", "--set", "data.clients=2",
                       "--set", "data.examples=20")
        self.check_ran("examples", "add", "a.db", "pictures")
        shown = self.shown()
        self.assertEqual((shown["kind"], shown["height"], shown["width"], shown["classes"]),
                         ("pixels", 28, 28, 10))
        self.assertGreater(shown["count"], 20)

    def test_keep_their_limits_and_expire(self):
        self.file("a.csv", CSV)
        self.check_ran("examples", "add", "a.db", "a.csv", "--rows-max", 3, "--age-max", 1000)
        self.check_ran("examples", "add", "a.db", "a.csv", "--count", 1)
        shown = self.shown()
        self.assertEqual((shown["count"], shown["first"], shown["last"]), (3, 4, 6))
        self.assertEqual((shown["rows_max"], shown["age_max_ms"]), (3, 1000000))
        self.assertEqual(self.check_ran("examples", "expire", "a.db").out, "a.db: 0 removed\n")
        self.check_ran("examples", "add", "a.db", "a.csv", "--count", 1, "--rows-max", 2)
        self.assertEqual(self.shown()["count"], 2)

    def test_what_makes_no_sense_is_said_in_a_sentence(self):
        self.file("a.csv", CSV)
        self.check_ran("examples", "add", "a.db", "a.csv")
        self.file("bad.db", "no database")
        for words, code, why in [
                (("add", "a.db", "digits"), 2, "say which with --client"),
                (("add", "a.db", "digits", "--client", 0), 2, "another form needs another store"),
                (("add", "a.db", "a.csv", "--set", "data.test_share=0.5"), 2,
                 "data.test_share says nothing without --client: all rows of a file are added then"),
                (("add", "a.db", "a.csv", "--from", 5), 2, "there are 5 examples, numbered from 0"),
                (("add", "a.db", "digits", "--client", "x"), 2, "--client: 'x'"),
                (("show", "none.db"), 1, "none.db: cannot open"),
                (("show", "bad.db"), 1, "bad.db: is no store of examples; name another file"),
                (("ls", "bad.db"), 1, "no store of examples")]:
            ran = self.run_in("examples", *words)
            self.assertEqual((ran.code, ran.out), (code, ""), ran.log)
            self.assertIn(why, ran.log)
        self.stop(self.serve())
        self.assertIn("choir.db: is no store of examples; name another file (a database of another program)",
                      self.refused("examples", "show", "choir-server/choir.db"))
        self.serve()
        self.host(self.file("job.yaml", JOB % 1))
        for words, code, why in [(("--examples", "a.db"), 2, "wants 28x28x1 inputs, the data has 1x1x3"),
                                 (("--examples", "none.db"), 1, "none.db: cannot open"),
                                 (("--examples", "a.db", "--data", "a.csv"), 2, "one of them")]:
            ran = self.run_in("join", "choir-server/join.json", "--job", "letters", *words, timeout=60)
            self.assertEqual(ran.code, code, ran.log)
            self.assertIn(why, ran.log)


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""Data sets by name and by path: listing, getting, showing."""
import json
import os
import re
import struct
import unittest
import xml.etree.ElementTree as xml

from choir import Case, SOURCE


def idx(type_code, sizes, elements):
    header = bytes([0, 0, type_code, len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes)
    return header + bytes(elements)


class List(Case):
    def test_names_say_whether_they_are_here(self):
        ran = self.run_in("data", "list", "--dir", "store")
        self.assertEqual((ran.code, ran.log), (0, ""))
        self.assertRegex(ran.out, r"(?m)^digits +built in  ")
        self.assertRegex(ran.out, r"(?m)^synthetic +built in  ")
        self.assertRegex(ran.out, r"(?m)^mnist +to get  ")
        self.assertRegex(ran.out, r"(?m)^cifar10 +to get  ")

    def test_what_a_run_trains_on_is_not_said_to_be_missing(self):
        ran = self.run_in("data", "export", "digits", "mnist", "--set", "data.clients=2", "--set", "data.examples=20")
        self.assertEqual(ran.code, 0, ran.log)
        self.assertRegex(self.run_in("data", "list", "--dir", ".").out, r"(?m)^mnist +in part  ")
        self.assertEqual(self.run_in("data", "show", "mnist", "--set", f"data.dir={self.folder}").code, 0)

    def test_without_a_data_directory_its_flag_is_told(self):
        ran = self.run_in("data", "list", env={"PATH": os.environ["PATH"]})
        self.assert_says(ran, 2, "choir data list: no data directory: set data.dir, or --dir where a command has it, or "
                                 "CHOIR_DATA or HOME in the environment\n")

    def test_a_name_that_is_empty_is_none(self):
        for words in (("data", "show", ""), ("data", "export", "", "out")):
            self.assert_says(self.run_in(*words), 2, f"choir {' '.join(words[:2])}: the data set's name is empty; "
                                                     "'choir data list' shows those there are\n")


class Get(Case):
    def test_the_last_line_says_where_they_are_kept(self):
        last = self.run_in("data", "list", "--dir", "here").out.splitlines()[-1]
        self.assertEqual(last, "data directory: here (--dir)")
        self.assertRegex(self.run_in("data", "list").out.splitlines()[-1],
                         r"^data directory: /.* \(\$CHOIR_DATA")

    def test_a_variable_that_is_empty_says_nothing(self):
        os.environ["CHOIR_DATA"] = ""
        self.addCleanup(os.environ.update, CHOIR_DATA="/nonexistent")
        self.assertRegex(self.run_in("data", "list").out.splitlines()[-1],
                         r"^data directory: /.* \(\$CHOIR_DATA would change it\)$")

    def test_without_a_network_it_says_which_files_to_bring(self):
        for name in ("https_proxy", "http_proxy"):  # where nobody listens
            os.environ[name] = "http://127.0.0.1:9"
            self.addCleanup(os.environ.pop, name)
        ran = self.run_in("data", "get", "cifar10", "--dir", "here")
        self.assertEqual((ran.code, ran.out), (1, ""))
        self.assertIn("without a network, put these files into here/cifar10:\n"
                      "  cifar-10-binary.tar.gz  from https://", ran.log)

    def test_a_name_nobody_has_is_refused(self):
        self.assert_says(self.run_in("data", "get", "mnits"), 2,
                         "choir data get: no data set is called 'mnits'; did you mean 'mnist'?\n")
        self.assert_says(self.run_in("data", "get", "weather"), 2,
                         "choir data get: no data set is called 'weather'; 'choir data list' shows "
                         "their names\n")

    def test_what_is_built_in_need_not_be_got(self):
        self.assert_says(self.run_in("data", "get", "digits"), 2,
                         "choir data get: 'digits' is built in; there is nothing to get\n")


class Show(Case):
    def show(self, *words):
        return self.run_in("data", "show", *words)

    def counts(self, text):
        """client -> (train, heldout, counts by label)."""
        rows = re.findall(r"(?m)^ +(\d+) +(\d+) +(\d+)((?: +\d+){10})$", text)
        return {int(k): (int(t), int(h), [int(c) for c in cs.split()]) for k, t, h, cs in rows}

    def test_a_job_shows_its_writers_and_their_labels(self):
        self.file("a.yaml", "data: {source: digits, clients: 12, examples: 40, heldout: 0.25}\n")
        ran = self.show("a.yaml")
        self.assertEqual((ran.code, ran.log), (0, ""))
        self.assertIn("digits: inputs of 28 x 28 x 1, 10 classes\nclients   12\n", ran.out)
        rows = self.counts(ran.out)
        self.assertEqual(sorted(rows), list(range(12)))
        for train, heldout, labels in rows.values():
            self.assertEqual(sum(labels), train)
            self.assertAlmostEqual(heldout / (train + heldout), 0.25, delta=0.05)

    def test_shards_show_few_labels(self):
        ran = self.show("digits", "--set", "data.partition=shards", "--set", "data.clients=20",
                        "--set", "data.shards=1", "--rows", "5")
        rows = self.counts(ran.out)
        self.assertEqual(len(rows), 5)
        self.assertIn("... and 15 more", ran.out)
        for _, _, labels in rows.values():
            self.assertLessEqual(sum(c > 0 for c in labels), 2)

    def test_the_picture_is_xml_with_a_row_for_each_client(self):
        ran = self.show("digits", "--set", "data.clients=7", "--out", "a.svg")
        self.assertEqual((ran.code, ran.log), (0, ""))
        root = xml.parse(self.folder / "a.svg").getroot()
        titles = [t.text for t in root.iter("{http://www.w3.org/2000/svg}title")]
        self.assertEqual({t.split(",")[0] for t in titles}, {f"client {k}" for k in range(7)})
        total = sum(int(t.rsplit(" ", 1)[1]) for t in titles)
        self.assertIn(f"examples  {total} to train on", ran.out)

    def test_one_of_a_thing_has_no_plural(self):
        self.file("m.tsv", "0\t0\thi you\n" + "".join(f"ann\t{i}\thi you\n" for i in range(3)))
        ran = self.show("m.tsv", "--set", "data.clients=0", "--set", "data.heldout=0",
                        "--set", "data.test_share=0", "--set", "data.steps=1")
        self.assertEqual((ran.code, ran.log), (0, ""))
        self.assertIn("examples of up to 1 word\n", ran.out)
        self.show("digits", "--set", "data.clients=1", "--out", "a.svg")
        self.assertIn(": the first 1 of 1 client<", (self.folder / "a.svg").read_text())

    def test_rows_beyond_the_memory_are_encoded_into_the_data_directory(self):
        self.file("t.csv", "x,y,z,class\n" + "".join(f"{i},{i % 7},{i * i % 11},{'ab'[i % 2]}\n" for i in range(90000)))
        words = ("t.csv", "--set", "data.partition=iid", "--set", "data.dir=d", "--set", "data.memory=1")
        shown = [self.show(*words) for _ in range(2)]
        self.assertIn("\nmemory    examples to train on and for testing stay in a file of the data directory\n", shown[0].out)
        self.assertEqual(shown[0].out, shown[1].out)
        made = list((self.folder / "d" / "unpacked").iterdir())
        self.assertEqual(len(made), 1)
        made[0].unlink()
        made[0].parent.rmdir()
        (self.folder / "d" / "unpacked").write_text("in the way")
        ran = self.show(*words)
        self.assertEqual((ran.code, ran.out), (1, ""))
        self.assertIn("d/unpacked", ran.log)
        whole = self.show(*words, "--set", "data.memory=0")
        self.assertEqual(whole.out, re.sub(r"memory .*\n", "", shown[0].out))

    def test_a_million_clients_are_shown_at_once(self):
        ran = self.show("synthetic", "--set", "data.clients=2000000", "--rows", "1")
        self.assertEqual((ran.code, ran.log), (0, ""))
        self.assertIn("clients   2000000; below, the first 1000000\n", ran.out)

    def test_many_classes_are_shaded(self):
        for half in ("train", "t10k"):
            (self.folder / f"{half}-images-idx3-ubyte").write_bytes(idx(8, [60, 2, 2], [9] * 240))
            (self.folder / f"{half}-labels-idx1-ubyte").write_bytes(idx(8, [60], range(60)))
        ran = self.show(".", "--set", "data.partition=iid", "--set", "data.clients=2")
        self.assertEqual((ran.code, ran.log), (0, ""))
        self.assertIn(".: inputs of 2 x 2 x 1, 60 classes", ran.out)
        self.assertEqual(len(re.findall(r"(?m)\|[ @]{60}\|$", ran.out)), 2)

    def test_a_csv_file_is_dealt_by_its_group_column(self):
        rows = "".join(f"{i},{i % 3},team{i % 5},{i % 2}\n" for i in range(60))
        self.file("t.csv", "a,b,team,won\n" + rows)
        ran = self.show("t.csv", "--set", "data.group=team", "--set", "data.test_share=0")
        self.assertEqual((ran.code, ran.log), (0, ""))
        self.assertIn("t.csv: 2 features, 2 classes\nclients   5\n", ran.out)
        self.assertNotIn("left out", ran.out)

    def test_groups_beyond_the_clients_are_told_of(self):
        rows = "".join(f"{i},{i % 3},team{i % 5},{i % 2}\n" for i in range(60))
        self.file("t.csv", "a,b,team,won\n" + rows)
        words = ("data.source=t.csv", "data.group=team", "data.test_share=0", "data.clients=2")
        words = [word for key in words for word in ("--set", key)]
        says = "3 of 5 groups%s, with 36 examples: data.clients is 2\n"
        self.assertIn("\nleft out  " + says % "", self.show("t.csv", *words[2:]).out)
        self.file("a.yaml", "model: softmax\nserver: {rounds: 1}\n")
        for more in ([], ["--set", "data.holder=pooled"]):
            ran = self.run_in("sim", "a.yaml", "--no-report", *words, *more)
            self.assertEqual(ran.code, 0, ran.log)
            self.assertIn(says % " are left out", ran.log)

    def test_lines_of_plays_are_shown_by_role(self):
        said = "".join(f"  {'AB'[i % 2]}LF. Line {i}.\n    And on it goes, further than can be.\n"
                       for i in range(20))
        self.file("plays.txt", f"A TITLE\n\nby Some Body\n\n{said}")
        ran = self.show("plays.txt", "--set", "data.clients=0", "--set", "data.heldout=0",
                        "--set", "data.steps=24", "--rows", "1")
        self.assertEqual((ran.code, ran.log), (0, ""))
        self.assertEqual(ran.out.split("\n\n")[0],
                         "plays.txt: text, a vocabulary of 258, examples of up to 24 characters\n"
                         "clients   2\n"
                         "examples  48 to train on, 0 held out, 12 for testing\n"
                         "characters 726 to train on, 0 held out, 184 for testing, the end of each "
                         "line among them\n"
                         "longer    20 lines, cut into examples that follow each other\n"
                         "a client  trains on 363 to 363 characters, half of them on 363 or more")
        self.assert_says(self.run_in("examples", "add", "store", "plays.txt"), 2,
                         "choir examples add: data.source: 'plays.txt' is text, and a store keeps "
                         "pixels or numbers; needs pictures or a CSV file\n")
        ran = self.show("plays.txt", "--set", "data.partition=shards")
        self.assertEqual(ran.code, 2)
        self.assertIn("deals by label, and a line of text has none", ran.log)

    def test_a_set_by_name_is_shown_beside_what_was_published_of_it(self):
        (self.folder / "here/shakespeare").mkdir(parents=True)
        (self.folder / "here/shakespeare/pg100.txt").write_text(
            "A TITLE\n\nby Some Body\n\n" + "  ALF. Me.\n  BOB. And me.\n" * 2)
        ran = self.show("shakespeare", "--set", "data.dir=here")
        self.assertEqual((ran.code, ran.log), (0, ""))
        self.assertIn("\nclients   2\n", ran.out)
        self.assertIn("\npublished 1146 clients, 3564579 characters to train on, 870014 for testing "
                      "(McMahan et al. 2017)", ran.out)

    def test_a_folder_of_leaf_is_read_as_it_is(self):
        for half, users in (("train", {"u": "abcdefgh", "v": "xyz"}), ("test", {"u": "hgf"})):
            (self.folder / "leaf" / half).mkdir(parents=True)
            data = {u: {"x": [t[i:i + 2] for i in range(len(t) - 2)], "y": list(t[2:])}
                    for u, t in users.items()}
            (self.folder / "leaf" / half / "all.json").write_text(json.dumps(
                {"users": list(users), "num_samples": [len(data[u]["x"]) for u in users],
                 "user_data": data}))
        ran = self.show("leaf", "--set", "data.clients=0", "--set", "data.heldout=0")
        self.assertEqual((ran.code, ran.log), (0, ""))
        self.assertIn("clients   2\nexamples  7 to train on, 0 held out, 1 for testing\n"
                      "characters 14 to train on, 0 held out, 2 for testing\n", ran.out)

    def test_messages_are_shown_by_sender(self):
        self.file("m.tsv", "0\t1\tHello there, you\n" + "".join(
            f"{'ann' if i % 3 else 'bob'}\t{i}\tHello you {i}\n" for i in range(30)))
        ran = self.show("m.tsv", "--set", "data.clients=0", "--set", "data.heldout=0",
                        "--set", "data.test_share=0")
        self.assertEqual((ran.code, ran.log), (0, ""))
        self.assertEqual(ran.out,
                         "m.tsv: text, a vocabulary of 7, examples of up to 20 words\n"
                         "clients   2\n"
                         "examples  30 to train on, 0 held out, 0 for testing\n"
                         "words     120 to train on, 0 held out, 0 for testing, the end of each "
                         "line among them\n"
                         "longer    0 lines, cut into examples that follow each other\n"
                         "a client  trains on 40 to 80 words, half of them on 80 or more\n"
                         "\n    client  train heldout  words\n"
                         "         0     20       0          80\n"
                         "         1     10       0          40\n")
        self.assert_says(self.show("m.tsv", "--set", "data.proxy=eve"), 2,
                         "choir data show: data.proxy: m.tsv has no words of a sender 'eve', and so "
                         "no vocabulary; needs one whose messages are public\n")

    def test_who_has_nothing_to_train_on_is_no_client(self):
        self.file("ones.tsv", "0\t0\tHello you\n" + "".join(
            f"s{i}\t{i}\tHello you {i}\n" for i in range(13)))
        keys = ("--set", "data.clients=0", "--set", "data.heldout=0", "--set", "data.test_share=0.4")
        ran = self.show("ones.tsv", *keys)
        self.assertEqual((ran.code, ran.log), (0, ""))
        self.assertIn("clients   8\nexamples  8 to train on, 0 held out, 5 for testing\n", ran.out)
        self.assertIn("\nleft out  5 of 13 groups, without an example to train on\nlonger", ran.out)
        self.assertEqual(len(re.findall(r"(?m)^ +\d+      1       0           4$", ran.out)), 8)
        ran = self.show("ones.tsv", *keys, "--set", "data.clients=6")
        self.assertIn("\nleft out  5 of 13 groups, without an example to train on\n"
                      "left out  2 of 13 groups, with 2 examples: data.clients is 6\n", ran.out)
        ran = self.show("ones.tsv", *keys, "--set", "data.clients=3", "--set", "data.partition=iid")
        self.assertNotIn("left out", ran.out)
        self.file("a.yaml", "model: next-word\nserver: {rounds: 1, sample_rate: 1}\n")
        ran = self.run_in("sim", "a.yaml", "--no-report", "--set", "data.source=ones.tsv", *keys)
        self.assertEqual(ran.code, 0, ran.log)
        self.assertIn("5 of 13 groups are left out, without an example to train on\n", ran.log)
        self.assertNotIn("data.clients is", ran.log)

    def test_a_source_given_twice_is_refused(self):
        ran = self.run_in("data", "show", "digits", "--set", "data.source=mnist")
        self.assert_says(ran, 2, "choir data show: --set: data.source=mnist: the source is "
                                 "'digits' already; give one of them\n")

    def test_a_job_may_end_in_yml(self):
        self.file("a.yml", "data: {clients: 3}\n")
        ran = self.run_in("data", "show", "a.yml")
        self.assertEqual(ran.code, 0, ran.log)
        self.assertIn("clients   3\n", ran.out)

    def test_what_is_not_there_is_said_with_what_to_do(self):
        ran = self.show("mnist", "--set", f"data.dir={self.folder}")
        self.assert_says(ran, 1, f"choir data show: data.source: 'mnist' is not in "
                                 f"{self.folder}/mnist; get it with: choir data get mnist --dir "
                                 f"{self.folder}\n")
        ran = self.show("mnist", "--set", "data.dir=my sets")
        self.assertIn("; get it with: choir data get mnist --dir 'my sets'\n", ran.log)
        ran = self.show("mnist")
        self.assertIn("; get it with: choir data get mnist\n", ran.log)
        ran = self.show("t.csv", "--set", f"data.dir={self.folder}")
        self.assertEqual(ran.code, 1)
        self.assertIn(f"'t.csv' is no built-in data set, and there is no {self.folder}/t.csv, nor "
                      "such a file in the working directory;", ran.log)
        self.assertIn("'./t.csv' is no built-in data set, and there is no ./t.csv;",
                      self.show("./t.csv").log)

    def test_a_truncated_file_is_named(self):
        for half in ("train", "t10k"):
            (self.folder / f"{half}-images-idx3-ubyte").write_bytes(idx(8, [5, 2, 2], [9] * 19))
        ran = self.show(".")
        self.assert_says(ran, 1, "choir data show: ./train-images-idx3-ubyte: 19 bytes after the "
                                 "header, which promises 20: the file is cut off\n")

    def test_a_picture_is_told_of_and_is_svg(self):
        ran = self.show("digits", "--set", "data.clients=2", "--out", "d.svg")
        self.assertEqual((ran.code, ran.out.splitlines()[-1]), (0, "picture: d.svg"))
        ran = self.show("digits", "--set", "data.clients=2", "--out", "d.png")
        self.assert_says(ran, 2, "choir data show: --out: 'd.png' does not end in .svg, which is "
                                 "what is drawn\n")
        self.assertFalse((self.folder / "d.png").exists())

    def test_own_pictures_without_writers_are_told_how_to_be_dealt(self):
        for half in ("train", "t10k"):
            (self.folder / f"{half}-images-idx3-ubyte").write_bytes(idx(8, [5, 2, 2], [9] * 20))
            (self.folder / f"{half}-labels-idx1-ubyte").write_bytes(idx(8, [5], [1, 0, 1, 0, 1]))
        ran = self.show(".")
        self.assert_says(ran, 2, "choir data show: data.partition: 'natural' needs to know who made "
                                 "each example, and '.' does not say; set data.partition=iid to "
                                 "deal them at random, or name a CSV file's column that says it in "
                                 "data.group\n")

    def test_a_picture_that_cannot_be_written_is_an_error(self):
        ran = self.show("digits", "--set", "data.clients=2", "--out", "no/such/folder.svg")
        self.assertEqual((ran.code, ran.log),
                         (1, "choir data show: no/such/folder.svg.tmp: cannot create: No such file "
                             "or directory\n"))

    def test_a_picture_is_kept_until_there_is_another(self):
        picture = self.folder / "kept.svg"
        (self.folder / "two.csv").write_text("a,b\n1,2\n2,1\n3,4\n4,3\n")
        words = ("./two.csv", "--set", "data.partition=iid", "--set", "data.clients=2",
                 "--set", "data.task=regression", "--set", "model.loss=mean-squared-error")
        for before in ("a picture", None):
            if before:
                picture.write_text(before)
            else:
                picture.unlink()
            ran = self.show(*words, "--out", "kept.svg")
            self.assertEqual((ran.code, ran.log), (2, "choir data show: ./two.csv has 0 labels; a "
                                                      "picture needs between 1 and 256\n"))
            self.assertEqual(picture.read_text() if picture.exists() else None, before)
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["two.csv"])


class Export(Case):
    def test_an_exported_set_is_dealt_as_the_original(self):
        how = ["--set", "data.clients=9", "--set", "data.examples=20", "--rows", "9"]
        ran = self.run_in("data", "export", "digits", "out", *how[:4])
        self.assertEqual((ran.code, ran.log), (0, ""))
        self.assertRegex(ran.out, r"^out: \d+ examples, held-out ones among them, and 2000 for testing\n$")
        first = self.run_in("data", "show", "digits", *how).out
        again = self.run_in("data", "show", "out", *how).out
        self.assertEqual(first.split("\n", 1)[1], again.split("\n", 1)[1])

    def test_what_no_client_holds_is_not_exported(self):
        count = {}
        for name, source, clients in (("all", "digits", 9), ("three", "all", 3)):
            ran = self.run_in("data", "export", source, name, "--set", f"data.clients={clients}",
                              "--set", "data.partition=natural", "--set", "data.examples=20")
            self.assertEqual((ran.code, ran.log), (0, ""))
            count[name] = int(re.match(r"\w+: (\d+) examples", ran.out)[1])
            images = self.folder / name / "train-images-idx3-ubyte"
            self.assertEqual(images.stat().st_size, 16 + 784 * count[name])
            shown = self.run_in("data", "show", name, "--set", f"data.clients={clients}", "--set", "data.partition=natural").out
            examples = re.search(r"(\d+) to train on, (\d+) held out", shown)
            self.assertEqual(int(examples[1]) + int(examples[2]), count[name])
        self.assertLess(count["three"], count["all"])

    def test_what_the_documentation_exports_is_as_much_as_it_says(self):
        page = (SOURCE / "docs/dataset.md").read_text()
        words = re.search(r"^choir (data export digits .*\n.*)$", page, re.M)[1].replace("\\\n", "").split()
        said = re.search(r"100 writers \(([\d,]+) digits\)", page)[1].replace(",", "")
        self.assertEqual(self.run_in(*words).out, f"digits-100: {said} examples, held-out ones among them, and 10000 for testing\n")

    def test_what_is_not_pixels_is_refused(self):
        ran = self.run_in("data", "export", "synthetic", "out", "--set", "data.clients=2")
        self.assert_says(ran, 2, "choir data export: out: IDX files hold bytes, and these inputs "
                                 "are real numbers\n")

    def test_a_set_is_not_written_over(self):
        how = ["--set", "data.clients=2"]
        self.run_in("data", "export", "digits", "out", *how)
        images = self.folder / "out" / "train-images-idx3-ubyte"
        before = images.read_bytes()
        for name in ("out", "out/"):
            ran = self.run_in("data", "export", "digits", name, *how, "--set", "seed=2")
            self.assert_says(ran, 2, f"choir data export: {name}: holds a data set already; give "
                                     "another folder, or remove it\n")
        self.assertEqual(images.read_bytes(), before)


if __name__ == "__main__":
    os.environ["CHOIR_DATA"] = "/nonexistent"
    unittest.main()

#!/usr/bin/env python3
"""A keyboard on messages of our own: how often each of five suggests what was typed next, counted by
hand."""
import json
import pathlib
import shutil
import unittest

from choir import Case
from texting import JOB, messages


class Keyboard(Case):
    """Each sender repeats one message, so that whichever are held out, they are the same: the counts
    below do not depend on the draw."""

    def setUp(self):
        super().setUp()
        self.file("sms.tsv", messages(("0", "see you soon", 12), ("0", "call me now", 6),
                                      ("ann", "see you soon", 10), ("bob", "Call me Zanzibar", 10)))
        self.file("k.yaml", JOB)

    def keyboard(self, *more):
        if "--passes" not in more:
            more = ("--passes", "8", *more)
        return self.run_in("keyboard", "k.yaml", "--out", "r.json", "--workers", "1", *more,
                           timeout=240)

    def kill_before_the_model(self):
        """Leaves the proxy's best run as one that was killed when its last round was on the disk, and
        its model was still that of the quarter: another's, to be told from it."""
        runs = sorted((self.folder / "runs/keyboard").glob("k-proxy-*"),
                      key=lambda run: len((run / "metrics.jsonl").read_text().splitlines()))
        facts = json.loads((runs[-1] / "run.json").read_text())
        del facts["model_hash"]
        (runs[-1] / "run.json").write_text(json.dumps(facts))
        (runs[-1] / "checkpoint-8.bin").unlink()
        shutil.copy(runs[0] / "model.safetensors", runs[-1] / "model.safetensors")

    def test_recall_is_that_counted_by_hand_and_the_same_call_goes_on(self):
        ran = self.keyboard("--budget", "0.00001")
        self.assertEqual((ran.code, ran.out), (130, ""))
        self.assertIn("ended before all was trained; the same call goes on", ran.log)
        self.assertFalse((self.folder / "r.json").exists())
        ran = self.keyboard()
        self.assertEqual(ran.code, 0, ran.log)
        result = json.loads((self.folder / "r.json").read_text())
        rows = {row["name"]: row for row in result["rows"]}
        self.assertEqual(list(rows), ["proxy", "ngram-proxy", "ngram-pooled", "pooled", "federated"])
        self.assertEqual((result["senders"], result["judged"], result["heldout"], result["words"],
                          result["unknown"], result["vocabulary"]), (2, 2, 4, 12, 2, 9))
        # ann's two messages: see, you, soon, all first. bob's: call is second to see at the
        # beginning, me is first, and the third word is in no vocabulary.
        for name in ("ngram-proxy", "ngram-pooled"):
            row = rows[name]
            self.assertEqual(row["senders"], [[6, 6, 6], [6, 2, 4]])
            self.assertEqual((row["top1"], row["top3"]), (0.66667, 0.83333))
            self.assertEqual((row["sender_top1"], row["sender_top3"]), (0.66667, 0.83333))
        for name in ("proxy", "pooled", "federated"):
            row = rows[name]
            self.assertEqual([words for words, _, _ in row["senders"]], [6, 6])
            self.assertEqual(row["top1"], round(sum(s[1] for s in row["senders"]) / 12, 5))
            self.assertEqual(row["sender_top3"],
                             round(sum(s[2] / s[0] for s in row["senders"]) / 2, 5))
            losses = [v for v in row["rates"].values() if v is not None]
            self.assertEqual(row["rates"][str(row["learning_rate"])], min(losses))
        proxy = rows["proxy"]["senders"]
        for row in rows.values():
            self.assertEqual(row["better"],
                             sum(a[1] > b[1] for a, b in zip(row["senders"], proxy)))
            self.assertEqual(row["worse"], sum(a[1] < b[1] for a, b in zip(row["senders"], proxy)))
        self.kill_before_the_model()
        again = self.keyboard("--quiet")
        self.assertEqual((again.code, again.out, again.log), (0, ran.out, ""))
        self.assertIn("2 senders, 2 of them with held-out words: 12, 16.67 % of which", ran.out)
        rows = []
        for runs in ("runs/keyboard", "runs/afresh"): # what had more passes is not what counts
            ran = self.keyboard("--rates", "1", "--passes", "2", "--runs", runs)
            self.assertEqual(ran.code, 0, ran.log)
            rows.append(json.loads((self.folder / "r.json").read_text())["rows"])
        self.assertEqual(rows[0], rows[1])
        self.assertEqual([list(row["rates"]) for row in rows[0] if "rates" in row],
                         3 * [["0.215"]])
        for path in pathlib.Path(self.folder).rglob("*"): # nothing that is kept has a client's word
            if path.is_file() and path.name != "sms.tsv":
                self.assertNotIn(b"zanzibar", path.read_bytes().lower(), path)

    def test_a_rate_is_told_by_its_loss_and_the_result_by_its_command(self):
        ran = self.keyboard("--rates", "1", "--passes", "1", "--quiet", "--set",
                            "client.learning_rate=0.21567", "--set", "evaluate_every=10", "--set",
                            "chain=clip=9|weight")
        self.assertEqual(ran.code, 0, ran.log)
        result = json.loads((self.folder / "r.json").read_text())
        self.assertEqual([(list(row["rates"]), row["learning_rate"], len(row["senders"]))
                          for row in result["rows"] if "rates" in row],
                         3 * [(["0.21567"], 0.21567, 2)])
        self.assertEqual(result["command"],
                         "choir keyboard k.yaml --passes 1 --rates 1 --set "
                         "client.learning_rate=0.21567 --set evaluate_every=10 --set "
                         "'chain=clip=9|weight'")

    def test_trigrams_read_a_message_that_was_cut_as_the_whole(self):
        """Cut at two words, "<begin> go to | to bed <end>". Behind "to" comes "work" more often than
        "bed", and behind "go to" always "bed"; who begins with "go" is outnumbered."""
        self.file("sms.tsv", messages(("0", "go to bed", 4), ("0", "off to work", 12),
                                      ("ann", "go to bed", 20)))
        ran = self.keyboard("--rates", "1", "--passes", "1", "--quiet", "--set", "data.steps=2",
                            "--set", "server.rounds=1")
        self.assertEqual((ran.code, ran.log), (0, ""))
        result = json.loads((self.folder / "r.json").read_text())
        pieces, words, row = result["heldout"], result["words"], result["rows"][1]
        self.assertTrue(pieces < words < 2 * pieces, (pieces, words))  # of both kinds
        self.assertEqual(row["name"], "ngram-proxy")
        self.assertEqual(row["senders"], [[words, pieces, words]])  # "to" of a first, "bed" of a second

    def test_what_diverges_at_each_rate_says_so(self):
        ran = self.keyboard("--set", "client.learning_rate=900", "--rates", "2", "--passes", "1")
        self.assertEqual((ran.code, ran.out), (2, ""))
        self.assertIn("proxy: training diverged at each learning rate; give a lower "
                      "client.learning_rate than 418", ran.log)

    def test_central_training_has_as_many_passes_as_senders_are_asked_on_average(self):
        ran = self.keyboard("--set", "server.sample_rate=0.01", "--set", "server.rounds=6", "--rates",
                            "1", "--passes", "1", "--quiet")
        self.assertEqual(ran.code, 0, ran.log)
        rows = {row["name"]: row for row in json.loads((self.folder / "r.json").read_text())["rows"]}
        self.assertEqual(rows["pooled"]["rounds"], 3)  # one of the two is asked a round

    def test_the_rates_are_the_jobs_own_and_its_neighbours(self):
        ran = self.keyboard("--set", "client.learning_rate=0.3", "--passes", "1", "--quiet", "--set",
                            "server.rounds=1", "--set", "evaluate_every=1")
        self.assertEqual(ran.code, 0, ran.log)
        result = json.loads((self.folder / "r.json").read_text())
        self.assertEqual([list(row["rates"]) for row in result["rows"] if "rates" in row],
                         3 * [["0.3", "0.139", "0.646"]])
        ran = self.keyboard("--set", "client.learning_rate=900")
        self.assertEqual((ran.code, ran.out), (2, ""))
        self.assertIn("client.learning_rate: is 900, and its neighbour 1940 is tried too; both must be in "
                      "[1e-09, 1000]", ran.log)

    def test_that_nobody_holds_anything_out_is_said_before_anything_is_trained(self):
        ran = self.keyboard("--set", "data.heldout=0.001")
        self.assertEqual((ran.code, ran.out), (2, ""))
        self.assertIn("choir keyboard: data.heldout: 0.001: no sender has messages enough to hold one "
                      "out; needs a larger share", ran.log)
        self.assertFalse((self.folder / "runs").exists())

    def test_that_the_result_cannot_be_written_is_said_before_anything_is_trained(self):
        ran = self.keyboard("--out", "nowhere/r.json")
        self.assert_says(ran, 1, "choir keyboard: nowhere/r.json.tmp: cannot create: No such file or "
                                 "directory\n")
        self.assertFalse((self.folder / "runs").exists())

    def test_a_job_that_is_no_keyboards_is_refused(self):
        for setting, says in (
                ("data.heldout=0", "data.heldout: is 0; recall is counted on messages that each "
                                   "sender holds out, such as 0.2 of them"),
                ("data.test_share=0", "data.test_share: is 0; learning rates are chosen on "
                                      "messages that nobody trains on, such as 0.05 of them"),
                ("data.holder=pooled", "data.holder: is 'pooled'; here it is clients, and the "
                                       "others are what they are compared with"),
                ("data.clients=2;data.partition=iid", "data.partition: is 'iid'; a keyboard's clients are the "
                                       "senders, so it must be natural"),
                ("schedule.epochs=step every=1 factor=2",
                 "schedule.epochs: is 'step every=1 factor=2'; what it is compared with is trained for as many "
                 "epochs, so it must be constant"),
                ("data.source=digits", "data.source: 'digits' holds no messages by sender; a "
                                       "keyboard's are lines of sender, number and text in a .tsv "
                                       "file")):
            sets = [word for one in setting.split(";") for word in ("--set", one)]
            ran = self.run_in("keyboard", "k.yaml", *sets)
            self.assertEqual((ran.code, ran.out), (2, ""))
            self.assertIn(says, ran.log)
        self.file("open.yaml", JOB.replace("sample_rate: 1", "goal: 1") + "population: open\n")
        self.assert_says(self.run_in("keyboard", "open.yaml"), 2,
                         "choir keyboard: open.yaml:6: population: is 'open'; rounds are counted by the senders that there are, "
                         "so it must be closed\n")


if __name__ == "__main__":
    unittest.main()

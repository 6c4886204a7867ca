#!/usr/bin/env python3
"""Text from a job to a model that is asked: lines of a play of our own, a role a client."""
import json
import unittest

from choir import Case

WORDS = ("to be or not", "what a day", "my lord", "alas")


class Text(Case):
    def setUp(self):
        super().setUp()
        speeches = "".join(f"  ROLE {'ABCD'[i % 4]}. {WORDS[i % 4]}, {WORDS[i // 4 % 4]}.\n"
                           for i in range(40))
        self.file("plays.txt", f"A PLAY\n\nby Some Body\n\nACT I\n\n{speeches}")
        self.file("a.yaml", "model: char-lstm\n"
                            "data: {source: plays.txt, clients: 0, heldout: 0}\n"
                            "client: {batch_size: 0}\n"
                            "server: {rounds: 1, sample_rate: 0.25}\n")

    def test_a_character_model_trains_and_says_what_follows(self):
        ran = self.run_in("sim", "a.yaml")
        self.assertEqual(ran.code, 0, ran.log)
        ran = self.run_in("eval", "runs/a-1", "--json")
        self.assertEqual((ran.code, ran.log), (0, ""))
        result = json.loads(ran.out)
        lines = [f"{WORDS[i % 4]}, {WORDS[i // 4 % 4]}." for i in range(32, 40)]
        self.assertEqual(result["examples"], 8)
        self.assertEqual(result["predictions"], sum(len(line) + 1 for line in lines))
        self.assertEqual((len(result["labels"]), result["confusion"]), (258, []))
        ran = self.run_in("eval", "runs/a-1")
        self.assertRegex(ran.out, rf"^accuracy [\d.]+ %, loss [\d.]+, 8 examples, "
                                  rf"{result['predictions']} predictions\n$")
        ran = self.run_in("predict", "runs/a-1", "--first", "2", "--count", "1")
        self.assertEqual((ran.code, ran.log), (0, ""))
        head, *rows = [row.split("\t") for row in ran.out.splitlines()]
        self.assertEqual(head, ["example", "token", "prediction", "probability", "truth"])
        self.assertEqual([row[:2] for row in rows], [["2", str(t)] for t in range(len(lines[2]) + 1)])
        truth = ["space" if c == " " else c for c in lines[2]] + ["<end>"]
        self.assertEqual([row[4] for row in rows], truth)

    def test_a_model_of_pictures_reads_no_lines(self):
        ran = self.run_in("sim", "a.yaml", "--set", "model=softmax")
        self.assertEqual(ran.code, 2)
        self.assertIn("softmax", ran.log)
        self.assertIn("the data is text", ran.log)


if __name__ == "__main__":
    unittest.main()

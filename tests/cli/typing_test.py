#!/usr/bin/env python3
"""Words suggested as one types, from a pipe and on a terminal."""
import contextlib
import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
import unittest

from choir import CHOIR, Case
from texting import JOB, messages


class Typing(Case):
    """A model of the proxy's messages, asked what is typed next."""

    @classmethod
    def setUpClass(cls):
        cls.trained = Case()
        cls.trained.setUp()
        cls.trained.file("sms.tsv", messages(("0", "see you soon", 12), ("0", "call me now", 6),
                                             ("ann", "secret", 1)))
        cls.trained.file("k.yaml", JOB)
        ran = cls.trained.run_in("sim", "k.yaml", "--set", "data.holder=proxy", "--set",
                                 "data.heldout=0", "--set", "client.learning_rate=0.1", "--rounds",
                                 "8", "--no-report", timeout=240)
        assert ran.code == 0, ran.log
        cls.model = cls.trained.folder / "runs" / "k-1"

    @classmethod
    def tearDownClass(cls):
        cls.trained.doCleanups()

    def ask(self, lines, *more):
        done = subprocess.run([CHOIR, "predict", str(self.model), *more], input=lines,
                              capture_output=True, timeout=60)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def test_each_line_of_a_pipe_is_answered_with_three_words(self):
        code, out, log = self.ask(b"see\nCALL\n\nnothing it knows: see you\ncall me")
        self.assertEqual((code, log), (0, ""))
        rows = [row.split("\t") for row in out.splitlines()]
        self.assertEqual([row[0] for row in rows], ["you", "me", "see", "soon", "now"])
        for row in rows:
            self.assertEqual(len(set(row)), 3)
            self.assertLessEqual(set(row), {"see", "you", "soon", "call", "me", "now"})

    def test_odd_bytes_long_lines_and_no_lines_are_answered(self):
        self.assertEqual(self.ask(b""), (0, "", ""))
        code, out, log = self.ask(b"\xff\xfe\x00 see\n" + b"see you " * 50000 + b"\n" + b"x" * 200000)
        self.assertEqual((code, log), (0, ""))
        rows = [row.split("\t") for row in out.splitlines()]
        self.assertEqual([len(row) for row in rows], [3, 3, 3])
        self.assertEqual([row[0] for row in rows[:2]], ["you", "soon"])

    def test_an_answer_comes_before_the_next_line(self):
        asked = subprocess.Popen([CHOIR, "predict", str(self.model)], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE)
        for line, word in ((b"see\n", b"you"), (b"call\n", b"me")):
            asked.stdin.write(line)
            asked.stdin.flush()
            self.assertEqual(asked.stdout.readline().split(b"\t")[0], word)
        asked.stdin.close()
        self.assertEqual(asked.wait(timeout=30), 0)
        asked.stdout.close()

    def test_examples_are_predicted_when_they_are_asked_for(self):
        code, out, log = self.ask(b"", "--count", "1")
        self.assertEqual((code, log), (0, ""))
        self.assertEqual(out.splitlines()[0], "example\ttoken\tprediction\tprobability\ttruth")

    def test_what_is_no_run_or_has_no_model_is_refused(self):
        (self.folder / "empty").mkdir()
        ran = self.run_in("predict", "empty")
        self.assert_says(ran, 1, "choir predict: empty: holds no model.safetensors, so it is no "
                                 "run\n")

    def test_a_model_whose_words_were_changed_is_refused(self):
        path = self.folder / "m.safetensors"
        whole = (self.model / "model.safetensors").read_bytes()
        size = int.from_bytes(whole[:8], "little")
        header = json.loads(whole[8:8 + size])
        names = json.loads(header["__metadata__"]["choir.labels"])
        header["__metadata__"]["choir.labels"] = json.dumps(names[:-1])
        text = json.dumps(header).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text + whole[8 + size:])
        ran = self.run_in("predict", "m.safetensors")
        self.assert_says(ran, 1, "choir predict: m.safetensors: its vocabulary has 8 words, its "
                                 "layers read 9 and tell 9 apart\n")

    def test_a_job_of_other_words_does_not_go_on_with_a_model(self):
        self.file("k.yaml", JOB)
        self.file("sms.tsv", messages(("0", "see you later", 12), ("0", "call me now", 6),
                                      ("ann", "see you", 5)))
        ran = self.run_in("sim", "k.yaml", "--set", f"model.init={self.model}/model.safetensors")
        self.assertEqual((ran.code, ran.out), (2, ""))
        self.assertIn("tells the labels [\"<unknown>\",\"<begin>\",\"<end>\",\"see\",\"soon\"", ran.log)
        self.assertIn("'sms.tsv' has [", ran.log)

    def read_until(self, fd, text):
        """What the terminal showed until it showed text."""
        shown = b""
        end = time.monotonic() + 60
        while text not in shown:
            left = end - time.monotonic()
            self.assertGreater(left, 0, shown)
            if select.select([fd], [], [], left)[0]:
                shown += os.read(fd, 65536)
        return shown

    @contextlib.contextmanager
    def on_terminal(self):
        """A terminal's own end, and predict that was started on it; it has to end within this, with 0 and
        with the settings as they were."""
        own, theirs = pty.openpty()
        self.addCleanup(os.close, own)
        self.addCleanup(os.close, theirs)
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
        before = termios.tcgetattr(theirs)
        asked = subprocess.Popen([CHOIR, "predict", str(self.model)], stdin=theirs, stdout=theirs,
                                 env={**os.environ, "TERM": "xterm"})
        try:
            shown = self.read_until(own, b"\x1b[A\r") # two lines: what is typed, below it the words
            self.assertIn(b"\r\nsee   call", shown)
            yield own, asked
            code = asked.wait(timeout=30)
        finally:
            asked.kill()
            asked.wait()
        self.assertEqual(termios.tcgetattr(theirs), before)
        self.assertEqual(code, 0)

    def test_on_a_terminal_words_are_suggested_as_one_types(self):
        with self.on_terminal() as (own, _):
            os.write(own, b"s")
            self.read_until(own, b"\r\nsee   soon\x1b[A\rs") # those that begin so
            os.write(own, b"\t") # takes the first
            shown = self.read_until(own, b"\x1b[A\rsee ")
            self.assertIn(b"\r\nyou   ", shown)
            os.write(own, b"\x1b1") # and Alt-1 does, too
            self.read_until(own, b"\x1b[A\rsee you ")
            os.write(own, b"\x7f\x7f\x7f\x7f") # back to "see "
            self.read_until(own, b"\x1b[A\rsee ")
            os.write(own, b"\r") # begins anew
            self.read_until(own, b"see   call")
            os.write(own, b"\x04")

    def test_a_signal_ends_it_as_ctrl_c_does(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number), self.on_terminal() as (own, asked):
                asked.send_signal(number) # about when it begins to wait for a key
            with self.subTest(number, within="a sequence"), self.on_terminal() as (own, asked):
                os.write(own, b"s\x1b[")
                self.read_until(own, b"\x1b[A\rs")
                asked.send_signal(number)

    def test_a_key_that_no_sequence_has_ends_one_and_counts(self):
        for keys in (b"\x1b\x03", b"\x1b\x04", b"\x1b[\x03", b"\x1b[1;\x04", b"\x1bO\x03"):
            with self.subTest(keys), self.on_terminal() as (own, _):
                os.write(own, keys)

    def test_sequences_that_mean_nothing_here_are_passed_over(self):
        with self.on_terminal() as (own, _):
            os.write(own, b"\x1b[A\x1b[1;5C\x1bOP\x1bx\x1b\x1b[3~s\x1b[\xc3\xa9")
            self.read_until(own, b"\x1b[A\rs\xc3\xa9")
            os.write(own, b"\x04")


if __name__ == "__main__":
    unittest.main()

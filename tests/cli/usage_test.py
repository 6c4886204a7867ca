#!/usr/bin/env python3
"""Command lines: every command documents itself, and what does not parse is said in a sentence."""
import json
import os
import re
import subprocess
import unittest

from choir import Case, choir


def commands():
    listed = re.search(r"commands:\n(.*?)\n\n", choir("--help").out, re.S)[1]
    return [re.split(r"  +", line.strip())[0] for line in listed.splitlines()]


class Usage(Case):
    def test_no_command_prints_the_usage_as_an_error(self):
        ran = choir()
        self.assertEqual((ran.code, ran.out), (2, ""))
        self.assertTrue(ran.log.startswith("usage: choir COMMAND [options]\n"))

    def test_help_lists_commands_and_exit_codes(self):
        ran = choir("--help")
        self.assertEqual((ran.code, ran.log), (0, ""))
        self.assertIn("job keys", commands())
        for code in (0, 1, 2, 3, 130):
            self.assertRegex(ran.out, rf"\n  {code} +\w")

    def test_help_and_the_manual_name_the_environment(self):
        self.assertRegex(choir("--help").out, r"\nenvironment:\n  CHOIR_DATA +\w")
        page = choir("help", "--man").out
        self.assertIn(".SH ENVIRONMENT\n.TP\n.B CHOIR_DATA\n", page)
        self.assertIn(".SH SEE ALSO\n.BR choir\\-sim (1),\n", page)
        self.assertIn(".SH SEE ALSO\n.BR choir (1)\n", choir("help", "--man", "sim").out)

    def test_values_of_flags_have_names_in_help_and_manual(self):
        flags = choir("sim", "--help").out
        for text in ("--set KEY=VALUE ", "--seed SEED ", "--run-dir DIR ", "--workers N "):
            self.assertIn("\n  " + text, flags)
        self.assertIn(".B \\-\\-run\\-dir \\fIDIR\\fR\n", choir("help", "--man", "sim").out)

    def test_help_of_a_group_lists_its_commands(self):
        for group in ("admin", "data", "device", "examples", "hosted", "job"):
            ran = choir("help", group)
            self.assertEqual((ran.code, ran.out), (0, choir(group, "--help").out))

    def test_an_unknown_command_is_refused_with_the_nearest(self):
        self.assert_says(choir("verison"), 2,
                         "choir: 'verison' is not a command; did you mean 'version'?\n")
        self.assert_says(choir("job", "kyes"), 2,
                         "choir: job: 'kyes' is not a command; did you mean 'job keys'?\n")

    def test_every_command_explains_itself(self):
        for name in commands():
            with self.subTest(name):
                ran = choir(*name.split(), "--help")
                self.assertEqual((ran.code, ran.log), (0, ""))
                self.assertTrue(ran.out.startswith(f"usage: choir {name}"))
                self.assertRegex(ran.out, r"\nexit codes:\n  0 +done\n")
                self.assertEqual(choir("help", *name.split()).out, ran.out)
                self.assertLessEqual(max(map(len, ran.out.splitlines())), 90)

    def test_only_a_run_lists_how_training_can_end(self):
        for name in commands():
            with self.subTest(name):
                codes = re.findall(r"\n  (\d+) ", choir(*name.split(), "--help").out)
                self.assertEqual(codes, ["0", "1", "2", "130", "4", "5", "3"] if name == "sim"
                                 else ["0", "1", "2", "130", "4", "5"] if name == "compare"
                                 else ["0", "1", "2", "130"] if name in ("keyboard", "paper run")
                                 else ["0", "1", "2"])

    def test_every_command_refuses_an_unknown_flag(self):
        for name in commands():
            with self.subTest(name):
                self.assert_says(choir(*name.split(), "--xylophone"), 2,
                                 f"choir {name}: --xylophone is not known\n"
                                 f"Try 'choir {name} --help'.\n")

    def test_every_command_has_a_manual_page_with_every_flag(self):
        for name in commands():
            with self.subTest(name):
                page = choir("help", "--man", *name.split()).out
                self.assertTrue(page.startswith(f'.TH "CHOIR-{name.upper().replace(" ", "-")}" 1'))
                flags = re.findall(r"\n  (--[a-z-]+)", choir(*name.split(), "--help").out)
                for flag in flags:
                    self.assertIn(".B " + flag.replace("-", r"\-"), page)

    def test_the_version_is_printed(self):
        self.assertRegex(choir("--version").out, r"^choir \d+\.\d+\.\d+\n$")
        self.assertEqual(choir("version").out, choir("--version").out)

    def test_output_that_cannot_be_written_is_a_failure(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full")
        with open("/dev/full", "w") as full:
            done = subprocess.run([os.environ["CHOIR"], "version"], stdout=full,
                                  stderr=subprocess.PIPE, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr),
                         (1, "choir: standard output could not be written\n"))

    def test_what_has_nowhere_to_be_printed_goes_into_no_file(self):
        self.file("job.yaml", """
            model: softmax
            data: {source: digits, partition: natural, clients: 4, examples: 20, test_examples: 60}
            server: {rounds: 2}
            """)
        for closed in ("<&-", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"):
            with self.subTest(closed):
                folder = self.folder / f"run{closed}"
                done = subprocess.run(["sh", "-c", f'exec "$@" {closed}', "sh", os.environ["CHOIR"], "sim",
                                       "job.yaml", "--json", "--no-report", "--run-dir", folder],
                                      cwd=self.folder, capture_output=True, timeout=60)
                lines = (folder / "metrics.jsonl").read_text().splitlines()
                self.assertEqual([json.loads(line)["round"] for line in lines], [1, 2])
                self.assertEqual(done.returncode, 1 if re.search(r"(?<!2)>", closed) else 0)


if __name__ == "__main__":
    unittest.main()

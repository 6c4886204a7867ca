#!/usr/bin/env python3
"""An operator's slips: what they do not cost."""
import json
import subprocess
import unittest

from choir import CHOIR
from network import JOB, Network


class Keys(Network):
    def setUp(self):
        super().setUp()
        self.serve("--plain")

    def admins(self):
        listed = json.loads(self.check_ran("admin", "ls", "--json").out)["admins"]
        return [(a["name"], a["revoked"]) for a in listed]

    def secret(self):
        return json.loads((self.folder / "choir-server/join.json").read_text())["secret"]

    def test_are_written_over_no_file(self):
        admin = self.folder / "choir-server/admin.json"
        before = admin.read_text()
        for name in (admin, self.file("job.yaml", "name: a"), "."):
            ran = self.run_in("admin", "add", "ada", "--out", name)
            self.assert_says(ran, 2, f"choir admin add: {name}: is there already; give another name\n")
        self.assertEqual(admin.read_text(), before)
        self.assertEqual(self.admins(), [("owner", False)])

    def test_are_not_made_when_there_is_no_place_for_them(self):
        self.assertIn("/nowhere/ada.json: cannot create", self.refused("admin", "add", "ada", "--out", "/nowhere/ada.json"))
        self.assertEqual(self.admins(), [("owner", False)])
        self.check_ran("admin", "add", "ada", "--out", "ada.json")
        self.assertIn("there is a 'ada' already", self.refused("admin", "add", "ada", "--out", "again.json"))
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["ada.json", "choir-server"])

    def test_that_could_not_be_told_are_revoked_again(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([CHOIR, "admin", "add", "ada"], cwd=self.folder, stdout=full,
                                  stderr=subprocess.PIPE, text=True, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn("the key could not be printed; 'ada' is revoked again", done.stderr)
        self.assertEqual(self.admins(), [("owner", False), ("ada", True)])

    def test_of_devices_stay_when_the_next_has_no_place(self):
        before = self.secret()
        for name in ("/nowhere/join.json", "."):
            self.assertIn(": cannot ", self.refused("admin", "secret", "--rotate", "--out", name))
        self.assertEqual(self.secret(), before)
        self.check_ran("admin", "secret", "--rotate", "--out", "join.json")
        self.assertEqual(json.loads((self.folder / "join.json").read_text())["secret"], self.secret())
        self.assertNotEqual(self.secret(), before)


class Operands(Network):
    """Become parts of paths, in which '?' ends one and '%31' is '1'."""

    def setUp(self):
        super().setUp()
        self.serve("--plain")
        self.job = self.file("job.yaml", JOB % 3)
        self.host(self.job)
        self.host(self.job, "--set", "name=letters1")

    def test_that_are_no_jobs_name_do_nothing_to_the_job_that_they_resemble(self):
        for text in ("letters?x", "letters%31", "letters#", "letters/x", "letters@", "letters@1x", "@1", ".letters",
                     "letters 1", "x" * 64, ""):
            for command in ("hosted show", "hosted pause", "hosted resume", "hosted stop", "hosted rm", "hosted promote",
                            "hosted rollback", "watch", "export", "replay"):
                with self.subTest(command, text=text):
                    ran = self.run_in(*command.split(), text)
                    self.assertEqual((ran.code, ran.out), (2, ""))
                    self.assertIn(" is no job's name; it must be letters, digits, '.', '_' and '-', and may be "
                                  "NAME@VERSION\n", ran.log)
            self.assertEqual(self.run_in("hosted", "clone", text, "copy").code, 2)
        self.assertEqual([(j["name"], j["state"]) for j in self.status()],
                         [("letters", "running"), ("letters1", "running")])
        self.assertIn("letters@1  running", self.check_ran("hosted", "show", "letters@1").out)

    def test_that_are_no_persons_or_devices_revoke_nobody(self):
        self.check_ran("admin", "add", "ada", "--out", "ada.json")
        for text in ("ada?x", "ad%61", "ada/", ".", ".."):
            ran = self.run_in("admin", "revoke", text)
            self.assert_says(ran, 2, f"choir admin revoke: '{text}' is no name; it must be letters, digits, '.', '_' and '-', "
                                       "and not '.' or '..'\n")
        self.check_ran("status", "--admin", "ada.json")
        for text in ("1?x", "%31", "-1", "one"):
            ran = self.run_in("device", "revoke", "--", text)
            self.assert_says(ran, 2, f"choir device revoke: '{text}' is no device's number; choir device ls lists them\n")

    def test_that_are_no_jobs_name_are_joined_by_nobody(self):
        for text in ("letters?x", "letters%31", "letters/x", "letters@"):
            for command in ("join", "swarm"):
                with self.subTest(command, text=text):
                    ran = self.run_in(command, "choir-server/join.json", "--job", text)
                    self.assertEqual((ran.code, ran.out), (2, ""))
                    self.assertIn(f"--job: '{text}' is no job's name; it must be", ran.log)


if __name__ == "__main__":
    unittest.main()

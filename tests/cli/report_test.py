#!/usr/bin/env python3
"""Reports: a page for a run, a sentence for what is none."""
import unittest

from choir import Case


class Report(Case):
    def test_a_folder_that_is_no_run_is_refused(self):
        ran = self.run_in("report", "nowhere")
        self.assertEqual((ran.code, ran.out), (1, ""))
        self.assertRegex(ran.log, r"^choir report: .*nowhere.*\n$")

    def test_a_run_that_has_only_begun_has_a_page_and_a_job_that_is_none_has_not(self):
        run = self.folder / "run"
        run.mkdir()
        self.file("run/job.yaml", "name: begun\n")
        ran = self.run_in("report", "run")
        self.assertEqual((ran.code, ran.out), (0, "run/report.html\n"), ran.log)
        self.assertIn("begun", (run / "report.html").read_text())
        ran = self.run_in("report", "run", "--quiet", "--out", "page.html")
        self.assertEqual((ran.code, ran.out), (0, ""))
        self.assertTrue((self.folder / "page.html").exists())
        self.file("run/job.yaml", "nome: begun\n")
        ran = self.run_in("report", "run")
        self.assertEqual((ran.code, ran.out), (2, ""))
        self.assertIn("job.yaml:1: nome is not known; did you mean 'name'?", ran.log)

    def test_of_more_runs_than_a_page_has_room_for_the_most_is_said(self):
        self.assert_says(self.run_in("report", *(f"run{i}" for i in range(17))), 2,
                         "choir report: 'run16' is one word too many; it takes RUN..., at most 16\n"
                         "Try 'choir report --help'.\n")
        self.assertIn("up to 16", self.run_in("report", "--help").out)

    def test_a_page_that_cannot_be_written_is_a_failure(self):
        (self.folder / "run").mkdir()
        self.file("run/job.yaml", "name: begun\n")
        ran = self.run_in("report", "run", "--out", "no/such/folder/page.html")
        self.assertEqual((ran.code, ran.out), (1, ""))
        self.assertRegex(ran.log, r"^choir report: .*no/such/folder/page.html.*\n$")


if __name__ == "__main__":
    unittest.main()

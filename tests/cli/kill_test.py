"""A run that is killed at any moment goes on, and ends with the model of a run nobody disturbed.

CHOIR_KILLS says how many kills (default 5); CHOIR_SEED which moments, printed when one fails.
"""
import json
import os
import random
import subprocess
import time
import unittest

from choir import CHOIR, Case

KILLS = int(os.environ.get("CHOIR_KILLS", "5"))
SEED = int(os.environ.get("CHOIR_SEED", "1"))
JOB = """
name: killed
model: {name: mlp, hidden: [64]}
data: {source: synthetic, clients: 200, examples: 60, test_examples: 2000}
client: {epochs: 4, learning_rate: 0.02}
server: {sample_rate: 0.2, rounds: 30}
checkpoint_every: 1
"""


class AKilledRun(Case):
    def last_line(self, *words):
        ran = self.run_in("sim", *words, "--quiet", "--json", timeout=120)
        self.assertEqual(ran.code, 0, ran.log)
        return json.loads(ran.out.splitlines()[-1])

    def killed_after(self, seconds, *words):
        """Whether the kill came before the end."""
        process = subprocess.Popen([CHOIR, "sim", *map(str, words), "--quiet"], cwd=self.folder,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        time.sleep(seconds)
        process.kill()
        return process.wait(timeout=30) == -9

    def rounds(self, run):
        text = (self.folder / run / "metrics.csv").read_text()
        return [line.split(",")[0] for line in text.splitlines()[1:]]

    def test_ends_with_the_undisturbed_model_and_metrics(self):
        moments = random.Random(SEED)
        job = self.file("job.yaml", JOB)
        started = time.monotonic()
        calm = self.last_line(job, "--run-dir", "calm")
        length = time.monotonic() - started
        kills = 0
        attempt = 0
        while kills < KILLS:
            attempt += 1
            run = f"killed-{attempt}"
            going = self.killed_after(moments.uniform(0, length), job, "--run-dir", run)
            for _ in range(4):
                kills += going
                if not (self.folder / run / "job.yaml").exists():
                    break  # killed before there was a run to go on with
                going = self.killed_after(moments.uniform(0, length / 2), "--resume", run)
            if (self.folder / run / "job.yaml").exists():
                end = self.last_line("--resume", run)
                self.assertEqual(end["model_hash"], calm["model_hash"], f"CHOIR_SEED={SEED} {run}")
                self.assertEqual(end["bytes_up"], calm["bytes_up"])
                self.assertEqual(self.rounds(run), self.rounds("calm"))
            self.assertLess(attempt, 20 * KILLS, "the moments never fell into a run")


if __name__ == "__main__":
    unittest.main()

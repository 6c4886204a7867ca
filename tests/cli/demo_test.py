"""The demonstration over a real network, with a smaller job: it says what it came to, and leaves no process."""
import os
import pathlib
import signal
import subprocess
import sys
import time
import unittest

from choir import CHOIR, SOURCE, Case

JOB = """
name: demo-network
model: {name: mlp, hidden: [16]}
data: {source: digits, partition: natural, clients: 10, examples: 20, test_examples: 100, heldout: 0}
client: {epochs: 1, batch_size: 10, learning_rate: 0.1}
server: {sample_rate: 0.5, rounds: %d}
"""


class DemoNetwork(Case):
    def start(self, rounds):
        words = [sys.executable, "-B", SOURCE / "tools" / "demo_network.py", self.folder / "demo",
                 self.file("job.yaml", JOB % rounds)]
        return subprocess.Popen([*map(str, words)], text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                env={**os.environ, "CHOIR": CHOIR})

    def left_running(self):
        """Processes that work in the demonstration's folder."""
        found = []
        for link in pathlib.Path("/proc").glob("[0-9]*/cwd"):
            try:
                if str(link.readlink()).startswith(str(self.folder / "demo")):
                    found.append(link.parent.name)
            except OSError:
                continue  # another user's, or gone
        return found

    def test_ends_with_the_simulations_model(self):
        with self.start(3) as demo:
            out, _ = demo.communicate(timeout=300)
        self.assertEqual(demo.returncode, 0, out)
        self.assertIn("\nround 3  ", out)
        self.assertIn("\naccuracy ", out)
        self.assertIn("\nthe same model, bit for bit\n", out)
        self.assertEqual(self.left_running(), [])
        self.assertTrue((self.folder / "demo" / "model.safetensors").exists())

    def test_interrupted_it_ends_what_it_started(self):
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            with self.subTest(number), self.start(100000) as demo:
                line = ""
                while not line.startswith("round 2 "):
                    line = demo.stdout.readline()
                    self.assertNotEqual(line, "", "ended before the second round")
                self.assertGreater(len(self.left_running()), 10)
                demo.send_signal(number)
                out, _ = demo.communicate(timeout=60)
                self.assertEqual(demo.returncode, code, out)
                self.assertEqual(self.left_running(), [])
                (self.folder / "demo").rename(self.folder / f"demo-{time.monotonic_ns()}")


if __name__ == "__main__":
    unittest.main()

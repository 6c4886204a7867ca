"""What README shows of a job is what it comes to."""
import json
import re
import unittest

from choir import SOURCE, Case


class DemoNetwork(Case):
    def test_the_model_that_is_shown_is_the_jobs(self):
        ran = self.run_in("sim", SOURCE / "experiments/demo-network.yaml", "--run-dir", "run", "--quiet",
                          "--json", "--no-report", timeout=100)
        self.assertEqual(ran.code, 0, ran.log)
        backend = json.loads((self.folder / "run/run.json").read_text())["backend"]
        if backend in ("vector-baseline", "reference"):
            self.skipTest(f"{backend} agrees with itself only")
        model = json.loads(ran.out.splitlines()[-1])["model_hash"]
        shown = re.findall(r"^([0-9a-f]{64})  demo-network.safetensors$", (SOURCE / "README.md").read_text(),
                           re.MULTILINE)
        self.assertEqual(shown, [model])


if __name__ == "__main__":
    unittest.main()

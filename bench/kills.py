"""A server that is killed again and again, and the model it ends with: see run.py.

CHOIR_KILLS says how often (1000), CHOIR_MINUTES how long one call goes on (2.5), CHOIR_SEED at which
moments. What has been done is kept in build/kills, so that the next call goes on there: the server's
folder, the devices' and kills.json. It ends when there were so many: the model of the last round that
has closed is then compared with that of a simulation of so many rounds.
"""
import json
import os
import pathlib
import random
import shutil
import sys
import time
import unittest

from serving import Failed

ROOT = pathlib.Path(__file__).resolve().parent.parent


def network(options):
    """The machinery of the tests, which looks at the environment when it is imported."""
    os.environ.setdefault("CHOIR", str(options.build / "choir"))
    os.environ.setdefault("CHOIR_SOURCE_DIR", str(ROOT))
    sys.path.insert(0, str(ROOT / "tests/cli"))
    import network as module
    return module


def kills(options):
    module = network(options)
    wanted = int(os.environ.get("CHOIR_KILLS", "1000"))
    seconds = 60 * float(os.environ.get("CHOIR_MINUTES", "2.5"))
    seed = int(os.environ.get("CHOIR_SEED", "1"))
    folder = options.build.parent / f"kills/{seed}-{wanted}"
    folder.mkdir(parents=True, exist_ok=True)
    state = folder / "kills.json"
    done = json.loads(state.read_text()) if state.exists() else {"kills": 0, "port": 0, "seconds": 0.0}

    class Slice(module.Network):
        """A part of the kills, as a test that keeps its folder."""

        def setUp(self):
            super().setUp()
            self.folder, self.port = folder, done["port"]

        def runTest(self):
            start = time.monotonic()
            words = ("--keep-rounds", 20, "--no-sums", "--join-rate", 0, "--failure-rate", 0)
            job = self.file("job.yaml", module.JOB % 1000000)
            server = self.serve(*words)
            if done["port"] == 0:
                self.host(job)
            clients = [self.join(k) for k in range(module.CLIENTS)]
            done["port"] = self.port
            while done["kills"] < wanted and time.monotonic() < start + seconds:
                moments = random.Random(1000000 * seed + done["kills"])
                server = self.kill_once(server, moments, *words)
                done["kills"] += 1
                state.write_text(json.dumps(done))
                for k, client in enumerate(clients):
                    self.assertIsNone(client.poll(), f"client {k} ended")
            done["seconds"] += time.monotonic() - start
            state.write_text(json.dumps(done))
            if done["kills"] >= wanted:
                self.compare()

        def compare(self):
            before = self.details("letters")["round"]
            self.reach("letters", before + 1)  # it goes on
            rounds = self.details("letters")["round"]
            done["rounds"], done["model"] = rounds, self.exported("--round", rounds)
            done["simulated"] = self.simulated(self.file("simulated.yaml", module.JOB % rounds))

    result = unittest.TestResult()
    Slice().run(result)
    if result.failures or result.errors:
        raise Failed(f"CHOIR_SEED={seed}, after {done['kills']} kills; {folder} is as it was then: "
                     + (result.failures + result.errors)[0][1].strip().splitlines()[-1])
    print(f"{done['kills']} of {wanted} kills, in {done['seconds']:.0f} s so far", end="")
    if "model" not in done:
        print(f"; the next call goes on from {folder}")
        return
    same = done["model"] == done["simulated"]
    print(f"; {done['rounds']} rounds have closed. Their model: {done['model'][:16]}, that of a simulation: "
          f"{done['simulated'][:16]}, {'the same' if same else 'ANOTHER'}")
    if not same:
        raise Failed(f"another model than the simulation's; {folder} has all there is")
    shutil.rmtree(folder)

"""Algorithms with a client end over a real network: what the server sends beside the model, what
comes beside updates, and what clients keep, through kills of both and of simulations.

CHOIR_SEED says at which moments, printed when one fails.
"""
import json
import os
import random
import subprocess
import time
import unittest

from choir import CHOIR
from network import CLIENTS, JOB, Network

SEED = int(os.environ.get("CHOIR_SEED", "1"))
ROUNDS = 10
KILLS = 6
ROUNDS_KILLED = 100  # more than close before the last kill
ALGORITHMS = {
    "fednova": {"client": "momentum: 0.5"},
    "q-fedavg": {"chain": "uniform"},
    "scaffold": {},
    "feddyn": {"chain": "uniform", "client": "proximal_mu: 1"},
}


def job_of(algorithm, server="", rounds=ROUNDS):
    extra = ALGORITHMS[algorithm]
    text = (JOB % rounds).replace("server: {", f"server: {{algorithm: {algorithm}, {server}")
    if "client" in extra:
        text = text.replace("client: {", f"client: {{{extra['client']}, ")
    return text + (f"chain: {extra['chain']}\n" if "chain" in extra else "")


class Methods(Network):
    def test_train_the_simulations_model_through_kills_and_are_replayed(self):
        moments = random.Random(SEED)
        for algorithm in ALGORITHMS:
            with self.subTest(algorithm, seed=SEED):
                job = self.file("job.yaml", job_of(algorithm, rounds=ROUNDS_KILLED))
                server = self.serve()
                self.host(job)
                clients = [self.join(k) for k in range(CLIENTS)]
                server, outlived = self.kill_in_turn(server, clients, moments, KILLS, ROUNDS_KILLED)
                self.ends(clients, 300)
                self.assertEqual(self.exported(), self.simulated(job))
                self.assertGreater(min(outlived), KILLS // 4, "the job was over too soon to be killed")
                self.assertEqual(self.check_ran("replay", "letters").out,
                                 "".join(f"round {n}  ok\n" for n in range(1, ROUNDS_KILLED + 1)))
                self.check_ran("hosted", "rm", "letters")
                self.stop(server)

    def test_kept_updates_come_to_the_sums_of_all_their_parts(self):
        job = self.file("job.yaml", job_of("scaffold", "retain_updates: true, "))
        self.serve()
        self.host(job)
        self.ends([self.join(k) for k in range(CLIENTS)])
        rows = [json.loads(row) for row in
                self.check_ran("replay", "letters", "--json").out.splitlines()]
        self.assertEqual([(row["verdict"], row["updates"]) for row in rows], [("ok", 2)] * ROUNDS)

    def test_clients_keep_their_state_in_their_folder(self):
        job = self.file("job.yaml", job_of("scaffold"))
        self.serve()
        self.host(job)
        self.ends([self.join(k) for k in range(CLIENTS)])
        sizes = {path.stat().st_size for path in self.folder.glob("device-*/state-letters.bin")}
        parameters = self.status()[0]["parameters"]
        self.assertEqual(len(sizes), 1)
        self.assertGreater(sizes.pop(), 4 * parameters)

    def test_a_killed_simulation_goes_on_with_what_clients_keep(self):
        moments = random.Random(SEED)
        text = job_of("scaffold").replace("examples: 40", "examples: 400") + "checkpoint_every: 2\n"
        job = self.file("job.yaml", text)
        calm = self.simulated(job)
        started = time.monotonic()
        self.check_ran("sim", job, "--run-dir", "calm", "--quiet", "--no-report")
        length = time.monotonic() - started
        for attempt in range(40):
            run = f"killed-{attempt}"
            process = subprocess.Popen([CHOIR, "sim", str(job), "--run-dir", run, "--quiet"],
                                       cwd=self.folder, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(moments.uniform(0.3, 0.9) * length)
            process.kill()
            has_checkpoint = any((self.folder / run).glob("checkpoint-*.bin"))
            if process.wait(timeout=30) == -9 and has_checkpoint:
                break
        self.assertTrue(has_checkpoint, "the moments never fell into a run")
        ran = self.check_ran("sim", "--resume", run, "--quiet", "--json")
        end = json.loads(ran.out.splitlines()[-1])
        self.assertEqual(end["model_hash"], calm, f"CHOIR_SEED={SEED}")


if __name__ == "__main__":
    unittest.main()

"""An open population over a real network: more devices than a round takes, and fewer than there can be.

CHOIR_KILLS says how often the server is killed (default 20, of which this takes a quarter); CHOIR_SEED
at which moments.
"""
import concurrent.futures
import json
import os
import random
import time
import unittest

from device import REPORT, Device, chunk, number, request
from network import Network

KILLS = int(os.environ.get("CHOIR_KILLS", "20")) // 4
SEED = int(os.environ.get("CHOIR_SEED", "1"))
DEVICES = 6
FULL, UNSUPPORTED = 1, 3  # docs/wire.md
JOB = """
name: letters
population: open
model: {name: mlp, hidden: [16]}
data: {source: digits, partition: natural, clients: 50, examples: 40, test_examples: 100}
client: {epochs: 1, batch_size: 10, learning_rate: 0.1}
server: {goal: 2, over_selection: 1.5, rounds: %d, deadline: 600, rounds_between: %d}
"""


class Population(Network):
    """What can be said of its rounds when they are over."""

    def closed(self):
        """The rounds that have closed, as the server tells them."""
        code, answer = self.admin("GET", "/v1/admin/jobs/letters/rounds?from=1&limit=100")
        self.assertEqual(code, 200, answer)
        return answer["rounds"]

    def reporters(self, round_):
        code, answer = self.admin("GET", f"/v1/admin/jobs/letters/receipts?round={round_}")
        self.assertEqual(code, 200, answer)
        return [receipt["client"] for receipt in answer["receipts"]]

    def check_rounds(self, rounds, between):
        """Every round has its goal, of clients that are not of the rounds before it."""
        told = self.closed()
        self.assertEqual([row["round"] for row in told], list(range(1, rounds + 1)))
        for row in told:
            self.assertEqual((row["reports"], row["applied"]), (2, True), row)
            self.assertIn(row["clients"], (2, 3), row)
        lists = [self.reporters(k) for k in range(1, rounds + 1)]
        for k, clients in enumerate(lists):
            self.assertEqual(len(set(clients)), 2, lists)
            for before in lists[max(0, k - between):k]:
                self.assertFalse(set(clients) & set(before), lists)

    def check_replayed(self, rounds):
        """The models are what the sums of the rounds come to, whoever happened to be in them."""
        ran = self.check_ran("replay", "letters")
        self.assertEqual(ran.out, "".join(f"round {n}  ok\n" for n in range(1, rounds + 1)))


class Open(Population):
    def test_more_devices_than_the_goal_train_it(self):
        self.serve()
        self.host(self.file("job.yaml", JOB % (6, 1)))
        self.assertEqual(self.status()[0]["clients"], 50)  # that there can be
        self.ends([self.join(k) for k in range(DEVICES)])
        self.check_rounds(6, 1)
        self.check_replayed(6)
        self.assertEqual(self.status()[0]["state"], "finished")

    def test_a_place_that_is_free_again_goes_to_who_waits_for_it(self):
        self.serve()
        self.host(self.file("job.yaml", JOB.replace("over_selection: 1.5", "over_selection: 1") % (6, 1)))
        join_file = json.loads((self.folder / "choir-server/join.json").read_text())
        devices = [Device(join_file) for _ in range(3)]
        tasks = []
        for device in devices:
            device.join("letters")
        for device in devices[:2]:
            kind, task = device.check_in("letters")
            self.assertEqual(kind, "task")
            tasks.append(task)
        self.assertEqual(devices[2].check_in("letters")[1][2], FULL)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            waits = pool.submit(devices[2].check_in, "letters", Prefer="wait=60")
            time.sleep(0.5)
            self.assertFalse(waits.done())
            body = (number(1, tasks[0][1]) + chunk(2, tasks[0][3]) + number(5, UNSUPPORTED) +
                    chunk(6, tasks[0][12]))
            self.assertEqual(devices[0].exchange(request(devices[0].client, REPORT, body))[0], "refused")
            self.assertEqual(waits.result(timeout=20)[0], "task")

    def test_keys_of_a_roster_are_refused(self):
        self.serve()
        job = self.file("job.yaml", JOB.replace("goal: 2", "goal: 2, sample_rate: 0.5") % (6, 1))
        ran = self.run_in("host", job)
        self.assertEqual(ran.code, 2, ran.log)
        self.assertIn("server.sample_rate: is drawn from a roster, and population 'open' has none", ran.log)

    def test_a_simulation_of_it_is_the_same_every_time(self):
        job = self.file("job.yaml", JOB % (6, 1))
        hashes = set()
        for workers in (1, 2, 3):
            ran = self.check_ran("sim", job, "--quiet", "--json", "--no-report", "--workers", workers)
            hashes.add(json.loads(ran.out.splitlines()[-1])["model_hash"])
        self.assertEqual(len(hashes), 1)


class Kills(Population):
    def test_a_server_that_is_killed_counts_nobody_twice(self):
        print(f"CHOIR_SEED={SEED}", flush=True)
        moments = random.Random(SEED)
        rounds = 8 * KILLS  # more than kills
        server = self.serve()
        self.host(self.file("job.yaml", JOB % (rounds, 1)))
        clients = [self.join(k) for k in range(DEVICES)]
        kills = 0
        while kills < KILLS and any(c.poll() is None for c in clients):
            time.sleep(moments.uniform(0.05, 0.6))
            server.kill()
            server.wait(timeout=30)
            server.stdout.close()
            server = self.serve()
            kills += 1
        self.ends(clients, 240)
        self.check_rounds(rounds, 1)
        self.check_replayed(rounds)
        self.assertGreater(kills, KILLS // 4, "the job was over too soon to be killed")


if __name__ == "__main__":
    unittest.main()

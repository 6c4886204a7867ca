"""Evaluation rounds: clients measure the model on what they hold out, and nothing else is changed by it.

CHOIR_KILLS says how often the server is killed (default 20, of which this takes a quarter); CHOIR_SEED
at which moments.
"""
import json
import os
import random
import shutil
import subprocess
import time
import unittest

from network import CLIENTS, Network

KILLS = int(os.environ.get("CHOIR_KILLS", "20")) // 4
SEED = int(os.environ.get("CHOIR_SEED", "1"))
JOB = """
name: letters
%s
model: {name: mlp, hidden: [16]}
data: {source: digits, partition: natural, clients: 4, examples: 40, test_examples: 100, heldout: 0.25}
client: {epochs: 2, batch_size: 10, learning_rate: 0.1}
server: {%s, rounds: %d, deadline: 600, evaluation_every: %d}
"""
CLOSED = ("", "sample_rate: 0.5")
MEASURED = ["measured_" + what for what in ("clients", "reports", "examples", "accuracy", "loss")]


class Evaluation(Network):
    def job(self, rounds, every, population=CLOSED):
        return self.file("job.yaml", JOB % (*population, rounds, every))

    def told(self):
        """What the server says was measured after each round."""
        code, answer = self.admin("GET", "/v1/admin/jobs/letters/rounds?from=1&limit=1000")
        self.assertEqual(code, 200, answer)
        return [[row[key] for key in MEASURED] for row in answer["rounds"]]

    def simulated_rows(self, job):
        """The hash of the model, and what a simulation measured after each round."""
        ran = self.check_ran("sim", job, "--quiet", "--json", "--no-report", "--run-dir", "run")
        lines = (self.folder / "run/metrics.jsonl").read_text().splitlines()
        rows = [[json.loads(line)[key] for key in MEASURED] for line in lines]
        shutil.rmtree(self.folder / "run")
        return json.loads(ran.out.splitlines()[-1])["model_hash"], rows

    def check_measured(self, rows, rounds, every):
        for number, row in enumerate(rows, 1):
            if number % every == 0:
                self.assertEqual(row[:2], [2, 2], rows)
                self.assertGreater(row[2], 0)
                self.assertTrue(0 <= row[3] <= 1 and row[4] > 0, row)
            else:
                self.assertEqual(row, [0, 0, 0, None, None])
        self.assertEqual(len(rows), rounds)


class Rounds(Evaluation):
    def test_are_the_same_in_simulation_and_over_a_network_and_change_no_model(self):
        without, none = self.simulated_rows(self.job(5, 0))
        self.assertEqual(none, [[0, 0, 0, None, None]] * 5)
        expected, rows = self.simulated_rows(self.job(5, 2))
        self.assertEqual(expected, without)
        self.check_measured(rows, 5, 2)
        self.serve()
        self.host(self.job(5, 2))
        clients = [self.join(k) for k in range(CLIENTS)]
        watched = self.check_ran("watch", "letters").out.splitlines()
        self.ends(clients)
        self.assertEqual(self.exported(), expected)
        self.assertEqual(self.told(), rows)
        self.assertEqual([line.split("  ")[0:2] for line in watched if "evaluated" in line],
                         [["round 2", "evaluated"], ["round 4", "evaluated"]])
        self.assertEqual(len(watched), 7)
        self.assertEqual(self.check_ran("replay", "letters").out,
                         "".join(f"round {n}  ok\n" for n in range(1, 6)))

    def test_of_the_last_model_is_waited_for(self):
        self.serve()
        self.host(self.job(2, 1))
        clients = [self.join(k) for k in range(CLIENTS - 1)]
        said = self.start("join", "choir-server/join.json", "--job", "letters", "--client", 3,
                          out=subprocess.PIPE)
        self.ends([*clients, said])
        lines = said.stdout.read()
        self.assertEqual(self.status()[0]["state"], "finished")
        self.check_measured(self.told(), 2, 1)
        self.assertEqual(self.status()[0]["last"]["measured_reports"], 2)
        self.assertRegex(lines, r"(?m)^round \d  (trained|evaluated)$")

    def test_of_an_open_population_take_who_comes(self):
        self.serve()
        self.host(self.job(4, 1, ("population: open", "goal: 2, over_selection: 1, rounds_between: 1")))
        self.ends([self.join(k) for k in range(CLIENTS)])
        self.check_measured(self.told(), 4, 1)

    def test_need_examples_that_are_held_out(self):
        job = self.file("job.yaml", (JOB % (*CLOSED, 2, 1)).replace("heldout: 0.25", "heldout: 0"))
        self.assertIn("server.evaluation_every: is 1, but clients hold no examples out to evaluate on",
                      self.run_in("job", "check", job).log)


class Kills(Evaluation):
    def test_take_nothing_that_was_measured(self):
        print(f"CHOIR_SEED={SEED}", flush=True)
        moments = random.Random(SEED)
        job = self.job(6 * KILLS, 2)
        expected, rows = self.simulated_rows(job)
        server = self.serve()
        self.host(job)
        clients = [self.join(k) for k in range(CLIENTS)]
        kills = 0
        while kills < KILLS and any(c.poll() is None for c in clients):
            time.sleep(moments.uniform(0.05, 0.6))
            server.kill()
            server.wait(timeout=30)
            server.stdout.close()
            server = self.serve()
            kills += 1
        self.ends(clients, 240)
        self.assertEqual(self.exported(), expected)
        self.assertEqual(self.told(), rows)
        self.assertGreater(kills, KILLS // 4, "the job was over too soon to be killed")


if __name__ == "__main__":
    unittest.main()

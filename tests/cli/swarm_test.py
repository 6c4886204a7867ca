"""choir swarm: many clients in one process, against a server in another."""
import json
import resource
import signal
import subprocess
import time
import unittest

from choir import CHOIR
from network import Network

SWARM = 60
JOB = """
name: letters
model: {name: mlp, hidden: [16]}
data: {source: synthetic, clients: %d, examples: 20, test_examples: 50}
client: {batch_size: 10, learning_rate: 0.1}
server: {sample_rate: %g, rounds: %d, deadline: 600}
"""
JOIN = "choir-server/join.json"


class Swarm(Network):
    def hosts(self, rounds, sample_rate=1, words=()):
        """A server with the job; its file."""
        job = self.file("job.yaml", JOB % (SWARM, sample_rate, rounds))
        self.serve(*words)
        self.host(job)
        return job

    def swarm(self, *words):
        """What a swarm that ends by itself says, as JSON."""
        ran = self.check_ran("swarm", JOIN, "--job", "letters", "--clients", SWARM, "--json", *words)
        return json.loads(ran.out)


class ASwarm(Swarm):
    def test_ends_with_the_model_that_a_simulation_promises(self):
        job = self.hosts(3, 0.5)
        said = self.swarm("--state", "swarm")
        self.assertEqual(self.exported(), self.simulated(job))
        self.assertEqual((said["clients"], said["joined"], said["over"]), (SWARM, SWARM, SWARM))
        self.assertEqual((said["first_round"], said["last_round"]), (1, 3))
        self.assertEqual(said["answers"]["acks"], 3 * SWARM // 2)
        self.assertEqual(said["failed_trainings"], 0)
        self.assertEqual(set(said["calls"]),
                         {"enrolment", "challenge", "join", "check-in", "model", "announcement", "report"})
        self.assertEqual(said["calls"].pop("announcement")["answered"], 0)  # of a closed population
        for name, calls in said["calls"].items():
            self.assertEqual(calls["lost"], 0, name)
            self.assertGreater(calls["answered"], 0, name)
            self.assertLessEqual(calls["p50_ms"], calls["p99_ms"])
            self.assertLessEqual(calls["p99_ms"], calls["max_ms"])
        self.assertEqual(said["calls"]["report"]["answered"], 3 * SWARM // 2)

    def test_announces_updates_where_the_job_says_so(self):
        text = (JOB % (SWARM, 0.5, 3)).replace("deadline:", "announce: true, deadline:")
        job = self.file("job.yaml", text)
        self.serve()
        self.host(job)
        said = self.swarm()
        self.assertEqual(self.exported(), self.simulated(job))
        self.assertEqual(said["answers"]["proceeds"], 3 * SWARM // 2)
        calls = said["calls"]
        self.assertEqual(calls["announcement"]["answered"], calls["report"]["answered"])
        self.assertLess(calls["announcement"]["bytes_up"], 100 * calls["announcement"]["answered"])

    def test_goes_on_when_its_server_is_killed(self):
        job = self.hosts(12)
        swarm = self.start("swarm", JOIN, "--job", "letters", "--clients", SWARM, "--state", "swarm",
                           "--json", "--quiet", out=subprocess.PIPE)
        server = self.processes[0]
        for _ in range(4):
            time.sleep(0.3)
            server.kill()
            server.wait(timeout=30)
            server = self.serve()
        self.assertEqual(swarm.wait(timeout=120), 0)
        said = json.loads(swarm.stdout.read())
        self.assertEqual(said["over"], SWARM)
        self.assertGreater(sum(calls["lost"] for calls in said["calls"].values()), 0)
        self.assertEqual(self.exported(), self.simulated(job))

    def test_in_two_processes_is_one_job(self):
        job = self.hosts(3, words=["--plain"])
        half = SWARM // 2
        parts = [self.start("swarm", JOIN, "--job", "letters", "--clients", half, "--first", first,
                            "--quiet") for first in (0, half)]
        self.ends(parts)
        self.assertEqual(self.exported(), self.simulated(job))

    def all_are_in(self):
        end = time.monotonic() + 60
        while self.details("letters")["joined"] < SWARM:
            self.assertLess(time.monotonic(), end, "they do not join")
            time.sleep(0.2)
        time.sleep(1)  # to ask for something to do

    def test_ends_when_it_is_told_to_and_says_what_there_was(self):
        self.hosts(3, 0.05)
        for load in ("waits", "check-ins"):
            swarm = self.start("swarm", JOIN, "--job", "letters", "--clients", SWARM, "--state",
                               "swarm", "--load", load, "--quiet", "--patience", 60,
                               out=subprocess.PIPE)
            self.all_are_in()
            swarm.send_signal(signal.SIGINT)
            self.assertEqual(swarm.wait(timeout=10), 0)
            said = swarm.stdout.read()
            self.assertIn(f"{SWARM} clients, joined in ", said)
            self.assertRegex(said, r"\ncheck-in +\d+ ")
        known = self.swarm("--state", "swarm", "--load", "check-ins", "--time", 1)
        self.assertEqual(known["calls"]["enrolment"]["answered"], 0)
        self.assertGreater(known["calls"]["check-in"]["per_second"], 1)
        self.assertEqual(known["calls"]["report"]["answered"], 0)

    def test_made_updates_count_as_others_do(self):
        self.hosts(2)
        said = self.swarm("--trainer", "made", "--examples", 7, "--cache", "--updates", 4,
                          "--connections", SWARM)
        self.assertEqual(said["answers"]["acks"], 2 * SWARM)
        self.assertLessEqual(said["calls"]["model"]["answered"], 2 * 4)
        self.assertEqual(self.status()[0]["state"], "finished")


class WhatMakesNoSense(Swarm):
    def test_is_said_before_anything_is_done(self):
        self.hosts(1)
        self.assert_says(self.run_in("swarm", JOIN), 2,
                         "choir swarm: --job is missing: which of the server's jobs to take part in\n")
        ran = self.run_in("swarm", "none.json", "--job", "letters")
        self.assertEqual(ran.code, 1, ran.log)
        ran = self.run_in("swarm", JOIN, "--job", "letters", "--load", "fire")
        self.assertEqual(ran.code, 2, ran.log)
        self.assertIn("one of rounds, check-ins, waits, resends", ran.log)
        ran = self.run_in("swarm", JOIN, "--job", "others", "--clients", 2, "--quiet")
        self.assertEqual(ran.code, 1, ran.log)
        self.assertIn("there is no job 'others' here", ran.log)

    def test_more_connections_than_the_system_allows_are_refused(self):
        self.hosts(1)
        few = subprocess.run([CHOIR, "swarm", JOIN, "--job", "letters", "--clients", "200"],
                             cwd=self.folder, text=True, capture_output=True, timeout=60, check=False,
                             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (100, 200)))
        self.assertEqual(few.returncode, 2, few.stderr)
        self.assertIn("connections: 200 need 264 open files, and the system allows 200; give fewer, or "
                      "raise the limit (ulimit -n)", few.stderr)

    def test_more_clients_than_the_job_has_are_refused(self):
        job = self.file("job.yaml", (JOB % (SWARM, 1, 1)).replace("synthetic", "digits").replace(
            f"clients: {SWARM}", "partition: iid, clients: 4"))
        self.serve()
        self.host(job)
        ran = self.run_in("swarm", JOIN, "--job", "letters", "--clients", 5, "--quiet")
        self.assertEqual(ran.code, 1, ran.log)
        self.assertIn("client 4: join: ", ran.log)


if __name__ == "__main__":
    unittest.main()

"""A job over a real network: a server, its operator and its clients, each a process of its own.

CHOIR_KILLS says how often the server, or it and clients in turn, is killed (default 20); CHOIR_SEED at
which moments, printed when one fails.
"""
import json
import os
import random
import resource
import socket
import ssl
import stat
import subprocess
import time
import unittest

from choir import CHOIR
from network import CLIENTS, JOB, Network

KILLS = int(os.environ.get("CHOIR_KILLS", "20"))
SEED = int(os.environ.get("CHOIR_SEED", "1"))


class ThreeCommands(Network):
    def test_train_the_model_that_a_simulation_promises(self):
        job = self.file("job.yaml", JOB % 5)
        self.serve()
        self.host(job)
        clients = [self.join(k, state=False) for k in range(CLIENTS)]
        watched = self.check_ran("watch", "letters").out.splitlines()
        self.ends(clients)
        self.assertEqual(len(watched), 5, watched)
        self.assertRegex(watched[0], r"^round 1  \d+\.\d\d %  loss \d+\.\d{4}  2 of 2 clients$")
        self.assertEqual(self.status()[0]["state"], "finished")
        self.assertEqual(self.exported(), self.simulated(job))
        self.assertRegex(self.check_ran("status").out, r"letters@1 +finished +5/5 +4 ")
        evaluated = self.check_ran("eval", "letters.safetensors", "--job", job).out
        self.assertIn("accuracy", evaluated)

    def test_every_rounds_model_can_be_had(self):
        job = self.file("job.yaml", JOB % 3)
        self.serve()
        self.host(job)
        self.ends([self.join(k) for k in range(CLIENTS)])
        for rounds in range(1, 4):
            fewer = self.file(f"job-{rounds}.yaml", JOB % rounds)
            self.assertEqual(self.exported("--round", rounds, "--out", f"{rounds}.safetensors"),
                             self.simulated(fewer))
        self.assertNotEqual(self.exported("--round", 0), self.exported("--round", 1))
        ran = self.run_in("export", "letters", "--round", 4)
        self.assertEqual(ran.code, 1)
        self.assertIn("round 4 of 'letters' has not closed", ran.log)

    def test_files_of_secrets_are_the_owners_alone(self):
        self.serve()
        for name in ("join.json", "admin.json", "choir.db", "tls.key", "tls.pem"):
            mode = (self.folder / "choir-server" / name).stat().st_mode
            self.assertEqual(stat.S_IMODE(mode), 0o600, name)

    def test_the_key_is_shown_once(self):
        server = self.serve()
        shown = [server.stdout.readline() for _ in range(3)]
        key = json.loads((self.folder / "choir-server/admin.json").read_text())["key"]
        self.assertIn(key, shown[2])
        self.stop(server)
        again = self.serve()
        self.assertNotIn("choir-", again.stdout.readline().replace("choir-server", ""))
        self.assertEqual(self.admin("GET", "/v1/admin/jobs"), (200, {"jobs": []}))

    def test_the_key_is_in_its_file_also_when_the_first_start_found_the_port_taken(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.port = taken.getsockname()[1]
            ran = self.run_in("serve", "--port", self.port)
            self.assertEqual(ran.code, 1)
            self.assertIn(f"port {self.port}: Address already in use; must be a free port", ran.log)
        self.serve()
        self.assertEqual(self.admin("GET", "/v1/admin/jobs"), (200, {"jobs": []}))

    def test_two_servers_do_not_share_a_folder(self):
        self.serve()
        ran = self.run_in("serve", "--port", 0)
        self.assertEqual(ran.code, 1)
        self.assertIn("another process", ran.log)


class OpenFiles(Network):
    def test_are_taken_up_to_what_the_system_allows(self):
        server = subprocess.Popen([CHOIR, "serve", "--port", "0", "--plain"], cwd=self.folder, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (100, 300)))
        self.processes.append(server)
        self.assertTrue(server.stdout.readline().startswith("serving "))
        server.terminate()
        _, log = server.communicate(timeout=30)
        self.assertIn("http_connections_lowered wanted=16384 allowed=236", log)


class Hosting(Network):
    def test_the_same_job_again_changes_nothing_and_another_is_the_next_version(self):
        job = self.file("job.yaml", JOB % 5)
        self.serve()
        self.assertIn("letters@1 hosted", self.host(job).out)
        self.assertIn("letters@1 is hosted already", self.host(job).out)
        self.assertIn("letters@2 hosted", self.host(job, "--set", "client.epochs=3").out)
        self.assertEqual([(j["version"], j["state"]) for j in self.status()],
                         [(1, "stopped"), (2, "running")])

    def test_devices_go_over_to_the_next_version_whatever_they_were_doing(self):
        job = self.file("job.yaml", JOB % 100000)
        self.serve()
        self.host(job)
        clients = [self.join(k) for k in range(CLIENTS)]
        self.reach("letters", 3)
        self.host(job, "--set", "server.rounds=4")  # some train or report now, others wait
        self.ends(clients)
        self.assertEqual([j["state"] for j in self.status()], ["stopped", "finished"])
        self.assertEqual(self.exported(), self.simulated(self.file("next.yaml", JOB % 4)))

    def test_a_job_that_is_none_is_refused_and_nothing_is_hosted(self):
        self.serve()
        for text, why in [("name: a\nmodle: softmax\n", "modle"),
                          (JOB % 5 + "schedule: {learning_rate: plateau}\n", "plateau"),
                          ((JOB % 5).replace("letters", "a/b"), "name")]:
            ran = self.run_in("host", self.file("wrong.yaml", text))
            self.assertEqual(ran.code, 2, ran.log)
            self.assertIn(why, ran.log)
        for body, why in [({}, "body: must have job"), ([], "JSON object"),
                          ({"job": JOB % 5, "model": "AAAA", "clients": 4}, "model"),
                          ({"job": JOB % 5, "model": "?", "clients": 4}, "base64"),
                          ({"job": "name: [", "model": "", "clients": 4}, "not YAML")]:
            code, answer = self.admin("POST", "/v1/admin/jobs", body)
            self.assertEqual(code, 400, answer)
            self.assertIn(why, answer["error"])
        self.assertEqual(self.status(), [])

    def test_a_job_pauses_resumes_and_stops(self):
        job = self.file("job.yaml", JOB % 100000)
        self.serve()
        self.host(job)
        clients = [self.join(k) for k in range(CLIENTS)]
        self.reach("letters", 3)
        self.assertEqual(self.admin("POST", "/v1/admin/jobs/letters/pause", {})[0], 200)
        time.sleep(0.5)
        paused = self.status()[0]["round"]
        time.sleep(1)
        self.assertEqual(self.status()[0]["round"], paused)
        self.assertEqual(self.admin("POST", "/v1/admin/jobs/letters/pause", {}),
                         (409, {"error": "'letters' is paused: there is nothing to pause"}))
        self.assertEqual(self.admin("POST", "/v1/admin/jobs/letters/resume", {})[0], 200)
        self.assertEqual(self.status()[0]["state"], "running")
        self.assertEqual(self.admin("POST", "/v1/admin/jobs/letters/stop", {})[0], 200)
        self.assertEqual(self.admin("POST", "/v1/admin/jobs/no/stop", {})[0], 404)
        for process in clients:
            process.kill()


class Watching(Network):
    def test_goes_on_when_the_server_comes_back(self):
        server = self.serve()
        self.host(self.file("job.yaml", JOB % 8))
        clients = [self.join(k) for k in range(CLIENTS)]
        watch = subprocess.Popen([CHOIR, "watch", "letters"], cwd=self.folder, text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.processes.append(watch)
        shown = [watch.stdout.readline()]
        server.kill()
        server.wait(timeout=30)
        self.assertRegex(watch.stderr.readline(), "^choir watch: .*; asking again in 1 s$")
        self.serve()
        shown += watch.stdout.readlines()
        said = watch.stderr.read()
        self.assertEqual(watch.wait(timeout=30), 0, said)
        self.assertEqual([line.split()[1] for line in shown], [str(n) for n in range(1, 9)])
        watch.stderr.close()
        self.ends(clients)


class Clients(Network):
    def test_end_when_they_are_told_to_also_while_they_wait(self):
        self.serve()
        self.host(self.file("job.yaml", JOB % 100))
        clients = [self.join(k) for k in range(CLIENTS - 1)]  # one is missing, so that rounds stand still
        time.sleep(1)
        for client in clients:
            client.terminate()
        self.ends(clients, 15)  # a check-in waits for up to 25 s

    def first_word(self, client):
        """What a client says that joins now, after who it is."""
        process = self.start("join", "choir-server/join.json", "--job", "letters", "--client", client,
                             out=subprocess.PIPE)
        self.assertRegex(process.stdout.readline(), r"^client \d of letters@1: ")
        return process.stdout.readline()

    def test_say_why_they_wait_and_why_they_end(self):
        self.serve()
        self.host(self.file("job.yaml", JOB % 1))
        self.check_ran("hosted", "pause", "letters")
        self.assertEqual(self.first_word(0), "waits: paused\n")
        self.check_ran("hosted", "resume", "letters")
        self.check_ran("hosted", "stop", "letters")
        self.assertEqual(self.first_word(1), "done: stopped\n")


class SeveralJobs(Network):
    def test_are_trained_by_one_device_each_to_the_model_of_its_simulation(self):
        jobs = {"letters": self.file("job.yaml", JOB % 3),
                "digits": self.file("other.yaml", (JOB % 2).replace("letters", "digits"))}
        self.serve()
        for job in jobs.values():
            self.host(job)
        others = [self.join(k, "letters,digits") for k in range(1, CLIENTS)]
        ran = self.run_in("join", "choir-server/join.json", "--job", "letters,digits", "--client", 0,
                          "--state", "device-0", timeout=120)
        self.assertEqual(ran.code, 0, ran.log)
        self.ends(others)
        for name, job in jobs.items():
            self.assertEqual(self.exported(job=name), self.simulated(job))
            self.assertIn(f"client 0 of {name}@1: ", ran.out)
            self.assertRegex(ran.out, rf"(?m)^{name}: done: finished$")
        self.assertEqual(len(self.admin("GET", "/v1/admin/devices")[1]["devices"]), CLIENTS)

    def test_end_one_by_one(self):
        self.serve()
        self.host(self.file("job.yaml", JOB % 1))
        self.check_ran("hosted", "stop", "letters")
        data = self.file("none.csv", "")
        ran = self.run_in("join", "choir-server/join.json", "--job", f"letters,nothing={data}",
                          "--client", 0)
        self.assertEqual(ran.code, 1)
        self.assertIn("there is no job 'nothing' here", ran.log)
        self.assertIn("letters: done: stopped\n", ran.out)
        self.assertIn("nothing: done: join: ", ran.out)

    def test_are_named_as_they_must_be(self):
        self.serve()
        for words, said in [("letters,", "--job: '' is not NAME or NAME=DATA, with commas between"),
                            ("=x", "--job: '=x' is not NAME or NAME=DATA"),
                            ("a,b,a", "agent: job 'a' is there twice")]:
            ran = self.run_in("join", "choir-server/join.json", "--job", words)
            self.assertEqual(ran.code, 2, ran.log)
            self.assertIn(said, ran.log)


class Strangers(Network):
    def test_are_told_who_may_what(self):
        self.serve()
        self.assertEqual(self.admin("GET", "/v1/admin/jobs", key="choir-wrong")[0], 401)
        self.assertEqual(self.admin("POST", "/v1/exchange", {}, key="no.token.this")[0], 401)
        self.assertEqual(self.admin("GET", "/v1/nothing")[0], 404)
        for shift in ("", "x"):  # a sentence is cut between letters
            code, answer = self.admin("GET", "/" + shift + 300 * "%C3%A9")
            self.assertEqual(code, 404, answer)
            self.assertIn("there is no /" + shift + "\u00e9", answer["error"])
        self.assertEqual(self.admin("DELETE", "/v1/challenge"),
                         (405, {"error": "/v1/challenge does not take DELETE"}))
        self.assertEqual(self.admin("GET", "/v1/models/" + 64 * "a")[0], 404)
        self.assertEqual(self.admin("GET", "/v1/models/x")[0], 404)

    def test_cannot_take_anothers_place(self):
        job = self.file("job.yaml", JOB % 100)
        self.serve()
        self.host(job)
        first = self.join(0)
        time.sleep(1)
        ran = self.run_in("join", "choir-server/join.json", "--job", "letters", "--client", 0)
        self.assertEqual(ran.code, 1, ran.log)
        self.assertIn("client 0", ran.log)
        self.assertIsNone(first.poll())
        ran = self.run_in("join", "choir-server/join.json", "--job", "letters", "--client", 4)
        self.assertEqual(ran.code, 1, ran.log)
        ran = self.run_in("join", "choir-server/join.json", "--job", "numbers")
        self.assertEqual(ran.code, 1, ran.log)
        self.assertIn("there is no job 'numbers' here", ran.log)

    def test_a_join_file_of_another_server_enrols_nobody(self):
        self.serve()
        self.host(self.file("job.yaml", JOB % 100))
        path = self.folder / "choir-server/join.json"
        content = json.loads(path.read_text())
        content["secret"] = "A" * 43
        self.file("old.json", json.dumps(content))
        ran = self.run_in("join", "old.json", "--job", "letters")
        self.assertEqual(ran.code, 2, ran.log)
        self.assertIn("not this server's", ran.log)
        ran = self.run_in("join", self.file("none.json", "{}"), "--job", "letters")
        self.assertEqual(ran.code, 1, ran.log)
        self.assertIn("is no join file", ran.log)


class AKilledServer(Network):
    def test_goes_on_to_the_undisturbed_model(self):
        moments = random.Random(SEED)
        job = self.file("job.yaml", JOB % (4 * KILLS))  # more rounds than kills
        expected = self.simulated(job)
        server = self.serve()
        self.host(job)
        clients = [self.join(k) for k in range(CLIENTS)]
        kills = 0
        while kills < KILLS and any(c.poll() is None for c in clients):
            server = self.kill_once(server, moments)
            kills += 1
        self.ends(clients, 300)
        self.assertEqual(self.exported(), expected, f"CHOIR_SEED={SEED}, {kills} kills")
        self.assertGreater(kills, KILLS // 4, "the job was over too soon to be killed")

    def test_and_killed_clients_too(self):
        rounds = 8 * KILLS
        moments = random.Random(SEED)
        job = self.file("job.yaml", JOB % rounds)
        server = self.serve()
        self.host(job)
        clients = [self.join(k) for k in range(CLIENTS)]
        _, outlived = self.kill_in_turn(server, clients, moments, KILLS, rounds)
        self.ends(clients, 300)
        self.assertEqual(self.exported(), self.simulated(job), f"CHOIR_SEED={SEED}")
        self.assertGreater(min(outlived), KILLS // 8, f"too soon over to be killed: {outlived}")


if __name__ == "__main__":
    unittest.main()

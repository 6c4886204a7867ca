"""A server, its operator and its clients, for the tests beside this file."""
import json
import os
import ssl
import subprocess
import time
import urllib.error
import urllib.request

from choir import CHOIR, Case

CLIENTS = 4
JOB = """
name: letters
model: {name: mlp, hidden: [32]}
data: {source: digits, partition: natural, clients: 4, examples: 40, test_examples: 200}
client: {epochs: 2, batch_size: 10, learning_rate: 0.1}
server: {sample_rate: 0.5, rounds: %d, deadline: 600}
"""


class Network(Case):
    """What tests over a network share: a folder with a job, a server in it, and clients."""

    def setUp(self):
        super().setUp()
        self.processes = []
        self.port = 0

    def tearDown(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait(timeout=30)
            if process.stdout:
                process.stdout.close()
        super().tearDown()

    def start(self, *words, out=subprocess.DEVNULL, env=None):
        """Starts choir; env: what it finds in its environment beside ours."""
        process = subprocess.Popen([CHOIR, *map(str, words)], cwd=self.folder, text=True,
                                   stdin=subprocess.DEVNULL, stdout=out,
                                   stderr=subprocess.DEVNULL, env={**os.environ, **(env or {})})
        self.processes.append(process)
        return process

    def serve(self, *words, env=None):
        """Starts a server; returns it once it answers. Always on the same port of this test."""
        server = self.start("serve", "--port", self.port, *words, out=subprocess.PIPE, env=env)
        line = server.stdout.readline()
        self.assertTrue(line.startswith("serving "), line)
        self.url = line.split()[1]
        self.port = int(self.url.rsplit(":", 1)[1])
        return server

    def kill_once(self, server, moments, *words, within=0.5):
        """Kills the server at a moment that a random.Random says, in seconds, and serves again."""
        time.sleep(moments.uniform(0, within))
        server.kill()
        server.wait(timeout=30)
        server.stdout.close()
        self.processes.remove(server)
        return self.serve(*words)

    def kill_in_turn(self, server, clients, moments, kills, rounds):
        """Kills the server and one of the clients in turn, each time soon after a round has closed,
        and starts them again; until the job is over. Returns the last server, and of the kills of
        servers and of clients how many left rounds to be trained."""
        outlived = [0, 0]
        for kill in range(kills):
            closed = self.details("letters")["round"]
            if closed == rounds:
                break
            self.reach("letters", closed + 1)
            if kill % 2 == 0:
                server = self.kill_once(server, moments, within=0.1)
            else:
                time.sleep(moments.uniform(0, 0.1))
                k = moments.randrange(len(clients))
                clients[k].kill()
                clients[k].wait(timeout=30)
                clients[k] = self.join(k)
            outlived[kill % 2] += self.details("letters")["round"] < rounds
        return server, outlived

    def stop(self, server):
        server.terminate()
        self.assertEqual(server.wait(timeout=30), 0)

    def host(self, job, *words):
        return self.check_ran("host", job, *words)

    def join(self, client, job="letters", state=True):
        words = ["--state", f"device-{client}"] if state else []
        return self.start("join", "choir-server/join.json", "--job", job, "--client", client, *words)

    def check_ran(self, *words):
        ran = self.run_in(*words, timeout=120)
        self.assertEqual(ran.code, 0, ran.log)
        return ran

    def ends(self, processes, seconds=120):
        for process in processes:
            self.assertEqual(process.wait(timeout=seconds), 0)

    def simulated(self, job):
        ran = self.check_ran("sim", job, "--quiet", "--json", "--no-report")
        return json.loads(ran.out.splitlines()[-1])["model_hash"]

    def exported(self, *words, job="letters"):
        return self.check_ran("export", job, *words).out.split()[0]

    def status(self):
        return json.loads(self.check_ran("status", "--json").out)["jobs"]

    def reach(self, job, round_, seconds=60):
        """Waits until so many rounds of a job have closed."""
        end = time.monotonic() + seconds
        while self.details(job)["round"] < round_:
            self.assertLess(time.monotonic(), end, self.status())
            time.sleep(0.1)

    def details(self, job):
        return json.loads(self.check_ran("hosted", "show", job, "--json").out)

    def trust(self):
        """Believes this server's certificate, by its names; None for a plain one."""
        return (ssl.create_default_context(cafile=self.folder / "choir-server/tls.pem")
                if self.url.startswith("https:") else None)

    def admin(self, method, path, body=None, key=None):
        """What the server answers an administrator: its code and the JSON."""
        if key is None:
            key = json.loads((self.folder / "choir-server/admin.json").read_text())["key"]
        request = urllib.request.Request(self.url + path, method=method,
                                         data=None if body is None else json.dumps(body).encode(),
                                         headers={"Authorization": "Bearer " + key})
        try:
            with urllib.request.urlopen(request, timeout=30, context=self.trust()) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def refused(self, *words):
        """The sentence with which a command fails that makes no sense now."""
        ran = self.run_in(*words)
        self.assertEqual((ran.code, ran.out), (1, ""), ran.log)
        return ran.log

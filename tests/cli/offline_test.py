"""Clients that are killed, or find no server: what they have under way is neither lost nor trained twice.

CHOIR_KILLS says how often a client is killed (default 20); CHOIR_SEED which and at which moments, printed
when one fails.
"""
import contextlib
import json
import os
import random
import re
import socket
import stat
import threading
import time
import unittest

from network import CLIENTS, JOB, Network

KILLS = int(os.environ.get("CHOIR_KILLS", "20"))
SEED = int(os.environ.get("CHOIR_SEED", "1"))
KEPT = "task-letters.bin"
ALL_CLIENTS = JOB.replace("sample_rate: 0.5", "sample_rate: 1")
ANYTHING = b""
REPORT = rb"POST /v1/exchange [^\0]*Content-Length: \d{5,}\r\n"
MODEL = rb"GET /v1/models/"


class Gate:
    """Stands between clients and a server, and lets through what it is told to."""

    def __init__(self, port):
        self.server = ("127.0.0.1", port)
        self.cuts = self.holds = None  # requests that end their connection, or get no answer
        self.sockets = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        try:
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(self.server)
                self.sockets += [client, server]
                for source, to in ((client, server), (server, client)):
                    threading.Thread(target=self.carry, args=(source, to, source is client),
                                     daemon=True).start()
        except OSError:
            pass  # closed

    def carry(self, source, to, is_client):
        try:
            while chunk := source.recv(1 << 16):
                if is_client and self.cuts is not None and re.search(self.cuts, chunk):
                    break
                if not (is_client and self.holds is not None and re.search(self.holds, chunk)):
                    to.sendall(chunk)
        except OSError:
            pass
        for end in (source, to):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        for end in [self.listener, *self.sockets]:
            end.close()


class Offline(Network):
    joinfile = "choir-server/join.json"

    def gate(self):
        """Starts a server, and a gate that is in the join file for it."""
        self.serve("--plain")
        gate = Gate(self.port)
        self.addCleanup(gate.close)
        content = json.loads((self.folder / self.joinfile).read_text())
        content["url"] = gate.url
        self.joinfile = self.file("gate.json", json.dumps(content))
        return gate

    def join_told(self, client):
        """A client whose lines are in a file, behind those of its earlier processes."""
        with open(self.folder / f"client-{client}.txt", "a") as lines:
            return self.start("join", self.joinfile, "--job", "letters", "--client", client,
                              "--state", f"device-{client}", out=lines)

    def told(self, client):
        return (self.folder / f"client-{client}.txt").read_text()

    def wait_for(self, client, pattern, seconds=60):
        end = time.monotonic() + seconds
        while not re.search(pattern, self.told(client), re.MULTILINE):
            self.assertLess(time.monotonic(), end, f"no {pattern} in:\n{self.told(client)}")
            time.sleep(0.02)

    def kill(self, process):
        process.kill()
        process.wait(timeout=30)

    def check_trained_once(self, client):
        rounds = re.findall(r"^round (\d+)  trained", self.told(client), re.MULTILINE)
        self.assertEqual(len(rounds), len(set(rounds)), self.told(client))
        return len(rounds)


class KilledClients(Offline):
    def test_go_on_to_the_undisturbed_model_and_train_nothing_twice(self):
        moments = random.Random(SEED)
        job = self.file("job.yaml", JOB % (2 * KILLS))
        self.serve()
        self.host(job)
        clients = [self.join_told(k) for k in range(CLIENTS)]
        kills = 0
        while kills < KILLS and any(c.poll() is None for c in clients):
            time.sleep(moments.uniform(0, 0.3))
            k = moments.randrange(CLIENTS)
            self.kill(clients[k])
            clients[k] = self.join_told(k)
            kills += 1
        self.ends(clients, 300)
        why = f"CHOIR_SEED={SEED}, {kills} kills"
        self.assertEqual(self.exported(), self.simulated(job), why)
        self.assertGreater(kills, KILLS // 4, "the job was over too soon to be killed")
        for k in range(CLIENTS):
            self.check_trained_once(k)
            self.assertFalse((self.folder / f"device-{k}" / KEPT).exists(), why)


class WithoutAServer(Offline):
    def test_a_report_waits_through_restarts_and_is_sent_not_trained_again(self):
        job = self.file("job.yaml", ALL_CLIENTS % 1)
        gate = self.gate()
        self.host(job)
        gate.cuts = REPORT
        clients = [self.join_told(k) for k in range(CLIENTS)]
        for k in range(CLIENTS):
            self.wait_for(k, "^round 1  trained")
            self.wait_for(k, "^round 1  lost")
        gate.cuts = ANYTHING
        for again in range(2):
            for k in range(CLIENTS):
                self.kill(clients[k])
                kept = self.folder / f"device-{k}" / KEPT
                self.assertEqual(stat.S_IMODE(kept.stat().st_mode), 0o600)
                clients[k] = self.join_told(k)
                self.wait_for(k, f"(^lost[^$]*){{{again + 1}}}")  # it cannot even join
        gate.cuts = None
        self.ends(clients)
        for k in range(CLIENTS):
            self.assertRegex(self.told(k), r"(?m)^round 1  resumed: sends the report that was kept$")
            self.assertRegex(self.told(k), r"(?m)^round 1  reported$")
            self.assertEqual(self.check_trained_once(k), 1)
        self.assertEqual(self.exported(), self.simulated(job))

    def test_a_task_goes_on_from_the_fetch(self):
        job = self.file("job.yaml", ALL_CLIENTS % 1)
        gate = self.gate()
        self.host(job)
        gate.holds = MODEL
        clients = [self.join_told(k) for k in range(CLIENTS)]
        for k in range(CLIENTS):
            self.wait_for(k, "^round 1  task$")
            self.kill(clients[k])
        gate.holds = None
        self.ends([self.join_told(k) for k in range(CLIENTS)])
        for k in range(CLIENTS):
            self.assertRegex(self.told(k), r"(?m)^round 1  resumed: goes on with the task that was kept$")
            self.assertEqual(self.told(k).count("round 1  task"), 1)
        self.assertEqual(self.exported(), self.simulated(job))


class DamagedFiles(Offline):
    def test_are_named_and_set_aside(self):
        job = self.file("job.yaml", JOB % 2)
        self.serve()
        self.host(job)
        for k in range(CLIENTS):
            (self.folder / f"device-{k}").mkdir()
            (self.folder / f"device-{k}" / KEPT).write_bytes(b"CHK1" + 200 * bytes([k]))
        clients = [self.join_told(k) for k in range(CLIENTS)]
        self.ends(clients)
        for k in range(CLIENTS):
            self.assertIn(f"lost: {KEPT}: is damaged, or no file of choir's; what it had under way is "
                          "lost, and the file is set aside", self.told(k))
            self.assertTrue((self.folder / f"device-{k}" / f"{KEPT}.aside").exists())
        self.assertEqual(self.exported(), self.simulated(job))


if __name__ == "__main__":
    unittest.main()

"""Devices that come in while a server is killed, and while its disk refuses. The devices are Python's: device.py.

CHOIR_SEED says at which moments the server is killed, printed when one fails.
"""
import concurrent.futures
import contextlib
import http.client
import json
import os
import pathlib
import random
import resource
import sqlite3
import subprocess
import threading
import time
import unittest

import device
from choir import CHOIR
from network import CLIENTS, JOB, Network

SEED = int(os.environ.get("CHOIR_SEED", "1"))
KILLS, DEVICES = 6, 24
# What a server that is killed or not there yet, or that is busy, answers a device that comes.
LOST = (OSError, http.client.HTTPException)


class Entering(Network):
    def devices(self, count):
        join = json.loads((self.folder / "choir-server/join.json").read_text())
        return [device.Device(join) for _ in range(count)]

    def commits(self):
        figures = device.ask(self.url, "GET", "/metrics")[2].decode()
        return int(next(line.split()[1] for line in figures.splitlines()
                        if line.startswith("choir_commits_total ")))


def enters(d, end):
    """Enrols and joins until it is told who it is; what it was told, step by step."""
    told = []
    while time.monotonic() < end and len(told) < 2:
        with contextlib.suppress(*LOST):
            path, body = ("/v1/enroll", d.enrolment())
            if told:
                path, body = "/v1/jobs/letters/join", d.joining("letters")
            status, _, data = device.ask(d.url, "POST", path, json.dumps(body))
            assert status in (200, 503), data
            if status == 200:
                told.append(json.loads(data)["client" if told else "subject"])
                d.subject = told[0]
    return told


class AKilledServer(Entering):
    def test_forgets_nobody_who_was_told_who_he_is_and_takes_none_for_another(self):
        moments = random.Random(SEED)
        server = self.serve("--plain", "--join-rate", 0)
        self.host(self.file("job.yaml", JOB.replace("clients: 4", f"clients: {KILLS * DEVICES}") % 9))
        all_devices, all_told = [], []
        for _ in range(KILLS):
            come = self.devices(DEVICES)
            end = time.monotonic() + 60
            with concurrent.futures.ThreadPoolExecutor(DEVICES) as pool:
                told = [pool.submit(enters, d, end) for d in come]
                time.sleep(moments.uniform(0, 0.6))
                server.kill()
                server.wait(timeout=30)
                server = self.serve("--plain", "--join-rate", 0)
                told = [t.result() for t in told]
            all_devices += come
            all_told += told
        for d, (subject, client) in zip(all_devices, all_told, strict=True):
            again = d.json("POST", "/v1/enroll", d.enrolment())["subject"]
            self.assertEqual((again, d.join("letters")["client"]), (subject, client),
                             f"CHOIR_SEED={SEED}")
        for which in (0, 1):
            self.assertEqual(len({t[which] for t in all_told}), len(all_told), f"CHOIR_SEED={SEED}")

    def test_lets_a_version_meet_those_of_the_one_before(self):
        self.serve("--plain", "--join-rate", 0)
        self.host(self.file("job.yaml", JOB % 9))
        come = self.devices(4)
        for d in come:
            d.join("letters")
        self.host("job.yaml", "--set", "seed=2")
        with concurrent.futures.ThreadPoolExecutor(8) as pool:  # each twice at a time
            kinds = [k for k, _ in pool.map(lambda d: d.check_in("letters"), come + come)]
        self.assertLessEqual(set(kinds), {"task", "wait"})
        self.assertIn("task", kinds)
        self.assertEqual(self.details("letters")["joined"], 4)
        stranger, = self.devices(1)
        self.assertIn("all its 4 clients are claimed", self.refusal(stranger))

    def refusal(self, d):
        d.subject = d.json("POST", "/v1/enroll", d.enrolment())["subject"]
        status, _, data = device.ask(d.url, "POST", "/v1/jobs/letters/join",
                                     json.dumps(d.joining("letters")))
        self.assertEqual(status, 409)
        return json.loads(data)["error"]


class Selecting(Entering):
    def waiting(self, *words):
        """A device that is told to wait, and its first line."""
        process = self.start("join", "choir-server/join.json", "--job", "letters", *words, out=subprocess.PIPE)
        return process, process.stdout.readline()

    def test_tells_why_and_the_device_comes_again_by_itself(self):
        self.serve("--away-time", 1)
        job = self.file("job.yaml", JOB.replace("sample_rate: 0.5", "sample_rate: 0.25") % 1)
        self.host(job, "--set", "select.tags=mains,wifi", "--set", "select.platform=plan9")
        self.assertIn("  selects platform plan9, tags mains,wifi\n", self.check_ran("status").out)
        self.assertIn("\nselect     platform plan9, tags mains,wifi\n",
                      self.check_ran("hosted", "show", "letters").out)
        ran = self.run_in("join", "choir-server/join.json", "--job", "letters", "--no-wait")
        self.assertEqual((ran.code, ran.out.count("rejected")), (1, 1), ran.log)
        self.assertRegex(ran.log, "platform: '[a-z]+' is not 'plan9', which the job selects")
        device_, line = self.waiting("--platform", "plan9", "--tags", "wifi")
        self.assertEqual(line, "rejected: join: tags: 'wifi' lack 'mains', which the job selects\n")
        self.check_ran("hosted", "replace", "letters", job, "--set", "select.tags=wifi")
        self.ends([device_])
        self.assertEqual(self.status()[-1]["state"], "finished")

    def test_lets_one_wait_that_a_full_job_has_no_place_for(self):
        self.serve("--away-time", 1)
        job = self.file("job.yaml", JOB.replace("clients: 4", "clients: 1") % 9)
        self.host(job)
        self.check_ran("hosted", "pause", "letters")
        self.assertIn("client 0 of letters@1", self.waiting()[1])
        line = self.waiting()[1]
        self.assertEqual(line, "rejected: join: letters@1: all its 1 client is claimed\n")

    def test_looks_at_devices_of_the_version_before(self):
        self.serve("--plain", "--away-time", 100)
        job = self.file("job.yaml", JOB % 9)
        self.host(job)
        old, = self.devices(1)
        old.join("letters")
        self.host(job, "--set", "select.version=>=2")
        for _ in range(2):
            kind, fields = old.check_in("letters")
            self.assertEqual((kind, fields[2]), ("wait", 2))  # WHY_NOT_ELIGIBLE
            self.assertIn(fields[1], range(50 * 1000, 150 * 1000 + 1))
        self.assertEqual(self.details("letters")["joined"], 0)
        status, _, data = device.ask(self.url, "POST", "/v1/jobs/letters/join",
                                     json.dumps({**old.joining("letters"), "version": "2.0"}))
        self.assertEqual(status, 200, data)
        kind, fields = old.check_in("letters")
        self.assertNotEqual((kind, fields.get(2)), ("wait", 2))


class TheSecret(Entering):
    def enrolled(self, d):
        return device.ask(self.url, "POST", "/v1/enroll", json.dumps(d.enrolment()))[0]

    def test_can_be_changed_and_those_who_are_in_stay(self):
        server = self.serve("--plain")
        self.host(self.file("job.yaml", JOB % 9))
        old, late = self.devices(2)
        old.join("letters")
        self.assertIn("--rotate is missing", self.run_in("admin", "secret").log)
        self.assertEqual(self.check_ran("admin", "secret", "--rotate", "--out", "new.json").out,
                         "the enrolment secret is another; the join file of today is new.json\n")
        files = [self.folder / "new.json", self.folder / "choir-server/join.json"]
        self.assertEqual(*(json.loads(f.read_text()) for f in files))
        self.assertEqual([f.stat().st_mode & 0o777 for f in files], [0o600, 0o600])
        for _ in range(2):  # now, and after a restart
            self.assertEqual(self.enrolled(late), 403)
            self.assertEqual(self.enrolled(self.devices(1)[0]), 200)
            self.assertIn(old.check_in("letters")[0], ("task", "wait"))
            self.assertEqual(old.join("letters")["client"], old.client)
            self.stop(server)
            server = self.serve("--plain")
        last = json.loads(self.check_ran("audit", "--json", "--limit", 1).out)["entries"][0]
        self.assertEqual((last["who"], last["act"]), ("owner", "secret_rotate"))

    def test_is_the_owners_to_change(self):
        self.serve()
        self.check_ran("admin", "add", "ann", "--role", "analyst", "--out", "ann.json")
        ran = self.run_in("admin", "secret", "--rotate", "--admin", "ann.json")
        self.assertEqual(ran.code, 2, ran.log)
        self.assertIn("ask an owner", ran.log)


class AFullDisk(Entering):
    def limit(self, server, size):
        """Files of the server may not grow beyond that: its own full disk."""
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def test_lets_nobody_in_until_it_has_room(self):
        server = self.serve("--plain", "--join-rate", 0)
        self.host(self.file("job.yaml", JOB % 9))
        first, second = self.devices(2)
        first.subject = first.json("POST", "/v1/enroll", first.enrolment())["subject"]
        written = max(p.stat().st_size for p in pathlib.Path(self.folder / "choir-server").iterdir())
        self.limit(server, written)
        answers = []

        def ask(path, body):
            answers.append(device.ask(self.url, "POST", path, json.dumps(body))[0])

        come = [threading.Thread(target=ask, args=("/v1/enroll", second.enrolment())),
                threading.Thread(target=ask, args=("/v1/jobs/letters/join", first.joining("letters")))]
        for thread in come:
            thread.start()
        for thread in come:
            thread.join(timeout=60)
        self.assertEqual(answers, [503, 503])
        self.assertEqual(device.ask(self.url, "GET", "/readyz")[0], 503)
        time.sleep(1.5)  # it has tried again, and was refused again
        self.assertEqual(device.ask(self.url, "GET", "/readyz")[0], 503)
        self.limit(server, resource.RLIM_INFINITY)
        end = time.monotonic() + 30
        while device.ask(self.url, "GET", "/readyz")[0] != 200:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.1)
        self.assertEqual(second.json("POST", "/v1/enroll", second.enrolment())["subject"], 2)
        self.assertEqual(first.join("letters")["client"], 0)

    def test_lets_nobody_wait(self):
        server = self.serve("--plain", "--join-rate", 0)
        self.host(self.file("job.yaml", JOB % 9))
        devices = self.devices(CLIENTS)
        for d in devices:
            d.join("letters")
        late = self.devices(1)[0]
        sleeper = next(d for d in devices if d.check_in("letters")[0] == "wait")
        check_in = device.request(sleeper.client, device.CHECK_IN, device.chunk(1, b"letters"))
        answers = []
        asks = threading.Thread(target=lambda: answers.append(sleeper.ask(check_in, Prefer="wait=60")[0]))
        asks.start()
        time.sleep(1)
        begin = time.monotonic()
        self.assertEqual(answers, [])
        self.limit(server, 0)
        self.assertEqual(device.ask(self.url, "POST", "/v1/enroll", json.dumps(late.enrolment()))[0], 503)
        asks.join(timeout=50)
        self.assertEqual(answers, [503])
        self.assertLess(time.monotonic() - begin, 50)


class DataThatCannotBeReadHere(Entering):
    def test_take_no_place_of_a_job(self):
        self.serve("--plain")
        self.host(self.file("job.yaml", JOB % 3))
        (self.folder / "empty").mkdir()
        rows = [(["--job", "letters", "--data", "mistypde.csv"], 1, "there is no .*mistypde.csv"),
                (["--job", "letters=mistypde.csv"], 1, "there is no .*mistypde.csv"),
                (["--job", "letters", "--data", "mistypde.csv", "--show"], 1, "there is no .*mistypde.csv"),
                (["--job", "letters", "--data", "digits"], 2, "--data: 'digits' is drawn and not read"),
                (["--job", "letters", "--data", "empty"], 1, "--data: empty holds nothing that is known")]
        for words, code, says in rows:
            with self.subTest(words):
                ran = self.run_in("join", "choir-server/join.json", *words)
                self.assertEqual((ran.code, ran.out), (code, ""))
                self.assertRegex(ran.log, says)
        self.assertEqual(self.details("letters")["joined"], 0)


class AStoreThatRefusesAJob(Entering):
    def test_fails_that_job_and_no_other(self):
        server = self.serve("--plain", "--join-rate", 0)
        job = (JOB % 1000).replace("deadline: 600", "deadline: 2")
        self.host(self.file("job.yaml", job))
        self.host(self.file("other.yaml", job.replace("letters", "others")))
        self.stop(server)
        with contextlib.closing(sqlite3.connect(self.folder / "choir-server/choir.db")) as db, db:
            db.execute("INSERT INTO rounds (job, round, closed_ms, summary, model)"
                       " SELECT id, (SELECT count(*) + 1 FROM rounds WHERE job = id), 0, x'', zeroblob(32)"
                       " FROM jobs WHERE name = 'letters'")
        log = self.folder / "log.txt"
        with log.open("w") as out:
            server = subprocess.Popen([CHOIR, "serve", "--port", str(self.port), "--plain"], cwd=self.folder,
                                      stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=out)
        self.processes.append(server)
        end = time.monotonic() + 60
        while "job_failed" not in log.read_text():
            self.assertLess(time.monotonic(), end, log.read_text())
            time.sleep(0.1)
        self.assertRegex(log.read_text(), r'job_failed .*job=letters@1 why="job 1: round \d+ has closed already"')
        self.reach("others", self.details("others")["round"] + 2)
        states = {j["name"]: j["state"] for j in self.status()}
        self.assertEqual(states, {"letters": "failed", "others": "running"})
        self.assertEqual(device.ask(self.url, "GET", "/readyz")[0], 200)
        self.assertNotIn("commit_failed", log.read_text())


if __name__ == "__main__":
    unittest.main()

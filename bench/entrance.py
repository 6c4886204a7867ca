#!/usr/bin/env python3
"""How fast devices come in: they enrol and join a job, over many connections at once.

    python3 bench/entrance.py CHOIR [--devices 2000] [--connections 64] [--dir DIR]

CHOIR is the binary; DIR the folder, on the disk that is meant, where the server's is made (default: the
current one). Keys and signatures are made before the clock runs. Prints one line of JSON.
"""
import argparse
import http.client
import json
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/cli"))
import device  # noqa: E402  (it is beside the tests)

JOB = """
name: digits
model: {name: mlp, hidden: [32]}
data: {source: synthetic, clients: %d}
server: {sample_rate: 0.1, rounds: 100, deadline: 3600}
"""


def timed(url, requests, connections):
    """Seconds for all of (path, body), each asked once, and their answers."""
    at, answers = urllib.parse.urlsplit(url), [None] * len(requests)
    turns, lock = iter(range(len(requests))), threading.Lock()

    def work():
        connection = http.client.HTTPConnection(at.netloc, timeout=600)
        while True:
            with lock:
                i = next(turns, None)
            if i is None:
                return
            connection.request("POST", *requests[i])
            answer = connection.getresponse()
            answers[i] = json.loads(answer.read())
            assert answer.status == 200, answers[i]

    threads = [threading.Thread(target=work) for _ in range(connections)]
    start = time.monotonic()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return time.monotonic() - start, answers


def commits(url):
    text = device.ask(url, "GET", "/metrics")[2].decode()
    return int(next(x for x in text.splitlines() if x.startswith("choir_commits_total ")).split()[1])


def measure(url, folder, devices, connections):
    join = json.loads((folder / "choir-server/join.json").read_text())
    come = [device.Device(join) for _ in range(devices)]
    enrolments = [("/v1/enroll", json.dumps(d.enrolment())) for d in come]
    first = commits(url)
    enrol_s, answers = timed(url, enrolments, connections)
    second = commits(url)
    for d, answer in zip(come, answers):
        d.subject = answer["subject"]
    joinings = [("/v1/jobs/digits/join", json.dumps(d.joining("digits"))) for d in come]
    join_s, answers = timed(url, joinings, connections)
    assert len({a["client"] for a in answers}) == devices
    return {"devices": devices, "connections": connections, "enrol_s": round(enrol_s, 3),
            "enrol_commits": second - first, "join_s": round(join_s, 3),
            "join_commits": commits(url) - second}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("choir", type=pathlib.Path)
    parser.add_argument("--devices", type=int, default=2000)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--dir", default=".")
    o = parser.parse_args()
    choir = str(o.choir.resolve())
    with tempfile.TemporaryDirectory(prefix="choir-entrance-", dir=o.dir) as name:
        folder = pathlib.Path(name)
        (folder / "job.yaml").write_text(JOB % o.devices)
        server = subprocess.Popen([choir, "serve", "--plain", "--quiet", "--port", "0", "--join-rate", "0"],
                                  cwd=folder, text=True, stdout=subprocess.PIPE)
        try:
            url = server.stdout.readline().split()[1]
            subprocess.run([choir, "host", "job.yaml"], cwd=folder, check=True,
                           stdout=subprocess.DEVNULL)
            print(json.dumps(measure(url, folder, o.devices, o.connections)))
        finally:
            server.terminate()
            server.wait(timeout=60)


if __name__ == "__main__":
    main()

"""Rounds over an unkind network: faults.py between the clients and the server.

CHOIR_SEED begins another series of schedules; a test that fails prints its own, to be given to it.
"""
import json
import os
import pathlib
import socket
import threading
import time
import unittest

from faults import FATES, Faults, fate_of
from network import CLIENTS, JOB, Network

SEED = int(os.environ.get("CHOIR_SEED", "1"))
SCHEDULES = int(os.environ.get("CHOIR_SCHEDULES", "2"))


def open_files(process):
    return len(list(pathlib.Path(f"/proc/{process.pid}/fd").iterdir()))


def resident_kb(process):
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")


class Schedules(unittest.TestCase):
    def test_a_seed_makes_the_same_schedule_again(self):
        fates = [[str(fate_of(7, n)) for n in range(1, 200)] for _ in range(2)]
        self.assertEqual(fates[0], fates[1])
        self.assertNotEqual(fates[0], [str(fate_of(8, n)) for n in range(1, 200)])
        self.assertEqual({fate_of(7, n).name for n in range(1, 200)}, set(FATES))


class UnkindNetwork(Network):
    def faults(self, seed, names=None):
        proxy = Faults(self.port, seed, names=names)
        self.addCleanup(proxy.stop)
        return proxy

    def join_over(self, proxy, client):
        """A client whose join file leads to the proxy."""
        join = json.loads((self.folder / "choir-server/join.json").read_text())
        join["url"] = join["url"].replace(f":{self.port}", f":{proxy.port}")
        name = f"join-{client}.json"  # its own: another may be reading theirs
        self.file(name, json.dumps(join))
        return self.start("join", name, "--job", "letters", "--client", client,
                          "--state", f"device-{client}")

    def most_open(self, server, clients, seconds):
        """Waits for the clients' end; the most files that the server had open meanwhile."""
        most = 0
        end = time.monotonic() + seconds
        while any(c.poll() is None for c in clients):
            self.assertLess(time.monotonic(), end, "not at its end in time")
            self.assertFalse([c.args for c in clients if c.poll() not in (None, 0)], "failed")
            most = max(most, open_files(server))
            time.sleep(0.05)
        return most

    def keeps_the_model_of_a_calm_network(self, seed):
        job = self.file("job.yaml", JOB % 6)
        expected = self.simulated(job)
        server = self.serve()
        self.host(job)
        idle = open_files(server)
        proxy = self.faults(seed)
        try:
            clients = [self.join_over(proxy, k) for k in range(CLIENTS)]
            most = self.most_open(server, clients, 400)
            self.assertEqual([c.returncode for c in clients], [0] * CLIENTS)
            self.assertEqual(self.exported(), expected)
            self.assertGreater(len(proxy.fates), CLIENTS)  # at least one was broken
            # Each client has one connection; those that the proxy holds are half-open.
            self.assertLessEqual(most - idle, 8 * CLIENTS)
            self.stop(server)
        except AssertionError as error:
            raise AssertionError(f"{error}\nCHOIR_SEED={seed} CHOIR_SCHEDULES=1, {proxy}") from None

    def test_a_client_that_nothing_reaches_does_not_hold_up_the_others(self):
        self.file("job.yaml", (JOB % 3).replace("sample_rate: 0.5", "sample_rate: 1")
                  .replace("deadline: 600", "deadline: 2"))
        self.serve()
        self.host("job.yaml")
        calm = [self.join(k) for k in range(CLIENTS - 1)]
        self.join_over(self.faults(SEED, ["lost"]), CLIENTS - 1)
        self.ends(calm)
        rounds = self.details("letters")["last_rounds"]
        self.assertEqual([r["reports"] for r in rounds], [CLIENTS - 1] * 3, rounds)


def of_schedule(seed):
    return lambda test: test.keeps_the_model_of_a_calm_network(seed)


for of_seed in range(SEED, SEED + SCHEDULES):
    setattr(UnkindNetwork, f"test_the_model_is_the_one_of_a_calm_network_{of_seed}",
            of_schedule(of_seed))


class Crowds(Network):
    """Many who connect and mean no good."""

    def crowd(self, count, greeting=b"", letter=b""):
        """Connections that say the one and then the other five times a second; how to end them."""
        sockets = [socket.create_connection(("127.0.0.1", self.port)) for _ in range(count)]
        for s in sockets:
            s.send(greeting)
        ends = time.monotonic() + 60
        stop = threading.Event()

        def go_on():
            while not stop.is_set() and time.monotonic() < ends:
                for s in sockets:
                    try:
                        s.send(letter)
                    except OSError:
                        pass  # it has been closed
                stop.wait(0.2)

        talker = threading.Thread(target=go_on)
        talker.start()

        def over():
            stop.set()
            talker.join()
            for s in sockets:
                s.close()
        self.addCleanup(over)
        return over

    def opens_up_to(self, server, count, seconds):
        """What connects waits in the listener's queue until the server has taken it."""
        end = time.monotonic() + seconds
        while open_files(server) < count:
            self.assertLess(time.monotonic(), end, f"{open_files(server)} open, not {count}")
            time.sleep(0.01)

    def closes_down_to(self, server, count, seconds):
        end = time.monotonic() + seconds
        while open_files(server) > count:
            self.assertLess(time.monotonic(), end, f"{open_files(server)} open, not {count}")
            time.sleep(0.1)

    def test_who_says_nothing_or_only_letter_by_letter_is_cut_off_and_training_goes_on(self):
        self.file("job.yaml", JOB % 5)
        server = self.serve("--plain", "--idle-time", 6, "--request-time", 8)
        self.host("job.yaml")
        idle = open_files(server)
        head = b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Long: "
        body = b"POST /v1/enroll HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n"
        crowds = [self.crowd(150), self.crowd(150, head, b"a"), self.crowd(150, body, b"a")]
        self.opens_up_to(server, idle + 400, 6)
        clients = [self.join(k) for k in range(CLIENTS)]
        self.ends(clients)
        self.closes_down_to(server, idle + 2, 60)
        resident = resident_kb(server)
        for over in crowds:
            over()
        self.crowd(450, head, b"a")
        self.opens_up_to(server, idle + 400, 6)
        self.closes_down_to(server, idle + 2, 60)
        self.assertLess(resident_kb(server) - resident, 16 * 1024)


if __name__ == "__main__":
    unittest.main()

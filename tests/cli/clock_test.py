"""A server whose clock is set back and forward while rounds run, by libfaketime."""
import pathlib
import unittest

from network import CLIENTS, JOB, Network

PRELOADED = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


class AClock(Network):
    def setUp(self):
        super().setUp()
        self.assertIsNotNone(PRELOADED, "libfaketime is not installed; tools/setup installs it")

    def set(self, shift):
        """Sets the server's clock, but for the monotonic one, which nobody can set."""
        self.file("shift.part", shift).rename(self.folder / "shift")

    def serve_with_a_clock(self, *words):
        self.set("+0")
        return self.serve(*words, env={
            "LD_PRELOAD": str(PRELOADED), "DONT_FAKE_MONOTONIC": "1", "FAKETIME_NO_CACHE": "1",
            "FAKETIME_TIMESTAMP_FILE": str(self.folder / "shift"),
            "ASAN_OPTIONS": "verify_asan_link_order=0"})

    def goes_on(self):
        self.reach("letters", self.details("letters")["round"] + 3)

    def closed(self):
        """When the last round closed, as the server's clock had it."""
        return self.details("letters")["last_rounds"][-1]["closed_ms"]

    def test_that_is_set_back_an_hour_costs_nothing(self):
        job = self.file("job.yaml", JOB % 60)
        self.serve_with_a_clock("--token-time", 600)
        self.host(job)
        clients = [self.join(k) for k in range(CLIENTS)]
        self.reach("letters", 1)
        today = self.closed()
        self.set("-1h")
        last = clients.pop()
        last.kill()
        last.wait(timeout=30)
        clients.append(self.join(CLIENTS - 1))  # it joins by the clock that was set back
        self.goes_on()
        self.assertLess(self.closed(), today - 3000 * 1000)
        self.set("+2h")  # all tokens have expired
        self.goes_on()
        self.assertGreater(self.closed(), today + 7000 * 1000)
        self.set("-1h")
        self.ends(clients)
        self.assertEqual(self.exported(), self.simulated(job))

    def test_that_is_set_back_between_two_starts_costs_nothing(self):
        job = self.file("job.yaml", JOB % 60)
        server = self.serve_with_a_clock()
        self.host(job)
        clients = [self.join(k) for k in range(CLIENTS)]
        self.reach("letters", 3)
        today = self.closed()
        server.kill()
        server.wait(timeout=30)
        self.serve(env={"LD_PRELOAD": str(PRELOADED), "FAKETIME": "-1h", "DONT_FAKE_MONOTONIC": "1",
                        "ASAN_OPTIONS": "verify_asan_link_order=0"})
        self.goes_on()  # further than it may have come before it was killed
        self.assertLess(self.closed(), today - 3000 * 1000)
        self.ends(clients)
        self.assertEqual(self.exported(), self.simulated(job))


if __name__ == "__main__":
    unittest.main()

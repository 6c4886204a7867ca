"""When a device works: what stands in the way is said, and it goes on when that has passed."""
import time
import unittest

from choir import Case
from network import CLIENTS, JOB, Network


class Conditions(Network):
    def supply(self, name, **files):
        folder = self.folder / "made/sys/class/power_supply" / name
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            (folder / file).write_text(f"{text}\n")

    def join_told(self, client, *words):
        """A client whose lines are kept in a file."""
        with (self.folder / f"{client}.out").open("w") as out:
            return self.start("join", "choir-server/join.json", "--job", "letters", "--client",
                              client, "--system", "made", "--pause", 1, *words, out=out)

    def told(self, client, text, seconds=60):
        """Waits until the client has said so; what it has said."""
        path = self.folder / f"{client}.out"
        end = time.monotonic() + seconds
        while text not in path.read_text():
            self.assertLess(time.monotonic(), end, path.read_text())
            time.sleep(0.1)
        return path.read_text()

    def test_a_device_that_was_blocked_trains_when_its_battery_has_been_charged(self):
        job = self.file("job.yaml", JOB % 2)
        self.supply("BAT0", type="Battery", capacity=23, status="Discharging")
        self.serve()
        self.host(job)
        clients = [self.join(k) for k in range(CLIENTS - 1)]
        clients.append(self.join_told(CLIENTS - 1, "--battery-min", 30, "--when-charging"))
        self.told(CLIENTS - 1, "power is the battery, must be mains; "
                               "battery is 23 %, must be at least 30 %\n")
        self.supply("BAT0", status="Charging")
        self.supply("BAT0", capacity=29)
        self.told(CLIENTS - 1, "blocked: battery is 29 %, must be at least 30 %\n")
        time.sleep(2.5)  # it has looked again, and there is nothing else to say
        said = self.told(CLIENTS - 1, "blocked").splitlines()
        self.assertEqual(len([line for line in said if "blocked" in line]), len(said), said)
        self.assertLessEqual(len(said), 3, said)
        self.assertEqual(self.details("letters")["round"], 0)
        self.supply("BAT0", capacity=30)
        self.ends(clients)
        self.assertIn("reported", self.told(CLIENTS - 1, "done"))
        self.assertEqual(self.exported(), self.simulated(job))

    def test_a_file_sets_them_and_flags_win(self):
        self.supply("BAT0", type="Battery", capacity=23)
        self.serve()
        self.host(self.file("job.yaml", JOB % 100))
        self.file("device.yaml", "battery-min: 50\nwhen-charging: true\n")
        self.join_told(0, "--config", "device.yaml", "--when-charging=false")
        said = self.told(0, "blocked")
        self.assertIn("blocked: battery is 23 %, must be at least 50 %\n", said)
        self.join_told(1, "--config", "device.yaml", "--battery-min", 0)
        said = self.told(1, "blocked")
        self.assertIn("blocked: power is unknown, must be mains\n", said)


class Settings(Case):
    def test_that_make_no_sense_are_named(self):
        self.file("join.json", '{"url": "https://127.0.0.1:1", "signing_key": "%s", "secret": "a"}'
                  % ("A" * 43))
        for words, why in [
                (["--battery-min", 101], "--battery-min: '101' is not a whole number in [0, 100] percent"),
                (["--window", "night"], "window is 'night', must be two different times of the day"),
                (["--config", self.file("a.yaml", "x: 1\nbatery-min: 2\n")],
                 "a.yaml:1: --x is not known"),
                (["--config", self.file("b.yaml", "batery-min: 2\n")],
                 "b.yaml:1: --batery-min is not known; did you mean '--battery-min'?"),
                (["--config", self.file("c.yaml", "pause: 2\npause: 3\n")],
                 "c.yaml:2: pause is there twice"),
                (["--config", self.file("d.yaml", "config: e.yaml\n")],
                 "d.yaml:1: config is for the command line alone"),
                (["--config", self.file("e.yaml", "pause:\n")],
                 "e.yaml:1: pause has no value"),
                (["--config", self.file("f.yaml", "pause: [\n")], "not YAML")]:
            ran = self.run_in("join", "join.json", "--job", "letters", *words)
            self.assertEqual(ran.code, 2, ran.log)
            self.assertIn(why, ran.log)
        self.assertIn("none.yaml", self.run_in("join", "join.json", "--config", "none.yaml").log)


if __name__ == "__main__":
    unittest.main()

"""What a device's owner accepts: it is shown what a job asks, and what asks for more is refused."""
import time
import unittest

from choir import Case
from network import CLIENTS, JOB, Network

CLIPPED = JOB + "chain: clip=2|weight\n"


class Policy(Network):
    def join_told(self, client, *words):
        """A client whose lines are kept in a file."""
        with (self.folder / f"{client}.out").open("w") as out:
            return self.start("join", "choir-server/join.json", "--job", "letters", "--client", client,
                              "--state", f"device-{client}", *words, out=out)

    def told(self, client, text, seconds=60):
        path = self.folder / f"{client}.out"
        end = time.monotonic() + seconds
        while text not in path.read_text():
            self.assertLess(time.monotonic(), end, path.read_text())
            time.sleep(0.1)
        return path.read_text()

    def shown(self, *words):
        return self.check_ran("join", "choir-server/join.json", "--job", "letters", "--state", "device-0",
                              "--show", *words).out

    def test_the_owner_sees_what_a_job_asks_and_what_the_policy_says(self):
        self.serve()
        self.host(self.file("job.yaml", CLIPPED % 2))
        shown = self.shown("--client", 0, "--clip-max", 1, "--links", "clip,weight", "--examples-min", 5)
        for line in ("letters@1 asks", "model      mlp, 25450 parameters, 101800 bytes to fetch a round",
                     "work       up to 2 epochs a round, 10 examples at a time, 2 rounds",
                     "chain      clip=2|weight",
                     "sent       the update, as the chain leaves it; metrics of training: how many examples, "
                     "how many right, sum of losses",
                     "sum        of at least 1 report, or the round is discarded",
                     "the policy says: refused", "model      25450 parameters: no rule",
                     "clip       2: refused, must be at most 1",
                     "chain      clip=2|weight: accepted, must be made of clip,weight",
                     "sum        1 report: no rule"):
            self.assertIn(line + "\n", shown)
        self.assertRegex(shown, r"\ndata       \d+ examples of this device, which stay on it\n")
        self.assertRegex(shown, r"\ndata       \d+ examples: accepted, must be at least 5\n")
        shown = self.shown("--clip-max", 2, "--battery-min", 100, "--system", "none")
        self.assertIn("the policy says: accepted\n", shown)
        self.assertIn("data       this device's; which, --data or --client would say\n", shown)
        self.assertIn("data       unknown: no rule\n", shown)

    def test_a_refused_job_is_not_trained_for_and_an_accepted_one_is(self):
        job = self.file("job.yaml", CLIPPED % 2)
        self.serve()
        self.host(job)
        rules = [("--clip-max", 1), ("--parameters-max", 25449), ("--links", "uniform"),
                 ("--examples-min", 100000)]
        said = ["clip is 2, must be at most 1", "model is 25450 parameters, must be at most 25449",
                "chain is clip=2|weight, must be made of uniform", "examples, must be at least 100000"]
        clients = [self.join_told(k, *rules[k]) for k in range(CLIENTS)]
        for k in range(CLIENTS):
            lines = self.told(k, said[k])
            self.assertRegex(lines, r"rejected: letters@1: ")
            self.assertNotIn("task", lines)
            self.assertEqual("examples" in lines, k == 3, lines)  # only then its data were looked at
            clients[k].terminate()
        self.ends(clients)
        ran = self.run_in("join", "choir-server/join.json", "--job", "letters", "--client", 0,
                          "--state", "device-0", "--no-wait", *rules[0])
        self.assertEqual(ran.code, 1)
        self.assertIn(said[0], ran.log)
        self.assertEqual(self.details("letters")["round"], 0)
        self.ends([self.join_told(k, "--clip-max", 2, "--links", "clip,weight", "--examples-min", 1,
                                  "--parameters-max", 25450, "--reports-min", 1)
                   for k in range(CLIENTS)])
        self.assertEqual(self.exported(), self.simulated(job))


class Settings(Case):
    def test_that_make_no_sense_are_named(self):
        self.file("join.json", '{"url": "https://127.0.0.1:1", "signing_key": "%s", "secret": "a"}'
                  % ("A" * 43))
        for words, why in [(["--links", "clip,wieght"], "links: chain: 'wieght' is no link; known: clip, "),
                           (["--clip-max", -1], "--clip-max: '-1' is not a number in [0, 1000000]")]:
            ran = self.run_in("join", "join.json", "--job", "letters", *words)
            self.assertEqual(ran.code, 2, ran.log)
            self.assertIn(why, ran.log)


if __name__ == "__main__":
    unittest.main()

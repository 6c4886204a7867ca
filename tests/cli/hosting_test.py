"""What an operator does with hosted jobs: look, steer, replace, clone, remove."""
import contextlib
import json
import resource
import sqlite3
import time
import unittest

from device import CHECK_IN, Device, ask, chunk, request
from network import CLIENTS, JOB, Network

ENDLESS = JOB % 100000


class Looking(Network):
    def test_shows_everything_of_a_job(self):
        job = self.file("job.yaml", JOB % 7)
        self.serve()
        self.host(job)
        before = self.details("letters")
        self.assertEqual((before["joined"], before["last_rounds"]), (0, []))
        self.ends([self.join(k) for k in range(CLIENTS)])
        shown = self.details("letters@1")
        self.assertEqual((shown["state"], shown["round"], shown["joined"]), ("finished", 7, 4))
        self.assertEqual([r["round"] for r in shown["last_rounds"]], [3, 4, 5, 6, 7])
        self.assertNotIn("deadline_left_ms", shown)
        self.assertIn("learning_rate: 0.1", shown["job"])
        text = self.check_ran("hosted", "show", "letters").out
        for line in (r"letters@1  finished  round 7/7", r"clients    4, 4 have joined; 0 in",
                     rf"model      {self.exported()}, \d+ parameters", r"versions   1 finished",
                     r"round 7  \d", r"  name: letters"):
            self.assertRegex(text, rf"(?m)^{line}")
        self.assertIn("there is no job 'none' here", self.refused("hosted", "show", "none"))

    def test_tells_after_a_restart_too_what_the_last_round_came_to(self):
        server = self.serve()
        self.host(self.file("job.yaml", JOB % 3))
        self.ends([self.join(k) for k in range(CLIENTS)])
        (before,) = self.status()
        self.assertEqual(before["last"]["round"], 3)
        self.stop(server)
        self.serve()
        (after,) = self.status()
        self.assertEqual(after["last"], before["last"])
        self.assertNotRegex(self.check_ran("status").out, r"(?m)^letters@1 .* - +- ")

    def test_shows_the_time_that_is_left(self):
        self.serve()
        self.host(self.file("job.yaml", ENDLESS))
        time.sleep(0.3)
        left = self.details("letters")["deadline_left_ms"]
        self.assertTrue(0 < left <= 600000, left)
        self.assertRegex(self.check_ran("hosted", "show", "letters").out, r"deadline   in \d+\.\d s")

    def test_a_dry_run_says_what_would_be(self):
        job = self.file("job.yaml", JOB % 5)
        self.serve()
        for version in (1, 2):
            dry = self.host(job, "--dry-run", "--set", f"seed={version}").out
            self.assertIn(f"letters@{version} would be hosted", dry)
            self.assertEqual(len(self.status()), version - 1)
            self.host(job, "--set", f"seed={version}")
        self.assertIn("letters@2 is hosted already", self.host(job, "--dry-run", "--set", "seed=2").out)
        ran = self.run_in("host", job, "--dry-run", "--set", "schedule.epochs=plateau")
        self.assertEqual(ran.code, 2, ran.log)
        self.assertEqual([j["state"] for j in self.status()], ["stopped", "running"])


class Steering(Network):
    def test_is_by_commands_that_say_what_they_did(self):
        server = self.serve()
        self.host(self.file("job.yaml", ENDLESS))
        clients = [self.join(k) for k in range(CLIENTS)]
        self.reach("letters", 2)
        self.assertEqual(self.check_ran("hosted", "pause", "letters").out, "letters@1 paused\n")
        self.assertIn("'letters' is paused: there is nothing to pause",
                      self.refused("hosted", "pause", "letters"))
        server.kill()
        server.wait(timeout=30)
        self.serve()
        self.assertEqual(self.details("letters")["state"], "paused")
        self.assertEqual(self.check_ran("hosted", "resume", "letters").out, "letters@1 running\n")
        self.assertEqual(self.check_ran("hosted", "stop", "letters").out, "letters@1 stopped\n")
        self.ends(clients)

    def test_a_job_that_has_failed_goes_on_when_it_is_resumed(self):
        job = self.file("job.yaml", JOB % 6)
        server = self.serve()
        self.host(job)
        clients = [self.join(k) for k in range(CLIENTS)]
        self.reach("letters", 2)
        self.stop(server)
        with contextlib.closing(sqlite3.connect(self.folder / "choir-server/choir.db")) as store:
            store.execute("UPDATE jobs SET state = 'failed'")  # as a server without memory says it
            store.commit()
        self.serve()
        self.assertEqual(self.details("letters")["state"], "failed")
        self.assertIn("'letters' is failed: there is nothing to pause",
                      self.refused("hosted", "pause", "letters"))
        self.assertEqual(self.check_ran("hosted", "resume", "letters").out, "letters@1 running\n")
        self.assertIn("'letters' is running: there is nothing to resume",
                      self.refused("hosted", "resume", "letters"))
        for client in clients:  # told to come back in a minute; started again they come at once
            client.kill()
            client.wait(timeout=30)
        self.ends([self.join(k) for k in range(CLIENTS)])
        self.assertEqual(self.exported(), self.simulated(job))

    def test_a_job_that_cannot_be_opened_has_failed_and_the_others_go_on(self):
        job = self.file("job.yaml", ENDLESS)
        server = self.serve("--plain")
        self.host(job)
        self.host(self.file("other.yaml", ENDLESS.replace("letters", "other")))
        file = json.loads((self.folder / "choir-server/join.json").read_text())
        device, late, another = Device(file), Device(file), Device(file)
        device.join("letters")
        self.stop(server)
        with contextlib.closing(sqlite3.connect(self.folder / "choir-server/choir.db")) as store:
            store.execute("UPDATE yamls SET bytes = CAST('none' AS BLOB) WHERE job = 1")
            store.commit()
        self.serve("--plain")
        self.assertEqual([(j["name"], j["state"]) for j in self.status()],
                         [("letters", "failed"), ("other", "running")])
        for words in (("status",), ("hosted", "show", "other")):
            self.check_ran(*words)
        kind, wait = device.check_in("letters")
        self.assertEqual((kind, wait[1]), ("wait", 60000))
        late.subject = late.json("POST", "/v1/enroll", late.enrolment())["subject"]
        code, _, data = ask(late.url, "POST", "/v1/jobs/letters/join", json.dumps(late.joining("letters")))
        self.assertEqual(code, 503, data)
        self.assertIn("not been able to open the job", data.decode())
        another.join("other")
        self.assertIn(another.check_in("other")[0], ("task", "wait"))
        self.assertIn("damaged", self.run_in("hosted", "resume", "letters").log)
        self.check_ran("hosted", "replace", "letters", job, "--set", "seed=2")
        self.assertIn(device.check_in("letters")[0], ("task", "wait"))
        self.check_ran("hosted", "rm", "letters@1")
        self.assertEqual(sorted((j["name"], j["version"], j["state"]) for j in self.status()),
                         [("letters", 2, "running"), ("other", 1, "running")])

    def test_reports_to_a_job_that_cannot_be_opened_wait_until_it_is_replaced(self):
        job = self.file("job.yaml", ENDLESS.replace("sample_rate: 0.5", "sample_rate: 1"))
        server = self.serve("--plain")
        self.host(job)
        device = Device(json.loads((self.folder / "choir-server/join.json").read_text()))
        device.join("letters")
        kind, task = device.check_in("letters")
        self.assertEqual(kind, "task")
        report = device.reported(task, 5, bytes(4 * self.details("letters")["parameters"]))
        self.assertGreater(len(report), 16 << 10)
        self.stop(server)
        with contextlib.closing(sqlite3.connect(self.folder / "choir-server/choir.db")) as store:
            store.execute("UPDATE yamls SET bytes = CAST('none' AS BLOB) WHERE job = 1")
            store.commit()
        server = self.serve("--plain")
        kind, wait = device.exchange(report)
        self.assertEqual((kind, wait[1]), ("wait", 60000))
        self.check_ran("hosted", "replace", "letters", job, "--set", "seed=2")
        self.assertEqual([j["state"] for j in self.status()], ["failed", "running"])
        self.assertEqual(device.exchange(report), ("refused", {1: 2}))  # and it checks in again
        self.assertIn(device.check_in("letters")[0], ("task", "wait"))
        self.check_ran("hosted", "stop", "letters@2")
        self.assertEqual(device.check_in("letters")[0], "done")
        self.stop(server)
        self.serve("--plain")
        self.assertEqual([j["state"] for j in self.status()], ["stopped", "stopped"])
        self.assertEqual(device.exchange(report), ("refused", {1: 2}))

    def test_a_state_stays_whatever_is_being_committed(self):
        server = self.serve()
        self.host(self.file("job.yaml", ENDLESS))
        for k in range(CLIENTS):
            self.join(k)
        for rounds in range(1, 6):
            self.reach("letters", rounds)
            self.check_ran("hosted", "pause", "letters")
            server.kill()
            server.wait(timeout=30)
            server = self.serve()
            self.assertEqual(self.details("letters")["state"], "paused")
            self.check_ran("hosted", "resume", "letters")

    def test_a_version_that_was_replaced_does_not_come_back(self):
        job = self.file("job.yaml", ENDLESS)
        self.serve()
        self.host(job)
        self.check_ran("hosted", "pause", "letters")
        ran = self.check_ran("hosted", "replace", "letters", job, "--set", "seed=2")
        self.assertIn("letters@2 hosted", ran.out)
        self.assertEqual([j["state"] for j in self.status()], ["stopped", "running"])
        self.assertIn("'letters@1' has been replaced by 'letters@2'",
                      self.refused("hosted", "resume", "letters@1"))
        self.assertIn("'letters@2' is this job already",
                      self.refused("hosted", "replace", "letters", job, "--set", "seed=2"))
        self.assertIn("there is no job 'leters' here",
                      self.refused("hosted", "replace", "leters", job))
        self.assertEqual(len(self.status()), 2)

    def test_whose_name_means_an_older_one_is_told_by_its_version(self):
        job = self.file("job.yaml", JOB % 1)
        self.serve()
        self.host(job)
        self.ends([self.join(k) for k in range(CLIENTS)])
        self.host(job, "--set", "server.rounds=100000")
        self.assertEqual(self.check_ran("hosted", "stop", "letters").out, "letters@2 stopped\n")
        for act in ("resume", "pause", "stop"):
            self.assertIn(f"'letters@1' is finished: there is nothing to {act}; the newest, 'letters@2', is stopped: "
                          "name it with its version", self.refused("hosted", act, "letters"))
        self.assertIn("'letters@1' is finished: there is nothing to resume\n",
                      self.refused("hosted", "resume", "letters@1"))
        self.check_ran("hosted", "resume", "letters@2")

    def test_whose_number_is_anothers_in_the_next_version_joins_again(self):
        job = self.file("job.yaml", ENDLESS)
        self.serve("--plain")
        self.host(job)
        file = json.loads((self.folder / "choir-server/join.json").read_text())
        old, fresh = Device(file), Device(file)
        old.join("letters")
        self.check_ran("hosted", "replace", "letters", job, "--set", "seed=2")
        fresh.join("letters")
        self.assertEqual((old.client, fresh.client), (0, 0))
        code, headers, data = old.ask(request(0, CHECK_IN, chunk(1, b"letters")))
        self.assertEqual((code, headers["www-authenticate"]), (401, "Bearer"))
        self.assertIn("join again", json.loads(data)["error"])
        old.join("letters")
        self.assertEqual(old.client, 1)
        self.assertIn(old.check_in("letters")[0], ("task", "wait"))
        self.check_ran("hosted", "replace", "letters", job, "--set", "seed=3", "--set", "data.clients=1")
        self.assertEqual(old.ask(request(1, CHECK_IN, chunk(1, b"letters")))[0], 401)

    def test_a_version_that_was_replaced_has_its_rounds_time_when_the_other_is_gone(self):
        job = self.file("job.yaml", ENDLESS)
        self.serve()
        self.host(job)
        begin = time.monotonic()
        left = self.details("letters")["deadline_left_ms"]
        self.check_ran("hosted", "replace", "letters", job, "--set", "seed=2")
        time.sleep(5)
        self.check_ran("hosted", "stop", "letters")
        self.check_ran("hosted", "rm", "letters@2")
        self.check_ran("hosted", "resume", "letters")
        after = self.details("letters")["deadline_left_ms"]
        self.assertGreater(after, left - 1000 * (time.monotonic() - begin) + 4000)


class Cloning(Network):
    def test_begins_from_the_same_model_with_other_keys(self):
        job = self.file("job.yaml", JOB % 2)
        self.serve()
        self.host(job)
        ran = self.check_ran("hosted", "clone", "letters", "copies", "--set", "client.epochs=1")
        self.assertIn("copies@1 hosted: 4 clients", ran.out)
        self.ends([self.join(k, "copies") for k in range(CLIENTS)])
        changed = self.file("changed.yaml", (JOB % 2).replace("epochs: 2", "epochs: 1"))
        self.assertEqual(self.exported(job="copies"), self.simulated(changed))
        self.assertEqual(self.exported("--round", 0, job="copies"), self.exported("--round", 0))

    def test_what_makes_no_sense_is_refused(self):
        self.serve()
        self.host(self.file("job.yaml", JOB % 2))
        self.assertIn("there is a job 'letters' already",
                      self.refused("hosted", "clone", "letters", "letters"))
        for word, why in [("model.hidden=16", "model and data"), ("data.examples=3", "model and data"),
                          ("client.epoch=1", "client.epochs"), ("name=other", "not the name")]:
            ran = self.run_in("hosted", "clone", "letters", "other", "--set", word)
            self.assertEqual(ran.code, 2, ran.log)
            self.assertIn(why, ran.log)
        self.assertEqual(self.run_in("hosted", "clone", "letters", "a/b").code, 2)
        self.refused("hosted", "clone", "none", "other")
        self.assertEqual(len(self.status()), 1)


class Removing(Network):
    def test_takes_everything_of_a_job(self):
        job = self.file("job.yaml", ENDLESS)
        server = self.serve()
        self.host(job)
        clients = [self.join(k) for k in range(CLIENTS)]
        self.reach("letters", 2)
        model = self.exported("--round", 1)
        self.assertIn("'letters@1' is running: stop it first", self.refused("hosted", "rm", "letters"))
        self.check_ran("hosted", "replace", "letters", job, "--set", "seed=2")
        self.assertEqual(self.check_ran("hosted", "rm", "letters@1").out,
                         "letters@1 removed: 1 version\n")
        self.assertEqual([j["version"] for j in self.status()], [2])
        self.assertEqual(self.admin("GET", "/v1/models/" + model)[0], 404)
        self.check_ran("hosted", "stop", "letters")
        self.assertEqual(self.check_ran("hosted", "rm", "letters").out,
                         "letters removed: 1 version\n")
        self.refused("hosted", "rm", "letters")
        self.stop(server)
        self.serve()
        self.assertEqual(self.status(), [])
        for client in clients:
            client.kill()

    def test_leaves_its_versions_numbers_to_nobody(self):
        """A device that has joined one would take the other for it, whatever that asks."""
        job = self.file("job.yaml", ENDLESS)
        self.serve("--plain")
        self.host(job)
        device = Device(json.loads((self.folder / "choir-server/join.json").read_text()))
        device.join("letters")
        self.check_ran("hosted", "replace", "letters", job, "--set", "seed=2")
        self.check_ran("hosted", "stop", "letters")
        self.check_ran("hosted", "rm", "letters")
        self.assertIn("letters@3 would be hosted", self.host(job, "--dry-run").out)
        self.host(job, "--set", "server.sample_rate=1", "--set", "server.retain_updates=true")
        kind, task = device.check_in("letters")
        self.assertEqual((kind, task[12]), ("task", b"letters@3"))

    def test_goes_while_clients_report(self):
        job = self.file("job.yaml", ENDLESS)
        self.serve()
        for version in range(1, 6):
            self.host(job, "--set", f"seed={version}")
            clients = [self.join(k) for k in range(CLIENTS)]
            self.reach("letters", 1)
            self.check_ran("hosted", "stop", "letters")
            self.check_ran("hosted", "rm", "letters")
            self.assertEqual(self.status(), [])
            for client in clients:
                client.kill()


class Promoting(Network):
    def setUp(self):
        super().setUp()
        self.server = self.serve()
        self.host(self.file("job.yaml", JOB % 4))
        self.ends([self.join(k) for k in range(CLIENTS)])

    def exported_rounds(self):
        return [self.exported("--round", n) for n in range(5)]

    def promoted(self, job="letters"):
        return self.exported("--promoted", "--out", "promoted.safetensors", job=job)

    def test_is_of_a_round_and_can_be_taken_back(self):
        rounds = self.exported_rounds()
        self.assertIn("no model of 'letters' is promoted",
                      self.refused("export", "letters", "--promoted"))
        self.assertEqual(self.check_ran("hosted", "promote", "letters", "--round", 2).out,
                         f"{rounds[2]}  letters@1 round 2 is promoted\n")
        self.assertEqual(self.promoted(), rounds[2])
        self.assertIn("round 4 is promoted", self.check_ran("hosted", "promote", "letters").out)
        self.assertEqual(self.promoted(), rounds[4])
        self.assertRegex(self.refused("hosted", "promote", "letters"),
                         "^choir hosted promote: promote: [^:]*promoted already")  # once
        self.assertIn("round 5 of 'letters' has not closed",
                      self.refused("hosted", "promote", "letters", "--round", 5))
        self.assertIn("round 2 is promoted", self.check_ran("hosted", "rollback", "letters").out)
        self.assertIn("nothing to go back to", self.refused("hosted", "rollback", "letters"))
        self.assertEqual(self.promoted(), rounds[2])
        shown = self.details("letters")
        self.assertEqual(shown["promoted"]["promoted_by"], "owner")
        self.assertEqual([(p["round"], p["stands"], p.get("undone_by")) for p in shown["promotions"]],
                         [(4, False, "owner"), (2, True, None)])
        code, answer = self.admin("GET", "/v1/admin/jobs/letters/promotions")
        self.assertEqual((code, answer["promotions"]), (200, shown["promotions"]))
        self.assertIn(f"promoted   {rounds[2]}, version 1 round 2",
                      self.check_ran("hosted", "show", "letters").out)
        self.assertIn("give one of them",
                      self.run_in("export", "letters", "--promoted", "--round", 1).log)

    def test_outlives_kills_and_later_versions(self):
        rounds = self.exported_rounds()
        self.check_ran("hosted", "promote", "letters", "--round", 3)
        self.server.kill()
        self.server.wait(timeout=30)
        self.serve()
        self.check_ran("hosted", "replace", "letters", "job.yaml", "--set", "seed=2")
        self.assertEqual(self.promoted(), rounds[3])
        self.assertIn("round 3 of 'letters@1' is promoted",
                      self.refused("hosted", "rm", "letters@1"))
        self.check_ran("hosted", "stop", "letters")
        self.check_ran("hosted", "rm", "letters")
        self.assertIn("there is no job", self.refused("export", "letters", "--promoted"))
        self.assertEqual(self.admin("GET", "/v1/models/" + rounds[3])[0], 404)

    def test_strangers_do_not_learn_its_hash(self):
        self.check_ran("hosted", "promote", "letters")
        self.assertEqual(self.admin("GET", "/v1/jobs/letters/promoted")[0], 401)


class Keeping(Network):
    def rounds(self):
        code, answer = self.admin("GET", "/v1/admin/jobs/letters/rounds?limit=1000")
        self.assertEqual(code, 200)
        return answer["rounds"]

    def test_the_best_round_is_the_applied_one_of_the_lowest_loss(self):
        server = self.serve()
        self.host(self.file("job.yaml", JOB % 12))
        self.assertIn("no round of 'letters' has a loss yet",
                      self.refused("export", "letters", "--best"))
        clients = [self.join(k) for k in range(CLIENTS)]
        self.reach("letters", 3)
        server.kill()
        server.wait(timeout=30)
        self.serve()
        self.ends(clients)
        best = min(self.rounds(), key=lambda r: r["train_loss"])
        self.assertEqual(self.details("letters")["best_round"], best["round"])
        self.assertEqual(self.exported("--best"), best["model"])
        self.assertIn(f"best       round {best['round']}\n",
                      self.check_ran("hosted", "show", "letters").out)

    def test_older_rounds_lose_their_models_but_the_best_and_the_promoted(self):
        server = self.serve()
        self.host(self.file("job.yaml", ENDLESS))
        clients = [self.join(k) for k in range(CLIENTS)]
        self.reach("letters", 4)
        self.check_ran("hosted", "promote", "letters", "--round", 2)
        self.stop(server)
        self.serve("--keep-rounds", 3)
        last = self.details("letters")["round"]
        self.reach("letters", last + 5)
        self.check_ran("hosted", "stop", "letters")
        self.ends(clients)
        rounds = self.rounds()
        last = rounds[-1]["round"]
        best = min(rounds, key=lambda r: r["train_loss"])["round"]
        kept = {2, best, last - 2, last - 1, last}
        self.assertEqual({r["round"] for r in rounds if r["has_model"]}, kept)
        for round_ in kept:
            self.exported("--round", round_)
        gone = min(set(range(1, last)) - kept)
        self.assertIn("there is no model", self.refused("export", "letters", "--round", gone))


class Replaying(Network):
    def trained(self, job, *words):
        """A server with a job that has ended, by the clients that joined it."""
        server = self.serve(*words)
        self.host(self.file("job.yaml", job))
        clients = [self.join(k) for k in range(CLIENTS)]
        self.reach("letters", 3)
        server.kill()
        server.wait(timeout=30)
        server = self.serve(*words)
        self.ends(clients)
        return server

    def tamper(self, statement):
        """Changes the store behind the server's back; what is stored keeps its checksum."""
        with contextlib.closing(sqlite3.connect(self.folder / "choir-server/choir.db")) as store:
            self.assertGreater(store.execute(statement).rowcount, 0)
            store.commit()

    def test_every_round_comes_to_its_model_whatever_the_algorithm(self):
        for version, algorithm in enumerate(("fedavg", "fedavgm"), 1):
            server = self.trained((JOB % 6).replace("server: {", "server: {algorithm: %s, "
                                                    % algorithm))
            ran = self.check_ran("replay", "letters")
            self.assertEqual(ran.out, "".join(f"round {n}  ok\n" for n in range(1, 7)))
            self.assertEqual(self.check_ran("replay", "letters", "--round", 5).out, "round 5  ok\n")
            rows = self.check_ran("replay", f"letters@{version}", "--json").out.splitlines()
            self.assertEqual([json.loads(row)["verdict"] for row in rows], ["ok"] * 6)
            self.assertIn(f"round 7 of 'letters@{version}' has not closed",
                          self.refused("replay", "letters", "--round", 7))
            self.check_ran("hosted", "rm", "letters")
            self.stop(server)

    def test_a_round_that_is_not_what_it_was_is_found(self):
        server = self.trained(JOB % 6)
        self.stop(server)
        # the sum of round 2 is that of round 3 now, and round 5 has lost a receipt
        self.tamper("UPDATE sums SET (checksum, bytes) ="
                    " (SELECT checksum, bytes FROM sums WHERE round = 3) WHERE round = 2")
        self.tamper("DELETE FROM receipts WHERE round = 5 AND client ="
                    " (SELECT min(client) FROM receipts WHERE round = 5)")
        self.serve()
        ran = self.run_in("replay", "letters")
        self.assertEqual(ran.code, 1)
        self.assertIn("2 of 6 rounds differ", ran.log)
        verdicts = ran.out.splitlines()
        self.assertEqual([verdicts[i] for i in (0, 2, 3, 5)],
                         ["round 1  ok", "round 3  ok", "round 4  ok", "round 6  ok"])
        self.assertRegex(verdicts[1], "^round 2  differs: ")
        self.assertEqual(verdicts[4], "round 5  differs: 1 receipts, but 2 reports")

    def test_only_what_is_kept_can_be_replayed(self):
        server = self.trained(JOB % 6, "--keep-sums", 2)
        ran = self.check_ran("replay", "letters")
        self.assertEqual(ran.out.splitlines()[3:], ["round 4  not kept: its sum is not kept",
                                                    "round 5  ok", "round 6  ok"])
        self.check_ran("hosted", "rm", "letters")
        self.stop(server)
        self.trained((JOB % 6).replace("server: {", "server: {algorithm: fedavgm, "),
                     "--keep-sums", 2)
        ran = self.run_in("replay", "letters")
        self.assertEqual(ran.code, 1)
        self.assertIn("no round could be replayed", ran.log)
        self.assertIn("round 6  not kept: fedavgm goes on from rounds", ran.out)

    def test_updates_are_kept_where_the_job_wants_it_and_come_to_the_sums(self):
        job = (JOB % 4).replace("server: {", "server: {retain_updates: true, ")
        for words in ((), ("--no-sums",)):
            server = self.trained(job, *words)
            rows = [json.loads(row) for row in self.check_ran("replay", "letters", "--json").out.splitlines()]
            self.assertEqual([(row["verdict"], row["updates"]) for row in rows], [("ok", 2)] * 4)
            entries = json.loads(self.check_ran("audit", "--json").out)["entries"]
            version = 1 if words == () else 2
            self.assertEqual([(e["who"], e["act"], e["matter"]) for e in entries[:4]],
                             [("owner", "updates_read", f"letters@{version} round {n}") for n in (4, 3, 2, 1)])
            self.check_ran("hosted", "rm", "letters")
            self.stop(server)
        with contextlib.closing(sqlite3.connect(self.folder / "choir-server/choir.db")) as store:
            self.assertEqual(store.execute("SELECT count(*) FROM updates").fetchone(), (0,))

    def test_updates_are_not_kept_unless_the_job_wants_it(self):
        server = self.trained(JOB % 4)
        rows = [json.loads(row) for row in self.check_ran("replay", "letters", "--json").out.splitlines()]
        self.assertEqual([(row["verdict"], row["updates"]) for row in rows], [("ok", 0)] * 4)
        self.stop(server)
        with contextlib.closing(sqlite3.connect(self.folder / "choir-server/choir.db")) as store:
            self.assertEqual(store.execute("SELECT count(*) FROM updates").fetchone(), (0,))

    def test_an_update_that_is_not_what_it_was_is_found(self):
        server = self.trained((JOB % 6).replace("server: {", "server: {retain_updates: true, "))
        self.stop(server)
        # round 2 has another sum; in round 4 an update is another round's; of round 5 one is gone
        self.tamper("UPDATE sums SET (checksum, bytes) ="
                    " (SELECT checksum, bytes FROM sums WHERE round = 3) WHERE round = 2")
        self.tamper("UPDATE updates SET (checksum, bytes) ="
                    " (SELECT checksum, bytes FROM updates WHERE round = 1 LIMIT 1) WHERE round = 4")
        self.tamper("DELETE FROM updates WHERE round = 5 AND client ="
                    " (SELECT min(client) FROM updates WHERE round = 5)")
        self.serve()
        ran = self.run_in("replay", "letters")
        self.assertEqual(ran.code, 1)
        verdicts = ran.out.splitlines()
        self.assertEqual([verdicts[i] for i in (0, 2, 4, 5)],
                         ["round 1  ok", "round 3  ok", "round 5  ok", "round 6  ok"])
        self.assertEqual(verdicts[1], "round 2  differs: its updates come to another sum than the one that is kept")
        self.assertRegex(verdicts[3], "^round 4  differs: an update is not the one in its receipt, ")

    def test_updates_are_not_read_while_the_audit_log_cannot_say_so(self):
        server = self.trained((JOB % 3).replace("server: {", "server: {retain_updates: true, "))
        client = self.admin("GET", "/v1/admin/jobs/letters/receipts?round=1")[1]["receipts"][0]["client"]
        path = f"/v1/admin/jobs/letters/update?round=1&client={client}"
        key = json.loads((self.folder / "choir-server/admin.json").read_text())["key"]
        for size, code, lines in ((4096, 503, 0), (resource.RLIM_INFINITY, 200, 1)):
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
            for _ in range(2):
                got, _, data = ask(self.url, "GET", path, headers={"Authorization": "Bearer " + key})
                self.assertEqual(got, code, data)
            entries = json.loads(self.check_ran("audit", "--json").out)["entries"]
            self.assertEqual([e["act"] for e in entries].count("updates_read"), lines)

    def test_who_is_no_owner_replays_from_sums(self):
        self.trained((JOB % 3).replace("server: {", "server: {retain_updates: true, "))
        self.check_ran("admin", "add", "vera", "--role", "viewer", "--out", "vera.json")
        ran = self.check_ran("replay", "letters", "--json", "--admin", "vera.json")
        rows = [json.loads(row) for row in ran.out.splitlines()]
        self.assertEqual([(row["verdict"], row["updates"]) for row in rows], [("ok", 0)] * 3)

    def test_a_device_may_refuse_that_its_updates_are_kept(self):
        self.serve()
        self.host(self.file("job.yaml", (JOB % 3).replace("server: {", "server: {retain_updates: true, ")))
        shown = self.check_ran("join", "choir-server/join.json", "--job", "letters", "--client", 0, "--show",
                               "--no-retention", "--state", "d").out
        self.assertIn("kept       each update, by the server, with whose it is\n", shown)
        self.assertIn("update     kept: refused, must be not kept\n", shown)
        self.assertIn("the policy says: refused\n", shown)

    def test_a_server_need_not_keep_sums(self):
        self.trained(JOB % 4, "--no-sums")
        self.assertIn("no round could be replayed: what that takes is not kept", self.run_in("replay", "letters").log)
        self.host(self.file("other.yaml", (JOB % 4).replace("letters", "other")))
        self.assertIn("no round could be replayed: none has closed yet", self.run_in("replay", "other").log)


if __name__ == "__main__":
    unittest.main()

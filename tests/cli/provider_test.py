"""Devices that are enrolled by tokens of an operator's identity provider; and by nothing else, then."""
import json
import pathlib
import subprocess
import tempfile
import time
import unittest

from choir import CHOIR
from network import CLIENTS, JOB, Network
from provider import Key, base64url, claims, hmac_sign, sealed

ISSUER, AUDIENCE = "https://id.example.org", "choir"


class Provided(Network):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.keys_folder = tempfile.TemporaryDirectory(prefix="choir-keys-")
        cls.addClassCleanup(cls.keys_folder.cleanup)
        cls.rsa = Key(cls.keys_folder.name, "rsa", "rsa")
        cls.ec = Key(cls.keys_folder.name, "ec", "ec")
        cls.stranger = Key(cls.keys_folder.name, "stranger", "rsa")

    def publish(self, *keys, name="keys.json"):
        """Puts another set of keys in the place of the one before, at once."""
        text = json.dumps({"keys": [key if isinstance(key, dict) else key.jwk() for key in keys]})
        self.file("keys.next", text).rename(self.folder / name)

    def serve_provided(self, *words):
        log = open(self.folder / "log", "a", encoding="utf-8")
        self.addCleanup(log.close)
        server = subprocess.Popen(
            [CHOIR, "serve", "--port", str(self.port), "--plain", "--log", "json", "--access-log", "--jwks",
             "keys.json", *map(str, words)], cwd=self.folder, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=log)
        self.processes.append(server)
        self.url = server.stdout.readline().split()[1]
        self.port = int(self.url.rsplit(":", 1)[1])
        return server

    def claims(self, subject="ada", seconds=600, **more):
        return claims(subject, seconds, **({"iss": ISSUER, "aud": AUDIENCE} | more))

    def enrol(self, token=None, key="A", **more):
        """The code and JSON that enrolling with a token comes to; key: a letter of the device's."""
        body = {"key": 42 * key + "A"} | more
        return self.admin("POST", "/v1/enroll", body, key=token or "none")

    def events(self, event):
        return [line for line in map(json.loads, (self.folder / "log").read_text().splitlines())
                if line["event"] == event]


class Devices(Provided):
    def test_enrol_with_a_token_and_take_part(self):
        self.publish(self.rsa, self.ec)
        job = self.file("job.yaml", JOB % 4)
        server = self.serve_provided("--issuer", ISSUER, "--audience", AUDIENCE)
        self.assertNotIn("secret", json.loads((self.folder / "choir-server/join.json").read_text()))
        self.host(job)
        tokens, devices = [], []
        for k in range(CLIENTS):
            key = (self.rsa, self.ec)[k % 2]
            tokens.append(key.token(self.claims(f"person {k}")))
            self.file(f"token-{k}", f"\n {tokens[-1]}\n")
            devices.append(self.start("join", "choir-server/join.json", "--job", "letters", "--client", k,
                                      "--token", f"token-{k}", "--state", f"device-{k}"))
        lines = b"".join(pathlib.Path(f"/proc/{p.pid}/cmdline").read_bytes() for p in devices)
        self.ends(devices)
        self.assertEqual(self.exported(), self.simulated(job))
        listed = [json.loads(line) for line in self.check_ran("device", "ls", "--json").out.splitlines()]
        self.assertEqual(sorted(d["account"] for d in listed), [f"person {k}" for k in range(CLIENTS)])
        self.stop(server)
        log = (self.folder / "log").read_text()
        self.assertIn('"path":"/v1/enroll","status":200', log)
        for token in tokens:
            for part in token.split("."):
                self.assertNotIn(part, log)
                self.assertNotIn(part.encode(), lines)
        self.assertNotIn("person", log)

    def test_that_have_enrolled_need_no_token_any_more(self):
        self.publish(self.rsa)
        self.serve_provided()
        self.host(self.file("job.yaml", JOB % 100000))
        self.file("token", self.rsa.token(self.claims()))
        first = self.start("join", "choir-server/join.json", "--job", "letters", "--token", "token", "--state", "d",
                           out=subprocess.PIPE)
        self.assertRegex(first.stdout.readline(), "client 0 of letters@1")
        first.kill()
        first.wait()
        (self.folder / "token").write_text("none any more")
        again = self.start("join", "choir-server/join.json", "--job", "letters", "--token", "token", "--state", "d",
                           out=subprocess.PIPE)
        self.assertRegex(again.stdout.readline(), "client 0 of letters@1")

    def test_are_told_why_they_may_not(self):
        self.publish(self.rsa)
        self.serve_provided()
        self.host(self.file("job.yaml", JOB % 2))
        words = ("join", "choir-server/join.json", "--job", "letters")
        ran = self.run_in(*words)
        self.assertEqual(ran.code, 2)
        self.assertIn("enrolment: token: missing; devices are enrolled here by one of the identity provider", ran.log)
        self.file("token", self.rsa.token(self.claims(seconds=-61)))
        ran = self.run_in(*words, "--token", "token")
        self.assertEqual((ran.code, "token: its time is over" in ran.log), (2, True), ran.log)
        self.file("token", " \n")
        self.assertIn("token: is empty; it must be", self.run_in(*words, "--token", "token").log)
        self.assertIn("nothing-there", self.run_in(*words, "--token", "nothing-there").log)
        self.file("token", 5000 * "x")
        self.assertEqual(self.run_in(*words, "--token", "token").code, 2)

    def test_of_one_account_are_no_more_than_it_may_have(self):
        self.publish(self.rsa)
        self.serve_provided("--account-devices", 2)
        ada, grace = (self.rsa.token(self.claims(name)) for name in ("ada", "grace"))
        self.assertEqual(self.enrol(ada, "A"), (200, {"subject": 1}))
        self.assertEqual(self.enrol(ada, "B"), (200, {"subject": 2}))
        self.assertEqual(self.enrol(ada, "A"), (200, {"subject": 1}))
        code, answer = self.enrol(ada, "C")
        self.assertEqual((code, answer["error"]), (409, "token: its account has 2 devices, and may not have more; "
                                                        "have one revoked"))
        code, answer = self.enrol(grace, "A")
        self.assertEqual((code, answer["error"]), (409, "key: was enrolled by somebody else"))
        self.assertEqual(self.enrol(grace, "C"), (200, {"subject": 3}))
        self.check_ran("device", "revoke", 2)
        self.assertEqual(self.enrol(ada, "D"), (200, {"subject": 4}))


class Tokens(Provided):
    def test_that_are_forged_or_for_others_enrol_nobody(self):
        self.publish(self.rsa, self.ec)
        self.serve_provided("--issuer", ISSUER, "--audience", AUDIENCE)
        good, head = self.claims(), {"alg": "RS256", "kid": "rsa"}
        pem = self.rsa.public_pem()
        forged = {
            "no token": None,
            "alg none": sealed({"alg": "none", "kid": "rsa"}, good, lambda message: b""),
            "HS256 by the public key": sealed({"alg": "HS256", "kid": "rsa"}, good, hmac_sign(pem)),
            "HS256 by the public key, said to be RS256": sealed(head, good, hmac_sign(pem)),
            "a stranger's key": self.stranger.token(good),
            "a stranger's key by another's kid": self.stranger.token(good, {"kid": "rsa"}),
            "EC's signature, RSA's kid": self.ec.token(good, {"kid": "rsa"}),
            "RSA's signature, EC's alg and kid": sealed({"alg": "ES256", "kid": "ec"}, good, self.rsa.sign),
            "over": self.rsa.token(self.claims(seconds=-61)),
            "not yet": self.rsa.token(self.claims(nbf=int(time.time()) + 120)),
            "another issuer": self.rsa.token(self.claims(iss="https://evil.example.org")),
            "another audience": self.rsa.token(self.claims(aud="mail")),
            "nobody": self.rsa.token({k: v for k, v in good.items() if k != "sub"}),
            "cut": self.rsa.token(good)[:-4],
            "large": self.rsa.token(self.claims(more=3000 * "x")),
        }
        for what, token in forged.items():
            code, answer = self.enrol(token)
            self.assertEqual(code, 401, what)
            self.assertRegex(answer["error"], r"^token: ", what)
        self.assertEqual(self.check_ran("device", "ls", "--json").out, "")
        for token in (self.rsa.token(good), self.ec.token(self.claims(aud=["mail", AUDIENCE]))):
            self.assertEqual(self.enrol(token)[0], 200)

    def test_are_needed_where_there_is_a_provider_and_the_secret_is_not_enough(self):
        server = self.serve("--plain")
        secret = json.loads((self.folder / "choir-server/join.json").read_text())["secret"]
        self.assertEqual(self.enrol(secret=secret)[0], 200)
        self.stop(server)
        self.publish(self.rsa)
        self.serve_provided()
        code, answer = self.enrol(key="B", secret=secret)
        self.assertEqual((code, answer["error"][:13]), (401, "token: must b"))
        code, answer = self.enrol(self.rsa.token(self.claims()))
        self.assertEqual((code, answer["error"]), (409, "key: was enrolled by somebody else"))

    def test_are_no_administrators_or_devices_keys(self):
        self.publish(self.rsa)
        self.serve_provided()
        token = self.rsa.token(self.claims("owner"))
        for method, path in (("GET", "/v1/admin/jobs"), ("POST", "/v1/exchange"), ("GET", "/v1/jobs/x/promoted")):
            self.assertEqual(self.admin(method, path, {} if method == "POST" else None, token)[0], 401)


class Keys(Provided):
    def test_are_read_again_when_their_file_changes(self):
        self.publish(self.rsa)
        self.serve_provided()
        old, new = self.rsa.token(self.claims()), self.ec.token(self.claims())
        self.assertEqual((self.enrol(old)[0], self.enrol(new)[0]), (200, 401))
        self.publish(self.rsa, self.ec)
        self.assertEqual((self.enrol(old)[0], self.enrol(new)[0]), (200, 200))
        self.publish(self.ec)
        self.assertEqual((self.enrol(old)[0], self.enrol(new)[0]), (401, 200))
        self.assertEqual([line["keys"] for line in self.events("provider_changed")], [2, 1])

    def test_go_on_when_another_file_is_none(self):
        self.publish(self.rsa)
        self.serve_provided()
        token = self.rsa.token(self.claims())
        for bad in ("{", '{"keys": []}', json.dumps({"keys": [self.rsa.jwk(d="AA")]}), None):
            if bad is None:
                (self.folder / "keys.json").unlink()
            else:
                self.file("keys.next", bad).rename(self.folder / "keys.json")
            for _ in range(3):
                self.assertEqual(self.enrol(token)[0], 200)
        refused = self.events("provider_refused")
        self.assertEqual([line["level"] for line in refused], 4 * ["error"])
        for line, why in zip(refused, ("is no JSON", "has no key", "has a secret in it", "cannot open")):
            self.assertIn(why, line["why"])
        self.publish(self.ec)
        self.assertEqual(self.enrol(token)[0], 401)

    def test_are_wanted_from_the_start(self):
        for text, why in (("{", "keys.json:1: is no JSON"), ('{"keys": []}', "has no key for RS256 or ES256"),
                          (json.dumps({"keys": [{"kty": "oct", "k": base64url(b"secret")}]}), "has a secret in it")):
            self.file("keys.json", text)
            ran = self.run_in("serve", "--port", 0, "--jwks", "keys.json")
            self.assertEqual((ran.code, ran.out), (1, ""), ran.log)
            self.assertIn(why, ran.log)
        self.assertIn("cannot open", self.run_in("serve", "--port", 0, "--jwks", "nothing.json").log)
        for words in (("--issuer", "x"), ("--audience", "x"), ("--account-devices", 1)):
            ran = self.run_in("serve", "--port", 0, *words)
            self.assertEqual(ran.code, 2)
            self.assertIn("jwks: an issuer, an audience or a limit", ran.log)

    def test_for_any_audience_are_warned_of(self):
        self.publish(self.rsa)
        server = self.serve_provided()
        self.stop(server)
        self.assertEqual(len(self.events("audience_missing")), 1)
        server = self.serve_provided("--audience", AUDIENCE)
        self.stop(server)
        self.assertEqual(len(self.events("audience_missing")), 1)


if __name__ == "__main__":
    unittest.main()

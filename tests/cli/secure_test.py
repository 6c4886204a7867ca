"""Who may be believed, and who may do what: TLS, signed jobs, administrators, limits, and secrets that stay secret."""
import base64
import hashlib
import json
import os
import pathlib
import re
import select
import socket
import ssl
import stat
import subprocess
import threading
import time
import unittest
import urllib.error
import urllib.request

from choir import CHOIR
from network import CLIENTS, JOB, Network

WRONG_PIN = "sha256//" + 43 * "A" + "="


def encoded(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


class Relay:
    """Carries what comes to a port of its own to another one: with TLS, or as CONNECT has it."""

    def __init__(self, port, trust=None, connects=False):
        self.there, self.trust, self.connects, self.connections = port, trust, connects, 0
        self.seen = []  # what came from clients
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.carry, args=(near,), daemon=True).start()

    def carry(self, near):
        self.connections += 1
        try:
            if self.trust:
                near = self.trust.wrap_socket(near, server_side=True)
            if self.connects:
                asked = b""
                while not asked.endswith(b"\r\n\r\n"):
                    asked += near.recv(1)
                near.sendall(b"HTTP/1.1 200 OK\r\n\r\n" if asked.startswith(b"CONNECT ")
                             else b"HTTP/1.1 400 No\r\n\r\n")
            with near, socket.create_connection(("127.0.0.1", self.there)) as far:
                back = threading.Thread(target=self.pour, args=(far, near), daemon=True)
                back.start()
                self.pour(near, far, self.seen)
                back.join()
        except OSError:
            near.close()

    @staticmethod
    def pour(source, sink, seen=None):
        try:
            while data := source.recv(65536):
                if seen is not None:
                    seen.append(data)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class Secure(Network):
    def join_file(self):
        return json.loads((self.folder / "choir-server/join.json").read_text())

    def admin_file(self):
        return json.loads((self.folder / "choir-server/admin.json").read_text())

    def changed(self, name, content, **fields):
        """A file of the server's with other fields; None takes one out."""
        content = {k: v for k, v in {**content, **fields}.items() if v is not None}
        return self.file(name, json.dumps(content))

    def certificate(self, name, *words):
        """A key and a certificate signed by itself, by another hand than choir's; its pin."""
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-addext",
                        "subjectAltName=IP:127.0.0.1", "-keyout", f"{name}.key", "-out",
                        f"{name}.pem", "-days", "9", *words], cwd=self.folder, check=True,
                       capture_output=True)
        return self.pin(f"{name}.pem")

    def pin(self, name):
        return "sha256//" + subprocess.run(
            f"openssl x509 -in {name} -noout -pubkey | openssl pkey -pubin -outform der"
            " | openssl dgst -sha256 -binary | base64", shell=True, cwd=self.folder, check=True,
            capture_output=True, text=True).stdout.strip()

    def joined(self):
        """What a device is told that joins by openssl's hand."""
        self.key("device")
        public = self.openssl("pkey", "-in", "device.key", "-pubout", "-outform", "der")[-32:]
        _, subject = self.admin("POST", "/v1/enroll", {"secret": self.join_file()["secret"],
                                                       "key": encoded(public)})
        _, fresh = self.admin("GET", "/v1/challenge")
        asked = f"choir-join\nletters\n{subject['subject']}\n{fresh['challenge']}\n"
        self.file("asked", asked)
        signature = self.openssl("pkeyutl", "-sign", "-rawin", "-inkey", "device.key", "-in", "asked")
        code, told = self.admin("POST", "/v1/jobs/letters/join",
                                {"subject": subject["subject"], "challenge": fresh["challenge"],
                                 "signature": encoded(signature)})
        self.assertEqual(code, 200, told)
        return told

    def key(self, name):
        self.openssl("genpkey", "-algorithm", "ed25519", "-out", f"{name}.key")

    def openssl(self, *words):
        return subprocess.run(["openssl", *words], cwd=self.folder, check=True,
                              capture_output=True).stdout

    def assert_refused(self, ran, code, *parts):
        self.assertEqual(ran.code, code, ran.log)
        for part in parts:
            self.assertIn(part, ran.log)

    def join_once(self, file, *words):
        """A client that is to be refused, or to end with its job."""
        return self.run_in("join", file, "--job", "letters", *words, timeout=120)

    def lost(self, file, *words):
        """What a client says that cannot reach its server."""
        client = self.start("join", file, "--job", "letters", *words, out=subprocess.PIPE)
        line = client.stdout.readline()
        client.kill()
        return line


class Tls(Secure):
    def test_the_pin_is_of_the_key_as_openssl_sees_it(self):
        self.serve()
        self.assertEqual(self.join_file()["pin"], self.pin("choir-server/tls.pem"))
        self.assertEqual(self.admin_file()["pin"], self.join_file()["pin"])
        self.assertTrue(self.join_file()["url"].startswith("https://127.0.0.1:"))

    def test_a_wrong_pin_is_refused_by_device_and_operator(self):
        self.serve()
        self.host(self.file("job.yaml", JOB % 2))
        said = self.lost(self.changed("join.json", self.join_file(), pin=WRONG_PIN))
        self.assertIn("another server than the pinned one", said)
        wrong = self.changed("admin.json", self.admin_file(), pin=WRONG_PIN)
        self.assert_refused(self.run_in("status", "--admin", wrong), 1,
                            "another server than the pinned one")
        wrong = self.changed("admin.json", self.admin_file(), pin="sha256//AAAA")
        self.assert_refused(self.run_in("status", "--admin", wrong), 2, "a pin is 'sha256//'")

    def test_without_a_pin_who_signed_decides(self):
        self.serve()
        self.host(self.file("job.yaml", JOB % 2))
        bare = self.changed("join.json", self.join_file(), pin=None)
        self.assertIn("give the server's pin, or the CA", self.lost(bare))
        wrong = self.changed("wrong.json", self.join_file(), pin=WRONG_PIN)
        clients = [self.start("join", wrong, "--job", "letters", "--client", k, "--ca",
                              "choir-server/tls.pem") for k in range(CLIENTS)]
        self.ends(clients)
        bare = self.changed("admin.json", self.admin_file(), pin=None, ca="choir-server/tls.pem")
        self.check_ran("status", "--admin", bare)

    def test_the_server_is_the_same_after_a_restart_elsewhere(self):
        server = self.serve()
        before = self.join_file()
        key = self.admin_file()["key"]
        self.stop(server)
        self.port = 0
        server = self.serve("--url", "https://choir.example.org:99")
        self.assertEqual(self.join_file()["pin"], before["pin"])
        self.assertEqual(self.join_file()["url"], "https://choir.example.org:99")
        self.assertEqual(self.admin_file(), {"url": "https://choir.example.org:99",
                                             "pin": before["pin"], "key": key})
        shown = subprocess.run(["openssl", "x509", "-in", "choir-server/tls.pem", "-noout", "-text"],
                               cwd=self.folder, capture_output=True, text=True, check=True).stdout
        self.assertIn("DNS:choir.example.org", shown)
        self.assertIn("IP Address:127.0.0.1", shown)

    def test_an_operators_own_certificate_is_renewed_without_a_device_noticing(self):
        pin = self.certificate("own")
        own = ("--certificate", "own.pem", "--certificate-key", "own.key")
        server = self.serve(*own)
        self.assertEqual(self.join_file()["pin"], pin)
        self.host(self.file("job.yaml", JOB % 2))
        self.stop(server)
        subprocess.run(["openssl", "req", "-x509", "-key", "own.key", "-subj", "/CN=renewed", "-out",
                        "own.pem", "-days", "9"], cwd=self.folder, check=True, capture_output=True)
        self.serve(*own)
        self.assertEqual(self.join_file()["pin"], pin)
        self.ends([self.join(k) for k in range(CLIENTS)])

    def test_a_key_can_be_followed_by_the_next_one(self):
        first, second = self.certificate("first"), self.certificate("second")
        server = self.serve("--certificate", "first.pem", "--certificate-key", "first.key",
                            "--pin", second)
        self.assertEqual(self.join_file()["pin"], f"{first};{second}")
        (self.folder / "choir-server/join.json").rename(self.folder / "old.json")
        self.host(self.file("job.yaml", JOB % 2))
        self.stop(server)
        self.serve("--certificate", "second.pem", "--certificate-key", "second.key")
        self.ends([self.start("join", "old.json", "--job", "letters", "--client", k)
                   for k in range(CLIENTS)])

    def test_no_pin_is_given_where_none_is_wanted(self):
        self.certificate("own")
        self.serve("--certificate", "own.pem", "--certificate-key", "own.key", "--pin", "none")
        self.assertNotIn("pin", self.join_file())
        self.assertNotIn("pin", self.admin_file())

    def test_only_clients_with_a_certificate_are_heard_when_asked_for(self):
        self.certificate("client", "-addext", "extendedKeyUsage=clientAuth")
        self.certificate("stranger", "-addext", "extendedKeyUsage=clientAuth")
        self.serve("--clients-ca", "client.pem")
        self.assertEqual(self.run_in("status").code, 1)
        known = self.changed("admin.json", self.admin_file(), certificate="client.pem",
                             certificate_key="client.key")
        self.check_ran("host", self.file("job.yaml", JOB % 2), "--admin", known)
        said = self.lost("choir-server/join.json")
        self.assertIn("lost", said)
        said = self.lost("choir-server/join.json", "--certificate", "stranger.pem",
                         "--certificate-key", "stranger.key")
        self.assertIn("lost", said)
        self.ends([self.start("join", "choir-server/join.json", "--job", "letters", "--client", k,
                              "--certificate", "client.pem", "--certificate-key", "client.key")
                   for k in range(CLIENTS)])

    def test_a_device_says_once_which_file_is_not_there(self):
        self.certificate("own")
        self.serve()
        for words in (("--ca", "none.pem"), ("--certificate", "none.pem", "--certificate-key", "own.key"),
                      ("--certificate", "own.pem", "--certificate-key", "none.pem")):
            self.assert_says(self.join_once("choir-server/join.json", *words), 1,
                             "choir join: none.pem: cannot open: No such file or directory\n")

    def test_what_does_not_go_together_is_refused(self):
        self.certificate("own")
        self.certificate("other")
        rows = [(("--plain", "--clients-ca", "own.pem"), 2, "plain: without TLS"),
                (("--keep-sums", 4, "--no-sums"), 2, "--keep-sums, --no-sums: give one of them"),
                (("--certificate", "own.pem"), 2, "give both"),
                (("--certificate", "own.pem", "--certificate-key", "none.key"), 1, "none.key"),
                (("--certificate", "own.key", "--certificate-key", "own.key"), 2, "own.key: has no"),
                (("--certificate", "own.pem", "--certificate-key", "other.key"), 2, "cannot be used"),
                (("--clients-ca", "own.key"), 2, "clients' certificates cannot be used"),
                (("--pin", "sha256//AAAA"), 2, "pin: must be"),
                (("--plain", "--pin", WRONG_PIN), 2, "only where the url is https"),
                (("--url", "http://here"), 2, "is without TLS"),
                (("--url", "choir.example.org"), 2, "url: must be"),
                (("--url", "https://a:b@c"), 2, "url: must be"),
                (("--pin", ";".join(5 * [WRONG_PIN])), 2, "")]
        for words, code, why in rows:
            self.assert_refused(self.run_in("serve", "--port", 0, *words), code, why)


class SignedJobs(Secure):
    def test_a_job_that_another_key_signed_is_refused(self):
        self.serve()
        self.host(self.file("job.yaml", JOB % 2))
        for key, code, why in [(encoded(32 * b"k"), 1,
                                "join: 'letters' is not signed by the key in the join file"),
                               ("AAAA", 2, "signing_key must be 32 bytes")]:
            self.assert_refused(self.join_once(self.changed("join.json", self.join_file(),
                                                            signing_key=key)), code, why)

    def test_what_is_signed_is_what_the_specification_says(self):
        self.serve()
        self.host(self.file("job.yaml", JOB % 2))
        told = self.joined()
        model = base64.urlsafe_b64decode(told["model"] + "==")
        lines = ["choir-offer", told["name"], str(told["version"]), str(told["parameters"]),
                 hashlib.sha256(told["job"].encode()).hexdigest(),
                 hashlib.sha256(model).hexdigest(), ""]
        self.assertTrue(self.is_signed("\n".join(lines), told["signature"]))
        self.assertFalse(self.is_signed("\n".join(lines[1:]), told["signature"]))

    def is_signed(self, text, signature):
        self.file("text", text)
        (self.folder / "signature").write_bytes(base64.urlsafe_b64decode(signature + "=="))
        key = base64.urlsafe_b64decode(self.join_file()["signing_key"] + "=")
        (self.folder / "public.der").write_bytes(bytes.fromhex("302a300506032b6570032100") + key)
        ran = subprocess.run(["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "der",
                              "-inkey", "public.der", "-in", "text", "-sigfile", "signature"],
                             cwd=self.folder, capture_output=True)
        return ran.returncode == 0


class Administrators(Secure):
    def add(self, name, role):
        """The new one's file."""
        self.check_ran("admin", "add", name, "--role", role, "--out", f"{name}.json")
        return self.folder / f"{name}.json"

    def key_of(self, file):
        return json.loads(file.read_text())["key"]

    def test_each_role_may_what_it_may(self):
        self.serve()
        job = self.file("job.yaml", JOB % 2)
        files = {role: self.add(f"the-{role}", role) for role in ("viewer", "analyst", "owner")}
        self.assertEqual(stat.S_IMODE(files["viewer"].stat().st_mode), 0o600)
        rows = [("GET", "/jobs", None, "viewer analyst owner"),
                ("GET", "/devices", None, "viewer analyst owner"),
                ("POST", "/jobs", {}, "analyst owner"),
                ("POST", "/jobs/letters/pause", {}, "analyst owner"),
                ("DELETE", "/jobs/letters", {}, "analyst owner"),
                ("GET", "/admins", None, "owner"),
                ("POST", "/admins", {}, "owner"),
                ("POST", "/admins/nobody/revoke", {}, "owner"),
                ("POST", "/devices/9/revoke", {}, "owner"),
                ("GET", "/audit", None, "owner")]
        for method, path, body, who in rows:
            for role, file in files.items():
                code, answer = self.admin(method, "/v1/admin" + path, body, self.key_of(file))
                self.assertEqual(code == 403, role not in who.split(), (method, path, role, answer))
                if code == 403:
                    self.assertIn(f"'the-{role}' is {role}", answer["error"])
        self.check_ran("status", "--admin", files["viewer"])
        self.assert_refused(self.run_in("host", job, "--admin", files["viewer"]), 2, "ask an owner")
        self.check_ran("host", job, "--admin", files["analyst"])

    def test_come_and_go_and_nobody_has_a_key_twice(self):
        self.serve()
        key = self.check_ran("admin", "add", "ada", "--role", "analyst").out.strip()
        self.assertRegex(key, r"^choir-[\w-]{32}$")
        self.assert_refused(self.run_in("admin", "add", "ada"), 1, "there is a 'ada' already")
        self.assert_refused(self.run_in("admin", "add", "a/b"), 2, "'a/b' is no name; it must be letters")
        for name in (".", ".."):  # in a path they are no names, and so could not be revoked
            self.assert_refused(self.run_in("admin", "add", name), 2, f"'{name}' is no name; it must be letters")
            code, answer = self.admin("POST", "/v1/admin/admins", {"name": name, "role": "viewer"})
            self.assertEqual((code, answer["error"][:19]), (400, "name: must be lette"))
        self.assert_refused(self.run_in("admin", "add", "eve", "--role", "king"), 2, "king")
        self.assertEqual(self.admin("POST", "/v1/admin/admins", {"name": "eve", "role": "king"})[0],
                         400)
        self.assertEqual(self.admin("GET", "/v1/admin/jobs", key=key)[0], 200)
        shown = self.check_ran("admin", "ls").out
        self.assertRegex(shown, r"ada +analyst +good")
        self.assertNotIn(key, shown)
        self.check_ran("admin", "revoke", "ada")
        self.assertEqual(self.admin("GET", "/v1/admin/jobs", key=key)[0], 401)
        self.assert_refused(self.run_in("admin", "revoke", "ada"), 1, "there is no administrator")
        again = self.check_ran("admin", "add", "ada").out.strip()
        self.assertNotEqual(again, key)
        listed = json.loads(self.check_ran("admin", "ls", "--json").out)["admins"]
        self.assertEqual([(a["name"], a["role"], a["revoked"]) for a in listed],
                         [("owner", "owner", False), ("ada", "analyst", True),
                          ("ada", "viewer", False)])

    def test_the_only_owner_stays(self):
        self.serve()
        self.assert_refused(self.run_in("admin", "revoke", "owner"), 1, "is the only owner")
        other = self.add("other", "owner")
        self.check_ran("admin", "revoke", "owner", "--admin", other)
        self.assert_refused(self.run_in("status"), 2, "unknown here")
        self.check_ran("status", "--admin", other)

    def test_what_they_did_and_what_they_might_not_is_in_the_audit_log(self):
        server = self.serve()
        viewer = self.add("vera", "viewer")
        self.host(self.file("job.yaml", JOB % 2))
        self.admin("POST", "/v1/admin/jobs/letters/pause", {})
        self.admin("POST", "/v1/admin/jobs/letters/stop", {}, self.key_of(viewer))
        self.admin("GET", "/v1/admin/audit", key=self.key_of(viewer))
        self.check_ran("admin", "revoke", "vera")
        self.stop(server)
        self.serve()
        entries = json.loads(self.check_ran("audit", "--json").out)["entries"]
        self.assertEqual([(e["who"], e["act"], e["matter"]) for e in reversed(entries)],
                         [("owner", "admin_add", "vera"), ("owner", "host", "letters@1"),
                          ("owner", "pause", "letters@1"),
                          ("vera", "refused", "POST /v1/admin/jobs/letters/stop"),
                          ("vera", "refused", "GET /v1/admin/audit"),
                          ("owner", "admin_revoke", "vera")])
        self.assertEqual({e["from"] for e in entries}, {"127.0.0.1"})
        last = self.check_ran("audit", "--limit", 1).out
        self.assertRegex(last, r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  owner +admin_revoke +vera +127.0.0.1$")


class Devices(Secure):
    def test_are_listed_as_they_said_who_they_are(self):
        self.serve()
        self.host(self.file("job.yaml", JOB % 2))
        self.ends([self.start("join", "choir-server/join.json", "--job", "letters", "--client", k,
                              "--name", f"device {k}", "--tags", "a,b") for k in range(CLIENTS)])
        shown = self.check_ran("device", "ls").out.splitlines()
        self.assertEqual(len(shown), 1 + CLIENTS)
        self.assertRegex(shown[1], r"^ +1  good +\d{4}-.* device \d +\S+ +a,b$")
        listed = [json.loads(d) for d in self.check_ran("device", "ls", "--json").out.splitlines()]
        self.assertEqual([d["subject"] for d in listed], list(range(1, CLIENTS + 1)))
        self.assertEqual({d["name"] for d in listed}, {f"device {k}" for k in range(CLIENTS)})

    def test_that_are_revoked_are_heard_no_more_whatever_token_they_have(self):
        server = self.serve()
        self.host(self.file("job.yaml", JOB % 100000))
        told = self.joined()
        self.assertEqual(self.exchanged(told), 200)
        self.assert_refused(self.run_in("device", "revoke", 7), 1, "there is no device 7")
        self.assert_refused(self.run_in("device", "revoke", "x"), 2, "is no device's number")
        self.assertEqual(self.exchanged(told), 200)
        self.check_ran("device", "revoke", 1)
        self.assertEqual(self.exchanged(told), 401)
        self.assertRegex(self.check_ran("device", "ls").out, r"  1  revoked ")
        self.stop(server)
        self.serve()
        self.assertEqual(self.exchanged(told), 401)

    def test_that_are_revoked_while_they_train_or_sleep_end(self):
        self.serve()
        self.host(self.file("job.yaml", (JOB % 100000).replace("sample_rate: 0.5",
                                                               "sample_rate: 1")))
        clients = [self.join(k) for k in range(2)]  # without the others no round closes
        end = time.monotonic() + 60
        while len(self.check_ran("device", "ls", "--json").out.splitlines()) < 2:
            self.assertLess(time.monotonic(), end)
        time.sleep(2)
        for subject in (1, 2):
            self.check_ran("device", "revoke", subject)
        for client in clients:
            self.assertEqual(client.wait(timeout=60), 2)

    def exchanged(self, told):
        """What a check-in with the token of a device that has joined comes to."""
        request = urllib.request.Request(
            self.url + "/v1/exchange", method="POST", data=b"x",
            headers={"Authorization": "Bearer " + told["token"]})
        try:
            with urllib.request.urlopen(request, timeout=30, context=self.trust()) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            with error:
                return error.code


class Secrets(Secure):
    def test_are_in_no_log_no_url_and_no_command_line(self):
        with socket.create_server(("127.0.0.1", 0)) as chosen:
            self.port = chosen.getsockname()[1]
        relay = Relay(self.port)
        self.addCleanup(relay.close)
        with open(self.folder / "log", "w") as log:
            server = self.logged(log, "serve", "--port", self.port, "--plain", "--log", "json",
                                 "--access-log", "--url", f"http://127.0.0.1:{relay.port}",
                                 out=subprocess.PIPE)
            self.url = server.stdout.readline().split()[1]
            self.host(self.file("job.yaml", JOB % 20))
            self.check_ran("admin", "add", "ada", "--role", "viewer", "--out", "ada.json")
            self.check_ran("status", "--admin", "ada.json")
            self.run_in("join", self.changed("wrong.json", self.join_file(), secret=43 * "w"),
                        "--job", "letters")
            devices = [self.logged(log, "join", "choir-server/join.json", "--job", "letters",
                                   "--client", k, "--state", f"device-{k}", out=log)
                       for k in range(CLIENTS)]
            lines = b"".join(pathlib.Path(f"/proc/{p.pid}/cmdline").read_bytes()
                             for p in [server, *devices])
            self.assertIn(b"letters", lines)
            self.ends(devices)
            self.stop(server)
        secrets = [self.admin_file()["key"], self.join_file()["secret"], 43 * "w",
                   json.loads((self.folder / "ada.json").read_text())["key"],
                   *(json.loads((self.folder / f"device-{k}/identity.json").read_text())["key"]
                     for k in range(CLIENTS))]
        asked = b"".join(relay.seen)
        tokens = set(re.findall(rb"Bearer (eyJ[^\r]+)", asked))
        self.assertEqual(len(tokens), CLIENTS)
        secrets += [token.decode() for token in tokens]
        urls = b"\n".join(re.findall(rb"[A-Z]+ (\S+) HTTP/1.1\r\n", asked))
        self.assertIn(b"/v1/exchange", urls)
        log = (self.folder / "log").read_bytes()
        self.assertIn(b"serving", log)
        self.assertIn(b'"path":"/v1/exchange"', log)
        for secret in secrets:
            for place, text in (("log", log), ("command line", lines), ("URL", urls)):
                self.assertNotIn(secret.encode(), text, place)

    def test_the_servers_key_is_in_no_log(self):
        with open(self.folder / "log", "w") as log:
            server = self.logged(log, "serve", "--port", 0, out=subprocess.PIPE)
            self.assertTrue(server.stdout.readline().startswith("serving  https://"))
            self.stop(server)
        log = (self.folder / "log").read_text()
        self.assertIn("certificate_made", log)
        for line in (self.folder / "choir-server/tls.key").read_text().splitlines()[1:-1]:
            self.assertNotIn(line, log)

    def logged(self, log, *words, out):
        process = subprocess.Popen([CHOIR, *map(str, words)], cwd=self.folder, text=True,
                                   stdin=subprocess.DEVNULL, stdout=out, stderr=log)
        self.processes.append(process)
        return process


class Limits(Secure):
    def asked(self, path, body=None, key=None):
        """The code of an answer, and when it says to come again, in seconds."""
        request = urllib.request.Request(
            self.url + path, data=None if body is None else json.dumps(body).encode(),
            headers={} if key is None else {"Authorization": "Bearer " + key})
        try:
            with urllib.request.urlopen(request, timeout=30, context=self.trust()) as answer:
                return answer.status, 0
        except urllib.error.HTTPError as error:
            with error:
                return error.code, int(error.headers.get("Retry-After", 0))

    def assert_limited(self, answer, least, most):
        self.assertEqual(answer[0], 429)
        self.assertTrue(least <= answer[1] <= most, answer)

    def test_an_address_enrols_so_often_and_then_at_a_rate(self):
        self.serve("--join-rate", 1)
        self.host(self.file("job.yaml", JOB % 2))
        body = {"secret": 43 * "A", "key": 43 * "A"}
        self.assertEqual([self.asked("/v1/enroll", body)[0] for _ in range(10)], 10 * [403])
        self.assert_limited(self.asked("/v1/enroll", body), 1, 60)
        self.assert_limited(self.asked("/v1/jobs/letters/join", {}), 1, 60)
        self.assertEqual(self.asked("/v1/challenge")[0], 200)
        self.check_ran("status")
        figures = urllib.request.urlopen(self.url + "/metrics", timeout=30, context=self.trust())
        with figures:
            self.assertIn(b"choir_requests_limited_total 2\n", figures.read())

    def test_a_device_comes_again_when_it_was_told_to(self):
        self.serve("--join-rate", 1)
        self.host(self.file("job.yaml", JOB % 2))
        for _ in range(10):
            self.asked("/v1/enroll", {})
        client = self.start("join", "choir-server/join.json", "--job", "letters",
                            out=subprocess.PIPE)
        self.assertRegex(client.stdout.readline(),
                         r"lost: enrolment: too many requests from this address; come again in \d+")
        ready, _, _ = select.select([client.stdout], [], [], 4)  # of its own it would come after 1
        self.assertEqual(ready, [])

    def test_a_device_asks_so_often_whatever_others_do(self):
        self.serve("--exchange-rate", 1)
        self.host(self.file("job.yaml", JOB % 2))
        first, second = self.joined()["token"], self.joined()["token"]
        codes = [self.asked("/v1/exchange", {}, first) for _ in range(11)]
        self.assertEqual(codes[:10], 10 * [(200, 0)])
        self.assert_limited(codes[10], 1, 60)
        self.assertEqual(self.asked("/v1/exchange", {}, second)[0], 200)

    def test_an_address_fails_so_often_as_an_administrator(self):
        self.serve("--failure-rate", 1)
        self.check_ran("admin", "add", "vera", "--role", "viewer", "--out", "vera.json")
        key = json.loads((self.folder / "vera.json").read_text())["key"]
        self.assertEqual([self.asked("/v1/admin/jobs", key="wrong")[0] for _ in range(6)], 6 * [401])
        self.assertEqual([self.asked("/v1/admin/audit", key=key)[0] for _ in range(4)], 4 * [403])
        self.assert_limited(self.asked("/v1/admin/audit", key="wrong"), 1, 60)
        self.assert_refused(self.run_in("status"), 1, "too many requests from this address")
        self.assertEqual(self.asked("/healthz")[0], 200)

    def test_no_limit_is_one_too(self):
        self.serve("--join-rate", 0)
        body = {"secret": 43 * "A", "key": 43 * "A"}
        self.assertEqual({self.asked("/v1/enroll", body)[0] for _ in range(100)}, {403})


class Plain(Secure):
    def test_http_without_tls_works_and_its_files_say_so(self):
        job = self.file("job.yaml", JOB % 3)
        self.serve("--plain")
        self.assertTrue(self.url.startswith("http://127.0.0.1:"))
        self.assertNotIn("pin", self.join_file())
        self.assertFalse((self.folder / "choir-server/tls.key").exists())
        self.host(job)
        self.ends([self.join(k) for k in range(CLIENTS)])
        self.assertEqual(self.exported(), self.simulated(job))

    def test_behind_a_proxy_with_tls_clients_are_given_the_proxys_key(self):
        pin = self.certificate("proxy")
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trust.load_cert_chain(self.folder / "proxy.pem", self.folder / "proxy.key")
        with socket.create_server(("127.0.0.1", 0)) as chosen:
            self.port = chosen.getsockname()[1]
        proxy = Relay(self.port, trust)
        self.addCleanup(proxy.close)
        url = f"https://127.0.0.1:{proxy.port}"
        self.serve("--plain", "--url", url, "--pin", pin)
        self.assertEqual((self.join_file()["url"], self.join_file()["pin"]), (url, pin))
        self.host(self.file("job.yaml", JOB % 2))
        self.ends([self.join(k) for k in range(CLIENTS)])
        self.assertGreater(proxy.connections, CLIENTS)

    def test_a_proxy_of_the_environment_is_used(self):
        self.serve()
        proxy = Relay(self.port, connects=True)
        self.addCleanup(proxy.close)
        self.addCleanup(os.environ.pop, "https_proxy")
        os.environ["https_proxy"] = f"http://127.0.0.1:{proxy.port}"
        self.host(self.file("job.yaml", JOB % 2))
        self.ends([self.join(k) for k in range(CLIENTS)])
        self.assertGreater(proxy.connections, CLIENTS)


if __name__ == "__main__":
    unittest.main()

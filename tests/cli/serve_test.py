"""What a server tells whoever runs it: its log lines, on whose behalf each was written, and nothing secret."""
import base64
import datetime
import http.client
import json
import os
import re
import socket
import subprocess
import time
import unittest
import urllib.error
import urllib.request

from choir import CHOIR
from device import Device
from network import CLIENTS, JOB, Network

ESCAPES = "\x1b[31m\x7f\x00"


class Logged(Network):
    """A server whose standard error is a file."""

    def serve_logged(self, *words):
        self.log = open(self.folder / "log", "a", encoding="utf-8")
        self.addCleanup(self.log.close)
        server = subprocess.Popen([CHOIR, "serve", "--port", str(self.port), "--plain", *map(str, words)],
                                  cwd=self.folder, text=True, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=self.log)
        self.processes.append(server)
        self.url = server.stdout.readline().split()[1]
        self.port = int(self.url.rsplit(":", 1)[1])
        return server

    def lines(self):
        """What was logged, as objects; each line is one."""
        text = (self.folder / "log").read_bytes().decode()
        self.assertTrue(text.endswith("\n"))
        return [json.loads(line, object_pairs_hook=self.once) for line in text[:-1].split("\n")]

    def once(self, pairs):
        self.assertEqual(len({key for key, _ in pairs}), len(pairs), pairs)
        return dict(pairs)

    def raw(self, method, path, headers=(), body=None, address="127.0.0.1"):
        """An answer to a request, from that address, of which every byte is as it is said."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30, source_address=(address, 0))
        connection.putrequest(method, path)
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer

    def requests_of(self, id_):
        """The access log's lines of a request; they come when its answer has gone."""
        end = time.monotonic() + 30
        while True:
            found = [line for line in self.lines() if line.get("request") == id_]
            if any(line["event"] == "request" for line in found) or time.monotonic() > end:
                return found
            time.sleep(0.05)


class JsonLines(Logged):
    def test_are_objects_with_a_time_a_level_an_event_and_values(self):
        server = self.serve_logged("--log", "json", "--access-log")
        self.host(self.file("job.yaml", JOB % 3))
        self.ends([self.join(k) for k in range(CLIENTS)])
        self.stop(server)
        lines = self.lines()
        now = datetime.datetime.now(datetime.timezone.utc)
        for line in lines:
            self.assertRegex(line["ts"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
            at = datetime.datetime.fromisoformat(line["ts"].replace("Z", "+00:00"))
            self.assertLess(abs((now - at).total_seconds()), 120)
            self.assertIn(line["level"], ("info", "warning"))
            self.assertNotIn("text", line)
        hosted = next(line for line in lines if line["event"] == "job_hosted")
        self.assertEqual((hosted["job"], hosted["clients"]), ("letters@1", CLIENTS))
        rounds = [line for line in lines if line["event"] == "round_applied"]
        self.assertEqual([line["round"] for line in rounds], [1, 2, 3])
        reports = {line["request"]: line for line in lines if line["event"] == "request"}
        for line in rounds:  # closed by a report, and written on its behalf
            report = reports[line["request"]]
            self.assertEqual((report["path"], report["status"]), ("/v1/exchange", 200))
            self.assertIn(report["subject"], range(1, CLIENTS + 1))
        self.assertIn(hosted["request"], reports)
        self.assertEqual(reports[hosted["request"]]["admin"], "owner")
        self.assertEqual(reports[hosted["request"]]["path"], "/v1/admin/jobs")

    def test_have_one_id_for_each_request_which_its_answer_has_too(self):
        self.serve_logged("--log", "json", "--access-log")
        ids = [self.raw("GET", "/healthz").headers["X-Request-Id"] for _ in range(3)]
        self.assertEqual(len(set(ids)), 3)
        for id_ in ids:
            (line,) = self.requests_of(id_)
            self.assertEqual((line["method"], line["path"], line["status"], line["bytes"], line["peer"], line["whole"]),
                             ("GET", "/healthz", 200, 3, "127.0.0.1", True))
            self.assertIsInstance(line["ms"], int)
        self.raw("GET", "/healthz", [("X-Request-Id", "from-the-proxy.1")])
        self.assertEqual(len(self.requests_of("from-the-proxy.1")), 1)
        trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        self.raw("GET", "/healthz", [("traceparent", trace)])
        self.assertEqual(len(self.requests_of("4bf92f3577b34da6a3ce929d0e0e4736")), 1)

    def test_do_not_take_ids_from_strangers(self):
        server = self.start("serve", "--port", 0, out=subprocess.PIPE)
        self.url = server.stdout.readline().split()[1]
        with urllib.request.urlopen(urllib.request.Request(self.url + "/healthz", headers={"X-Request-Id": "mine"}),
                                    timeout=30, context=self.trust()) as answer:
            self.assertRegex(answer.headers["X-Request-Id"], r"^[0-9a-f]{8}-[0-9a-f]+$")

    def test_name_refused_requests_too_and_show_no_path_that_nobody_knows(self):
        self.serve_logged("--log", "json", "--access-log", "--failure-rate", 1)
        for path, status, shown in (("/no/such-secret", 404, None), ("/v1/admin/jobs/x", 401, "/v1/admin/jobs/*"),
                                    ("/%zz", 400, None)):
            answer = self.raw("GET", path)
            line = self.requests_of(answer.headers["X-Request-Id"])[-1]
            self.assertEqual((answer.status, line["status"], line.get("path")), (status, status, shown))
        answers = [self.raw("GET", "/v1/admin/jobs") for _ in range(20)]
        limited = next(answer for answer in answers if answer.status == 429)
        events = {line["event"] for line in self.requests_of(limited.headers["X-Request-Id"])}
        self.assertEqual(events, {"request", "request_limited"})
        self.assertNotIn("such-secret", (self.folder / "log").read_text())

    def test_have_one_line_a_minute_for_an_address_that_asks_too_often(self):
        self.serve_logged("--log", "json", "--failure-rate", 1)
        for address in ("127.0.0.1", "127.0.0.2"):
            codes = [self.raw("GET", "/v1/admin/jobs", address=address).status for _ in range(30)]
            self.assertEqual(codes, 10 * [401] + 20 * [429])
        told = [line for line in self.lines() if line["event"] == "request_limited"]
        self.assertEqual([(line["from"], line["untold"]) for line in told], [("127.0.0.1", 0), ("127.0.0.2", 19)])

    def test_cannot_be_forged_by_what_peers_send(self):
        self.serve_logged("--log", "json", "--access-log")
        forged = '"} {"ts":"2000-01-01T00:00:00.000Z","level":"error","event":"forged"}'
        for headers in ([("X-Request-Id", forged)], [("traceparent", forged)], [("User-Agent", forged)],
                        [("Authorization", "Bearer " + forged)], [("X-Request-Id", "a\x85b")],
                        [("X-Request-Id", 'x" event="forged')]):
            for path in ("/healthz", "/v1/admin/jobs", "/v1/exchange",
                         "/%22%7d%0a%7b%22event%22:%22forged%22%7d", "/v1/admin/jobs/%22%20event=%22forged"):
                self.raw("GET", path, headers)
        self.raw('GE"T{', "/v1/admin/jobs")
        bad = {"secret": 43 * "A", "key": 43 * "A", "name": forged, "platform": "a\nforged", "tags": ESCAPES}
        self.raw("POST", "/v1/enroll", [("Content-Length", str(len(json.dumps(bad))))], json.dumps(bad).encode())
        self.admin("POST", "/v1/admin/jobs", {"job": "name: \"a\\nforged\"\n" + forged, "model": forged})
        self.admin("POST", "/v1/admin/admins", {"name": forged, "role": "viewer"})
        time.sleep(0.5)
        lines = self.lines()
        self.assertGreater(len(lines), 30)
        for line in lines:
            self.assertIn(line["event"], ("serving", "request", "request_limited"))
            self.assertNotIn("forged", json.dumps(line))
            self.assertLessEqual(line.keys(), {"ts", "level", "event", "request", "method", "path", "status", "bytes",
                                               "ms", "peer", "whole", "admin", "url", "jobs", "pin", "from", "wait_s", "untold"})

    def test_say_why_a_server_does_not_start(self):
        ran = self.run_in("serve", "--log", "json", "--port", 0, "--plain", "--pin", "none", "--url", "x")
        self.assertEqual(ran.code, 2)
        first, rest = ran.log.split("\n", 1)
        self.assertEqual(json.loads(first)["event"], "not_serving")
        self.assertIn("url: must be one such as", json.loads(first)["why"])
        self.assertIn("url: must be one such as", rest)


class TextLines(Logged):
    def test_are_for_people_and_say_the_same(self):
        server = self.serve_logged("--access-log")
        answer = self.raw("GET", "/healthz")
        self.stop(server)
        log = (self.folder / "log").read_text()
        self.assertRegex(log, re.escape('choir serve: info: request request="%s" method=GET path=/healthz status=200 '
                                        "bytes=3 ms=" % answer.headers["X-Request-Id"]) + r"\d+ peer=127.0.0.1 whole=true\n")
        self.assertTrue(all(line.startswith("choir serve: ") for line in log.splitlines()))

    def test_of_single_requests_are_only_there_when_asked_for(self):
        server = self.serve_logged()
        self.raw("GET", "/healthz")
        self.stop(server)
        self.assertNotIn("healthz", (self.folder / "log").read_text())


class Tokens(Network):
    """Of devices, by the algorithm that the operator chose, and by no other."""

    def joined(self):
        device = Device(json.loads((self.folder / "choir-server/join.json").read_text()))
        return device.join("letters")["token"]

    def status_of(self, token):
        request = urllib.request.Request(self.url + "/v1/exchange", method="POST", data=b"x",
                                         headers={"Authorization": "Bearer " + token})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    @staticmethod
    def part(token, at):
        return base64.urlsafe_b64decode(token.split(".")[at] + "==")

    def test_by_eddsa_are_told_by_the_public_key(self):
        server = self.serve("--plain", "--token-algorithm", "EdDSA")
        self.host(self.file("job.yaml", JOB % 5))
        token = self.joined()
        self.assertEqual(json.loads(self.part(token, 0)), {"alg": "EdDSA", "typ": "JWT"})
        (key,) = json.loads((self.folder / "choir-server/token.jwks").read_text())["keys"]
        self.assertEqual({k: v for k, v in key.items() if k != "x"},
                         {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA"})
        der = bytes.fromhex("302a300506032b6570032100") + base64.urlsafe_b64decode(key["x"] + "=")
        (self.folder / "key").write_bytes(der)
        (self.folder / "seal").write_bytes(self.part(token, 2))
        self.file("message", token.rsplit(".", 1)[0])
        words = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER", "-inkey", "key", "-in",
                 "message", "-sigfile", "seal"]
        subprocess.run(words, cwd=self.folder, check=True, capture_output=True)
        self.assertEqual(self.status_of(token), 200)
        self.stop(server)
        server = self.serve("--plain", "--token-algorithm", "EdDSA")
        self.assertEqual(self.status_of(token), 200)  # across a restart

    def test_of_another_algorithm_end_and_devices_join_again(self):
        job = self.file("job.yaml", JOB % 8)
        server = self.serve("--plain")
        self.host(job)
        devices = [self.join(k) for k in range(CLIENTS)]
        token = self.token_of(devices)
        self.stop(server)
        self.serve("--plain", "--token-algorithm", "EdDSA")
        self.assertEqual(self.status_of(token), 401)
        self.ends(devices)
        self.assertEqual(self.exported(), self.simulated(job))

    def token_of(self, devices):
        """A token of the server's for somebody who has enrolled, once all devices are in."""
        end = time.monotonic() + 60
        while len(self.check_ran("device", "ls", "--json").out.splitlines()) < len(devices):
            self.assertLess(time.monotonic(), end)
        self.host(self.file("other.yaml", (JOB % 2).replace("letters", "other")))
        device = Device(json.loads((self.folder / "choir-server/join.json").read_text()))
        return device.join("other")["token"]

    def test_are_of_no_other_kind(self):
        ran = self.run_in("serve", "--port", 0, "--token-algorithm", "none")
        self.assertEqual((ran.code, ran.out), (2, ""))
        self.assertIn("HS256, EdDSA", ran.log)


class Supervised(Network):
    """Started by somebody who waits on a socket until it is ready, as systemd does."""

    def listen(self, name):
        heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(heard.close)
        self.addCleanup(os.environ.pop, "NOTIFY_SOCKET", None)
        os.environ["NOTIFY_SOCKET"] = name
        heard.bind("\0" + name[1:] if name.startswith("@") else name)
        heard.settimeout(30)
        return heard

    def test_says_when_it_answers_and_when_it_stops(self):
        for name in (str(self.folder / "notify"), f"@choir-test-{os.getpid()}"):
            heard = self.listen(name)
            with socket.create_server(("127.0.0.1", 0)) as chosen:
                self.port = chosen.getsockname()[1]
            server = self.start("serve", "--port", self.port, "--plain")
            self.assertEqual(heard.recv(100), b"READY=1")
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=30) as answer:
                self.assertEqual(answer.status, 200)
            server.terminate()
            self.assertEqual(heard.recv(100), b"STOPPING=1")
            self.assertEqual(server.wait(timeout=30), 0)

    def test_does_not_say_so_when_it_cannot_serve(self):
        heard = self.listen(str(self.folder / "notify"))
        with socket.create_server(("127.0.0.1", 0)) as taken:
            ran = self.run_in("serve", "--port", taken.getsockname()[1])
        self.assertEqual(ran.code, 1)
        heard.settimeout(0.1)
        self.assertRaises(TimeoutError, heard.recv, 100)

    def test_serves_when_nobody_listens(self):
        self.addCleanup(os.environ.pop, "NOTIFY_SOCKET", None)
        for name, why in ((str(self.folder / "nobody"), "No such file"), ("relative", "must be an absolute path"),
                          ("/" + 200 * "x", "must be an absolute path")):
            os.environ["NOTIFY_SOCKET"] = name
            with open(self.folder / "log", "w") as log:
                server = subprocess.Popen([CHOIR, "serve", "--port", "0", "--plain"], cwd=self.folder, text=True,
                                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
                self.processes.append(server)
                self.assertTrue(server.stdout.readline().startswith("serving "))
                self.stop(server)
            self.assertIn("notify_failed why=\"NOTIFY_SOCKET: ", (self.folder / "log").read_text())
            self.assertIn(why, (self.folder / "log").read_text())


if __name__ == "__main__":
    unittest.main()

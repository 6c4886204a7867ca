"""Large reports and models over links that break: what has arrived is not carried again."""
import hashlib
import http.client
import http.server
import json
import os
import random
import threading
import time
import unittest

from device import Device, ask, reply
from faults import Fate, Faults
from network import Network

SEED = int(os.environ.get("CHOIR_SEED", "1"))
JOB = """
name: letters
model: {name: mlp, hidden: [700, 400]}
data: {source: digits, partition: natural, clients: 2, examples: 20, test_examples: 20}
client: {epochs: 1, batch_size: 10, learning_rate: 0.1}
server: {sample_rate: 1, rounds: %d, deadline: 600}
"""


class Whole(http.server.BaseHTTPRequestHandler):
    """Passes a request on once it is whole, as many proxies do."""
    protocol_version = "HTTP/1.1"

    def pass_on(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {k: v for k, v in self.headers.items() if k in ("Authorization", "Content-Range", "Content-Type")}
        code, got, data = ask(self.server.url, self.command, self.path, body or None, headers)
        self.send_response(code)
        for name in ("content-type", "etag"):
            if name in got:
                self.send_header(name, got[name])
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = pass_on

    def log_message(self, *_):
        pass


class Large(Network):
    """A job whose reports have several megabytes."""

    def setUp(self):
        super().setUp()
        self.job = self.file("job.yaml", JOB % 1)

    def hosted(self, *words):
        server = self.serve("--plain", *words)
        self.host(self.job)
        self.size = 4 * self.details("letters")["parameters"]
        self.assertGreater(self.size, 3 << 20)
        return server

    def over(self, fate):
        proxy = Faults(self.port, SEED, fate=fate)
        self.addCleanup(proxy.stop)
        return proxy

    def join_over(self, proxy, client, *words):
        join = json.loads((self.folder / "choir-server/join.json").read_text())
        join["url"] = join["url"].replace(f":{self.port}", f":{proxy.port}")
        path = self.file(f"join-{proxy.port}.json", json.dumps(join))
        return self.start("join", path, "--job", "letters", "--client", client, "--state", f"device-{client}",
                          *words)

    def figures(self):
        _, _, text = ask(self.url, "GET", "/metrics")
        return {line.split()[0]: int(line.split()[1]) for line in text.decode().splitlines()
                if not line.startswith("#")}


class Links(Large):
    def test_that_break_every_few_hundred_kilobytes_carry_little_more_than_a_body(self):
        """By a close: a reset takes away what had arrived and was not yet read."""
        draw = random.Random(SEED)
        expected = self.simulated(self.job)
        self.hosted()
        proxy = self.over(lambda _: Fate(cut_up=draw.randint(200_000, 500_000), is_reset=False,
                                         cut_down=draw.randint(200_000, 500_000), rate=2_000_000))
        clients = [self.join_over(proxy, 0), self.join(1)]
        self.ends(clients, 180)
        self.assertEqual(self.exported(), expected, proxy)
        self.assertGreater(len(proxy.fates), 10)
        self.assertLess(proxy.up, 1.2 * self.size, proxy)
        self.assertLess(proxy.down, 1.2 * self.size, proxy)
        self.assertEqual(self.figures()["choir_uploads_open"], 0)

    def test_slower_than_the_servers_time_for_a_request_get_through(self):
        expected = self.simulated(self.job)
        self.hosted("--request-time", 2)
        rate = 400_000  # a body in 8 s or more, a part in 0.7 s
        proxy = self.over(lambda number: Fate(rate=rate, piece=16384))
        self.ends([self.join_over(proxy, 0, "--part", 1 << 18), self.join(1)], 180)
        self.assertEqual(self.exported(), expected, proxy)
        self.assertGreater(self.size / rate, 3 * 2)
        self.assertLess(proxy.up, 1.2 * self.size, proxy)

    def test_that_only_pass_whole_requests_on_are_given_smaller_parts(self):
        """As behind a proxy that waits for a request's end: what it had when it breaks is nobody's."""
        expected = self.simulated(self.job)
        self.hosted()
        waits = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Whole)
        waits.url, waits.daemon_threads, waits.handle_error = self.url, True, lambda *_: None
        threading.Thread(target=waits.serve_forever, daemon=True).start()
        self.addCleanup(waits.server_close)
        self.addCleanup(waits.shutdown)
        draw = random.Random(SEED)
        proxy = Faults(waits.server_port, SEED, fate=lambda _: Fate(cut_up=draw.randint(200_000, 400_000)))
        self.addCleanup(proxy.stop)
        self.ends([self.join_over(proxy, 0), self.join(1)], 240)
        self.assertEqual(self.exported(), expected, proxy)


class AServer(Large):
    def test_killed_in_mid_upload_is_sent_the_report_anew(self):
        expected = self.simulated(self.job)
        server = self.hosted()
        proxy = self.over(lambda number: Fate(rate=1_000_000, piece=16384))
        clients = [self.join_over(proxy, 0), self.join(1)]
        end = time.monotonic() + 60
        while not 1 << 20 <= self.figures()["choir_uploads_bytes"] < 2 << 20:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)
        server.kill()
        server.wait(timeout=30)
        self.serve("--plain")
        self.ends(clients, 120)
        self.assertEqual(self.exported(), expected)


class ADevice(Large):
    """One that knows only the documents."""

    def setUp(self):
        super().setUp()
        self.hosted()
        self.device = Device(json.loads((self.folder / "choir-server/join.json").read_text()))
        self.device.join("letters")
        kind, self.task = self.device.check_in("letters")
        self.assertEqual(kind, "task")
        self.body = self.device.reported(self.task, 10, bytes(self.size))
        self.name = hashlib.sha256(self.body).hexdigest()

    def call(self, method, name=None, body=None, query="", device=None, **headers):
        headers = {"Authorization": "Bearer " + (device or self.device).token, **headers}
        return ask(self.url, method, f"/v1/uploads/{name or self.name}{query}", body, headers)

    def put(self, start, end, total=None, body=None, **how):
        """A part; its code and what the answer says."""
        part = (body or self.body)[start:end]
        code, got, data = self.call("PUT", body=part, **{
            "Content-Range": f"bytes {start}-{end - 1}/{total or len(body or self.body)}", **how})
        if got["content-type"] == "application/json":
            return code, json.loads(data)
        return code, reply(data)

    def shown(self, **how):
        code, _, data = self.call("GET", **how)
        return code, json.loads(data)

    def test_sends_a_report_in_parts_of_any_size(self):
        whole = len(self.body)
        self.assertEqual(self.shown()[0], 404)
        self.assertEqual(self.put(0, 1), (202, {"offset": 1, "size": whole}))
        self.assertEqual(self.put(1, 3_000_000)[1], {"offset": 3_000_000, "size": whole})
        self.assertEqual(self.shown(), (200, {"offset": 3_000_000, "size": whole}))
        for start, end in ((2_999_999, 3_000_009), (3_000_001, 3_000_009), (0, 10)):
            code, said = self.put(start, end)
            self.assertEqual((code, said["offset"]), (409, 3_000_000))
        self.assertEqual(self.put(3_000_000, whole), (200, ("ack", {})))
        # what it was is known, also to one who did not hear it and sends one byte of it
        self.assertEqual(self.shown(), (200, {"offset": whole, "size": whole}))
        self.assertEqual(self.put(whole - 1, whole), (200, ("refused", {1: 3})))
        self.assertEqual(self.device.exchange(self.body), ("refused", {1: 3}))
        self.assertEqual(self.figures()["choir_uploads_open"], 0)

    def test_is_told_what_is_wrong_with_a_part(self):
        whole = len(self.body)
        for wrong in (None, "bytes 0-9", "bytes 0-9/*", "bytes 9-0/10", "bytes 0-10/10", "0-9/10", "bytes */10",
                      "bytes 0-99999999999999999999/99999999999999999999"):
            headers = {} if wrong is None else {"Content-Range": wrong}
            self.assertEqual(self.call("PUT", body=b"0123456789", **headers)[0], 400, wrong)
        self.assertEqual(self.call("PUT", body=b"0123456789",
                                   **{"Content-Range": f"bytes 0-9/{whole + 20_000}"})[0], 413)
        self.assertEqual(self.call("PUT", body=b"01234567890", **{"Content-Range": "bytes 0-9/1000"})[0], 413)
        code, _, data = self.call("PUT", body=b"0123456", **{"Content-Range": "bytes 0-9/1000"})
        self.assertEqual((code, json.loads(data)["error"]),
                         (400, "body: ends 3 bytes before the part does; go on at offset 7"))
        self.assertEqual(self.put(10, 20)[0], 409)
        self.assertEqual(self.call("PUT", name="x", body=b"1", **{"Content-Range": "bytes 0-0/2"})[0], 404)
        for query in ("?round=x", "?round=-1"):
            self.assertEqual(self.call("PUT", body=b"1", query=query, **{"Content-Range": "bytes 0-0/2"})[0], 400)
        self.assertEqual(ask(self.url, "PUT", "/v1/uploads/" + self.name, b"1",
                             {"Content-Range": "bytes 0-0/2"})[0], 401)
        self.assertEqual(self.figures()["choir_uploads_bytes"], 7)

    def test_of_another_hash_or_job_or_round_is_refused_and_nothing_is_kept(self):
        damaged = bytearray(self.body)
        damaged[-1] ^= 1
        half = len(damaged) // 2
        self.assertEqual(self.put(0, half, body=bytes(damaged))[0], 202)
        self.assertEqual(self.put(half, len(damaged), body=bytes(damaged)), (200, ("refused", {1: 1})))
        self.assertEqual(self.shown()[0], 404)
        part = {"body": self.body[:10], "Content-Range": f"bytes 0-9/{len(self.body)}"}
        for query, refusal in (("?job=letters@1&round=2", 2), ("?job=letters@2&round=1", 4),
                               ("?job=numbers&round=1", 4), ("?round=0", 2)):
            code, _, data = self.call("PUT", query=query, **part)
            self.assertEqual((code, reply(data)), (200, ("refused", {1: refusal})), query)
        self.assertEqual(self.figures()["choir_uploads_open"], 0)
        self.assertEqual(self.call("PUT", query="?job=letters@1&round=1", **part)[0], 202)

    def test_begins_another_and_the_first_is_gone(self):
        other = b"another body of some size"
        self.assertEqual(self.put(0, 1000)[0], 202)
        name = hashlib.sha256(other).hexdigest()
        self.assertEqual(self.put(0, 10, body=other, name=name)[0], 202)
        self.assertEqual(self.shown()[0], 404)
        self.assertEqual((self.figures()["choir_uploads_open"], self.figures()["choir_uploads_bytes"]), (1, 10))
        self.assertEqual(self.put(10, len(other), body=other, name=name), (200, ("refused", {1: 1})))

    def test_does_not_touch_what_another_sends_under_the_same_name(self):
        twin = Device(json.loads((self.folder / "choir-server/join.json").read_text()))
        twin.join("letters")
        self.assertEqual(self.put(0, 1000)[0], 202)
        self.assertEqual(self.shown(device=twin)[0], 404)
        self.assertEqual(self.put(0, 5000, device=twin)[0], 202)
        self.assertEqual(self.shown()[1]["offset"], 1000)
        self.assertEqual(self.put(5000, len(self.body), device=twin), (200, ("refused", {1: 4})))
        self.assertEqual(self.shown()[1]["offset"], 1000)

    def test_that_is_not_asked_cannot_fill_the_servers_memory(self):
        half = (JOB % 1).replace("sample_rate: 1", "sample_rate: 0.5").replace("name: letters", "name: half")
        self.host(self.file("half.yaml", half))
        devices = [Device(json.loads((self.folder / "choir-server/join.json").read_text())) for _ in range(2)]
        for device in devices:
            device.join("half")
        asked, other = sorted(devices, key=lambda device: device.check_in("half")[0] != "task")
        self.assertEqual(self.put(0, 10, device=other), (200, ("refused", {1: 4})))
        self.assertEqual(self.figures()["choir_uploads_open"], 0)
        self.assertEqual(self.put(0, 10, device=asked)[0], 202)

    def test_whose_whole_report_is_to_come_again_need_not_send_it_again(self):
        whole = len(self.body)
        self.assertEqual(self.put(0, whole - 10)[0], 202)
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        self.addCleanup(link.close)
        link.putrequest("PUT", "/v1/uploads/" + self.name)
        for name, value in (("Authorization", "Bearer " + self.device.token), ("Content-Length", "10"),
                            ("Content-Range", f"bytes {whole - 10}-{whole - 1}/{whole}")):
            link.putheader(name, value)
        link.endheaders(self.body[-10:-5])
        end = time.monotonic() + 30
        while self.shown()[1]["offset"] != whole - 5:
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)
        self.check_ran("hosted", "pause", "letters")  # while the last part is under way
        link.send(self.body[-5:])
        answer = link.getresponse()
        self.assertEqual((answer.status, reply(answer.read())[0]), (200, "wait"))
        for _ in range(2):
            self.assertEqual(self.shown(), (200, {"offset": whole, "size": whole}))
            self.assertEqual(self.put(whole - 1, whole)[1][0], "wait")
        self.assertEqual(self.figures()["choir_uploads_bytes"], whole)
        self.check_ran("hosted", "resume", "letters")
        self.assertEqual(self.put(whole - 1, whole), (200, ("ack", {})))
        self.assertEqual(self.figures()["choir_uploads_open"], 0)

    def test_is_told_at_once_that_its_job_stands_still_or_is_over(self):
        part = {"body": self.body[:10], "Content-Range": f"bytes 0-9/{len(self.body)}"}
        self.check_ran("hosted", "pause", "letters")
        self.assertEqual(reply(self.call("PUT", **part)[2])[0], "wait")
        self.check_ran("hosted", "resume", "letters")
        self.assertEqual(self.call("PUT", **part)[0], 202)
        self.check_ran("hosted", "stop", "letters")
        self.assertEqual(reply(self.call("PUT", **part)[2]), ("refused", {1: 2}))
        end = time.monotonic() + 30
        while self.figures()["choir_uploads_open"] != 0:
            self.assertLess(time.monotonic(), end, "an upload whose job is over is kept")
            time.sleep(0.1)


if __name__ == "__main__":
    unittest.main()

"""docs/openapi.json against a real server: every operation, asked rightly and wrongly, answers as it says.

And a device that knows only the documents takes part in a job: docs/http.md and docs/wire.md are enough.
"""
import base64
import contextlib
import hashlib
import json
import re
import sqlite3
import unittest

from choir import SOURCE
from device import Device, ask, base64url, public_key, sign
from network import CLIENTS, JOB, Network
from provider import Key, claims

DOCUMENT = json.loads((SOURCE / "docs" / "openapi.json").read_text())
PAGE = (SOURCE / "docs" / "http.md").read_text()
METHODS = ("get", "post", "put", "delete", "patch")
IGNORED = {"description", "default", "format"}  # of a schema: for people


def operations():
    """(operationId, METHOD, path, operation) of all."""
    return [(operation["operationId"], method.upper(), path, operation)
            for path, item in DOCUMENT["paths"].items()
            for method, operation in item.items() if method in METHODS]


def resolved(node):
    while "$ref" in node:
        at = DOCUMENT
        for key in node["$ref"].removeprefix("#/").split("/"):
            at = at[key]
        node = at
    return node


TYPES = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float),
         "boolean": bool}
RULES = {
    "enum": lambda value, these: value in these,
    "pattern": lambda value, pattern: re.search(pattern, value) is not None,
    "minLength": lambda value, n: len(value) >= n,
    "maxLength": lambda value, n: len(value) <= n,
    "minimum": lambda value, n: value >= n,
    "maximum": lambda value, n: value <= n,
    "required": lambda value, names: set(names) <= set(value),
}


def faults(value, schema, where="body"):
    """What of a value is not as the schema says."""
    schema = resolved(schema)
    if value is None and schema.get("nullable"):
        return []
    is_typed = isinstance(value, TYPES[schema["type"]])
    if not is_typed or (isinstance(value, bool) and schema["type"] != "boolean"):
        return [f"{where}: {value!r} is no {schema['type']}"]
    found = []
    for key, rule in schema.items():
        if key in RULES and not RULES[key](value, rule):
            found.append(f"{where}: {value!r} breaks {key} {rule!r}")
        elif key == "items":
            found += [f for i, v in enumerate(value) for f in faults(v, rule, f"{where}[{i}]")]
        elif key == "properties":
            found += [f for k in rule.keys() & value.keys() for f in faults(value[k], rule[k], f"{where}.{k}")]
        elif key == "additionalProperties":
            found += [f"{where}.{k}: is not in the schema" for k in value.keys() - schema["properties"].keys()]
        elif key not in RULES and key not in IGNORED | {"type", "nullable"}:
            found.append(f"{where}: this validator does not know '{key}'")
    return found


def answer_faults(response, headers, body):
    """What of an answer is not as its response object says."""
    response = resolved(response)
    found = []
    for name, header in response.get("headers", {}).items():
        found += faults(headers.get(name.lower(), ""), header["schema"], name)
    content = response.get("content", {})
    kind = headers.get("content-type", "").split(";")[0]
    if not content:
        return found + ([f"a body of {len(body)} bytes"] if body else [])
    if kind not in content:
        return found + [f"content type '{kind}', not one of {list(content)}"]
    schema = content[kind]["schema"]
    if resolved(schema).get("format") == "binary":
        return found
    return found + faults(json.loads(body) if kind == "application/json" else body.decode(), schema)


class TheValidator(unittest.TestCase):
    def test_finds_what_is_wrong(self):
        schema = {"type": "object", "required": ["a"], "additionalProperties": False, "properties": {
            "a": {"type": "integer", "minimum": 1},
            "b": {"type": "array", "items": {"type": "string", "pattern": "^x"}},
            "c": {"type": "number", "nullable": True}}}
        for value in ({"a": 1}, {"a": 9, "b": ["x", "xy"], "c": None}, {"a": 1, "c": 1.5}):
            self.assertEqual(faults(value, schema), [])
        for value in ([], {}, {"a": 0}, {"a": True}, {"a": 1.5}, {"a": 1, "b": ["y"]}, {"a": 1, "b": None},
                      {"a": 1, "d": 1}, {"a": 1, "c": "1"}):
            self.assertEqual(len(faults(value, schema)), 1, value)


class TheDocument(unittest.TestCase):
    def test_has_every_route_and_no_other(self):
        text = (SOURCE / "src" / "net" / "routes.c").read_text()
        table = re.search(r"ROUTES\[\] = \{\n(.*?)\n\};", text, re.S)[1]
        rows = re.findall(r'\{"(\w+)", "([^"]+)", CH_ACCESS_(\w+)', table)
        self.assertEqual(len(rows), table.count("ch_route_"))
        access = {"ANYONE": [], "ENTRANT": [], "DEVICE": ["device"], "ADMIN": ["admin"], "OWNER": ["owner"]}
        self.assertEqual(
            sorted((method, path, access[who]) for method, path, who in rows),
            sorted((method, re.sub(r"\{\w+\}", "*", path), [k for s in o["security"] for k in s])
                   for _, method, path, o in operations()))

    def test_names_what_it_has(self):
        ids = [operation[0] for operation in operations()]
        self.assertEqual(len(ids), len(set(ids)))
        for name, _, path, operation in operations():
            named = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
            self.assertEqual(set(re.findall(r"\{(\w+)\}", path)), named, name)
        used = set(re.findall(r'"#/components/(\w+/\w+)"', json.dumps(DOCUMENT)))
        there = {f"{kind}/{name}" for kind in ("schemas", "responses") for name in DOCUMENT["components"][kind]}
        self.assertEqual(used, there)


class ThePage(unittest.TestCase):
    """docs/http.md, which is the same for people."""

    def test_has_every_route_and_no_other(self):
        table = re.search(r"## Routes\n(.*?)\n## ", PAGE, re.S)[1]
        rows = re.findall(r"`([A-Z]+ /[^`?]*)`", table)
        names = {"job": "REF", "hash": "HASH", "subject": "SUBJECT", "name": "NAME"}
        expected = []
        for _, method, path, operation in operations():
            if "/admin/" not in path:
                path = path.replace("{job}", "NAME")
            expected.append(method + " " + re.sub(r"\{(\w+)\}", lambda found: names[found[1]], path))
        self.assertEqual(sorted(rows), sorted(expected))

    def test_signs_as_it_says(self):
        seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
        text = b"choir-join\nkeyboard\n7\n" + 43 * b"A" + b"\n"
        self.assertIn(f"the {len(text)} bytes", PAGE)
        self.assertIn(text.hex()[:20] + " 0a " + b"keyboard".hex() + " 0a 37 0a 41 x 43 0a\n", PAGE)
        self.assertIn("\n" + base64url(sign(seed, text)) + "\n", PAGE)


class TheServer(Network):
    def setUp(self):
        super().setUp()
        self.server = self.serve()
        self.job = self.file("job.yaml", JOB % 100)
        self.host(self.job)
        folder = self.folder / "choir-server"
        self.key = json.loads((folder / "admin.json").read_text())["key"]
        self.join_file = json.loads((folder / "join.json").read_text())
        self.rows = {name: row for name, *row in operations()}
        self.seen = set()

    def call(self, operation_id, expected, body=None, key=None, query="", headers=None, **path):
        """Asks for an operation, and holds the answer against the document."""
        name = operation_id
        method, template, operation = self.rows[name]
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        headers = {**(headers or {}), **({} if key is None else {"Authorization": "Bearer " + key})}
        status, got, data = ask(self.url, method, template.format(**path) + query, body, headers)
        self.assertEqual(status, expected, (name, data[:500]))
        self.assertEqual(answer_faults(operation["responses"][str(status)], got, data), [], name)
        self.seen.add((name, str(status)))
        return json.loads(data) if got.get("content-type") == "application/json" else data

    def right_body(self, name, body):
        """What is taken as right also is so by the document."""
        schema = self.rows[name][2]["requestBody"]["content"]["application/json"]["schema"]
        self.assertEqual(faults(body, schema), [])
        return body

    def test_answers_as_the_document_says(self):
        self.for_anyone()
        self.for_devices()
        self.for_uploads()
        self.for_models()
        self.for_administrators()
        self.for_promoted_models()
        self.for_owners()
        self.for_replays()
        self.too_large()
        self.for_the_revoked()
        self.for_a_provider()
        documented = {(name, status) for name, (_, _, o) in self.rows.items() for status in o["responses"]}
        # too often, a report of more than 512 MiB, busy: each has tests of its own
        self.assertEqual({row for row in documented - self.seen if row[1] not in ("429", "501", "503")}, set())

    def test_says_what_comes_too_often(self):
        device = Device(self.join_file)
        device.subject = self.call("enroll", 200, device.enrolment())["subject"]
        token = self.call("join", 200, device.joining("letters"), job="letters")["token"]
        self.stop(self.server)
        self.serve("--join-rate", 1, "--exchange-rate", 1, "--failure-rate", 1)
        for _ in range(10):
            self.call("enroll", 400, "")
            self.call("exchange", 200, b"no message", key=token)
            self.call("jobs", 401)
        for name, (_, _, operation) in self.rows.items():
            limited = operation["security"] or name in ("enroll", "join")
            self.assertEqual("429" in operation["responses"], bool(limited), name)
            if limited:
                self.call(name, 429, key=token, job="letters", name="x", subject=1, hash=64 * "0")

    def for_anyone(self):
        self.assertEqual(self.call("health", 200), b"ok\n")
        self.assertEqual(self.call("ready", 200), b"ready\n")
        for line in self.call("metrics", 200).decode().splitlines():
            self.assertRegex(line, r'^(# (HELP|TYPE) choir_\w+ .+|choir_\w+(\{job="[^"]+"\})? \d+)$')
        self.assertEqual(self.call("openapi", 200), DOCUMENT)

    def for_devices(self):
        device = Device(self.join_file)
        right = self.right_body("enroll", device.enrolment())
        device.subject = self.call("enroll", 200, right)["subject"]
        self.assertEqual(self.call("enroll", 200, {**right, "more": 1}), {"subject": device.subject})
        self.call("enroll", 403, {**right, "secret": base64url(bytes(32))})
        for wrong in ("", "[]", "{", {}, {**right, "key": "AAAA"}, {**right, "name": "x" * 64}, {**right, "tags": 1},
                      {**right, "name": "\n"}, {**right, "name": "\u009b2J"}, {**right, "tags": "\u2028"},
                      '{"secret": "a", "secret": "a"}'):
            self.call("enroll", 400, wrong)
        right = self.right_body("join", device.joining("letters"))
        joined = self.call("join", 200, right, job="letters")
        self.token = joined["token"]
        self.call("join", 404, device.joining("numbers"), job="numbers")
        for wrong in ({}, {**right, "subject": 0}, {**right, "client": -1}, {**right, "client": "1"},
                      {**right, "signature": "AAAA"}):
            self.call("join", 400, wrong, job="letters")
        for wrong in ({**right, "challenge": base64url(bytes(32))}, {**right, "subject": 99},
                      {**right, "signature": base64url(bytes(64))}, device.joining("letters@1")):
            self.call("join", 401, wrong, job="letters")
        other = Device(self.join_file)
        other.subject = self.call("enroll", 200, other.enrolment())["subject"]
        self.assertNotEqual(other.subject, device.subject)
        for client in (joined["client"], CLIENTS):  # taken; none
            self.call("join", 409, {**other.joining("letters"), "client": client}, job="letters")
        self.for_the_rejected(other)
        self.call("exchange", 401, b"")
        self.call("exchange", 401, b"", key="no.token.this")
        self.call("exchange", 200, b"no message", key=joined["token"])
        self.assertRegex(self.call("challenge", 200)["challenge"], "^[A-Za-z0-9_-]{43}$")

    def for_the_rejected(self, device):
        """A job that takes one device, of version 2 or later."""
        self.host(self.job, "--set", "name=small", "--set", 'select.version=">=2"', "--set", "select.tags=wifi",
                  "--set", "data.clients=1", "--set", "server.sample_rate=1")
        told = {"version": "2.1", "tags": "mains,wifi"}
        for some in ({}, {"version": "2.1"}):
            answer = self.call("join", 403, self.right_body("join", {**device.joining("small"), **some}), job="small")
            self.assertEqual(answer["reason"], "not_eligible")
        self.assertEqual(answer["error"], "tags: '' lack 'wifi', which the job selects")
        self.call("join", 200, {**device.joining("small"), **told}, job="small")
        self.call("join", 200, device.joining("small"), job="small")  # it is known
        late = Device(self.join_file)
        late.subject = self.call("enroll", 200, {**late.enrolment(), **told})["subject"]
        answer = self.call("join", 409, late.joining("small"), job="small")
        self.assertEqual((answer["reason"], answer["error"]), ("full", "small@1: all its 1 client is claimed"))
        self.assertIn(answer["wait_ms"], range(300 * 1000, 900 * 1000 + 1))
        shown = self.call("details", 200, key=self.key, job="small")
        self.assertEqual(shown["select"], {"version": ">=2", "tags": "wifi"})
        self.check_ran("hosted", "stop", "small")
        self.check_ran("hosted", "rm", "small")
        devices = self.call("devices", 200, key=self.key)["devices"]
        self.assertIn({**told, "name": "python"}, [{k: d[k] for k in ("version", "tags", "name")} for d in devices])

    def for_uploads(self):
        token = self.token
        body = b"this is no report"
        name = hashlib.sha256(body).hexdigest()

        def part(code, start, end, size=len(body), **more):
            return self.call("upload", code, body[start:end], key=token,
                             headers={"Content-Range": f"bytes {start}-{end - 1}/{size}"}, **{"hash": name, **more})
        for at in ("upload", "upload_show"):
            self.call(at, 401, hash=name)
        self.call("upload_show", 404, key=token, hash=name)
        self.assertEqual(part(409, 5, 9)["offset"], 0)
        self.assertEqual(part(202, 0, 5), {"offset": 5, "size": len(body)})
        self.assertEqual(self.call("upload_show", 200, key=token, hash=name), {"offset": 5, "size": len(body)})
        self.assertEqual(part(409, 0, 5)["offset"], 5)
        part(400, 5, 9, query="?round=x")
        self.call("upload_show", 400, key=token, query="?round=x", hash=name)
        self.call("upload", 400, body, key=token, hash=name)
        part(404, 0, 5, hash="x")
        part(413, 0, 5, size=1 << 30)
        part(200, 5, len(body))

    def for_models(self):
        name = self.admin("GET", "/v1/admin/jobs/letters")[1]["model"]
        whole = self.call("model", 200, hash=name)
        self.assertEqual(self.call("model", 206, headers={"Range": "bytes=8-15"}, hash=name), whole[8:16])
        self.call("model", 304, headers={"If-None-Match": f'"{name}"'}, hash=name)
        self.call("model", 416, headers={"Range": f"bytes={len(whole)}-"}, hash=name)
        self.call("model", 200, headers={"Accept-Encoding": "zstd"}, hash=name)
        for wrong in ("0" * 64, "x", name.upper()):
            self.call("model", 404, hash=wrong)

    def for_administrators(self):
        text = self.job.read_text()
        bundle = base64url(self.call("bundle", 200, key=self.key, job="letters"))
        right = self.right_body("host", {"job": text.replace("letters", "words"), "model": bundle, "clients": CLIENTS})
        self.assertTrue(self.call("host", 201, right, key=self.key)["created"])
        self.assertFalse(self.call("host", 200, right, key=self.key)["created"])
        self.assertTrue(self.call("host", 200, {**right, "job": text.replace("letters", "dry"), "dry_run": True},
                                  key=self.key)["created"])
        self.call("host", 409, {**right, "replace": True}, key=self.key)
        for wrong in ("", {}, [], {**right, "clients": 0}, {**right, "clients": "4"}, {**right, "model": "AAAA"},
                      {**right, "job": "name: ["}, {**right, "job": 1}):
            self.call("host", 400, wrong, key=self.key)
        self.assertEqual(self.call("host", 400, {**right, "clients": 5}, key=self.key)["error"],
                         "clients: 5 is not the 4 that the job says in data.clients; give that, or change the job")
        self.assertEqual(len(self.call("jobs", 200, key=self.key)["jobs"]), 2)  # none of what was dry
        self.call("rounds", 200, key=self.key, job="letters", query="?from=0&limit=1000")
        for query in ("?from=x", "?limit=1001", "?limit=-1", "?from="):
            self.call("rounds", 400, key=self.key, job="letters", query=query)
        for name, state in (("pause", "paused"), ("resume", "running"), ("stop", "stopped")):
            self.assertEqual(self.call(name, 200, key=self.key, job="words"), {"job": "words@1", "state": state})
            if name != "resume":
                self.call(name, 409, key=self.key, job="words")
        self.call("resume", 200, key=self.key, job="words@1")
        self.call("resume", 409, key=self.key, job="words")
        self.assertEqual(self.call("job", 200, key=self.key, job="words@1")["state"], "running")
        self.assertIn("words", self.call("details", 200, key=self.key, job="words")["job"])
        clone = self.right_body("clone", {"name": "sounds", "set": ["client.epochs=3"]})
        self.assertTrue(self.call("clone", 201, clone, key=self.key, job="words")["created"])
        self.call("clone", 409, clone, key=self.key, job="words")
        for wrong in ("", {}, {**clone, "set": [1]}, {**clone, "set": ["data.clients=9"]}, {**clone, "name": "a/b"}):
            self.call("clone", 400, wrong, key=self.key, job="words")
        self.call("remove", 409, key=self.key, job="sounds")
        self.call("stop", 200, key=self.key, job="sounds")
        self.assertEqual(self.call("remove", 200, key=self.key, job="sounds"), {"job": "sounds", "removed": 1})
        for name, row in self.rows.items():
            if row[2]["security"] == [{"admin": []}]:
                body = {"name": "other"} if "requestBody" in row[2] else None
                self.call(name, 401, job="letters")
                self.call(name, 401, key="choir-wrong", job="letters")
                if "{job}" in row[1]:
                    self.call(name, 404, body, key=self.key, job="letters@9")

    def for_promoted_models(self):
        self.host(self.file("short.yaml", (JOB % 3).replace("letters", "short")
                            .replace("server: {", "server: {retain_updates: true, ")))
        self.ends([self.join(k, "short") for k in range(CLIENTS)])
        rounds = self.call("rounds", 200, key=self.key, job="short")["rounds"]
        self.assertEqual([r["round"] for r in rounds], [1, 2, 3])
        job = self.call("job", 200, key=self.key, job="short")
        self.assertEqual((job["last"]["round"], job["state"]), (3, "finished"))
        self.assertEqual(job["model"], rounds[-1]["model"])
        device = Device(self.join_file)
        token = device.join("letters")["token"]
        self.call("promoted", 401, job="letters")
        self.call("promoted", 403, key=token, job="short")
        self.call("promoted", 404, key=token, job="letters")
        for wrong in ("", {"round": 0}, {"round": "1"}):
            self.call("promote", 400, wrong, key=self.key, job="short")
        self.call("promote", 409, {"round": 4}, key=self.key, job="short")
        self.call("rollback", 409, key=self.key, job="short")
        choice = self.right_body("promote", {"round": 1})
        self.assertEqual(self.call("promote", 200, choice, key=self.key, job="short")["hash"], rounds[0]["model"])
        self.assertEqual(self.call("promote", 200, {}, key=self.key, job="short")["round"], 3)
        self.assertEqual(self.call("rollback", 200, key=self.key, job="short")["round"], 1)
        history = self.call("promotions", 200, key=self.key, job="short")["promotions"]
        self.assertEqual([(p["round"], p["stands"]) for p in history], [(3, False), (1, True)])
        details = self.call("details", 200, key=self.key, job="short")
        self.assertEqual((details["promoted"]["round"], len(details["last_rounds"])), (1, 3))
        token = self.token_of_a_client("short")
        self.assertEqual(self.call("promoted", 200, key=token, job="short")["hash"], rounds[0]["model"])
        self.call("promoted", 304, key=token, headers={"If-None-Match": "*"}, job="short")

    def for_owners(self):
        new = self.right_body("admin_add", {"name": "visitor", "role": "viewer"})
        viewer = self.call("admin_add", 201, new, key=self.key)["key"]
        self.call("admin_add", 409, new, key=self.key)
        for wrong in ("", {"name": "a b", "role": "viewer"}, {"name": "other", "role": "king"}):
            self.call("admin_add", 400, wrong, key=self.key)
        at = {"job": "letters", "name": "visitor", "subject": "1"}
        for name, row in self.rows.items():
            kind = row[2]["security"][0] if row[2]["security"] else {}
            if "owner" in kind or ("admin" in kind and row[0] != "GET"):
                self.call(name, 403, key=viewer, **at)
            if "owner" in kind or name == "devices":
                self.call(name, 401, key="choir-wrong", **at)
        self.assertEqual([a["name"] for a in self.call("admins", 200, key=self.key)["admins"]], ["owner", "visitor"])
        self.assertGreater(len(self.call("devices", 200, key=viewer)["devices"]), 3)
        self.call("devices", 400, key=viewer, query="?limit=1001")
        self.call("audit", 400, key=self.key, query="?limit=x")
        self.assertEqual(self.call("audit", 200, key=self.key, query="?limit=1000")["entries"][-1]["act"], "host")
        self.assertEqual(self.call("admin_revoke", 200, key=self.key, name="visitor"), {"revoked": "visitor"})
        self.call("admin_revoke", 404, key=self.key, name="visitor")
        self.call("admin_revoke", 409, key=self.key, name="owner")
        fresh = self.call("secret", 200, key=self.key)
        self.assertEqual(fresh, json.loads((self.folder / "choir-server" / "join.json").read_text()))
        self.assertNotEqual(fresh["secret"], self.join_file["secret"])
        self.call("enroll", 403, Device(self.join_file).enrolment())
        self.join_file = fresh
        self.call("enroll", 200, Device(self.join_file).enrolment())
        self.assertEqual(self.call("device_revoke", 200, key=self.key, subject="2"), {"revoked": 2})
        for wrong in ("999", "x"):
            self.call("device_revoke", 404, key=self.key, subject=wrong)

    def for_replays(self):
        parameters = self.call("job", 200, key=self.key, job="short")["parameters"]
        self.assertEqual(len(self.call("sum", 200, key=self.key, job="short", query="?round=2")), 8 * parameters)
        self.call("sum", 404, key=self.key, job="short", query="?round=4")
        receipts = self.call("receipts", 200, key=self.key, job="short", query="?round=2")["receipts"]
        self.assertEqual(len(receipts), 2)
        query = "?round=2&client=%d" % receipts[0]["client"]
        update = self.call("update", 200, key=self.key, job="short", query=query)
        self.assertEqual(hashlib.sha256(update).hexdigest(), receipts[0]["digest"])
        self.call("update", 404, key=self.key, job="short", query="?round=4")
        for name in ("sum", "receipts", "update"):
            self.call(name, 400, key=self.key, job="short", query="?round=x")

    def token_of_a_client(self, job):
        """A token of the subject that choir join made for client 0: its seed is the key's first half."""
        state = json.loads((self.folder / "device-0" / "identity.json").read_text())
        device = Device(self.join_file)
        device.seed, device.subject = base64.urlsafe_b64decode(state["key"] + "==")[:32], state["subject"]
        return device.join(job)["token"]

    def too_large(self):
        device = Device(self.join_file)
        device.join("letters")
        keys = {"exchange": device.token}
        for name, row in self.rows.items():
            if "413" in row[2]["responses"] and name not in ("host", "upload"):
                self.call(name, 413, b" " * (200 << 10), key=keys.get(name, self.key), job="letters", name="x",
                          subject="1")
        self.call("host", 413, headers={"Content-Length": str((1 << 30) + 1), "Expect": "100-continue"}, key=self.key)

    def for_the_revoked(self):
        device = Device(self.join_file)
        device.join("letters")
        self.stop(self.server)
        with contextlib.closing(sqlite3.connect(self.folder / "choir-server" / "choir.db")) as store, store:
            store.execute("UPDATE subjects SET is_revoked = 1 WHERE id = ?", (device.subject,))
        self.server = self.serve()
        self.call("join", 403, device.joining("letters"), job="letters")

    def for_a_provider(self):
        key = Key(self.folder, "key", "ec")
        self.file("keys.json", json.dumps({"keys": [key.jwk()]}))
        self.stop(self.server)
        self.server = self.serve("--jwks", "keys.json", "--account-devices", 1)
        self.call("secret", 409, key=self.key)
        token, device = key.token(claims("ada")), Device(self.join_file)
        body = {k: v for k, v in device.enrolment().items() if k != "secret"}
        self.call("enroll", 401, self.right_body("enroll", body))
        self.call("enroll", 401, body, key="no.token.this")
        self.call("enroll", 200, body, key=token)
        self.call("enroll", 409, {**body, "key": base64url(bytes(32))}, key=token)

    def test_a_device_that_knows_only_the_documents_takes_part(self):
        alone = (JOB % 3).replace("letters", "alone").replace("clients: 4", "clients: 1")
        self.host(self.file("alone.yaml", alone))
        device = Device(self.join_file)
        parameters = device.join("alone")["parameters"]
        nothing = bytes(4 * parameters)
        for round_ in (1, 2):
            kind, task = device.check_in("alone", Prefer="wait=5")
            self.assertEqual((kind, task[1], task[2], task[12]), ("task", round_, parameters, b"alone@1"))
            self.assertEqual(len(device.model(task)), 4 * parameters)
            self.assertEqual(device.report(task, 5, nothing), ("ack", {}))
            kind, why = device.report(task, 5, nothing)
            self.assertEqual((kind, why), ("refused", {1: 3}))  # duplicate, though its round has closed
        task = device.check_in("alone")[1]
        self.assertEqual(device.report(task, 5, nothing[4:]), ("refused", {1: 5}))  # wrong size
        self.assertEqual(device.check_in("alone"), ("done", {1: 5}))  # finished: nobody is left

    def test_and_announces_where_the_task_says_so(self):
        crowd = (JOB % 1).replace("letters", "crowd").replace(
            "sample_rate: 0.5", "goal: 2, over_selection: 2") + "population: open\n"
        self.host(self.file("crowd.yaml", crowd))
        devices = [Device(self.join_file) for _ in range(4)]
        nothing = bytes(4 * [device.join("crowd")["parameters"] for device in devices][0])
        tasks = [device.check_in("crowd")[1] for device in devices]
        first, other, late, later = devices
        self.assertEqual(tasks[0][14], bytes([2, 1]))  # announce, report
        self.assertEqual(first.announce(tasks[0], 5), ("proceed", {}))
        self.assertEqual(first.announce(tasks[0], 5), ("proceed", {}))
        self.assertEqual(first.report(tasks[0], 5, nothing), ("ack", {}))
        self.assertEqual(first.announce(tasks[0], 5), ("refused", {1: 3}))  # duplicate
        self.assertEqual(late.announce(tasks[2], 5), ("proceed", {}))
        self.assertEqual(other.report(tasks[1], 5, nothing), ("ack", {}))  # which does not know of it
        self.assertEqual(later.announce(tasks[3], 5), ("refused", {1: 2}))  # stale
        self.assertEqual(late.report(tasks[2], 5, nothing), ("refused", {1: 2}))  # it was no promise


class Keys(unittest.TestCase):
    def test_are_those_of_the_rfc(self):
        seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
        self.assertEqual(public_key(seed).hex(), "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")


if __name__ == "__main__":
    unittest.main()

"""A device without any of choir's code, in Python's standard library: docs/http.md and docs/wire.md, again."""
import base64
import hashlib
import http.client
import json
import os
import ssl
import struct
import urllib.parse

# Ed25519, slow and short; nothing here is secret. Source: RFC 8032, section 5.1 and appendix A.
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
BASE_Y = 4 * pow(5, P - 2, P) % P


def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(n, p):
    q = (0, 1, 1, 0)
    while n > 0:
        q = add(q, p) if n & 1 else q
        p = add(p, p)
        n >>= 1
    return q


def base_point():
    square = (BASE_Y * BASE_Y - 1) * pow(D * BASE_Y * BASE_Y + 1, P - 2, P)
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P != 0:
        x = x * pow(2, (P - 1) // 4, P) % P
    x = P - x if x & 1 else x
    return x, BASE_Y, 1, x * BASE_Y % P


BASE = base_point()


def compressed(p):
    inverse = pow(p[2], P - 2, P)
    x, y = p[0] * inverse % P, p[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def halves(seed):
    digest = hashlib.sha512(seed).digest()
    scalar = int.from_bytes(digest[:32], "little") & ((1 << 254) - 8) | 1 << 254
    return scalar, digest[32:]


def public_key(seed):
    return compressed(times(halves(seed)[0], BASE))


def sign(seed, message):
    scalar, prefix = halves(seed)
    r = int.from_bytes(hashlib.sha512(prefix + message).digest(), "little") % L
    point = compressed(times(r, BASE))
    h = int.from_bytes(hashlib.sha512(point + public_key(seed) + message).digest(), "little") % L
    return point + ((r + h * scalar) % L).to_bytes(32, "little")


# Protocol Buffers and the checksum: docs/wire.md.
MASK = (1 << 64) - 1
CHECK_IN, REPORT, ANNOUNCE = 4, 5, 6
REPLIES = {2: "task", 3: "wait", 4: "ack", 5: "done", 6: "refused", 7: "proceed"}


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out) + bytes([n])


def number(field, n):
    return varint(field << 3) + varint(n) if n else b""


def chunk(field, data):
    return varint(field << 3 | 2) + varint(len(data)) + data


def mix(x):
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & MASK
    x = (x ^ x >> 27) * 0x94D049BB133111EB & MASK
    return x ^ x >> 31


def checksum(seed, data):
    a, b = [0] * 16, [0] * 16
    for at, (word,) in enumerate(struct.iter_unpack("<I", data + bytes(-len(data) % 64))):
        a[at % 16] = (a[at % 16] + word) & 0xFFFFFFFF
        b[at % 16] = (b[at % 16] + a[at % 16]) & 0xFFFFFFFF
    h = mix((seed + len(data)) & MASK)
    for low, high in zip(a, b):
        h = mix(h ^ (high << 32 | low))
    return h


def request(client, field, body):
    check = checksum((1 << 40) + (field << 32) + client, body)
    return number(1, 1) + number(2, client) + struct.pack("<BQ", 3 << 3 | 1, check) + chunk(field, body)


def fields(data):
    """The fields of a message, the last of each number: a number, or bytes."""
    found, at = {}, 0

    def read():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = read()
        kind = key & 7
        if kind == 0:
            found[key >> 3] = read()
            continue
        size = {1: 8, 5: 4}[kind] if kind != 2 else read()
        value = data[at:at + size]
        found[key >> 3] = value if kind == 2 else int.from_bytes(value, "little")
        at += size
    return found


def reply(data):
    """("task", its fields) of a Reply whose checksum is right."""
    m = fields(data)
    (field,) = set(m) & set(REPLIES)
    assert m[1] == checksum(field << 32, m[field]), "the reply's checksum is wrong"
    return REPLIES[field], fields(m[field])


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def ask(url, method, path, body=None, headers=None):
    """One HTTP request: status, headers (names in lower case), body."""
    at = urllib.parse.urlsplit(url)
    if at.scheme == "https":
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(at.netloc, timeout=60, context=context)
    else:
        connection = http.client.HTTPConnection(at.netloc, timeout=60)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


class Device:
    """A device with a key of its own; join is what a join file holds."""

    def __init__(self, join):
        self.url, self.secret = join["url"], join["secret"]
        self.seed = os.urandom(32)
        self.subject, self.token, self.client = 0, "", 0

    def json(self, method, path, body=None):
        status, _, data = ask(self.url, method, path, None if body is None else json.dumps(body))
        assert status == 200, data
        return json.loads(data)

    def enrolment(self):
        return {"secret": self.secret, "key": base64url(public_key(self.seed)), "name": "python"}

    def joining(self, job):
        challenge = self.json("GET", "/v1/challenge")["challenge"]
        text = f"choir-join\n{job}\n{self.subject}\n{challenge}\n"
        return {"subject": self.subject, "challenge": challenge,
                "signature": base64url(sign(self.seed, text.encode()))}

    def join(self, job):
        if self.subject == 0:
            self.subject = self.json("POST", "/v1/enroll", self.enrolment())["subject"]
        joined = self.json("POST", f"/v1/jobs/{job}/join", self.joining(job))
        self.token, self.client = joined["token"], joined["client"]
        return joined

    def ask(self, data, **headers):
        return ask(self.url, "POST", "/v1/exchange", data, {"Authorization": "Bearer " + self.token, **headers})

    def exchange(self, data, **headers):
        status, _, body = self.ask(data, **headers)
        assert status == 200, body
        return reply(body)

    def check_in(self, job, **headers):
        return self.exchange(request(self.client, CHECK_IN, chunk(1, job.encode())), **headers)

    def model(self, task):
        """The task's parameters, little-endian fp32."""
        status, _, body = ask(self.url, "GET", "/v1/models/" + task[3].hex())
        assert status == 200 and hashlib.sha256(body).digest() == task[3], "not the task's model"
        return body

    def reported(self, task, examples, delta):
        """A report's bytes. delta: little-endian fp32."""
        body = (number(1, task[1]) + chunk(2, task[3]) + number(3, examples) +
                chunk(4, number(1, examples)) + chunk(6, task[12]) + chunk(15, delta))
        return request(self.client, REPORT, body)

    def announce(self, task, examples):
        body = number(1, task[1]) + chunk(2, task[3]) + number(3, examples) + chunk(6, task[12])
        return self.exchange(request(self.client, ANNOUNCE, body))

    def report(self, task, examples, delta):
        return self.exchange(self.reported(task, examples, delta))

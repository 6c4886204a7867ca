#!/usr/bin/env python3
"""Makes the golden messages beside it, with protoc and without any of choir's code.

Each NAME.txt is a message in protoc's text form and NAME.bin its bytes. The checksum is computed
here from its definition in docs/wire.md. Run it again only when the wire is meant to change.
"""
import pathlib
import struct
import subprocess

HERE = pathlib.Path(__file__).parent
PROTO = HERE.parent.parent.parent / "proto"
MASK = (1 << 64) - 1
HASH = "".join(f"\\{i:03o}" for i in range(32))


def protoc(mode, kind, data):
    command = ["protoc", f"--{mode}=choir.v1.{kind}", f"--proto_path={PROTO}", "choir.proto"]
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


def encode(kind, text):
    return protoc("encode", kind, text.encode())


def mix(x):
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & MASK
    x = (x ^ x >> 27) * 0x94D049BB133111EB & MASK
    return x ^ x >> 31


def checksum(seed, data):
    a, b = [0] * 16, [0] * 16
    padded = data + bytes(-len(data) % 64)
    for at, (word,) in enumerate(struct.iter_unpack("<I", padded)):
        a[at % 16] = (a[at % 16] + word) & 0xFFFFFFFF
        b[at % 16] = (b[at % 16] + a[at % 16]) & 0xFFFFFFFF
    h = mix((seed + len(data)) & MASK)
    for low, high in zip(a, b):
        h = mix(h ^ (high << 32 | low))
    return h


def indent(text):
    return "".join(f"  {line}\n" for line in text.splitlines())


def write(name, kind, text):
    data = encode(kind, text)
    (HERE / f"{name}.bin").write_bytes(data)
    (HERE / f"{name}.txt").write_bytes(protoc("decode", kind, data))  # as protoc would put it


def request(name, client, number, field, kind, body):
    check = checksum((1 << 40) + (number << 32) + client, encode(kind, body))
    head = "protocol: 1\n" + (f"client: {client}\n" if client else "") + f"check: {check}\n"
    write(name, "Request", head + field + " {\n" + indent(body) + "}\n")


def reply(name, number, field, kind, body):
    check = checksum(number << 32, encode(kind, body))
    write(name, "Reply", f"check: {check}\n" + field + " {\n" + indent(body) + "}\n")


REPORT = f"""round: 7
model: "{HASH}"
examples: 600
metrics {{
  examples: 3000
  correct: 2891
  loss_q20: -123456789
}}
"""
TASK = f"""round: 7
dim: 1663370
model: "{HASH}"
epochs: 5
batch_size: 10
learning_rate: 0.215
momentum: 0.9
weight_decay: 0.0001
proximal_mu: 0.01
seed: 1234605616436508552
chain: "clip=1.5|weight=1000"
job: "keyboard@3"
"""
ANNOUNCE = f"""round: 7
model: "{HASH}"
examples: 600
job: "keyboard@3"
"""
request("check_in", 0, 4, "check_in", "CheckIn", "")
request("check_in_far", 2147483647, 4, "check_in", "CheckIn", 'job: "keyboard"\n')
request("report", 300, 5, "report", "Report",
        REPORT + 'job: "keyboard@3"\n' + "delta: 1.5\ndelta: -0.25\ndelta: 1e-20\n")
request("report_diverged", 300, 5, "report", "Report", REPORT + "failure: FAILURE_DIVERGED\n")
reply("task", 2, "task", "Task", TASK)
request("report_evaluated", 300, 5, "report", "Report", REPORT + "purpose: PURPOSE_EVALUATE\n")
reply("task_evaluate", 2, "task", "Task", TASK + "purpose: PURPOSE_EVALUATE\n")
reply("wait", 3, "wait", "Wait", "wait_ms: 150000\n")
reply("wait_paused", 3, "wait", "Wait", "wait_ms: 60000\nwhy: WHY_PAUSED\n")
reply("ack", 4, "ack", "Ack", "")
reply("done", 5, "done", "Done", "")
reply("done_stopped", 5, "done", "Done", "why: WHY_STOPPED\n")
reply("refused", 6, "refused", "Refused", "reason: REASON_NOT_FINITE\n")
reply("refused_protocol", 6, "refused", "Refused",
      "reason: REASON_PROTOCOL\nprotocol_lowest: 1\nprotocol_highest: 1\n")
request("announce", 300, 6, "announce", "Announce", ANNOUNCE)
reply("task_announce", 2, "task", "Task",
      TASK + "exchanges: EXCHANGE_ANNOUNCE\nexchanges: EXCHANGE_REPORT\n")
reply("proceed", 7, "proceed", "Proceed", "")
reply("task_method", 2, "task", "Task", TASK + "method: METHOD_QFEDAVG\nfairness_q: 2.5\n")
request("report_method", 300, 5, "report", "Report",
        REPORT + "method: METHOD_FEDDYN\ndelta: 1.5\ndelta: -0.25\ndelta: 1e-20\n")
reply("task_partial", 2, "task", "Task", TASK + "partial: true\n")

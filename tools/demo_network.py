#!/usr/bin/env python3
"""Federated training over a real network, on this machine alone: what `make demo-network` runs.

    tools/demo_network.py [FOLDER [JOB.yaml]]     build/release/choir, or the one that CHOIR names

A server, and ten devices, each a process of its own with the digits of one writer in a folder of its
own. Then the model is exported and evaluated, and compared with what `choir sim` makes of the same job:
they are equal, bit for bit, or this ends with 1. All that was started is ended, however this ends;
FOLDER, else the next runs/demo-network-N, stays, with every process' output beside what it wrote.
"""
import json
import os
import pathlib
import shlex
import signal
import struct
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
CHOIR = os.environ.get("CHOIR", str(ROOT / "build" / "release" / "choir"))
NAME = "demo-network"  # also of the job
DEVICES = 10
IMAGE_BYTES = 28 * 28
PATIENCE_S = 600  # for all of the training


class Demo:
    def __init__(self, folder, job):
        self.folder = folder
        self.job = job
        self.processes = []

    def show(self, *words):
        print("\n$ choir " + shlex.join(map(str, words)), flush=True)

    def start(self, log, *words):
        """Starts choir in the background, out of reach of the terminal's Ctrl-C; its output goes to a file."""
        with open(self.folder / log, "w", encoding="utf-8") as out:
            process = subprocess.Popen([CHOIR, *map(str, words)], cwd=self.folder, stdout=out,
                                       stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT,
                                       start_new_session=True)
        process.log = log
        self.processes.append(process)
        return process

    def run(self, *words, shown=True):
        """Runs choir to its end; returns what it printed."""
        if shown:
            self.show(*words)
        ran = subprocess.run([CHOIR, *map(str, words)], cwd=self.folder, text=True, check=False,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=PATIENCE_S)
        if shown:
            print(ran.stdout, end="", flush=True)
        if ran.returncode != 0:
            raise SystemExit(f"demo-network: choir {words[0]} ended with {ran.returncode}")
        return ran.stdout

    def check_runs(self, process):
        if process.poll() not in (None, 0):
            said = (self.folder / process.log).read_text(encoding="utf-8")
            raise SystemExit(f"demo-network: {process.log} ended with {process.returncode}:\n{said}")

    def end(self):
        """Ends what runs: the devices, which may be killed at any time, and then the server."""
        first, others = self.processes[:1], self.processes[1:]
        for group, patience_s in ((others, 2), (first, 20)):
            for process in group:
                if process.poll() is None:
                    process.terminate()
            end = time.monotonic() + patience_s
            for process in group:
                try:
                    process.wait(timeout=max(end - time.monotonic(), 0.01))
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def idx_read(path):
    """The sizes and the elements of an IDX file: docs/dataset.md."""
    data = path.read_bytes()
    rank = data[3]
    return struct.unpack_from(f">{rank}I", data, 4), data[4 + 4 * rank:]


def idx_write(path, sizes, elements):
    path.write_bytes(struct.pack(f">BBBB{len(sizes)}I", 0, 0, 8, len(sizes), *sizes) + elements)


def deal_out(folder, out):
    """
    Gives every writer's digits a folder, out/0, out/1, ...; returns how many each has. A folder of
    IDX files is read with a test set, so each has the common one too; no device trains on it.
    """
    _, images = idx_read(folder / "train-images-idx3-ubyte")
    _, labels = idx_read(folder / "train-labels-idx1-ubyte")
    (count, columns), facts = idx_read(folder / "qmnist-train-labels-idx2-int")
    writers = struct.unpack(f">{count * columns}i", facts)[2::columns]
    counts = []
    for writer in sorted(set(writers)):
        own = [i for i in range(count) if writers[i] == writer]
        place = out / str(len(counts))
        place.mkdir(parents=True)
        idx_write(place / "train-images-idx3-ubyte", (len(own), 28, 28),
                  b"".join(images[i * IMAGE_BYTES:(i + 1) * IMAGE_BYTES] for i in own))
        idx_write(place / "train-labels-idx1-ubyte", (len(own),), bytes(labels[i] for i in own))
        for test in folder.glob("t10k-*"):
            os.link(test, place / test.name)
        counts.append(len(own))
    return counts


def serve(demo):
    demo.show("serve", "--dir", "server", "--port", 0)
    server = demo.start("server.log", "serve", "--dir", "server", "--port", 0)
    log = demo.folder / server.log
    end = time.monotonic() + 60
    while "\njobs " not in log.read_text(encoding="utf-8"):
        demo.check_runs(server)
        if server.poll() is not None or time.monotonic() > end:
            raise SystemExit(f"demo-network: the server does not start; see {log}")
        time.sleep(0.05)
    print(log.read_text(encoding="utf-8").split("\n", 1)[0])
    return server


def train(demo, server):
    words = ("watch", NAME, "--admin", "server/admin.json")
    demo.show(*words)
    watching = subprocess.Popen([CHOIR, *words], cwd=demo.folder, stdin=subprocess.DEVNULL)
    watching.log = "watch"
    demo.processes.append(watching)
    end = time.monotonic() + PATIENCE_S
    while watching.poll() is None:
        for process in demo.processes:
            demo.check_runs(process)
        if server.poll() is not None or time.monotonic() > end:
            raise SystemExit("demo-network: the training does not come to its end")
        time.sleep(0.1)
    if watching.returncode != 0:
        raise SystemExit(f"demo-network: choir watch ended with {watching.returncode}")


def demonstrate(demo):
    job = demo.job
    demo.run("data", "export", job, "digits")
    counts = deal_out(demo.folder / "digits", demo.folder / "data")
    if len(counts) != DEVICES:
        raise SystemExit(f"demo-network: {len(counts)} writers, not {DEVICES}")
    print(f"dealt out: {len(counts)} folders, data/0 to data/{len(counts) - 1}, "
          f"of {min(counts)} to {max(counts)} digits, one writer each")
    server = serve(demo)
    demo.run("host", job, "--admin", "server/admin.json")
    join = ("join", "server/join.json", "--job", NAME, "--client")
    demo.show(*join, 0, "--data", "data/0", "--state", "device-0")
    print(f"and so on: {DEVICES} processes")
    for k in range(DEVICES):
        demo.start(f"device-{k}.log", *join, k, "--data", f"data/{k}", "--state", f"device-{k}")
    train(demo, server)
    exported = demo.run("export", NAME, "--admin", "server/admin.json", "--out", "model.safetensors")
    demo.run("eval", "model.safetensors", "--job", job)
    demo.show("sim", job, "--quiet", "--json", "--no-report", "--run-dir", "simulated")
    simulated = json.loads(demo.run("sim", job, "--quiet", "--json", "--no-report", "--run-dir",
                                    "simulated", shown=False).splitlines()[-1])["model_hash"]
    hash_ = exported.split()[0]
    print(f"network     {hash_}\nsimulation  {simulated}")
    print("the same model, bit for bit" if hash_ == simulated else "demo-network: the models DIFFER")
    return 0 if hash_ == simulated else 1


def next_folder():
    n = 1
    while (ROOT / "runs" / f"{NAME}-{n}").exists():
        n += 1
    return ROOT / "runs" / f"{NAME}-{n}"


def main():
    folder = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else next_folder()
    job = sys.argv[2] if len(sys.argv) > 2 else ROOT / "experiments" / "demo-network.yaml"
    try:
        folder.mkdir(parents=True, mode=0o700)  # the server's key is in it
    except FileExistsError:
        return f"demo-network: {folder} is there already; give another folder, or remove it"
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda number, frame: sys.exit(128 + number))
    demo = Demo(folder, pathlib.Path(job).resolve())
    print(f"in {folder}")
    try:
        return demonstrate(demo)
    except KeyboardInterrupt:
        print("\ndemo-network: interrupted")
        return 130
    finally:
        demo.end()
        print(f"what it left: {folder}")


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""How much of a round is spent outside the kernels: reading, shuffling, messages, hashes, copies.

    python3 bench/outside.py build/release [--data DIR]

Samples `choir sim --workers 1` with perf, once with few rounds and once with many, and takes the
difference, so that reading the data, the one evaluation and the report cancel out. What is in
libchoir_math, the fold among it, is a kernel; all else is not, the C library and the system's own
time included. DIR holds MNIST; without it, the built-in digits take its place, 600 examples a
client. Needs perf (linux-perf).
"""
import argparse
import collections
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
FEW = 1

# name, job, rounds, extra settings
CASES = (
    ("2NN, E=1, B=10", "mnist-2nn-iid.yaml", 601),
    ("CNN, E=5, B=10", "mnist-cnn-iid.yaml", 5),
)


def kernel_symbols(build):
    archive = build / "src/math/libchoir_math.a"
    lines = subprocess.run(["nm", str(archive)], capture_output=True, text=True, check=True).stdout
    return {line.split()[2] for line in lines.splitlines() if line[17:18] in ("t", "T")}


def samples(build, job, rounds, data, folder):
    """{symbol: samples} of a run."""
    record = folder / "perf.data"
    command = [str(build / "choir"), "sim", str(ROOT / "experiments" / job), "--workers", "1",
               "--quiet", "--no-report", "--run-dir", str(folder / f"run-{rounds}"),
               "--set", f"server.rounds={rounds}", "--set", "server.target_accuracy=0",
               "--set", f"evaluate_every={rounds}", *data]
    subprocess.run(["perf", "record", "-q", "-e", "cpu-clock", "-F", "1999", "-o", str(record),
                    "--", *command], check=True, timeout=1800)
    script = subprocess.run(["perf", "script", "-i", str(record), "-F", "ip,sym"],
                            capture_output=True, text=True, check=True).stdout
    rows = (line.split(maxsplit=1) for line in script.splitlines())
    return collections.Counter(row[1].strip() for row in rows if len(row) == 2)


def measure(build, job, rounds, data, kernels):
    with tempfile.TemporaryDirectory() as folder:
        many = samples(build, job, rounds, data, pathlib.Path(folder))
        few = samples(build, job, FEW, data, pathlib.Path(folder))
    many.subtract(few)
    every = sum(many.values())
    outside = collections.Counter({s: n for s, n in many.items() if s not in kernels})
    return every, outside


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("build", type=pathlib.Path)
    arguments.add_argument("--data", help="a folder with the four files of MNIST")
    options = arguments.parse_args()
    if shutil.which("perf") is None:
        sys.exit("outside.py: perf is not installed (package linux-perf)")
    data = ["--set", f"data.source={options.data}"] if options.data else [
        "--set", "data.source=digits", "--set", "data.partition=iid"]
    kernels = kernel_symbols(options.build)
    print("| round of | samples | outside kernels | most of it |\n|---|---|---|---|")
    for name, job, rounds in CASES:
        every, outside = measure(options.build, job, rounds, data, kernels)
        share = 100 * sum(outside.values()) / every
        most = ", ".join(f"{s} {100 * n / every:.1f} %" for s, n in outside.most_common(4))
        print(f"| {name} | {every} | {share:.1f} % | {most} |", flush=True)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Runs every benchmark and prints their tables: machine and versions first.

    python3 bench/run.py build/release        (make bench)

The PyTorch peer runs when /usr/bin/python3 has torch; it is interleaved with our side, five rounds,
and the ratio is that of the medians. oneDNN is a peer of cnn_bench when libdnnl-dev is installed.
"""
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROUNDS = 5


def text(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        return done.stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def cpu():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def torch_steps():
    """{(model, batch): microseconds of eager PyTorch}, or nothing when it is not installed."""
    out = text("/usr/bin/python3", str(ROOT / "bench/torch_peer.py"), "--modes", "eager",
               "--seconds", "1.5")
    rows = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    return {(row["model"], row["batch"]): row["median_us"] for row in rows}


def our_steps(build):
    """The same of our engine: its lines are 'MODEL B MICROSECONDS'."""
    out = text(str(build / "bench/step_bench"))
    rows = [line.split() for line in out.splitlines()]
    return {(row[0], int(row[1])): float(row[2]) for row in rows if len(row) == 3}


def compare(build):
    ours, theirs = {}, {}
    for _ in range(ROUNDS):
        for into, steps in ((ours, our_steps(build)), (theirs, torch_steps())):
            for case, us in steps.items():
                into.setdefault(case, []).append(us)
    print("| model | B | ours, us a step | PyTorch eager, us | ratio |\n|---|---|---|---|---|")
    for case, times in sorted(ours.items()):
        peer = statistics.median(theirs[case]) if case in theirs else float("nan")
        us = statistics.median(times)
        print(f"| {case[0]} | {case[1]} | {us:.0f} | {peer:.0f} | {peer / us:.1f} |")


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    print(f"{cpu()}, {os.cpu_count()} cores; {text('cc', '--version').splitlines()[0]}; "
          f"{text(str(build / 'choir'), 'version')}")
    programs = sorted((build / "bench").glob("*_bench"))
    for program in (p for p in programs if p.name != "step_bench"):
        print(f"\n## {program.name}\n", flush=True)
        subprocess.run([program], check=True, timeout=1200)
    print("\n## local SGD beside PyTorch, one core, interleaved\n", flush=True)
    compare(build)


if __name__ == "__main__":
    main()

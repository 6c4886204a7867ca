#!/usr/bin/env python3
"""Runs every benchmark and prints their tables: machine and versions first.

    python3 bench/run.py build/release [--data DIR] [--torch PYTHON] [--only PART,...]   (make bench)
    python3 bench/run.py build/release --only load [--load check-ins,waiting,uploads,round,memory]
    CHOIR_KILLS=10000 python3 bench/run.py build/release --only kills       in pieces of CHOIR_MINUTES

Whatever is compared is measured in turn, several times, and the ratio is that of the medians. DIR
holds the four files of MNIST; without it, parts that train use the built-in digits. The PyTorch peer
runs when /usr/bin/python3 has torch; PYTHON is a second interpreter, with a current PyTorch, that is
measured beside it. oneDNN is a peer of cnn_bench when libdnnl-dev is installed; perf (linux-perf) is
needed to tell what is spent outside the kernels. Parts: engine, cnn, fold, sim, store, torch,
workers, million, outside, load, kills. Of load, --load chooses, and --clients says how many where that is
10,000.
"""
import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

import kills
import load
from serving import Failed, memory_of

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROUNDS = 5
SYSTEM_PYTHON = "/usr/bin/python3"
MODES = "eager,foreach,compile"


def peak_of(process):
    """The most memory that a process has had when it ends, in bytes. What the system says of a child
    that has ended will not do: it counts the interpreter that started it."""
    peak = 0
    while process.poll() is None:
        peak = memory_of(process.pid, "VmHWM") or peak
        time.sleep(0.01)
    return peak


def run(*command, cores=None, peaks=None):
    """The standard output of a command that must succeed, on the cores given; else on any. Appends the
    most memory that it had to peaks, if given: then its output must fit into a pipe."""
    words = ["taskset", "-c", ",".join(map(str, cores)), *command] if cores else command
    with subprocess.Popen([str(c) for c in words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as process:
        try:
            if peaks is not None:
                peaks.append(peak_of(process))
            out, log = process.communicate(timeout=3600)
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        last = (log.strip().splitlines() or ["no message"])[-1]
        raise Failed(f"{' '.join(map(str, command))}: exit {process.returncode}: {last}")
    return out


def cpu():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def torch_version(python):
    """Of the PyTorch that an interpreter has; None when it has none."""
    done = subprocess.run([python, "-c", "import torch; print(torch.__version__)"],
                          capture_output=True, text=True, timeout=120, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def know_blas():
    """Has the system's OpenBLAS use what this CPU has: one newer than itself it takes for a Prescott,
    and is then two to four times slower than the peer it is meant to be."""
    asked = subprocess.run([SYSTEM_PYTHON, "-c", "import torch; torch.rand(9, 9) @ torch.rand(9, 9)"],
                           capture_output=True, text=True, timeout=120, check=False,
                           env={**os.environ, "OPENBLAS_VERBOSE": "2"})
    flags = pathlib.Path("/proc/cpuinfo").read_text().split()
    if "Core: Prescott" in asked.stdout + asked.stderr:
        for flag, core in (("avx512_bf16", "Cooperlake"), ("avx512vl", "SkylakeX"), ("avx2", "Haswell")):
            if flag in flags:
                os.environ.setdefault("OPENBLAS_CORETYPE", core)
                return


# ----- parts ---------------------------------------------------------------------------------------


def engine(options):
    images = options.data / "train-images-idx3-ubyte.gz" if options.data else None
    extra = ["--images", images] if images else []
    print(run(options.build / "bench/engine_bench", "--seconds", "0.2", *extra))


def cnn(options):
    print(run(options.build / "bench/cnn_bench", "--seconds", "1"))


def fold(options):
    print(run(options.build / "bench/fold_bench"))


def sim(options):
    print(run(options.build / "bench/sim_bench"))


def store(options):
    with tempfile.TemporaryDirectory(dir=options.build) as folder:  # on a disk, where /tmp may be none
        print(run(options.build / "bench/store_bench", folder))


def our_steps(build):
    """{(model, batch): microseconds}: the lines are 'MODEL B MICROSECONDS'."""
    rows = [line.split() for line in run(build / "bench/step_bench").splitlines()]
    return {(row[0], int(row[1])): float(row[2]) for row in rows}


def torch_steps(python, modes):
    """{(model, batch, mode): microseconds}."""
    out = run(python, ROOT / "bench/torch_peer.py", "--modes", modes, "--seconds", "1.5")
    rows = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    return {(row["model"], row["batch"], row["mode"]): row["median_us"] for row in rows}


def torch(options):
    know_blas()
    system, current = torch_version(SYSTEM_PYTHON), None
    if options.torch:
        current = torch_version(options.torch)
        if current is None:
            raise Failed(f"--torch {options.torch}: that interpreter has no torch")
    ours, eager, others = {}, {}, {}
    for _ in range(ROUNDS):
        for case, us in our_steps(options.build).items():
            ours.setdefault(case, []).append(us)
        if system:
            for (model, batch, _), us in torch_steps(SYSTEM_PYTHON, "eager").items():
                eager.setdefault((model, batch), []).append(us)
        if current:
            for (model, batch, mode), us in torch_steps(options.torch, MODES).items():
                others.setdefault((model, batch), {}).setdefault(mode, []).append(us)
    print(f"| model | B | ours, us a step | PyTorch {system} eager | ratio "
          f"| fastest of PyTorch {current} | ratio |\n|---|---|---|---|---|---|---|")
    for case, times in sorted(ours.items()):
        us = statistics.median(times)
        row = [case[0], str(case[1]), f"{us:.1f}"]
        peer = statistics.median(eager[case]) if case in eager else None
        row += [f"{peer:.0f}", f"{peer / us:.2f}"] if peer else ["not installed", ""]
        modes = {mode: statistics.median(t) for mode, t in others.get(case, {}).items()}
        best = min(modes, key=modes.get, default=None)
        row += [f"{modes[best]:.0f} ({best})", f"{modes[best] / us:.2f}"] if best else ["not given", ""]
        print("| " + " | ".join(row) + " |")


def train(options, folder, job, *settings, workers=2, cores=None, peaks=None):
    """The result of a job: choir's JSON object."""
    sets = [word for setting in settings for word in ("--set", setting)]
    out = run(options.build / "choir", "sim", ROOT / "experiments" / job, "--json", "--quiet",
              "--no-report", "--workers", workers, "--run-dir", tempfile.mkdtemp(dir=folder) + "/run",
              *sets, cores=cores, peaks=peaks)
    return json.loads(out.splitlines()[-1])


def source(options):
    if options.data:
        return (f"data.source={options.data}",)
    return ("data.source=digits", "data.partition=iid")


def workers(options):
    """Rounds of training, evaluation excluded, with one worker on each of two cores, and with two.

    Cores of a rented machine are not equally fast, nor for long. Two that share the work perfectly
    take the harmonic mean of what each takes alone, halved: that mean is what two are compared with.
    """
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        raise Failed("workers: there is one core, and two are compared")
    cases = (("2NN, E=1, B=10, 60 rounds", "mnist-2nn-iid.yaml", 60, ()),
             ("2NN, 50 clients a round, 12 rounds", "mnist-2nn-iid.yaml", 12, ("server.sample_rate=0.5",)),
             ("CNN, E=5, B=10, 1 round", "mnist-cnn-iid.yaml", 1, ()))
    print("| rounds of | one worker on either core, s | two, s | ratio |\n|---|---|---|---|")
    for name, job, rounds, settings in cases:
        seconds = {(core,): [] for core in cores} | {tuple(cores): []}
        for _ in range(ROUNDS):
            for where, into in seconds.items():
                with tempfile.TemporaryDirectory() as folder:
                    result = train(options, folder, job, f"server.rounds={rounds}",
                                   "server.target_accuracy=0", f"evaluate_every={rounds}", *settings,
                                   *source(options), workers=len(where), cores=where)
                    into.append(result["seconds"])
        *alone, two = (statistics.median(times) for times in seconds.values())
        print(f"| {name} | {alone[0]:.2f}, {alone[1]:.2f} | {two:.2f} "
              f"| {statistics.harmonic_mean(alone) / two:.2f} |", flush=True)


def million(options):
    """A round's time and the process's memory; a small population's examples are kept in memory."""
    print("| clients | their examples | a round | rounds | ms a round | peak MB |\n"
          "|---|---|---|---|---|---|")
    for clients, kept in ((1000000, "drawn when needed"), (100000, "drawn when needed"),
                          (10000, "kept")):
        rounds, peaks = [], []
        for _ in range(ROUNDS):
            with tempfile.TemporaryDirectory() as folder:
                result = train(options, folder, "million.yaml", f"data.clients={clients}",
                               f"server.sample_rate={1000 / clients}", "evaluate_every=20", peaks=peaks)
                rounds.append(1e3 * result["seconds"] / result["rounds"])
        print(f"| {clients} | {kept} | 1000 | {result['rounds']} | {statistics.median(rounds):.0f} "
              f"| {max(peaks) / 2**20:.1f} |", flush=True)


def outside(options):
    data = ["--data", options.data] if options.data else []
    print(run(sys.executable, ROOT / "bench/outside.py", options.build, *data))


# In this order, whatever --only says.
PARTS = {
    "million": ("a million clients", million),
    "engine": ("local SGD of the 2NN on one core, beside the core's multiply-add peak", engine),
    "cnn": ("local SGD of the CNN on one core", cnn),
    "torch": ("local SGD beside PyTorch, one core", torch),
    "workers": ("one worker and two", workers),
    "outside": ("what of a round is spent outside the kernels, one worker", outside),
    "fold": ("folding updates, one core", fold),
    "sim": ("rounds whose training costs nothing", sim),
    "store": ("group commits of a server's store, durable", store),
    "load": ("a server under load: choir swarm, over loopback", load.load),
    "kills": ("a server that is killed again and again", kills.kills),
}


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("build", type=lambda path: pathlib.Path(path).resolve())
    arguments.add_argument("--data", type=lambda path: pathlib.Path(path).resolve())
    arguments.add_argument("--torch", help="an interpreter with a current PyTorch")
    arguments.add_argument("--only", help="parts, with commas between")
    arguments.add_argument("--load", help="parts of load, with commas between")
    arguments.add_argument("--clients", type=int, help="of load's large parts, instead of 10000")
    options = arguments.parse_args()
    chosen = options.only.split(",") if options.only else list(PARTS)
    for part in chosen:
        if part not in PARTS:
            arguments.error(f"--only: '{part}' is not one of {', '.join(PARTS)}")
    for part in options.load.split(",") if options.load else ():
        if part not in load.PARTS:
            arguments.error(f"--load: '{part}' is not one of {', '.join(load.PARTS)}")
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    print(f"{cpu()}, {os.cpu_count()} cores; {run('cc', '--version').splitlines()[0]}; "
          f"{run(options.build / 'choir', 'version').strip()}")
    failed = False
    for part in (name for name in PARTS if name in chosen):
        title, measure = PARTS[part]
        print(f"\n## {title}\n", flush=True)
        try:
            measure(options)
        except Failed as why:
            failed = True
            print(f"failed: {why}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

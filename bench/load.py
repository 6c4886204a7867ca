"""What a server takes: check-ins, waiting connections, uploads, a large round, and its memory. See run.py.

The server has the first core and the swarm the second. Rates say as much of the swarm as of the
server where both are busy; processor time is the server's own.
"""
import signal
import subprocess
import time

from serving import MEMORY_DIR, Failed, connections_allowed, has_memory, serving

WAITING = 10000
PATIENCE_S = 30
JOB = """
name: load
model: %s
data: {source: %s, clients: %d, examples: 1}
server: {sample_rate: %g, rounds: %d, deadline: 3600}
"""
GIB = 1 << 30
UPLOAD_BYTES = 4 * 1663370
UPLOADERS = 16  # reports on their way at a time


def small(clients, sample_rate=1.0, rounds=2):
    """A job of 610 parameters."""
    return JOB % ("softmax", "synthetic", clients, sample_rate, rounds)


def mnist(model, clients, rounds=2):
    """A job of one of the paper's models, whose data nobody looks at."""
    return JOB % (model, "digits, partition: natural", clients, 1, rounds)


def check_ins(options):
    """Each client asks and is told that there is nothing; the one that has a task leaves it alone."""
    print("| check-ins | connections | a second | server us each | p50 ms | p99 ms | max ms |\n"
          "|---|---|---|---|---|---|---|")
    for plain, name in ((True, "plain"), (False, "TLS")):
        with serving(options.choir, options.memory, small(2000, 0.0005), plain) as server:
            server.swarm(2000, "--load", "check-ins", "--time", 1, "--connections", 64)
            for connections in (1, 64, 512):
                swarm = server.swarm_start(2000, "--load", "check-ins", "--time", 5, "--connections",
                                           connections)
                time.sleep(1)
                before, start = server.cpu_s(), time.monotonic()
                time.sleep(2.5)
                busy = (server.cpu_s() - before) / (time.monotonic() - start)
                calls = server.swarm_end(swarm)["calls"]["check-in"]
                each = 1e6 * busy / calls["per_second"] if calls["per_second"] else float("nan")
                print(f"| {name} | {connections} | {calls['per_second']:.0f} | {each:.0f} | "
                      f"{calls['p50_ms']:.2f} | {calls['p99_ms']:.2f} | {calls['max_ms']:.1f} |", flush=True)


def waiting(options):
    """Memory of a server while so many check-ins wait: first of new connections, then again after every
    connection has had an answer, because libmicrohttpd then has touched all that it may use."""
    print("| waiting | connections | server KB each | after the second check-in |\n|---|---|---|---|")
    wanted = connections_allowed(options.clients or WAITING)
    for plain, name in ((True, "plain"), (False, "TLS")):
        with serving(options.choir, options.memory, small(wanted, 1.0 / wanted), plain) as server:
            server.swarm(wanted, "--load", "check-ins", "--time", 1, "--connections", 64)
            before, files = server.memory(), server.files()
            swarm = server.swarm_start(wanted, "--load", "waits", "--patience", PATIENCE_S,
                                       "--time", 3600)
            server.wait(lambda: server.files() >= files + wanted - 5, swarm, f"{wanted} connections")
            time.sleep(3)
            first = (server.memory() - before) / wanted / 1024
            time.sleep(PATIENCE_S + 10)  # all have been answered once
            second = (server.memory() - before) / wanted / 1024
            open_now = server.files() - files
            swarm.send_signal(signal.SIGINT)
            server.swarm_end(swarm)
            print(f"| {name} | {open_now} | {first:.1f} | {second:.1f} |", flush=True)


def ceiling(options):
    """Messages a second that loopback carries, the best of its lines."""
    done = subprocess.run([str(options.build / "bench/loopback_bench"), "3"], capture_output=True,
                          text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise Failed(f"loopback_bench: exit {done.returncode}: {done.stderr.strip()}")
    return max(float(line.split()[1]) for line in done.stdout.splitlines())


def upload_row(options, what, place, load, most):
    with serving(options.choir, place, mnist("mnist-cnn", 3000)) as server:
        swarm = server.swarm_start(3000, "--cache", "--connections", UPLOADERS, "--updates", UPLOADERS,
                                   "--load", load, "--time", 15)
        before = server.cpu_s()
        said = server.swarm_end(swarm)
        cpu = server.cpu_s() - before
        calls = said["calls"]["report"]
        rate = calls["answered"] / said["seconds"]
        each = 1e3 * cpu / max(calls["answered"], 1)
        print(f"| {what} | {rate:.0f} | {100 * rate / most:.0f} % | {each:.1f} | {calls['p50_ms']:.1f} | "
              f"{calls['p99_ms']:.1f} |", flush=True)


def uploads(options):
    """Reports of the CNN's size: counted, with the answer when it is on the disk; and dropped: the same
    report again, which the server receives, checks and knows."""
    most = ceiling(options)
    print(f"loopback alone carries {most:.0f} messages of {UPLOAD_BYTES / 1e6:.2f} MB a second\n\n"
          "| uploads of 6.65 MB | a second | of loopback | server ms each | p50 ms | p99 ms |\n"
          "|---|---|---|---|---|---|")
    upload_row(options, "counted, on the disk", options.build, "rounds", most)
    if has_memory(2 * GIB):
        upload_row(options, "counted, store in memory", MEMORY_DIR, "rounds", most)
    else:
        print(f"| counted, store in memory | {MEMORY_DIR} has no 2 GiB | | | | |")
    upload_row(options, "dropped: a repetition", options.build, "resends", most)


def finished(server, swarm):
    server.wait(lambda: server.job()["round"] >= 1, swarm, "the round has closed")


def round_of_many(options):
    clients = options.clients or WAITING
    print("| clients | parameters | round, s | uploads a second | server s | server peak MB |\n"
          "|---|---|---|---|---|---|")
    with serving(options.choir, options.build, mnist("mnist-2nn", clients)) as server:
        server.swarm(clients, "--load", "check-ins", "--time", 1, "--connections", 64)
        swarm_words = ("--connections", 64, "--updates", 64)
        before = server.cpu_s()
        swarm = server.swarm_start(clients, *swarm_words)
        finished(server, swarm)
        cpu = server.cpu_s() - before
        swarm.send_signal(signal.SIGINT)
        said = server.swarm_end(swarm)
        seconds = said["last_ack_seconds"]
        print(f"| {clients} | 199,210 | {seconds:.1f} | {said['answers']['acks'] / seconds:.0f} | {cpu:.1f} | "
              f"{server.memory('VmHWM') / 1e6:.0f} |", flush=True)


def memory(options):
    """One round of so many clients over 64 connections: what grows with them is the roster and the
    round's book."""
    print("| clients of one job | server MB, idle | after a round | peak | bytes a client |\n|---|---|---|---|---|")
    first = None
    for clients in (1000, 5000, 10000):
        with serving(options.choir, options.memory, small(clients)) as server:
            idle = server.memory()
            swarm = server.swarm_start(clients, "--connections", 64)
            finished(server, swarm)
            swarm.send_signal(signal.SIGINT)
            server.swarm_end(swarm)
            after = server.memory()
            first = first or (clients, after)
            each = (after - first[1]) / (clients - first[0]) if clients > first[0] else 0
            print(f"| {clients} | {idle / 1e6:.1f} | {after / 1e6:.1f} | {server.memory('VmHWM') / 1e6:.1f} | "
                  f"{each:.0f} |", flush=True)


PARTS = {"check-ins": check_ins, "waiting": waiting, "uploads": uploads, "round": round_of_many,
         "memory": memory}


def load(options):
    """All parts, or those that --load names; one that fails does not keep the others from being measured."""
    options.choir = options.build / "choir"
    options.memory = MEMORY_DIR if has_memory(GIB) else options.build
    chosen = options.load.split(",") if options.load else list(PARTS)
    failed = []
    for name in chosen:
        try:
            PARTS[name](options)
        except (Failed, OSError, subprocess.SubprocessError) as why:
            failed.append(f"{name}: {why}")
            print(f"| failed: {why} |", flush=True)
        print(flush=True)
    if failed:
        raise Failed("; ".join(failed))

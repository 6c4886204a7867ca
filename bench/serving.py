"""A server and a swarm as processes of their own, each on a core of its own, for the benchmarks beside this file."""
import contextlib
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request

HURRY_S = 170  # the longest that any one step may take
MEMORY_DIR = pathlib.Path("/dev/shm")  # a file system in memory
RESERVE = 200  # open files beside connections


class Failed(Exception):
    """A program of the benchmark did not do its work."""


def on_core(core):
    """To be run by a child before it begins: one core for it, where there are two, and open files as
    many as the system allows."""
    def prepare():
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) > 1:
            os.sched_setaffinity(0, {cores[core]})
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return prepare


def connections_allowed(wanted):
    """As many of the connections that are wanted as open files allow; says so when these are fewer."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most == resource.RLIM_INFINITY or most >= wanted + RESERVE:
        return wanted
    print(f"(the system allows {most} open files, so {most - RESERVE} connections and not {wanted}: "
          "raise ulimit -Hn)\n")
    return most - RESERVE


def has_memory(bytes_needed):
    """Whether the file system in memory is there and has so much room."""
    return MEMORY_DIR.is_dir() and shutil.disk_usage(MEMORY_DIR).free > bytes_needed


def memory_of(pid, row):
    """Bytes of a row of a process's status; None when it has ended."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(row + ":"):
            return 1024 * int(line.split()[1])
    return None


def last_line(text):
    return (text.strip().splitlines() or ["no message"])[-1]


class Server:
    """A server in a folder of its own, with one job; on the first core."""

    def __init__(self, choir, folder, job, plain=True):
        self.choir, self.folder = choir, pathlib.Path(folder)
        self.store = self.folder / "server"
        self.swarms = []
        self.log = open(self.folder / "server.log", "w+")
        words = ["serve", "--dir", self.store, "--port", 0, "--quiet", "--no-sums", "--join-rate", 0,
                 "--exchange-rate", 0]
        self.process = subprocess.Popen([str(w) for w in (choir, *words, *(["--plain"] if plain else []))],
                                        stdout=subprocess.PIPE, stderr=self.log, text=True,
                                        preexec_fn=on_core(0))
        line = self.process.stdout.readline()
        if not line.startswith("serving"):
            raise Failed(f"choir serve did not start: {last_line(pathlib.Path(self.log.name).read_text())}")
        self.url = line.split()[1]
        (self.folder / "job.yaml").write_text(job)
        self.name = job.split("name: ", 1)[1].split()[0]
        self.run("host", self.folder / "job.yaml", "--admin", self.store / "admin.json")

    def run(self, *words):
        done = subprocess.run([str(w) for w in (self.choir, *words)], capture_output=True, text=True,
                              timeout=HURRY_S, check=False)
        if done.returncode != 0:
            raise Failed(f"choir {words[0]}: exit {done.returncode}: {last_line(done.stderr)}")
        return done.stdout

    def swarm_start(self, clients, *words):
        """A swarm on the second core, once all have joined; it says what there was when it ends or is
        interrupted."""
        swarm = subprocess.Popen([str(w) for w in (self.choir, "swarm", self.store / "join.json", "--job",
                                                   self.name, "--clients", clients, "--trainer", "made",
                                                   "--state", self.folder / "swarm", "--json", *words)],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                 preexec_fn=on_core(1))
        self.swarms.append(swarm)
        end, line = time.monotonic() + HURRY_S, ""
        while not line.startswith(f"joined {clients} in "):
            before, line = line, swarm.stderr.readline()
            if line == "":
                raise Failed(f"choir swarm: {before.strip() or 'ended before it said anything'}")
            if time.monotonic() > end:
                raise Failed(f"not in {HURRY_S} s: {clients} clients have joined; {before.strip()}")
        return swarm

    def swarm_end(self, swarm):
        """The figures of a swarm that ends by itself, or was told to."""
        try:
            out, log = swarm.communicate(timeout=HURRY_S)
        except subprocess.TimeoutExpired:
            raise Failed(f"choir swarm did not end in {HURRY_S} s") from None
        if swarm.returncode != 0:
            raise Failed(f"choir swarm: exit {swarm.returncode}: {last_line(log)}")
        return json.loads(out)

    def swarm(self, clients, *words):
        return self.swarm_end(self.swarm_start(clients, *words))

    def wait(self, is_there, swarm, what):
        """Until is_there() says so. The swarm must go on meanwhile."""
        end = time.monotonic() + HURRY_S
        while not is_there():
            if swarm.poll() is not None:
                raise Failed(f"choir swarm ended before this: {what}; {last_line(swarm.stderr.read())}")
            if time.monotonic() > end:
                raise Failed(f"not in {HURRY_S} s: {what}")
            time.sleep(0.2)

    def job(self):
        """What the server says of its job."""
        key = json.loads((self.store / "admin.json").read_text())["key"]
        ask = urllib.request.Request(f"{self.url}/v1/admin/jobs/{self.name}",
                                     headers={"Authorization": f"Bearer {key}"})
        with urllib.request.urlopen(ask, timeout=60) as answer:
            return json.load(answer)

    def files(self):
        """Files and connections that its process has open."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def memory(self, row="VmRSS"):
        """Bytes of a row of the process's status."""
        found = memory_of(self.process.pid, row)
        if found is None:
            raise Failed(f"the system does not tell a process's {row}")
        return found

    def cpu_s(self):
        """Processor seconds that it has used."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self):
        for swarm in self.swarms:
            if swarm.poll() is None:
                swarm.kill()
                swarm.communicate()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()
        self.log.close()


@contextlib.contextmanager
def serving(choir, place, job, plain=True):
    """A server with a job whose store is somewhere in place; gone afterwards."""
    with tempfile.TemporaryDirectory(dir=place, prefix="choir-load-") as folder:
        server = Server(choir, folder, job, plain)
        try:
            yield server
        finally:
            server.end()

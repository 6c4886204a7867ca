#!/usr/bin/env python3
"""Runs packaging/choir.service as far as a machine can whose first process is not systemd, as root:

- systemd-analyze verifies it, and says how exposed it is;
- its ExecStart runs under its own settings: user, limits, read-only system, private /tmp and /dev, no homes, no
  capabilities, and the system calls, address families, namespaces and memory that it allows, by libseccomp; trains
  a job with four devices from outside, says when it is ready and when it stops, and ends in time.

Not held here: what the units need of cgroups, ProtectClock, ProtectHostname, RestrictRealtime, RestrictSUIDSGID.

    tools/check_service.py [CHOIR]     CHOIR: else build/release/choir
"""
import ctypes
import errno
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
USER = 61984  # of those that DynamicUser= gives
ALLOW, REFUSE = 0x7FFF0000, 0x00050000  # libseccomp's actions; the second with an errno
EQUAL, MASKED_EQUAL = 4, 7
NEW_NAMESPACES = 0x7E020080
WRITE, EXECUTE = 2, 4  # of memory
JOB = """
name: served
model: mnist-2nn
data: {source: digits, partition: natural, clients: 4, examples: 40, test_examples: 200}
client: {epochs: 2, batch_size: 10, learning_rate: 0.1}
server: {sample_rate: 0.5, rounds: 5}
"""
libc = ctypes.CDLL(None, use_errno=True)


def settings(text):
    """The unit's settings: each with the list of its values."""
    found = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def must(result, what):
    if result < 0:
        raise OSError(ctypes.get_errno(), what)


def mount(source, target, kind=None, flags=0, data=None):
    words = [None if word is None else str(word).encode() for word in (source, target, kind, data)]
    must(libc.mount(words[0], words[1], words[2], ctypes.c_ulong(flags), words[3]), f"mount {target}")


def mount_attributes(target, add=0, clear=0, recursive=False):
    attributes = (ctypes.c_uint64 * 4)(add, clear, 0, 0)
    must(libc.syscall(442, -100, str(target).encode(), 0x8000 if recursive else 0, attributes, 32), f"change {target}")


def files_restrict(choir, state):
    """A view of the files as the unit wants it; the server's folder is state."""
    must(libc.unshare(0x20000 | 0x8000000), "unshare")  # mounts and System V's things
    mount(None, "/", None, 0x4000 | 0x40000)  # nothing of this leaves
    held = {place: os.open(source, os.O_PATH)
            for place, source in (("/var/lib", state), ("/usr/local/bin", choir))}
    devices = {name: open(f"/dev/{name}", "rb") for name in ("null", "zero", "full", "random", "urandom")}
    for place in ("/tmp", "/var/tmp", "/home", "/root", "/var/lib", "/usr/local/bin", "/dev"):
        mount("tmpfs", place, "tmpfs", 2 | 4 if place not in ("/usr/local/bin", "/dev") else 2,
              "mode=1777" if "tmp" in place else "mode=755" if place in held or place == "/dev" else "mode=000")
        if place == "/var/lib":
            os.mkdir("/var/lib/choir")
            mount(f"/proc/self/fd/{held[place]}", "/var/lib/choir", None, 4096)
        elif place == "/usr/local/bin":
            shutil.copy(f"/proc/self/fd/{held[place]}", "/usr/local/bin/choir")
            os.chmod("/usr/local/bin/choir", 0o755)
    for name, device in devices.items():
        open(f"/dev/{name}", "w").close()
        mount(f"/proc/self/fd/{device.fileno()}", f"/dev/{name}", None, 4096)
    mount("proc", "/proc", "proc", 2 | 4 | 8, "hidepid=2")
    mount_attributes("/", add=1, recursive=True)
    for place in ("/var/lib/choir", "/tmp", "/var/tmp"):
        mount_attributes(place, clear=1)


def calls_of(sets):
    """The names of all system calls in sets such as @system-service."""
    found, left = set(), list(sets)
    while left:
        name = left.pop()
        if not name.startswith("@"):
            found.add(name)
            continue
        listed = subprocess.run(["systemd-analyze", "syscall-filter", name], check=True, capture_output=True, text=True)
        left += [line.strip() for line in listed.stdout.splitlines()[1:] if line.strip() and "#" not in line]
    return found


class Argument(ctypes.Structure):
    _fields_ = [("number", ctypes.c_uint), ("test", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


def filter_make(unit, calls):
    """libseccomp's filter for what the unit allows."""
    seccomp = ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(seccomp.seccomp_init(REFUSE | errno.EPERM))

    def rule(action, name, *arguments):
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:  # one of this machine
            result = seccomp.seccomp_rule_add_array(context, ctypes.c_uint32(action), number, len(arguments),
                                                    (Argument * max(len(arguments), 1))(*arguments))
            assert result == 0, (name, result)

    special = {"socket", "clone", "clone3", "unshare", "setns", "mmap", "mprotect", "pkey_mprotect", "personality"}
    for name in sorted(calls - special):
        rule(ALLOW, name)
    for family in unit["RestrictAddressFamilies"][0].split():
        rule(ALLOW, "socket", Argument(0, EQUAL, getattr(socket, family), 0))
    rule(ALLOW, "clone", Argument(0, MASKED_EQUAL, NEW_NAMESPACES, 0))
    rule(REFUSE | errno.ENOSYS, "clone3")  # whose arguments no filter sees: as systemd does
    rule(ALLOW, "mmap", Argument(2, MASKED_EQUAL, WRITE, 0))
    rule(ALLOW, "mmap", Argument(2, MASKED_EQUAL, WRITE | EXECUTE, WRITE))
    rule(ALLOW, "mprotect", Argument(2, MASKED_EQUAL, EXECUTE, 0))
    return lambda: must(-seccomp.seccomp_load(context), "seccomp")


def restrict(unit, choir, state, load):
    """What a child of ours does before it becomes the service."""
    files_restrict(choir, state)
    os.umask(int(unit["UMask"][0], 8))
    most = min(int(unit["LimitNOFILE"][0]), resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    for capability in range(64):
        libc.prctl(24, capability, 0, 0, 0)
    os.setgroups([])
    os.setgid(USER)
    os.setuid(USER)
    must(libc.prctl(38, 1, 0, 0, 0), "no new privileges")
    os.chdir("/")
    load()


def verify(text, choir, folder):
    assert not [line for line in text.splitlines() if line.endswith("\\")]
    copy = folder / "choir.service"
    copy.write_text("\n".join(line for line in text.replace("/usr/local/bin/choir", str(choir)).splitlines()
                              if not line.startswith("Documentation=")) + "\n")
    said = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True)
    assert (said.returncode, said.stderr.strip()) == (0, ""), said.stderr
    rated = subprocess.run(["systemd-analyze", "security", "--offline=true", copy], capture_output=True, text=True)
    print("systemd-analyze:", rated.stdout.strip().splitlines()[-1].lstrip("→ "))


def probe(unit, choir, state, load):
    """That the walls are there: each of these must fail, and what a server needs must not."""
    python = "/usr/bin/python3 -c "
    walls = ("touch /usr/x", "touch /var/x", "ls /root", "ls /home", "cat /dev/kmsg", "unshare -U true",
             "mount -t tmpfs x /tmp", python + "'import socket; socket.socket(16, 3, 0)'",
             python + "'import mmap; mmap.mmap(-1, 4096, prot=7)'")
    needed = ("touch /tmp/x", "touch /var/lib/choir/x", "rm /var/lib/choir/x",
              python + "'import mmap, socket; socket.socket(2, 1); mmap.mmap(-1, 4096, prot=3)'")
    for words, fails in [(wall, True) for wall in walls] + [(need, False) for need in needed]:
        done = subprocess.run(["/bin/sh", "-c", words], preexec_fn=lambda: restrict(unit, choir, state, load),
                              capture_output=True, text=True)
        assert (done.returncode != 0) == fails, (words, done)


def train(choir, folder, state, port):
    """A job by four devices outside; its model is the simulation's."""
    def run(*words):
        return subprocess.run([choir, *map(str, words)], cwd=folder, check=True, capture_output=True, text=True).stdout

    (folder / "job.yaml").write_text(JOB)
    run("host", "job.yaml", "--admin", state / "admin.json")
    devices = [subprocess.Popen([choir, "join", state / "join.json", "--job", "served", "--client", str(k)], cwd=folder,
                                stdout=subprocess.DEVNULL) for k in range(4)]
    assert [device.wait(timeout=120) for device in devices] == [0, 0, 0, 0]
    network = run("export", "served", "--admin", state / "admin.json").split()[0]
    simulation = json.loads(run("sim", "job.yaml", "--quiet", "--json", "--no-report").splitlines()[-1])["model_hash"]
    assert network == simulation, (network, simulation)
    print(f"network     {network}\nsimulation  {simulation}   at port {port}, user {USER}")


def main():
    choir = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build/release/choir").resolve()
    text = (ROOT / "packaging/choir.service").read_text()
    unit = settings(text)
    if os.geteuid() != 0:
        sys.exit("check_service: needs root, to be somebody else")
    with tempfile.TemporaryDirectory(prefix="choir-service-") as name:
        folder = pathlib.Path(name)
        state = folder / "state"
        state.mkdir(mode=int(unit["StateDirectoryMode"][0], 8))
        os.chown(state, USER, USER)
        verify(text, choir, folder)
        load = filter_make(unit, calls_of(unit["SystemCallFilter"][0].split()))
        probe(unit, choir, state, load)
        heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        heard.bind(f"\0choir-service-{os.getpid()}")
        heard.settimeout(30)
        with socket.create_server(("127.0.0.1", 0)) as chosen:
            port = chosen.getsockname()[1]
        words = unit["ExecStart"][0].replace("https://choir.example.org", f"http://127.0.0.1:{port}").split()
        with open(folder / "log", "w") as log:
            server = subprocess.Popen([*words, "--port", str(port)], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL, stderr=log,
                                      env={"NOTIFY_SOCKET": f"@choir-service-{os.getpid()}"},
                                      preexec_fn=lambda: restrict(unit, choir, state, load))
        try:
            assert heard.recv(100) == b"READY=1"
            train(choir, folder, state, port)
            begin = time.monotonic()
            server.send_signal(signal.SIGTERM)
            assert heard.recv(100) == b"STOPPING=1"
            assert server.wait(timeout=int(unit["TimeoutStopSec"][0])) == 0
            print(f"ended in {time.monotonic() - begin:.1f} s")
        finally:
            server.kill()
            server.wait()
        lines = (folder / "log").read_text().splitlines()
        assert lines and all(": info: " in line for line in lines), lines
        for path in state.iterdir():
            assert (path.stat().st_uid, path.stat().st_mode & 0o077) == (USER, 0), path
    print("check_service: the unit's server trains a job within its walls")


if __name__ == "__main__":
    main()

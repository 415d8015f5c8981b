"""Processes, their clocks, and the load on them.

CPU time is read from the clock that the kernel keeps for each process (what /proc/PID/stat shows as utime + stime, but in nanoseconds),
with all threads and child processes of a server, right before and after a load whose connections stand already."""
import contextlib
import ctypes
import errno
import fcntl
import json
import mmap
import os
import resource
import select
import signal
import socket
import stat
import struct
import subprocess
import sys
import time

PATIENCE = 30
FILES = 65536


class Failed(Exception):
    """A server did not do what was asked; the text stands in the table instead of a figure."""


def open_lock(path):
    """A file to be locked, made where there is none. It is only read, so that each user can lock what another one has made, and nothing
    is written to what somebody may have put in its place."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    while True:
        with contextlib.suppress(FileNotFoundError):
            f = os.open(path, flags)
            break
        with contextlib.suppress(FileExistsError):  # made meanwhile
            f = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o644)
            os.fchmod(f, 0o644)
            break
    if not stat.S_ISREG(os.fstat(f).st_mode):
        os.close(f)
        raise OSError(errno.EINVAL, "not a plain file", path)
    return f


class Machine:
    """Which processors serve and which load; where the programs of tests/bench lie; the lock of those who measure."""

    def __init__(self, programs, lock):
        self.programs = programs
        cpus = sorted(os.sched_getaffinity(0))
        self.serve, self.load = ([cpus[-1]], cpus[:-1][:2]) if len(cpus) > 1 else (cpus, cpus)
        self.both = cpus
        self.lock_path = lock
        self.locked = False
        self.waited = 0.0  # seconds, for the lock

    @contextlib.contextmanager
    def alone(self):
        """Nobody else who takes the same lock measures meanwhile. Within itself it does nothing."""
        if self.locked:
            yield
            return
        f = open_lock(self.lock_path)
        try:
            self.take(f)
            self.locked = True
            yield
        finally:
            self.locked = False
            os.close(f)

    def take(self, f):
        begin = time.monotonic()
        try:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not self.waited:  # said once
                print(f"waiting for {self.lock_path}, which another measurement holds", file=sys.stderr, flush=True)
            fcntl.flock(f, fcntl.LOCK_EX)
            self.waited += time.monotonic() - begin


LIBC = ctypes.CDLL(None)


def end_with_parent():
    LIBC.prctl(1, signal.SIGKILL)


def raise_limits():
    """Descriptors for thousands of connections, which all that is started inherits."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    for limit in (FILES, hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit, FILES), max(limit, hard)))
            return
        except (ValueError, OSError):
            pass


def max_connections():
    """What a server may be told."""
    return min(30000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] * 2 // 3)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def spawn(cpus, command, **options):
    """A process on these processors, with `began`: when it was about to execute the program. The copy of Python that it was until then,
    ten milliseconds of a large one, is none of the program's time."""
    with mmap.mmap(-1, 8) as shared:
        def prepare():
            end_with_parent()
            os.sched_setaffinity(0, cpus)
            struct.pack_into("d", shared, 0, time.monotonic())
        process = subprocess.Popen([*map(str, command)], text=True, preexec_fn=prepare, **options)
        process.began, = struct.unpack_from("d", shared, 0)
    return process


def pin(pids, cpus):
    """Puts every thread of these processes back to where it was started: Traffic Server spreads its own over the machine."""
    for pid in pids:
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{pid}/task"):
                os.sched_setaffinity(int(task), cpus)


def spread(pids, cpus):
    """Gives the threads of these processes to the processors in turn, in the order they were made: workers, which are made one after the
    other, each run on another one."""
    tasks = sorted(int(task) for pid in pids for task in os.listdir(f"/proc/{pid}/task"))
    for i, task in enumerate(tasks):
        os.sched_setaffinity(task, [cpus[i % len(cpus)]])


def family(pid):
    """A process and all that descend from it."""
    found = [pid]
    for parent in found:
        try:
            for task in os.listdir(f"/proc/{parent}/task"):
                with open(f"/proc/{parent}/task/{task}/children", encoding="ascii") as f:
                    found += map(int, f.read().split())
        except OSError:
            pass
    return found


def cpu_seconds(pids):
    total = 0.0
    for pid in pids:
        with contextlib.suppress(OSError):
            total += time.clock_gettime((~pid << 3) | 2)  # the CPU clock of that process: clock_getcpuclockid(3)
    return total


def resident_bytes(pids, programs=False):
    """Memory of these processes; what several of them share counts once. Without the pages of their programs' files, unless told so: those are
    no part of a cache, and a process's share of them gets smaller with each other process that runs the same libraries, by megabytes."""
    total, counted = 0, "Pss:" if programs else ("Pss_Anon:", "Pss_Shmem:")
    for pid in pids:
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
                total += sum(int(line.split()[1]) * 1024 for line in f if line.startswith(counted))
    return total


def kill(process, pids=()):
    """Ends a process and its family, by their ids, and waits for it. It is stopped first: nginx would start another one for each that it
    sees end, and that one would be left."""
    if process.poll() is None:
        os.kill(process.pid, signal.SIGSTOP)
        for pid in {*pids, *family(process.pid)}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    process.wait()


def ask(port, path, timeout=PATIENCE):
    """One GET on a connection of its own: (status, body)."""
    with socket.create_connection(("127.0.0.1", port), timeout) as s:
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while True:
            piece = s.recv(65536)
            if not piece:
                break
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]) if head else 0, body


class Helper:
    """A program of tests/bench that prints its port."""

    def __init__(self, machine, cpus, name, *arguments):
        self.process = spawn(cpus, [os.path.join(machine.programs, name), *arguments], stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline() or 0)
        if not self.port:
            raise SystemExit(f"{name} did not start")

    def cpu(self):
        return cpu_seconds([self.process.pid])

    def stop(self):
        kill(self.process)
        self.process.stdout.close()


class Origin(Helper):
    def __init__(self, machine):
        super().__init__(machine, machine.load, "bench-origin")

    def state(self):
        return json.loads(ask(self.port, "/-count")[1])

    def count(self):
        return self.state()["requests"]

    def no_store(self, on):
        ask(self.port, f"/-no-store/{int(on)}")


class Load:
    """bench-load against a port; options are its NAME=VALUE. go() runs it to its end."""

    def __init__(self, machine, port, url, **options):
        words = []
        for name, value in options.items():
            words += [f"{name}={v}" for v in (value if isinstance(value, list) else [value])]
        self.process = spawn(machine.load, [os.path.join(machine.programs, "bench-load"), port, url, *words],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if self.process.stdout.readline() != "ready\n":
            self.broken()

    def broken(self):
        why = self.process.stderr.read().strip() or "no load came about"
        self.close()
        raise Failed(why)

    def begin(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def result(self):
        line = self.process.stdout.readline()
        if not line:
            self.broken()
        result = json.loads(line)
        if result["errors"]:
            self.close()
            raise Failed(result["first_error"])
        return result

    def ended(self, seconds):
        """Whether the load has come to its end; waits so long for it."""
        return bool(select.select([self.process.stdout], [], [], seconds)[0])

    def go(self):
        self.begin()
        return self.result()

    def close(self):
        kill(self.process)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            with contextlib.suppress(OSError):
                stream.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def run_load(machine, port, url, **options):
    with Load(machine, port, url, **options) as load:
        return load.go()

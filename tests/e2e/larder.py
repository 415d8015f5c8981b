"""The program under test as a process: written settings, ports of its own, a wait until it is ready, a clean end.

    larder = serve(origin, '''
        [route /blog/*]
        ttl = 60s
    ''')
    larder.get("/blog/1").hit

The environment names the program: LARDER_BIN (build/larder otherwise). LARDER_WRAPPER is a command put before it."""
import ctypes
import fcntl
import functools
import json
import os
import re
import resource
import signal
import socket
import subprocess
import tempfile
import textwrap
import time

import client

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("LARDER_BIN", os.path.join(TOP, "build", "larder"))
WRAPPER = os.environ.get("LARDER_WRAPPER", "").split()
REPORTS = re.compile(r"^.*(ERROR: AddressSanitizer|ERROR: LeakSanitizer|WARNING: ThreadSanitizer|runtime error:|Assertion .* failed).*$", re.M)
PATIENCE = 20

# The program looks at each of these variables; LARDER_BIN and the like are ours.
ENVIRONMENT = {n: v for n, v in os.environ.items() if not n.startswith(("LARDER_", "ASOK_")) and n != "REDIS_URL"}

# Scenarios with a thousand clients need the descriptors; the program inherits the limit.
_soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(_hard, 65536) if _hard != resource.RLIM_INFINITY else 65536, _hard))


@functools.lru_cache
def sanitizer():
    """"address", "thread" or "": times and memory of a sanitizer build say nothing."""
    with open(BINARY, "rb") as f:
        content = f.read()
    return "address" if b"__asan_init" in content else "thread" if b"__tsan_init" in content else ""


def slack():
    """What a time may be multiplied with."""
    return {"": 1, "address": 3, "thread": 6}[sanitizer()]


def wait_until(condition, what, seconds=PATIENCE):
    """Polls; returns the first true value of condition()."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.01)


_reserved = []


def free_port():
    """A port that the system gave and that no other call returns while its process lives, in none of the processes that share
    the tests: a lock on a file says so, since the port itself is free until the program under test binds it."""
    folder = os.path.join(tempfile.gettempdir(), f"larder-ports-{os.getuid()}")
    os.makedirs(folder, exist_ok=True)
    for _ in range(1000):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        lock = open(os.path.join(folder, str(port)), "w", encoding="ascii")  # held to the end of the process
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _reserved.append(lock)
            return port
        except BlockingIOError:
            lock.close()
    raise AssertionError("no free port in 1000 tries")


def sections(text):
    """An ini text as an ordered list of (section, lines)."""
    found = [("", [])]
    for line in textwrap.dedent(text).split("\n"):
        m = re.match(r"\[(.*)\]\s*$", line)
        if m:
            found.append((m.group(1), []))
        elif line.strip():
            found[-1][1].append(line)
    return found


def merge(*texts):
    """Several ini texts as one; a later line replaces an earlier one of the same section and name, routes keep their order."""
    result = {}
    for text in texts:
        for section, lines in sections(text):
            have = result.setdefault(section, [])
            for line in lines:
                name = line.partition("=")[0].strip()
                have[:] = [h for h in have if not (section.partition(" ")[0] != "route" and h.partition("=")[0].strip() == name)]
                have.append(line)
    return "".join(("[%s]\n" % s if s else "") + "".join(x + "\n" for x in lines) for s, lines in result.items())


def end_with_parent():
    """In the child: die when the test run dies."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def run(*arguments, env=None, timeout=PATIENCE, cwd=None):
    """Runs the program to its end, for commands and refused settings."""
    return subprocess.run([*WRAPPER, BINARY, *arguments], env={**ENVIRONMENT, **(env or {})}, capture_output=True, text=True,
                          timeout=timeout * slack(), cwd=cwd, preexec_fn=end_with_parent)


class Larder:
    def __init__(self, folder, upstream, ini="", arguments=(), env=None, file=True, ready="admin"):
        """upstream: an Origin, a URL, or None. ini: what the scenario adds. file=False: everything on the command line.
        ready: what tells that it serves: "admin", "proxy", the path of a unix socket; None: it is not waited for."""
        self.folder = tempfile.mkdtemp(dir=folder)
        self.upstream_url = getattr(upstream, "url", upstream)
        self.own_ini, self.arguments, self.env, self.with_file, self.ready = ini, list(arguments), env or {}, file, ready
        self.access_path = os.path.join(self.folder, "access.log")
        self.ini_path = os.path.join(self.folder, "proxy.ini")
        self.process = None
        self.start()

    # --- life ------------------------------------------------------------------------------------------------

    def start(self):
        """Again after stop or kill, with the same settings, on ports of its own."""
        for _ in range(5):  # a free port may be taken by somebody else before the program binds it
            self.port, self.admin_port = free_port(), free_port()
            if self.with_file:
                self.write_ini(self.own_ini)
                where = ["-c", self.ini_path]
            else:
                where = ["--upstream", self.upstream_url, "--listen", f"127.0.0.1:{self.port}",
                         "--admin", f"127.0.0.1:{self.admin_port}"]
            self.stderr_path = os.path.join(self.folder, "stderr")
            with open(self.stderr_path, "wb") as err, open(os.path.join(self.folder, "stdout"), "wb") as out:
                self.process = subprocess.Popen([*WRAPPER, BINARY, *where, *self.arguments], stdout=out, stderr=err,
                                                env={**ENVIRONMENT, **self.env}, preexec_fn=end_with_parent)
            if self._wait_ready():
                return
            if "in use" not in self.stderr():
                break
        raise AssertionError(f"larder did not start (exit {self.process.poll()}):\n{self.stderr()}")

    def _wait_ready(self):
        end = time.monotonic() + PATIENCE * slack()
        while self.ready and time.monotonic() < end and self.process.poll() is None:
            try:
                if self.ready == "admin":
                    if self.admin("GET", "/health?ready").status == 200:
                        return True
                else:
                    client.Connection(("127.0.0.1", self.port) if self.ready == "proxy" else self.ready).close()
                    return True
            except (OSError, AssertionError, AttributeError):
                pass
            time.sleep(0.01)
        return not self.ready

    def write_ini(self, ini):
        self.own_ini = ini
        base = f"""
            [server]
            listen = 127.0.0.1:{self.port}
            workers = 2
            drain_timeout = 5s
            [upstream]
            url = {self.upstream_url}
            [admin]
            listen = 127.0.0.1:{self.admin_port}
            [log]
            access = {self.access_path}
            format = json
            """
        with open(self.ini_path, "w", encoding="utf-8") as f:
            f.write(merge(base, ini))

    def reload(self, ini):
        """SIGHUP with new settings; returns when the program has said what became of them."""
        self.write_ini(ini)
        told = re.compile(r"settings are (?:in force|refused)")
        before = len(told.findall(self.stderr()))

        def is_told():
            return len(told.findall(self.stderr())) > before

        self.process.send_signal(signal.SIGHUP)
        if sanitizer() == "thread":
            # Its runtime defers a signal that comes while the program computes, and one in some hundred is never given to the
            # handler: not pending in the kernel, caught, and the loop turns. Other builds lost none of 350.
            try:
                wait_until(is_told, "a word about the reload", 3)
            except AssertionError:
                self.process.send_signal(signal.SIGHUP)
        wait_until(is_told, "a word about the reload")

    def stderr(self):
        with open(self.stderr_path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def stdout(self):
        with open(os.path.join(self.folder, "stdout"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def stop(self, within=PATIENCE):
        """SIGTERM and a clean end: exit status 0, no report of a sanitizer."""
        if self.process is None:
            return
        process, self.process = self.process, None
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(within * slack())
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"larder did not stop within {within} s\n{self.stderr()}") from None
        reports = REPORTS.search(self.stderr())
        assert not reports, self.stderr()
        assert status == 0, f"exit status {status}\n{self.stderr()}"

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process = None

    # --- requests --------------------------------------------------------------------------------------------

    def connect(self, **options):
        return client.Connection(("127.0.0.1", self.port), **options)

    def request(self, method, target, headers=None, body=None):
        with self.connect() as c:
            return c.request(method, target, headers, body)

    def get(self, target, headers=None):
        return self.request("GET", target, headers)

    def at_once(self, n, target, headers=None, method="GET", body=None):
        """n equal requests at the same time; see client.at_once."""
        return client.at_once(self.port, [self.bytes_of(target, headers, method, body)] * n)

    def bytes_of(self, target, headers=None, method="GET", body=None):
        return client.request_bytes(method, target, f"127.0.0.1:{self.port}",
                                    {"Connection": "close", **(headers or {})}, body)

    def stored(self, target, headers=None):
        """Fetches the page and waits until the next request for it is a hit; the first response is returned."""
        first = self.get(target, headers)
        wait_until(lambda: self.get(target, headers).hit, f"{target} to be stored")
        return first

    # --- admin -----------------------------------------------------------------------------------------------

    def admin(self, method, target, headers=None, body=None):
        with client.Connection(("127.0.0.1", self.admin_port)) as c:
            return c.request(method, target, headers, body)

    def purge(self, what, status=200):
        """POST /purge with a form body ("tag=x&soft=1"); returns the JSON answer."""
        answer = self.admin("POST", "/purge", {"Content-Type": "application/x-www-form-urlencoded"}, what.encode())
        assert answer.status == status, (answer.status, answer.text)
        return json.loads(answer.body) if status == 200 else answer

    def stats(self):
        return json.loads(self.admin("GET", "/stats").body)

    def metric(self, name, **labels):
        """The sum of the samples of that name that carry the labels."""
        total, found = 0.0, False
        for line in self.admin("GET", "/metrics").text.split("\n"):
            m = re.match(r"(\w+)(?:\{(.*)\})? (\S+)$", line)
            if m and m.group(1) == name:
                have = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', m.group(2) or ""))
                if all(have.get(k) == v for k, v in labels.items()):
                    total, found = total + float(m.group(3)), True
        return total if found else None

    def tier(self, name, tier):
        """A sample of larder_tier_NAME; 0 where there is none yet."""
        return self.metric(f"larder_tier_{name}", tier=tier) or 0

    def entries(self):
        """Entries in the memory tier."""
        return self.stats()["cache"]["entries"]

    # --- logs and memory -------------------------------------------------------------------------------------

    def log_lines(self):
        try:
            with open(self.access_path, encoding="utf-8") as f:
                return [json.loads(line) for line in f if line.endswith("\n")]
        except FileNotFoundError:
            return []

    def logged(self, target, **members):
        """Waits for a line of that target with these members; returns the last such one."""
        def found():
            lines = [x for x in self.log_lines() if x["target"] == target and all(x[k] == v for k, v in members.items())]
            return lines[-1:] and lines
        return wait_until(found, f"a line for {target} with {members}, there are {[x for x in self.log_lines() if x['target'] == target]}")[-1]

    def rss(self):
        """Resident bytes."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            return int(re.search(r"VmRSS:\s+(\d+) kB", f.read()).group(1)) * 1024

    def peak_rss(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            return int(re.search(r"VmHWM:\s+(\d+) kB", f.read()).group(1)) * 1024

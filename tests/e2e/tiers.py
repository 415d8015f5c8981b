"""What the scenarios of the tiers have in common: backends, pages that tell their own URL, visitors who look for what is wrong."""
import os
import random
import threading
import time

import larder as program
from larder import wait_until

BACKENDS = ["memory", "file", "redis", "memory, file", "memory, redis", "file, redis", "memory, file, redis"]
LASTING = ["file", "memory, file", "redis", "memory, redis", "file, redis", "memory, file, redis"]  # beyond the process
FILES = ["file", "memory, file"]
REDISES = ["redis", "memory, redis"]
if program.sanitizer():  # each tier and each way to stack them, once
    BACKENDS = LASTING = ["file", "memory, redis", "memory, file, redis"]
    FILES, REDISES = ["memory, file"], ["redis"]

# Larders on ports of their own, and one that starts again on another, mean the same pages only under one name.
SITE = {"Host": "site.example"}
ROUTES = "[route /*]\nttl = 600s\n"


def lowest(backend):
    """The tier that lasts longest."""
    return backend.split(",")[-1].strip()


def upper(backend):
    """The tier that answers what has been asked for before."""
    return backend.split(",")[0].strip()


def content(path, size=0):
    """Text that no other page has: the path, again and again."""
    line = f"{path} is what this page is about.\n".encode()
    return line * (1 + size // len(line))


def pages_of(origin, path="/*", size=0, **options):
    """The origin answers with content()."""
    origin.page(path, body=lambda r: content(r.path, size), headers=lambda r: {"Cache-Tag": "page, " + r.path.split("/")[1]}, **options)


def kept(larder, target, tier, headers=None):
    """Has the page fetched and waits until that tier has it; the first response is returned. A Redis that is not connected yet would be
    passed over."""
    wait_until(lambda: larder.tier("down", tier) == 0, f"the tier {tier} to be up")
    before = larder.tier("stores_total", tier)
    first = larder.get(target, {**SITE, **(headers or {})})
    wait_until(lambda: larder.tier("stores_total", tier) > before, f"{target} to be in the tier {tier}")
    return first


def ready(origin, larder, backend):
    """Waits until the tiers are used: a Redis is passed over until it is connected and its purges are known."""
    target = f"/ready-{larder.port}"  # of its own: what another one has stored proves nothing
    origin.page(target)
    if "redis" in backend:
        wait_until(lambda: kept(larder, target, "redis") and get(larder, target).hit, "a page to be stored and found")


def marked(folder, backend):
    """Waits until it is written beside the files what they were told of purges in Redis: without that the next process trusts none."""
    if "file" in backend and "redis" in backend:
        wait_until(lambda: any("/redis-" in path for path in files_below(folder)), "the mark")


def stored(larder, target, headers=None):
    return larder.stored(target, {**SITE, **(headers or {})})


def get(larder, target, headers=None):
    return larder.get(target, {**SITE, **(headers or {})})


def url(target):
    return "http://" + SITE["Host"] + target


def troubles(larder, tier="redis"):
    """How often it was asked or told something in vain."""
    return sum(larder.tier(name, tier) for name in ("errors_total", "timeouts_total", "skipped_total"))


def same_but_time(a, b):
    """Two responses are the same, but for what a hit tells: how old it is, and that parts may be had."""
    fields = [[(n, v) for n, v in r.fields if n.lower() not in ("age", "cache-status", "accept-ranges")] for r in (a, b)]
    return fields[0] == fields[1] and a.body == b.body and a.status == b.status


def files_below(folder):
    return [os.path.join(where, name) for where, _, names in os.walk(folder) for name in names]


def disk_use(folder):
    """Bytes in whole blocks, as the file system counts them."""
    total = 0
    for path in files_below(folder):
        try:
            total += os.lstat(path).st_blocks * 512
        except FileNotFoundError:
            pass
    return total


class Visitors:
    """Some who ask for pages without end: each answer is 200, whole and that of its URL, and comes within `bound` seconds.

        with Visitors(larder, bound=0.5) as crowd:
            crowd.wait(100)         # so many answers more
    The end of the block says what was wrong."""

    def __init__(self, larder, n=4, pages=100, prefix="/crowd", size=0, bound=None, alive=lambda: True):
        """alive: when it says False, connections that break are no fault."""
        self.larder, self.pages, self.prefix, self.size, self.alive = larder, pages, prefix, size, alive
        self.bound = bound
        self.answers, self.hits, self.slowest, self.problems = 0, 0, 0.0, []
        self._stop, self._lock = threading.Event(), threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(i,), daemon=True) for i in range(n)]

    def _ask(self, connection, path):
        began = time.monotonic()
        answer = connection.request("GET", path, SITE)
        took = time.monotonic() - began
        if answer is None:
            raise ConnectionError("closed")
        wrong = answer.status != 200 or not answer.whole or answer.body != content(path, self.size)
        with self._lock:
            self.answers += 1
            self.hits += bool(answer.hit)
            self.slowest = max(self.slowest, took)
            if wrong and self.alive():
                self.problems.append(f"{path}: {answer} {answer.body[:80]!r}")
            if self.bound and took > self.bound:
                self.problems.append(f"{path} took {took:.3f} s, {answer['Cache-Status']}")

    def _run(self, number):
        rng = random.Random(number)
        try:
            with self.larder.connect() as connection:
                while not self._stop.is_set():
                    self._ask(connection, f"{self.prefix}/{rng.randrange(self.pages)}")
        except Exception as problem:
            if self.alive():
                self.problems.append(repr(problem))

    def wait(self, more, seconds=60):
        """Until so many answers more have come."""
        goal = self.answers + more
        wait_until(lambda: self.answers >= goal or self.problems, f"{more} more answers", seconds)
        assert not self.problems, self.problems[:5]

    def wait_until(self, condition, what, seconds=30):
        wait_until(lambda: condition() or self.problems, what, seconds)
        assert not self.problems, self.problems[:5]

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join(30)
        assert not any(t.is_alive() for t in self._threads), "a visitor waits without end"
        assert not self.problems, self.problems[:5]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        else:
            self._stop.set()


def budget_and_margin(budget):
    """What a request may take when a tier does not answer: its budget, and what a busy machine may add."""
    return budget + 0.5 * program.slack()

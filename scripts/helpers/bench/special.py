"""The rows that are no fixed load: what a herd meets, what 32 MB hold, how often they hit, what a crash leaves."""
import os
import statistics
import time

from .measure import Failed, run_load
from .servers import Setup


class Special:
    """A row whose figure is made by one(bench, server, round). text(figures) is its cell in the table."""
    name = title = must = aim = ""
    setup = Setup()
    rounds = 1       # at most
    fresh = False    # a server of its own for each round
    unit = ""        # of the bars
    note = ""        # why it can miss what it must reach

    def lesser(self, options):
        """What makes the figure another one than that of the whole load, or nothing."""
        return ""

    def prepare(self, bench, cls):
        """Before a server of that class runs."""

    def one(self, bench, server, turn):
        raise NotImplementedError

    def text(self, figures):
        raise NotImplementedError

    def bar(self, figures):
        """The figure that is drawn."""
        raise NotImplementedError

    def measure(self, bench, classes, rounds):
        results = {cls.name: [] for cls in classes}
        for turn in range(min(rounds, self.rounds)):
            for cls in classes:
                if not isinstance(results[cls.name], dict):
                    results[cls.name] = self.add_round(results[cls.name], bench, cls, turn)
            if self.fresh:
                bench.stop_servers()
        return {name: self.summary(figures) for name, figures in results.items()}

    def add_round(self, rounds, bench, cls, turn):
        try:
            self.prepare(bench, cls)
            return rounds + [self.one(bench, bench.server(cls, self.setup), turn)]
        except Failed as e:
            return {"failed": str(e)}

    def summary(self, rounds):
        if isinstance(rounds, dict):
            return rounds
        figures = {key: statistics.median(r[key] for r in rounds) for key in rounds[0]}
        return {"text": self.text(figures), "bar": self.bar(figures), **figures}


class Herd(Special):
    name, title, must, aim = "herd", "herd: 200 cold requests on a page of 300 ms", "1 fetch, p99 315 ms", "305 ms"
    rounds, unit = 7, "ms, the slowest of 200 but one"

    def one(self, bench, server, turn):
        bench.fresh += 1
        with bench.machine.alone():
            before = bench.origin.count()
            load = run_load(bench.machine, server.port, f"/s10240/m86400/d300/herd{bench.fresh}", connections=200, requests=200, warm=0)
            return {"fetches": bench.origin.count() - before, "p99_ms": load["p99_ms"]}

    def text(self, figures):
        n = figures["fetches"]
        return f"{n:.0f} fetch{'es' * (n != 1)}, {figures['p99_ms']:.0f} ms"

    def bar(self, figures):
        return figures["p99_ms"]

    def met(self, figures):
        return figures["fetches"] == 1 and figures["p99_ms"] <= 315


class Memory(Special):
    """The memory used is what the server has more than the same server with a cache of 1 MB. That one is looked at first: of two that
    run at once, each would count for half of the program's own pages."""

    def prepare(self, bench, cls):
        bench.almost_empty(cls)


class Held(Memory):
    """Fills 32 MB with more objects than fit, then asks for a sample while the origin lets nothing be stored."""
    name, title = "held", "objects of 512 B held in 32 MB; MB really used; overhead an object"
    must, aim = "40,000 in 32 MB; 300 B", "50,000; 200 B"
    setup, fresh, unit = Setup(memory_mb=32, objects=130_000), True, "objects"
    sample = 4000
    note = "the budget counts pages; the memory that is really used has connections, buffers and what malloc loses besides (docs/memory.md)"

    def one(self, bench, server, turn):
        pages = 70_000 if bench.options.quick else 120_000
        url = "/s512/m86400/held{n}"
        empty = bench.almost_empty(type(server))
        run_load(bench.machine, server.port, url, connections=16, requests=pages, count=pages, warm=0)
        time.sleep(server.settles)
        used = server.resident() - empty
        bench.origin.no_store(True)
        try:
            before = bench.origin.count()
            run_load(bench.machine, server.port, url, connections=1, requests=self.sample, count=pages, pick="uniform", seed=7, warm=0)
            missed = bench.origin.count() - before
        finally:
            bench.origin.no_store(False)
        held = pages * (self.sample - missed) // self.sample
        return {"held": held, "used_mb": used / (1 << 20), "overhead": used / held - 512 if held else 0}

    def text(self, figures):
        return f"{figures['held']:,.0f}; {figures['used_mb']:.0f} MB; {figures['overhead']:,.0f} B"

    def bar(self, figures):
        return figures["held"]

    def met(self, figures):
        return figures["held"] >= 40_000 and figures["used_mb"] <= 32 and figures["overhead"] <= 300


class HitRatio(Memory):
    """The part of the requests that did not reach the origin, from an empty cache on."""
    setup, fresh, unit = Setup(memory_mb=32, objects=200_000), True, "% hits"
    load = {"connections": 16, "count": 200_000, "pick": "zipf", "exponent": 0.9, "seed": 1, "size_median": 4096, "size_sigma": 1.5,
            "size_max": 1 << 20, "warm": 0}

    def __init__(self, name, title, must, aim, wonders):
        self.name, self.title, self.must, self.aim, self.wonders = name, title, f"{must} %", f"{aim} %", wonders
        self.least = must

    @staticmethod
    def count_requests(options):
        return 150_000 // (3 if options.quick else 1)

    def lesser(self, options):
        return f"{self.count_requests(options):,} requests" if options.quick else ""

    def one(self, bench, server, turn):
        requests = self.count_requests(bench.options)
        empty, before = bench.almost_empty(type(server)), bench.origin.count()
        run_load(bench.machine, server.port, "/s{s}/m86400/r{n}", requests=requests, wonders=self.wonders, timeout=300, **self.load)
        missed = bench.origin.count() - before
        percent, used = 100 * (1 - missed / requests), (server.resident() - empty) / (1 << 20)
        if used > 3 * self.setup.memory_mb:
            raise Failed(f"{percent:.1f} %, but with {used:.0f} MB")
        return {"percent": percent, "used_mb": used}

    def text(self, figures):
        return f"{figures['percent']:.1f} % ({figures['used_mb']:.0f} MB)"

    def bar(self, figures):
        return figures["percent"]

    def met(self, figures):
        return figures["percent"] >= self.least


class Restart(Special):
    name, title = "restart", "restart after SIGKILL, 10,000 objects on disk: kept; first hit"
    must, aim = "all; 16 ms", "5 ms"
    setup, rounds, unit = Setup(disk=True), 5, "ms from the start of the process to the first hit"
    pages = 10_000

    @staticmethod
    def wait_until_written(server):
        """What is stored behind the answers' backs is on its way for a while: until no file has come for a second."""
        end, files, since = time.monotonic() + 60, -1, 0
        while time.monotonic() < end:
            now = sum(len(names) for _, _, names in os.walk(server.folder))
            if now != files:
                files, since = now, time.monotonic()
            if time.monotonic() - since > 1:
                return
            time.sleep(0.1)
        raise Failed("still writes after a minute")

    def one(self, bench, server, turn):
        if not server.on_disk:
            raise Failed("has no disk")
        url = "/s1024/m86400/k{n}"
        bench.fill_pages(server, url, self.pages)
        self.wait_until_written(server)
        server.kill()
        bench.fresh += 1
        with bench.machine.alone():
            before = bench.origin.count()
            server.start("/s1024/m86400/k4711", pause=0.0005)
            first = server.answered - server.started
            if bench.origin.count() != before:
                first = None
        before = bench.origin.count()
        run_load(bench.machine, server.port, url, connections=16, requests=self.pages, count=self.pages, warm=0)
        kept = self.pages - (bench.origin.count() - before)
        if first is None:
            raise Failed(f"{kept:,} kept, the first was none of them" if kept else "nothing kept")
        return {"kept": kept, "first_ms": first * 1000}

    def text(self, figures):
        return f"{figures['kept']:,.0f}; {figures['first_ms']:.0f} ms"

    def bar(self, figures):
        return figures["first_ms"]

    def met(self, figures):
        return figures["kept"] == self.pages and figures["first_ms"] <= 16


ROWS = [
    Herd(), Held(),
    HitRatio("hit-ratio", "hit ratio in 32 MB: 200,000 objects, Zipf 0.9 (MB used)", 48, 54, 0),
    HitRatio("hit-ratio-wonders", "the same with half one-hit wonders (MB used)", 20, 23, 0.5),
    Restart(),
]

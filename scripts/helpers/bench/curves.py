"""What grows: CPU time a hit of Larder beside the floor of the same round, as one thing becomes more. Flat is 1; the first point is the
measure of the others. Memory is held against the budget."""
import contextlib
import statistics
import time

from . import measure
from .measure import Failed, Helper, Load, resident_bytes, run_load
from .servers import Larder, Nginx, Setup

LIMIT = 1.15
HIT = "/s1024/m86400/a{n}"


class Curve:
    """A point is (server, url, load options, context to be in while it is measured)."""
    name = title = axis = ""
    points = quick_points = ()
    limit, requests, together = LIMIT, 30000, 1
    note = ""     # why it can go over the limit
    cls = Larder  # whom it is about

    def prepare(self, bench, x):
        """What stays over all rounds: (server, url, load)."""
        raise NotImplementedError

    def around(self, bench, server, x):
        """What is there only while the point is measured."""
        return contextlib.nullcontext()

    def measure(self, bench, rounds):
        points = self.quick_points if bench.options.quick else self.points
        requests = self.requests // bench.options.divide // self.together * self.together
        prepared = {x: self.prepare(bench, x) for x in points}
        floor = Helper(bench.machine, bench.machine.serve, "bench-floor", "serve", 1024)
        ratios = {x: [] for x in points}
        try:
            for _ in range(rounds):
                with bench.machine.alone():
                    base = bench.timed(floor, HIT, requests, {"connections": 64, "check": 0}, None)
                    for x, (server, url, load) in prepared.items():
                        with self.around(bench, server, x):
                            ratios[x].append(bench.timed(server, url, requests, {"connections": 64, **load}, "none") / base)
        finally:
            floor.stop()
            bench.stop_servers()
        first = points[0]
        return [{"x": x, "ratio": statistics.median(r), "growth": statistics.median(a / b for a, b in zip(r, ratios[first]))}
                for x, r in ratios.items()]


class Objects(Curve):
    axis = "objects stored"
    points, quick_points = (1000, 10_000, 100_000, 1_000_000), (1000, 10_000, 50_000)

    def __init__(self, name, title, all_of_them):
        self.name, self.title, self.all_of_them = name, title, all_of_them
        self.note = "the first point's pages lie in the caches of the processor, those of the others do not" if all_of_them else ""

    def prepare(self, bench, x):
        server = bench.server(Larder, Setup(memory_mb=max(64, x * 2 // 1000), objects=x))
        url = "/s512/m86400/o{n}"
        bench.fill_pages(server, url, x)
        return server, url, {"pick": "uniform", "count": x if self.all_of_them else 1000, "seed": 3, "start": 0}


class Idle(Curve):
    name, title, axis = "curve-idle", "a hit, with idle connections", "idle connections"
    points, quick_points = (10, 100, 1000, 10_000), (10, 1000)

    def prepare(self, bench, x):
        server = bench.server(Larder, Setup())
        bench.fill_pages(server, HIT, 1)
        return server, HIT, {"idle": x}


class Waiting(Curve):
    name, title, axis = "curve-waiting", "a hit, while requests wait on the origin", "requests waiting"
    points, quick_points = (1, 10, 100, 1000, 3000), (1, 1000)

    def prepare(self, bench, x):
        server = bench.server(Larder, Setup())
        bench.fill_pages(server, HIT, 1)
        return server, HIT, {}

    @contextlib.contextmanager
    def around(self, bench, server, x):
        with Load(bench.machine, server.port, "/pass/s10/d30000/w{n}", connections=x, requests=x, count=x, warm=0) as load:
            load.begin()
            self.until(bench, lambda n: n == x, f"{x} requests to wait at the origin")
            yield
        self.until(bench, lambda n: n == 0, "them to end")

    @staticmethod
    def until(bench, good, what):
        end = time.monotonic() + 20
        while not good(bench.origin.state()["waiting"]):
            if time.monotonic() > end:
                raise Failed(f"waited 20 s for {what}")
            time.sleep(0.05)


class Routes(Curve):
    name, title, axis = "curve-routes", "a hit on the last of many routes", "routes"
    points, quick_points = (10, 100, 1000), (10, 1000)

    def prepare(self, bench, x):
        server = bench.server(Larder, Setup(routes=x))
        url = f"/route{x - 1}/s1024/m86400/a{{n}}"
        bench.fill_pages(server, url, 1)
        return server, url, {}


class Several:
    """Servers as one target of a load, whose connections go to them in turn."""

    def __init__(self, servers):
        self.servers = servers
        self.port = ",".join(str(s.port) for s in servers)

    def cpu(self):
        return sum(s.cpu() for s in self.servers)


class Workers(Curve):
    """What it costs that two workers share a cache: one process of two workers beside two processes of one worker, which share nothing.
    All else is the same for both: a worker on each processor, the load on all of them, as many connections a worker. How often
    workers sleep, and wake the load on the other processor, costs more than anything that they could share; so
    neither is compared to a single worker beside its load. With several requests at a time the load costs little, and the workers run
    at the same time for most of it."""
    axis, limit = "how two workers run", 1.10
    points = quick_points = APART, AS_ONE = "as two processes", "as one process"
    requests = 48000

    def __init__(self, name, title, cls, together):
        self.name, self.title, self.cls, self.together = name, title, cls, together

    def prepare(self, bench, x):
        if self.cls.missing():
            raise Failed(f"{self.cls.name} is not installed")
        cpus = bench.machine.both
        if x == self.AS_ONE:
            server = bench.server(self.cls, Setup(workers=2))
        else:
            server = Several([bench.server(self.cls, Setup(twin=i)) for i in (0, 1)])
            for one, cpu in zip(server.servers, (cpus[0], cpus[-1])):
                measure.pin(one.pids(), [cpu])
        run_load(bench.machine, server.port, HIT, connections=2, requests=4)
        return server, HIT, {"together": self.together}

    @contextlib.contextmanager
    def around(self, bench, server, x):
        before, bench.machine.load = bench.machine.load, bench.machine.both
        yield
        bench.machine.load = before


class Churn:
    """Pages that nobody asks for again, many times what the budget holds, of sizes that change: small, mixed, large, small again. The limit is
    for memory of its own; some 10 MB more are pages of programs and libraries, whatever the budget."""
    name, title, axis, limit = "curve-memory", "resident memory over the budget, under churn (with the pages of its programs)", "budget and sizes", LIMIT
    phases = (("small", 700, 0.5), ("mixed", 4096, 1.5), ("large", 150_000, 0.8), ("small again", 700, 0.5))
    means = (793, 12_600, 206_000, 793)  # of these sizes
    cls = Larder
    note = "what a process has besides its pages is much of a small budget: 2 MB from the start, connections, buffers, what malloc loses"

    def measure(self, bench, rounds):
        found, start = [], 0
        for budget in (32,) if bench.options.quick else (64, 256):
            server = bench.server(Larder, Setup(memory_mb=budget))
            for (name, median, sigma), mean in zip(self.phases, self.means):
                requests = min((budget << 20) * (2 if bench.options.quick else 6) // mean, 600_000)
                start += 10_000_000
                own, whole = (n / (budget << 20) for n in self.churn(bench, server, start, requests, median, sigma))
                found.append({"x": f"{budget} MB, {name} ({whole:.2f})", "ratio": own, "growth": own})
        bench.stop_servers()
        return found

    @staticmethod
    def churn(bench, server, start, requests, median, sigma):
        """At their highest: its own memory, and with the pages of programs."""
        peak = (0, 0)

        def look():
            return tuple(max(highest, resident_bytes(server.pids(), programs=programs)) for highest, programs in zip(peak, (False, True)))
        with Load(bench.machine, server.port, "/s{s}/m86400/c{n}", connections=16, requests=requests, count=1 << 40, start=start, warm=0,
                  size_median=median, size_sigma=sigma, size_max=4 << 20, timeout=300) as load:
            load.begin()
            while not load.ended(0.1):
                peak = look()
            load.result()
            return look()


CURVES = [
    Objects("curve-objects", "a hit on one of 1,000 pages, with many more stored", False),
    Objects("curve-objects-all", "a hit on any of the stored objects (the processor's caches count)", True),
    Idle(), Waiting(), Routes(),
    Workers("curve-workers", "a hit of two workers", Larder, 1),
    Workers("curve-workers-8", "a hit of two workers, 8 requests at a time", Larder, 8),
    Workers("curve-workers-nginx", "two workers of nginx, for comparison", Nginx, 1),
    Workers("curve-workers-nginx-8", "two workers of nginx, 8 requests at a time", Nginx, 8),
    Churn(),
]

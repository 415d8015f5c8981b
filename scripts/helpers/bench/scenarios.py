"""The rows of the table: what is asked, of whom, and what must have happened meanwhile.

Most rows are a fixed load (class Row): it is the same for every server of a round, the rounds go through all servers one after the other,
and what counts is a server's CPU time over that of the floor in the same round. The others are in special.py and curves.py."""
import dataclasses
import statistics
import time

from . import measure
from .measure import Failed, Helper, Load, run_load
from .servers import Setup

HOT = "/m86400"
ROUGH = 10  # loads divided by more have some hundred requests, and their figures are chance


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    title: str
    must: float                    # what the ratio of Larder must reach, and what is aimed at
    aim: float
    url: str
    requests: int                  # of one round
    load: dict = dataclasses.field(default_factory=dict)
    pages: int = 1                 # stored before the load
    quick_pages: int = 0
    size: int = 1024               # of the floor's body
    floor: tuple = ()              # further words for the floor; ("relay",): a relay to the origin
    sendfile: bool = False         # measure the floor that copies no body as well
    asks: str = "none"             # what of the load reaches the origin: none or all
    fresh: bool = False            # every round asks for pages that nobody asked for before
    setup: Setup = Setup()
    note: str = ""                 # why it can miss what it must reach

    def count_pages(self, options):
        return self.quick_pages if options.quick and self.quick_pages else self.pages

    def count_requests(self, options):
        return max(self.requests // options.divide, 200)

    def lesser(self, options):
        """What makes the figure another one than that of the whole load, or nothing."""
        if options.divide > ROUGH:
            return f"{self.count_requests(options)} requests"
        return f"{self.count_pages(options):,} pages" if self.count_pages(options) < self.pages else ""


def etag_of(path):
    tag = 14695981039346656037
    for byte in path.encode():
        tag = ((tag ^ byte) * 1099511628211) & 0xffffffffffffffff
    return f'"{tag:016x}"'


NOT_MODIFIED = "HTTP/1.1 304 Not Modified\r\nDate: Sun, 01 Nov 2026 10:00:00 GMT\r\nCache-Control: max-age=86400\r\n" \
               "ETag: \"0123456789abcdef\"\r\nAge: 10\r\n\r\n"
CONDITIONAL = f"/s1024{HOT}/conditional"

ROWS = [
    Row("hit-1k-64", "hit 1 KB, 64 connections", 1.60, 1.30, f"/s1024{HOT}/a{{n}}", 30000, {"connections": 64}),
    Row("hit-1k-1", "hit 1 KB, 1 connection", 1.70, 1.40, f"/s1024{HOT}/a{{n}}", 10000, {"connections": 1}),
    Row("hit-10k", "hit 10 KB", 1.6, 1.3, f"/s10240{HOT}/a{{n}}", 20000, {"connections": 64}, size=10240, sendfile=True),
    Row("hit-100k", "hit 100 KB", 0.95, 0.85, f"/s102400{HOT}/a{{n}}", 6000, {"connections": 64}, size=102400, sendfile=True),
    Row("hit-1m", "hit 1 MB", 0.90, 0.80, f"/s1048576{HOT}/a{{n}}", 800, {"connections": 16}, size=1048576, sendfile=True),
    Row("zipf-1000", "hits over 1,000 URLs, Zipf", 1.9, 1.5, f"/s1024{HOT}/z{{n}}", 30000,
        {"connections": 64, "pick": "zipf", "exponent": 1, "count": 1000, "seed": 1}, pages=1000),
    Row("small-100000", "hits over 100,000 small objects", 1.9, 1.5, f"/s512{HOT}/o{{n}}", 30000,
        {"connections": 64, "pick": "uniform", "count": 100000, "seed": 1}, pages=100000, quick_pages=20000, size=512,
        note="each hit reads another page's memory, which the caches of the processor do not hold; the floor sends the same bytes each time"),
    Row("not-modified", "304 to If-None-Match", 1.6, 1.3, CONDITIONAL, 30000,
        {"connections": 64, "status": 304, "header": [f"If-None-Match: {etag_of(CONDITIONAL)}"]}, floor=(NOT_MODIFIED,), size=0),
    Row("vary-gzip", "hit with Vary: Accept-Encoding, gzip", 1.8, 1.4, f"/s1024{HOT}/v/a{{n}}", 30000,
        {"connections": 64, "header": ["Accept-Encoding: gzip"]}),
    Row("close", "hit 1 KB, a connection for each request", 1.15, 1.05, f"/s1024{HOT}/a{{n}}", 8000, {"connections": 16, "close": 1},
        floor=("close",)),
    Row("hit-1k-512", "hit 1 KB, 512 connections", 1.8, 1.5, f"/s1024{HOT}/a{{n}}", 30000, {"connections": 512},
        note="the HTTP library clears the memory of a connection, 16 KB, after each request; that of so many does not stay in the caches"),
    Row("hit-1k-2000", "hit 1 KB, 2,000 connections", 1.9, 1.5, f"/s1024{HOT}/a{{n}}", 30000, {"connections": 2000}),
    Row("pass", "pass-through 1 KB, origin kept alive", 2.0, 1.6, "/pass/s1024/p{n}", 12000, {"connections": 64}, floor=("relay",),
        asks="all"),
    Row("miss", "cacheable miss 1 KB, stored", 2.3, 1.8, f"/s1024{HOT}/u{{n}}", 10000, {"connections": 64, "count": 1 << 40},
        floor=("relay",), asks="all", fresh=True),
]

TIERS = [
    Row(f"tier-{name}", f"hit {title} from a tier", None, None, f"/s{size}{HOT}/t{{n}}", requests,
        {"connections": 32, "count": 50}, pages=50, size=size, setup=Setup(disk=True))
    for name, title, size, requests in (("10k", "10 KB", 10240, 12000), ("100k", "100 KB", 102400, 4000), ("1m", "1 MB", 1048576, 600))
]


class Floors:
    """The floor of each kind, started when it is first needed."""

    def __init__(self, machine, origin, folder):
        self.machine, self.origin, self.folder, self.running = machine, origin, folder, {}

    def get(self, row, sendfile=False):
        if row.floor == ("relay",):
            words = ("relay", self.origin.port)
        else:
            words = ["serve", row.size]
            for word in row.floor:
                if "\r\n" in word:  # a head
                    path = f"{self.folder}/{row.name}.head"
                    with open(path, "w", encoding="ascii", newline="") as f:
                        f.write(word)
                    word = path
                words.append(word)
            words = tuple(words) + (("sendfile",) if sendfile else ())
        if words not in self.running:
            self.running[words] = Helper(self.machine, self.machine.serve, "bench-floor", *words)
        return self.running[words]

    def stop(self):
        for helper in self.running.values():
            helper.stop()
        self.running.clear()


class Bench:
    """What all rows share: the machine, the origin, the floors, servers that run, what was asked for."""

    def __init__(self, machine, options, folder):
        self.machine, self.options = machine, options
        self.origin = measure.Origin(machine)
        self.floors = Floors(machine, self.origin, folder)
        self.servers, self.empty, self.fresh = {}, {}, 0

    def server(self, cls, setup):
        """The running server with that setup. One that ended badly is started anew for the next row."""
        key = (cls.name, setup)
        server = self.servers.get(key)
        if server and server.process.poll() is not None:
            self.servers.pop(key).stop()
            server = None
        if not server:
            server = self.servers[key] = cls(self.machine, self.origin, setup)
        return server

    def stop_servers(self, keep=None):
        """All, or all but those with that setup."""
        for key in [k for k in self.servers if k[1] != keep]:
            self.servers.pop(key).stop()

    def almost_empty(self, cls):
        """Bytes of memory of such a server with a cache of 1 MB."""
        if cls.name not in self.empty:
            server = cls(self.machine, self.origin, Setup(memory_mb=1))
            self.empty[cls.name] = server.resident()
            server.stop()
        return self.empty[cls.name]

    def close(self):
        self.stop_servers()
        self.floors.stop()
        self.origin.stop()

    # --- a fixed load ---

    def timed(self, target, url, requests, options, origin_asked):
        """CPU seconds a request of the target over the load. origin_asked: "none" or "all" of it must have reached the origin."""
        with self.machine.alone(), Load(self.machine, target.port, url, requests=requests, **options) as load:
            asked, spent = self.origin.count(), target.cpu()
            load.go()
            spent = target.cpu() - spent
            asked = self.origin.count() - asked
        if origin_asked is not None and asked != {"none": 0, "all": requests}[origin_asked]:
            raise Failed(f"{asked} of {requests} requests reached the origin, not {origin_asked}")
        return spent / requests

    def fill(self, server, row, pages):
        if row.asks == "none":
            header = row.load.get("header", []) if row.load.get("status") != 304 else []  # stored whole first
            self.fill_pages(server, row.url, pages, header=header)

    def fill_pages(self, server, url, pages, **options):
        """Asks for all pages until a pass over them leaves the origin alone."""
        for pause in (0.02, 0.3, 1, 0):
            before = self.origin.count()
            run_load(self.machine, server.port, url, connections=16 if pages > 16 else 1, requests=pages, count=pages, warm=0,
                     timeout=300, **options)
            if self.origin.count() == before:
                return
            time.sleep(pause)  # a server may store behind its answer
        raise Failed("asked again, the origin was asked again")

    def row(self, row, classes, rounds):
        """{name: result} of a row: {"ratio", "us", "rounds"} or {"failed"}."""
        pages, requests = row.count_pages(self.options), row.count_requests(self.options)
        load = {**row.load, **({"count": pages} if "count" in row.load and row.asks == "none" else {})}
        results, servers = {}, {}
        for cls in classes:
            try:
                servers[cls.name] = self.server(cls, row.setup)
                self.fill(servers[cls.name], row, pages)
                results[cls.name] = []
            except Failed as e:
                results[cls.name] = {"failed": str(e)}
        floors = {"floor": self.floors.get(row)}
        if row.sendfile:
            floors["floor-sendfile"] = self.floors.get(row, True)
        results.update({name: [] for name in floors})
        for _ in range(rounds):
            self.fresh += 10_000_000
            with self.machine.alone():
                for name, target in {**floors, **servers}.items():
                    if not isinstance(results[name], dict):
                        results[name] = self.add_round(results[name], row, name, target, requests, load)
        return {name: self.summary(seconds, results["floor"]) for name, seconds in results.items()}

    def add_round(self, seconds, row, name, target, requests, load):
        """The seconds of the rounds with those of one more; {"failed"} if it failed."""
        floor = name.startswith("floor")
        options = {**load, "check": int(not floor or row.floor == ("relay",))}
        if row.fresh:
            options["start"] = self.fresh
        try:
            return seconds + [self.timed(target, row.url, requests, options, None if floor else row.asks)]
        except Failed as e:
            return {"failed": str(e)}

    @staticmethod
    def summary(seconds, floor):
        if isinstance(seconds, dict):
            return seconds
        if isinstance(floor, dict):
            return {"failed": "the floor failed: " + floor["failed"]}
        ratios = [s / f for s, f in zip(seconds, floor)]
        return {"ratio": statistics.median(ratios), "us": statistics.median(seconds) * 1e6, "rounds": ratios}

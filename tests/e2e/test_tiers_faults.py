"""Redis and disks that fail: no request fails, none gets a wrong byte, none waits longer than its budget; a metric tells of it, and a line of
the log now and then; and when it is over, all is as before by itself."""
import os
import random
import re
import shutil
import signal
import subprocess
import time

import pytest

from larder import run, wait_until
from redis_server import RedisServer
from tiers import FILES, REDISES, ROUTES, SITE, Visitors, budget_and_margin, content, disk_use, files_below, get, kept, pages_of, stored, troubles

BUDGET = 0.05
INI = f"redis_budget = {int(BUDGET * 1000)}ms\n{ROUTES}"
MANY = 100_000  # pages: nearly every request is a lookup below


def complaints(larder, before=""):
    """Lines of its log that warn, since then."""
    return [x for x in larder.stderr()[len(before):].splitlines() if re.search(r" (warn\w*|error) ", x)]


class Quiet:
    """At most one complaint a second, over the block, and one more for each of the two ends of a fault."""

    def __init__(self, larder):
        self.larder = larder

    def __enter__(self):
        self.before, self.began = self.larder.stderr(), time.monotonic()
        return self

    def __exit__(self, kind, *_):
        lines, seconds = complaints(self.larder, self.before), time.monotonic() - self.began
        assert kind or len(lines) <= seconds + 3, f"{len(lines)} lines in {seconds:.1f} s: {lines[:20]}"


def is_back(larder, crowd):
    """Something that was stored after the fault is found again, in Redis."""
    stores = larder.tier("stores_total", "redis")
    crowd.wait_until(lambda: larder.tier("down", "redis") == 0 and larder.tier("stores_total", "redis") > stores + 5,
                     "Redis to be used again")
    probe = f"/probe/{time.monotonic_ns()}"
    wait_until(lambda: get(larder, probe).hit, "a new page to be found")


# ---- Redis ----

def refuse(redis):
    redis.cli("CONFIG", "SET", "requirepass", "other")
    redis.password = "other"
    redis.cli("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


def accept(redis):
    redis.cli("CONFIG", "SET", "requirepass", "")
    redis.password = None


def oom(redis):
    redis.cli("CONFIG", "SET", "maxmemory-policy", "noeviction")
    redis.cli("CONFIG", "SET", "maxmemory", "1")


def nothing(redis):
    pass


# What is done, how it ends, and the metric that tells of it.
FAULTS = {
    "killed": (RedisServer.kill, RedisServer.start, troubles),
    "stopped": (RedisServer.pause, RedisServer.resume, troubles),
    "slow": (lambda redis: redis.cli("CLIENT", "PAUSE", 3000, "ALL"), nothing, troubles),
    "out of memory": (oom, lambda redis: redis.cli("CONFIG", "SET", "maxmemory", "0"),
                      lambda larder: larder.tier("errors_total", "redis")),
    "refusing": (refuse, accept, troubles),
    "flushed": (lambda redis: redis.cli("FLUSHALL"), nothing, lambda larder: larder.tier("misses_total", "redis")),
    "disconnecting": (lambda redis: redis.cli("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"), nothing, None),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("backend", REDISES)
def test_a_fault_of_redis(origin, serve, cache_ini, backend, fault):
    do, undo, metric = FAULTS[fault]
    pages_of(origin, size=2000)
    larder = serve(origin, cache_ini(backend, INI))
    for i in range(20):
        kept(larder, f"/before/{i}", "redis")
    before = metric(larder) if metric else 0
    with Quiet(larder), Visitors(larder, pages=MANY, size=2000, bound=budget_and_margin(BUDGET)) as crowd:
        crowd.wait(200)
        do(cache_ini.redis)
        crowd.wait(300)
        if metric:
            crowd.wait_until(lambda: metric(larder) > before, "the metric of it")
        undo(cache_ini.redis)
        is_back(larder, crowd)
    for i in range(20):
        assert get(larder, f"/before/{i}").body == content(f"/before/{i}", 2000)


@pytest.mark.parametrize("backend", REDISES)
def test_a_hanging_redis_costs_nobody_much(origin, serve, cache_ini, backend):
    """A request waits for one budget, whatever it asks: for the page, for the lease. While it hangs the breaker opens, and nearly none does."""
    budget, waited = 0.7, []
    pages_of(origin)
    larder = serve(origin, cache_ini(backend, f"redis_budget = {int(budget * 1000)}ms\n" + ROUTES))
    kept(larder, "/p", "redis")
    cache_ini.redis.pause()

    def is_open():
        waited.append(get(larder, f"/{time.monotonic_ns()}").elapsed)
        return larder.tier("down", "redis") == 1
    wait_until(is_open, "the breaker to open")
    assert budget <= max(waited) < budget_and_margin(budget), waited
    times = sorted(get(larder, f"/hanging/{i}").elapsed for i in range(100))
    cache_ini.redis.resume()
    assert times[80] < 0.1, times[80]
    wait_until(lambda: get(larder, f"/{time.monotonic_ns()}") and larder.tier("down", "redis") == 0, "it to be asked again")


@pytest.mark.parametrize("backend", REDISES)
def test_it_starts_without_redis(origin, serve, cache_ini, backend):
    ini = cache_ini(backend, INI)
    cache_ini.redis.kill()
    pages_of(origin)
    larder = serve(origin, ini)
    assert get(larder, "/p").body == content("/p")
    cache_ini.redis.start()
    wait_until(lambda: get(larder, f"/{time.monotonic_ns()}") and larder.tier("stores_total", "redis") > 0, "Redis to be found")
    wait_until(lambda: get(larder, "/p").hit, "a hit")


def test_memory_is_not_trusted_beyond_what_it_knows(origin, serve, cache_ini):
    """One that was cut off from Redis replays the purges that it missed before its memory answers again."""
    origin.page("/p", headers={"Cache-Tag": "x"})
    ini = cache_ini("memory, redis", INI)
    a, b = serve(origin, ini), serve(origin, ini)
    kept(a, "/p", "redis")
    assert get(b, "/p").hit
    for _ in range(5):
        b.process.send_signal(signal.SIGSTOP)  # it hears nothing
        try:
            old = get(a, "/p").body
            a.purge("tag=x")
            wait_until(lambda old=old: get(a, "/p").body != old and get(a, "/p").hit, "the new page at the first one")
        finally:
            b.process.send_signal(signal.SIGCONT)
        wait_until(lambda old=old: get(b, "/p").body != old, "the purge at the other one", 5)


@pytest.mark.parametrize("backend", REDISES)
def test_damage_in_redis(origin, serve, cache_ini, backend):
    """Values cut, flipped or of another type: a miss, a metric, and they are gone."""
    pages_of(origin, size=3000)
    larder = serve(origin, cache_ini(backend, INI))
    redis = cache_ini.redis
    for i in range(30):
        kept(larder, f"/blog/{i}", "redis")
    rng = random.Random(5)
    for key in [k for k in redis.cli("KEYS", "*").split() if redis.cli("TYPE", k) == "hash"]:
        for field in ("m", "b"):  # one of another incarnation (e) is no damage
            size = int(redis.cli("HSTRLEN", key, field))
            # A wrong byte in the midst of it, or an end that comes early.
            script = ("local v = redis.call('HGET', KEYS[1], ARGV[1]); local at = tonumber(ARGV[2]); "
                      "local c = string.char((string.byte(v, at) + 1) % 256); "
                      "if ARGV[3] == 'cut' then v = string.sub(v, 1, at - 1) else v = string.sub(v, 1, at - 1) .. c .. string.sub(v, at + 1) end; "
                      "return redis.call('HSET', KEYS[1], ARGV[1], v)")
            if size > 0:
                redis.cli("EVAL", script, 1, key, field, rng.randrange(1, size + 1), rng.choice(["cut", "flip"]))
    larder.stop()
    larder.start()  # so that memory has nothing
    for _ in range(2):
        for i in range(30):
            assert get(larder, f"/blog/{i}").body == content(f"/blog/{i}", 3000)
    assert larder.tier("corrupt_total", "redis") > 10
    assert wait_until(lambda: all(get(larder, f"/blog/{i}").hit for i in range(30)), "what is good again to be found")


# ---- files ----

@pytest.fixture
def small_disk(tmp_path):
    """small_disk(megabytes): a folder with a file system of its own."""
    mounted = []

    def make(megabytes):
        if os.getuid() != 0 or not shutil.which("mount"):
            pytest.skip("only root can mount a file system")
        folder = str(tmp_path / f"disk{len(mounted)}")
        os.mkdir(folder)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}M", "tmpfs", folder], capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
        mounted.append(folder)
        return folder

    yield make
    for folder in mounted:
        while os.path.ismount(folder):
            subprocess.run(["umount", "-l", folder], check=True)


def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


def make_unwritable(folder):
    """Over itself, since that which is open for writing cannot be made so: whoever opens a file there anew may only read."""
    mount("--bind", folder, folder)
    mount("-o", "remount,bind,ro", folder)


def make_writable(folder):
    subprocess.run(["umount", "-l", folder], check=True)


def file_ini(backend, folder, more=ROUTES):
    return f"[cache]\nbackend = {backend}\npath = {folder}\n{more}"


@pytest.mark.parametrize("backend", FILES)
def test_a_full_disk(origin, small_disk, serve, backend):
    disk = small_disk(4)
    pages_of(origin, size=10_000)
    larder = serve(origin, file_ini(backend, os.path.join(disk, "pages"), "file_size = 10G\n" + ROUTES))
    with Quiet(larder), Visitors(larder, pages=MANY, size=10_000, bound=budget_and_margin(0)) as crowd:
        crowd.wait(1000)  # 10 MB
        crowd.wait_until(lambda: larder.tier("errors_total", "file") > 0, "the metric of it")
    larder.purge("all=1")
    wait_until(lambda: get(larder, "/again").hit, "there to be room again")


@pytest.mark.parametrize("backend", FILES)
def test_a_disk_that_others_fill(origin, small_disk, serve, backend):
    disk = small_disk(4)
    pages_of(origin, size=10_000)
    larder = serve(origin, file_ini(backend, os.path.join(disk, "pages")))
    for i in range(20):
        kept(larder, f"/before/{i}", "file")
    with open(os.path.join(disk, "others"), "wb") as f:
        try:
            while True:
                os.write(f.fileno(), b"x" * 4096)
        except OSError:
            pass
    with Quiet(larder), Visitors(larder, pages=MANY, size=10_000, bound=budget_and_margin(0)) as crowd:
        crowd.wait(300)
        crowd.wait_until(lambda: larder.tier("errors_total", "file") > 0, "the metric of it")
        os.unlink(os.path.join(disk, "others"))
        stores = larder.tier("stores_total", "file")
        crowd.wait_until(lambda: larder.tier("stores_total", "file") > stores + 5, "pages to be stored again")
    for i in range(20):
        assert get(larder, f"/before/{i}").body == content(f"/before/{i}", 10_000)


@pytest.mark.parametrize("backend", FILES)
def test_a_disk_that_becomes_read_only(origin, small_disk, serve, backend):
    disk = small_disk(16)
    pages_of(origin)
    larder = serve(origin, file_ini(backend, os.path.join(disk, "pages")))
    for i in range(20):
        kept(larder, f"/before/{i}", "file")
    make_unwritable(disk)
    with Quiet(larder), Visitors(larder, pages=MANY, bound=budget_and_margin(0)) as crowd:
        crowd.wait(300)
        crowd.wait_until(lambda: larder.tier("errors_total", "file") > 0, "the metric of it")
        make_writable(disk)
        stores = larder.tier("stores_total", "file")
        crowd.wait_until(lambda: larder.tier("stores_total", "file") > stores, "pages to be stored again")


@pytest.mark.parametrize("backend", FILES)
def test_it_does_not_start_where_it_cannot_write(origin, small_disk, serve, tmp_path, backend):
    """An operator's mistake is told at once: of a folder that cannot be written, of a file in its place."""
    disk = small_disk(1)
    mount("-o", "remount,ro", disk)
    (tmp_path / "file").write_text("not a folder")
    for path in (os.path.join(disk, "pages"), str(tmp_path / "file")):
        ini = tmp_path / "refused.ini"
        ini.write_text(f"[server]\nlisten = 127.0.0.1:0\n[upstream]\nurl = {origin.url}\n[admin]\nlisten = off\n{file_ini(backend, path)}")
        done = run("-c", str(ini))
        assert done.returncode != 0 and path in done.stderr, done


@pytest.mark.parametrize("backend", FILES)
def test_the_folder_is_taken_away(origin, serve, cache_ini, backend):
    pages_of(origin)
    larder = serve(origin, cache_ini(backend, ROUTES))
    for i in range(20):
        kept(larder, f"/before/{i}", "file")
    with Quiet(larder), Visitors(larder, pages=MANY, bound=budget_and_margin(0)) as crowd:
        crowd.wait(100)
        shutil.rmtree(cache_ini.path, ignore_errors=True)
        crowd.wait(300)
    for i in range(20):
        assert get(larder, f"/before/{i}").body == content(f"/before/{i}")


def spoil(rng, path):
    """Cuts it, flips a bit, empties it, makes it longer, or puts something else in its place."""
    size = os.path.getsize(path)
    how = rng.choice(["cut", "flip", "empty", "longer", "other"])
    with open(path, "r+b") as f:
        if how == "cut":
            f.truncate(rng.randrange(size) if size else 0)
        elif how == "flip" and size:
            at = rng.randrange(size)
            f.seek(at)
            byte = f.read(1)[0]
            f.seek(at)
            f.write(bytes([byte ^ 1 << rng.randrange(8)]))
        elif how == "empty":
            f.truncate(0)
        elif how == "longer":
            f.seek(size)
            f.write(rng.randbytes(100))
        else:
            f.truncate(0)
            f.write(rng.randbytes(size))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("when", ["while it runs", "between two lives"])
@pytest.mark.parametrize("backend", FILES)
def test_damaged_files(origin, serve, cache_ini, backend, when, seed):
    rng = random.Random(seed)
    pages_of(origin, size=3000)
    larder = serve(origin, cache_ini(backend, ROUTES))
    for i in range(60):
        kept(larder, f"/blog/{i}", "file")
    if when != "while it runs":
        larder.kill()
    entries = sorted(p for p in files_below(cache_ini.path) if p.endswith(".json"))
    others = sorted(p for p in files_below(cache_ini.path) if os.path.getsize(p) > 3000)
    assert len(entries) == 60 and len(others) >= 60
    for path in rng.sample(entries, 20) + rng.sample(others, 20):
        spoil(rng, path)
    if when != "while it runs":
        larder.start()
    before = larder.tier("corrupt_total", "file") if when == "while it runs" else 0  # at its start it finds some by itself
    for _ in range(2):
        for i in range(60):
            answer = get(larder, f"/blog/{i}")
            assert (answer.status, answer.whole, answer.body) == (200, True, content(f"/blog/{i}", 3000)), i
    if backend == "file" or when != "while it runs":
        assert larder.tier("corrupt_total", "file") - before >= 10
    for i in range(60):
        wait_until(lambda i=i: get(larder, f"/blog/{i}").hit, "what is good again to be found")
    assert len([p for p in files_below(cache_ini.path) if p.endswith(".json")]) <= 62


def test_a_page_that_is_cut_under_its_reader(origin, serve, cache_ini):
    """A file that gets shorter while it is sent: that answer ends early, and is not taken for whole."""
    size = 8 << 20
    pages_of(origin, size=size)
    larder = serve(origin, cache_ini("file", "[server]\nsend_timeout = 1s\n" + ROUTES))
    kept(larder, "/p", "file")
    body = next(p for p in files_below(cache_ini.path) if os.path.getsize(p) > size)
    with larder.connect(receive_buffer=4096) as c:
        c.send("GET", "/p", SITE)
        head = c.final_head()
        pieces = c.pieces(head)
        got = next(pieces)
        os.truncate(body, size // 4)
        got += b"".join(pieces)
    whole = content("/p", size)
    assert head.whole and got == whole or not head.whole and whole.startswith(got.rstrip(b"\0")) and len(got) < len(whole)
    assert get(larder, "/p").body == whole


def test_strangers_in_the_folder(origin, serve, cache_ini):
    """Files, folders and links of others are neither served nor followed, and an evil name is no way out."""
    pages_of(origin)
    os.makedirs(os.path.join(cache_ini.path, "ab", "cd"))
    for name, text in (("ab/cd/x.json", "{}"), ("ab/cd/y", "text"), ("z", ""), ("ab/.hidden", "x")):
        with open(os.path.join(cache_ini.path, name), "w", encoding="ascii") as f:
            f.write(text)
    os.symlink("/etc/passwd", os.path.join(cache_ini.path, "ab", "cd", "passwd.json"))
    os.mkfifo(os.path.join(cache_ini.path, "ab", "cd", "fifo.json"))
    larder = serve(origin, cache_ini("file", ROUTES))
    stored(larder, "/p")
    assert get(larder, "/p").body == content("/p")
    assert disk_use(cache_ini.path) > 0 and larder.stats()


def test_redis_that_never_comes(origin, serve, start_redis):
    """An address where nothing listens, for the whole life."""
    redis = start_redis(RedisServer)
    redis.kill()
    pages_of(origin)
    larder = serve(origin, f"[cache]\nbackend = memory, redis\nredis_url = {redis.url}\n{INI}")
    with Quiet(larder), Visitors(larder, pages=50, bound=budget_and_margin(BUDGET)) as crowd:
        crowd.wait(500)
    assert larder.tier("down", "redis") == 1 and troubles(larder) > 0

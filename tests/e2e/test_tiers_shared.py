"""Several Larders with one directory, or one Redis: what one stores the other hits, what one purges the other misses, and a slow page is
fetched once between them."""
import concurrent.futures
import json
import os
import re
import signal
import time

import pytest

import client
from larder import run, slack, wait_until
from origin import Gate
from tiers import FILES, REDISES, ROUTES, SITE, Visitors, content, get, kept, lowest, marked, pages_of, ready, url

shared = pytest.mark.parametrize("backend", FILES + REDISES)


@pytest.fixture
def fleet(origin, serve, cache_ini):
    """fleet("memory, redis", 3): so many Larders with the same settings."""
    def start(backend, n=2, more=ROUTES):
        ini = cache_ini(backend, more)
        return [serve(origin, ini) for _ in range(n)]
    return start


@shared
def test_what_one_stores_the_other_hits(origin, fleet, backend):
    pages_of(origin, size=5000)
    a, b = fleet(backend)
    for i in range(20):
        kept(a, f"/blog/{i}", lowest(backend))
    for i in range(20):
        answer = get(b, f"/blog/{i}")
        assert answer.hit and answer.body == content(f"/blog/{i}", 5000)
    assert origin.count("/blog/*") == 20


@shared
def test_what_one_renews_the_other_has(origin, fleet, backend):
    origin.page("/p", headers={"Cache-Tag": "x"})
    a, b = fleet(backend)
    kept(a, "/p", lowest(backend))
    assert get(b, "/p").hit
    for _ in range(3):
        old = get(a, "/p").body
        a.purge("tag=x")
        new = kept(a, "/p", lowest(backend)).body
        assert new != old
        answer = wait_until(lambda old=old: (x := get(b, "/p")).body != old and x, "the new page at the other one", 1 * slack())
        assert answer.hit and answer.body == new, "the other one asked for itself"


@pytest.mark.parametrize("backend", ["file, redis", "memory, file, redis"])
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_files_hear_at_the_start_what_was_purged_meanwhile(origin, serve, cache_ini, backend, end):
    """Each with a directory of its own: what others purge through Redis while one is away is not in its files when it comes back."""
    origin.page("/blog/*", headers={"Cache-Tag": "blog"})
    pages_of(origin, "/other/*")
    folder, machines = cache_ini.path, []
    for name in "ab":
        cache_ini.path = f"{folder}-{name}"
        machines.append(serve(origin, cache_ini(backend, ROUTES)))
    a, b = machines
    for larder in (b, a):  # a finds them in Redis, and has them in its files then as well
        ready(origin, larder, backend)
        for target in ("/blog/1", "/blog/2", "/other/1"):
            wait_until(lambda t=target, x=larder: get(x, t).hit, target)
    wait_until(lambda: b.tier("stores_total", "file") >= 4, "b's files")
    marked(f"{folder}-b", backend)
    getattr(b, end)()
    a.purge("tag=blog")
    wait_until(lambda: get(a, "/blog/1").hit and get(a, "/blog/2").hit, "the new pages at a")
    asked = origin.count("/other/*")
    b.start()
    for target in ("/blog/1", "/blog/2"):
        for _ in range(20):
            assert get(b, target).body == get(a, target).body
    ready(origin, b, backend)
    assert get(b, "/other/1").hit and origin.count("/other/*") == asked, "what was not purged is kept"


@shared
@pytest.mark.parametrize("what", [f"url={url('/blog/1')}", "tag=blog", "prefix=/blog", "glob=/*/1", "all=1"])
def test_what_one_purges_the_other_misses(origin, fleet, backend, what):
    origin.page("/blog/1", headers={"Cache-Tag": "blog"})
    pages_of(origin, "/other/*")
    a, b = fleet(backend)
    kept(a, "/blog/1", lowest(backend))
    kept(a, "/other/2", lowest(backend))
    for larder in (a, b, b):
        assert get(larder, "/blog/1").hit and get(larder, "/other/2").hit
    began = time.monotonic()
    a.purge(what)
    wait_until(lambda: get(b, "/blog/1").body != b"/blog/1 #1", "the purge to reach the other one", 1 * slack())
    print(f"{backend}, {what}: {(time.monotonic() - began) * 1000:.1f} ms")
    assert get(b, "/other/2").hit == (what != "all=1")
    assert get(a, "/blog/1").body != b"/blog/1 #1"


@shared
def test_a_purge_is_quick(origin, fleet, backend):
    """Of 50 purges nearly all reach the memory of the other one within 50 ms; a poll of it takes some, too."""
    origin.page("/p", headers={"Cache-Tag": "x"})
    a, b = fleet(backend)
    times = []
    with b.connect() as c:
        for n in range(1, 51):
            wait_until(lambda: c.request("GET", "/p", SITE).hit, "the page to be stored")
            old = c.request("GET", "/p", SITE).body
            began = time.monotonic()
            a.purge("tag=x")
            while c.request("GET", "/p", SITE).body == old:
                assert time.monotonic() - began < 1 * slack(), "a second is over"
            times.append(time.monotonic() - began)
    times.sort()
    print(f"{backend}: half within {times[25] * 1000:.1f} ms, the slowest {times[-1] * 1000:.1f} ms")
    assert times[45] < 0.1 * slack()


@shared
def test_a_soft_purge_reaches_the_other(origin, fleet, backend):
    origin.page("/p", headers={"Cache-Tag": "x"})
    a, b = fleet(backend, more=ROUTES + "stale_while_revalidate = 60s")
    kept(a, "/p", lowest(backend))
    assert get(b, "/p").hit
    slow = Gate()
    origin.page("/p", gate=slow)
    a.purge("tag=x&soft=1")
    wait_until(lambda: get(b, "/p") and origin.count("/p") == 2, "the other one to renew it", 1 * slack())
    assert get(b, "/p").body == b"/p #1", "served stale meanwhile"
    slow.open()
    wait_until(lambda: get(a, "/p").body != b"/p #1" != get(b, "/p").body, "the renewed page at both")


@shared
def test_a_post_at_one_invalidates_at_the_other(origin, fleet, backend):
    origin.page("/p")
    a, b = fleet(backend)
    kept(a, "/p", lowest(backend))
    assert get(b, "/p").hit
    assert a.request("POST", "/p", SITE, b"x").status == 200
    wait_until(lambda: get(b, "/p").body != b"/p #1", "the invalidation to reach the other one", 1 * slack())


@shared
def test_what_is_long_drops_nothing_else(origin, fleet, backend):
    """Neither what any visitor may ask for nor a purge of a long tag is taken for a purge of everything."""
    pages_of(origin)
    a, b = fleet(backend)
    targets = [f"/blog/{i}" for i in range(5)]
    for target in targets:
        kept(a, target, lowest(backend))
        assert get(b, target).hit
    long = "/search?q=" + "t" * 3000
    purged = a.tier("purged_total", lowest(backend))
    assert get(a, long).status == 200
    assert a.request("POST", long, SITE, b"x").status == 200
    for what in ("tag=", "prefix=/", "glob=/"):
        assert "at most 1024 are allowed" in a.purge(what + "t" * 1100, status=400).text
    a.purge(f"url={url(long)}")
    kept(a, "/later", lowest(backend))  # what was purged before is known by then
    assert get(b, "/later").hit
    assert [t for t in targets for larder in (a, b) if not get(larder, t).hit] == []
    assert a.tier("purged_total", lowest(backend)) <= purged + 1


@shared
def test_a_fetch_of_one_that_began_before_a_purge_of_the_other(origin, fleet, backend):
    gate = Gate()
    origin.page("/p", gate=gate, headers={"Cache-Tag": "x"})
    a, b = fleet(backend)
    with b.connect() as c:
        c.send("GET", "/p", SITE)
        gate.wait_reached()
        receipt_of(a, "tag=x")
        gate.open()
        assert c.read().body == b"/p #1"
    for larder in (a, b):
        assert get(larder, "/p").body != b"/p #1"


def receipt_of(larder, what):
    """POST /purge?wait=1: who has carried it out, as (instance, ms); ms is None of one who has not."""
    answer = larder.admin("POST", "/purge?wait=1", {"Content-Type": "application/x-www-form-urlencoded"}, what.encode())
    assert answer.status == 200, answer.text
    told = json.loads(answer.body)
    receipt = [(one["instance"], one["ms"]) for one in told["receipts"]]
    assert told["complete"] == all(ms is not None for _, ms in receipt), told
    return receipt


@shared
def test_a_purge_that_waits_gives_a_receipt(origin, fleet, backend):
    origin.page("/p", headers={"Cache-Tag": "x"})
    a, b = fleet(backend)
    kept(a, "/p", lowest(backend))
    for n in range(1, 10):
        wait_until(lambda: get(b, "/p").hit, "the page to be stored")
        old = get(b, "/p").body
        receipt = receipt_of(a, "tag=x")
        assert get(b, "/p").body != old, "all have carried it out when the answer comes"
        assert len({instance for instance, _ in receipt}) == 2 and all(0 <= ms < 1000 * slack() for _, ms in receipt), receipt


def test_the_command_line_prints_the_receipt(origin, fleet):
    a, b = fleet("memory, redis")
    for larder in (a, b):
        ready(origin, larder, "memory, redis")
    done = run("purge", "-c", a.ini_path, "--tag", "x", "--wait")
    assert done.returncode == 0, done
    assert re.fullmatch(r"purged: 0 entries \(purge \d+\)\n(  \S+: after \d+ ms\n){2}  complete\n", done.stdout), done


def freeze(larder):
    """SIGSTOP, and waits until each thread has stopped: until then it may still do something."""
    def states():
        for thread in os.listdir(f"/proc/{larder.process.pid}/task"):
            with open(f"/proc/{larder.process.pid}/task/{thread}/stat", encoding="ascii") as f:
                yield f.read().rsplit(")", 1)[1].split()[0]
    larder.process.send_signal(signal.SIGSTOP)
    wait_until(lambda: set(states()) <= {"T"}, "all threads to stop")


@pytest.mark.parametrize("backend", FILES + REDISES)
def test_a_receipt_names_who_is_left(origin, fleet, backend):
    """One that ended in order is not waited for; one that hangs is told of, or counts as gone by then."""
    origin.page("/p", headers={"Cache-Tag": "x"})
    a, b, c = fleet(backend, 3)
    for larder in (a, b, c):
        wait_until(lambda one=larder: get(one, "/p").hit, "the page to be stored")
    assert len(receipt_of(a, "tag=x")) == 3
    c.stop()
    wait_until(lambda: len(receipt_of(a, "tag=x")) == 2, "the one that ended to be forgotten")
    freeze(b)
    try:
        began = time.monotonic()
        receipt = receipt_of(a, "tag=x")
        assert len(receipt) <= 2 and sum(ms is not None for _, ms in receipt) == 1, receipt
        assert time.monotonic() - began < 15
    finally:
        b.process.send_signal(signal.SIGCONT)
    wait_until(lambda: all(ms is not None for _, ms in receipt_of(a, "tag=x")), "it to be there again")


@pytest.mark.alone
def test_a_slow_page_is_fetched_once_between_three(origin, fleet):
    origin.page("/slow", delay=1)
    larders = fleet("memory, redis", 3)
    for larder in larders:
        ready(origin, larder, "memory, redis")
    requests = [larder.bytes_of("/slow", SITE) for larder in larders]
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        answers = [a for some in pool.map(lambda x: client.at_once(x[0].port, [x[1]] * 20), zip(larders, requests)) for a in some]
    assert origin.count("/slow") == 1, "one lease between three"
    assert {(a.status, a.whole, a.body) for a in answers} == {(200, True, b"/slow #1")} and len(answers) == 60
    assert max(a.elapsed for a in answers) < 1.5 * slack()


def test_a_herd_has_a_page_brought_from_redis_once(origin, fleet, cache_ini):
    """By one of each worker; the others take what it brings."""
    pages_of(origin, "/p", size=5000)
    a, b = fleet("memory, redis", 2, "redis_budget = 5s\n" + ROUTES)
    ready(origin, b, "memory, redis")
    kept(a, "/p", "redis")
    before = b.tier("hits_total", "redis")
    cache_ini.redis.pause()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        herd = pool.submit(client.at_once, b.port, [b.bytes_of("/p", SITE)] * 50)
        wait_until(lambda: b.metric("larder_connections_open") >= 50, "all of them to be there")
        cache_ini.redis.resume()
        answers = herd.result()
    assert {(x.status, x.whole, x.body, bool(x.hit)) for x in answers} == {(200, True, content("/p", 5000), True)}
    assert origin.count("/p") == 1
    assert b.tier("hits_total", "redis") - before <= 2, "of 50: one of each of the two workers"


@pytest.mark.alone
def test_one_that_dies_with_the_lease_holds_nobody_up(origin, fleet):
    gate = Gate()
    origin.page("/slow", gate=gate)
    a, b = fleet("memory, redis", 2)
    first = a.connect()
    first.send("GET", "/slow", SITE)
    gate.wait_reached()
    with b.connect() as second:
        second.send("GET", "/slow", SITE)
        a.kill()
        first.close()
        gate.open()
        answer = second.read()
        assert answer.status == 200 and answer.elapsed < 15
    a.start()


@pytest.mark.alone
def test_without_redis_each_fetches_for_itself(origin, fleet, cache_ini):
    origin.page("/slow", delay=0.5)
    larders = fleet("memory, redis", 3, "redis_budget = 100ms\n" + ROUTES)
    cache_ini.redis.pause()
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda larder: get(larder, "/slow"), larders))
    cache_ini.redis.resume()
    assert {a.status for a in answers} == {200} and max(a.elapsed for a in answers) < 1.2 * slack()
    assert 1 <= origin.count("/slow") <= 3


@shared
def test_load_on_two_while_one_purges(origin, fleet, backend):
    pages_of(origin, size=3000)
    a, b = fleet(backend)
    with Visitors(a, pages=50, size=3000) as one, Visitors(b, pages=50, size=3000) as other:
        for _ in range(10):
            one.wait(50)
            other.wait(50)
            for what in ("tag=crowd", "prefix=/crowd/1", f"url={url('/crowd/7')}"):
                a.purge(what)
                b.purge(what)
    assert one.hits + other.hits > 200

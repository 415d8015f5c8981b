"""POST /purge on the admin listener: by url, prefix, glob, tag, all; hard and soft; what a fetch under way may store."""
import pytest

from larder import run, wait_until
from origin import Gate

ROUTES = "[route /*]\nttl = 60s\n"
PAGES = ["/blog/1", "/blog/2", "/blog/deep/3", "/shop/1"]


@pytest.fixture
def larder(origin, serve):
    origin.page("/*", headers=lambda r: {"Cache-Tag": "page, " + r.path.split("/")[1], "Surrogate-Key": "every one"})
    larder = serve(origin, ROUTES)
    for target in PAGES:
        larder.stored(target)
    return larder


@pytest.mark.parametrize("what, dropped", [
    ("url=http://127.0.0.1:{port}/blog/1", ["/blog/1"]),
    ("url=/blog/1", ["/blog/1"]),
    ("url=/blog/1&host=other.example", []),
    ("url=/nowhere", []),
    ("prefix=/blog/", ["/blog/1", "/blog/2", "/blog/deep/3"]),
    ("prefix=http://127.0.0.1:{port}/blog/deep", ["/blog/deep/3"]),
    ("glob=/*/1", ["/blog/1", "/shop/1"]),
    ("tag=blog", ["/blog/1", "/blog/2", "/blog/deep/3"]),
    ("tag=shop", ["/shop/1"]),
    ("tag=one", PAGES),
    ("tag=sho", []),
    ("all=1", PAGES),
])
def test_purge(origin, larder, what, dropped):
    answer = larder.purge(what.format(port=larder.port))
    assert answer["purged"] == len(dropped) and answer["id"]
    before = len(origin.requests)
    hits = [t for t in PAGES if larder.get(t).hit]
    assert hits == [t for t in PAGES if t not in dropped]
    assert len(origin.requests) - before == len(dropped)


@pytest.mark.parametrize("what", ["", "tag=", "colour=red", "url=%00", "tag=a&prefix=/b", "all=0", "tag=a&tag=b"])
def test_wrong_purges_are_refused(larder, what):
    assert larder.purge(what, status=400).text
    assert larder.entries() == len(PAGES)


def test_get_does_not_purge(larder):
    answer = larder.admin("GET", "/purge?all=1")
    assert answer.status == 405 and "POST" in answer["Allow"] and larder.entries() == len(PAGES)


def test_soft_purge_serves_stale_while_one_fetch_renews(origin, serve):
    gate = Gate()
    origin.page("/p", gate=gate, headers={"Cache-Tag": "x"})
    larder = serve(origin, ROUTES + "stale_while_revalidate = 60s")
    gate.open()
    larder.stored("/p")
    slow = Gate()
    origin.page("/p", gate=slow)
    assert larder.purge("tag=x&soft=1")["purged"] == 1
    for _ in range(3):
        stale = larder.get("/p")
        assert stale.body == b"/p #1" and stale.first_byte < 5
    slow.wait_reached()
    slow.open()
    wait_until(lambda: larder.get("/p").body == b"/p #2", "the renewed page")
    assert origin.count("/p") == 2


@pytest.mark.parametrize("purge", ["url=http://127.0.0.1:{port}/p", "tag=x", "prefix=/", "all=1", "PURGE"])
def test_a_fetch_that_began_before_a_purge_cannot_store(origin, serve, purge):
    gate = Gate()
    origin.page("/p", gate=gate, headers={"Cache-Tag": "x"})
    larder = serve(origin, ROUTES)
    with larder.connect() as c:
        c.send("GET", "/p")
        gate.wait_reached()
        if purge == "PURGE":
            larder.request("PURGE", "/p")
        else:
            larder.purge(purge.format(port=larder.port))
        gate.open()
        assert c.read().body == b"/p #1"
    assert larder.get("/p").body == b"/p #2"
    assert wait_until(lambda: larder.get("/p").hit, "the page to be stored after the purge")


def test_command_line(origin, larder):
    where = ["-c", larder.ini_path]
    done = run("purge", *where, "--tag", "blog", "--wait")
    assert done.returncode == 0 and "3 entries" in done.stdout and done.stdout.endswith("  complete\n"), done
    assert larder.entries() == 1
    stats = run("stats", *where)
    assert stats.returncode == 0 and "hit" in stats.stdout, stats


def test_a_tag_of_many_among_more_is_purged_in_milliseconds(origin, serve):
    origin.page("/*", body=b"x", headers=lambda r: {"Cache-Tag": r.path.split("/")[1], "Cache-Control": "max-age=600"})
    larder = serve(origin)
    with larder.connect() as c:
        for i in range(4000):
            assert c.request("GET", f"/{'few' if i % 10 == 0 else 'many'}/{i}").status == 200
    wait_until(lambda: larder.entries() == 4000, "all pages to be stored")
    import time
    began = time.monotonic()
    assert larder.purge("tag=few")["purged"] == 400
    assert time.monotonic() - began < 0.5
    assert larder.entries() == 3600

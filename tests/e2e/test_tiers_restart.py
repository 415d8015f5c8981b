"""Pages survive the process: an orderly end, and one in the midst of its work."""
import threading
import time

import pytest

from larder import sanitizer, slack, wait_until
from tiers import LASTING, ROUTES, SITE, Visitors, content, files_below, get, kept, lowest, marked, pages_of, url

PAGES = 2000 if sanitizer() else 10_000


def ask_all(larder, n, prefix, threads=4):
    """Asks for all pages of the prefix; returns those that are no hits. A wrong one fails."""
    misses, problems = [], []

    def some(number):
        try:
            with larder.connect() as c:
                for i in range(number, n, threads):
                    path = f"{prefix}/{i}"
                    answer = c.request("GET", path, SITE)
                    if answer.status != 200 or not answer.whole or answer.body != content(path):
                        problems.append(f"{path}: {answer} {answer.body[:80]!r}")
                    if not answer.hit:
                        misses.append(path)
        except Exception as problem:
            problems.append(repr(problem))

    running = [threading.Thread(target=some, args=(i,), daemon=True) for i in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(100)
    assert not problems and not any(t.is_alive() for t in running), problems[:5]
    return misses


@pytest.mark.alone
@pytest.mark.timeout(300)
@pytest.mark.parametrize("backend", ["file", "memory, file"])
def test_ten_thousand_pages_survive_a_kill_under_load(origin, serve, cache_ini, backend):
    pages_of(origin)
    larder = serve(origin, cache_ini(backend, ROUTES))
    with larder.connect() as c:
        for i in range(PAGES):
            assert c.request("GET", f"/done/{i}", SITE).status == 200
            if i % 200 == 199:  # no more at a time than the file tier's queue takes
                wait_until(lambda n=i + 1: larder.tier("stores_total", "file") >= n, "the pages to be on disk")
    figures = {name: larder.tier(name, "file") for name in ("stores_total", "skipped_total", "errors_total", "refused_full_total")}
    wait_until(lambda: larder.tier("stores_total", "file") >= PAGES, f"all pages to be on disk: {figures}")
    dying = threading.Event()
    with Visitors(larder, pages=5000, prefix="/during", alive=lambda: not dying.is_set()) as crowd:
        crowd.wait(500)
        dying.set()
        larder.kill()
    asked = origin.count("/done/*")
    larder.start()
    began = time.monotonic()
    first = get(larder, "/done/4321" if PAGES > 4321 else "/done/321")
    assert first.hit and time.monotonic() - began < 0.5 * slack(), "the first one at once"
    while time.monotonic() - began < 1:  # while the index fills
        for i in range(0, PAGES, 97):
            assert get(larder, f"/done/{i}").hit, i
    assert ask_all(larder, PAGES, "/done") == [] and origin.count("/done/*") == asked
    ask_all(larder, 5000, "/during")  # whole and right, be it hit or miss
    assert larder.tier("corrupt_total", "file") == 0, "what was not complete was not found"
    left = [path for path in files_below(cache_ini.path) if ".tmp" in path]
    assert wait_until(lambda: not [p for p in files_below(cache_ini.path) if ".tmp" in p], f"what was begun to be removed: {left[:3]}")


@pytest.mark.parametrize("how", ["stop", "kill"])
@pytest.mark.parametrize("backend", LASTING)
def test_pages_survive_an_end(origin, serve, cache_ini, backend, how):
    pages_of(origin)
    origin.page("/v", body=lambda r: (r["Accept-Language"] or "none").encode(), headers={"Vary": "Accept-Language", "ETag": '"v1"'})
    larder = serve(origin, cache_ini(backend, ROUTES))
    for i in range(50):
        kept(larder, f"/blog/{i}", lowest(backend))
    for language in ("de", "en"):
        kept(larder, "/v", lowest(backend), {"Accept-Language": language})
    began = time.time()
    marked(cache_ini.path, backend)
    getattr(larder, how)()
    larder.start()
    assert ask_all(larder, 50, "/blog", threads=1) == []
    for language in ("de", "en"):
        answer = get(larder, "/v", {"Accept-Language": language})
        assert answer.hit and answer.text == language and answer["ETag"] == '"v1"'
    assert origin.count("/blog/*") == 50 and origin.count("/v") == 2
    wait_until(lambda: int(get(larder, "/v", {"Accept-Language": "de"})["Age"]) >= 2, "its age to go on")
    assert int(get(larder, "/v", {"Accept-Language": "de"})["Age"]) <= time.time() - began + 20


@pytest.mark.parametrize("what", ["tag=blog", "prefix=/blog/", "glob=/bl*", "all=1", f"url={url('/blog/7')}"])
@pytest.mark.parametrize("backend", LASTING)
def test_a_purge_reaches_what_an_earlier_process_stored(origin, serve, cache_ini, backend, what):
    pages_of(origin)
    larder = serve(origin, cache_ini(backend, ROUTES))
    for i in (7, 8):
        kept(larder, f"/blog/{i}", lowest(backend))
    larder.kill()
    larder.start()
    larder.purge(what)
    dropped = ["/blog/7"] if what.startswith("url") else ["/blog/7", "/blog/8"]
    assert [t for t in ("/blog/7", "/blog/8") if not get(larder, t).hit] == dropped


@pytest.mark.parametrize("backend", LASTING)
def test_a_purge_outlives_the_process(origin, serve, cache_ini, backend):
    """What was purged does not come back with the next process, of whatever kind the purge was."""
    pages_of(origin)
    larder = serve(origin, cache_ini(backend, ROUTES))
    for what, target in (("tag=blog", "/blog/1"), ("prefix=/shop", "/shop/1"), (f"url={url('/one/1')}", "/one/1")):
        kept(larder, target, lowest(backend))
        larder.purge(what)
    kept(larder, "/other/1", lowest(backend))
    marked(cache_ini.path, backend)
    larder.kill()
    larder.start()
    assert get(larder, "/other/1").hit
    assert [t for t in ("/blog/1", "/shop/1", "/one/1") if get(larder, t).hit] == []


@pytest.mark.parametrize("backend", LASTING)
def test_a_ttl_goes_on_without_the_process(origin, serve, cache_ini, backend):
    origin.page("/p")
    larder = serve(origin, cache_ini(backend, "[route /*]\nttl = 2s"))
    kept(larder, "/p", lowest(backend))
    came = time.monotonic()
    larder.stop()
    larder.start()
    wait_until(lambda: time.monotonic() > came + 2, "the end of its ttl")
    assert get(larder, "/p").body == b"/p #2"

"""What a request's Cache-Control asks for (RFC 9111 5.2.1), and what a route makes of it."""
import pytest

from larder import wait_until

LIVES = {"Cache-Control": "max-age=1000", "Age": "100"}


@pytest.fixture
def larder(origin, serve):
    """/p is stored, 100 of its 1000 seconds old; /stale is 100 seconds too old."""
    origin.page("/p", headers=LIVES)
    origin.page("/stale", headers={"Cache-Control": "max-age=1000", "Age": "1100", "ETag": '"v"'})
    one = serve(origin)
    one.stored("/p")
    one.get("/stale")
    wait_until(lambda: one.entries() == 2, "both to be stored")
    return one


@pytest.mark.parametrize("path, value, reused", [
    ("/p", "max-age=0", False), ("/p", "max-age=50", False), ("/p", "max-age=500", True), ("/p", "max-age=x", True),
    ("/p", "min-fresh=500", True), ("/p", "min-fresh=950", False),
    ("/p", "no-cache", False), ("/p", "no-store", True), ("/p", "only-if-cached", True), ("/p", "foo", True),
    ("/p", 'foo="no-cache"', True), ("/p", "NO-CACHE", False),
    ("/stale", "max-stale", True), ("/stale", "max-stale=500", True), ("/stale", "max-stale=50", False), ("/stale", "foo", False),
    ("/stale", "max-age=2000, max-stale=500", True), ("/stale", "max-age=500, max-stale=500", False),
])
def test_directives(origin, larder, path, value, reused):
    before = origin.count(path)
    answer = larder.get(path, {"Cache-Control": value})
    assert answer.status == 200 and (origin.count(path) == before) == reused


def test_only_if_cached(origin, larder):
    """RFC 9111 5.2.1.7-1: what is stored, or 504; the origin is not asked."""
    for path in ("/other", "/stale"):
        before = origin.count(path)
        assert larder.get(path, {"Cache-Control": "only-if-cached"}).status == 504
        assert origin.count(path) == before
    assert larder.get("/p", {"Cache-Control": "only-if-cached"}).hit
    assert larder.get("/stale", {"Cache-Control": "only-if-cached, max-stale"}).hit


def test_pragma(origin, larder):
    before = origin.count("/p")
    larder.get("/p", {"Pragma": "no-cache"})
    assert origin.count("/p") == before + 1
    assert larder.get("/p", {"Pragma": "no-cache", "Cache-Control": "foo"}).hit, "Cache-Control is there, so Pragma is not looked at"
    assert larder.get("/p", {"Pragma": "foo"}).hit


def test_no_store(origin, serve):
    """RFC 9111 5.2.1.5-1, 5.2.1.5-2: neither stored nor kept while it is passed on."""
    origin.page("/p", headers=LIVES)
    larder = serve(origin)
    for n in (1, 2):
        assert larder.get("/p", {"Cache-Control": "no-store"}).body == b"/p #%d" % n
    assert larder.entries() == 0 and larder.get("/p").body == b"/p #3"


def test_response_no_store(origin, serve):
    """RFC 9111 5.2.2.5-1, 5.2.2.5-2, 5.2.2.5-3, 3-4: nothing of it is in the store afterwards, and nobody else gets it."""
    origin.page("/p", headers={"Cache-Control": "no-store, max-age=60"})
    larder = serve(origin)
    for n in (1, 2, 3):
        assert larder.get("/p").body == b"/p #%d" % n
    assert larder.entries() == 0
    bodies = [a.body for a in larder.at_once(8, "/p")]
    assert len(set(bodies)) == 8, "RFC 9111 5.2.2.5-2: not even who waits for the same page"

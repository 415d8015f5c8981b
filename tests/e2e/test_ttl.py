"""How long a page lives: the route's ttl and ttl_status, or what the origin's headers say."""
import pytest

from larder import wait_until


def test_ttl_ends(origin, serve):
    origin.page("/p")
    larder = serve(origin, "[route /p]\nttl = 1s")
    larder.stored("/p")
    assert larder.get("/p").body == b"/p #1"
    wait_until(lambda: larder.get("/p").body == b"/p #2", "the page to be fetched anew")
    assert origin.count("/p") == 2


@pytest.mark.parametrize("says", ["max-age=0", "no-cache", "max-age=1", None])
def test_ttl_beats_the_origins_freshness(origin, serve, says):
    origin.page("/p", headers={"Cache-Control": says} if says else None)
    larder = serve(origin, "[route /p]\nttl = 60s")
    larder.stored("/p")
    assert int(larder.get("/p").cache["ttl"]) > 50


def test_ttl_is_for_200_only(origin, serve):
    for status in (404, 301, 302, 500):
        origin.page(f"/{status}", status=status, headers={"Location": "/x"} if status < 400 else None)
    larder = serve(origin, "[route /*]\nttl = 60s")
    for status in (302, 500):
        assert [larder.get(f"/{status}").body for _ in range(2)] == [f"/{status} #{n}".encode() for n in (1, 2)]


def test_ttl_status(origin, serve):
    origin.page("/missing", status=404)
    origin.page("/moved", status=301, headers={"Location": "/new"})
    larder = serve(origin, "[route /*]\nttl = 60s\nttl_status = 404 10s, 301 1h")
    larder.stored("/missing")
    larder.stored("/moved")
    missing, moved = larder.get("/missing"), larder.get("/moved")
    assert missing.status == 404 and int(missing.cache["ttl"]) <= 10
    assert moved.status == 301 and moved["Location"] == "/new" and int(moved.cache["ttl"]) > 3500


@pytest.mark.parametrize("headers, ttl", [
    ({"Cache-Control": "max-age=100"}, 100),
    ({"Cache-Control": "max-age=100, s-maxage=200"}, 200),
    ({"Cache-Control": "max-age=100", "Age": "40"}, 60),
    ({"Date": "Sun, 06 Nov 2044 08:49:37 GMT", "Expires": "Sun, 06 Nov 2044 08:51:17 GMT"}, 100),
])
def test_without_ttl_the_origin_decides(origin, serve, headers, ttl):
    origin.page("/p", headers=headers)
    larder = serve(origin)
    larder.stored("/p")
    assert ttl - 5 <= int(larder.get("/p").cache["ttl"]) <= ttl


def test_without_ttl_and_without_freshness_nothing_is_reused(origin, serve):
    origin.page("/p")
    larder = serve(origin)
    assert [larder.get("/p").body for _ in range(3)] == [b"/p #1", b"/p #2", b"/p #3"]
    assert larder.entries() == 0

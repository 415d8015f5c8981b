"""Routes are tried from top to bottom, the first match wins: path, glob, regular expression, host."""
import pytest

INI = """
    [route exact]
    match = /exact
    ttl = 60s
    [route /blog/*]
    ttl = 60s
    [route versioned]
    match = ~ ^/api/v[0-9]+/, api.example.com/*
    cache = off
    [route shop]
    match = shop.example.com/cart/*
    cache = off
    [route /api/*]
    ttl = 60s
    [route shadowed]
    match = /blog/never
    cache = off
    """


@pytest.mark.parametrize("host, target, route, cached", [
    ("x", "/exact", "exact", True),
    ("x", "/exact/more", "default", False),
    ("x", "/exact?a=1", "exact", True),
    ("x", "/blog/1", "/blog/*", True),
    ("x", "/blog/never", "/blog/*", True),
    ("x", "/blog", "default", False),
    ("x", "/api/v1/x", "versioned", False),
    ("x", "/api/vx/x", "/api/*", True),
    ("api.example.com", "/anything", "versioned", False),
    ("API.Example.com:80", "/anything", "versioned", False),
    ("shop.example.com", "/cart/1", "shop", False),
    ("x", "/cart/1", "default", False),
    ("x", "/blog/../exact", "exact", False),  # see test_query: dot segments are not stored
    ("x", "/%62log/1", "/blog/*", True),
])
def test_first_match(origin, serve, host, target, route, cached):
    origin.page("/*")
    larder = serve(origin, INI)
    answers = [larder.get(target, {"Host": host}) for _ in range(3)]
    assert answers[2].hit == cached
    assert larder.logged(target)["route"] == route


def test_cache_off_is_never_stored(origin, serve):
    origin.page("/*", headers={"Cache-Control": "max-age=60"})
    larder = serve(origin, "[route /off/*]\ncache = off")
    larder.stored("/on")
    assert [larder.get("/off/1").body for _ in range(2)] == [b"/off/1 #1", b"/off/1 #2"]
    assert larder.logged("/off/1")["reason"] == "route-off"
    assert larder.entries() == 1


def test_header_rules(origin, serve):
    origin.page("/*", headers={"Server": "app/1.0", "X-Old": "1", "X-Twice": "1"})
    larder = serve(origin, """
        [route /*]
        ttl = 60s
        request_header_set = X-Added: to request
        request_header_remove = X-Debug
        response_header_set = X-Old: 2
        response_header_add = X-Twice: 2
        response_header_remove = Server
        """)
    larder.stored("/p", {"X-Debug": "1", "X-Added": "by client"})
    assert origin.last("/p").all("X-Added") == ["to request"] and origin.last("/p")["X-Debug"] is None
    for answer in (larder.get("/p"), larder.get("/q")):
        assert answer["X-Old"] == "2" and answer.all("X-Twice") == ["1", "2"] and answer["Server"] is None


def test_a_thousand_routes(origin, serve):
    origin.page("/*")
    routes = "".join(f"[route /area{i}/*]\nttl = {i + 60}s\n" for i in range(1000))
    larder = serve(origin, routes)
    larder.stored("/area999/x")
    assert int(larder.get("/area999/x").cache["ttl"]) > 1000

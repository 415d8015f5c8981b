"""What is dangerous to share is not stored, even under a ttl, unless the route names it; the visitor always gets it."""
import pytest

ROUTE = "[route /*]\nttl = 60s\n"
COOKIE = {"Set-Cookie": "session=1; Path=/"}


def ask_twice(larder, headers):
    return [larder.get("/p", headers) for _ in range(2)]


@pytest.mark.parametrize("reason, response, request_headers, option", [
    ("private", {"Cache-Control": "private"}, {}, "override = private"),
    ("no-store", {"Cache-Control": "no-store"}, {}, "override = no-store"),
    ("vary-star", {"Vary": "*"}, {}, "override = vary"),
    ("set-cookie", COOKIE, {}, "set_cookie = keep"),
    ("authorization", {}, {"Authorization": "Basic eDp5"}, "override = authorization"),
])
def test_held_back_unless_named(origin, serve, reason, response, request_headers, option):
    origin.page("/p", headers=response)
    larder = serve(origin, ROUTE)
    first, second = ask_twice(larder, request_headers)
    assert (first.body, second.body) == (b"/p #1", b"/p #2")
    assert not second.hit and "stored" not in second.cache
    assert reason in larder.logged("/p")["reason"] or larder.logged("/p")["reason"] == "pass-remembered"
    assert any(reason in line["reason"] for line in larder.log_lines())
    assert larder.entries() == 0

    other = serve(origin, ROUTE + option)
    first, second = ask_twice(other, request_headers)
    assert (first.body, second.body) == (b"/p #3", b"/p #3") and second.hit


def test_authorized_page_that_says_public_is_shared(origin, serve):
    origin.page("/p", headers={"Cache-Control": "public, max-age=60"})
    larder = serve(origin)
    _, second = ask_twice(larder, {"Authorization": "Basic eDp5"})
    assert second.hit


def test_request_no_store(origin, serve):
    origin.page("/p", headers={"Cache-Control": "max-age=60"})
    larder = serve(origin)
    larder.get("/p", {"Cache-Control": "no-store"})
    assert larder.entries() == 0


def test_a_page_larger_than_max_object_passes(origin, serve):
    origin.page("/p", body=b"x" * 200_000, headers={"Cache-Control": "max-age=60"})
    larder = serve(origin, "[cache]\nmax_object = 100K")
    for n in (1, 2):
        answer = larder.get("/p")
        assert len(answer.body) == 200_000 and answer.whole and origin.count("/p") == n
    assert larder.entries() == 0


def test_get_with_a_body_is_never_looked_up_nor_stored(origin, serve):
    origin.page("/p")
    larder = serve(origin, ROUTE)
    assert larder.request("GET", "/p", body=b"question").body == b"/p #1"
    assert origin.last("/p").body() == b"question"
    assert larder.stored("/p").body == b"/p #2"
    assert larder.request("GET", "/p", body=b"question").body == b"/p #3"
    assert larder.logged("/p", reason="request-body")["verdict"] == "pass"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_pass(origin, serve, method):
    origin.page("/p")
    larder = serve(origin, ROUTE)
    for n in (1, 2):
        answer = larder.request(method, "/p", body=b"data" if method != "OPTIONS" else None)
        assert answer.body == b"/p #%d" % n and not answer.hit
    assert larder.logged("/p")["reason"] == "method"

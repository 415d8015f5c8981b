"""What may be stored and reused at all (RFC 9111 3, 4), as a client sees it."""
import pytest

from larder import wait_until
from reuse import assert_reuse, is_reused

LIVES = {"Cache-Control": "max-age=1000"}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "FOO"])
def test_methods(origin, serve, method):
    """RFC 9111 3-1, 4-2: an answer to such a method is not stored, and none stored answers it."""
    origin.page("/p", headers=LIVES)
    larder = serve(origin)
    larder.request(method, "/p", body=b"x")
    assert larder.get("/p").body == b"/p #2"
    larder.stored("/p")
    before = origin.count("/p")
    assert not larder.request(method, "/p", body=b"x").hit and origin.count("/p") == before + 1


def test_authorization(origin, serve):
    rows = [
        ("RFC 9111 3-6, 3.5-1: nothing permits it", "max-age=100", False),
        ("RFC 9111 3-6, 3.5-1: unknown directives do not permit it", "max-age=100, foo", False),
        ("public", "max-age=100, public", True),
        ("s-maxage", "s-maxage=100", True),
        ("must-revalidate", "max-age=100, must-revalidate", True),
        ("RFC 9111 3.5-1: private beside public", "max-age=100, public, private", False),
    ]
    larder = serve(origin)
    for i, (sentence, value, reused) in enumerate(rows):
        origin.page(f"/{i}", headers={"Cache-Control": value})
        assert is_reused(origin, larder, f"/{i}", {"Authorization": "Basic eDp5"}) == reused, sentence
        if not reused:
            assert not larder.get(f"/{i}").hit, sentence


def test_private(origin, serve):
    assert_reuse(origin, serve(origin), [
        ("RFC 9111 3-5, 5.2.2.7-1: private", {"Cache-Control": "private, max-age=100"}, False),
        ("RFC 9111 3-5, 5.2.2.7-1: private in any case", {"Cache-Control": "max-age=100, PRIVATE"}, False),
        ("private in a quoted string", {"Cache-Control": 'max-age=100, x="private"'}, True),
    ])


@pytest.mark.parametrize("directive", ["private", "no-cache"])
def test_fields_that_a_directive_names_never_come_back_unasked(origin, serve, directive):
    """RFC 9111 5.2.2.7-2: named fields are not stored by a shared cache; of no-cache they are not reused without the origin."""
    @origin.on("/p")
    def handler(request, reply):
        reply.send(200, {"Cache-Control": f'max-age=100, {directive}="X-Mine, x-other"', "X-Mine": str(request.number), "X-Other": "y",
                         "X-All": "z"}, b"page")

    larder = serve(origin)
    for n in range(1, 4):
        answer = larder.get("/p")
        assert answer["X-All"] == "z" and (answer["X-Mine"] is None if answer.hit else answer["X-Mine"] == str(origin.count("/p")))


def test_uris_differ(origin, serve):
    """RFC 9111 4-1: another host, path, query or port is another page."""
    origin.page("/*", body=lambda r: f'{r["Host"]} {r.target}'.encode(), headers=LIVES)
    larder = serve(origin, "[route /*]\nquery = all")
    for target, host in (("/a", "x.example"), ("/a", "y.example"), ("/a", "x.example:81"), ("/b", "x.example"), ("/A", "x.example"),
                         ("/a?b=1", "x.example"), ("/a?b=2", "x.example"), ("/a?B=1", "x.example"), ("/a?", "x.example"), ("/a/", "x.example")):
        answer = larder.get(target, {"Host": host})
        if target != "/a?":  # the same as /a where nothing but an empty query tells them apart
            assert answer.text == f"{host} {target}", "RFC 9111 4-1"


def test_no_cache_is_stored_and_validated(origin, serve):
    """RFC 9111 4-4, 5.2.2.4-1: each use asks the origin first."""
    @origin.on("/p")
    def handler(request, reply):
        if request["If-None-Match"] == '"v"':
            reply.send(304, {"ETag": '"v"', "Cache-Control": "no-cache, max-age=100"})
        else:
            reply.send(200, {"ETag": '"v"', "Cache-Control": "no-cache, max-age=100"}, b"page")

    larder = serve(origin)
    larder.get("/p")
    wait_until(lambda: larder.entries() == 1, "the page to be stored")
    for n in (2, 3):
        answer = larder.get("/p")
        assert answer.body == b"page" and origin.count("/p") == n and origin.last("/p")["If-None-Match"] == '"v"'


def test_unsafe_methods_are_written_through(origin, serve):
    """RFC 9111 4-7: no answer before the origin's, even when it fails."""
    origin.page("/p", headers=LIVES)
    larder = serve(origin)
    larder.stored("/p")
    origin.on("/p")(lambda request, reply: (request.body(), reply.reset()))
    for method in ("POST", "PUT", "DELETE", "FOO"):
        assert larder.request(method, "/p", body=b"x").status == 502


def test_partial_content_is_not_the_whole(origin, serve):
    """RFC 9111 3.3-2, 3.3-3, 3-3: what a range brought answers no request for the whole, and never as a 200."""
    content = b"0123456789"

    @origin.on("/p")
    def handler(request, reply):
        if request["Range"] == "bytes=2-4":
            reply.send(206, {**LIVES, "ETag": '"v"', "Content-Range": "bytes 2-4/10"}, content[2:5])
        elif request["Range"]:
            low, high = (int(x or 9) for x in request["Range"].removeprefix("bytes=").split(",")[0].split("-"))
            reply.send(206, {**LIVES, "ETag": '"v"', "Content-Range": f"bytes {low}-{high}/10"}, content[low:high + 1])
        else:
            reply.send(200, {**LIVES, "ETag": '"v"'}, content)

    larder = serve(origin)
    part = larder.get("/p", {"Range": "bytes=2-4"})
    assert (part.status, part.body) in ((206, b"234"), (200, content))
    for _ in range(2):
        whole = larder.get("/p")
        assert (whole.status, whole.body, whole["Content-Range"]) == (200, content, None)


@pytest.mark.parametrize("unit", ["lines", "bytesx"])
def test_units_that_are_not_known(origin, serve, unit):
    """RFC 9111 3.3-1: a part in such a unit is not stored."""
    origin.page("/p", status=206, body=b"abc", headers={**LIVES, "ETag": '"v"', "Content-Range": f"{unit} 0-2/10"})
    larder = serve(origin)
    for n in (1, 2, 3):
        answer = larder.get("/p", {"Range": f"{unit}=0-2"})
        assert answer.status == 206 and origin.count("/p") == n
    assert larder.entries() == 0


def test_an_unasked_206_is_not_stored_as_whole(origin, serve):
    """RFC 9111 3.3-3, 3-3: nobody asked for a part."""
    origin.page("/p", status=206, body=b"abc", headers={**LIVES, "ETag": '"v"', "Content-Range": "bytes 0-2/10"})
    larder = serve(origin)
    larder.get("/p")
    origin.page("/p", body=b"0123456789", headers=LIVES)
    answer = larder.get("/p")
    assert (answer.status, answer.body) == (200, b"0123456789")


def test_a_304_that_nobody_asked_for_is_not_stored(origin, serve):
    """RFC 9111 3-3: a 304 says something of what the client has."""
    @origin.on("/p")
    def handler(request, reply):
        if request["If-None-Match"]:
            reply.send(304, {**LIVES, "ETag": '"v"'})
        else:
            reply.send(200, LIVES, b"page")

    larder = serve(origin)
    assert larder.get("/p", {"If-None-Match": '"v"'}).status in (304, 200)
    for _ in range(2):
        answer = larder.get("/p")
        assert (answer.status, answer.body) == (200, b"page")

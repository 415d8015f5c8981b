"""Which fields of a response are stored (RFC 9111 3.1): all, but those of one connection or of a proxy."""
import pytest

KEPT = [("Content-Type", "text/plain"), ("Content-Language", "de"), ("Content-Location", "/elsewhere"), ("Content-MD5", "x"),
        ("Content-Security-Policy", "default-src 'self'"), ("Clear-Site-Data", '"cookies"'), ("ETag", '"v"'), ("Expires", "0"),
        ("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"), ("Link", "</a>; rel=b"), ("Public-Key-Pins", "x"), ("Server", "x"),
        ("X-Frame-Options", "DENY"), ("X-XSS-Protection", "1"), ("X-Unknown", "any (thing)"), ("Warning", '299 - "x"'),
        ("Proxy-Status", "origin"), ("Surrogate-Key", "a b"), ("WWW-Authenticate", "Basic"), ("Trailer-Thing", "x")]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_all_fields_come_back(origin, serve, method):
    """RFC 9111 3.1-1: known or not."""
    origin.page("/p", headers=[("Cache-Control", "max-age=60"), *KEPT])
    larder = serve(origin)
    larder.stored("/p")
    answer = larder.request(method, "/p")
    assert answer.hit
    for name, value in KEPT:
        assert answer[name] == value, f"RFC 9111 3.1-1: {name} is stored"


def test_lines_of_one_name_stay_in_order(origin, serve):
    origin.page("/p", headers=[("Cache-Control", "max-age=60"), ("X-List", "a"), ("X-Between", "b"), ("X-List", "c, d"), ("x-list", "e")])
    larder = serve(origin)
    for answer in (larder.stored("/p"), larder.get("/p")):
        assert answer["X-List"] == "a, c, d, e"


@pytest.mark.parametrize("name", ["Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization"])
def test_what_belongs_to_a_proxy_is_not_stored(origin, serve, name):
    """RFC 9111 3.1-2: fields of the next proxy."""
    origin.page("/p", headers={"Cache-Control": "max-age=60", name: "Basic"})
    larder = serve(origin)
    larder.stored("/p")
    assert larder.get("/p")[name] is None


def test_what_connection_names_is_not_stored(origin, serve):
    origin.page("/p", headers=[("Cache-Control", "max-age=60"), ("Connection", "X-A, close, x-b"), ("X-A", "1"), ("Connection", "X-C"), ("X-B", "2"),
                               ("X-C", "3"), ("X-D", "4"), ("Keep-Alive", "timeout=5"), ("Upgrade", "h2c"), ("TE", "x")])
    larder = serve(origin)
    larder.stored("/p")
    answer = larder.get("/p")
    assert [answer[n] for n in ("X-A", "X-B", "X-C", "X-D", "Keep-Alive", "Upgrade", "TE")] == [None, None, None, "4", None, None, None]


def test_trailer_fields_are_not_made_header_fields(origin, serve):
    """RFC 9111 3.1-3: not even those that say nothing of the framing."""
    @origin.on("/p")
    def handler(request, reply):
        reply.start(200, {"Cache-Control": "max-age=60", "Trailer": "X-Sum, Cache-Control", "X-Both": "head"})
        reply.raw(b"5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-Both: tail\r\nSet-Cookie: a=b\r\n\r\n")

    larder = serve(origin)
    for answer in (larder.stored("/p"), larder.get("/p")):
        assert answer["X-Sum"] is None and answer["Set-Cookie"] is None and answer["X-Both"] == "head" and answer.body == b"hello"


def test_cache_directives_go_on(origin, serve):
    """RFC 9111 5.2-1: in both directions, whatever they mean to us."""
    value = 'max-age=60, foo, community="UCI", no-transform'
    origin.page("/p", headers={"Cache-Control": value})
    larder = serve(origin)
    assert larder.stored("/p")["Cache-Control"] == value and larder.get("/p")["Cache-Control"] == value
    larder.get("/other", {"Cache-Control": 'max-age=5, bar="x", max-stale'})
    assert origin.last("/other")["Cache-Control"] == 'max-age=5, bar="x", max-stale'


def test_no_transform(origin, serve):
    """RFC 9111 5.2.2.6-1: the content of every answer is the origin's, byte by byte."""
    content = bytes(range(256)) * 8
    origin.page("/p", body=content, headers={"Cache-Control": "max-age=60, no-transform", "Content-Type": "image/png", "ETag": '"v"'})
    larder = serve(origin)
    first, again = larder.stored("/p", {"Accept-Encoding": "gzip"}), larder.get("/p", {"Accept-Encoding": "br"})
    for answer in (first, again):
        assert answer.body == content and answer["Content-Encoding"] is None and answer["Content-Type"] == "image/png"
        assert answer["ETag"] == '"v"'

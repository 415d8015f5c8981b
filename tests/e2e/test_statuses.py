"""Which statuses are stored (RFC 9111 3, 4.2.2): any final one with explicit freshness, some without."""
import pytest

from reuse import FUTURE, assert_reuse, date

HEURISTIC = [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501]
OTHERS = [201, 202, 302, 303, 307, 400, 403, 418, 422, 429, 499, 500, 502, 503, 504, 599]


@pytest.mark.parametrize("status", HEURISTIC + [s for s in OTHERS if s < 500] + [299, 399])
def test_explicit_freshness(origin, serve, status):
    assert_reuse(origin, serve(origin), [
        ("max-age", {"Cache-Control": "max-age=100"}, True),
        ("s-maxage", {"Cache-Control": "s-maxage=100"}, True),
        ("Expires", {"Expires": FUTURE}, True),
        ("stale", {"Cache-Control": "max-age=0"}, False),
        ("no-store", {"Cache-Control": "max-age=100, no-store"}, False),
    ], status=status)


@pytest.mark.parametrize("status", [500, 503, 599])
def test_an_error_with_explicit_freshness(origin, serve, status):
    origin.page("/p", status=status, headers={"Cache-Control": "max-age=100"})
    larder = serve(origin)
    answer = larder.stored("/p")
    assert answer.status == status and larder.get("/p").status == status and origin.count("/p") <= 2


@pytest.mark.parametrize("status", HEURISTIC)
def test_heuristic_freshness(origin, serve, status):
    assert_reuse(origin, serve(origin), [
        ("a tenth of the time since Last-Modified", {"Last-Modified": date(-864000)}, True),
        ("RFC 9111 4.2.2-1: not beside max-age", {"Last-Modified": date(-864000), "Cache-Control": "max-age=0"}, False),
        ("RFC 9111 4.2.2-1: not beside an Expires that is past", {"Last-Modified": date(-864000), "Expires": date(-1)}, False),
        ("RFC 9111 4.2.2-1: not beside an invalid Expires", {"Last-Modified": date(-864000), "Expires": "0"}, False),
        ("older than a tenth", {"Last-Modified": date(-864000), "Age": "90000"}, False),
        ("modified in the future", {"Last-Modified": date(864000)}, False),
        ("an invalid Last-Modified", {"Last-Modified": "yesterday"}, False),
        ("neither freshness nor validator", {}, False),
    ], status=status)


@pytest.mark.parametrize("status", [s for s in OTHERS if s < 500])
def test_no_heuristic_for_other_statuses(origin, serve, status):
    """RFC 9111 3-7: neither explicit freshness nor a status that allows a heuristic."""
    assert_reuse(origin, serve(origin), [
        ("Last-Modified alone", {"Last-Modified": date(-864000)}, False),
        ("public allows it", {"Last-Modified": date(-864000), "Cache-Control": "public"}, True),
    ], status=status)


def test_unknown_statuses_and_methods_pass(origin, serve):
    larder = serve(origin)
    for status in (299, 399, 499, 599):
        origin.page("/p", status=status, body=b"x")
        answer = larder.get("/p")
        assert (answer.status, answer.body) == (status, b"x")
    origin.page("/m")
    for method in ("PROPFIND", "FOO", "M-SEARCH", "TRACE"):
        answer = larder.request(method, "/m")
        assert answer.status == 200 and not answer.hit and origin.last("/m").method == method


@pytest.mark.parametrize("status", [204, 304])
def test_no_body(origin, serve, status):
    @origin.on("/p")
    def handler(request, reply):
        reply.raw(b"HTTP/1.1 %d X\r\nCache-Control: max-age=60\r\nETag: \"v\"\r\nContent-Length: 5\r\n\r\n" % status)

    larder = serve(origin)
    for _ in range(2):
        answer = larder.get("/p", {"If-None-Match": '"v"'})
        assert answer.body == b"" and answer.whole and answer["Transfer-Encoding"] is None

"""Which of the stored responses fits a request (RFC 9111 4.1)."""
import pytest

from larder import wait_until
from reuse import date

LIVES = {"Cache-Control": "max-age=1000"}


def varying(origin, vary, path="/p", more=None):
    origin.page(path, headers={**LIVES, "Vary": vary, **(more or {})})


def fits(origin, larder, first, second, path="/p"):
    """Whether the response to the first request answers the second."""
    larder.get(path, first)
    wait_until(lambda: larder.get(path, first).hit, "the page to be stored")
    return larder.get(path, second).hit


ROWS = [
    ("the same value", "Foo", {"Foo": "1"}, {"Foo": "1"}, True),
    ("RFC 9111 4-3, 4.1-1: another value", "Foo", {"Foo": "1"}, {"Foo": "2"}, False),
    ("RFC 9111 4-3, 4.1-1: absent, then there", "Foo", {}, {"Foo": "1"}, False),
    ("RFC 9111 4.1-1: there, then absent", "Foo", {"Foo": "1"}, {}, False),
    ("RFC 9111 4.1-1: empty is not absent", "Foo", {}, {"Foo": ""}, False),
    ("absent both times", "Foo", {}, {}, True),
    ("names in any case", "fOO", {"Foo": "1"}, {"FOO": "1"}, True),
    ("RFC 9111 4.1-1: names in any case, other values", "fOO", {"Foo": "1"}, {"FOO": "2"}, False),
    ("a field that is not named", "Foo", {"Foo": "1", "Other": "2"}, {"Foo": "1", "Other": "3"}, True),
    ("all of several", "Foo, Bar", {"Foo": "1", "Bar": "2"}, {"Foo": "1", "Bar": "2"}, True),
    ("RFC 9111 4.1-1: one of several", "Foo, Bar", {"Foo": "1", "Bar": "2"}, {"Foo": "1", "Bar": "3"}, False),
    ("RFC 9111 4.1-1: one of several is absent", "Foo, Bar", {"Foo": "1", "Bar": "2"}, {"Foo": "1"}, False),
    ("RFC 9111 4.1-1: over several lines", ["Foo", "Bar"], {"Foo": "1", "Bar": "2"}, {"Foo": "1", "Bar": "3"}, False),
    ("empty elements", ",, Foo,,", {"Foo": "1"}, {"Foo": "1"}, True),
    ("RFC 9111 4.1-1: behind empty elements", ",, Foo,,", {"Foo": "1"}, {"Foo": "2"}, False),
    ("white space in a list", "Accept", {"Accept": "a/b,c/d"}, {"Accept": "a/b,  c/d"}, True),
    ("several lines are one", "Accept", {"Accept": "a/b, c/d"}, {"Accept": ["a/b", "c/d"]}, True),
    ("Accept-Encoding in another order", "Accept-Encoding", {"Accept-Encoding": "gzip, br"}, {"Accept-Encoding": "br,gzip"}, True),
    ("Accept-Encoding in another case", "Accept-Encoding", {"Accept-Encoding": "gzip"}, {"Accept-Encoding": "GZIP"}, True),
    ("another Accept-Encoding", "Accept-Encoding", {"Accept-Encoding": "gzip"}, {"Accept-Encoding": "br"}, False),
    ("Accept-Language in another case", "Accept-Language", {"Accept-Language": "en-GB, de"}, {"Accept-Language": "EN-gb,DE"}, True),
    ("Accept-Language, ordered by q", "Accept-Language", {"Accept-Language": "en, de;q=0.5"}, {"Accept-Language": "de;q=0.5, en"}, True),
    ("another Accept-Language", "Accept-Language", {"Accept-Language": "en"}, {"Accept-Language": "de"}, False),
]


def test_what_fits(origin, serve):
    larder = serve(origin)
    wrong = []
    for i, (sentence, vary, first, second, expected) in enumerate(ROWS):
        varying(origin, vary, f"/{i}")
        if fits(origin, larder, first, second, f"/{i}") != expected:
            wrong.append(sentence)
    assert not wrong, wrong


@pytest.mark.parametrize("vary", ["*", "Foo, *", "*, Foo", ["Foo", "*"], " * "])
def test_a_star_never_fits(origin, serve, vary):
    varying(origin, vary)
    larder = serve(origin)
    for n in (1, 2, 3):
        assert larder.get("/p", {"Foo": "1"}).body == b"/p #%d" % n


def test_several_variants_are_kept(origin, serve):
    origin.page("/p", body=lambda r: (r["Foo"] or "none").encode(), headers={**LIVES, "Vary": "Foo"})
    larder = serve(origin)
    for value in ("1", "2", "3"):
        larder.stored("/p", {"Foo": value})
    for value in ("1", "2", "3"):
        answer = larder.get("/p", {"Foo": value})
        assert answer.hit and answer.text == value
    assert not larder.get("/p").hit


def test_one_with_vary_before_one_without(origin, serve):
    """RFC 9111 4.1-2: a default response that forgot its Vary does not hide a preferable one, even when it is newer."""
    larder = serve(origin)
    origin.page("/p", body=b"german", headers={**LIVES, "Vary": "Accept-Language", "Date": date(-100)})
    larder.stored("/p", {"Accept-Language": "de"})
    origin.page("/p", body=b"default", headers={**LIVES, "Date": date(-10)})
    larder.stored("/p", {"Accept-Language": "fr"})
    answer = larder.get("/p", {"Accept-Language": "de"})
    assert answer.hit and answer.body == b"german"


def test_a_stored_language_that_the_client_prefers(origin, serve):
    def handler(request, reply):
        wanted = (request["Accept-Language"] or "en")[:2]
        reply.send(200, {**LIVES, "Vary": "Accept-Language", "Content-Language": wanted}, wanted.encode())
    origin.on("/p")(handler)
    larder = serve(origin)
    for language in ("de", "en"):
        larder.stored("/p", {"Accept-Language": language})
    answer = larder.get("/p", {"Accept-Language": "de;q=0.5, en"})
    assert answer.hit and answer.body == b"en"
    assert not larder.get("/p", {"Accept-Language": "fr"}).hit


def test_variants_of_a_url_are_bounded(origin, serve):
    """A page that varies by what everybody has another of does not push the rest out."""
    origin.page("/many", headers={**LIVES, "Vary": "User-Agent"})
    origin.page("/other", headers=LIVES)
    larder = serve(origin)
    larder.stored("/other")
    for i in range(300):
        larder.get("/many", {"User-Agent": str(i)})
    assert larder.entries() < 150 and larder.get("/other").hit


def test_the_most_recent_of_those_that_fit(origin, serve):
    """RFC 9111 4-8: by Date, not by the order of their coming."""
    def page(vary, body, age):
        origin.page("/p", body=body, headers={"Cache-Control": "max-age=100000", "Vary": vary, "Date": date(-age)})

    larder = serve(origin)
    page("Foo", b"new", 10)
    larder.stored("/p", {"Foo": "1", "Bar": "1"})
    page("Bar", b"old", 5000)
    larder.stored("/p", {"Foo": "2", "Bar": "2"})
    page("Bar", b"old", 5000)
    wait_until(lambda: larder.entries() == 2, "both to be stored")
    answer = larder.get("/p", {"Foo": "1", "Bar": "2"})
    assert answer.hit and answer.body == b"new"

"""Conditional requests, ours and the clients' (RFC 9111 4.3)."""
import pytest

from larder import wait_until
from reuse import date

MODIFIED, LATER, EARLIER = "Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:38 GMT", "Sun, 06 Nov 1994 08:49:36 GMT"
STALE = {"Cache-Control": "max-age=100", "Age": "200"}


def stale_page(origin, larder, headers, path="/p"):
    """A page that was stale when it was stored."""
    before = larder.entries()
    origin.page(path, body=b"content", headers={**STALE, **headers})
    larder.get(path)
    wait_until(lambda: larder.entries() == before + 1, "the page to be stored")


def confirms(origin, path="/p", headers=None, status=304, body=b""):
    origin.on(path)(lambda request, reply: reply.send(status, {"Cache-Control": "max-age=100", **(headers or {})}, body))


@pytest.mark.parametrize("validators, sent", [
    ({"ETag": '"v"'}, {"If-None-Match": '"v"', "If-Modified-Since": None}),
    ({"ETag": 'W/"v"'}, {"If-None-Match": 'W/"v"'}),
    ({"Last-Modified": MODIFIED}, {"If-None-Match": None, "If-Modified-Since": MODIFIED}),
    ({"ETag": '"v"', "Last-Modified": MODIFIED}, {"If-None-Match": '"v"', "If-Modified-Since": MODIFIED}),
])
def test_validators_are_sent(origin, serve, validators, sent):
    """RFC 9111 4.3.1-1, 4.3.1-2: as they were received, both of them."""
    larder = serve(origin)
    stale_page(origin, larder, validators)
    confirms(origin, headers=validators)
    answer = larder.get("/p")
    assert answer.status == 200 and answer.body == b"content"
    for name, value in sent.items():
        assert origin.last("/p")[name] == value
    assert larder.get("/p").hit, "it is fresh again"


def test_the_client_has_what_the_origin_confirms_or_not(origin, serve):
    """RFC 9111 4.3.2-5: a 304 for our tag is no 304 for a client that has another."""
    larder = serve(origin)
    stale_page(origin, larder, {"ETag": '"ours"'})
    confirms(origin, headers={"ETag": '"ours"', "X-New": "yes"})
    answer = larder.get("/p", {"If-None-Match": '"theirs"'})
    assert (answer.status, answer.body) == (200, b"content")
    assert '"ours"' in origin.last("/p")["If-None-Match"]
    assert larder.get("/p", {"If-None-Match": '"ours"'}).status == 304


def test_a_full_response_replaces(origin, serve):
    """RFC 9111 4.3.3-1: none of what is stored fits any more."""
    larder = serve(origin)
    stale_page(origin, larder, {"ETag": '"v1"', "X-Old": "yes"})
    confirms(origin, status=200, headers={"ETag": '"v2"'}, body=b"new")
    answer = larder.get("/p")
    assert answer.status == 200 and answer.body == b"new" and answer["X-Old"] is None
    again = larder.get("/p")
    assert again.hit and again.body == b"new" and again["ETag"] == '"v2"' and again["X-Old"] is None


@pytest.mark.parametrize("status", [404, 410, 500, 503])
def test_another_answer_is_passed_on(origin, serve, status):
    """RFC 9111 4.3.3-1: a full response of any status is the answer."""
    larder = serve(origin)
    stale_page(origin, larder, {"ETag": '"v1"'})
    confirms(origin, status=status, body=b"problem")
    answer = larder.get("/p")
    assert (answer.status, answer.body) == (status, b"problem")


def test_304_updates_the_fields(origin, serve):
    """RFC 9111 3.2-1, 4.3.4-2: replaced and added, others stay; the length is the stored body's."""
    larder = serve(origin)
    stale_page(origin, larder, {"ETag": '"v"', "X-Replaced": "old", "X-Kept": "kept", "X-Many": ["a", "b"], "Content-Type": "text/x"})
    confirms(origin, headers={"ETag": '"v"', "X-Replaced": "new", "X-Added": "added", "X-Many": "c", "Content-Length": "99",
                              "Connection": "X-Hop", "X-Hop": "hop", "Content-Type": "text/y", "Proxy-Authenticate": "Basic"})
    for answer in (larder.get("/p"), larder.get("/p")):
        assert answer.status == 200 and answer.body == b"content" and answer.whole
        assert (answer["X-Replaced"], answer["X-Added"], answer["X-Kept"], answer["X-Many"]) == ("new", "added", "kept", "c")
        assert answer["Content-Length"] == "7" and answer["X-Hop"] is None and answer["Proxy-Authenticate"] is None
        assert answer["Content-Type"] == "text/y" and answer["ETag"] == '"v"'
    assert answer.hit


def test_304_for_another_strong_tag_updates_nothing(origin, serve):
    """RFC 9111 4.3.4-1: the page is asked for anew."""
    larder = serve(origin)
    stale_page(origin, larder, {"ETag": '"v1"', "X-Field": "old"})

    @origin.on("/p")
    def handler(request, reply):
        if request["If-None-Match"]:
            reply.send(304, {"ETag": '"v2"', "X-Field": "wrong", "Cache-Control": "max-age=100"})
        else:
            reply.send(200, {"ETag": '"v3"', "X-Field": "new", "Cache-Control": "max-age=100"}, b"anew")

    answer = larder.get("/p")
    assert answer.status == 200 and answer["X-Field"] != "wrong" and (answer.body, answer["X-Field"]) == (b"anew", "new")


CLIENTS = [
    ("RFC 9111 4.3.2-1: the tag", {"If-None-Match": '"v"'}, 304),
    ("RFC 9111 4.3.2-1: weak comparison", {"If-None-Match": 'W/"v"'}, 304),
    ("RFC 9111 4.3.2-1: in a list", {"If-None-Match": '"a", "v", "b"'}, 304),
    ("RFC 9111 4.3.2-1: over two lines", {"If-None-Match": ['"a"', '"v"']}, 304),
    ("RFC 9111 4.3.2-1: any", {"If-None-Match": "*"}, 304),
    ("RFC 9111 4.3.2-1: another tag", {"If-None-Match": '"a"'}, 200),
    ("without its quotes it is no tag", {"If-None-Match": "v"}, 200),
    ("RFC 9111 4.3.2-1: not modified since", {"If-Modified-Since": MODIFIED}, 304),
    ("RFC 9111 4.3.2-1: not modified since later", {"If-Modified-Since": LATER}, 304),
    ("RFC 9111 4.3.2-1: modified since", {"If-Modified-Since": EARLIER}, 200),
    ("an invalid date is ignored", {"If-Modified-Since": "yesterday"}, 200),
    ("If-None-Match comes before If-Modified-Since", {"If-None-Match": '"a"', "If-Modified-Since": LATER}, 200),
    ("If-None-Match comes before If-Modified-Since that says modified", {"If-None-Match": '"v"', "If-Modified-Since": EARLIER}, 304),
]


def test_conditions_of_clients(origin, serve):
    origin.page("/p", body=b"content", headers={"Cache-Control": "max-age=100, x", "ETag": '"v"', "Last-Modified": MODIFIED, "Vary": "Foo",
                                                "Expires": date(50), "Content-Location": "/q", "Content-Type": "text/x"})
    larder = serve(origin)
    larder.stored("/p")
    before = origin.count("/p")
    for sentence, condition, status in CLIENTS:
        answer = larder.get("/p", condition)
        assert answer.status == status and answer.hit, sentence
        if status == 304:
            for name in ("ETag", "Date", "Vary", "Cache-Control", "Content-Location", "Expires"):
                assert answer[name], f"a 304 has {name} (RFC 9110 15.4.5)"
    assert origin.count("/p") == before


def test_if_modified_since_without_last_modified(origin, serve):
    """RFC 9111 4.3.2-3: Date stands in for it."""
    origin.page("/p", headers={"Cache-Control": "max-age=1000", "Date": date(-100)})
    larder = serve(origin)
    larder.stored("/p")
    assert larder.get("/p", {"If-Modified-Since": date(-50)}).status == 304
    assert larder.get("/p", {"If-Modified-Since": date(-200)}).status == 200


@pytest.mark.parametrize("condition", [{"If-Match": '"other"'}, {"If-Unmodified-Since": EARLIER}])
def test_conditions_for_the_origin_alone(origin, serve, condition):
    """RFC 9111 4.3.2-2: they are not evaluated here."""
    origin.page("/p", headers={"Cache-Control": "max-age=1000", "ETag": '"v"', "Last-Modified": MODIFIED})
    larder = serve(origin)
    larder.stored("/p")
    answer = larder.get("/p", condition)
    assert answer.status == 200
    name, value = next(iter(condition.items()))
    assert origin.last("/p")[name] == value and not answer.hit


def test_a_tag_with_obs_text(origin, serve):
    """RFC 9110 8.8.3: bytes above 127 belong to a tag like others."""
    origin.page("/p", headers={"Cache-Control": "max-age=1000", "ETag": '"abcdef\xfc"'})
    larder = serve(origin)
    larder.stored("/p")
    assert larder.get("/p", {"If-None-Match": '"abcdef\xfc"'}).status == 304
    assert larder.get("/p", {"If-None-Match": '"abcdef"'}).status == 200


def test_tags_of_all_variants_are_sent(origin, serve):
    """RFC 9111 4.3.1-1: the origin may choose among all that is stored."""
    def handler(request, reply):
        if '"de"' in (request["If-None-Match"] or ""):
            reply.send(304, {"ETag": '"de"', "Vary": "Accept-Language", "Cache-Control": "max-age=100"})
        else:
            tag = request["Accept-Language"]
            reply.send(200, {"ETag": f'"{tag}"', "Vary": "Accept-Language", "Cache-Control": "max-age=100"}, tag.encode())
    origin.on("/p")(handler)
    larder = serve(origin)
    larder.get("/p", {"Accept-Language": "en"})
    larder.get("/p", {"Accept-Language": "de"})
    wait_until(lambda: larder.entries() == 2, "both to be stored")
    answer = larder.get("/p", {"Accept-Language": "de-AT"})
    assert {x.strip() for x in origin.last("/p")["If-None-Match"].split(",")} == {'"en"', '"de"'}
    assert (answer.status, answer.body) == (200, b"de"), "RFC 9111 4.3.2-5: the client asked for a page, not for a confirmation"


@pytest.mark.parametrize("condition", [{"If-None-Match": '"theirs"'}, {"If-Modified-Since": LATER}])
def test_conditions_where_nothing_is_stored(origin, serve, condition):
    """RFC 9111 4.3.2-2: they go on, the answer comes back, and what is stored is a page or nothing."""
    name, value = next(iter(condition.items()))

    @origin.on("/p")
    def handler(request, reply):
        if request[name] == value:
            reply.send(304, {"ETag": '"theirs"', "Cache-Control": "max-age=100"})
        else:
            reply.send(200, {"ETag": '"theirs"', "Cache-Control": "max-age=100"}, b"content")

    larder = serve(origin)
    assert larder.get("/p", condition).status == 304 and origin.last("/p")[name] == value
    for _ in range(2):
        answer = larder.get("/p")
        assert (answer.status, answer.body) == (200, b"content")

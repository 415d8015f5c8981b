"""Cache-Status (RFC 9211): what became of a request, behind what other caches said."""
import re

import pytest

from larder import wait_until

LIVES = {"Cache-Control": "max-age=1000"}


def test_a_miss_and_a_hit(origin, serve):
    origin.page("/p", headers=LIVES)
    larder = serve(origin)
    first = larder.stored("/p")
    assert first.cache["fwd"] == "uri-miss" and first.cache["stored"] is True and "hit" not in first.cache
    again = larder.get("/p")
    assert again.cache["hit"] is True and "fwd" not in again.cache and 990 <= int(again.cache["ttl"]) <= 1000


def test_others_come_first(origin, serve):
    """RFC 9211 2-2: their members stay, ours is the last."""
    origin.page("/p", headers={**LIVES, "Cache-Status": 'OriginCache; hit; ttl=1100, "CDN Company, Here"; fwd=miss'})
    larder = serve(origin)
    for answer in (larder.stored("/p"), larder.get("/p")):
        value = answer["Cache-Status"]
        assert value.startswith('OriginCache; hit; ttl=1100, "CDN Company, Here"; fwd=miss, larder; ')
        assert value.count("larder") == 1


def test_our_name_is_a_token(origin, serve):
    """RFC 9211 2-3: the name of [server] via, which may be nothing else than a token."""
    origin.page("/p", headers=LIVES)
    assert serve(origin, "[server]\nvia = cache-1_a").get("/p")["Cache-Status"].startswith("cache-1_a; ")


def test_errors_of_ours_are_no_answers_of_the_cache(origin, serve):
    larder = serve(origin)
    with larder.connect() as c:
        c.raw(b"GET /p HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n")
        answer = c.read()
    assert answer.status == 400 and not answer.hit and "fwd" not in answer.cache and answer.cache["detail"] == "bad-request"


def test_304_and_head_are_hits(origin, serve):
    origin.page("/p", headers={**LIVES, "ETag": '"v"'})
    larder = serve(origin)
    larder.stored("/p")
    assert larder.get("/p", {"If-None-Match": '"v"'}).hit and larder.request("HEAD", "/p").hit


@pytest.mark.parametrize("sentence, headers, request_headers, fwd", [
    ("RFC 9211 2.2-1: another variant is stored", {**LIVES, "Vary": "Foo"}, {"Foo": "2"}, "vary-miss"),
    ("RFC 9211 2.2-1: the request forbids a fresh one", LIVES, {"Cache-Control": "no-cache"}, "request"),
    ("RFC 9211 2.2-1: what is stored is stale", {"Cache-Control": "max-age=100", "Age": "200", "ETag": '"v"'}, {}, "stale"),
])
def test_why_it_went_forward(origin, serve, sentence, headers, request_headers, fwd):
    origin.page("/p", headers=headers)
    larder = serve(origin)
    larder.get("/p", {"Foo": "1"})
    wait_until(lambda: larder.entries() == 1, "the page to be stored")
    answer = larder.get("/p", {"Foo": "1", **request_headers})
    assert answer.cache["fwd"] == fwd, sentence


def test_methods_and_routes(origin, serve):
    origin.page("/*", headers=LIVES)
    larder = serve(origin, "[route /off]\ncache = off")
    assert larder.request("POST", "/p", body=b"x").cache["fwd"] == "method"
    assert larder.get("/off").cache["fwd"] == "bypass"


def test_a_validated_page_tells_the_304(origin, serve):
    origin.page("/p", headers={"Cache-Control": "max-age=100", "Age": "200", "ETag": '"v"'})
    larder = serve(origin)
    larder.get("/p")
    wait_until(lambda: larder.entries() == 1, "the page to be stored")
    origin.on("/p")(lambda request, reply: reply.send(304, {"ETag": '"v"', "Cache-Control": "max-age=100"}))
    answer = larder.get("/p")
    assert answer.cache["fwd"] == "stale" and answer.cache["fwd-status"] == "304"


def test_who_waited_says_collapsed(origin, serve):
    origin.page("/p", headers=LIVES, delay=0.5)
    answers = serve(origin).at_once(5, "/p")
    assert sum(a.cache.get("collapsed") is True for a in answers) == 4 and origin.count("/p") == 1


def test_what_was_not_stored_says_why(origin, serve):
    origin.page("/p", headers={"Cache-Control": "no-store"})
    answer = serve(origin).get("/p")
    assert "stored" not in answer.cache and re.search(r"detail=\"?no-store", answer["Cache-Status"])

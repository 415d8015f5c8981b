"""Conditions: the client's against what is stored, ours towards the origin."""
from larder import wait_until

ETAG = '"v1"'


def validating(origin, headers=None):
    def handler(request, reply):
        request.body()
        if request["If-None-Match"] == ETAG:
            reply.send(304, {"ETag": ETAG, "Cache-Control": "max-age=2", "X-New": "yes"})
        else:
            reply.send(200, {"ETag": ETAG, "Cache-Control": "max-age=2", "Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT",
                             **(headers or {})}, b"content")
    origin.on("/p")(handler)


def test_client_gets_304_from_the_store(origin, serve):
    origin.page("/p", headers={"ETag": ETAG, "Cache-Control": "max-age=60", "Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"})
    larder = serve(origin)
    larder.stored("/p")
    with larder.connect() as c:
        for condition in ({"If-None-Match": ETAG}, {"If-None-Match": 'W/"v1", "v2"'}, {"If-None-Match": "*"},
                          {"If-Modified-Since": "Sun, 06 Nov 1994 08:49:37 GMT"}):
            answer = c.request("GET", "/p", condition)
            assert answer.status == 304 and answer["ETag"] == ETAG and answer.hit, condition
        for condition in ({"If-None-Match": '"v2"'}, {"If-Modified-Since": "Sun, 06 Nov 1994 08:49:36 GMT"}):
            answer = c.request("GET", "/p", condition)
            assert answer.status == 200 and answer.body == b"/p #1", condition
    assert origin.count("/p") == 1


def test_stale_page_is_confirmed_by_304(origin, serve):
    validating(origin)
    larder = serve(origin)
    larder.stored("/p")
    wait_until(lambda: origin.count("/p") > 1 or not larder.get("/p"), "a revalidation")
    assert origin.last("/p")["If-None-Match"] == ETAG
    assert larder.logged("/p", verdict="revalidated")["reason"] == "revalidated"
    answer = larder.get("/p")
    assert answer.status == 200 and answer.body == b"content" and answer["X-New"] == "yes"


def test_conditions_of_a_client_do_not_fill_the_cache_with_a_304(origin, serve):
    validating(origin)
    larder = serve(origin, "[route /*]\nttl = 60s")
    answer = larder.get("/p", {"If-None-Match": ETAG})
    assert answer.status in (200, 304)
    plain = larder.get("/p")
    assert plain.status == 200 and plain.body == b"content"


def test_no_cache_is_validated_each_time(origin, serve):
    def handler(request, reply):
        if request["If-None-Match"]:
            reply.send(304, {"ETag": ETAG, "Cache-Control": "no-cache"})
        else:
            reply.send(200, {"ETag": ETAG, "Cache-Control": "no-cache"}, b"content")
    origin.on("/p")(handler)
    larder = serve(origin)
    for n in range(1, 4):
        assert larder.get("/p").body == b"content" and origin.count("/p") == n
    assert origin.last("/p")["If-None-Match"] == ETAG


def test_condition_of_a_client_goes_on_where_nothing_is_stored(origin, serve):
    validating(origin)
    larder = serve(origin, "[route /*]\nttl = 60s")
    answer = larder.get("/p", {"If-None-Match": ETAG})
    assert answer.status == 304 and answer["ETag"] == ETAG and answer.body == b""
    assert origin.last("/p")["If-None-Match"] == ETAG
    assert larder.get("/p", {"If-None-Match": ETAG}).status == 304  # the second one has the whole fetched
    assert origin.last("/p")["If-None-Match"] is None
    # The 304 goes out with the head: the page is stored when its body has come.
    assert larder.stored("/p").body and origin.count("/p") == 2


def test_another_variant_is_confirmed(origin, serve):
    def handler(request, reply):
        fields = {"ETag": ETAG, "Cache-Control": "max-age=60", "Vary": "Foo"}
        if ETAG in (request["If-None-Match"] or ""):
            reply.send(304, fields)
        else:
            reply.send(200, fields, b"content")
    origin.on("/p")(handler)
    larder = serve(origin)
    larder.stored("/p", {"Foo": "1"})
    answer = larder.get("/p", {"Foo": "2"})
    assert answer.status == 200 and answer.body == b"content"
    assert answer.cache["fwd"] == "vary-miss" and answer.cache["fwd-status"] == "304"
    assert larder.get("/p", {"Foo": "2"}).hit and origin.count("/p") == 2

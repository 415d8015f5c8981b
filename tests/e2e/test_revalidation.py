"""Conditions: the client's against what is stored, ours towards the origin."""
from larder import wait_until

ETAG = '"v1"'


def validating(origin, headers=None):
    def handler(request, reply):
        request.body()
        if request["If-None-Match"] == ETAG:
            reply.send(304, {"ETag": ETAG, "Cache-Control": "max-age=1", "X-New": "yes"})
        else:
            reply.send(200, {"ETag": ETAG, "Cache-Control": "max-age=1", "Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT",
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

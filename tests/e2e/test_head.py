"""HEAD is answered from a stored GET, with its fields and without its body."""


def test_head_from_stored_get(origin, serve):
    origin.page("/p", body=b"0123456789", headers={"X-Own": "yes"})
    larder = serve(origin, "[route /p]\nttl = 60s")
    larder.stored("/p")
    with larder.connect() as c:
        head = c.request("HEAD", "/p")
        assert head.hit and head.status == 200 and head["Content-Length"] == "10" and head["X-Own"] == "yes"
        get = c.request("GET", "/p")  # the connection is in step: no body came after the HEAD
        assert get.body == b"0123456789"
    assert [r.method for r in origin.seen("/p")] == ["GET"]


def test_head_that_misses_does_not_poison_get(origin, serve):
    origin.page("/p", body=b"0123456789")
    larder = serve(origin, "[route /p]\nttl = 60s")
    head = larder.request("HEAD", "/p")
    assert head.status == 200 and not head.hit and head["Content-Length"] == "10"
    assert larder.get("/p").body == b"0123456789"

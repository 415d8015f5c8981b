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


def test_head_freshens_or_makes_stale(origin, serve):
    etags = ['"v1"']

    def handler(request, reply):
        fields = {"ETag": etags[0], "Cache-Control": "max-age=60"}
        reply.send(200, fields, b"" if request.method == "HEAD" else b"content")
    origin.on("/p")(handler)
    larder = serve(origin)
    larder.stored("/p")
    etags[0] = '"v2"'
    assert larder.request("HEAD", "/p", {"Cache-Control": "no-cache"})["ETag"] == '"v2"'
    answer = larder.get("/p")
    assert not answer.hit and answer["ETag"] == '"v2"'

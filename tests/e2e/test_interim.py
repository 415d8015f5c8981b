"""Interim responses: 103 is relayed before the final one; 100 answers Expect."""


def test_early_hints(origin, serve):
    @origin.on("/p")
    def handler(request, reply):
        reply.interim(103, {"Link": "</style.css>; rel=preload"})
        reply.send(200, {"Cache-Control": "max-age=60"}, b"page")

    larder = serve(origin)
    with larder.connect() as c:
        first = c.request("GET", "/p")
        assert first.interim == [(103, [("Link", "</style.css>; rel=preload")])] and first.body == b"page"
        again = c.request("GET", "/p")
        assert again.body == b"page" and again.status == 200


def test_old_clients_get_no_interim_response(origin, serve):
    @origin.on("/p")
    def handler(request, reply):
        reply.interim(103, {"Link": "</style.css>; rel=preload"})
        reply.send(200, {}, b"page")

    larder = serve(origin)
    with larder.connect() as c:
        c.raw(b"GET /p HTTP/1.0\r\nHost: x\r\n\r\n")
        answer = c.read()
        assert answer.interim == [] and answer.status == 200 and answer.body == b"page"


def test_expect_100_continue(origin, serve):
    origin.page("/p", body=lambda r: r.body())
    larder = serve(origin)
    with larder.connect() as c:
        c.raw(b"POST /p HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        assert c.head().status == 100
        c.raw(b"hello")
        assert c.read().body == b"hello"


def test_100_of_the_origin_is_not_relayed_twice(origin, serve):
    @origin.on("/p")
    def handler(request, reply):
        reply.interim(100)
        reply.send(200, {}, request.body())

    larder = serve(origin)
    assert larder.request("POST", "/p", body=b"hello").body == b"hello"

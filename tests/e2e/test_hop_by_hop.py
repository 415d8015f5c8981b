"""Fields that belong to one connection stay on it, in both directions (RFC 9110 7.6.1)."""

HOP = {"Connection": "X-Private, keep-alive", "X-Private": "secret", "Keep-Alive": "timeout=5", "TE": "trailers",
       "Proxy-Connection": "keep-alive", "Upgrade": "h2c", "Proxy-Authorization": "Basic eDp5"}


def test_of_the_request(origin, serve):
    origin.page("/p")
    larder = serve(origin, "[route /*]\nttl = 60s")
    larder.request("POST", "/p", {**HOP, "X-Kept": "yes"}, b"")
    seen = origin.last("/p")
    assert seen["X-Kept"] == "yes"
    for name in ("X-Private", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization", "TE", "Upgrade"):
        assert seen[name] is None, name


def test_of_the_response(origin, serve):
    origin.page("/p", headers={"Connection": "X-Private", "X-Private": "secret", "Keep-Alive": "timeout=5",
                               "Proxy-Authenticate": "Basic", "X-Kept": "yes"})
    larder = serve(origin, "[route /*]\nttl = 60s")
    for answer in (larder.stored("/p"), larder.get("/p")):
        assert answer["X-Kept"] == "yes" and "private" not in (answer["Connection"] or "").lower()
        for name in ("X-Private", "Keep-Alive", "Proxy-Authenticate"):
            assert answer[name] is None, name


def test_close_of_the_client_is_obeyed(origin, serve):
    origin.page("/p")
    larder = serve(origin, "[route /*]\nttl = 60s")
    for _ in range(2):
        with larder.connect() as c:
            c.send("GET", "/p", {"Connection": "close"})
            assert c.read().body == b"/p #1" and c.ended(5)


def test_http_1_0_client(origin, serve):
    @origin.on("/p")
    def handler(request, reply):
        reply.start(200, {"Cache-Control": "max-age=60"})
        reply.write(b"hello")
        reply.end()

    larder = serve(origin)
    for _ in range(2):
        with larder.connect() as c:
            c.raw(b"GET /p HTTP/1.0\r\nHost: x\r\n\r\n")
            answer = c.read()
            assert answer["Transfer-Encoding"] is None and answer.body == b"hello" and c.ended(5)

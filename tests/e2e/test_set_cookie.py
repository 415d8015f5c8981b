"""set_cookie: refuse stores nothing, strip stores the page without the cookie, keep replays it."""


def page(origin):
    origin.page("/p", headers=lambda request: {"Set-Cookie": f"visit={request.number}; Path=/", "X-Other": "stays"})


def test_strip(origin, serve):
    page(origin)
    larder = serve(origin, "[route /*]\nttl = 60s\nset_cookie = strip")
    first = larder.get("/p")
    assert first["Set-Cookie"] == "visit=1; Path=/" and first.cache["stored"] is True
    second = larder.get("/p")
    assert second.hit and second.body == b"/p #1" and second["Set-Cookie"] is None and second["X-Other"] == "stays"


def test_strip_gives_no_cookie_to_those_who_waited(origin, serve):
    from origin import Gate
    gate = Gate()

    @origin.on("/p")
    def handler(request, reply):
        gate.pass_through()
        reply.send(200, {"Set-Cookie": "secret=1"}, b"page")

    larder = serve(origin, "[route /*]\nttl = 60s\nset_cookie = strip")
    with larder.connect() as leader, larder.connect() as waiter:
        leader.send("GET", "/p")
        gate.wait_reached()
        waiter.send("GET", "/p")
        gate.open()
        assert leader.read()["Set-Cookie"] == "secret=1"
        answer = waiter.read()
        assert answer["Set-Cookie"] is None and answer.body == b"page"
    assert origin.count("/p") <= 2


def test_keep(origin, serve):
    page(origin)
    larder = serve(origin, "[route /*]\nttl = 60s\nset_cookie = keep")
    larder.stored("/p")
    assert larder.get("/p")["Set-Cookie"] == "visit=1; Path=/"


def test_refuse_never_shares_a_session_even_among_concurrent_visitors(origin, serve):
    page(origin)
    larder = serve(origin, "[route /*]\nttl = 60s")
    answers = larder.at_once(40, "/p")
    assert len({a["Set-Cookie"] for a in answers}) == 40 and len({a.body for a in answers}) == 40

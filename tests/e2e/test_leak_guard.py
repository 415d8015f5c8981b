"""The leak guard: what holds the value of a visitor's cookie is his alone. He gets it as it comes; nobody else gets a byte of it."""
import ctypes
import gzip
import zlib

import pytest

from larder import wait_until
from origin import Gate

SECRET = "5f2c0a9be83d41f7a6c5"
COOKIE = {"Cookie": f"theme=dark; sid={SECRET}"}
ROUTE = "[route /*]\nttl = 60s\n"


def brotli(body):
    """By the library itself: Python has none of its own."""
    out, n = ctypes.create_string_buffer(len(body) + 1024), ctypes.c_size_t(len(body) + 1024)
    library = ctypes.CDLL("libbrotlienc.so.1")
    assert library.BrotliEncoderCompress(5, 22, 0, ctypes.c_size_t(len(body)), body, ctypes.byref(n), out)
    return out.raw[:n.value]


def echo(origin, path="/p", coding=None, encode=lambda body: body):
    """A page that shows the session's cookie: the mistake that the guard is for."""
    def body(request):
        return encode(f"<p>#{request.number} {request['Cookie'] or 'nobody'}</p>".encode())
    origin.page(path, body, headers={"Content-Encoding": coding} if coding else None)


def test_a_page_that_shows_a_cookie_is_not_stored(origin, serve):
    echo(origin)
    larder = serve(origin, ROUTE)
    first = larder.get("/p", COOKIE)
    assert SECRET in first.text
    assert SECRET not in larder.get("/p").text and origin.count("/p") == 2
    assert larder.get("/p", COOKIE).hit  # the clean one is for all, who had a cookie or not


def test_it_is_told_by_name_and_never_by_value(origin, serve):
    echo(origin)
    larder = serve(origin, ROUTE)
    larder.get("/p", COOKIE)
    assert larder.logged("/p")["reason"] == "leak-cookie"
    line = wait_until(lambda: [x for x in larder.stderr().splitlines() if "leak-cookie" in x], "the guard's line")
    assert len(line) == 1 and "sid" in line[0] and "/p" in line[0] and SECRET not in larder.stderr()
    assert larder.metric("larder_leaks_refused_total") == 1
    why = larder.admin("GET", f"/why?url=http://127.0.0.1:{larder.port}/p").text
    assert "leak-cookie" in why and "sid" in why and SECRET not in why


def test_the_log_is_not_flooded(origin, serve):
    """Each fetch is refused, counted and in the access log; the operator's log has it once, and once for another page."""
    echo(origin)
    larder = serve(origin, ROUTE)
    for target in "/p", "/p", "/p", "/p?other":
        larder.get(target, COOKIE)
    assert larder.metric("larder_leaks_refused_total") == 4
    wait_until(lambda: "/p?other: not stored" in larder.stderr(), "the guard's line")
    assert len([x for x in larder.stderr().splitlines() if "leak-cookie" in x]) == 2


def test_off_by_route(origin, serve):
    echo(origin)
    larder = serve(origin, ROUTE + "leak_guard = off\n")
    larder.get("/p", COOKIE)
    assert larder.get("/p").hit and SECRET in larder.get("/p").text


def test_a_cookie_that_may_be_shown(origin, serve):
    echo(origin)
    larder = serve(origin, ROUTE + "leak_allow = sid\n")
    larder.get("/p", COOKIE)
    assert larder.get("/p").hit


def test_the_visitor_gets_it_as_it_comes_and_nobody_else(origin, serve):
    gate = Gate()

    @origin.on("/p")
    def handler(request, reply):
        if request["Cookie"]:
            reply.start()
            reply.write(b"first piece ")
            gate.pass_through()
            reply.write(b"then " + SECRET[:9].encode())
            reply.write(SECRET[9:].encode())
            reply.end()
        else:
            reply.send(body=b"nobody")

    larder = serve(origin, ROUTE)
    with larder.connect() as leader, larder.connect() as follower:
        leader.send("GET", "/p", COOKIE)
        head = leader.final_head()
        pieces = leader.pieces(head)
        assert next(pieces) == b"first piece "
        follower.send("GET", "/p")
        gate.wait_reached()
        assert origin.count("/p") == 1
        gate.open()
        assert b"".join(pieces) == b"then " + SECRET.encode()
        assert follower.read().body == b"nobody"
    assert origin.count("/p") == 2 and larder.get("/p").hit


def test_a_clean_page_is_one_fetch_for_all_who_waited(origin, serve):
    gate = Gate()
    origin.page("/p", gate=gate)
    larder = serve(origin, ROUTE)
    with larder.connect() as leader, larder.connect() as follower:
        leader.send("GET", "/p", COOKIE)
        gate.wait_reached()
        follower.send("GET", "/p", {"Cookie": "sid=another-visitors-value"})
        gate.open()
        assert leader.read().body == b"/p #1" and follower.read().body == b"/p #1"
    assert origin.count("/p") == 1


@pytest.mark.parametrize("coding, encode", [("gzip", lambda body: gzip.compress(body, mtime=0)), ("deflate", zlib.compress), ("br", brotli)])
def test_coded_pages_are_read(origin, serve, coding, encode):
    echo(origin, coding=coding, encode=encode)
    origin.page("/clean", lambda r: encode(b"clean"), headers={"Content-Encoding": coding})
    larder = serve(origin, ROUTE)
    answer = larder.get("/p", COOKIE)
    assert answer.body == encode(f"<p>#1 {COOKIE['Cookie']}</p>".encode()) and answer["Content-Encoding"] == coding
    assert not larder.get("/p").hit
    larder.get("/clean", COOKIE)
    answer = larder.get("/clean")
    assert answer.hit and answer["Content-Encoding"] == coding and answer.body == encode(b"clean")


@pytest.mark.parametrize("coding", ["zstd", "gzip"])
def test_what_cannot_be_read_is_not_stored(origin, serve, coding):
    origin.page("/p", b"not of that coding", headers={"Content-Encoding": coding})
    larder = serve(origin, ROUTE)
    answer = larder.get("/p", COOKIE)
    assert answer.body == b"not of that coding" and not larder.get("/p", COOKIE).hit
    assert larder.logged("/p", reason="content-coding")


def test_a_cookie_that_the_answer_sets(origin, serve):
    origin.page("/p", f"your session is {SECRET}".encode(), headers={"Set-Cookie": f"sid={SECRET}; Path=/"})
    larder = serve(origin, ROUTE + "set_cookie = strip\n")
    assert larder.get("/p")["Set-Cookie"] and not larder.get("/p").hit
    assert larder.logged("/p", reason="leak-set-cookie")


def test_what_breaks_off_reaches_nobody_who_waited(origin, serve):
    gate = Gate()

    @origin.on("/p")
    def handler(request, reply):
        reply.start(length=100)
        reply.write(b"half of it")
        gate.pass_through()
        reply.reset()

    larder = serve(origin, ROUTE)
    with larder.connect() as leader, larder.connect() as follower:
        leader.send("GET", "/p", COOKIE)
        gate.wait_reached()
        assert next(leader.pieces(leader.final_head())) == b"half of it"
        follower.send("GET", "/p", COOKIE)
        gate.open()
        answer = follower.read()
        assert answer.status == 502 or not answer.whole  # 502: he waited; else he came too late, and has a broken one of his own


def test_a_large_page_outgrows_the_store_while_it_is_looked_through(origin, serve):
    @origin.on("/p")
    def handler(request, reply):
        reply.start()
        for _ in range(64):
            reply.write(b"x" * 4096)
        reply.end()

    larder = serve(origin, ROUTE + "max_object = 64K\n")
    answers = larder.at_once(6, "/p", COOKIE)
    assert all(a.whole and len(a.body) == 64 * 4096 for a in answers)
    assert larder.entries() == 0

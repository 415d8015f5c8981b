"""A body that ends early is never stored and never ends cleanly for the client."""
import pytest

from larder import wait_until


def length_then_close(reply):
    reply.start(200, {}, length=100)
    reply.write(b"half of it")
    reply.close()


def length_then_reset(reply):
    reply.start(200, {}, length=100)
    reply.write(b"half of it")
    reply.reset()


def chunked_without_end(reply):
    reply.start(200, {})
    reply.write(b"half of it")
    reply.close()


def chunk_cut(reply):
    reply.start(200, {})
    reply.raw(b"64\r\nhalf of it")
    reply.close()


def bad_chunk_size(reply):
    reply.start(200, {})
    reply.write(b"half of it")
    reply.raw(b"xyz\r\nmore\r\n")
    reply.close()


@pytest.mark.parametrize("how", [length_then_close, length_then_reset, chunked_without_end, chunk_cut, bad_chunk_size])
def test_cut(origin, serve, how):
    origin.on("/p")(lambda request, reply: how(reply))
    larder = serve(origin, "[route /*]\nttl = 60s")
    for n in (1, 2):
        answer = larder.get("/p")
        assert answer.status == 200 and not answer.whole and b"half of it".startswith(answer.body), answer
        assert not answer.hit and origin.count("/p") == n
    assert larder.entries() == 0


@pytest.mark.parametrize("how", [length_then_close, chunked_without_end, bad_chunk_size])
def test_cut_connections_are_let_go(origin, serve, how):
    """The library frees what it closes in the middle of a body only when no older connection is open."""
    origin.on("/p")(lambda request, reply: how(reply))
    origin.on("/whole")(lambda request, reply: reply.send(200, {}, b"whole"))
    larder = serve(origin, "[server]\nworkers = 1\n[route /*]\nttl = 60s")
    with larder.connect() as older:
        assert older.request("GET", "/whole").body == b"whole"
        for _ in range(10):
            assert not larder.get("/p").whole
        wait_until(lambda: larder.metric("larder_connections_open") == 1, "the cut connections to go")


def test_close_delimited_body_is_whole(origin, serve):
    @origin.on("/p")
    def handler(request, reply):
        reply.raw(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it")
        reply.close()

    larder = serve(origin, "[route /*]\nttl = 60s")
    answer = larder.get("/p")
    assert answer.body == b"all of it" and answer.whole


def test_trailers_do_no_harm(origin, serve):
    @origin.on("/p")
    def handler(request, reply):
        reply.start(200, {"Trailer": "X-Sum"})
        reply.raw(b"5\r\nhello\r\n0\r\nX-Sum: 1\r\nContent-Length: 3\r\n\r\n")

    larder = serve(origin, "[route /*]\nttl = 60s")
    first = larder.stored("/p")
    again = larder.get("/p")
    assert first.body == again.body == b"hello" and first.whole and again.hit
    assert again["X-Sum"] is None and again["Content-Length"] == "5"


def test_more_than_the_stated_length_is_not_taken_for_the_next_response(origin, serve):
    @origin.on("/p")
    def handler(request, reply):
        reply.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")

    origin.page("/q")
    larder = serve(origin, "[server]\nworkers = 1\n[route /*]\nttl = 60s")
    assert larder.get("/p").body == b"ok"
    for _ in range(5):
        assert larder.get("/q").body == b"/q #1"

"""Where an origin's answer ends (RFC 9112 6.3), and what is done about one that does not say so properly."""
import pytest

OK = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=1000\r\n"


def raw(origin, path, data, close=True):
    @origin.on(path)
    def handler(request, reply):
        reply.raw(data)
        if close:
            reply.close()


@pytest.mark.parametrize("what, data", [
    ("differing lengths", OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"),
    ("differing lengths in one line", OK + b"Content-Length: 5, 6\r\n\r\nhello!"),
    ("a length and chunks", OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    ("a length with a sign", OK + b"Content-Length: +5\r\n\r\nhello"),
    ("a length that is no number", OK + b"Content-Length: five\r\n\r\nhello"),
    ("a folded line", OK + b"X-A: b\r\n c\r\nContent-Length: 5\r\n\r\nhello"),
    ("a blank before the colon", OK + b"X-A : b\r\nContent-Length: 5\r\n\r\nhello"),
    ("a line without a colon", OK + b"nonsense\r\nContent-Length: 5\r\n\r\nhello"),
    ("a NUL in a value", OK + b"X-A: b\0c\r\nContent-Length: 5\r\n\r\nhello"),
    ("no HTTP at all", b"SSH-2.0-OpenSSH\r\n\r\n"),
    ("a status of two digits", b"HTTP/1.1 20 OK\r\nContent-Length: 5\r\n\r\nhello"),
    ("an empty answer", b""),
])
def test_refused(origin, serve, what, data):
    raw(origin, "/p", data)
    larder = serve(origin)
    for n in (1, 2):
        assert larder.get("/p").status == 502, what
    assert larder.entries() == 0


def test_equal_lengths_are_one(origin, serve):
    raw(origin, "/p", OK + b"Content-Length: 5, 5\r\nContent-Length: 5\r\n\r\nhello")
    larder = serve(origin)
    answer = larder.get("/p")
    assert answer.status in (200, 502) and (answer.status == 502 or (answer.body == b"hello" and answer.all("Content-Length") == ["5"]))


def test_more_than_the_length(origin, serve):
    raw(origin, "/p", OK + b"Content-Length: 5\r\n\r\nhello" + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", close=False)
    origin.page("/q")
    larder = serve(origin, "[server]\nworkers = 1")
    assert larder.get("/p").body == b"hello"
    for n in range(1, 6):
        assert larder.get("/q").body == b"/q #%d" % n


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_bytes_behind_what_has_no_body(origin, serve, status):
    raw(origin, "/p", b"HTTP/1.1 " + status + b"\r\nETag: \"v\"\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", close=False)
    origin.page("/q")
    larder = serve(origin, "[server]\nworkers = 1")
    answer = larder.get("/p", {"If-None-Match": '"v"'})
    assert answer.status == int(status[:3]) and answer.body == b""
    for n in range(1, 6):
        assert larder.get("/q").body == b"/q #%d" % n


def test_a_close_is_the_end_of_a_body_without_length(origin, serve):
    raw(origin, "/p", OK + b"\r\nall of it")
    larder = serve(origin)
    first = larder.get("/p")
    assert first.body == b"all of it" and first.whole
    again = larder.get("/p")
    assert again.body == b"all of it" and again.hit


@pytest.mark.parametrize("coding", ["foo", "gzip", "chunked, foo"])
def test_an_unknown_transfer_coding_ends_with_the_connection(origin, serve, coding):
    """RFC 9112 6.3 rule 4: not chunked at the end, so the body ends with the connection."""
    raw(origin, "/p", OK + f"Transfer-Encoding: {coding}\r\n\r\nwhatever".encode())
    larder = serve(origin)
    answer = larder.get("/p")
    if coding == "foo":
        assert answer.status == 200 and answer.body == b"whatever" and answer.whole and answer["Transfer-Encoding"] in (None, "chunked")
        assert larder.get("/p").hit
    else:
        assert answer.status in (200, 502) and not (answer.status == 200 and answer.body != b"whatever")

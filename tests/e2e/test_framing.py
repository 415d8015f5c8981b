"""How the origin's answers end (RFC 9112 6.3): what could end in two ways is a 502 and never stored, what ends otherwise than it
said never reaches another client."""
import threading

import pytest

from origin import Gate, Origin
from test_upstreams import certificate  # noqa: F401  a fixture

FRESH = b"Cache-Control: max-age=60\r\n"
OK = b"HTTP/1.1 200 OK\r\n" + FRESH
EVIL = b"HTTP/1.1 200 OK\r\n" + FRESH + b"Content-Length: 4\r\n\r\nevil"

REFUSED = {
    "differing lengths": OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi!",
    "differing lengths in a list": OK + b"Content-Length: 2, 3\r\n\r\nhi!",
    "a length that is no number": OK + b"Content-Length: 2x\r\n\r\nhi",
    "a negative length": OK + b"Content-Length: -2\r\n\r\nhi",
    "a length with chunked": OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "chunked with a length": OK + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "a length with an unknown coding": OK + b"Transfer-Encoding: foo\r\nContent-Length: 2\r\n\r\nhi",
    "a coding in HTTP/1.0": b"HTTP/1.0 200 OK\r\n" + FRESH + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "a coding under chunked": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "chunked twice": OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "chunked not last": OK + b"Transfer-Encoding: chunked, foo\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "a folded line": OK + b"A: b\r\n c\r\nContent-Length: 2\r\n\r\nhi",
    "a folded length": OK + b"A: b\r\n\tContent-Length: 2\r\n\r\nhi",
    "a folded first line": b"HTTP/1.1 200 OK\r\n A: b\r\n" + FRESH + b"Content-Length: 2\r\n\r\nhi",
    "a blank before the colon": OK + b"Content-Length : 2\r\n\r\nhi",
    "a line without a colon": OK + b"nonsense\r\nContent-Length: 2\r\n\r\nhi",
    "a line without a name": OK + b": b\r\nContent-Length: 2\r\n\r\nhi",
    "a NUL in a field": OK + b"A: b\0c\r\nContent-Length: 2\r\n\r\nhi",
    "a bare CR in a field": OK + b"A: b\rc\r\nContent-Length: 2\r\n\r\nhi",
    "bare line feeds": b"HTTP/1.1 200 OK\nCache-Control: max-age=60\nContent-Length: 2\n\nhi",
    "a status of two digits": b"HTTP/1.1 20 OK\r\n" + FRESH + b"Content-Length: 2\r\n\r\nhi",
    "no HTTP": b"hello\r\n\r\n",
}


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """One Larder for all forms: refusing one must not hurt the next."""
    import larder as program
    origin = Origin()
    origin.page("/fine", headers={"Cache-Control": "max-age=60"})
    for n, form in enumerate(REFUSED.values()):
        # The connection stays open: whether a page is refused does not hang on its end.
        origin.on(f"/{n}")(lambda request, reply, form=form: reply.raw(form))
    larder = program.Larder(tmp_path_factory.mktemp("framing"), origin)
    yield origin, larder
    larder.stop()
    origin.stop()


@pytest.mark.parametrize("n, what", enumerate(REFUSED), ids=list(REFUSED))
def test_refused(pair, n, what):
    origin, larder = pair
    for again in (1, 2):
        answer = larder.get(f"/{n}")
        assert answer.status == 502 and b"hi" not in answer.body and answer["A"] is None, answer
        assert origin.count(f"/{n}") == again, "not stored"
    assert larder.get("/fine").status == 200


@pytest.mark.parametrize("coding", [b"foo", b"foo;a=b, bar", b"xchunked", b"identity"])
def test_a_coding_nobody_knows_ends_with_the_connection(origin, serve, coding):
    @origin.on("/p")
    def handler(request, reply):
        reply.raw(OK + b"Transfer-Encoding: " + coding + b"\r\n\r\nall of it")
        reply.close()

    larder = serve(origin)
    first = larder.stored("/p")
    again = larder.get("/p")
    assert again.hit and origin.count("/p") == 1
    for answer in (first, again):
        assert answer.status == 200 and answer.whole and answer.body == b"all of it"
    assert first["Transfer-Encoding"] in (None, "chunked") and again["Transfer-Encoding"] is None
    assert again["Content-Length"] == "9"


CLOSED = [OK + b"Transfer-Encoding: foo\r\n\r\n", OK + b"\r\n", b"HTTP/1.0 200 OK\r\n" + FRESH + b"\r\n"]


@pytest.mark.parametrize("head", CLOSED, ids=["an unknown coding", "no length", "HTTP/1.0"])
def test_a_break_is_no_end(origin, serve, head):
    gates = [Gate(), Gate()]

    @origin.on("/p")
    def handler(request, reply):
        reply.raw(head + b"half of it")
        gates[request.number - 1].pass_through()
        reply.reset()

    larder = serve(origin, "[server]\nworkers = 1")
    for gate in gates:
        with larder.connect() as c:
            c.send("GET", "/p")
            answer = c.head()  # before the break, which may take bytes along
            gate.open()
            assert answer.status == 200
            while c.more():
                pass
    assert origin.count("/p") == 2 and larder.entries() == 0, "not stored"


def test_a_cut_over_tls_is_no_end(serve, certificate):  # noqa: F811
    """RFC 9112 9.8: without the closure alert somebody may have cut the wire."""
    origin = Origin(certificate=certificate)

    @origin.on("/cut")
    def cut(request, reply):
        reply.raw(OK + b"\r\nhalf of it")
        reply.close()  # of the socket, beneath TLS

    @origin.on("/whole")
    def whole(request, reply):
        reply.raw(OK + b"\r\nall of it")
        reply.sock.unwrap()

    larder = serve(origin, f"[upstream]\ntls_ca = {certificate[0]}")
    for n in (1, 2):
        assert not larder.get("/cut").whole and origin.count("/cut") == n
    assert larder.stored("/whole").body == b"all of it" and larder.get("/whole").hit
    origin.stop()


BEHIND = {
    "a body": ("GET", OK + b"Content-Length: 2\r\n\r\n", b"ok"),
    "an empty body": ("GET", OK + b"Content-Length: 0\r\n\r\n", b""),
    "204": ("GET", b"HTTP/1.1 204 No Content\r\n" + FRESH + b"\r\n", b""),
    "204 with a length": ("GET", b"HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n" + FRESH + b"\r\n", b""),
    "304": ("GET", b"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n", b""),
    "304 with a length": ("GET", b"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 4\r\n\r\n", b""),
    "HEAD": ("HEAD", OK + b"Content-Length: 4\r\n\r\n", b""),
}


@pytest.mark.parametrize("what", BEHIND)
@pytest.mark.parametrize("later", [False, True], ids=["at once", "later"])
def test_bytes_behind_a_response_reach_nobody(origin, serve, what, later):
    method, head, content = BEHIND[what]
    gate, written = Gate(), threading.Event()

    @origin.on("/p")
    def handler(request, reply):
        if later:  # the response is complete, and nothing but the next request makes anybody look
            reply.raw(head + content)
            gate.pass_through()
            try:
                reply.raw(EVIL)
            except ConnectionError:
                pass
            written.set()
        else:
            reply.raw(head + content + EVIL)

    origin.page("/q")
    larder = serve(origin, "[server]\nworkers = 1")
    answer = larder.request(method, "/p", {"If-None-Match": '"a"'})
    assert answer.status == int(head[9:12]) and answer.body == content, answer
    if later:
        gate.open()
        assert written.wait(10)
    for n in range(1, 6):
        after = larder.get(f"/q?{n}")
        assert after.status == 200 and after.body.startswith(b"/q"), after
    assert origin.connections == 2, "that connection is not used again"

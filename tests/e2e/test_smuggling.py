"""Requests that could mean two things are refused with 400 and the connection is closed; the origin never sees them."""
import pytest

POST = b"POST /p HTTP/1.1\r\nHost: x\r\n"
BAD = {
    "length with coding": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "coding with length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two different lengths": POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "a list of lengths": POST + b"Content-Length: 5, 6\r\n\r\nhello!",
    "two hosts": b"GET /p HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "no host": b"GET /p HTTP/1.1\r\n\r\n",
    "a host with a slash": b"GET /p HTTP/1.1\r\nHost: x/y\r\n\r\n",
    "a host with user info": b"GET /p HTTP/1.1\r\nHost: u@x\r\n\r\n",
    "bare LF": b"GET /p HTTP/1.1\nHost: x\n\n",
    "bare LF after one field": b"GET /p HTTP/1.1\r\nHost: x\r\nA: b\nC: d\r\n\r\n",
    "bare CR in a value": b"GET /p HTTP/1.1\r\nHost: x\r\nA: b\rC: d\r\n\r\n",
    "space before colon": POST + b"Content-Length : 5\r\n\r\nhello",
    "tab before colon": POST + b"Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
    "folded field": b"GET /p HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
    "folded into a length": POST + b"A: b\r\n Content-Length: 5\r\n\r\nhello",
    "control byte in a value": b"GET /p HTTP/1.1\r\nHost: x\r\nA: b\x01c\r\n\r\n",
    "NUL in a value": b"GET /p HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n",
    "NUL in the target": b"GET /p\0q HTTP/1.1\r\nHost: x\r\n\r\n",
    "control byte in a name": b"GET /p HTTP/1.1\r\nHost: x\r\nA\x01: b\r\n\r\n",
    "a name with a blank": b"GET /p HTTP/1.1\r\nHost: x\r\nA B: c\r\n\r\n",
    "a field without a colon": b"GET /p HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n",
    "gzip, chunked": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked, identity": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "chunked twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "xchunked": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "coding in HTTP/1.0": b"POST /p HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "length of 2^64-1": POST + b"Content-Length: 18446744073709551615\r\n\r\n",
    "length of 2^64": POST + b"Content-Length: 18446744073709551616\r\n\r\n",
    "negative length": POST + b"Content-Length: -5\r\n\r\nhello",
    "length with a plus": POST + b"Content-Length: +5\r\n\r\nhello",
    "length in hex": POST + b"Content-Length: 0x5\r\n\r\nhello",
    "empty length": POST + b"Content-Length: \r\n\r\nhello",
    "HTTP/1.5": b"GET /p HTTP/1.5\r\nHost: x\r\n\r\n",
    "HTTP/2.0": b"GET /p HTTP/2.0\r\nHost: x\r\n\r\n",
    "HTTP/0.9": b"GET /p\r\n\r\n",
    "lower case http": b"GET /p http/1.1\r\nHost: x\r\n\r\n",
    "two blanks": b"GET  /p HTTP/1.1\r\nHost: x\r\n\r\n",
    "a blank in the target": b"GET /p q HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """One Larder for all forms: refusing one must not hurt the next."""
    import larder as program
    from origin import Origin
    origin = Origin()
    origin.page("/*", body=lambda r: b"%s %s %d" % (r.method.encode(), r.path.encode(), len(r.body())))
    larder = program.Larder(tmp_path_factory.mktemp("smuggling"), origin, "[route /*]\ncache = off")
    yield origin, larder
    larder.stop()
    origin.stop()


@pytest.mark.parametrize("name", BAD)
def test_refused(pair, name):
    origin, larder = pair
    before = len(origin.requests)
    with larder.connect() as c:
        # What follows must not be taken for a second request.
        c.raw(BAD[name] + b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = c.read()
        # Some forms can only be answered by closing.
        if answer is not None:
            assert answer.status in (400, 505, 413) if name in ("HTTP/2.0", "HTTP/1.5") else answer.status in (400, 413), answer
        # libmicrohttpd answers a bad Content-Length itself, with a 400 whose own length is wrong; it closes all the same.
        rest = c.buffer
        while c.more():
            rest = c.buffer
        assert b"HTTP/1.1" not in rest, "nothing follows"
    assert len(origin.requests) == before, origin.requests[-1].head


BAD_CHUNKS = [
    b"5 \r\nhello\r\n0\r\n\r\n", b"0x5\r\nhello\r\n0\r\n\r\n", b"-5\r\nhello\r\n0\r\n\r\n", b"5\r\nhelloXX0\r\n\r\n",
    b"5\r\rhello\r\n0\r\n\r\n", b"\r\n5\r\nhello\r\n0\r\n\r\n",
    b"5\nhello\r\n0\r\n\r\n", b"5;a=b\nhello\r\n0\r\n\r\n", b"5;a\rb\r\nhello\r\n0\r\n\r\n", b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n"]
BARE_LF_CHUNKS = [b"5\r\nhello\n0\r\n\r\n", b"5\r\nhello\r\n0\n\r\n"]


def assert_chunks_refused(pair, bad):
    origin, larder = pair
    with larder.connect() as c:
        c.raw(POST + b"Transfer-Encoding: chunked\r\n\r\n" + bad + b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = c.read()
        assert answer is None or answer.status in (400, 413), (bad, answer)
        while c.more():
            pass
        assert b"HTTP/1.1" not in c.buffer
    assert not origin.seen("/smuggled")


@pytest.mark.parametrize("bad", BAD_CHUNKS)
def test_chunks(pair, bad):
    assert_chunks_refused(pair, bad)


@pytest.mark.xfail(reason="libmicrohttpd takes a bare LF before and in the last chunk, and shows nobody", strict=True)
@pytest.mark.parametrize("bad", BARE_LF_CHUNKS)
def test_bare_line_ends_in_chunks(pair, bad):
    assert_chunks_refused(pair, bad)


GOOD = {
    "GET with blanks around values": (b"GET /p HTTP/1.1\r\nHost:x \r\nA:\t b \t\r\n\r\n", b"GET /p 0"),
    "empty value": (b"GET /p HTTP/1.1\r\nHost: x\r\nA:\r\n\r\n", b"GET /p 0"),
    "POST with length": (POST + b"Content-Length: 5\r\n\r\nhello", b"POST /p 5"),
    "POST chunked": (POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", b"POST /p 5"),
    "Chunked in other letters": (POST + b"transfer-encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", b"POST /p 5"),
    "POST without a body": (POST + b"Content-Length: 0\r\n\r\n", b"POST /p 0"),
    "a value above 127": (b"GET /p HTTP/1.1\r\nHost: x\r\nA: \xc3\xa4\r\n\r\n", b"GET /p 0"),
    "absolute target": (b"GET http://x/p HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /p 0"),
    "a method of its own": (b"FROBNICATE /p HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", b"FROBNICATE /p 0"),
}


@pytest.mark.parametrize("name", GOOD)
def test_good_forms_are_not_refused(pair, name):
    _, larder = pair
    sent, expected = GOOD[name]
    with larder.connect() as c:
        c.raw(sent)
        answer = c.read()
        assert answer.status == 200 and answer.body == expected, answer
        c.raw(sent)  # and the connection goes on
        assert c.read().body == expected


def test_requests_in_a_row_without_waiting(pair):
    _, larder = pair
    with larder.connect() as c:
        c.raw(b"".join(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % i for i in range(5)))
        assert [c.read().body for _ in range(5)] == [b"GET /%d 0" % i for i in range(5)]


def test_refusals_are_counted(pair):
    _, larder = pair
    with larder.connect() as c:
        c.raw(BAD["two hosts"])
        c.read()
    assert larder.metric("larder_requests_refused_total") >= 1

"""When the origin fails the visitor gets a short page at once: the right status, HTML or plain text, a request id; it is
never stored."""
import re
import socket

import pytest

from larder import free_port, slack, wait_until
from origin import Gate

ROUTE = "[route /*]\nttl = 60s\nttl_status = 502 1h, 503 1h, 504 1h\n"
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def assert_error_page(larder, status, reason, target="/p", within=2.0):
    for headers, kind in ((HTML, "text/html"), ({"Accept": "*/*"}, "text/plain"), ({}, "text/plain")):
        answer = larder.get(target, headers)
        assert answer.status == status and answer.whole, answer
        assert answer["Content-Type"].startswith(kind)
        assert answer.elapsed < within * slack()
        assert (b"<html" in answer.body.lower() or b"<!doctype" in answer.body.lower()) == (kind == "text/html")
        line = larder.logged(target, status=status)
        assert line["verdict"] == "error" and line["reason"] == reason
        wait_until(lambda: any(x["id"] in answer.text for x in larder.log_lines()), "a line with the id that the page names")
        assert not answer.hit and "stored" not in answer.cache
        assert len(answer.body) < 2000
    assert larder.entries() == 0


def test_nobody_listens(serve):
    larder = serve(f"http://127.0.0.1:{free_port()}", ROUTE)
    assert_error_page(larder, 502, "upstream-connect")
    told = re.findall(r"\(request (\S+)\)", larder.stderr())
    assert told and told[0] in {line["id"] for line in larder.log_lines()}


def test_name_does_not_resolve(serve):
    larder = serve("http://no-such-host.invalid:80", ROUTE)
    assert_error_page(larder, 502, "upstream-resolve", within=8)
    assert "no-such-host.invalid" in larder.stderr()


def test_unix_socket_is_missing(serve, tmp_path):
    larder = serve(f"unix:{tmp_path}/missing.sock", ROUTE)
    assert_error_page(larder, 502, "upstream-connect")


def test_connect_timeout(serve):
    # A listener whose queue is full neither takes nor refuses.
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = []
        for _ in range(8):
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex(listener.getsockname())
            fillers.append(s)
        larder = serve(f"http://127.0.0.1:{listener.getsockname()[1]}", ROUTE + "[upstream]\nconnect_timeout = 300ms")
        assert_error_page(larder, 504, "upstream-timeout")
        for s in fillers:
            s.close()


def test_first_byte_timeout(origin, serve):
    gate = Gate()
    origin.page("/p", gate=gate)
    larder = serve(origin, ROUTE + "[upstream]\nfirst_byte_timeout = 300ms")
    assert_error_page(larder, 504, "upstream-timeout")
    gate.open()


def test_idle_timeout_within_the_body_cuts(origin, serve):
    gate = Gate()

    @origin.on("/p")
    def handler(request, reply):
        reply.start(200, {}, length=100)
        reply.write(b"some")
        gate.pass_through()

    larder = serve(origin, ROUTE + "[upstream]\nidle_timeout = 300ms")
    answer = larder.get("/p")
    assert answer.status == 200 and answer.body == b"some" and not answer.whole
    assert answer.elapsed < 5 * slack()
    assert larder.entries() == 0
    gate.open()


def test_origin_closes_without_a_word(origin, serve):
    origin.on("/p")(lambda request, reply: reply.close())
    assert_error_page(serve(origin, ROUTE), 502, "upstream-reset")


BAD_HEADS = {
    "not HTTP": b"hello\r\n\r\n",
    "HTTP/0.9": b"<html>",
    "bare LF": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "folded field": b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "length and coding": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "space before colon": b"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n",
    "NUL in a value": b"HTTP/1.1 200 OK\r\nA: b\0c\r\nContent-Length: 0\r\n\r\n",
    "status of two digits": b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
    "HTTP/2": b"HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n",
    "negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "gzip, chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "101 unasked": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "head too large": b"HTTP/1.1 200 OK\r\nA: " + b"x" * 70000 + b"\r\n\r\n",
}


@pytest.mark.parametrize("name", BAD_HEADS)
def test_broken_head_of_the_origin(origin, serve, name):
    @origin.on("/p")
    def handler(request, reply):
        reply.raw(BAD_HEADS[name])
        reply.close()

    larder = serve(origin, ROUTE)
    answer = larder.get("/p")
    assert answer.status == 502 and answer.whole, answer
    assert larder.logged("/p")["reason"] in ("upstream-protocol", "upstream-reset")
    assert larder.entries() == 0
    origin.page("/p")
    assert larder.get("/p").status == 200  # and the connection is not used again


def test_error_page_escapes_what_the_client_sent(serve):
    larder = serve(f"http://127.0.0.1:{free_port()}", ROUTE)
    answer = larder.get("/<script>alert(1)</script>", {**HTML, "Host": "x"})
    assert answer.status in (400, 502) and b"<script" not in answer.body


def test_errors_of_the_origin_itself_pass_through(origin, serve):
    origin.page("/p", status=503, body=b"its own words", headers={"Retry-After": "7"})
    larder = serve(origin, "[route /*]\nttl = 60s")
    answer = larder.get("/p")
    assert (answer.status, answer.body, answer["Retry-After"]) == (503, b"its own words", "7")
    assert re.search("fwd", answer["Cache-Status"])

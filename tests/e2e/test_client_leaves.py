"""A client that leaves is noticed within a second, at each stage of its request, and its fetch ends with it."""
import threading
import time

import pytest

from larder import slack, wait_until


def gone_within(origin_saw, seconds):
    wait_until(lambda: origin_saw, "the origin to see the end", 20)
    assert origin_saw[0] < seconds * slack()


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("stage", ["before the head", "within the body", "within the upload"])
def test_leaving_is_passed_on(origin, serve, how, stage):
    saw, arrived = [], threading.Event()

    @origin.on("/p")
    def handler(request, reply):
        if stage == "within the body":
            reply.start(200, {"Cache-Control": "no-store"})
            reply.write(b"first")
        if stage == "within the upload":
            try:
                for part in request.pieces():
                    arrived.set()
                    began = time.monotonic()
            except (EOFError, OSError):
                saw.append(time.monotonic() - began)
                raise
            saw.append(1000)
        else:
            saw.append(reply.wait_peer_gone())

    larder = serve(origin)
    c = larder.connect()
    c.send("POST", "/p", {"Content-Length": "1000" if stage == "within the upload" else "0"}, b"")
    origin.wait_count("/p", 1)
    if stage == "within the body":
        assert c.final_head().status == 200
    if stage == "within the upload":
        c.raw(b"part")
        assert arrived.wait(10)
    getattr(c, how)()
    gone_within(saw, 1.5)
    wait_until(lambda: larder.metric("larder_clients_gone_total") == 1, "the leaving to be counted")
    assert larder.logged("/p")["reason"] == "client-gone"
    wait_until(lambda: larder.metric("larder_connections_open") == 0, "the connection to be closed")


def test_half_closed_client_still_gets_its_answer_or_a_clean_end(origin, serve):
    import socket
    origin.page("/p", delay=0.3)
    larder = serve(origin)
    with larder.connect() as c:
        c.send("GET", "/p")
        c.sock.shutdown(socket.SHUT_WR)
        answer = c.read()
        assert answer is None or answer.body == b"/p #1"
    assert larder.get("/p").status == 200


def test_many_leave_at_once(origin, serve):
    from origin import Gate
    gate = Gate()
    origin.page("/p", gate=gate)
    larder = serve(origin, "[route /*]\nttl = 60s")
    connections = [larder.connect() for _ in range(100)]
    for c in connections:
        c.send("GET", "/p")
    gate.wait_reached()
    for c in connections:
        c.reset()
    wait_until(lambda: larder.metric("larder_connections_open") == 0, "all to be gone", 5 * slack())
    gate.open()
    wait_until(lambda: larder.get("/p").status == 200, "service to go on")

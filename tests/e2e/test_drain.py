"""SIGTERM: listen sockets close, requests under way end, bounded by drain_timeout."""
import signal
import time

import pytest

from larder import slack, wait_until
from origin import Gate


def refuses(larder):
    try:
        larder.connect().close()
        return False
    except (ConnectionRefusedError, ConnectionResetError):  # reset: it was in the backlog as the socket closed
        return True


def test_requests_under_way_end(origin, serve):
    gate = Gate()
    origin.page("/p", gate=gate)
    larder = serve(origin, "[route /*]\nttl = 60s")
    with larder.connect() as c, larder.connect() as idle:
        c.send("GET", "/p")
        idle.request("GET", "/other")
        gate.wait_reached()
        larder.process.send_signal(signal.SIGTERM)
        wait_until(lambda: refuses(larder), "the listener to close")
        assert idle.ended(5 * slack()), "idle connections are closed"
        gate.open()
        answer = c.read()
        assert answer.body == b"/p #1" and answer.whole
        assert answer["Connection"] == "close" and c.ended(5)
    assert larder.process.wait(10) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_program_ends_at_once(origin, serve, number):
    larder = serve(origin)
    began = time.monotonic()
    larder.process.send_signal(number)
    assert larder.process.wait(10) == 0
    assert time.monotonic() - began < 2 * slack()


def test_drain_timeout(origin, serve):
    gate = Gate()
    origin.page("/p", gate=gate)
    larder = serve(origin, "[server]\ndrain_timeout = 500ms")
    with larder.connect() as c:
        c.send("GET", "/p")
        gate.wait_reached()
        began = time.monotonic()
        larder.process.send_signal(signal.SIGTERM)
        assert larder.process.wait(10 * slack()) == 0
        assert 0.4 < time.monotonic() - began < 3 * slack()
    gate.open()

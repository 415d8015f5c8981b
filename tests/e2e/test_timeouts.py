"""How long a client may hold a connection without using it."""
import time

import pytest

from larder import slack, wait_until


def test_idle_connection_is_closed(origin, serve):
    origin.page("/p")
    larder = serve(origin, "[server]\nkeepalive_timeout = 1s")
    with larder.connect() as c:
        assert c.request("GET", "/p").status == 200
        began = time.monotonic()
        assert c.ended(10) and 0.5 < time.monotonic() - began < 4 * slack()


def test_connection_without_a_request_is_closed(origin, serve):
    larder = serve(origin, "[server]\nheader_timeout = 500ms\nkeepalive_timeout = 1s")
    with larder.connect() as c:
        assert c.ended(10)


@pytest.mark.parametrize("stored", [True, False])
def test_client_that_takes_nothing_is_cut(origin, serve, stored):
    content, gone = b"x" * 12_000_000, []

    @origin.on("/p")
    def handler(request, reply):
        try:
            reply.send(200, {"Cache-Control": "max-age=60" if stored else "no-store"}, content)
        except OSError:
            gone.append(time.monotonic())

    larder = serve(origin, "[server]\nsend_timeout = 1s")
    if stored:
        larder.stored("/p")
    with larder.connect(receive_buffer=4096) as c:
        c.send("GET", "/p")
        wait_until(lambda: larder.metric("larder_connections_open") == 0, "the connection to be cut", 15 * slack())
    if not stored:
        wait_until(lambda: gone, "the origin to be let go", 15 * slack())
    assert larder.logged("/p", reason="client-gone")


def test_a_slow_but_steady_client_is_served(origin, serve):
    content = bytes(range(256)) * 8000
    origin.page("/p", body=content, headers={"Cache-Control": "no-store"})
    larder = serve(origin, "[server]\nsend_timeout = 1s")
    with larder.connect(receive_buffer=4096) as c:
        c.send("GET", "/p")
        head, received = c.final_head(), b""
        pieces = c.pieces(head)
        for _ in range(15):  # for longer than send_timeout
            received += next(pieces)
            time.sleep(0.1)
        received += b"".join(pieces)
    assert received == content and head.whole

"""Bodies of any size go through with bounded memory, however slow the one side is."""
import threading

import pytest

import larder as program

MB = 1 << 20
SIZE = (1024 if not program.sanitizer() else 200) * MB  # a gigabyte, less where a sanitizer makes bytes dear
GROWTH = 20 * MB
pytestmark = [pytest.mark.alone, pytest.mark.timeout(240)]


def assert_bounded(larder, before):
    if not program.sanitizer():  # their own bookkeeping is not ours
        assert larder.peak_rss() - before < GROWTH, f"grew by {(larder.peak_rss() - before) / MB:.1f} MB"


def wait_stalled(counter):
    """Waits until the number of bytes stands still: every buffer on the way is full."""
    seen = [-1]

    def still():
        now = counter()
        same, seen[0] = now == seen[0] and now > 0, now
        return same
    import time
    end = time.monotonic() + 30
    while not still():
        assert time.monotonic() < end
        time.sleep(0.3)
    return counter()


@pytest.mark.parametrize("framing", ["length", "chunked", "cacheable"])
def test_download(origin, serve, framing):
    piece, sent = bytes(range(256)) * (MB // 256), [0]

    @origin.on("/big")
    def handler(request, reply):
        headers = {"Cache-Control": "max-age=60" if framing == "cacheable" else "no-store"}
        reply.start(200, headers, length=None if framing == "chunked" else SIZE)
        for _ in range(SIZE // MB):
            reply.write(piece)
            sent[0] += MB
        reply.end()

    # memory_size bounds what a body that might be stored may use before it proves too large.
    larder = serve(origin, "[cache]\nmemory_size = 64M\nmax_object = 4M\n[server]\nsend_timeout = 60s")
    larder.get("/warm")
    before = larder.rss()
    with larder.connect() as c:
        c.send("GET", "/big")
        head = c.final_head()
        # The client takes nothing for a while: the origin has to be held back, not buffered.
        assert wait_stalled(lambda: sent[0]) < 64 * MB
        assert_bounded(larder, before)
        received = 0
        for part in c.pieces(head):
            assert part[0] == received % 256
            received += len(part)
        assert received == SIZE and head.whole
    assert_bounded(larder, before)
    assert larder.logged("/big")["bytes"] == SIZE


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_upload(origin, serve, framing):
    piece, received, go = b"u" * MB, [0], threading.Event()

    @origin.on("/upload")
    def handler(request, reply):
        assert go.wait(60)  # the origin takes nothing for a while
        for part in request.pieces():
            received[0] += len(part)
        reply.send(200, {}, b"%d" % received[0])

    larder = serve(origin, "[upstream]\nidle_timeout = 120s\nfirst_byte_timeout = 120s")
    larder.get("/warm")
    before, sent = larder.rss(), [0]
    with larder.connect(timeout=120) as c:
        chunked = framing == "chunked"
        c.raw(b"POST /upload HTTP/1.1\r\nHost: x\r\n" +
              (b"Transfer-Encoding: chunked\r\n\r\n" if chunked else b"Content-Length: %d\r\n\r\n" % SIZE))

        def upload():
            for _ in range(SIZE // MB):
                c.sock.sendall(b"%x\r\n%s\r\n" % (MB, piece) if chunked else piece)
                sent[0] += MB
            if chunked:
                c.sock.sendall(b"0\r\n\r\n")

        thread = threading.Thread(target=upload)
        thread.start()
        assert wait_stalled(lambda: sent[0]) < 64 * MB
        assert_bounded(larder, before)
        go.set()
        answer = c.read()
        thread.join(10)
        assert answer.status == 200 and answer.text == str(SIZE)
    assert_bounded(larder, before)


def refusing(origin):
    @origin.on("/refuse")
    def handler(request, reply):
        reply.send(413, {"Connection": "close"}, b"too much")
        reply.close()


def test_answer_before_the_upload_ends(origin, serve):
    """What the origin does not want is swallowed; its answer comes."""
    refusing(origin)
    larder = serve(origin)
    with larder.connect() as c:
        answer = c.request("POST", "/refuse", body=b"x" * 20_000_000)
        assert answer.status == 413 and answer.body == b"too much"
    assert larder.get("/warm").status == 404


def test_answer_while_the_client_pauses(origin, serve):
    refusing(origin)
    larder = serve(origin)
    with larder.connect(timeout=5) as c:
        c.raw(b"POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n" + b"x" * 1000)
        answer = c.read()
        assert answer.status == 413 and answer.body == b"too much"

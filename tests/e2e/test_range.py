"""Parts of a page: cut from what is stored, of the right bytes in the right wrapping, and never taken for the whole."""
import email
import gzip
import random

import pytest

CONTENT = b"0123456789"
LARGE = random.Random(1).randbytes(300_000)
FRESH = {"ETag": '"v1"', "Cache-Control": "max-age=60", "Content-Type": "text/plain"}


@pytest.fixture
def larder(origin, serve):
    @origin.on("/p")
    def handler(request, reply):
        if request["Range"]:
            reply.send(206, {"Content-Range": "bytes 2-4/10", "ETag": '"v1"', "Cache-Control": "max-age=60"}, CONTENT[2:5])
        else:
            reply.send(200, FRESH, CONTENT)
    origin.page("/large", LARGE, headers=FRESH)
    origin.page("/empty", b"", headers=FRESH)
    return serve(origin)


def parts_of(response):
    """A multipart/byteranges answer as a strict parser reads it: [(Content-Range, bytes)]."""
    head = b"Content-Type: " + response["Content-Type"].encode() + b"\r\n\r\n"
    message = email.message_from_bytes(head + response.body)
    assert message.get_content_type() == "multipart/byteranges" and message.is_multipart() and not message.defects
    assert not message.preamble and not (message.epilogue or "").strip()
    boundary = b"--" + message.get_boundary().encode()
    assert response.body.startswith(boundary + b"\r\n") and response.body.endswith(b"\r\n" + boundary + b"--\r\n")
    pieces = response.body.split(b"\r\n" + boundary)
    assert len(pieces) == len(message.get_payload()) + 1  # the boundary is nowhere within the content
    contents = [piece.partition(b"\r\n\r\n")[2] for piece in pieces[:-1]]
    return [(part["Content-Range"], content) for part, content in zip(message.get_payload(), contents)]


def test_part_of_what_is_not_stored(origin, larder):
    part = larder.get("/p", {"Range": "bytes=2-4"})
    assert (part.status, part.body, part["Content-Range"]) == (206, b"234", "bytes 2-4/10")
    whole = larder.stored("/p")
    assert (whole.status, whole.body) == (200, CONTENT)


@pytest.mark.parametrize("asked, status, content_range, body", [
    ("bytes=2-4", 206, "bytes 2-4/10", b"234"),
    ("bytes=7-", 206, "bytes 7-9/10", b"789"),
    ("bytes=-3", 206, "bytes 7-9/10", b"789"),
    ("bytes=-300", 206, "bytes 0-9/10", CONTENT),
    ("bytes=5-500", 206, "bytes 5-9/10", b"56789"),
    ("bytes=10-", 416, "bytes */10", b""),
    ("bytes=-0", 416, "bytes */10", b""),
    ("bytes=4-2", 200, None, CONTENT),
    ("items=2-4", 200, None, CONTENT),
    ("bytes=" + ",".join(f"{i}-{i}" for i in range(1000)), 200, None, CONTENT),
    ("bytes=" + ",".join("0-" for _ in range(500)), 200, None, CONTENT),
])
def test_part_of_what_is_stored(origin, larder, asked, status, content_range, body):
    larder.stored("/p")
    part = larder.get("/p", {"Range": asked})
    assert (part.status, part["Content-Range"], part.body, part.hit) == (status, content_range, body, True)
    assert origin.count("/p") == 1
    larder.logged("/p", verdict="hit", status=status)
    again = larder.get("/p")
    assert (again.status, again.body, again.hit) == (200, CONTENT, True)


def test_of_an_empty_page_there_is_no_part(larder):
    larder.stored("/empty")
    assert [larder.get("/empty", {"Range": r}).status for r in ("bytes=0-", "bytes=-1", "bytes=0-0")] == [200] * 3


def test_if_range(larder):
    larder.stored("/p")
    for tag, status in (('"v1"', 206), ('"v2"', 200), ('W/"v1"', 200), ("Sun, 06 Nov 1994 08:49:37 GMT", 200)):
        assert larder.get("/p", {"Range": "bytes=0-1", "If-Range": tag}).status == status


def test_conditions_come_before_the_range(larder):
    larder.stored("/p")
    assert larder.get("/p", {"Range": "bytes=0-1", "If-None-Match": '"v1"'}).status == 304
    assert larder.get("/p", {"Range": "bytes=0-1", "If-None-Match": '"v2"'}).status == 206


def test_head_has_no_ranges(larder):
    larder.stored("/p")
    head = larder.request("HEAD", "/p", {"Range": "bytes=0-1"})
    assert (head.status, head["Content-Length"], head["Content-Range"]) == (200, "10", None)


def test_several_parts(larder):
    larder.stored("/p")
    answer = larder.get("/p", {"Range": "bytes=8-9,0-0,3-4,4-5,-1,99-"})
    assert answer.status == 206 and answer["Content-Range"] is None
    assert parts_of(answer) == [("bytes 8-9/10", b"89"), ("bytes 0-0/10", b"0"), ("bytes 3-5/10", b"345")]
    assert parts_of(larder.get("/p", {"Range": "bytes=0-0,-1"})) == [("bytes 0-0/10", b"0"), ("bytes 9-9/10", b"9")]


def test_parts_of_a_large_page(larder):
    larder.stored("/large")
    rng = random.Random(2)
    with larder.connect() as c:
        for _ in range(50):
            ends = sorted(rng.sample(range(len(LARGE)), 4))
            answer = c.request("GET", "/large", {"Range": "bytes=%d-%d,%d-%d" % tuple(ends)})
            want = [(f"bytes {a}-{b}/{len(LARGE)}", LARGE[a:b + 1]) for a, b in (ends[:2], ends[2:])]
            assert answer.status == 206 and parts_of(answer) == want
            one = c.request("GET", "/large", {"Range": "bytes=%d-%d" % tuple(ends[:2])})
            assert one.status == 206 and one.body == LARGE[ends[0]:ends[1] + 1]


def test_parts_of_a_compressed_variant(origin, serve):
    packed = gzip.compress(CONTENT * 100)

    @origin.on("/z")
    def handler(request, reply):
        coded = "gzip" in (request["Accept-Encoding"] or "")
        headers = {**FRESH, "Vary": "Accept-Encoding", **({"Content-Encoding": "gzip"} if coded else {})}
        reply.send(200, headers, packed if coded else CONTENT * 100)
    larder = serve(origin)
    for coding, content in (("gzip", packed), ("identity", CONTENT * 100)):
        larder.get("/z", {"Accept-Encoding": coding})
        part = larder.get("/z", {"Accept-Encoding": coding, "Range": "bytes=3-7"})
        assert (part.status, part.body, part.hit) == (206, content[3:8], True)
        assert part["Content-Range"] == f"bytes 3-7/{len(content)}"

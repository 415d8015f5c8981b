"""Parts of a page: from the origin when nothing is stored, and never stored as if they were the whole."""
import pytest

CONTENT = b"0123456789"


@pytest.fixture
def larder(origin, serve):
    @origin.on("/p")
    def handler(request, reply):
        if request["Range"]:
            reply.send(206, {"Content-Range": "bytes 2-4/10", "ETag": '"v1"', "Cache-Control": "max-age=60"}, CONTENT[2:5])
        else:
            reply.send(200, {"ETag": '"v1"', "Cache-Control": "max-age=60", "Accept-Ranges": "bytes"}, CONTENT)
    return serve(origin)


def test_part_of_what_is_not_stored(origin, larder):
    part = larder.get("/p", {"Range": "bytes=2-4"})
    assert (part.status, part.body) in ((206, b"234"), (200, CONTENT))
    whole = larder.stored("/p")
    assert (whole.status, whole.body) == (200, CONTENT)


def test_part_of_what_is_stored(origin, larder):
    larder.stored("/p")
    part = larder.get("/p", {"Range": "bytes=2-4"})
    assert (part.status, part.body) in ((206, b"234"), (200, CONTENT))
    again = larder.get("/p")
    assert (again.status, again.body, again.hit) == (200, CONTENT, True)

"""Parts of one representation (RFC 9111 3.3, 3.4): whose fields count, and whose tag is sent."""
from larder import wait_until

CONTENT = b"0123456789"


def in_parts(origin):
    """A page that obeys "bytes=A-B" and counts its answers in X-Number."""
    @origin.on("/p")
    def handler(request, reply):
        fields = {"ETag": '"v"', "Cache-Control": "max-age=1000", "X-Number": str(request.number)}
        if request["Range"]:
            first, last = (int(x) for x in request["Range"].removeprefix("bytes=").split("-"))
            reply.send(206, {**fields, "Content-Range": f"bytes {first}-{last}/10"}, CONTENT[first:last + 1])
        else:
            reply.send(200, fields, CONTENT)


def stored_part(larder, asked):
    stores = larder.metric("larder_cache_stores_total")
    assert larder.get("/p", {"Range": f"bytes={asked}"}).status == 206
    wait_until(lambda: larder.metric("larder_cache_stores_total") > stores, f"{asked} to be stored")


def test_the_new_part_updates_the_fields(origin, serve):
    """RFC 9111 3.4-1: what was put together has the fields of the last response."""
    in_parts(origin)
    larder = serve(origin)
    stored_part(larder, "0-6")
    stored_part(larder, "5-9")
    whole = larder.get("/p")
    assert whole.hit and whole.body == CONTENT and whole["X-Number"] == "2" and whole["Content-Range"] is None
    assert whole["Content-Length"] == "10"


def test_the_tag_of_a_part_asks_for_no_whole(origin, serve):
    """RFC 9111 4.3.2-4: a 304 for it would confirm what we cannot send."""
    in_parts(origin)
    larder = serve(origin)
    stored_part(larder, "0-4")
    answer = larder.get("/p", {"If-None-Match": '"theirs"', "Cache-Control": "no-cache"})
    assert (answer.status, answer.body) == (200, CONTENT)
    assert '"v"' not in (origin.last("/p")["If-None-Match"] or "")

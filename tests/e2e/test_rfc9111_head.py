"""What a HEAD answer says of a stored page (RFC 9111 4.3.5)."""
from larder import wait_until

STALE = {"Cache-Control": "max-age=100", "Age": "200", "ETag": '"v1"', "X-Field": "old"}


def stored_and_asked(origin, serve, head):
    """A stale page is stored; a HEAD goes to the origin, which answers with these fields; then the page is asked for again."""
    origin.page("/p", body=b"content", headers=STALE)
    larder = serve(origin)
    larder.get("/p")
    wait_until(lambda: larder.entries() == 1, "the page to be stored")

    @origin.on("/p")
    def handler(request, reply):
        if request.method == "HEAD":
            reply.head(200, head)
        else:
            reply.send(200, {"Cache-Control": "max-age=100"}, b"another")

    assert larder.request("HEAD", "/p").status == 200
    return larder.get("/p")


FRESH = {"Cache-Control": "max-age=100", "X-Field": "new"}


def test_another_etag_invalidates(origin, serve):
    """RFC 9111 4.3.5-3: the page is stale, whatever the HEAD says of freshness."""
    answer = stored_and_asked(origin, serve, {**FRESH, "ETag": '"v2"', "Content-Length": "7"})
    assert answer.body == b"another"


def test_another_length_invalidates(origin, serve):
    """RFC 9111 4.3.5-3: the length differs."""
    answer = stored_and_asked(origin, serve, {**FRESH, "ETag": '"v1"', "Content-Length": "9"})
    assert answer.body == b"another"


def test_head_is_answered_from_a_stored_get(origin, serve):
    """RFC 9111 4-2: GET is stored for GET and HEAD; what a HEAD brought never answers a GET."""
    origin.page("/p", headers={"Cache-Control": "max-age=100"})
    larder = serve(origin)
    larder.request("HEAD", "/p")
    assert larder.get("/p").body == b"/p #2"
    larder.stored("/p")
    answer = larder.request("HEAD", "/p")
    assert answer.hit and answer.body == b"" and answer["Content-Length"] == "5"


def test_a_match_updates(origin, serve):
    """RFC 9111 4.3.5-1, 4.3.5-2, 4.3.5-4: the page is fresh again, with the fields of the HEAD answer."""
    answer = stored_and_asked(origin, serve, {**FRESH, "ETag": '"v1"', "Content-Length": "7"})
    assert answer.hit and answer.body == b"content" and answer["X-Field"] == "new"


def test_a_match_without_content_length(origin, serve):
    """RFC 9111 4.3.5-2: only a received Content-Length is compared."""
    answer = stored_and_asked(origin, serve, {**FRESH, "ETag": '"v1"'})
    assert answer.hit and answer.body == b"content" and answer["Content-Length"] == "7"


def test_a_fresh_page_goes_stale(origin, serve):
    """RFC 9111 4.3.5-3: a HEAD that had to go to the origin and says otherwise makes even a fresh page stale."""
    origin.page("/p", body=b"content", headers={"Cache-Control": "max-age=100", "ETag": '"v1"'})
    larder = serve(origin)
    larder.stored("/p")
    origin.page("/p", body=b"another one", headers={"Cache-Control": "max-age=100", "ETag": '"v2"'})
    larder.request("HEAD", "/p", {"Cache-Control": "no-cache"})
    assert larder.get("/p").body == b"another one"

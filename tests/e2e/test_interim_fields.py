"""Interim responses (1xx) pass as they come; nothing of them is stored or gets into the final response."""
import pytest


def hinting(origin, *interim, final=200, headers=None):
    @origin.on("/p")
    def handler(request, reply):
        for status, fields in interim:
            reply.interim(status, fields)
        reply.send(final, headers or {"Cache-Control": "max-age=60"}, b"page")


LINK = ("Link", "</style.css>; rel=preload")


@pytest.mark.parametrize("status", [102, 103, 199])
def test_it_is_relayed_and_not_stored(origin, serve, status):
    """RFC 9111 3-2: only the final response is stored."""
    hinting(origin, (status, {"Link": LINK[1]}))
    larder = serve(origin)
    first = larder.stored("/p")
    assert first.interim == [(status, [LINK])] and first.status == 200
    again = larder.get("/p")
    assert again.hit and again.interim == [] and again.status == 200 and again.body == b"page"


def test_several_come_in_their_order(origin, serve):
    hinting(origin, (102, {}), (103, {"Link": LINK[1]}), (103, {"Link": "</b.js>; rel=preload"}))
    answer = serve(origin).get("/p")
    assert answer.interim == [(102, []), (103, [LINK]), (103, [("Link", "</b.js>; rel=preload")])] and answer.body == b"page"


def test_its_fields_are_not_merged_into_the_final_response(origin, serve):
    hinting(origin, (103, {"Link": LINK[1], "X-Early": "1", "Cache-Control": "no-store", "Set-Cookie": "a=b"}))
    larder = serve(origin)
    for answer in (larder.stored("/p"), larder.get("/p")):
        assert answer["Link"] is None and answer["X-Early"] is None and answer["Set-Cookie"] is None
        assert answer["Cache-Control"] == "max-age=60"


def test_its_freshness_does_not_count(origin, serve):
    hinting(origin, (103, {"Cache-Control": "max-age=3600", "ETag": '"x"'}), headers={"X": "y"})
    larder = serve(origin)
    for n in (1, 2, 3):
        assert larder.get("/p").status == 200 and origin.count("/p") == n
    assert larder.entries() == 0

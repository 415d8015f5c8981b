"""What a successful POST, PUT, DELETE changes is not served from the store any more (RFC 9111 4.4), and the answer to a
POST that says that it is the page becomes the page (RFC 9110 9.3.3)."""
import pytest

from larder import wait_until
from origin import Gate


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "M-SEARCH"])
@pytest.mark.parametrize("body", [None, b"abc"])
def test_a_success_invalidates_and_a_failure_does_not(origin, serve, method, body):
    origin.page("/p", headers={"Cache-Control": "max-age=60"})
    larder = serve(origin)
    larder.stored("/p")
    origin.page("/p", status=500)
    assert larder.request(method, "/p", body=body).status == 500
    assert larder.get("/p").hit
    origin.page("/p", headers={"Cache-Control": "max-age=60"})
    answer = larder.request(method, "/p", body=body)
    assert answer.status == 200 and answer.cache["fwd"] == "method"
    assert "Age" not in dict(answer.fields)
    assert not larder.get("/p").hit
    assert larder.get("/p").hit
    assert wait_until(lambda: larder.metric("larder_invalidations_total") == 1, "the invalidation to be counted")
    assert larder.metric("larder_cache_invalidated_total") == 1


def test_what_location_names_on_the_same_origin(origin, serve):
    pages = ["/a/new", "/a/list", "/a/other"]
    for page in pages:
        origin.page(page, headers={"Cache-Control": "max-age=60"})
    origin.page("/a/form", status=201, headers={"Location": "new#x", "Content-Location": "../a/list"})
    origin.page("/a/far", headers={"Location": "http://other.example/a/other"})
    larder = serve(origin)
    for page in pages:
        larder.stored(page)
    larder.request("POST", "/a/form", body=b"x")
    larder.request("POST", "/a/far", body=b"x")
    assert [larder.get(page).hit for page in pages] == [False, False, True]


def test_a_get_under_way_neither_answers_nor_stays(origin, serve):
    gate = Gate()
    origin.page("/p", body=b"old", headers={"Cache-Control": "max-age=60"}, gate=gate)
    larder = serve(origin)
    with larder.connect() as early:
        early.send("GET", "/p")
        gate.wait_reached()
        origin.page("/p", body=b"new", headers={"Cache-Control": "max-age=60"})
        assert larder.request("POST", "/p", body=b"x").status == 200
        assert larder.get("/p").body == b"new"
        gate.open()
        assert early.read().body == b"old"
    assert larder.get("/p").body == b"new"


def test_a_post_that_is_the_page(origin, serve):
    @origin.on("/p")
    def handler(request, reply):
        body = request.body() or b"nothing"
        reply.send(200, {"Cache-Control": "max-age=60", "Content-Location": "/p"}, body=body)

    larder = serve(origin)
    assert larder.get("/p").body == b"nothing"
    for text in (b"one", b"two"):
        answer = larder.request("POST", "/p", body=text)
        assert answer.body == text and answer.cache["fwd"] == "method" and "stored" in answer.cache
        page = larder.get("/p")
        assert page.body == text and page.hit and page["Age"] == "0"
    assert origin.count("/p") == 3
    assert larder.request("HEAD", "/p").hit


def test_other_posts_are_passed_only(origin, serve):
    origin.page("/p", headers={"Cache-Control": "max-age=60"})
    larder = serve(origin)
    assert "stored" not in larder.request("POST", "/p", body=b"x").cache
    assert larder.request("POST", "/p", body=b"x").body == b"/p #2"
    assert not larder.get("/p").hit

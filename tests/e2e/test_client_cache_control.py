"""What the Cache-Control and Pragma of a request change (RFC 9111 5.2.1), and client_cache_control = ignore."""
import pytest

from larder import wait_until

NO_CACHE = {"Cache-Control": "no-cache"}


@pytest.mark.parametrize("wish", [
    NO_CACHE, {"Cache-Control": "max-age=0"}, {"Cache-Control": "min-fresh=120"}, {"Pragma": "no-cache"},
])
def test_a_client_may_ask_for_a_new_page(origin, serve, wish):
    origin.page("/p", headers={"Cache-Control": "max-age=60"})
    larder = serve(origin)
    larder.stored("/p")
    assert larder.get("/p", wish).body == b"/p #2"
    ignoring = serve(origin, "[route /*]\nclient_cache_control = ignore")
    ignoring.stored("/p")
    assert ignoring.get("/p", wish).hit
    assert origin.count("/p") == 3


def test_only_if_cached(origin, serve):
    origin.page("/p", headers={"Cache-Control": "max-age=60"})
    larder = serve(origin)
    assert larder.get("/p", {"Cache-Control": "only-if-cached"}).status == 504 and origin.count("/p") == 0
    ignoring = serve(origin, "[route /*]\nclient_cache_control = ignore")
    assert ignoring.get("/p", {"Cache-Control": "only-if-cached"}).status == 200


def test_the_origin_gets_an_ignored_wish(origin, serve):
    origin.page("/p", headers={"Cache-Control": "max-age=60"})
    larder = serve(origin, "[route /*]\nclient_cache_control = ignore")
    larder.get("/p", {"Cache-Control": "no-store"})
    assert origin.last("/p")["Cache-Control"] == "no-store", "RFC 9111 5.2: directives are passed through"
    assert larder.get("/p").hit


def test_max_stale(origin, serve):
    origin.page("/p", headers={"Cache-Control": "max-age=2"})
    larder = serve(origin)
    larder.stored("/p")
    wait_until(lambda: larder.get("/p", {"Cache-Control": "only-if-cached"}).status == 504, "the page to be stale")
    assert larder.get("/p", {"Cache-Control": "only-if-cached, max-stale=30"}).body == b"/p #1"
    assert larder.get("/p").body == b"/p #2"

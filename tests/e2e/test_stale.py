"""Serving stale: while one fetch renews behind, and when the origin fails; a route sets what the origin left out."""
import pytest

from larder import wait_until
from origin import Gate


@pytest.mark.parametrize("headers, option", [
    ({"Cache-Control": "max-age=1, stale-while-revalidate=60"}, ""),
    ({}, "ttl = 1s\nstale_while_revalidate = 60s"),
])
def test_stale_while_revalidate(origin, serve, headers, option):
    origin.page("/p", headers=headers)
    larder = serve(origin, "[route /*]\n" + option)
    larder.stored("/p")
    gate = Gate()
    origin.page("/p", headers=headers, gate=gate)
    stale = wait_until(lambda: next((r for r in [larder.get("/p")] if r.body == b"/p #1" and int(r.cache["ttl"]) < 0), None),
                       "a stale answer")
    assert stale.hit
    gate.wait_reached()
    for _ in range(5):
        assert larder.get("/p").body == b"/p #1"
    gate.open()
    wait_until(lambda: larder.get("/p").body == b"/p #2", "the renewed page")
    assert larder.logged("/p", reason="stale-while-revalidate")["verdict"] == "stale"


@pytest.mark.parametrize("headers, option", [
    ({"Cache-Control": "max-age=1, stale-if-error=60"}, ""),
    ({}, "ttl = 1s\nstale_if_error = 60s"),
])
@pytest.mark.parametrize("failure", ["down", "500"])
def test_stale_if_error(origin, serve, headers, option, failure):
    origin.page("/p", headers=headers)
    larder = serve(origin, "[route /*]\n" + option)
    larder.stored("/p")
    if failure == "down":
        origin.on("/p")(lambda request, reply: reply.reset())
    else:
        origin.page("/p", status=500)
    wait_until(lambda: (larder.get("/p"), origin.count("/p") > 1)[1], "the page to be stale")
    answer = larder.get("/p")
    assert answer.status == 200 and answer.body == b"/p #1" and answer.hit
    assert larder.logged("/p", reason="stale-if-error")


def test_without_it_an_error_is_an_error(origin, serve):
    origin.page("/p")
    larder = serve(origin, "[route /*]\nttl = 1s")
    larder.stored("/p")
    origin.on("/p")(lambda request, reply: reply.reset())
    wait_until(lambda: larder.get("/p").status == 502, "the error")


def test_must_revalidate_forbids_stale(origin, serve):
    origin.page("/p", headers={"Cache-Control": "max-age=1, must-revalidate, stale-if-error=60, stale-while-revalidate=60"})
    larder = serve(origin)
    larder.stored("/p")
    origin.on("/p")(lambda request, reply: reply.reset())
    wait_until(lambda: larder.get("/p").status in (502, 504), "the error")

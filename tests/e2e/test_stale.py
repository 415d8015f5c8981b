"""Serving stale: while one fetch renews behind, and when the origin fails; a route sets what the origin left out."""
import pytest

from larder import slack, wait_until
from origin import Gate


@pytest.mark.parametrize("headers, option", [
    ({"Cache-Control": "max-age=2, stale-while-revalidate=60"}, ""),
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
    ({"Cache-Control": "max-age=2, stale-if-error=60"}, ""),
    ({}, "ttl = 1s\nstale_if_error = 60s"),
])
@pytest.mark.parametrize("failure", ["down", "500"])
def test_stale_if_error(origin, serve, headers, option, failure):
    origin.page("/p", headers=headers)
    larder = serve(origin, "[route /*]\n" + option)
    # Its Date has whole seconds: the first one may be stale when it comes.
    kept, asked = larder.stored("/p").body, origin.count("/p")
    if failure == "down":
        origin.on("/p")(lambda request, reply: reply.reset())
    else:
        origin.page("/p", status=500)
    wait_until(lambda: (larder.get("/p"), origin.count("/p") > asked)[1], "the page to be stale")
    answer = larder.get("/p")
    assert answer.status == 200 and answer.body == kept and answer.cache["detail"] == "stale-if-error"
    # RFC 9211 2.1, 2.3: what came with an answer of the origin, though nobody sees it, is no hit.
    assert answer.hit if failure == "down" else (answer.cache["fwd"], answer.cache["fwd-status"]) == ("stale", "500")
    assert larder.logged("/p", reason="stale-if-error")


def test_a_fresh_page_is_better_than_an_error(origin, serve):
    """RFC 9111 5.2.1.4: the client prefers a newer one; there is none, and the stored one is fresh."""
    origin.page("/p", headers={"Cache-Control": "max-age=100"})
    larder = serve(origin)
    larder.stored("/p")
    origin.page("/p", status=503)
    answer = larder.get("/p", {"Cache-Control": "no-cache"})
    assert (answer.status, answer.body, answer.cache["detail"]) == (200, b"/p #1", "fresh-if-error")


def test_without_it_an_error_is_an_error(origin, serve):
    origin.page("/p")
    larder = serve(origin, "[route /*]\nttl = 1s\nstale_if_unreachable = 0s")
    larder.stored("/p")
    origin.on("/p")(lambda request, reply: reply.reset())
    wait_until(lambda: larder.get("/p").status == 502, "the error")


def test_must_revalidate_forbids_stale(origin, serve):
    origin.page("/p", headers={"Cache-Control": "max-age=2, must-revalidate, stale-if-error=60, stale-while-revalidate=60", "ETag": '"1"'})
    larder = serve(origin)
    larder.stored("/p")
    origin.on("/p")(lambda request, reply: reply.reset())
    wait_until(lambda: larder.get("/p").status == 504, "the error")


@pytest.mark.parametrize("directive", ["must-revalidate", "proxy-revalidate", "no-cache", "s-maxage=2"])
def test_what_forbids_stale_answers(origin, serve, directive):
    origin.page("/p", headers={"Cache-Control": f"max-age=2, {directive}", "ETag": '"1"', "X-Stored": "yes"})
    larder = serve(origin)
    assert larder.get("/p").status == 200
    origin.on("/p")(lambda request, reply: reply.reset())
    error = wait_until(lambda: next((r for r in [larder.get("/p")] if r.status != 200), None), "the error")
    assert error.status == (502 if directive == "no-cache" else 504)
    assert not [n for n in ("ETag", "X-Stored", "Age") if error[n]]


def down(origin, how):
    if how == "closes":
        origin.on("/p")(lambda request, reply: reply.close())
    elif how == "resets":
        origin.on("/p")(lambda request, reply: reply.reset())
    elif how == "half a head":
        @origin.on("/p")
        def half(request, reply):
            reply.raw(b"HTTP/1.1 200 OK\r\nX-New: ")
            reply.close()
    else:
        origin.on("/p")(lambda request, reply: reply.wait_peer_gone())


@pytest.mark.parametrize("how", ["closes", "resets", "half a head", "never answers"])
def test_an_unreachable_origin_is_stood_in_for(origin, serve, how):
    origin.page("/p", headers={"Cache-Control": "max-age=2", "Warning": '199 - "the origin\'s own"'})
    larder = serve(origin, "[upstream]\nfirst_byte_timeout = 500ms")
    larder.stored("/p")
    down(origin, how)
    stale = wait_until(lambda: next((r for r in [larder.get("/p")] if int(r.cache["ttl"]) < 0), None), "a stale answer")
    assert stale.status == 200 and stale.body == b"/p #1" and stale.hit
    assert stale.cache["detail"] == "stale-if-unreachable" and int(stale["Age"]) >= 1
    # RFC 9111 5.5: obsolete, so none is made; one that was stored is no business of ours.
    assert stale.all("Warning") == ['199 - "the origin\'s own"']
    assert larder.logged("/p", reason="stale-if-unreachable")["verdict"] == "stale"
    origin.page("/p", headers={"Cache-Control": "max-age=60"})
    wait_until(lambda: larder.get("/p").body != b"/p #1", "the origin's own again")


def test_a_dead_origin_is_waited_for_once(origin, serve):
    origin.page("/p", headers={"Cache-Control": "max-age=2"})
    larder = serve(origin, "[upstream]\nfirst_byte_timeout = 2s")
    larder.stored("/p")
    down(origin, "never answers")
    wait_until(lambda: int(larder.get("/p").cache["ttl"]) < 0, "a stale answer, after the timeout")
    asked = origin.count("/p")
    answers = larder.at_once(200, "/p")
    assert {a.body for a in answers} == {b"/p #1"} and {a.cache["detail"] for a in answers} == {"stale-if-unreachable"}
    assert max(a.elapsed for a in answers) < 1.5 * slack()
    assert origin.count("/p") <= asked + 2

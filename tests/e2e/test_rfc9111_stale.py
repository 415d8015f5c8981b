"""How long and when a stale page is served (RFC 5861, RFC 9111 4.2.4). The origin's Age makes a page stale from the start."""
import pytest

from larder import wait_until


def aged(age, value):
    return {"Cache-Control": value, "Age": str(age), "ETag": '"v"', "X-Stored": "yes"}


def stale_page(origin, larder, path, age, value):
    """A page that is stored and was stale when it came."""
    origin.page(path, headers=aged(age, value))
    larder.get(path)
    wait_until(lambda: larder.entries() >= 1, f"{path} to be stored")


def test_while_revalidate_within_its_window(origin, serve):
    """RFC 5861 3-1: stale at once, and renewed without anybody waiting."""
    larder = serve(origin)
    stale_page(origin, larder, "/p", 110, "max-age=100, stale-while-revalidate=60")
    origin.page("/p", headers={"Cache-Control": "max-age=1000"})
    answer = larder.get("/p")
    assert answer.hit and answer.body == b"/p #1" and int(answer["Age"]) >= 110 and int(answer.cache["ttl"]) < 0
    wait_until(lambda: larder.get("/p").body == b"/p #2", "the renewed page")
    assert origin.count("/p") == 2, "one fetch renews it"


def test_while_revalidate_behind_its_window(origin, serve):
    """RFC 5861 3-2: no longer stale than it says."""
    larder = serve(origin)
    stale_page(origin, larder, "/p", 200, "max-age=100, stale-while-revalidate=60")
    answer = larder.get("/p")
    assert answer.body == b"/p #2" and not answer.hit


FAILURES = {
    "close": lambda request, reply: reply.close(),
    "reset": lambda request, reply: reply.reset(),
    **{str(s): (lambda s: lambda request, reply: reply.send(s, {"X-Error": "yes"}, b"error"))(s) for s in (500, 502, 503, 504)}}


@pytest.mark.parametrize("failure", FAILURES)
def test_if_error_within_its_window(origin, serve, failure):
    larder = serve(origin)
    stale_page(origin, larder, "/p", 110, "max-age=100, stale-if-error=60")
    origin.on("/p")(FAILURES[failure])
    answer = larder.get("/p")
    assert answer.status == 200 and answer.body == b"/p #1" and answer["X-Error"] is None
    assert int(answer["Age"]) >= 110, "RFC 5861 4-2: visibly stale"


@pytest.mark.parametrize("failure", ["500", "503"])
def test_if_error_behind_its_window(origin, serve, failure):
    """RFC 5861 4-1: no staler than it says."""
    larder = serve(origin)
    stale_page(origin, larder, "/p", 200, "max-age=100, stale-if-error=60")
    origin.on("/p")(FAILURES[failure])
    assert larder.get("/p").status == int(failure)


def test_a_404_is_no_error(origin, serve):
    larder = serve(origin)
    stale_page(origin, larder, "/p", 110, "max-age=100, stale-if-error=60")
    origin.page("/p", status=404)
    assert larder.get("/p").status == 404


def test_if_error_of_the_request(origin, serve):
    larder = serve(origin)
    stale_page(origin, larder, "/p", 110, "max-age=100")
    origin.on("/p")(FAILURES["503"])
    assert larder.get("/p").status == 503
    assert larder.get("/p", {"Cache-Control": "stale-if-error=600"}).body == b"/p #1"
    assert larder.get("/p", {"Cache-Control": "stale-if-error=5"}).status == 503


@pytest.mark.parametrize("failure", ["close", "reset"])
def test_stale_when_the_origin_is_unreachable(origin, serve, failure):
    """RFC 9111 4.2.4-2: a disconnected cache may serve what is stale."""
    larder = serve(origin)
    stale_page(origin, larder, "/p", 110, "max-age=100")
    origin.on("/p")(FAILURES[failure])
    answer = larder.get("/p")
    assert answer.status == 200 and answer.body == b"/p #1" and int(answer["Age"]) >= 110


def test_an_answer_is_not_unreachable(origin, serve):
    """RFC 9111 4.2.4-2: a 503 of the origin comes from an origin that is connected; nobody permitted stale."""
    larder = serve(origin)
    stale_page(origin, larder, "/p", 110, "max-age=100")
    origin.on("/p")(FAILURES["503"])
    assert larder.get("/p").status == 503


@pytest.mark.parametrize("directive, names", [
    ("must-revalidate", "RFC 9111 4.2.4-1, 5.2.2.2-1, 5.2.2.2-2, 5.2.2.2-3"),
    ("proxy-revalidate", "RFC 9111 4.2.4-1, 5.2.2.8-1"),
    ("no-cache", "RFC 9111 4.2.4-1, 4-4, 5.2.2.4-1"),
    ("s-maxage=100", "RFC 9111 4.2.4-1, 5.2.2.10-1"),
])
@pytest.mark.parametrize("failure", ["close", "503"])
def test_never_stale_where_it_is_forbidden(origin, serve, directive, names, failure):
    larder = serve(origin)
    stale_page(origin, larder, "/p", 110, f"max-age=100, {directive}, stale-if-error=600, stale-while-revalidate=600")
    origin.on("/p")(FAILURES[failure])
    for request in (None, {"Cache-Control": "max-stale=1000"}, {"Cache-Control": "stale-if-error=1000"}):
        answer = larder.get("/p", request)
        assert answer.status in ((503,) if failure == "503" else (502, 504)), names
        assert answer["X-Stored"] is None and b"/p #1" not in answer.body, "an error is made by us, without the stored fields"


def test_stale_is_not_served_unasked(origin, serve):
    """RFC 9111 4-5, 4.2.4-2: a reachable origin is asked."""
    larder = serve(origin)
    stale_page(origin, larder, "/p", 110, "max-age=100")
    assert larder.get("/p").body == b"/p #2"


@pytest.mark.parametrize("how", ["silent", "closes", "down"])
def test_the_error_is_504(origin, serve, how):
    """RFC 9111 5.2.2.2-4: an origin that does not answer, breaks off or refuses."""
    from origin import Gate
    larder = serve(origin, "[upstream]\nfirst_byte_timeout = 200ms")
    stale_page(origin, larder, "/p", 110, "max-age=100, must-revalidate")
    gate = Gate()
    if how == "silent":
        origin.page("/p", gate=gate)
    elif how == "closes":
        origin.on("/p")(lambda request, reply: reply.close())
    else:
        origin.stop()
    answer = larder.get("/p")
    gate.open()
    assert answer.status == 504 and answer["X-Stored"] is None

"""leak_sample: a new page of a route with ttl is fetched once more, as somebody whom the app does not know would, and is kept back
when it comes out different. Here every page is, so that chance decides nothing."""
import gzip
import re
import secrets
import string

import pytest

from larder import wait_until
from origin import Gate

SAMPLED = "[route /*]\nttl = 60s\nleak_sample = 100%\n"
NAMES = {"1": "Ann", "2": "Bob"}


def visitor(request):
    found = re.search(r"sid=(\d)", request["Cookie"] or "")
    return NAMES.get(found.group(1), "stranger") if found else "stranger"


def greets(origin, path="/p"):
    """A page that nothing of the request gives away: the name is the app's."""
    origin.page(path, body=lambda request: f"<h1>Good morning, {visitor(request)}</h1>".encode(),
                headers={"Content-Type": "text/html"})


def same(origin, path="/p"):
    origin.page(path, body=b"<h1>Good morning</h1>", headers={"Content-Type": "text/html"})


def test_a_page_for_everybody_is_stored_after_two_fetches(origin, serve):
    same(origin)
    larder = serve(origin, SAMPLED)
    first = larder.get("/p", {"Cookie": "sid=1", "Accept-Language": "de", "User-Agent": "test"})
    assert first.status == 200 and first.body == b"<h1>Good morning</h1>"
    wait_until(lambda: larder.get("/p").hit, "the page to be stored")
    known, stranger = origin.seen("/p")
    assert known["Cookie"] == "sid=1" and stranger["Cookie"] is None
    for field in "Accept-Language", "User-Agent", "Host", "X-Forwarded-For":
        assert known[field] == stranger[field] is not None
    assert larder.metric("larder_leak_samples_total") == 1


def test_a_page_that_shows_its_visitor_is_never_stored(origin, serve):
    greets(origin)
    larder = serve(origin, SAMPLED)
    for _ in range(3):
        for sid, name in NAMES.items():
            answer = larder.get("/p", {"Cookie": f"sid={sid}"})
            assert answer.body == f"<h1>Good morning, {name}</h1>".encode() and not answer.hit
        assert larder.get("/p").body == b"<h1>Good morning, stranger</h1>"
    assert larder.entries() == 0
    assert 'leak-sample, the second one differs at byte 18, behind "<h1>Good morning, "' in larder.stderr()
    assert "Ann" not in larder.stderr()
    assert origin.count("/p") == 3 * 3 + 1  # what is known is not asked twice
    why = larder.admin("GET", f"/why?url=http://127.0.0.1:{larder.port}/p").text
    assert "leak-sample" in why and "differs at byte 18" in why


def test_without_it_the_first_visitor_is_greeted_to_all(origin, serve):
    greets(origin)
    larder = serve(origin, "[route /*]\nttl = 60s")
    larder.stored("/p", {"Cookie": "sid=1"})
    assert larder.get("/p").body == b"<h1>Good morning, Ann</h1>"


def test_who_waits_gets_nothing_of_another_visitor(origin, serve):
    gate = Gate()

    @origin.on("/p")
    def handler(request, reply):
        if request.number == 2:
            gate.pass_through()
        reply.send(200, {}, f"for {visitor(request)}".encode())

    larder = serve(origin, SAMPLED)
    with larder.connect() as ann, larder.connect() as bob:
        ann.send("GET", "/p", {"Cookie": "sid=1"})
        assert ann.read().body == b"for Ann"  # she waits for no second fetch
        gate.wait_reached()
        bob.send("GET", "/p", {"Cookie": "sid=2"})
        gate.open()
        assert bob.read().body == b"for Bob"
    assert larder.entries() == 0


@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_tokens_and_nonces_are_no_difference(origin, serve, coding):
    @origin.on("/p")
    def handler(request, reply):
        token, nonce = secrets.token_hex(32), secrets.token_urlsafe(16)
        body = f'<script nonce="{nonce}"></script><input name="csrf" value="{token}">'.encode()
        reply.send(200, [("Set-Cookie", f"csrf={token}; Path=/"), ("Set-Cookie", f"sid={secrets.token_hex(16)}"),
                         ("Content-Security-Policy", f"script-src 'nonce-{nonce}'"), ("Content-Encoding", coding)],
                   gzip.compress(body) if coding == "gzip" else body)

    larder = serve(origin, SAMPLED + "token_cookie = csrf\nset_cookie = strip\n")
    larder.get("/p")
    wait_until(lambda: larder.entries() == 1, "the page to be stored")
    assert larder.get("/p").hit and origin.count("/p") == 2


def masked(secret):
    """As Django writes it into forms: another text each time (django.middleware.csrf)."""
    letters = string.ascii_letters + string.digits
    mask = "".join(secrets.choice(letters) for _ in secret)
    return mask + "".join(letters[(letters.index(s) + letters.index(m)) % len(letters)] for s, m in zip(secret, mask))


def test_tokens_that_are_masked_anew_are_no_difference(origin, serve):
    @origin.on("/p")
    def handler(request, reply):
        secret = secrets.token_hex(16)
        forms = "".join(f'<input type="hidden" name="csrfmiddlewaretoken" value="{masked(secret)}">' for _ in range(2))
        reply.send(200, {"Set-Cookie": f"csrftoken={secret}; Path=/; SameSite=Lax"}, f"<form>{forms}</form>".encode())

    larder = serve(origin, SAMPLED + "token = django\n")
    larder.get("/p", {"Cookie": f"csrftoken={secrets.token_hex(16)}; sid=1"})
    wait_until(lambda: larder.entries() == 1, "the page to be stored")
    assert larder.get("/p").hit and origin.count("/p") == 2


def test_pages_coded_anew_each_time_are_the_same(origin, serve):
    """gzip writes the time into its head."""
    @origin.on("/p")
    def handler(request, reply):
        reply.send(200, {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}, gzip.compress(b"page" * 1000, mtime=request.number))

    larder = serve(origin, SAMPLED)
    larder.get("/p", {"Accept-Encoding": "gzip"})
    wait_until(lambda: larder.get("/p", {"Accept-Encoding": "gzip"}).hit, "the page to be stored")
    assert [r["Accept-Encoding"] for r in origin.seen("/p")] == ["gzip", "gzip"]


def test_cookies_that_tell_pages_apart_stay(origin, serve):
    origin.page("/p", body=lambda request: (request["Cookie"] or "none").split("; ")[0].encode())
    larder = serve(origin, SAMPLED + "vary_cookie = lang\n")
    larder.get("/p", {"Cookie": "lang=de; sid=1"})
    wait_until(lambda: larder.get("/p", {"Cookie": "lang=de"}).hit, "the page to be stored")
    assert origin.last("/p")["Cookie"] == "lang=de"


def test_an_app_that_answers_strangers_with_an_error(origin, serve):
    @origin.on("/p")
    def handler(request, reply):
        reply.send(200 if request["Cookie"] else 403, {}, b"page")

    larder = serve(origin, SAMPLED)
    assert larder.get("/p", {"Cookie": "sid=1"}).status == 200
    wait_until(lambda: "leak-sample, the second one has status 403" in larder.stderr(), "the line of the log")
    assert larder.entries() == 0 and larder.get("/p").status == 403


def test_a_second_fetch_that_hangs_holds_up_nobody_for_ever(origin, serve):
    @origin.on("/p")
    def handler(request, reply):
        if request.number == 2:
            reply.wait_peer_gone()
        else:
            reply.send(200, {}, b"page")

    larder = serve(origin, "[upstream]\nfirst_byte_timeout = 1s\n" + SAMPLED)
    with larder.connect() as first, larder.connect() as other:
        first.send("GET", "/p")
        assert first.read().body == b"page"
        other.send("GET", "/p")
        answer = other.read()
        assert answer.body == b"page" and not answer.hit
    assert "leak-sample, the second fetch failed" in larder.stderr()


def test_larder_ends_while_one_is_under_way(origin, serve):
    gate = Gate()

    @origin.on("/p")
    def handler(request, reply):
        if request.number == 2:
            gate.pass_through()
        reply.send(200, {}, b"page")

    larder = serve(origin, "[server]\ndrain_timeout = 1s\n" + SAMPLED)
    assert larder.get("/p").body == b"page"
    gate.wait_reached()
    larder.stop()
    gate.open()


def test_every_variant_is_one_of_its_own(origin, serve):
    origin.page("/p", body=lambda request: f"page in {request['Accept-Language']}".encode(), headers={"Vary": "Accept-Language"})
    larder = serve(origin, SAMPLED)
    for language in "de", "en":
        larder.get("/p", {"Accept-Language": language, "Cookie": "sid=1"})
        wait_until(lambda: larder.get("/p", {"Accept-Language": language}).hit, "the page to be stored")
    assert origin.count("/p") == 4

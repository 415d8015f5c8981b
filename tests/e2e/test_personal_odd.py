"""What an origin may do wrong with its tokens, what it is asked, and what becomes of it: a page is passed rather than guessed."""
import json
import re
import urllib.parse

import pytest

from browser import Browser
from larder import run, wait_until
from origin import Gate

INI = """
    [route /*]
    ttl = 60s
    token_cookie = csrf
    """
OWN, OTHER = "0a" * 32, "1b" * 32


def last(larder, target):
    """What is remembered of the last answer."""
    url = urllib.parse.quote(f"http://127.0.0.1:{larder.port}{target}", safe="")
    return wait_until(lambda: json.loads(larder.admin("GET", f"/why?url={url}").body)["last"], "the verdict")


def page_with(origin, path, cookies, body=None, headers=None):
    """A page that sets these cookies; {n} in all of it is the number of the request, in 64 digits."""
    def handler(request, reply):
        number = f"{request.number:064x}"
        fields = [("Set-Cookie", c.replace("{n}", number)) for c in cookies] + list((headers or {}).items())
        reply.send(200, fields, (body or "<p>{n}</p>").replace("{n}", number).encode())
    origin.on(path)(handler)


@pytest.mark.parametrize("value, why", [
    ("0123456789abcde", "token-shape"),  # 15 characters
    ("a" * 513, "token-shape"),
    ("0123456789abcdef.0123456789abcdef", "token-shape"),
    ('"0123456789abcdef0123456789abcdef"', "token-shape"),
    ("0123456789abcdef<b>", "token-shape"),
    ("0123456789abcd%3D", "token-shape"),
    ("", "token-shape"),
], ids=["short", "long", "dot", "quotes", "markup", "percent", "empty"])
def test_tokens_of_odd_shape_pass(origin, serve, value, why):
    page_with(origin, "/p", [f"csrf={value}; Path=/"], f"<p>token {value}</p>")
    larder = serve(origin, INI)
    for _ in range(2):
        answer = larder.get("/p")
        assert not answer.hit and answer["Set-Cookie"] == f"csrf={value}; Path=/" and answer.text == f"<p>token {value}</p>"
    assert last(larder, "/p")["code"] == why and larder.entries() == 0 and origin.count("/p") == 2


@pytest.mark.parametrize("n", [16, 512])
def test_tokens_at_the_bounds(origin, serve, n):
    page_with(origin, "/p", [f"csrf={'a' * n}; Path=/"], f"<p>token {'a' * n}!</p>")
    larder = serve(origin, INI)
    larder.stored("/p")
    answer = larder.get("/p")
    fresh = re.fullmatch(r"<p>token ([0-9a-f]+)!</p>", answer.text).group(1)
    assert len(fresh) == n and set(fresh) != {"a"} and answer["Set-Cookie"] == f"csrf={fresh}; Path=/"
    assert larder.get("/p", {"Cookie": "csrf=" + "b" * n}).text == f"<p>token {'b' * n}!</p>"


def test_two_values_pass(origin, serve):
    page_with(origin, "/p", [f"csrf={OWN}; Path=/", f"csrf={OTHER}; Path=/p"], f"<p>{OWN} {OTHER}</p>")
    larder = serve(origin, INI)
    for _ in range(2):
        answer = larder.get("/p")
        assert not answer.hit and len(answer.all("Set-Cookie")) == 2
    assert last(larder, "/p")["code"] == "token-twice" and larder.entries() == 0


def test_a_page_without_its_token_is_a_page(origin, serve):
    """An image, say: the origin sets no cookie, so nothing is cut, and nobody gets one."""
    page_with(origin, "/p", [], "<p>no token</p>", {"ETag": '"a"', "Cache-Control": "max-age=60"})
    larder = serve(origin, INI)
    larder.stored("/p")
    answer = larder.get("/p", {"Cookie": f"csrf={OWN}"})
    assert answer.hit and answer["ETag"] == '"a"' and answer["Cache-Control"] == "max-age=60" and not answer["Set-Cookie"]


def test_what_the_origin_is_asked(origin, serve):
    page_with(origin, "/p", ["csrf={n}; Path=/"])
    larder = serve(origin, INI)
    larder.get("/p", {"Cookie": f"a=1; csrf={OWN}; b=2", "Accept-Encoding": "gzip, br", "Range": "bytes=0-5", "If-Range": '"x"',
                      "If-None-Match": '"x"', "If-Modified-Since": "Sun, 06 Nov 1994 08:49:37 GMT"})
    asked = origin.last("/p")
    assert asked["Cookie"] == "a=1; b=2" and asked["Accept-Encoding"] in (None, "identity")
    for name in "Range", "If-Range", "If-None-Match", "If-Modified-Since":
        assert asked[name] is None, name
    larder.get("/p?other", {"Cookie": f"csrf={OWN}"})
    assert origin.last("/p")["Cookie"] is None


def test_what_is_never_stored_goes_as_it_came(origin, serve):
    page_with(origin, "/p", ["csrf={n}; Path=/"])
    origin.page("/off/p", headers={"ETag": '"a"'})
    larder = serve(origin, INI + "[route /off/*]\ncache = off\ntoken_cookie = csrf")
    fields = {"Cookie": f"a=1; csrf={OWN}", "Accept-Encoding": "gzip", "Range": "bytes=0-5"}
    larder.request("POST", "/p", fields, b"x=1")
    larder.get("/off/p", fields)
    for path in "/p", "/off/p":
        asked = origin.last(path)
        assert asked["Cookie"] == fields["Cookie"] and asked["Accept-Encoding"] == "gzip", path
    assert origin.last("/off/p")["Range"] == "bytes=0-5"


def test_a_page_with_holes_is_fetched_anew(origin, serve):
    """Its validators are of bytes that nobody got: the origin is never asked by them."""
    page_with(origin, "/p", ["csrf={n}; Path=/"], headers={"ETag": '"same"', "Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"})
    larder = serve(origin, INI)
    first = larder.stored("/p")
    larder.purge(f"url=http://127.0.0.1:{larder.port}/p&soft=1")
    answer = larder.get("/p", {"If-None-Match": '"same"'})
    assert answer.status == 200 and not answer.hit and answer.whole and first.status == 200
    assert origin.last("/p")["If-None-Match"] is None and origin.last("/p")["If-Modified-Since"] is None


def test_the_leader_is_gone(origin, serve):
    """Who asked first leaves: those who wait get the page, each with his own."""
    gate = Gate()

    @origin.on("/p")
    def handler(request, reply):
        reply.start(200, {"Set-Cookie": f"csrf={OWN}; Path=/"})
        reply.write(f"<p>{OWN}".encode())
        gate.pass_through()
        reply.write(b"</p>")
        reply.end()

    larder = serve(origin, INI)
    with larder.connect() as leader, larder.connect() as one, larder.connect() as two:
        leader.send("GET", "/p")
        gate.wait_reached()
        one.send("GET", "/p")
        two.send("GET", "/p", {"Cookie": f"csrf={OTHER}"})
        wait_until(lambda: larder.metric("larder_connections_open") == 3, "those who wait to be there")
        leader.close()
        wait_until(lambda: larder.metric("larder_clients_gone_total") == 1, "the leader's leaving to be noticed")
        gate.open()
        fresh, own = one.read(), two.read()
    token = re.fullmatch("<p>([0-9a-f]{64})</p>", fresh.text).group(1)
    assert own.text == f"<p>{OTHER}</p>" and not own["Set-Cookie"]
    assert token != OWN and fresh["Set-Cookie"] == f"csrf={token}; Path=/" and origin.count("/p") == 1


def test_a_page_that_breaks_off(origin, serve):
    gate = Gate()

    @origin.on("/p")
    def handler(request, reply):
        reply.start(200, {"Set-Cookie": f"csrf={OWN}; Path=/"})
        reply.write(f"<p>{OWN[:40]}".encode())
        gate.pass_through()
        reply.reset()

    larder = serve(origin, INI)
    with larder.connect() as leader:
        leader.send("GET", "/p")
        gate.wait_reached()
        gate.open()
        answer = leader.read()
    # The break-off may overtake the head: then he has an error, whole.
    assert answer.status == 502 or (not answer.whole and f"<p>{OWN[:40]}".startswith(answer.text))
    assert larder.entries() == 0


def test_a_token_in_pieces(origin, serve):
    """Cut wherever the origin's pieces end."""
    @origin.on("/p")
    def handler(request, reply):
        reply.start(200, {"Set-Cookie": f"csrf={OWN}; Path=/"})
        for c in f"<p>{OWN}{OWN} {OWN[1:]} {OWN}</p>":
            reply.write(c.encode())
        reply.end()

    larder = serve(origin, INI)
    larder.stored("/p")
    answer = larder.get("/p", {"Cookie": f"csrf={OTHER}"})
    assert answer.text == f"<p>{OTHER}{OTHER} {OWN[1:]} {OTHER}</p>"
    assert answer["Content-Length"] == str(len(answer.body))


def test_several_tokens(origin, serve):
    page_with(origin, "/p", ["csrf={n}; Path=/", "xsrf=x{n}; Path=/; Secure"], "<p>{n} x{n}</p>")
    larder = serve(origin, INI.replace("= csrf", "= csrf, xsrf"))
    larder.stored("/p")
    answer = larder.get("/p", {"Cookie": f"csrf={OWN}"})
    csrf, xsrf = re.fullmatch("<p>([0-9a-f]{64}) ([0-9A-Za-z]{65})</p>", answer.text).groups()
    assert csrf == OWN and answer.all("Set-Cookie") == [f"xsrf={xsrf}; Path=/; Secure"]


def test_a_cookie_that_expires(origin, serve):
    """The date of the stored answer is not repeated: a cookie lives as long from now on."""
    page_with(origin, "/p", ["csrf={n}; Expires=Fri, 31 Dec 2060 00:00:00 GMT; Path=/"])
    larder = serve(origin, INI)
    larder.stored("/p")
    cookie = Browser(larder).open("/p").page.response["Set-Cookie"]
    assert "Expires" not in cookie and int(re.search(r"Max-Age=(\d+)", cookie).group(1)) > 365 * 86400


def test_a_deleted_token_is_passed(origin, serve):
    page_with(origin, "/p", ["csrf=; Max-Age=0; Path=/"])
    larder = serve(origin, INI)
    larder.get("/p")
    assert larder.get("/p")["Set-Cookie"] == "csrf=; Max-Age=0; Path=/" and larder.entries() == 0


def test_nonces(origin, serve):
    """On any route: csp_nonce = refresh is the default."""
    @origin.on("/p")
    def handler(request, reply):
        reply.send(200, {"Content-Security-Policy": "script-src 'nonce-c3RvcmVkTm9uY2Ux' 'self'; style-src 'nonce-c3RvcmVkTm9uY2Ux'",
                         "ETag": '"a"', "Cache-Control": "max-age=60"},
                   b"<script nonce=\"c3RvcmVkTm9uY2Ux\">1</script><script nonce='c3RvcmVkTm9uY2Ux'>2</script>")
    larder = serve(origin, "[route /keep]\nttl = 60s\ncsp_nonce = keep")
    origin.on("/keep")(handler)
    larder.stored("/p")
    seen = set()
    for _ in range(5):
        answer = larder.get("/p")
        found = set(re.findall(r"nonce[-=]['\"]?([A-Za-z0-9]{16})", answer["Content-Security-Policy"] + answer.text))
        assert answer.hit and len(found) == 1 and not answer["Set-Cookie"]
        assert answer.text.count("nonce") == 2 and answer["Content-Security-Policy"].count("nonce") == 2
        seen |= found
    assert len(seen) == 5 and "c3RvcmVkTm9uY2Ux" not in seen
    larder.stored("/keep")
    kept = larder.get("/keep")
    assert kept.text.count("c3RvcmVkTm9uY2Ux") == 2 and kept["ETag"] == '"a"' and kept["Cache-Control"] == "max-age=60"


def test_settings_that_cannot_be(tmp_path):
    for line in "token = spring", "token_cookie = a b", "csp_nonce = sometimes", "leak_sample = 200%":
        path = tmp_path / "bad.ini"
        path.write_text(f"[upstream]\nurl = http://127.0.0.1:1\n[route /*]\n{line}\n")
        result = run("check", "-c", str(path))
        assert result.returncode != 0 and f"bad.ini:4: [route /*] {line.split(' ')[0]}" in result.stdout + result.stderr, result


def test_http_1_0(origin, serve):
    """It knows no chunks: a page whose length is not known before ends with the connection."""
    page_with(origin, "/p", ["csrf={n}; Path=/"], "<p>{n}</p>")
    larder = serve(origin, INI)
    for _ in range(2):
        with larder.connect() as c:
            c.raw(f"GET /p HTTP/1.0\r\nHost: h\r\nCookie: csrf={OWN}\r\n\r\n".encode())
            answer = c.read()
        assert answer.text == f"<p>{OWN}</p>" and answer.whole and not answer["Transfer-Encoding"]


def test_a_crowd_before_a_page_that_is_not_stored(origin, serve):
    """The verdict comes with the last byte: those who waited ask for themselves, with their own cookies."""
    gate = Gate()

    @origin.on("/p")
    def handler(request, reply):
        own = re.search("sid=([0-9a-f]{32})", request["Cookie"] or "")
        reply.start(200, {"Set-Cookie": f"csrf={request.number:064x}; Path=/"})
        reply.write(f"<p>{request.number:064x} ".encode())
        gate.pass_through()
        reply.write(f"{own.group(1) if own else 'nobody'}</p>".encode())
        reply.end()

    larder = serve(origin, INI)
    visitors = [larder.connect() for _ in range(6)]
    for i, c in enumerate(visitors):
        c.send("GET", "/p", {"Cookie": f"sid={i:032x}; csrf={i:064x}"})
        if i == 0:
            gate.wait_reached()
    wait_until(lambda: larder.metric("larder_connections_open") == len(visitors), "all of them")
    gate.open()
    for i, c in enumerate(visitors):
        assert c.read().text.endswith(f" {i:032x}</p>")
        c.close()
    assert larder.entries() == 0 and last(larder, "/p")["code"] == "leak-cookie"

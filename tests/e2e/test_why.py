"""GET /why and `larder why`: what would happen to a request now, why, and what to change. Nothing is asked of the origin."""
import json
import textwrap
import urllib.parse

import pytest

from larder import run, wait_until

INI = """
    [route /off/*]
    cache = off
    [route /big]
    ttl = 60s
    max_object = 10
    [route /page/*]
    ttl = 60s
    [route /short]
    ttl = 1s
    [route /anyway]
    ttl = 60s
    override = private, no-store
    [route /deaf]
    ttl = 60s
    client_cache_control = ignore
    [route /lang]
    ttl = 60s
    vary_cookie = lang
    query = only page
"""


@pytest.fixture
def larder(origin, serve):
    larder = serve(origin, INI)
    larder.origin = origin
    return larder


def line_of(larder, text):
    with open(larder.ini_path, encoding="utf-8") as f:
        return f"{larder.ini_path}:{[x.strip() for x in f].index(text) + 1}"


def query_of(larder, target, fields=(), **more):
    url = f"http://127.0.0.1:{larder.port}{target}"
    return "/why?" + urllib.parse.urlencode([("url", url), *(("header", f) for f in fields), *more.items()])


def why(larder, target, *fields, **more):
    answer = larder.admin("GET", query_of(larder, target, fields, **more))
    assert answer.status == 200, answer.text
    return json.loads(answer.body)


def remembered(larder, target, code):
    """Asks until the verdict on the last answer is there: it is written by the worker, a moment after the bytes went out."""
    return wait_until(lambda: (lambda w: w["last"] and w["last"]["code"] == code and w)(why(larder, target)), f"{code} of {target}")


def test_never_seen(larder):
    found = why(larder, "/page/1")
    assert found["verdict"]["kind"] == "miss" and found["verdict"]["code"] == "uri-miss"
    assert found["last"] is None and found["variants"] == [] and found["advice"]
    assert found["key"] == f"GET http://127.0.0.1:{larder.port}/page/1"
    assert found["route"]["name"] == "/page/*"
    assert f"{found['route']['file']}:{found['route']['line']}" == line_of(larder, "[route /page/*]")
    (option,) = found["route"]["options"]
    assert option["option"] == "ttl" and option["value"] == "60s" and option["source"].startswith(larder.ini_path + ":")
    assert not larder.origin.requests, "the origin was asked"


def test_hit(larder):
    larder.origin.page("/page/1", headers={"Cache-Tag": "news, front", "ETag": '"a"'})
    larder.stored("/page/1")
    seen = len(larder.origin.requests)
    found = why(larder, "/page/1")
    assert found["verdict"]["kind"] == "hit" and found["verdict"]["status"] == 200
    (variant,) = found["variants"]
    assert variant["chosen"] and 50 < variant["ttl"] <= 60 and variant["tags"] == ["news", "front"]
    assert variant["lifetime_source"] == "ttl" and variant["etag"] == '"a"'
    assert found["advice"] == [] and found["last"]["stored"]
    assert len(larder.origin.requests) == seen


@pytest.mark.parametrize("headers, code, cause", [
    ({"Cache-Control": "private, max-age=0"}, "private", "Cache-Control: private, max-age=0"),
    ({"Cache-Control": "no-store"}, "no-store", "Cache-Control: no-store"),
    ({"Vary": "*"}, "vary-star", "Vary: *"),
    ({"Set-Cookie": "session=SECRET; Secure"}, "set-cookie", "Set-Cookie: session"),
    ({"Set-Cookie": "csrftoken=SECRET; Path=/"}, "csrf-token", "Set-Cookie: csrftoken"),
])
def test_refused(larder, headers, code, cause):
    larder.origin.page("/page/1", headers=headers)
    larder.get("/page/1")
    found = remembered(larder, "/page/1", code)
    assert found["verdict"]["kind"] == "pass" and found["verdict"]["code"] == "pass-remembered"
    assert found["last"]["cause"] == cause and found["last"]["status"] == 200
    assert 100 < found["last"]["passes_for"] <= 120
    assert found["advice"]
    if code == "set-cookie":
        assert f"[route /page/*] ({line_of(larder, '[route /page/*]')})" in found["advice"][0]


def test_no_freshness(larder):
    larder.origin.page("/plain", headers={})
    larder.get("/plain")
    found = remembered(larder, "/plain", "no-freshness")
    assert "ttl = 60s" in found["advice"][0] and "into a new [route /plain]" in found["advice"][0], "not for all pages"


def test_a_failing_app_is_no_matter_of_caching(larder):
    larder.origin.page("/fail", status=500)
    larder.origin.page("/moved", status=302, headers={"Location": "/"})
    larder.get("/fail")
    larder.get("/moved")
    assert "status 500" in remembered(larder, "/fail", "status")["advice"][0]
    assert "ttl_status = 302 10s" in remembered(larder, "/moved", "status")["advice"][0]


def test_vary_shows_the_field(larder):
    larder.origin.page("/page/1", headers={"Vary": "Accept-Language"})
    larder.stored("/page/1", {"Accept-Language": "de"})
    found = why(larder, "/page/1", "Accept-Language: en")
    assert found["verdict"]["code"] == "vary-miss"
    (variant,) = found["variants"]
    assert not variant["chosen"] and not variant["matches"]
    assert variant["differs"] == [{"name": "accept-language", "stored": "de", "asked": "en", "rule": None}]
    assert why(larder, "/page/1", "Accept-Language: de")["verdict"]["kind"] == "hit"


def test_authorization(larder):
    larder.origin.page("/page/1")
    larder.get("/page/1", {"Authorization": "Basic SECRET"})
    found = remembered(larder, "/page/1", "response-to-authorization")
    assert found["verdict"]["code"] == "uri-miss", "one visitor's request says nothing about the next"
    found = why(larder, "/page/1", "Authorization: Basic SECRET")
    (field,) = [f for f in found["request"] if f["name"] == "Authorization"]
    assert field["value"] == "(hidden)" and "3.5" in field["effect"]


def test_rule_with_its_line(larder):
    found = why(larder, "/off/1")
    assert found["verdict"]["kind"] == "pass" and found["verdict"]["code"] == "route-off"
    assert found["verdict"]["rule"] == {"option": "cache", "value": "off", "source": line_of(larder, "cache = off")}
    before = line_of(larder, "cache = off")
    larder.reload("[route /off/*]\nquery = none\ncache = off\n")
    assert line_of(larder, "cache = off") != before
    assert why(larder, "/off/1")["verdict"]["rule"]["source"] == line_of(larder, "cache = off")


def test_rule_of_environment_and_flag(origin, serve):
    larder = serve(origin, "[route a]\nmatch = /a\n[route b]\nmatch = /b\n",
                   env={"LARDER_ROUTE_A_CACHE": "off"}, arguments=["--set", "route b.cache=off"])
    assert why(larder, "/a")["verdict"]["rule"]["source"] == "LARDER_ROUTE_A_CACHE"
    assert why(larder, "/b")["verdict"]["rule"]["source"].startswith("--")


def test_purged(larder):
    larder.origin.page("/page/1", headers={"ETag": '"a"'})
    larder.stored("/page/1")
    larder.purge(f"url=http://127.0.0.1:{larder.port}/page/1&soft=1")
    found = why(larder, "/page/1")
    assert found["verdict"]["kind"] == "revalidate" and found["verdict"]["code"] == "purged-soft"
    assert found["variants"][0]["purged"]
    larder.purge("all=1")
    found = why(larder, "/page/1")
    assert found["verdict"]["code"] == "uri-miss" and found["last"]["gone"] == "purged"


def test_expired(larder):
    larder.origin.page("/short", headers={"ETag": '"a"'})
    larder.get("/short")
    found = wait_until(lambda: (lambda w: w["verdict"]["code"] == "stale" and w)(why(larder, "/short")), "the page to be stale")
    assert found["verdict"]["kind"] == "revalidate" and found["variants"][0]["ttl"] <= 0
    assert "stale_while_revalidate" in found["advice"][0]


def test_too_large(larder):
    larder.origin.page("/big", body=b"x" * 1000)
    larder.get("/big")
    found = remembered(larder, "/big", "too-large")
    assert found["last"]["cause"] == "Content-Length: 1000"
    assert found["last"]["rule"] == {"option": "max_object", "value": "10", "source": line_of(larder, "max_object = 10")}


def test_request_decides(larder):
    assert why(larder, "/page/1", "Cache-Control: only-if-cached")["verdict"] | {"sentence": ""} == {
        "kind": "error", "code": "only-if-cached", "sentence": "", "rule": None, "status": 504, "renewed": False, "asks_token": False,
        "may_store": False, "is_fetched": False, "stands_in": None}
    assert why(larder, "/page/1", method="POST")["verdict"]["code"] == "method"
    assert why(larder, "/page/1", "Content-Length: 4")["verdict"]["code"] == "request-body"
    ranged = why(larder, "/page/1", "Range: bytes=0-3")
    assert [f["effect"] for f in ranged["request"] if f["name"] == "Range"] == ["asks for a part of the page"]


@pytest.mark.parametrize("query, words", [
    ("", "url="),
    ("url=/page/1", "host"),
    ("url=ftp://h/p", "url=ftp"),
    ("url=http://a%20b/p", "host"),
    ("url=http://h/p&hedder=a", 'did you mean "header"'),
    ("url=http://h/p&header=SECRET", "no field"),
    ("url=http://h/p&header=Host:+h", "host already"),
    ("url=http://h/p&method=PURGE", "PURGE"),
    ("url=http://h/p&method=a%20b", "method"),
    ("url=http://h/p&format=xml", "text or json"),
    ("url=http://h/p&url=http://h/q", "twice"),
])
def test_bad_questions(larder, query, words):
    answer = larder.admin("GET", "/why?" + query)
    assert answer.status == 400 and words in json.loads(answer.body)["error"], answer.text


def test_a_path_with_its_host(larder):
    for query in ("url=/page/1&host=example.com", "url=/page/1&header=Host:+example.com", "url=http://example.com/page/1"):
        assert json.loads(larder.admin("GET", "/why?" + query).body)["key"] == "GET http://example.com/page/1"


def test_no_secret_is_told(larder):
    larder.origin.page("/page/1", headers={"Vary": "Cookie", "Set-Cookie": "session=SECRET1"})
    larder.get("/page/1", {"Cookie": "session=SECRET2"})
    larder.origin.page("/page/2", headers={"Vary": "Cookie, X-Api-Key"})
    larder.stored("/page/2", {"Cookie": "session=SECRET2", "X-Api-Key": "SECRET3"})
    remembered(larder, "/page/1", "set-cookie")
    for page in ("/page/1", "/page/2"):
        for form in ("text", "json"):
            answer = larder.admin("GET", query_of(larder, page, ["Cookie: session=SECRET4", "Authorization: Bearer SECRET5"], format=form))
            assert answer.status == 200 and "SECRET" not in answer.text, answer.text


def test_the_command(larder):
    url = f"http://127.0.0.1:{larder.port}/page/1"
    larder.origin.page("/page/1", headers={"Set-Cookie": "session=SECRET"})
    larder.get("/page/1")
    remembered(larder, "/page/1", "set-cookie")
    told = run("why", url, "-H", "Accept-Language: de", "-c", larder.ini_path)
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith(f"GET {url}\n\nnow       pass: ")
    for words in ("(pass-remembered)", "Set-Cookie: session\n", "set_cookie = strip", line_of(larder, "[route /page/*]")):
        assert words in told.stdout.replace("\n          ", " ") + told.stdout, told.stdout
    as_json = run("why", "--json", "--method", "HEAD", url, "-c", larder.ini_path)
    assert json.loads(as_json.stdout)["url"]["method"] == "HEAD"
    assert run("why", "-c", larder.ini_path).returncode == 2
    wrong = run("why", "/page/1", "-c", larder.ini_path)
    assert wrong.returncode == 1 and "host" in wrong.stderr


def test_text_by_accept(larder):
    answer = larder.admin("GET", query_of(larder, "/page/1"), {"Accept": "text/plain"})
    assert answer["Content-Type"].startswith("text/plain") and answer.text.startswith("GET http://")
    assert larder.admin("GET", query_of(larder, "/page/1"), {"Accept": "*/*"})["Content-Type"] == "application/json"


def rule(larder, text):
    option, value = text.split(" = ")
    return {"option": option, "value": value, "source": line_of(larder, text)}


def test_stored_in_spite_of_the_app(larder):
    larder.origin.page("/anyway", headers={"Cache-Control": "private, no-store"})
    larder.stored("/anyway")
    found = why(larder, "/anyway")
    assert found["verdict"]["kind"] == "hit" and found["verdict"]["rule"] == rule(larder, "override = private, no-store")
    (variant,) = found["variants"]
    assert variant["although"] == ["private", "no-store"] and variant["although_rule"] == found["verdict"]["rule"]
    assert variant["lifetime_rule"]["option"] == "ttl"
    text = larder.admin("GET", query_of(larder, "/anyway", format="text")).text
    assert "stored in spite of private, no-store (override, " in " ".join(text.split())


def test_what_a_field_does_is_what_the_route_makes_of_it(larder):
    def effect(target, field, **more):
        (found,) = [f["effect"] for f in why(larder, target, field, **more)["request"] if f["name"] == field.split(":")[0]]
        return found
    assert effect("/page/1", "Cache-Control: max-age=5, no-cache") == "asks for no-cache, max-age=5 (RFC 9111 5.2.1)"
    assert effect("/deaf", "Cache-Control: no-cache") == f"is ignored (client_cache_control, {line_of(larder, 'client_cache_control = ignore')})"
    assert effect("/deaf", "Pragma: no-cache").startswith("is ignored")
    assert effect("/page/1", "Cache-Control: color=red") == "makes no difference"
    assert effect("/page/1", "Cookie: a=b") == "makes no difference: the page does not vary by it"
    assert effect("/lang", "Cookie: lang=de") == "chooses the variant: the page varies by it"
    assert effect("/page/1", "If-Match: *").startswith("makes the request pass: ")
    assert effect("/page/1", "Content-Length: 3").startswith("makes the request pass: ")
    assert effect("/off/1", "Cache-Control: no-cache") is None
    assert effect("/page/1", "Range: bytes=0-3") == "asks for a part of the page"
    assert effect("/page/1", "Range: bytes=0-3", method="HEAD").startswith("is ignored")


def test_rules_of_the_key_and_the_variants(larder):
    larder.origin.page("/lang")
    larder.stored("/lang?page=1&x=2", {"Cookie": "lang=de"})
    found = why(larder, "/lang?page=1&x=2", "Cookie: lang=en")
    assert found["verdict"]["code"] == "vary-miss"
    assert found["key"].endswith("/lang?page=1") and found["key_rule"] == rule(larder, "query = only page")
    (differs,) = found["variants"][0]["differs"]
    assert differs["rule"] == rule(larder, "vary_cookie = lang")
    assert why(larder, "/lang?page=1")["key_rule"] is None


def test_parts(larder):
    body = bytes(range(256)) * 4
    larder.origin.page("/page/film", body=body[10:20], status=206,
                       headers={"Content-Range": "bytes 10-19/1024", "ETag": '"a"'})
    larder.get("/page/film", {"Range": "bytes=10-19"})
    remembered(larder, "/page/film", "stored")
    found = why(larder, "/page/film", "Range: bytes=12-15")
    assert found["verdict"]["kind"] == "hit" and found["verdict"]["status"] == 206
    (variant,) = found["variants"]
    assert variant["chosen"] and variant["parts"] == [[10, 19]]
    found = why(larder, "/page/film", "Range: bytes=0-3")
    assert found["verdict"]["code"] == "part-missing" and found["variants"][0]["code"] == "part-missing"
    whole = why(larder, "/page/film")
    assert whole["verdict"]["kind"] == "miss" and not whole["variants"][0]["chosen"]
    text = larder.admin("GET", query_of(larder, "/page/film", format="text")).text
    assert "a part only: bytes 10-19 of 1024" in text


def test_head_and_post(larder):
    larder.origin.page("/page/1", headers={"ETag": '"a"'})
    assert why(larder, "/page/1", method="HEAD")["verdict"]["kind"] == "miss"
    assert not why(larder, "/page/1", method="HEAD")["verdict"]["may_store"]
    larder.stored("/page/1")
    assert why(larder, "/page/1", method="HEAD")["verdict"]["kind"] == "hit"
    found = why(larder, "/page/1", method="POST")
    assert found["verdict"]["kind"] == "pass" and found["verdict"]["code"] == "method" and found["key"] is None
    assert why(larder, "/page/1")["verdict"]["kind"] == "hit", "asking about a POST invalidates nothing"


def test_evicted(origin, serve):
    larder = serve(origin, "[cache]\nmax_entries = 1\n[route /page/*]\nttl = 60s\n")
    for page in ("/page/1", "/page/2"):
        origin.page(page)
    larder.stored("/page/1")
    def evict():
        larder.get(f"/page/2?{len(origin.requests)}")
        found = why(larder, "/page/1")
        return found if not found["variants"] else None
    found = wait_until(evict, "the first page to be dropped")
    assert found["verdict"]["code"] == "uri-miss" and found["last"]["gone"] == "dropped"
    assert "memory_size" in found["advice"][0]


def test_loop(larder):
    larder.origin.page("/page/1")
    larder.get("/page/1")
    found = why(larder, "/page/1", f"Via: {larder.origin.requests[-1]['Via']}")
    assert found["verdict"]["kind"] == "error" and found["verdict"]["code"] == "loop" and found["verdict"]["status"] == 508


def test_the_access_log_names_the_rule(origin, serve, tmp_path):
    log = tmp_path / "access.log"
    larder = serve(origin, f"[log]\naccess = {log}\nformat = json\n" + textwrap.dedent(INI))
    larder.origin = origin
    origin.page("/page/1", headers={"Set-Cookie": "a=b"})
    origin.page("/anyway", headers={"Cache-Control": "private"})
    origin.page("/off/1")
    for page in ("/off/1", "/page/1", "/anyway"):
        larder.get(page)
    larder.stored("/anyway")
    def lines():
        found = [json.loads(x) for x in log.read_text().splitlines()]
        return found if len(found) >= 4 else None
    by_page, hits = {}, []
    for line in wait_until(lines, "the lines"):  # of two workers, in whatever order
        if line["verdict"] == "hit":
            hits.append(line)
        else:
            by_page[line["target"]] = line
    assert by_page["/off/1"]["rule"] == line_of(larder, "cache = off") + " cache"
    assert by_page["/page/1"]["reason"] == "set-cookie" and by_page["/page/1"]["rule"] is None, "refuse is the default"
    assert by_page["/anyway"]["rule"] == line_of(larder, "override = private, no-store") + " override"
    assert hits and all(line["rule"] is None for line in hits), "nothing on a plain hit"

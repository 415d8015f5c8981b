"""Tokens and the leak guard as settings: what is wrong with them is told, what they come to is shown, a reload changes them."""
import glob
import json
import os
import re
import urllib.parse

import pytest

import larder as program
from larder import run, wait_until

SECRET = "5f2c0a9be83d41f7a6c5"
TOKEN = "0123456789abcdef0123456789abcdef"


def check(tmp_path, ini):
    path = tmp_path / "proxy.ini"
    path.write_text("[upstream]\nurl = http://127.0.0.1:1\n" + ini)
    return run("check", "-c", str(path))


def why(larder, target, *fields):
    url = f"http://127.0.0.1:{larder.port}{target}"
    query = urllib.parse.urlencode([("url", url), *(("header", f) for f in fields)])
    return json.loads(larder.admin("GET", "/why?" + query).body)


def form(origin, path="/form", set_cookie=f"csrftoken={TOKEN}; Path=/", token=TOKEN):
    """A page with a form; the token that it sets stands in it."""
    origin.page(path, f'<input name="csrfmiddlewaretoken" value="{token}">'.encode(), headers={"Set-Cookie": set_cookie})


def test_all_that_is_wrong_is_told_with_its_line(tmp_path):
    done = check(tmp_path, "[route /a]\ntoken = djagno\ntoken_cookie = a b\ntoken_path = csrf\nleak_sample = 1\nleak_patterns = X-*-Y\n")
    assert done.returncode == 1
    for line, text in [(4, 'did you mean "django"?'), (5, '"a b" is not a name of a cookie'), (6, 'did you mean "/csrf"?'),
                       (7, 'did you mean "1%"?'), (8, "a * may only end a name")]:
        assert re.search(rf"proxy\.ini:{line}: .*{re.escape(text)}", done.stderr), (text, done.stderr)


@pytest.mark.parametrize("ini, text", [
    ("leak_guard = off", "given to everybody"),
    ("token = rails\nset_cookie = strip", "not stored without token_path"),
    ("ttl = 1s\ntoken = laravel\ntoken_path = /t\nset_cookie = strip", "override = private"),
    ("token = asok", "set_cookie = strip"),
    ("leak_sample = 1%", "no effect without a ttl"),
    ("cache = off\ntoken = asok", "no effect with cache = off"),
])
def test_a_warning_is_no_error(tmp_path, ini, text):
    done = check(tmp_path, f"[route /a]\n{ini}\n")
    assert done.returncode == 0 and "warning: [route /a]" in done.stderr and text in done.stderr, done.stderr


def test_the_ready_made_files_have_no_warnings():
    for path in glob.glob(os.path.join(program.TOP, "config", "*.ini")):
        done = run("check", "-c", path)
        assert done.returncode == 0 and "warning" not in done.stderr, (path, done.stderr)


def test_check_and_config_show_what_a_preset_comes_to(origin, serve):
    larder = serve(origin, "[route /f]\nttl = 60s\ntoken = django\ntoken_cookie = mine\n")
    shown = run("check", "-c", larder.ini_path).stdout
    assert "token cookies csrftoken mine, token fields csrfmiddlewaretoken" in shown
    (route,) = [r for r in json.loads(larder.admin("GET", "/config").body)["routes"] if r["name"] == "/f"]
    assert route["token_cookies"] == ["csrftoken", "mine"] and route["token_fields"] == ["csrfmiddlewaretoken"]
    assert route["options"]["token"]["value"] == "django" and route["options"]["leak_guard"]["value"] == "on"


def test_why_names_the_preset_and_it_helps(origin, serve):
    form(origin)
    larder = serve(origin, "[route /*]\nttl = 60s\n")
    assert not any(larder.get("/form").hit for _ in range(2))
    assert larder.logged("/form")["reason"] == "csrf-token"
    last = wait_until(lambda: why(larder, "/form")["last"], "the verdict")
    assert last["cause"] == "Set-Cookie: csrftoken" and TOKEN not in json.dumps(last)
    advice = why(larder, "/form")["advice"][0]
    assert "`token = django` and `set_cookie = strip`" in advice and "[route /*]" in advice
    larder.reload("[route /*]\nttl = 60s\ntoken = django\nset_cookie = strip\n")
    assert larder.admin("POST", "/purge", {"Content-Type": "application/x-www-form-urlencoded"}, b"all").status == 200
    wait_until(lambda: larder.get("/form").hit, "the page to be stored")


def test_a_cookie_that_no_preset_knows_is_named(origin, serve):
    form(origin, set_cookie=f"_csrf={TOKEN}; Path=/")
    larder = serve(origin, "[route /*]\nttl = 60s\n")
    larder.get("/form")
    advice = wait_until(lambda: why(larder, "/form")["last"] and why(larder, "/form")["advice"], "the advice")
    assert "`token_cookie = _csrf`" in advice[0]


def test_holes_are_told(origin, serve):
    form(origin)
    larder = serve(origin, "[route /*]\nttl = 60s\ntoken = django\n")
    larder.stored("/form")
    found = why(larder, "/form", f"Cookie: csrftoken={TOKEN}", "Range: bytes=0-9")
    (variant,) = found["variants"]
    assert variant["holes"] == [{"kind": "token", "cookie": "csrftoken", "places": 1}]
    effects = {f["name"]: f["effect"] for f in found["request"]}
    assert "has the visitor's token" in effects["Cookie"] and "is ignored" in effects["Range"]
    assert TOKEN not in json.dumps(found)
    entry = larder.admin("GET", "/entry?" + urllib.parse.urlencode({"url": f"http://127.0.0.1:{larder.port}/form"}))
    assert json.loads(entry.body)["variants"][0]["holes"] == 1 and TOKEN not in entry.text
    before = larder.metric("larder_filled_responses_total"), larder.metric("larder_tokens_made_total")
    larder.get("/form")
    larder.get("/form", {"Cookie": f"csrftoken={TOKEN[::-1]}"})
    wait_until(lambda: larder.metric("larder_filled_responses_total") == before[0] + 2, "the fillings to be counted")
    assert larder.metric("larder_tokens_made_total") == before[1] + 1


def test_why_names_what_was_found(origin, serve):
    origin.page("/p", lambda r: f"#{r.number} {r['Cookie']}".encode())
    larder = serve(origin, "[route /*]\nttl = 60s\n")
    larder.get("/p", {"Cookie": f"prefs={SECRET}"})
    found = wait_until(lambda: (lambda w: w["last"] and w)(why(larder, "/p")), "the verdict")
    assert found["last"]["code"] == "leak-cookie" and found["last"]["cause"] == "the value of the request's cookie prefs"
    assert "`leak_allow = prefs`" in found["advice"][0] and found["last"]["passes_for"] == 0
    text = run("why", "-c", larder.ini_path, f"http://127.0.0.1:{larder.port}/p").stdout
    assert "leak_allow = prefs" in text and SECRET not in text


def test_a_reload_changes_the_guard(origin, serve):
    origin.page("/p", lambda r: f"#{r.number} {r['Cookie']}".encode())
    larder = serve(origin, "[route /*]\nttl = 60s\n")
    cookie = {"Cookie": f"prefs={SECRET}"}
    assert not any(larder.get("/p", cookie).hit for _ in range(2))
    larder.reload("[route /*]\nttl = 60s\nleak_allow = prefs\n")
    wait_until(lambda: larder.get("/p", cookie).hit, "the page to be stored")
    larder.reload("[route /*]\nttl = 60s\nleak_guard = off\n")
    assert "leak_guard = off: a page that holds" in larder.stderr()


def test_a_nonce_may_be_kept(origin, serve):
    policy = "script-src 'nonce-q8Zr3xVtP0aL5kYw'"
    origin.page("/n", b"<script nonce=q8Zr3xVtP0aL5kYw>", headers={"Content-Security-Policy": policy})
    larder = serve(origin, "[route /*]\nttl = 60s\ncsp_nonce = keep\n")
    larder.stored("/n")
    assert larder.get("/n")["Content-Security-Policy"] == policy and larder.get("/n").hit
    assert why(larder, "/n")["variants"][0]["holes"] == []
    larder.reload("[route /*]\nttl = 60s\n")
    larder.purge("all")
    larder.stored("/n")
    nonces = {larder.get("/n")["Content-Security-Policy"] for _ in range(3)}
    assert len(nonces) == 3 and policy not in nonces

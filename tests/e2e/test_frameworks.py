"""Real applications behind Larder: Flask and Django, served by gunicorn. Pages are cached by route, pages with a session
never, and a tag purges what belongs together. The rules are those of config/."""
import re

import pytest

from larder import wait_until

ROUTES = """
    [route /blog/*]
    ttl = 60s
    [route /account/*]
    cache = off
    [route /mixed/*]
    ttl = 60s
    """


@pytest.fixture(params=["flask_app:app", "django_app:application"], scope="module")
def app(request, start_app):
    return start_app(request.param)


def number(answer):
    """Each rendering of a page bears a number of its own."""
    return int(re.search(r"rendering (\d+)", answer.text).group(1))


def test_pages_by_route(app, serve):
    larder = serve(app, ROUTES)
    first = larder.stored("/blog/1")
    again = larder.get("/blog/1")
    assert number(again) == number(first) and again.hit and again["Content-Type"].startswith("text/html")
    assert number(larder.get("/blog/2")) != number(first)


def test_session_pages_never(app, serve):
    larder = serve(app, ROUTES)
    login = larder.request("POST", "/login", {"Content-Type": "application/x-www-form-urlencoded"}, b"name=anna")
    assert login.status in (200, 302)
    cookie = login.all("Set-Cookie")[0].split(";")[0]
    for target in ("/account/me", "/mixed/me"):
        mine = larder.get(target, {"Cookie": cookie})
        assert "anna" in mine.text and not mine.hit
        other = larder.get(target)
        assert "anna" not in other.text and "nobody" in other.text, target
        assert "anna" in larder.get(target, {"Cookie": cookie}).text


def test_purge_by_tag(app, serve):
    larder = serve(app, ROUTES)
    before = {t: number(larder.stored(t)) for t in ("/blog/1", "/blog/2", "/blog/3")}
    assert larder.purge("tag=post-1")["purged"] == 1
    after = {t: number(larder.get(t)) for t in before}
    assert [t for t in before if before[t] != after[t]] == ["/blog/1"]
    wait_until(lambda: larder.get("/blog/1").hit, "the new page to be stored")
    assert larder.purge("tag=blog")["purged"] == 3


def test_forms_and_redirects_pass(app, serve):
    larder = serve(app, ROUTES)
    answer = larder.request("POST", "/echo", {"Content-Type": "application/x-www-form-urlencoded"}, b"text=hello+world")
    assert answer.status == 200 and "hello world" in answer.text
    assert larder.get("/redirect").status == 302
    assert larder.get("/missing").status == 404
    assert larder.get("/crash").status == 500


def test_the_application_sees_the_visitor(app, serve):
    larder = serve(app, ROUTES)
    answer = larder.get("/seen", {"Host": "www.example.org"})
    assert "127.0.0.1" in answer.text and "www.example.org" in answer.text


def test_streamed_page(app, serve):
    larder = serve(app, ROUTES)
    answer = larder.get("/stream")
    assert answer.whole and answer.text == "".join(f"line {i}\n" for i in range(1000))


def test_cold_crowd_renders_once(app, serve):
    larder = serve(app, ROUTES)
    answers = larder.at_once(100, "/blog/slow")
    assert {a.status for a in answers} == {200} and len({number(a) for a in answers}) == 1

"""Debian's Django with its CSRF middleware: its forms are stored once, and it takes what each visitor sends back."""
import re
import types

import pytest

from browser import Browser, common, nothing_shared
from larder import slack, wait_until

INI = """
    [route /*]
    ttl = 60s
    token = django
    set_cookie = strip
    """


@pytest.fixture(scope="module")
def app(start_app):
    return start_app("django_form_app:application")


@pytest.fixture
def larder(app, serve):
    return serve(app, INI)


def store(larder, target, **options):
    one = Browser(larder, **options).open(target)
    wait_until(lambda: Browser(larder).open(target).page.response.hit, f"{target} to be stored")
    return one


def post(visitor, **options):
    return visitor.post(field="csrfmiddlewaretoken", **options)


def saved(visitor):
    return post(visitor).body == b"saved"


def names(visitor):
    return [x.split("=")[0] for x in visitor.page.response.all("Set-Cookie")]


def returning(app):
    """A visitor who has a cookie of Django's own."""
    one = Browser(types.SimpleNamespace(port=int(app.rpartition(":")[2]))).open("/form")
    assert set(one.cookies) == {"csrftoken"}
    return one


def at(larder, visitor):
    """The same visitor behind Larder."""
    one = Browser(larder)
    one.cookies = dict(visitor.cookies)
    return one


def test_the_app_by_itself(app):
    anna, ben = returning(app), returning(app)
    assert saved(anna) and saved(ben)
    assert post(anna, token=ben.page.hidden[0]).status == 403
    nothing_shared(anna, ben, beyond=common(app, "/form"))


def test_the_second_visitor_posts(app, larder):
    anna, ben = Browser(larder).open("/form?sleep=1"), Browser(larder).open("/form?sleep=1")
    assert ben.page.response.hit and ben.page.response.elapsed < 0.5 * slack()
    assert anna.page.number == ben.page.number and names(ben) == names(anna) == ["csrftoken"]
    attributes = [{x.strip() for x in v.page.response["Set-Cookie"].split(";")[1:]} for v in (anna, ben)]
    assert attributes[1] == {x for x in attributes[0] if not x.lower().startswith("expires=")}, "an old date would end it"
    assert attributes[1] == {"Max-Age=31449600", "Path=/", "SameSite=Lax"}
    assert len(ben.page.hidden) == 2 and ben.page.hidden[0]
    nothing_shared(anna, ben, beyond=common(app, "/form"))
    assert saved(anna) and saved(ben)
    assert post(ben, token=anna.page.hidden[0]).status == 403, "a foreign token"


def test_a_returning_visitor_posts(app, larder):
    store(larder, "/form")
    ben, carol = at(larder, returning(app)), at(larder, returning(app))
    for one in ben, carol:
        own = dict(one.cookies)
        one.open("/form")
        assert one.page.response.hit and not names(one) and one.cookies == own
    nothing_shared(ben, carol, beyond=common(app, "/form"))
    assert saved(ben) and saved(carol)


def test_a_new_visitor_comes_back(larder):
    store(larder, "/form")
    ben = Browser(larder).open("/form")
    own = ben.cookies["csrftoken"]
    assert saved(ben.open("/form")) and ben.cookies["csrftoken"] == own


def test_a_returning_visitor_brings_the_page(app, larder):
    ben = at(larder, returning(app))
    own = ben.cookies["csrftoken"]
    ben.open("/form?brought")
    assert not ben.page.response.hit and not names(ben) and ben.cookies["csrftoken"] == own
    anna = Browser(larder)
    wait_until(lambda: anna.open("/form?brought").page.response.hit, "the page to be stored")
    nothing_shared(anna, ben, beyond=common(app, "/form"))
    assert saved(ben) and saved(anna)


def test_coded_pages_are_one(app, larder):
    """Its GZipMiddleware says Vary: Accept-Encoding; the app is asked for the plain page, whoever asks."""
    anna = store(larder, "/form?coded", headers={"Accept-Encoding": "gzip, deflate, br"})
    ben, carol = Browser(larder, {"Accept-Encoding": "gzip"}).open("/form?coded"), at(larder, returning(app)).open("/form?coded")
    assert ben.page.response.hit and carol.page.response.hit
    nothing_shared(anna, ben, carol, beyond=common(app, "/form"))
    assert saved(anna) and saved(ben) and saved(carol)


def test_a_page_that_sets_the_cookie_alone(larder):
    anna = store(larder, "/plain")
    ben = Browser(larder).open("/plain")
    assert ben.page.response.hit and ben.cookies["csrftoken"] != anna.cookies["csrftoken"]
    for one in anna, ben:
        answer = one.request("POST", "/save", {"X-CSRFToken": one.cookies["csrftoken"]}, b"")
        assert answer.body == b"saved"


def test_who_is_logged_in_has_pages_of_his_own(larder):
    store(larder, "/me")
    anna, ben = Browser(larder).open("/form"), Browser(larder).open("/form")
    for one, name in (anna, "Anna"), (ben, "Ben"):
        token = one.page.hidden[0]
        body = f"csrfmiddlewaretoken={token}&name={name}".encode()
        answer = one.request("POST", "/login", {"Content-Type": "application/x-www-form-urlencoded"}, body)
        assert answer.body == b"welcome" and "sessionid" in one.cookies
    for _ in range(3):
        for one, name in (anna, "Anna"), (ben, "Ben"), (Browser(larder), "nobody"):
            one.open("/me")
            assert f"You are {name}" in one.page.response.text
            assert saved(one)


def test_a_token_by_no_name(larder):
    """Masked anew, in a script: it goes to nobody else, and each visitor's is accepted."""
    visitors = [Browser(larder).open("/script") for _ in range(4)]
    tokens = []
    for one in visitors:
        found = set(re.findall(r'"([A-Za-z0-9]{32,64})"', one.page.response.text))
        assert len(found) == 1, one.page.response.text
        tokens += found
        assert one.request("POST", "/save", {"X-CSRFToken": tokens[-1]}, b"").body == b"saved"
    assert len(set(tokens)) == len(visitors)

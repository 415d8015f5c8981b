"""Debian's Rails and Laravel, whose forms have the token of the visitor's session: their pages are stored once, each visitor is told
his own token at token_path, once a minute, and the framework takes what he sends back."""
import json
import types

import pytest

import client
from browser import Browser, Page, common, nothing_shared
from larder import slack, wait_until

INI = """
    [route /form*]
    ttl = 60s
    override = private
    token = {preset}
    token_path = /csrf-token
    set_cookie = strip
    # of the test: Rails echoes the id of the fetch
    response_header_remove = X-Request-Id
    """

FRAMEWORKS = {
    "rails": types.SimpleNamespace(preset="rails", file="rails_app.rb", field="authenticity_token", cookies={"_form_session"}, refusal=422),
    "laravel": types.SimpleNamespace(preset="laravel", file="laravel_app.php", field="_token", cookies={"XSRF-TOKEN", "laravel_session"},
                                     refusal=419),
}


@pytest.fixture(scope="module", params=FRAMEWORKS)
def app(request, start_app):
    found = FRAMEWORKS[request.param]
    found.url = start_app(found.file)
    found.port = int(found.url.rpartition(":")[2])
    return found


@pytest.fixture
def larder(app, serve):
    return serve(app.url, INI.format(preset=app.preset))


def numbers(app, query=""):
    """How many pages and tokens the application has made."""
    with client.Connection(("127.0.0.1", app.port)) as c:
        pages, tokens = c.request("GET", "/numbers" + query).text.split()
    return types.SimpleNamespace(pages=int(pages), tokens=int(tokens))


@pytest.fixture
def broken(app):
    """token_path answers 500."""
    numbers(app, "?breaks=500")
    yield
    numbers(app, "?breaks=")


def store(larder, target):
    """The first visitor of a page that is stored now."""
    one = Browser(larder).open(target)
    wait_until(lambda: Browser(larder).open(target).page.response.hit, f"{target} to be stored")
    return one


def returning(app, larder):
    """A visitor with a session of the application's own, behind Larder."""
    one = Browser(types.SimpleNamespace(port=app.port)).open("/form/own")
    assert set(one.cookies) == app.cookies
    behind = Browser(larder)
    behind.cookies = dict(one.cookies)
    return behind


def names(visitor):
    return {x.split("=")[0] for x in visitor.page.response.all("Set-Cookie")}


def saved(app, visitor, times=1):
    return visitor.post(field=app.field).body == b"saved %d" % times


def removed(app, visitor):
    """The page's second form."""
    token = visitor.page.hidden[1]
    body = f"_method=delete&{app.field}={token.replace('+', '%2B').replace('/', '%2F').replace('=', '%3D')}".encode()
    answer = visitor.request("POST", "/remove", {"Content-Type": "application/x-www-form-urlencoded"}, body)
    return answer.body == b"removed"


def test_the_app_by_itself(app):
    anna, ben = (Browser(app).open("/form") for _ in range(2))
    nothing_shared(anna, ben, beyond=common(app.url, "/form"))
    assert saved(app, anna) and saved(app, ben) and removed(app, anna)
    assert ben.post(field=app.field, token=anna.page.hidden[0]).status == app.refusal


def test_the_second_visitor_posts(app, larder):
    anna, ben = Browser(larder).open("/form/second?sleep=1"), Browser(larder)
    wait_until(lambda: larder.entries() == 1, "the page to be stored")
    ben.open("/form/second?sleep=1")
    assert ben.page.response.hit and ben.page.response.elapsed < 0.9 * slack()
    assert anna.page.number == ben.page.number
    assert names(anna) == names(ben) == app.cookies, "each has a session"
    assert len(ben.page.hidden) == 2 and len(ben.page.meta) == 1 and all(ben.page.tokens())
    assert ben.page.response["Cache-Control"].startswith("private")
    nothing_shared(anna, ben, beyond=common(app.url, "/form"))
    for one in anna, ben:
        assert saved(app, one) and removed(app, one)
    assert ben.post(field=app.field, token=anna.page.hidden[0]).status == app.refusal, "a foreign token"


def test_a_visitor_is_asked_about_once(app, larder):
    store(larder, "/form/once")
    ben, before = Browser(larder), numbers(app)
    for i in range(5):
        ben.open("/form/once")
        assert ben.page.response.hit and names(ben) == (app.cookies if i == 0 else set())
    assert numbers(app).tokens == before.tokens + 1 and numbers(app).pages == before.pages
    assert saved(app, ben)
    assert ben.open("/form/once").page.response.hit and saved(app, ben, 2), "after a form"


def test_a_returning_visitor_is_asked_about_once(app, larder):
    store(larder, "/form/back")
    store(larder, "/form/too")
    ben, carol = returning(app, larder), returning(app, larder)
    for one in ben, carol:
        before = numbers(app)
        for target in ["/form/back", "/form/too"] * 3:
            one.open(target)
            assert one.page.response.hit
        assert numbers(app).tokens == before.tokens + 1, "at most once a visitor and minute, over all pages"
    nothing_shared(ben, carol, beyond=common(app.url, "/form"))
    assert saved(app, ben) and saved(app, carol) and removed(app, ben)


def test_at_once(app, larder):
    store(larder, "/form/at_once")
    for _ in range(10):  # who comes right between the question and its answer is hard to meet
        ben = returning(app, larder)
        before = numbers(app)
        answers = larder.at_once(8, "/form/at_once", ben.fields())
        assert all(x.status == 200 and x.hit for x in answers)
        assert numbers(app).tokens == before.tokens + 1
        assert len({token for x in answers for token in Page(x).tokens()}) == 1
    ben.take(answers[-1])
    ben.open("/form/at_once")
    assert saved(app, ben)


def test_strangers_at_once(app, larder):
    store(larder, "/form/strangers")
    visitors = [Browser(larder) for _ in range(4)]
    for one, answer in zip(visitors, larder.at_once(4, "/form/strangers")):
        one.take(answer)
        one.open("/form/strangers")
        assert set(one.cookies) == app.cookies
    nothing_shared(*visitors, beyond=common(app.url, "/form"))
    assert all(saved(app, one) for one in visitors)


def test_token_path_fails(app, larder, broken):
    anna = Browser(larder).open("/form/down")
    wait_until(lambda: larder.entries() == 1, "the page to be stored")
    ben = Browser(larder).open("/form/down")
    assert not ben.page.response.hit and ben.page.number != anna.page.number
    assert larder.logged("/form/down", verdict="pass")["reason"] == "token-session-unknown"
    assert "/csrf-token tells no token: its status is not 200" in larder.stderr()
    assert larder.metric("larder_token_failures_total") == 1
    nothing_shared(anna, ben, beyond=common(app.url, "/form"))
    assert saved(app, anna) and saved(app, ben)
    numbers(app, "?breaks=")
    carol = Browser(larder).open("/form/down")
    assert carol.page.response.hit and carol.page.number == anna.page.number and saved(app, carol)


def test_token_path_itself(app, serve):
    larder = serve(app.url, INI.format(preset=app.preset) + """
        [route /csrf*]
        ttl = 60s
        override = private
        set_cookie = strip
        """)
    one, other = larder.get("/csrf-token"), larder.get("/csrf-token")
    assert one.body != other.body and not other.hit
    assert one.all("Set-Cookie") and larder.logged("/csrf-token")["reason"] == "token-path"


def test_what_is_told(app, larder):
    store(larder, "/form/why")
    before = numbers(app)
    found = json.loads(larder.admin("GET", f"/why?url=http://127.0.0.1:{larder.port}/form/why&format=json").body)["verdict"]
    assert found["kind"] == "hit" and found["asks_token"]
    assert numbers(app).tokens == before.tokens

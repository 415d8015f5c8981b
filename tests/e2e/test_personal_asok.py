"""Pages with a session cookie, a double-submit token and a nonce (apps/asok_app.py): stored once, and each visitor gets his own."""
import json
import re
import threading
import types
import urllib.parse

import pytest

import client
from browser import Browser, Page, common, nothing_shared
from larder import slack, wait_until

INI = """
    [route /*]
    ttl = 60s
    token = asok
    set_cookie = strip
    """
ATTRIBUTES = "; Path=/; SameSite=Lax; Max-Age=7200"


@pytest.fixture(scope="module")
def app(start_app):
    return start_app("asok_app:application")


@pytest.fixture
def larder(app, serve):
    return serve(app, INI)


def renderings(app, path):
    """How often the app was asked for it."""
    with client.Connection(("127.0.0.1", int(app.rpartition(":")[2]))) as c:
        return json.loads(c.request("GET", "/counts").body).get(path, 0)


def store(larder, target, **options):
    """Has a stranger bring the page; returns him when it is stored."""
    one = Browser(larder, **options)
    one.open(target)
    wait_until(lambda: Browser(larder).open(target).page.response.hit, f"{target} to be stored")
    return one


def returning(larder, n=1, **options):
    """A visitor who has been here before: his cookies are of the app's shape."""
    one = Browser(larder, **options)
    one.cookies = {"asok_sid": f"{n:032x}", "asok_csrf": f"{n + 0xc0ffee:064x}"}
    return one


def why(larder, target):
    url = urllib.parse.quote(f"http://127.0.0.1:{larder.port}{target}", safe="")
    return json.loads(larder.admin("GET", f"/why?url={url}").body)


def set_cookies(visitor):
    return {x.split("=")[0]: x for x in visitor.page.response.all("Set-Cookie")}


def saved(visitor, **options):
    return visitor.post(**options).body == b"saved"


def test_the_second_visitor_gets_a_page_of_his_own_at_once(app, larder):
    before = renderings(app, "/slow")
    anna, ben = Browser(larder).open("/slow"), Browser(larder).open("/slow")
    first, second = anna.page.response, ben.page.response
    assert first.elapsed > 1.9 and not first.hit
    assert second.hit and second.elapsed < 0.5 * slack()
    anna.check(is_set=True)
    ben.check(is_set=True)
    assert set(set_cookies(anna)) == {"asok_sid", "asok_csrf"}
    assert set_cookies(ben) == {"asok_csrf": f"asok_csrf={ben.cookies['asok_csrf']}{ATTRIBUTES}"}
    assert re.fullmatch("[0-9a-f]{64}", ben.cookies["asok_csrf"])
    assert ben.page.number == anna.page.number and renderings(app, "/slow") == before + 1
    nothing_shared(anna, ben, beyond=common(app, "/page"))
    assert saved(anna) and saved(ben)


def test_the_app_by_itself(app):
    """What the scenarios look for is there without Larder: so they can tell when it is not."""
    alone = types.SimpleNamespace(port=int(app.rpartition(":")[2]))
    anna, ben = Browser(alone).open("/page").check(is_set=True), Browser(alone).open("/page").check(is_set=True)
    nothing_shared(anna, ben, beyond=common(app, "/page"))
    assert saved(anna) and ben.post(token=anna.page.hidden[0]).status == 403
    with pytest.raises(AssertionError):
        nothing_shared(anna, anna, beyond=common(app, "/page"))
    returning(alone).open("/page").check(is_set=False)
    carol = Browser(alone).open("/page?token=base64").check(is_set=True)
    assert decoded(carol.page) == {carol.cookies["asok_csrf"]} and saved(carol)
    for value in HOSTILE:
        mallory = Browser(alone)
        mallory.cookies = {"asok_csrf": value}
        mallory.open("/page").check(is_set=True)


def test_the_first_visitor_gets_what_the_app_sent(larder):
    anna = Browser(larder).open("/page?first").check(is_set=True)
    assert anna.cookies["asok_sid"] and set_cookies(anna)["asok_csrf"].endswith(ATTRIBUTES)
    assert saved(anna)


def test_every_hit_is_a_page_of_its_own(app, larder):
    store(larder, "/page")
    visitors = [Browser(larder).open("/page").check(is_set=True) for _ in range(5)]
    assert all(v.page.response.hit for v in visitors)
    nothing_shared(*visitors, beyond=common(app, "/page"))
    assert all(saved(v) for v in visitors)


def test_a_returning_visitor_keeps_his_token(app, larder):
    store(larder, "/page")
    ben = returning(larder)
    nonces = set()
    for _ in range(3):
        ben.open("/page").check(is_set=False)
        assert ben.page.response.hit and not ben.page.response.all("Set-Cookie")
        nonces |= ben.page.nonces()
    assert len(nonces) == 3, "a nonce came twice"
    assert saved(ben)
    carol = returning(larder, 2).open("/page").check(is_set=False)
    nothing_shared(ben, carol, beyond=common(app, "/page"))


def test_a_new_visitor_comes_back(larder):
    store(larder, "/page")
    ben = Browser(larder).open("/page").check(is_set=True)
    own = ben.cookies["asok_csrf"]
    ben.open("/page").check(is_set=False)
    assert ben.cookies["asok_csrf"] == own and saved(ben)


def test_a_returning_visitor_brings_the_page(app, larder):
    ben = returning(larder).open("/page?returning").check(is_set=False)
    assert not ben.page.response.hit and saved(ben)
    wait_until(lambda: Browser(larder).open("/page?returning").page.response.hit, "the page to be stored")
    anna, carol = Browser(larder).open("/page?returning").check(is_set=True), returning(larder, 2).open("/page?returning")
    carol.check(is_set=False)
    nothing_shared(anna, ben, carol, beyond=common(app, "/page"))
    assert saved(anna) and saved(carol)


def test_a_foreign_token_is_refused(larder):
    """The app still tells forged forms: what is filled in is no token for all."""
    anna = store(larder, "/page")
    ben = Browser(larder).open("/page")
    assert ben.post(token=anna.page.hidden[0]).status == 403
    assert ben.post(token="0" * 64).status == 403


def test_bytes_come_as_the_app_sends_them(larder):
    for visitor, target in (Browser(larder), "/page?stream=1&of=1"), (returning(larder), "/page?stream=1&of=2"):
        times = visitor.watch(target)
        begun = next(t.at for t in times if b"csrf-token" in t.bytes)
        assert begun < 0.4 * slack(), "the beginning was held back"
        assert times[-1].at - begun > 0.8, "all came at once"
        visitor.check()
        assert saved(visitor)


def crowd(visitors, target):
    """All of them at the same time."""
    threads = [threading.Thread(target=v.open, args=(target,), daemon=True) for v in visitors]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)


def test_a_crowd_brings_it_once_and_each_gets_his_own(app, larder):
    before = renderings(app, "/slow")
    visitors = [Browser(larder) for _ in range(8)] + [returning(larder, n) for n in range(1, 9)]
    crowd(visitors, "/slow?crowd")
    assert renderings(app, "/slow") == before + 1
    for v in visitors:
        v.check()
    assert sum("asok_sid" in set_cookies(v) for v in visitors) <= 1, "a session went to several"
    nothing_shared(*visitors, beyond=common(app, "/page"))
    assert all(saved(v) for v in visitors)


def test_downstream_caches_keep_nothing(larder):
    anna, ben = store(larder, "/page?etag=1&cc=public,max-age=600"), returning(larder).open("/page?etag=1&cc=public,max-age=600")
    for response in anna.page.response, ben.page.response:
        assert response["Cache-Control"] == "private, max-age=0, must-revalidate", response
        assert not response["Last-Modified"] and not response["Accept-Ranges"] and not response["Expires"], response
    assert re.fullmatch(r'W/"version-\d+-[^"]+"', ben.page.response["ETag"])


def test_conditions_are_judged_by_what_was_filled_in(app, serve):
    larder = serve(app, INI + "csp_nonce = keep")
    target = "/page?etag=1&kept"
    store(larder, target)
    ben, carol = returning(larder).open(target), returning(larder, 2).open(target)
    tag, other = ben.page.response["ETag"], carol.page.response["ETag"]
    assert tag.startswith('W/"') and tag != other
    answer = ben.request("GET", target, {"If-None-Match": tag})
    assert answer.status == 304 and answer.body == b"" and not answer.all("Set-Cookie") and answer["ETag"] == tag
    assert ben.request("GET", target, {"If-None-Match": other}).status == 200
    assert ben.request("GET", target, {"If-Modified-Since": "Fri, 31 Dec 2060 00:00:00 GMT"}).status == 200
    new = Browser(larder)
    assert new.request("GET", target, {"If-None-Match": tag}).status == 200 and "asok_csrf" in new.cookies
    ben.open(target).check(is_set=False)
    assert ben.page.nonces() == carol.page.nonces(), "the nonce is the stored one"


def test_a_fresh_nonce_is_never_confirmed(larder):
    store(larder, "/page?etag=1")
    ben = returning(larder).open("/page?etag=1")
    answer = ben.request("GET", "/page?etag=1", {"If-None-Match": ben.page.response["ETag"]})
    assert answer.status == 200 and Page(answer).nonces() != ben.page.nonces()


def test_ranges_are_not_offered(larder):
    target = "/page?etag=1&parts"
    for hit in False, True:
        ben = returning(larder).open(target, {"Range": "bytes=0-99"}) if not hit else store(larder, target)
        answer = ben.request("GET", target, {"Range": "bytes=0-99"})
        assert answer.status == 200 and answer.whole and not answer["Content-Range"] and not answer["Accept-Ranges"]
        assert answer.text.startswith("<!doctype html>") and answer.text.endswith("</html>\n")


def test_head(larder):
    anna = store(larder, "/page?head")
    ben = returning(larder)
    answer = ben.request("HEAD", "/page?head")
    whole = ben.request("GET", "/page?head")
    assert answer.status == 200 and answer.hit and answer.body == b"" and not answer.all("Set-Cookie")
    assert answer["Content-Length"] == str(len(whole.body)) == whole["Content-Length"]
    assert answer["X-CSRF-Token"] == ben.cookies["asok_csrf"]
    new = Browser(larder)
    assert new.request("HEAD", "/page?head")["X-CSRF-Token"] == new.cookies["asok_csrf"] != anna.cookies["asok_csrf"]


def test_a_head_first(larder):
    ben = Browser(larder)
    assert ben.request("HEAD", "/page?head-first").status == 200
    ben.open("/page?head-first").check()
    Browser(larder).open("/page?head-first").check(is_set=True)
    assert saved(ben)


def test_variants_are_of_the_other_cookies(larder):
    store(larder, "/page?vary=Cookie")
    ben = Browser(larder)
    ben.cookies = {"asok_csrf": "ab" * 32}
    assert ben.open("/page?vary=Cookie").check(is_set=False).page.response.hit
    carol = returning(larder)
    assert not carol.open("/page?vary=Cookie").check(is_set=False).page.response.hit, "a session is another variant"
    carol.cookies["asok_csrf"] = "cd" * 32
    wait_until(lambda: carol.open("/page?vary=Cookie").check(is_set=False).page.response.hit, "her variant to be stored")


def test_coded_pages_are_read(app, larder):
    gzip = {"Accept-Encoding": "gzip, br"}
    target = "/page?gzip=1&size=20000"
    anna = store(larder, target, headers=gzip).check(is_set=True)
    ben, carol = returning(larder, headers=gzip).open(target), Browser(larder).open(target)
    assert ben.page.response.hit and carol.page.response.hit
    ben.check(is_set=False)
    carol.check(is_set=True)
    nothing_shared(anna, ben, carol, beyond=common(app, "/page"))
    assert saved(anna) and saved(ben) and saved(carol)


def decoded(page):
    """The tokens of a page that stand escaped in one way or another."""
    text = page.response.text
    query = [urllib.parse.unquote(x) for x in re.findall(r'\?csrf=([^"]*)"', text)]
    plain = [x.replace("&#43;", "+").replace("&#x3D;", "=") for x in re.findall(r'data-(?:token|other)="([^"]*)"', text)]
    script = [json.loads(x.replace("&quot;", '"')) for x in re.findall(r'data-json="([^"]*)"', text)]
    assert len(query) == 2 and len(plain) == 2 and len(script) == 1, text
    return {*query, *plain, *script}


def test_escaped_tokens(app, larder):
    target = "/page?token=base64"
    anna = store(larder, target).check(is_set=True)
    new = [Browser(larder).open(target).check(is_set=True) for _ in range(3)]
    ben = Browser(larder)
    ben.cookies = {"asok_csrf": "a+/bcdefghijklmnopqrstuvwxyz+/ABCDEFGHIJKLQ=="[-44:]}
    assert len(ben.cookies["asok_csrf"]) == 44
    ben.open(target).check(is_set=False)
    for v in (anna, ben, *new):
        assert decoded(v.page) == {v.cookies["asok_csrf"]}
        assert saved(v)
    nothing_shared(anna, ben, *new, beyond=common(app, target))


def test_many_places(larder):
    anna = store(larder, "/page?n=300").check(forms=300)
    ben = returning(larder).open("/page?n=300").check(forms=300, is_set=False)
    assert ben.page.response.hit and saved(anna) and saved(ben)


def test_a_token_in_thousands_of_places_is_not_stored(app, larder):
    for n in range(3):
        for one in Browser(larder), returning(larder):
            one.open("/page?n=5000").check(forms=5000)
            assert not one.page.response.hit and saved(one)
    assert larder.entries() == 0
    found = wait_until(lambda: (w := why(larder, "/page?n=5000"))["last"] and w, "the verdict")
    assert found["last"]["code"] == "too-many-holes", found["last"]


def test_a_page_larger_than_the_bound_is_not_stored(app, serve):
    larder = serve(app, INI + "max_object = 50K")
    for one in Browser(larder), returning(larder), Browser(larder), returning(larder, 2):
        one.open("/page?size=200000").check()
        assert not one.page.response.hit and len(one.page.response.body) > 190000 and saved(one)
    visitors = [Browser(larder) for _ in range(3)] + [returning(larder, n) for n in range(1, 4)]
    crowd(visitors, "/page?size=200000&sleep=0.3")
    for v in visitors:
        v.check()
    nothing_shared(*visitors, beyond=common(app, "/page?size=100"))
    assert larder.entries() == 0


def purge(larder, target, more=""):
    url = urllib.parse.quote(f"http://127.0.0.1:{larder.port}{target}", safe="")
    assert larder.purge(f"url={url}{more}")["purged"] == 1


def test_purge(larder):
    anna = store(larder, "/page?purged")
    purge(larder, "/page?purged")
    ben = returning(larder).open("/page?purged").check(is_set=False)
    assert ben.page.number > anna.page.number and not ben.page.response.hit


def test_a_stale_page_is_filled_and_renewed(app, serve):
    larder = serve(app, INI + "stale_while_revalidate = 60s")
    target = "/page?sleep=1"
    anna = store(larder, target)
    purge(larder, target, "&soft=1")
    ben = returning(larder).open(target).check(is_set=False)
    assert ben.page.response.elapsed < 0.8 * slack() and ben.page.number == anna.page.number
    carol = Browser(larder).open(target).check(is_set=True)
    wait_until(lambda: returning(larder).open(target).page.number > anna.page.number, "the page to be renewed")
    dave = Browser(larder).open(target).check(is_set=True)
    nothing_shared(anna, ben, carol, dave, beyond=common(app, "/page"))
    assert saved(ben) and saved(carol) and saved(dave)


def test_nothing_of_a_visitor_is_told_to_the_operator(larder):
    target = "/page?etag=1&told"
    anna, ben = store(larder, target), returning(larder).open(target).check(is_set=False)
    saved(ben)
    url = urllib.parse.quote(f"http://127.0.0.1:{larder.port}{target}", safe="")
    header = urllib.parse.quote("Cookie: " + ben.fields()["Cookie"], safe="")
    told = [larder.admin("GET", x).text for x in (f"/entry?url={url}", f"/why?url={url}", f"/why?url={url}&header={header}", "/stats",
                                                  "/metrics", "/config")]
    told += [larder.stderr(), json.dumps(larder.log_lines())]
    assert "version-" in told[0] and '"hit"' in told[2]
    for one in anna, ben:
        for secret in (*one.cookies.values(), *one.page.nonces()):
            assert not any(secret in x for x in told), (secret, told)


HOSTILE = [
    '"><script>alert(1)</script>', '"' + "a" * 62 + '"', "a" * 63 + '"', "a" * 63 + "<", "a" * 63 + "'", "A" * 64, "g" * 64,
    "a" * 65, "a" * 63, "a" * 5000, "", "<!--" + "a" * 60, "a" * 60 + "%22%3E", "a" * 32 + "\\" + "a" * 31, "a" * 63 + "\xe4",
]


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_cookies(larder, value):
    """Neither he nor anybody else finds them in a page."""
    for target in "/page?hostile", "/page?hostile", "/page?hostile":
        mallory = Browser(larder)
        mallory.cookies = {"asok_csrf": value}
        mallory.open(target).check(is_set=True)
        assert mallory.cookies["asok_csrf"] != value and saved(mallory)
        if len(value) > 3:
            assert value not in mallory.page.response.text
            assert value not in Browser(larder).open(target).check().page.response.text


def test_two_token_cookies_pass(larder):
    store(larder, "/page?two")
    mallory = Browser(larder)
    answer = mallory.request("GET", "/page?two", {"Cookie": f"asok_csrf={'a' * 64}; asok_csrf={'b' * 64}"})
    assert answer.status == 200 and answer.cache == {"fwd": "bypass", "detail": "token-ambiguous"} | answer.cache
    same = mallory.request("GET", "/page?two", {"Cookie": f"asok_csrf={'a' * 64}; asok_csrf={'a' * 64}"})
    assert same.hit and Page(same).tokens() == {"a" * 64}
    assert Browser(larder).open("/page?two").check().page.response.hit


def test_nobody_chooses_what_is_cut(larder):
    """A cookie that equals something of the page is no token there: the page stays whole for the others."""
    digest = "0123456789abcdef" * 4
    target = f"/page?digest={digest}"
    mallory = Browser(larder)
    mallory.cookies = {"asok_csrf": digest}
    mallory.open(target).check(is_set=False)
    wait_until(lambda: Browser(larder).open(target).page.response.hit, "the page to be stored")
    ben = returning(larder).open(target).check(is_set=False)
    assert f"/app.js?v={digest}" in ben.page.response.text and saved(ben)


# --- what is missing in the ini --------------------------------------------------------------------------------------

@pytest.mark.parametrize("ini, advised, n_returning", [
    ("ttl = 60s", ["token = asok", "set_cookie = strip"], 3),
    ("ttl = 60s\ntoken = asok", ["set_cookie = strip"], 0),  # who has a session is sent none: such an answer may be stored
    ("ttl = 60s\nset_cookie = strip", ["token = asok"], 3),
], ids=["neither", "token alone", "set_cookie alone"])
def test_without_the_options_nothing_is_stored(app, serve, ini, advised, n_returning):
    larder = serve(app, "[route /*]\n" + ini)
    target = "/page?sleep=0.3"
    visitors = [Browser(larder) for _ in range(3)] + [returning(larder, n) for n in range(n_returning)]
    crowd(visitors, target)
    for v in (*visitors, Browser(larder).open(target), *(returning(larder, 9 + n).open(target) for n in range(n_returning))):
        v.check()
        assert saved(v) and not v.page.response.hit
    nothing_shared(*visitors, beyond=common(app, "/page"))
    assert larder.entries() == 0
    found = wait_until(lambda: (w := why(larder, target))["advice"] and w, "advice")
    for option in advised:
        assert any(option in x for x in found["advice"]), found["advice"]

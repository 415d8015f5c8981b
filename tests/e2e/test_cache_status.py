"""What answers carry: Age, Date, Cache-Status; and what passes unchanged: methods, statuses, interim responses."""
import re

import pytest

from larder import wait_until

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
FRESH = {"Cache-Control": "max-age=60"}


def member(answer):
    """Larder's member of the field, as it is written."""
    return re.search(r"larder.*$", answer["Cache-Status"]).group(0)


def test_a_hit_and_a_miss(origin, serve):
    origin.page("/p", headers={**FRESH, "Cache-Status": "Origin; hit; ttl=7"})
    larder = serve(origin)
    miss = larder.stored("/p")
    hit = larder.get("/p")
    assert hit["Cache-Status"].startswith("Origin; hit; ttl=7, larder; hit; ttl=")
    assert len(hit.all("Cache-Status")) == 1
    assert larder.get("/none")["Cache-Status"].startswith("larder; fwd=uri-miss; fwd-status=404")
    assert "key=" not in hit["Cache-Status"]


def test_the_key_on_request(origin, serve):
    origin.page("/p", headers=FRESH)
    larder = serve(origin, "[server]\ncache_status = key\n[route /*]\nquery_sort = on")
    larder.stored('/p?b="2"&a=1')
    host = "127.0.0.1:%d" % larder.port
    assert f'; key="GET http://{host}/p?a=1&b=\\"2\\""' in larder.get('/p?a=1&b="2"')["Cache-Status"]
    assert "key=" not in larder.request("POST", "/p", body=b"x")["Cache-Status"]
    long = larder.get("/p?" + "x" * 6000)
    assert long.status == 200 and len(long["Cache-Status"]) < 700


def test_off_leaves_the_field_to_others(origin, serve):
    origin.page("/p", headers={**FRESH, "Cache-Status": "Origin; hit"})
    origin.page("/q", headers=FRESH)
    larder = serve(origin, "[server]\ncache_status = off")
    for _ in range(2):
        assert larder.get("/p")["Cache-Status"] == "Origin; hit"
        assert larder.get("/q")["Cache-Status"] is None


def test_age_and_date(origin, serve):
    origin.page("/aged", headers={**FRESH, "Age": "7", "Date": DATE})
    origin.page("/pass", headers={"Cache-Control": "no-store", "Age": "7", "Date": DATE})
    origin.page("/young", headers={"Cache-Control": "no-store"})
    larder = serve(origin)
    assert larder.get("/aged")["Age"] == "7"  # RFC 9111 5.1: passed on as it came
    passed = larder.get("/pass")
    assert passed.all("Age") == ["7"] and passed.all("Date") == [DATE]
    assert larder.get("/young")["Age"] is None
    origin.page("/p", headers={**FRESH, "Age": "7"})
    date = larder.stored("/p")
    hit = larder.get("/p")
    assert int(hit["Age"]) >= 7 and len(hit.all("Age")) == len(hit.all("Date")) == 1
    assert larder.request("PURGE", "/p")["Age"] is None
    origin.on("/dead")(lambda request, reply: reply.reset())
    assert larder.get("/dead").status == 502 and larder.get("/dead")["Age"] is None


@pytest.mark.parametrize("method", ["M-SEARCH", "PROPFIND", "get", "X", "OPTIONS", "REPORT"])
@pytest.mark.parametrize("body", [None, b"a body"])
def test_unknown_methods_pass(origin, serve, method, body):
    @origin.on("/p")
    def handler(request, reply):
        reply.send(200, FRESH, body=request.method.encode() + b":" + request.body())

    larder = serve(origin)
    for _ in range(2):
        answer = larder.request(method, "/p", body=body)
        assert answer.status == 200 and answer.body == method.encode() + b":" + (body or b"")
        assert answer.cache["fwd"] == "method"
    assert origin.count("/p") == 2


@pytest.mark.parametrize("status", [200, 299, 399, 418, 499, 599, 999])
@pytest.mark.parametrize("stored", [True, False])
def test_statuses_of_any_number_pass(origin, serve, status, stored):
    origin.page("/p", status=status, headers=FRESH if stored else {})
    larder = serve(origin)
    answers = [larder.get("/p") for _ in range(2)]
    assert [a.status for a in answers] == [status] * 2
    assert all(a.body.startswith(b"/p #") for a in answers)
    if stored:
        wait_until(lambda: larder.get("/p").hit, "a hit")
    else:
        assert not larder.get("/p").hit and origin.count("/p") == 3


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("headers", [{"Content-Length": "5"}, {"Transfer-Encoding": "chunked"}, {}])
def test_no_body_behind_204_and_304(origin, serve, status, headers):
    """Whatever the origin sends: the connection goes on with the next answer, or ends in order."""
    @origin.on("/p")
    def handler(request, reply):
        fields = "".join(f"{n}: {v}\r\n" for n, v in {**FRESH, **headers}.items())
        extra = b"5\r\nextra\r\n0\r\n\r\n" if "Transfer-Encoding" in headers else b"extra"
        reply.raw(f"HTTP/1.1 {status} Bare\r\n{fields}\r\n".encode() + extra)

    origin.page("/next", headers=FRESH)
    larder = serve(origin)
    for _ in range(2):
        with larder.connect() as client:
            client.send("GET", "/p")
            head = client.final_head()
            assert head.status == status and head["Transfer-Encoding"] is None
            assert head["Content-Length"] in (None, headers.get("Content-Length"))
            if status == 204:  # RFC 9110 8.6
                assert head["Content-Length"] is None
            if head["Connection"] == "close":
                assert client.ended() and client.buffer == b""
            else:
                assert client.request("GET", "/next").body == b"/next #1"


def test_interim_fields_stay_where_they_are(origin, serve):
    @origin.on("/p")
    def handler(request, reply):
        reply.interim(103, {"Link": "</a.css>; rel=preload", "Cache-Control": "no-store", "X-Interim": "1"})
        reply.interim(102)
        reply.send(200, FRESH, body=b"final")

    larder = serve(origin)
    answer = larder.get("/p")
    assert answer.body == b"final" and answer["X-Interim"] is None and answer["Cache-Control"] == "max-age=60"
    assert 103 in [status for status, _ in answer.interim]
    hit = wait_until(lambda: next((r for r in [larder.get("/p")] if r.hit), None), "a hit")
    assert hit["X-Interim"] is None and hit["Link"] is None and not hit.interim

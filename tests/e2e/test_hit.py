"""The main job: a page that takes long the first time comes from memory from then on, and says so."""
from larder import slack, wait_until


def test_slow_page_becomes_fast(origin, serve):
    origin.page("/slow", delay=1)
    larder = serve(origin, """
        [route /slow]
        ttl = 60s
        """)
    first = larder.get("/slow")
    assert (first.status, first.body) == (200, b"/slow #1")
    assert first.elapsed >= 1
    assert not first.hit and first.cache["fwd"] == "uri-miss" and first.cache["stored"] is True
    assert first["Age"] is None

    with larder.connect() as c:
        times = []
        for _ in range(1000):
            again = c.request("GET", "/slow")
            assert (again.status, again.body, again.hit) == (200, b"/slow #1", True)
            times.append(again.elapsed)
    assert sorted(times)[500] < 0.001 * slack()
    assert 55 <= int(again.cache["ttl"]) <= 60
    assert 0 <= int(again["Age"]) <= 5
    assert again["Cache-Status"].startswith("larder; hit")
    assert origin.count("/slow") == 1

    miss = larder.logged("/slow", verdict="miss")
    assert miss["status"] == 200 and miss["bytes"] == 8 and miss["age"] is None and miss["upstream_us"] >= 1_000_000
    hit = larder.logged("/slow", verdict="hit")
    assert hit["reason"] == "hit" and hit["tier"] == "memory" and hit["route"] == "/slow" and hit["upstream_us"] is None
    wait_until(lambda: larder.stats()["outcomes"]["hit"] == 1000, "the hits to be counted")
    assert larder.stats()["hit_ratio"] > 0.99


def test_age_grows_and_ttl_falls(origin, serve):
    origin.page("/p")
    larder = serve(origin, "[route /p]\nttl = 60s")
    larder.stored("/p")
    old = wait_until(lambda: next((r for r in [larder.get("/p")] if int(r["Age"]) >= 2), None), "an age of two seconds")
    assert int(old["Age"]) + int(old.cache["ttl"]) in (59, 60)


def test_date_is_the_origins(origin, serve):
    origin.page("/p", headers={"Date": "Sun, 06 Nov 1994 08:49:37 GMT"})
    larder = serve(origin, "[route /p]\nttl = 60s")
    assert larder.stored("/p")["Date"] == "Sun, 06 Nov 1994 08:49:37 GMT"
    assert larder.get("/p").all("Date") == ["Sun, 06 Nov 1994 08:49:37 GMT"]


def test_works_without_a_file(origin, serve):
    origin.page("/p", headers={"Cache-Control": "max-age=60"})
    larder = serve(origin, file=False)
    larder.stored("/p")
    assert larder.get("/p").hit and origin.count("/p") == 1


def test_empty_body_is_stored(origin, serve):
    origin.page("/empty", body=b"")
    larder = serve(origin, "[route /empty]\nttl = 60s")
    larder.stored("/empty")
    again = larder.get("/empty")
    assert again.hit and again.body == b"" and again["Content-Length"] == "0"


def test_large_and_chunked_pages_are_stored_whole(origin, serve):
    content = bytes(range(256)) * 8192  # 2 MB

    @origin.on("/chunked")
    def chunked(request, reply):
        reply.start(200, {"Cache-Control": "max-age=60"})
        for i in range(0, len(content), 50_000):
            reply.write(content[i:i + 50_000])
        reply.end()

    larder = serve(origin)
    first = larder.stored("/chunked")
    again = larder.get("/chunked")
    assert first.body == again.body == content and first.whole and again.whole and again.hit
    assert again["Content-Length"] == str(len(content)) and origin.count("/chunked") == 1

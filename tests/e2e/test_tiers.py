"""Every backend and every stack of them keeps pages in the same way: what comes out is what went in, for as long, and nothing that was
purged."""
import json
import os
import random
import stat
import time

import pytest

from browser import Browser, common, nothing_shared
from larder import sanitizer, slack, wait_until
from origin import Gate
from redis_server import RedisServer
from test_personal_asok import INI as ASOK_INI
from test_personal_asok import returning, saved, store
from tiers import BACKENDS, FILES, LASTING, REDISES, ROUTES, SITE, content, disk_use, files_below, get, kept, lowest, marked, pages_of, ready
from tiers import same_but_time, stored, upper, url

backends = pytest.mark.parametrize("backend", BACKENDS)
BINARY = bytes(range(256)) * 2


@backends
@pytest.mark.parametrize("size", [0, 1, 4096, 300_000])
def test_a_page_comes_back_byte_for_byte(origin, serve, cache_ini, backend, size):
    body = random.Random(size).randbytes(size)
    origin.page("/p", body, headers=[("Content-Type", "text/html; charset=utf-8"), ("X-Twice", "a"), ("x-twice", "b, \"c\\"),
                                     ("X-Empty", ""), ("X-Latin", "caf\xe9"), ("ETag", 'W/"1"'), ("Link", "</a>; rel=next")])
    larder = serve(origin, cache_ini(backend, ROUTES))
    first = stored(larder, "/p")
    asked = origin.count("/p")
    for _ in range(3):
        again = get(larder, "/p")
        assert again.hit and again.whole and same_but_time(first, again), (first, again)
        assert 0 <= int(again["Age"]) <= 5 and 590 <= int(again.cache["ttl"]) <= 600
    assert origin.count("/p") == asked <= 2 and again.body == body
    # What is on its way down, and handles of files, are in memory.
    assert larder.logged("/p", verdict="hit")["tier"] in ["memory"] + [t.strip() for t in backend.split(",")]
    if lowest(backend) != "memory":
        wait_until(lambda: larder.tier("stores_total", lowest(backend)) >= 1, "the page to be in the lowest tier")
        assert larder.tier("errors_total", lowest(backend)) == 0


@backends
def test_large_and_chunked_pages(origin, serve, cache_ini, backend):
    body = BINARY * 1500  # 750 KB

    @origin.on("/p")
    def chunked(request, reply):
        reply.start(200)
        for i in range(0, len(body), 50_000):
            reply.write(body[i:i + 50_000])
        reply.end()

    larder = serve(origin, cache_ini(backend, ROUTES))
    first, again = stored(larder, "/p"), get(larder, "/p")
    assert first.body == again.body == body and again.hit and again["Content-Length"] == str(len(body))


@backends
def test_variants(origin, serve, cache_ini, backend):
    origin.page("/p", body=lambda r: (r["Accept-Language"] or "none").encode(), headers={"Vary": "Accept-Language"})
    larder = serve(origin, cache_ini(backend, ROUTES))
    for language in ("de", "en", ""):
        stored(larder, "/p", {"Accept-Language": language})
    stored(larder, "/p")
    for language in ("de", "en"):
        answer = get(larder, "/p", {"Accept-Language": language})
        assert answer.hit and answer.text == language
    assert get(larder, "/p").text == "none"
    other = get(larder, "/p", {"Accept-Language": "fr"})
    assert other.text == "fr" and not other.hit and other.cache["fwd"] == "vary-miss"


@backends
def test_ttl_to_the_second(origin, serve, cache_ini, backend):
    origin.page("/p")
    larder = serve(origin, cache_ini(backend, "[route /*]\nttl = 2s"))
    ready(origin, larder, backend)
    begun = time.monotonic()
    get(larder, "/p")
    come = time.monotonic()
    hits = 0
    while True:
        asked = time.monotonic()
        answer = get(larder, "/p")
        told = time.monotonic()
        if answer.body == b"/p #2":
            break
        assert asked < come + 2, "it lived longer than its ttl"
        if answer.hit:
            hits += 1
            assert int(answer["Age"]) + int(answer.cache["ttl"]) in (1, 2)
        time.sleep(0.01)
    assert told >= begun + 1.99 and hits > 3, "it lived shorter than its ttl"


PAGES = ["/blog/1", "/blog/2", "/blog/deep/3", "/shop/1"]
PURGES = [
    (f"url={url('/blog/1')}", ["/blog/1"]),
    ("url=/blog/1&host=site.example", ["/blog/1"]),
    ("url=/blog/1&host=other.example", []),
    ("prefix=/blog/", ["/blog/1", "/blog/2", "/blog/deep/3"]),
    (f"prefix={url('/blog/deep')}", ["/blog/deep/3"]),
    ("glob=/*/1", ["/blog/1", "/shop/1"]),
    ("tag=blog", ["/blog/1", "/blog/2", "/blog/deep/3"]),
    ("tag=sho", []),
    ("all=1", PAGES),
]


@backends
def test_purges(origin, serve, cache_ini, backend):
    """One after the other: what each leaves is what the next one finds."""
    pages_of(origin)
    larder = serve(origin, cache_ini(backend, ROUTES))
    for what, dropped in PURGES:
        for target in PAGES:
            stored(larder, target)
        assert larder.purge(what)["id"]
        before = len(origin.requests)
        hits = [t for t in PAGES if get(larder, t).hit]
        assert hits == [t for t in PAGES if t not in dropped], what
        assert len(origin.requests) - before == len(dropped), what


@backends
def test_a_soft_purge_serves_stale_while_one_fetch_renews(origin, serve, cache_ini, backend):
    origin.page("/p", headers={"Cache-Tag": "x"})
    larder = serve(origin, cache_ini(backend, ROUTES + "stale_while_revalidate = 60s"))
    ready(origin, larder, backend)
    if lowest(backend) == "memory":
        stored(larder, "/p")
    else:
        kept(larder, "/p", lowest(backend))  # what is on its way to a tier is refused there after a purge
    slow = Gate()
    origin.page("/p", gate=slow)
    larder.purge("tag=x&soft=1")
    for _ in range(3):
        stale = get(larder, "/p")
        assert stale.body == b"/p #1" and stale.first_byte < 5
    slow.wait_reached()
    slow.open()
    wait_until(lambda: get(larder, "/p").body != b"/p #1", "the renewed page")
    assert all(get(larder, "/p").hit for _ in range(10))
    # Without memory, who looked below while it was renewed has found the old one, and may have it renewed once more.
    assert origin.count("/p") == 2 or backend in ("file", "redis", "file, redis") and origin.count("/p") == 3, "it is renewed once"


@backends
@pytest.mark.parametrize("purge", [f"url={url('/p')}", "tag=x", "prefix=/"])
def test_a_fetch_that_began_before_a_purge_cannot_store(origin, serve, cache_ini, backend, purge):
    gate = Gate()
    origin.page("/p", gate=gate, headers={"Cache-Tag": "x"})
    larder = serve(origin, cache_ini(backend, ROUTES))
    with larder.connect() as c:
        c.send("GET", "/p", SITE)
        gate.wait_reached()
        larder.purge(purge)
        gate.open()
        assert c.read().body == b"/p #1"
    assert get(larder, "/p").body == b"/p #2"
    wait_until(lambda: get(larder, "/p").hit, "the page to be stored after the purge")


@backends
def test_a_post_invalidates(origin, serve, cache_ini, backend):
    origin.page("/p")
    larder = serve(origin, cache_ini(backend, ROUTES))
    stored(larder, "/p")
    assert larder.request("POST", "/p", SITE, b"x").status == 200
    renewed = get(larder, "/p")
    assert not renewed.hit and renewed.body == b"/p #3"
    assert wait_until(lambda: get(larder, "/p").hit, "the new page to be stored")


@backends
def test_parts_heads_and_conditions(origin, serve, cache_ini, backend):
    body = BINARY * 400  # 200 KB: a part lies in several pieces of it
    origin.page("/p", body, headers={"ETag": '"v1"'})
    larder = serve(origin, cache_ini(backend, ROUTES))
    stored(larder, "/p")
    part = get(larder, "/p", {"Range": "bytes=1000-150000"})
    assert (part.status, part.body, part.hit) == (206, body[1000:150001], True)
    assert part["Content-Range"] == f"bytes 1000-150000/{len(body)}"
    last = get(larder, "/p", {"Range": "bytes=-3"})
    assert (last.status, last.body) == (206, body[-3:])
    assert get(larder, "/p", {"Range": f"bytes={len(body)}-"}).status == 416
    several = get(larder, "/p", {"Range": "bytes=0-9,100-109"})
    if several.status == 200:  # RFC 9110 14.2: a Range may be ignored; several parts are not cut from a file
        assert backend.startswith("file") and several.body == body
    else:
        assert several.status == 206 and body[:10] in several.body and body[100:110] in several.body
    head = larder.request("HEAD", "/p", SITE)
    assert head.hit and head.body == b"" and head["Content-Length"] == str(len(body)) and head["ETag"] == '"v1"'
    same = get(larder, "/p", {"If-None-Match": '"v1"'})
    assert same.status == 304 and same.body == b"" and same["ETag"] == '"v1"'
    assert get(larder, "/p", {"If-None-Match": '"v2"'}).body == body
    assert origin.count("/p") == 1


@backends
def test_a_page_is_renewed_by_a_304(origin, serve, cache_ini, backend):
    @origin.on("/p")
    def handler(request, reply):
        if request["If-None-Match"] == '"v1"':
            reply.send(304, {"ETag": '"v1"', "Cache-Control": "max-age=600", "X-Renewed": "yes"})
        else:
            reply.send(200, {"ETag": '"v1"', "Cache-Control": "max-age=1"}, b"content")
    larder = serve(origin, cache_ini(backend))
    stored(larder, "/p")
    renewed = wait_until(lambda: (a := get(larder, "/p"))["X-Renewed"] and a, "the page to be renewed")
    again = wait_until(lambda: (a := get(larder, "/p")).hit and a, "the renewed page to be stored")
    assert renewed.body == again.body == b"content" and again["X-Renewed"] == "yes" and int(again.cache["ttl"]) > 500


@backends
def test_a_part_is_kept(origin, serve, cache_ini, backend):
    body = BINARY

    @origin.on("/p")
    def handler(request, reply):
        fields = {"ETag": '"v1"', "Cache-Control": "max-age=60"}
        if request["Range"]:
            first, last = (int(x) for x in request["Range"].removeprefix("bytes=").split("-"))
            reply.send(206, {**fields, "Content-Range": f"bytes {first}-{last}/{len(body)}"}, body[first:last + 1])
        else:
            reply.send(200, fields, body)
    larder = serve(origin, cache_ini(backend))
    for asked in ("bytes=100-199", "bytes=300-399"):
        get(larder, "/p", {"Range": asked})
        again = wait_until(lambda a=asked: (x := get(larder, "/p", {"Range": a})).hit and x, "the part to be stored")
        first, last = (int(x) for x in asked.removeprefix("bytes=").split("-"))
        assert again.status == 206 and again.body == body[first:last + 1]
    assert get(larder, "/p", {"Range": "bytes=150-180"}).body == body[150:181]
    assert get(larder, "/p").body == body


@pytest.fixture(scope="module")
def app(start_app):
    return start_app("asok_app:application")


@backends
def test_each_visitor_gets_a_page_of_his_own(app, serve, cache_ini, backend):
    larder = serve(app, cache_ini(backend, ASOK_INI))
    target = "/page?size=50000&tiers"
    anna = store(larder, target)
    visitors = [Browser(larder).open(target).check(is_set=True), returning(larder, 1).open(target).check(is_set=False),
                returning(larder, 2).open(target).check(is_set=False)]
    assert all(v.page.response.hit and v.page.number == anna.page.number for v in visitors)
    nothing_shared(anna, *visitors, beyond=common(app, target))
    assert all(saved(v) for v in (anna, *visitors))


@pytest.mark.parametrize("backend", [b for b in LASTING if "," in b])
def test_what_is_found_below_goes_up(origin, serve, cache_ini, backend):
    pages_of(origin)
    ini = cache_ini(backend, ROUTES)
    one = serve(origin, ini)
    kept(one, "/p", lowest(backend))
    marked(cache_ini.path, backend)
    other = serve(origin, ini)
    ready(origin, other, backend)
    assert get(other, "/p").hit
    other.logged("/p", verdict="hit", tier="file" if "file" in backend else "redis")  # they share the directory too
    get(other, "/p")
    other.logged("/p", verdict="hit", tier=upper(backend))
    assert origin.count("/p") == 1


# ---- where it is kept ----


@pytest.mark.parametrize("names", [("LARDER_CACHE_BACKEND", "LARDER_CACHE_PATH", "REDIS_URL"),
                                   ("ASOK_CACHE_BACKEND", "ASOK_CACHE_PATH", "ASOK_REDIS_URL")], ids=["own", "asok"])
@pytest.mark.parametrize("tier", ["file", "redis"])
def test_the_environment_says_where(origin, serve, start_redis, tmp_path, names, tier):
    redis = start_redis(RedisServer)
    origin.page("/p", headers={"Cache-Control": "max-age=60"})
    environment = dict(zip(names, (tier, str(tmp_path / "pages"), redis.url)))
    larder = serve(origin, env=environment)
    kept(larder, "/p", tier)
    assert get(larder, "/p").hit
    assert bool(files_below(tmp_path / "pages")) == (tier == "file") and (redis.cli("DBSIZE") != "0") == (tier == "redis")


def test_the_files_can_be_read(origin, serve, cache_ini):
    pages_of(origin)
    origin.page("/v", body=b"variant", headers={"Vary": "Accept-Language", "X-Own": "yes"})
    larder = serve(origin, cache_ini("file", ROUTES))
    kept(larder, "/blog/1", "file")
    kept(larder, "/v", "file", {"Accept-Language": "de"})
    found = {}
    for path in files_below(cache_ini.path):
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600, path
        if path.endswith(".json"):
            with open(path, encoding="utf-8") as f:
                entry = json.load(f)
            found[entry["url"]] = (entry, path)
    entry, path = found[url("/blog/1")]
    assert entry["larder"] == 1 and entry["status"] == 200 and entry["tags"] == ["page", "blog"] and entry["variant"] == []
    with open(os.path.join(os.path.dirname(path), entry["body"]["name"]), "rb") as f:
        assert f.read() == content("/blog/1")
    entry, _ = found[url("/v")]
    assert ["X-Own", "yes"] in entry["headers"] and entry["variant"] == [["accept-language", "de"]]


@pytest.mark.parametrize("backend", FILES)
def test_the_disk_is_bounded_at_all_times(origin, serve, cache_ini, backend):
    """Pages, and the journal of purges beside them: three times as much as its part of the bound, were it to keep all."""
    bound = 2 << 20
    pages_of(origin, size=20_000)
    larder = serve(origin, cache_ini(backend, f"file_size = {bound}\n" + ROUTES))
    with larder.connect() as c:
        for i in range(300):  # 6 MB
            assert c.request("GET", f"/{i}", SITE).body == content(f"/{i}", 20_000)
            for k in range(4):
                larder.purge(f"tag={i}-{k}-{'long' * 50}")
            if i % 10 == 0:
                assert disk_use(cache_ini.path) <= bound
    assert disk_use(cache_ini.path) <= bound and 10 < larder.tier("entries", "file") < 110  # forgotten purges take some
    assert larder.tier("bytes", "file") <= bound
    assert wait_until(lambda: get(larder, "/299").hit, "what came last to be there")


@pytest.mark.parametrize("backend", REDISES)
def test_keys_expire_and_nothing_is_searched_for(origin, serve, cache_ini, backend):
    pages_of(origin)
    larder = serve(origin, cache_ini(backend, "redis_prefix = own\n[route /*]\nttl = 60s\n[route default]\nstale_if_unreachable = 0s"))
    for i in range(20):
        kept(larder, f"/blog/{i}", "redis")
    for what in ("tag=blog", "prefix=/blog/1", f"url={url('/blog/1')}"):
        larder.purge(what)
    kept(larder, "/blog/1", "redis")
    assert get(larder, "/blog/1").hit
    used = cache_ini.redis.cli("INFO", "commandstats").lower()
    assert not [x for x in ("cmdstat_keys:", "cmdstat_scan:", "cmdstat_flushall:") if x in used]
    keys = cache_ini.redis.cli("KEYS", "*").split()
    assert keys and all(k.startswith("own") for k in keys)
    assert not [k for k in keys if cache_ini.redis.cli("TTL", k) == "-1"], "keys that stay for ever"


@pytest.mark.parametrize("backend", REDISES)
def test_large_bodies_stay_out_of_redis(origin, serve, cache_ini, backend):
    pages_of(origin, "/small", size=1000)
    pages_of(origin, "/large", size=100_000)
    larder = serve(origin, cache_ini(backend, "redis_max_object = 50K\n" + ROUTES))
    kept(larder, "/small", "redis")
    assert get(larder, "/large").body == content("/large", 100_000)
    kept(larder, "/small?again", "redis")
    assert larder.tier("stores_total", "redis") == 2
    sizes = [int(cache_ini.redis.cli("MEMORY", "USAGE", k) or 0) for k in cache_ini.redis.cli("KEYS", "*").split()]
    assert max(sizes) < 50_000
    if backend == "memory, redis":
        assert wait_until(lambda: get(larder, "/large").hit, "the large page to be in memory")


@pytest.mark.parametrize("options", [{"unix": True}, {"password": "p@ss"}, {"user": "page", "password": "secret"}],
                         ids=["unix", "password", "user"])
def test_ways_to_a_server(origin, serve, start_redis, options):
    redis = start_redis(RedisServer, **options)
    where = redis.url.replace("p@ss", "p%40ss")
    pages_of(origin)
    larder = serve(origin, f"[cache]\nbackend = redis\nredis_url = {where}\n{ROUTES}")
    kept(larder, "/p", "redis")
    assert get(larder, "/p").hit
    told = larder.stderr() + larder.admin("GET", "/config").text
    assert not [s for s in ("p@ss", "p%40ss", "secret") if options.get("password") and s in told]


@pytest.mark.parametrize("backend", LASTING)
@pytest.mark.alone
def test_a_hit_is_quick(origin, serve, cache_ini, backend):
    pages_of(origin, size=10_000)
    larder = serve(origin, cache_ini(backend, ROUTES))
    stored(larder, "/p")
    with larder.connect() as c:
        times = []
        for _ in range(500):
            answer = c.request("GET", "/p", SITE)
            assert answer.hit and answer.body == content("/p", 10_000)
            times.append(answer.elapsed)
    assert sanitizer() or sorted(times)[250] < 0.002 * slack(), sorted(times)[250]

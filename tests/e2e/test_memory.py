"""The memory tier keeps to its budget, whatever is stored."""
import pytest

import larder as program
from larder import wait_until

MB = 1 << 20


@pytest.mark.alone
def test_more_pages_than_memory(origin, serve):
    origin.page("/*", body=b"x" * 20_000, headers={"Cache-Control": "max-age=600"})
    larder = serve(origin, "[cache]\nmemory_size = 8M")
    larder.get("/0")
    before = larder.rss()
    with larder.connect() as c:
        for i in range(2000):  # 40 MB
            assert c.request("GET", f"/{i}").status == 200
    cache = larder.stats()["cache"]
    assert cache["bytes"] <= 8 * MB and cache["entries"] > 300 and cache["limit_bytes"] == 8 * MB
    if not program.sanitizer():
        assert larder.peak_rss() - before < 24 * MB
    assert larder.get("/1999").hit, "what came last is there"


def test_expired_entries_leave(origin, serve):
    origin.page("/*", headers={"Cache-Control": "max-age=1"})
    larder = serve(origin, "[route default]\nstale_if_unreachable = 0s")
    with larder.connect() as c:
        for i in range(50):
            c.request("GET", f"/{i}")
    assert larder.entries() > 0
    wait_until(lambda: larder.entries() == 0, "the expired entries to leave", 30)


def test_max_entries(origin, serve):
    origin.page("/*", headers={"Cache-Control": "max-age=600"})
    larder = serve(origin, "[cache]\nmax_entries = 10")
    with larder.connect() as c:
        for i in range(100):
            c.request("GET", f"/{i}")
    assert larder.entries() <= 10


def test_a_popular_page_survives_a_scan(origin, serve):
    origin.page("/*", body=b"x" * 10_000, headers={"Cache-Control": "max-age=600"})
    larder = serve(origin, "[cache]\nmemory_size = 2M")
    larder.stored("/popular")
    with larder.connect() as c:
        for i in range(600):
            c.request("GET", f"/scan/{i}")
            if i % 5 == 0:
                assert c.request("GET", "/popular").hit, f"gone after {i} others"
    assert origin.count("/popular") == 1

"""The admin listener: health, stats, metrics valid to the Prometheus parser, config, what is stored for a URL."""
import json
import os
import stat

import pytest

from larder import wait_until


@pytest.fixture
def larder(origin, serve):
    origin.page("/p", headers={"Cache-Tag": "a, b", "Vary": "Accept-Language"})
    origin.page("/off", headers={"Cache-Control": "no-store"})
    larder = serve(origin, "[route /*]\nttl = 60s")
    for language in ("de", "en"):
        larder.stored("/p", {"Accept-Language": language})
    larder.get("/off")
    return larder


def test_health(larder):
    assert larder.admin("GET", "/health").status == 200
    assert larder.admin("GET", "/health?ready").status == 200
    assert larder.admin("GET", "/nothing").status == 404


def test_stats(larder):
    # A request is counted after its last byte went out.
    wait_until(lambda: larder.metric("larder_requests_total") >= 5, "the requests to be counted")
    answer = larder.admin("GET", "/stats")
    assert answer["Content-Type"].startswith("application/json")
    stats = json.loads(answer.body)
    assert list(stats)[0] == "hit_ratio" and stats["outcomes"]["miss"] >= 2
    assert stats["routes"]["/*"]["requests"] >= 5 and stats["reasons"]["uri-miss"] >= 1
    assert stats["cache"]["entries"] == 2 and 0 < stats["cache"]["bytes"] < 500_000  # the empty tables are counted too
    assert stats["latency"]["hit"]["count"] >= 2


def test_metrics_are_valid(larder):
    from prometheus_client.parser import text_string_to_metric_families
    answer = larder.admin("GET", "/metrics")
    assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
    families = {f.name: f for f in text_string_to_metric_families(answer.text)}
    assert "larder_requests" in families and families["larder_requests"].type == "counter"
    samples = [(s.name, tuple(sorted(s.labels.items()))) for f in families.values() for s in f.samples]
    assert len(samples) == len(set(samples)), "a sample stands twice"
    for family in families.values():
        assert family.name.startswith("larder_") and family.documentation, family.name
        if family.type == "histogram":
            counts = [s for s in family.samples if s.name.endswith("_count")]
            infinite = [s for s in family.samples if s.labels.get("le") == "+Inf"]
            assert [s.value for s in counts] == [s.value for s in infinite]


def test_metrics_count_what_happened(larder):
    before = larder.metric("larder_upstream_requests_total")
    larder.get("/off")
    wait_until(lambda: larder.metric("larder_upstream_requests_total") == before + 1, "the request to be counted")
    assert larder.metric("larder_stored_total") == 2


def test_config(larder):
    config = larder.admin("GET", "/config")
    assert config.status == 200 and json.loads(config.body) and str(larder.port) in config.text


def test_entry(larder):
    entry = json.loads(larder.admin("GET", f"/entry?url=http://127.0.0.1:{larder.port}/p").body)
    variants = entry["variants"]
    assert len(variants) == 2
    for variant in variants:
        assert sorted(variant["tags"]) == ["a", "b"] and variant["status"] == 200
        assert 0 <= variant["age"] <= 10 and 50 <= variant["ttl"] <= 60 and variant["size"] == 5
    answer = larder.admin("GET", f"/entry?url=http://127.0.0.1:{larder.port}/nothing")
    assert answer.status == 404 or json.loads(answer.body)["variants"] == []


def test_wrong_methods_and_paths(larder):
    assert larder.admin("POST", "/stats").status == 405
    assert larder.admin("DELETE", "/purge").status == 405




@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_the_directory_says_who_may_connect_to_a_unix_socket(origin, serve, tmp_path, umask):
    path = tmp_path / "pages.sock"
    before = os.umask(umask)
    try:
        serve(origin, arguments=["--listen", f"127.0.0.1:0, unix:{path}"])
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o666

"""What the origin is told about the client, and the client about the way: Via, X-Forwarded-*, Forwarded, Host."""
import re

import pytest


@pytest.fixture
def ask(origin, serve):
    origin.page("/p")

    def ask(ini="", headers=None):
        larder = serve(origin, "[route /*]\ncache = off\n" + ini)
        larder.get("/p", headers)
        return larder, origin.last("/p")
    return ask


def test_told(ask):
    larder, seen = ask()
    host = f"127.0.0.1:{larder.port}"
    assert seen["Host"] == host
    assert seen["X-Forwarded-For"] == "127.0.0.1"
    assert seen["X-Forwarded-Proto"] == "http"
    assert seen["X-Forwarded-Host"] == host
    assert "for=127.0.0.1" in seen["Forwarded"] and "proto=http" in seen["Forwarded"] and f'host="{host}"' in seen["Forwarded"]
    assert re.fullmatch(r"1\.1 larder \([0-9a-f]{8}\)", seen["Via"])


def test_liars_are_not_believed(ask):
    _, seen = ask(headers={"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example",
                           "Forwarded": "for=6.6.6.6;proto=https"})
    assert seen["X-Forwarded-For"] == "127.0.0.1" and seen["X-Forwarded-Proto"] == "http"
    assert "evil" not in seen["X-Forwarded-Host"] and "6.6.6.6" not in seen["Forwarded"] and "https" not in seen["Forwarded"]


def test_trusted_proxies_are_continued(ask):
    larder, seen = ask("[server]\ntrusted_proxies = 127.0.0.1/32\n",
                       {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "https", "Forwarded": "for=6.6.6.6;proto=https"})
    assert seen["X-Forwarded-For"] == "6.6.6.6, 127.0.0.1" and seen["X-Forwarded-Proto"] == "https"
    assert seen["Forwarded"].startswith("for=6.6.6.6") and seen["Forwarded"].count("for=") == 2


def test_host_of_the_upstream(ask, origin):
    larder, seen = ask("[upstream]\nhost = upstream\n", {"Host": "shop.example"})
    assert seen["Host"] == f"127.0.0.1:{origin.port}" and seen["X-Forwarded-Host"] == "shop.example"


def test_via_is_appended(ask):
    _, seen = ask(headers={"Via": "1.0 other"})
    assert seen["Via"].startswith("1.0 other, 1.1 larder (")


def test_the_raw_target_goes_on(origin, serve):
    origin.page("/*")
    larder = serve(origin)
    for target in ("/%7Euser/../x?a=%20&&b", "/a//b/./c", "/%C3%a4?", "/p?q=/../"):
        larder.get(target)
        assert origin.requests[-1].target == target


def test_fields_keep_order_and_spelling(origin, serve):
    origin.page("/p", headers=[("X-b", "1"), ("x-A", "2"), ("X-b", "3")])
    larder = serve(origin, "[route /*]\nttl = 60s")
    for answer in (larder.stored("/p"), larder.get("/p")):
        assert [f for f in answer.fields if f[0].lower() in ("x-a", "x-b")] == [("X-b", "1"), ("x-A", "2"), ("X-b", "3")]
    larder.get("/other", [("X-Z", "1"), ("x-y", "2"), ("X-Z", "3")])
    assert [f for f in origin.last("/other").fields if f[0].lower() in ("x-z", "x-y")] == [("X-Z", "1"), ("x-y", "2"), ("X-Z", "3")]


def test_accept_encoding_goes_to_the_origin(origin, serve):
    origin.page("/p", body=lambda r: (r["Accept-Encoding"] or "none").encode(), headers={"Vary": "Accept-Encoding"})
    larder = serve(origin, "[route /*]\nttl = 60s")
    assert larder.stored("/p", {"Accept-Encoding": "gzip"}).body == b"gzip"
    assert larder.get("/p", {"Accept-Encoding": "br"}).body == b"br"


@pytest.mark.parametrize("method, status", [("OPTIONS", 200), ("TRACE", 405)])
def test_max_forwards(origin, serve, method, status):
    """RFC 9110 7.6.2: counted down; at 0 the answer is ours."""
    origin.page("/p")
    larder = serve(origin)
    assert larder.request(method, "/p", {"Max-Forwards": "2"}).body == b"/p #1"
    assert origin.last("/p")["Max-Forwards"] == "1"
    answer = larder.request(method, "/p", {"Max-Forwards": "0"})
    assert answer.status == status and "OPTIONS" in answer["Allow"] and origin.count("/p") == 1
    assert larder.get("/p", {"Max-Forwards": "0"}).body == b"/p #2", "it is for OPTIONS and TRACE alone"

"""The harness itself: client and origin understand each other, and the client notices what is not whole."""
import concurrent.futures

import client
from larder import free_port, merge


def ask(origin, target="/p", method="GET", body=None):
    with client.Connection(("127.0.0.1", origin.port)) as c:
        return c.request(method, target, body=body)


def test_pages_and_counts(origin):
    origin.page("/p", headers={"X-A": ["1", "2"]})
    assert [ask(origin).body for _ in range(2)] == [b"/p #1", b"/p #2"]
    assert ask(origin).all("X-A") == ["1", "2"] and origin.count("/p") == 3
    assert ask(origin, "/other").status == 404


def test_bodies_up_and_down(origin):
    origin.page("/p", body=lambda r: r.body())
    assert ask(origin, method="POST", body=b"x" * 300_000).body == b"x" * 300_000

    @origin.on("/chunked")
    def chunked(request, reply):
        reply.start(200)
        reply.write(b"a" * 70_000)
        reply.write(b"b")
        reply.end()
    answer = ask(origin, "/chunked")
    assert answer.whole and answer.body == b"a" * 70_000 + b"b"


def test_what_is_cut_is_not_whole(origin):
    @origin.on("/p")
    def cut(request, reply):
        reply.start(200, length=10)
        reply.write(b"half")
        reply.close()
    answer = ask(origin)
    assert answer.body == b"half" and not answer.whole


def test_many_at_once(origin):
    origin.page("/p", delay=0.2)
    answers = client.at_once(origin.port, [b"GET /p HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"] * 50)
    assert all(a.whole and a.body.startswith(b"/p #") for a in answers) and origin.count("/p") == 50


def test_cache_status_is_read():
    answer = client.Response(b"HTTP/1.1 200 OK\r\nCache-Status: origin; fwd=miss, larder; hit; ttl=57")
    assert answer.hit and answer.cache == {"hit": True, "ttl": "57"}


def test_settings_are_merged():
    assert merge("[a]\nx = 1\ny = 2", "[a]\nx = 3\n[b]\nz = 4") == "[a]\ny = 2\nx = 3\n[b]\nz = 4\n"


def test_no_port_is_given_twice():
    with concurrent.futures.ProcessPoolExecutor(4) as pool:
        ports = [free_port() for _ in range(200)] + [p for ps in pool.map(free_ports, [200] * 4) for p in ps]
    assert len(set(ports)) == len(ports)


def free_ports(n):
    return [free_port() for _ in range(n)]

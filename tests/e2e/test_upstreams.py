"""Kinds of upstreams: unix sockets, TLS with verification; connections are kept, and one that died idle harms nobody."""
import subprocess

import pytest

from larder import wait_until
from origin import Gate, Origin


def test_unix_socket(serve, tmp_path):
    origin = Origin(unix=str(tmp_path / "app.sock"))
    origin.page("/p")
    larder = serve(origin, "[route /*]\nttl = 60s")
    assert larder.stored("/p").body == b"/p #1"
    assert larder.get("/p").hit
    origin.stop()


@pytest.fixture
def certificate(tmp_path):
    key, cert = str(tmp_path / "key.pem"), str(tmp_path / "cert.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                   check=True, capture_output=True)
    return cert, key


def test_tls_is_verified(serve, certificate):
    origin = Origin(certificate=certificate)
    origin.page("/p", body=b"x" * 100_000)
    assert serve(origin).get("/p").status == 502
    larder = serve(origin, f"[upstream]\ntls_ca = {certificate[0]}\n[route /*]\ntl = 60s".replace("tl =", "ttl ="))
    first = larder.stored("/p")
    assert len(first.body) == 100_000 and first.whole
    assert origin.last("/p")["X-Forwarded-Proto"] == "http"
    assert larder.request("POST", "/p", body=b"y" * 300_000).status == 200
    unverified = serve(origin, "[upstream]\ntls_verify = off")
    assert unverified.get("/p").status == 200
    origin.stop()


def test_connections_are_kept(origin, serve):
    origin.page("/p")
    larder = serve(origin, "[server]\nworkers = 1\n[route /*]\ncache = off")
    for _ in range(20):
        assert larder.get("/p").status == 200
    assert origin.connections == 1


def test_a_connection_that_died_idle(origin, serve):
    gate = Gate()

    @origin.on("/p")
    def handler(request, reply):
        body = request.body()
        reply.send(200, {}, b"fine " + body)
        gate.pass_through()
        reply.close()  # without having said Connection: close

    larder = serve(origin, "[server]\nworkers = 1\n[route /*]\ncache = off")
    assert larder.get("/p").body == b"fine "
    gate.open()
    for _ in range(20):
        assert larder.get("/p").status == 200


def test_a_request_on_a_connection_that_dies_under_it(origin, serve):
    seen = []

    @origin.on("/p")
    def handler(request, reply):
        seen.append(request.method)
        if len(seen) == 2:
            reply.close()  # the second one, on the kept connection, before any answer
        else:
            reply.send(200, {}, b"fine")

    larder = serve(origin, "[server]\nworkers = 1\n[route /*]\ncache = off")
    assert larder.get("/p").status == 200
    assert larder.get("/p").status == 200 and len(seen) == 3  # repeated once on a fresh connection
    seen.clear()
    assert larder.get("/p").status == 200
    assert larder.request("POST", "/p", body=b"once").status == 502 and seen == ["GET", "POST"]


def test_another_upstream_for_a_route(origin, serve):
    other = Origin()
    other.page("/api/x", body=b"from the other")
    origin.page("/api/x", body=b"from the default")
    larder = serve(origin, f"[upstream api]\nurl = {other.url}\n[route /api/*]\nupstream = api\ncache = off")
    assert larder.get("/api/x").body == b"from the other"
    assert larder.logged("/api/x")["upstream"] == "api"
    other.stop()


def test_requests_in_flight_are_capped(origin, serve):
    gate = Gate()
    origin.page("/*", gate=gate)
    larder = serve(origin, "[upstream]\nmax_in_flight = 2\nqueue = 2\nqueue_timeout = 300ms\n[route /*]\ncache = off")
    connections = [larder.connect() for _ in range(8)]
    for i, c in enumerate(connections):
        c.send("GET", f"/{i}")
    origin.wait_count("/*", 2)
    answers = []
    wait_until(lambda: larder.stats()["outcomes"]["error"] >= 6, "six to be refused")
    assert origin.count("/*") == 2
    gate.open()
    for c in connections:
        answers.append(c.read())
        c.close()
    assert sorted(a.status for a in answers) == [200] * 2 + [503] * 6
    assert all(a["Retry-After"] for a in answers if a.status == 503)
    # Places are given back.
    assert larder.get("/again").status == 200


def test_the_queue_is_served_in_time(origin, serve):
    origin.page("/*", delay=0.1)
    larder = serve(origin, "[upstream]\nmax_in_flight = 2\nqueue = 100\n[route /*]\ncache = off")
    answers = larder.at_once(20, "/p")
    assert {a.status for a in answers} == {200}
    assert larder.metric("larder_upstream_queued_total") >= 10

"""Many requests for one page that is not there make one fetch; uncacheable pages never queue."""
import time

import pytest

from larder import slack, wait_until
from origin import Gate


@pytest.mark.alone
def test_a_thousand_cold_requests_make_one_fetch(origin, serve):
    body = b"page " * 2000
    origin.page("/slow", body=body, delay=1)
    larder = serve(origin, "[route /*]\nttl = 60s")
    answers = larder.at_once(1000, "/slow")
    assert {(a.status, a.whole) for a in answers} == {(200, True)} and all(a.body == body for a in answers)
    assert origin.count("/slow") == 1
    assert sum("collapsed" in a.cache for a in answers) > 500
    assert wait_until(lambda: larder.stats()["outcomes"]["collapsed"] > 500, "the collapsed requests to be counted")


@pytest.mark.alone
@pytest.mark.parametrize("headers", [{"Cache-Control": "no-store"}, {"Set-Cookie": "a=1"}, {"Cache-Control": "private"}])
def test_a_hundred_uncacheable_requests_take_as_long_as_one(origin, serve, headers):
    origin.page("/slow", headers=headers, delay=1)
    larder = serve(origin, "[route /*]\nttl = 60s")
    alone = larder.get("/slow").elapsed  # teaches that the page passes
    began = time.monotonic()
    answers = larder.at_once(100, "/slow")
    assert time.monotonic() - began < alone + 1 * slack()
    assert len({a.body for a in answers}) == 100
    # Never seen before: the first wait for one another once, no more.
    origin.page("/new", headers=headers, delay=1)
    began = time.monotonic()
    answers = larder.at_once(100, "/new")
    assert time.monotonic() - began < 2 * alone + 1 * slack()
    assert len({a.body for a in answers}) == 100


def test_waiters_are_fed_as_the_bytes_arrive(origin, serve):
    first, second = Gate(), Gate()

    @origin.on("/p")
    def handler(request, reply):
        reply.start(200, {"Cache-Control": "max-age=60"}, length=20)
        reply.write(b"0123456789")
        first.pass_through()
        reply.write(b"abcdefghij")
        second.pass_through()

    larder = serve(origin)
    with larder.connect() as leader, larder.connect() as waiter:
        for c in (leader, waiter):
            c.send("GET", "/p")
            first.wait_reached()
            head = c.final_head()
            pieces = c.pieces(head)
            got = b""
            while len(got) < 10:
                got += next(pieces)
            assert got == b"0123456789"  # while the origin still holds the rest back
            c.rest = (head, pieces)
        first.open()
        second.open()
        for c in (leader, waiter):
            head, pieces = c.rest
            assert b"".join(pieces) == b"abcdefghij" and head.whole
    assert origin.count("/p") == 1


def test_the_leader_leaves_the_fetch_goes_on(origin, serve):
    gate = Gate()
    origin.page("/p", gate=gate)
    larder = serve(origin, "[route /*]\nttl = 60s")
    leader, waiter = larder.connect(), larder.connect()
    leader.send("GET", "/p")
    gate.wait_reached()
    waiter.send("GET", "/p")
    wait_until(lambda: larder.metric("larder_connections_open") == 2, "the waiter to be there")
    leader.close()
    wait_until(lambda: larder.metric("larder_clients_gone_total") == 1, "the leader's leaving to be noticed")
    gate.open()
    assert waiter.read().body == b"/p #1"
    waiter.close()
    assert origin.count("/p") == 1 and larder.get("/p").hit


def test_a_failed_fetch_answers_all_who_waited(origin, serve):
    gate = Gate()

    @origin.on("/p")
    def handler(request, reply):
        gate.pass_through()
        reply.reset()

    larder = serve(origin, "[route /*]\nttl = 60s")
    connections = [larder.connect() for _ in range(10)]
    for c in connections:
        c.send("GET", "/p")
    gate.wait_reached()
    gate.open()
    assert [c.read().status for c in connections] == [502] * 10
    for c in connections:
        c.close()

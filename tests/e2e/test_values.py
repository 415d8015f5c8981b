"""Values for programs in other languages: /cache of the admin listener. What is put comes back, whatever keeps it; others that speak the
framework's form see the same; one computes what is missing; and nothing that waits holds up the rest."""
import base64
import hashlib
import json
import os
import re
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import client
from larder import TOP, slack, wait_until
from tiers import ROUTES, SITE, get, ready, stored

PLACES = ["memory", "file", "redis", "memory, file, redis"]
places = pytest.mark.parametrize("backend", PLACES)
JSON = {"Content-Type": "application/json"}


def put(larder, key, body, query="", headers=None, status=204):
    answer = larder.admin("PUT", f"/cache/{key}{query}", headers, body if isinstance(body, bytes) else body.encode())
    assert answer.status == status, (answer.status, answer.text)
    return answer


def value(larder, key, query="", headers=None):
    answer = larder.admin("GET", f"/cache/{key}{query}", headers)
    assert answer["Cache-Control"] == "no-store"
    return answer


def lease(larder, key, seconds=30):
    """The token of one who is to compute."""
    answer = value(larder, key, f"?lease={seconds}")
    assert answer.status == 404 and re.fullmatch("[0-9a-f]{16}", answer["Larder-Lease"]), (answer.status, answer.text)
    return answer["Larder-Lease"]


def test_every_operation(origin, serve, cache_ini):
    for backend in PLACES:
        larder = serve(origin, cache_ini(backend, "values_prefix = " + re.sub("[^a-z]", "-", backend)))
        assert value(larder, "none").status == 404
        for key, body in [("text", "hello"), ("caf%C3%A9/1", "\xe4\u20ac"), ("bytes", bytes(range(256)) * 9), ("empty", b"")]:
            put(larder, key, body, "?ttl=60")
            answer = value(larder, key)
            assert answer.status == 200 and answer.body == (body if isinstance(body, bytes) else body.encode()), (backend, key)
            assert answer["Content-Type"] == ("application/octet-stream" if key == "bytes" else "text/plain; charset=utf-8")
            head = larder.admin("HEAD", f"/cache/{key}")
            assert head.status == 200 and head.body == b"" and head["Content-Length"] == str(len(answer.body))
        put(larder, "json", '{"a": [1, "x"]}', "?ttl=60", JSON)
        answer = value(larder, "json")
        assert answer.body == b'{"a": [1, "x"]}' and answer["Content-Type"] == "application/json"
        put(larder, "json", "{", headers=JSON, status=400)
        assert json.loads(larder.admin("POST", "/cache/n/incr?by=2&ttl=60").body) == {"value": 2}
        assert json.loads(larder.admin("POST", "/cache/n/incr", body=b"by=-3", headers={
            "Content-Type": "application/x-www-form-urlencoded"}).body) == {"value": -1}
        assert larder.admin("POST", "/cache/text/incr").status == 409
        put(larder, "brief", "x", "?ttl=0.3")
        wait_until(lambda: value(larder, "brief").status == 404, "the value to be over")
        assert larder.admin("DELETE", "/cache/text").status == 204 and larder.admin("DELETE", "/cache/text").status == 404
        assert value(larder, "text").status == 404 and value(larder, "json").status == 200
        assert larder.admin("DELETE", "/cache").status == 400
        assert larder.admin("DELETE", "/cache?all=1").status == 204
        assert value(larder, "json").status == 404
        larder.stop()


def name_of(key):
    return hashlib.sha256(f"shop:views:{key}".encode()).hexdigest() + ".json"


def test_files_have_the_form_of_the_framework(origin, serve, cache_ini):
    larder = serve(origin, cache_ini("memory, file", "values_namespace = shop\nvalues_prefix = views"))
    put(larder, "user%201", '{"name": "Ann"}', "?ttl=60", JSON)
    put(larder, "text", "hello")
    put(larder, "bytes", b"\xff\x00")
    with open(os.path.join(cache_ini.path, name_of("user 1")), encoding="utf-8") as f:
        found = json.load(f)
    assert found["value"] == {"name": "Ann"} and abs(found["expires"] - time.time() - 60) < 5
    with open(os.path.join(cache_ini.path, name_of("text")), encoding="utf-8") as f:
        found = json.load(f)
    assert found["value"] == "hello" and found["expires"] is None
    with open(os.path.join(cache_ini.path, name_of("bytes")), encoding="utf-8") as f:
        assert base64.b64decode(json.load(f)["value"]["base64"]) == b"\xff\x00"
    # And the other way round; a broken file reads as missing.
    for key, text in [("theirs", json.dumps({"value": {"n": 1}, "expires": time.time() + 60})), ("broken", '{"value": ')]:
        with open(os.path.join(cache_ini.path, name_of(key)), "w", encoding="utf-8") as f:
            f.write(text)
    assert json.loads(value(larder, "theirs").body) == {"n": 1}
    assert value(larder, "broken").status == 404
    # Values outlive the process.
    larder.kill()
    larder.start()
    assert json.loads(value(larder, "user%201").body) == {"name": "Ann"}


def test_redis_has_the_form_of_the_framework(origin, serve, cache_ini):
    ini = cache_ini("memory, redis", "values_namespace = shop\nvalues_prefix = views")
    larder, other = serve(origin, ini), serve(origin, ini)
    redis = cache_ini.redis
    put(larder, "user%201", '{"name": "Ann"}', "?ttl=60", JSON)
    assert json.loads(redis.cli("GET", "shop:views:user 1")) == {"name": "Ann"}
    assert 50 < int(redis.cli("TTL", "shop:views:user 1")) <= 60
    put(larder, "text", "hello")
    assert json.loads(redis.cli("GET", "shop:views:text")) == "hello" and redis.cli("TTL", "shop:views:text") == "-1"
    redis.cli("SETEX", "shop:views:theirs", "60", '{"n": 1}')
    assert json.loads(value(larder, "theirs").body) == {"n": 1}
    assert json.loads(value(other, "user%201").body) == {"name": "Ann"}
    assert other.admin("DELETE", "/cache/user%201").status == 204
    assert value(larder, "user%201").status == 404


@places
def test_eight_clients_count(origin, serve, cache_ini, backend):
    larder = serve(origin, cache_ini(backend))
    each, seen = 40, []

    def count(_):
        with client.Connection(("127.0.0.1", larder.admin_port)) as c:
            for _ in range(each):
                seen.append(json.loads(c.request("POST", "/cache/n/incr?ttl=600").body)["value"])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(8)))
    assert sorted(seen) == list(range(1, 8 * each + 1))


@places
def test_a_tag_drops_values_and_pages(origin, serve, cache_ini, backend):
    origin.page("/tagged", headers={"Cache-Tag": "post-1"})
    origin.page("/other", headers={"Cache-Tag": "post-2"})
    larder = serve(origin, cache_ini(backend, ROUTES))
    ready(origin, larder, backend)
    for target in ("/tagged", "/other"):
        stored(larder, target)
    put(larder, "a", "1", "?ttl=600&tag=post-1&tag=all-posts")
    put(larder, "b", "1", "?tag=post-2")
    assert larder.admin("POST", "/cache?tag=post-1").status == 204
    assert value(larder, "a").status == 404 and value(larder, "b").status == 200
    asked = origin.count("/tagged")
    wait_until(lambda: get(larder, "/tagged") and origin.count("/tagged") > asked, "the page to be purged")
    assert get(larder, "/other").hit


# --- leases ---

@places
def test_one_computes_and_the_others_wait(origin, serve, cache_ini, backend):
    larder = serve(origin, cache_ini(backend))
    token = lease(larder, "k")
    with ThreadPoolExecutor(9) as pool:
        waiting = [pool.submit(value, larder, "k", "?lease=30&wait=20") for _ in range(9)]
        # Nobody is answered while they wait, and one who does not want to is, at once.
        began = time.monotonic()
        refused = value(larder, "k", "?lease=30&wait=0")
        assert refused.status == 404 and not refused["Larder-Lease"] and time.monotonic() - began < 2 * slack()
        time.sleep(0.3)
        assert not any(w.done() for w in waiting)
        put(larder, "k", "computed", "?ttl=60", {"Larder-Lease": token})
        stored_at = time.monotonic()
        answers = [w.result() for w in waiting]
        assert time.monotonic() - stored_at < 2 * slack()
    assert [(a.status, a.body) for a in answers] == [(200, b"computed")] * 9
    put(larder, "k", "again", "", {"Larder-Lease": token}, status=409)
    assert value(larder, "k").body == b"computed"


def test_a_lease_goes_on_to_another(origin, serve):
    larder = serve(origin)
    with ThreadPoolExecutor(2) as pool:
        # given up
        token = lease(larder, "given-up")
        waiting = pool.submit(value, larder, "given-up", "?lease=30&wait=20")
        time.sleep(0.2)
        assert larder.admin("DELETE", "/cache/given-up", {"Larder-Lease": token}).status == 204
        answer = waiting.result()
        assert answer.status == 404 and answer["Larder-Lease"] not in (None, token)
        put(larder, "given-up", "x", "", {"Larder-Lease": token}, status=409)
        put(larder, "given-up", "x", "", {"Larder-Lease": answer["Larder-Lease"]})
        # over
        token, began = lease(larder, "over", 0.5), time.monotonic()
        answer = pool.submit(value, larder, "over", "?lease=30&wait=20").result()
        assert answer["Larder-Lease"] not in (None, token) and 0.4 < time.monotonic() - began < 5 * slack()
        put(larder, "over", "x", "", {"Larder-Lease": token}, status=409)
        # the patience of who waits
        began = time.monotonic()
        answer = value(larder, "over", "?lease=30&wait=0.5")
        assert answer.status == 404 and not answer["Larder-Lease"] and 0.4 < time.monotonic() - began < 5 * slack()


def test_what_was_dropped_meanwhile_is_not_stored(origin, serve):
    larder = serve(origin)
    token = lease(larder, "k")
    assert larder.admin("DELETE", "/cache/k").status == 404
    put(larder, "k", "of yesterday", "", {"Larder-Lease": token}, status=409)
    assert value(larder, "k").status == 404


def test_the_stale_value_is_given_at_once(origin, serve, cache_ini):
    larder = serve(origin, cache_ini("redis"))
    put(larder, "k", "old", "?ttl=0.3&stale=60")
    wait_until(lambda: value(larder, "k").status == 404, "the value to be over")
    token = lease(larder, "k")
    began = time.monotonic()
    answer = value(larder, "k", "?lease=30&wait=20")
    assert answer.status == 200 and answer.body == b"old" and int(answer["Larder-Stale"]) < 30
    assert time.monotonic() - began < 2 * slack()
    assert value(larder, "k").status == 404  # who asks for no lease
    put(larder, "k", "new", "?ttl=60", {"Larder-Lease": token})
    answer = value(larder, "k", "?lease=30")
    assert answer.body == b"new" and answer["Larder-Stale"] is None


def test_who_waits_is_answered_when_larder_ends(origin, serve):
    larder = serve(origin)
    lease(larder, "k")
    ends = []

    def wait():
        try:
            ends.append(value(larder, "k", "?lease=30&wait=60").status)
        except (AssertionError, AttributeError, OSError, TypeError):
            ends.append("closed")

    threads = [threading.Thread(target=wait) for _ in range(5)]
    for t in threads:
        t.start()
    time.sleep(0.3)
    began = time.monotonic()
    larder.stop()
    assert time.monotonic() - began < 3 * slack()
    for t in threads:
        t.join(5)
    assert len(ends) == 5 and set(ends) <= {503, "closed"}


def test_waiting_has_its_limits(origin, serve):
    """More clients than may wait: those beyond are told at once, and the others of the admin listener notice nothing."""
    larder = serve(origin)
    lease(larder, "k")
    connections = [client.Connection(("127.0.0.1", larder.admin_port)) for _ in range(160)]
    for c in connections:
        c.send("GET", "/cache/k?lease=30&wait=3")
    began = time.monotonic()
    assert larder.admin("GET", "/health").status == 200 and time.monotonic() - began < 2 * slack()
    statuses = [c.final_head().status for c in connections]
    for c in connections:
        c.close()
    assert set(statuses) <= {404, 503}


# --- what is slow, what is away, what is too much ---

def test_a_hanging_redis_holds_up_nothing_else(origin, serve, cache_ini):
    larder = serve(origin, cache_ini("memory, redis", "redis_timeout = 1s"))
    put(larder, "k", "x")
    cache_ini.redis.pause()
    try:
        connections = [client.Connection(("127.0.0.1", larder.admin_port)) for _ in range(30)]
        for c in connections:
            c.send("GET", "/cache/k")
        for target in ("/health", "/metrics", "/stats") * 3:
            began = time.monotonic()
            assert larder.admin("GET", target).status == 200
            assert time.monotonic() - began < 0.5 * slack(), target
        answers = []
        for c in connections:
            answers.append(c.final_head().status)
            c.close()
        assert set(answers) == {503}
        answer = value(larder, "k")
        assert answer.status == 503 and answer.text
    finally:
        cache_ini.redis.resume()
    wait_until(lambda: value(larder, "k").body == b"x", "Redis to be asked again")
    # And the end does not wait for it longer than one answer may take.
    cache_ini.redis.pause()
    try:
        connections = [client.Connection(("127.0.0.1", larder.admin_port)) for _ in range(60)]
        for c in connections:
            c.send("GET", "/cache/k")
        time.sleep(0.3)
        larder.stop(within=4)
        for c in connections:
            c.close()
    finally:
        cache_ini.redis.resume()


def test_a_redis_that_is_away_is_an_answer(origin, serve, cache_ini):
    origin.page("/p")
    ini = cache_ini("memory, redis")
    cache_ini.redis.kill()
    larder = serve(origin, ini)
    for method, target in [("GET", "/cache/k"), ("PUT", "/cache/k"), ("DELETE", "/cache/k"), ("POST", "/cache/k/incr"),
                           ("GET", "/cache/k?lease=5"), ("DELETE", "/cache?all=1")]:
        answer = larder.admin(method, target, body=b"x" if method == "PUT" else None)
        assert answer.status == 503 and "127.0.0.1" in json.loads(answer.body)["error"], answer.text
    assert larder.get("/p", SITE).status == 200
    cache_ini.redis.start()
    put(larder, "k", "x")


def test_bounds(origin, serve):
    larder = serve(origin)
    most = 16 << 20
    put(larder, "k", b"x" * most)
    assert len(value(larder, "k").body) == most
    put(larder, "k", b"x" * (most + 1), status=413)
    assert larder.admin("PUT", "/cache/" + "k" * 512, body=b"x").status == 204
    assert larder.admin("PUT", "/cache/" + "k" * 513, body=b"x").status == 400
    assert larder.admin("PUT", "/cache/a%00b", body=b"x").status == 400
    assert larder.admin("PUT", "/cache/", body=b"x").status == 404
    assert larder.admin("PATCH", "/cache/k")["Allow"] == "GET, HEAD, PUT, DELETE"


def test_all_bodies_together_are_bounded(origin, serve):
    larder = serve(origin)
    size = 15 << 20
    connections = [client.Connection(("127.0.0.1", larder.admin_port)) for _ in range(10)]
    for i, c in enumerate(connections):  # all but their last byte
        c.raw(f"PUT /cache/{i} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n".encode() + b"x" * (size - 1))
    assert larder.admin("GET", "/health").status == 200
    for c in connections:
        c.raw(b"x")
    statuses = [c.final_head().status for c in connections]
    for c in connections:
        c.close()
    assert 503 in statuses and 204 in statuses and set(statuses) == {503, 204}
    put(larder, "after", b"x" * size)


def test_who_may(origin, serve):
    larder = serve(origin, "[admin]\ntoken = a-token-that-is-long-enough")
    bearer = {"Authorization": "Bearer a-token-that-is-long-enough"}
    for method, target in [("GET", "/cache/k"), ("PUT", "/cache/k"), ("DELETE", "/cache/k"), ("POST", "/cache/k/incr"), ("POST", "/cache?tag=t")]:
        body = b"x" if method == "PUT" else None
        assert larder.admin(method, target, body=body).status == 401
        assert larder.admin(method, target, {"Authorization": "Bearer wrong"}, body).status == 401
        assert larder.admin(method, target, {**bearer, "Sec-Fetch-Site": "cross-site"}, body).status == 403
        assert larder.admin(method, target, {**bearer, "Origin": "http://evil.example"}, body).status == 403
    put(larder, "k", "x", headers=bearer)
    assert value(larder, "k", headers=bearer).body == b"x"
    assert larder.admin("GET", "/cache/k", {"Host": "evil.example"}).status == 401


def test_a_name_that_is_not_ours_is_refused(origin, serve):
    larder = serve(origin)
    put(larder, "k", "x")
    assert larder.admin("GET", "/cache/k", {"Host": "evil.example"}).status == 403
    assert larder.admin("GET", "/cache/k", {"Sec-Fetch-Site": "cross-site"}).status == 403


def test_a_purge_that_waits_holds_up_nothing(origin, serve, cache_ini):
    """A Larder that lives, and does not answer: who wants its receipt waits; others do not."""
    ini = cache_ini("memory, file", ROUTES)
    larder, other = serve(origin, ini), serve(origin, ini)
    for one in (larder, other):
        get(one, "/p")
    other.process.send_signal(19)
    try:
        with client.Connection(("127.0.0.1", larder.admin_port)) as c:
            c.send("POST", "/purge?tag=x&wait=1")
            for _ in range(5):
                began = time.monotonic()
                assert larder.admin("GET", "/health").status == 200 and time.monotonic() - began < 0.5 * slack()
            assert c.final_head().status == 200
    finally:
        other.process.send_signal(18)


# --- what docs/tiers.md says ---

def block(language, larder):
    """The examples in the section about values, with the port of this Larder."""
    with open(os.path.join(TOP, "docs", "tiers.md"), encoding="utf-8") as f:
        section = f.read().split("## Values for programs in other languages\n")[1].split("\n## ")[0]
    return re.search(rf"```{language}\n(.*?)```", section, re.S).group(1).replace(":8081", f":{larder.admin_port}")


def test_the_commands_of_the_documentation(origin, serve):
    larder = serve(origin)
    for command in block("console", larder).split("$ ")[1:]:
        line, _, expected = command.partition("\n")
        done = subprocess.run(["sh", "-c", line.replace("curl", "curl -s", 1)], capture_output=True, text=True, timeout=20)
        assert done.returncode == 0 and done.stdout.strip() == expected.strip(), (line, done.stdout, done.stderr)


def test_the_program_of_the_documentation(origin, serve):
    larder = serve(origin)
    names = {}
    exec(block("python", larder), names)  # pylint: disable=exec-used
    computed = []

    def compute():
        computed.append(1)
        time.sleep(0.3)
        return b"result"

    with ThreadPoolExecutor(6) as pool:
        results = [pool.submit(names["remember"], "a key/1", 60, compute) for _ in range(6)]
        assert [r.result() for r in results] == [b"result"] * 6
    assert len(computed) == 1 and value(larder, "a%20key/1").body == b"result"

    def fail():
        raise ValueError

    with pytest.raises(ValueError):
        names["remember"]("failing", 60, fail)
    assert names["remember"]("failing", 60, compute) == b"result"
    larder.stop()
    assert names["remember"]("a key/1", 60, compute) == b"result" and len(computed) == 3

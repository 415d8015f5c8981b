"""Many visitors at once for some seconds, of all kinds, among purges and reloads: none of them ever sees another."""
import random
import threading
import time

import pytest

from browser import Browser, Page, common
from larder import slack

INI = """
    [cache]
    pass_ttl = 1s
    [route /*]
    ttl = 1s
    stale_while_revalidate = 1s
    token = asok
    set_cookie = strip
    max_object = 60K
    [route /kept*]
    ttl = 1s
    token = asok
    set_cookie = strip
    csp_nonce = keep
    """
TARGETS = ["/page?etag=1", "/page?sleep=0.05&size=30000", "/page?size=90000", "/page?gzip=1&size=3000", "/page?vary=Cookie", "/page?sid=1",
           "/page?n=1200&sleep=0.05", "/page?token=base64", "/kept?etag=1", "/page?cc=no-store", "/page?stream=1"]
SECONDS, THREADS = 5, 12


@pytest.fixture(scope="module")
def app(start_app):
    return start_app("asok_app:application")


class Visits(threading.Thread):
    """One visitor after the other; what each was sent that could be a secret."""

    def __init__(self, larder, number, end):
        super().__init__(daemon=True)
        self.larder, self.dice, self.end, self.seen, self.problems = larder, random.Random(number), end, [], []
        self.number = number

    def visit(self, n):
        dice, one = self.dice, Browser(self.larder)
        target = dice.choice(TARGETS)
        if dice.random() < 0.5 and "base64" not in target:
            one.cookies = {"asok_sid": f"{self.number:08x}{n:024x}", "asok_csrf": f"{self.number:08x}{n:056x}"}
        if dice.random() < 0.3:
            one.headers["Accept-Encoding"] = "gzip"
        for _ in range(dice.randint(1, 3)):
            kind = dice.random()
            if kind < 0.1:
                with self.larder.connect() as c:  # leaves early
                    c.send("GET", target, one.fields())
                    time.sleep(dice.random() / 20)
                continue
            if kind < 0.2:
                assert one.request("HEAD", target).status == 200
                continue
            headers = {}
            if kind < 0.3:
                headers["Range"] = "bytes=0-50"
            elif kind < 0.4 and one.page and one.page.response["ETag"]:
                headers["If-None-Match"] = one.page.response["ETag"]
            answer = one.request("GET", target, headers)
            if answer.status == 304:
                continue
            assert answer.status == 200 and answer.whole, answer
            one.page = Page(answer)
            assert one.page.tokens() == {one.cookies["asok_csrf"]}, (target, one.cookies, answer)
            assert len(one.page.nonces()) == 1, (target, one.page.nonces())
            if dice.random() < 0.2:
                assert one.post().body == b"saved"
        self.seen.append((target, one.words))

    def run(self):
        n = 0
        while time.monotonic() < self.end and not self.problems:
            n += 1
            try:
                self.visit(n)
            except (AssertionError, OSError) as problem:
                self.problems.append(repr(problem))


def test_none_sees_another(app, serve):
    larder = serve(app, INI)
    everybody = set().union(*(common(app, t) for t in TARGETS))
    end = time.monotonic() + SECONDS * min(slack(), 2)
    visits = [Visits(larder, i, end) for i in range(THREADS)]
    for v in visits:
        v.start()
    while time.monotonic() < end:
        time.sleep(0.4)
        larder.purge("all=1&soft=1" if random.random() < 0.5 else "all=1")
        larder.reload(INI)
    for v in visits:
        v.join(60)
        assert not v.is_alive()
    problems = [p for v in visits for p in v.problems]
    assert not problems, problems[0]
    owner, hits = {}, larder.stats()["outcomes"]
    for number, v in enumerate(visits):
        for n, (target, words) in enumerate(v.seen):
            for word in words - everybody:
                was = owner.setdefault(word, (number, n, target))
                is_nonce = was[2] == target and target.startswith("/kept") and word.endswith("==")  # the same for all there
                assert was == (number, n, target) or is_nonce, f"{word} of {was} came to {(number, n, target)}"
    assert sum(len(v.seen) for v in visits) > 50
    assert hits["collapsed"] > 0 and hits["hit"] + hits["stale"] > 20, hits

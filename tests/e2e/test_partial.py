"""Parts of what is not stored as a whole: kept as parts, served as parts, put together when they are of one representation."""
import random

import pytest

from larder import wait_until

CONTENT = random.Random(1).randbytes(100_000)


class Cut:
    """An origin's page that obeys Range."""

    def __init__(self, origin, path, content=CONTENT, **headers):
        self.content, self.headers = content, {"ETag": '"v1"', "Cache-Control": "max-age=60", **headers}

        @origin.on(path)
        def handler(request, reply):
            asked = request["Range"]
            condition = request["If-Range"]
            if not asked or (condition and condition != self.headers.get("ETag")):
                reply.send(200, self.headers, self.content)
                return
            first, _, last = asked.removeprefix("bytes=").partition("-")
            size = len(self.content)
            first, last = (max(size - int(last), 0), size - 1) if not first else (int(first), int(last or size - 1))
            last = min(last, size - 1)
            reply.send(206, {**self.headers, "Content-Range": f"bytes {first}-{last}/{size}"}, self.content[first:last + 1])


def part(larder, path, asked, **headers):
    return larder.get(path, {"Range": f"bytes={asked}", **headers})


def stored_part(larder, path, asked):
    """The same, and waits until it has been stored."""
    before = larder.metric("larder_cache_stores_total")
    answer = part(larder, path, asked)
    wait_until(lambda: larder.metric("larder_cache_stores_total") > before, f"{asked} of {path} to be stored")
    return answer


def test_part_is_kept_and_serves_parts(origin, serve):
    Cut(origin, "/p")
    larder = serve(origin)
    first = stored_part(larder, "/p", "1000-1999")
    assert (first.status, first["Content-Range"], first.body) == (206, "bytes 1000-1999/100000", CONTENT[1000:2000])
    assert not first.hit and first.cache["stored"] is True
    for asked, at in (("1000-1999", (1000, 2000)), ("1500-1500", (1500, 1501)), ("1200-1999", (1200, 2000))):
        again = part(larder, "/p", asked)
        assert (again.status, again.hit, again.body) == (206, True, CONTENT[slice(*at)])
        assert again["Content-Range"] == f"bytes {at[0]}-{at[1] - 1}/100000"
    assert origin.count("/p") == 1
    beyond = part(larder, "/p", "1500-2500")
    assert beyond.cache["fwd"] == "partial" and beyond.body == CONTENT[1500:2501] and origin.count("/p") == 2


def test_parts_are_put_together(origin, serve):
    """RFC 9111 3.4-1: the fields of the part that came last are those of all."""
    page = Cut(origin, "/p")
    larder = serve(origin)
    for first in (50_000, 0, 25_000, 75_000):
        page.headers["X-Part"] = str(first)
        stored_part(larder, "/p", f"{first}-{first + 25_009}")
    assert origin.count("/p") == 4
    whole = larder.get("/p")
    assert (whole.status, whole.hit, whole.body, whole["X-Part"]) == (200, True, CONTENT, "75000")
    assert origin.count("/p") == 4
    assert part(larder, "/p", "24000-60000").body == CONTENT[24_000:60_001]
    assert larder.entries() == 1


def test_parts_of_two_versions_are_not(origin, serve):
    page = Cut(origin, "/p")
    larder = serve(origin)
    stored_part(larder, "/p", "0-49999")
    page.content, page.headers["ETag"] = CONTENT[::-1], '"v2"'
    stored_part(larder, "/p", "50000-")
    assert larder.get("/p").body == CONTENT[::-1]


def test_parts_without_a_strong_validator_are_not(origin, serve):
    Cut(origin, "/p", ETag='W/"v1"')
    larder = serve(origin)
    stored_part(larder, "/p", "0-49999")
    stored_part(larder, "/p", "50000-")
    assert not larder.get("/p").hit
    assert larder.get("/p").body == CONTENT


def test_part_is_no_page(origin, serve):
    Cut(origin, "/p")
    larder = serve(origin)
    stored_part(larder, "/p", "10-19")
    whole = larder.get("/p")
    assert (whole.status, whole.body, whole.hit) == (200, CONTENT, False)
    larder.stored("/p")
    assert part(larder, "/p", "0-9").hit


@pytest.mark.parametrize("purge", ["url=http://127.0.0.1:%d/p", "tag=t", "prefix=/"])
def test_purge_takes_parts(origin, serve, purge):
    Cut(origin, "/p", **{"Cache-Tag": "t"})
    larder = serve(origin)
    stored_part(larder, "/p", "10-19")
    assert larder.purge(purge.replace("%d", str(larder.port)))["purged"] == 1
    assert not part(larder, "/p", "10-19").hit


def test_part_that_nobody_asked_for_is_not_stored(origin, serve):
    @origin.on("/p")
    def handler(request, reply):
        reply.send(206, {"Content-Range": "bytes 0-9/100", "ETag": '"v1"', "Cache-Control": "max-age=60"}, CONTENT[:10])
    larder = serve(origin)
    for _ in range(2):
        answer = larder.get("/p")
        assert (answer.status, answer.body, answer.hit) == (206, CONTENT[:10], False)
    assert not part(larder, "/p", "0-9").hit


def test_refusal_is_not_stored(origin, serve):
    @origin.on("/p")
    def handler(request, reply):
        if request["Range"]:
            reply.send(416, {"Content-Range": "bytes */10", "Cache-Control": "max-age=60"})
        else:
            reply.send(200, {"Cache-Control": "max-age=60"}, b"0123456789")
    larder = serve(origin)
    assert part(larder, "/p", "10-").status == 416
    assert larder.get("/p").status == 200


def test_origin_that_ignores_ranges(origin, serve):
    origin.page("/p", CONTENT, headers={"Cache-Control": "max-age=60"})
    larder = serve(origin)
    first = part(larder, "/p", "5-9")
    assert (first.status, first.body) in ((206, CONTENT[5:10]), (200, CONTENT))
    larder.stored("/p")
    assert origin.count("/p") == 1


def test_who_asks_for_the_same_part_shares_it(origin, serve):
    Cut(origin, "/p")
    larder = serve(origin)
    answers = larder.at_once(20, "/p", {"Range": "bytes=0-"})
    assert {(a.status, a.body) for a in answers} == {(206, CONTENT)}
    assert origin.count("/p") == 1
    assert larder.stored("/p").body == CONTENT and origin.count("/p") == 1


def test_full_request_completes_a_part(origin, serve):
    Cut(origin, "/p")
    larder = serve(origin)
    stored_part(larder, "/p", "0-39999")
    whole = larder.get("/p")
    assert (whole.status, whole.body, whole["Content-Range"]) == (200, CONTENT, None)
    assert (origin.last("/p")["Range"], origin.last("/p")["If-Range"]) == ("bytes=40000-", '"v1"')
    assert larder.stored("/p").body == CONTENT and origin.count("/p") == 2


def test_part_of_an_old_version_is_not_completed(origin, serve):
    page = Cut(origin, "/p")
    larder = serve(origin)
    stored_part(larder, "/p", "0-39999")
    page.content, page.headers["ETag"] = CONTENT[::-1], '"v2"'
    assert larder.get("/p").body == CONTENT[::-1]
    assert larder.stored("/p").body == CONTENT[::-1]


def test_part_without_validator_is_not_completed(origin, serve):
    Cut(origin, "/p", ETag="none")  # no entity tag: nothing says that both are of one version
    larder = serve(origin)
    stored_part(larder, "/p", "0-39999")
    assert larder.stored("/p").body == CONTENT
    assert origin.last("/p")["Range"] is None


def test_whole_behind_a_part(origin, serve):
    Cut(origin, "/p")
    larder = serve(origin, "[route /*]\nrange_miss = whole")
    assert part(larder, "/p", "7-9").body == CONTENT[7:10]
    wait_until(lambda: part(larder, "/p", "90000-").hit, "the whole to be stored")
    assert larder.get("/p").hit

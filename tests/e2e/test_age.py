"""Age: what the origin's says of freshness (RFC 9111 4.2.3, 5.1), and the one that the client gets."""
from reuse import FUTURE, assert_reuse, date, is_reused

LIVES = {"Cache-Control": "max-age=3600"}


def test_ages_of_the_origin(origin, serve):
    assert_reuse(origin, serve(origin), [
        ("below the lifetime", {**LIVES, "Age": "1800"}, True),
        ("the lifetime", {**LIVES, "Age": "3600"}, False),
        ("beyond it", {**LIVES, "Age": "7200"}, False),
        ("leading zeros", {**LIVES, "Age": "007200"}, False),
        ("2^31 - 1", {**LIVES, "Age": "2147483647"}, False),
        ("2^31", {**LIVES, "Age": "2147483648"}, False),
        ("2^32", {**LIVES, "Age": "4294967296"}, False),
        ("RFC 9111 1.2.2-1: 2^32 + 1 does not wrap around", {**LIVES, "Age": "4294967297"}, False),
        ("RFC 9111 1.2.2-1: 2^64 + 1 does not wrap around", {**LIVES, "Age": "18446744073709551617"}, False),
        ("RFC 9111 1.2.2-1: 40 digits", {**LIVES, "Age": "9" * 40}, False),
        ("a lifetime of 2^64 + 1 is long", {"Cache-Control": "max-age=18446744073709551617", "Age": "7200"}, True),
        ("RFC 9111 5.1-2: letters", {**LIVES, "Age": "abc"}, True),
        ("RFC 9111 5.1-2: negative", {**LIVES, "Age": "-7200"}, True),
        ("RFC 9111 5.1-2: a plus sign", {**LIVES, "Age": "+7200"}, True),
        ("RFC 9111 5.1-2: a fraction", {**LIVES, "Age": "7200.0"}, True),
        ("RFC 9111 5.1-2: quoted", {**LIVES, "Age": '"7200"'}, True),
        ("RFC 9111 5.1-2: a parameter", {**LIVES, "Age": "7200;foo=bar"}, True),
        ("RFC 9111 5.1-2: letters behind", {**LIVES, "Age": "7200s"}, True),
        ("RFC 9111 5.1-2: empty", {**LIVES, "Age": ""}, True),
        ("RFC 9111 5.1-1: old, then new", {**LIVES, "Age": "7200, 0"}, False),
        ("RFC 9111 5.1-1: new, then old", {**LIVES, "Age": "0, 7200"}, True),
        ("RFC 9111 5.1-1: old, then new, in two lines", {**LIVES, "Age": ["7200", "0"]}, False),
        ("RFC 9111 5.1-1: new, then old, in two lines", {**LIVES, "Age": ["0", "7200"]}, True),
        ("RFC 9111 5.1-2: invalid, then old: the first counts, and is ignored", {**LIVES, "Age": "abc, 7200"}, True),
        ("it counts against Expires", {"Expires": date(3600), "Age": "7200"}, False),
        ("it counts against s-maxage", {"Cache-Control": "s-maxage=3600", "Age": "7200"}, False),
        ("it counts against a heuristic", {"Last-Modified": date(-86400), "Age": "86400"}, False),
    ])


def test_a_page_from_the_store_has_its_age(origin, serve):
    """RFC 9111 4-6: Age is there, once, and goes on from the origin's."""
    origin.page("/p", headers={**LIVES, "Age": "1000"})
    larder = serve(origin)
    first = larder.stored("/p")
    assert first.all("Age") == ["1000"]
    again = larder.get("/p")
    assert len(again.all("Age")) == 1 and 1000 <= int(again["Age"]) <= 1010
    assert int(again["Age"]) + int(again.cache["ttl"]) in (3599, 3600)


def test_the_delay_of_the_response_counts(origin, serve):
    """RFC 9111 4.2.3-1: the age is counted from the request on, not from the arrival."""
    origin.page("/p", headers={"Cache-Control": "max-age=60", "Age": "10"}, delay=1.2)
    larder = serve(origin)
    larder.stored("/p")
    assert int(larder.get("/p")["Age"]) >= 11


def test_a_pass_through_keeps_the_origins_age(origin, serve):
    larder = serve(origin)
    for value in ("5", "005", "abc", "99999999999999999999"):
        origin.page("/p", headers={"Cache-Control": "no-store", "Age": value})
        assert larder.get("/p").all("Age") == [value]


def test_a_date_that_is_old_makes_the_page_old(origin, serve):
    """The apparent age (RFC 9111 4.2.3) counts: caches on the way may know no Age."""
    origin.page("/p", headers={"Cache-Control": "max-age=3600", "Date": date(-7200)})
    origin.page("/future", headers={"Cache-Control": "max-age=3600", "Date": date(7200)})
    origin.page("/expires", headers={"Expires": date(-3600), "Date": date(-7200)})
    larder = serve(origin)
    assert is_reused(origin, larder, "/future")
    assert not is_reused(origin, larder, "/expires"), "an Expires that is past, though it is later than Date"
    origin.page("/far", headers={"Expires": FUTURE, "Date": date(-7200)})
    assert is_reused(origin, larder, "/far")

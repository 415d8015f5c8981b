"""How long a response is fresh (RFC 9111 4.2, 5.2.2, 5.3): lifetimes, their precedence, their syntax, dates."""
import pytest

from larder import wait_until
from reuse import FUTURE, PAST, assert_reuse, date


def cc(value):
    return {"Cache-Control": value}


def test_lifetimes_and_their_order(origin, serve):
    assert_reuse(origin, serve(origin), [
        ("RFC 9111 5.2.2-1: max-age", cc("max-age=100"), True),
        ("RFC 9111 5.2.2-1: max-age=0", cc("max-age=0"), False),
        ("s-maxage", cc("s-maxage=100"), True),
        ("s-maxage before max-age", cc("max-age=0, s-maxage=100"), True),
        ("s-maxage before max-age, downwards", cc("max-age=100, s-maxage=0"), False),
        ("Expires", {"Expires": FUTURE}, True),
        ("Expires in the past", {"Expires": PAST}, False),
        ("Expires that equals Date", {"Expires": date(-60), "Date": date(-60)}, False),
        ("Expires counts from Date", {"Expires": date(50), "Date": date(0), "Age": "100"}, False),
        ("RFC 9111 5.3-2: max-age, not an Expires that is past", {**cc("max-age=100"), "Expires": PAST}, True),
        ("RFC 9111 5.3-2: max-age=0, not an Expires to come", {**cc("max-age=0"), "Expires": FUTURE}, False),
        ("RFC 9111 5.3-3: s-maxage, not an Expires that is past", {**cc("s-maxage=100"), "Expires": PAST}, True),
        ("RFC 9111 5.3-3: s-maxage=0, not an Expires to come", {**cc("s-maxage=0"), "Expires": FUTURE}, False),
        ("RFC 9111 5.2.2-1: no-store beside max-age", cc("max-age=100, no-store"), False),
        ("RFC 9111 5.2.2-1: private beside max-age", cc("private, max-age=100"), False),
        ("nothing at all", {}, False),
    ])


def test_syntax_of_directives(origin, serve):
    assert_reuse(origin, serve(origin), [
        ("names in any case", cc("MAX-aGe=100"), True),
        ("no-store in any case", cc("max-age=100, NO-store"), False),
        ("leading zeros", cc("max-age=000100"), True),
        ("RFC 9111 1.2.2-1: 2^31", cc("max-age=2147483648"), True),
        ("RFC 9111 1.2.2-1: 2^32", cc("max-age=4294967296"), True),
        ("RFC 9111 1.2.2-1: 2^64 + 1", cc("max-age=18446744073709551617"), True),
        ("RFC 9111 5.2: recipients ought to accept both forms: quoted", cc('max-age="100"'), True),
        ("quoted, and no number", cc('max-age="100x"'), False),
        ("in single quotes", cc("max-age='100'"), False),
        ("negative", cc("max-age=-100"), False),
        ("a plus sign", cc("max-age=+100"), False),
        ("a fraction", cc("max-age=100.0"), False),
        ("letters behind", cc("max-age=100a"), False),
        ("letters before", cc("max-age=a100"), False),
        ("hexadecimal", cc("max-age=0x64"), False),
        ("a blank before =", cc("max-age =100"), False),
        ("a blank behind =", cc("max-age= 100"), False),
        ("no value", cc("max-age"), False),
        ("RFC 9111 5.2.3-1: unknown directives before and behind", cc("foo, max-age=100, bar=1, baz=\"x\""), True),
        ("RFC 9111 5.2.3-1: longer names", cc("xmax-age=100"), False),
        ("a directive in a quoted string", cc('foo="max-age=100"'), False),
        ("no-store in a quoted string", cc('max-age=100, foo="a, no-store, b"'), True),
        ("no-store behind an escaped quote", cc('max-age=100, foo="\\", no-store, \\""'), True),
        ("two lines", cc(["foo", "max-age=100"]), True),
        ("two lines, one forbids", cc(["max-age=100", "no-store"]), False),
        ("the shorter of two", cc("max-age=100, max-age=0"), False),
        ("the shorter of two, first", cc("max-age=0, max-age=100"), False),
        ("the shorter of two lines", cc(["max-age=100", "max-age=0"]), False),
        ("empty elements", cc(", ,max-age=100,, "), True),
        ("tabs", cc("foo,\tmax-age=100\t"), True),
    ])


@pytest.mark.parametrize("field", ["Expires", "Last-Modified"])
def test_forms_of_a_date(origin, serve, field):
    """The three forms (RFC 9110 5.6.7) with their exact widths."""
    year = "2044" if field == "Expires" else "1994"
    short, day, long = ("44", "Sun", "Sunday") if field == "Expires" else ("94", "Sun", "Sunday")
    assert_reuse(origin, serve(origin), [
        ("IMF-fixdate", {field: f"{day}, 06 Nov {year} 08:49:37 GMT"}, True),
        ("RFC 850", {field: f"{long}, 06-Nov-{short} 08:49:37 GMT"}, True),
        ("asctime", {field: f"{day} Nov  6 08:49:37 {year}"}, True),
        ("RFC 9111 4.2-1: lower case", {field: f"{day}, 06 nov {year} 08:49:37 gmt".lower()}, True),
        ("RFC 9111 4.2-1: upper case", {field: f"{day}, 06 Nov {year} 08:49:37 GMT".upper()}, True),
        ("RFC 9111 4.2-4: UTC", {field: f"{day}, 06 Nov {year} 08:49:37 UTC"}, False),
        ("RFC 9111 4.2-4: AEST", {field: f"{day}, 06 Nov {year} 08:49:37 AEST"}, False),
        ("RFC 9111 4.2-4: an offset", {field: f"{day}, 06 Nov {year} 08:49:37 +0100"}, False),
        ("RFC 9111 4.2-4: no zone", {field: f"{day}, 06 Nov {year} 08:49:37"}, False),
        ("one digit for the day", {field: f"{day}, 6 Nov {year} 08:49:37 GMT"}, False),
        ("one digit for the hour", {field: f"{day}, 06 Nov {year} 8:49:37 GMT"}, False),
        ("two digits for the year", {field: f"{day}, 06 Nov {short} 08:49:37 GMT"}, False),
        ("two blanks", {field: f"{day},  06 Nov {year} 08:49:37 GMT"}, False),
        ("dots for colons", {field: f"{day}, 06 Nov {year} 08.49.37 GMT"}, False),
        ("no comma", {field: f"{day} 06 Nov {year} 08:49:37 GMT"}, False),
    ])


def test_what_is_no_date_is_past(origin, serve):
    larder = serve(origin)
    old = {"Last-Modified": date(-864000)}
    assert_reuse(origin, larder, [
        (f"RFC 9111 5.3-1: {value!r} has expired, and allows no heuristic", {**old, "Expires": value}, False)
        for value in ("0", "", "-1", "never", "1000", "Sun, 06 Nov 2044", '"Sun, 06 Nov 2044 08:49:37 GMT"')
    ] + [
        ("two that differ", {**old, "Expires": [FUTURE, date(1000)]}, False),
        ("two, one of them invalid", {**old, "Expires": [FUTURE, "0"]}, False),
    ])


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Los_Angeles", "XXX-12"])
def test_the_local_time_zone_does_not_matter(origin, serve, zone):
    """RFC 9111 4.2-3: ages and expirations are in GMT wherever the program runs."""
    larder = serve(origin, env={"TZ": zone})
    origin.page("/p", headers={"Expires": date(1000), "Date": date(0)})
    larder.stored("/p")
    answer = larder.get("/p")
    assert 980 <= int(answer.cache["ttl"]) <= 1001 and int(answer["Age"]) <= 10


def test_a_second_is_the_resolution(origin, serve):
    """RFC 9111 4.2-2: an Expires is the very second it says, not a later one."""
    larder = serve(origin)
    now = date(0)
    origin.page("/p", headers={"Expires": now, "Date": now, "ETag": '"v"'})
    for n in (1, 2, 3):
        assert larder.get("/p").status == 200 and origin.count("/p") == n


def test_it_goes_stale_by_itself(origin, serve):
    """RFC 9111 4-5: what was fresh is asked for again when its time is over."""
    larder = serve(origin)
    origin.page("/p", headers=cc("max-age=1"))
    larder.stored("/p")
    wait_until(lambda: larder.get("/p").body != b"/p #1", "the page to be stale")

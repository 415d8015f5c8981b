"""Targeted control (RFC 9213): a valid CDN-Cache-Control or Larder-Cache-Control alone decides, in both directions."""
import pytest

from reuse import FUTURE, PAST, assert_reuse


@pytest.mark.parametrize("field", ["CDN-Cache-Control", "Larder-Cache-Control"])
def test_it_alone_decides(origin, serve, field):
    assert_reuse(origin, serve(origin), [
        ("max-age makes it fresh", {field: "max-age=100"}, True),
        ("no-store forbids", {field: "no-store"}, False),
        ("private forbids", {field: "private, max-age=100"}, False),
        ("RFC 9213 2.2-1: max-age over no-store", {field: "max-age=100", "Cache-Control": "no-store"}, True),
        ("RFC 9213 2.2-1: max-age over private", {field: "max-age=100", "Cache-Control": "private"}, True),
        ("RFC 9213 2.2-1: max-age over max-age=0", {field: "max-age=100", "Cache-Control": "max-age=0"}, True),
        ("RFC 9213 2.2-1: max-age over s-maxage=0", {field: "max-age=100", "Cache-Control": "s-maxage=0"}, True),
        ("RFC 9213 2.2-1: max-age over an Expires that is past", {field: "max-age=100", "Expires": PAST}, True),
        ("RFC 9213 2.2-2: max-age=0 over max-age", {field: "max-age=0", "Cache-Control": "max-age=100"}, False),
        ("RFC 9213 2.2-2: no-store over max-age", {field: "no-store", "Cache-Control": "max-age=100"}, False),
        ("RFC 9213 2.2-2: private over max-age", {field: "private", "Cache-Control": "max-age=100"}, False),
        ("RFC 9213 2.2-2: max-age=0 over Expires", {field: "max-age=0", "Expires": FUTURE}, False),
        ("RFC 9213 2.2-2: without a lifetime of its own, Expires does not count", {field: "must-revalidate", "Expires": FUTURE}, False),
        ("RFC 9213 2.2-4: no-store makes max-age inoperative", {field: "max-age=100, no-store"}, False),
        ("Age counts", {field: "max-age=100", "Age": "200"}, False),
        ("an Age below the lifetime", {field: "max-age=100", "Age": "50"}, True),
        ("unknown directives are ignored", {field: "max-age=100, foo, bar=1"}, True),
        ("parameters are ignored", {field: "max-age=100;x=1;no-store"}, True),
        ("several lines are one dictionary", {field: ["foo", "max-age=100"]}, True),
        ("the last of two members of a name counts", {field: "max-age=0, max-age=100"}, True),
        ("RFC 9213 2.2-5: s-maxage counts before max-age", {field: "max-age=0, s-maxage=100"}, True),
        ("RFC 9213 2.2-5: must-understand lifts no-store", {field: "max-age=100, no-store, must-understand"}, True),
        ("a huge number", {field: "max-age=999999999999999"}, True),
        ("its name in another case", {field.upper(): "max-age=100"}, True),
    ])


@pytest.mark.parametrize("value", [
    "max-age=100, =", "max-age =100", "max-age= 100", "MAX-AGE=100", "max-age=100,", "max-age=100 no-store", 'max-age="100', "",
    "max-age=100;;x", "max-age=1000000000000000000", "@"])
def test_what_does_not_parse_is_ignored(origin, serve, value):
    """RFC 9213 2.1-1: it is as if the field were not there."""
    field = "CDN-Cache-Control"
    assert_reuse(origin, serve(origin), [
        ("Cache-Control permits", {field: value, "Cache-Control": "max-age=100"}, True),
        ("Cache-Control forbids", {field: value, "Cache-Control": "no-store"}, False),
        ("Expires permits", {field: value, "Expires": FUTURE}, True),
    ])


@pytest.mark.parametrize("value", ["max-age", 'max-age="100"', "max-age=100.0", "max-age=?1", "max-age=abc", "max-age=-100", "max-age=(100)",
                                   "max-age='100'"])
def test_a_lifetime_of_the_wrong_type_is_none(origin, serve, value):
    """RFC 9213 2.1-2: a max-age that is no integer is not taken for one."""
    assert_reuse(origin, serve(origin), [
        ("without another", {"CDN-Cache-Control": value}, False),
        ("over no-store", {"CDN-Cache-Control": value, "Cache-Control": "no-store"}, False),
    ])


def test_the_nearer_target_comes_first(origin, serve):
    """RFC 9213 2.2-1: the first field of the list that is valid."""
    near, cdn = "Larder-Cache-Control", "CDN-Cache-Control"
    assert_reuse(origin, serve(origin), [
        ("the near one permits", {near: "max-age=100", cdn: "no-store"}, True),
        ("the near one forbids", {near: "no-store", cdn: "max-age=100"}, False),
        ("an invalid near one is as if it were not there", {near: "max-age=100 =", cdn: "no-store", "Cache-Control": "max-age=100"}, False),
        ("an invalid near one, and the other permits", {near: "=", cdn: "max-age=100", "Cache-Control": "no-store"}, True),
    ])


def test_the_fields_of_others_change_nothing_and_are_forwarded(origin, serve):
    """RFC 9213 2.2-3: a target that is not ours is passed through."""
    larder = serve(origin)
    assert_reuse(origin, larder, [
        ("another CDN permits", {"Other-Cache-Control": "max-age=100"}, False),
        ("another CDN forbids", {"Other-Cache-Control": "no-store", "Cache-Control": "max-age=100"}, True),
    ])
    origin.page("/p", headers={"Other-Cache-Control": "max-age=5", "CDN-Cache-Control": "max-age=100", "Cache-Control": "max-age=7"})
    larder.stored("/p")
    answer = larder.get("/p")
    assert (answer["Other-Cache-Control"], answer["CDN-Cache-Control"], answer["Cache-Control"]) == ("max-age=5", "max-age=100", "max-age=7")

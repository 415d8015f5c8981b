"""The query in the key: which parameters make a page another one. The origin always gets the raw target."""
import pytest


@pytest.mark.parametrize("option, one, other, same", [
    ("", "/p?a=1", "/p?a=2", False),
    ("", "/p?a=1&b=2", "/p?b=2&a=1", False),
    ("query_sort = on", "/p?a=1&b=2", "/p?b=2&a=1", True),
    ("", "/p?a=1", "/p?a=1&utm_source=news", True),
    ("", "/p", "/p?fbclid=x", True),
    ("", "/p?gclid=1&a=1", "/p?a=1", True),
    ("query = all", "/p", "/p?fbclid=x", False),
    ("query = none", "/p?a=1", "/p?b=2", True),
    ("query = only page, lang", "/p?page=2&x=1", "/p?page=2&x=2", True),
    ("query = only page, lang", "/p?page=2", "/p?page=3", False),
    ("query = without x_*, session", "/p?a=1&x_y=1&session=2", "/p?a=1", True),
    ("query = without x_*", "/p?xy=1", "/p", False),
    ("", "/p/%7Euser", "/p/~user", True),
    ("", "/p/a%2Fb", "/p/a/b", False),
    ("", "/p//b", "/p/b", False),
    ("", "/p/%c3%a4", "/p/%C3%A4", True),
])
def test_key(origin, serve, option, one, other, same):
    origin.page("/p*")
    larder = serve(origin, f"[route /*]\nttl = 60s\n{option}")
    larder.stored(one)
    assert origin.requests[-1].target == one
    answer = larder.get(other)
    assert answer.hit == same
    if not same:
        assert origin.requests[-1].target == other


def test_host_is_part_of_the_key(origin, serve):
    origin.page("/p")
    larder = serve(origin, "[route /*]\nttl = 60s")
    larder.stored("/p", {"Host": "one.example"})
    assert not larder.get("/p", {"Host": "two.example"}).hit
    assert larder.get("/p", {"Host": "ONE.example"}).hit


def test_dot_segments_may_hit_but_are_not_stored(origin, serve):
    """Not every origin resolves them: what one answers to /x/../p must not become the page of /p."""
    origin.page("/*")
    larder = serve(origin, "[route /*]\nttl = 60s")
    assert larder.get("/x/../p").body == b"/x/../p #1"
    assert larder.stored("/p").body == b"/p #1"
    assert larder.get("/x/../p").body == b"/p #1"
    assert larder.logged("/x/../p", reason="dot-segments")["verdict"] in ("miss", "pass")

"""Targeted cache control (RFC 9213): what is said to caches like this one counts over what is said to all."""
import pytest

CC, CDN, OWN = "Cache-Control", "CDN-Cache-Control", "Larder-Cache-Control"


@pytest.mark.parametrize("headers, hit", [
    ({CC: "no-store", CDN: "max-age=60"}, True),
    ({CC: "max-age=60", CDN: "no-store"}, False),
    ({CC: "max-age=60", "Expires": "Thu, 01 Jan 2099 00:00:00 GMT", CDN: "max-age=0"}, False),
    ({CDN: "no-store", OWN: "max-age=60"}, True),
    ({CC: "max-age=60", OWN: "private", CDN: "max-age=60"}, False),
    ({CC: "no-store", CDN: 'max-age="60"'}, False),
    ({CC: "max-age=60", CDN: "No-Store"}, True),
    ({CC: "max-age=60", CDN: ""}, True),
    ({CC: "no-store", "Surrogate-Control": "max-age=60"}, False),
])
def test_which_field_decides(origin, serve, headers, hit):
    origin.page("/p", headers=headers)
    larder = serve(origin)
    first, second = larder.get("/p"), larder.get("/p")
    assert second.hit == hit
    for name, value in headers.items():
        assert first[name] == second[name] == value, "clients get all of them"


def test_a_304_brings_a_new_one(origin, serve):
    def handler(request, reply):
        if request["If-None-Match"]:
            reply.send(304, {"ETag": '"a"', CDN: "max-age=60"})
        else:
            reply.send(200, {"ETag": '"a"', CC: "max-age=60", CDN: "max-age=0"}, b"content")
    origin.on("/p")(handler)
    larder = serve(origin)
    assert [larder.get("/p").hit for _ in range(3)] == [False, False, True]
    assert larder.get("/p")[CDN] == "max-age=60"


def test_surrogate_control_where_it_is_named(origin, serve):
    origin.page("/mine", headers={CC: "no-store", "Surrogate-Control": "max-age=60;larder"})
    origin.page("/other", headers={CC: "no-store", "Surrogate-Control": "max-age=60;other"})
    larder = serve(origin, "[cache]\ntargeted_control = Surrogate-Control")
    assert [larder.get("/mine").hit for _ in range(2)] == [False, True]
    assert [larder.get("/other").hit for _ in range(2)] == [False, False]
    assert origin.last("/mine")["Surrogate-Capability"] == 'larder="Surrogate/1.0"'


def test_none_leaves_it_to_cache_control(origin, serve):
    origin.page("/p", headers={CC: "max-age=60", CDN: "no-store"})
    larder = serve(origin, "[cache]\ntargeted_control = none")
    assert [larder.get("/p").hit for _ in range(2)] == [False, True]
    assert origin.last("/p")["Surrogate-Capability"] is None

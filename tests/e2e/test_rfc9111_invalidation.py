"""Unsafe methods make what is stored invalid (RFC 9111 4.4)."""
import pytest

UNSAFE = ["POST", "PUT", "DELETE", "PATCH", "M-SEARCH", "FOO"]


def pages(origin, larder, *paths):
    for path in paths:
        larder.stored(path)


@pytest.fixture
def site(origin, serve):
    """Pages that live long; other methods are answered as `site.answer` says."""
    class Site:
        larder = None
        answer = (200, {})

    def handler(request, reply):
        request.body()
        if request.method in ("GET", "HEAD"):
            reply.send(200, {"Cache-Control": "max-age=1000"}, f"{request.path} #{request.number}".encode())
        else:
            reply.send(Site.answer[0], Site.answer[1], b"done")
    origin.on("/*")(handler)
    Site.larder = serve(origin)
    return Site


@pytest.mark.parametrize("method", UNSAFE)
@pytest.mark.parametrize("status", [200, 201, 204, 303])
def test_its_url(site, origin, method, status):
    """RFC 9111 4.4-1: a non-error answer to an unsafe or unknown method."""
    site.larder.stored("/p")
    site.answer = (status, {})
    site.larder.request(method, "/p", body=b"x")
    assert origin.last("/p").method == method, "RFC 9111 4-7: it is written through"
    assert not site.larder.get("/p").hit


@pytest.mark.parametrize("method", ["POST", "DELETE", "FOO"])
@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_a_failed_one_does_not(site, method, status):
    site.larder.stored("/p")
    site.answer = (status, {})
    site.larder.request(method, "/p", body=b"x")
    assert site.larder.get("/p").hit


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE"])
def test_a_safe_one_does_not(site, method):
    """RFC 9110 9.2.1: the methods that are known to be safe."""
    site.larder.stored("/p")
    site.larder.request(method, "/p")
    assert site.larder.get("/p").hit


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "M-SEARCH"])
@pytest.mark.parametrize("field", ["Location", "Content-Location"])
def test_what_it_names_on_the_same_origin(site, method, field):
    site.larder.stored("/named")
    for value in ("/named", f"http://127.0.0.1:{site.larder.port}/named", "named"):
        site.larder.stored("/named")
        site.answer = (201, {field: value})
        site.larder.request(method, "/p", body=b"x")
        assert not site.larder.get("/named").hit, value


@pytest.mark.parametrize("field", ["Location", "Content-Location"])
def test_what_it_names_elsewhere_stays(site, field):
    """RFC 9111 4.4-2: nobody may invalidate the pages of another origin."""
    other = {"Host": "other.example"}
    site.larder.stored("/named", other)
    site.larder.stored("/named")
    for value in ("http://other.example/named", "//other.example/named"):
        site.answer = (201, {field: value})
        site.larder.request("POST", "/p", body=b"x")
        assert site.larder.get("/named", other).hit and site.larder.get("/named").hit


def test_all_variants_go(origin, serve):
    """RFC 9111 4.4-1: all stored responses of the URL."""
    def handler(request, reply):
        request.body()
        reply.send(200, {"Vary": "Accept-Language", "Cache-Control": "max-age=1000"}, (request["Accept-Language"] or "-").encode())
    origin.on("/p")(handler)
    larder = serve(origin)
    for language in ("de", "en"):
        larder.stored("/p", {"Accept-Language": language})
    larder.request("DELETE", "/p")
    for language in ("de", "en"):
        assert not larder.get("/p", {"Accept-Language": language}).hit


def test_a_fetch_under_way_does_not_bring_it_back(origin, serve):
    """What was asked for before the change and comes after it is not stored."""
    from origin import Gate
    gate = Gate()
    origin.page("/p", headers={"Cache-Control": "max-age=1000"}, gate=gate)
    larder = serve(origin)
    with larder.connect() as c:
        c.send("GET", "/p")
        gate.wait_reached()
        origin.page("/p", headers={"Cache-Control": "max-age=1000"})
        larder.request("POST", "/p", body=b"x")
        gate.open()
        assert c.read().status == 200
    assert not larder.get("/p").hit


def test_post_with_content_location_answers_later_gets(origin, serve):
    """A POST answer with explicit freshness and a Content-Location equal to its URL (RFC 9110 9.3.3)."""
    def handler(request, reply):
        request.body()
        fields = {"Cache-Control": "max-age=1000"}
        if request.method == "POST":
            fields["Content-Location"] = request.path
        reply.send(200, fields, f"{request.method} #{request.number}".encode())
    origin.on("/p")(handler)
    larder = serve(origin)
    assert larder.request("POST", "/p", body=b"x").body == b"POST #1"
    answer = larder.get("/p")
    assert answer.hit and answer.body == b"POST #1"
    assert larder.request("POST", "/p", body=b"x").body == b"POST #2", "RFC 9111 4-7: a POST is never answered from the store"

"""One URL, several pages: by the origin's Vary, by the route's vary and vary_cookie."""


def by_language(request):
    return (request["Accept-Language"] or "none").encode()


def test_origins_vary(origin, serve):
    origin.page("/p", body=by_language, headers={"Vary": "Accept-Language"})
    larder = serve(origin, "[route /*]\nttl = 60s")
    for language in ("de", "en"):
        larder.stored("/p", {"Accept-Language": language})
    for language in ("de", "en"):
        answer = larder.get("/p", {"Accept-Language": language})
        assert answer.hit and answer.text == language
    other = larder.get("/p", {"Accept-Language": "fr"})
    assert other.text == "fr" and not other.hit and other.cache["fwd"] == "vary-miss"
    assert origin.count("/p") == 3


def test_routes_vary(origin, serve):
    origin.page("/p", body=by_language)
    larder = serve(origin, "[route /*]\nttl = 60s\nvary = Accept-Language")
    for language in ("de", "en"):
        assert larder.stored("/p", {"Accept-Language": language}).text == language
    assert larder.get("/p", {"Accept-Language": "de"}).text == "de"
    assert origin.count("/p") == 2


def test_vary_cookie(origin, serve):
    origin.page("/p", body=lambda request: (request["Cookie"] or "none").encode())
    larder = serve(origin, "[route /*]\nttl = 60s\nvary_cookie = lang")
    assert larder.stored("/p", {"Cookie": "lang=de; session=1"}).text == "lang=de; session=1"
    assert larder.get("/p", {"Cookie": "session=2; lang=de"}).hit
    assert not larder.get("/p", {"Cookie": "session=2; lang=en"}).hit
    assert not larder.get("/p").hit


def test_concurrent_variants_get_their_own(origin, serve):
    import client
    origin.page("/p", body=by_language, headers={"Vary": "Accept-Language"}, delay=0.2)
    larder = serve(origin, "[route /*]\nttl = 60s")
    languages = ["de", "en", "fr", "it"] * 10
    answers = client.at_once(larder.port, [larder.bytes_of("/p", {"Accept-Language": x}) for x in languages])
    assert [a.text for a in answers] == languages


def test_stored_language_that_is_wanted_first(origin, serve):
    origin.page("/p", headers={"Vary": "Accept-Language", "Content-Language": "de"})
    larder = serve(origin, "[route /*]\nttl = 60s")
    larder.stored("/p", {"Accept-Language": "en, de"})
    assert larder.get("/p", {"Accept-Language": "fr;q=0.5, de;q=1.0"}).hit
    assert not larder.get("/p", {"Accept-Language": "fr, de;q=0.5"}).hit


def test_ever_other_values_push_no_other_page_out(origin, serve):
    origin.page("/p", headers={"Vary": "Foo"})
    origin.page("/other")
    larder = serve(origin, "[cache]\nmax_variants = 4\n[route /*]\nttl = 60s")
    larder.stored("/other")
    for n in range(30):
        larder.get("/p", {"Foo": str(n)})
    assert larder.get("/other").hit

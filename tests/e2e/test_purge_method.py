"""curl -X PURGE drops every variant of that URL, from allowed addresses only."""


def test_purge_drops_all_variants(origin, serve):
    origin.page("/p", headers={"Vary": "Accept-Language"})
    larder = serve(origin, "[route /*]\nttl = 60s")
    for language in ("de", "en"):
        larder.stored("/p", {"Accept-Language": language})
    assert larder.entries() == 2
    answer = larder.request("PURGE", "/p")
    assert answer.status == 200 and "2" in answer.text
    assert larder.entries() == 0 and origin.count("/p") == 2
    assert not larder.get("/p", {"Accept-Language": "de"}).hit
    assert larder.logged("/p", method="PURGE")["reason"] == "purge"


def test_purge_of_one_url_leaves_the_others(origin, serve):
    origin.page("/*")
    larder = serve(origin, "[route /*]\nttl = 60s")
    for target in ("/p", "/p?a=1", "/q"):
        larder.stored(target)
    larder.request("PURGE", "/p")
    assert not larder.get("/p").hit and larder.get("/p?a=1").hit and larder.get("/q").hit


def test_purge_of_what_is_not_there(origin, serve):
    larder = serve(origin)
    assert larder.request("PURGE", "/nothing").status in (200, 404)
    assert origin.count("/nothing") == 0


def test_purge_from_elsewhere_is_refused(origin, serve):
    origin.page("/p")
    larder = serve(origin, "[admin]\npurge_from = 10.0.0.0/8\n[route /*]\nttl = 60s")
    larder.stored("/p")
    answer = larder.request("PURGE", "/p")
    assert answer.status == 403
    assert larder.get("/p").hit and origin.count("/p") == 1
    assert larder.logged("/p", method="PURGE")["reason"] == "purge-denied"

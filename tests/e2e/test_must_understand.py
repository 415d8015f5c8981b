"""must-understand (RFC 9111 5.2.2.3): with a status whose rules we know it lifts no-store, with another it forbids."""
import pytest

from reuse import assert_reuse


@pytest.mark.parametrize("status", [200, 203, 301, 404, 410])
def test_of_a_known_status(origin, serve, status):
    assert_reuse(origin, serve(origin), [
        ("RFC 9111 5.2.2.3-2: no-store is ignored", {"Cache-Control": "max-age=100, no-store, must-understand"}, True),
        ("RFC 9111 5.2.2.3-2: in any order", {"Cache-Control": "must-understand, no-store, max-age=100"}, True),
        ("without no-store", {"Cache-Control": "max-age=100, must-understand"}, True),
        ("private stays forbidden", {"Cache-Control": "max-age=100, private, no-store, must-understand"}, False),
        ("no-store alone forbids", {"Cache-Control": "max-age=100, no-store"}, False),
    ], status=status)


@pytest.mark.parametrize("status", [218, 299, 499, 599])
def test_of_an_unknown_status(origin, serve, status):
    larder = serve(origin)
    origin.page("/plain", status=status, headers={"Cache-Control": "max-age=100"})
    larder.stored("/plain")
    for value in ("max-age=100, must-understand", "max-age=100, no-store, must-understand"):
        origin.page("/p", status=status, headers={"Cache-Control": value})
        for _ in range(3):
            answer = larder.get("/p")
            assert answer.status == status and not answer.hit, "RFC 9111 3-3: a status that is not understood is not stored"

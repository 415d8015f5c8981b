"""The heads of a request and of its answer share a bounded buffer: what does not fit is an error that says so, never silence."""
import pytest


@pytest.mark.parametrize("cookies", [0, 20, 100])
def test_whole_or_refused(origin, serve, cookies):
    sizes = list(range(500, 20000, 650))
    for n in sizes:
        origin.page(f"/{n}", headers={"Cache-Tag": "t" * n})
    larder = serve(origin, "[route /*]\nttl = 60s")
    seen = set()
    with larder.connect() as c:
        for n in sizes:
            headers = {"Cookie": "; ".join(f"cookie{i}=value" for i in range(cookies))} if cookies else {}
            for _ in "miss", "hit":
                answer = c.request("GET", f"/{n}", headers)
                assert answer is not None and answer.whole, f"{n} bytes with {cookies} cookies: no answer"
                seen.add(answer.status)
                if answer.status == 200:
                    assert answer["Cache-Tag"] == "t" * n and answer.body
                else:
                    assert answer.status == 502 and answer.cache["detail"] == "answer-head-too-large"
                    assert "max_header" in answer.text
    assert seen == {200, 502}

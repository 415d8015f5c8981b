"""Tables of responses that may or may not be reused: each row a page of its own, all of them in one origin and one Larder.

    assert_reuse(origin, serve(origin), [
        ("RFC 9111 5.3-2: max-age counts, not Expires", {"Cache-Control": "max-age=100", "Expires": "0"}, True),
    ])"""
import email.utils
import time

PAST, FUTURE = "Thu, 01 Jan 1998 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"


def date(seconds):
    """An HTTP-date so many seconds from now."""
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


def is_reused(origin, larder, path, request=None):
    """Asks three times. Reused means that the last answer is one that the origin gave to an earlier request."""
    before = origin.count(path)
    answers = [larder.get(path, request) for _ in range(3)]
    asked = origin.count(path) - before
    # The first answer may reach its client a moment before it is stored, so the second may come from the origin, too.
    return asked < 3 and answers[-1].hit


def assert_reuse(origin, larder, rows, status=200, request=None):
    """rows: (the sentence that fails, the response's header fields, whether it is reused)."""
    wrong = []
    for i, (sentence, headers, reused) in enumerate(rows):
        path = f"/{status}/{i}"
        origin.page(path, status=status, headers=headers)
        if is_reused(origin, larder, path, request) != reused:
            wrong.append(f"{sentence}: {headers} is {'not ' if reused else ''}reused")
    assert not wrong, "\n".join(wrong)

"""What each scenario gets: `origin`, an origin of its own, and `serve`, which starts Larder in front of it. Both end with
the scenario, and Larder has to end well: exit status 0, no report of a sanitizer."""
import pytest

import larder as program
from origin import Origin


@pytest.fixture
def origin():
    o = Origin()
    yield o
    o.stop()
    assert not o.problems, o.problems


@pytest.fixture
def serve(tmp_path):
    started = []

    def start(upstream, ini="", **options):
        one = program.Larder(tmp_path, upstream, ini, **options)
        started.append(one)
        return one

    yield start
    problems = []
    for one in started:
        try:
            one.stop()
        except AssertionError as problem:
            problems.append(str(problem))
        print(f"--- larder's log:\n{one.stderr()}")
    assert not problems, "\n".join(problems)

"""scripts/bench: small loads through its programs, its checks and its output. What the figures are is not tested."""
import fcntl
import glob
import json
import os
import signal
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

import pytest

import larder as program

SCRIPTS = os.path.join(program.TOP, "scripts")
BUILD = os.path.dirname(os.path.abspath(program.BINARY))
NOBODY = 65534
sys.path.insert(0, os.path.join(SCRIPTS, "helpers"))

from bench import guard, measure, output, picture  # noqa: E402


def command(tmp_path, *arguments):
    return ["/usr/bin/python3", os.path.join(SCRIPTS, "bench"), "--build", BUILD, "--no-install", "--lock", str(tmp_path / "lock"),
            *map(str, arguments)]


def bench(tmp_path, *arguments, env=None):
    return subprocess.run(command(tmp_path, *arguments), capture_output=True, text=True, timeout=100, preexec_fn=program.end_with_parent,
                          env={**os.environ, **(env or {})})


def needs_the_plain_build():
    if program.sanitizer() or not os.path.exists(os.path.join(BUILD, "build.ninja")):
        pytest.skip("measures the plain build")


def small(*scenarios):
    return "--peer", "larder", "--rounds", 1, "--divide", 100, *(word for name in scenarios for word in ("--scenario", name))


@pytest.fixture
def measured(tmp_path):
    """The results of two rows, one a fixed load of hits, one of misses, and of the herd."""
    needs_the_plain_build()
    run = bench(tmp_path, *small("hit-1k-64", "miss", "herd"), "--json", tmp_path / "r.json")
    assert run.returncode == 0, run.stdout + run.stderr
    with open(tmp_path / "r.json", encoding="utf-8") as f:
        return json.load(f)


@pytest.mark.alone
def test_hits_misses_and_a_herd_are_measured_and_told(measured, tmp_path):
    rows = {name: row["results"]["larder"] for name, row in measured["rows"].items()}
    assert rows["hit-1k-64"]["ratio"] > 0 and rows["miss"]["ratio"] > 0, rows
    assert rows["herd"]["fetches"] == 1 and rows["herd"]["p99_ms"] >= 300, rows
    assert "memory_size = 512M" in measured["settings"]["larder"] and measured["runs"][0]["versions"]["larder"], measured

    page = tmp_path / "page.md"
    page.write_text("before\n<!-- bench: begin -->\nold\n<!-- bench: end -->\nafter\n", encoding="utf-8")
    run = bench(tmp_path, "--from", tmp_path / "r.json", "--markdown", page, "--svg", tmp_path / "r.svg")
    assert run.returncode == 0, run.stderr
    text = page.read_text(encoding="utf-8")
    assert "| hit 1 KB, 64 connections | 1.6 | 1.3 | **" in text and "\nold\n" not in text
    assert ", 1 round, loads divided by 100: " in text and " (300 requests)** |" in text, text
    assert text.startswith("before\n") and text.endswith("after\n")
    picture = xml.etree.ElementTree.parse(tmp_path / "r.svg")
    assert len(picture.findall(".//{http://www.w3.org/2000/svg}rect")) == 3


@pytest.mark.alone
def test_two_workers_are_held_beside_two_processes(tmp_path):
    if program.sanitizer() or not os.path.exists(os.path.join(BUILD, "build.ninja")):
        pytest.skip("measures the plain build")
    run = bench(tmp_path, "--peer", "larder", "--rounds", 1, "--divide", 100, "--json", tmp_path / "r.json",
                "--scenario", "curve-workers", "--scenario", "curve-workers-8")
    assert run.returncode == 0, run.stdout + run.stderr
    with open(tmp_path / "r.json", encoding="utf-8") as f:
        curves = json.load(f)["curves"]
    for curve in curves.values():
        assert [p["x"] for p in curve["points"]] == ["as two processes", "as one process"], curves
        assert all(p["ratio"] > 0 for p in curve["points"]), curves


@pytest.mark.alone
def test_a_row_measured_anew_keeps_the_others_conditions(measured, tmp_path):
    run = bench(tmp_path, "--from", tmp_path / "r.json", "--peer", "larder", "--rounds", 2, "--scenario", "herd", "--markdown", "-")
    assert run.returncode == 0, run.stderr
    date = measured["runs"][0]["date"]
    assert f"Measured on {date}, 1 round, loads divided by 100: " in run.stdout, run.stdout
    assert f"Measured otherwise:\n\n- {date}, 2 rounds: herd: " in run.stdout, run.stdout


@pytest.mark.alone
def test_a_server_that_does_not_serve_has_no_figure(tmp_path):
    needs_the_plain_build()
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho larder broken\n", encoding="ascii")
    broken.chmod(0o755)
    run = bench(tmp_path, *small("hit-1k-1"), "--larder", broken)
    assert run.returncode == 1 and "failed: larder does not answer" in run.stdout, run.stdout + run.stderr
    assert run.stderr.endswith("larder failed: hit-1k-1\n"), run.stderr


@pytest.mark.parametrize("script, arguments, text", [
    ("bench", ["--scenario", "nothing"], "no scenario nothing"),
    ("bench", ["--scenario", "curves", "--peer", "nginx"], "curves are about larder"),
    ("bench", ["--rounds", "0"], "0 is not allowed: a whole number from 1 to 100"),
    ("bench", ["--rounds", "-1"], "-1 is not allowed: a whole number from 1 to 100"),
    ("bench", ["--divide", "0"], "0 is not allowed: a whole number from 1 to 100"),
    ("bench", ["--divide", "1000000"], "1000000 is not allowed: a whole number from 1 to 100"),
    ("bench", ["--larder", "/nonexistent"], "a program that can be executed"),
    ("bench", ["--larder", "/bin/true"], "a program whose --version says larder"),
    ("bench", ["--from", "/nonexistent"], "results that --json wrote"),
    ("bench", ["--from", "/etc/passwd"], "results that --json wrote"),
    ("bench", ["--json", "/nonexistent/x"], "a file that can be written"),
    ("bench", ["--svg", "/nonexistent/x"], "a file that can be written"),
    ("bench", ["--markdown", "/nonexistent/x"], "a file that can be written"),
    ("bench", ["--markdown", os.path.join(program.TOP, "README.md")], "has no lines <!-- bench: begin -->"),
    ("bench", ["--lock", "/nonexistent/x"], "a file that can be locked"),
    ("instructions", ["--requests", "-1"], "-1 is not allowed: a whole number from 200"),
    ("instructions", ["--profile", "0"], "0 is not allowed: a whole number from 1"),
    ("instructions", ["--larder", "/nonexistent"], "a program that can be executed"),
    ("instructions", ["--larder", "/bin/true"], "a program whose --version says larder"),
    ("simulate_eviction", ["--check", "--write"], "not allowed with argument"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_what_is_not_allowed_is_refused_before_anything_is_done(script, arguments, text):
    run = subprocess.run(["/usr/bin/python3", os.path.join(SCRIPTS, script), *arguments], capture_output=True, text=True, timeout=20)
    assert run.returncode == 2 and text in run.stderr and not run.stdout, run.stderr


# --- the lock ---

@pytest.mark.alone
def test_who_waits_for_the_lock_is_told_once(tmp_path):
    needs_the_plain_build()
    with open(tmp_path / "lock", "w", encoding="ascii") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with subprocess.Popen(command(tmp_path, *small("hit-1k-1")), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                              preexec_fn=program.end_with_parent) as run:
            told = next(line for line in run.stderr if line.startswith("waiting"))
            assert told == f"waiting for {tmp_path / 'lock'}, which another measurement holds\n"
            fcntl.flock(held, fcntl.LOCK_UN)
            assert "waiting" not in run.stderr.read()
    assert run.returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_another_users_lock_is_taken():
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o1777)
        path = os.path.join(folder, "lock")
        os.close(measure.open_lock(path))
        child = os.fork()
        if child == 0:
            try:
                os.setuid(NOBODY)
                fcntl.flock(measure.open_lock(path), fcntl.LOCK_EX | fcntl.LOCK_NB)
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_what_is_no_plain_file_is_no_lock(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    os.symlink(tmp_path / "elsewhere", tmp_path / "link")
    for name in ("fifo", "link", "."):
        with pytest.raises(OSError):
            os.close(measure.open_lock(tmp_path / name))
    assert not os.path.lexists(tmp_path / "elsewhere")


# --- what is left ---

def processes_of(run):
    return measure.family(run.pid)[1:]


def commands_of(pids):
    found = []
    for pid in pids:
        try:
            with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as f:
                found.append(f.read())
        except OSError:
            pass
    return " ".join(found)


@pytest.mark.alone
@pytest.mark.parametrize("killed", ["the one that was started", "the measurement"])
def test_nothing_is_left_of_a_killed_measurement(tmp_path, killed):
    needs_the_plain_build()
    peer = "nginx" if os.path.exists("/usr/sbin/nginx") else "larder"  # whose workers outlive their master
    old = tmp_path / f"larder-bench-{1 << 30}-left"
    old.mkdir()
    run = subprocess.Popen(command(tmp_path, "--peer", peer, "--rounds", 100, "--scenario", "hit-1k-1"), stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, env={**os.environ, "TMPDIR": str(tmp_path)}, preexec_fn=program.end_with_parent)
    try:
        program.wait_until(lambda: "/a{n}" in commands_of(processes_of(run)), "a load")
        assert not old.exists()
        pids = processes_of(run)
        measurement = pids[1]
        os.kill(run.pid if killed == "the one that was started" else measurement, signal.SIGKILL)
        program.wait_until(lambda: not commands_of(pids), "their end")
        program.wait_until(lambda: not glob.glob(f"{tmp_path}/larder-bench-*") + glob.glob(f"{guard.IN_MEMORY}/larder-bench-{measurement}-*"),
                           "the end of the folders")
    finally:
        run.kill()
        run.wait()
    assert run.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL)


# --- what the results look like ---

def results_of(rows=None, curves=None):
    run = {"date": "2026-11-01", "rounds": 7, "processor": "p", "kernel": "k", "system": "s", "versions": {"larder": "1"}}
    return {"runs": [run], "settings": {}, "rows": rows or {}, "curves": curves or {}}


def row_of(unit="ratio", **results):
    return {"title": "a row", "must": 1.5, "aim": 1.2, "unit": unit, "note": "of this", "results": {n: {**r, "run": 0} for n, r in results.items()}}


@pytest.mark.parametrize("what, result, cell, noted", [
    ("reached", {"ratio": 1.4, "met": True}, "**1.40** |", False),
    ("missed", {"ratio": 1.6, "met": False}, "**1.60** (missed) |", True),
    ("a smaller load is not held against it", {"ratio": 1.6, "lesser": "200 requests"}, "**1.60 (200 requests)** |", False),
    ("failed", {"failed": "why"}, "failed [1] |", False),
])
def test_a_figure_is_held_against_what_it_must_reach(what, result, cell, noted):
    text = output.markdown(results_of({"a": row_of(larder=result)}))
    assert cell in text and ("- a row: of this." in text) == noted, what


def test_results_of_an_earlier_version_are_read(tmp_path):
    results = results_of({"a": row_of(larder={"ratio": 1.4, "met": True})}, {"c": {"title": "t", "axis": "a", "limit": 1.1, "points": []}})
    run = results.pop("runs")[0]
    del results["rows"]["a"]["results"]["larder"]["run"]
    results.update(versions=run.pop("versions"), facts=run)
    (tmp_path / "old.json").write_text(json.dumps(results), encoding="utf-8")
    text = output.markdown(output.read_json(tmp_path / "old.json"))
    assert text.startswith("Measured on 2026-11-01, 7 rounds: processor p, kernel k, system s. Versions: larder 1.\n"), text


@pytest.mark.parametrize("what, differs, left", [
    ("what would be told is the same, of other servers", {"versions": {"nginx": "2"}}, 1),
    ("another day", {"date": "2026-11-02"}, 2),
    ("another version", {"versions": {"larder": "2"}}, 2),
    ("another machine", {"processor": "q"}, 2),
])
def test_runs_are_told_apart_by_what_differs(what, differs, left):
    results = results_of({"a": row_of(larder={"ratio": 1.4, "met": True}), "b": row_of(larder={"ratio": 1.4, "met": True})})
    results["runs"].append({**results["runs"][0], **differs})
    results["rows"]["b"]["results"]["larder"]["run"] = 1
    output.join_runs(results)
    assert len(results["runs"]) == left and ("Measured otherwise" in output.markdown(results)) == (left > 1), what


def test_the_picture_tells_who_failed_and_who_asked_often():
    svg = picture.svg(results_of({
        "a": row_of(larder={"ratio": 0.5}, nginx={"failed": "why"}),
        "herd": row_of("ms", larder={"text": "1 fetch, 310 ms", "bar": 310, "fetches": 1}, haproxy={"text": "200 fetches, 305 ms", "bar": 305, "fetches": 200})}))
    tree = xml.etree.ElementTree.fromstring(svg)
    texts = [(t.text, float(t.get("x"))) for t in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert "failed: why" in dict(texts) and "200 fetches, 305 ms" in dict(texts)
    assert [r.get("class") for r in tree.iter("{http://www.w3.org/2000/svg}rect")] == ["own", "own", "bar pale"]
    line = float(tree.find("{http://www.w3.org/2000/svg}line").get("x1"))
    assert all(x < picture.LEFT < line for text, x in texts if text != "floor"), "the line runs through figures"

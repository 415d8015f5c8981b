"""scripts/bench: small loads through its programs, its checks and its output. What the figures are is not tested."""
import json
import os
import subprocess
import xml.etree.ElementTree

import pytest

import larder as program

BENCH = os.path.join(program.TOP, "scripts", "bench")
BUILD = os.path.dirname(os.path.abspath(program.BINARY))


def bench(tmp_path, *arguments):
    return subprocess.run(["/usr/bin/python3", BENCH, "--build", BUILD, "--no-install", "--lock", tmp_path / "lock", *map(str, arguments)],
                          capture_output=True, text=True, timeout=100, preexec_fn=program.end_with_parent)


@pytest.fixture
def measured(tmp_path):
    """The results of two rows, one a fixed load of hits, one of misses, and of the herd."""
    if program.sanitizer() or not os.path.exists(os.path.join(BUILD, "build.ninja")):
        pytest.skip("measures the plain build")
    run = bench(tmp_path, "--peer", "larder", "--rounds", 1, "--divide", 100, "--json", tmp_path / "r.json",
                "--scenario", "hit-1k-64", "--scenario", "miss", "--scenario", "herd")
    assert run.returncode == 0, run.stdout + run.stderr
    with open(tmp_path / "r.json", encoding="utf-8") as f:
        return json.load(f)


@pytest.mark.alone
def test_hits_misses_and_a_herd_are_measured_and_told(measured, tmp_path):
    rows = {name: row["results"]["larder"] for name, row in measured["rows"].items()}
    assert rows["hit-1k-64"]["ratio"] > 0 and rows["miss"]["ratio"] > 0, rows
    assert rows["herd"]["fetches"] == 1 and rows["herd"]["p99_ms"] >= 300, rows
    assert "memory_size" in measured["settings"]["larder"] and measured["versions"]["larder"], measured

    page = tmp_path / "page.md"
    page.write_text("before\n<!-- bench: begin -->\nold\n<!-- bench: end -->\nafter\n", encoding="utf-8")
    run = bench(tmp_path, "--from", tmp_path / "r.json", "--markdown", page, "--svg", tmp_path / "r.svg")
    assert run.returncode == 0, run.stderr
    text = page.read_text(encoding="utf-8")
    assert "| hit 1 KB, 64 connections | 1.6 | 1.3 | **" in text and "\nold\n" not in text
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
def test_a_server_that_does_not_serve_has_no_figure(tmp_path):
    if program.sanitizer() or not os.path.exists(os.path.join(BUILD, "build.ninja")):
        pytest.skip("measures the plain build")
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho larder broken\n", encoding="ascii")
    broken.chmod(0o755)
    run = bench(tmp_path, "--peer", "larder", "--rounds", 1, "--divide", 100, "--larder", broken, "--scenario", "hit-1k-1")
    assert run.returncode == 0 and "failed: larder does not answer" in run.stdout, run.stdout + run.stderr


def test_an_unknown_scenario_is_refused(tmp_path):
    run = bench(tmp_path, "--scenario", "nothing")
    assert run.returncode != 0 and "no scenario nothing" in run.stderr, run.stderr

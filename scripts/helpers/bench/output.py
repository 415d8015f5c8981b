"""The results as text, as Markdown and as JSON. All are made of the one dictionary that scripts/bench gathers:

    {"runs": [{"date", "rounds", "divide", "quick", "processor", "kernel", "system", "versions": {server: text}}],
     "settings": {server: text},
     "rows": {name: {"title", "must", "aim", "unit", "note", "setup", "results": {server: {"run", "lesser", "met",
                     and "ratio", "us", "rounds" or "text", "bar" or "failed"}}}},
     "curves": {name: {"title", "axis", "limit", "server", "note", "setup", "run", "points": [{"x", "ratio", "growth"}] or "failed"}}}

"run" is the place in "runs" of the one that found it: rows can be measured anew (--from), and the page tells which were. "lesser": the load
was a smaller one, which changes the figure; it is not held against what must be reached then. "note": why Larder can miss that. "setup": what is
other than in "settings", in words."""
import json

BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
MACHINE = ("processor", "kernel", "system")


def nothing():
    return {"runs": [], "settings": {}, "rows": {}, "curves": {}}


def found_in(results):
    """All that has a "run"."""
    return [r for row in results["rows"].values() for r in row["results"].values()] + list(results["curves"].values())


def read_json(path):
    """Raises ValueError when it is something else. Earlier versions wrote what is in a run beside the rows, and one run only."""
    with open(path, encoding="utf-8") as f:
        results = json.load(f)
    try:
        if "runs" not in results:
            results["runs"] = [{**results.pop("facts"), "versions": results.pop("versions")}]
            for found in found_in(results):
                found["run"] = 0
        if not all(results["runs"][found["run"]]["versions"] for found in found_in(results)):
            raise ValueError("a run without versions")
        markdown(results)
    except (AttributeError, IndexError, KeyError, TypeError) as e:
        raise ValueError(f"{type(e).__name__}: {e}") from e
    return results


def forget_old_runs(results):
    """Those of which nothing is left."""
    kept = sorted({found["run"] for found in found_in(results)})
    for found in found_in(results):
        found["run"] = kept.index(found["run"])
    results["runs"] = [results["runs"][i] for i in kept]


def join_runs(results):
    """Of which the page would tell the same: of one there may be servers of which there are none of the other."""
    kept, places = [], []
    for run in results["runs"]:
        like = [k for k in kept if conditions(k) == conditions(run) and all(k[what] == run[what] for what in MACHINE)
                and all(k["versions"].get(name, version) == version for name, version in run["versions"].items())]
        if like:
            like[0]["versions"].update(run["versions"])
        else:
            kept.append(run)
        places.append(kept.index(like[0] if like else run))
    for found in found_in(results):
        found["run"] = places[found["run"]]
    results["runs"] = kept


def servers_of(results):
    """The names of the servers that have a figure."""
    return columns(results["rows"].values()) + ["larder"] * bool(results["curves"])


def number(x):
    return f"{x:,}" if isinstance(x, int) else str(x)


def cell(result):
    if result is None:
        return "-"
    if "failed" in result:
        return "failed: " + result["failed"]
    text = result["text"] if "text" in result else f"{result['ratio']:.2f}"
    return f"{text} ({result['lesser']})" if result.get("lesser") else text


def missed(row):
    """Whether Larder has a figure in this row that does not reach what it must."""
    return row["results"].get("larder", {}).get("met") is False


def over(curve):
    return any(p["growth"] > curve["limit"] for p in curve.get("points", []))


def columns(rows):
    names = []
    for row in rows:
        names += [n for n in row["results"] if n not in names and not n.startswith("floor")]
    return names


def table(results):
    """Text for a terminal."""
    lines = []
    for row in results["rows"].values():
        wanted = f"  (must {row['must']}, aim {row['aim']})" if row["must"] is not None else ""
        lines.append(row["title"] + wanted)
        for name, result in row["results"].items():
            us = f"{result['us']:9.2f} us" if "us" in result else ""
            note = "   misses what it must reach" if name == "larder" and missed(row) else ""
            lines.append(f"  {name:24} {cell(result):>8} {us}{note}")
    for curve in results["curves"].values():
        lines.append(f"{curve['title']}  (limit {curve['limit']})")
        if "failed" in curve:
            lines.append("  failed: " + curve["failed"])
        for p in curve.get("points", []):
            lines.append(f"  {number(p['x']):>24} {p['ratio']:8.2f}   {p['growth']:5.2f}{'   over the limit' * (p['growth'] > curve['limit'])}")
    return "\n".join(lines)


def markdown_rows(rows):
    failures, lines = [], []
    names = columns(rows)
    lines += ["| scenario | must reach | aim | " + " | ".join(names) + " |", "|---" * (len(names) + 3) + "|"]
    for row in rows:
        cells = []
        for name in names:
            result = row["results"].get(name)
            text = cell(result)
            if result and "failed" in result:
                failures.append(f"{row['title']}, {name}: {result['failed']}")
                text = f"failed [{len(failures)}]"
            elif name == "larder":
                text = f"**{text}**" + " (missed)" * missed(row)
            cells.append(text)
        wanted = ["" if row[k] is None else str(row[k]) for k in ("must", "aim")]
        lines.append(f"| {row['title']} | " + " | ".join(wanted + cells) + " |")
    if failures:
        lines += ["", *(f"- [{i}] {text}" for i, text in enumerate(failures, 1))]
    return lines


def conditions(run):
    """How it was measured."""
    words = [run["date"], f"{run['rounds']} round{'s' * (run['rounds'] != 1)}"]
    if run.get("divide", 1) > 1:
        words.append(f"loads divided by {run['divide']}")
    return ", ".join(words + ["--quick"] * run.get("quick", False))


def measured_by(results, number):
    """The rows and curves of that run, with the servers where these are not all of the row."""
    found = []
    for row in results["rows"].values():
        names = [n for n in row["results"] if not n.startswith("floor")]
        of_run = [n for n in names if row["results"][n]["run"] == number]
        if of_run:
            found.append(row["title"] + (f" ({', '.join(of_run)})" if len(of_run) < len(names) else ""))
    return found + [c["title"] for c in results["curves"].values() if c["run"] == number]


def markdown_runs(results):
    """How all was measured; and what was measured otherwise than most."""
    runs, found = results["runs"], [f["run"] for f in found_in(results)]
    if not found:
        return ["Nothing is measured.", ""]
    most = max(set(found), key=lambda n: (found.count(n), n))
    main = runs[most]
    lines = [f"Measured on {conditions(main)}: " + ", ".join(f"{k} {main[k]}" for k in MACHINE) + ". Versions: " +
             ", ".join(f"{n} {v}" for n, v in main["versions"].items()) + ".", ""]
    others = []
    for number in sorted(set(found) - {most}):
        run = runs[number]
        differ = [f"{k} {run[k]}" for k in MACHINE if run[k] != main[k]]
        differ += [f"{n} {v}" for n, v in run["versions"].items() if main["versions"].get(n) != v]
        others.append(f"- {', '.join([conditions(run), *differ])}: {'; '.join(measured_by(results, number))}")
    return lines + (["Measured otherwise:", "", *others, ""] if others else [])


def markdown_notes(found):
    """Why, for each that has a note."""
    notes = [f"- {f['title']}: {f['note']}." for f in found if f.get("note")]
    return ["Why Larder misses what it must reach:", "", *notes, ""] if notes else []


def markdown_setups(found):
    """Which settings are shown, and what has others."""
    others = {}
    for f in found:
        if f.get("setup"):
            others.setdefault(f["setup"], []).append(f["title"])
    lines = [f"- {words}: " + ", ".join(f'"{title}"' for title in titles) for words, titles in others.items()]
    return ["As most rows have them. These rows have others:", "", *lines, ""] if lines else []


def markdown(results):
    rows = list(results["rows"].values())
    lines = markdown_runs(results)
    main = [r for r in rows if r["must"] is not None]
    if main:
        lines += markdown_rows(main) + [""] + markdown_notes(r for r in main if missed(r))
    sendfile = [(r["title"], r["results"]["floor-sendfile"]) for r in rows if "ratio" in r["results"].get("floor-sendfile", {})]
    if sendfile:
        lines += ["A floor that sends its body with sendfile (rounds): " + ", ".join(
            f"{title} {f['ratio']:.2f} ({min(f['rounds']):.2f} to {max(f['rounds']):.2f})" for title, f in sendfile) + ".", ""]
    tiers = [r for r in rows if r["must"] is None]
    if tiers:
        lines += ["### Tiers", ""] + markdown_rows(tiers) + [""]
    if results["curves"]:
        lines += ["### As things grow", "", "| curve | limit | points: growth |", "|---|---|---|"]
        for c in results["curves"].values():
            points = "failed: " + c["failed"] if "failed" in c else ", ".join(
                f"{number(p['x'])}: {p['growth']:.2f}" + " (over)" * (p["growth"] > c["limit"]) for p in c["points"])
            lines.append(f"| {c['title']} | {c['limit']} | {points} |")
        lines += ["", *markdown_notes(c for c in results["curves"].values() if over(c))]
    lines += ["### Settings", "", *markdown_setups([*rows, *results["curves"].values()])]
    for name, text in results["settings"].items():
        lines += [f"<details><summary>{name}</summary>", "", "```", text.strip(), "```", "", "</details>", ""]
    return "\n".join(lines).rstrip() + "\n"


def split_at_markers(path):
    """What stands before and behind them."""
    with open(path, encoding="utf-8") as f:
        before, begin, rest = f.read().partition(BEGIN + "\n")
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"it has no lines {BEGIN} and {END}")
    return before + begin, end + after


def replace_between_markers(path, text):
    before, after = split_at_markers(path)
    with open(path, "w", encoding="utf-8") as f:
        f.write(before + "\n" + text + "\n" + after)


def write_json(path, results):
    with open(path, "w", encoding="utf-8") as f:
        json.dump(results, f, indent=1)
        f.write("\n")

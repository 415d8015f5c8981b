"""The results as text, as Markdown, as JSON and as a picture. All are made of the one dictionary that scripts/bench gathers:

    {"facts": {"date", "processor", "kernel", ...}, "versions": {server: text}, "settings": {server: text}, "options": {...},
     "rows": {name: {"title", "must", "aim", "results": {server: {"ratio", "us"} or {"text", "bar"} or {"failed"}}}},
     "curves": {name: {"title", "axis", "limit", "points": [{"x", "ratio", "growth"}] or "failed"}}}"""
import html
import json

BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"


def number(x):
    return f"{x:,}" if isinstance(x, int) else str(x)


def cell(result):
    if result is None:
        return "-"
    if "failed" in result:
        return "failed: " + result["failed"]
    return result["text"] if "text" in result else f"{result['ratio']:.2f}"


def missed(row):
    """Whether Larder has a figure in this row that does not reach what it must."""
    result = row["results"].get("larder")
    return bool(result) and row["must"] is not None and not result.get("met", False)


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


def markdown(results):
    facts, versions = results["facts"], results["versions"]
    rows = list(results["rows"].values())
    lines = [f"Measured on {facts['date']}, {facts['rounds']} rounds: " + ", ".join(f"{k} {facts[k]}" for k in ("processor", "kernel", "system")) +
             ". Versions: " + ", ".join(f"{n} {v}" for n, v in versions.items()) + ".", ""]
    main = [r for r in rows if r["must"] is not None]
    if main:
        lines += markdown_rows(main) + [""]
    sendfile = [f"{r['title']} {r['results']['floor-sendfile']['ratio']:.2f}" for r in rows if "ratio" in r["results"].get("floor-sendfile", {})]
    if sendfile:
        lines += ["A floor that sends its body with sendfile: " + ", ".join(sendfile) + ".", ""]
    tiers = [r for r in rows if r["must"] is None]
    if tiers:
        lines += ["### Tiers", ""] + markdown_rows(tiers) + [""]
    if results["curves"]:
        lines += ["### As things grow", "", "| curve | limit | points: growth |", "|---|---|---|"]
        for c in results["curves"].values():
            points = "failed: " + c["failed"] if "failed" in c else ", ".join(
                f"{number(p['x'])}: {p['growth']:.2f}" + " (over)" * (p["growth"] > c["limit"]) for p in c["points"])
            lines.append(f"| {c['title']} | {c['limit']} | {points} |")
        lines.append("")
    lines += ["### Settings", ""]
    for name, text in results["settings"].items():
        lines += [f"<details><summary>{name}</summary>", "", "```", text.strip(), "```", "", "</details>", ""]
    return "\n".join(lines).rstrip() + "\n"


def replace_between_markers(path, text):
    with open(path, encoding="utf-8") as f:
        page = f.read()
    before, begin, rest = page.partition(BEGIN + "\n")
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{path} has no lines {BEGIN} and {END}")
    with open(path, "w", encoding="utf-8") as f:
        f.write(before + begin + "\n" + text + "\n" + end + after)


def write_json(path, results):
    with open(path, "w", encoding="utf-8") as f:
        json.dump(results, f, indent=1)
        f.write("\n")


# --- the picture ---

STYLE = """text { font: 12px sans-serif; fill: #24292f } .title { font-weight: bold; font-size: 13px } .note { fill: #57606a }
.bar { fill: #8c959f } .own { fill: #1f6feb } .over { fill: #cf222e } .line { stroke: #bf8700; stroke-width: 2 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .note { fill: #9198a1 } .bar { fill: #6e7681 } .own { fill: #4493f8 }
.over { fill: #f85149 } }"""
WIDTH, LEFT, RIGHT, BAR, GAP = 900, 170, 170, 14, 4


def groups_of(results):
    """[(title, line or None, [(label, value, text, class)])]: what is drawn, group by group."""
    groups = []
    for row in results["rows"].values():
        bars, line = [], None
        for name, r in row["results"].items():
            if name == "floor" or "failed" in r:
                continue
            value = r.get("ratio", r.get("bar"))
            bars.append((name, value, cell(r), "own" if name.startswith("larder") else "bar"))
            if "ratio" in r:
                line = (1.0, "floor")
        if bars:
            unit = "CPU time over the floor's" if line else row["unit"]
            groups.append((f"{row['title']} ({unit})", line, bars))
    for curve in results["curves"].values():
        bars = [(number(p["x"]), p["growth"], f"{p['growth']:.2f}", "over" if p["growth"] > curve["limit"] else "own")
                for p in curve.get("points", [])]
        if bars:
            groups.append((f"{curve['title']} (by {curve['axis']})", (curve["limit"], "limit"), bars))
    return groups


def svg(results):
    parts, y = [], 10
    for title, line, bars in groups_of(results):
        top = max([v for _, v, _, _ in bars] + ([line[0]] if line else [])) or 1
        scale = (WIDTH - LEFT - RIGHT) / top
        parts.append(f'<text class="title" x="0" y="{y + 12}">{html.escape(title)}</text>')
        y += 22
        begin = y
        for label, value, text, kind in bars:
            parts.append(f'<text x="{LEFT - 8}" y="{y + 11}" text-anchor="end">{html.escape(label)}</text>'
                         f'<rect class="{kind}" x="{LEFT}" y="{y}" width="{max(value * scale, 1):.1f}" height="{BAR}" rx="2"/>'
                         f'<text x="{LEFT + max(value * scale, 1) + 6:.1f}" y="{y + 11}">{html.escape(text)}</text>')
            y += BAR + GAP
        if line:
            x = LEFT + line[0] * scale
            parts.append(f'<line class="line" x1="{x:.1f}" x2="{x:.1f}" y1="{begin - 2}" y2="{y}"/>'
                         f'<text class="note" x="{x:.1f}" y="{y + 9}" text-anchor="middle">{line[1]}</text>')
            y += 10
        y += 14
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}" role="img">\n'
            f"<style>{STYLE}</style>\n" + "\n".join(parts) + "\n</svg>\n")

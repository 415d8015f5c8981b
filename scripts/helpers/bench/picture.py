"""The results as a picture: an SVG of bars, a group for each row and curve. Labels and figures have columns of their own before the bars, so
that the line of the floor or the limit runs through none of them."""
import html
import textwrap

from .output import cell, number

STYLE = """text { font: 12px sans-serif; fill: #24292f } .title { font-weight: bold; font-size: 13px } .note { fill: #57606a }
.bar { fill: #8c959f } .own { fill: #1f6feb } .over { fill: #cf222e } .line { stroke: #bf8700; stroke-width: 2 } .pale { opacity: 0.35 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .note { fill: #9198a1 } .bar { fill: #6e7681 } .own { fill: #4493f8 }
.over { fill: #f85149 } }"""
LONGER = ("objects", "% hits")  # is better, of bars of these units
TITLE = 110  # letters in a line
SHORT = 25  # letters beside which a line has its place
WIDTH, LABEL, LEFT, RIGHT, BAR, GAP = 900, 190, 360, 20, 14, 4


def bar_of(name, r):
    """(label, value or None, text, class)"""
    kind = "own" if name.startswith("larder") else "bar"
    if "failed" in r:
        return name, None, "failed: " + r["failed"], kind
    text = cell({**r, "lesser": ""}) + "*" * ("lesser" in r)
    return name, r.get("ratio", r.get("bar")), text, kind + " pale" * (r.get("fetches", 1) > 1)


def group_of_row(row):
    bars = [bar_of(name, r) for name, r in row["results"].items() if name != "floor"]
    marks = "; *: a smaller load" * any(text.endswith("*") for _, _, text, _ in bars)
    marks += "; pale: asked the origin more than once" * any("pale" in kind for _, _, _, kind in bars)
    if row["unit"] == "ratio":
        return f"{row['title']} (CPU time over the floor's; shorter is better{marks})", (1.0, "floor"), bars
    better = "longer" if row["unit"] in LONGER else "shorter"
    return f"{row['title']} ({row['unit']}; {better} is better{marks})", None, bars


def group_of_curve(curve):
    name = curve.get("server", "larder")
    kind = "own" if name == "larder" else "bar"
    bars = [(number(p["x"]), p["growth"], f"{p['growth']:.2f}", "over" if p["growth"] > curve["limit"] else kind)
            for p in curve.get("points", [])] or [bar_of(name, curve)]
    return f"{curve['title']} (by {curve['axis']}; shorter is better)", (curve["limit"], "limit"), bars


def svg(results):
    """A group is (title, (value, text) of its line or None, its bars)."""
    parts, y = [], 10
    for title, line, bars in [*map(group_of_row, results["rows"].values()), *map(group_of_curve, results["curves"].values())]:
        top = max(value for value in [*(bar[1] for bar in bars), line and line[0], 0] if value is not None) or 1
        scale = (WIDTH - LEFT - RIGHT) / top
        for words in textwrap.wrap(title, TITLE):
            parts.append(f'<text class="title" x="0" y="{y + 12}">{html.escape(words)}</text>')
            y += 16
        y += 6
        begin = y
        for label, value, text, kind in bars:
            if value is None and line and len(text) > SHORT:
                text = text[:SHORT] + "\u2026"
            parts.append(f'<text x="{LABEL}" y="{y + 11}" text-anchor="end">{html.escape(label)}</text>'
                         f'<text x="{LABEL + 10}" y="{y + 11}">{html.escape(text)}</text>')
            if value is not None:
                parts.append(f'<rect class="{kind}" x="{LEFT}" y="{y}" width="{max(value * scale, 1):.1f}" height="{BAR}" rx="2"/>')
            y += BAR + GAP
        if line:
            x = LEFT + line[0] * scale
            parts.append(f'<line class="line" x1="{x:.1f}" x2="{x:.1f}" y1="{begin - 2}" y2="{y}"/>'
                         f'<text class="note" x="{x:.1f}" y="{y + 9}" text-anchor="middle">{line[1]}</text>')
            y += 10
        y += 14
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}" role="img">\n'
            f"<style>{STYLE}</style>\n" + "\n".join(parts) + "\n</svg>\n")

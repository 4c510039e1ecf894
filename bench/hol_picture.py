"""The picture of bench/hol: a waterfall for each version (columns) and loss (rows), all on one time scale."""
from html import escape

LEFT, TOP, PANEL, GAP, RIGHT = 84, 134, 352, 24, 28   # px; PANEL: the width of one
HEAD, STRIP, BETWEEN = 34, 26, 22                     # above the bars, below them, between the rows
BAR = 3.4                                             # from one resource to the next
STYLE = """
svg { --paper: #fffdf9; --panel: #f6f3ec; --ink: #23211d; --soft: #6f6a60; --line: #dcd6c9; --wait: #cfc8b9;
  --v1: #b7791f; --v2: #6d4bd0; --v3: #0b8a72; --halt: #d92d20; font-family: system-ui, "DejaVu Sans", sans-serif }
@media (prefers-color-scheme: dark) { svg { --paper: #15171b; --panel: #1d2026; --ink: #eceae4; --soft: #a09b90;
  --line: #343943; --wait: #4a4f5a; --v1: #e5a94b; --v2: #a48bff; --v3: #35c9a8; --halt: #ff6b5e } }
text { fill: var(--ink); font-size: 13px } .soft { fill: var(--soft); font-size: 12px }
.title { font-size: 25px; font-weight: 650; letter-spacing: -.2px } .column { font-size: 16px; font-weight: 600 }
.row { font-size: 17px; font-weight: 600 } .time { font-size: 19px; font-weight: 650 } .halted { fill: var(--halt); font-size: 12.5px }
.axis { fill: var(--soft); font-size: 11px } .grid { stroke: var(--line); stroke-width: 1 }
.wait { stroke: var(--wait); stroke-width: .9; fill: none } .open { stroke-width: 2.4; opacity: .28; fill: none }
.come { stroke-width: 2.6; fill: none } .halt { fill: var(--halt); opacity: .24 } .record { fill: var(--wait); opacity: .42 } .lost { stroke: var(--halt); stroke-width: 1.2; fill: none }
.done { stroke: var(--ink); stroke-width: 1; stroke-dasharray: 2 2 } .dot { opacity: .55 }
.a .come, .a .open { stroke: var(--v1) } .b .come, .b .open { stroke: var(--v2) } .c .come, .c .open { stroke: var(--v3) }
.a .dot, .a.key { fill: var(--v1) } .b .dot, .b.key { fill: var(--v2) } .c .dot, .c.key { fill: var(--v3) }
""".strip()
LETTERS = "abc"
WORDS = ["a lost packet holds up one connection of six", "a lost packet holds up all that is behind it",
         "a lost packet holds up its own resource"]


def short(value):
    return f"{value:.1f}".rstrip("0").rstrip(".")


def seconds(ms):
    return f"{ms / 1000:.2f} s" if ms < 10000 else f"{ms / 1000:.1f} s"


def strokes(spans):
    """[(y, from, to)] as a path."""
    return "".join(f"M{short(a)} {short(y)}h{short(max(b - a, 0.8))}" for y, a, b in spans)


def runs(times, within):
    """Moments that are close together, as spans."""
    found = []
    for at in times:
        if found and at - found[-1][1] <= within:
            found[-1][1] = at
        else:
            found.append([at, at])
    return found


def bars(load, scale):
    """Of one waterfall: what was asked for, what was begun, what came."""
    wait, opened, come = [], [], []
    for n, r in enumerate(load["resources"]):
        y = (n + .5) * BAR
        wait.append((y, r["wanted"] * scale, r["head"] * scale))
        opened.append((y, r["head"] * scale, r["end"] * scale))
        pixel = 1.2 / scale
        come += [(y, a * scale, b * scale + .8) for a, b in runs([at for at, _ in r["data"]], pixel)]
    return "".join(f'<path class="{name}" d="{strokes(spans)}"/>'
                   for name, spans in (("wait", wait), ("open", opened), ("come", come)))


def panel(x, y, height, letter, row, load, scale, ticks):
    """One waterfall, with its numbers above it and what was lost below it."""
    out = [f'<g class="{letter}" transform="translate({x} {y})">']
    low, high = row["page_ms"]["low"], row["page_ms"]["high"]
    halted = row["stalled"]["lost_ms"]["median"]
    out.append(f'<text class="time" y="-10">{seconds(row["page_ms"]["median"])}</text>')
    out.append(f'<text class="soft" x="72" y="-10">middle half {low / 1000:.2f}\u2013{high / 1000:.2f}</text>')
    if halted >= 5:
        out.append(f'<text class="halted" x="{PANEL}" y="-10" text-anchor="end">stood still {seconds(halted)}</text>')
    out.append(f'<rect width="{PANEL}" height="{height}" rx="4" fill="var(--panel)"/>')
    for ms in ticks[1:]:
        out.append(f'<path class="grid" d="M{short(ms * scale)} 0v{height}"/>')
    for name, spans in (("record", load["records"]), ("halt", load["stalls"])):
        d = "".join(f"M{short(a * scale)} 0h{short((b - a) * scale)}v{height}h{short((a - b) * scale)}z" for a, b in spans)
        out.append(f'<path class="{name}" d="{d}"/>')
    out.append(bars(load, scale))
    out.append(f'<path class="done" d="M{short(load["page"] * scale)} 0v{height + 19}"/>')
    lost = "".join(f"M{short(at * scale)} {height + 3}v5" for at, way in load["lost"] if way == "down")
    out.append(f'<path class="lost" d="{lost}"/>')
    edge = PANEL / scale
    out += [f'<circle class="dot" cx="{short(ms * scale)}" cy="{height + 15}" r="2.6"/>'
            for ms in row["page_ms"]["all"] if ms <= edge]
    if beyond := sum(ms > edge for ms in row["page_ms"]["all"]):
        out.append(f'<text class="axis" x="{PANEL}" y="{height + 18}" text-anchor="end">+{beyond} \u2192</text>')
    out.append("</g>")
    return "".join(out)


def legend(y):
    """What the signs mean, on two lines."""
    out = []
    lines = [[('<path class="wait" d="M0 -4h26" style="stroke-width:1.6"/>', "asked for, nothing came yet", 26),
              ('<g class="b"><path class="open" d="M0 -4h26" style="stroke-width:5"/></g>', "begun, waits for more", 26),
              ('<g class="b"><path class="come" d="M0 -4h26" style="stroke-width:5"/></g>', "bytes come", 26),
              ('<path class="lost" d="M3 -11v11" style="stroke-width:2"/>', "a packet to the client is lost", 6),
              ('<g class="b"><circle class="dot" cx="4" cy="-4" r="3.4"/></g>', "each load's end", 8),
              ('<path class="done" d="M4 -12v13"/>', "the median one, drawn", 8)],
             [('<path class="halt" d="M0 -11h16v14h-16z"/>',
               "packets come, but no resource gets a byte: all of them wait for a lost one", 16),
              ('<path class="record" d="M0 -11h16v14h-16z"/>', "the same, but for the rest of a TLS record", 16)]]
    for n, signs in enumerate(lines):
        x = LEFT
        for sign, words, width in signs:
            out.append(f'<g transform="translate({short(x)} {y + 22 * n})">{sign}<text class="soft" x="{width + 7}">{words}</text></g>')
            x += width + 26 + 6.05 * len(words)
    return "".join(out)


def draw(options, versions, rows, picked, sizes):
    """rows: summaries of the cells; picked: the load that is drawn of each."""
    cell = {(r["http"], r["loss"]): r for r in rows}
    longest = 1.1 * max(max(r["page_ms"]["high"] for r in rows), max(load["page"] for load in picked.values()))
    scale = PANEL / longest
    step = next(s for s in (100, 200, 500, 1000, 2000, 5000, 10000, 60000) if longest / s <= 7)
    ticks = range(0, int(longest) + 1, step)
    height = round(len(sizes) * BAR + 2)
    each = HEAD + height + STRIP + BETWEEN
    width = LEFT + len(versions) * PANEL + (len(versions) - 1) * GAP + RIGHT
    bottom = TOP + len(options.losses) * each
    total = bottom + 58
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {total}" width="{width}" height="{total}" role="img">',
           "<title>Head-of-line blocking: one page over HTTP/1.1, 2 and 3 with lost packets</title>",
           f"<style>{STYLE}</style>", f'<rect width="{width}" height="{total}" fill="var(--paper)"/>',
           f'<text class="title" x="{LEFT}" y="42">Who waits for a lost packet?</text>',
           f'<text class="soft" x="{LEFT}" y="64">{escape(caption(options, sizes))}</text>']
    for n, (version, name, _) in enumerate(versions):
        x = LEFT + n * (PANEL + GAP)
        out.append(f'<rect class="{LETTERS[n]} key" x="{x}" y="84" width="{PANEL}" height="3" rx="1.5"/>')
        out.append(f'<text class="column" x="{x}" y="108">{escape(name)}</text>')
        out.append(f'<text class="soft" x="{x}" y="127">{WORDS[n]}</text>')
        for m, loss in enumerate(options.losses):
            y = TOP + m * each + HEAD
            out.append(panel(x, y, height, LETTERS[n], cell[version, loss], picked[version, loss], scale, ticks))
            for ms in ticks:
                out.append(f'<text class="axis" x="{short(x + ms * scale)}" y="{y + height + STRIP + 5}" '
                           f'text-anchor="middle">{ms / 1000:g}{" s" if ms == 0 else ""}</text>')
    for m, loss in enumerate(options.losses):
        y = TOP + m * each + HEAD + height / 2
        out.append(f'<text class="row" x="{LEFT - 16}" y="{y}" text-anchor="end">{loss:g} %</text>')
        out.append(f'<text class="soft" x="{LEFT - 16}" y="{y + 17}" text-anchor="end">lost</text>')
    out.append(legend(bottom + 18))
    return "\n".join(out) + "\n</svg>\n"


def caption(options, sizes):
    return (f"A document and {len(sizes) - 1} resources ({sum(sizes) // 1024} KB) over {options.rate:g} Mbit/s with "
            f"{2 * options.delay:g} ms there and back; a line each, in the order of the page; median of {options.repeats} loads, "
            "connecting included.")

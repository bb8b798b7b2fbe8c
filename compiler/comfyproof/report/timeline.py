"""A plan as a page for people: what is on the card in each stage, the verdict, and a table with the same figures.

The page is one file without scripts, fonts or pictures from elsewhere. It is XML as well as HTML.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from ..plan.contract import clock, gib
from ..plan.predict import Plan, Stage
from .plan import machine_words, verdict
from .text import clean
from .timeline_chart import OTHER, WORTH, Names, band, drawing, duration, names_of, reached, swatch, what

_HEADS = ("Stage", "What happens", "On the card, GiB", "Peak, GiB", "In RAM, GiB", "Prompts", "Times", "Time")
_AT_ONCE = {2: "both at once", 1: "one by one"}

_STYLE = """
:root{color-scheme:light;--ground:#fff;--sheet:#f6f7f9;--ink:#16181d;--muted:#5a606b;--rule:#dfe2e8;--accent:#3b46c4;
--accent-ink:#fff;--tint:#3b46c414;--good:#12703c;--warn:#8a5300;--bad:#b3201b;--bad-ink:#fff;--work:#cfd3db;
--band:#e9ebf0;--context:#8b92a0}
@media screen and (prefers-color-scheme:dark){:root{color-scheme:dark;--ground:#14161a;--sheet:#1c1f25;--ink:#eceef2;
--muted:#a3a9b5;--rule:#31353d;--accent:#a9b1ff;--accent-ink:#14161a;--tint:#a9b1ff1c;--good:#6fd39a;--warn:#f2b45c;
--bad:#ff8d86;--bad-ink:#14161a;--work:#5b616d;--band:#3a3f49;--context:#8b92a0}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",Arial,sans-serif}
main{max-width:1248px;margin:0 auto;padding:48px 32px 64px}
h1{font-size:1rem;font-weight:600;margin:0;color:var(--muted);overflow-wrap:anywhere}
.verdict{font-size:clamp(1.5rem,4vw,2.25rem);line-height:1.2;font-weight:700;letter-spacing:-.015em;margin:8px 0 12px;
max-width:40ch;overflow-wrap:anywhere;text-wrap:balance}
.verdict span{margin-right:.35em}
.fits span{color:var(--good)}.short span{color:var(--warn)}.stops span{color:var(--bad)}
.why{max-width:68ch;margin:0 0 32px;color:var(--muted);overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:1px;margin:0 0 48px;
border:1px solid var(--rule);border-radius:12px;overflow:hidden}
dl>div{padding:16px 20px;box-shadow:0 0 0 1px var(--rule)}
dt{font-size:.8125rem;color:var(--muted)}
dd{margin:2px 0 0;font-size:1.1875rem;font-weight:600;overflow-wrap:anywhere}
dd small{display:block;font-size:.8125rem;font-weight:400;color:var(--muted);line-height:1.4}
dd small.bad{color:var(--bad);font-weight:600}
h2{font-size:1.1875rem;margin:0 0 4px}
.note{margin:0 0 20px;color:var(--muted);font-size:.875rem;max-width:80ch}
.scroll{overflow-x:auto;margin:0 -8px;padding:0 8px 8px}
.scroll:focus-visible{outline:2px solid var(--accent);outline-offset:2px;border-radius:6px}
.timeline{display:block}
.legend{display:flex;flex-wrap:wrap;gap:8px 24px;list-style:none;margin:16px 0 56px;padding:0;font-size:.875rem}
.legend li{display:flex;align-items:center;gap:8px;overflow-wrap:anywhere;min-width:0}
.swatch{flex:none;border-radius:3px}
svg text{font-size:12px;fill:var(--ink);font-variant-numeric:tabular-nums}
svg .muted{fill:var(--muted)}
svg .stage,svg .budget,svg .figure{font-weight:600}
svg .figure,svg .budget{paint-order:stroke;stroke:var(--ground);stroke-width:4px;stroke-linejoin:round}
svg .name{fill:#101216;font-weight:500;paint-order:stroke;stroke-width:4px;stroke-linejoin:round}
svg .marked{fill:var(--accent-ink);font-size:12px;font-weight:600}
.bad+.marked{fill:var(--bad-ink)}
.grid{stroke:var(--rule)}.zero{stroke:var(--muted)}.brace{fill:none;stroke:var(--muted)}
.card{stroke:var(--ink);stroke-width:2;stroke-dasharray:7 4}
.decides{fill:var(--tint)}.mark{fill:var(--accent)}.mark.bad{fill:var(--bad)}
.dim{opacity:.35}.over-it{pointer-events:none}
.context{fill:var(--context)}.work{fill:var(--work)}.other{fill:#b9a48c}
.band,.ram{fill:var(--band);stroke:var(--muted);stroke-width:.75}.ram{stroke-dasharray:4 3}
.over{fill:var(--bad);fill-opacity:.55}
.m0{fill:#7db7ea}.m1{fill:#f0b04f}.m2{fill:#55c2a0}.m3{fill:#dc9cc6}.m4{fill:#e6da62}.m5{fill:#b3a2ee}
.h0{stroke:#7db7ea}.h1{stroke:#f0b04f}.h2{stroke:#55c2a0}.h3{stroke:#dc9cc6}.h4{stroke:#e6da62}.h5{stroke:#b3a2ee}
.dot{fill:#10121655}.line{fill:none;stroke:#10121638;stroke-width:1.5}
.hatch{fill:none;stroke:var(--muted)}.cross{fill:none;stroke:var(--bad)}
table{border-collapse:collapse;width:100%;font-size:.875rem;line-height:1.45}
th,td{text-align:left;vertical-align:top;padding:10px 16px 10px 0;border-bottom:1px solid var(--rule)}
thead th{font-size:.8125rem;font-weight:600;color:var(--muted);vertical-align:bottom;border-bottom-color:var(--muted)}
tbody th{font-weight:600;overflow-wrap:anywhere}
th:nth-child(6),td:nth-child(6){padding-left:12px;white-space:nowrap}
.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td.number:last-child,th.number:last-child{padding-right:8px}
td ul{list-style:none;margin:0;padding:0;min-width:210px;max-width:340px}
td li{display:flex;justify-content:space-between;gap:12px;font-variant-numeric:tabular-nums}
td li span:first-child{overflow-wrap:anywhere;min-width:0}td li span:last-child{white-space:nowrap}
tr.decider{background:var(--tint)}tr.decider>:first-child{box-shadow:inset 3px 0 var(--accent);padding-left:12px}
tbody>tr>:first-child,thead>tr>:first-child{padding-left:12px}
.tag{display:inline-block;font-size:.75rem;font-weight:600;color:var(--accent)}
.tag.bad{color:var(--bad)}
figure{margin:0}
footer{margin-top:48px;padding:20px 24px;background:var(--sheet);border-radius:12px;font-size:.875rem}
footer p{margin:0 0 8px;max-width:80ch}footer p:last-child{margin:0}
footer ul{margin:0 0 12px;padding-left:20px;overflow-wrap:anywhere}
@media screen and (max-width:760px){
main{padding:28px 16px 40px}
table,thead,tbody,tr,th,td{display:block}thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
tbody tr{padding:14px 12px;border-bottom:1px solid var(--rule)}
tbody th,tbody td{border:0}tbody>tr>:first-child{padding-left:0}
tr.decider>:first-child{box-shadow:none;padding-left:0}tr.decider{box-shadow:inset 3px 0 var(--accent)}
tbody th{font-size:1rem}
tbody td,tbody td.number,tbody td:nth-child(6){display:grid;grid-template-columns:8.5em 1fr;gap:8px;padding:2px 0;
text-align:left;white-space:normal}
tbody tr td.none.none{display:none}td ul{min-width:0}
tbody td::before{content:attr(data-head);color:var(--muted)}
}
@media print{
@page{size:landscape;margin:12mm}
body{font-size:11pt}main{max-width:none;padding:0}dl,.legend{margin-bottom:20px}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
.scroll{overflow:visible;margin:0;padding:0}.timeline{width:100%;height:auto}
figure,tr,dl,footer{break-inside:avoid}thead{display:table-header-group}
}
"""


def timeline(plan: Plan, title: str, seconds: float | None = None) -> str:
    """The page of a plan, whole: HTML. `seconds` is how long a run may take, None for any time."""
    names = names_of(plan)
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en" xmlns="http://www.w3.org/1999/xhtml">',
        "<head>",
        '<meta charset="utf-8"/>',
        # Whatever a file's name might smuggle in, nothing runs and nothing is fetched.
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>",
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>',
        f"<title>{_said(title)}: memory and time</title>",
        f"<style>{_STYLE}</style>",
        "</head>",
        "<body>",
        "<main>",
        *_headline(plan, title, seconds),
        *_figures(plan, seconds),
        *_chart(plan, names),
        *_table(plan, names),
        *_caveats(plan),
        "</main>",
        "</body>",
        "</html>",
    ]
    return "\n".join(lines) + "\n"


def _headline(plan: Plan, title: str, seconds: float | None) -> Iterator[str]:
    said = verdict(plan)
    if plan.unknown and plan.stages and plan.fits:
        said += ", as far as its files are known"
    kind, sign = "fits", "✓"
    if not plan.fits:
        kind, sign = "stops", "✕"
    elif plan.offloaded >= WORTH or plan.unknown or not plan.stages or any(stage.tiled for stage in plan.stages):
        kind, sign = "short", "△"
    yield "<header>"
    yield f"<h1>{_said(title)}</h1>"
    yield f'<p class="verdict {kind}"><span aria-hidden="true">{sign}</span>{_said(said[:1].upper() + said[1:])}</p>'
    yield f'<p class="why">A prediction for {_said(machine_words(plan))}; nothing was run. {_said(_why(plan))}</p>'
    yield "</header>"


def _why(plan: Plan) -> str:
    """What decides, and why."""
    stage = plan.decides
    if stage is None:
        return ""
    name = f'"{clean(stage.name)}" ({what(stage)})'
    if stage.stops:
        return (
            f"{name} is the first stage for which {gib(plan.machine.vram)} GiB are too little. The smallest card on "
            f"which a run gets to its end has {gib(plan.least)} GiB."
        )
    if stage.offloaded >= WORTH:
        return (
            f"{name} decides. Its peak is no more than {gib(stage.low)} to {gib(stage.high)} GiB because "
            f"{gib(stage.offloaded)} GiB of its model stay in RAM and are copied over at every pass."
        )
    return f"{name} decides: a card that holds its models whole needs {gib(stage.whole)} GiB."


def _figures(plan: Plan, seconds: float | None) -> Iterator[str]:
    machine = plan.machine
    rows: list[tuple[str, str, str, bool]] = [
        ("Card", f"{gib(machine.vram)} GiB", machine.name or "not named", False),
        _ram(plan),
        _time(plan, seconds),
    ]
    if plan.stages:
        rows.append(("Card that holds it whole", f"{gib(plan.whole)} GiB", "nothing of a stage's model in RAM", False))
        rows.append(("Smallest card", f"{gib(plan.least)} GiB", "nearly everything in RAM, and slow", False))
    yield "<dl>"
    for head, told, small, bad in rows:
        more = f"<small{' class=' + chr(34) + 'bad' + chr(34) if bad else ''}>{_said(small)}</small>" if small else ""
        yield f"<div><dt>{head}</dt><dd>{_said(told)}{more}</dd></div>"
    yield "</dl>"


def _ram(plan: Plan) -> tuple[str, str, str, bool]:
    there = gib(plan.machine.ram)
    if plan.ram > plan.machine.ram:
        return "RAM", f"about {gib(plan.ram)} GiB", f"of {there} GiB: it will swap", True
    return "RAM", f"about {gib(plan.ram)} GiB" if plan.stages else "–", f"of {there} GiB", False


def _time(plan: Plan, seconds: float | None) -> tuple[str, str, str, bool]:
    allowed = "" if seconds is None else f"; {clock(seconds)} allowed"
    if not plan.stages:
        return "Time", "–", allowed[2:], False
    if not plan.fits and not plan.pages:
        return "Time", "–", f"the run doesn't get to its end{allowed}", False
    if plan.seconds is None:
        return "Time", "not known", f"it takes the card's name{allowed}", False
    late = seconds is not None and plan.seconds > seconds
    return "Time", f"about {duration(plan.seconds)}", f"without loading from disk{allowed}", late


def _chart(plan: Plan, names: Names) -> Iterator[str]:
    if not plan.stages:
        return
    wide = (
        "A column is the wider the longer its stage takes"
        if plan.seconds
        else "Columns are equally wide, for times are known only for a card with a name"
    )
    yield "<figure>"
    yield "<h2>What is on the card</h2>"
    yield (
        f'<p class="note">GiB, stage by stage. {wide}. The figure over a bar is the band in which its peak lies; '
        "what is under the ground line is left in RAM.</p>"
    )
    yield '<div class="scroll" role="region" aria-label="Timeline of the card\'s memory" tabindex="0">'
    yield drawing(plan, names)
    yield "</div>"
    yield '<ul class="legend">'
    parts = [("context", 0, "CUDA and the desktop")]
    parts += [(f"m{names.hue(model)}", names.texture(model), told) for model, told in names.shown.items()]
    if any(_beside(plan, stage) for stage in plan.stages):
        parts.append(("other", 0, OTHER))
    parts += [("work", 0, "working memory"), ("band", 4, "band of the peak")]
    if any(stage.offloaded >= WORTH for stage in plan.stages):
        parts.append(("ram", 6, "left in RAM"))
    if any(stage.high > plan.machine.vram for stage in plan.stages):
        parts.append(("over", 5, "beyond the card"))
    for kind, texture, told in parts:
        yield f"<li>{swatch(kind, texture)}{_said(told)}</li>"
    yield "</ul>"
    yield "</figure>"


def _beside(plan: Plan, stage: Stage) -> int:
    """Weights on the card that ComfyUI's books don't have, in bytes: an upscale model's."""
    return stage.static - plan.machine.context - sum(stage.resident.values())


def _table(plan: Plan, names: Names) -> Iterator[str]:
    if not plan.stages:
        return
    # The roles are those of a table anyway; on a small screen, where it is laid out otherwise, browsers forget them.
    yield '<h2 id="stages">Stage by stage</h2>'
    yield '<p class="note">The same figures. Peaks are bands; parts below 0.05 GiB are left out.</p>'
    yield '<table role="table" aria-labelledby="stages">'
    yield '<thead role="rowgroup"><tr role="row">'
    for at, head in enumerate(_HEADS):
        number = ' class="number"' if _is_number(at) else ""
        yield f'<th scope="col" role="columnheader"{number}>{head}</th>'
    yield '</tr></thead><tbody role="rowgroup">'
    end = reached(plan)
    for at, stage in enumerate(plan.stages):
        yield from _row(plan, stage, names, late=at >= end)
    yield "</tbody></table>"


def _is_number(at: int) -> bool:
    return at in (3, 4, 6, 7)


def _row(plan: Plan, stage: Stage, names: Names, *, late: bool) -> Iterator[str]:
    decides = stage is plan.decides
    held = [(names.shown[name], size) for name, size in stage.resident.items() if size >= WORTH]
    if (beside := _beside(plan, stage)) >= WORTH:
        held.append((OTHER, beside))
    listed = "".join(f"<li><span>{_said(name)}</span><span>{gib(size)}</span></li>" for name, size in held)
    happens = _said(what(stage))
    if stage.stops:
        happens += f' <span class="tag bad">out of memory ({_said(stage.oom)})</span>'
    elif late:
        happens += ' <span class="tag">not reached</span>'
    elif decides:
        happens += ' <span class="tag">decides</span>'
    cells = (
        happens,
        f"<ul>{listed}</ul>" if listed else "–",
        band(stage),
        gib(stage.offloaded) if stage.offloaded >= WORTH else "–",
        _AT_ONCE.get(stage.batch, "–"),
        str(stage.times),
        "?" if stage.seconds is None else duration(stage.seconds),
    )
    yield f'<tr role="row"{" class=" + chr(34) + "decider" + chr(34) if decides else ""}>'
    yield f'<th scope="row" role="rowheader">{_said(stage.name)}</th>'
    for at, (head, cell) in enumerate(zip(_HEADS[1:], cells, strict=True), 1):
        kinds = "number" * _is_number(at) + " none" * (cell == "–")
        yield f'<td role="cell" data-head="{head}" class="{kinds.strip()}"><span>{cell}</span></td>'
    yield "</tr>"


def _caveats(plan: Plan) -> Iterator[str]:
    """What the page knows, and what it does not."""
    yield "<footer>"
    yield (
        "<p>Predicted, not measured: ComfyUI's way of loading models, replayed on the sizes of their files. "
        "A time is 15 to 30 % off, and more where weights are left in RAM.</p>"
    )
    for told, files in (
        ("Told by their names alone, for the files are not at hand:", plan.guessed),
        ("Nothing is known of these files, so their stages are left out:", plan.unknown),
    ):
        if files:
            yield f"<p>{told}</p>"
            yield f"<ul>{''.join(f'<li>{_said(file)}</li>' for file in files)}</ul>"
    yield "</footer>"


def _said(text: str) -> str:
    """A text in which nothing is markup."""
    return escape(clean(text))

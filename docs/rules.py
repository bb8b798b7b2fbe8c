"""Writes docs/rules/: a page for each rule, with what is found in its Bad example, and an index of them."""

from __future__ import annotations

import sys
import tempfile
import textwrap
from inspect import cleandoc
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from comfyproof.diagnostics import Rule  # noqa: E402
from comfyproof.report.text import render  # noqa: E402
from comfyproof.rulebook import RULES  # noqa: E402
from rule_examples import examples, found_in  # noqa: E402

FOLDER = ROOT / "docs" / "rules"
# What rules are about, by how their codes begin; and how it is known, where the rules do not say.
FAMILIES = (
    ("CP10", "Text and files", "[the language](../language.md); YAML 1.2, JSON and [specs in Python](../python.md)"),
    ("CP11", "Workflows of ComfyUI", "ComfyUI's editor, versions 1.27 and 1.58; [workflows](../workflows.md)"),
    ("CP12", "Workflows of ComfyUI", "ComfyUI's editor, versions 1.27 and 1.58; [workflows](../workflows.md)"),
    ("CP19", "Settings and ignores", "[linting](../linting.md)"),
    ("CP2", "The language", "[the language](../language.md)"),
    ("CP3", "Nodes and links", ""),
    ("CP4", "Values", ""),
    ("CP50", "Cfg and guidance", ""),
    ("CP51", "Denoise and schedules", ""),
    ("CP52", "Steps and samplers", ""),
    ("CP53", "Steps and samplers", ""),
    ("CP54", "What goes with a model, by its name", ""),
    ("CP55", "Latents and sizes", ""),
    ("CP56", "Tiles and enlarging", ""),
    ("CP57", "Model files", ""),
    ("CP58", "Model files", ""),
    ("CP61", "Prompts", ""),
    ("CP62", "LoRAs", ""),
    ("CP63", "Names of files", ""),
    ("CP64", "What is saved", ""),
    ("CP65", "What should not be in a workflow", ""),
    ("CP7", "The target", "[memory](../memory.md)"),
    ("CP8", "Running", "[servers](../servers.md); recorded answers of ComfyUI 0.3.64"),
    ("CP9", "Promises", "[the language](../language.md)"),
)


def pages() -> dict[str, str]:
    """The text of each file of docs/rules/, by its name."""
    with tempfile.TemporaryDirectory() as folder:
        made = {f"{rule.code}.md": _page(rule, Path(folder)) for rule in RULES}
    return {**made, "README.md": _index()}


def family_of(rule: Rule) -> tuple[str, str]:
    """What a rule is about, and how that is known where it does not say so itself."""
    return next((title, source) for start, title, source in FAMILIES if rule.code.startswith(start))


def _page(rule: Rule, folder: Path) -> str:
    said = cleandoc(rule.doc).split("\n\nBad:")[0]
    if "Source: " not in said:
        said += f"\n\nSource: {family_of(rule)[1]}."
    parts = [f"# {rule.code} {rule.name}", f"{rule.severity.value.capitalize()} · [all rules](README.md)", said]
    shown = examples(rule)
    if shown:
        parts += ["## Bad", _fenced(shown["Bad"]), _fenced(_found(rule, shown["Bad"], folder), "text")]
        parts += ["## Good", _fenced(shown["Good"])]
    return "\n\n".join(parts) + "\n"


def _fenced(text: str, kind: str = "") -> str:
    return f"```{kind or ('json' if text.startswith('{') else 'yaml')}\n{text.rstrip()}\n```"


def _found(rule: Rule, example: str, folder: Path) -> str:
    """What is said of an example, of which the first lines are those on the page."""
    findings = [each for each in found_in(folder, rule, example, folder / "models") if each.rule is rule]
    return render(findings).replace(f"{folder}/", "")


def _index() -> str:
    about = (
        "What `comfyproof rules` lists, and `comfyproof explain CODE` explains. Errors are what surely fails or spoils "
        "a picture, warnings what most likely does, infos what is worth knowing. Each page says how its rule is known; "
        "what it shows as found is what `comfyproof lint` says of its example, of which the rest of the spec is left "
        "out. [Linting](../linting.md) says how to select and ignore rules."
    )
    parts = ["# Rules", textwrap.fill(about, 120, break_on_hyphens=False)]
    titles = dict.fromkeys(family_of(rule)[0] for rule in RULES)
    for title in titles:
        rows = [
            f"| [{rule.code}]({rule.code}.md) | {rule.name} | {rule.severity.value} | {_first(rule)} |"
            for rule in RULES
            if family_of(rule)[0] == title
        ]
        parts.append("\n".join([f"## {title}", "", "| | | | |", "|---|---|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"


def _first(rule: Rule) -> str:
    """The first sentence of a rule's page, as a cell of a table has it."""
    lines = " ".join(rule.doc.split("\n\n")[0].split())
    return (lines.split(". ")[0].rstrip(".") + ".").replace("|", "\\|")


def main() -> None:
    """Writes the pages, and takes away those of rules that are gone."""
    FOLDER.mkdir(exist_ok=True)
    wanted = pages()
    for file in FOLDER.glob("*.md"):
        if file.name not in wanted:
            file.unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

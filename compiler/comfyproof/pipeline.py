"""A pipeline in an author's own program: written down call by call, and compiled there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .python.draft import Draft

if TYPE_CHECKING:
    from .catalog.pinned import Catalog
    from .diagnostics import Diagnostic
    from .driver import Compiled


class NotCompiled(ValueError):
    """A pipeline has errors; the message shows all findings, each at the author's line."""

    def __init__(self, findings: tuple[Diagnostic, ...]) -> None:
        from .report.text import render

        super().__init__("\n" + render(findings).rstrip())
        self.findings = findings


class Pipeline(Draft):
    """A pipeline: its inputs, models, stages and checks, in the words of the language.

    p = Pipeline("enhance", target={"gpu": "rtx-3090"})
    """

    def compile(
        self,
        *,
        variant: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        catalog: Catalog | None = None,
    ) -> dict[str, Any]:
        """The workflow that ComfyUI's server takes, as `comfyproof compile` writes it. Raises NotCompiled."""
        from .formats.api import to_api

        compiled = self._compiled(variant, inputs, settings, catalog, needed=True)
        if compiled.program is None:
            raise NotCompiled(compiled.findings)
        return dict(to_api(compiled.program.graph))

    def findings(
        self,
        *,
        variant: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        catalog: Catalog | None = None,
    ) -> tuple[Diagnostic, ...]:
        """What is wrong with it, in reading order; inputs may lack a value."""
        return self._compiled(variant, inputs, settings, catalog, needed=False).findings

    def _compiled(
        self,
        variant: str | None,
        inputs: Mapping[str, Any] | None,
        settings: Mapping[str, Any] | None,
        catalog: Catalog | None,
        *,
        needed: bool,
    ) -> Compiled:
        import json

        from .catalog.pinned import built_in
        from .driver import compile_source
        from .spec.dollars import as_text
        from .spec.pipeline import Changes

        given = {name: as_text(value) for name, value in (inputs or {}).items()}
        changed = [(path, json.dumps(value)) for path, value in (settings or {}).items()]
        source, findings = self.read()
        changes = Changes(given, changed, variant, needed)
        return compile_source(source.file, source, findings, catalog or built_in(), changes)

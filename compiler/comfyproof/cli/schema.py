"""schema: the language as a JSON Schema."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from .exits import Exit
from .terminal import catalog_option, read_catalog_option


@click.command("schema")
@click.option(
    "-o", "--output", type=click.Path(), metavar="FILE", help="Where to write it; standard output, unless given."
)
@click.option("--nodes", is_flag=True, help="With all nodes of the catalog; --catalog alone says so, too.")
@catalog_option
def schema_command(output: str | None, nodes: bool, catalog_file: str | None) -> int:
    """Write the JSON Schema of specs, for completion and checking in editors.

    An editor takes it from a spec's first line: # yaml-language-server: $schema=comfyproof.schema.json
    With --catalog it knows that server's nodes, and offers its model files.
    """
    from ..spec.schema import as_text, language_schema

    catalog = read_catalog_option(catalog_file)
    text = as_text(language_schema(catalog, nodes=nodes or catalog_file is not None))
    if output in (None, "-"):
        sys.stdout.buffer.write(text.encode())
    else:
        from ..run.folder import write_whole

        write_whole(Path(str(output)), text.encode())
    return Exit.FINE

"""read_header: the header of a model file, whatever its format."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import IO

from .header import BadHeader, Header

_SAFE_SUFFIXES = (".safetensors", ".sft")
_WEB = (b"<!doctype", b"<html", b"<?xml", b"<head")


def read_header(path: str | Path) -> Header:
    """The header of a model file: safetensors, GGUF, or a pickle of PyTorch's, of which nothing is executed.

    Reads no more of the file than that. Raises BadHeader, which says what is wrong: with a file that is none of these,
    is cut off or lies about itself, cannot be read, is not a plain file, or changes while it is read.
    """
    try:
        # Opening a pipe would wait for somebody to write into it.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        what = "is a link that leads nowhere" if os.path.islink(path) else "is not there"
        raise BadHeader("missing", what) from None
    except (OSError, ValueError) as problem:
        raise BadHeader("unreadable", f"cannot be opened: {getattr(problem, 'strerror', problem)}") from None
    try:
        before = os.fstat(handle)
        if not stat.S_ISREG(before.st_mode):
            raise BadHeader("no_file", "is a folder" if stat.S_ISDIR(before.st_mode) else "is not a plain file")
        with open(handle, "rb", closefd=False) as stream:
            header = _read(stream, before.st_size, os.fspath(path).lower())
        after = os.fstat(handle)
    except OSError as problem:
        raise BadHeader("unreadable", f"cannot be read: {problem.strerror}") from None
    finally:
        os.close(handle)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise BadHeader("changed", "changed while it was read")
    return header


def _read(stream: IO[bytes], size: int, name: str) -> Header:
    start = stream.read(64)
    if not start:
        raise BadHeader("empty", "is empty")
    if start.startswith(b"version https://git-lfs"):
        raise BadHeader("lfs_pointer", "is a Git LFS pointer, not the file that it stands for")
    if start.lstrip().lower().startswith(_WEB):
        raise BadHeader("web_page", "is a web page, not a model: the download failed")
    stream.seek(0)
    if start.startswith(b"GGUF"):
        from .gguf import read_gguf

        return read_gguf(stream, size)
    pickled = start.startswith((b"PK\x03\x04", b"PK\x05\x06")) or (
        start[0] == 0x80 and start[1:2] in b"\x01\x02\x03\x04\x05"
    )
    if pickled and not _is_safe(start, size):
        from .pickled import read_pickle

        if name.endswith(_SAFE_SUFFIXES):
            raise BadHeader("wrong_suffix", "is a pickle with the name of a safetensors file: ComfyUI cannot load it")
        return read_pickle(stream, size)
    if name.endswith(_SAFE_SUFFIXES) or _is_safe(start, size):
        from .safetensors import read_safetensors

        header = read_safetensors(stream, size)
        if not name.endswith((*_SAFE_SUFFIXES, ".gguf")):
            raise BadHeader("wrong_suffix", "is a safetensors file by another name: ComfyUI cannot load it", header)
        return header
    if name.endswith(".gguf"):
        raise BadHeader("no_gguf", "is no GGUF file")
    from .pickled import read_pickle

    return read_pickle(stream, size)


def _is_safe(start: bytes, size: int) -> bool:
    """Whether a file starts as a safetensors file does: the length of its header, and an opening brace."""
    return start[8:9] == b"{" and int.from_bytes(start[:8], "little") <= size - 8

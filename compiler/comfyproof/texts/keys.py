"""Texts that have the form of somebody's key or token."""

from __future__ import annotations

import re

SHOWN = 4  # letters of a key that tell whose it is
# The name of each group is who takes the key.
KEY = re.compile(
    r"(?<![A-Za-z0-9_-])(?:"
    r"(?P<OpenAI>sk-(?:proj-|svcacct-)?[A-Za-z0-9_-]{20,})"
    r"|(?P<Hugging_Face>hf_[A-Za-z0-9]{30,})"
    r"|(?P<GitHub>gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,})"
    r"|(?P<AWS>(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9]))"
    r"|(?P<Google>AIza[A-Za-z0-9_-]{35})"
    r"|(?P<Replicate>r8_[A-Za-z0-9]{36,})"
    r"|(?P<Comfy_Org>comfyui-[a-f0-9]{60,})"
    r"|(?P<Slack>xox[abprs]-[A-Za-z0-9-]{10,})"
    r"|(?P<a_service>eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,})"
    r"|(?P<a_user>-----BEGIN [A-Z ]*PRIVATE KEY-----)"
    r")"
)


def masked(text: str) -> str:
    """Text as long as this, with a star for each letter of what looks like a key, but for the first few."""
    return KEY.sub(lambda found: found[0][:SHOWN] + "*" * (len(found[0]) - SHOWN), text)

"""The versions of ComfyUI that the emulator can play, and in what they differ for a client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """One version. Its nodes and its verdicts are the catalog's: what differs here is how it is talked to."""

    version: str
    frontend: str | None  # the web editor that comes with it, and the templates that go with that, where known
    templates: str | None
    takes_ids: bool = True  # of prompts, chosen by the client
    wants_uuids: bool = False
    interrupts_one: bool = True
    takes_targets: bool = True
    tells_features: bool = True
    has_offsets: bool = True
    tells_states: bool = True  # progress_state messages
    has_jobs: bool = False
    names_missing_node: bool = False  # by an error type of its own


PROFILES: Mapping[str, Profile] = {
    profile.version: profile
    for profile in (
        Profile(
            "0.3.43",
            "1.23.4",
            "0.1.30",
            takes_ids=False,
            interrupts_one=False,
            takes_targets=False,
            tells_features=False,
            has_offsets=False,
            tells_states=False,
        ),
        Profile("0.3.64", "1.27.10", "0.1.95"),
        Profile("0.36.0", None, None, wants_uuids=True, has_jobs=True, names_missing_node=True),
    )
}
USUAL = PROFILES["0.3.64"]

"""What can be amiss in the editor's JSON that its editor passes over without a word."""

from __future__ import annotations

from ..diagnostics import Rule, Severity

UNKNOWN_CLASS = Rule(
    "CP114",
    "unknown-class",
    Severity.ERROR,
    "A node in the editor's JSON is of a class that the catalog does not have. The editor keeps values by position, "
    "so that without the class nobody can tell which input each of them belongs to.",
)
KEPT_UNKNOWN = Rule(
    "CP115",
    "kept-unknown",
    Severity.WARNING,
    "A node of an unknown class was converted as far as the file says what its values are, since --keep-unknown "
    "asked for it.",
)
LOST_INPUT = Rule(
    "CP116",
    "lost-input",
    Severity.WARNING,
    "A link goes into an input that the node's class does not have in this catalog; the editor leaves it out.",
)
PICKED = Rule(
    "CP117",
    "picked-text",
    Severity.INFO,
    "A text holds a choice such as {red|blue}. The editor picks one at random each time it sends the workflow; "
    "here the first is taken, so that the same file gives the same graph.",
)
FILLED_LATER = Rule(
    "CP118",
    "filled-later",
    Severity.WARNING,
    "A file name holds a date in a form that only the editor fills in; sent to a server as it is, it stays as text.",
)
DRAWN = Rule(
    "CP119",
    "drawn-by-editor",
    Severity.WARNING,
    "An input takes a picture that the editor draws or films when it sends the workflow. No file holds it.",
)
IGNORED_VALUES = Rule(
    "CP120",
    "ignored-values",
    Severity.INFO,
    "A node holds more values than its class has widgets, or values by name. The editor takes as many as there are "
    "widgets, from the first on, and ignores the others.",
)
MISFIT_VALUE = Rule(
    "CP121",
    "misfit-value",
    Severity.WARNING,
    "A value is none that its widget can hold: text where a number belongs, or no option of a combo. The editor takes "
    "it as it is. Often the file was made with another version of the node, and its values have moved.",
)
EDITOR_SLIP = Rule(
    "CP123",
    "editor-slip",
    Severity.WARNING,
    "The editor sends something that nobody meant, for a fault of its own; here it is sent just so.",
)
RULES = (
    UNKNOWN_CLASS,
    KEPT_UNKNOWN,
    LOST_INPUT,
    PICKED,
    FILLED_LATER,
    DRAWN,
    IGNORED_VALUES,
    MISFIT_VALUE,
    EDITOR_SLIP,
)

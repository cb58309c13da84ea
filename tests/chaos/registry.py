"""The list of invariants, in the order of their definition."""
from typing import NamedTuple

INVARIANTS = {}


class Violation(NamedTuple):
    invariant: str
    subject: str  # What it is about: "jobs/J", "instances/x", ...
    text: str

    def __str__(self):
        return f"{self.invariant}: {self.subject}: {self.text}"


def invariant(function):
    """Registers a generator of (subject, text) over a View under its own name."""
    INVARIANTS[function.__name__] = function
    return function

"""Judges a run by what everybody wrote down about it (evidence.py).

check(evidence) is pure, so a failed run's file is judged again offline, by `checker.py FILE...`, which
prints each violation and ends with 1 when there is one. The invariants live in invariants_*.py; each
is a generator of (subject, text) over a View, registered under its name.
"""
import json
import sys
import traceback
from pathlib import Path

import invariants_dispatch  # noqa: F401  The imports register the invariants.
import invariants_jobs  # noqa: F401
import invariants_targets  # noqa: F401
from registry import INVARIANTS, Violation
from view import View

FORMAT = 1


def check(evidence):
    """[Violation], empty for a run in which everything held."""
    if evidence.get("format") != FORMAT:
        raise ValueError(f"evidence of format {evidence.get('format')}, this checker knows {FORMAT}")
    view, found = View(evidence), []
    for name, function in INVARIANTS.items():
        try:
            found += [Violation(name, subject, text) for subject, text in function(view)]
        except Exception:  # Evidence that cannot be read must not hide what the others find.
            found.append(Violation(name, "evidence", "cannot be judged: " + traceback.format_exc()))
    return found


def main():
    if len(sys.argv) < 2:
        sys.exit(f"usage: {sys.argv[0]} FILE...   (what collect() returned, as JSON)")
    failed = False
    for name in sys.argv[1:]:
        violations = check(json.loads(Path(name).read_text()))
        print(f"{name}: {len(violations)} violations of {len(INVARIANTS)} invariants")
        for violation in violations:
            print(f"  {violation}")
        failed |= bool(violations)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

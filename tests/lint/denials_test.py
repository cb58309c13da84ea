#!/usr/bin/env python3
"""`audit list --outcome denied` is whole: each action of the audit trail whose name says that something
was refused is among kDenials of audit_service.cc, or listed in OTHERS with the reason.

    denials_test.py ROOT
"""
import re
import sys
from pathlib import Path

ACTION = re.compile(r'"([a-z]+(?:\.[a-z_]+)+)"')
OTHERS = {
    "change.rollback_refused": "the rollout's own rollback: nobody called",
    "rule.refused": "what a rule proposed and could not become a job: nobody called",
}


def main():
    root = Path(sys.argv[1])
    service = (root / "controller/api/audit_service.cc").read_text()
    listed = re.search(r"kDenials\[\]\s*=\s*\{(.*?)\};", service, re.S)
    denials = set(ACTION.findall(listed.group(1))) if listed else set()
    written = set()
    for path in (root / "controller").rglob("*.cc"):
        if "cli" in path.parts or "routes" in path.parts:
            continue  # They read records.
        written |= {action for action in ACTION.findall(path.read_text())
                    if re.search(r"(\.|_)(denied|refused)$", action)}
    faults = [f"{action} is neither in kDenials (controller/api/audit_service.cc) nor in OTHERS here"
              for action in sorted(written - denials - OTHERS.keys())]
    faults += [f"{action} is written nowhere" for action in sorted((denials | OTHERS.keys()) - written)]
    if not denials or not written:
        faults.append("found no actions: this test looks in the wrong places")
    print("\n".join(faults) or f"{len(denials)} denials, {len(OTHERS)} others")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

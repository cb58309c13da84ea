#!/usr/bin/env python3
"""Every durable step has a failpoint before and after it (docs/checklists/new-durable-step.md).

A durable step is a call of one of the primitives below. The function that makes it has to hold a
failpoint named "....before" above the call and one named "....after" below it, or be listed in EXEMPT
with the reason. The list of failpoints that the crash test drives is made from what it finds here.

    durable_steps_test.py ROOT [--list]
"""
import re
import sys
from pathlib import Path

PRIMITIVE = re.compile(
    r'(?<![\w.>])(fsync|fdatasync|rename|renameat2?)\s*\(|Execute\("COMMIT"\)|Command\("COMMIT"\)')
POINT = re.compile(r'DBFLEET_FAILPOINT\w*\(\s*"([a-z_.]+)\.(before|after)"')
# Neither in a comment nor inside a text is anything called; a text counts for what it is given to.
NO_CODE = re.compile(r"""//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])'""")

# (file, function): why a crash around this step needs no failpoint of its own.
EXEMPT = {
    ("common/base/files.cc", "WriteAndSync"): "inside WriteFileAtomically, which has them",
    ("common/base/files.cc", "SyncDirectory"): "each caller's step has its own",
    ("controller/store/sqlite/store_copy.cc", "SyncFile"):
        "a copy counts only once its MANIFEST is there, or its final name, which come later",
    ("controller/app/backup.cc", "Restore"):
        "a person's command; cut short, it leaves no store, and is repeated into an empty folder",
    ("controller/logs/job_log.cc", "LoadSegment"): "repeats a sync that may have been missed",
    ("controller/store/sqlite/disk_guard.cc", "MakeBallast"): "ballast: losing it costs nothing",
    ("controller/cli/out_file.cc", "Commit"): "a file of the user's own machine",
}
FUNCTION = re.compile(r"^(?!\s|#|//|\}|namespace|class|struct|enum|using|template|constexpr|static_assert)"
                      r"[^\n;=]*?(?:(\w+)::)?(~?\w+)\([^;]*?\)[^;{]*\{", re.M)


def code_of(text):
    """The text with comments made blank and without parentheses inside its texts."""
    def blank(match):
        word = match.group()
        return " " * len(word) if word.startswith("//") else word.replace("(", " ")
    return NO_CODE.sub(blank, text)


def functions(text):
    """(name, first offset, last offset) of each function that begins at the left margin."""
    for match in FUNCTION.finditer(text):
        end = text.find("\n}", match.end())
        yield match.group(2), match.start(), len(text) if end < 0 else end


def check(root):
    """(problems, names of the failpoints found, number of durable steps)."""
    problems, names, steps, used = [], set(), 0, set()
    for folder in ("agent", "common", "controller"):
        for path in sorted((root / folder).rglob("*.cc")):
            text = code_of(path.read_text())
            name_of = path.relative_to(root).as_posix()
            names |= {".".join(m.groups()) for m in POINT.finditer(text)}
            spans = list(functions(text))
            for call in PRIMITIVE.finditer(text):
                steps += 1
                span = next((s for s in spans if s[1] <= call.start() < s[2]), None)
                where = f"{name_of}:{text.count(chr(10), 0, call.start()) + 1}"
                if span is None:
                    problems.append(f"{where}: {call.group()} stands in no function that this test "
                                    "can read")
                    continue
                if (name_of, span[0]) in EXEMPT:
                    used.add((name_of, span[0]))
                    continue
                before = {m.group(1) for m in POINT.finditer(text, span[1], call.start())
                          if m.group(2) == "before"}
                after = {m.group(1) for m in POINT.finditer(text, call.start(), span[2])
                         if m.group(2) == "after"}
                if not before & after:
                    problems.append(f"{where}: {call.group()} in {span[0]} has no failpoint "
                                    "X.before above and X.after below it; see "
                                    "docs/checklists/new-durable-step.md")
    for entry in sorted(set(EXEMPT) - used):
        problems.append(f"EXEMPT names {entry}, where no durable step is")
    return problems, names, steps


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    problems, names, steps = check(root)
    if "--list" in sys.argv:
        print("\n".join(sorted(names)))
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{steps} durable steps, {len(names)} failpoints, {len(problems)} problems",
          file=sys.stderr)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Pages of docs/reference are made of the comments in proto/dbfleet/resource/v1/*.proto.

    resource_reference.py [ROOT]            ends with 1 if a page is not what the comments say
    resource_reference.py --write [ROOT]    writes the pages
"""
import re
import sys
from pathlib import Path

RESOURCES_HEAD = """# Declared resources

Made of the comments in `{proto}` by `tests/lint/resource_reference.py --write`; a test holds
both equal. How to use them: [Maintenance windows](../guides/maintenance-windows.md), [Schedules](../guides/schedules.md).

{intro}

Several resources stand in one file with `---` between them. `dbfleet apply -f FILE|FOLDER` creates and updates all of
them or none, `dbfleet diff -f` shows what that would change, `dbfleet get KIND/NAME -o yaml` prints what `apply` reads,
`dbfleet delete KIND/NAME` deletes. A field that is not known, a key that is there twice, an anchor and a value of
another type are refused with line and column.
"""
CASES_HEAD = """# Cases for policies

Made of the comments in `{proto}` by `tests/lint/resource_reference.py --write`; a test holds
both equal. How to use them: [Policies and promotion](../guides/policies.md).

{intro}

`dbfleet policy test FILE` needs no controller: it evaluates each case by the function that the controller uses, for one
target. It ends with 0 if all pass, 1 if one does not, 2 if a file is wrong.
"""
ROUTES_HEAD = """# Notification routes

Made of the comments in `{proto}` by `tests/lint/resource_reference.py --write`; a test holds
both equal. How to use them, triggers and fields: [Notifications](../guides/notifications.md). What all declared resources
have in common: [Declared resources](resources.md).

{intro}
"""
RULES_HEAD = """# Event rules

Made of the comments in `{proto}` by `tests/lint/resource_reference.py --write`; a test holds
both equal. How to use them, and which events there are: [Event rules](../guides/event-rules.md). What all declared resources
have in common: [Declared resources](resources.md).

{intro}
"""
# (source, page, head)
PAGES = [
    ("proto/dbfleet/resource/v1/resource.proto", "docs/reference/resources.md", RESOURCES_HEAD),
    ("proto/dbfleet/resource/v1/notification_route.proto", "docs/reference/notification-routes.md", ROUTES_HEAD),
    ("proto/dbfleet/resource/v1/event_rule.proto", "docs/reference/event-rules.md", RULES_HEAD),
    ("proto/dbfleet/resource/v1/policy_cases.proto", "docs/reference/policy-cases.md", CASES_HEAD),
]
FIELD = re.compile(r"(?P<label>optional |repeated )?(?P<type>map<[^>]+>|[\w.]+) (?P<name>\w+) = \d+;"
                   r"(?:\s*// (?P<comment>.*))?$")
WORDS = {"string": "text", "int32": "number", "int64": "number", "bool": "true or false",
         "google.protobuf.Duration": "duration", "map<string, string>": "map of texts"}


def read(proto, text):
    """The file's introduction and its messages: [(name, comment, [(name, type, comment)])]."""
    intro, messages, pending, fields = "", [], [], None
    for line in (line.strip() for line in text.splitlines()):
        field = FIELD.match(line)
        if line.startswith("//"):
            pending.append(line[2:].strip())
        elif line.startswith("syntax"):
            intro, pending = " ".join(pending), []
        elif line.startswith("message "):
            fields = []
            messages.append((line.split()[1], " ".join(pending), fields))
            pending = []
        elif fields is not None and field:
            kind = field["type"]
            if kind not in WORDS and not kind[0].isupper():
                raise SystemExit(f"{proto}: WORDS has no word for {kind}")
            word = WORDS.get(kind, f"[{kind}](#{kind.lower()})")
            if (field["label"] or "").startswith("repeated"):
                word = f"list of {word}s" if kind in WORDS else f"list of {word}"
            fields.append((field["name"], word, " ".join(pending + [field["comment"] or ""]).strip()))
            pending = []
        elif line == "}":
            fields = None
        elif line and not line.startswith(("package ", "import ")):
            raise SystemExit(f"{proto}: not understood: {line}")
        elif not line and fields is None:
            pending = []
    return intro, messages


def linked(word, here):
    """What another file declares is on the page of what all resources have in common."""
    return re.sub(r"\[(\w+)\]\(#", lambda m: m[0] if m[1] in here else m[0].replace("(#", "(resources.md#"), word)


def page(root, proto, head):
    intro, messages = read(proto, (root / proto).read_text(encoding="utf-8"))
    here = {name for name, _, _ in messages}
    lines = [head.format(proto=proto, intro=intro)]
    for name, comment, fields in messages:
        missing = [field for field, _, text in fields if not text and field not in ("metadata", "spec", "policy", "cases",
                                                                                  "change", "approvals", "environment",
                                                                                  "verdict")]
        if missing:
            raise SystemExit(f"{proto}: {name}: no comment for {', '.join(missing)}")
        lines += [f"## {name}\n"] + ([f"{comment}\n"] if comment else [])
        lines += ["| field | is | meaning |", "|---|---|---|"]
        lines += [f"| `{field}` | {linked(word, here)} | {text} |" for field, word, text in fields] + [""]
    return "\n".join(lines)


def main(arguments):
    write = arguments[:1] == ["--write"]
    rest = arguments[1:] if write else arguments
    root = Path(rest[0]) if rest else Path(__file__).resolve().parents[2]
    wrong = 0
    for proto, name, head in PAGES:
        wanted = page(root, proto, head)
        if write:
            (root / name).write_text(wanted, encoding="utf-8")
        elif (root / name).read_text(encoding="utf-8") != wanted:
            print(f"{name} is not what {proto} says; run tests/lint/resource_reference.py --write")
            wrong = 1
    return wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

#!/usr/bin/env python3
"""durable_steps_test notices each failpoint that is taken away, and each durable step that is added.

    durable_steps_selftest.py ROOT
"""
import re
import sys
import tempfile
import unittest
from pathlib import Path

from durable_steps_test import EXEMPT, PRIMITIVE, check

ROOT = Path(sys.argv.pop()).resolve() if len(sys.argv) > 1 else Path(".").resolve()
LINE = re.compile(r'^.*DBFLEET_FAILPOINT\w*\(\s*"[a-z_.]+\.(?:before|after)".*\n', re.M)


def problems_of(name, text):
    """What the test says about a tree with this one file, apart from unused exemptions."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
        return [p for p in check(Path(folder))[0] if not p.startswith("EXEMPT")]


class DurableStepsTest(unittest.TestCase):
    def test_each_failpoint_beside_a_durable_step_is_needed(self):
        tried = 0
        for folder in ("agent", "common", "controller"):
            for path in (ROOT / folder).rglob("*.cc"):
                text, name = path.read_text(), path.relative_to(ROOT).as_posix()
                if not PRIMITIVE.search(text) or any(name == file for file, _ in EXEMPT):
                    continue
                self.assertEqual(problems_of(name, text), [])
                for line in LINE.finditer(text):
                    without = text[:line.start()] + text[line.end():]
                    if problems_of(name, without):
                        tried += 1
        self.assertGreaterEqual(tried, 12)

    def test_a_new_durable_step_without_failpoints_is_named(self):
        for step in ("fsync(fd);", "rename(a, b);", 'db.Execute("COMMIT");', "::fdatasync(fd);"):
            problems = problems_of("agent/x.cc", f"int Save(int fd) {{\n  {step}\n}}\n")
            self.assertEqual(len(problems), 1, step)
            self.assertIn("agent/x.cc:2", problems[0])

    def test_words_in_comments_do_not_count(self):
        self.assertEqual(problems_of("agent/x.cc", "void F() {\n  // fsync(fd) comes later\n}\n"), [])

    def test_words_in_texts_do_not_count_and_hide_nothing_behind_them(self):
        text = 'int F(int fd) {{\n  Say("write Schema::rename(a, \\"b\\"), //");{}\n}}\n'
        self.assertEqual(problems_of("agent/x.cc", text.format("")), [])
        self.assertEqual(len(problems_of("agent/x.cc", text.format(" fsync(fd);"))), 1)


if __name__ == "__main__":
    unittest.main()

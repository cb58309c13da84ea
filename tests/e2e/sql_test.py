"""`dbfleet sql` as CI runs it: no controller, no login, answers that keep their published form."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

try:
    import jsonschema
except ImportError:
    jsonschema = None

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = None
OK, USAGE, REFUSED = 0, 2, 5
MIGRATION = """-- dbfleet:ignore dbf-drop-table nothing reads it since May
DROP TABLE app.old_orders;
CREATE INDEX orders_by_customer ON app.orders (customer_id);
INSERT INTO app.orders (id) VALUES (1);
SELECT 'caf\u00e9' FROM app.orders WHERE id = 1 OR 1 = 1;
"""


class SqlTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="dbf-sql-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.script = self.folder / "0001_orders.up.sql"
        self.script.write_text(MIGRATION)

    def dbfleet(self, *words, text=None, code=OK):
        # Neither a home nor a login.
        result = subprocess.run([BINARY, "sql", *map(str, words)], input=text, text=True, timeout=60,
                                capture_output=True, env={"PATH": "/nowhere"}, check=False)
        self.assertEqual(result.returncode, code, result)
        return result

    def lint(self, *words, dialect="postgresql-15", code=OK):
        return self.dbfleet("lint", "--dialect", dialect, *words, self.script, code=code)

    @unittest.skipIf(jsonschema is None, "python3-jsonschema is not installed")
    def test_answers_are_what_the_schema_says(self):
        schema = json.loads((ROOT / "docs/reference/sql-report.schema.json").read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        for dialect in ("postgresql-15", "mariadb-10.11", "mysql"):
            for verb in ("split", "classify", "lint"):
                out = self.dbfleet(verb, "--dialect", dialect, "-o", "json", self.script).stdout
                self.assertTrue(out.isascii())
                statements = json.loads(out)
                self.assertEqual(len(statements), 4)
                jsonschema.Draft202012Validator(schema).validate(statements)
                lines = self.dbfleet(verb, "--dialect", dialect, "-o", "jsonl", self.script).stdout
                self.assertEqual([json.loads(line) for line in lines.splitlines()], statements)

    def test_a_gate_stops_at_its_threshold(self):
        self.lint()
        self.lint("--fail-on", "error")
        out = self.lint("--fail-on", "warning", code=REFUSED).stdout
        self.assertIn("write CREATE INDEX CONCURRENTLY orders_by_customer ON app.orders (customer_id)",
                      out)
        self.lint("--fail-on", "destructive", code=REFUSED)
        config = self.folder / "lint.yaml"
        config.write_text("rules:\n  dbf-index-not-concurrent: {severity: error}\n")
        self.lint("--config", config, "--fail-on", "error", code=REFUSED)

    def test_sarif_names_places_and_what_was_silenced(self):
        log = json.loads(self.lint("-o", "sarif").stdout)
        self.assertEqual(log["version"], "2.1.0")
        run, = log["runs"]
        rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
        for result in run["results"]:
            self.assertEqual(rules[result["ruleIndex"]], result["ruleId"])
        silenced, = [r for r in run["results"] if r["ruleId"] == "dbf-drop-table"]
        self.assertEqual(silenced["suppressions"][0]["justification"], "nothing reads it since May")
        index, = [r for r in run["results"] if r["ruleId"] == "dbf-index-not-concurrent"]
        region = index["locations"][0]["physicalLocation"]["region"]
        self.assertEqual((region["startLine"], region["startColumn"]), (3, 1))

    def test_the_documented_line(self):
        result = self.dbfleet("classify", "--dialect", "mariadb-10.11", "-o", "json", "-",
                              text="SELECT 1\n")
        statement, = json.loads(result.stdout)
        self.assertEqual((statement["line"], statement["column"], statement["kind"],
                          statement["class"], statement["reasons"]),
                         (1, 1, "inspection", "safe", []))

    def test_what_cannot_be_cut_names_its_place(self):
        self.script.write_text("SELECT 1;\nSELECT 'open")
        result = self.lint("-o", "json", code=USAGE)
        self.assertIn(f"{self.script}: line 2, column 8", result.stderr)
        json.loads(result.stdout)


if __name__ == "__main__":
    BINARY = pathlib.Path(sys.argv.pop(1)) / "bin" / "dbfleet"
    unittest.main()

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/match.h"

#include "common/sql/sql.h"
#include "tests/unit/common/sql/beside.h"

namespace dbfleet::sql {
namespace {

// Whether the statement that runs $q, or q, is destructive.
bool RunIsDestructive(Dialect dialect, absl::string_view code) {
  const auto statements = Split(Target(dialect), Beside(dialect, code));
  if (!statements.ok()) return true;
  bool found = false;
  bool destructive = false;
  for (const Statement& statement : *statements) {
    if (!absl::StrContains(statement.text, dialect == kPhp ? "query($q" : "query(q")) continue;
    found = true;
    destructive = destructive || Read(dialect, statement).verdict.safety == Safety::kDestructive;
  }
  EXPECT_TRUE(found) << code;
  return destructive;
}

TEST(HostConstantsTest, ConstantSqlOfALocalVariableIsReadWhereItIsRun) {
  for (absl::string_view code :
       {"$q = 'SELECT 1'; $db->query($q);",
        "$q = \"SELECT a FROM t\"; $db->query($q);",
        "$q = <<<SQL\nSELECT a\nFROM t\nSQL;\n$db->query($q);",
        "$q = <<<'SQL'\nSELECT a\nFROM t\nSQL;\n$db->query($q);",
        "$q = 'SELECT a ' . 'FROM t'; $db->query($q);",
        "$q = 'SELECT a'; $q .= ' FROM t'; $db->query($q);",
        "$q = 'SELECT a'; $p = []; $q .= ' FROM t'; $db->query($q);",
        "$q = 'SELECT a FROM t'; if ($x) { $q .= ' WHERE b = 1'; } $db->query($q);",
        "$q = 'SELECT a FROM t'; if ($x) $q .= ' WHERE b = 1'; $db->query($q);",
        "$q = 'SELECT a FROM t'; if ($x) { $q .= ' WHERE b'; $q .= ' = 1'; } $db->query($q);",
        "$q = 'SELECT a FROM '; if ($x) { $q .= 't'; } else { $q .= 'u'; } $q .= ' LIMIT 5'; "
        "$db->query($q);",
        "$q = ''; if ($x) { $q = 'SELECT 1'; } $db->query($q);",
        "$q = null; if ($x) { $q = 'SELECT 1'; } $db->query($q);",
        "if ($x) { $q = 'SELECT 1'; } else { $q = 'SELECT 2'; } $db->query($q);",
        "foreach ($l as $x) { $q = 'SELECT a'; $q .= ' FROM t'; $db->query($q); }",
        "$q = 'SELECT 1'; echo $q; error_log($q); $db->query($q); echo \"ran $q\";",
        "$q = 'SELECT 1'; $db->query($q); $q = 'SELECT 2'; $db->query($q);",
        "function f($db) { $q = 'SELECT 1'; return $db->query($q); } function g($q) { return $q; "
        "}",
        "$q = 'SELECT a FROM t LIMIT ' . (int) $n; $db->query($q);",
        "$q = 'SELECT 1'; $f = fn($x) => $db->query($q);"}) {
    EXPECT_FALSE(RunIsDestructive(kPhp, code)) << code;
  }
  for (absl::string_view code :
       {"q = \"SELECT 1\"\nconn.query(q)", "q = <<~SQL\n  SELECT a\n  FROM t\nSQL\nconn.query(q)",
        "q = <<~SQL.squish\n  SELECT a\n  FROM t\nSQL\nconn.query(q)",
        "q = \"SELECT a\"\nq << \" FROM t\"\nconn.query(q)",
        "q = \"SELECT a\"\nq += \" FROM t\"\nconn.query(q)",
        "q = \"SELECT a FROM t\"\nq << \" WHERE b = 1\" if x\nconn.query(q)",
        "if x\n  q = \"SELECT 1\"\nelse\n  q = \"SELECT 2\"\nend\nconn.query(q)",
        "q = \"SELECT 1\"\nputs q\nlogger.info(q)\nconn.query(q).each { |r| puts r }",
        "def f(conn)\n  q = \"SELECT 1\"\n  conn.query(q)\nend\ndef g(q)\n  q\nend"}) {
    EXPECT_FALSE(RunIsDestructive(kRuby, code)) << code;
  }
}

TEST(HostConstantsTest, WhateverElseIsDoneWithAVariableOfPhpCounts) {
  for (absl::string_view code :
       {"$q = 'DELETE FROM t'; $db->query($q);",
        "$q = 'SELECT 1'; $q = 'DELETE FROM t'; $db->query($q);",
        "$q = 'SELECT 1'; if ($x) { $q = 'DELETE FROM t'; } $db->query($q);",
        "$q = 'SELECT 1'; if ($x) $q = 'DELETE FROM t'; $db->query($q);",
        "$q = 'DELETE FROM t'; if ($x) { $q = 'SELECT 1'; } $db->query($q);",
        "if ($x): $y = 1; $q = 'DELETE FROM t'; else: $q = 'SELECT 1'; endif; $db->query($q);",
        "$q = 'DELETE FROM t'; if ($x): $y = 1; $q = 'SELECT 1'; endif; $db->query($q);",
        "$q = 'DELETE FROM t'; switch ($x) { case 1: f(); $q = 'SELECT 1'; break; case 2: "
        "$db->query($q); }",
        "$q = 'SELECT 1'; while ($x) { $db->query($q); $q = 'DELETE FROM t'; }",
        "$q = 'SELECT 1'; foreach ($l as $x) { $db->query($q); $q = 'DELETE FROM t'; }",
        "$q = 'SELECT 1'; do { $db->query($q); $q = 'DELETE FROM t'; } while ($x);",
        "$q = 'SELECT 1'; a: $db->query($q); $q = 'DELETE FROM t'; goto a;",
        "$q = 'SELECT 1; '; for (;;) { $q .= 'DELETE FROM t'; $db->query($q); }",
        "$q = 'SELECT 1'; for ($i = 0; $i < 2; $i++) $q .= \"; DELETE FROM t\"; $db->query($q);",
        "$q = 'SELECT 1 --'; if ($x) { $q .= ' '; } $q .= \"\\n; DELETE FROM t\"; $db->query($q);",
        "$q = 'SELECT 1 -- '; if ($x) { $q = 'SELECT 1'; } $q .= '; DELETE FROM t'; "
        "$db->query($q);",
        "$q = 'SELECT a FROM t'; $q .= $_GET['x']; $db->query($q);",
        "$q = 'SELECT a FROM t'; $q .= ' WHERE b = ' . $x; $db->query($q);",
        "$q = \"SELECT a FROM $t\"; $db->query($q);",
        "$q = \"SELECT a FROM {$t}\"; $db->query($q);",
        "$q = sprintf('SELECT a FROM %s', $t); $db->query($q);",
        "$q = 'SELECT 1' ?: $x; $db->query($q);",
        "$q = $x ?? 'SELECT 1'; $db->query($q);",
        "$q = 'SELECT 1'; $q ?\?= $x; $db->query($q);",
        "$q = $p = 'SELECT 1'; $db->query($q);",
        "$q = 'SELECT 1'; $q = $x; $db->query($q);",
        "$q = 'SELECT 1'; [$q] = $l; $db->query($q);",
        "$q = 'SELECT 1'; list($q) = $l; $db->query($q);",
        "$q = 'SELECT 1'; [['a' => $q]] = $l; $db->query($q);",
        "$q = 'SELECT 1'; foreach ($l as $q) { $db->query($q); }",
        "$q = 'SELECT 1'; foreach ($l as $k => $q); $db->query($q);",
        "$q = 'SELECT 1'; try { f(); } catch (E $q) { } $db->query($q);",
        "$q = 'SELECT 1'; extract($_POST); $db->query($q);",
        "$q = 'SELECT 1'; \\extract($_POST); $db->query($q);",
        "$q = 'SELECT 1'; 'extract'($_POST); $db->query($q);",
        "$q = 'SELECT 1'; array_map('parse_str', $l); $db->query($q);",
        "$q = 'SELECT 1'; $$n = $x; $db->query($q);",
        "$q = 'SELECT 1'; ${'q'} = $x; $db->query($q);",
        "$q = 'SELECT 1'; $GLOBALS['q'] = $x; $db->query($q);",
        "$q = 'SELECT 1'; include 'x.php'; $db->query($q);",
        "$q = 'SELECT 1'; eval($x); $db->query($q);",
        "$q = 'SELECT 1'; $r = &$q; $r = $x; $db->query($q);",
        "$q = 'SELECT 1'; $a = [&$q]; $a[0] = $x; $db->query($q);",
        "$q = 'SELECT 1'; $f = function () use (&$q) { $q = x(); }; $f(); $db->query($q);",
        "$q = 'SELECT 1'; function g() { global $q; $q = $_GET['x']; } g(); $db->query($q);",
        "$q = 'SELECT 1'; preg_match('/x/', $x, $q); $db->query($q);",
        "$q = 'SELECT 1'; evil($q); $db->query($q);",
        "$q = 'SELECT 1'; $e->evil($q); $db->query($q);",
        "$q = 'SELECT 1'; $e->setSQL($q); $db->query($q);",
        "$q = 'SELECT 1'; mysqli_stmt_bind_param($s, 's', $q); $db->query($q);",
        "$q = 'SELECT 1'; $s->bindParam(':a', $q); $db->query($q);",
        "$q = 'SELECT 1'; exec('ls', $q); $db->query($q);",
        "class E { function exec(&$s) { $s = 'DELETE FROM t'; } } $q = 'SELECT 1'; $e->exec($q); "
        "$db->query($q);",
        "function error_log(&$s) { $s = 'DELETE FROM t'; } $q = 'SELECT 1'; error_log($q); "
        "$db->query($q);",
        "$q = 'SELECT 1'; $q[0] = 'x'; $db->query($q);",
        "$q = 'SELECT 1'; $q++; $db->query($q);",
        "$q = 'SELECT 1'; echo \"{$e->f($q)}\"; $db->query($q);",
        "function f($q = 'SELECT 1') { $db->query($q); }",
        "function f(string $q = 'SELECT 1', $db) { $db->query($q); }",
        "function f($db, $q) { $db->query($q); $q = 'SELECT 1'; }",
        "$f = fn($q) => $db->query($q); $q = 'SELECT 1';",
        "function f($db) { static $q = 'SELECT 1'; $db->query($q); $q = 'DELETE FROM t'; }",
        "$q = 'SELECT 1'; function f($db) { $db->query($q); }",
        "$q = 'SELECT 1'; self::$q = $x; $db->query($q . $x);",
        "$q = 'SELECT 1'; $db->query(\"$q; DELETE FROM t\" . $db->query($q)); $q = $x;",
        "$q = 'SET sql_mode = \\'ANSI_QUOTES\\'; DROP TABLE t'; $db->query($q);",
        "$q = 'DELETE FROM t'; $db->query('SELECT 1')->query($q);",
        "$q = `cat x`; $db->query($q);",
        "$db->query($q = 'DELETE FROM t'); $db->query($q);"}) {
    EXPECT_TRUE(RunIsDestructive(kPhp, code)) << code;
  }
}

TEST(HostConstantsTest, WhateverElseIsDoneWithAVariableOfRubyCounts) {
  for (absl::string_view code :
       {"q = \"DELETE FROM t\"\nconn.query(q)",
        "q = \"SELECT 1\"\nq = x\nconn.query(q)",
        "q = \"SELECT 1\"\nq = \"DELETE FROM t\" if x\nconn.query(q)",
        "q = \"DELETE FROM t\"\nq = \"SELECT 1\" if x\nconn.query(q)",
        "q = \"DELETE FROM t\"\nfoo and\n  q = \"SELECT 1\"\nconn.query(q)",
        "q = \"DELETE FROM t\"\nfoo && if y\n  q = \"SELECT 1\"\nend\nconn.query(q)",
        "q = \"DELETE FROM t\"\nbegin\n  f\n  q = \"SELECT 1\"\nrescue\n  1\nend\nconn.query(q)",
        "q = \"DELETE FROM t\"\ncase x\nwhen 1\n  q = \"SELECT 1\"\nwhen 2\n  conn.query(q)\nend",
        "def q\n  x\nend\nconn.query(q)\nq = \"SELECT 1\"",
        "def q\n  x\nend\nloop do\n  conn.query(q)\n  q = \"SELECT 1\"\nend",
        "def q\n  x\nend\nl.each { q = \"SELECT 1\" }\nconn.query(q)",
        "def q\n  x\nend\nl.each { q = \"SELECT 1\" }\nm.each { conn.query(q) }",
        "q = \"DELETE FROM t\"\nl.each { q = \"SELECT 1\" }\nconn.query(q)",
        "q = \"SELECT 1\"\nf = -> { conn.query(q) }\nq = \"DELETE FROM t\"\nf.call",
        "q = \"SELECT 1\"\nl.each do\n  conn.query(q)\n  q = \"DELETE FROM t\"\nend",
        "q = \"SELECT 1\"\n2.times { q << \"; DELETE FROM t\" }\nconn.query(q)",
        "q = \"SELECT 1\"\nq << \"; DELETE FROM t\" while x\nconn.query(q)",
        "q = \"SELECT 1\"\nbegin\n  conn.query(q)\n  q = \"DELETE FROM t\"\n  f\nrescue\n  "
        "retry\nend",
        "q = \"SELECT 1\"\nq << params[:x]\nconn.query(q)",
        "q = \"SELECT 1\"\nq << x\nconn.query(q)",
        "q = \"SELECT 1\"\nq.concat(x)\nconn.query(q)",
        "q = \"SELECT 1\"\nq.replace(x)\nconn.query(q)",
        "q = \"SELECT 1\"\nq[0] = x\nconn.query(q)",
        "q = \"SELECT 1\"\nr = q\nr << x\nconn.query(q)",
        "q = \"SELECT 1\"\nl << q\nl[0] << x\nconn.query(q)",
        "q = \"SELECT #{x}\"\nconn.query(q)",
        "q = \"SELECT %s\" % x\nconn.query(q)",
        "q = \"SELECT 1\"\nq ||= x\nconn.query(q)",
        "q = \"SELECT 1\"\nq &&= x\nconn.query(q)",
        "q = \"SELECT 1\"\nq, r = x\nconn.query(q)",
        "q = \"SELECT 1\"\nr, q = x\nconn.query(q)",
        "q = \"SELECT 1\"\nr, (q, s) = x\nconn.query(q)",
        "q = \"SELECT 1\"\n*q = x\nconn.query(q)",
        "q = \"SELECT 1\"\nfor q in l do\n  conn.query(q)\nend",
        "q = \"SELECT 1\"\nl.each { |q| conn.query(q) }",
        "q = \"SELECT 1\"\nl.each { |a; q| q = a\nconn.query(q) }",
        "q = \"SELECT 1\"\nbegin\n  f\nrescue => q\n  1\nend\nconn.query(q)",
        "q = \"SELECT 1\"\nx => q\nconn.query(q)",
        "q = \"SELECT 1\"\nx => { q: }\nconn.query(q)",
        "q = \"SELECT 1\"\ncase x\nin [q, *]\n  conn.query(q)\nend",
        "q = \"SELECT 1\"\n/(?<q>.*)/ =~ x\nconn.query(q)",
        "q = \"SELECT 1\"\nbinding.local_variable_set(:q, x)\nconn.query(q)",
        "q = \"SELECT 1\"\neval(x)\nconn.query(q)",
        "q = \"SELECT 1\"\nsend(:eval, x)\nconn.query(q)",
        "q = \"SELECT 1\"\nevil(q)\nconn.query(q)",
        "q = \"SELECT 1\"\ne.evil q\nconn.query(q)",
        "def exec_query(s)\n  s << \"; DELETE FROM t\"\nend\nq = \"SELECT 1\"\nexec_query(q)\n"
        "conn.query(q)",
        "def puts(s)\n  s << \"; DELETE FROM t\"\nend\nq = \"SELECT 1\"\nputs q\nconn.query(q)",
        "q = \"SELECT 1\"\nq.instance_eval { replace(x) }\nconn.query(q)",
        "q = \"SELECT 1\"\nputs \"#{q << x}\"\nconn.query(q)",
        "def f(conn, q = \"SELECT 1\")\n  conn.query(q)\nend",
        "def f(conn, q:)\n  conn.query(q)\n  q = \"SELECT 1\"\nend",
        "q = \"SELECT 1\"\ndef f(conn)\n  conn.query(q)\nend",
        "q = `cat x`\nconn.query(q)",
        "q = \"SELECT 1\"\nconn.query(q + x)",
        "@q = \"SELECT 1\"\nconn.query(@q)\nconn.query(q)"}) {
    EXPECT_TRUE(RunIsDestructive(kRuby, code)) << code;
  }
}

}  // namespace
}  // namespace dbfleet::sql

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/sql/sql.h"
#include "tests/unit/common/sql/beside.h"

namespace dbfleet::sql {
namespace {

TEST(HostPreparedTest, WhatAStatementOfPhpHoldsIsKnownOnlyIfNothingElseIsDoneWithIt) {
  for (absl::string_view code :
       {"$st = $m->prepare('select 1'); $st->prepare('delete from t'); $st->execute();",
        "$st = $m->prepare('select 1'); $st->prepare($x); $st->execute();",
        "$st = mysqli_prepare($m, 'select 1'); mysqli_stmt_prepare($st, 'delete from t'); "
        "mysqli_stmt_execute($st);",
        "$st = $m->prepare('select 1'); [$st] = $l; $st->execute();",
        "$st = $m->prepare('select 1'); list($st) = $l; $st->execute();",
        "$st = $m->prepare('select 1'); list($a, , $st) = $l; $st->execute();",
        "$st = $m->prepare('select 1'); [$a, [$st]] = $l; $st->execute();",
        "$st = $m->prepare('select 1'); ['k' => $st] = $l; $st->execute();",
        "$st ?\?= $x; $st = $m->prepare('select 1'); $st->execute();",
        "$st = $m->prepare('select 1'); foreach ($l as $st) { $st->execute(); }",
        "$st = $m->prepare('select 1'); foreach ($l as $k => $st) { } $st->execute();",
        "$st = $m->prepare('select 1'); try { f(); } catch (E $st) { } $st->execute();",
        "$st = $m->prepare('select 1'); extract($_POST); $st->execute();",
        "$st = $m->prepare('select 1'); parse_str($x); $st->execute();",
        "$st = $m->prepare('select 1'); $$n = $evil; $st->execute();",
        "$st = $m->prepare('select 1'); ${'st'} = $evil; $st->execute();",
        "$st = $m->prepare('select 1'); $GLOBALS['st'] = $evil; $st->execute();",
        "$st = $m->prepare('select 1'); include 'evil.php'; $st->execute();",
        "$st = $m->prepare('select 1'); array_push($l, $st); $st->execute();",
        "$st = $m->prepare('select 1'); sort($st); $st->execute();",
        "$st = $m->prepare('select 1'); $r = &$st; $r = $evil; $st->execute();",
        "$st = $m->prepare('select 1'); $f = function () use (&$st) { $st = evil(); }; $f(); "
        "$st->execute();",
        "$st = $m->prepare('select 1'); function g() { global $st; $st = $GLOBALS; } "
        "$st->execute();",
        "function g() { static $st; $st = $m->prepare('select 1'); $st->execute(); }",
        "$st = $m->prepare('select 1'); $st = $x; $st->execute();",
        "$st = $x ?: $m->prepare('select 1'); $st->execute();",
        "$st = $st2 = $m->prepare('select 1'); $st->execute();",
        "$st = $m->prepare('select 1'); echo \"{$st->prepare('delete from t')}\"; $st->execute();",
        "$st = $m->prepare('select 1'); $st->{$x}('delete from t'); $st->execute();",
        "function g($st) { $st = $m->prepare('select 1'); } $st = $x; $st->execute();"}) {
    EXPECT_TRUE(HasDestructive(kPhp, code)) << code;
  }
}

TEST(HostPreparedTest, WhatAStatementOfRubyHoldsIsKnownOnlyIfNothingElseIsDoneWithIt) {
  for (absl::string_view code :
       {"st = c.prepare(\"select 1\")\nst = x\nst.execute",
        "s = c.prepare(\"select 1\")\ns, t = x\ns.execute",
        "s = c.prepare(\"select 1\")\nt, s = x\ns.execute",
        "s = c.prepare(\"select 1\")\nl.each { |s| s.execute }",
        "s = c.prepare(\"select 1\")\nl.each { |a, (s, b)| s.execute }",
        "s = c.prepare(\"select 1\")\nfor s in l do\n  s.execute\nend",
        "s = x\ns ||= c.prepare(\"select 1\")\ns.execute",
        "s = c.prepare(\"select 1\")\ns &&= x\ns.execute",
        "s = c.prepare(\"select 1\")\nbinding.eval(\"s = x\")\ns.execute",
        "s = c.prepare(\"select 1\")\nbinding.local_variable_set(:s, x)\ns.execute",
        "s = c.prepare(\"select 1\")\nbegin\n  x\nrescue => s\nend\ns.execute",
        "def f(s)\n  s.execute\nend\ns = c.prepare(\"select 1\")",
        "@s = c.prepare(\"select 1\")\n@s.execute",
        "s = c.prepare(\"select 1\")\ncase x\nin { a: s }\n  1\nend\ns.execute",
        "s = c.prepare(\"delete from t\")\ns.execute",
        "s = c.prepare(\"select #{x}\")\ns.execute"}) {
    EXPECT_TRUE(HasDestructive(kRuby, code)) << code;
  }
}

TEST(HostPreparedTest, WhateverElseIsDoneWithAStatementOfPhpCounts) {
  for (absl::string_view code :
       {"$st = $m->prepare('select 1'); $st->execute($x = $st->prepare('delete from t')); ",
        "$st = $m->prepare('delete from t'); foreach ($st as $r) {} $st->execute();",
        "$st = $m->prepare('select 1'); foreach ($l as $x => $st); $st->execute();",
        "$st = $m->prepare('select 1'); while (list(, $st) = each($l)) { $st->execute(); }",
        "$st = $m->prepare('select 1'); ($st = $y)->execute();",
        "$st = $m->prepare('select 1'); $x = [&$st]; $x[0] = $y; $st->execute();",
        "$st = $m->prepare('select 1'); $x = ['a' => $st]; $x['a']->prepare('delete from t'); "
        "$st->execute();",
        "$st = $m->prepare('select 1'); $st += 1; $st->execute();",
        "$st = $m->prepare('select 1'); $st .= 'x'; $st->execute();",
        "$st = $m->prepare('select 1'); $st[0] = $x; $st->execute();",
        "$st = $m->prepare('select 1'); $st->queryString = 'delete'; $st->execute();",
        "$st = $m->prepare('select 1'); return function () use ($st) { $st->prepare('x'); };",
        "$st = $m->prepare('select 1'); preg_match('/x/', 'x', $st); $st->execute();",
        "$st = $m->prepare('select 1'); \\extract($_GET); $st->execute();",
        "$st = $m->prepare('select 1'); call_user_func('extract', $_GET); $st->execute();",
        "$st = $m->prepare('select 1'); $f = 'extract'; $f($_GET); $st->execute();",
        "$st = $m->prepare('select 1'); array_walk($_GET, function ($v, $k) { global $$k; $$k = "
        "$v; }); $st->execute();",
        "$st = $m->prepare('select 1'); if (1): $st = $y; endif; $st->execute();",
        "$st = $m->prepare('select 1'); switch (1) { case 1: $st = $y; } $st->execute();",
        "$st = $m->prepare('select 1'); $st = clone $y; $st->execute();",
        "$st = $m->prepare('select 1'); $y = $st; $y->bind_param('s', $z); $st->execute();",
        "$stmt = mysqli_stmt_init($m); $stmt->prepare('delete from t'); $stmt->execute();",
        "$stmt = mysqli_stmt_init($m); mysqli_stmt_prepare($stmt, 'delete from t'); "
        "mysqli_stmt_execute($stmt);",
        "$m->prepare('delete from t')->execute();",
        "$m?->prepare($x)?->execute();",
        "$x->prepare($y);",
        "$st = pg_prepare($c, 'n', 'select 1'); pg_execute($c, 'n', []);",
        "$st = $m->prepare('select 1' . $x); $st->execute();",
        "$st = $m->prepare('select f()'); $st->execute();",
        "$st = $m->{'prepare'}('delete from t'); $st->execute();"}) {
    EXPECT_TRUE(HasDestructive(kPhp, code)) << code;
  }
}

TEST(HostPreparedTest, WhateverElseIsDoneWithAStatementOfRubyCounts) {
  for (absl::string_view code :
       {"s = c.prepare(\"select 1\")\ns <<= 1\ns.execute",
        "s = c.prepare(\"select 1\")\n[s].each { |q| q.prepare(\"delete\") }\ns.execute",
        "s = c.prepare(\"select 1\")\ndef s.execute\n  evil(1)\nend\ns.execute",
        "s = c.prepare(\"select 1\")\ns.instance_eval { @sql = x }\ns.execute",
        "s = c.prepare(\"select 1\")\ns.define_singleton_method(:execute) { evil(1) }\ns.execute",
        "s = c.prepare(\"select 1\")\ns.extend(Evil)\ns.execute",
        "s = c.prepare(\"select 1\")\nclass << s\n  prepend Evil\nend\ns.execute",
        "s = c.prepare(\"select 1\")\nwhile s = l.shift\n  s.execute\nend",
        "s = c.prepare(\"select 1\")\nl.each do |s|\n  s.execute\nend",
        "s = c.prepare(\"select 1\")\nx = s = y\ns.execute",
        "s = c.prepare(\"select 1\")\nf(s)\ns.execute",
        "s = c.prepare(\"select 1\")\ns += y\ns.execute",
        "s = c.prepare(\"select 1\"); s = y if z; s.execute",
        "s = c.prepare(\"select 1\")\nx in s\ns.execute",
        "s = c.prepare(\"select 1\")\nx => s\ns.execute",
        "s = c.prepare(\"select 1\")\nx => { s: }\ns.execute",
        "s = c.prepare(\"select 1\")\nx => [s, *]\ns.execute",
        "s = c.prepare(\"select 1\")\n1.then { s = y }\ns.execute",
        "s = c.prepare(\"select 1\")\nl.each { |*s| s.execute }",
        "s = c.prepare(\"select 1\")\nl.each { |a; s| s = a\ns.execute }",
        "s = c.prepare(\"select 1\")\neval(\"s = y\")\ns.execute",
        "s = c.prepare(\"delete from t\")\ns.each { |r| 1 }",
        "s = c.prepare(\"delete from t\")\ns.step",
        "s = c.prepare(\"delete from t\")\ns.execute!",
        "s = c.prepare(sql)\ns.execute",
        "c.prepare(\"delete from t\").execute"}) {
    EXPECT_TRUE(HasDestructive(kRuby, code)) << code;
  }
}

// Which of several it holds is not known: the worst counts.
TEST(HostPreparedTest, EachOfSeveralStatementsOfAVariableCounts) {
  for (absl::string_view code :
       {"$s = $m->prepare('SELECT 1'); $s->execute(); $s = $m->prepare('DELETE FROM t');",
        "$s = $m->prepare(\"SELECT '\"); $s = $m->prepare(\"'; DELETE FROM t\"); $s->execute();"}) {
    const auto statements = Split(Target(kPhp), code);
    ASSERT_TRUE(statements.ok());
    int destructive = 0;
    for (const Statement& statement : *statements) {
      const bool runs = statement.text == "$s->execute()";
      destructive += runs && Read(kPhp, statement).verdict.safety == Safety::kDestructive ? 1 : 0;
    }
    EXPECT_EQ(destructive, 1) << code;
  }
}

// Methods have variables of their own.
TEST(HostPreparedTest, AStatementIsFollowedInItsMethod) {
  for (absl::string_view code :
       {"function a($m) { $s = $m->prepare('SELECT 1'); $s->execute(); } "
        "function b($m, $s) { return $s; }",
        "$s = $m->prepare('SELECT 1'); $s->execute(); $s = null;",
        "$s = $m->prepare('SELECT 1'); $s->execute(); $s = $m->prepare('SELECT 2'); "
        "$s->execute();",
        "if ($x) { $s = $m->prepare(\"SELECT 'a'\"); } else { $s = $m->prepare('SELECT b'); } "
        "$s->execute();",
        "$s = $m->prepare('SELECT 1'); $f = fn($x) => $x + 1; $s->execute();"}) {
    EXPECT_FALSE(HasDestructive(kPhp, code)) << code;
  }
  EXPECT_FALSE(HasDestructive(kRuby,
                              "def a(c)\n  s = c.prepare(\"SELECT 1\")\n  s.execute\nend\n"
                              "def b(s)\n  s\nend"));
}

}  // namespace
}  // namespace dbfleet::sql

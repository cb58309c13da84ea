#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/sql/sql.h"
#include "tests/unit/common/sql/beside.h"

namespace dbfleet::sql {
namespace {

// A variable is data only if nothing in the file says otherwise.
TEST(HostCallsTest, AVariableThatMayHoldARecordIsNoData) {
  for (absl::string_view code :
       {"x = []\nx = user.posts\nx.clear", "x = user.posts\nx = []\nx.clear",
        "def f(x)\n  x.clear\nend\nx = []", "x = []\nusers.each { |x| x.delete }",
        "x = []\nx.first.destroy", "x = []\nx[0].destroy", "x = {}\nx[:user].update(a: 1)",
        "a, x = 1, user\nx = []\nx.destroy", "x = []\nx.each(&:destroy)",
        "options[:user].update(a: 1)", "Shop::Set.delete_all", "Session.delete_all"}) {
    EXPECT_TRUE(HasDestructive(kRuby, code)) << code;
  }
  for (absl::string_view code : {"$x = new DOMDocument(); $x = User::find(2); $x->save();",
                                 "function f($x) { $x->save(); } $x = collect([]);",
                                 "$x = collect([]); foreach (User::all() as $x) { $x->delete(); }",
                                 "App\\Models\\Session::destroy(1);"}) {
    EXPECT_TRUE(HasDestructive(kPhp, code)) << code;
  }
}

// The class of the last statement.
TEST(HostCallsTest, WhatAConnectionIsSetToCountsForTheSqlBehindIt) {
  const auto last = [](Dialect dialect, absl::string_view code) {
    const auto statements = Split(Target(dialect), code);
    return Read(dialect, statements->back()).verdict.safety;
  };
  const std::string sql = "conn.select_all(\"SELECT a FROM t WHERE b = '\xc3\xa9'\")";
  EXPECT_EQ(last(kRuby, sql), Safety::kSafe);
  EXPECT_EQ(last(kRuby, "conn.execute('SET NAMES utf8mb4')\n" + sql), Safety::kSafe);
  EXPECT_EQ(last(kRuby, "conn.execute('SET NAMES gbk')\n" + sql), Safety::kDestructive);
  EXPECT_EQ(last(kRuby, "conn.execute(\"SET NAMES #{x}\")\nconn.select_all('SELECT \xe5')"),
            Safety::kDestructive);
  const std::string query = "$db->query(\"SELECT a FROM t WHERE b = '\xc3\xa9'\");";
  EXPECT_EQ(last(kPhp, query), Safety::kSafe);
  EXPECT_EQ(last(kPhp, "mysqli_set_charset($db, 'gbk'); " + query), Safety::kDestructive);
  EXPECT_EQ(last(kPhp, "$db->set_charset($x); " + query), Safety::kDestructive);
  const std::string quotes = "$db->query('SELECT a FROM t WHERE b = \"x\"');";
  EXPECT_EQ(last(kPhp, "$db->query(\"SET sql_mode = 'ANSI_QUOTES'\"); " + quotes),
            last(kPhp, "$db->query($x); " + quotes));
}

TEST(HostCallsTest, CodeThatBreaksOffEnds) {
  for (absl::string_view code : {"x =",          "$x =",
                                 "x.y =",        "x <<",
                                 "x.y <<",       "$m->",
                                 "$m->$f",       "f(",
                                 "new",          "[$m, 'delete']",
                                 "x = new",      "$x = new",
                                 "x.concat(",    "$s = $db->prepare(",
                                 "use function", "x ||=",
                                 "@x = ",        "x = a.",
                                 "x = [",        "foreach ($a as",
                                 "def f(",       "File.open(x) { |",
                                 "a, ",          "system(",
                                 "%x",           "implode(",
                                 "[].join",      "[a].join(",
                                 "Arel.sql(",    "DB[",
                                 "DB[]",         "-",
                                 "x = -"}) {
    for (Dialect dialect : {kRuby, kPhp}) {
      (void)Split(Target(dialect), code);
      (void)Classify(dialect, code);
    }
  }
}

TEST(HostCallsTest, DeepAndLongCodeEnds) {
  for (const std::string piece :
       {"a.b << ", "a.b = ", "f(", "$f(", "[$m, 'delete'](", "x = [", "a.posts << [", "system(",
        "call_user_func(", "array_map(function() { ", "new X(", "DB[", "x = a.b\n", "f(a, ",
        "Arel.sql(", "implode(',', [", "[a, b].join(", "`ls` + "}) {
    std::string text;
    for (int i = 0; i < 5000; ++i) text += piece;
    (void)Split(kRuby, text);
    (void)Split(kPhp, text);
    (void)Classify(kRuby, text);
    (void)Classify(kPhp, text);
  }
}

}  // namespace
}  // namespace dbfleet::sql

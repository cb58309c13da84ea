#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/sql/sql.h"
#include "tests/unit/common/sql/beside.h"

// Where texts of Ruby and PHP end, tried with ruby 3.1 and php 8.2. Who takes code for text, or
// text for code, does not see what the program does.
namespace dbfleet::sql {
namespace {

// Something of it is destructive, or it is not read at all.
bool IsNotSafe(Dialect dialect, absl::string_view file) {
  const Target target(dialect);
  const auto statements = Split(target, file);
  if (!statements.ok()) return true;
  for (const Statement& statement : *statements) {
    if (Read(target, statement).verdict.safety != Safety::kSafe) return true;
  }
  return false;
}

TEST(HostTextsTest, CodeThatRubyRunsIsNoText) {
  for (absl::string_view file : {
           // A raw heredoc knows no escapes.
           "puts <<~'TXT'\n  C:\\\nTXT\nUser.delete_all\nputs <<~'TXT'\n  D\nTXT\nUser.count\n",
           "conn.select_all(<<~'A')\n  SELECT '\\\\\\' /* ', SLEEP(1) -- */\nA\n",
           // Quotes in an interpolation that open no text, and braces that close nothing.
           "a = \"#{x.gsub(/'/, \"\")}\"\nUser.delete_all\nb = \"#{x.gsub(/'/, "
           "\"\")}\"\nUser.count\n",
           "a = \"#{x == ?'}\"\nUser.delete_all\nb = \"#{x == ?'}\"\nUser.count\n",
           "a = \"#{%q(')}\"\nUser.delete_all\nb = \"#{%q(')}\"\nUser.count\n",
           "a = \"#{$'}\"\nUser.delete_all\nb = \"#{$'}\"\nUser.count\n",
           "a = \"#{1 # '\n}\"\nUser.delete_all\nb = \"#{1 # '\n}\"\nUser.count\n",
           "puts \"#{?}; User.delete_all}\"\nUser.count\n",
           "puts \"#{1 # }\nUser.delete_all}\"\nUser.count\n",
           "puts \"#{\"#{'\"'}\"}\"; User.delete_all; puts \"#{\"#{'\"'}\"}\"\nUser.count\n",
           // A text in an interpolation has interpolations of its own.
           "puts \"#{n > 0 ? \"#{User.delete_all} rows\" : 'none'}\"\nUser.count\n",
           "puts \"#{ids.map { |i| \"#{User.find(i).destroy}\" }.join}\"\nUser.count\n",
           "puts \"#{\"#{`psql -c x`}\"}\"\nUser.count\n",
           "puts <<~A\n  #{\"#{User.delete_all}\"}\nA\nUser.count\n",
           // What looks like a heredoc behind a value is an operator.
           "BITS = 3\ny = 1 <<-BITS\nUser.delete_all\nBITS\nUser.count\n",
           "y = x[0] <<-BITS\nUser.delete_all\nBITS\nUser.count\n",
           "y = self <<~BITS\nUser.delete_all\nBITS\nUser.count\n",
           "class <<User\n  ::User.delete_all\nUser\nend\nUser.count\n",
           // Delimiters that nobody uses.
           "x = %q~it's~\nUser.delete_all\ny = %q~it's~\nUser.count\n",
           "x = %Q:it's:\nUser.delete_all\ny = %Q:it's:\nUser.count\n",
           "x = %-it's-\nUser.delete_all\ny = %-it's-\nUser.count\n",
           // Only "=end" ends it.
           "=begin\n=ending\nit's\n=end\nUser.delete_all\nputs 'it'\nUser.count\n",
           "x = ?\\C-'\nUser.delete_all\ny = ?\\C-'\nUser.count\n",
           // A heredoc's body would begin inside.
           "x = 1\nputs(<<~A, \"#{1\n  '}\")\nA\nUser.delete_all}\", 2) #'}\")\nx\nA\nUser.count\n",
       }) {
    EXPECT_TRUE(IsNotSafe(Dialect::kActiveRecordRuby, file)) << file;
  }
}

TEST(HostTextsTest, EscapesAreTheBytesThatTheServerGets) {
  Target postgres(Dialect::kActiveRecordRuby);
  postgres.embedded = Dialect::kPostgres;
  for (absl::string_view file :
       {// A carriage return ends PostgreSQL's comment; a joined line begins none.
        "conn.select_all(\"SELECT 1 -- x\\r, pg_terminate_backend(1)\")",
        "conn.select_all(\"SELECT 1 -\\\n- ' \\n , pg_terminate_backend(1) -- '\")",
        "conn.select_all(\"SELECT \\floor(1)\")", "conn.select_all(\"SELECT \\abs(1)\")"}) {
    const auto statements = Split(postgres, file);
    ASSERT_TRUE(statements.ok()) << statements.status();
    ASSERT_FALSE(statements->empty()) << file;
    EXPECT_EQ(Read(postgres, statements->back()).verdict.safety, Safety::kDestructive) << file;
  }
}

TEST(HostTextsTest, CodeThatPhpRunsIsNoText) {
  for (absl::string_view file : {
           "<?php\necho <<<TXT\nC:\\\nTXT;\nUser::query()->delete();\necho <<<TXT\nD\nTXT;\n"
           "User::count();\n",
           "<?php\necho \"{$f( // }\nUser::query()->delete())}\";\nUser::count();\n",
           "<?php\necho \"{$a[0 /* ' */]}\";\nUser::query()->delete();\necho \"{$a[0 /* ' */]}\";\n"
           "User::count();\n",
           "<?php\necho \"{$a[\"{$b[DB::delete('x')]}\"]}\";\nUser::count();\n",
       }) {
    EXPECT_TRUE(IsNotSafe(Dialect::kActiveRecordPhp, file)) << file;
  }
}

// What programs are full of stays as it is.
TEST(HostTextsTest, EverydayTextsAreRead) {
  for (absl::string_view file :
       {"name = \"#{user.name.gsub(/'/, \"''\")}\"\nUser.count\n",
        "puts \"#{total / 2} of #{count > 1 ? \"many\" : 'one'} #{h[\"key\"]} #{a.map { |x| x + 1 "
        "}}\"\n"
        "User.count\n",
        "x = y % 3\nnames = %w[a b]\nputs 'a\\\\b'\nUser.count\n",
        "text = <<~T\n  it's #{names.join(\", \")} \\\n  joined\nT\nUser.count\n"}) {
    EXPECT_FALSE(IsNotSafe(Dialect::kActiveRecordRuby, file)) << file;
  }
  EXPECT_FALSE(IsNotSafe(Dialect::kActiveRecordPhp,
                         "<?php\n$x = \"{$user['name']} {$a->b} ${c} \\v\";\nUser::count();\n"));
}

}  // namespace
}  // namespace dbfleet::sql

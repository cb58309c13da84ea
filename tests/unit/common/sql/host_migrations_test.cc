#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/sql.h"
#include "tests/unit/common/sql/beside.h"

// What migrations of Laravel and Rails say in words of their own: known, and never safe.
namespace dbfleet::sql {
namespace {

using testing::HasSubstr;

std::vector<Verdict> VerdictsOf(Dialect dialect, absl::string_view file) {
  std::vector<Verdict> verdicts;
  const auto statements = Split(Target(dialect), file);
  EXPECT_TRUE(statements.ok()) << file;
  if (!statements.ok()) return verdicts;
  for (const Statement& statement : *statements) {
    verdicts.push_back(Read(dialect, statement).verdict);
  }
  return verdicts;
}

// Every statement is destructive; whether all of them are understood.
bool IsUnderstood(Dialect dialect, absl::string_view file) {
  bool understood = true;
  const std::vector<Verdict> verdicts = VerdictsOf(dialect, file);
  EXPECT_FALSE(verdicts.empty()) << file;
  for (const Verdict& verdict : verdicts) {
    EXPECT_EQ(verdict.safety, Safety::kDestructive) << file;
    EXPECT_FALSE(verdict.adds_only) << file;
    EXPECT_FALSE(verdict.reasons.empty()) << file;
    understood = understood && verdict.understood;
  }
  return understood;
}

std::string InUp(absl::string_view code) {
  return absl::StrCat("<?php return new class extends Migration { public function up(): void {\n",
                      code, "\n} };");
}
std::string InTable(absl::string_view lines) {
  return InUp(
      absl::StrCat("Schema::table('users', function (Blueprint $table) {\n", lines, "\n});"));
}
std::string InChange(absl::string_view code) {
  return absl::StrCat("class AddX < ActiveRecord::Migration[7.1]\n  def change\n", code,
                      "\n  end\nend\n");
}

TEST(HostMigrationsTest, WordsOfLaravelsBlueprintAreKnown) {
  for (absl::string_view line :
       {"$table->id();", "$table->timestamps();", "$table->softDeletes();",
        "$table->foreignId('user_id')->constrained()->cascadeOnDelete();",
        "$table->string('x')->default('a')->index();",
        "$table->decimal('total', 10, 2)->nullable()->unique();",
        "$table->enum('state', ['a', 'b'])->default('a')->comment('x');",
        "$table->integer('n')->default(-1);", "$table->foreignIdFor(User::class);",
        "$table->dropColumn('a');", "$table->dropColumn(['a', 'b']);",
        "$table->renameColumn('a', 'b');", "$table->dropIndex(['email']);",
        "$table->foreign('team_id')->references('id')->on('teams')->onDelete('cascade');",
        "$table->string('name', 50)->nullable(false)->change();", "$table->unique(['a', 'b']);",
        "$table->dropForeign(['team_id']);", "$table->dropSoftDeletes();",
        "if (!Schema::hasColumn('users', 'x')) { $table->string('x'); }"}) {
    const std::string file = InTable(line);
    const std::vector<Verdict> verdicts = VerdictsOf(kPhp, file);
    ASSERT_FALSE(verdicts.empty());
    EXPECT_TRUE(verdicts.back().understood) << line << verdicts.back().doubt;
    EXPECT_EQ(verdicts.back().safety, Safety::kDestructive) << line;
    EXPECT_EQ(verdicts.back().kind, Kind::kSchemaMigration) << line;
  }
  EXPECT_TRUE(IsUnderstood(
      kPhp, InUp("Schema::create('a', function (Blueprint $table) { $table->id(); });\n"
                 "Schema::rename('a', 'b'); Schema::drop('c'); Schema::dropIfExists('d');")));
  // Without a type, and of another connection.
  EXPECT_TRUE(IsUnderstood(
      kPhp, InUp("Schema::table('a', function ($table) { $table->string('x')->index(); });")));
}

TEST(HostMigrationsTest, AReasonSaysWhatAWordDoes) {
  const std::vector<Verdict> verdicts =
      VerdictsOf(kPhp, InTable("$table->string('x');\n$table->string('y')->change();"));
  ASSERT_EQ(verdicts.size(), 3);
  EXPECT_THAT(verdicts[1].reasons[0], HasSubstr("string adds a column"));
  EXPECT_THAT(verdicts[1].reasons[0], HasSubstr("users"));
  EXPECT_THAT(verdicts[2].reasons[0], HasSubstr("string changes a column"));
}

TEST(HostMigrationsTest, WhatIsNoLiteralStaysInDoubt) {
  for (absl::string_view line : {"$table->string($name);",
                                 "$table->string('x')->default(DB::raw('f()'));",
                                 "$table->string('x')->default(User::first()->name);",
                                 "$table->string(wipe());",
                                 "$table->string(\"x{$y}\");",
                                 "$table->string('x' . y());",
                                 "$table->string(...$all);",
                                 "$table->string('x')->default(fn () => User::truncate());",
                                 "$table->string(X);",
                                 "$table->string(Foo::BAR);",
                                 "$table->string(`rm x`);",
                                 "$table->string('wipe'());",
                                 "$table->string(['wipe'][0]());",
                                 "$table->string([Order::class, 'purge']());",
                                 "$table->string(new Wipe());",
                                 "$table->string($x = 'a');",
                                 "$table->string(!wipe());",
                                 "$table->foreignIdFor(wipe()::class);",
                                 "$table->string(array('a', wipe()));",
                                 "$table->after('x', function ($table) { User::truncate(); });"}) {
    EXPECT_FALSE(IsUnderstood(kPhp, InTable(line))) << line;
  }
  // What they are given is looked into as ever.
  for (absl::string_view line : {"$table->string(User::truncate());",
                                 "$table->string('x')->default(DB::statement('DROP TABLE t'));"}) {
    EXPECT_FALSE(IsUnderstood(kPhp, InTable(line))) << line;
  }
}

TEST(HostMigrationsTest, WhatIsNoWordOfTheBlueprintStaysInDoubt) {
  for (absl::string_view line :
       {"$table->purge();", "$table->string('x')->purge();", "$table->nullable();",
        "$table->string('x')->dropColumn('y');", "$table->rawIndex('f(x)', 'i');",
        "$table->string('x')->virtualAs('f(y)');", "$table->$method('x');",
        "$table->{'string'}('x');", "$table::string('x');", "$table->string('x')->save();",
        "$other->string('x')->purge();", "$table = $order; $table->string('x');",
        "$table['a']->string('x');"}) {
    EXPECT_FALSE(IsUnderstood(kPhp, InTable(line))) << line;
  }
}

TEST(HostMigrationsTest, OnlyInTheirPlace) {
  for (absl::string_view code :
       {"User::all()->each(function ($table) { $table->string('x'); });",
        "Foo::table('users', function ($table) { $table->id(); $table->purge(); });",
        "Schema::table('users', function (Order $table) { $table->string('x'); });",
        "Schema::table('users', function ($table) use ($order) { $table->string('x')->nullable(); "
        "});",
        "Schema::table('a', function ($table) { User::all()->each(function ($table) {"
        " $table->string('x'); }); });",
        "Schema::table('a', function ($table) { $x = 1; }); $table->string('x')->nullable();"}) {
    const std::vector<Verdict> verdicts = VerdictsOf(kPhp, InUp(code));
    const bool some = std::any_of(verdicts.begin(), verdicts.end(), [](const Verdict& verdict) {
      return !verdict.understood && verdict.safety == Safety::kDestructive;
    });
    EXPECT_TRUE(some) << code;
  }
}

TEST(HostMigrationsTest, OtherCallsInABlockAreReadAsEver) {
  EXPECT_TRUE(
      IsDestructiveFile(kPhp, InTable("$table->string('x'); User::where('a', 1)->delete();")));
  for (absl::string_view line :
       {"User::where('a', 1)->delete();", "DB::statement('DELETE FROM t');", "$order->purge();",
        "helper_of_nobody();"}) {
    bool found = false;
    for (const Verdict& verdict : VerdictsOf(kPhp, InTable(absl::StrCat("$table->id();", line)))) {
      found = found ||
              (verdict.safety == Safety::kDestructive && verdict.kind != Kind::kSchemaMigration);
    }
    EXPECT_TRUE(found) << line;
  }
  for (absl::string_view line :
       {"User.delete_all", "execute \"DELETE FROM t\"", "helper.purge_all", "wipe!"}) {
    for (absl::string_view head : {"reversible do |dir|\n dir.up do\n", "up_only do\n begin\n",
                                   "safety_assured do\n begin\n"}) {
      const auto statements =
          Split(Target(kRuby), InChange(absl::StrCat(head, line, "\n end\n end")));
      ASSERT_TRUE(statements.ok());
      bool found = false;
      for (const Statement& statement : *statements) {
        const bool it = absl::StrContains(statement.text, line);
        found = found || (it && Read(kRuby, statement).verdict.safety == Safety::kDestructive);
      }
      EXPECT_TRUE(found) << head << line;
    }
  }
}

TEST(HostMigrationsTest, WordsOfRailsMigrationsAreKnown) {
  for (absl::string_view code :
       {"reversible do |dir|\n dir.up { execute \"UPDATE t SET a = 1 WHERE b = 2\" }\n"
        " dir.down { execute \"UPDATE t SET a = 2 WHERE b = 2\" }\nend",
        "up_only { execute \"UPDATE t SET a = 1 WHERE b = 2\" }", "User.reset_column_information",
        "safety_assured { remove_column :users, :a }",
        "change_table :users do |t|\n t.remove :a, :b\n t.rename :c, :d\n t.index [:e, :f]\n"
        " t.references :team, foreign_key: true\n t.string :x, null: false, default: \"a\"\nend",
        "execute <<~SQL\n UPDATE t SET a = 1 WHERE b = 2\nSQL"}) {
    EXPECT_TRUE(IsUnderstood(kRuby, InChange(code))) << code;
  }
  EXPECT_TRUE(IsUnderstood(kRuby,
                           "class A < ActiveRecord::Migration[7.0]\n  disable_ddl_transaction!\n"
                           "  def change\n    add_index :a, :b, algorithm: :concurrently\n"
                           "  end\nend\n"));
}

TEST(HostMigrationsTest, WordsOfRailsStayInDoubtElsewhere) {
  for (absl::string_view code :
       {"class A\n def x\n  reversible do |dir|\n  dir.up { foo }\n end\n end\nend",
        "class A\n disable_ddl_transaction!\nend", "class A\n def x\n up_only { }\n end\nend"}) {
    EXPECT_FALSE(IsUnderstood(kRuby, code)) << code;
  }
  for (absl::string_view code :
       {"reversible(wipe) do |dir|\nend", "reversible", "order.up_only { }",
        "change_table :users do |t|\n t.remove wipe\nend",
        "change_table :users do |t|\n t.remove :a\n t.purge_all\n t.remove(*User.delete_all)\nend",
        "x.reversible do |dir|\n dir.up { }\nend", "reversible do |dir|\n dir.wipe { }\nend",
        "reversible do |dir|\n dir.up(wipe) { }\nend", "User[0].reset_column_information",
        "execute sql", "execute \"UPDATE t SET a = #{x}\"",
        "change_table :users do |t|\n t.remove \"a#{User.delete_all}\"\nend"}) {
    EXPECT_FALSE(IsUnderstood(kRuby, InChange(code))) << code;
  }
}

// The doubt is what makes it destructive.
TEST(HostMigrationsTest, ExecuteOfAQueryStaysAsItWas) {
  EXPECT_FALSE(IsUnderstood(kRuby, InChange("execute \"SELECT 1\"")));
  EXPECT_FALSE(IsUnderstood(kRuby, InChange("execute \"INSERT INTO t (a) VALUES (1)\"")));
  EXPECT_FALSE(
      IsUnderstood(kRuby, "class A\n def x\n execute \"DELETE FROM t WHERE a = 1\"\n end\nend"));
}

TEST(HostMigrationsTest, WhatTheFileDefinesItselfIsNoWord) {
  EXPECT_FALSE(
      IsUnderstood(kRuby,
                   "class A < ActiveRecord::Migration[7.0]\n def up_only\n wipe_all!\n end\n"
                   " def change\n up_only { }\n end\nend"));
}

TEST(HostMigrationsTest, ABrokenFileStaysBroken) {
  for (const Verdict& verdict : VerdictsOf(kPhp,
                                           "Schema::table('a', function ($table) {"
                                           " $table->string('x'); }); foo(")) {
    EXPECT_FALSE(verdict.understood);
    EXPECT_EQ(verdict.safety, Safety::kDestructive);
  }
}

}  // namespace
}  // namespace dbfleet::sql

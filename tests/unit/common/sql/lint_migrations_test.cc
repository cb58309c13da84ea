#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

#include "tests/unit/common/sql/lint_cases.h"

// What rules say of migrations of Rails and Laravel, in words of those.
namespace dbfleet::sql {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<Finding> FindingsOf(const char* dialect, const std::string& program,
                                Dialect embedded = Dialect::kPostgres) {
  Target target = *ParseTarget(dialect);
  target.embedded = embedded;
  const auto statements = Split(target, program);
  EXPECT_TRUE(statements.ok()) << program;
  return statements.ok() ? Lint(target, *statements) : std::vector<Finding>();
}

std::vector<std::string> RulesOf(const char* dialect, const std::string& program,
                                 Dialect embedded = Dialect::kPostgres) {
  std::vector<std::string> rules;
  for (const Finding& finding : FindingsOf(dialect, program, embedded)) {
    rules.push_back(finding.rule_id);
  }
  return rules;
}

// "message; advice" of the only finding.
std::string Said(const char* dialect, const std::string& program) {
  const std::vector<Finding> findings = FindingsOf(dialect, program);
  EXPECT_EQ(findings.size(), 1) << program;
  return findings.empty() ? "" : findings[0].message + "; " + findings[0].advice;
}

constexpr char kPhp[] = "activerecord-php";
constexpr char kRuby[] = "activerecord-ruby";

std::string Change(const std::string& code) {
  return absl::StrCat("class AddX < ActiveRecord::Migration[7.1]\n  def change\n", code,
                      "\n  end\nend\n");
}
std::string UpDown(const std::string& up, const std::string& down) {
  return absl::StrCat("class AddX < ActiveRecord::Migration[7.1]\n  def up\n", up,
                      "\n  end\n\n  def down\n", down, "\n  end\nend\n");
}
std::string Laravel(const std::string& up, const std::string& down = "") {
  return absl::StrCat("<?php return new class extends Migration { public function up(): void {\n",
                      up, "\n} public function down(): void {\n", down, "\n} };");
}

TEST(LintMigrationsTest, RailsAdviceIsInItsOwnWords) {
  EXPECT_THAT(Said(kRuby, Change("remove_column :users, :old, :string")),
              AllOf(HasSubstr("dropping users.old"), HasSubstr("ignored_columns += [\"old\"]"),
                    HasSubstr("remove_column :users, :old in a later release")));
  EXPECT_THAT(Said(kRuby, Change("rename_column :users, :a, :b")),
              AllOf(HasSubstr("renaming users.a to b"), HasSubstr("add_column :users, :b")));
  EXPECT_THAT(Said(kRuby, Change("rename_table :users, :people")),
              HasSubstr("CREATE VIEW people AS SELECT ... FROM users"));
  EXPECT_THAT(Said(kRuby, Change("drop_table :old")),
              HasSubstr("rename_table :old, :old_old, wait until nothing misses it, then "
                        "drop_table :old_old"));
  EXPECT_THAT(Said(kRuby, Change("change_column :users, :age, :bigint")),
              AllOf(HasSubstr("changing users.age to bigint"),
                    HasSubstr("add_column :users, :age_new, :bigint")));
  EXPECT_THAT(Said(kRuby, Change("change_column :users, :a, \"bigint unsigned\"")),
              HasSubstr("add_column :users, :a_new, \"bigint unsigned\", keep both"));
  EXPECT_THAT(Said(kRuby, Change("change_column :users, :a, :decimal, precision: 10, scale: 2")),
              HasSubstr("add_column :users, :a_new, :decimal, precision: 10, scale: 2, keep both"));
  EXPECT_THAT(Said(kRuby, Change("add_index :users, \"lower(a)\"")),
              HasSubstr("add_index :users, \"lower(a)\", algorithm: :concurrently"));
  EXPECT_THAT(Said(kRuby, Change("add_index :users, [:a, :b], name: \"i\"")),
              HasSubstr("add_index :users, [:a, :b], name: \"i\", algorithm: :concurrently"));
  EXPECT_THAT(
      Said(kRuby, Change("add_foreign_key :orders, :users, column: :buyer_id")),
      AllOf(HasSubstr("add_foreign_key :orders, :users, column: :buyer_id, validate: false"),
            HasSubstr("validate_foreign_key :orders, :users, column: :buyer_id")));
  EXPECT_THAT(Said(kRuby, Change("create_table :users, force: :cascade do |t|\nend")),
              HasSubstr("drops the table that is there"));
}

TEST(LintMigrationsTest, RulesOfSqlSpeakOfRails) {
  EXPECT_THAT(RulesOf(kRuby, Change("remove_columns :users, :a, :b")),
              ElementsAre("dbf-drop-column", "dbf-drop-column"));
  EXPECT_THAT(RulesOf(kRuby, Change("remove_reference :users, :team")),
              ElementsAre("dbf-drop-column"));
  EXPECT_THAT(RulesOf(kRuby, Change("change_table :users do |t|\n t.remove :a\n t.rename :b, :c\n"
                                    " t.index :d\n t.change :e, :text\n t.string :f\nend")),
              ElementsAre("dbf-drop-column", "dbf-rename-column", "dbf-index-not-concurrent",
                          "dbf-change-column-type"));
  EXPECT_THAT(RulesOf(kRuby, Change("remove_index :users, :a")),
              ElementsAre("dbf-drop-index-not-concurrent"));
  // Rules of PostgreSQL alone.
  EXPECT_THAT(
      RulesOf(kRuby, Change("add_index :users, :a\nadd_foreign_key :a, :b"), Dialect::kMySql),
      IsEmpty());
}

TEST(LintMigrationsTest, SafeFormsAreQuiet) {
  for (const char* code :
       {"add_index :users, :a, algorithm: :concurrently", "add_column :users, :a, :string",
        "add_foreign_key :a, :b, validate: false", "add_index :users, :a, **options",
        "remove_index :users, column: :a, algorithm: :concurrently", "create_table :a do |t|\nend",
        "create_table :a do |t|\n t.string :b\n t.index :b\nend\nadd_index :a, :b\n"
        "rename_column :a, :b, :c",
        "create_table :a, force: false do |t|\nend"}) {
    for (const std::string& rule : RulesOf(kRuby, Change(code))) {
      EXPECT_EQ(rule, "dbf-not-understood") << code;
    }
  }
}

TEST(LintMigrationsTest, DownTakesBackWhatUpMade) {
  EXPECT_THAT(RulesOf(kRuby, UpDown("create_table :a do |t|\nend\nadd_column :b, :c, :string",
                                    "remove_column :b, :c\ndrop_table :a")),
              IsEmpty());
  EXPECT_THAT(RulesOf(kRuby, UpDown("create_table :a do |t|\nend", "drop_table :b")),
              ElementsAre("dbf-drop-table"));
  EXPECT_THAT(RulesOf(kPhp, Laravel("Schema::create('a', function (Blueprint $table) {"
                                    " $table->id(); $table->string('x')->index(); });",
                                    "Schema::dropIfExists('a');")),
              IsEmpty());
  EXPECT_THAT(RulesOf(kPhp, Laravel("Schema::table('a', function (Blueprint $table) {"
                                    " $table->string('x')->nullable(); });",
                                    "Schema::table('a', function (Blueprint $table) {"
                                    " $table->dropColumn('x'); });")),
              IsEmpty());
  EXPECT_THAT(RulesOf(kPhp, Laravel("", "Schema::dropIfExists('a');")),
              ElementsAre("dbf-drop-table"));
}

TEST(LintMigrationsTest, RulesOfSqlSpeakOfLaravel) {
  EXPECT_THAT(RulesOf(kPhp, Laravel("Schema::table('users', function (Blueprint $table) {\n"
                                    "$table->dropColumn(['a', 'b']);\n"
                                    "$table->renameColumn('c', 'd');\n"
                                    "$table->string('e', 50)->change();\n"
                                    "$table->dropSoftDeletes();\n});\n"
                                    "Schema::drop('x'); Schema::dropIfExists('y');\n"
                                    "Schema::rename('p', 'q');")),
              ElementsAre("dbf-drop-column", "dbf-drop-column", "dbf-rename-column",
                          "dbf-change-column-type", "dbf-drop-column", "dbf-drop-table",
                          "dbf-drop-table", "dbf-rename-table"));
  EXPECT_THAT(Said(kPhp, Laravel("Schema::dropColumns('users', ['a']);")),
              HasSubstr("$table->dropColumn('a') in Schema::table('users', ...)"));
  EXPECT_THAT(Said(kPhp, Laravel("Schema::drop('users');")),
              HasSubstr("write Schema::rename('users', 'users_old'), wait until nothing misses it, "
                        "then Schema::drop('users_old')"));
}

TEST(LintMigrationsTest, NamesThatAreNotWrittenOutAreNotGuessed) {
  for (const char* code : {"Schema::drop($name);", "Schema::rename('a', $b);"}) {
    EXPECT_THAT(RulesOf(kPhp, Laravel(code)), testing::Not(testing::Contains("dbf-drop-table")))
        << code;
  }
  EXPECT_THAT(RulesOf(kRuby, Change("remove_column table, :a")),
              testing::Not(testing::Contains("dbf-drop-column")));
}

}  // namespace
}  // namespace dbfleet::sql

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

#include "tests/unit/common/sql/lint_cases.h"

// What rules say of the columns, keys and checks of migrations, and that good ones stay clean.
namespace dbfleet::sql {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr char kPhp[] = "activerecord-php";
constexpr char kRuby[] = "activerecord-ruby";

std::vector<Finding> FindingsOf(const char* dialect, const std::string& program,
                                Dialect embedded = Dialect::kPostgres) {
  Target target = *ParseTarget(dialect);
  target.embedded = embedded;
  const auto statements = Split(target, program);
  EXPECT_TRUE(statements.ok()) << program;
  return statements.ok() ? Lint(target, *statements) : std::vector<Finding>();
}

std::string Change(const std::string& code) {
  return absl::StrCat("class AddX < ActiveRecord::Migration[7.1]\n  def change\n", code,
                      "\n  end\nend\n");
}

std::string Laravel(const std::string& up) {
  return absl::StrCat("<?php return new class extends Migration { public function up(): void {\n",
                      up, "\n} public function down(): void { } };");
}

std::string InOrders(const std::string& lines) {
  return Laravel(
      absl::StrCat("Schema::table('orders', function (Blueprint $table) {\n", lines, "\n});"));
}

std::vector<std::string> RulesOf(const std::vector<Finding>& findings) {
  std::vector<std::string> rules;
  for (const Finding& finding : findings) rules.push_back(finding.rule_id);
  return rules;
}

std::vector<std::string> Rails(const std::string& code, Dialect embedded = Dialect::kPostgres) {
  return RulesOf(FindingsOf(kRuby, Change(code), embedded));
}

std::vector<std::string> Orders(const std::string& lines, Dialect embedded = Dialect::kPostgres) {
  return RulesOf(FindingsOf(kPhp, InOrders(lines), embedded));
}

// "message; advice" of the first finding of the rule.
std::string Said(const std::vector<Finding>& findings, const std::string& rule) {
  for (const Finding& finding : findings) {
    if (finding.rule_id == rule) return finding.message + "; " + finding.advice;
  }
  return "";
}
std::string RailsSays(const std::string& code, const std::string& rule) {
  return Said(FindingsOf(kRuby, Change(code)), rule);
}
std::string LaravelSays(const std::string& lines, const std::string& rule) {
  return Said(FindingsOf(kPhp, InOrders(lines)), rule);
}

TEST(LintMigrationColumnsTest, NotNullWithoutDefault) {
  EXPECT_THAT(RailsSays("add_column :orders, :note, :string, limit: 50, null: false",
                        "dbf-not-null-without-default"),
              AllOf(HasSubstr("orders.note is NOT NULL without a default"),
                    HasSubstr("write add_column :orders, :note, :string, limit: 50, fill it"),
                    HasSubstr("change_column_null :orders, :note, false")));
  EXPECT_THAT(Rails("change_table :orders do |t|\n t.string :a, null: false\nend"),
              ElementsAre("dbf-not-null-without-default"));
  EXPECT_THAT(Rails("add_timestamps :orders"),
              ElementsAre("dbf-not-null-without-default", "dbf-not-null-without-default"));
  EXPECT_THAT(Rails("add_column :orders, :a, :string, null: false", Dialect::kMySql),
              ElementsAre("dbf-not-null-without-default"));
  EXPECT_THAT(
      LaravelSays("$table->string('note', 50);", "dbf-not-null-without-default"),
      AllOf(HasSubstr("write $table->string('note', 50)->nullable() in Schema::table('orders'"),
            HasSubstr("$table->string('note', 50)->nullable(false)->change()")));
  EXPECT_THAT(Orders("$table->string('a')->nullable(false);", Dialect::kMySql),
              ElementsAre("dbf-not-null-without-default"));
  EXPECT_THAT(Orders("$table->string(column: 'a', length: 20);"),
              ElementsAre("dbf-not-null-without-default"));
}

TEST(LintMigrationColumnsTest, NewColumnsThatOldRowsCanHold) {
  for (const char* code :
       {"add_column :orders, :a, :string, null: false, default: 'x'",
        "add_column :orders, :a, :string", "add_column :orders, :a, :string, null: true",
        "add_column :orders, :a, :datetime, null: false, default: -> { \"now()\" }",
        "add_column :orders, :a, :string, null: false, **options", "add_timestamps :a, null: true",
        "create_table :a do |t|\n t.string :b, null: false\n t.timestamps\nend\n"
        "add_column :a, :c, :string, null: false",
        "change_table :orders do |t|\n t.boolean :a, null: false, default: false\nend"}) {
    EXPECT_THAT(Rails(code), Not(Contains("dbf-not-null-without-default"))) << code;
    EXPECT_THAT(Rails(code), Not(Contains("dbf-volatile-default"))) << code;
  }
  for (const char* line :
       {"$table->string('a')->nullable();", "$table->string('a')->default('x');",
        "$table->timestamp('a')->useCurrent();", "$table->timestamps();", "$table->softDeletes();",
        "$table->rememberToken();", "$table->boolean('a')->default(false)->after('b');",
        "$table->timestamp('a')->default(DB::raw('CURRENT_TIMESTAMP'));",
        "$table->string(column: 'a', length: 20)->nullable();"}) {
    EXPECT_THAT(Orders(line), IsEmpty()) << line;
    EXPECT_THAT(Orders(line, Dialect::kMySql), IsEmpty()) << line;
  }
}

TEST(LintMigrationColumnsTest, VolatileDefault) {
  EXPECT_THAT(RailsSays("add_column :orders, :tok, :uuid, default: -> { \"gen_random_uuid()\" }",
                        "dbf-volatile-default"),
              AllOf(HasSubstr("orders.tok with the default gen_random_uuid() rewrites"),
                    HasSubstr("write add_column :orders, :tok, :uuid; then change_column_default "
                              ":orders, :tok, from: nil, to: -> { \"gen_random_uuid()\" }")));
  EXPECT_THAT(Rails("change_table :orders do |t|\n"
                    " t.uuid :tok, default: -> { \"gen_random_uuid()\" }\nend"),
              ElementsAre("dbf-volatile-default"));
  EXPECT_THAT(LaravelSays("$table->uuid('tok')->default(DB::raw('gen_random_uuid()'));",
                          "dbf-volatile-default"),
              AllOf(HasSubstr("write $table->uuid('tok')->nullable()"),
                    HasSubstr("DB::statement('ALTER TABLE orders ALTER COLUMN tok SET DEFAULT "
                              "gen_random_uuid()')")));
  EXPECT_THAT(Orders("$table->uuid('tok')->default(DB::raw('(UUID())'));", Dialect::kMySql),
              ElementsAre("dbf-expression-default"));
  // Of a new table there are no rows to be written.
  EXPECT_THAT(RulesOf(FindingsOf(
                  kPhp, Laravel("Schema::create('a', function (Blueprint $table) {"
                                " $table->uuid('b')->default(DB::raw('gen_random_uuid()')); });"))),
              IsEmpty());
}

TEST(LintMigrationColumnsTest, SetNotNull) {
  EXPECT_THAT(RailsSays("change_column_null :orders, :note, false", "dbf-set-not-null"),
              AllOf(HasSubstr("add_check_constraint :orders, \"note IS NOT NULL\", name: "
                              "\"chk_orders_note\", validate: false"),
                    HasSubstr("validate_check_constraint :orders, name: \"chk_orders_note\""),
                    HasSubstr("then remove_check_constraint :orders, name: \"chk_orders_note\"")));
  EXPECT_THAT(Rails("change_table :orders do |t|\n t.change_null :note, false\nend"),
              ElementsAre("dbf-set-not-null"));
  EXPECT_THAT(Rails("change_column_null :orders, :note, false", Dialect::kMySql), IsEmpty());
  EXPECT_THAT(Rails("change_column_null :orders, :note, true"), ElementsAre("dbf-drop-not-null"));
  EXPECT_THAT(LaravelSays("$table->string('note')->nullable(false)->change();", "dbf-set-not-null"),
              AllOf(HasSubstr("DB::statement('ALTER TABLE orders ADD CONSTRAINT chk_orders_note "
                              "CHECK (note IS NOT NULL) NOT VALID')"),
                    HasSubstr("->nullable(false)->change()")));
  // The third step of the safe form.
  EXPECT_THAT(Rails("validate_check_constraint :orders, name: \"chk_orders_note\"\n"
                    "change_column_null :orders, :note, false\n"
                    "remove_check_constraint :orders, name: \"chk_orders_note\""),
              IsEmpty());
}

TEST(LintMigrationColumnsTest, Checks) {
  EXPECT_THAT(RailsSays("add_check_constraint :orders, \"total > 0\", name: \"pos\"",
                        "dbf-check-not-valid"),
              AllOf(HasSubstr("add_check_constraint :orders, \"total > 0\", name: \"pos\", "
                              "validate: false"),
                    HasSubstr("validate_check_constraint :orders, name: \"pos\"")));
  EXPECT_THAT(Rails("add_check_constraint :orders, \"total > 0\", validate: false"), IsEmpty());
  EXPECT_THAT(Rails("add_check_constraint :orders, \"total > 0\"", Dialect::kMySql), IsEmpty());
  EXPECT_THAT(Rails("create_table :a do |t|\nend\nadd_check_constraint :a, \"total > 0\""),
              IsEmpty());
}

TEST(LintMigrationColumnsTest, References) {
  EXPECT_THAT(Rails("add_reference :orders, :shop"), ElementsAre("dbf-index-not-concurrent"));
  EXPECT_THAT(RailsSays("add_belongs_to :orders, :shop", "dbf-index-not-concurrent"),
              AllOf(HasSubstr("index: false"),
                    HasSubstr("add_index :orders, :shop_id, algorithm: :concurrently")));
  EXPECT_THAT(RailsSays("add_reference :orders, :buyer, index: false, foreign_key: { to_table: "
                        ":users }",
                        "dbf-fk-not-valid"),
              HasSubstr("add_foreign_key :orders, :users, column: :buyer_id, validate: false; in a "
                        "later migration validate_foreign_key :orders, :users, column: :buyer_id"));
  for (const char* code :
       {"add_reference :orders, :shop, index: { algorithm: :concurrently }",
        "add_reference :orders, :shop, index: false",
        "add_reference :orders, :shop, index: false, foreign_key: { validate: false }",
        "create_table :a do |t|\n t.references :shop, null: false, foreign_key: true\nend"}) {
    EXPECT_THAT(Rails(code), IsEmpty()) << code;
  }
  EXPECT_THAT(Rails("add_reference :orders, :shop, foreign_key: true", Dialect::kMySql), IsEmpty());
  EXPECT_THAT(Orders("$table->foreignId('shop_id')->nullable()->constrained();"),
              ElementsAre("dbf-fk-not-valid"));
  EXPECT_THAT(
      LaravelSays("$table->foreign('shop_id')->references('id')->on('shops');", "dbf-fk-not-valid"),
      AllOf(HasSubstr("ADD CONSTRAINT orders_shop_id_foreign FOREIGN KEY (shop_id) "
                      "REFERENCES shops NOT VALID"),
            HasSubstr("VALIDATE CONSTRAINT orders_shop_id_foreign")));
}

TEST(LintMigrationColumnsTest, Cascades) {
  EXPECT_THAT(Rails("add_foreign_key :orders, :shops, on_delete: :cascade, validate: false"),
              ElementsAre("dbf-cascade-delete"));
  EXPECT_THAT(Orders("$table->foreignId('shop_id')->nullable()->constrained()->cascadeOnDelete();",
                     Dialect::kMySql),
              ElementsAre("dbf-cascade-delete"));
  EXPECT_THAT(Orders("$table->foreign('a')->references('id')->on('b')->onDelete('cascade');",
                     Dialect::kMySql),
              ElementsAre("dbf-cascade-delete"));
  EXPECT_THAT(Orders("$table->foreign('a')->references('id')->on('b')->onDelete('restrict');",
                     Dialect::kMySql),
              IsEmpty());
}

TEST(LintMigrationColumnsTest, UniqueKeys) {
  EXPECT_THAT(Rails("add_index :orders, :number, unique: true, algorithm: :concurrently"),
              ElementsAre("dbf-unique-on-existing"));
  EXPECT_THAT(LaravelSays("$table->unique(['a', 'b'], 'uq');", "dbf-unique-on-existing"),
              HasSubstr("SELECT a, b, COUNT(*) FROM orders"));
  EXPECT_THAT(Orders("$table->string('a')->nullable()->unique();", Dialect::kMySql), IsEmpty());
  EXPECT_THAT(Rails("create_table :a do |t|\nend\nadd_index :a, :b, unique: true"), IsEmpty());
}

TEST(LintMigrationColumnsTest, WhatColumnsHold) {
  EXPECT_THAT(Rails("create_table :a do |t|\n t.float :amount\n t.json :data\n t.float :lat\nend"),
              ElementsAre("dbf-money-as-float", "dbf-json-column"));
  EXPECT_THAT(Rails("add_column :orders, :amount, :decimal\nadd_column :orders, :b, :jsonb"),
              IsEmpty());
  EXPECT_THAT(LaravelSays("$table->float('amount')->nullable();", "dbf-money-as-float"),
              HasSubstr("write $table->decimal('amount', 19, 4)"));
  EXPECT_THAT(Orders("$table->json('a')->nullable();"), ElementsAre("dbf-json-column"));
  EXPECT_THAT(Orders("$table->json('a')->nullable();", Dialect::kMySql), IsEmpty());
}

// down() drops it by the name that Laravel gives.
TEST(LintMigrationColumnsTest, IndexesKeepTheirNames) {
  EXPECT_THAT(LaravelSays("$table->index(['g', 'h'], 'mine');", "dbf-index-not-concurrent"),
              HasSubstr("CREATE INDEX CONCURRENTLY mine ON orders (g, h)"));
  EXPECT_THAT(LaravelSays("$table->unique('i');", "dbf-index-not-concurrent"),
              HasSubstr("CREATE UNIQUE INDEX CONCURRENTLY orders_i_unique ON orders (i)"));
}

TEST(LintMigrationColumnsTest, DroppedIndexes) {
  EXPECT_THAT(Rails("change_table :orders do |t|\n t.remove_index :a\nend"),
              ElementsAre("dbf-drop-index-not-concurrent"));
  EXPECT_THAT(LaravelSays("$table->dropIndex(['a']);", "dbf-drop-index-not-concurrent"),
              HasSubstr("DB::statement('DROP INDEX CONCURRENTLY orders_a_index')"));
  EXPECT_THAT(Orders("$table->dropForeign(['a']);"), IsEmpty());
}

TEST(LintMigrationColumnsTest, DownTakesBackColumnsThatNoNameIsGiven) {
  EXPECT_THAT(RulesOf(FindingsOf(
                  kPhp,
                  "<?php return new class extends Migration { public function up(): void {\n"
                  "Schema::table('a', function (Blueprint $table) { $table->timestamps();\n"
                  "$table->softDeletes(); });\n} public function down(): void {\n"
                  "Schema::table('a', function (Blueprint $table) { $table->dropTimestamps();\n"
                  "$table->dropSoftDeletes(); });\n} };")),
              IsEmpty());
}

// SQL's -------------------------------------------------------------------------------------------

TEST(LintAlteredTableTest, AnAlterLeavesTheTypesOfOtherColumns) {
  SchemaSnapshot snapshot;
  LiveTable orders;
  orders.name = {"app", "orders"};
  LiveColumn number;
  number.name = "number";
  number.type = "character varying(20)";
  orders.columns = {number};
  snapshot.Add(orders);
  const std::string select = "SELECT id FROM app.orders WHERE number = 123";
  for (const Target& target : {Postgres(), Maria()}) {
    EXPECT_THAT(Found(target, "ALTER TABLE app.orders ADD COLUMN zzz text; " + select, &snapshot),
                Contains("dbf-text-as-number 2"));
  }
  for (const char* alter :
       {"ALTER TABLE app.orders ALTER COLUMN number TYPE bigint USING number::bigint; ",
        "ALTER TABLE app.orders RENAME COLUMN number TO no; ",
        "ALTER TABLE app.orders DROP COLUMN number; ", "ALTER TABLE app.orders RENAME TO others; ",
        "ALTER TABLE app.orders DROP COLUMN number, ADD COLUMN number bigint; "}) {
    EXPECT_THAT(Found(Postgres(), alter + select, &snapshot), Not(Contains("dbf-text-as-number 2")))
        << alter;
  }
}

TEST(LintAlteredTableTest, WhatStandsInATransactionIsThereWholeOrNotAtAll) {
  EXPECT_THAT(Found(Postgres(), "BEGIN; CREATE TABLE app.t (id bigint PRIMARY KEY); COMMIT;"),
              Not(Contains("dbf-not-idempotent 2")));
  EXPECT_THAT(Found(Postgres(), "CREATE TABLE app.t (id bigint PRIMARY KEY);"),
              Contains("dbf-not-idempotent 1"));
}

TEST(LintAlteredTableTest, DdlOfMySqlEndsATransaction) {
  EXPECT_THAT(Found(Maria(), "START TRANSACTION; ALTER TABLE t ADD COLUMN a int;"),
              Not(Contains("dbf-uncommitted-transaction 1")));
  EXPECT_THAT(Found(Maria(), "START TRANSACTION; CREATE TEMPORARY TABLE t (a int);"),
              Contains("dbf-uncommitted-transaction 1"));
  EXPECT_THAT(Found(Postgres(), "BEGIN; ALTER TABLE app.t ADD COLUMN a int;"),
              Contains("dbf-uncommitted-transaction 1"));
}

}  // namespace
}  // namespace dbfleet::sql

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

#include "tests/unit/common/sql/lint_cases.h"

// Which indexes of a snapshot are still there when another one is held against them.
namespace dbfleet::sql {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const SchemaSnapshot& Live() {
  static const auto& snapshot = *[] {
    auto* made = new SchemaSnapshot;
    made->complete = true;
    LiveTable orders;
    orders.name = {"app", "orders"};
    orders.columns = {{"id", "bigint", false}, {"customer_id", "bigint"}, {"state", "text"}};
    orders.indexes = {{"orders_pkey", {"id"}, true, true}, {"idx_customer", {"customer_id"}}};
    made->Add(orders);
    return made;
  }();
  return snapshot;
}

// What dbf-duplicate-index and dbf-redundant-index say of files that are run one after the other.
std::vector<std::string> Useless(const Target& target, const std::vector<std::string>& files,
                                 bool applied = false) {
  const LintConfig config;
  std::optional<FollowedSchema> left;
  std::vector<std::string> said;
  for (const std::string& file : files) {
    Linter::Options options;
    options.before = left;
    options.applied = applied;
    Linter linter(target, config, &Live(), options);
    ScriptReader reader(target);
    const auto statements = Split(target, file);
    for (const Statement& statement : *statements) linter.Add(statement, reader.Read(statement));
    for (const Finding& finding : linter.Finish()) {
      const bool useless =
          finding.rule_id == "dbf-duplicate-index" || finding.rule_id == "dbf-redundant-index";
      if (useless) said.push_back(finding.message);
    }
    left = linter.TakeLeft(true);
  }
  return said;
}

TEST(DroppedIndexesTest, WhatTheScriptDroppedMakesNoOtherUseless) {
  for (const char* script :
       {"DROP INDEX CONCURRENTLY app.idx_customer; "
        "CREATE INDEX CONCURRENTLY i ON app.orders (customer_id)",
        "CREATE INDEX CONCURRENTLY i ON app.orders (customer_id); "
        "DROP INDEX CONCURRENTLY app.idx_customer",
        "DROP INDEX app.idx_customer; CREATE INDEX idx_customer ON app.orders (customer_id, state)",
        "ALTER TABLE app.orders DROP CONSTRAINT orders_pkey; "
        "CREATE UNIQUE INDEX i ON app.orders (id)",
        "CREATE INDEX i ON app.orders (state); DROP INDEX app.i; "
        "CREATE UNIQUE INDEX i ON app.orders (state)",
        "CREATE INDEX i ON app.orders (state); DROP INDEX app.i; "
        "CREATE INDEX j ON app.orders (state)",
        "ALTER TABLE app.orders DROP COLUMN customer_id; "
        "ALTER TABLE app.orders ADD COLUMN customer_id bigint; "
        "CREATE INDEX i ON app.orders (customer_id)"}) {
    EXPECT_THAT(Useless(Postgres(), {script}), IsEmpty()) << script;
  }
  for (const char* script :
       {"DROP INDEX idx_customer ON app.orders; CREATE INDEX i ON app.orders (customer_id)",
        "ALTER TABLE app.orders DROP INDEX idx_customer, ADD INDEX i (customer_id)",
        "ALTER TABLE app.orders DROP PRIMARY KEY, ADD PRIMARY KEY (id, state), ADD UNIQUE u (id)",
        "ALTER TABLE app.orders ADD INDEX i (state); ALTER TABLE app.orders DROP INDEX I; "
        "ALTER TABLE app.orders ADD UNIQUE j (state)"}) {
    EXPECT_THAT(Useless(Maria(), {script}), IsEmpty()) << script;
  }
}

TEST(DroppedIndexesTest, NorDoesWhatAnEarlierFileDropped) {
  EXPECT_THAT(Useless(Postgres(), {"DROP INDEX CONCURRENTLY app.idx_customer",
                                   "CREATE INDEX CONCURRENTLY i ON app.orders (customer_id)"}),
              IsEmpty());
}

TEST(DroppedIndexesTest, WhatIsStillThereDoes) {
  for (const char* script :
       {"CREATE INDEX i ON app.orders (customer_id)",
        "DROP INDEX app.other; CREATE INDEX i ON app.orders (customer_id)",
        "DROP INDEX other.idx_customer; CREATE INDEX i ON app.orders (customer_id)",
        "ALTER TABLE app.others DROP COLUMN customer_id; "
        "CREATE INDEX i ON app.orders (customer_id)"}) {
    EXPECT_THAT(Useless(Postgres(), {script}), ElementsAre(HasSubstr("i of app.orders repeats")))
        << script;
  }
}

TEST(DroppedIndexesTest, AnIndexIsNotHeldAgainstItself) {
  for (const char* script : {"CREATE INDEX IF NOT EXISTS idx_customer ON app.orders (customer_id)",
                             "CREATE INDEX idx_customer ON app.orders (customer_id)"}) {
    EXPECT_THAT(Useless(Postgres(), {script}), IsEmpty()) << script;
    EXPECT_THAT(Useless(Maria(), {script}), IsEmpty()) << script;
  }
  // The server named it.
  EXPECT_THAT(Useless(Postgres(), {"CREATE INDEX ON app.orders (customer_id)"}, true), IsEmpty());
  EXPECT_THAT(Useless(Postgres(), {"CREATE INDEX ON app.orders (customer_id)"}),
              ElementsAre(HasSubstr("repeats idx_customer")));
}

}  // namespace
}  // namespace dbfleet::sql

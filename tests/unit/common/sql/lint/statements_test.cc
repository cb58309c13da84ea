#include "tests/unit/common/sql/lint/builders.h"

// Rules about data, queries, transactions, Redis, and host code.
namespace dbfleet::sql {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(DmlRulesTest, WritesNameTheirRows) {
  Reading update = Of(Verb::kUpdate, "orders");
  update.facts.query.unguarded_write = true;
  const Finding finding = Case(kMaria).The("dbf-no-where", {update});
  EXPECT_EQ(finding.severity, Severity::kError);
  EXPECT_THAT(finding.advice,
              HasSubstr("UPDATE app.orders SET ... WHERE its key lies in one range"));
  Reading limited = Of(Verb::kDelete, "orders");
  limited.facts.has_limit = limited.facts.has_order_by = true;
  EXPECT_THAT(Case(kMaria).Ids({limited}), ElementsAre("dbf-dml-limit", "dbf-dml-order-by"));
  EXPECT_THAT(Case(kPostgres).Ids({limited}), IsEmpty());
}

TEST(DmlRulesTest, InsertsNameColumnsAndAreBounded) {
  Reading insert = Of(Verb::kInsert, "orders");
  insert.facts.insert.names_columns = false;
  insert.facts.insert.rows = 1001;
  EXPECT_THAT(Case(kMaria).Ids({insert}),
              ElementsAre("dbf-insert-without-columns", "dbf-insert-rows"));
  EXPECT_THAT(
      Case(kMaria).The("dbf-insert-without-columns", {CreateTable("orders"), insert}).advice,
      HasSubstr("INSERT INTO app.orders (id, created_at, updated_at)"));
}

TEST(QueryRulesTest, EachFactHasItsRule) {
  struct {
    const char* id;
    void (*set)(QueryFacts*);
  } cases[] = {
      {"dbf-select-star", [](QueryFacts* q) { q->select_star = true; }},
      {"dbf-equals-null", [](QueryFacts* q) { q->equals_null = true; }},
      {"dbf-leading-wildcard", [](QueryFacts* q) { q->leading_wildcard = true; }},
      {"dbf-function-on-column", [](QueryFacts* q) { q->wrapped_columns = {"created_at"}; }},
      {"dbf-implicit-conversion", [](QueryFacts* q) { q->quoted_numbers = {"customer_id"}; }},
      {"dbf-order-by-random", [](QueryFacts* q) { q->orders_by_random = true; }},
      {"dbf-limit-without-order", [](QueryFacts* q) { q->has_limit = q->has_from = true; }},
      {"dbf-offset-without-limit", [](QueryFacts* q) { q->has_offset = true; }},
      {"dbf-offset-pagination", [](QueryFacts* q) { q->unbounded_offset = true; }},
      {"dbf-injection-tautology", [](QueryFacts* q) { q->tautology = true; }},
  };
  for (const auto& c : cases) {
    Reading select = Of(Verb::kSelect, "orders");
    c.set(&select.facts.query);
    EXPECT_THAT(Case(kMaria).Ids({select}), ElementsAre(c.id));
  }
  // One row of an aggregate needs no order, and a text that looks like a number may be one.
  Reading one = Of(Verb::kSelect, "orders");
  one.facts.query.has_limit = one.facts.query.has_from = one.facts.query.aggregates = true;
  one.facts.query.quoted_numbers = {"zip"};
  EXPECT_THAT(Case(kMaria).Ids({one}), IsEmpty());
}

TEST(TransactionRulesTest, TheRunnerOwnsTransactions) {
  EXPECT_THAT(Case(kMaria).Ids({Of(Verb::kBegin), Of(Verb::kCommit)}),
              ElementsAre("dbf-explicit-commit"));
  EXPECT_THAT(Case(kMaria).Ids({Of(Verb::kBegin)}), ElementsAre("dbf-uncommitted-transaction"));
  EXPECT_THAT(Case(kMaria).Ids({Of(Verb::kBegin), Of(Verb::kBegin), Of(Verb::kRollback)}),
              ElementsAre("dbf-transaction-nesting", "dbf-explicit-commit"));
}

TEST(TransactionRulesTest, ConcurrentlyStandsOutsideOfTransactions) {
  IndexFacts index = Index("idx_orders_a", "orders", {"a"});
  index.concurrently = true;
  Reading create = CreateIndex(index);
  create.verdict.transactional = false;
  EXPECT_THAT(Case(kPostgres).Ids({create}), IsEmpty());
  EXPECT_THAT(Case(kPostgres).Ids({Of(Verb::kBegin), create, Of(Verb::kCommit)}),
              Contains("dbf-concurrently-in-transaction"));
}

TEST(TransactionRulesTest, ValidationIsATransactionOfItsOwn) {
  Alteration check = Change(AlterationKind::kAddCheck, "c");
  check.not_valid = true;
  const Reading add = Alter("orders", {check});
  const Reading validate = Alter("orders", {Change(AlterationKind::kValidateConstraint, "c")});
  EXPECT_THAT(Case(kPostgres).The("dbf-validate-in-same-transaction", {add, validate}).advice,
              HasSubstr("ALTER TABLE app.orders VALIDATE CONSTRAINT c"));
  EXPECT_THAT(Case(kPostgres).Ids({Of(Verb::kBegin), add, Of(Verb::kCommit), validate}),
              ElementsAre("dbf-explicit-commit"));
}

TEST(TransactionRulesTest, SchemaAndDataAreChangedApart) {
  const Reading alter = Alter("orders", {AddColumn(Column("note", "text"))});
  const Reading update = Of(Verb::kUpdate, "orders");
  EXPECT_THAT(Case(kMaria).Ids({alter, update, update}), ElementsAre("dbf-mixed-ddl-dml"));
  // Rows for a table that the script made belong to it.
  EXPECT_THAT(Case(kMaria).Ids({CreateTable("orders"), update}), IsEmpty());
}

TEST(RedisRulesTest, CommandsThatHurt) {
  struct {
    const char* command;
    bool unbounded;
    bool dangerous;
    std::vector<std::string> ids;
  } cases[] = {
      {"KEYS", true, true, {"dbf-redis-keys"}},
      {"FLUSHALL", false, true, {"dbf-redis-flush"}},
      {"FLUSHDB", false, true, {"dbf-redis-flush"}},
      {"DEBUG", false, true, {"dbf-redis-debug"}},
      {"CONFIG SET", false, true, {"dbf-redis-config-set"}},
      {"SAVE", false, true, {"dbf-redis-save"}},
      {"SMEMBERS", true, false, {"dbf-redis-unbounded-read"}},
      {"LRANGE", true, false, {"dbf-redis-unbounded-read"}},
      {"REPLICAOF", false, true, {"dbf-redis-dangerous"}},
      {"GET", false, false, {}},
  };
  for (const auto& c : cases) {
    Reading reading = Of(Verb::kOther);
    reading.facts.command = CommandFacts{c.command, c.unbounded, c.dangerous};
    EXPECT_EQ(Case(kRedis).Ids({reading}), c.ids) << c.command;
  }
}

TEST(HostCodeRulesTest, CallsAreHeldAgainstTheirRulesAndThoseOfSql) {
  Target ruby(Dialect::kActiveRecordRuby);
  CallFacts call;
  call.receiver = "User";
  call.method = "update_all";
  Reading reading = Of(Verb::kUpdate, "users");
  reading.facts.call = call;
  reading.facts.query.unguarded_write = true;
  EXPECT_THAT(Case(ruby).Ids({reading}), ElementsAre("dbf-ar-without-conditions"));

  reading = Of(Verb::kSelect, "users");
  call.method = "find_by_sql";
  call.raw_sql = call.concatenates = true;
  call.joined_value = "params[:id]";
  reading.facts.call = call;
  EXPECT_THAT(Case(ruby).The("dbf-injection-concatenation", {reading}).message,
              HasSubstr("params[:id]"));
  reading.facts.call->placeholders_only = true;
  EXPECT_THAT(Case(ruby).Ids({reading}), IsEmpty());

  reading.facts.call = CallFacts();
  reading.facts.call->method = "all";
  reading.facts.call->receiver = "User";
  EXPECT_THAT(Case(ruby).Ids({reading}), ElementsAre("dbf-ar-unbounded-read"));
  reading.facts.call->has_limit = reading.facts.call->in_loop = true;
  EXPECT_THAT(Case(ruby).Ids({reading}), ElementsAre("dbf-n-plus-one"));
}

TEST(InjectionRulesTest, TracesOfInputAreNamed) {
  Reading reading = Of(Verb::kSelect, "users");
  reading.facts.injection.stacked = reading.facts.injection.hidden_by_comment = true;
  reading.facts.injection.text = "; DROP";
  EXPECT_THAT(Case(kMaria).Ids({reading}),
              ElementsAre("dbf-injection-stacked", "dbf-injection-comment"));
}

TEST(LiveRulesTest, RowCountsMakeRulesPrecise) {
  Case c(kPostgres);
  c.with_snapshot = true;
  LiveTable orders;
  orders.name = {"app", "orders"};
  orders.rows = 5'000'000;
  orders.columns = {{"id", "bigint"}, {"note", "text"}};
  orders.indexes = {{"orders_pkey", {"id"}, true, true}};
  c.snapshot.Add(orders);

  Reading update = Of(Verb::kUpdate, "orders");
  update.facts.query.has_where = true;
  update.facts.query.filtered_columns = {"note"};
  EXPECT_THAT(c.Ids({update}), ElementsAre("dbf-affected-rows", "dbf-full-scan"));
  EXPECT_THAT(c.The("dbf-full-scan", {update}).advice,
              HasSubstr("CREATE INDEX CONCURRENTLY idx_orders_note ON app.orders (note)"));
  update.facts.query.filtered_columns = {"id"};
  EXPECT_THAT(c.Ids({update}), IsEmpty());

  // The same statement on a large and on a small table.
  const Reading index = CreateIndex(Index("idx_orders_note", "orders", {"note"}));
  EXPECT_EQ(c.The("dbf-index-not-concurrent", {index}).severity, Severity::kError);
  orders.rows = 100;
  c.snapshot.Add(orders);
  EXPECT_EQ(c.The("dbf-index-not-concurrent", {index}).severity, Severity::kInfo);
  EXPECT_THAT(c.Ids({CreateIndex(Index("idx_orders_id", "orders", {"id"}))}),
              Contains("dbf-duplicate-index"));
}

TEST(LiveRulesTest, NamesThatDoNotExistFailBeforeTheyRun) {
  Case c(kMaria);
  c.with_snapshot = c.snapshot.complete = true;
  LiveTable orders;
  orders.name = {"app", "orders"};
  orders.columns = {{"id", "bigint"}};
  c.snapshot.Add(orders);
  EXPECT_THAT(c.Ids({Of(Verb::kInsert, "order")}), ElementsAre("dbf-dry-run"));
  EXPECT_THAT(c.Ids({Of(Verb::kInsert, "orders")}), IsEmpty());
  Reading drop = Alter("orders", {Change(AlterationKind::kDropColumn, "note")});
  drop.facts.alterations[0].if_exists = false;
  EXPECT_THAT(c.Ids({drop}), Contains("dbf-dry-run"));
}

TEST(LiveRulesTest, PublishedTablesHaveAReplicaIdentity) {
  Case c(kPostgres);
  c.with_snapshot = true;
  LiveTable orders;
  orders.name = {"app", "orders"};
  orders.published = true;
  orders.replica_identity = "default";
  c.snapshot.Add(orders);
  EXPECT_THAT(c.Ids({Of(Verb::kUpdate, "orders")}), ElementsAre("dbf-replica-identity"));
  orders.indexes = {{"orders_pkey", {"id"}, true, true}};
  c.snapshot.Add(orders);
  EXPECT_THAT(c.Ids({Of(Verb::kUpdate, "orders")}), IsEmpty());
}

TEST(NotUnderstoodTest, WhatNoServerWouldAcceptIsAnErrorWithThePlace) {
  Reading reading;
  reading.facts.unreadable = true;
  reading.verdict.reasons = {reading.verdict.doubt = "it cannot be read: line 1"};
  const Finding finding = Case(kMaria).The("dbf-syntax-error", {reading});
  EXPECT_THAT(finding.message, HasSubstr("line 1"));
  EXPECT_EQ(finding.severity, Severity::kError);
}

TEST(NotUnderstoodTest, TheReasonThatBelongsToItIsGiven) {
  Reading reading;
  reading.verdict.reasons = {"its name is not in the list of names", "LATERAL is news"};
  reading.verdict.doubt = "LATERAL is news";
  EXPECT_THAT(Case(kMaria).The("dbf-not-understood", {reading}).message,
              HasSubstr("not understood as a whole: LATERAL is news"));
}

TEST(NotUnderstoodTest, NothingIsSaidOfEffectsThatAreNotItsOwn) {
  Reading reading;
  reading.verdict.effects.rewrites_table = true;
  EXPECT_THAT(Case(kPostgres).Ids({reading}), Not(Contains("dbf-table-rebuild")));
}

TEST(NotUnderstoodTest, RulesSayThatTheyCouldNotLook) {
  Reading reading;
  reading.verdict.reasons = {reading.verdict.doubt = "FROBNICATE is not known"};
  EXPECT_THAT(Case(kMaria).The("dbf-not-understood", {reading}).message,
              HasSubstr("FROBNICATE is not known"));
}

}  // namespace
}  // namespace dbfleet::sql

#include "tests/unit/common/sql/lint/builders.h"

// Rules about changes of a schema.
namespace dbfleet::sql {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(IndexRulesTest, TheSafeFormIsWrittenWithTheStatementsOwnNames) {
  IndexFacts index = Index("idx_orders_customer_id", "orders", {"customer_id"});
  index.rest = "ON app.orders (customer_id)";
  const Finding finding = Case(kPostgres).The("dbf-index-not-concurrent", {CreateIndex(index)});
  EXPECT_THAT(finding.advice,
              HasSubstr("write CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_orders_customer_id ON "
                        "app.orders (customer_id)"));
}

TEST(IndexRulesTest, AnIndexWithoutANameGetsOneInTheSafeForm) {
  IndexFacts index = Index("", "orders", {"a", "b"});
  index.rest = "ON app.orders (a, b)";
  const Finding finding = Case(kPostgres).The("dbf-index-not-concurrent", {CreateIndex(index)});
  EXPECT_THAT(finding.advice, HasSubstr("idx_orders_a_b ON app.orders (a, b)"));
}

TEST(IndexRulesTest, ATableMadeInTheSameScriptMayBeIndexedPlainly) {
  EXPECT_THAT(Case(kPostgres).Ids(
                  {CreateTable("orders"), CreateIndex(Index("idx_orders_a", "orders", {"a"}))}),
              IsEmpty());
  // Not a table of the same name in another schema.
  IndexFacts other = Index("idx_orders_a", "orders", {"a"});
  other.table.schema = "archive";
  EXPECT_THAT(Case(kPostgres).Ids({CreateTable("orders"), CreateIndex(other)}),
              Contains("dbf-index-not-concurrent"));
}

TEST(IndexRulesTest, DroppingAndRebuildingWantConcurrentlyToo) {
  Reading drop = Of(Verb::kDropIndex);
  drop.facts.indexes = {Index("idx_orders_a", "", {})};
  drop.facts.if_exists = true;
  EXPECT_THAT(Case(kPostgres).The("dbf-drop-index-not-concurrent", {drop}).advice,
              HasSubstr("DROP INDEX CONCURRENTLY IF EXISTS idx_orders_a"));
  drop.facts.concurrently = true;
  EXPECT_THAT(Case(kPostgres).Ids({drop}), IsEmpty());

  Reading reindex = Of(Verb::kReindex, "orders");
  reindex.facts.object_type = "table";
  EXPECT_THAT(Case(kPostgres).The("dbf-reindex-not-concurrent", {reindex}).advice,
              HasSubstr("REINDEX TABLE CONCURRENTLY app.orders"));
}

TEST(IndexRulesTest, AnIndexIsMadeInvisibleBeforeItIsDropped) {
  Reading drop = Of(Verb::kDropIndex);
  drop.facts.indexes = {Index("idx_a", "orders", {})};
  drop.facts.algorithm = "inplace";
  EXPECT_THAT(Case(kMaria).The("dbf-drop-visible-index", {drop}).advice,
              HasSubstr("ALTER TABLE app.orders ALTER INDEX idx_a IGNORED"));
  EXPECT_THAT(Case(kMySql80).The("dbf-drop-visible-index", {drop}).advice, HasSubstr("INVISIBLE"));
  EXPECT_THAT(Case(kMySql57).Ids({drop}), IsEmpty());  // It cannot.
  // One line above is too late to see which query misses it.
  Alteration hide = Change(AlterationKind::kIndexVisibility, "idx_a");
  hide.invisible = true;
  EXPECT_THAT(Case(kMaria).The("dbf-drop-visible-index", {Alter("orders", {hide}), drop}).advice,
              HasSubstr("in a later migration"));
  hide.invisible = false;
  EXPECT_THAT(Case(kMaria).The("dbf-drop-visible-index", {Alter("orders", {hide}), drop}).advice,
              HasSubstr("IGNORED, wait"));
  Case live(kMaria);
  live.with_snapshot = true;
  LiveTable orders;
  orders.name = {"app", "orders"};
  orders.indexes = {{"idx_a", {"a"}, false, false, true}};
  live.snapshot.Add(orders);
  EXPECT_THAT(live.Ids({drop}), Not(Contains("dbf-drop-visible-index")));
}

TEST(IndexRulesTest, IndexesThatAreOfNoUseAreNamed) {
  const auto found = [](std::vector<IndexFacts> indexes) {
    Reading table = CreateTable("orders");
    table.facts.indexes = std::move(indexes);
    return Case(kMaria).Ids({table});
  };
  const IndexFacts a = Index("idx_orders_a", "orders", {"a"});
  const IndexFacts a2 = Index("idx_orders_a_2", "orders", {"A"});
  const IndexFacts ab = Index("idx_orders_a_b", "orders", {"a", "b"});
  const IndexFacts ba = Index("idx_orders_b_a", "orders", {"b", "a"});
  IndexFacts unique_a = Index("uq_orders_a", "orders", {"a"});
  unique_a.unique = true;
  IndexFacts partial = a2;
  partial.partial = true;
  EXPECT_THAT(found({a, a2}), ElementsAre("dbf-duplicate-index"));
  EXPECT_THAT(found({a, ab}), ElementsAre("dbf-redundant-index"));
  EXPECT_THAT(found({a, ba}), IsEmpty());
  EXPECT_THAT(found({unique_a, ab}), IsEmpty());  // It says something about the rows.
  EXPECT_THAT(found({unique_a, a}), ElementsAre("dbf-duplicate-index"));
  EXPECT_THAT(found({a, partial}), IsEmpty());
  EXPECT_THAT(found({Index("idx_orders_id", "orders", {"id"})}),
              ElementsAre("dbf-duplicate-index"));  // The primary key.
}

TEST(IndexRulesTest, AForeignKeyWantsAnIndexThatBeginsWithItsColumns) {
  Reading table = CreateTable("orders");
  table.facts.foreign_keys = {ForeignKey("fk_orders_customers", {"customer_id"}, "customers")};
  const Finding finding = Case(kPostgres).The("dbf-fk-without-index", {table});
  EXPECT_THAT(finding.advice,
              HasSubstr("CREATE INDEX idx_orders_customer_id ON app.orders (customer_id)"));
  const Reading index =
      CreateIndex(Index("idx_orders_customer_id", "orders", {"customer_id", "a"}));
  EXPECT_THAT(Case(kPostgres).Ids({table, index}), IsEmpty());
  // InnoDB makes one by itself.
  EXPECT_THAT(Case(kMaria).Ids({table}), ElementsAre("dbf-foreign-key"));
}

TEST(ColumnRulesTest, WhatIsLostOrBreaksProgramsIsNamed) {
  Alteration rename = Change(AlterationKind::kRenameColumn, "note");
  rename.new_name = "remark";
  EXPECT_THAT(Case(kPostgres).Ids({Alter("orders", {rename})}), ElementsAre("dbf-rename-column"));
  EXPECT_THAT(Case(kMaria).Ids({Alter("orders", {Change(AlterationKind::kDropColumn, "note")})}),
              ElementsAre("dbf-drop-column"));
  // A way back takes away what its way there made, and nothing else.
  Case down(kMaria);
  down.down = true;
  const Reading drop = Alter("orders", {Change(AlterationKind::kDropColumn, "note")});
  EXPECT_THAT(down.Ids({drop}), ElementsAre("dbf-drop-column"));
  down.up.Add(Made::What::kColumn, "app", "orders", "note");
  EXPECT_THAT(down.Ids({drop}), IsEmpty());
}

TEST(ColumnRulesTest, NewColumns) {
  struct {
    const char* what;
    Target target;
    bool not_null;
    DefaultKind kind;
    bool stored;
    bool numbers_itself;
    std::vector<std::string> ids;
  } cases[] = {
      {"nullable", kPostgres, false, DefaultKind::kNone, false, false, {}},
      {"constant default", kPostgres, true, DefaultKind::kConstant, false, false, {}},
      {"now()", kPostgres, true, DefaultKind::kStable, false, false, {}},
      {"no default",
       kPostgres,
       true,
       DefaultKind::kNone,
       false,
       false,
       {"dbf-not-null-without-default"}},
      {"volatile", kPostgres, true, DefaultKind::kVolatile, false, false, {"dbf-volatile-default"}},
      {"expression",
       kMaria,
       true,
       DefaultKind::kVolatile,
       false,
       false,
       {"dbf-expression-default"}},
      {"stored", kMaria, true, DefaultKind::kNone, true, false, {"dbf-stored-generated"}},
      {"serial", kPostgres, true, DefaultKind::kNone, false, true, {"dbf-add-auto-increment"}},
  };
  for (const auto& c : cases) {
    ColumnFacts column = Column("note", "bigint");
    column.not_null = c.not_null;
    column.default_kind = c.kind;
    column.default_text = "uuid()";
    column.generated_stored = c.stored;
    column.auto_increment = c.numbers_itself;
    EXPECT_EQ(Case(c.target).Ids({Alter("orders", {AddColumn(column)})}), c.ids) << c.what;
    // The same in a table that nobody uses yet.
    EXPECT_THAT(Case(c.target).Ids({CreateTable("orders"), Alter("orders", {AddColumn(column)})}),
                IsEmpty())
        << c.what;
  }
}

TEST(ColumnRulesTest, SetNotNullIsFineBehindAValidatedCheck) {
  const Reading set = Alter("orders", {Change(AlterationKind::kSetNotNull, "note")});
  const Finding finding = Case(kPostgres).The("dbf-set-not-null", {set});
  EXPECT_THAT(finding.advice, HasSubstr("CHECK (note IS NOT NULL) NOT VALID"));
  EXPECT_THAT(finding.advice, HasSubstr("VALIDATE CONSTRAINT chk_orders_note"));
  Alteration check = Change(AlterationKind::kAddCheck, "c");
  check.not_valid = true;
  check.terms = {{CheckTerm::kNotNull, "note", {}}};
  const Reading add = Alter("orders", {check});
  check.terms = {{CheckTerm::kNotNull, "other", {}}};
  const Reading add_other = Alter("orders", {check});
  const Reading validate = Alter("orders", {Change(AlterationKind::kValidateConstraint, "c")});
  EXPECT_THAT(Case(kPostgres).Ids({add_other, validate, set}), Contains("dbf-set-not-null"));
  EXPECT_THAT(Case(kPostgres).Ids({add, set}), Contains("dbf-set-not-null"));
  EXPECT_THAT(Case(kPostgres).Ids({add, validate, set}), Not(Contains("dbf-set-not-null")));
}

TEST(ColumnRulesTest, ALiveTypeTellsWhichChangesAreFree) {
  Case c(kPostgres);
  c.with_snapshot = true;
  LiveTable orders;
  orders.name = {"app", "orders"};
  orders.columns = {{"note", "varchar(20)"}};
  c.snapshot.Add(orders);
  const auto change = [&](const std::string& type, std::vector<std::string> arguments) {
    Alteration alteration = Change(AlterationKind::kChangeType, "note");
    alteration.column = Column("note", type);
    alteration.column->arguments = std::move(arguments);
    return c.Ids({Alter("orders", {alteration})});
  };
  EXPECT_THAT(change("varchar", {"40"}), IsEmpty());
  EXPECT_THAT(change("text", {}), IsEmpty());
  EXPECT_THAT(change("varchar", {"10"}), ElementsAre("dbf-change-column-type"));
  EXPECT_THAT(change("bigint", {}), ElementsAre("dbf-change-column-type"));
}

TEST(TypeRulesTest, ColumnsThatCannotHoldWhatTheyAreFor) {
  struct {
    Target target;
    ColumnFacts column;
    std::vector<std::string> ids;
  } cases[] = {
      {kMaria, Column("total_price", "double"), {"dbf-money-as-float"}},
      {kPostgres, Column("amount", "real"), {"dbf-money-as-float"}},
      {kMaria, Column("temperature", "float"), {"dbf-float-column"}},
      {kPostgres, Column("temperature", "real"), {}},
      {kMaria, Column("totality", "decimal"), {}},
      {kMaria, Column("seen", "timestamp"), {"dbf-timestamp-2038"}},
      {kPostgres, Column("seen", "timestamp"), {}},
      {kPostgres, Column("payload", "json"), {"dbf-json-column"}},
      {kPostgres, Column("payload", "jsonb"), {}},
      {kMaria, Column("payload", "json"), {}},
  };
  for (const auto& c : cases) {
    Reading table = CreateTable("orders");
    table.facts.columns.push_back(c.column);
    EXPECT_EQ(Case(c.target).Ids({table}), c.ids) << c.column.name;
  }
  ColumnFacts zero = Column("seen", "datetime");
  zero.default_kind = DefaultKind::kConstant;
  zero.default_text = "'0000-00-00 00:00:00'";
  EXPECT_THAT(Case(kMaria).Ids({Alter("orders", {AddColumn(zero)})}), ElementsAre("dbf-zero-date"));
}

TEST(TypeRulesTest, KeysAreWide) {
  Reading table = CreateTable("orders");
  table.facts.columns[0].type = "int";
  EXPECT_THAT(Case(kMaria).The("dbf-int-key", {table}).message, HasSubstr("2147483647"));
  table.facts.columns[0].primary_key = false;
  table.facts.indexes = {Index("", "orders", {"id"})};
  table.facts.indexes[0].primary = true;
  EXPECT_THAT(Case(kMaria).Ids({table}), ElementsAre("dbf-int-key"));
  Case live(kMaria);
  live.with_snapshot = true;
  LiveTable orders;
  orders.name = {"app", "orders"};
  orders.columns = {{"id", "int(11)", false, true}};
  orders.next_number = 1'900'000'000;
  live.snapshot.Add(orders);
  EXPECT_THAT(live.The("dbf-int-key-capacity", {Of(Verb::kInsert, "orders")}).message,
              HasSubstr("1900000000 of 2147483647"));
}

TEST(TypeRulesTest, EnumValuesAreAppended) {
  Case c(kMaria);
  c.with_snapshot = true;
  LiveTable orders;
  orders.name = {"app", "orders"};
  orders.columns = {{"state", "enum('new','it''s paid')"}};
  c.snapshot.Add(orders);
  const auto modify = [&](std::vector<std::string> values) {
    Alteration alteration = Change(AlterationKind::kModifyColumn, "state");
    alteration.column = Column("state", "enum");
    alteration.column->arguments = std::move(values);
    std::vector<std::string> messages;
    for (const Finding& finding : c.Lint(std::vector<Reading>{Alter("orders", {alteration})})) {
      if (finding.rule_id != "dbf-change-column-type") messages.push_back(finding.message);
    }
    return messages;
  };
  EXPECT_THAT(modify({"new", "it's paid", "sent"}), IsEmpty());
  EXPECT_THAT(modify({"new"}),
              ElementsAre(HasSubstr("'it's paid' of app.orders.state is removed")));
  EXPECT_THAT(modify({"it's paid", "new"}), ElementsAre(HasSubstr("moved or inserted")));
  std::vector<std::string> many = {"new", "it's paid"};
  while (many.size() < 256) many.push_back(std::to_string(many.size()));
  EXPECT_THAT(modify(many), ElementsAre(HasSubstr("wider rows")));
}

TEST(ConstraintRulesTest, ConstraintsAreAddedWithoutAScanUnderALock) {
  const auto ids = [](const Alteration& alteration) {
    return Case(kPostgres).Ids({Alter("orders", {alteration})});
  };
  IndexFacts unique = Index("uq_orders_a", "orders", {"a"});
  unique.unique = unique.is_constraint = true;
  EXPECT_THAT(ids(AddIndex(unique)), Contains("dbf-unique-constraint"));
  IndexFacts primary = Index("pk", "orders", {"a"});
  primary.primary = primary.unique = true;
  EXPECT_THAT(ids(AddIndex(primary)), Contains("dbf-add-primary-key"));
  primary.using_index = unique.using_index = true;
  EXPECT_THAT(ids(AddIndex(primary)), IsEmpty());
  EXPECT_THAT(ids(AddIndex(unique)), IsEmpty());

  ForeignKeyFacts key = ForeignKey("fk_orders_customers", {"customer_id"}, "customers");
  EXPECT_THAT(ids(AddForeignKey(key)), Contains("dbf-fk-not-valid"));
  key.not_valid = true;
  EXPECT_THAT(ids(AddForeignKey(key)), Not(Contains("dbf-fk-not-valid")));
  Alteration check = Change(AlterationKind::kAddCheck, "chk_a");
  EXPECT_THAT(ids(check), ElementsAre("dbf-check-not-valid"));
  check.not_valid = true;
  EXPECT_THAT(ids(check), IsEmpty());
  EXPECT_THAT(ids(Change(AlterationKind::kAddExclusion)), ElementsAre("dbf-exclusion-constraint"));
}

TEST(ConstraintRulesTest, PartitionsComeAndGoWithoutStoppingTheTable) {
  Alteration detach = Change(AlterationKind::kDetachPartition, "orders_2020");
  const Reading statement = Alter("orders", {detach});
  EXPECT_THAT(Case(kPostgres).The("dbf-detach-partition", {statement}).advice,
              HasSubstr("ALTER TABLE app.orders DETACH PARTITION orders_2020 CONCURRENTLY"));
  EXPECT_THAT(
      Case(Target(Dialect::kPostgres, {13, 0, 0})).The("dbf-detach-partition", {statement}).advice,
      HasSubstr("no safe form"));
  Alteration partition = Change(AlterationKind::kAttachPartition, "orders_2030");
  partition.schema = "app";
  const Reading attach = Alter("orders", {partition});
  EXPECT_THAT(Case(kPostgres).Ids({attach}), ElementsAre("dbf-attach-partition"));
  EXPECT_THAT(Case(kPostgres).Ids({CreateTable("orders_2030"), attach}), IsEmpty());
}

TEST(ConstraintRulesTest, ReferencesBesideAColumnAreNoForeignKeyInOldServers) {
  Reading table = CreateTable("orders");
  table.facts.columns.push_back(Column("customer_id", "bigint"));
  ForeignKeyFacts key = ForeignKey("", {}, "customers");
  key.is_inline = true;
  table.facts.columns.back().references = key;
  EXPECT_THAT(Case(kMySql80).The("dbf-inline-references", {table}).advice,
              HasSubstr("FOREIGN KEY (customer_id) REFERENCES app.customers"));
  EXPECT_THAT(Case(kMaria).Ids({table}), ElementsAre("dbf-foreign-key"));
  // A version that nobody knows is the worst.
  EXPECT_THAT(Case(Dialect::kMariaDb).Ids({table}), ElementsAre("dbf-inline-references"));
}

TEST(ConstraintRulesTest, AForeignKeysParentHasAUniqueKey) {
  Reading parent = CreateTable("customers");
  Reading child = CreateTable("orders");
  child.facts.foreign_keys = {ForeignKey("fk_orders_customers", {"customer_id"}, "customers")};
  child.facts.foreign_keys[0].parent_columns = {"id"};
  EXPECT_THAT(Case(kMaria).Ids({parent, child}), ElementsAre("dbf-foreign-key"));
  child.facts.foreign_keys[0].parent_columns = {"created_at"};
  EXPECT_THAT(Case(kMaria).Ids({parent, child}), Contains("dbf-fk-parent-not-unique"));
}

TEST(TableRulesTest, LossAndRenamesAreNamed) {
  EXPECT_THAT(Case(kMaria).The("dbf-drop-table", {Of(Verb::kDropTable, "Order")}).advice,
              HasSubstr("ALTER TABLE app.`Order` RENAME TO app.Order_old"));
  EXPECT_THAT(Case(kMaria).Ids({Of(Verb::kRenameTable, {{"", "a"}, {"", "b"}})}),
              ElementsAre("dbf-rename-table"));
  Reading truncate = Of(Verb::kTruncate, "orders");
  truncate.facts.cascade = true;
  EXPECT_THAT(Case(kPostgres).Ids({truncate}), ElementsAre("dbf-truncate", "dbf-truncate-cascade"));
  Reading drop = Of(Verb::kDropSchema, "archive");
  drop.facts.cascade = drop.facts.if_exists = true;
  EXPECT_THAT(Case(kPostgres).Ids({drop}), ElementsAre("dbf-drop-table", "dbf-drop-cascade"));
  // What the script made itself may go again.
  EXPECT_THAT(Case(kMaria).Ids({CreateTable("t"), Of(Verb::kDropTable, "t")}), IsEmpty());
}

TEST(TableRulesTest, OptionsAreOnTheLists) {
  Reading table = CreateTable("orders");
  table.facts.engine = "myisam";
  EXPECT_THAT(Case(kMaria).Ids({table}), ElementsAre("dbf-engine"));
  table.facts.engine = "innodb";
  table.facts.charset = "latin1";
  EXPECT_THAT(Case(kMaria).The("dbf-charset", {table}).message,
              HasSubstr("app.orders uses latin1; allowed: utf8mb4"));
  table.facts.charset = "utf8mb4";
  table.facts.collation = "utf8mb4_unicode_ci";
  EXPECT_THAT(Case(kMaria).Ids({table}), IsEmpty());
  Case strict(kMaria);
  strict.config.collations = {"utf8mb4_bin"};
  EXPECT_THAT(strict.Ids({table}), ElementsAre("dbf-charset"));
}

TEST(TableRulesTest, APrimaryKeyMayComeLater) {
  Reading table = CreateTable("orders");
  table.facts.columns[0].primary_key = false;
  EXPECT_THAT(Case(kMaria).Ids({table}), ElementsAre("dbf-no-primary-key"));
  IndexFacts primary = Index("", "orders", {"id"});
  primary.primary = true;
  EXPECT_THAT(Case(kMaria).Ids({table, Alter("orders", {AddIndex(primary)})}), IsEmpty());
}

TEST(TableRulesTest, SeveralAltersOfOneTableAreOne) {
  const Reading add = Alter("orders", {AddColumn(Column("note", "text"))});
  const Reading other = Alter("orders", {AddColumn(Column("tag", "text"))});
  EXPECT_THAT(Case(kMaria).Ids({add, other}), ElementsAre("dbf-merge-alters"));
  EXPECT_THAT(Case(kMaria).Ids({CreateTable("orders"), add, other}), IsEmpty());
}

TEST(LockRulesTest, HowIsSaid) {
  Reading alter = Alter("orders", {AddColumn(Column("note", "text"))});
  alter.facts.algorithm.clear();
  EXPECT_THAT(Case(kMaria).The("dbf-no-algorithm", {alter}).advice, HasSubstr("ALGORITHM=INSTANT"));
  alter.verdict.effects.rewrites_table = true;
  EXPECT_THAT(Case(kMaria).Ids({alter}), ElementsAre("dbf-table-rebuild", "dbf-no-algorithm"));
  // Where nobody may write meanwhile, no form without a lock can be asked for.
  alter.verdict.effects.blocks = Blocking::kWrites;
  EXPECT_THAT(Case(kMaria).Ids({alter}), ElementsAre("dbf-table-rebuild"));
}

TEST(LockRulesTest, ALockIsAwaitedWithALimitInPostgres) {
  Reading drop = Alter("orders", {Change(AlterationKind::kDropDefault, "note")});
  drop.verdict.effects.blocks = Blocking::kReadsAndWrites;
  EXPECT_THAT(Case(kPostgres).Ids({drop}), ElementsAre("dbf-no-lock-timeout"));
  Reading set = Of(Verb::kSet);
  set.facts.setting = "lock_timeout";
  EXPECT_THAT(Case(kPostgres).Ids({set, drop}), IsEmpty());
  Reading vacuum = Of(Verb::kVacuum, "orders");
  vacuum.facts.full = true;
  EXPECT_THAT(Case(kPostgres).Ids({vacuum}), ElementsAre("dbf-vacuum-full"));
}

TEST(ObjectRulesTest, RoutinesOwnersAndNames) {
  Reading routine = Of(Verb::kCreateRoutine, "audit");
  routine.facts.object_type = "trigger";
  routine.facts.has_definer = true;
  EXPECT_THAT(Case(kMaria).Ids({routine}), ElementsAre("dbf-routine", "dbf-definer"));
  Reading table = CreateTable("orders");
  table.facts.objects[0].schema.clear();
  EXPECT_THAT(Case(kPostgres).Ids({table}), ElementsAre("dbf-unqualified-name"));
  Case with_role(kPostgres);
  with_role.config.required_role = "app_owner";
  EXPECT_THAT(with_role.Ids({CreateTable("orders")}), ElementsAre("dbf-set-role"));
  Reading set = Of(Verb::kSet);
  set.facts.setting = "role";
  EXPECT_THAT(with_role.Ids({set, CreateTable("orders")}), IsEmpty());
  table = CreateTable("orders");
  table.facts.if_exists = false;
  EXPECT_THAT(Case(kPostgres).Ids({table}), ElementsAre("dbf-not-idempotent"));
}

TEST(NamingRulesTest, TheConventionIsSnakeCase) {
  Reading table = CreateTable("OrderItems");
  table.facts.columns.push_back(Column("customerId", "bigint"));
  EXPECT_THAT(Case(kMaria).Ids({table}), ElementsAre("dbf-naming-table", "dbf-naming-column"));
  EXPECT_THAT(Case(kMaria).The("dbf-naming-column", {table}).advice, HasSubstr("customer_id"));
  Reading with_key = CreateTable("orders");
  with_key.facts.indexes = {Index("byCustomer", "orders", {"customer_id"})};
  with_key.facts.foreign_keys = {ForeignKey("customer", {"customer_id"}, "customers")};
  EXPECT_THAT(Case(kMaria).The("dbf-naming-index", {with_key}).advice,
              HasSubstr("idx_orders_customer_id"));
  EXPECT_THAT(Case(kMaria).The("dbf-naming-foreign-key", {with_key}).advice,
              HasSubstr("fk_orders_customers"));
}

TEST(NamingRulesTest, TablesSayWhenTheirRowsWereMadeAndChanged) {
  Reading table = CreateTable("orders");
  table.facts.columns.pop_back();
  EXPECT_THAT(Case(kMaria).The("dbf-audit-columns", {table}).message, HasSubstr("updated_at"));
  EXPECT_THAT(Case(kMaria).Ids({table, Alter("orders", {AddColumn(Column("Updated_At", "date"))})}),
              Not(Contains("dbf-audit-columns")));
}

}  // namespace
}  // namespace dbfleet::sql

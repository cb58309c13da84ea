#include "tests/unit/common/sql/lint_cases.h"

// What the rules about calls of PHP and Ruby say, and where they say nothing.
namespace dbfleet::sql {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kPhp[] = "activerecord-php";
constexpr char kRuby[] = "activerecord-ruby";

// "message; advice" of a rule; "" without a finding.
std::string SaidOf(const std::string& rule, const char* dialect, const std::string& program) {
  const Target target = *ParseTarget(dialect);
  const auto statements = Split(target, program);
  EXPECT_TRUE(statements.ok()) << program;
  if (!statements.ok()) return "";
  for (const Finding& finding : Lint(target, *statements)) {
    if (finding.rule_id == rule) return finding.message + "; " + finding.advice;
  }
  return "";
}

TEST(HostAdviceTest, ConstantSqlWithValuesBesideItHasPlaceholders) {
  for (const char* code :
       {"conn.exec_params(\"SELECT a FROM orders WHERE id = $1\", [id])",
        "conn.exec(\"SELECT a FROM orders WHERE id = $1\", [id])",
        "sql = \"SELECT a FROM orders WHERE id = $1\"\nconn.exec_params(sql, [id])",
        "conn.prepare(\"by_id\", \"SELECT a FROM orders WHERE id = $1\")",
        "Order.connection.exec_query(\"SELECT a FROM orders WHERE id = $1\", \"SQL\", [id])",
        "Order.connection.select_all(\"SELECT a FROM orders WHERE id = ?\", \"SQL\", [id])",
        "Order.find_by_sql(\"SELECT a FROM orders WHERE id = $1\", [id])"}) {
    EXPECT_EQ(SaidOf("dbf-ar-no-placeholders", kRuby, code), "") << code;
  }
  for (const char* code :
       {"pg_query_params($c, 'SELECT a FROM orders WHERE id = $1', [$id]);",
        "pg_prepare($c, 'by_id', 'SELECT a FROM orders WHERE id = $1');",
        "$mysqli->execute_query('SELECT a FROM orders WHERE id = ?', [$id]);",
        "$s = $pdo->prepare('SELECT a FROM orders WHERE id = ?'); $s->execute([$id]);",
        "$s = $pdo->prepare('SELECT a FROM orders WHERE id = :id'); $s->execute(['id' => $id]);"}) {
    EXPECT_EQ(SaidOf("dbf-ar-no-placeholders", kPhp, code), "") << code;
  }
}

TEST(HostAdviceTest, WithoutPlaceholdersTheAdviceIsTheLibrarys) {
  EXPECT_THAT(SaidOf("dbf-ar-no-placeholders", kRuby, "conn.exec(\"SELECT a FROM t WHERE b = 5\")"),
              HasSubstr("exec_params(\"... WHERE id = $1\", [id])"));
  EXPECT_THAT(
      SaidOf("dbf-ar-no-placeholders", kRuby, "Order.find_by_sql(\"SELECT a FROM t WHERE b = 5\")"),
      HasSubstr("find_by_sql([\"... WHERE id = ?\", id])"));
  EXPECT_THAT(
      SaidOf("dbf-ar-no-placeholders", kPhp, "pg_query($c, 'SELECT a FROM t WHERE b = 5');"),
      HasSubstr("pg_query_params($connection, '... WHERE id = $1', [$id])"));
  // In quotes it is a text.
  EXPECT_THAT(
      SaidOf("dbf-ar-no-placeholders", kRuby, "conn.exec(\"SELECT a FROM t WHERE b = '$1'\")"),
      HasSubstr("without placeholders"));
}

TEST(HostAdviceTest, WhatIsSetIntoTheTextIsFoundBesidePlaceholders) {
  EXPECT_THAT(SaidOf("dbf-injection-concatenation", kRuby,
                     "conn.exec_params(\"SELECT a FROM t WHERE b = '#{b}' AND id = $1\", [id])"),
              HasSubstr("joined with b"));
  EXPECT_THAT(
      SaidOf("dbf-injection-concatenation", kPhp,
             "pg_query_params($c, \"SELECT a FROM t WHERE b = '$b' AND id = \\$1\", [$i]);"),
      HasSubstr("joined with $b"));
}

TEST(HostAdviceTest, ABlockThatIsGivenABatchWritesInBatches) {
  for (const char* code :
       {"Order.where(paid: false).in_batches { |batch| batch.update_all(a: 1) }",
        "Order.in_batches(of: 100) do |batch|\n  batch.delete_all\n  sleep 1\nend",
        "Order.in_batches.each { |batch| batch.update_all(a: 1) }",
        "Order.in_batches { |batch| batch.where(a: 1).update_all(b: 1) }",
        "Order.in_batches { |batch| Item.where(order: batch).delete_all }",
        "Order.find_in_batches { |batch| Order.where(id: batch).update_all(a: 1) }"}) {
    for (const char* rule : {"dbf-ar-without-conditions", "dbf-no-where", "dbf-n-plus-one"}) {
      EXPECT_EQ(SaidOf(rule, kRuby, code), "") << code;
    }
  }
  EXPECT_EQ(SaidOf("dbf-ar-unbounded-read", kRuby,
                   "Order.find_in_batches { |batch| batch.each { |order| puts order.id } }"),
            "");
}

TEST(HostAdviceTest, InALoopOverBatchesOtherRowsAreNoneOfTheBatch) {
  for (const char* code : {"Order.in_batches { |batch| Item.update_all(a: 1) }",
                           "Order.in_batches { |batch| Item.update_all(a: batch.first.id) }",
                           "Order.in_batches { |batch| batch = Order; batch.update_all(a: 1) }",
                           "Order.all.each { |batch| batch.update_all(a: 1) }"}) {
    EXPECT_THAT(SaidOf("dbf-ar-without-conditions", kRuby, code), HasSubstr("touches every row"))
        << code;
  }
  for (const char* code :
       {"Order.in_batches { |batch| batch.each { |order| order.update(a: 1) } }",
        "Order.in_batches { |batch| items.each { |item| batch.update_all(a: item) } }",
        "Order.find_each { |order| order.update(a: 1) }"}) {
    EXPECT_THAT(SaidOf("dbf-n-plus-one", kRuby, code), HasSubstr("once for each record")) << code;
  }
}

TEST(HostAdviceTest, NoPlaceholderIsAdvisedForAName) {
  EXPECT_THAT(SaidOf("dbf-injection-concatenation", kRuby, "Order.order(\"#{col} DESC\")"),
              testing::AllOf(HasSubstr("no placeholder stands for a name"),
                             HasSubstr("quote_column_name"), Not(HasSubstr("= ?"))));
  EXPECT_THAT(SaidOf("dbf-injection-concatenation", kRuby,
                     "Order.find_by_sql(\"SELECT a FROM #{name} WHERE a = 1\")"),
              testing::AllOf(HasSubstr("(\"... = ?\", name)"), HasSubstr("quote_table_name")));
  EXPECT_THAT(SaidOf("dbf-injection-concatenation", kPhp,
                     "$db->query(\"SELECT a FROM orders ORDER BY $col\");"),
              testing::AllOf(HasSubstr("for which no placeholder stands"),
                             HasSubstr("in_array($col, ["), Not(HasSubstr("quote_"))));
}

TEST(HostAdviceTest, AListOfIntegersOfPhpIsNoInjection) {
  for (const char* code : {"$db->query('SELECT a FROM t WHERE id IN (' . implode(',', "
                           "array_map('intval', $ids)) . ')');",
                           "$db->query('SELECT a FROM t WHERE id IN (' . implode(\", \", "
                           "array_map( 'intval', $r->ids )) "
                           ". ')');",
                           "namespace App; $db->query('SELECT a FROM t WHERE id IN (' . "
                           "\\implode(',', \\array_map('intval', $ids)) . ')');"}) {
    EXPECT_EQ(SaidOf("dbf-injection-concatenation", kPhp, code), "") << code;
  }
  for (const char* code :
       {"$db->query('SELECT a FROM t WHERE id IN (' . implode(',', array_map('trim', $ids)) . "
        "')');",
        "$db->query('SELECT a FROM t WHERE id IN (' . implode($x, array_map('intval', $ids)) . "
        "')');",
        "$db->query('SELECT a FROM t WHERE id IN (' . implode(',', array_map($f, $ids)) . ')');",
        "$db->query('SELECT a FROM t WHERE id = -' . implode(',', array_map('intval', $ids)));",
        "function array_map($f, $x) { return $x; } $db->query('SELECT a FROM t WHERE id IN (' . "
        "implode(',', array_map('intval', $ids)) . ')');",
        "namespace App; $db->query('SELECT a FROM t WHERE id IN (' . "
        "implode(',', array_map('intval', $ids)) . ')');",
        "use function Evil\\implode; $db->query('SELECT a FROM t WHERE id IN (' . "
        "implode(',', array_map('intval', $ids)) . ')');"}) {
    EXPECT_THAT(SaidOf("dbf-injection-concatenation", kPhp, code), HasSubstr("joined with"))
        << code;
  }
}

TEST(HostAdviceTest, QueriesInALoopAreToldWhatTheirLibraryHas) {
  EXPECT_THAT(SaidOf("dbf-n-plus-one", kPhp,
                     "foreach ($ids as $id) { $db->query('SELECT a FROM t WHERE id = 5'); }"),
              testing::AllOf(HasSubstr("WHERE id IN (...)"), Not(HasSubstr("with("))));
  EXPECT_THAT(SaidOf("dbf-n-plus-one", kRuby,
                     "ids.each { |id| conn.exec(\"UPDATE t SET a = 1 WHERE id = 5\") }"),
              testing::AllOf(HasSubstr("with one statement"), Not(HasSubstr("update_all"))));
  EXPECT_THAT(
      SaidOf(
          "dbf-n-plus-one", kPhp,
          "foreach ($ids as $id) { $em->getRepository(Order::class)->findOneBy(['id' => $id]); }"),
      HasSubstr("findBy(['id' => $ids])"));
  EXPECT_THAT(SaidOf("dbf-n-plus-one", kRuby, "ids.each { |id| Order.find(id) }"),
              HasSubstr("includes(...)"));
  EXPECT_THAT(SaidOf("dbf-n-plus-one", kPhp, "foreach ($ids as $id) { Order::find($id); }"),
              HasSubstr("with(...)"));
}

TEST(HostAdviceTest, AClientOfRedisIsNoModel) {
  for (const char* code :
       {"REDIS.get(\"a\")", "Redis.current.get(\"a\")", "REDIS.hgetall(\"a\").each { |k| puts k }",
        "CACHE_REDIS.all", "$redis.get(\"a\")", "REDIS_POOL.with { |redis| redis.get(\"a\") }",
        "Order.where(a: 1).each { |order| REDIS.get(order.id) }"}) {
    for (const char* rule : {"dbf-ar-unbounded-read", "dbf-n-plus-one", "dbf-no-where"}) {
      EXPECT_EQ(SaidOf(rule, kRuby, code), "") << code;
    }
  }
  EXPECT_THAT(SaidOf("dbf-not-understood", kRuby, "REDIS.get(\"a\")"),
              HasSubstr("no call in it is known to reach the database"));
  EXPECT_THAT(SaidOf("dbf-not-understood", kRuby, "REDIS.set(\"a\", 1)"),
              HasSubstr("of a client of Redis"));
  EXPECT_THAT(SaidOf("dbf-not-understood", kRuby, "STORE.hget(\"a\", \"b\")"),
              HasSubstr("by its name no model"));
  EXPECT_THAT(SaidOf("dbf-not-understood", kRuby, "STORE.get(\"a\")"),
              HasSubstr("by its name no model"));
  EXPECT_EQ(SaidOf("dbf-not-understood", kRuby, "FAQ.find(1)"), "");
}

// PHP's names of the class around are no tables, and parent::delete() deletes the one record.
TEST(HostAdviceTest, TheClassAroundIsNoModelOfThatName) {
  const auto method = [](const std::string& body) {
    return "class Order extends Model { public function delete() { " + body + " } }";
  };
  for (const char* body : {"return parent::delete();", "static::where('a', 1)->delete();",
                           "self::where('a', 1)->delete();", "parent::update(['a' => 1]);"}) {
    for (const char* rule : {"dbf-no-where", "dbf-ar-without-conditions"}) {
      EXPECT_EQ(SaidOf(rule, kPhp, method(body)), "") << body;
    }
    const auto statements = Split(*ParseTarget(kPhp), method(body));
    ASSERT_TRUE(statements.ok()) << statements.status();
    for (const Statement& statement : *statements) {
      const Verdict verdict = Read(*ParseTarget(kPhp), statement).verdict;
      EXPECT_THAT(verdict.tables, testing::IsEmpty()) << body;
      EXPECT_EQ(verdict.safety, Safety::kDestructive) << body;
    }
  }
  EXPECT_THAT(SaidOf("dbf-no-where", kPhp, "Order::query()->delete();"), HasSubstr("orders"));
}

}  // namespace
}  // namespace dbfleet::sql

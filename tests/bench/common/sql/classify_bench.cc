// Statements per second for Split and Classify, per dialect, over a mixed script.
#include <benchmark/benchmark.h>

#include <string>

#include "common/sql/sql.h"

namespace dbfleet::sql {
namespace {

constexpr absl::string_view kSql[] = {
    "SELECT id, name, email FROM customers WHERE id = 42",
    "SELECT c.name, count(*) AS n, sum(o.total) FROM customers AS c JOIN orders AS o ON "
    "(o.customer_id = c.id) WHERE o.created_at >= '2026-01-01' AND c.country IN ('DE', 'FR') GROUP "
    "BY "
    "c.name HAVING count(*) > 3 ORDER BY n DESC LIMIT 50",
    "UPDATE orders SET status = 'shipped', updated_at = now() WHERE id = 7 AND status = 'paid'",
    "/* nightly */ DELETE FROM sessions WHERE expires_at < now() -- old ones\n",
    "ALTER TABLE payments ADD COLUMN note VARCHAR(200) DEFAULT NULL",
    "INSERT INTO audit (actor, action) VALUES ('alice', 'it''s done; really')"};
constexpr absl::string_view kRedis[] = {"GET customer:42", "HGETALL order:7",
                                        "SET session:1 \"a b\\n\" EX 60",
                                        "SCAN 0 MATCH a:* COUNT 100", "FLUSHALL"};
constexpr int kRepeats = 100;

std::string Script(Dialect dialect) {
  std::string script;
  for (int i = 0; i < kRepeats; ++i) {
    if (dialect == Dialect::kRedis) {
      for (absl::string_view line : kRedis) script.append(line.data(), line.size()).append("\n");
    } else {
      for (absl::string_view text : kSql) script.append(text.data(), text.size()).append(";\n");
    }
  }
  return script;
}

void SplitAndClassify(benchmark::State& state, Dialect dialect) {
  const std::string script = Script(dialect);
  int64_t statements = 0;
  for (auto _ : state) {
    const auto split = Split(dialect, script);
    for (const Statement& statement : *split) {
      benchmark::DoNotOptimize(Classify(dialect, statement.text));
    }
    statements += static_cast<int64_t>(split->size());
  }
  state.SetItemsProcessed(statements);
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * script.size()));
}

BENCHMARK_CAPTURE(SplitAndClassify, mysql, Dialect::kMySql);
BENCHMARK_CAPTURE(SplitAndClassify, mariadb, Dialect::kMariaDb);
BENCHMARK_CAPTURE(SplitAndClassify, postgres, Dialect::kPostgres);
BENCHMARK_CAPTURE(SplitAndClassify, redis, Dialect::kRedis);

}  // namespace
}  // namespace dbfleet::sql

// ReadPostgres against what the parser alone takes, in the protobuf form and in the JSON form that
// is used: docs/benchmarks.md has the figures.
#include <benchmark/benchmark.h>
#include <pg_query.h>

#include <string>

#include "common/sql/postgres/parse.h"
#include "common/sql/postgres/postgres.h"

namespace dbfleet::sql {
namespace {

constexpr const char* kStatements[] = {
    "SELECT id, name, email FROM customers WHERE id = 42",
    "SELECT c.name, count(*) AS n, sum(o.total) FROM customers AS c JOIN orders AS o ON "
    "(o.customer_id = c.id) WHERE o.created_at >= '2026-01-01' AND c.country IN ('DE', 'FR') GROUP "
    "BY c.name HAVING count(*) > 3 ORDER BY n DESC LIMIT 50",
    "UPDATE orders SET status = 'shipped', updated_at = now() WHERE id = 7 AND status = 'paid'",
    "INSERT INTO audit (actor, action) VALUES ('alice', 'it''s done; really')",
    "ALTER TABLE payments ADD COLUMN note VARCHAR(200) DEFAULT NULL"};

void ProtobufAlone(benchmark::State& state) {
  const char* text = kStatements[state.range(0)];
  for (auto _ : state) {
    PgQueryProtobufParseResult result = pg_query_parse_protobuf(text);
    benchmark::DoNotOptimize(result.parse_tree.data);
    pg_query_free_protobuf_parse_result(result);
  }
}

void JsonAlone(benchmark::State& state) {
  const char* text = kStatements[state.range(0)];
  for (auto _ : state) {
    PgQueryParseResult result = pg_query_parse(text);
    benchmark::DoNotOptimize(result.parse_tree);
    pg_query_free_parse_result(result);
  }
}

void ParseToTree(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(pg::Parse(kStatements[state.range(0)]));
}

void Read(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(ReadPostgres(Dialect::kPostgres, kStatements[state.range(0)]));
  }
}

// As one INSERT of many rows: what is long must take no more for each byte.
void ReadLongInsert(benchmark::State& state) {
  std::string text = "INSERT INTO t (a, b) VALUES (1, 'x')";
  for (int64_t i = 0; i < state.range(0); ++i) text += ", (1, 'x')";
  for (auto _ : state) benchmark::DoNotOptimize(ReadPostgres(Dialect::kPostgres, text));
  state.SetBytesProcessed(static_cast<int64_t>(text.size()) * state.iterations());
}

BENCHMARK(ProtobufAlone)->DenseRange(0, 4);
BENCHMARK(JsonAlone)->DenseRange(0, 4);
BENCHMARK(ParseToTree)->DenseRange(0, 4);
BENCHMARK(Read)->DenseRange(0, 4);
BENCHMARK(ReadLongInsert)->Arg(100)->Arg(10000);

}  // namespace
}  // namespace dbfleet::sql

// Statements of the size of an OLTP load through the reader of MySQL/MariaDB: at least 200,000 a
// second and core are wanted.
#include <benchmark/benchmark.h>

#include <string>

#include "common/sql/mysql/reader.h"

namespace dbfleet::sql {
namespace {

// Those of sysbench's oltp_read_write, and of a small shop.
constexpr absl::string_view kStatements[] = {
    "SELECT c FROM sbtest1 WHERE id=5015",
    "SELECT c FROM sbtest1 WHERE id BETWEEN 4989 AND 5088",
    "SELECT SUM(k) FROM sbtest1 WHERE id BETWEEN 4989 AND 5088",
    "SELECT DISTINCT c FROM sbtest1 WHERE id BETWEEN 4989 AND 5088 ORDER BY c",
    "UPDATE sbtest1 SET k=k+1 WHERE id=4976",
    "UPDATE sbtest1 SET c='83868641912-28773972837-60736120486-75162659906' WHERE id=5031",
    "DELETE FROM sbtest1 WHERE id=5021",
    "INSERT INTO sbtest1 (id, k, c, pad) VALUES (5021, 5013, "
    "'83868641912-28773972837-60736120486', '67847967377-48000963322')",
    "SELECT o.id, o.total, c.name FROM orders AS o JOIN customers AS c ON c.id = o.customer_id "
    "WHERE "
    "o.state = 'paid' AND o.created_at >= '2026-01-01' ORDER BY o.id LIMIT 50",
    "UPDATE orders SET state = 'shipped', updated_at = now() WHERE id = 7 AND state = 'paid'",
    "INSERT INTO audit (actor, action, at) VALUES ('alice', 'it''s done', now())"};

void Oltp(benchmark::State& state, Target target) {
  int64_t bytes = 0;
  for (auto _ : state) {
    for (absl::string_view text : kStatements) {
      benchmark::DoNotOptimize(ReadMySql(target, text));
      bytes += static_cast<int64_t>(text.size());
    }
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * std::size(kStatements)));
  state.SetBytesProcessed(bytes);
}

BENCHMARK_CAPTURE(Oltp, mysql80, Target(Dialect::kMySql, {8, 0, 36}));
BENCHMARK_CAPTURE(Oltp, mariadb1011, Target(Dialect::kMariaDb, {10, 11, 6}));
BENCHMARK_CAPTURE(Oltp, unknown, Target(Dialect::kMySql));

void CreateTable(benchmark::State& state) {
  const absl::string_view text =
      "CREATE TABLE orders (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, customer_id "
      "BIGINT NOT NULL, total DECIMAL(10,2) NOT NULL DEFAULT 0, state ENUM('new','paid') NOT NULL, "
      "KEY idx_orders_customer_id (customer_id)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4";
  for (auto _ : state) {
    benchmark::DoNotOptimize(ReadMySql(Target(Dialect::kMariaDb, {10, 11, 6}), text));
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()));
}
BENCHMARK(CreateTable);

}  // namespace
}  // namespace dbfleet::sql

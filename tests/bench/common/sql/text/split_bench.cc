// A dump of 100 MB, made as it is asked for, cut into statements: the memory that the process holds
// at most stays what one statement and one chunk need ("peak_rss_kib" grows by that alone).
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "common/sql/text/statement_stream.h"

namespace dbfleet::sql {
namespace {

constexpr size_t kBytes = size_t{100} << 20;

long PeakKib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

void Dump(benchmark::State& state, Dialect dialect, absl::string_view unit) {
  int64_t statements = 0;
  const long before = PeakKib();
  for (auto _ : state) {
    size_t given = 0;
    StatementStream stream(dialect, [&](char* buffer, size_t size) -> absl::StatusOr<size_t> {
      if (given >= kBytes && given % unit.size() == 0) return size_t{0};
      size_t filled = 0;
      while (filled < size && (given < kBytes || given % unit.size() != 0)) {
        const absl::string_view rest = unit.substr(given % unit.size());
        const size_t count = std::min(rest.size(), size - filled);
        std::memcpy(buffer + filled, rest.data(), count);
        filled += count;
        given += count;
      }
      return filled;
    });
    for (;;) {
      const auto next = stream.Next();
      if (!next.ok()) return state.SkipWithError(std::string(next.status().message()).c_str());
      if (!next->has_value()) break;
      ++statements;
    }
  }
  state.SetItemsProcessed(statements);
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * kBytes));
  state.counters["peak_rss_kib"] = static_cast<double>(PeakKib());
  state.counters["peak_rss_grew_kib"] = static_cast<double>(PeakKib() - before);
}

const std::string& MySqlUnit() {
  static const std::string& unit = *new std::string([] {
    std::string text = "/*!40000 ALTER TABLE `t` DISABLE KEYS */;\nINSERT INTO `t` VALUES ";
    for (int i = 0; i < 200; ++i) {
      text += "(" + std::to_string(i) + ",'it\\'s some text','2026-01-01 00:00:00'),";
    }
    text.back() = ';';
    return text + "\n-- a note\n";
  }());
  return unit;
}

const std::string& PostgresUnit() {
  static const std::string& unit = *new std::string([] {
    std::string text = "COPY public.t (a, b, c) FROM stdin;\n";
    for (int i = 0; i < 200; ++i) text += std::to_string(i) + "\tit's some text\t2026-01-01\n";
    return text + "\\.\n\nSELECT pg_catalog.setval('public.t_a_seq', 200, true);\n";
  }());
  return unit;
}

BENCHMARK_CAPTURE(Dump, mysqldump, Dialect::kMySql, MySqlUnit())->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Dump, pg_dump, Dialect::kPostgres, PostgresUnit())->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Dump, short_statements, Dialect::kMySql, "UPDATE t SET a = 1 WHERE b = 2;\n")
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace dbfleet::sql

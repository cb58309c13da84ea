#include <benchmark/benchmark.h>

#include "common/sql/redis/redis.h"

namespace dbfleet::sql {
namespace {

void ReadCommands(benchmark::State& state) {
  static constexpr const char* kCommands[] = {
      "GET user:1",         "SET user:1 \"a b\" EX 60", "HGETALL cart:5",
      "LRANGE feed:1 0 -1", "CONFIG GET dir",           "XREAD STREAMS s 0",
      "ZUNION 2 a b",       "EVAL 'return 1' 1 k",      "MGET a b c d e f g"};
  int64_t read = 0;
  for (auto _ : state) {
    for (const char* command : kCommands) {
      benchmark::DoNotOptimize(ReadRedis(Dialect::kRedis, command));
      ++read;
    }
  }
  state.SetItemsProcessed(read);
}
BENCHMARK(ReadCommands);

}  // namespace
}  // namespace dbfleet::sql

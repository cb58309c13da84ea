// Records per second for VerifyExport, with a signed checkpoint after every 1,000 records, and its
// parts.
#include <benchmark/benchmark.h>

#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"

#include "common/audit/checkpoint.h"
#include "common/audit/export.h"
#include "common/audit/export_evidence.h"
#include "common/audit/merkle.h"
#include "common/audit/verify.h"

namespace dbfleet::audit {
namespace {

constexpr int kRecords = 20'000;

struct Export {
  std::string text;
  VerifyOptions options;
  std::vector<std::string> canonical;
};

Export Make() {
  Export made;
  const SigningKey key = SigningKey::Generate("bench").value();
  const absl::Time start = absl::FromUnixSeconds(1'767'323'045);
  made.options.keys =
      TrustedKeys({{key.verifying_key(), start - absl::Hours(1), start + absl::Hours(24 * 365)}});
  CompactRange tree;
  std::string previous = GenesisHash();
  for (uint64_t seq = 1; seq <= kRecords; ++seq) {
    ExportedRecord record;
    record.record = {seq,
                     start + absl::Milliseconds(seq),
                     "agents/web-17",
                     "attempt.end",
                     absl::StrCat("jobs/01JABCDEFGHJKMNPQRSTVWXYZ0/tasks/", seq),
                     "production",
                     {{"attempt", absl::StrCat("01JABCDEFGHJKMNPQRSTVWXYZ1-", seq)},
                      {"state", "succeeded"},
                      {"fence", absl::StrCat(seq)}},
                     previous};
    record.canonical = CanonicalBytes(record.record);
    record.hash = HashOf(record.record);
    previous = record.hash;
    tree.Append(LeafHash(record.canonical));
    absl::StrAppend(&made.text, WriteJsonLine(record), "\n");
    made.canonical.push_back(std::move(record.canonical));
    if (seq % 1000 != 0) continue;
    Checkpoint checkpoint;
    checkpoint.size = seq;
    checkpoint.root = tree.Root();
    checkpoint.log_id = "A";
    checkpoint.time = start + absl::Milliseconds(seq);
    checkpoint.head = previous;
    absl::StrAppend(&made.text, WriteCheckpointLine(SignCheckpoint(checkpoint, key).value()), "\n");
  }
  return made;
}

void Verify(benchmark::State& state) {
  const Export made = Make();
  for (auto _ : state) {
    std::istringstream in(made.text);
    const auto report = VerifyExport(in, made.options);
    if (!report.ok() || !report->ok() || report->checkpoints != kRecords / 1000) {
      state.SkipWithError("the export does not verify");
    }
  }
  state.SetItemsProcessed(state.iterations() * kRecords);
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(made.text.size()));
}
BENCHMARK(Verify)->Unit(benchmark::kMillisecond);

void Tree(benchmark::State& state) {
  const Export made = Make();
  for (auto _ : state) {
    CompactRange tree;
    for (const std::string& canonical : made.canonical) tree.Append(LeafHash(canonical));
    benchmark::DoNotOptimize(tree.Root());
  }
  state.SetItemsProcessed(state.iterations() * kRecords);
}
BENCHMARK(Tree)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace dbfleet::audit

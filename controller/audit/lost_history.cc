#include "controller/audit/lost_history.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "common/base/status.h"
#include "controller/audit/recovery.h"

namespace dbfleet::controller {
namespace {

// Lines "FROM TO" in microseconds, newest first. FROM is "-" for the infinite past.
constexpr char kSetting[] = "recovery.lost_histories";
// An agent that was away through more recoveries than this is enrolled again.
constexpr size_t kMaxKept = 32;

absl::Status Corrupt() {
  return Error(absl::StatusCode::kDataLoss, "STORE_CORRUPT",
               absl::StrCat("the store's setting ", kSetting, " cannot be read"));
}

absl::StatusOr<std::vector<LostHistory>> ReadKept(ReadTx& tx) {
  ASSIGN_OR_RETURN(const std::string text, tx.GetSetting(kSetting));
  std::vector<LostHistory> kept;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    int64_t from = 0;
    int64_t to = 0;
    if (words.size() != 2 || !absl::SimpleAtoi(words[1], &to)) return Corrupt();
    if (words[0] != "-" && !absl::SimpleAtoi(words[0], &from)) return Corrupt();
    kept.push_back({words[0] == "-" ? absl::InfinitePast() : absl::FromUnixMicros(from),
                    absl::FromUnixMicros(to)});
  }
  return kept;
}

std::string LineOf(const LostHistory& lost) {
  const std::string from =
      lost.from == absl::InfinitePast() ? "-" : absl::StrCat(absl::ToUnixMicros(lost.from));
  return absl::StrCat(from, " ", absl::ToUnixMicros(lost.to), "\n");
}

absl::StatusOr<std::optional<LostHistory>> OfDemand(ReadTx& tx) {
  ASSIGN_OR_RETURN(const std::optional<RecoveryDemand> demand, ReadRecovery(tx));
  if (!demand.has_value()) return std::optional<LostHistory>();
  LostHistory lost = {absl::InfinitePast(), demand->since};
  if (demand->shared_size.value_or(0) > 0) {
    ASSIGN_OR_RETURN(const std::vector<AuditRow> last, tx.ReadAudit(*demand->shared_size, 1));
    if (!last.empty()) lost.from = last[0].record_time;
  }
  return std::make_optional(lost);
}

}  // namespace

absl::StatusOr<std::vector<LostHistory>> LostHistories(ReadTx& tx) {
  ASSIGN_OR_RETURN(std::vector<LostHistory> all, ReadKept(tx));
  ASSIGN_OR_RETURN(const std::optional<LostHistory> now, OfDemand(tx));
  if (now.has_value()) all.insert(all.begin(), *now);
  return all;
}

absl::Status RememberLostHistory(WriteTx& tx) {
  ASSIGN_OR_RETURN(const std::optional<LostHistory> now, OfDemand(tx));
  if (!now.has_value()) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::vector<LostHistory> kept, ReadKept(tx));
  kept.erase(std::remove_if(kept.begin(), kept.end(),
                            [&](const LostHistory& lost) { return lost.to == now->to; }),
             kept.end());
  kept.insert(kept.begin(), *now);
  if (kept.size() > kMaxKept) kept.resize(kMaxKept);
  std::string text;
  for (const LostHistory& lost : kept) absl::StrAppend(&text, LineOf(lost));
  return tx.PutSetting(kSetting, text);
}

}  // namespace dbfleet::controller

#include "controller/identity/denials.h"

#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/log/log.h"

namespace dbfleet::controller {
namespace {

constexpr char kAction[] = "access.denied";
constexpr char kActor[] = "system/controller";

// A clock that was set back does not silence anybody for longer.
bool IsOver(absl::Time since, absl::Time now) {
  return absl::AbsDuration(now - since) >= Denials::kQuiet;
}

}  // namespace

void Denials::Record(const Caller& caller, absl::string_view method, const absl::Status& refusal,
                     const std::string& environment) {
  const absl::Time now = clock_.Now();
  std::vector<AuditEntry> entries;
  {
    MutexLock lock(&mutex_);
    const std::optional<int64_t> repeated =
        Count({caller.principal, std::string(method), environment, caller.token_id}, now);
    if (repeated.has_value()) {
      AuditEntry entry{
          caller.principal, kAction, absl::StrCat("methods/", method), environment, {}};
      entry.details = {{"token", caller.token_id},
                       {"reason", ReasonOf(refusal)},
                       {"error", std::string(refusal.message())}};
      if (*repeated > 0) entry.details["repeated"] = absl::StrCat(*repeated);
      entries.push_back(std::move(entry));
    }
    Forget(now, &entries);
    TellUntold(now, &entries);
  }
  if (entries.empty()) return;
  store_.Mutate(
      [entries](WriteTx& tx) -> absl::Status {
        for (const AuditEntry& entry : entries) RETURN_IF_ERROR(tx.AppendAudit(entry));
        return absl::OkStatus();
      },
      [principal = caller.principal](absl::Status status) {
        if (status.ok()) return;
        log::Error("a refused call could not be audited",
                   {{"principal", principal}, {"error", std::string(status.message())}});
      });
}

std::optional<int64_t> Denials::Count(const Key& key, absl::Time now) {
  const auto it = by_key_.find(key);
  if (it != by_key_.end()) {
    Told& told = *it->second;
    if (!IsOver(told.time, now)) {
      ++told.repeated;
      return std::nullopt;
    }
    told.time = now;
    told_.splice(told_.end(), told_, it->second);
    return std::exchange(told.repeated, 0);
  }
  // The oldest makes room once it is over; Forget, which comes after, tells of it.
  if (told_.size() >= kMostRemembered && !IsOver(told_.front().time, now)) {
    if (untold_++ == 0) {
      untold_since_ = now;
      log::Warn("more different calls are refused than are remembered; the others are counted only",
                {{"principal", std::get<0>(key)}, {"method", std::get<1>(key)}});
    }
    return std::nullopt;
  }
  by_key_[key] = told_.insert(told_.end(), Told{key, now, 0});
  return 0;
}

void Denials::Forget(absl::Time now, std::vector<AuditEntry>* entries) {
  for (int i = 0; i < kForgottenAtOnce && !told_.empty(); ++i) {
    const Told& oldest = told_.front();
    if (!IsOver(oldest.time, now)) return;
    if (oldest.repeated > 0) {
      const auto& [principal, method, environment, token] = oldest.key;
      AuditEntry entry{principal, kAction, absl::StrCat("methods/", method), environment, {}};
      entry.details = {{"token", token},
                       {"reason", "REPEATED"},
                       {"error", absl::StrCat("refused again after ",
                                              absl::FormatTime(oldest.time, absl::UTCTimeZone()))},
                       {"repeated", absl::StrCat(oldest.repeated)}};
      entries->push_back(std::move(entry));
    }
    by_key_.erase(oldest.key);
    told_.pop_front();
  }
}

void Denials::TellUntold(absl::Time now, std::vector<AuditEntry>* entries) {
  if (untold_ == 0 || !IsOver(untold_since_, now)) return;
  AuditEntry entry{kActor, kAction, "methods/-", "", {}};
  entry.details = {
      {"reason", "TOO_MANY"},
      {"error", absl::StrCat("refused after ", absl::FormatTime(untold_since_, absl::UTCTimeZone()),
                             " beside the ", kMostRemembered,
                             " tokens, methods and environments that were told")},
      {"repeated", absl::StrCat(std::exchange(untold_, 0))}};
  entries->push_back(std::move(entry));
}

}  // namespace dbfleet::controller

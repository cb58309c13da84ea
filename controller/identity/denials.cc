#include "controller/identity/denials.h"

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/log/log.h"

namespace dbfleet::controller {

void Denials::Record(const Caller& caller, absl::string_view method, const absl::Status& refusal,
                     const std::string& environment) {
  const absl::Time now = clock_.Now();
  int64_t repeated = 0;
  {
    MutexLock lock(&mutex_);
    const Key key(caller.principal, method, environment);
    auto it = told_.find(key);
    // A clock that was set back does not silence anybody for longer.
    if (it != told_.end() && absl::AbsDuration(now - it->second.time) < kQuiet) {
      ++it->second.repeated;
      return;
    }
    if (it == told_.end()) {
      if (told_.size() >= kMostRemembered) Forget(now);
      if (told_.size() >= kMostRemembered) return;
      it = told_.emplace(key, Told()).first;
    }
    repeated = it->second.repeated;
    it->second = Told{now, 0};
  }
  AuditEntry entry{
      caller.principal, "access.denied", absl::StrCat("methods/", method), environment, {}};
  entry.details = {{"token", caller.token_id},
                   {"reason", ReasonOf(refusal)},
                   {"error", std::string(refusal.message())}};
  if (repeated > 0) entry.details["repeated"] = absl::StrCat(repeated);
  store_.Mutate([entry](WriteTx& tx) { return tx.AppendAudit(entry); },
                [principal = caller.principal](absl::Status status) {
                  if (status.ok()) return;
                  log::Error("a refused call could not be audited",
                             {{"principal", principal}, {"error", std::string(status.message())}});
                });
}

void Denials::Forget(absl::Time now) {
  for (auto it = told_.begin(); it != told_.end();) {
    // One with repetitions that are not told yet stays until its next refusal.
    const bool quiet = absl::AbsDuration(now - it->second.time) >= kQuiet;
    it = quiet && it->second.repeated == 0 ? told_.erase(it) : std::next(it);
  }
}

}  // namespace dbfleet::controller

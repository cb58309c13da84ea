#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "controller/resources/schedule_resource.h"
#include "controller/store/compiled_once.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

struct ScheduleBook {
  std::map<std::string, DeclaredSchedule, std::less<>> schedules;
  // Stored ones that cannot be read, with the reason: they do not run, the others do.
  std::map<std::string, std::string> unreadable;
};

// The declared schedules as a transaction sees them, compiled once for each change to them, which a
// setting counts. Thread-safe.
class ScheduleSource {
 public:
  absl::StatusOr<std::shared_ptr<const ScheduleBook>> Read(ReadTx& tx);

 private:
  CompiledOnce<ScheduleBook> book_;
};

// What it takes by hand to have done whatever a schedule can have done: checks, inspections,
// backups and verifications. Whoever declares one needs it in its environment, and so does, at each
// occurrence, whoever declared it last.
inline constexpr Verb kScheduledVerb = Verb::kOperate;

// Why `principal`, who declared the schedule last or ran it by hand, may not have it done; "" if it
// may.
absl::StatusOr<std::string> WhyNotEntitled(ReadTx& tx, const std::string& principal,
                                           const std::string& environment);

// The schedule in a stored resource. DATA_LOSS (STORE_CORRUPT).
absl::StatusOr<DeclaredSchedule> ScheduleIn(const Resource& resource);

// Part of every transaction that creates or changes a schedule: another timing counts from now on,
// and `principal` is one of those who do not approve what it submits. `moved`: it was about another
// environment before, so it is another schedule, whose history is its own.
absl::Status NoteScheduleApplied(WriteTx& tx, const DeclaredSchedule& schedule, bool moved,
                                 const std::string& principal, absl::Time now);
// Part of every transaction that deletes one.
absl::Status NoteScheduleDeleted(WriteTx& tx, const std::string& name, const std::string& principal,
                                 absl::Time now);

// Puts `principal` among the declarers; true if it was not there.
bool AddDeclarer(const std::string& principal, ScheduleState* state);

// The account of a schedule ("schedules/nightly") or a rule ("eventrules/look-again"). Its
// declarers, and whoever depends on them by `dependents`, do not approve what it submits; other
// requesters have their own dependents only.
absl::StatusOr<std::vector<std::string>> DependentsOfRequester(
    ReadTx& tx, const std::string& requester,
    absl::StatusOr<std::vector<std::string>> (*dependents)(ReadTx&, const std::string&));

}  // namespace dbfleet::controller

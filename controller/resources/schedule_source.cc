#include "controller/resources/schedule_source.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "controller/identity/permissions.h"
#include "controller/identity/roles_in.h"
#include "controller/resources/kinds.h"
#include "controller/rules/rule.h"

namespace dbfleet::controller {
namespace {

constexpr char kGeneration[] = "schedules.generation";

absl::StatusOr<std::shared_ptr<const ScheduleBook>> Load(ReadTx& tx) {
  auto book = std::make_shared<ScheduleBook>();
  PageRequest page{1000, ""};
  do {
    ASSIGN_OR_RETURN(const Page<Resource> found, tx.ListResources(kScheduleKind, page));
    for (const Resource& resource : found.items) {
      absl::StatusOr<DeclaredSchedule> schedule = ScheduleIn(resource);
      if (schedule.ok()) {
        const std::string name = schedule->name;
        book->schedules.emplace(name, *std::move(schedule));
      } else {
        book->unreadable.emplace(resource.id, std::string(schedule.status().message()));
      }
    }
    page.token = found.next_token;
  } while (!page.token.empty());
  return book;
}

absl::Status CountChange(WriteTx& tx, absl::Time now) {
  return NameGeneration(tx, kGeneration, now);
}

}  // namespace

absl::StatusOr<std::shared_ptr<const ScheduleBook>> ScheduleSource::Read(ReadTx& tx) {
  ASSIGN_OR_RETURN(const std::string generation, tx.GetSetting(kGeneration));
  return book_.Of(generation, tx, Load);
}

absl::StatusOr<DeclaredSchedule> ScheduleIn(const Resource& resource) {
  resource::v1::Schedule manifest;
  config::Problems problems;
  const bool parsed = manifest.ParseFromString(resource.blob);
  std::optional<DeclaredSchedule> schedule = CompileSchedule(manifest, &problems);
  if (!parsed || !schedule.has_value()) {
    return Error(absl::StatusCode::kDataLoss, "STORE_CORRUPT",
                 absl::StrCat("the stored ", resource.id, " cannot be read (",
                              problems.ToStatus().message(), "); apply it again, or delete it"));
  }
  schedule->version = resource.version;
  return *std::move(schedule);
}

absl::StatusOr<std::string> WhyNotEntitled(ReadTx& tx, const std::string& principal,
                                           const std::string& environment) {
  ASSIGN_OR_RETURN(const Rights rights, RightsOf(tx, principal));
  if (rights.In(kScheduledVerb, environment)) return std::string();
  const absl::Status known = ReadRoleBook(tx).status();
  if (absl::IsDataLoss(known)) {
    return absl::StrCat("the roles of ", principal, " cannot be read just now: ", known.message());
  }
  RETURN_IF_ERROR(known);
  const std::vector<Verb> verbs = {kScheduledVerb};
  return absl::StrCat(principal, " has not the role ", RoleWords(verbs), " in ", environment,
                      " (any more); somebody who has, and may declare it, has to apply it again");
}

bool AddDeclarer(const std::string& principal, ScheduleState* state) {
  auto& all = state->declarers;
  if (std::find(all.begin(), all.end(), principal) != all.end()) return false;
  all.push_back(principal);
  return true;
}

absl::Status NoteScheduleApplied(WriteTx& tx, const DeclaredSchedule& schedule, bool moved,
                                 const std::string& principal, absl::Time now) {
  RETURN_IF_ERROR(CountChange(tx, now));
  absl::StatusOr<ScheduleState> former = tx.GetScheduleState(schedule.name);
  if (!former.ok() && !absl::IsNotFound(former.status())) return former.status();
  ScheduleState state = former.ok() ? *former : ScheduleState();
  AddDeclarer(principal, &state);
  if (!former.ok() || state.deleted || moved) {
    state.name = schedule.name;
    state.uid = NewUlid(now);
    state.deleted = false;
    state.pruned_until = absl::InfinitePast();
    state.timing.clear();
  }
  if (state.timing != schedule.Timing()) {
    state.timing = schedule.Timing();
    state.decided_until = now;
  }
  return former.ok() ? tx.UpdateScheduleState(&state) : tx.InsertScheduleState(&state);
}

absl::Status NoteScheduleDeleted(WriteTx& tx, const std::string& name, const std::string& principal,
                                 absl::Time now) {
  RETURN_IF_ERROR(CountChange(tx, now));
  ASSIGN_OR_RETURN(ScheduleState state, tx.GetScheduleState(name));
  AddDeclarer(principal, &state);
  state.deleted = true;
  return tx.UpdateScheduleState(&state);
}

absl::StatusOr<std::vector<std::string>> DependentsOfRequester(
    ReadTx& tx, const std::string& requester,
    absl::StatusOr<std::vector<std::string>> (*dependents)(ReadTx&, const std::string&)) {
  absl::string_view name = requester;
  std::vector<std::string> declarers;
  if (absl::ConsumePrefix(&name, "schedules/")) {
    ASSIGN_OR_RETURN(const ScheduleState state, tx.GetScheduleState(name));
    declarers = state.declarers;
  } else if (absl::ConsumePrefix(&name, kEventRuleAccounts)) {
    ASSIGN_OR_RETURN(const EventRuleState state, tx.rules_reader().GetState(name));
    declarers = state.declarers;
  } else {
    return dependents(tx, requester);
  }
  std::set<std::string> all(declarers.begin(), declarers.end());
  for (const std::string& declarer : declarers) {
    ASSIGN_OR_RETURN(const std::vector<std::string> more, dependents(tx, declarer));
    all.insert(more.begin(), more.end());
  }
  return std::vector<std::string>(all.begin(), all.end());
}

}  // namespace dbfleet::controller

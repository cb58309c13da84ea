#include "agent/config/local_policy.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

#include "common/base/status.h"
#include "common/base/text.h"

namespace dbfleet::agent {
namespace {

constexpr const char* kActions[] = {"backup", "check", "inspect", "migrate", "verify"};

bool IsAction(absl::string_view name) {
  for (const char* action : kActions) {
    if (name == action) return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<LocalPolicy> LocalPolicy::Make(const config::v1::LocalPolicy& policy,
                                              const std::set<std::string>& instances) {
  LocalPolicy result;
  std::vector<std::string> problems;
  for (const std::string& entry : policy.forbid()) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(entry, absl::MaxSplits(':', 1));
    const std::string shown = SanitizeForDisplay(Truncate(entry, 100));
    if (!IsAction(parts.first)) {
      problems.push_back(absl::StrCat("forbid: \"", shown, "\" names no action; actions are ",
                                      absl::StrJoin(kActions, ", ")));
    } else if (entry.find(':') != std::string::npos && instances.count(parts.second) == 0) {
      problems.push_back(absl::StrCat("forbid: \"", shown, "\" names no instance of this agent"));
    } else {
      result.forbidden_.insert(entry);
    }
  }
  if (problems.empty()) return result;
  return Error(absl::StatusCode::kInvalidArgument, "BAD_CONFIG", absl::StrJoin(problems, "\n"));
}

bool LocalPolicy::Forbids(const std::string& action, const std::string& instance) const {
  return forbidden_.count(action) > 0 || forbidden_.count(absl::StrCat(action, ":", instance)) > 0;
}

std::vector<std::string> LocalPolicy::ForbiddenOn(const std::string& instance) const {
  std::vector<std::string> actions;
  for (const char* action : kActions) {
    if (Forbids(action, instance)) actions.push_back(action);
  }
  return actions;
}

}  // namespace dbfleet::agent

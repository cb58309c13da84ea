#include "controller/resources/fillable.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/status.h"
#include "controller/resources/electorate.h"
#include "controller/resources/impact.h"

namespace dbfleet::controller {

absl::StatusOr<std::set<std::string>> FillableQuorums(ReadTx& tx, const EnvironmentFilter& where) {
  std::set<std::string> fillable;
  ASSIGN_OR_RETURN(const std::vector<Quorum> quorums, QuorumsOf(tx, where));
  if (quorums.empty()) return fillable;
  ASSIGN_OR_RETURN(const Electorate electorate, Electorate::Read(tx));
  for (const Quorum& quorum : quorums) {
    if (electorate.CouldForm(quorum, "")) fillable.insert(quorum.environment);
  }
  return fillable;
}

absl::StatusOr<std::vector<std::string>> LostQuorums(ReadTx& tx,
                                                     const std::set<std::string>& before) {
  std::vector<std::string> lost;
  if (before.empty()) return lost;
  ASSIGN_OR_RETURN(const std::vector<Quorum> after,
                   QuorumsOf(tx, EnvironmentFilter::Only({before.begin(), before.end()})));
  ASSIGN_OR_RETURN(const Electorate electorate, Electorate::Read(tx));
  for (const Quorum& quorum : after) {
    const std::vector<std::string> missing =
        Missing(quorum, electorate.ApproversIn(quorum.environment));
    if (missing.empty()) continue;
    lost.push_back(absl::StrCat("there are not the people for it: ", absl::StrJoin(missing, "; "),
                                "; nobody could approve anything in ", quorum.environment,
                                " or change its policy back"));
  }
  return lost;
}

absl::Status CheckFillable(ReadTx& tx, const std::set<std::string>& before) {
  ASSIGN_OR_RETURN(const std::vector<std::string> lost, LostQuorums(tx, before));
  if (lost.empty()) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "QUORUM_UNFILLABLE",
               absl::StrCat(lost.front(), ". Make more approvers first"));
}

std::set<std::string> FillableNow(Store& store) {
  std::set<std::string> fillable;
  (void)store.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(fillable, FillableQuorums(tx, EnvironmentFilter()));
    return absl::OkStatus();
  });
  return fillable;
}

std::vector<std::string> WarningsOfLoss(Store& store, const std::set<std::string>& before) {
  std::vector<std::string> warnings;
  (void)store.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(warnings, LostQuorums(tx, before));
    return absl::OkStatus();
  });
  for (std::string& warning : warnings) {
    absl::StrAppend(&warning,
                    ". An admin can make more approvers (dbfleet user create NAME --role approver) "
                    "or enable a disabled one again (dbfleet user enable NAME)");
  }
  return warnings;
}

}  // namespace dbfleet::controller

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/plan/estimate.h"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/job_view.h"
#include "controller/cli/plan_view.h"
#include "controller/cli/queue_options.h"
#include "controller/cli/resolve.h"
#include "controller/cli/words.h"
#include "dbfleet/api/v1/change_service.grpc.pb.h"
#include "dbfleet/api/v1/user_service.grpc.pb.h"

namespace dbfleet::cli {
namespace {

using api::v1::ChangeService;
using api::v1::Job;

constexpr size_t kMinDigestPrefix = 12;

// The digest to approve: the job's, if it is the one that the approver names.
absl::StatusOr<std::string> MatchDigest(const Job& job, const std::string& given) {
  const std::string wanted = absl::AsciiStrToLower(given);
  if (wanted.size() < kMinDigestPrefix ||
      !std::all_of(wanted.begin(), wanted.end(), absl::ascii_isxdigit)) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_DIGEST",
                 absl::StrCat("--digest wants at least ", kMinDigestPrefix,
                              " hexadecimal digits of the digest that `dbfleet change get` shows"));
  }
  if (job.digest().empty()) {
    return Error(absl::StatusCode::kFailedPrecondition, "NO_DIGEST",
                 absl::StrCat(job.name(), " is not planned yet: it is ", Word(job.state())));
  }
  if (!absl::StartsWith(job.digest(), wanted)) {
    return Error(
        absl::StatusCode::kAborted, "STALE_DIGEST",
        absl::StrCat(job.name(), " now has the digest ", job.digest(),
                     "; look at its plan again: dbfleet change get ", ShortName(job.name())));
  }
  return job.digest();
}

// Shows the plan and asks. The plan goes to stderr: it is part of the question, not the output.
absl::StatusOr<std::string> AskForDigest(Shell& shell, const Job& job) {
  if (IsTerminal(job.state())) {
    return Error(absl::StatusCode::kFailedPrecondition, "WRONG_STATE",
                 absl::StrCat(job.name(), " has ended, it is ", Word(job.state()),
                              ": there is nothing to approve"));
  }
  const World& world = shell.world();
  if (!world.in_is_terminal || !world.err_is_terminal) {
    return Error(absl::StatusCode::kInvalidArgument, "DIGEST_REQUIRED",
                 "without a terminal to ask on, --digest is needed: approve what you have seen in "
                 "`dbfleet change get`");
  }
  RETURN_IF_ERROR(
      MatchDigest(job, job.digest().empty() ? std::string(kMinDigestPrefix, '0') : job.digest())
          .status());
  shell.err() << DescribeChange(job) << "\nApprove this? Type \"yes\": " << std::flush;
  std::string answer;
  std::getline(*world.in, answer);
  if (absl::StripAsciiWhitespace(answer) != "yes") {
    return Error(absl::StatusCode::kCancelled, "NOT_CONFIRMED", "nothing was approved");
  }
  return job.digest();
}

struct ApproveOptions {
  std::string name;
  std::string digest;
  std::optional<int64_t> rows;  // That the approver has seen, of all targets.
  std::string reason;
  WaitOptions wait;
};

// As the approver sees them now, or by `rows` has seen them before.
absl::Status AddSeenRows(const Job& job, const std::optional<int64_t>& rows,
                         api::v1::ApproveChangeRequest* request) {
  const int64_t now = EstimatedRows(job);
  if (rows.has_value() && EstimateGrown(*rows, now)) {
    return Error(
        absl::StatusCode::kAborted, "ESTIMATE_GROWN",
        absl::StrCat(job.name(), " is by now estimated to touch ", now, " rows, beyond twice the ",
                     *rows, " that you have seen; look at it again: dbfleet change get ",
                     ShortName(job.name())));
  }
  for (const api::v1::Task& task : job.tasks()) {
    if (task.has_plan())
      (*request->mutable_seen_rows())[task.target()] = task.plan().estimated_rows();
  }
  return absl::OkStatus();
}

// An approval that was there and counts stays as it is, which an answer alone does not tell.
void TellUnchanged(Shell& shell, ApiClient* client, const Job& before, const Job& after) {
  const auto same = [](const api::v1::Approval& a, const api::v1::Approval& b) {
    return a.principal() == b.principal() &&
           a.decide_time().SerializeAsString() == b.decide_time().SerializeAsString();
  };
  if (after.approvals().empty() ||
      !std::equal(before.approvals().begin(), before.approvals().end(), after.approvals().begin(),
                  after.approvals().end(), same)) {
    return;
  }
  const auto self = client->Call<api::v1::UserService>(&api::v1::UserService::Stub::WhoAmI,
                                                       api::v1::WhoAmIRequest());
  if (!self.ok()) return;  // The approval itself went well.
  for (const api::v1::Approval& approval : after.approvals()) {
    if (approval.principal() != self->name()) continue;
    shell.Note(absl::StrCat("dbfleet: already approved by you, ", SanitizeForDisplay(self->name()),
                            ", at ", Show(approval.decide_time()), " (until ",
                            Show(approval.expire_time()), "); nothing changed"));
  }
}

// What it takes beside this approval. `-o json` has it in `blockers`.
void TellMissing(Shell& shell, const Job& job) {
  for (const api::v1::Blocker& blocker : job.blockers()) {
    if (blocker.rule() != "approvals") continue;
    shell.Note(absl::StrCat("dbfleet: still missing: ", SanitizeForDisplay(blocker.message())));
  }
}

absl::StatusOr<Job> Approve(Shell& shell, const ApproveOptions& options) {
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  api::v1::GetJobRequest get;
  ASSIGN_OR_RETURN(*get.mutable_name(), ResolveName(shell, IdKind::kChange, options.name));
  ASSIGN_OR_RETURN(const Job job,
                   client->Call<ChangeService>(&ChangeService::Stub::GetChange, get));
  api::v1::ApproveChangeRequest request;
  request.set_name(job.name());
  request.set_reason(options.reason);
  if (options.digest.empty()) {
    ASSIGN_OR_RETURN(*request.mutable_digest(), AskForDigest(shell, job));
  } else {
    ASSIGN_OR_RETURN(*request.mutable_digest(), MatchDigest(job, options.digest));
  }
  // A digest alone does not tell which estimate was seen.
  if (options.digest.empty() || options.rows.has_value()) {
    RETURN_IF_ERROR(AddSeenRows(job, options.rows, &request));
  }
  ASSIGN_OR_RETURN(Job approved,
                   client->Call<ChangeService>(&ChangeService::Stub::ApproveChange, request));
  TellUnchanged(shell, client, job, approved);
  TellMissing(shell, approved);
  return approved;
}

absl::StatusOr<Job> Reject(Shell& shell, const std::string& name, const std::string& reason) {
  api::v1::RejectChangeRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), ResolveNameToWrite(shell, IdKind::kChange, name));
  request.set_reason(reason);
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  return client->Call<ChangeService>(&ChangeService::Stub::RejectChange, request);
}

absl::StatusOr<Job> Withdraw(Shell& shell, const std::string& name, const std::string& reason) {
  api::v1::WithdrawApprovalRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), ResolveNameToWrite(shell, IdKind::kChange, name));
  request.set_reason(reason);
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  return client->Call<ChangeService>(&ChangeService::Stub::WithdrawApproval, request);
}

struct RollbackOptions {
  QueueOptions queue;
  std::string name;
  std::string reason;
  bool approve_destructive = false;
  bool fresh_backup = false;
  bool existing_backup = false;
  WaitOptions wait;
};

absl::StatusOr<Job> Rollback(Shell& shell, const RollbackOptions& options) {
  api::v1::RollbackChangeRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(),
                   ResolveNameToWrite(shell, IdKind::kChange, options.name));
  request.set_reason(options.reason);
  request.set_approve_destructive(options.approve_destructive);
  if (options.fresh_backup) request.set_backup_gate(api::v1::BACKUP_GATE_FRESH);
  if (options.existing_backup) request.set_backup_gate(api::v1::BACKUP_GATE_EXISTING);
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  *request.mutable_queue() = PlaceOf(options.queue);
  return client->Call<ChangeService>(&ChangeService::Stub::RollbackChange, request);
}

void AddRollback(CLI::App& change, Shell& shell) {
  auto options = std::make_shared<RollbackOptions>();
  CLI::App* rollback =
      AddVerb(change, "rollback", "Submit a new change that takes back an applied one", shell,
              [&shell, options] {
                return FinishJobCommand(shell, Rollback(shell, *options), options->wait);
              });
  rollback->add_option("NAME", options->name, "The change to take back")->required();
  AddReason(rollback, &options->reason, false);
  rollback->add_flag("--approve-destructive", options->approve_destructive,
                     "Yes, I know that this may destroy data");
  CLI::Option* fresh = rollback->add_flag("--fresh-backup", options->fresh_backup,
                                          "Take a backup first, whatever exists");
  rollback
      ->add_flag("--existing-backup", options->existing_backup,
                 "Use a verified backup that exists, or wait for one")
      ->excludes(fresh);
  AddQueueOptions(rollback, &options->queue);
  AddWaitOptions(rollback, &options->wait);
}

}  // namespace

void AddDecisionCommands(CLI::App& change, Shell& shell) {
  auto options = std::make_shared<ApproveOptions>();
  CLI::App* approve =
      AddVerb(change, "approve", "Approve the plan that you have seen", shell, [&shell, options] {
        return FinishJobCommand(shell, Approve(shell, *options), options->wait);
      });
  approve->add_option("NAME", options->name, "The change")->required();
  approve->add_option("--digest", options->digest,
                      "The plan's digest, or its first 12 digits or more; on a terminal it may be "
                      "left out: the plan is then shown and you are asked");
  approve
      ->add_option("--rows", options->rows,
                   "With --digest: the estimated rows of all targets that you have seen; if by now "
                   "they are beyond twice as many, nothing is approved")
      ->check(CLI::Range(int64_t{0}, std::numeric_limits<int64_t>::max(), "0 or more"));
  AddReason(approve, &options->reason, false);
  AddWaitOptions(approve, &options->wait);

  auto approved = std::make_shared<std::string>();
  auto why = std::make_shared<std::string>();
  CLI::App* revoke =
      AddVerb(change, "revoke", "Take back your own approval, until the change begins", shell,
              [&shell, approved, why] {
                return FinishJobCommand(shell, Withdraw(shell, *approved, *why), {});
              });
  revoke->add_option("NAME", *approved, "The change")->required();
  AddReason(revoke, why.get(), false);

  auto name = std::make_shared<std::string>();
  auto reason = std::make_shared<std::string>();
  CLI::App* reject =
      AddVerb(change, "reject", "Reject a change for good", shell, [&shell, name, reason] {
        return FinishJobCommand(shell, Reject(shell, *name, *reason), {});
      });
  reject->add_option("NAME", *name, "The change")->required();
  AddReason(reject, reason.get(), true);
  AddRollback(change, shell);
  AddBreakGlassCommands(change, shell);
  AddCancelAndWait(change, shell, IdKind::kChange);
}

}  // namespace dbfleet::cli

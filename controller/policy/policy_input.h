#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

#include "controller/domain/approval_policy.h"
#include "controller/domain/types.h"
#include "controller/windows/book.h"
#include "controller/windows/queue.h"

namespace dbfleet::controller {

// Everything on which a decision rests. Pure values: the caller reads them in one transaction.
struct PolicyInput {
  Job job;
  EnvironmentPolicy policy;
  // Per target: the newest verified backup that covers its database, if any; of the server that it
  // is on, if there is such a one. In its stead one whose files are gone, which the rule says.
  struct Target {
    std::string name;
    std::string instance_id;
    std::string database;
    std::optional<Backup> verified_backup;
    int64_t estimated_rows = -1;
    // Windows and freezes that select its instance; null when there are none.
    WindowBook::Windows windows;
    // The server behind the instance's name now.
    std::string agent_id = {};
    std::string endpoint = {};
  };
  std::vector<Target> targets;  // Those of which something is still to be done.
  // How the same change fared in the environment that the policy wants it promoted from.
  struct Promotion {
    std::string job;       // The newest that succeeded there; "" if none did.
    absl::Time end_time;   // When.
    bool applied = false;  // It applied the change, rather than taking it back.
    // Versions that were applied, taken back and applied again there, all within the policy's time,
    // and not taken back since.
    std::set<std::string> rehearsed;
    // By version: the newest change that applied it or took it back there, within the policy's
    // time.
    struct Step {
      std::string job;
      bool applied = false;
    };
    std::map<std::string, Step> newest;
  };
  Promotion promotion;
  std::set<std::string> versions;  // Those that the change would apply now, on any target.
  // Why windows and freezes cannot be read; "" if they can. Nothing begins on a guess.
  std::string windows_unreadable;
  // It takes back a change that failed on some target, which cannot wait for a window.
  bool mends_failure = false;
  // Of a rollback that its change's rollout makes by itself: so many people approved the change,
  // and with it this one (ApproversOfPlan). They count for the environment's demand; approval
  // policies that are about rollbacks ask for their own.
  int approved_with_change = 0;
  // It began in a window that lets it finish, and has gone on without a break since.
  bool goes_on = false;
  // Who must not count as an approver besides the requester: principals whose account, role or
  // token the requester made.
  std::vector<std::string> dependent_approvers;
  // Who approved and has lost the role, or the account, since.
  std::vector<std::string> former_approvers;
  // Tokens, by id, with which approvals were given and that were revoked since.
  std::set<std::string> revoked_tokens;
  // The roles of those who approved, in the job's environment.
  std::map<std::string, std::set<Role>> approver_roles;
  std::shared_ptr<const ApprovalBook> approval_book;  // Null: there are no approval policies.
  // What approval policies select targets by; only where some do that. Before a job has begun of
  // all its targets, afterwards of those that it is about: a part of a job needs what the part
  // needs.
  struct Traits {
    std::map<std::string, std::string> labels;  // Of the instance.
    Gravity findings = Gravity::kNone;          // The gravest.
  };
  std::vector<Traits> traits;
  std::optional<Waiver> waiver;  // Somebody broke the glass for this job.
  // Of a job that was queued for a window (job.queue).
  struct Queue {
    std::optional<DeclaredWindow> window;  // There is none of that name any more.
    std::vector<std::string> uncovered;    // Targets that it does not select.
    absl::Duration needs;                  // For what is left of the job.
    // It was let begin, or go on, in the occurrence that is open, and has kept its place since.
    bool under_way = false;
    std::vector<QueueEntry> others;  // All others in the queue.
  };
  Queue queue;
  absl::Time now;
  bool ahead = false;  // `now` is still to come: somebody looks ahead.
};

}  // namespace dbfleet::controller

#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

#include "controller/domain/approval_policy.h"
#include "controller/domain/types.h"
#include "controller/policy/policy_input.h"
#include "controller/policy/quorum.h"
#include "controller/windows/window.h"

namespace dbfleet::controller {

struct PolicyBlocker {
  // "approvals", "verified-backup", "destructive-consent", "rollback-plan", "promotion", "window",
  // "freeze", "window-queue", "windows-unreadable", "paused".
  std::string rule;
  std::string message;  // What is missing and who can do something about it.
  bool final = false;   // Waiting cannot mend it: the job is refused.
  // Of "approvals" that an approval policy asks for, its name; "": the environment does.
  std::string policy = {};
};

struct PolicyDecision {
  std::vector<PolicyBlocker> blockers;  // Complete; empty means allowed.
  std::vector<Approval> counted;  // The approvals that count now, whether any is needed or not.
  std::optional<OpenQuorum> open_quorum;  // Blocked by "approvals" that can still be given.
  // An approval given now lapses after this time, and needs a reason.
  absl::Duration approval_ttl;
  bool reason_required = false;
  std::vector<std::string> waived;  // Rules that would block it if nobody had broken the glass.
  std::string waived_by;            // Who did; "" if nothing is waived.
  // What the rules found enough, where they have a say: the backups' ids, and the change in the
  // earlier environment ("" if none was asked for).
  std::vector<std::string> backups;
  std::string promoted_by;
  // The approvals of the change that it takes back count for it, as its rollout made it.
  bool approved_with_change = false;
  // The window in which the work would begin, or would if no freeze lay over it, and what its end
  // means; of several targets', the strictest. "": no window is needed, or none is open.
  std::string window;
  Overrun overrun = Overrun::kFinish;
  // When the first target's window closes, and when work may no longer begin on one of them: then,
  // or when a freeze begins.
  absl::Time window_closes = absl::InfiniteFuture();
  absl::Time closes = absl::InfiniteFuture();
  // Behind which no further step starts of what its window's end cancels: when the first window
  // closes, or a waiver of "window" ends that outlasts it.
  absl::Time steps_until = absl::InfiniteFuture();
  std::string outlasted_by;  // Whose waiver that is; "": the window's own end.
  // Blocked by times only because too little of what is open is left.
  bool closing = false;
  // Blocked by "window-queue" though its window is open: by its turn.
  bool out_of_turn = false;
  // It begins in the turn that "window-queue" gives it: it was queued, and nobody waived that.
  bool by_turn = false;
  // Blocked by times: from when on it is not, if nothing changes about them; in the infinite future
  // if no opening is known.
  absl::Time opens = absl::InfinitePast();

  bool allowed() const { return blockers.empty(); }
  bool refused() const;  // Any blocker is final.
  bool BlockedBy(absl::string_view rule) const;
  bool Closed() const;                             // Blocked, as a window is closed that it needs.
  bool BlockedByTime() const;                      // By a window, a freeze, or its turn.
  bool Counts(absl::string_view principal) const;  // Has an approval that counts.
  std::string Words() const;                       // "rule: message; rule: message".
};

// The rules that may block a change, by their names below; not those of the store's own troubles.
absl::Span<const absl::string_view> PolicyRules();

// May the job run now? A pure function; the Grant's transaction evaluates it once more.
//
// The rules, each at most one blocker unless it says otherwise:
// - "paused": a person paused it before it began.
// - "destructive-consent" (final): destructive work without `approve_destructive` where the policy
//   asks for it. Work of unknown safety counts as destructive, except checks, backups and
//   verifications, which change nothing.
// - "rollback-plan" (final): a migration with has_rollback false. The caller sets has_rollback also
//   when each step without a rollback is declared irreversible; the approvers see which.
// - "promotion" (final while the change is planned; later the earlier environment can mend it): the
//   same change, by its contents, was applied in the environment that the policy promotes from,
//   within its time, and nothing of it was taken back there since; if the policy asks for that,
//   each version that would be applied was also taken back there and applied again. Rollbacks need
//   none.
// - "approvals": destructive work needs approvals of this very digest, not expired, by distinct
// users
//   other than the requester and the dependent approvers; each approval policy that applies to the
//   change wants its requirements filled as well (a blocker for each). An approval is void for as
//   long as any
//   target's known estimate is beyond twice the one that this approver saw (then no sum can be,
//   either), whatever others approved later; so is one of which it is not known what was seen. A
//   rejection by anybody is final, whatever the work.
// - "verified-backup": a schema change needs, per target, a complete backup of the instance that
// holds
//   the database, taken of the server that is behind its name now, verified at level 1 or higher,
//   with a snapshot younger than the policy's age; with BackupGate::kFresh also later than the last
//   approval that counts (no approvals needed: than the job itself).
// - "window": a change that the policy's window_for names needs an open maintenance window on each
//   target. A change that has begun in a window whose overrun is kFinish and goes on without a
//   break needs none any more.
// - "windows-unreadable": of a change, if it is not known which windows and freezes there are.
// - "freeze": no change starts on a target that a freeze covers, whatever windows say.
//   Both count as closed for their last kLeastOpen, so that an agent whose clock is a little ahead
//   is not given what it has to refuse. Neither holds up a rollback that mends a failure.
// - "window-queue": what was queued for a window, whatever its kind, begins in occurrences of that
//   window alone, and there in its turn (controller/windows/queue.h). A window that is deleted, has
//   become a freeze or does not select all targets any more lets nothing begin. Freezes and
//   "window" count for it as well.
// What a waiver of this very digest names (kWaivable) does not block until it expires, a rejection
// excepted.
PolicyDecision Evaluate(const PolicyInput& input);

// How many people's approvals of the very plan that was run are not void by now: for the rollback
// that a rollout makes by itself. Whoever let the change run let it be taken back, also when that
// approval has lapsed since, or the estimate has grown. But what was withdrawn from it (the token,
// the account, the role) is withdrawn from the rollback too: it is a destructive change, with
// statements of its own, that was let in by nobody else. It waits for people then, and is not lost.
// Of `input` the job and what is known of its approvers count.
int ApproversOfPlan(const PolicyInput& input);

// Whether windows and freezes may have a say: they are about changes, not about looking, backing up
// and verifying, unless those were queued for a window. Where they have none they need not be read.
bool WindowsCount(const Job& job);

// Does a rollback of a change with these tasks mend a failure? Not if it merely ended between
// targets, each of which is as it should be, or was ended by its time and is as it was.
bool NeedsMending(absl::Span<const Task> tasks);

// Nothing is missing but its time, a backup that can be taken until then, and agents that are
// upgraded.
bool WaitsForTimeAndBackup(const PolicyDecision& decision);

// Whether promotion has a say. Where it has none the earlier environment need not be looked at.
bool PromotionCounts(const Job& job, const EnvironmentPolicy& policy);

// A change that did something: it applied these versions, or took them back. One that found nothing
// to do, or whose outcome a person decided, is none: it proves nothing.
struct PastChange {
  std::string job;
  absl::Time end_time;
  bool applied = false;
  std::set<std::string> versions;
  // It did that on all of its targets, by what they said themselves. Else it is no step of a
  // rehearsal, though what it took back in part is taken back.
  bool whole = true;
};

// What those of the same contents in the earlier environment, newest first, say.
PolicyInput::Promotion PromotionOf(absl::Span<const PastChange> past, absl::Time now,
                                   absl::Duration within);

// Whether the targets' backups have a say. Where they have none they need not be read.
bool BackupsCount(const Job& job, const EnvironmentPolicy& policy);

// What break-glass can waive: never a backup, a rollback plan, consent or the audit trail.
absl::Span<const absl::string_view> WaivableRules();

// The defaults of a new environment with this name (requirement P2's first level).
EnvironmentPolicy DefaultPolicy(absl::string_view environment);

// SHA-256, hex, over the canonical form; part of every job's digest.
std::string PolicyDigest(absl::string_view environment, const EnvironmentPolicy& policy);
// The same with the approval policies that cover the environment; null: there are none.
std::string PolicyDigest(absl::string_view environment, const EnvironmentPolicy& policy,
                         const ApprovalBook* book);
// Was the job planned under another policy? Not if it was not planned.
bool PolicyChanged(const PolicyInput& input);

}  // namespace dbfleet::controller

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "agent/engine/engine.h"
#include "dbfleet/agent/v1/link_service.pb.h"
#include "dbfleet/work/v1/work.pb.h"

namespace dbfleet::agent {

// What an action may use while it runs; the runner implements it. Thread-safe.
class ActionContext {
 public:
  virtual ~ActionContext() = default;

  virtual const std::string& job_id() const = 0;
  virtual const std::string& attempt_id() const = 0;
  virtual uint64_t fence() const = 0;
  virtual Engine& engine() = 0;

  // PlanDigest of the target's approved plan, for an action that plans again once it holds the
  // target's lock; "" if the work needs no approved plan.
  virtual std::string approved_plan_digest() const { return ""; }

  // To be asked before each forward step: OK, CANCELLED (somebody cancelled), DEADLINE_EXCEEDED
  // (`not_after` passed) or ABORTED (LEASE_LOST). A rollback does not ask.
  virtual absl::Status MayGoOn() = 0;

  // As MayGoOn, and DEADLINE_EXCEEDED (START_TOO_LATE) behind the moment by which the attempt has
  // to begin, when its maintenance window closes, FAILED_PRECONDITION (BACKUP_GONE) if the backup
  // is not there any more that it needs. It was asked before the action was run; one that prepares
  // for long, or waits for a lock, asks again before what first changes the target.
  virtual absl::Status MayBegin() { return MayGoOn(); }

  // Calls `fn` when the attempt is cancelled (at once if it is already); replaces the former one.
  virtual void OnCancel(std::function<void()> fn) = 0;

  // Durable progress: journaled before it returns, then sent. On an error (journal disk full) no
  // further forward step may start.
  virtual absl::Status ReportStep(const work::v1::StepReport& report) = 0;

  // A small durable note to the attempt's next life after a crash, for example a child's record.
  virtual absl::Status Checkpoint(absl::string_view blob) = 0;

  virtual void Log(work::v1::Severity severity, absl::string_view line) = 0;

  // The content of a file of the specification, fetched if it was not inline; checked by its hash.
  virtual absl::StatusOr<std::string> Content(const work::v1::ContentRef& ref) = 0;

  // A folder of this attempt's own, mode 0700; removed when the attempt is over.
  virtual absl::StatusOr<std::string> ScratchFolder() = 0;
};

// How an attempt ended.
struct ActionResult {
  dbfleet::agent::v1::Outcome outcome = dbfleet::agent::v1::OUTCOME_UNSPECIFIED;
  std::string error_reason;
  std::string error_message;
  work::v1::TaskResult result;
  uint64_t seen_fence = 0;  // With STALE_FENCE: what the target has seen.

  static ActionResult Succeeded(work::v1::TaskResult result);
  // FAILED, CANCELLED or TIMED_OUT by the status's code; UNKNOWN means INTERRUPTED.
  static ActionResult FromStatus(const absl::Status& status);
};

// Is it what MayBegin alone says: nothing of the attempt was begun, and the controller looks anew
// whether it may?
bool ForbidsBegin(const absl::Status& status);

// FAILED_PRECONDITION (STALE_FENCE): the target was worked on under `seen`, above `fence`. An
// ActionResult that is made from it carries `seen`.
absl::Status StaleFence(uint64_t fence, uint64_t seen);
uint64_t SeenFence(const absl::Status& status);  // 0 if it carries none.

// One kind of work. Stateless and thread-safe; one object serves all attempts. Registered by name
// in the composition root (agent/app). docs/checklists/new-action.md tells how to add one.
class Action {
 public:
  virtual ~Action() = default;

  // "check", "inspect", "backup", "verify", "migrate": the JobSpec's field, and what the local
  // policy file forbids.
  virtual absl::string_view name() const = 0;

  // Whether this agent can do it on that engine now (tools installed, accounts configured); the
  // error says what is missing, with the package's name.
  virtual absl::Status Supports(Engine& engine) = 0;

  // Does it. The specification has been validated against the grant.
  virtual ActionResult Run(ActionContext& context, const work::v1::JobSpec& spec) = 0;

  // Finds out what Run would do, without doing it. Only planned kinds implement it.
  virtual absl::StatusOr<work::v1::Plan> Plan(ActionContext& context,
                                              const work::v1::JobSpec& spec);

  // Called instead of Run after a restart, for an attempt that was running when the agent died.
  // `checkpoint` is the last one, or "". Finds out what took effect; never runs a forward step
  // again. The default is INTERRUPTED.
  virtual ActionResult Recover(ActionContext& context, const work::v1::JobSpec& spec,
                               absl::string_view checkpoint);
};

}  // namespace dbfleet::agent

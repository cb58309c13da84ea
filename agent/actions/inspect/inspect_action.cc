#include "agent/actions/inspect/inspect_action.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "agent/engine/account.h"
#include "common/base/status.h"
#include "common/proto_time/proto_time.h"
#include "common/sql/sql.h"

namespace dbfleet::agent {
namespace {

absl::Status NotSafe(absl::string_view why) {
  return Error(
      absl::StatusCode::kFailedPrecondition, "INSPECTION_NOT_SAFE",
      absl::StrCat("an inspection only reads, and no credentials; this statement was refused: ",
                   why));
}

absl::StatusOr<work::v1::InspectResult> Inspect(ActionContext& context,
                                                const work::v1::InspectSpec& spec) {
  ASSIGN_OR_RETURN(QueryOptions options, InspectLimits(spec));
  Engine& engine = context.engine();
  ASSIGN_OR_RETURN(const sql::Target target, engine.ProbeTarget());
  options.read_for = target.version;
  const std::string& database =
      spec.database().empty() ? engine.spec().default_database : spec.database();
  RETURN_IF_ERROR(CheckInspection(target, spec.statement(), database));
  RETURN_IF_ERROR(context.MayGoOn());
  // Shared, as a cancellation may outlive the attempt's end.
  const auto stop = std::make_shared<QueryStop>();
  options.stop = stop.get();
  context.OnCancel([stop] { stop->Stop(); });
  auto inspected = engine.Inspect(spec.statement(), spec.database(), options);
  context.OnCancel([] {});
  ASSIGN_OR_RETURN(work::v1::InspectResult result, std::move(inspected));
  result.set_safety(work::v1::SAFETY_CLASS_SAFE);
  return result;
}

}  // namespace

absl::StatusOr<QueryOptions> InspectLimits(const work::v1::InspectSpec& spec) {
  QueryOptions options;
  options.timeout = spec.has_timeout() ? FromProto(spec.timeout()) : InspectAction::kDefaultTimeout;
  options.max_rows = spec.max_rows() == 0 ? InspectAction::kDefaultRows : spec.max_rows();
  if (options.timeout <= absl::ZeroDuration() || options.timeout > InspectAction::kMaxTimeout) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_LIMIT",
                 absl::StrCat("the timeout of an inspection is above 0 and at most ",
                              absl::FormatDuration(InspectAction::kMaxTimeout), ", not ",
                              absl::FormatDuration(options.timeout)));
  }
  if (options.max_rows < 1 || options.max_rows > InspectAction::kMaxRows) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_LIMIT",
                 absl::StrCat("an inspection returns 1 to ", InspectAction::kMaxRows, " rows, not ",
                              options.max_rows));
  }
  return options;
}

absl::Status CheckInspection(const sql::Target& target, absl::string_view text,
                             absl::string_view database) {
  ASSIGN_OR_RETURN(const std::vector<sql::Statement> statements, sql::Split(target, text));
  if (statements.empty()) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_SQL", "the statement is empty");
  }
  if (statements.size() > 1) {
    return NotSafe(absl::StrCat("it holds ", statements.size(), " statements; send one"));
  }
  const sql::Verdict verdict = sql::Classify(target, text, database);
  if (verdict.transaction_control) return NotSafe("it controls transactions");
  if (verdict.streams_rows) {
    return NotSafe("COPY sends a stream, which an inspection does not show; send its SELECT");
  }
  if (verdict.safety == sql::Safety::kSafe) return absl::OkStatus();
  return NotSafe(verdict.reasons.empty() ? "it is destructive"
                                         : absl::StrJoin(verdict.reasons, "; "));
}

absl::Status InspectAction::Supports(Engine& engine) {
  return AccountFor(engine.spec(), AccountUse::kInspect).status();
}

ActionResult InspectAction::Run(ActionContext& context, const work::v1::JobSpec& spec) {
  auto inspected = Inspect(context, spec.inspect());
  if (!inspected.ok()) return ActionResult::FromStatus(inspected.status());
  work::v1::TaskResult result;
  *result.mutable_inspect() = *std::move(inspected);
  return ActionResult::Succeeded(std::move(result));
}

ActionResult InspectAction::Recover(ActionContext& context, const work::v1::JobSpec& spec,
                                    absl::string_view checkpoint) {
  return ActionResult::FromStatus(
      Error(absl::StatusCode::kAborted, "AGENT_RESTARTED",
            "the agent ended during the inspection; nothing was changed, ask again"));
}

}  // namespace dbfleet::agent

#include "agent/journal/shrink.h"

#include "common/base/text.h"

namespace dbfleet::agent {
namespace {

constexpr char kDropped[] =
    "the result was too large for what was left of the disk that holds the agent's journal";

bool Fits(const v1::Finished& finished, int64_t max_bytes) {
  return static_cast<int64_t>(finished.ByteSizeLong()) <= max_bytes;
}

void DropReadOnlyResult(v1::Finished* finished) {
  finished->clear_result();
  if (finished->outcome() != v1::OUTCOME_SUCCEEDED) return;
  finished->set_outcome(v1::OUTCOME_FAILED);
  finished->set_error_reason("RESULT_DROPPED");
  finished->set_error_message(kDropped);
}

}  // namespace

v1::Finished ShrinkToFit(v1::Finished finished, int64_t max_bytes) {
  if (Fits(finished, max_bytes)) return finished;
  finished.set_error_message(Truncate(finished.error_message(), 4096));
  if (Fits(finished, max_bytes)) return finished;
  work::v1::TaskResult* result = finished.mutable_result();
  switch (result->kind_case()) {
    case work::v1::TaskResult::kCheck:
    case work::v1::TaskResult::kInspect:
    case work::v1::TaskResult::kPlan:
      DropReadOnlyResult(&finished);
      break;
    case work::v1::TaskResult::kBackup:
      result->mutable_backup()->clear_files();
      result->mutable_backup()->add_warnings("the file list stands in the manifest only");
      break;
    case work::v1::TaskResult::kVerify:
      result->mutable_verify()->clear_evidence();
      result->mutable_verify()->add_evidence("the evidence was too long to be kept");
      break;
    case work::v1::TaskResult::kMigrate:
    case work::v1::TaskResult::KIND_NOT_SET:
      break;
  }
  return finished;
}

}  // namespace dbfleet::agent

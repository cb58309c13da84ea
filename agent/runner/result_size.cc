#include "agent/runner/result_size.h"

#include "absl/strings/str_cat.h"

#include "common/base/text.h"

namespace dbfleet::agent {
namespace {

constexpr size_t kMaxErrorBytes = 8 << 10;

void CutRows(work::v1::InspectResult* inspect, int64_t excess) {
  auto* rows = inspect->mutable_rows();
  while (excess > 0 && !rows->empty()) {
    excess -= static_cast<int64_t>(rows->Get(rows->size() - 1).ByteSizeLong());
    rows->RemoveLast();
  }
  inspect->set_truncated(true);
}

void RefusePlan(v1::Finished* finished, int64_t size, int64_t max_bytes) {
  finished->clear_result();
  finished->set_outcome(v1::OUTCOME_FAILED);
  finished->set_error_reason("PLAN_TOO_LARGE");
  finished->set_error_message(absl::StrCat("the plan has ", size, " bytes, at most ", max_bytes,
                                           " can be shown and approved; split the migration"));
}

}  // namespace

void FitIntoMessage(v1::Finished* finished, int64_t max_bytes) {
  finished->set_error_message(Truncate(
      SanitizeForDisplay(finished->error_message(), /*keep_newlines=*/true), kMaxErrorBytes));
  const int64_t size = static_cast<int64_t>(finished->ByteSizeLong());
  if (size <= max_bytes) return;
  work::v1::TaskResult* result = finished->mutable_result();
  if (result->has_inspect()) {
    CutRows(result->mutable_inspect(), size - max_bytes);
  } else if (result->has_plan()) {
    RefusePlan(finished, size, max_bytes);
  } else if (result->has_backup()) {
    result->mutable_backup()->clear_files();
    result->mutable_backup()->add_warnings(
        "the list of files was too long to be sent; it stands in the backup's manifest");
  }
}

}  // namespace dbfleet::agent

#include "controller/cli/plan_view.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "common/base/text.h"
#include "controller/cli/words.h"

namespace dbfleet::cli {
namespace {

using work::v1::Finding;
using work::v1::Plan;
using work::v1::Step;

std::string Clean(absl::string_view text) { return SanitizeForDisplay(text); }

// Every line of the statement, indented; none is left out, because it is what gets approved.
void AppendSql(const std::string& sql, std::string* out) {
  const std::string clean = SanitizeForDisplay(absl::StripAsciiWhitespace(sql), true);
  for (absl::string_view line : absl::StrSplit(clean, '\n')) {
    absl::StrAppend(out, "       ", line, "\n");
  }
}

std::string Sizes(const Step& step) {
  std::vector<std::string> parts;
  for (const auto& table : step.tables()) {
    parts.push_back(absl::StrCat(
        Clean(table.table()), " ",
        table.rows() < 0 ? std::string("of unknown size")
                         : absl::StrCat("~", table.rows(), " rows"),
        table.bytes() < 0 ? std::string() : absl::StrCat(" ", ShowBytes(table.bytes()))));
  }
  return absl::StrJoin(parts, ", ");
}

void AppendFinding(const Finding& finding, std::string* out) {
  absl::StrAppend(out, "       ", Word(finding.severity()), " ", Clean(finding.rule_id()), ": ",
                  Clean(finding.message()), "\n");
  if (!finding.advice().empty()) {
    absl::StrAppend(out, "         instead: ", Clean(finding.advice()), "\n");
  }
}

void AppendSteps(absl::string_view title, const google::protobuf::RepeatedPtrField<Step>& steps,
                 std::string* out) {
  if (steps.empty()) return;
  absl::StrAppend(out, "  ", title, "\n");
  for (const Step& step : steps) {
    const std::string sizes = Sizes(step);
    absl::StrAppend(out, "  ", step.index() + 1, ". ", Clean(step.file()), ":", step.line(), "  ",
                    Word(step.safety()), "  ", Word(step.kind()), sizes.empty() ? "" : "  ", sizes,
                    "\n");
    AppendSql(step.sql(), out);
    for (const std::string& reason : step.safety_reasons()) {
      absl::StrAppend(out, "       why ", Word(step.safety()), ": ", Clean(reason), "\n");
    }
    for (const Finding& finding : step.findings()) AppendFinding(finding, out);
  }
}

}  // namespace

std::string NothingToDo(const api::v1::Job& job) {
  const work::v1::MigrateSpec& spec = job.spec().migrate();
  const bool down = spec.direction() == work::v1::MIGRATE_DIRECTION_DOWN;
  std::vector<std::string> versions(spec.versions().begin(), spec.versions().end());
  const std::string which =
      !versions.empty() ? Clean(absl::StrJoin(versions, ", ")) : "every version of the change";
  return absl::StrCat("nothing to do: ", which, versions.size() > 1 ? " are " : " is ",
                      down ? "not applied" : "applied already");
}

int64_t EstimatedRows(const api::v1::Job& job) {
  int64_t total = 0;
  for (const api::v1::Task& task : job.tasks()) {
    if (!task.has_plan() || task.plan().estimated_rows() < 0) return -1;
    total += task.plan().estimated_rows();
  }
  return total;
}

std::string DescribePlan(const api::v1::Job& job, const api::v1::Task& task) {
  // A job that only plans leaves its plan as the result.
  const Plan& plan =
      task.has_plan() || !task.result().has_plan() ? task.plan() : task.result().plan();
  std::string out = absl::StrCat("Plan for ", Clean(task.target()), "\n");
  if (!task.has_plan() && !task.result().has_plan()) {
    return absl::StrCat(out, "  not planned yet\n");
  }
  if (plan.nothing_to_do()) absl::StrAppend(&out, "  ", NothingToDo(job), "\n");
  const std::vector<std::string> versions(plan.versions().begin(), plan.versions().end());
  if (!versions.empty()) {
    absl::StrAppend(&out, "  versions: ", Clean(absl::StrJoin(versions, ", ")), "\n");
  }
  if (plan.estimated_rows() >= 0 && !plan.forward().empty()) {
    absl::StrAppend(&out, "  estimated rows: ", plan.estimated_rows(), "\n");
  }
  for (const std::string& warning : plan.warnings()) {
    absl::StrAppend(&out, "  warning: ", Clean(warning), "\n");
  }
  AppendSteps("Statements", plan.forward(), &out);
  AppendSteps("Rollback, run by itself if a statement fails", plan.rollback(), &out);
  for (const std::string& text : plan.irreversible()) {
    absl::StrAppend(&out, "  CANNOT BE ROLLED BACK: ", Clean(text), "\n");
  }
  return out;
}

}  // namespace dbfleet::cli

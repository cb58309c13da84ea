#include <map>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/cron/cron_expression.h"
#include "common/proto_time/proto_time.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/window_view.h"
#include "controller/cli/words.h"
#include "dbfleet/api/v1/resource_service.grpc.pb.h"

namespace dbfleet::cli {

using api::v1::ListWindowOccurrencesRequest;
using api::v1::ListWindowOccurrencesResponse;
using api::v1::ResourceService;
using api::v1::WindowOccurrence;

std::string Moment(absl::Time time, const absl::TimeZone& zone) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%S%Ez", time, zone);
}

std::string KindOf(const WindowOccurrence& occurrence) {
  return occurrence.deny() ? "freeze" : "window";
}

std::string Selected(const WindowOccurrence& occurrence) {
  std::vector<std::string> words(occurrence.environments().begin(),
                                 occurrence.environments().end());
  if (words.empty()) words.push_back("all");
  std::map<std::string, std::string> labels(occurrence.labels().begin(), occurrence.labels().end());
  for (const auto& [key, value] : labels) words.push_back(absl::StrCat(key, "=", value));
  return absl::StrJoin(words, ",");
}

std::string Frozen(const WindowOccurrence& occurrence) {
  const auto names = [](const auto& freezes) {
    return absl::StrJoin(freezes, ", ", [](std::string* out, const std::string& freeze) {
      absl::StrAppend(out, ShortName(freeze));
    });
  };
  if (!occurrence.covered_by().empty()) {
    return absl::StrCat("covered by ", names(occurrence.covered_by()));
  }
  if (occurrence.partly_covered_by().empty()) return "";
  return absl::StrCat("in part: ", names(occurrence.partly_covered_by()));
}

namespace {

struct CalendarOptions {
  std::string month;  // "2026-12".
  std::string environment;
  std::string zone = "UTC";
};

absl::StatusOr<absl::CivilMonth> MonthOf(const CalendarOptions& options, absl::CivilMonth now) {
  if (options.month.empty()) return now;
  absl::CivilMonth month;
  if (absl::ParseCivilTime(options.month, &month)) return month;
  return Error(absl::StatusCode::kInvalidArgument, "BAD_MONTH",
               absl::StrCat("--month wants YEAR-MONTH, as in 2026-12, not \"",
                            SanitizeForDisplay(Truncate(options.month, 40)), "\""));
}

// "02:00-06:00", "22:00-24:00", "all day", "until 06:00", "from 22:00": the part that lies on this
// day, with the begin and the end that it has there.
std::string PartOf(absl::CivilDay day, const WindowOccurrence& occurrence,
                   const absl::TimeZone& zone) {
  const absl::Time begin = ToTime(occurrence.begin()), end = ToTime(occurrence.end());
  const absl::Time first = absl::FromCivil(day, zone), last = absl::FromCivil(day + 1, zone);
  const std::string from = absl::FormatTime("%H:%M", begin, zone);
  const std::string until =
      end == last ? std::string("24:00") : absl::FormatTime("%H:%M", end, zone);
  if (begin <= first && end >= last) return "all day";
  if (begin < first) return absl::StrCat("until ", until);
  if (end > last) return absl::StrCat("from ", from);
  return absl::StrCat(from, "-", until);
}

// The lines of one day; none if nothing lies on it.
void PrintDay(Shell& shell, absl::CivilDay day, const ListWindowOccurrencesResponse& found,
              const absl::TimeZone& zone) {
  const absl::Time first = absl::FromCivil(day, zone), last = absl::FromCivil(day + 1, zone);
  std::string title = absl::FormatTime("%a %d", first, zone);
  for (const WindowOccurrence& o : found.occurrences()) {
    if (ToTime(o.begin()) >= last || ToTime(o.end()) <= first) continue;
    shell.out() << title << "  " << KindOf(o) << "  " << PartOf(day, o, zone) << "  "
                << SanitizeForDisplay(ShortName(o.window())) << " ("
                << SanitizeForDisplay(Selected(o)) << ")"
                << (Frozen(o).empty() ? "" : "  " + SanitizeForDisplay(Frozen(o))) << "\n";
    title.assign(title.size(), ' ');
  }
}

absl::StatusOr<ListWindowOccurrencesResponse> OccurrencesOf(Shell& shell, absl::CivilMonth month,
                                                            const absl::TimeZone& zone,
                                                            const std::string& environment) {
  ListWindowOccurrencesRequest request;
  request.set_environment(environment);
  request.set_limit(1000);
  *request.mutable_from() = ToProto(absl::FromCivil(month, zone));
  *request.mutable_until() = ToProto(absl::FromCivil(month + 1, zone));
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  return client->Call<ResourceService>(&ResourceService::Stub::ListWindowOccurrences, request);
}

int RunCalendar(Shell& shell, const CalendarOptions& options) {
  const auto zone = LoadZone(options.zone);
  if (!zone.ok()) return shell.Fail(Annotate(zone.status(), "--tz"));
  const absl::CivilMonth current(absl::ToCivilMonth(shell.world().clock->Now(), *zone));
  const auto month = MonthOf(options, current);
  if (!month.ok()) return shell.Fail(month.status());
  const auto found = OccurrencesOf(shell, *month, *zone, options.environment);
  if (!found.ok()) return shell.Fail(found.status());
  if (found->more()) shell.Note("only the first 1,000 are shown; narrow it with -e");
  if (!shell.for_people()) {
    Listing listing;
    for (const WindowOccurrence& o : found->occurrences()) {
      listing.items.push_back({&o, o.window(), {}});
    }
    shell.PrintList(listing);
    return kExitOk;
  }
  shell.out() << absl::FormatTime("%B %Y", absl::FromCivil(*month, *zone), *zone) << " ("
              << SanitizeForDisplay(options.zone) << ")\n";
  for (absl::CivilDay day(*month); day < absl::CivilDay(*month + 1); ++day) {
    PrintDay(shell, day, *found, *zone);
  }
  if (found->occurrences().empty()) shell.out() << "no window and no freeze\n";
  return kExitOk;
}

}  // namespace

void AddCalendar(CLI::App& noun, Shell& shell) {
  auto calendar_options = std::make_shared<CalendarOptions>();
  CLI::App* calendar =
      AddVerb(noun, "calendar", "The windows and freezes of a month, by day", shell,
              [&shell, calendar_options] { return RunCalendar(shell, *calendar_options); });
  calendar->add_option("--month", calendar_options->month, "As in 2026-12; default: this one");
  calendar->add_option("-e,--environment", calendar_options->environment, "Only those for it");
  calendar->add_option("--tz", calendar_options->zone, "The IANA zone of the days; default UTC");
}

}  // namespace dbfleet::cli

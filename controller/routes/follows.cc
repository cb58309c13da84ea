#include "controller/routes/follows.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"

#include "common/base/text.h"
#include "common/config/values.h"
#include "common/proto_time/proto_time.h"
#include "controller/routes/checks.h"

namespace dbfleet::controller {
namespace {

constexpr const char* kFollowed[] = {"windows", "freezes", "changes"};
constexpr int kMostMatchers = 20;
constexpr int kMostTags = 10;
constexpr size_t kMostTagBytes = 100;  // Grafana's column.

// Paths are put behind it.
void CheckBase(const std::string& url, const std::string& field, config::Problems* problems) {
  if (url.find_first_of("?#") == std::string::npos) return;
  problems->Add(field,
                "must end with its path, without ? and #: what is asked for comes behind it");
}

void CompileSilences(Route* route, config::Problems* problems) {
  const resource::v1::SilencesReceiver& silences = route->spec.silences();
  CheckUrl(silences.url(), "spec.silences.url", silences.bearer_secret().empty(), problems);
  CheckBase(silences.url(), "spec.silences.url", problems);
  CheckSecret(silences.bearer_secret(), "spec.silences.bearer_secret", false, problems);
  const absl::Duration lease = FromProto(silences.lease());
  if (lease < absl::Minutes(5) || lease > absl::Hours(24)) {
    problems->Add("spec.silences.lease", "must be between 5m and 24h");
  }
  if (silences.matchers_size() < 1 || silences.matchers_size() > kMostMatchers) {
    problems->Add("spec.silences.matchers",
                  absl::StrCat("1 to ", kMostMatchers, " are wanted, or all alerts fall silent"));
  }
  bool narrows = false;
  for (int i = 0; i < silences.matchers_size(); ++i) {
    absl::StatusOr<AlertMatcher> matcher = AlertMatcher::Parse(silences.matchers(i));
    if (!matcher.ok()) {
      problems->Add(absl::StrCat("spec.silences.matchers[", i, "]"), matcher.status().message());
      continue;
    }
    narrows = narrows || matcher->Narrows();
    route->matchers.push_back(*std::move(matcher));
  }
  if (!narrows && silences.matchers_size() > 0) {
    problems->Add(
        "spec.silences.matchers",
        "one of them must name {{instance}}, {{environment}} or {{label:NAME}}, or have = "
        "and a value, or alerts of anything fall silent");
  }
}

void CheckGrafana(const resource::v1::GrafanaReceiver& grafana, config::Problems* problems) {
  CheckUrl(grafana.url(), "spec.grafana.url", false, problems);
  CheckBase(grafana.url(), "spec.grafana.url", problems);
  CheckSecret(grafana.bearer_secret(), "spec.grafana.bearer_secret", true, problems);
  if (grafana.panel_id() != 0 && grafana.dashboard_uid().empty()) {
    problems->Add("spec.grafana.panel_id", "is of no dashboard: dashboard_uid is missing");
  }
  if (grafana.panel_id() < 0) problems->Add("spec.grafana.panel_id", "must not be negative");
  if (grafana.dashboard_uid().size() > 40 || !IsPrintableAscii(grafana.dashboard_uid())) {
    problems->Add("spec.grafana.dashboard_uid", "a dashboard's uid is wanted");
  }
  if (grafana.tags_size() > kMostTags) {
    problems->Add("spec.grafana.tags", absl::StrCat("at most ", kMostTags, " are wanted"));
  }
  for (int i = 0; i < grafana.tags_size(); ++i) {
    const std::string& tag = grafana.tags(i);
    if (tag.empty() || tag.size() > kMostTagBytes || SanitizeForDisplay(tag) != tag) {
      problems->Add(absl::StrCat("spec.grafana.tags[", i, "]"),
                    "one line of at most 100 bytes is wanted");
    }
  }
}

}  // namespace

bool Route::Follows(absl::string_view what) const {
  return std::find(spec.follows().begin(), spec.follows().end(), what) != spec.follows().end();
}

void CompileFollows(Route* route, config::Problems* problems) {
  const resource::v1::NotificationRouteSpec& spec = route->spec;
  if (!route->follows()) {
    if (spec.follows_size() > 0) {
      problems->Add("spec.follows", "is for silences and grafana; other receivers have triggers");
    }
    return;
  }
  route->recipients.clear();
  if (spec.follows_size() == 0) {
    problems->Add("spec.follows", "is missing: windows, freezes or changes");
  }
  for (int i = 0; i < spec.follows_size(); ++i) {
    if (std::find(std::begin(kFollowed), std::end(kFollowed), spec.follows(i)) !=
        std::end(kFollowed)) {
      continue;
    }
    problems->Add(absl::StrCat("spec.follows[", i, "]"),
                  absl::StrCat("windows, freezes or changes is wanted, not ",
                               config::ShownValue(spec.follows(i))));
  }
  if (spec.selector().job_kinds_size() > 0) {
    problems->Add("spec.selector.job_kinds", "is not for silences and grafana");
  }
  if (spec.has_template_()) problems->Add("spec.template", "is not for silences and grafana");
  if (spec.has_silences()) CompileSilences(route, problems);
  if (spec.has_grafana()) CheckGrafana(spec.grafana(), problems);
}

}  // namespace dbfleet::controller

#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/config/problems.h"
#include "controller/routes/alert_matcher.h"
#include "controller/routes/text_template.h"
#include "controller/routes/triggers.h"
#include "dbfleet/resource/v1/notification_route.pb.h"

namespace dbfleet::controller {

inline constexpr absl::string_view kRouteKind = "NotificationRoute";
// The kind of the rows for what is kept at receivers; none that can be declared.
inline constexpr absl::string_view kFollowedSpanKind = "FollowedSpan";

// An instance that an event is about.
struct EventInstance {
  std::string id;
  std::map<std::string, std::string> labels;
};

// What selectors look at.
struct EventPlace {
  std::vector<std::string> environments;  // Empty: of none.
  bool everywhere = false;                // Of every environment.
  std::string job_kind;                   // "" if it is no job's.
  std::vector<EventInstance> instances;
};

// A declared route, compiled. Immutable.
struct Route {
  std::string name;
  resource::v1::NotificationRouteSpec spec;
  std::string receiver;  // "webhook", "slack", ...: which of them `spec` has.
  std::set<std::string> triggers;
  TextTemplate title;  // Empty: the default.
  TextTemplate body;
  // Each of these gets a message of its own: addresses of mail, or one "" for other receivers.
  std::vector<std::string> recipients;
  std::vector<AlertMatcher> matchers;  // Of silences.

  // Incidents and alerts: what was told is taken back when it is over.
  bool alerts() const { return receiver == "pagerduty" || receiver == "alertmanager"; }
  // Silences and annotations: of what begins and ends, not of events.
  bool follows() const { return receiver == "silences" || receiver == "grafana"; }
  bool Follows(absl::string_view what) const;  // "windows", "freezes", "changes".
  bool looks_at_instances() const {
    return spec.selector().instances_size() > 0 || spec.selector().labels_size() > 0;
  }
  bool Selects(const EventPlace& place) const;
};

void FillRoute(resource::v1::NotificationRoute* manifest);

// What is wrong goes to `problems`, and then the route must not be used.
Route CompileRoute(const resource::v1::NotificationRoute& manifest, config::Problems* problems);

// "HOST" or "HOST:PORT" of an http(s) URL in lower case, without the scheme's own port; "" if it is
// none, or has a user in it.
std::string HostOf(absl::string_view url);

}  // namespace dbfleet::controller

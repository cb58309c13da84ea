#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "controller/notify/outgoing.h"
#include "controller/notify/route_secrets.h"
#include "controller/routes/alert_matcher.h"
#include "dbfleet/store/v1/window_state.pb.h"

// The requests that make, move, find and end a silence of an Alertmanager (API v2; what is said
// below of its behaviour was seen of 0.25) or an annotation of a Grafana, and what their answers
// mean.
namespace dbfleet::controller {

enum class SpanStep {
  kPut,   // Makes it, or gives it another end or other matchers.
  kFind,  // Is there one of ours, by the key in its comment or its tags?
  kRead,  // Of a silence: how does it stand?
  kEnd,
};

// How it stands at its receiver, as far as an answer tells.
struct SpanAnswer {
  bool found = true;
  std::string remote_id;
  std::string start;  // Of a silence, word for word: with another one an update makes a new one.
  absl::Time end = absl::InfinitePast();
  bool expired = false;
  std::string matchers;  // Of a silence that was found, as MatchersJson has them; "": unreadable.
};

// `key`: of the span, never used twice. `start`: what kRead told. FAILED_PRECONDITION: see
// RouteSecrets.
absl::StatusOr<Outgoing> MakeSpanCall(const store::v1::FollowedSpan& span, const std::string& key,
                                      SpanStep step, const std::string& start,
                                      const RouteSecrets& secrets);

// Of an answer with a status of 200 to 299. UNAVAILABLE (UNEXPECTED_ANSWER).
absl::StatusOr<SpanAnswer> ReadSpanAnswer(const store::v1::FollowedSpan& span,
                                          const std::string& key, SpanStep step,
                                          const std::string& body);

// As Alertmanager takes them.
std::string MatchersJson(const std::vector<AlertMatcher::Rendered>& matchers);

}  // namespace dbfleet::controller

#include "controller/notify/span_calls.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "nlohmann/json.hpp"

#include "common/base/status.h"
#include "common/proto_time/proto_time.h"
#include "controller/routes/route.h"

namespace dbfleet::controller {
namespace {

using Json = nlohmann::json;
using Method = transfer::Request::Method;

constexpr size_t kMostFound = 4 << 20;
constexpr size_t kMostFilters = 6000;  // Bytes; proxies take 8 KiB of a request's line.
constexpr size_t kMostIdBytes = 64;

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string Rfc3339(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

// What is not unreserved (RFC 3986, 2.3) as %XX.
std::string UrlEncoded(absl::string_view text) {
  std::string out;
  for (const char c : text) {
    if (absl::ascii_isalnum(c) || absl::StrContains("-._~", absl::string_view(&c, 1))) {
      out.push_back(c);
    } else {
      absl::StrAppend(&out, "%", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    }
  }
  return out;
}

std::string FilterOf(const Json& matcher) {
  const std::string op = absl::StrCat(matcher.value("isEqual", true) ? "=" : "!=",
                                      matcher.value("isRegex", false) ? "~" : "");
  return absl::StrCat(
      "filter=", UrlEncoded(absl::StrCat(matcher.value("name", ""), op == "!=~" ? "!~" : op, "\"",
                                         absl::StrReplaceAll(matcher.value("value", ""),
                                                             {{"\\", "\\\\"}, {"\"", "\\\""}}),
                                         "\"")));
}

// Alertmanager's filters find silences that have these very matchers, all of them: an answer is too
// large only if so much of ours is there. What would make the URL longer than servers take is left
// out, the shortest filter never.
std::string FiltersOf(const std::string& matchers) {
  const Json parsed = Json::parse(matchers, nullptr, false);
  if (!parsed.is_array()) return "";
  std::vector<std::string> filters;
  for (const Json& matcher : parsed) filters.push_back(FilterOf(matcher));
  std::stable_sort(filters.begin(), filters.end(),
                   [](const auto& a, const auto& b) { return a.size() < b.size(); });
  std::string all;
  for (const std::string& filter : filters) {
    if (!all.empty() && all.size() + filter.size() > kMostFilters) break;
    absl::StrAppend(&all, all.empty() ? "?" : "&", filter);
  }
  return all;
}

std::string CommentOf(const store::v1::FollowedSpan& span, const std::string& key) {
  return absl::StrCat(span.text(), " [dbfleet ", key, "]");
}

std::string TagOf(const std::string& key) { return absl::StrCat("dbfleet-", key); }

void Silence(const store::v1::FollowedSpan& span, const std::string& key, SpanStep step,
             const std::string& start, const std::string& url, transfer::Request* request) {
  const std::string one = absl::StrCat(url, "/api/v2/silence/", span.remote_id());
  switch (step) {
    case SpanStep::kPut: {
      request->url = Secret(absl::StrCat(url, "/api/v2/silences"));
      Json body = {{"matchers", Json::parse(span.sent_matchers(), nullptr, false)},
                   {"startsAt", start.empty() ? Rfc3339(FromProto(span.begin())) : start},
                   {"endsAt", Rfc3339(FromProto(span.sent_end()))},
                   {"createdBy", "dbfleet"},
                   {"comment", CommentOf(span, key)}};
      if (!span.remote_id().empty()) body["id"] = span.remote_id();
      request->body = Dump(body);
      return;
    }
    case SpanStep::kFind:
      request->method = Method::kGet;
      request->most_body = kMostFound;
      request->url = Secret(absl::StrCat(url, "/api/v2/silences", FiltersOf(span.sent_matchers())));
      return;
    case SpanStep::kRead:
      request->method = Method::kGet;
      request->most_body = kMostFound;
      request->url = Secret(one);
      return;
    case SpanStep::kEnd:
      request->method = Method::kDelete;
      request->url = Secret(one);
      return;
  }
}

void Annotation(const store::v1::FollowedSpan& span, const std::string& key, SpanStep step,
                const std::string& url, transfer::Request* request) {
  const std::string all = absl::StrCat(url, "/api/annotations");
  if (step == SpanStep::kFind) {
    request->method = Method::kGet;
    request->most_body = kMostFound;
    request->url =
        Secret(absl::StrCat(all, "?type=annotation&limit=10&tags=", UrlEncoded(TagOf(key))));
    return;
  }
  Json body = Json::object();
  if (span.has_sent_end()) body["timeEnd"] = absl::ToUnixMillis(FromProto(span.sent_end()));
  if (!span.remote_id().empty()) {
    request->method = Method::kPatch;
    request->url = Secret(absl::StrCat(all, "/", span.remote_id()));
    request->body = Dump(body);
    return;
  }
  const resource::v1::GrafanaReceiver& grafana = span.spec().grafana();
  body["time"] = absl::ToUnixMillis(FromProto(span.begin()));
  body["text"] = span.text();
  body["tags"] = {"dbfleet", span.kind(), TagOf(key)};
  for (const std::string& tag : grafana.tags()) body["tags"].push_back(tag);
  if (!grafana.dashboard_uid().empty()) body["dashboardUID"] = grafana.dashboard_uid();
  if (grafana.panel_id() > 0) body["panelId"] = grafana.panel_id();
  request->url = Secret(all);
  request->body = Dump(body);
}

absl::Status Unexpected(absl::string_view what) {
  return Error(absl::StatusCode::kUnavailable, "UNEXPECTED_ANSWER", what);
}

// It becomes part of a URL.
bool IsId(const std::string& id) {
  return !id.empty() && id.size() <= kMostIdBytes && std::all_of(id.begin(), id.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '-' || c == '_';
  });
}

std::string Text(const Json& json, const char* name) {
  const auto it = json.find(name);
  return it != json.end() && it->is_string() ? it->get<std::string>() : "";
}

// "" if they are not what Alertmanager's contract says.
std::string MatchersIn(const Json& silence) {
  const auto matchers = silence.find("matchers");
  if (matchers == silence.end() || !matchers->is_array()) return "";
  std::vector<AlertMatcher::Rendered> found;
  const auto flag = [](const Json& json, const char* name, bool otherwise) {
    const auto it = json.find(name);
    return it != json.end() && it->is_boolean() ? it->get<bool>() : otherwise;
  };
  for (const Json& matcher : *matchers) {
    if (!matcher.is_object()) return "";
    found.push_back({Text(matcher, "name"), Text(matcher, "value"), flag(matcher, "isRegex", false),
                     flag(matcher, "isEqual", true)});
  }
  return MatchersJson(found);
}

absl::StatusOr<SpanAnswer> SilenceIn(const Json& json) {
  SpanAnswer answer;
  answer.remote_id = Text(json, "id");
  answer.start = Text(json, "startsAt");
  const auto status = json.find("status");
  if (!IsId(answer.remote_id) || status == json.end() || !status->is_object() ||
      !absl::ParseTime(absl::RFC3339_full, Text(json, "endsAt"), &answer.end, nullptr)) {
    return Unexpected("a silence without id, status and endsAt");
  }
  answer.expired = Text(*status, "state") == "expired";
  return answer;
}

absl::StatusOr<SpanAnswer> ReadSilences(const std::string& key, SpanStep step, const Json& json) {
  SpanAnswer answer;
  if (step == SpanStep::kPut) {
    answer.remote_id = json.is_object() ? Text(json, "silenceID") : "";
    if (!IsId(answer.remote_id)) return Unexpected("no silenceID");
    return answer;
  }
  if (step == SpanStep::kRead) {
    if (!json.is_object()) return Unexpected("no silence");
    return SilenceIn(json);
  }
  if (!json.is_array()) return Unexpected("no list of silences, or one that is too long");
  const std::string mark = absl::StrCat("[dbfleet ", key, "]");
  for (const Json& item : json) {
    if (!item.is_object() || !absl::EndsWith(Text(item, "comment"), mark)) continue;
    ASSIGN_OR_RETURN(SpanAnswer found, SilenceIn(item));
    if (found.expired) continue;
    found.matchers = MatchersIn(item);
    return found;
  }
  answer.found = false;
  return answer;
}

absl::StatusOr<SpanAnswer> ReadAnnotations(const std::string& key, SpanStep step, bool made_before,
                                           const Json& json) {
  SpanAnswer answer;
  const auto take = [&](const Json& item) -> absl::Status {
    const auto id = item.find("id");
    if (id == item.end() || !id->is_number_integer()) return Unexpected("an annotation without id");
    answer.remote_id = absl::StrCat(id->get<int64_t>());
    return absl::OkStatus();
  };
  if (step == SpanStep::kPut && !made_before) {
    if (!json.is_object()) return Unexpected("no annotation's id");
    RETURN_IF_ERROR(take(json));
    return answer;
  }
  if (step != SpanStep::kFind) return answer;
  if (!json.is_array()) return Unexpected("no list of annotations, or one that is too long");
  for (const Json& item : json) {
    const auto tags = item.is_object() ? item.find("tags") : item.end();
    if (!item.is_object() || tags == item.end() || !tags->is_array()) continue;
    if (std::find(tags->begin(), tags->end(), Json(TagOf(key))) == tags->end()) continue;
    RETURN_IF_ERROR(take(item));
    return answer;
  }
  answer.found = false;
  return answer;
}

}  // namespace

absl::StatusOr<Outgoing> MakeSpanCall(const store::v1::FollowedSpan& span, const std::string& key,
                                      SpanStep step, const std::string& start,
                                      const RouteSecrets& secrets) {
  const bool silence = span.receiver() == "silences";
  const std::string secret =
      silence ? span.spec().silences().bearer_secret() : span.spec().grafana().bearer_secret();
  std::string url = silence ? span.spec().silences().url() : span.spec().grafana().url();
  Outgoing out;
  out.host = HostOf(url);
  while (absl::EndsWith(url, "/")) url.pop_back();
  if (silence) {
    Silence(span, key, step, start, url, &out.request);
  } else {
    Annotation(span, key, step, url, &out.request);
  }
  out.request.headers.push_back(Secret("Content-Type: application/json"));
  out.request.headers.push_back(Secret("Accept: application/json"));
  if (!secret.empty()) {
    ASSIGN_OR_RETURN(const Secret token, secrets.Get(secret, span.receiver(), out.host));
    out.hidden.Add(token.Reveal());
    out.request.headers.push_back(Secret(absl::StrCat("Authorization: Bearer ", token.Reveal())));
  }
  return out;
}

absl::StatusOr<SpanAnswer> ReadSpanAnswer(const store::v1::FollowedSpan& span,
                                          const std::string& key, SpanStep step,
                                          const std::string& body) {
  if (step == SpanStep::kEnd) return SpanAnswer();
  const Json json = Json::parse(body, nullptr, false);
  return span.receiver() == "silences"
             ? ReadSilences(key, step, json)
             : ReadAnnotations(key, step, !span.remote_id().empty(), json);
}

std::string MatchersJson(const std::vector<AlertMatcher::Rendered>& matchers) {
  Json json = Json::array();
  for (const AlertMatcher::Rendered& matcher : matchers) {
    json.push_back({{"name", matcher.name},
                    {"value", matcher.value},
                    {"isRegex", matcher.regex},
                    {"isEqual", matcher.equal}});
  }
  return Dump(json);
}

}  // namespace dbfleet::controller

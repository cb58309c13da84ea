#include "controller/notify/span_keeper.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/concurrency/backoff.h"
#include "common/log/log.h"
#include "common/proto_time/proto_time.h"
#include "controller/notify/silence_parts.h"

namespace dbfleet::controller {
namespace {

std::string IdOf(absl::string_view key) { return absl::StrCat("followedspans/", key); }

// What the row keeps of its route.
resource::v1::NotificationRouteSpec KeptOf(const Route& route) {
  resource::v1::NotificationRouteSpec kept;
  if (route.spec.has_silences()) *kept.mutable_silences() = route.spec.silences();
  if (route.spec.has_grafana()) *kept.mutable_grafana() = route.spec.grafana();
  return kept;
}

}  // namespace

SpanKeeper::SpanKeeper(Store& store, const SteadyTime& time, transfer::Client& client,
                       const RouteSecrets& secrets, metrics::Registry& registry, Post post,
                       double (*random)())
    : store_(store),
      time_(time),
      client_(client),
      secrets_(secrets),
      post_(std::move(post)),
      random_(random == nullptr ? &UniformRandom : random),
      lanes_(random_),
      silences_(registry.GetGauge("dbfleet_followed_silences",
                                  "Silences that are kept at Alertmanagers.")),
      annotations_(registry.GetGauge("dbfleet_followed_annotations",
                                     "Annotations that are kept at Grafanas.")),
      failures_(registry.GetCounter("dbfleet_followed_failures_total",
                                    "Requests for silences and annotations that failed.")) {}

absl::Status SpanKeeper::Load(ReadTx& tx) {
  PageRequest page{1000, ""};
  do {
    ASSIGN_OR_RETURN(Page<Resource> found, tx.ListResources(kFollowedSpanKind, page));
    for (Resource& resource : found.items) {
      auto row = std::make_unique<Row>();
      row->key = resource.id.substr(IdOf("").size());
      if (!row->span.ParseFromString(resource.blob)) {
        log::Error("a followed span cannot be read and is left alone", {{"id", resource.id}});
        continue;
      }
      row->resource = std::move(resource);
      rows_[row->key] = std::move(row);
    }
    page.token = found.next_token;
  } while (!page.token.empty());
  loaded_ = true;
  return absl::OkStatus();
}

absl::StatusOr<absl::Duration> SpanKeeper::Tick(absl::Time now) {
  const bool looked = !loaded_ || time_.Passed() >= look_at_;
  if (looked) {
    std::vector<WantedSpan> wanted;
    RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
      if (!loaded_) RETURN_IF_ERROR(Load(tx));
      RETURN_IF_ERROR(book_.Refresh(tx));
      ASSIGN_OR_RETURN(wanted, source_.Find(tx, book_, now));
      return absl::OkStatus();
    }));
    Follow(wanted, now);
    look_at_ = time_.Passed() + kPulse;
  }
  std::vector<std::pair<Row*, SpanStep>> calls;
  std::vector<Row*> written;
  std::map<std::string, int> begun;
  for (auto& [key, row] : rows_) {
    if (written.size() >= kMostWritten) break;
    SpanStep step = SpanStep::kPut;
    if (!row->under_way && !stopped_ && row->next <= time_.Passed()) {
      switch (DecideSpan(*row, now, &step)) {
        case SpanNext::kNothing:
          break;
        case SpanNext::kForget:
          row->remove = true;
          break;
        case SpanNext::kCall:
          if (lanes_.Room(row->span.route(), time_.Passed()) <= begun[row->span.route()]) break;
          ++begun[row->span.route()];
          PrepareSpan(step, now, row.get());
          calls.push_back({row.get(), step});
          break;
      }
    }
    if (row->dirty || row->remove) written.push_back(row.get());
  }
  if (!written.empty() || !lost_.empty()) RETURN_IF_ERROR(Write(written, now));
  for (const auto& [row, step] : calls) Begin(row, step);
  int silences = 0, annotations = 0;
  for (const auto& [key, row] : rows_) {
    if (row->span.remote_id().empty() || row->span.over()) continue;
    ++(row->span.receiver() == "silences" ? silences : annotations);
  }
  silences_.Set(silences);
  annotations_.Set(annotations);
  return rows_.empty() && looked ? kIdlePulse : kPulse;
}

// One for an annotation, one or more for silences; those that say too much are told once.
std::vector<SpanKeeper::Wanted> SpanKeeper::Parts(const std::vector<WantedSpan>& spans) {
  std::vector<Wanted> wanted;
  std::set<Name> too_large;
  for (const WantedSpan& span : spans) {
    const std::shared_ptr<const Route> route = book_.Find(span.route);
    if (route == nullptr) continue;
    if (route->receiver != "silences") {
      wanted.push_back({{span.route, span.subject}, &span, route, ""});
      continue;
    }
    for (const SilencePart& part : SilencePartsOf(route->matchers, span.targets)) {
      const Name name(span.route, absl::StrCat(span.subject, part.where));
      std::string matchers = MatchersJson(part.matchers);
      if (matchers.size() <= kMostMatcherBytes) {
        wanted.push_back({name, &span, route, std::move(matchers)});
        continue;
      }
      too_large.insert(name);
      if (too_large_.count(name) > 0) continue;
      lost_.push_back({name, absl::StrCat("TOO_LARGE: the silence would name too many instances (",
                                          matchers.size(), " bytes, at most ", kMostMatcherBytes,
                                          "); let its matchers name {{environment}}")});
      log::Warn("a silence is not made",
                {{"route", name.first}, {"subject", name.second}, {"error", lost_.back().second}});
    }
  }
  too_large_ = std::move(too_large);
  return wanted;
}

void SpanKeeper::Follow(const std::vector<WantedSpan>& spans, absl::Time now) {
  std::map<Name, Row*> live;
  for (auto& [key, row] : rows_) {
    if (!row->span.over()) live[{row->span.route(), row->span.subject()}] = row.get();
  }
  for (const Wanted& wanted : Parts(spans)) {
    const auto found = live.find(wanted.name);
    Row* row = found == live.end() ? nullptr : found->second;
    if (found != live.end()) live.erase(found);
    // The route was declared otherwise: its former silence ends, and another one begins.
    if (row != nullptr &&
        row->span.spec().SerializeAsString() != KeptOf(*wanted.route).SerializeAsString()) {
      Finish(row, now);
      row = nullptr;
    }
    if (row == nullptr) row = Insert(wanted, now);
    if (row != nullptr) Adapt(*wanted.span, wanted.matchers, row);
  }
  for (const auto& [name, row] : live) {
    row->gone_since = std::min(row->gone_since, now);
    const bool lingers = row->span.kind() == "change" && book_.Find(name.first) != nullptr;
    if (lingers && now - row->gone_since < kLinger) continue;
    Finish(row, std::min(row->gone_since, EndOf(row->span)));
  }
}

// nullptr: there are too many.
SpanKeeper::Row* SpanKeeper::Insert(const Wanted& wanted, absl::Time now) {
  if (rows_.size() >= kMostRows) {
    if (!std::exchange(full_, true)) {
      log::Warn("no further silences and annotations are begun: too many are kept",
                {{"most", absl::StrCat(kMostRows)}});
    }
    return nullptr;
  }
  full_ = false;
  auto row = std::make_unique<Row>();
  row->key = NewUlid(now);
  row->dirty = true;
  Span& span = row->span;
  span.set_route(wanted.name.first);
  span.set_subject(wanted.name.second);
  *span.mutable_spec() = KeptOf(*wanted.route);
  span.set_receiver(wanted.route->receiver);
  span.set_kind(wanted.span->kind);
  span.set_text(wanted.span->text);
  *span.mutable_begin() = ToProto(WholeMillis(std::min(wanted.span->begin, now)));
  Row* const inserted = row.get();
  rows_[row->key] = std::move(row);
  return inserted;
}

// Gives the row another end or other matchers, if they are.
void SpanKeeper::Adapt(const WantedSpan& wanted, const std::string& matchers, Row* live) {
  live->gone_since = absl::InfiniteFuture();
  Span& span = live->span;
  const absl::Time end =
      wanted.end == absl::InfiniteFuture() ? wanted.end : WholeMillis(wanted.end);
  if (EndOf(span) != end) {
    if (end == absl::InfiniteFuture()) {
      span.clear_end();
    } else {
      *span.mutable_end() = ToProto(end);
    }
    live->dirty = true;
  }
  if (span.matchers() == matchers) return;
  span.set_matchers(matchers);
  live->dirty = true;
}

void SpanKeeper::Finish(Row* row, absl::Time end) {
  row->span.set_over(true);
  *row->span.mutable_end() = ToProto(WholeMillis(std::max(end, FromProto(row->span.begin()))));
  row->dirty = true;
  row->next = absl::ZeroDuration();
  row->failures = 0;
}

absl::Status SpanKeeper::Write(std::vector<Row*> rows, absl::Time now) {
  std::vector<Resource> stored;
  const auto tell = [](WriteTx& tx, const Name& name, const std::string& error) {
    return tx.AppendAudit({"system/notify",
                           "notification.failed",
                           absl::StrCat("notificationroutes/", name.first),
                           "",
                           {{"count", "1"}, {"subject", name.second}, {"error", error}}});
  };
  const absl::Status status = store_.MutateAndWait([&](WriteTx& tx) -> absl::Status {
    stored.clear();
    for (const auto& [name, error] : lost_) RETURN_IF_ERROR(tell(tx, name, error));
    for (const Row* row : rows) {
      Resource resource = row->resource;
      if (row->remove) {
        if (!resource.id.empty()) RETURN_IF_ERROR(tx.DeleteResource(resource));
        if (!row->error.empty()) {
          RETURN_IF_ERROR(tell(tx, {row->span.route(), row->span.subject()}, row->error));
        }
        stored.push_back(std::move(resource));
        continue;
      }
      resource.blob = row->span.SerializeAsString();
      resource.update_time = now;
      if (resource.id.empty()) {
        resource.id = IdOf(row->key);
        resource.kind = std::string(kFollowedSpanKind);
        resource.creator = resource.editor = "system/notify";
        resource.create_time = now;
        RETURN_IF_ERROR(tx.InsertResource(&resource));
      } else {
        RETURN_IF_ERROR(tx.UpdateResource(&resource));
      }
      stored.push_back(std::move(resource));
    }
    return absl::OkStatus();
  });
  RETURN_IF_ERROR(status);
  lost_.clear();
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i]->resource = std::move(stored[i]);
    rows[i]->dirty = false;
  }
  std::erase_if(rows_, [](const auto& entry) { return entry.second->remove; });
  return absl::OkStatus();
}

void SpanKeeper::Begin(Row* row, SpanStep step) {
  row->under_way = true;
  lanes_.Begin(row->span.route());
  const std::string key = row->key;
  absl::StatusOr<Outgoing> out = MakeSpanCall(row->span, key, step, row->start, secrets_);
  if (!out.ok()) {
    Verdict verdict;
    verdict.definite = true;
    verdict.words = absl::StrCat(ReasonOf(out.status()), ": ", Hide(out.status().message(), {}));
    return End(key, step, 400, verdict, SpanAnswer());
  }
  client_.Start(std::move(out->request), [this, key, step, span = row->span, hidden = out->hidden](
                                             absl::StatusOr<transfer::Response> result) {
    if (!result.ok() && ReasonOf(result.status()) == "STOPPED") return;
    absl::StatusOr<SpanAnswer> answer = SpanAnswer();
    const Verdict verdict = Judge(result, hidden, false);
    if (verdict.delivered) answer = ReadSpanAnswer(span, key, step, result->body);
    post_([this, key, step, verdict, answer, code = result.ok() ? result->code : 0] {
      End(key, step, code, verdict, answer);
    });
  });
}

void SpanKeeper::End(const std::string& key, SpanStep step, int code, const Verdict& verdict,
                     const absl::StatusOr<SpanAnswer>& answer) {
  const auto found = rows_.find(key);
  if (found == rows_.end()) return;
  Row* const row = found->second.get();
  row->under_way = false;
  const bool alive = verdict.delivered || verdict.definite || verdict.retry_after.has_value();
  lanes_.End(row->span.route(), alive, time_.Passed());
  const bool read = step == SpanStep::kRead;
  if (step != SpanStep::kRead) row->was_read = false;
  if (verdict.delivered && answer.ok()) {
    TakeSpanAnswer(step, *answer, row);
    // Looking is no progress: what fails behind each look is tried less and less often.
    if (!read && (step != SpanStep::kFind || answer->found)) {
      row->failures = 0;
      row->error.clear();
    }
    return;
  }
  if (TakeSpanRefusal(step, code, row)) return;
  row->error = verdict.delivered ? std::string(answer.status().message()) : verdict.words;
  ++row->failures;
  failures_.Increment();
  absl::Duration wait = std::min(kLongestDelay, NextDelay(row->failures, random_()));
  if (verdict.definite) wait = kLongestDelay;  // Until somebody has put it right.
  if (verdict.retry_after.has_value()) {
    lanes_.Pause(row->span.route(), *verdict.retry_after, time_.Passed());
  }
  row->next = time_.Passed() + wait;
}

}  // namespace dbfleet::controller

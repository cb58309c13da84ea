#include "controller/notify/window_watch.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/status.h"
#include "common/log/log.h"
#include "common/proto_time/proto_time.h"
#include "controller/notify/facts.h"
#include "dbfleet/store/v1/window_state.pb.h"

namespace dbfleet::controller {
namespace {

using Kind = WindowEdge::Kind;
using Cause = WindowEdge::Cause;

// What ended before was not looked at by anybody.
constexpr char kWatchedSince[] = "windows.watched_since";
// Of a former version, which told windows by time: until when. It is taken over once.
constexpr char kToldUntil[] = "windows.told_until";
constexpr int kMostDeletions = 1000;  // Records that are gone through for who deleted a window.
// An opening further ahead than the horizon of windows/window.h is found in time.
constexpr absl::Duration kLongestQuiet = absl::Hours(1);

std::string Moment(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

std::string IdOf(absl::string_view name) { return absl::StrCat("toldwindows/", name); }

absl::StatusOr<ToldWindow> Decode(const Resource& row) {
  store::v1::ToldWindow stored;
  if (!stored.ParseFromString(row.blob)) {
    return Error(absl::StatusCode::kDataLoss, "STORE_CORRUPT",
                 absl::StrCat("the stored ", row.id, " cannot be read"));
  }
  ToldWindow told;
  told.name = row.id.substr(IdOf("").size());
  told.open = stored.open();
  told.span = {FromProto(stored.begin()), FromProto(stored.end())};
  if (stored.has_until()) told.until = FromProto(stored.until());
  told.uid = stored.uid();
  told.effect = stored.freeze() ? WindowEffect::kDeny : WindowEffect::kAllow;
  told.environments.assign(stored.environments().begin(), stored.environments().end());
  told.labels.insert(stored.labels().begin(), stored.labels().end());
  return told;
}

std::string Encode(const ToldWindow& told) {
  store::v1::ToldWindow stored;
  stored.set_open(told.open);
  *stored.mutable_begin() = ToProto(told.span.begin);
  *stored.mutable_end() = ToProto(told.span.end);
  if (!told.open) *stored.mutable_until() = ToProto(told.until);
  stored.set_uid(told.uid);
  stored.set_freeze(told.effect == WindowEffect::kDeny);
  stored.mutable_environments()->Add(told.environments.begin(), told.environments.end());
  stored.mutable_labels()->insert(told.labels.begin(), told.labels.end());
  return stored.SerializeAsString();
}

// `unreadable`: by the names of their windows; nothing else has to wait for them.
absl::StatusOr<std::map<std::string, std::pair<Resource, ToldWindow>>> Rows(
    ReadTx& tx, std::map<std::string, Resource>* unreadable) {
  std::map<std::string, std::pair<Resource, ToldWindow>> rows;
  PageRequest page{1000, ""};
  do {
    ASSIGN_OR_RETURN(Page<Resource> found, tx.ListResources(kToldWindowKind, page));
    for (Resource& row : found.items) {
      absl::StatusOr<ToldWindow> told = Decode(row);
      if (!told.ok()) {
        std::string name = row.id.substr(IdOf("").size());
        (*unreadable)[std::move(name)] = std::move(row);
        continue;
      }
      rows[told->name] = {std::move(row), *told};
    }
    page.token = found.next_token;
  } while (!page.token.empty());
  return rows;
}

absl::string_view Verb(Kind kind) {
  switch (kind) {
    case Kind::kOpen:
      return "window.open";
    case Kind::kExtend:
      return "window.extend";
    case Kind::kShorten:
      return "window.shorten";
    case Kind::kClose:
      break;
  }
  return "window.close";
}

absl::string_view Why(Cause cause) {
  switch (cause) {
    case Cause::kPlanned:
      return "";
    case Cause::kEdited:
      return "it was changed";
    case Cause::kReplaced:
      return "it was declared anew";
    case Cause::kDeleted:
      return "it was deleted";
    case Cause::kClock:
      break;
  }
  return "the clock was set back";
}

// Who deleted it, "" if nobody knows any more.
absl::StatusOr<std::string> Deleter(ReadTx& tx, const std::string& resource) {
  // The trail lists by prefix: what belongs to nightly-2 comes among the records of nightly.
  PageRequest page{200, ""};
  for (int seen = 0; seen < kMostDeletions; seen += page.size) {
    ASSIGN_OR_RETURN(const Page<AuditRow> last, tx.ListAudit({resource, ""}, page));
    for (const AuditRow& row : last.items) {
      if (row.entry.resource == resource && row.entry.action == "resource.delete") {
        return row.entry.actor;
      }
    }
    if (last.next_token.empty()) break;
    page.token = last.next_token;
  }
  return std::string();
}

// As the former version had told it until then.
ToldWindow ToldBefore(const DeclaredWindow& declared, absl::Time until) {
  if (declared.change_time > until) return ToldWindow();
  const std::optional<Span> span = NextCoverage(declared.window.times, until);
  if (!span.has_value() || !span->Contains(until)) return ToldWindow();
  return After(&declared, ToldWindow(), {Kind::kOpen, Cause::kPlanned, until, *span});
}

// nullopt: no former version told anything, or the clock was set back since.
absl::StatusOr<std::optional<absl::Time>> FormerlyUntil(ReadTx& tx, absl::Time now) {
  ASSIGN_OR_RETURN(const std::string setting, tx.GetSetting(kToldUntil));
  int64_t nanoseconds = 0;
  if (!absl::SimpleAtoi(setting, &nanoseconds)) return std::optional<absl::Time>();
  const absl::Time until = absl::FromUnixNanos(nanoseconds);
  if (until - now > kWatchSlack) return std::optional<absl::Time>();
  return std::optional<absl::Time>(std::min(until, now));
}

absl::Status Record(WriteTx& tx, const DeclaredWindow* declared, const WindowEdge& edge,
                    const ToldWindow& told) {
  const bool deny = told.effect == WindowEffect::kDeny;
  const std::string resource = absl::StrCat("maintenancewindows/", told.name);
  const std::string what = absl::StrCat(deny ? "a freeze" : "a window", " from ",
                                        Moment(edge.span.begin), " to ", Moment(edge.span.end));
  std::map<std::string, std::string> details = {
      {"effect", deny ? "freeze" : "window"},
      {"environments", told.environments.empty() ? std::string(kEverywhere)
                                                 : absl::StrJoin(told.environments, ",")},
      {"begin", Moment(edge.span.begin)},
      {"end", Moment(edge.span.end)},
      {"reason", what}};
  const std::string why(Why(edge.cause));
  if (!why.empty()) {
    std::string by = declared == nullptr ? "" : declared->editor;
    if (edge.cause == Cause::kDeleted) {
      ASSIGN_OR_RETURN(by, Deleter(tx, resource));
    }
    if (edge.cause == Cause::kClock) by.clear();
    details["cause"] = why;
    if (!by.empty()) details["by"] = by;
    details["reason"] = absl::StrCat(what, "; ", why, by.empty() ? "" : " by ", by);
  }
  return tx.AppendAudit({"system/windows", std::string(Verb(edge.kind)), resource,
                         told.environments.size() == 1 ? told.environments[0] : "",
                         std::move(details)});
}

}  // namespace

struct WindowWatch::Plan {
  struct Step {
    const DeclaredWindow* declared = nullptr;
    WindowEdge edge;
    ToldWindow after;
  };
  std::shared_ptr<const WindowBook> book;  // Holds what `steps` point to.
  bool quiet = false;
  bool more = false;
  bool begin_watch = false;
  absl::Time now;
  absl::Time since;
  absl::Time next = absl::InfiniteFuture();
  std::vector<ToldWindow> taken_over;  // Told open by a former version.
  std::vector<Step> steps;
  std::vector<Resource> forgotten;  // Of windows that are gone.
  std::map<std::string, Resource> rows;
  std::map<std::string, Resource> unreadable;
};

absl::Status WindowWatch::Look(ReadTx& tx, absl::Time now, Plan* plan) const {
  plan->now = now;
  ASSIGN_OR_RETURN(plan->book, windows_(tx));
  plan->quiet = plan->book == quiet_book_ && quiet_from_ <= now && now < quiet_until_;
  if (plan->quiet) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string setting, tx.GetSetting(kWatchedSince));
  int64_t nanoseconds = 0;
  plan->begin_watch = !absl::SimpleAtoi(setting, &nanoseconds) ||
                      absl::FromUnixNanos(nanoseconds) - now > kWatchSlack;
  std::optional<absl::Time> formerly;
  if (plan->begin_watch) {
    ASSIGN_OR_RETURN(formerly, FormerlyUntil(tx, now));
    plan->since = formerly.value_or(now);
  } else {
    plan->since = absl::FromUnixNanos(nanoseconds);
  }
  const absl::Time since = std::max(plan->since, now - kFarthestBack);
  ASSIGN_OR_RETURN(auto rows, Rows(tx, &plan->unreadable));
  const auto look = [&](const DeclaredWindow* declared, ToldWindow told) {
    for (size_t n = 0; n <= kMostEdges; ++n) {
      EdgeLook found = NextEdge(declared, told, since, now);
      if (!found.edge.has_value()) {
        plan->next = std::min(plan->next, found.next);
        return;
      }
      // In their order, also by a clock that was set back.
      if (n > 0) found.edge->time = std::max(found.edge->time, plan->steps.back().edge.time);
      told = After(declared, std::move(told), *found.edge);
      plan->steps.push_back({declared, *found.edge, told});
    }
  };
  for (const DeclaredWindow& declared : plan->book->windows()) {
    const auto row = rows.find(declared.window.name);
    if (row == rows.end()) {
      ToldWindow told;
      if (formerly.has_value()) told = ToldBefore(declared, *formerly);
      if (told.open) plan->taken_over.push_back(told);
      look(&declared, std::move(told));
      // It is written anew as soon as something is told.
      const auto unreadable = plan->unreadable.find(declared.window.name);
      if (unreadable != plan->unreadable.end()) plan->rows.insert(*unreadable);
      continue;
    }
    look(&declared, row->second.second);
    plan->rows[row->first] = std::move(row->second.first);
    rows.erase(row);
  }
  for (auto& [name, row] : rows) {
    if (!row.second.open) {
      plan->forgotten.push_back(std::move(row.first));
      continue;
    }
    look(nullptr, row.second);
    plan->rows[name] = std::move(row.first);
  }
  std::stable_sort(plan->steps.begin(), plan->steps.end(),
                   [](const auto& a, const auto& b) { return a.edge.time < b.edge.time; });
  plan->more = !plan->steps.empty() || plan->forgotten.size() > kMostEdges;
  if (plan->steps.size() > kMostEdges) plan->steps.resize(kMostEdges);
  if (plan->forgotten.size() > kMostEdges) plan->forgotten.resize(kMostEdges);
  return absl::OkStatus();
}

absl::Status WindowWatch::Write(WriteTx& tx, const Plan& plan) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<const WindowBook> book, windows_(tx));
  if (book != plan.book) {
    return Error(absl::StatusCode::kAborted, "STALE", "the windows were changed meanwhile");
  }
  if (plan.begin_watch) {
    RETURN_IF_ERROR(tx.PutSetting(kWatchedSince, absl::StrCat(absl::ToUnixNanos(plan.since))));
    ASSIGN_OR_RETURN(const std::string former, tx.GetSetting(kToldUntil));
    if (!former.empty()) RETURN_IF_ERROR(tx.PutSetting(kToldUntil, ""));
  }
  std::map<std::string, ToldWindow> last;
  for (const ToldWindow& told : plan.taken_over) last[told.name] = told;
  for (const Plan::Step& step : plan.steps) {
    RETURN_IF_ERROR(Record(tx, step.declared, step.edge, step.after));
    last[step.after.name] = step.after;
  }
  for (const auto& [name, told] : last) {
    const auto former = plan.rows.find(name);
    Resource row = former == plan.rows.end() ? Resource() : former->second;
    row.blob = Encode(told);
    row.update_time = plan.now;
    if (former != plan.rows.end()) {
      RETURN_IF_ERROR(tx.UpdateResource(&row));
      continue;
    }
    row.id = IdOf(name);
    row.kind = std::string(kToldWindowKind);
    row.creator = row.editor = "system/windows";
    row.create_time = plan.now;
    RETURN_IF_ERROR(tx.InsertResource(&row));
  }
  for (const Resource& row : plan.forgotten) RETURN_IF_ERROR(tx.DeleteResource(row));
  return absl::OkStatus();
}

absl::StatusOr<bool> WindowWatch::Tell(absl::Time now) {
  Plan plan;
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) { return Look(tx, now, &plan); }));
  if (plan.quiet) return false;
  for (const auto& [name, row] : plan.unreadable) {
    if (!unreadable_.insert(name).second) continue;
    log::Error("what was told of a window cannot be read: it counts as nothing", {{"id", row.id}});
  }
  if (plan.begin_watch || !plan.steps.empty() || !plan.forgotten.empty()) {
    const absl::Status status = store_.MutateAndWait([&](WriteTx& tx) { return Write(tx, plan); });
    // A window was changed in between: looked at anew.
    if (absl::IsAborted(status)) return true;
    RETURN_IF_ERROR(status);
    return plan.more;
  }
  quiet_book_ = plan.book;
  quiet_from_ = now;
  quiet_until_ = std::min(plan.next, now + kLongestQuiet);
  return false;
}

absl::StatusOr<std::vector<ToldWindow>> ToldWindows(ReadTx& tx) {
  std::map<std::string, Resource> unreadable;  // The watch tells of them.
  ASSIGN_OR_RETURN(auto rows, Rows(tx, &unreadable));
  std::vector<ToldWindow> told;
  for (auto& [name, row] : rows) told.push_back(std::move(row.second));
  return told;
}

}  // namespace dbfleet::controller

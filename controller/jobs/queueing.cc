#include "controller/jobs/queueing.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

#include "common/base/duration_text.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "controller/domain/names.h"
#include "controller/jobs/no_such_window.h"
#include "controller/windows/queue.h"

namespace dbfleet::controller {
namespace {

constexpr absl::Duration kLeastLearned = absl::Minutes(1);
constexpr absl::Duration kLeastExpiry = absl::Hours(7 * 24);

absl::Status Refused(absl::string_view reason, absl::string_view message) {
  return Error(absl::StatusCode::kFailedPrecondition, reason, message);
}

absl::Status CheckTargets(ReadTx& tx, const DeclaredWindow& window, const std::string& environment,
                          const std::vector<std::string>& instances) {
  std::vector<std::string> uncovered;
  for (const std::string& id : instances) {
    ASSIGN_OR_RETURN(const Instance instance, tx.GetInstance(id));
    if (!window.Selects(environment, instance.labels)) uncovered.push_back("instances/" + id);
  }
  if (uncovered.empty()) return absl::OkStatus();
  constexpr size_t kShown = 5;
  const size_t more = uncovered.size() > kShown ? uncovered.size() - kShown : 0;
  uncovered.resize(uncovered.size() - more);
  return Refused("WINDOW_NOT_FOR_TARGET",
                 absl::StrCat("the window ", window.window.name, " does not select ",
                              absl::StrJoin(uncovered, ", "),
                              more > 0 ? absl::StrCat(" and ", more, " more") : std::string(),
                              " in ", environment,
                              "; name a window that does, or let a policy_admin change what it "
                              "selects"));
}

// The length of its occurrences, the longest if the next one is joined with others.
absl::Duration LengthOf(const WindowTimes& times, absl::Time now) {
  absl::Duration length =
      times.once.has_value() ? times.once->end - std::max(now, times.once->begin) : times.duration;
  const std::optional<Span> next = NextCoverage(times, now);
  if (next.has_value() && next->begin > now) length = std::max(length, next->end - next->begin);
  return length;
}

absl::Status CheckLength(const QueuePlace& place, const WindowTimes& times, absl::Time now) {
  // Whose turn it is is looked at every few seconds, and a granted task takes some to begin.
  constexpr absl::Duration kToBegin = absl::Seconds(30);
  const absl::Duration length = LengthOf(times, now);
  if (place.estimate + kLeastOpen + kToBegin <= length) return absl::OkStatus();
  return Refused(
      "WINDOW_TOO_SHORT",
      absl::StrCat(
          "the job is estimated to need ", DurationText(place.estimate), " (",
          absl::string_view(NameOf(place.source)), "), which does not fit into the window ",
          place.window, " of ", DurationText(length), " (", DurationText(kLeastOpen + kToBegin),
          " are kept for its begin); name a longer one, or say how long it takes (--estimate; in a "
          "manifest: queue.estimate)"));
}

// It outlives two occurrences, and a week.
absl::Time ExpiryInQueue(const WindowTimes& times, absl::Time now) {
  absl::Time expiry = now + kLeastExpiry;
  const std::optional<Span> first = NextCoverage(times, now);
  if (!first.has_value()) return expiry;
  expiry = std::max(expiry, first->end);
  const std::optional<Span> second = NextCoverage(times, first->end);
  return second.has_value() ? std::max(expiry, second->end) : expiry;
}

}  // namespace

absl::Status CheckAsk(const QueueAsk& ask) {
  if (ask.window.empty()) {
    if (!ask.priority.has_value() && !ask.estimate.has_value()) return absl::OkStatus();
    return Error(absl::StatusCode::kInvalidArgument, "PRIORITY_WITHOUT_WINDOW",
                 "a priority and an estimate order the work of a maintenance window; name the "
                 "window as well");
  }
  if (ask.priority.has_value() &&
      (*ask.priority < kLowestPriority || *ask.priority > kHighestPriority)) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_PRIORITY",
                 absl::StrCat("the priority is from ", kLowestPriority, " to ", kHighestPriority,
                              ", a higher one first; not ", *ask.priority));
  }
  if (ask.estimate.has_value() &&
      (*ask.estimate <= absl::ZeroDuration() || *ask.estimate > kLongestEstimate)) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_ESTIMATE",
                 "the estimate is above zero and at most 31 days");
  }
  return absl::OkStatus();
}

absl::Status EnterQueue(ReadTx& tx, const JobFlow& flow, const QueueAsk& ask,
                        const std::vector<std::string>& instances, absl::Time now,
                        const std::function<absl::StatusOr<Estimate>()>& estimate, Job* job) {
  RETURN_IF_ERROR(CheckAsk(ask));
  if (ask.window.empty()) return absl::OkStatus();
  const std::string name(absl::StripPrefix(ask.window, "maintenancewindows/"));
  ASSIGN_OR_RETURN(const std::shared_ptr<const WindowBook> book, flow.Windows(tx));
  const DeclaredWindow* const window = book == nullptr ? nullptr : book->Find(name);
  if (window == nullptr) {
    return NoSuchWindow(name);
  }
  if (window->window.effect == WindowEffect::kDeny) {
    return Refused("NOT_A_WINDOW", absl::StrCat(name, " is a freeze, which carries no work"));
  }
  RETURN_IF_ERROR(CheckTargets(tx, *window, job->environment, instances));
  ASSIGN_OR_RETURN(const std::vector<QueuedJob> queued, tx.JobsQueuedFor(name));
  if (queued.size() >= kMostQueued) {
    // Nothing that a further try soon would change.
    return Refused("QUEUE_FULL", absl::StrCat(queued.size(), " jobs wait for the window ", name,
                                              " already; cancel some, or take another window"));
  }
  QueuePlace& place = job->queue;
  place.window = name;
  place.priority = ask.priority.value_or(kDefaultPriority);
  if (ask.estimate.has_value()) {
    place.estimate = *ask.estimate;
    place.source = EstimateSource::kDeclared;
  } else {
    ASSIGN_OR_RETURN(const Estimate found, estimate());
    // In whole seconds, as it is told.
    place.estimate = absl::Ceil(found.time, absl::Seconds(1));
    // An agent that was away tells of beginning and end at once.
    if (found.source == EstimateSource::kLearned) {
      place.estimate = std::max(place.estimate, kLeastLearned);
    }
    place.source = found.source;
    place.runs = found.runs;
  }
  const WindowTimes& times = window->window.times;
  const std::optional<Span> next = NextCoverage(times, now);
  if (!next.has_value()) {
    return Refused("EXPIRES_BEFORE_WINDOW",
                   absl::StrCat("the window ", name, " does not open any more"));
  }
  RETURN_IF_ERROR(CheckLength(place, times, now));
  if (job->expire_time == absl::InfiniteFuture()) job->expire_time = ExpiryInQueue(times, now);
  if (job->expire_time <= next->begin) {
    return Refused(
        "EXPIRES_BEFORE_WINDOW",
        absl::StrCat("the job expires before the window ", name, " opens next, at ",
                     absl::FormatTime(absl::RFC3339_sec, next->begin, absl::UTCTimeZone()),
                     "; let it expire later (--expire-after)"));
  }
  return absl::OkStatus();
}

absl::Status CheckFitsWindow(ReadTx& tx, const JobFlow& flow, const QueuePlace& place,
                             absl::Time now) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const WindowBook> book, flow.Windows(tx));
  const DeclaredWindow* const window = book == nullptr ? nullptr : book->Find(place.window);
  // One that is gone is told of by the job's explanation.
  return window == nullptr ? absl::OkStatus() : CheckLength(place, window->window.times, now);
}

bool IsQueuedFor(const Job& job, const QueueAsk& ask) {
  return job.queue.window == absl::StripPrefix(ask.window, "maintenancewindows/");
}

absl::Status NoSuchWindow(absl::string_view name) {
  return Error(
      absl::StatusCode::kNotFound, "NO_SUCH_WINDOW",
      absl::StrCat("there is no maintenance window \"", SanitizeForDisplay(Truncate(name, 100)),
                   "\"; see: dbfleet window next"));
}

void AddQueueDetails(const Job& job, std::map<std::string, std::string>* details) {
  if (job.queue.window.empty()) return;
  (*details)["queued_for"] = job.queue.window;
  (*details)["priority"] = absl::StrCat(job.queue.priority);
  (*details)["estimate"] = absl::StrCat(absl::FormatDuration(job.queue.estimate), " (",
                                        absl::string_view(NameOf(job.queue.source)), ")");
}

}  // namespace dbfleet::controller

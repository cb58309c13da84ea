#include "common/base/failpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "common/base/files.h"
#include "common/base/status.h"

#ifndef DBFLEET_NO_FAILPOINTS

namespace dbfleet::failpoint {
namespace {

constexpr char kOrders[] = "DBFLEET_FAILPOINTS";
constexpr char kSeed[] = "DBFLEET_FAILPOINT_SEED";
constexpr char kClockOffset[] = "DBFLEET_CLOCK_OFFSET";
constexpr char kTrace[] = "DBFLEET_FAILPOINT_TRACE";

enum class Action { kKill, kStop, kDelay, kOrder };

struct Rule {
  std::string name;
  std::optional<std::string> tag;
  Action action = Action::kOrder;
  Order order = Order::kNone;
  int delay_ms = 0;
  int64_t only_hit = 0;  // 0: every one.
  double per_cent = 100;
  int64_t hits = 0;

  bool Matches(absl::string_view hit, absl::string_view hit_tag) const {
    if (hit != name) return false;
    if (!tag.has_value()) return true;
    absl::string_view wanted = *tag;
    if (absl::ConsumeSuffix(&wanted, "*")) return absl::StartsWith(hit_tag, wanted);
    return hit_tag == wanted;
  }
};

absl::Status Bad(absl::string_view rule, absl::string_view why) {
  return Error(absl::StatusCode::kInvalidArgument, "BAD_FAILPOINT",
               absl::StrCat("failpoint order \"", rule, "\": ", why));
}

absl::Status ReadAction(absl::string_view rule, absl::string_view text, Rule* out) {
  std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits(':', 1));
  const absl::string_view action = parts.first;
  const absl::string_view argument = parts.second;
  if (action == "kill" || action == "stop") {
    out->action = action == "kill" ? Action::kKill : Action::kStop;
    if (out->only_hit == 0) out->only_hit = 1;
  } else if (action == "delay") {
    out->action = Action::kDelay;
    if (!absl::SimpleAtoi(argument, &out->delay_ms) || out->delay_ms < 0) {
      return Bad(rule, "delay wants milliseconds");
    }
  } else if (action == "error") {
    if (!argument.empty() && argument != "eio" && argument != "enospc") {
      return Bad(rule, "the errors are eio and enospc");
    }
    out->order = argument == "enospc" ? Order::kNoSpace : Order::kError;
  } else if (action == "drop") {
    out->order = Order::kDrop;
  } else if (action == "duplicate") {
    out->order = Order::kDuplicate;
  } else if (action == "swap") {
    out->order = Order::kSwap;
  } else if (action == "newer") {
    out->order = Order::kNewer;
  } else if (action == "older") {
    out->order = Order::kOlder;
  } else {
    return Bad(rule, "unknown action");
  }
  return absl::OkStatus();
}

absl::StatusOr<Rule> ReadRule(absl::string_view text) {
  Rule rule;
  const std::pair<absl::string_view, absl::string_view> sides =
      absl::StrSplit(text, absl::MaxSplits('=', 1));
  if (sides.first.empty() || sides.second.empty()) return Bad(text, "NAME=ACTION is wanted");
  const std::pair<std::string, std::string> name =
      absl::StrSplit(sides.first, absl::MaxSplits('#', 1));
  rule.name = name.first;
  if (absl::StrContains(sides.first, "#")) rule.tag = name.second;
  absl::string_view action = sides.second;
  if (const size_t at = action.rfind('%'); at != absl::string_view::npos) {
    if (!absl::SimpleAtod(action.substr(at + 1), &rule.per_cent)) return Bad(text, "bad %P");
    action = action.substr(0, at);
  }
  if (const size_t at = action.rfind('@'); at != absl::string_view::npos) {
    if (!absl::SimpleAtoi(action.substr(at + 1), &rule.only_hit) || rule.only_hit < 1) {
      return Bad(text, "bad @N");
    }
    action = action.substr(0, at);
  }
  RETURN_IF_ERROR(ReadAction(text, action, &rule));
  return rule;
}

absl::StatusOr<std::vector<Rule>> ReadRules(absl::string_view text) {
  std::vector<Rule> rules;
  for (absl::string_view part : absl::StrSplit(text, ';')) {
    part = absl::StripAsciiWhitespace(part);
    if (part.empty()) continue;
    ASSIGN_OR_RETURN(Rule rule, ReadRule(part));
    rules.push_back(std::move(rule));
  }
  return rules;
}

// The one piece of state that belongs to the process: failpoints stand in functions that know
// nobody. Below every other module, so without dbfleet::Mutex.
struct State {
  std::mutex mutex;
  std::vector<Rule> rules;
  std::mt19937_64 random;
  std::set<std::string> seen;
  int trace = -1;

  State() {
    const char* orders = getenv(kOrders);
    absl::StatusOr<std::vector<Rule>> read = ReadRules(orders == nullptr ? "" : orders);
    if (!read.ok()) {
      fprintf(stderr, "%s\n", std::string(read.status().message()).c_str());
      _exit(2);
    }
    rules = *std::move(read);
    uint64_t seed = 0;
    const char* given = getenv(kSeed);
    if (given != nullptr && absl::SimpleAtoi(given, &seed)) random.seed(seed);
    if (const char* path = getenv(kTrace); path != nullptr && *path != '\0') {
      trace = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
      if (trace < 0) _exit(2);
    }
  }
};

State& TheState() {
  static State* state = new State;  // Outlives every thread.
  return *state;
}

void Trace(State& state, absl::string_view name, absl::string_view tag) {
  if (state.trace < 0) return;
  std::string line = absl::StrCat(name, "#", tag, "\n");
  if (!state.seen.insert(line).second) return;
  // Whole lines: several processes share the file.
  if (write(state.trace, line.data(), line.size()) < 0) _exit(2);
}

}  // namespace

Order Hit(absl::string_view name, absl::string_view tag) {
  State& state = TheState();
  Order order = Order::kNone;
  int delay_ms = 0;
  {
    std::lock_guard<std::mutex> lock(state.mutex);
    Trace(state, name, tag);
    for (Rule& rule : state.rules) {
      if (!rule.Matches(name, tag)) continue;
      ++rule.hits;
      if (rule.only_hit != 0 && rule.hits != rule.only_hit) continue;
      if (rule.per_cent < 100 &&
          std::uniform_real_distribution<>(0, 100)(state.random) >= rule.per_cent) {
        continue;
      }
      switch (rule.action) {
        case Action::kKill:
          kill(getpid(), SIGKILL);
          for (;;) pause();
        case Action::kStop:
          kill(getpid(), SIGSTOP);
          break;
        case Action::kDelay:
          delay_ms += rule.delay_ms;
          break;
        case Action::kOrder:
          order = rule.order;
          break;
      }
    }
  }
  if (delay_ms > 0) poll(nullptr, 0, delay_ms);
  return order;
}

absl::Status Check(absl::string_view name, absl::string_view tag) {
  switch (Hit(name, tag)) {
    case Order::kNoSpace:
      return ErrnoStatus(ENOSPC, absl::StrCat("failpoint ", name));
    case Order::kError:
      return Error(absl::StatusCode::kInternal, "INJECTED_FAULT",
                   absl::StrCat("failpoint ", name, ": input/output error"));
    default:
      return absl::OkStatus();
  }
}

double ClockOffsetSeconds() {
  static const char* const path = getenv(kClockOffset);
  if (path == nullptr) return 0;
  // One read of a short file that is replaced as a whole.
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  char text[32] = {};
  const ssize_t size = read(fd, text, sizeof(text) - 1);
  close(fd);
  return size > 0 ? strtod(text, nullptr) : 0;
}

std::vector<std::string> EnvironmentForChildren() {
  std::vector<std::string> variables;
  for (const char* name : {kOrders, kSeed, kTrace}) {
    if (const char* value = getenv(name)) variables.push_back(absl::StrCat(name, "=", value));
  }
  return variables;
}

absl::Status Tags::Check(absl::string_view name) const {
  if (tags_.empty()) return failpoint::Check(name, "");
  absl::Status first;
  for (const std::string& tag : tags_) first.Update(failpoint::Check(name, tag));
  return first;
}

absl::Status SetOrders(absl::string_view text, uint64_t seed) {
  ASSIGN_OR_RETURN(std::vector<Rule> rules, ReadRules(text));
  State& state = TheState();
  std::lock_guard<std::mutex> lock(state.mutex);
  state.rules = std::move(rules);
  state.random.seed(seed);
  return absl::OkStatus();
}

}  // namespace dbfleet::failpoint

#endif

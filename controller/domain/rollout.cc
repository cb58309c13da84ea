#include "controller/domain/rollout.h"

#include <algorithm>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "controller/domain/names.h"

namespace dbfleet::controller {
namespace {

// "3" or "25%", without signs, spaces or fractions.
struct Share {
  int number = 0;
  bool percent = false;
};

std::optional<Share> ParseShare(absl::string_view text) {
  Share share;
  share.percent = absl::ConsumeSuffix(&text, "%");
  const bool digits = !text.empty() && text.size() <= 6 &&
                      text.find_first_not_of("0123456789") == absl::string_view::npos;
  if (!digits || !absl::SimpleAtoi(text, &share.number)) return std::nullopt;
  if (share.percent && share.number > 100) return std::nullopt;
  return share;
}

absl::Status Bad(absl::string_view reason, absl::string_view message) {
  return Error(absl::StatusCode::kInvalidArgument, reason, message);
}

}  // namespace

absl::StatusOr<std::vector<int>> WaveSizes(const std::vector<std::string>& waves, int targets) {
  std::vector<int> sizes;
  int left = targets;
  for (size_t i = 0; left > 0; ++i) {
    int size = left;
    if (!waves.empty()) {
      const std::string& text = waves[std::min(i, waves.size() - 1)];
      const std::optional<Share> share = ParseShare(text);
      if (!share.has_value() || share->number == 0) {
        return Bad("BAD_WAVES", absl::StrCat("the wave \"", SanitizeForDisplay(Truncate(text, 50)),
                                             "\" is no size; write a number of targets such as "
                                             "\"3\", or a share of them such as \"25%\""));
      }
      // Up to 100 times a million: it fits.
      size = share->percent ? (targets * share->number + 99) / 100 : share->number;
    }
    if (sizes.size() == static_cast<size_t>(kMostWaves)) {
      return Bad("BAD_WAVES", absl::StrCat("that would be more than ", kMostWaves, " waves for ",
                                           targets, " targets; make them larger"));
    }
    sizes.push_back(std::min(size, left));
    left -= sizes.back();
  }
  return sizes;
}

absl::StatusOr<int> FailuresTolerated(absl::string_view budget, int targets) {
  if (budget.empty()) return 0;
  const std::optional<Share> share = ParseShare(budget);
  if (!share.has_value()) {
    return Bad("BAD_FAILURE_BUDGET",
               absl::StrCat("the failure budget \"", SanitizeForDisplay(Truncate(budget, 50)),
                            "\" is none; write a number of targets such as \"2\", or a share of "
                            "them such as \"5%\""));
  }
  return share->percent ? targets * share->number / 100 : std::min(share->number, targets);
}

absl::Status CheckPauseBetween(absl::Duration pause) {
  if (pause >= absl::ZeroDuration() && pause <= kLongestPauseBetween) return absl::OkStatus();
  return Bad("BAD_PAUSE", "the pause between waves is from 0 to 30 days");
}

bool BudgetSpent(const Rollout& rollout, const RolloutProgress& progress, int failed) {
  return failed > progress.forgiven + rollout.failures_tolerated;
}

std::string RolloutText(const Rollout& rollout, int max_parallel, absl::string_view window) {
  std::string text = absl::StrCat("max_parallel=", max_parallel);
  if (!window.empty()) absl::StrAppend(&text, " window=", window);
  if (rollout == Rollout()) return text;
  absl::StrAppend(&text, " waves=", absl::StrJoin(rollout.waves, ","),
                  " pause=", absl::ToInt64Seconds(rollout.pause_between),
                  " failures=", rollout.failures_tolerated,
                  " on_failure=", absl::string_view(NameOf(rollout.on_failure)),
                  " health_check=", rollout.health_check ? "true" : "false");
  return text;
}

}  // namespace dbfleet::controller

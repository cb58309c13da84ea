#include "controller/windows/cover.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace dbfleet::controller {
namespace {

// Of one freeze in one opening. Between them there are gaps, so a freeze that begins anew more often
// lies over a part.
constexpr size_t kMostSpans = 100;

using Names = std::vector<std::string>;

bool Has(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Where the opening is looked at: the environments that it is for, of those that were asked for.
// None: every one; nullopt: nowhere.
std::optional<Names> PlacesOf(const DeclaredWindow& opened, absl::Span<const std::string> asked) {
  if (asked.empty()) return opened.environments;
  if (opened.environments.empty()) return Names(asked.begin(), asked.end());
  Names both;
  for (const std::string& name : opened.environments) {
    if (std::find(asked.begin(), asked.end(), name) != asked.end()) both.push_back(name);
  }
  if (both.empty()) return std::nullopt;
  return both;
}

enum class Reach { kNone, kSome, kAll };

Reach ReachOf(const DeclaredWindow& freeze, const DeclaredWindow& opened, const Names& places) {
  bool all = freeze.environments.empty(), some = all;
  if (!all) {
    all = !places.empty() && std::all_of(places.begin(), places.end(), [&](const auto& name) {
      return Has(freeze.environments, name);
    });
    some = places.empty() || std::any_of(places.begin(), places.end(), [&](const auto& name) {
             return Has(freeze.environments, name);
           });
  }
  for (const auto& [key, value] : freeze.labels) {
    const auto own = opened.labels.find(key);
    if (own == opened.labels.end()) {
      all = false;
    } else if (own->second != value) {
      return Reach::kNone;
    }
  }
  return !some ? Reach::kNone : all ? Reach::kAll : Reach::kSome;
}

// The parts of the span over which the freeze lies, in order.
std::vector<Span> PartsOf(const DeclaredWindow& freeze, const Span& span) {
  std::vector<Span> parts;
  for (absl::Time at = span.begin; at < span.end && parts.size() < kMostSpans;) {
    const std::optional<Span> next = NextCoverage(freeze.window.times, at);
    if (!next.has_value() || next->begin >= span.end) break;
    parts.push_back(*next);
    at = next->end;
  }
  return parts;
}

bool LieOver(std::vector<Span> parts, const Span& span) {
  std::sort(parts.begin(), parts.end(),
            [](const Span& a, const Span& b) { return a.begin < b.begin; });
  absl::Time until = span.begin;
  for (const Span& part : parts) {
    if (part.begin > until) return false;
    until = std::max(until, part.end);
  }
  return until >= span.end;
}

}  // namespace

FreezeCover CoverOf(const DeclaredWindow& opened, const Span& span,
                    absl::Span<const std::string> environments,
                    absl::Span<const DeclaredWindow> windows) {
  FreezeCover cover;
  const std::optional<Names> places = PlacesOf(opened, environments);
  if (!places.has_value()) return cover;
  std::vector<Span> whole;  // Of the freezes over all that it is for.
  for (const DeclaredWindow& freeze : windows) {
    if (freeze.window.effect != WindowEffect::kDeny) continue;
    const Reach reach = ReachOf(freeze, opened, *places);
    if (reach == Reach::kNone) continue;
    const std::vector<Span> parts = PartsOf(freeze, span);
    if (parts.empty()) continue;
    if (reach == Reach::kAll) whole.insert(whole.end(), parts.begin(), parts.end());
    (reach == Reach::kAll ? cover.wholly : cover.partly).push_back(freeze.window.name);
  }
  if (LieOver(std::move(whole), span)) return cover;
  cover.partly.insert(cover.partly.end(), cover.wholly.begin(), cover.wholly.end());
  cover.wholly.clear();
  std::sort(cover.partly.begin(), cover.partly.end());
  return cover;
}

}  // namespace dbfleet::controller

#include "controller/windows/cover.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace dbfleet::controller {
namespace {

// That lie over an opening one after the other. Nobody puts a night together of more, and each asks
// all freezes.
constexpr int kMostInTurn = 20;

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

// When the freeze lies over `at`, or does so next.
std::optional<Span> Next(const DeclaredWindow& freeze, absl::Time at) {
  return NextCoverage(freeze.window.times, at);
}

// Is there one of them at each moment of the span? Goes from the end of one to the one that goes on
// there, so that it ends at the first gap, however often a freeze begins anew behind that.
bool LieOver(absl::Span<const DeclaredWindow* const> freezes, const Span& span) {
  absl::Time until = span.begin;
  for (int i = 0; i < kMostInTurn && until < span.end; ++i) {
    const absl::Time before = until;
    for (const DeclaredWindow* const freeze : freezes) {
      const std::optional<Span> next = Next(*freeze, before);
      if (next.has_value() && next->begin <= before) until = std::max(until, next->end);
    }
    if (until == before) return false;
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
  std::vector<const DeclaredWindow*> whole;  // Freezes over all that it is for.
  for (const DeclaredWindow& freeze : windows) {
    if (freeze.window.effect != WindowEffect::kDeny) continue;
    const Reach reach = ReachOf(freeze, opened, *places);
    if (reach == Reach::kNone) continue;
    const std::optional<Span> first = Next(freeze, span.begin);
    if (!first.has_value() || first->begin >= span.end) continue;
    if (reach == Reach::kAll) whole.push_back(&freeze);
    (reach == Reach::kAll ? cover.wholly : cover.partly).push_back(freeze.window.name);
  }
  if (LieOver(whole, span)) return cover;
  cover.partly.insert(cover.partly.end(), cover.wholly.begin(), cover.wholly.end());
  cover.wholly.clear();
  std::sort(cover.partly.begin(), cover.partly.end());
  return cover;
}

}  // namespace dbfleet::controller

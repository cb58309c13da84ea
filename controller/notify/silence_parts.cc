#include "controller/notify/silence_parts.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace dbfleet::controller {
namespace {

using Values = std::vector<std::string>;  // Of one target, for each matcher.

struct Fitting {
  SilenceTarget target;
  Values values;
};

// Splits by the matcher with the fewest values until each part has all combinations of its values.
void Split(absl::Span<const AlertMatcher> matchers, const std::vector<Fitting>& all,
           const std::string& where, std::vector<SilencePart>* parts) {
  std::set<Values> distinct;
  std::vector<std::set<std::string>> values(matchers.size());
  for (const Fitting& one : all) {
    distinct.insert(one.values);
    for (size_t i = 0; i < values.size(); ++i) values[i].insert(one.values[i]);
  }
  size_t combinations = 1;
  size_t fewest = values.size();
  for (size_t i = 0; i < values.size(); ++i) {
    // More than there are targets is enough to know: no overflow.
    combinations = std::min(combinations * values[i].size(), all.size() + 1);
    if (values[i].size() < 2) continue;
    if (fewest == values.size() || values[i].size() < values[fewest].size()) fewest = i;
  }
  if (combinations == distinct.size()) {
    std::vector<SilenceTarget> targets;
    for (const Fitting& one : all) targets.push_back(one.target);
    SilencePart part;
    if (!where.empty()) part.where = absl::StrCat("{", where, "}");
    for (const AlertMatcher& matcher : matchers) part.matchers.push_back(matcher.For(targets));
    parts->push_back(std::move(part));
    return;
  }
  std::map<std::string, std::vector<Fitting>> groups;
  for (const Fitting& one : all) groups[one.values[fewest]].push_back(one);
  const std::string name = matchers[fewest].For({&all[0].target, 1}).name;
  for (const auto& [value, group] : groups) {
    Split(matchers, group,
          absl::StrCat(where, where.empty() ? "" : ",", name, "=\"", absl::Utf8SafeCEscape(value),
                       "\""),
          parts);
  }
}

}  // namespace

std::vector<SilencePart> SilencePartsOf(absl::Span<const AlertMatcher> matchers,
                                        const std::vector<SilenceTarget>& targets) {
  std::vector<Fitting> fitting;
  for (const SilenceTarget& target : targets) {
    if (!std::all_of(matchers.begin(), matchers.end(),
                     [&](const AlertMatcher& matcher) { return matcher.Fits(target); })) {
      continue;
    }
    Values values;
    for (const AlertMatcher& matcher : matchers) values.push_back(matcher.For({&target, 1}).value);
    fitting.push_back({target, std::move(values)});
  }
  std::vector<SilencePart> parts;
  if (!fitting.empty()) Split(matchers, fitting, "", &parts);
  return parts;
}

}  // namespace dbfleet::controller

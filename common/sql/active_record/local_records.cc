#include "common/sql/active_record/local_records.h"

#include <iterator>

#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

// A label without a value is its name: f(order:), {order:}
bool IsShorthand(const HostProgram& program, size_t label) {
  const HostToken& next = program[label + 1];
  return next.Is(",") || next.Is(")") || next.Is("]") || next.Is("}") || next.text.empty() ||
         next.kind == HostTokenKind::kNewline;
}

}  // namespace

void LocalRecords::Add(size_t i) {
  const absl::string_view name = program_[i].text;
  if (name == "$this" || name == "self") return;
  Add(shared_.SameAs(name), i);
}

void LocalRecords::Add(absl::string_view name, size_t block) {
  std::set<size_t>& places = held_[std::string(name)];
  if (places.size() <= kMostPlaces) places.insert(block);
}

void LocalRecords::Forget(size_t i) {
  constexpr size_t kFar = 200;  // In tokens: of longer values nobody asks what is in them.
  const auto found = held_.find(shared_.SameAs(program_[i].text));
  if (found == held_.end() || found->second.size() > kMostPlaces) return;
  const HostToken& before = program_[i - 1];
  const bool begins = before.text.empty() || before.Is(";") || before.Is("{") || before.Is("}") ||
                      before.kind == HostTokenKind::kNewline;
  // if ($c) $x = null; and $x = &$y, by which both are what $y was.
  if (!begins || program_[i + 2].Is("&")) return;
  size_t end = i + 1;
  while (end < i + kFar && !program_[end].text.empty() && !program_[end].Is(";") &&
         program_[end].kind != HostTokenKind::kNewline) {
    const HostToken& token = program_[end++];
    if (token.text == program_[i].text || token.IsName("if") || token.IsName("unless")) return;
  }
  if (end == i + kFar) return;
  const size_t here = shared_.locals().ScopeOf(i);
  const size_t straight = shared_.blocks().StraightFrom(i);
  // What rescues sees what was bound before.
  const bool guarded = shared_.blocks().IsGuarded(i);
  for (auto at = found->second.begin(); at != found->second.end();) {
    const size_t scope = shared_.locals().ScopeOf(*at);
    const bool gone = scope == here ? !guarded && *at >= straight : IsNamed(scope) && IsNamed(here);
    at = gone ? found->second.erase(at) : std::next(at);
  }
  if (found->second.empty()) held_.erase(found);
}

// A method or function has variables of its own; a closure may share those around it.
bool LocalRecords::IsNamed(size_t scope) const {
  const HostToken& next = program_[program_[scope + 1].Is("&") ? scope + 2 : scope + 1];
  return scope > 0 && (program_[scope].IsName("function") || program_[scope].IsName("def")) &&
         next.kind == HostTokenKind::kName;
}

bool LocalRecords::Hold(absl::string_view receiver) const {
  const absl::string_view name = receiver.substr(0, receiver.find('['));
  return held_.find(shared_.SameAs(name)) != held_.end() || shared_.Holds(name);
}

bool LocalRecords::AreNamed(HostRange range) const {
  if (none()) return false;
  for (size_t i = range.begin; i < range.end && i < program_.size(); ++i) {
    if (looks_left_ == 0 || IsNamedAt(i)) return true;
    --looks_left_;
  }
  return false;
}

bool LocalRecords::IsNamedAt(size_t i) const {
  const HostToken& token = program_[i];
  const bool variable = token.kind == HostTokenKind::kVariable;
  // settle(order:)
  if (token.kind == HostTokenKind::kLabel) return IsShorthand(program_, i) && Hold(token.text);
  if (!variable && token.kind != HostTokenKind::kName) return false;
  const bool php = program_.php();
  const bool called = program_[i + 1].Is("(");
  const bool member = i > 0 && program_.IsMember(i - 1);
  const bool held = called          ? shared_.Gives(token.text) || (variable && Hold(token.text))
                    : member && php ? shared_.HoldsProperty(token.text)
                    : member        ? program_[i - 2].IsName("self") && Hold(token.text)
                    : (variable || !php) ? Hold(token.text)
                                         : false;
  if (!held) return false;
  size_t next = i + 1;
  const auto skip_brackets = [&] {
    while ((program_[next].Is("[") || program_[next].Is("(")) &&
           program_.CloseOf(next) < program_.size()) {
      next = program_.CloseOf(next) + 1;
    }
  };
  skip_brackets();
  // $orders->all() is the same list.
  static constexpr absl::string_view kLists[] = {"all", "getCollection", "items", "to_a"};
  if (program_.IsMember(next) && IsOneOf(program_[next + 1].text, kLists)) {
    next += 2;
    skip_brackets();
  }
  return !program_.IsMember(next);
}

}  // namespace dbfleet::sql

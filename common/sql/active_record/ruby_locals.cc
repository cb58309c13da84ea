#include "common/sql/active_record/ruby_locals.h"

namespace dbfleet::sql {

void RubyLocals::TakeName(const std::vector<HostToken>& tokens) {
  const HostToken& name = tokens.back();
  const HostToken& before = tokens[tokens.size() - (tokens.size() > 1 ? 2 : 1)];
  if (head_ == Head::kName) {
    head_ = Head::kBare;  // Of the method itself; a bracket or a parameter comes next.
  } else if (head_ != Head::kNone || before.Is("=>") || before.Is("->") || before.IsName("for")) {
    // In a parameter's default it may be none, which does not matter.
    parameters_.insert(name.text);
  }
  if (name.IsName("def") && !before.Is(".")) head_ = Head::kName;
}

void RubyLocals::TakePunct(const std::vector<HostToken>& tokens) {
  const HostToken& token = tokens.back();
  const HostToken& before = tokens[tokens.size() - (tokens.size() > 1 ? 2 : 1)];
  const bool binds = token.text[0] == '=' || token.Is("|") || token.Is(",");
  if (binds && before.kind == HostTokenKind::kName) bound_.insert(before.text);
  if (token.Is("(")) {
    if (head_ == Head::kNone && !before.Is("->")) return;
    head_ = Head::kBrackets;
    ++depth_;
  } else if (token.Is(")") && head_ == Head::kBrackets && --depth_ == 0) {
    head_ = Head::kNone;
  } else if (token.Is(".") && head_ == Head::kBare) {
    head_ = Head::kName;  // def self.a
  } else if (head_ == Head::kBare && (token.Is(";") || token.Is("="))) {
    head_ = Head::kNone;
  }
}

void RubyLocals::TakeNewline() {
  if (head_ != Head::kBrackets) head_ = Head::kNone;
}

}  // namespace dbfleet::sql

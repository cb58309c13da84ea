#include "common/sql/active_record/own_queries.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/match.h"

#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

// Of ranges in order, none in another.
bool Holds(const std::vector<HostRange>& ranges, size_t at) {
  const auto next =
      std::upper_bound(ranges.begin(), ranges.end(), at,
                       [](size_t a, const HostRange& range) { return a < range.begin; });
  return next != ranges.begin() && at < std::prev(next)->end;
}

// Of what runs, or builds, a query on a class.
bool IsOfQueries(MethodRole role) {
  switch (role) {
    case MethodRole::kRefine:
    case MethodRole::kRead:
    case MethodRole::kRawRead:
    case MethodRole::kInsert:
    case MethodRole::kUpdate:
    case MethodRole::kDelete:
    case MethodRole::kLock:
      return true;
    default:
      return false;
  }
}

bool HoldsText(const HostProgram& program, const HostCall& call) {
  for (const HostRange& argument : call.arguments) {
    for (size_t i = argument.begin; i < argument.end; ++i) {
      if (program[i].kind == HostTokenKind::kString && !program[i - 1].Is("=>") &&
          program[i - 1].kind != HostTokenKind::kLabel) {
        return true;
      }
    }
  }
  return false;
}

// What only a model says of itself, at the beginning of a line.
bool IsOfModel(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {
      "belongs_to", "default_scope", "has_and_belongs_to_many", "has_many", "has_one", "scope"};
  return IsOneOf(name, kNames);
}

}  // namespace

OwnQueries::OwnQueries(const HostProgram& program) : program_(program) {
  if (program.php()) return;
  for (size_t i = 0; i < program.size(); ++i) {
    const bool declares = (program[i].IsName("class") || program[i].IsName("module")) &&
                          !program[i + 1].Is("<") && program.CloseOf(i) < program.size();
    if (!declares || !IsModel(i, program.CloseOf(i))) continue;
    models_.push_back({i + 1, program.CloseOf(i)});
    FindClassLevel(models_.back());
    i = program.CloseOf(i);  // One in another is looked at with it.
  }
  if (!models_.empty()) FindLocals();
}

bool OwnQueries::IsModel(size_t declaration, size_t close) const {
  bool head = true;
  for (size_t i = declaration + 1; i < close; ++i) {
    const HostToken& token = program_[i];
    head = head && token.kind != HostTokenKind::kNewline && !token.Is(";");
    if (token.kind != HostTokenKind::kName) continue;
    const bool inner = program_[i - 1].Is("::");
    if (head && (inner || program_[i - 1].Is("<")) &&
        (absl::EndsWith(token.text, "Record") ||
         (inner && token.IsName("Base") && program_[i - 2].IsName("ActiveRecord")))) {
      return true;
    }
    if (inner && token.IsName("Concern")) return true;
    const HostToken& next = program_[i + 1];
    const bool says = next.kind == HostTokenKind::kSymbol || next.Is("(") || next.Is("{") ||
                      next.Is("-") || next.Is("->") || next.IsName("do");
    if (says && IsOfModel(token.text) && !program_.IsMember(i - 1)) return true;
  }
  return false;
}

void OwnQueries::FindClassLevel(HostRange body) {
  std::vector<HostRange> of_class;  // class << self, class_methods do, module ClassMethods
  for (size_t i = body.begin; i < body.end; ++i) {
    const size_t close = program_.CloseOf(i);
    const bool opens = (program_[i].IsName("class") && program_[i + 1].Is("<")) ||
                       (program_[i].IsName("module") && program_[i + 1].IsName("ClassMethods")) ||
                       (program_[i].IsName("do") && program_[i - 1].IsName("class_methods"));
    if (!opens || close >= body.end) continue;
    of_class.push_back({i, close});
    i = close;
  }
  for (size_t i = body.begin; i < body.end; ++i) {
    const bool own = program_[i + 1].IsName("self") && program_[i + 2].Is(".");
    if (!program_[i].IsName("def") || own || Holds(of_class, i)) continue;
    size_t close = program_.CloseOf(i);
    if (close >= body.end) {  // def total = order.total
      for (close = i; close < body.end && program_[close].kind != HostTokenKind::kNewline;) ++close;
    }
    of_records_.push_back({i, close});
    i = close;
  }
}

// first = 1, def self.a(first, count:), { |first| ... }
void OwnQueries::FindLocals() {
  for (size_t i = 0; i < program_.size(); ++i) {
    const HostToken& token = program_[i];
    if (token.IsName("def")) {
      size_t k = i + 2;
      if (program_[k].Is(".")) k += 2;  // def self.a
      const bool brackets = program_[k].Is("(");
      const size_t end = brackets ? program_.CloseOf(k) : program_.size();
      for (; k < end && (brackets || (program_[k].kind != HostTokenKind::kNewline &&
                                      !program_[k].Is("=") && !program_[k].Is(";")));
           ++k) {
        TakeLocal(k);
      }
    } else if (token.Is("|") && (program_[i - 1].Is("{") || program_[i - 1].IsName("do"))) {
      while (++i < program_.size() && !program_[i].Is("|")) TakeLocal(i);
    } else if (token.kind == HostTokenKind::kName &&
               (program_[i + 1].Is(",") ||
                (program_[i + 1].Is("=") && !program_.IsComparison(i + 1)))) {
      TakeLocal(i);  // a, first = 1, 2: one too many does no harm.
    }
  }
}

void OwnQueries::TakeLocal(size_t i) {
  const HostToken& token = program_[i];
  if (token.kind == HostTokenKind::kName || token.kind == HostTokenKind::kLabel) {
    locals_.insert(token.text);
  }
}

bool OwnQueries::IsQuery(const HostChain& chain, size_t call) const {
  if (call >= chain.calls.size()) return false;
  const HostCall& first = chain.calls[call];
  const ModelMethod* const method = FindModelMethod(first.name);
  if (method == nullptr || !IsOfQueries(method->role) || first.op != HostOperator::kNone) {
    return false;
  }
  if (call == 0 && chain.receiver.empty() && first.bare() && locals_.count(first.name) > 0) {
    return false;
  }
  return std::any_of(chain.calls.begin() + call, chain.calls.end(), [&](const HostCall& link) {
    const ModelMethod* const known = FindModelMethod(link.name);
    return known == nullptr || known->safety == Safety::kDestructive || HoldsText(program_, link);
  });
}

bool OwnQueries::Has(const HostChain& chain) const {
  if (chain.calls.empty() || !Holds(models_, chain.range.begin)) return false;
  if (program_[chain.range.begin - 1].IsName("def")) return false;
  if (chain.receiver == "self" && chain.calls[0].name == "class") return IsQuery(chain, 1);
  if (Holds(of_records_, chain.range.begin)) return false;
  return (chain.receiver_kind == Receiver::kNone || chain.receiver == "self") && IsQuery(chain, 0);
}

const ModelMethod* OwnQueries::MethodAt(size_t word) const {
  const HostToken& token = program_[word];
  const HostToken& before = program_[word - 1];
  const HostToken& next = program_[word + 1];
  if (token.kind != HostTokenKind::kName || before.IsName("def") || before.IsName("alias") ||
      program_.IsMember(word - 1) || before.Is(".") || before.Is("&.") || before.Is("::") ||
      next.Is("(") || (next.Is("=") && !program_.IsComparison(word + 1)) || !Holds(models_, word) ||
      Holds(of_records_, word) || locals_.count(token.text) > 0) {
    return nullptr;
  }
  const ModelMethod* const method = FindModelMethod(token.text);
  return method != nullptr && IsOfQueries(method->role) ? method : nullptr;
}

bool OwnQueries::GivesRecords(size_t word) const { return MethodAt(word) != nullptr; }

bool OwnQueries::Acts(size_t word) const {
  const HostToken& next = program_[word + 1];
  const bool bare = next.kind == HostTokenKind::kNewline || next.Is(".") || next.Is("&.") ||
                    next.Is(";") || next.Is("}") || next.Is(")") || next.IsName("end");
  const ModelMethod* const method = bare ? MethodAt(word) : nullptr;
  return method != nullptr && method->safety == Safety::kDestructive;
}

}  // namespace dbfleet::sql

#include "common/sql/active_record/host_records.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/active_record/host_targets.h"
#include "common/sql/active_record/method_table.h"
#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

// Laravel's, where nearly all programs have them.
bool IsInModels(absl::string_view name) { return absl::StrContains(name, "\\Models\\"); }

absl::string_view LastOf(absl::string_view name) {
  const size_t space = name.rfind('\\');
  return space == absl::string_view::npos ? name : name.substr(space + 1);
}

// Devise's and the like: current_user, current_admin_user.
bool IsSignedIn(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {"account", "admin",  "company",      "customer",
                                                 "member",  "owner",  "organization", "shop",
                                                 "store",   "tenant", "team",         "user"};
  return absl::StartsWith(name, "current_") && IsOneOf(name.substr(name.rfind('_') + 1), kNames);
}

}  // namespace

HostRecords::HostRecords(const HostProgram& program) : program_(program) {
  if (!program.php()) return;
  FindModels();
  FindParameters();
}

// use App\Models\Order; use App\Models\{Order, User as Person};
void HostRecords::FindModels() {
  constexpr size_t kLongest = 200;  // In tokens.
  for (size_t i = 0; i < program_.size(); ++i) {
    if (!program_[i].IsName("use")) continue;
    const std::string space = absl::StrCat("\\", program_[i + 1].text);
    if (!IsInModels(absl::StrCat(space, "\\"))) continue;
    const bool list = program_[i + 2].Is("{") || program_[i + 3].Is("{");
    if (!list && !IsInModels(space)) continue;
    for (size_t k = i + 1; k < i + kLongest && k < program_.size() && !program_[k].Is(";"); ++k) {
      const bool name = program_[k].kind == HostTokenKind::kName && !program_[k].IsName("as");
      if (name) models_.insert(absl::AsciiStrToLower(LastOf(program_[k].text)));
    }
  }
}

// function approve(Order $order, ?\App\Models\User $user), private Order $order
void HostRecords::FindParameters() {
  for (size_t i = 0; i < program_.size(); ++i) {
    const HostToken& type = program_[i];
    if (type.kind != HostTokenKind::kName || program_[i + 1].kind != HostTokenKind::kVariable) {
      continue;
    }
    if (IsInModels(type.text) || models_.count(absl::AsciiStrToLower(type.text)) > 0) {
      parameters_.insert(std::string(program_[i + 1].text));
    }
  }
}

void HostRecords::Bind(const HostChain& chain) {
  const size_t value = chain.range.begin;
  if (program_.php()) return BindProperty(value);
  for (size_t target : TargetsOf(program_, value)) {
    if (absl::StartsWith(program_[target].text, "@")) {
      bound_.insert(std::string(program_[target].text));
    }
  }
  BindMethod(chain);
}

// $this->order = Order::find(1);
void HostRecords::BindProperty(size_t value) {
  for (size_t i = value; i-- > 0 && value - i < 5;) {
    const bool property = program_[i].kind == HostTokenKind::kName && i > 1 &&
                          program_[i - 1].Is("->") && program_[i - 2].text == "$this";
    if (property) {
      bound_.insert(absl::StrCat("->", program_[i].text));
      return;
    }
    if (!program_[i].Is("=") && !program_[i].Is("?")) return;
  }
}

// def order ... end, which gives what it found: Order.find(1), or @order ||= Order.find(1).
void HostRecords::BindMethod(const HostChain& chain) {
  size_t begin = chain.range.begin;
  if (begin > 1 && program_[begin - 1].Is("=")) {
    --begin;
    while (begin > 0 && program_[begin - 1].Is("|")) --begin;
    if (begin > 0) --begin;
  }
  if (begin < 3 || program_[begin - 1].kind != HostTokenKind::kNewline) return;
  const HostToken& after = program_[chain.range.end];
  const bool ends = after.IsName("end") || (after.kind == HostTokenKind::kNewline &&
                                            program_[chain.range.end + 1].IsName("end"));
  if (ends && program_[begin - 2].kind == HostTokenKind::kName &&
      program_[begin - 3].IsName("def")) {
    bound_.insert(std::string(program_[begin - 2].text));
  }
}

bool HostRecords::BeginsOn(const HostChain& chain) const {
  if (program_.php()) {
    return chain.receiver == "$this" && chain.calls.size() > 1 && chain.calls[0].is_property &&
           bound_.count(absl::StrCat("->", chain.calls[0].name)) > 0;
  }
  return IsSignedIn(chain.receiver) &&
         std::any_of(chain.calls.begin() + 1, chain.calls.end(), [](const HostCall& call) {
           const ModelMethod* method = FindModelMethod(call.name);
           return method != nullptr && method->role == MethodRole::kRead;
         });
}

bool HostRecords::MayBegin(const HostChain& chain) const {
  if (!program_.php()) return IsSignedIn(chain.receiver);
  if (parameters_.count(chain.receiver) > 0) return true;
  // private Order $order
  return chain.receiver == "$this" && chain.calls.size() > 1 && chain.calls[0].is_property &&
         parameters_.count(absl::StrCat("$", chain.calls[0].name)) > 0;
}

}  // namespace dbfleet::sql

#include "common/sql/active_record/host_builders.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

// fetchAllAssociative(), getSingleResult().
bool Fetches(absl::string_view lower) {
  return absl::StartsWith(lower, "fetch") ||
         (absl::StartsWith(lower, "get") && absl::EndsWith(lower, "result"));
}

// Source: the documentation of Doctrine DBAL's and ORM's QueryBuilder, and of ORM's Query.
bool OnlyReads(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {
      "addgroupby",    "addorderby",   "addselect",     "andhaving", "andwhere", "distinct",
      "executequery",  "expr",         "from",          "getdql",    "getquery", "getrootaliases",
      "getsql",        "groupby",      "having",        "innerjoin", "join",     "leftjoin",
      "orderby",       "orhaving",     "orwhere",       "rightjoin", "select",   "setfirstresult",
      "setmaxresults", "setparameter", "setparameters", "where"};
  const std::string lower = absl::AsciiStrToLower(name);
  return IsOneOf(lower, kNames) || Fetches(lower);
}

bool GivesNoBuilder(absl::string_view lower) {
  return lower == "executequery" || lower == "getsql" || lower == "getdql" || Fetches(lower);
}

bool MakesBuilder(absl::string_view lower) {
  return lower == "createquerybuilder" || lower == "createquery";
}

bool AllRead(const HostChain& chain, size_t from) {
  return std::all_of(
      chain.calls.begin() + static_cast<std::ptrdiff_t>(from), chain.calls.end(),
      [](const HostCall& call) { return !call.is_property && OnlyReads(call.name); });
}

}  // namespace

std::string BuilderKey(absl::string_view variable) { return absl::StrCat("builder ", variable); }

HostBuilders::HostBuilders(const HostProgram& program, const HostLocals& locals)
    : program_(program), locals_(locals) {
  bool any = false;  // Nothing is bound to a builder otherwise.
  for (size_t i = 0; program.php() && !any && i < program.size(); ++i) {
    any = program[i].kind == HostTokenKind::kName &&
          MakesBuilder(absl::AsciiStrToLower(program[i].text));
  }
  if (!any) return;
  for (size_t i = 0; i < program.size(); ++i) {
    if (locals.IsLocal(i)) Look(i);
    FindNamed(i);
  }
}

// compact('qb') hands it on, get_defined_vars() all of them.
void HostBuilders::FindNamed(size_t i) {
  const HostToken& token = program_[i];
  if (token.kind == HostTokenKind::kString) {
    for (const StringPart& part : token.parts) named_.insert(absl::StrCat("$", part.text));
  }
  const bool called = token.kind == HostTokenKind::kName && program_[i + 1].Is("(");
  if (called && absl::EqualsIgnoreCase(token.text, "get_defined_vars")) all_named_ = true;
  if (!called || !absl::EqualsIgnoreCase(token.text, "compact")) return;
  for (size_t k = i + 2; k < program_.CloseOf(i + 1) && k < program_.size(); ++k) {
    const bool name = program_[k].kind == HostTokenKind::kString || program_[k].Is(",");
    all_named_ = all_named_ || !name;
  }
}

void HostBuilders::Look(size_t i) {
  Variable& variable = variables_[locals_.KeyOf(i)];
  const HostToken& next = program_[i + 1];
  const HostToken& before = program_[i - 1];
  // Chains are only followed as long as anything may come of it, each from its beginning.
  if (before.Is("->") || before.Is("?->")) variable.understood = false;
  if (!variable.understood) return;
  if (next.Is("=") && !program_[i + 2].Is("=")) {
    const bool plain = before.text.empty() || before.Is(";") || before.Is("{") || before.Is("}");
    const bool builder = plain && Binds(i);
    variable.bound = variable.bound || builder;
    variable.understood = variable.understood && builder;
  } else if (next.Is("->")) {
    const std::optional<HostChain> chain = program_.ChainAt(i, program_.size());
    const bool reads =
        !before.Is("&") && chain.has_value() && AllRead(*chain, 0) && StaysHere(i, *chain);
    variable.understood = variable.understood && reads;
  } else if (!(before.IsName("return") && next.Is(";"))) {
    variable.understood = false;
  }
}

// The builder itself, which its methods give, goes nowhere else: it is told something, is put back
// where it was, is returned, or what it gives is no builder any more.
bool HostBuilders::StaysHere(size_t i, const HostChain& chain) const {
  const bool gives = std::any_of(chain.calls.begin(), chain.calls.end(), [](const HostCall& call) {
    return GivesNoBuilder(absl::AsciiStrToLower(call.name));
  });
  const bool ends = program_[chain.range.end].Is(";");
  const HostToken& before = program_[i - 1];
  if (gives || program_.IsWholeStatement(chain.range)) return true;
  if (!ends) return false;
  if (before.IsName("return")) return true;
  // $qb = $qb->where(...); $query = $qb->getQuery();
  const bool query = absl::EqualsIgnoreCase(chain.calls.back().name, "getQuery");
  return before.Is("=") && program_[i - 2].kind == HostTokenKind::kVariable &&
         (query || program_[i - 2].text == program_[i].text);
}

// $qb = $em->createQueryBuilder()->...; $qb = $qb->where(...); $query = $qb->getQuery();
bool HostBuilders::Binds(size_t i) const {
  const std::optional<HostChain> chain = program_.ChainAt(i + 2, program_.size());
  if (!chain.has_value() || chain->receiver_kind != Receiver::kVariable ||
      !program_[chain->range.end].Is(";")) {
    return false;
  }
  for (size_t k = 0; k < chain->calls.size(); ++k) {
    // The SQL of createQuery() is judged where it stands.
    const bool makes = MakesBuilder(absl::AsciiStrToLower(chain->calls[k].name));
    if (makes && !chain->calls[k].is_property) return AllRead(*chain, k + 1);
    if (!chain->calls[k].is_property) break;  // $this->em->createQueryBuilder()
  }
  if (!locals_.IsLocal(i + 2) || !AllRead(*chain, 0)) return false;
  // A builder goes on being one; of another variable only its query.
  if (program_[i + 2].text == program_[i].text) return true;
  const auto other = variables_.find(locals_.KeyOf(i + 2));
  return other != variables_.end() && other->second.bound && other->second.understood;
}

bool HostBuilders::Holds(size_t i) const {
  if (!locals_.IsLocal(i)) return false;
  const auto found = variables_.find(locals_.KeyOf(i));
  return found != variables_.end() && found->second.bound && found->second.understood &&
         !all_named_ && named_.count(std::string(program_[i].text)) == 0 &&
         locals_.IsOnlyItsMethods(program_[i].text);
}

void HostBuilders::AddTo(HostRange range, HostContext* context) const {
  for (size_t i = range.begin; i < range.end; ++i) {
    if (Holds(i)) context->prepared[BuilderKey(program_[i].text)] = "builder";
  }
}

}  // namespace dbfleet::sql

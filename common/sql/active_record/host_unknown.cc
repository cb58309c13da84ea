#include "common/sql/active_record/host_unknown.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "common/base/text.h"
#include "common/sql/active_record/acting_words.h"
#include "common/sql/active_record/given_sql.h"
#include "common/sql/active_record/harmless_functions.h"
#include "common/sql/active_record/host_declarations.h"
#include "common/sql/active_record/host_effects.h"
#include "common/sql/active_record/host_functions.h"
#include "common/sql/active_record/host_reader.h"
#include "common/sql/active_record/receivers.h"
#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

bool IsElement(const HostCall& call) {
  static constexpr absl::string_view kOthers[] = {"fetch", "pop", "sample", "shift"};
  const std::string name = absl::AsciiStrToLower(call.name);
  return GivesOneRecord(name) || IsOneOf(name, kOthers) || (call.is_property && name == "each");
}

bool IsElementOfPage(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {
      "a",   "article", "b",     "br",   "button", "code",  "div",   "em", "footer", "h1", "h2",
      "h3",  "h4",      "hr",    "i",    "img",    "input", "label", "li", "nav",    "ol", "p",
      "pre", "section", "small", "span", "strong", "svg",   "table", "td", "th",     "tr", "ul"};
  return IsOneOf(name, kNames);
}

}  // namespace

bool HostUnknown::ConstructsRepository(const HostChain& chain) const {
  if (chain.receiver != "parent" || chain.calls.size() != 1 ||
      !absl::EqualsIgnoreCase(chain.calls[0].name, "__construct")) {
    return false;
  }
  for (const HostRange& argument : chain.calls[0].arguments) {
    const bool variable = argument.end == argument.begin + 1 &&
                          program_[argument.begin].kind == HostTokenKind::kVariable;
    if (!variable && !absl::EndsWith(program_.Source(argument), "::class")) return false;
  }
  return std::any_of(repositories_.begin(), repositories_.end(), [&](const HostRange& body) {
    return body.begin < chain.range.begin && chain.range.end < body.end;
  });
}

// None if the name of Doctrine's class is given to another one.
std::vector<HostRange> HostUnknown::RepositoriesOf(const HostProgram& program) {
  static constexpr absl::string_view kBases[] = {"EntityRepository", "ServiceEntityRepository"};
  std::vector<HostRange> bodies;
  for (size_t i = 0; i < program.size() && program.php(); ++i) {
    if (program[i].kind != HostTokenKind::kName) continue;
    const absl::string_view full = program[i].text;
    const size_t space = full.rfind('\\');
    const absl::string_view name = space == absl::string_view::npos ? full : full.substr(space + 1);
    if (!IsOneOf(name, kBases)) continue;
    const bool theirs = absl::StartsWith(absl::StripPrefix(full, "\\"), "Doctrine\\");
    if (program[i - 1].IsName("use") && theirs && program[i + 1].Is(";")) continue;
    if (!program[i - 1].IsName("extends") || (space != absl::string_view::npos && !theirs)) {
      return {};
    }
    size_t body = i + 1;
    while (body < i + 30 && body < program.size() && !program[body].Is("{")) ++body;
    if (program[body].Is("{")) bodies.push_back({body, program.CloseOf(body)});
  }
  return bodies;
}

std::string HostUnknown::DoubtOfEffect(const HostChain& chain, bool held) const {
  if (ConstructsRepository(chain)) return "";
  if (const size_t from = BehindUser(chain); from > 0) {
    return Discards(chain) ? trust_.DoubtOf(MayWrite(program_, chain, from, IsTail(chain))) : "";
  }
  if (chain.receiver_kind == Receiver::kClass) return "";
  const bool plain =
      chain.receiver_kind == Receiver::kVariable && variables_.IsPlain(chain.receiver);
  if (plain && !held) {
    // What is in a list may be anything: $users->each->archive(), list.first.archive.
    const bool element = chain.calls.size() > 1 && IsElement(chain.calls[0]);
    if (!element || !Discards(chain)) return "";
    return trust_.DoubtOf(MayWrite(program_, chain, 1, IsTail(chain)));
  }
  if (!Discards(chain)) return "";
  // $m = new mysqli(...); $m->close();
  if (chain.calls.size() == 1 && variables_.MayHoldConnection(chain.receiver) &&
      IsHarmlessOfConnection(chain.calls[0].name)) {
    return "";
  }
  // tag.span "..."
  if (!program_.php() && chain.calls.size() == 1 && chain.receiver == "tag" &&
      IsElementOfPage(chain.calls[0].name)) {
    return "";
  }
  if (variables_.IsResult(chain.receiver) && OnlyOfResult(chain)) return "";
  // A function, and what the file defines, is judged by itself.
  const bool function = chain.receiver_kind == Receiver::kNone;
  const bool each = std::any_of(chain.calls.begin(), chain.calls.end(),
                                [](const HostCall& call) { return call.is_property; });
  if (function && (chain.calls.size() == 1 || (IsDataFunction(chain.calls[0].name) && !each))) {
    return "";
  }
  // new(order).call: of this class.
  if (!program_.php() && function && chain.calls[0].name == "new" && chain.calls.size() == 2 &&
      trust_.Defines(chain.calls[1].name)) {
    return "";
  }
  // user.login, with more behind it: nobody asks an attribute for nothing.
  const HostCall& last = chain.calls.back();
  const bool word = !program_.php() && !function && last.bare() && NamesAttribute(last.name) &&
                    last.op == HostOperator::kNone && last.name.back() != '?';
  if (word && !shared_.IsTail(chain.range.end)) return trust_.DoubtOf(last.name);
  const bool made =
      !program_.php() && chain.receiver == "new" && trust_.Defines(chain.calls[0].name);
  if (made && chain.calls.size() == 1) return "";  // new.call
  const bool own = (chain.receiver == "$this" || chain.receiver == "self") &&
                   !chain.calls[0].is_property && trust_.Defines(chain.calls[0].name);
  return trust_.DoubtOf(MayWrite(program_, chain, function || own ? 1 : 0, IsTail(chain)));
}

bool HostUnknown::Discards(const HostChain& chain) const {
  return IsDiscarded(program_, shared_.blocks(), chain);
}
// What a method of Ruby gives.
bool HostUnknown::IsTail(const HostChain& chain) const {
  static constexpr absl::string_view kForEffect[] = {"each",      "each_value", "each_with_index",
                                                     "find_each", "tap",        "times"};
  const size_t open = shared_.blocks().OpenOf(chain.range.begin);
  if (program_.php() || open == HostBlocks::kNone || open == 0) return false;
  return !IsOneOf(program_[open - 1].text, kForEffect) && shared_.IsTail(chain.range.end);
}

// Payment::find(1)->reverse(): what computes with lists and queries is a verb of a record.
std::string HostUnknown::DoubtOfVerb(const HostChain& chain) const {
  const size_t last = chain.calls.size() - 1;
  // orders.find_by_and_close: who asks for a column says what it has to be.
  const bool finds = absl::StartsWith(chain.calls[last].name, "find_by_");
  if (!finds && (last == 0 || !GivesOneRecord(chain.calls[last - 1].name))) return "";
  if (!MayBeVerb(program_, chain, last, IsTail(chain)) || !Discards(chain)) return "";
  return trust_.DoubtOf(chain.calls[last].name);
}

namespace {

// $this->model, orderRepository, klass: what finds records of a class that nobody sees.
bool IsRepository(absl::string_view holder) {
  static constexpr absl::string_view kEnds[] = {
      "constantize", "klass", "model", "models", "repo", "repos", "repositories", "repository"};
  const std::string lower = absl::AsciiStrToLower(holder.substr(0, holder.find('[')));
  return std::any_of(std::begin(kEnds), std::end(kEnds),
                     [&](absl::string_view end) { return absl::EndsWith(lower, end); }) ||
         absl::EndsWith(lower, "_class") || lower == "class" || lower == "const_get";
}

absl::string_view HolderOf(const HostChain& chain, size_t link) {
  return link > 0 ? chain.calls[link - 1].name : absl::string_view(chain.receiver);
}

bool FindsAt(const HostChain& chain, size_t link) {
  const HostCall& call = chain.calls[link];
  return !call.is_property && GivesOneRecord(call.name) &&
         (chain.OnClassOfValue(call) || IsRepository(HolderOf(chain, link)));
}

// $order->items()->where(...): a relation, which the rest of the chain asks.
bool IsRelationOf(const HostChain& chain, size_t link) {
  const HostCall& call = chain.calls[link];
  if (!call.has_parens || !call.arguments.empty() || link + 1 == chain.calls.size() ||
      NamesWrite(call.name) || NamesDeedOfRecord(call.name, false)) {
    return false;
  }
  const HostCall& next = chain.calls[link + 1];
  const ModelMethod* method = FindModelMethod(next.name);
  return !next.is_property && method != nullptr &&
         (method->role == MethodRole::kRefine || method->role == MethodRole::kRead);
}

}  // namespace

bool FindsByRepository(const HostProgram& program, const HostChain& chain) {
  return chain.receiver_kind != Receiver::kClass && FindsAt(chain, chain.calls.size() - 1) &&
         (program.php() || !chain.calls.back().block.has_value());
}

// $user->notify(new Paid), $token->revoke(): of a user or token, whatever holds it.
bool HostUnknown::WritesAnywhere(const HostChain& chain, size_t link) const {
  const HostCall& call = chain.calls[link];
  const std::string name = absl::AsciiStrToLower(call.name);
  if (name == "notify" || name == "notifynow") {
    return program_.php() && !call.arguments.empty() &&
           program_[call.arguments[0].begin].IsName("new");
  }
  return name == "revoke" &&
         absl::StrContains(absl::AsciiStrToLower(HolderOf(chain, link)), "token");
}

std::string HostUnknown::DoubtOfDeed(const HostChain& chain, bool record) const {
  const bool of_class = chain.receiver_kind == Receiver::kClass;
  if (of_class && (!IsModelClass(chain.receiver) || IsFacade(program_, chain.receiver) ||
                   ReviewOfClass(chain.receiver, "") != OfClass::kNotReviewed)) {
    return "";
  }
  if (!of_class && !record && variables_.IsPlain(chain.receiver)) return "";
  const std::string first = absl::AsciiStrToLower(chain.calls[0].name);
  const bool of_user = program_.php() && chain.receiver_kind == Receiver::kNone && first == "auth";
  bool certain = of_class || record || of_user || BehindUser(chain) > 0;
  bool found = false;  // By a query of what is not known.
  for (size_t i = 0; i < chain.calls.size(); ++i) {
    const HostCall& call = chain.calls[i];
    if (call.is_property || call.op != HostOperator::kNone) continue;
    const bool function = i == 0 && chain.receiver_kind == Receiver::kNone;
    const bool scope = of_class && trust_.DeclaresScope(call.name);
    const bool bare = !program_.php() && call.bare();
    // company.orders.cancel_all, self.cancel_stale.count
    const bool of_list = i > 0 && !program_.php() && chain.calls[i - 1].bare() &&
                         NamesCollection(chain.calls[i - 1].name) &&
                         !IsPlainData(chain.calls[i - 1].name);
    const bool own =
        i == 0 && !program_.php() && chain.receiver == "self" && !trust_.Defines(call.name);
    const bool acts =
        certain || own ? NamesDeedOfRecord(call.name, bare)
                       : ((found || of_list) && NamesDeed(call.name)) || WritesAnywhere(chain, i);
    // What the table has is judged by that.
    const bool in_table = FindModelMethod(call.name) != nullptr && !(bare && call.name == "sync");
    if (acts && !function && !scope && !in_table) {
      return absl::StrCat("calls ", SanitizeForDisplay(Truncate(call.name, 60)),
                          ", which is called like what acts on a record, and is not known");
    }
    certain = certain || FindsAt(chain, i);
    found = found || GivesOneRecord(call.name);
  }
  return "";
}

std::string HostUnknown::DoubtInArguments(const HostChain& chain,
                                          const LocalRecords& records) const {
  for (const HostCall& call : chain.calls) {
    for (const HostRange& argument : call.arguments) {
      for (size_t i = argument.begin; i < argument.end; ++i) {
        const HostToken& token = program_[i];
        if (program_.php() && token.IsName("function")) {
          while (i < argument.end && !program_[i].Is("{")) ++i;
          i = std::max(i, std::min(program_.CloseOf(i), argument.end));
          continue;
        }
        const bool begins =
            token.kind == HostTokenKind::kName || token.kind == HostTokenKind::kVariable;
        if (!begins || program_.IsMember(i - 1)) continue;
        const std::optional<HostChain> inner = program_.ChainAt(i, argument.end);
        if (!inner.has_value()) continue;
        // SQL of the reader's own: Sequel.lit("..."), Arel.star.
        const bool own = inner->receiver == "Sequel" || inner->receiver == "Arel";
        const bool arel = inner->calls[0].name == "arel_table";
        if (arel || (own && inner->calls[0].name != "function")) continue;
        std::string doubt = trust_.DoubtOfCall(*inner);
        const bool record = records.Hold(inner->receiver) || shared_.BeginsOn(*inner) ||
                            (!program_.php() && shared_.MayBegin(*inner));
        if (doubt.empty() && !(program_.php() && record)) {
          doubt = DoubtOfDeed(*inner, record);
        }
        if (doubt.empty() && IsOfModel(program_, *inner) &&
            !ReachesDatabase(program_, *inner, false, &variables_)) {
          doubt = HostTrust::DoubtOf(inner->calls[0].name);
        }
        if (!doubt.empty()) return doubt;
      }
    }
  }
  return "";
}

std::string HostUnknown::DoubtOfTyped(const HostChain& chain) const {
  // What a repository found is one, too.
  size_t from = 0;
  if (!shared_.MayBegin(chain)) {
    while (from < chain.calls.size() && !FindsAt(chain, from)) ++from;
    ++from;
  }
  while (from < chain.calls.size()) {
    const absl::string_view unknown = MayWrite(program_, chain, from, false);
    if (unknown.empty()) return "";
    size_t link = from;
    while (link < chain.calls.size() && chain.calls[link].name.data() != unknown.data()) ++link;
    if (link == chain.calls.size() || !IsRelationOf(chain, link)) return trust_.DoubtOf(unknown);
    from = link + 1;
  }
  return "";
}

std::string HostUnknown::DoubtOfSql(const HostChain& chain, bool reaches) const {
  // What stands in an index of a known connection is read as its SQL. Of any other constant, which
  // is taken for a model, nobody reads it.
  const bool read = reaches && IsConnectionName(chain.receiver.substr(0, chain.receiver.find('[')));
  for (const HostRange& inside : chain.inside) {
    if (!read && BeginsLikeWrite(program_, inside, false)) {
      return "has SQL that writes in an index";  // db["DELETE ..."].to_a
    }
  }
  for (const HostCall& call : chain.calls) {
    if (call.arguments.empty() || call.arguments[0].end != call.arguments[0].begin + 1) continue;
    const HostToken& given = program_[call.arguments[0].begin];
    if (!variables_.MayHoldWritingSql(given.text) || !MayRunText(program_, chain, call)) continue;
    const ModelMethod* method = FindConnectionMethod(call.name);
    if (reaches && method != nullptr && method->role != MethodRole::kRead &&
        method->role != MethodRole::kRefine) {
      continue;
    }
    return absl::StrCat("is given SQL that writes, which ",
                        SanitizeForDisplay(Truncate(given.text, 60)), " holds");
  }
  return "";
}

// request()->user()->subscription()->cancel(), Auth::user()->approve(): the call behind the one
// who is signed in; 0 if it is not about that.
size_t HostUnknown::BehindUser(const HostChain& chain) const {
  if (!program_.php()) return 0;
  const std::string first = absl::AsciiStrToLower(chain.calls[0].name);
  const bool of_class =
      chain.receiver_kind == Receiver::kClass &&
      (absl::EndsWith(chain.receiver, "Auth") || absl::EndsWith(chain.receiver, "Request"));
  const bool of_function = chain.receiver_kind == Receiver::kNone && first == "request";
  if (!of_class && !of_function) return 0;
  for (size_t i = of_function ? 1 : 0; i + 1 < chain.calls.size(); ++i) {
    if (absl::EqualsIgnoreCase(chain.calls[i].name, "user")) return i + 1;
  }
  return 0;
}

std::string CallableOf(const HostProgram& program, const HostRange& argument) {
  const size_t i = argument.begin;
  const bool one = argument.end == i + 1;
  if (one && program[i].kind == HostTokenKind::kVariable) return std::string(program[i].text);
  const bool list = program[i].Is("[") && program[i + 2].Is(",");
  if (const auto word = ReadWord(program, list ? HostRange{i + 3, i + 4} : argument)) {
    return *word;
  }
  const bool own = program[i].text == "$this" && program.IsMember(i + 1);
  return own && program[i + 3].Is("(") && program.Source({i + 4, argument.end - 1}) == "..."
             ? std::string(program[i + 2].text)
             : "";
}

bool IsOfModel(const HostProgram& program, const HostChain& chain) {
  static constexpr absl::string_view kOwn[] = {"parent", "self", "static"};
  const HostToken& before = program[chain.range.begin - 1];
  const bool inside =
      before.Is("::") && program[chain.range.begin - 2].kind == HostTokenKind::kName;
  return chain.receiver_kind == Receiver::kClass && IsModelClass(chain.receiver) && !inside &&
         ReviewOfClass(chain.receiver, chain.calls[0].name) == OfClass::kNotReviewed &&
         !IsResourceCall(chain) && !IsOneOf(chain.receiver, kOwn) && !before.IsName("def") &&
         CallsSomething(program, chain, true);
}

bool CallsClassOfValue(const HostProgram& program, const HostChain& chain) {
  return program.php() &&
         std::any_of(chain.calls.begin(), chain.calls.end(),
                     [&](const HostCall& call) { return chain.OnClassOfValue(call); }) &&
         CallsSomething(program, chain, true);
}

bool GivesElements(absl::string_view function) {
  static constexpr absl::string_view kNames[] = {"array_chunk",
                                                 "array_combine",
                                                 "array_diff",
                                                 "array_filter",
                                                 "array_find",
                                                 "array_first",
                                                 "array_intersect",
                                                 "array_last",
                                                 "array_merge",
                                                 "array_pad",
                                                 "array_pop",
                                                 "array_replace",
                                                 "array_reverse",
                                                 "array_shift",
                                                 "array_slice",
                                                 "array_splice",
                                                 "array_unique",
                                                 "array_values",
                                                 "current",
                                                 "data_get",
                                                 "end",
                                                 "head",
                                                 "iterator_to_array",
                                                 "last",
                                                 "next",
                                                 "optional",
                                                 "prev",
                                                 "reset"};
  return IsOneOf(absl::AsciiStrToLower(function), kNames);
}

bool AppendsToVariable(const HostProgram& program, const HostChain& chain) {
  static constexpr absl::string_view kNames[] = {
      "add",       "append",  "attach", "concat", "enqueue", "insert",  "merge!",
      "offsetSet", "prepend", "push",   "put",    "store",   "unshift", "update"};
  const HostCall& call = chain.calls.back();
  const absl::string_view list = program[chain.range.begin].text;
  const bool local = chain.calls.size() == 1
                         ? chain.receiver == list
                         : chain.calls.size() == 2 && chain.receiver.empty() &&
                               chain.calls[0].bare() && chain.calls[0].name == list;
  const bool appends = call.op == HostOperator::kAppend || IsOneOf(call.name, kNames);
  return appends && local;
}

}  // namespace dbfleet::sql

#include <map>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/active_record/host_prepared.h"
#include "common/sql/active_record/words.h"

// Prepared statements that an object keeps for its methods.
namespace dbfleet::sql {
namespace {

// What reaches the properties of an object, or the object itself, by another way than "$this->x"
// and "@x": copies, names in values, what is mixed in.
bool ReachesObject(const HostProgram& program, size_t i) {
  static constexpr absl::string_view kPhp[] = {
      "closure", "__set",        "__unserialize", "__wakeup",     "clone", "eval",
      "include", "include_once", "require",       "require_once", "trait", "unserialize"};
  static constexpr absl::string_view kRuby[] = {"__send__",
                                                "attr",
                                                "attr_accessor",
                                                "attr_writer",
                                                "binding",
                                                "class_eval",
                                                "class_exec",
                                                "define_method",
                                                "eval",
                                                "extend",
                                                "include",
                                                "instance_eval",
                                                "instance_exec",
                                                "instance_variable_set",
                                                "module_eval",
                                                "module_exec",
                                                "prepend",
                                                "public_send",
                                                "remove_instance_variable",
                                                "send"};
  const HostToken& token = program[i];
  for (const StringPart& part : token.parts) {
    const bool object = absl::StrContains(part.text, "$this") || absl::StrContains(part.text, "@");
    if (part.is_code && object &&
        (absl::StrContains(part.text, "=") || absl::StrContains(part.text, "("))) {
      return true;
    }
  }
  const bool member = program[i - 1].Is("->") || program[i - 1].Is("?->");
  if (!program.php()) {
    return (token.kind == HostTokenKind::kName || token.kind == HostTokenKind::kSymbol) &&
           IsOneOf(token.text, kRuby);
  }
  // $o->$name, $this->{'st'}
  if (member && token.kind != HostTokenKind::kName) return true;
  if (token.text == "$this") return !program[i + 1].Is("->");
  if (token.kind != HostTokenKind::kName) return false;
  const std::string lower = absl::AsciiStrToLower(token.text);
  return IsOneOf(lower, kPhp) || absl::StrContains(lower, "reflection");
}

// private ?PDOStatement $st; private $st = null;
bool DeclaresPrivate(const HostProgram& program, size_t i) {
  bool is_private = false;
  for (size_t k = i; k-- > 0 && k + 4 > i;) {
    const HostToken& token = program[k];
    if (token.Is(";") || token.Is("{") || token.Is("}") || token.Is("(") || token.Is(",")) break;
    is_private = is_private || token.IsName("private");
  }
  const bool ends =
      program[i + 1].Is(";") ||
      (program[i + 1].Is("=") && program[i + 2].IsName("null") && program[i + 3].Is(";"));
  return is_private && ends;
}

// class Foo::Repo < Base
bool HasSuperclass(const HostProgram& program, size_t i) {
  for (; i < program.size() && program[i].kind != HostTokenKind::kNewline && !program[i].Is(";");
       ++i) {
    if (program[i].Is("<")) return true;
  }
  return false;
}

size_t ClassEnd(const HostProgram& program, size_t i) {
  constexpr size_t kLongestHead = 60;
  if (!program.php()) return 0;
  size_t open = i + 1;
  while (open < i + kLongestHead && open < program.size() && !program[open].Is("{")) ++open;
  // Of a head that is longer than that, everything is inside.
  return program[open].Is("{") ? program.CloseOf(open) : program.size();
}

}  // namespace

// The last token of a property that only its own class reaches, and its name; 0 if none is there.
size_t HostPrepared::PropertyAt(size_t i, std::string* name) const {
  const HostToken& token = program_[i];
  if (!program_.php()) {
    if (token.kind != HostTokenKind::kVariable || token.text.size() < 2 || token.text[0] != '@' ||
        token.text[1] == '@') {
      return 0;
    }
    *name = std::string(token.text);
    return i;
  }
  if (token.text != "$this" || !program_[i + 1].Is("->") ||
      program_[i + 2].kind != HostTokenKind::kName || program_[i + 3].Is("(")) {
    return 0;
  }
  *name = absl::StrCat("$this->", program_[i + 2].text);
  return i + 2;
}

void HostPrepared::FindProperties() {
  int classes = 0;
  size_t class_end = 0;                 // Of PHP.
  std::set<std::string> others;         // Properties of what is not this object.
  std::map<std::string, int> declared;  // Private ones of PHP.
  for (size_t i = 0; i < program_.size(); ++i) {
    const HostToken& token = program_[i];
    const HostToken& before = program_[i - 1];
    if (ReachesObject(program_, i)) return;
    if (token.kind == HostTokenKind::kVariable && program_.php() && !before.Is("::") &&
        DeclaresPrivate(program_, i)) {
      ++declared[std::string(token.text.substr(1))];
    }
    if (token.kind != HostTokenKind::kName) continue;
    if ((before.Is("->") || before.Is("?->")) && program_[i - 2].text != "$this") {
      others.insert(std::string(token.text));
    }
    // class A { use Evil; }
    if (token.text == "use" && i < class_end && !program_[i + 1].Is("(")) return;
    if (token.text == "class" && !before.Is("::") && !before.Is(".")) {
      ++classes;
      class_end = ClassEnd(program_, i);
      if (!program_.php() && HasSuperclass(program_, i)) return;
    }
  }
  if (classes != 1) return;
  std::map<std::string, Variable> found;
  for (size_t i = 0; i < program_.size(); ++i) {
    std::string name;
    const size_t last = PropertyAt(i, &name);
    if (last == 0 && name.empty()) continue;
    Variable& variable = found[name];
    const HostToken& before = program_[i - 1];
    if (program_[last + 1].Is("=") && !program_[last + 2].Is("=") && !program_[last + 2].Is("~")) {
      const bool plain = before.Is(";") || before.Is("{") || before.Is("}") || before.Is(")") ||
                         before.kind == HostTokenKind::kNewline;
      if (!Bind(last, &variable) || !plain) variable.understood = false;
    } else if (before.Is("&") || before.IsName("for") || !IsUse(last)) {
      variable.understood = false;
    }
  }
  for (const auto& [name, variable] : found) {
    if (!variable.prepared || !variable.understood) continue;
    const std::string member = name.substr(name.rfind('>') + 1);
    const bool own = !program_.php() || (declared.count(member) > 0 && declared.at(member) == 1);
    if (own && others.count(member) == 0) properties_[name] = variable;
  }
}

}  // namespace dbfleet::sql

#include "common/sql/active_record/host_constants.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/active_record/host_functions.h"
#include "common/sql/active_record/host_text.h"
#include "common/sql/active_record/method_table.h"
#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

constexpr size_t kMostTexts = 64;
constexpr size_t kLongestTexts = 16 << 10;  // Of one variable, in bytes.
constexpr size_t kLongestValue = 500;       // In tokens.
constexpr size_t kFarthest = 5000;          // Between an assignment and what is sure of it.
constexpr size_t kNone = static_cast<size_t>(-1);

bool IsBlank(absl::string_view text) { return absl::StripAsciiWhitespace(text).empty(); }

// What separates the ways through a block, at its own level.
bool Separates(const HostProgram& program, size_t i) {
  static constexpr absl::string_view kPhp[] = {"case",     "default",   "endif", "endfor",
                                               "endwhile", "endswitch", "goto",  "endforeach"};
  static constexpr absl::string_view kRuby[] = {"else", "elsif", "ensure", "in", "rescue", "when"};
  const HostToken& token = program[i];
  if (token.kind != HostTokenKind::kName) return false;
  if (!program.php()) return IsOneOf(token.text, kRuby);
  const std::string lower = absl::AsciiStrToLower(token.text);
  const bool other = lower == "else" || lower == "elseif";
  return IsOneOf(lower, kPhp) || (other && !program[i - 1].Is("}"));
}

// An "if" behind an operator, whose "end" would close another block: x && if y ... end.
bool IsUnclear(const HostProgram& program, size_t i) {
  static constexpr absl::string_view kWords[] = {"if", "unless", "until", "while"};
  const HostToken& token = program[i];
  const HostToken& before = program[i - 1];
  if (token.kind != HostTokenKind::kName || !IsOneOf(token.text, kWords) || before.Is(".") ||
      before.Is("&.") || program.CloseOf(i) < program.size()) {
    return false;
  }
  return before.IsName("and") || before.IsName("or") || before.IsName("not") ||
         before.kind == HostTokenKind::kLabel ||
         (before.kind == HostTokenKind::kPunct && !before.Is(")") && !before.Is("]") &&
          !before.Is("}"));
}

}  // namespace

HostConstants::HostConstants(const HostProgram& program, const HostLocals& locals)
    : program_(program), locals_(locals) {
  FindDefined();
  FindBlocks();
  FindUses();
  unclear_ = unclear_ || !program.balanced();
  for (size_t i = 0; i < program.size(); ++i) {
    if (locals.IsLocal(i)) Look(i);
  }
}

// Methods that stand in the program itself may change what they are given.
void HostConstants::FindDefined() {
  static constexpr absl::string_view kDefiners[] = {"alias", "alias_method", "def", "define_method",
                                                    "define_singleton_method"};
  for (size_t i = 0; i < program_.size(); ++i) {
    const HostToken& token = program_[i];
    if (token.kind != HostTokenKind::kName) continue;
    if (program_.php()) {
      if (!token.IsName("function")) continue;
      const size_t name = program_[i + 1].Is("&") ? i + 2 : i + 1;
      defined_.insert(absl::AsciiStrToLower(program_[name].text));
    } else if (IsOneOf(token.text, kDefiners)) {
      for (size_t k = i + 1; k < i + 5 && program_[k].kind != HostTokenKind::kNewline; ++k) {
        defined_.insert(absl::AsciiStrToLower(program_[k].text));
      }
    }
  }
}

void HostConstants::FindBlocks() {
  const size_t size = program_.size();
  blocks_.assign(size, 0);
  loops_.assign(size, 0);
  std::vector<size_t> blocks;
  std::vector<HostRange> loops;
  for (size_t i = 0; i < size; ++i) {
    const HostToken& token = program_[i];
    while (!blocks.empty() && i >= program_.CloseOf(blocks.back())) blocks.pop_back();
    while (!loops.empty() && i >= loops.back().end) loops.pop_back();
    blocks_[i] = blocks.empty() ? 0 : blocks.back() + 1;
    const size_t close = program_.CloseOf(i);
    if (close < size) blocks.push_back(i);
    const bool name = token.kind == HostTokenKind::kName;
    jumps_ = jumps_ || (name && (program_.php() ? absl::EqualsIgnoreCase(token.text, "goto")
                                                : token.text == "retry" || token.text == "redo"));
    if (!program_.php()) {
      unclear_ = unclear_ || IsUnclear(program_, i);
      const bool loop = token.Is("{") || (name && (token.text == "do" || token.text == "while" ||
                                                   token.text == "until" || token.text == "for" ||
                                                   token.text == "begin"));
      if (loop && close < size) loops.push_back({i, close});
    } else if (name && !program_[i - 1].Is("->") && !program_[i - 1].Is("?->")) {
      const std::string lower = absl::AsciiStrToLower(token.text);
      const bool head = lower == "for" || lower == "foreach" || lower == "while";
      if (!head && lower != "do") {
        loops_[i] = loops.empty() ? 0 : loops.back().begin + 1;
        continue;
      }
      size_t body = i + 1;
      if (head) body = program_.CloseOf(i + 1) < size ? program_.CloseOf(i + 1) + 1 : size;
      if (!program_[body].Is(";")) {
        // Where a body without braces ends is not looked for.
        const bool braces = program_[body].Is("{") && program_.CloseOf(body) < size;
        const size_t end = braces ? program_.CloseOf(body) : size;
        loops.push_back({i, loops.empty() ? end : std::min(end, loops.back().end)});
      }
    }
    loops_[i] = loops.empty() ? 0 : loops.back().begin + 1;
  }
}

// Which argument of a call holds SQL; kNone if that is not known, or the program defines it.
size_t HostConstants::SqlOf(const HostChain& chain, size_t link) const {
  static constexpr absl::string_view kBare[] = {"execute", "find_by_sql"};
  static constexpr absl::string_view kShow[] = {"debug", "info"};
  const HostCall& call = chain.calls[link];
  const std::string lower = absl::AsciiStrToLower(call.name);
  if (defined_.count(lower) > 0 || call.op != HostOperator::kNone) return kNone;
  const bool bare = link == 0 && chain.receiver_kind == Receiver::kNone;
  if (link == 0) {
    if (const HostFunction* function = FunctionOf(program_, chain); function != nullptr) {
      if (function->role != MethodRole::kRaw || function->sql < 0) return kNone;
      const bool short_form = call.arguments.size() < static_cast<size_t>(function->full);
      return static_cast<size_t>(function->sql) - (short_form && function->sql > 0 ? 1 : 0);
    }
    if (bare && (program_.php() || !IsOneOf(lower, kBare))) return kNone;
  }
  if (IsOneOf(lower, kShow)) {
    const absl::string_view on =
        link == 0 ? absl::string_view(chain.receiver) : chain.calls[link - 1].name;
    const std::string holder = absl::AsciiStrToLower(on);
    return holder == "log" || absl::EndsWith(holder, "logger") ? 0 : kNone;
  }
  const auto runs = [](const ModelMethod* method) {
    return method != nullptr &&
           (method->role == MethodRole::kRaw || method->role == MethodRole::kRawRead);
  };
  return runs(FindConnectionMethod(lower)) || runs(FindModelMethod(lower)) ? 0 : kNone;
}

void HostConstants::FindUses(const HostChain& chain) {
  for (size_t link = 0; link < chain.calls.size(); ++link) {
    const HostCall& call = chain.calls[link];
    const size_t sql = SqlOf(chain, link);
    if (sql >= call.arguments.size()) continue;
    HostRange argument = call.arguments[sql];
    // find_by_sql([sql, x])
    if (const auto list = ReadList(program_, argument);
        !program_.php() && list.has_value() && !list->empty()) {
      argument = (*list)[0];
    }
    if (argument.end == argument.begin + 1) uses_[argument.begin] = true;
  }
}

void HostConstants::FindUses() {
  uses_.assign(program_.size(), false);
  for (size_t i = 0; i < program_.size(); ++i) {
    const HostToken& token = program_[i];
    const HostToken& before = program_[i - 1];
    const bool may_begin = token.kind == HostTokenKind::kVariable ||
                           token.kind == HostTokenKind::kName || program_.BeginsReceiver(i);
    if (!may_begin || before.Is(".") || before.Is("&.") || before.Is("->") || before.Is("?->") ||
        before.Is("::")) {
      continue;
    }
    const std::optional<HostChain> chain = program_.ChainAt(i, program_.size());
    if (chain.has_value()) FindUses(*chain);
  }
}

// echo $sql; puts sql
bool HostConstants::IsShown(size_t i) const {
  static constexpr absl::string_view kPhp[] = {"error_log", "print_r", "strlen", "var_dump"};
  static constexpr absl::string_view kRuby[] = {"p", "pp", "print", "puts"};
  const HostToken& next = program_[i + 1];
  const HostToken& before = program_[i - 1];
  const bool ends = next.Is(";") || next.text.empty() || next.kind == HostTokenKind::kNewline;
  if (program_.php() && (before.IsName("echo") || before.IsName("print"))) return ends;
  const bool parens = before.Is("(");
  const HostToken& name = parens ? program_[i - 2] : before;
  if (name.kind != HostTokenKind::kName || !(parens ? next.Is(")") : ends && !program_.php())) {
    return false;
  }
  const HostToken& on = program_[parens ? i - 3 : i - 2];
  if (on.Is(".") || on.Is("->") || on.Is("::") || on.Is("&.") || on.Is("?->") || on.IsName("def") ||
      on.IsName("function")) {
    return false;
  }
  const std::string lower = absl::AsciiStrToLower(name.text);
  return defined_.count(lower) == 0 &&
         (program_.php() ? IsOneOf(lower, kPhp) : IsOneOf(name.text, kRuby));
}

void HostConstants::Look(size_t i) {
  const HostToken& next = program_[i + 1];
  const HostToken& second = program_[i + 2];
  Variable& variable = variables_[locals_.KeyOf(i)];
  if (!variable.understood) return;
  if (next.Is("=") && !second.Is("=") && !second.Is("~") && !second.Is(">")) {
    Assign(i, i + 2, false, &variable);
  } else if (program_.php()
                 ? next.Is(".") && second.Is("=")
                 : (next.Is("<") && second.Is("<")) || (next.Is("+") && second.Is("="))) {
    Assign(i, i + 3, true, &variable);
  } else if (uses_[i] || IsShown(i)) {
    Use(i, &variable);
  } else {
    variable.understood = false;
  }
}

// size() if it does not end where a statement does.
size_t HostConstants::EndOfValue(size_t from) const {
  const size_t limit = std::min(program_.size(), from + kLongestValue);
  size_t end = from;
  while (end < limit) {
    const HostToken& token = program_[end];
    if (token.Is(";") ||
        (!program_.php() && (token.kind == HostTokenKind::kNewline || token.IsName("if") ||
                             token.IsName("unless") || token.IsName("end") || token.Is("}")))) {
      return end;
    }
    end = program_.CloseOf(end) < limit ? program_.CloseOf(end) + 1 : end + 1;
  }
  return end == program_.size() ? end : kNone;
}

void HostConstants::Assign(size_t i, size_t value, bool appends, Variable* variable) {
  const HostToken& before = program_[i - 1];
  // x and, x &&, x || go on behind the end of their line.
  const HostToken& ended = program_[i - 2];
  const bool goes_on = before.kind == HostTokenKind::kNewline &&
                       (ended.IsName("and") || ended.IsName("or") || ended.IsName("not") ||
                        ended.Is("&") || (ended.Is("|") && program_[i - 3].Is("|")));
  variable->understood = false;
  if (goes_on) return;
  const size_t end = EndOfValue(value);
  if (end == kNone) return;
  bool sure = before.text.empty() || before.Is(";") || before.Is("{") ||
              (program_.php() ? before.Is("}")
                              : before.kind == HostTokenKind::kNewline || before.Is("|") ||
                                    before.IsName("then") || before.IsName("do") ||
                                    before.IsName("begin") || before.IsName("else"));
  const bool maybe = program_.php() && (before.Is(")") || before.IsName("else") || before.Is(":"));
  if (!sure && !maybe) return;
  sure = sure && !program_[end].IsName("if") && !program_[end].IsName("unless");
  std::string sql;
  if (program_[value].kind == HostTokenKind::kString || program_[value].text == "$wpdb") {
    const HostText text = ReadHostText(program_, {value, end}, {});
    if (!text.known || (text.concatenates || text.escapes) ||
        absl::StrContains(text.value, kBetweenTexts))
      return;
    sql = text.value;
  } else {
    const bool nothing = program_[value].IsName("null") || program_[value].IsName("nil") ||
                         program_[value].IsName("NULL");
    if (appends || !nothing || end != value + 1) return;
  }
  variable->understood = true;
  variable->bound = true;
  const size_t seen = LoopOf(i) > 0 ? program_.CloseOf(LoopOf(i) - 1) : program_.size();
  variable->seen_until = std::max(variable->seen_until, seen);
  if (appends) {
    Append(i, sql, sure, variable);
  } else {
    variable->last_texts = variable->texts.size();
    variable->texts.push_back({std::move(sql), i});
  }
  // Of several in a row the last says all.
  const bool in_a_row = appends && variable->last_texts < variable->texts.size() &&
                        !variable->sure.empty() && variable->sure.back() == variable->last &&
                        blocks_[variable->last] == blocks_[i];
  if (sure && in_a_row) variable->sure.pop_back();
  if (sure) variable->sure.push_back(i);
  variable->last = i;
  variable->last_end = end;
  size_t bytes = 0;
  for (const Text& text : variable->texts) bytes += text.sql.size();
  if (variable->texts.size() > kMostTexts || bytes > kLongestTexts) variable->understood = false;
}

// Only plain assignments, of which none ends early.
bool HostConstants::IsQuiet(size_t begin, size_t end) const {
  for (size_t i = begin; i < end; ++i) {
    const HostToken& token = program_[i];
    const bool plain = std::all_of(token.parts.begin(), token.parts.end(),
                                   [](const StringPart& part) { return !part.is_code; });
    const bool assigned =
        token.kind == HostTokenKind::kName && !program_.php() && program_[i + 1].Is("=");
    const bool sign = token.Is(";") || token.Is("=") || token.Is("[") || token.Is("]") ||
                      token.Is(",") || token.Is("=>");
    if (!plain || !(sign || assigned || token.kind == HostTokenKind::kVariable ||
                    token.kind == HostTokenKind::kString || token.kind == HostTokenKind::kNumber ||
                    token.kind == HostTokenKind::kNewline)) {
      return false;
    }
  }
  return true;
}

size_t HostConstants::SureBefore(size_t i, const Variable& variable) const {
  for (size_t k = variable.sure.size(); k-- > 0;) {
    const size_t at = variable.sure[k];
    const size_t block = blocks_[at];
    if (i > at + kFarthest || (block > 0 && i >= program_.CloseOf(block - 1))) continue;
    bool parted = false;
    for (size_t t = at + 1; t < i && !parted; ++t) {
      const size_t close = program_.CloseOf(t);
      if (close < program_.size() && close >= i) break;  // What follows is inside of it.
      parted = Separates(program_, t);
      if (close < i) t = close;
    }
    if (!parted) return at + 1;
  }
  return 0;
}

void HostConstants::Append(size_t i, const std::string& sql, bool sure, Variable* variable) {
  std::vector<Text>& texts = variable->texts;
  const bool follows = variable->last_end > 0 && sure && blocks_[i] == blocks_[variable->last] &&
                       IsQuiet(variable->last_end, i);
  if (follows) {
    for (size_t k = variable->last_texts; k < texts.size(); ++k) {
      texts[k].sql += sql;
      texts[k].made_at = i;
    }
    return;
  }
  const size_t before = SureBefore(i, *variable);
  if (jumps_ || (LoopOf(i) > 0 && before <= LoopOf(i))) {
    variable->understood = false;  // It may be appended again and again.
    return;
  }
  const size_t count = texts.size();
  variable->last_texts = count;
  if (before == 0) texts.push_back({sql, i});
  for (size_t k = 0; k < count && texts.size() <= kMostTexts; ++k) {
    if (before == 0 || texts[k].made_at + 1 >= before) texts.push_back({texts[k].sql + sql, i});
  }
}

void HostConstants::Use(size_t i, Variable* variable) const {
  variable->last_end = 0;
  // Without an assignment in front of it, or behind the block of that, Ruby's word is a method.
  if (!variable->bound || (!program_.php() && i >= variable->seen_until)) {
    variable->understood = false;
    return;
  }
  // In a loop it may hold what is only given to it behind.
  variable->all_used = variable->all_used || jumps_ || LoopOf(i) > 0;
  const size_t before = SureBefore(i, *variable);
  for (size_t k = 0; k < variable->texts.size(); ++k) {
    if (variable->texts[k].made_at + 1 >= before) variable->used.insert(k);
  }
}

std::string HostConstants::TextsAt(size_t i) const {
  if (unclear_ || !locals_.IsLocal(i)) return "";
  const auto found = variables_.find(locals_.KeyOf(i));
  if (found == variables_.end() || !locals_.IsOnlyItsMethods(program_[i].text)) return "";
  const Variable& variable = found->second;
  if (!variable.understood || !variable.bound) return "";
  std::string all;
  for (size_t k = 0; k < variable.texts.size(); ++k) {
    const Text& text = variable.texts[k];
    // An empty one runs nothing.
    if (IsBlank(text.sql) || (!variable.all_used && variable.used.count(k) == 0)) continue;
    if (!all.empty()) all.push_back(kBetweenTexts);
    all += text.sql;
  }
  return all;
}

void HostConstants::AddTo(HostRange range, HostContext* context) const {
  for (size_t i = range.begin; i < range.end; ++i) {
    if (!uses_[i] || !locals_.IsLocal(i)) continue;
    const auto added = context->constants.emplace(program_[i].text, TextsAt(i));
    if (!added.second && added.first->second != TextsAt(i)) added.first->second.clear();
  }
}

}  // namespace dbfleet::sql

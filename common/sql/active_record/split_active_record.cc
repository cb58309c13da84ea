#include <algorithm>
#include <iterator>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/sql/active_record/active_record.h"
#include "common/sql/active_record/harmless_functions.h"
#include "common/sql/active_record/host_functions.h"
#include "common/sql/active_record/host_prepared.h"
#include "common/sql/active_record/host_reader.h"
#include "common/sql/active_record/host_session.h"
#include "common/sql/active_record/host_trust.h"
#include "common/sql/active_record/host_values.h"
#include "common/sql/active_record/receivers.h"
#include "common/sql/active_record/sql_blocks.h"
#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

constexpr absl::string_view kLoopCalls[] = {"all?",
                                            "array_map",
                                            "array_walk",
                                            "collect",
                                            "downto",
                                            "each",
                                            "each_pair",
                                            "each_slice",
                                            "each_value",
                                            "each_with_index",
                                            "each_with_object",
                                            "find_each",
                                            "find_in_batches",
                                            "flat_map",
                                            "in_batches",
                                            "loop",
                                            "map",
                                            "reject",
                                            "select",
                                            "step",
                                            "times",
                                            "upto"};
constexpr absl::string_view kLoopWords[] = {"for", "foreach", "until", "while"};

class Splitter {
 public:
  Splitter(const HostProgram& program, absl::string_view text, const Target& embedded)
      : program_(program),
        text_(text),
        values_(program),
        variables_(program),
        prepared_(program),
        trust_(program, variables_),
        session_(embedded) {}

  std::vector<Statement> All() {
    Scan({0, program_.size()}, false);
    if (!statements_.empty()) AttachComments();
    return std::move(statements_);
  }

 private:
  // What of the program is some statement's text.
  struct Piece {
    size_t begin;
    size_t end;
    size_t statement;
  };

  // Depth: brackets are not nested more than HostProgram allows.
  void Scan(HostRange range, bool in_loop) {
    for (size_t i = range.begin; i < range.end;) i = One(i, range.end, in_loop);
  }

  size_t One(size_t i, size_t end, bool in_loop) {
    const HostToken& token = program_[i];
    if (token.kind == HostTokenKind::kName && IsOneOf(token.text, kLoopWords)) {
      return Loop(i, end, in_loop);
    }
    if (HidesCode(program_, token, trust_)) {
      Emit(HostRange{i, i + 1}, in_loop);
      return i + 1;
    }
    if (const size_t close = EndOfCallOfValue(program_, i, variables_); close > 0) {
      Emit(HostRange{i, close + 1}, in_loop);
      return close + 1;
    }
    size_t bound_until = 0;
    if (std::string doubt = trust_.DoubtOfBinding(i, &bound_until); !doubt.empty()) {
      Emit(HostRange{i, bound_until}, in_loop);
      statements_.back().host.doubt = std::move(doubt);
      return i + 1;
    }
    const bool may_begin = token.kind == HostTokenKind::kVariable ||
                           token.kind == HostTokenKind::kName || program_.BeginsReceiver(i);
    if (!may_begin || IsLookedAt(i)) return i + 1;
    Follow(i);
    const std::optional<HostChain> chain = program_.ChainAt(i, end);
    if (!chain.has_value()) return i + 1;
    session_.TakeCharset(program_, *chain);
    const bool known = records_.count(chain->receiver) > 0 ||
                       ((token.Is("(") || token.Is("[")) && Reaches({i + 1, program_.CloseOf(i)}));
    std::string doubt = trust_.DoubtOfCall(*chain);
    const bool reaches =
        !doubt.empty() || ReachesDatabase(program_, *chain, known, &variables_) ||
        IsOfModel(*chain) ||
        (known &&
         CallsSomething(*chain, !program_.php() && program_.IsWholeStatement(chain->range)));
    if (reaches) {
      Emit(*chain, in_loop);
      statements_.back().host.doubt = std::move(doubt);
      if (!assigned_.empty() && assigned_at_ == i) records_.insert(assigned_);
    }
    // What runs inside stands for itself; the rest of a chain that reaches the database is its own.
    size_t inside = chain->range.begin;
    for (const Hole& hole : HolesOf(*chain)) {
      if (hole.range.begin < inside) continue;
      if (reaches && !DefinesSchema(*chain)) Parameters(hole.range.begin);
      if (!reaches) Scan({std::max(inside, i + 1), hole.range.begin}, in_loop);
      Scan(hole.range, in_loop || hole.loop);
      inside = hole.range.end;
    }
    if (!reaches) looked_until_ = std::max(looked_until_, chain->range.end);
    if (!reaches) return inside > i ? inside : i + 1;
    return chain->range.end;
  }

  // A link of a chain that was looked at as a whole. What is called on a text is none.
  bool IsLookedAt(size_t i) const {
    const HostToken& before = program_[i - 1];
    const bool member = before.Is(".") || before.Is("&.") || before.Is("->") || before.Is("?->");
    return i < looked_until_ && member && program_[i - 2].kind != HostTokenKind::kString;
  }

  // Something that is called on what may be a model, and is not known to only compute.
  bool IsOfModel(const HostChain& chain) const {
    static constexpr absl::string_view kOwn[] = {"parent", "self", "static"};
    const HostToken& before = program_[chain.range.begin - 1];
    const bool inside =
        before.Is("::") && program_[chain.range.begin - 2].kind == HostTokenKind::kName;
    return chain.receiver_kind == Receiver::kClass && IsModelClass(chain.receiver) && !inside &&
           ReviewOfClass(chain.receiver, chain.calls[0].name) == OfClass::kNotReviewed &&
           !IsOneOf(chain.receiver, kOwn) && !before.IsName("def") && CallsSomething(chain, true);
  }

  // Whether a chain in the range reaches the database.
  bool Reaches(HostRange range) {
    // Counted once: parentheses nest, and each would look at all inside of it.
    if (reaching_.empty()) {
      reaching_.push_back(0);
      for (size_t i = 0; i < program_.size(); ++i) {
        const std::optional<HostChain> chain = program_.ChainAt(i, program_.size());
        const bool reaches =
            chain.has_value() && ReachesDatabase(program_, *chain, false, &variables_);
        reaching_.push_back(reaching_.back() + (reaches ? 1 : 0));
      }
    }
    return reaching_[range.end] > reaching_[range.begin];
  }
  // "$x = ...": what is got from the database is known to be of it.
  void Follow(size_t i) {
    const size_t value = values_.Follow(i);
    if (value != i + 2) return;  // Of an object's property: it is none of the variables.
    // What is fetched from a prepared statement is no record.
    assigned_ = prepared_.Holds(i) ? "" : std::string(program_[i].text);
    assigned_at_ = value;
    records_.erase(std::string(program_[i].text));
  }

  // |user| of a block over records.
  void Parameters(size_t block) {
    for (size_t i = block; i-- > 0 && i + 12 > block;) {
      if (program_[i].kind == HostTokenKind::kName && !program_[i].IsName("do")) {
        records_.insert(std::string(program_[i].text));
      } else if (!program_[i].Is("|") && !program_[i].Is(",")) {
        break;
      }
    }
  }

  // The parameter of create_table's block is no record.
  static bool DefinesSchema(const HostChain& chain) {
    return std::any_of(chain.calls.begin(), chain.calls.end(), [](const HostCall& call) {
      const ModelMethod* method = FindModelMethod(call.name);
      return method != nullptr && method->role == MethodRole::kSchema;
    });
  }

  // Of a record; a class has methods only.
  bool IsAttribute(const HostChain& chain, const HostCall& call) const {
    const bool of_class = chain.receiver_kind == Receiver::kClass && &call == &chain.calls[0];
    return !program_.php() && !of_class && NamesAttribute(call.name);
  }

  bool CallsSomething(const HostChain& chain, bool for_effect) const {
    for (const HostCall& call : chain.calls) {
      const ModelMethod* method = FindModelMethod(call.name);
      const bool bare = call.arguments.empty() && !call.has_parens;
      if (call.is_property || (bare && IsAttribute(chain, call))) continue;
      if (method != nullptr
              ? method->role != MethodRole::kInMemory
              : !IsPureHostFunction(call.name) && !IsOfResult(absl::AsciiStrToLower(call.name)) &&
                    (!bare || for_effect || call.name.back() == '!')) {
        return true;
      }
    }
    return false;
  }

  // foreach (X as $y) { ... }, for y in x ... end, while x ... end.
  size_t Loop(size_t i, size_t end, bool in_loop) {
    if (!program_.php()) {
      const size_t close = program_.CloseOf(i);
      if (close >= end) return i + 1;
      Scan({i + 1, close}, true);
      return close;
    }
    const size_t close = program_.CloseOf(std::min(i + 1, program_.size() - 1));
    if (!program_[i + 1].Is("(") || close >= end) return i + 1;
    const size_t before = statements_.size();
    // The head of a foreach runs once.
    Scan({i + 2, close}, in_loop || !program_[i].IsName("foreach"));
    if (statements_.size() > before && program_[close - 1].kind == HostTokenKind::kVariable) {
      records_.insert(std::string(program_[close - 1].text));
    }
    size_t last = close + 1;
    if (program_[last].Is("{")) {
      last = std::min(program_.CloseOf(last), end);
    } else {
      const bool words = program_[last].Is(":");
      while (last < end &&
             !(words ? program_[last].IsName("endforeach") || program_[last].IsName("endfor") ||
                           program_[last].IsName("endwhile")
                     : program_[last].Is(";"))) {
        ++last;
      }
    }
    Scan({close + 1, last}, true);
    return last;
  }

  struct Hole {
    HostRange range;
    bool loop = false;
  };

  // The blocks of a chain, and the bodies of PHP's closures among its arguments.
  std::vector<Hole> HolesOf(const HostChain& chain) const {
    std::vector<Hole> holes;
    for (const HostCall& call : chain.calls) {
      const bool loop = IsOneOf(call.name, kLoopCalls);
      const bool hole = call.block.has_value() && !HoldsSql(program_, call);
      if (hole) holes.push_back({*call.block, loop});
      if (!program_.php()) continue;
      for (const HostRange& argument : call.arguments) {
        size_t i = argument.begin;
        if (program_[i].IsName("static")) ++i;
        if (!program_[i].IsName("function")) continue;
        while (i < argument.end && !program_[i].Is("{")) ++i;
        if (i < argument.end && program_.CloseOf(i) < program_.size()) {
          holes.push_back({{i + 1, program_.CloseOf(i)}, loop});
        }
      }
    }
    return holes;
  }

  void Emit(HostRange range, bool in_loop) {
    HostChain chain;
    chain.range = range;
    Emit(chain, in_loop);
  }

  void Emit(const HostChain& chain, bool in_loop) {
    Statement statement;
    size_t begin = chain.range.begin;
    const auto add = [&](HostRange range) {
      const absl::string_view piece = program_.Source(range);
      const size_t at = piece.empty() ? 0 : static_cast<size_t>(piece.data() - text_.data());
      if (!piece.empty()) pieces_.push_back({at, at + piece.size(), statements_.size()});
      if (!statement.text.empty() && !piece.empty()) statement.text.push_back(' ');
      absl::StrAppend(&statement.text, piece);
    };
    for (const Hole& hole : HolesOf(chain)) {
      if (hole.range.begin < begin) continue;
      add({begin, hole.range.begin});
      begin = hole.range.end;
    }
    add({begin, chain.range.end});
    Place(program_[chain.range.begin].offset, &statement);
    starts_.push_back(program_[chain.range.begin].offset);
    statement.host = values_.ContextOf(chain.range);
    prepared_.AddTo(chain.range, &statement.host);
    statement.host.in_loop = in_loop;
    statement.host.charset = session_.charset();
    statement.modes_changed = session_.modes_changed();
    session_.Take(program_, chain);
    for (const auto& [name, sql] : statement.host.constants) session_.TakeSql(sql);
    statements_.push_back(std::move(statement));
  }

  // A comment is about what ends on its line in front of it, or else about the next statement. One
  // inside of a statement's text is read with that. Comments come in the order of the program, so
  // each piece is looked at once.
  void AttachComments() {
    std::vector<Piece> by_begin = pieces_;
    std::stable_sort(by_begin.begin(), by_begin.end(),
                     [](const Piece& a, const Piece& b) { return a.begin < b.begin; });
    std::stable_sort(pieces_.begin(), pieces_.end(),
                     [](const Piece& a, const Piece& b) { return a.end < b.end; });
    auto begun = by_begin.cbegin();
    auto ended = pieces_.cbegin();
    size_t open_until = 0;
    const Piece* before = nullptr;
    for (const HostComment& comment : program_.comments()) {
      if (!absl::StrContains(comment.text, "dbfleet:")) continue;
      for (; begun != by_begin.cend() && begun->begin <= comment.offset; ++begun) {
        open_until = std::max(open_until, begun->end);
      }
      for (; ended != pieces_.cend() && ended->end <= comment.offset; ++ended) {
        if (before == nullptr || ended->end > before->end) before = &*ended;
      }
      if (open_until <= comment.offset) Attach(comment, before);
    }
  }

  // `before`: what ends last in front of it, if anything does.
  void Attach(const HostComment& comment, const Piece* before) {
    const bool on_its_line =
        before != nullptr &&
        !absl::StrContains(text_.substr(before->end, comment.offset - before->end), "\n");
    const auto next = std::upper_bound(starts_.begin(), starts_.end(), comment.offset);
    const size_t about =
        on_its_line ? before->statement : static_cast<size_t>(next - starts_.begin());
    std::string& comments =
        about < statements_.size() ? statements_[about].comments : statements_.back().behind;
    absl::StrAppend(&comments, comment.text, "\n");
  }

  // Statements come in the order of the program.
  void Place(size_t offset, Statement* statement) {
    for (; counted_ < offset; ++counted_) {
      character_ += CountCharacters(text_.substr(counted_, 1));
      if (text_[counted_] == '\n') {
        ++line_;
        line_start_ = counted_ + 1;
        character_ = 1;
      }
    }
    statement->line = line_;
    statement->column = static_cast<int>(offset - line_start_) + 1;
    statement->character = character_;
  }

  const HostProgram& program_;
  const absl::string_view text_;
  HostValues values_;
  const HostVariables variables_;
  const HostPrepared prepared_;
  const HostTrust trust_;
  HostSession session_;
  std::vector<Statement> statements_;
  std::vector<Piece> pieces_;
  std::vector<size_t> starts_;     // Of the statements.
  std::set<std::string> records_;  // Variables that hold what came from the database.
  std::vector<size_t> reaching_;   // Up to each token, how many chains reach the database.
  std::string assigned_;           // By the assignment before the token at `assigned_at_`.
  size_t assigned_at_ = 0;
  size_t looked_until_ = 0;
  size_t counted_ = 0;
  int line_ = 1;
  size_t line_start_ = 0;
  int character_ = 1;
};

}  // namespace

absl::StatusOr<std::vector<Statement>> SplitActiveRecord(const Target& target,
                                                         absl::string_view program) {
  ASSIGN_OR_RETURN(const HostProgram read, HostProgram::Read(target.dialect, program));
  std::vector<Statement> statements = Splitter(read, program, EmbeddedTarget(target)).All();
  if (!statements.empty() || read.size() == 0) return statements;
  Statement whole;
  whole.text = std::string(read.Source({0, read.size()}));
  for (size_t i = 0; i < read[0].offset; ++i) {
    whole.column = program[i] == '\n' ? 1 : whole.column + 1;
    whole.line += program[i] == '\n' ? 1 : 0;
  }
  const absl::string_view before = program.substr(0, read[0].offset);
  const size_t in_line = static_cast<size_t>(whole.column) - 1;
  whole.character = CountCharacters(before.substr(before.size() - in_line)) + 1;
  return std::vector<Statement>{std::move(whole)};
}

}  // namespace dbfleet::sql

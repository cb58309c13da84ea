#include "common/sql/mysql/syntax.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/text.h"

namespace dbfleet::sql::mysql {
namespace {

// All of these are reserved in every version, so that none of them is a name.
constexpr Word kBeginsPart[] = {K("FROM"),  K("WHERE"), K("GROUP"), K("HAVING"),
                                K("ORDER"), K("LIMIT"), K("UNION")};
// Behind these something has to stand.
constexpr Word kGoesOn[] = {K("AND"),    K("AS"),    K("BETWEEN"), K("BY"),   K("CASE"),  K("DIV"),
                            K("ELSE"),   K("FROM"),  K("HAVING"),  K("IN"),   K("INTO"),  K("IS"),
                            K("JOIN"),   K("LIKE"),  K("LIMIT"),   K("NOT"),  K("ON"),    K("OR"),
                            K("REGEXP"), K("RLIKE"), K("SELECT"),  K("THEN"), K("UNION"), K("WHEN"),
                            K("WHERE"),  K("XOR")};
// Words that stand between two operands, or end an expression.
constexpr Word kNoOperand[] = {
    K("AND"),   K("AS"),   K("BETWEEN"), K("DIV"),   K("ELSE"),  K("FROM"), K("GROUP"), K("HAVING"),
    K("IN"),    K("IS"),   K("LIKE"),    K("LIMIT"), K("ON"),    K("OR"),   K("ORDER"), K("REGEXP"),
    K("RLIKE"), K("THEN"), K("UNION"),   K("WHEN"),  K("WHERE"), K("XOR")};
constexpr Word kEndsStatementNever[] = {
    K("ADD"),    K("ALTER"), K("AND"),  K("AS"),     K("BETWEEN"), K("BY"),    K("CREATE"),
    K("DELETE"), K("DROP"),  K("FROM"), K("HAVING"), K("IN"),      K("INDEX"), K("INSERT"),
    K("INTO"),   K("IS"),    K("JOIN"), K("LIKE"),   K("LIMIT"),   K("OR"),    K("SELECT"),
    K("SET"),    K("TABLE"), K("TO"),   K("UPDATE"), K("VALUES"),  K("WHERE")};

template <size_t N>
bool IsAnyOf(const Tok& token, const Word (&words)[N]) {
  if (token.word == 0) return false;
  for (Word word : words) {
    if (token.word == word) return true;
  }
  return false;
}

bool IsNumber(const Tok& token) { return token.kind == TokenKind::kNumber && !token.text.empty(); }

// A name that is no word of the list; of those that are not reserved some have a meaning behind an
// expression.
bool IsPlainName(const Tok& token) {
  if (token.kind == TokenKind::kQuotedName) return true;
  if (token.kind != TokenKind::kWord || token.word != 0) return false;
  for (absl::string_view word : {"CONNECT", "MINUS", "SOUNDS", "QUALIFY", "OF", "ROWS", "SKIP"}) {
    if (absl::EqualsIgnoreCase(token.text, word)) return false;
  }
  const char first = token.text[0];
  return first != '_' && !absl::ascii_isdigit(static_cast<unsigned char>(first)) &&
         !absl::StartsWithIgnoreCase(token.text, "SQL_");
}

std::string Shown(const Tok& token) {
  if (token.text.empty()) return "the end";
  if (token.word != 0) return absl::AsciiStrToUpper(token.text);
  // What stands in quotes is not repeated.
  if (token.IsText()) return "a text";
  return SanitizeForDisplay(Truncate(token.text, 40));
}

class Check {
 public:
  Check(const Toks& tokens, ptrdiff_t from) : tokens_(tokens), from_(from) {}

  std::string Run() {
    for (ptrdiff_t i = from_; i < tokens_.size() && problem_.empty();) i = Look(i);
    return std::move(problem_);
  }

 private:
  void Between(ptrdiff_t before, ptrdiff_t after) {
    problem_ = absl::StrCat(Shown(tokens_[after]), " cannot stand behind ", Shown(tokens_[before]));
  }

  bool AtEnd(ptrdiff_t i) const { return i >= tokens_.size() || tokens_[i].IsSymbol(')'); }

  ptrdiff_t Look(ptrdiff_t i) {
    const Tok& token = tokens_[i];
    if (token.kind == TokenKind::kSymbol) return Symbol(i);
    Follow(token);
    if (token.Is(K("SELECT"))) Select(i);
    if (token.Is(K("UNION"))) Union(i);
    if (token.Is(K("FROM"))) From(i);
    if (IsAnyOf(token, kGoesOn) && AtEnd(i + 1)) Between(i, i + 1);
    if (token.IsOneOf({K("WHERE"), K("HAVING"), K("AND"), K("OR"), K("XOR"), K("WHEN"), K("THEN"),
                       K("ELSE")}) &&
        IsAnyOf(tokens_[i + 1], kNoOperand)) {
      Between(i, i + 1);
    }
    if (token.kind == TokenKind::kNumber && IsNumber(tokens_[i + 1])) Between(i, i + 1);
    Operands(i);
    Parts(i);
    return i + 1;
  }

  // Whether what follows is the condition of a WHERE, in the same parentheses.
  void Follow(const Tok& token) {
    if (token.Is(K("SELECT"))) {
      list_ = depth_;
    } else if (token.word != 0 && EndsName(token.word) && list_ == depth_) {
      list_ = -1;
    }
    if (token.IsOneOf({K("WHERE"), K("HAVING")})) {
      condition_ = depth_;
    } else if (token.IsOneOf({K("FOR"), K("LOCK"), K("INTO"), K("PROCEDURE"), K("WINDOW"),
                              K("GROUP"), K("ORDER"), K("LIMIT"), K("UNION"), K("SELECT"),
                              K("EXCEPT"), K("INTERSECT"), K("FETCH"), K("OFFSET"), K("WITH"),
                              K("RETURNING")}) &&
               condition_ == depth_) {
      condition_ = -1;
    }
    if (token.Is(K("INTERVAL"))) interval_ = true;
    if (token.IsOneOf({K("AND"), K("OR"), K("WHERE")})) interval_ = false;
  }

  void Select(ptrdiff_t i) {
    const Tok& before = tokens_[i - 1];
    const bool operand = IsNumber(before) || before.IsText() || IsPlainName(before) ||
                         before.IsOneOf({K("NULL"), K("TRUE"), K("FALSE"), K("DESC"), K("ASC")});
    if (i > from_ && operand) return Between(i - 1, i);
    ptrdiff_t list = i + 1;
    while (tokens_[list].IsOneOf({K("ALL"), K("DISTINCT")})) ++list;
    if (AtEnd(list) || tokens_[list].IsSymbol(',') || IsAnyOf(tokens_[list], kBeginsPart)) {
      problem_ = "SELECT has no list";
    }
  }

  bool Compares(ptrdiff_t i) const {
    const Tok& token = tokens_[i];
    return token.IsSymbol('=') || token.IsSymbol('<') || token.IsSymbol('>') ||
           token.IsOneOf({K("IN"), K("IS"), K("LIKE"), K("BETWEEN")});
  }

  // FROM t WERE a = 1, FROM t x WERE a = 1: a table has one alias, and no condition without a word
  // for it in front. Of the words behind an alias that only some version knows none is followed by
  // a name that is compared.
  void From(ptrdiff_t i) {
    ptrdiff_t at = i + 1;
    while (tokens_[at].IsName() && tokens_[at + 1].IsSymbol('.')) at += 2;
    if (!IsPlainName(tokens_[at])) return;
    const ptrdiff_t behind = tokens_[at + 1].Is(K("AS")) ? at + 2 : at + 1;
    ptrdiff_t last = behind;
    constexpr ptrdiff_t kMost = 2;
    while (last < behind + kMost && IsPlainName(tokens_[last]) && IsPlainName(tokens_[last + 1])) {
      ++last;
    }
    if (last > behind && Compares(last + 1)) Between(last - 1, last);
  }

  void Union(ptrdiff_t i) {
    ptrdiff_t next = i + 1;
    while (tokens_[next].IsOneOf({K("ALL"), K("DISTINCT")})) ++next;
    if (!tokens_[next].IsSymbol('(') &&
        !tokens_[next].IsOneOf({K("SELECT"), K("VALUES"), K("TABLE"), K("WITH")})) {
      problem_ = "there is no query behind UNION";
    }
  }

  // In a condition nothing has an alias.
  void Operands(ptrdiff_t i) {
    const Tok& token = tokens_[i];
    const Tok& next = tokens_[i + 1];
    const bool in_condition = condition_ == depth_ && !interval_;
    const bool value = IsNumber(token) || (token.IsText() && next.kind != TokenKind::kQuotedName);
    if (in_condition && (value || IsPlainName(token)) && IsPlainName(next)) {
      // DATE 'x', N'x' and charset'x' come the other way round.
      return Between(i, i + 1);
    }
    // "a b c": a column, its alias, and one more.
    if (IsPlainName(token) && IsPlainName(next) && IsPlainName(tokens_[i + 2]) && list_ == depth_) {
      Between(i + 1, i + 2);
    }
  }

  void Parts(ptrdiff_t i) {
    int parts = 1;
    for (ptrdiff_t at = i;
         tokens_[at].IsName() && tokens_[at + 1].IsSymbol('.') && tokens_[at + 2].IsName();
         at += 2) {
      ++parts;
    }
    constexpr int kMostParts = 3;
    if (parts > kMostParts) problem_ = absl::StrCat("a name has ", parts, " parts");
  }

  // How many symbols make one operator.
  ptrdiff_t OperatorLength(ptrdiff_t i) const {
    static constexpr absl::string_view kOperators[] = {
        "<=>", "->>", "<=", ">=", "<>", "!=", "<<", ">>", "||", "&&", "->", ":="};
    for (absl::string_view known : kOperators) {
      size_t length = 0;
      while (length < known.size()) {
        const Tok& token = tokens_[i + static_cast<ptrdiff_t>(length)];
        const bool touches =
            length == 0 || tokens_[i + static_cast<ptrdiff_t>(length) - 1].Touches(token);
        if (!token.IsSymbol(known[length]) || !touches) break;
        ++length;
      }
      if (length == known.size()) return static_cast<ptrdiff_t>(length);
    }
    return 1;
  }

  ptrdiff_t Symbol(ptrdiff_t i) {
    const Tok& token = tokens_[i];
    const char c = token.text[0];
    if (c == '(') {
      ++depth_;
      if (tokens_[i + 1].IsSymbol(',')) Between(i, i + 1);
      return i + 1;
    }
    if (c == ')') {
      if (condition_ == depth_) condition_ = -1;
      if (list_ == depth_) list_ = -1;
      --depth_;
      return i + 1;
    }
    // SELECT * FORM t: what stands for all columns has no alias.
    if (c == '*' && list_ == depth_ && IsPlainName(tokens_[i + 1]) &&
        (tokens_[i - 1].IsOneOf({K("SELECT"), K("DISTINCT")}) || tokens_[i - 1].IsSymbol('.') ||
         tokens_[i - 1].IsSymbol(','))) {
      Between(i, i + 1);
    }
    if (c == ',') {
      interval_ = false;
      if (AtEnd(i + 1) || tokens_[i + 1].IsSymbol(',') || IsAnyOf(tokens_[i + 1], kBeginsPart)) {
        Between(i, i + 1);
      }
      return i + 1;
    }
    if (!absl::StrContains("=<>/%|&^+-!", absl::string_view(&c, 1))) return i + 1;
    const ptrdiff_t next = i + OperatorLength(i);
    const bool sign = next == i + 1 && (c == '+' || c == '-' || c == '!');
    // "(+)" marks an outer join in some versions.
    const bool marks = c == '+' && tokens_[i - 1].IsSymbol('(') && tokens_[next].IsSymbol(')');
    if (!sign && BeginsExpression(i)) {
      Between(i - 1, i);
    } else if (!marks && (AtEnd(next) || tokens_[next].IsSymbol(',') || IsBinary(next) ||
                          IsAnyOf(tokens_[next], kNoOperand))) {
      Between(i, next);
    }
    return next;
  }

  // An operator that has something on both sides.
  bool IsBinary(ptrdiff_t i) const {
    const Tok& token = tokens_[i];
    for (char c : {'=', '<', '>', '/', '%', '|', '&', '^'}) {
      if (token.IsSymbol(c)) return true;
    }
    return token.IsSymbol('!') && OperatorLength(i) > 1;
  }

  bool BeginsExpression(ptrdiff_t i) const {
    if (i == from_) return true;
    const Tok& before = tokens_[i - 1];
    return before.IsSymbol(',') || before.IsSymbol('(') ||
           before.IsOneOf({K("SELECT"), K("WHERE"), K("AND"), K("OR"), K("XOR"), K("HAVING"),
                           K("BY"), K("WHEN"), K("THEN"), K("ELSE"), K("BETWEEN"), K("LIKE")});
  }

  const Toks& tokens_;
  const ptrdiff_t from_;
  int depth_ = 0;
  int condition_ = -1;  // The depth of the condition at hand.
  int list_ = -1;       // The same of a list of columns, up to its first word that ends one.
  bool interval_ = false;
  std::string problem_;
};

}  // namespace

std::string QueryProblem(const Toks& tokens, ptrdiff_t from) { return Check(tokens, from).Run(); }

std::string EndProblem(const Toks& tokens) {
  const Tok& first = tokens[0];
  // FLUSH TABLE and UNLOCK TABLE are whole; HELP takes any word.
  if (first.IsOneOf({K("FLUSH"), K("HELP"), K("SHOW"), K("UNLOCK")})) return "";
  const Tok& last = tokens[tokens.size() - 1];
  if (!IsAnyOf(last, kEndsStatementNever)) return "";
  if (last.Is(K("UPDATE")) && tokens[tokens.size() - 2].Is(K("FOR"))) return "";
  return absl::StrCat("nothing stands behind ", Shown(last));
}

}  // namespace dbfleet::sql::mysql

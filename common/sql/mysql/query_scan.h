#pragma once

#include <string>
#include <unordered_set>
#include <vector>

#include "common/sql/mysql/draft.h"

namespace dbfleet::sql::mysql {

// The part of a query, or of a statement that changes rows, that a token stands in.
enum class Clause : uint8_t {
  kOther,
  kSelectList,
  kFrom,
  kOn,
  kWhere,
  kGroupBy,
  kHaving,
  kOrderBy,
  kLimit,
  kSet,
  kValues,
};

// Goes over the tokens of queries and expressions once, from the left and without recursion, and
// tells the draft what they use, what they look like, and whatever in them is not known to be
// harmless. It is a white list: a call has to be of a reviewed function, and words that do more
// than read are objections. Whether the server would take it is not asked: what it refuses does
// nothing.
class QueryScan {
 public:
  explicit QueryScan(Draft* draft) : draft_(*draft), tokens_(draft->tokens) {}

  // Tokens [from, to), which begin in `clause`. Tables of the outermost FROM are used with
  // `access`. `writes`: it is the part of an UPDATE, DELETE or INSERT behind its verb.
  void Run(ptrdiff_t from, ptrdiff_t to, Clause clause, Access access = Access::kRead,
           bool writes = false);

  bool has_where() const { return has_where_; }  // Of the outermost.
  bool where_is_always_true() const;             // The same.
  // The same, as a tautology; and which columns the outermost WHERE seeks by, and pins.
  void NoteWhere();
  bool has_limit() const { return has_limit_; }        // The same.
  bool has_order_by() const { return has_order_by_; }  // The same.
  bool has_portion() const { return has_portion_; }    // FOR PORTION OF a period.
  bool has_select() const { return has_select_; }
  bool upserts() const { return upserts_; }  // ON DUPLICATE KEY UPDATE.
  bool calls_other() const { return calls_other_; }
  ptrdiff_t outer_rows() const { return outer_rows_; }  // "(" of VALUES in the outermost.

 private:
  struct Frame {
    Clause clause = Clause::kOther;
    Access access = Access::kRead;
    bool query = false;  // Holds a SELECT, or is the statement itself.
    bool in_with = false;
    bool expect_cte = false;
    bool expect_table = false;
    bool condition = false;
    bool having = false;  // In HAVING, however deep in parentheses.
    bool call = false;
    bool substring = false;
    bool types = false;  // Types with their lengths may stand in it.
    bool exists = false;
    bool when = false;  // Between WHEN and THEN.
    int commas = 0;
    bool window = false;    // Needs an OVER behind it.
    ptrdiff_t name = -1;    // Of the function that is called.
    ptrdiff_t column = -1;  // The first column in it.
    ptrdiff_t not_in = -1;  // The NOT of NOT IN in front of it.
  };

  // query_scan.cc
  void Look(ptrdiff_t* i);
  void Open(ptrdiff_t i);
  void Close(ptrdiff_t i);
  void Symbol(ptrdiff_t i);
  void NameAt(ptrdiff_t* i);
  bool TakeTable(ptrdiff_t* i);
  void CheckTable(const Tok& name);
  bool Outermost() const { return queries_ == 1 && frames_.back().query; }

  // query_words.cc
  void KeyWord(ptrdiff_t i);
  bool ClauseWord(ptrdiff_t i);
  void EffectWord(ptrdiff_t i);
  void ConditionWord(ptrdiff_t i);
  bool PortionAt(ptrdiff_t i) const;
  void Where(ptrdiff_t i);
  void BeginSelect();
  void NoteExtremes(ptrdiff_t from);
  void Limit(ptrdiff_t i);
  void Enter(Clause clause);
  void LockRows(ptrdiff_t i);

  // query_calls.cc
  void CheckCall(ptrdiff_t i, const Frame& outer, Frame* frame);
  void CheckCount(const Frame& call, ptrdiff_t close);
  bool GroupsOnly(ptrdiff_t i) const;
  bool KnownWordBeforeParen(ptrdiff_t i, const Frame& outer) const;
  void ObjectToCall(ptrdiff_t i);
  void CheckCharset(ptrdiff_t i);

  // query_sought.cc
  void Filter(ptrdiff_t column, bool negated);
  void FilterRow(ptrdiff_t close, bool negated);
  void NoteSought();

  // query_conditions.cc
  void Compare(ptrdiff_t i);
  void CompareSides(ptrdiff_t op, ptrdiff_t length);
  void NoteNull(ptrdiff_t op, ptrdiff_t right);
  void NoteNullInList(ptrdiff_t i);
  void AloneInOr(ptrdiff_t i);
  void Tautology(ptrdiff_t from, ptrdiff_t to);
  void Wrapped(const Frame& call, ptrdiff_t close);
  ptrdiff_t EndOfWhere() const;
  bool IsColumn(ptrdiff_t i) const;
  void NoteCompared(ptrdiff_t left, ptrdiff_t right);
  void Calculation(ptrdiff_t op, ptrdiff_t right);
  void NoteNumber(ptrdiff_t column, ptrdiff_t number);
  bool IsJoined(ptrdiff_t i, ptrdiff_t other) const;
  bool BoundaryBefore(ptrdiff_t i) const;
  bool BoundaryAfter(ptrdiff_t i) const;
  ptrdiff_t ChainStart(ptrdiff_t i) const;
  ptrdiff_t ChainEnd(ptrdiff_t i) const;
  bool Equal(ptrdiff_t from, ptrdiff_t to, ptrdiff_t other) const;
  void List(std::vector<std::string>* list, std::string name);

  Draft& draft_;
  const Toks tokens_;
  std::vector<Frame> frames_;
  std::unordered_set<std::string> ctes_;
  std::unordered_set<std::string> listed_;
  ptrdiff_t from_ = 0;
  ptrdiff_t end_ = 0;
  ptrdiff_t cte_columns_ = -1;  // The "(" of WITH name (a, b) AS ...
  int queries_ = 0;             // Open frames that are queries.
  size_t locked_uses_ = 0;  // Of those that the draft has: the first ones, locked by FOR UPDATE.
  bool writes_ = false;
  bool stop_ = false;
  bool has_where_ = false;
  std::vector<ptrdiff_t> sought_;  // Columns that are compared, in their order, but by <>.
  ptrdiff_t where_ = -1;           // Where the condition of the outermost WHERE begins.
  bool has_limit_ = false;
  bool has_order_by_ = false;
  bool has_portion_ = false;
  bool has_select_ = false;
  bool upserts_ = false;
  bool calls_other_ = false;
  ptrdiff_t outer_rows_ = 0;
};

// The one table that goes by the name in the lists of tables from `from` on; false where none or
// several may be meant.
bool TableCalled(const Toks& tokens, ptrdiff_t from, const std::string& called, Name* table);

// The columns that a SELECT lists as they are, and those that an UPDATE from `from` on sets.
void ListSelected(const Toks& tokens, QueryFacts* facts);
void ListWritten(const Toks& tokens, ptrdiff_t from, QueryFacts* facts);

}  // namespace dbfleet::sql::mysql

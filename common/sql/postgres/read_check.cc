#include "common/sql/postgres/read_check.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

#include "common/base/text.h"
#include "common/sql/postgres/field_check.h"
#include "common/sql/postgres/functions.h"
#include "common/sql/postgres/head.h"
#include "common/sql/postgres/node_table.h"
#include "common/sql/postgres/source.h"
#include "common/sql/postgres/symbols.h"

namespace dbfleet::sql::pg {
namespace {

constexpr size_t kMaxReasons = 8;

// The built-in thing that a list of names stands for: its last part, where nothing or pg_catalog
// stands in front; "" where something else does.
absl::string_view BuiltInName(Node names) {
  const size_t parts = names.count();
  if (parts == 1) return names.first().text();
  if (parts == 2 && names.first().text() == "pg_catalog") return names.last().text();
  return "";
}

std::string Shown(absl::string_view name) { return SanitizeForDisplay(Truncate(name, 64)); }

// "%-20s" is; "%1000000000s" and "%*s" make a value as long as they like.
bool IsSmallFormat(Node format) {
  if (!format.Is("A_Const") || !format["sval"]) return false;
  constexpr int kMaxDigits = 4;
  int digits = 0;
  bool in_specifier = false;
  for (char c : format["sval"].text()) {
    if (c == '%') {
      in_specifier = !in_specifier;
      digits = 0;
    } else if (in_specifier && absl::ascii_isdigit(c)) {
      if (++digits > kMaxDigits) return false;
    } else if (in_specifier && c == '*') {
      return false;
    } else if (c != '$' && c != '-') {
      in_specifier = false;
    } else {
      digits = 0;
    }
  }
  return true;
}

// lpad(x, 8, '0') and repeat('-', 20): no longer than they say.
bool IsSmallFill(absl::string_view name, Node call) {
  constexpr int64_t kMaxLength = 1000;
  const Node args = call["args"];
  if (args.count() < 2) return false;
  const Node first = *args.begin();
  const Node length = *++args.begin();
  if (!length.Is("A_Const") || !length["ival"]) return false;
  if (length["ival"]["ival"].number(0) > kMaxLength) return false;
  return name == "lpad" || name == "rpad" || (name == "repeat" && first.Is("A_Const"));
}

class ReadCheck {
 public:
  ReadCheck(const Version& version, Node root, Around around)
      : version_(version), root_(root), around_(around) {
    for (const Slot* at = root.subtree_begin(); at != root.subtree_end(); ++at) {
      has_functions_ = has_functions_ || (at->tagged && Node(at).Is("RangeFunction"));
    }
  }

  Objections Run() {
    for (const Slot* at = root_.subtree_begin(); at != root_.subtree_end(); ++at) {
      if (at->type == Slot::Type::kObject) Check(Node(at));
    }
    return std::move(found_);
  }

 private:
  void Object(std::string reason, Kind kind) {
    if (found_.reasons.size() < kMaxReasons) AddReason(std::move(reason), &found_.reasons);
    found_.kind = Heavier(found_.kind, kind);
  }

  void Runs(UnknownCode code) {
    found_.has_effects = true;
    found_.code = std::max(found_.code, code);
  }

  void NotUnderstood(Node node) {
    std::string reason = absl::StrCat("contains ", node.tagged() ? node.tag() : "a part",
                                      ", which this build does not know");
    found_.understood = false;
    if (found_.doubt.empty()) found_.doubt = reason;
    Object(std::move(reason), Kind::kDataFix);
  }

  void Check(Node node) {
    if (!node.tagged()) return CheckBare(node);
    if (node.row() == nullptr) return NotUnderstood(node);
    switch (node.row()->part) {
      case Part::kHarmless:
        return;
      case Part::kInspected:
        return Inspect(node);
      case Part::kStatement:
        if (!(node == root_) && !node.Is("SelectStmt")) CheckNested(node);
        return;
      case Part::kChanges:
        if (around_ == Around::kPlanned && IsOfChange(node)) return;
        return Object(absl::StrCat("contains ", node.tag(), ", which only changes"),
                      Kind::kDataFix);
      case Part::kInternal:
        return NotUnderstood(node);
    }
  }

  // Empty places in lists: SELECT DISTINCT of all columns, FROM f() without a list of columns.
  void CheckBare(Node node) {
    const Node list = node.parent();
    const bool of_function = list.key() == "items" && list.parent().parent().key() == "functions";
    if (!node.empty() || !(list.key() == "distinctClause" || of_function)) NotUnderstood(node);
  }

  // (a, b) = (1, 2) and what MERGE does.
  static bool IsOfChange(Node node) {
    return node.Is("MultiAssignRef") || node.Is("MergeWhenClause");
  }

  void CheckNested(Node node) {
    const std::string head = HeadOf(node);
    const StatementRow* row = FindStatement(node.tag(), head);
    Object(absl::StrCat("contains ", head), row == nullptr ? Kind::kSchemaMigration : row->kind);
  }

  void Inspect(Node node) {
    const absl::string_view tag = node.tag();
    if (tag == "ColumnRef" || tag == "A_Indirection") return CheckField(node);
    if (tag == "FuncCall") return CheckCall(node);
    if (tag == "A_Expr") return CheckOperator(node["name"], node["kind"].text());
    if (tag == "SubLink") return CheckOperator(node["operName"], "");
    if (tag == "SortBy") return CheckOperator(node["useOp"], "");
    if (tag == "TypeName") return CheckType(node);
    if (tag == "RangeTableSample") return CheckSample(node);
    if (tag == "IntoClause") return Object("creates a table (INTO)", Kind::kSchemaMigration);
    if (tag == "LockingClause") {
      return Object("locks rows (FOR UPDATE, FOR SHARE)", Kind::kInspection);
    }
    if (tag == "OnConflictClause" || tag == "InferClause" || tag == "IndexElem") {
      const bool updates = node["action"].text() == "ONCONFLICT_UPDATE";
      if (around_ == Around::kPlanned || (around_ == Around::kAdded && !updates)) return;
      return Object(absl::StrCat("contains ", tag, ", which only changes"), Kind::kDataFix);
    }
    if (tag == "ColumnDef") {
      // Of FROM f() AS t(a int): only a name and a type.
      if (node["constraints"] || node["raw_default"]) NotUnderstood(node);
      return;
    }
    // RangeVar: whether it may be read is asked by credentials.h.
  }

  void CheckField(Node node) {
    const bool column = node.Is("ColumnRef");
    // Each costs a walk over the query: beyond this many they are not understood.
    constexpr size_t kMaxLooked = 1000;
    if (column && node["fields"].count() != 2) return;
    if (column && !has_functions_) return;
    if (column && ++looked_ > kMaxLooked) {
      Runs(UnknownCode::kComputes);
      return NotUnderstood(node);
    }
    const std::string name = CalledAsField(version_, root_, node);
    if (name.empty()) return;
    Runs(UnknownCode::kComputes);
    const absl::string_view effect = EffectOfFunction(name);
    if (!effect.empty()) {
      return Object(absl::StrCat("calls ", Shown(name), " as a column, which ", effect),
                    Kind::kDataFix);
    }
    Object(absl::StrCat("reads .", Shown(name),
                        ", which may be a function that is called as a column; not known to only "
                        "read"),
           Kind::kDataFix);
  }

  void CheckCall(Node call) {
    const Node names = call["funcname"];
    const absl::string_view name = BuiltInName(names);
    if (name == "format" && !IsSmallFormat(call["args"].first())) {
      return Object(
          "calls format() with a width that is large or not written in it, which can make "
          "a value of 1 GB",
          Kind::kDataFix);
    }
    if (!name.empty() && (IsReadOnlyFunction(name, version_) || IsSmallFill(name, call))) return;
    const absl::string_view effect = name.empty() ? "" : EffectOfFunction(name);
    const std::string shown = Shown(Dotted(names));
    Runs(name.empty() || MayRunUnknownCode(name) ? UnknownCode::kCalls : UnknownCode::kNone);
    if (!effect.empty())
      return Object(absl::StrCat("calls ", shown, "(), which ", effect), Kind::kDataFix);
    Object(absl::StrCat("calls ", shown,
                        "(), which is not in the list of functions known to only read"),
           Kind::kDataFix);
  }

  void CheckOperator(Node names, absl::string_view kind) {
    if (!names) return;
    // BETWEEN is no operator's name; its two comparisons are the type's own.
    if (kind == "AEXPR_BETWEEN" || kind == "AEXPR_NOT_BETWEEN" || kind == "AEXPR_BETWEEN_SYM" ||
        kind == "AEXPR_NOT_BETWEEN_SYM") {
      return;
    }
    if (IsBuiltInOperator(BuiltInName(names))) return;
    Runs(UnknownCode::kComputes);
    Object(absl::StrCat("uses the operator ", Shown(Dotted(names)), ", which is not built in"),
           Kind::kDataFix);
  }

  void CheckType(Node type) {
    const Node names = type["names"];
    if (type["pct_type"].flag()) {
      Runs(UnknownCode::kComputes);
      return Object("converts to a column's type (%TYPE)", Kind::kDataFix);
    }
    if (IsBuiltInType(BuiltInName(names))) return;
    if (names.count() == 2 && names.first().text() == "information_schema" &&
        IsInformationSchemaType(names.last().text())) {
      return;
    }
    Runs(UnknownCode::kComputes);
    Object(absl::StrCat("converts to ", Shown(Dotted(names)), ", which is not a built-in type"),
           Kind::kDataFix);
  }

  void CheckSample(Node sample) {
    const absl::string_view method = BuiltInName(sample["method"]);
    if (method == "bernoulli" || method == "system") return;
    Runs(UnknownCode::kComputes);
    Object(absl::StrCat("uses TABLESAMPLE ", Shown(Dotted(sample["method"])),
                        ", which is not built in"),
           Kind::kDataFix);
  }

  const Version& version_;
  const Node root_;
  const Around around_;
  bool has_functions_ = false;  // In FROM.
  size_t looked_ = 0;
  Objections found_;
};

}  // namespace

Objections CheckReads(const Version& version, Node root, Around around) {
  return ReadCheck(version, root, around).Run();
}

}  // namespace dbfleet::sql::pg

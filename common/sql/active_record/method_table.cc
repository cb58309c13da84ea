#include "common/sql/active_record/method_table.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

constexpr absl::string_view kNoteConnection =
    "hands out a connection; what is called on it decides";
constexpr absl::string_view kNoteDelete = "deletes rows";
constexpr absl::string_view kNoteInMemory = "no query of its own";
constexpr absl::string_view kNoteInsert = "adds rows: destructive in production, safe elsewhere";
constexpr absl::string_view kNoteLock = "takes row locks";
constexpr absl::string_view kNoteRaw = "runs the SQL that it is given: its own class counts";
constexpr absl::string_view kNoteRawRead = "runs the SQL that it is given: its own class counts";
constexpr absl::string_view kNoteRead = "reads rows; without conditions or limit it is flagged";
constexpr absl::string_view kNoteRefine = "builds a query";
constexpr absl::string_view kNoteSchema = "changes the schema";
constexpr absl::string_view kNoteTransaction =
    "is transaction control; what stands in its block counts too";
constexpr absl::string_view kNoteTruncate = "empties the table, which on MySQL nothing takes back";
constexpr absl::string_view kNoteUpdate = "changes rows";

constexpr ModelMethod Connection(absl::string_view name) {
  return {name, MethodRole::kConnection, Kind::kInspection, Safety::kSafe, kNoteConnection};
}
constexpr ModelMethod Refine(absl::string_view name) {
  return {name, MethodRole::kRefine, Kind::kInspection, Safety::kSafe, kNoteRefine};
}
constexpr ModelMethod Read(absl::string_view name) {
  return {name, MethodRole::kRead, Kind::kInspection, Safety::kSafe, kNoteRead};
}
constexpr ModelMethod InMemory(absl::string_view name) {
  return {name, MethodRole::kInMemory, Kind::kInspection, Safety::kSafe, kNoteInMemory};
}
constexpr ModelMethod RawRead(absl::string_view name) {
  return {name, MethodRole::kRawRead, Kind::kInspection, Safety::kSafe, kNoteRawRead};
}
constexpr ModelMethod Raw(absl::string_view name) {
  return {name, MethodRole::kRaw, Kind::kControl, Safety::kDestructive, kNoteRaw};
}
constexpr ModelMethod Insert(absl::string_view name) {
  return {name, MethodRole::kInsert, Kind::kDataFix, Safety::kDestructive, kNoteInsert};
}
constexpr ModelMethod Update(absl::string_view name) {
  return {name, MethodRole::kUpdate, Kind::kDataFix, Safety::kDestructive, kNoteUpdate};
}
constexpr ModelMethod Delete(absl::string_view name) {
  return {name, MethodRole::kDelete, Kind::kDataFix, Safety::kDestructive, kNoteDelete};
}
constexpr ModelMethod Transaction(absl::string_view name) {
  return {name, MethodRole::kTransaction, Kind::kControl, Safety::kDestructive, kNoteTransaction};
}
constexpr ModelMethod Lock(absl::string_view name) {
  return {name, MethodRole::kLock, Kind::kControl, Safety::kDestructive, kNoteLock};
}
constexpr ModelMethod Truncate(absl::string_view name) {
  return {name, MethodRole::kDelete, Kind::kSchemaMigration, Safety::kDestructive, kNoteTruncate};
}
constexpr ModelMethod Schema(absl::string_view name) {
  return {name, MethodRole::kSchema, Kind::kSchemaMigration, Safety::kDestructive, kNoteSchema};
}

// Sources: the Active Record Query Interface guide of Rails and its API of ActiveRecord::Base,
// Relation and ConnectionAdapters; the API of php-activerecord's Model and Connection; Eloquent's
// names where they differ. To add a row: in its place by name, in lower case, with the worst that
// the method does in any of these libraries.
// clang-format off
constexpr ModelMethod kMethods[] = {
    Insert("<<"), Update("="), Schema("add_belongs_to"), Schema("add_check_constraint"),
    Schema("add_column"), Schema("add_enum_value"), Schema("add_exclusion_constraint"),
    Schema("add_foreign_key"), Schema("add_index"), Schema("add_reference"),
    Schema("add_timestamps"), Schema("add_unique_constraint"), Refine("addselect"),
    Raw("affectingstatement"), Read("all"), Refine("and"), Refine("andwhere"), Refine("annotate"),
    Read("any?"), Insert("append"), InMemory("arel_table"), InMemory("as_json"), Update("assign_attributes"),
    Update("assignrole"), Refine("associated"), Raw("async_exec"), Insert("attach"),
    InMemory("attributes"), Read("average"), Read("avg"), Transaction("begin_db_transaction"),
    Transaction("begintransaction"), InMemory("blank?"), InMemory("build"), Insert("bulk_import"),
    Insert("bulk_insert"), Read("calculate"), Schema("change_column"),
    Schema("change_column_comment"), Schema("change_column_default"), Schema("change_column_null"),
    Schema("change_table"), Schema("change_table_comment"), Read("chunk"), Read("chunkbyid"),
    Delete("clear"), InMemory("column_names"), InMemory("columns"), Transaction("commit"),
    Transaction("commit_db_transaction"), InMemory("compact"), Insert("concat"),
    Connection("connection"), Connection("connection_pool"), InMemory("contains"), Read("count"),
    RawRead("count_by_sql"), Insert("create"), Insert("create!"), Schema("create_database"),
    Schema("create_enum"), Schema("create_join_table"), Insert("create_or_find_by"),
    Insert("create_or_find_by!"), Schema("create_schema"), Schema("create_table"),
    Schema("create_view"), Schema("create_virtual_table"), Insert("createmany"),
    Insert("createmanyquietly"), Raw("createnativequery"), Insert("createorfirst"),
    Raw("createquery"), Insert("createquietly"), Read("cursor"), Read("cursorpaginate"),
    Update("decrement"), Update("decrement!"), Update("decrement_counter"), Update("decrementeach"),
    Update("decrementquietly"), Delete("delete"), Delete("delete!"), Delete("delete_all"),
    Delete("delete_by"), Delete("delete_multiple"), Delete("delete_or_fail"), Delete("deleteall"),
    Delete("deleteallbyattributes"), Delete("deletebypk"), Delete("deletemany"),
    Delete("deleteorfail"), Delete("deletequietly"), Delete("destroy"), Delete("destroy!"),
    Delete("destroy_all"), Delete("destroy_async"), Delete("destroy_by"), Delete("detach"),
    InMemory("dig"), Schema("disable_extension"), Delete("discard"), Refine("distinct"), Raw("do"),
    Read("doesntexist"), Refine("doesnthave"), Schema("drop"), Schema("drop_database"),
    Schema("drop_enum"), Schema("drop_join_table"), Schema("drop_schema"), Schema("drop_table"),
    Schema("drop_view"), Schema("drop_virtual_table"), InMemory("drop_while"),
    Schema("dropalltables"), Schema("dropalltypes"), Schema("dropallviews"), Schema("dropcolumn"),
    Schema("dropcolumns"), Schema("dropforeign"), Schema("dropifexists"), Schema("dropindex"),
    Schema("dropprimary"), Schema("dropsoftdeletes"), Schema("droptimestamps"),
    Schema("dropunique"), Read("each"), InMemory("each_cons"), InMemory("each_entry"),
    InMemory("each_key"), InMemory("each_pair"), InMemory("each_slice"), InMemory("each_value"),
    Read("each_with_index"), InMemory("each_with_object"), Refine("eager_load"), Read("empty?"),
    Delete("empty_table"), Schema("enable_extension"), InMemory("errors"), InMemory("escape"),
    Refine("except"), Refine("exclude"), Refine("excluding"), Raw("exec"), Raw("exec_delete"),
    Raw("exec_insert"), Raw("exec_params"), Raw("exec_query"), Raw("exec_update"), Raw("execute"),
    Raw("execute_batch"), Raw("execute_ddl"), Raw("execute_dui"), Raw("execute_insert"),
    Raw("execute_query"), Raw("executequery"), Raw("executestatement"), Raw("executeupdate"),
    Read("exists"), Read("exists?"), Read("explain"), InMemory("fill"), InMemory("filter"),
    InMemory("filter_map"), Read("find"), Read("find_all"), Read("find_by"), Read("find_by!"),
    Read("find_by_pk"), RawRead("find_by_sql"), Read("find_each"), Read("find_in_batches"),
    InMemory("find_index"), Insert("find_or_create_by"), Insert("find_or_create_by!"),
    Read("find_or_initialize_by"), Read("find_sole_by"), Read("findall"), Read("findby"),
    Read("findmany"), Read("findone"), Read("findoneby"), Read("findorfail"), Read("first"),
    Read("first!"), Insert("first_or_create"), Insert("first_or_create!"),
    Read("first_or_initialize"), Insert("firstorcreate"), Read("firstorfail"), Read("firstwhere"),
    InMemory("flat_map"), InMemory("flatten"), Update("flush"), Lock("for_key_share"),
    Lock("for_no_key_update"), Lock("for_share"), Lock("for_update"), Insert("forcecreate"),
    Insert("forcecreatequietly"), Delete("forcedelete"), Delete("forcedeletequietly"),
    Delete("forcedestroy"), Read("fresh"), Refine("from"), Refine("fromraw"), Refine("fromsub"),
    Read("get"), Raw("get_col"), Connection("get_connection"), Raw("get_results"), Raw("get_row"),
    Raw("get_var"), InMemory("getattribute"), InMemory("getattributes"), InMemory("getchanges"),
    InMemory("getdirty"), InMemory("getkey"), InMemory("getoriginal"), Update("givepermissionto"),
    Refine("group"), Refine("group_and_count"), InMemory("group_by"), Refine("groupby"),
    Refine("groupbyraw"), Refine("having"), Refine("havingraw"), Read("ids"), InMemory("implode"),
    Insert("import"), Insert("import!"), Read("in_batches"), InMemory("in_groups"),
    InMemory("in_groups_of"), Refine("in_order_of"), Refine("includes"), Update("increment"),
    Update("increment!"), Update("increment_counter"), Update("incrementeach"),
    Update("incrementquietly"), InMemory("index_by"), InMemory("inject"), Refine("innerjoin"),
    Refine("inrandomorder"), Insert("insert"), Insert("insert!"), Insert("insert_all"),
    Insert("insert_all!"), Insert("insert_batch"), Insert("insertgetid"), Insert("insertorignore"),
    Insert("insertorignoreusing"), Insert("insertusing"), InMemory("inspect"),
    Refine("invert_where"), InMemory("isclean"), InMemory("isdirty"), InMemory("isempty"),
    InMemory("isnotempty"), Refine("join"), Refine("joinraw"), Refine("joins"), Refine("joinsub"),
    Refine("joinwhere"), InMemory("key?"), InMemory("keyby"), Read("last"), Read("last!"),
    Refine("latest"), Read("lazy"), Connection("lease_connection"), Refine("left_joins"),
    Refine("left_outer_joins"), Refine("leftjoin"), Refine("leftjoinsub"), Read("length"),
    Refine("limit"), Read("load"), Read("loadcount"), Read("loadmissing"), Lock("lock"),
    Lock("lock!"), Lock("lock_style"), Lock("lockforupdate"), InMemory("makehidden"),
    InMemory("makevisible"), Read("many?"), Read("map"), Update("markasread"),
    Update("markasunread"), Update("markemailasverified"), Read("max"), InMemory("max_by"),
    Read("maximum"), Refine("merge"), Read("min"), InMemory("min_by"), Read("minimum"),
    Refine("missing"), InMemory("modelkeys"), Insert("multi_insert"), Raw("multi_query"),
    InMemory("new"), Refine("none"), Read("none?"), Refine("not"), Refine("offset"),
    Refine("oldest"), Refine("only"), Refine("onlytrashed"), Refine("optimizer_hints"),
    Refine("or"), Refine("order"), Refine("orderby"), Refine("orderbydesc"), Refine("orderbyraw"),
    Refine("ordoesnthave"), Refine("orhavingraw"), Refine("orwhere"), Refine("orwhereall"),
    Refine("orwhereany"), Refine("orwherebelongsto"), Refine("orwherebetween"),
    Refine("orwherecolumn"), Refine("orwheredoesnthave"), Refine("orwhereexists"),
    Refine("orwherefulltext"), Refine("orwherehas"), Refine("orwherein"),
    Refine("orwherejsoncontains"), Refine("orwherejsonlength"), Refine("orwherenone"),
    Refine("orwherenotbetween"), Refine("orwherenotexists"), Refine("orwherenotin"),
    Refine("orwherenotnull"), Refine("orwherenull"), Refine("orwhereraw"),
    Refine("orwhererelation"), Refine("orwheretime"), Refine("page"), Read("paginate"),
    InMemory("partition"), Refine("per"), Insert("persist"), Read("pick"), Read("pluck"),
    Refine("preload"), Raw("prepare"), Insert("prepend"), InMemory("presence"),
    InMemory("present?"), InMemory("primary_key"), Update("push"), Raw("query"),
    Raw("query_and_fetch"), Raw("query_and_fetch_one"), Raw("query_column"), InMemory("quote"),
    InMemory("quote_column_name"), InMemory("quote_table_name"), Refine("raw"),
    Raw("raw_connection"), Refine("readonly"), Raw("real_query"), Delete("really_delete"),
    Delete("really_destroy!"), InMemory("reduce"), Refine("references"), Refine("regroup"),
    InMemory("reject"), Read("reload"), Schema("remove_belongs_to"),
    Schema("remove_check_constraint"), Schema("remove_column"), Schema("remove_columns"),
    Schema("remove_exclusion_constraint"), Schema("remove_foreign_key"), Schema("remove_index"),
    Schema("remove_reference"), Schema("remove_timestamps"), Schema("remove_unique_constraint"),
    Delete("removerole"), Schema("rename"), Schema("rename_column"), Schema("rename_enum"),
    Schema("rename_enum_value"), Schema("rename_index"), Schema("rename_schema"),
    Schema("rename_table"), Schema("renamecolumn"), Refine("reorder"), Update("replace"),
    Update("reset_counters"), Update("restore"), InMemory("reverse"), Refine("reverse_order"),
    Delete("revokepermissionto"), Refine("rewhere"), Refine("rightjoin"), Refine("rightjoinsub"),
    Transaction("rollback"), Transaction("rollback!"), Transaction("rollback_db_transaction"),
    InMemory("sanitize_sql_array"), Update("save"), Update("save!"),
    Update("save_without_validation"), Update("savemany"), Update("savemanyquietly"),
    Update("saveorfail"), Update("savequietly"), Read("second"), Refine("select"),
    Raw("select_all"), Refine("select_append"), Refine("select_group"), Read("select_map"),
    Raw("select_one"), Read("select_order_map"), Raw("select_rows"), Raw("select_value"),
    Raw("select_values"), Refine("selectraw"), Refine("selectsub"), Raw("send_query"),
    InMemory("serializable_hash"), Lock("sharedlock"), Raw("simple_query"), Read("simplepaginate"),
    Read("size"), Refine("skip"), InMemory("slice"), Read("sole"), InMemory("sort"),
    InMemory("sort_by"), InMemory("sortby"), InMemory("sortbydesc"), Raw("statement"),
    Refine("strict_loading"), Read("sum"), Update("sync"), Update("syncpermissions"),
    Update("syncroles"), Update("syncwithoutdetaching"), Update("syncwithpivotvalues"),
    Connection("table"), InMemory("table_name"), Read("take"), Read("take!"),
    InMemory("take_while"), InMemory("tally"), Read("third"), Read("to_a"), InMemory("to_array"),
    InMemory("to_h"), InMemory("to_json"), InMemory("to_param"), InMemory("to_sql"),
    InMemory("toarray"), Update("toggle"), Update("toggle!"), InMemory("tojson"),
    Insert("tomediacollection"), Update("touch"), Update("touch_all"), Update("touchquietly"),
    Transaction("transaction"), Truncate("truncate"), Update("undiscard"), Refine("unionall"),
    InMemory("uniq"), InMemory("unique"), Refine("unless"), Raw("unprepared"), Refine("unscope"),
    Refine("unscoped"), Insert("unshift"), Update("update"), Update("update!"),
    Update("update_all"), Update("update_attribute"), Update("update_attributes"),
    Update("update_attributes!"), Update("update_column"), Update("update_columns"),
    Update("update_counters"), Update("updateall"), Update("updateattributes"),
    Update("updateexistingpivot"), Update("updateorcreate"), Update("updateorfail"),
    Update("updateorinsert"), Update("updatequietly"), Update("upsert"), Update("upsert_all"),
    InMemory("valid?"), Schema("validate_check_constraint"), Schema("validate_constraint"),
    Schema("validate_foreign_key"), Read("value"), InMemory("values_at"), InMemory("waschanged"),
    Refine("when"), Refine("where"), Refine("whereall"), Refine("whereany"),
    Refine("wherebelongsto"), Refine("wherebetween"), Refine("wherecolumn"), Refine("wheredate"),
    Refine("whereday"), Refine("wheredoesnthave"), Refine("whereexists"), Refine("wherefulltext"),
    Refine("wherehas"), Refine("wherein"), Refine("wherejsoncontains"),
    Refine("wherejsoncontainskey"), Refine("wherejsondoesntcontain"),
    Refine("wherejsondoesntcontainkey"), Refine("wherejsonlength"), Refine("wherekey"),
    Refine("wherekeynot"), Refine("wheremonth"), Refine("wheremorphto"), Refine("wherenone"),
    Refine("wherenot"), Refine("wherenotbetween"), Refine("wherenotexists"), Refine("wherenotin"),
    Refine("wherenotmorphto"), Refine("wherenotnull"), Refine("wherenull"), Refine("whereraw"),
    Refine("whererelation"), Refine("wheretime"), Refine("whereyear"), Refine("with"),
    Connection("with_connection"), InMemory("with_index"), Lock("with_lock"), Refine("withavg"),
    Refine("withcasts"), Refine("withcount"), Refine("withexists"), Refine("withmax"),
    Refine("withmin"), Refine("withonly"), Refine("without"), Refine("withoutglobalscope"),
    Refine("withoutglobalscopes"), Refine("withouttrashed"), Refine("withsum"),
    Refine("withtrashed"), Refine("withwherehas"), InMemory("zip"),
};
// clang-format on

constexpr bool ByName(const ModelMethod& a, const ModelMethod& b) { return a.name < b.name; }
static_assert(std::is_sorted(std::begin(kMethods), std::end(kMethods), ByName));

// Methods of a connection whose names mean something else on a model.
constexpr ModelMethod kConnectionMethods[] = {
    Raw("<<"),
    Raw("[]"),
    Raw("cursor"),
    Raw("delete"),
    Raw("fetch"),
    Raw("fetchall"),
    Raw("fetchallassociative"),
    Raw("fetchallkeyvalue"),
    Raw("fetchallnumeric"),
    Raw("fetchassoc"),
    Raw("fetchassociative"),
    Raw("fetchcolumn"),
    Raw("fetchfirstcolumn"),
    Raw("fetchnumeric"),
    Raw("fetchone"),
    Raw("insert"),
    Raw("iterateassociative"),
    Raw("run"),
    Raw("scalar"),
    Raw("select"),
    Raw("selectone"),
    Raw("update"),
};

// Of PHP's and Ruby's own libraries, whatever stands in front of the name. A function that takes
// another one (array_map) is not among them: it runs what it is given.
// clang-format off
constexpr absl::string_view kPureFunctions[] = {
    "abs", "addday", "adddays", "addhour", "addhours", "addminutes", "addmonth", "addmonths",
    "addweeks", "addyear", "addyears", "advance", "ago", "all_day", "all_month", "all_week",
    "all_year", "array", "array_fill", "array_keys", "array_merge", "array_values",
    "beginning_of_day", "beginning_of_month", "beginning_of_week", "beginning_of_year", "bool",
    "cases", "ceil", "compact", "count", "current_user_id", "date", "day", "days", "downcase",
    "empty", "end_of_day", "end_of_month", "end_of_week", "end_of_year", "endofday", "endofmonth",
    "endofweek", "endofyear", "explode", "false", "fetch", "filled", "first", "floatval", "floor",
    "format", "from_now", "getclientip", "hour", "hours", "html_safe", "id", "implode",
    "in_time_zone", "input", "int", "intval", "is_null", "iso8601", "isset", "join", "keys", "last",
    "length", "list", "max", "md5", "microtime", "min", "minute", "minutes", "mktime", "month",
    "months", "new_date", "next_day", "next_month", "nil", "now", "null", "parse", "permit",
    "policy_scope", "prev_day", "prev_month", "require", "respond_to?", "round",
    "sanitize_sql_like", "seconds", "sha1", "since", "size", "sprintf", "startofday",
    "startofmonth", "startofweek", "startofyear", "str_pad", "str_repeat", "strftime", "strip",
    "strlen", "strtok", "strtolower", "strtotime", "strtoupper", "strval", "sub", "subday",
    "subdays", "subhour", "subhours", "subminutes", "submonth", "submonths", "substr", "subweek",
    "subweeks", "subyear", "subyears", "time", "to_a", "to_date", "to_f", "to_i", "to_s", "to_sym",
    "todatestring", "todatetimestring", "today", "trim", "true", "tryfrom", "uniqid", "upcase",
    "utc", "validated", "values", "weeks", "withmessages", "year", "years", "yesterday",
};
// clang-format on
static_assert(std::is_sorted(std::begin(kPureFunctions), std::end(kPureFunctions)));

const ModelMethod* In(absl::Span<const ModelMethod> rows, absl::string_view name) {
  const auto found =
      std::lower_bound(rows.begin(), rows.end(), name,
                       [](const ModelMethod& row, absl::string_view n) { return row.name < n; });
  return found != rows.end() && found->name == name ? &*found : nullptr;
}

}  // namespace

absl::Span<const ModelMethod> ModelMethods() { return kMethods; }

const ModelMethod* FindModelMethod(absl::string_view name) {
  const std::string lower = absl::AsciiStrToLower(name);
  if (const ModelMethod* method = In(kMethods, lower)) return method;
  // Families: find_by_name, find_all_by_name_and_age, find_or_create_by_name...
  if (absl::StartsWith(lower, "find_or_create_by_")) return In(kMethods, "create");
  if (absl::StartsWith(lower, "find_by_") || absl::StartsWith(lower, "find_all_by_") ||
      absl::StartsWith(lower, "find_last_by_")) {
    return In(kMethods, "find_by");
  }
  if (absl::StartsWith(lower, "count_by_")) return In(kMethods, "count");
  return nullptr;
}

const ModelMethod* FindConnectionMethod(absl::string_view name) {
  const std::string lower = absl::AsciiStrToLower(name);
  const ModelMethod* method = In(kConnectionMethods, lower);
  return method != nullptr ? method : FindModelMethod(lower);
}

bool IsOfResult(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {
      "affected_rows", "column_values", "columncount",  "data_seek",    "each_row",
      "field_count",   "fields",        "free",         "free_result",  "get_result",
      "getvalue",      "nfields",       "ntuples",      "num_rows",     "result",
      "rowcount",      "rows",          "setfetchmode", "store_result", "values"};
  // Those of the drivers: fetchOrders() of an importer is none.
  static constexpr absl::string_view kFetches[] = {"",
                                                   "all",
                                                   "allassoc",
                                                   "allassociative",
                                                   "allassociativeindexed",
                                                   "allkeyed",
                                                   "allkeyvalue",
                                                   "allnumeric",
                                                   "array",
                                                   "assoc",
                                                   "associative",
                                                   "both",
                                                   "col",
                                                   "column",
                                                   "field",
                                                   "fielddirect",
                                                   "fields",
                                                   "firstcolumn",
                                                   "hash",
                                                   "keyvalue",
                                                   "lengths",
                                                   "numeric",
                                                   "object",
                                                   "one",
                                                   "pairs",
                                                   "row"};
  if (!absl::StartsWith(name, "fetch")) return IsOneOf(name, kNames);
  const std::string what = absl::StrReplaceAll(name.substr(5), {{"_", ""}});
  return IsOneOf(what, kFetches);
}

bool GivesValues(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {
      "all?",   "any?",     "chunk_while", "collect",  "count",          "detect",
      "find",   "flat_map", "group_by",    "index_by", "index_with",     "inject",
      "map",    "max",      "min",         "none?",    "one?",           "pluck",
      "reduce", "select",   "slice_when",  "sum",      "transform_keys", "transform_values"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

bool ReadsColumns(absl::string_view name) {
  return name == "pluck" || name == "pick" || name == "sum" || name == "avg" || name == "average" ||
         name == "min" || name == "minimum" || name == "max" || name == "maximum" ||
         name == "count" || name == "calculate" || name == "value" || name == "select_map" ||
         name == "select_order_map";
}

bool ShowsSchema(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {
      "connection", "getcolumnlisting", "getcolumns", "getcolumntype", "getforeignkeys",
      "getindexes", "getindexlisting",  "gettables",  "getviews",      "hascolumn",
      "hascolumns", "hasindex",         "hastable",   "hasview"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

bool IsPureHostFunction(absl::string_view name) {
  const std::string lower = absl::AsciiStrToLower(name);
  return std::binary_search(std::begin(kPureFunctions), std::end(kPureFunctions),
                            absl::string_view(lower));
}

int WeightOf(MethodRole role) {
  switch (role) {
    case MethodRole::kConnection:
    case MethodRole::kInMemory:
      return 0;
    case MethodRole::kRefine:
      return 1;
    case MethodRole::kRead:
      return 2;
    case MethodRole::kRawRead:
    case MethodRole::kRaw:
    case MethodRole::kRunPrepared:
      return 3;
    case MethodRole::kTransaction:
    case MethodRole::kCallable:
    case MethodRole::kShell:
    case MethodRole::kOpaque:
      return 4;
    case MethodRole::kLock:
      return 5;
    case MethodRole::kInsert:
      return 6;
    case MethodRole::kUpdate:
      return 7;
    case MethodRole::kDelete:
      return 8;
    case MethodRole::kSchema:
      return 9;
  }
  return 9;
}

absl::string_view NameOf(MethodRole role) {
  switch (role) {
    case MethodRole::kConnection:
      return "connection";
    case MethodRole::kRefine:
      return "refine";
    case MethodRole::kRead:
      return "read";
    case MethodRole::kRawRead:
      return "raw read";
    case MethodRole::kRaw:
      return "raw";
    case MethodRole::kInsert:
      return "insert";
    case MethodRole::kUpdate:
      return "update";
    case MethodRole::kDelete:
      return "delete";
    case MethodRole::kTransaction:
      return "transaction";
    case MethodRole::kLock:
      return "lock";
    case MethodRole::kSchema:
      return "schema";
    case MethodRole::kInMemory:
      return "in memory";
    case MethodRole::kRunPrepared:
      return "prepared";
    case MethodRole::kCallable:
      return "callable";
    case MethodRole::kShell:
      return "shell";
    case MethodRole::kOpaque:
      return "opaque";
  }
  return "";
}

}  // namespace dbfleet::sql

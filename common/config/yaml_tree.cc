#include "common/config/yaml_tree.h"

#include <algorithm>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "yaml-cpp/eventhandler.h"
#include "yaml-cpp/exceptions.h"
#include "yaml-cpp/mark.h"
#include "yaml-cpp/parser.h"

#include "common/base/byte_order_mark.h"
#include "common/base/text.h"

namespace dbfleet::config {
namespace {

constexpr int kMaxDepth = 32;

// Ends the parse inside yaml-cpp; never leaves this file.
struct StopParsing {};

// Builds a YamlNode from yaml-cpp's events, which come before aliases are expanded. `open_` points
// from the root to the node under construction; a node does not move while one of its children is
// open, because only the innermost open node grows.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(std::vector<YamlProblem>* problems, int max_nodes, int lines_before)
      : problems_(problems), max_nodes_(max_nodes), lines_before_(lines_before) {}

  YamlNode TakeRoot() { return std::move(root_); }
  bool has_document() const { return has_document_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (has_document_) {
      Stop(mark, "a second document starts here; keep one document per file");
    }
    has_document_ = true;
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    RefuseAnchor(mark, anchor);
    Add(mark, YamlNode::Kind::kNull);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    Problem(mark, "aliases (*name) are not allowed; write the value out");
    Add(mark, YamlNode::Kind::kNull);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    RefuseAnchor(mark, anchor);
    RefuseTag(mark, tag);
    YamlNode* node = Add(mark, YamlNode::Kind::kScalar);
    node->text = value;
    node->quoted = tag == "!";
    last_quoted_.reset();
    if (node->quoted) last_quoted_ = mark;
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    Open(mark, tag, anchor, YamlNode::Kind::kSequence, style);
  }
  void OnSequenceEnd() override { open_.pop_back(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    Open(mark, tag, anchor, YamlNode::Kind::kMap, style);
  }
  void OnMapEnd() override { open_.pop_back(); }

  // Within brackets and braces lines are indented as one likes.
  bool InBrackets() const {
    return std::any_of(open_.begin(), open_.end(), [](const Level& level) { return level.flow; });
  }

  // Where the last of all scalars begins, if it is one in quotes.
  const std::optional<YAML::Mark>& last_quoted() const { return last_quoted_; }

 private:
  void Problem(const YAML::Mark& mark, absl::string_view message) {
    problems_->push_back({lines_before_ + mark.line + 1, mark.column + 1, std::string(message)});
  }

  void Stop(const YAML::Mark& mark, absl::string_view message) {
    Problem(mark, message);
    throw StopParsing();
  }

  void RefuseAnchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != 0) Problem(mark, "anchors (&name) are not allowed; write the value out");
  }

  // yaml-cpp says "?" for a plain scalar or collection and "!" for a quoted scalar.
  void RefuseTag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!") {
      Problem(mark, absl::StrCat("tags (", SanitizeForDisplay(Truncate(tag, 60)),
                                 ") are not allowed; the field decides the type"));
    }
  }

  void Open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            YamlNode::Kind kind, YAML::EmitterStyle::value style) {
    RefuseAnchor(mark, anchor);
    RefuseTag(mark, tag);
    if (open_.size() >= kMaxDepth) {
      Stop(mark, absl::StrCat("nested deeper than ", kMaxDepth, " levels"));
    }
    YamlNode* node = Add(mark, kind);
    open_.push_back({node, false, style == YAML::EmitterStyle::Flow});
  }

  YamlNode* Add(const YAML::Mark& mark, YamlNode::Kind kind) {
    if (++nodes_ > max_nodes_) Stop(mark, absl::StrCat("more than ", max_nodes_, " values"));
    YamlNode* node = Place();
    node->kind = kind;
    node->line = lines_before_ + mark.line + 1;
    node->column = mark.column + 1;
    return node;
  }

  YamlNode* Place() {
    if (open_.empty()) return &root_;
    Level& level = open_.back();
    if (level.node->kind == YamlNode::Kind::kSequence) return &level.node->items.emplace_back();
    level.key_read = !level.key_read;
    return level.key_read ? &level.node->keys.emplace_back() : &level.node->items.emplace_back();
  }

  struct Level {
    YamlNode* node;
    bool key_read;  // In a map: the next node is the value.
    bool flow;      // In brackets or braces.
  };

  std::vector<YamlProblem>* const problems_;
  const int max_nodes_;
  const int lines_before_;
  YamlNode root_;
  std::vector<Level> open_;
  std::optional<YAML::Mark> last_quoted_;
  int nodes_ = 0;
  bool has_document_ = false;
};

// Where the text in quotes ends that begins at `begin`, behind its quote; npos if it never does,
// and `begin` if there is none.
size_t EndOfQuotes(absl::string_view text, size_t begin) {
  if (begin >= text.size()) return begin;
  const char quote = text[begin];
  if (quote != '"' && quote != '\'') return begin;
  for (size_t i = begin + 1; i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      if (quote == '"' || i + 1 >= text.size() || text[i + 1] != quote) return i + 1;
      ++i;
    }
  }
  return absl::string_view::npos;
}

// A tab in the indentation of the line on which the parser stopped. Its own words ("illegal map
// value") name everything but that. The column, from 1. A line that begins before `from` has none.
std::optional<int> IndentingTab(absl::string_view text, int line, size_t from) {
  for (const absl::string_view row : absl::StrSplit(text, '\n')) {
    if (--line > 0) continue;
    if (static_cast<size_t>(row.data() - text.data()) < from) break;
    const size_t tab = row.find('\t');
    if (tab == absl::string_view::npos || tab > row.find_first_not_of(" \t")) break;
    return static_cast<int>(tab) + 1;
  }
  return std::nullopt;
}

// What the parser means. Its own words are those of who wrote it ("end of map not found"), and name
// neither what stands there nor what to do.
std::string PlainWords(const std::string& words) {
  static const std::pair<absl::string_view, absl::string_view> kMeanings[] = {
      {YAML::ErrorMsg::MAP_VALUE,
       "no value is wanted here; a text that holds \": \" stands in quotes, and the fields of one "
       "map "
       "are indented alike"},
      {YAML::ErrorMsg::MAP_KEY,
       "no field is wanted here; the fields of one map stand on lines of their own and are "
       "indented "
       "alike"},
      {YAML::ErrorMsg::END_OF_MAP,
       "`field: value` is wanted here, indented as the fields before it; a text that is more than "
       "what it is in quotes stands in other quotes as a whole"},
      {YAML::ErrorMsg::END_OF_SEQ,
       "an item of the list is wanted here: `- ` and its value, indented as the items before it"},
      {YAML::ErrorMsg::BLOCK_ENTRY,
       "no item of a list (`- `) is wanted here; it stands on a line of its own, indented as those "
       "before it"},
      {YAML::ErrorMsg::END_OF_MAP_FLOW, "the { before this has no }, or a comma is missing"},
      {YAML::ErrorMsg::END_OF_SEQ_FLOW, "the [ before this has no ], or a comma is missing"},
      {YAML::ErrorMsg::FLOW_END, "there is no { or [ that this would end"},
      {YAML::ErrorMsg::UNKNOWN_TOKEN,
       "nothing begins with this character; put the text into quotes"},
      {YAML::ErrorMsg::EOF_IN_SCALAR, "the text in quotes has no end"},
      {YAML::ErrorMsg::DOC_IN_SCALAR,
       "a line of a text in quotes begins with --- or ...; indent it, or end the quotes before it"},
      {YAML::ErrorMsg::TAB_IN_INDENTATION, "a tab stands here; YAML is indented with spaces only"},
      {YAML::ErrorMsg::CHAR_IN_BLOCK,
       "behind | or > only +, - and the depth of the indentation may stand; the text begins on the "
       "next line"},
      {YAML::ErrorMsg::ZERO_INDENT_IN_BLOCK, "behind | or > the indentation is 1 to 9"},
      {YAML::ErrorMsg::INVALID_HEX, "behind \\x, \\u or \\U hexadecimal digits are wanted"},
  };
  for (const auto& [theirs, meaning] : kMeanings) {
    if (words == theirs) return std::string(meaning);
  }
  if (absl::StartsWith(words, YAML::ErrorMsg::INVALID_ESCAPE)) {
    return "in double quotes \\ is written as \\\\; in single quotes as it is";
  }
  if (absl::StartsWith(words, YAML::ErrorMsg::INVALID_UNICODE)) {
    return "there is no such character of Unicode";
  }
  return absl::StrCat("this is no YAML (", words, ")");
}

}  // namespace

YamlNode ReadYamlTree(absl::string_view text, std::vector<YamlProblem>* problems, int max_nodes,
                      int lines_before) {
  TreeBuilder builder(problems, max_nodes, lines_before);
  const YamlNode nothing;  // A parse that ended early leaves maps with a key and no value.
  if (!IsValidUtf8(text) || text.find('\0') != absl::string_view::npos) {
    problems->push_back({0, 0, "is not UTF-8 text"});
    return nothing;
  }
  // The parser does not count the mark with which a file may begin.
  const absl::string_view counted = absl::StripPrefix(text, kByteOrderMark);
  std::istringstream stream{std::string(text)};
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
    const std::optional<YAML::Mark>& last = builder.last_quoted();
    if (last.has_value() &&
        EndOfQuotes(counted, static_cast<size_t>(last->pos)) == absl::string_view::npos) {
      // The parser takes one that ends with the file, behind a line's end, for whole: a file that
      // was cut off there would pass.
      problems->push_back(
          {lines_before + last->line + 1, last->column + 1, "the text in quotes has no end"});
      return nothing;
    }
  } catch (const YAML::Exception& error) {
    const int line = error.mark.line + 1;  // 0: none.
    const int told = line > 0 ? lines_before + line : 0;
    const std::optional<YAML::Mark>& last = builder.last_quoted();
    // What stands in quotes, or in brackets, is indented as one likes.
    const size_t from = last.has_value() ? EndOfQuotes(counted, static_cast<size_t>(last->pos)) : 0;
    const std::optional<int> tab =
        builder.InBrackets() ? std::nullopt : IndentingTab(counted, line, from);
    problems->push_back(
        tab.has_value()
            ? YamlProblem{told, *tab, "a tab indents this line; YAML is indented with spaces only"}
            : YamlProblem{told, error.mark.column + 1, PlainWords(error.msg)});
    return nothing;
  } catch (const StopParsing&) {
    return nothing;  // The problem has been recorded.
  }
  return builder.TakeRoot();
}

}  // namespace dbfleet::config

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

#include "controller/cli/completion.h"

namespace dbfleet::cli {
namespace {

// `compgen -W` would expand what the names hold, so they are compared by hand, and a name that a
// shell could read as more than a name is not offered.
constexpr char kBashHead[] =
    R"sh(# bash completion for dbfleet; load it with: source <(dbfleet completion bash)
_dbfleet_list() {
  if command -v timeout >/dev/null 2>&1; then
    timeout 2 dbfleet "$@" -o name </dev/null 2>/dev/null
  else
    dbfleet "$@" -o name </dev/null 2>/dev/null
  fi
}

_dbfleet_add() {
  local current="$1" word
  while IFS= read -r word; do
    case "$word" in
      *[!A-Za-z0-9._/:-]*) ;;
      "$current"*) COMPREPLY+=("$word") ;;
    esac
  done
}

# Prints the candidates of a source: "files", "names COMMAND" or "words WORDS".
_dbfleet_offer() {
  local current="$1" source="$2" word
  case "$source" in
    files)
      while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$current")
      compopt -o filenames 2>/dev/null ;;
    names\ *)
      # shellcheck disable=SC2086
      _dbfleet_add "$current" < <(
        _dbfleet_list ${source#names } ${_dbfleet_context:+--context "$_dbfleet_context"} |
          sed 's|^[a-z]*/\([^/]*\)$|\1|') ;;
    words\ *)
      # shellcheck disable=SC2086
      _dbfleet_add "$current" < <(printf '%s\n' ${source#words }) ;;
  esac
}

)sh";

constexpr char kBashTail[] = R"sh(
# No variable here is called path or words: zsh has its own of those names.
_dbfleet() {
  local current="${COMP_WORDS[COMP_CWORD]}" typed="" expects="" arguments=0 i=1 word source
  local _dbfleet_context=""
  COMPREPLY=()
  while [ "$i" -lt "$COMP_CWORD" ]; do
    word="${COMP_WORDS[i]}"
    i=$((i + 1))
    if [ "$word" = "=" ]; then continue; fi  # bash splits --output=json at the sign.
    if [ -n "$expects" ]; then
      if [ "$expects" = "--context" ]; then _dbfleet_context="$word"; fi
      expects=""
      continue
    fi
    case "$word" in
      -*)
        if _dbfleet_value "$word" >/dev/null; then expects="$word"; fi ;;
      *)
        if _dbfleet_verbs "${typed:+$typed }$word" >/dev/null; then
          typed="${typed:+$typed }$word"
        else
          arguments=$((arguments + 1))
        fi ;;
    esac
  done
  if [ "$current" = "=" ]; then current=""; fi
  if [ -n "$expects" ]; then
    _dbfleet_offer "$current" "$(_dbfleet_value "$expects")"
    return
  fi
  case "$current" in
    -*) _dbfleet_offer "$current" "words $(_dbfleet_options "$typed")"; return ;;
  esac
  if [ "$arguments" -eq 0 ]; then
    source="$(_dbfleet_verbs "$typed")"
    if [ -n "$source" ]; then
      _dbfleet_offer "$current" "words $source"
    else
      _dbfleet_offer "$current" "$(_dbfleet_argument "$typed")"
    fi
  fi
  if [ "${#COMPREPLY[@]}" -eq 0 ] && [ -z "$current" ]; then
    _dbfleet_offer "" "words $(_dbfleet_options "$typed")"
  fi
}
complete -F _dbfleet dbfleet
)sh";

std::string BashSource(const Source& source) {
  switch (source.kind) {
    case Source::Kind::kWords:
      return absl::StrCat("words ", source.text);
    case Source::Kind::kNames:
      return absl::StrCat("names ", source.text);
    case Source::Kind::kFiles:
      return "files";
    default:
      return "";
  }
}

std::string BashCase(const std::string& pattern, const std::string& text) {
  return absl::StrCat("    \"", pattern, "\") echo \"", text, "\" ;;\n");
}

std::string BashFunction(const std::string& name, const std::string& cases) {
  return absl::StrCat(name, "() {\n  case \"$1\" in\n", cases, "    *) return 1 ;;\n  esac\n}\n");
}

std::string VerbNames(const Level& level) {
  return absl::StrJoin(level.verbs, " ",
                       [](std::string* out, const Level::Verb& verb) { out->append(verb.name); });
}

constexpr char kFishHead[] =
    R"sh(# fish completion for dbfleet; load it with: dbfleet completion fish | source
function __dbfleet_at
  set -l typed (commandline -opc)[2..-1]
  set -l words
  for word in $typed
    string match -q -- '-*' $word; or set -a words $word
  end
  set -l wanted (string split -n ' ' -- $argv[1])
  set -l count (count $wanted)
  test (count $words) -ge $count; or return 1
  if test $count -gt 0
    test "$words[1..$count]" = "$argv[1]"; or return 1
  end
  # A verb that was typed already belongs to a deeper level.
  if test (count $words) -gt $count
    contains -- $words[(math $count + 1)] $argv[2..-1]; and return 1
  end
  return 0
end
function __dbfleet_names
  set -l typed (commandline -opc)
  set -l context
  if set -l at (contains -i -- --context $typed)
    set context --context $typed[(math $at + 1)]
  end
  set -l limit
  command -q timeout; and set limit timeout 2
  $limit dbfleet $argv $context -o name </dev/null 2>/dev/null | string replace -r '^[a-z]*/([^/]*)$' '$1'
end
complete -c dbfleet -f
)sh";

std::string FishText(const std::string& text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"'", "\\'"}}), "'");
}

// The part of a `complete` line that says where candidates come from.
std::string FishSource(const Source& source) {
  switch (source.kind) {
    case Source::Kind::kWords:
      return absl::StrCat(" -a ", FishText(source.text));
    case Source::Kind::kNames:
      return absl::StrCat(" -a '(__dbfleet_names ", source.text, ")'");
    case Source::Kind::kFiles:
      return " -F";
    default:
      return "";
  }
}

}  // namespace

std::string BashCompletion(const CompletionTree& tree) {
  std::string verbs, options, arguments, values;
  for (const Level& level : tree.levels) {
    verbs += BashCase(level.path, VerbNames(level));
    options += BashCase(level.path, absl::StrJoin(level.options, " "));
    const std::string source = BashSource(level.argument);
    if (!source.empty()) arguments += BashCase(level.path, source);
  }
  for (const auto& [name, source] : tree.value_options) {
    values += BashCase(name, BashSource(source));
  }
  return absl::StrCat(kBashHead, BashFunction("_dbfleet_verbs", verbs),
                      BashFunction("_dbfleet_options", options),
                      BashFunction("_dbfleet_argument", arguments),
                      BashFunction("_dbfleet_value", values), kBashTail);
}

std::string FishCompletion(const CompletionTree& tree) {
  std::string out = kFishHead;
  for (const Level& level : tree.levels) {
    std::string condition = absl::StrCat("__dbfleet_at '", level.path, "'");
    for (const Level::Verb& verb : level.verbs) absl::StrAppend(&condition, " ", verb.name);
    const std::string line = absl::StrCat("complete -c dbfleet -n \"", condition, "\"");
    for (const Level::Verb& verb : level.verbs) {
      absl::StrAppend(&out, line, " -a ", verb.name, " -d ", FishText(verb.description), "\n");
    }
    if (const std::string source = FishSource(level.argument); !source.empty()) {
      absl::StrAppend(&out, line, source, "\n");
    }
    for (const std::string& option : level.options) {
      absl::StrAppend(&out, line, " -l ", option.substr(2));
      const auto value = tree.value_options.find(option);
      if (value != tree.value_options.end()) {
        absl::StrAppend(&out, " -r", FishSource(value->second));
      }
      out += "\n";
    }
  }
  return out;
}

}  // namespace dbfleet::cli

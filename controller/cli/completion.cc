#include <memory>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"

namespace dbfleet::cli {
namespace {

// One level of the command line: what was typed so far, and what may follow.
struct Level {
  std::string path;  // "", "job", "job list".
  std::vector<const CLI::App*> verbs;
  std::set<std::string> options;
};

void AddOptions(const CLI::App* app, std::set<std::string>* options) {
  for (const CLI::Option* option : app->get_options()) {
    for (const std::string& name : option->get_lnames()) options->insert("--" + name);
  }
}

void Collect(const CLI::App* app, const std::string& path,
             const std::set<std::string>& global_options, std::vector<Level>* levels) {
  Level level;
  level.path = path;
  level.options = global_options;
  AddOptions(app, &level.options);
  std::vector<const CLI::App*> below;
  for (const CLI::App* sub : app->get_subcommands([](const CLI::App*) { return true; })) {
    if (sub->get_name().empty()) {
      AddOptions(sub, &level.options);  // A group of options.
    } else {
      below.push_back(sub);
    }
  }
  level.verbs = below;
  levels->push_back(level);
  for (const CLI::App* sub : below) {
    Collect(sub, absl::StrCat(path, path.empty() ? "" : " ", sub->get_name()), global_options,
            levels);
  }
}

std::string Words(const Level& level) {
  std::vector<std::string> words;
  for (const CLI::App* verb : level.verbs) words.push_back(verb->get_name());
  words.insert(words.end(), level.options.begin(), level.options.end());
  return absl::StrJoin(words, " ");
}

// Finds the longest known path among the words typed, then offers what may follow it.
constexpr char kBashHead[] =
    R"(# bash completion for dbfleet; load it with: source <(dbfleet completion bash)
_dbfleet() {
  local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}"
  local path="" word
  local -A words=(
)";
constexpr char kBashTail[] = R"(  )
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    local next="${path:+$path }$word"
    if [[ -n "${words[/$next]+set}" ]]; then path="$next"; fi
  done
  case "$previous" in
    -o|--output) COMPREPLY=($(compgen -W "table wide json jsonl yaml name" -- "$current")); return ;;
    --dir|--token-file|--ca-file|--out) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  COMPREPLY=($(compgen -W "${words[/$path]}" -- "$current"))
  if [[ ${#COMPREPLY[@]} -eq 0 ]]; then COMPREPLY=($(compgen -f -- "$current")); fi
}
complete -F _dbfleet dbfleet
)";

std::string Bash(const std::vector<Level>& levels) {
  std::string out = kBashHead;
  for (const Level& level : levels) {
    absl::StrAppend(&out, "    [\"/", level.path, "\"]=\"", Words(level), "\"\n");
  }
  return out + kBashTail;
}

std::string Zsh(const std::vector<Level>& levels) {
  return absl::StrCat("#compdef dbfleet\n# load it with: source <(dbfleet completion zsh)\n",
                      "autoload -U +X compinit && compinit -u\n",
                      "autoload -U +X bashcompinit && bashcompinit\n", Bash(levels));
}

constexpr char kFishHead[] =
    R"(# fish completion for dbfleet; load it with: dbfleet completion fish | source
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
complete -c dbfleet -f
)";

std::string Fish(const std::vector<Level>& levels) {
  std::string out = kFishHead;
  for (const Level& level : levels) {
    std::string condition = absl::StrCat("__dbfleet_at '", level.path, "'");
    for (const CLI::App* verb : level.verbs) absl::StrAppend(&condition, " ", verb->get_name());
    for (const CLI::App* verb : level.verbs) {
      absl::StrAppend(&out, "complete -c dbfleet -n \"", condition, "\" -a ", verb->get_name(),
                      " -d '", absl::StrReplaceAll(verb->get_description(), {{"'", "\\'"}}), "'\n");
    }
    for (const std::string& option : level.options) {
      absl::StrAppend(&out, "complete -c dbfleet -n \"", condition, "\" -l ", option.substr(2),
                      "\n");
    }
  }
  return out;
}

}  // namespace

void AddCompletionCommand(CLI::App& app, Shell& shell) {
  auto language = std::make_shared<std::string>();
  AddVerb(app, "completion", "Print a completion script", shell,
          [&app, &shell, language] {
            std::set<std::string> global_options;
            AddOptions(&app, &global_options);
            std::vector<Level> levels;
            Collect(&app, "", global_options, &levels);
            shell.out() << (*language == "bash"  ? Bash(levels)
                            : *language == "zsh" ? Zsh(levels)
                                                 : Fish(levels));
            return kExitOk;
          })
      ->add_option("SHELL", *language, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
}

}  // namespace dbfleet::cli

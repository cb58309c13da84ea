#include "controller/cli/completion.h"

#include <memory>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/words.h"
#include "dbfleet/api/v1/job_service.pb.h"
#include "dbfleet/api/v1/user_service.pb.h"

namespace dbfleet::cli {
namespace {

std::string EnumWords(const google::protobuf::EnumDescriptor* type) {
  std::vector<std::string> words;
  for (int i = 0; i < type->value_count(); ++i) {
    if (type->value(i)->number() != 0) words.push_back(EnumWord(type, type->value(i)->number()));
  }
  return absl::StrJoin(words, " ");
}

Source Words(const std::string& words) { return {Source::Kind::kWords, words}; }
Source Names(const std::string& command) { return {Source::Kind::kNames, command}; }
Source Files() { return {Source::Kind::kFiles, ""}; }

Source SourceOfOption(const std::string& name) {
  static const auto* const sources = new std::map<std::string, Source>{
      {"output", Words("table wide json jsonl yaml name sarif")},
      {"dialect", Words("mysql-5.7 mysql-8.0 mysql-8.4 mariadb-10.6 mariadb-10.11 mariadb-11.4 "
                        "postgresql-13 postgresql-14 postgresql-15 postgresql-16 postgresql-17 "
                        "redis-7 activerecord-php activerecord-ruby")},
      {"embedded", Words("mysql mariadb postgresql")},
      {"fail-on", Words("info warning error destructive")},
      {"sql-mode", Words("ANSI_QUOTES NO_BACKSLASH_ESCAPES ORACLE")},
      {"config", Files()},
      {"snapshot", Files()},
      {"context", Names("context list")},
      {"environment", Names("environment list")},
      {"instance", Names("instance list")},
      {"agent", Names("agent list")},
      {"user", Names("user list")},
      {"actor", Names("user list")},
      {"kind", Words("check inspect backup verify migrate")},
      {"state", Words(EnumWords(api::v1::Job::State_descriptor()))},
      {"role", Words(EnumWords(google::protobuf::GetEnumDescriptor<api::v1::Role>()))},
      {"as", Words("applied not-applied")},
      {"dir", Files()},
      {"token-file", Files()},
      {"ca-file", Files()},
      {"out", Files()}};
  const auto found = sources->find(name);
  return found == sources->end() ? Source() : found->second;
}

Source SourceOfArgument(const std::string& path) {
  static const auto* const special = new std::map<std::string, Source>{
      {"completion", Words("bash zsh fish")},
      {"context use", Names("context list")},
      {"backup run", Names("instance list")},
      {"change approve", Names("change list --state awaiting_approval")},
      {"change reject", Names("change list --state awaiting_approval")},
      {"job resume", Names("job list --state paused")},
      {"schedule next", Names("get schedule")},
      {"schedule history", Names("get schedule")},
      {"schedule run", Names("get schedule")},
      {"rule get", Names("rule list")},
      {"rule history", Names("rule list")},
      {"rule proposal", Names("rule history")},
      {"rule accept", Names("rule history --state pending")},
      {"rule decline", Names("rule history --state pending")},
      {"rule test", Files()},
      {"audit verify", Files()},
      {"sql split", Files()},
      {"sql classify", Files()},
      {"sql lint", Files()},
      {"sql reference", Words("lint classification")},
      // Names that do not exist yet.
      {"user create", Source()},
      {"agent token create", Source()}};
  if (const auto found = special->find(path); found != special->end()) return found->second;
  for (const char* noun :
       {"environment", "agent", "instance", "backup", "change", "job", "user", "token"}) {
    if (absl::StartsWith(path, absl::StrCat(noun, " "))) return Names(absl::StrCat(noun, " list"));
  }
  return {};
}

void AddOptions(const CLI::App& app, std::set<std::string>* options, CompletionTree* tree) {
  for (const CLI::Option* option : app.get_options()) {
    const auto& longs = option->get_lnames();
    for (const std::string& name : longs) options->insert("--" + name);
    if (longs.empty() || option->get_items_expected_max() == 0) continue;
    const Source source = SourceOfOption(longs.front());
    for (const std::string& name : longs) tree->value_options["--" + name] = source;
    for (const std::string& name : option->get_snames()) tree->value_options["-" + name] = source;
  }
}

bool HasArgument(const CLI::App& app) {
  return !app.get_options([](const CLI::Option* o) { return o->get_positional(); }).empty();
}

void Collect(const CLI::App& app, const std::string& path, const std::set<std::string>& global,
             CompletionTree* tree) {
  Level level;
  level.path = path;
  std::set<std::string> options = global;
  AddOptions(app, &options, tree);
  std::vector<const CLI::App*> below;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (sub->get_name().empty()) {
      AddOptions(*sub, &options, tree);  // A group of options.
    } else {
      below.push_back(sub);
      level.verbs.push_back({sub->get_name(), sub->get_description()});
    }
  }
  if (!path.empty()) options.erase("--version");
  level.options.assign(options.begin(), options.end());
  if (HasArgument(app)) level.argument = SourceOfArgument(path);
  tree->levels.push_back(level);
  for (const CLI::App* sub : below) {
    Collect(*sub, absl::StrCat(path, path.empty() ? "" : " ", sub->get_name()), global, tree);
  }
}

}  // namespace

CompletionTree BuildCompletionTree(const CLI::App& root) {
  CompletionTree tree;
  std::set<std::string> global;
  AddOptions(root, &global, &tree);
  Collect(root, "", global, &tree);
  return tree;
}

void AddCompletionCommand(CLI::App& app, Shell& shell) {
  auto language = std::make_shared<std::string>();
  AddVerb(
      app, "completion", "Print a completion script", shell,
      [&app, &shell, language] {
        const CompletionTree tree = BuildCompletionTree(app);
        if (*language == "zsh") {
          shell.out() << "#compdef dbfleet\n"
                         "# load it with: source <(dbfleet completion zsh)\n"
                         // bashcompinit needs it; who has run it already keeps that, with its
                         // checks of folders.
                         "(( $+functions[compdef] )) || { autoload -U +X compinit && compinit }\n"
                         "autoload -U +X bashcompinit && bashcompinit\n";
        }
        shell.out() << (*language == "fish" ? FishCompletion(tree) : BashCompletion(tree));
        return kExitOk;
      })
      ->add_option("SHELL", *language, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
}

}  // namespace dbfleet::cli

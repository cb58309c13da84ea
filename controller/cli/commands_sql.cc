#include <memory>

#include "common/sql/reference/reference.h"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/sql_run.h"

namespace dbfleet::cli {
namespace {

using Arguments = std::shared_ptr<SqlArguments>;

void AddCommon(CLI::App* verb, const Arguments& arguments) {
  verb->add_option("FILE", arguments->files, "Scripts; - is standard input")->required();
  verb->add_option("--dialect", arguments->dialect,
                   "mysql-8.0, mariadb-10.11, postgresql-15, redis-7, activerecord-php, "
                   "activerecord-ruby; without a version the worst one counts")
      ->type_name("NAME")
      ->required();
  verb->add_option("--server-version", arguments->server_version,
                   "As the server tells it: 10.11.6-MariaDB")
      ->type_name("VERSION");
  verb->add_option("--sql-mode", arguments->sql_mode,
                   "MySQL/MariaDB: what SELECT @@sql_mode shows; it decides what quotes mean")
      ->type_name("MODES");
  verb->add_option("--charset", arguments->charset,
                   "The character set with which the client connects: SELECT "
                   "@@character_set_client, SHOW client_encoding; without it utf8mb4, UTF8")
      ->type_name("NAME");
  verb->add_option("--embedded", arguments->embedded,
                   "The SQL inside ActiveRecord's calls: mysql, mariadb or postgresql")
      ->type_name("NAME");
}

void AddJudging(CLI::App* verb, const Arguments& arguments, const char* fail_on) {
  verb->add_option("--database", arguments->database, "Where the statements would run")
      ->type_name("NAME");
  verb->add_option("--environment,-e", arguments->environment,
                   "development, qa (or staging) or production; another one counts as production")
      ->type_name("NAME")
      ->capture_default_str();
  verb->add_option("--fail-on", arguments->fail_on, fail_on)
      ->type_name("WHAT")
      ->type_size(1)
      ->allow_extra_args(false);
}

}  // namespace

void AddSqlCommands(CLI::App& app, Shell& shell) {
  CLI::App* noun = AddNoun(app, "sql", "Understand SQL scripts, without a controller");
  const auto add = [&](const char* name, const char* help, SqlTask task) {
    auto arguments = std::make_shared<SqlArguments>();
    CLI::App* verb = AddVerb(*noun, name, help, shell,
                             [&shell, task, arguments] { return RunSql(shell, task, *arguments); });
    AddCommon(verb, arguments);
    return std::make_pair(verb, arguments);
  };
  const auto split = add("split", "Cut scripts into statements", SqlTask::kSplit);
  split.first->add_flag("--show-secrets", split.second->show_secrets,
                        "Show passwords and the like as they were written, for programs that are "
                        "to run the statements; without it *** stands there");
  const auto classify =
      add("classify", "Say what each statement is for, and whether it is safe", SqlTask::kClassify);
  AddJudging(classify.first, classify.second, "destructive: exit code 5 when a statement is that");
  const auto lint = add("lint", "Hold each statement against the rules of docs/reference/lint.md",
                        SqlTask::kLint);
  AddJudging(lint.first, lint.second,
             "info, warning, error: exit code 5 when a finding is that or worse; destructive: "
             "when a statement is that; may be repeated");
  lint.first->add_option("--config", lint.second->config_file,
                         "Severities, names, lists and limits (YAML)");
  lint.first->add_option("--snapshot", lint.second->snapshot_file,
                         "The live schema with its row counts (YAML or JSON), for rules that need "
                         "it");
  auto page = std::make_shared<std::string>();
  AddVerb(
      *noun, "reference", "Print the tables behind them: the rules, or the statements", shell,
      [&shell, page] {
        shell.out() << (*page == "lint" ? sql::LintReference() : sql::ClassificationReference());
        return kExitOk;
      })
      ->add_option("PAGE", *page, "lint or classification")
      ->required()
      ->check(CLI::IsMember({"lint", "classification"}));
}

}  // namespace dbfleet::cli

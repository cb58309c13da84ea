#include <algorithm>

#include "absl/strings/str_cat.h"

#include "controller/cli/usage.h"

namespace dbfleet::cli {
namespace {

using ExampleMap = std::map<std::string, std::vector<std::string>>;

void AddFleetExamples(ExampleMap* out) {
  ExampleMap& e = *out;
  e["login"] = {"dbfleet login --server control.example:7443 --token-file token --ca-file ca.pem",
                "dbfleet login --server control.example:7443 --token-file - --ca-fingerprint HEX"};
  e["context list"] = {"dbfleet context list"};
  e["context use"] = {"dbfleet context use production"};
  e["context show"] = {"dbfleet context show -o json"};
  e["whoami"] = {"dbfleet whoami --context production"};
  e["version"] = {"dbfleet version", "dbfleet version --client"};
  e["environment list"] = {"dbfleet environment list -o wide"};
  e["environment get"] = {"dbfleet environment get production"};
  e["agent list"] = {"dbfleet agent list -e production"};
  e["agent get"] = {"dbfleet agent get db1"};
  e["agent token create"] = {
      "dbfleet agent token create db1 -e production --ttl 10m --out join-token"};
  e["agent revoke"] = {"dbfleet agent revoke db1 --reason \"the host was sold\""};
  e["agent drain"] = {"dbfleet agent drain db1", "dbfleet agent drain db1 --undo"};
  e["instance list"] = {"dbfleet instance list -e production -o wide"};
  e["instance get"] = {"dbfleet instance get orders-db -o yaml"};
  e["instance check"] = {"dbfleet instance check orders-db"};
  e["instance inspect"] = {
      "dbfleet instance inspect orders-db -d shop \"SELECT COUNT(*) FROM orders\"",
      "dbfleet instance inspect cache \"INFO memory\""};
  e["instance move"] = {"dbfleet instance move orders-db --agent db2 --reason \"new host\""};
  e["instance remove"] = {"dbfleet instance remove orders-db --reason \"shut down\""};
  e["apply"] = {"dbfleet apply -f fleet/ --dry-run", "dbfleet apply -f windows.yaml"};
  e["diff"] = {"dbfleet diff -f fleet/"};
  e["get"] = {"dbfleet get maintenancewindow", "dbfleet get environment/production -o yaml"};
  e["delete"] = {"dbfleet delete maintenancewindow/weekend --reason \"moved to Sunday\""};
  e["policy get"] = {"dbfleet policy get production"};
  e["policy explain"] = {"dbfleet policy explain 01JX3"};
  e["proposal list"] = {"dbfleet proposal list", "dbfleet proposal list --all -o json"};
  e["proposal show"] = {"dbfleet proposal show 01JX3", "dbfleet proposal show 01JX3 --wait"};
  e["proposal approve"] = {"dbfleet proposal approve 01JX3 --digest 3f1c90aa12bd"};
  e["proposal reject"] = {"dbfleet proposal reject 01JX3 --reason \"two people have to look\""};
  e["proposal withdraw"] = {"dbfleet proposal withdraw 01JX3"};
  e["change revoke"] = {"dbfleet change revoke 01JX3 --reason \"the index is missing\""};
  e["change break-glass"] = {
      "dbfleet change break-glass 01JX3 --waive approvals --for 1h --reason \"incident 812\"",
      "dbfleet change break-glass 01JX3 --end --reason \"a stolen laptop\""};
  e["change reviews"] = {"dbfleet change reviews"};
  e["change review"] = {"dbfleet change review 01JX3 --reason \"it was right\""};
  e["policy test"] = {"dbfleet policy test fleet/policy-cases.yaml"};
  e["window next"] = {"dbfleet window next -e production --tz Europe/Berlin"};
  e["window add"] = {
      "dbfleet window add tonight -e production --for 2h --reason \"index rebuild\"",
      "dbfleet window add weekend -e production --cron \"0 2 * * 6\" --tz Europe/Berlin --for 4h",
      "dbfleet window add holidays --freeze --from 2026-12-23T00:00:00Z --for 10d"};
  e["notify list"] = {"dbfleet notify list --state failed"};
  e["notify test"] = {"dbfleet notify test oncall"};
  e["notify retry"] = {"dbfleet notify retry 01JD8Q2RZV6W0XKH3M5T7N9PBC",
                       "dbfleet notify retry --route oncall"};
  e["window override"] = {
      "dbfleet window override nightly --for 90m --reason \"the index is late\""};
  e["window end"] = {"dbfleet window end tonight --reason \"done early\""};
  e["schedule list"] = {"dbfleet schedule list --tz Europe/Berlin"};
  e["schedule next"] = {"dbfleet schedule next nightly-backup -n 5 --tz Europe/Berlin"};
  e["schedule history"] = {"dbfleet schedule history nightly-backup --limit 50"};
  e["schedule run"] = {"dbfleet schedule run nightly-backup --reason \"before the move\" --wait"};
  e["rule list"] = {"dbfleet rule list"};
  e["rule get"] = {"dbfleet rule get look-again"};
  e["rule history"] = {"dbfleet rule history look-again", "dbfleet rule history --state pending"};
  e["rule proposal"] = {"dbfleet rule proposal 01JD8Q2RZV6W0XKH3M5T7N9PBC"};
  e["rule test"] = {"dbfleet rule test fleet/rules.yaml --since 7d"};
  e["rule accept"] = {"dbfleet rule accept 01JD8Q2RZV6W0XKH3M5T7N9PBC"};
  e["rule decline"] = {
      "dbfleet rule decline 01JD8Q2RZV6W0XKH3M5T7N9PBC --reason \"known, ticket 4711\""};
  e["window queue"] = {"dbfleet window queue nightly --tz Europe/Berlin"};
  e["window calendar"] = {"dbfleet window calendar --month 2026-12 --tz Europe/Berlin"};
  e["backup run"] = {"dbfleet backup run orders-db -d shop --wait"};
  e["backup list"] = {"dbfleet backup list -i orders-db"};
  e["backup get"] = {"dbfleet backup get 01JX3 -o wide"};
  e["backup verify"] = {"dbfleet backup verify 01JX3 --wait"};
}

void AddWorkExamples(ExampleMap* out) {
  ExampleMap& e = *out;
  e["change plan"] = {"dbfleet change plan --dir migrations -e qa -i orders-db -d shop"};
  e["change submit"] = {
      "dbfleet change submit --dir migrations -e production -i orders-db -d shop --wait",
      "dbfleet change submit --dir migrations -e qa -i orders-db -d shop --validate-only"};
  e["change list"] = {"dbfleet change list --state awaiting_approval"};
  e["change get"] = {"dbfleet change get 01JX3"};
  e["change approve"] = {"dbfleet change approve 01JX3 --digest 61817940d01d --reason \"read it\""};
  e["change reject"] = {
      "dbfleet change reject 01JX3M6QK8T2R4 --reason \"locks the table too long\""};
  e["change rollback"] = {
      "dbfleet change rollback 01JX3M6QK8T2R4 --reason \"wrong default\" --wait"};
  e["change cancel"] = {"dbfleet change cancel 01JX3M6QK8T2R4 --wait"};
  e["change wait"] = {"dbfleet change wait 01JX3 --no-block"};
  e["job list"] = {"dbfleet job list --kind backup --limit 10"};
  e["job get"] = {"dbfleet job get 01JX3"};
  e["job explain"] = {"dbfleet job explain 01JX3"};
  e["job logs"] = {"dbfleet job logs 01JX3 --follow"};
  e["job cancel"] = {"dbfleet job cancel 01JX3M6QK8T2R4 --reason \"not tonight\""};
  e["job wait"] = {"dbfleet job wait 01JX3 --timeout 10m"};
  e["job pause"] = {"dbfleet job pause 01JX3M6QK8T2R4 --reason \"high load\""};
  e["job resume"] = {"dbfleet job resume 01JX3M6QK8T2R4 --wait"};
  e["job reprioritize"] = {
      "dbfleet job reprioritize 01JX3M6QK8T2R4 --priority 80 --reason \"the customer waits\""};
  e["job resolve"] = {
      "dbfleet job resolve 01JX3M6QK8T2R4 --as applied --reason \"the column is there\""};
  e["user list"] = {"dbfleet user list"};
  e["user get"] = {"dbfleet user get ada"};
  e["user create"] = {"dbfleet user create ada --role operator --role approver"};
  e["user roles"] = {"dbfleet user roles ada --role viewer"};
  e["user enable"] = {"dbfleet user enable bob --reason \"is back\""};
  e["user disable"] = {"dbfleet user disable ada --reason \"left the company\""};
  e["token create"] = {"dbfleet token create --description ci --ttl 30d --out ci-token"};
  e["token list"] = {"dbfleet token list --user ada"};
  e["token revoke"] = {"dbfleet token revoke users/ada/tokens/01JX3M6QK8T2R4V6W8Y0Z2B4D6"};
  e["audit list"] = {"dbfleet audit list --actor ada", "dbfleet audit list --resource jobs/01JX3"};
  e["audit export"] = {"dbfleet audit export --out audit.jsonl"};
  e["audit checkpoint"] = {"dbfleet audit checkpoint"};
  e["audit keys"] = {"dbfleet audit keys"};
  e["audit verify"] = {"dbfleet audit verify audit.jsonl"};
  e["sql split"] = {"dbfleet sql split --dialect postgresql-15 dump.sql -o jsonl"};
  e["sql classify"] = {
      "dbfleet sql classify --dialect mariadb-10.11 -o json migrations/0007_add_order_notes.up.sql",
      "dbfleet sql classify --dialect mysql-8.0 --fail-on destructive -"};
  e["sql lint"] = {
      "dbfleet sql lint --dialect postgresql-15 --fail-on error migrations/*.sql",
      "dbfleet sql lint --dialect mariadb-10.11 --config lint.yaml --snapshot schema.json -o sarif "
      "orders.sql"};
  e["sql reference"] = {"dbfleet sql reference lint"};
  e["completion"] = {"dbfleet completion bash"};
}

std::string Everywhere(const std::string& command) {
  const bool scripts = command == "sql" || command == "sql split" || command == "sql classify" ||
                       command == "sql lint";
  const absl::string_view forms = command == "sql reference" ? "table (the page, as Markdown)"
                                  : scripts ? "table|wide|json|jsonl|sarif (split: without sarif)"
                                            : "table|wide|json|jsonl|yaml|name";
  return absl::StrCat("Everywhere:\n  -o, --output ", forms,
                      "\n  --context NAME              Another controller than the current one");
}

void SetFooters(CLI::App& app, const std::string& path) {
  for (CLI::App* sub : app.get_subcommands([](CLI::App* s) { return !s->get_name().empty(); })) {
    const std::string below = absl::StrCat(path, path.empty() ? "" : " ", sub->get_name());
    std::string footer = Everywhere(below);
    const auto found = Examples().find(below);
    if (found != Examples().end()) {
      absl::StrAppend(&footer, "\n\nExample", found->second.size() > 1 ? "s" : "", ":");
      for (const std::string& example : found->second) absl::StrAppend(&footer, "\n  ", example);
    } else {
      absl::StrAppend(&footer, "\n\nExamples are in the help of each command: dbfleet ", below,
                      " COMMAND --help");
    }
    sub->footer(footer);
    SetFooters(*sub, below);
  }
}

std::string RootHelp(const CLI::App* root) {
  std::string out = absl::StrCat(root->get_description(), "\nUsage: dbfleet COMMAND [OPTIONS]\n\n");
  for (const CLI::App* sub : root->get_subcommands([](const CLI::App*) { return true; })) {
    absl::StrAppend(&out, "  ", sub->get_name(),
                    std::string(13 - std::min<size_t>(12, sub->get_name().size()), ' '),
                    sub->get_description(), "\n");
  }
  return out +
         "\n  -o, --output FORM   table, wide, json, jsonl, yaml or name\n"
         "  --context NAME      default: $DBFLEET_CONTEXT, or the current one\n"
         "  -h, --help          of every command, with examples: dbfleet job get --help\n"
         "  --version           of this command\n";
}

}  // namespace

const std::map<std::string, std::vector<std::string>>& Examples() {
  static const ExampleMap* const examples = [] {
    auto* made = new ExampleMap;
    AddFleetExamples(made);
    AddWorkExamples(made);
    return made;
  }();
  return *examples;
}

void CompleteHelp(CLI::App& root) {
  SetFooters(root, "");
  // The verbs share the root's formatter object, which must stay theirs.
  root.formatter_fn([](const CLI::App* app, std::string name, CLI::AppFormatMode mode) {
    return app->get_parent() == nullptr ? RootHelp(app)
                                        : CLI::Formatter().make_help(app, name, mode);
  });
}

}  // namespace dbfleet::cli

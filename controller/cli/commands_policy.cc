#include <filesystem>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/manifest_files.h"
#include "controller/policy_cases/policy_cases.h"

namespace dbfleet::cli {
namespace {

using controller::PolicyCaseResult;
using resource::v1::PolicyCaseVerdict;

// The manifests that the cases name, beside them.
absl::StatusOr<std::vector<controller::ManifestText>> ManifestsOf(
    const std::string& path, const resource::v1::PolicyCases& cases) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  std::vector<controller::ManifestText> texts;
  for (const std::string& given : cases.manifests()) {
    ASSIGN_OR_RETURN(const std::vector<std::string> files,
                     ManifestFiles((folder / given).string()));
    for (const std::string& file : files) {
      ASSIGN_OR_RETURN(std::string text, ReadFile(file, kMostManifestBytes));
      texts.push_back({file, std::move(text)});
    }
  }
  return texts;
}

absl::StatusOr<std::vector<PolicyCaseResult>> RunFile(const std::string& path, absl::Time now) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMostManifestBytes));
  ASSIGN_OR_RETURN(const resource::v1::PolicyCases cases, controller::ParsePolicyCases(path, text));
  ASSIGN_OR_RETURN(const std::vector<controller::ManifestText> manifests, ManifestsOf(path, cases));
  return controller::RunPolicyCases(cases, {path, text}, manifests, now);
}

PolicyCaseVerdict VerdictOf(const PolicyCaseResult& result) {
  PolicyCaseVerdict verdict;
  verdict.set_name(result.name);
  verdict.set_passed(result.passed);
  verdict.set_verdict(result.verdict);
  verdict.set_message(result.difference);
  for (const controller::PolicyBlocker& blocker : result.decision.blockers) {
    resource::v1::RuleVerdict& rule = *verdict.add_blockers();
    rule.set_rule(blocker.rule);
    rule.set_message(blocker.message);
    rule.set_final(blocker.final);
  }
  return verdict;
}

int RunTest(Shell& shell, const std::vector<std::string>& files) {
  std::vector<PolicyCaseVerdict> verdicts;
  for (const std::string& file : files) {
    const auto results = RunFile(file, shell.world().clock->Now());
    if (!results.ok()) return shell.Fail(results.status());
    for (const PolicyCaseResult& result : *results) verdicts.push_back(VerdictOf(result));
  }
  Listing listing;
  listing.columns = {{"CASE"}, {"RESULT"}, {"VERDICT"}, {"BLOCKERS"}};
  size_t failed = 0;
  for (const PolicyCaseVerdict& verdict : verdicts) {
    if (!verdict.passed()) ++failed;
    std::vector<std::string> rules;
    for (const auto& blocker : verdict.blockers()) rules.push_back(blocker.rule());
    listing.items.push_back({&verdict,
                             verdict.name(),
                             {verdict.name(), verdict.passed() ? "ok" : "FAILED", verdict.verdict(),
                              absl::StrJoin(rules, ",")}});
  }
  shell.PrintList(listing);
  for (const PolicyCaseVerdict& verdict : verdicts) {
    if (!shell.for_people() || verdict.passed()) continue;
    shell.out() << "\n"
                << SanitizeForDisplay(verdict.name()) << "\n  "
                << SanitizeForDisplay(verdict.message()) << "\n";
    for (const auto& blocker : verdict.blockers()) {
      shell.out() << "  " << blocker.rule() << ": " << SanitizeForDisplay(blocker.message())
                  << "\n";
    }
  }
  shell.Note(absl::StrCat(verdicts.size() - failed, " of ", verdicts.size(), " cases passed"));
  return failed == 0 ? kExitOk : kExitFailed;
}

}  // namespace

void AddPolicyCommands(CLI::App& app, Shell& shell) {
  CLI::App* noun = AddNoun(app, "policy", "What environments demand of changes");

  auto environment = std::make_shared<std::string>();
  CLI::App* get = AddVerb(*noun, "get", "Show an environment's policy as apply reads it", shell,
                          [&shell, environment] { return ShowPolicies(shell, *environment); });
  get->add_option("ENVIRONMENT", *environment, "Its name")->required();

  auto job = std::make_shared<std::string>();
  CLI::App* explain = AddVerb(*noun, "explain", "Say which rules a job waits for, and who can help",
                              shell, [&shell, job] { return ExplainJob(shell, *job); });
  explain->add_option("NAME", *job, "The job")->required();

  auto files = std::make_shared<std::vector<std::string>>();
  CLI::App* test =
      AddVerb(*noun, "test", "Hold policies and windows against cases, without a controller", shell,
              [&shell, files] { return RunTest(shell, *files); });
  test->add_option("FILE", *files, "Files of cases: docs/reference/policy-cases.md")->required();
}

}  // namespace dbfleet::cli

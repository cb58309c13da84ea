// `dbfleet rule test` (rule_view.h).
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/config/yaml_documents.h"
#include "common/config/yaml_tree.h"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/manifest_files.h"
#include "controller/cli/rule_view.h"
#include "controller/cli/utf8.h"
#include "controller/cli/words.h"
#include "dbfleet/api/v1/event_rule_service.grpc.pb.h"

namespace dbfleet::cli {
namespace {

using api::v1::EventRuleService;
using api::v1::JobProposal;

constexpr size_t kMostTested = 100;      // Rules of one file; each is a look at the whole time.
constexpr size_t kMostDocuments = 1000;  // Of one file, as the controller takes it.

struct TestOptions {
  std::string file;
  std::string name;
  absl::Duration window = absl::Hours(24);
};

// A rule of the file, alone in a text in which it has its lines of the file.
struct RuleText {
  std::string name;
  bool readable = true;  // Else its name, and whether it is a rule, is not known.
  const config::YamlDocument* document = nullptr;
  std::string text;  // Once it is chosen: each is as long as the file.
};

std::string ScalarOf(const config::YamlNode& map, absl::string_view key) {
  for (size_t i = 0; i < map.keys.size(); ++i) {
    if (map.keys[i].text == key) return map.items[i].text;
  }
  return "";
}

// The event rules among the file's resources. Whatever cannot be told of a text that is alone in
// its file, the controller tells.
std::vector<RuleText> RulesIn(const std::vector<config::YamlDocument>& documents) {
  std::vector<RuleText> rules;
  for (const config::YamlDocument& document : documents) {
    std::vector<config::YamlProblem> problems;
    const config::YamlNode root = config::ReadYamlTree(document.text, &problems);
    std::string name;
    for (size_t i = 0; i < root.keys.size(); ++i) {
      if (root.keys[i].text == "metadata") name = ScalarOf(root.items[i], "name");
    }
    // One that cannot be read may be the rule that is meant.
    if (ScalarOf(root, "kind") == "EventRule" || !problems.empty() || documents.size() == 1) {
      rules.push_back({std::move(name), problems.empty(), &document, ""});
    }
  }
  return rules;
}

absl::StatusOr<std::vector<RuleText>> RulesToTest(const TestOptions& options) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(options.file, kMostManifestBytes));
  RETURN_IF_ERROR(RequireUtf8(options.file, text));
  const auto refuse = [&](absl::string_view reason, absl::string_view why) {
    return Error(absl::StatusCode::kInvalidArgument, reason,
                 absl::StrCat(SanitizeForDisplay(options.file), " ", why));
  };
  const std::vector<config::YamlDocument> documents =
      config::SplitYamlDocuments(text, kMostDocuments + 1);
  if (documents.size() > kMostDocuments) {
    return refuse("TOO_MANY_RESOURCES",
                  absl::StrCat("holds more than ", kMostDocuments, " resources; divide it"));
  }
  std::vector<RuleText> rules = RulesIn(documents);
  if (!options.name.empty()) {
    const std::string wanted = ShortName(RuleName(options.name));
    std::vector<std::string> others;
    for (const RuleText& rule : rules) {
      if (!rule.name.empty()) others.push_back(rule.name);
    }
    // Of one that cannot be read its own error says more than that there is none of the name.
    const bool there = std::any_of(rules.begin(), rules.end(),
                                   [&](const RuleText& rule) { return rule.name == wanted; });
    std::erase_if(rules, [&](const RuleText& rule) {
      return rule.name != wanted && (there || rule.readable);
    });
    if (rules.empty()) {
      return refuse(
          "NO_SUCH_RULE",
          absl::StrCat("holds no EventRule \"", SanitizeForDisplay(wanted), "\" (but: ",
                       SanitizeForDisplay(others.empty() ? "none" : absl::StrJoin(others, ", ")),
                       ")"));
    }
  }
  if (rules.empty()) return refuse("NO_SUCH_RULE", "holds no EventRule");
  if (rules.size() > kMostTested) {
    return refuse("TOO_MANY_RULES",
                  absl::StrCat("holds more than ", kMostTested, " rules; choose one: --name NAME"));
  }
  for (RuleText& rule : rules) rule.text = std::exchange(rule.document, nullptr)->InPlace();
  return rules;
}

// Up to the first that is refused; `tested` keeps what those before it gave, each of which may have
// been a look at a month.
absl::Status TestRules(Shell& shell, const TestOptions& options, const std::vector<RuleText>& rules,
                       std::vector<api::v1::TestEventRuleResponse>* tested) {
  for (const RuleText& rule : rules) {
    api::v1::TestEventRuleRequest request;
    request.set_path(options.file);
    request.set_manifest(rule.text);
    *request.mutable_window() = FromDuration(options.window);
    ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
    ASSIGN_OR_RETURN(
        api::v1::TestEventRuleResponse one,
        client->Call<EventRuleService>(&EventRuleService::Stub::TestEventRule, request));
    tested->push_back(std::move(one));
  }
  return absl::OkStatus();
}

void PrintTested(Shell& shell, const std::string& rule,
                 const api::v1::TestEventRuleResponse& tested) {
  shell.out() << SanitizeForDisplay(rule) << (rule.empty() ? "" : ": ") << "would have proposed "
              << tested.proposals_size() << (tested.proposals_size() == 1 ? " job" : " jobs")
              << " since " << Show(tested.from()) << ", of " << tested.events() << " events in "
              << tested.records() << " audit records"
              << (tested.proposals().empty() ? "\n" : ":\n");
  for (const JobProposal& proposal : tested.proposals()) {
    shell.out() << "  " << Show(proposal.event_time()) << " "
                << SanitizeForDisplay(proposal.action()) << " of "
                << SanitizeForDisplay(proposal.instance()) << ": "
                << SanitizeForDisplay(proposal.cause()) << "\n";
  }
  std::vector<std::string> held;
  for (const auto& [reason, count] : tested.suppressed()) {
    held.push_back(absl::StrCat(count, " by ", SanitizeForDisplay(reason)));
  }
  std::sort(held.begin(), held.end());
  if (!held.empty()) shell.out() << "kept back: " << absl::StrJoin(held, ", ") << "\n";
  if (tested.cut()) shell.Note("there were too many audit records to look at all of that time");
}

int RunTest(Shell& shell, const TestOptions& options) {
  const absl::StatusOr<std::vector<RuleText>> rules = RulesToTest(options);
  if (!rules.ok()) return shell.Fail(rules.status());
  std::vector<api::v1::TestEventRuleResponse> tested;
  const absl::Status status = TestRules(shell, options, *rules, &tested);
  if (!status.ok() && tested.empty()) return shell.Fail(status);
  if (shell.for_people()) {
    for (size_t i = 0; i < tested.size(); ++i) {
      PrintTested(shell, rules->size() == 1 ? "" : (*rules)[i].name, tested[i]);
    }
    return status.ok() ? kExitOk : shell.Fail(status);
  }
  Listing listing;
  listing.columns = {{"RULE"}, {"EVENTS"}, {"PROPOSALS"}};
  for (size_t i = 0; i < tested.size(); ++i) {
    const api::v1::TestEventRuleResponse& one = tested[i];
    const std::string& name = (*rules)[i].name;
    listing.items.push_back(
        {&one,
         name.empty() ? options.file : absl::StrCat("eventrules/", name),
         {name, absl::StrCat(one.events()), absl::StrCat(one.proposals_size())}});
  }
  // One rule is one object, whatever else the file holds.
  if (rules->size() == 1) {
    shell.PrintOne(listing);
  } else {
    shell.PrintList(listing);
  }
  return status.ok() ? kExitOk : shell.Fail(status);
}

}  // namespace

void AddRuleTest(CLI::App& noun, Shell& shell) {
  auto test_options = std::make_shared<TestOptions>();
  CLI::App* test = AddVerb(noun, "test", "What rules would have proposed lately", shell,
                           [&shell, test_options] { return RunTest(shell, *test_options); });
  test->add_option("FILE", test_options->file, "A file with EventRules; each is tested alone")
      ->required();
  test->add_option("--name", test_options->name, "Only this rule of the file");
  AddDuration(test, "--since", &test_options->window, "Look so far back; default 24h, at most 31d");
}

}  // namespace dbfleet::cli

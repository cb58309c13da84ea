#include <algorithm>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/config/yaml.h"
#include "common/config/yaml_documents.h"
#include "common/config/yaml_tree.h"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/manifest_files.h"
#include "controller/cli/proposal_view.h"
#include "controller/cli/utf8.h"
#include "controller/cli/words.h"
#include "dbfleet/api/v1/resource_service.grpc.pb.h"
#include "dbfleet/resource/v1/resource.pb.h"

namespace dbfleet::cli {
namespace {

using api::v1::ApplyResourcesRequest;
using api::v1::ApplyResourcesResponse;
using api::v1::Resource;
using api::v1::ResourceChange;
using api::v1::ResourceService;

// As many as the controller takes, and one more.
constexpr size_t kMostDocuments = 1001;

struct ApplyOptions {
  std::vector<std::string> files;
  std::string reason;
  bool dry_run = false;
  ProposalWait wait;
};

absl::Status AddText(Shell& shell, const std::string& path, ApplyResourcesRequest* request) {
  api::v1::Manifest& manifest = *request->add_manifests();
  if (path == "-") {
    manifest.set_path("stdin");
    std::string* const text = manifest.mutable_text();
    text->resize(kMostManifestBytes + 1);  // One more than the controller takes, which says so.
    shell.world().in->read(text->data(), static_cast<std::streamsize>(text->size()));
    text->resize(static_cast<size_t>(shell.world().in->gcount()));
    return RequireUtf8("stdin", *text);
  }
  manifest.set_path(path);
  ASSIGN_OR_RETURN(*manifest.mutable_text(), ReadFile(path, kMostManifestBytes));
  return RequireUtf8(path, manifest.text());
}

// Nothing but cases: what stands between manifests would be lost with them.
bool HoldsPolicyCases(const api::v1::Manifest& manifest) {
  const std::vector<config::YamlDocument> documents =
      config::SplitYamlDocuments(manifest.text(), kMostDocuments);
  return !documents.empty() &&
         std::all_of(documents.begin(), documents.end(), [](const config::YamlDocument& document) {
           std::vector<config::YamlProblem> problems;  // Which `policy test` tells.
           const config::YamlNode root = config::ReadYamlTree(document.text, &problems);
           for (size_t i = 0; i < root.keys.size(); ++i) {
             if (root.keys[i].text == "kind") return root.items[i].text == "PolicyCases";
           }
           return false;
         });
}

absl::StatusOr<ApplyResourcesResponse> Apply(Shell& shell, const ApplyOptions& options) {
  ApplyResourcesRequest request;
  for (const std::string& path : options.files) {
    ASSIGN_OR_RETURN(const std::vector<std::string> files, ManifestFiles(path));
    for (const std::string& file : files) {
      RETURN_IF_ERROR(AddText(shell, file, &request));
      auto& texts = *request.mutable_manifests();
      // Cases stand beside what they test; `policy test` reads them. Who names the file means it.
      if (file == path || !HoldsPolicyCases(*texts.rbegin())) continue;
      texts.RemoveLast();
      shell.Note(absl::StrCat("dbfleet: passed over ", SanitizeForDisplay(file),
                              ", which holds cases for `dbfleet policy test`"));
    }
  }
  request.set_dry_run(options.dry_run);
  request.set_reason(options.reason);
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  return client->Call<ResourceService>(&ResourceService::Stub::ApplyResources, request);
}

std::string ChangeWord(const ResourceChange& change, bool dry_run) {
  switch (change.action()) {
    case ResourceChange::ACTION_CREATED:
      return dry_run ? "would be created" : "created";
    case ResourceChange::ACTION_UPDATED:
      return dry_run ? "would be updated" : "updated";
    default:
      return "unchanged";
  }
}

absl::string_view TakenOver(const ResourceChange& change) {
  return absl::StartsWith(change.resource().name(), "environments/")
             ? " (taken over from the controller's configuration)"
             : " (taken over from who may not have it done any more)";
}

void PrintChanges(Shell& shell, const ApplyResourcesResponse& response, bool dry_run,
                  bool with_diff) {
  if (!shell.for_people()) {
    Listing listing;
    // The whole answer, which says as well what it would be proposed as.
    if (shell.format != Format::kName) {
      listing.items.push_back({&response, "", {}});
      shell.PrintOne(listing);
      return;
    }
    for (const ResourceChange& change : response.changes()) {
      listing.items.push_back({&change, change.resource().name(), {}});
    }
    shell.PrintList(listing);
    return;
  }
  for (const ResourceChange& change : response.changes()) {
    shell.out() << SanitizeForDisplay(change.resource().name()) << " "
                << ChangeWord(change, dry_run) << (change.takes_over() ? TakenOver(change) : "")
                << "\n";
    if (!with_diff) continue;
    for (const std::string& line : change.diff()) {
      shell.out() << "  " << SanitizeForDisplay(line) << "\n";
    }
  }
}

void NoteWarnings(Shell& shell, const ApplyResourcesResponse& response) {
  for (const ResourceChange& change : response.changes()) {
    for (const std::string& warning : change.warnings()) {
      shell.Note(absl::StrCat("dbfleet: warning: ", SanitizeForDisplay(warning)));
    }
  }
}

// Of a dry run: what applying or deleting would become.
template <typename Response>
void NoteProposal(Shell& shell, absl::string_view doing, const Response& response) {
  if (!response.has_proposal()) return;
  shell.Note(absl::StrCat(doing, " this makes a proposal: it loosens the policy of ",
                          absl::StrJoin(response.proposal().environments(), ", "), "; ",
                          absl::StrJoin(response.proposal().missing(), "; ")));
}

int RunApply(Shell& shell, const ApplyOptions& options) {
  const absl::StatusOr<ApplyResourcesResponse> response = Apply(shell, options);
  if (!response.ok()) return shell.Fail(response.status());
  NoteWarnings(shell, *response);
  if (response->has_proposal() && !options.dry_run) {
    return FinishProposed(shell, *response, options.wait);
  }
  PrintChanges(shell, *response, options.dry_run, options.dry_run);
  NoteProposal(shell, "applying", *response);
  return response->has_proposal() ? kExitPending : kExitOk;
}

// As diff(1): 0 without differences, 1 with some. kExitPending if these would be proposed.
int RunDiff(Shell& shell, ApplyOptions options) {
  options.dry_run = true;
  const absl::StatusOr<ApplyResourcesResponse> response = Apply(shell, options);
  if (!response.ok()) return shell.Fail(response.status());
  NoteWarnings(shell, *response);
  PrintChanges(shell, *response, true, true);
  NoteProposal(shell, "applying", *response);
  if (response->has_proposal()) return kExitPending;
  const bool equal =
      std::all_of(response->changes().begin(), response->changes().end(),
                  [](const auto& c) { return c.action() == ResourceChange::ACTION_UNCHANGED; });
  return equal ? kExitOk : kExitFailed;
}

Listing ResourceListing(const std::vector<const Resource*>& resources) {
  Listing listing;
  listing.columns = {IdentityColumn("NAME"), {"KIND"}, {"CHANGED"}, {"BY"}, {"CREATED", true}};
  for (const Resource* r : resources) {
    listing.items.push_back(
        {r,
         r->name(),
         {r->name(), r->kind(), Show(r->update_time()), r->editor(), Show(r->create_time())}});
  }
  return listing;
}

// YAML is what one can edit and apply again: the manifests, not the API's message.
void PrintManifests(Shell& shell, const std::vector<const Resource*>& resources) {
  bool first = true;
  for (const Resource* resource : resources) {
    shell.out() << (first ? "" : "---\n")
                << SanitizeForDisplay(resource->yaml(), /*keep_newlines=*/true);
    first = false;
  }
}

absl::Status GetOne(Shell& shell, const std::string& name) {
  api::v1::GetResourceRequest request;
  request.set_name(name);
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  ASSIGN_OR_RETURN(const Resource resource,
                   client->Call<ResourceService>(&ResourceService::Stub::GetResource, request));
  if (shell.format == Format::kYaml) {
    PrintManifests(shell, {&resource});
  } else {
    shell.PrintOne(ResourceListing({&resource}),
                   SanitizeForDisplay(resource.yaml(), /*keep_newlines=*/true));
  }
  return absl::OkStatus();
}

absl::Status GetAll(Shell& shell, const std::string& kind) {
  api::v1::ListResourcesRequest request;
  request.set_kind(kind);
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  ASSIGN_OR_RETURN(const auto found, (ListAll<ResourceService, Resource>(
                                         client, &ResourceService::Stub::ListResources, request,
                                         &api::v1::ListResourcesResponse::resources, 0)));
  std::vector<const Resource*> pointers;
  for (const Resource& resource : found) pointers.push_back(&resource);
  if (shell.format == Format::kYaml) {
    PrintManifests(shell, pointers);
  } else {
    shell.PrintList(ResourceListing(pointers));
  }
  return absl::OkStatus();
}

template <typename Names>
bool Covers(const Names& environments, const std::string& environment) {
  return environments.empty() ||
         std::find(environments.begin(), environments.end(), environment) != environments.end();
}

// Is it a policy for changes in the environment?
absl::StatusOr<bool> IsPolicyFor(const Resource& resource, const std::string& environment) {
  if (resource.kind() == "ApprovalPolicy") {
    resource::v1::ApprovalPolicy policy;
    RETURN_IF_ERROR(config::ParseYaml(resource.name(), resource.yaml(), &policy));
    return Covers(policy.spec().selector().environments(), environment);
  }
  resource::v1::BreakGlassPolicy policy;
  RETURN_IF_ERROR(config::ParseYaml(resource.name(), resource.yaml(), &policy));
  return Covers(policy.spec().environments(), environment);
}

// The environment, and what else is declared about changes there.
absl::StatusOr<std::vector<Resource>> PoliciesOf(Shell& shell, const std::string& name,
                                                 const std::string& environment) {
  api::v1::GetResourceRequest get;
  get.set_name(name);
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  std::vector<Resource> resources(1);
  ASSIGN_OR_RETURN(resources[0],
                   client->Call<ResourceService>(&ResourceService::Stub::GetResource, get));
  for (const char* kind : {"ApprovalPolicy", "BreakGlassPolicy"}) {
    api::v1::ListResourcesRequest list;
    list.set_kind(kind);
    ASSIGN_OR_RETURN(const auto found, (ListAll<ResourceService, Resource>(
                                           client, &ResourceService::Stub::ListResources, list,
                                           &api::v1::ListResourcesResponse::resources, 0)));
    for (const Resource& resource : found) {
      ASSIGN_OR_RETURN(const bool is_policy, IsPolicyFor(resource, environment));
      if (is_policy) resources.push_back(resource);
    }
  }
  return resources;
}

int RunGet(Shell& shell, const std::string& what) {
  if (absl::StrContains(what, '/')) return ShowResource(shell, what);
  const absl::Status status = GetAll(shell, what);
  return status.ok() ? kExitOk : shell.Fail(status);
}

struct DeleteOptions {
  std::string name;
  std::string reason;
  bool dry_run = false;
  ProposalWait wait;
};

// Of a window: who waits for it in vain from now on.
void NoteQueued(Shell& shell, const Resource& deleted, bool dry_run) {
  const auto& jobs = deleted.queued_jobs();
  if (jobs.empty()) return;
  constexpr int kMostNamed = 5;
  const std::vector<std::string> named(jobs.begin(),
                                       jobs.begin() + std::min(jobs.size(), kMostNamed));
  const int more = jobs.size() - static_cast<int>(named.size());
  shell.Note(absl::StrCat(
      "dbfleet: warning: ", jobs.size(), jobs.size() == 1 ? " job is" : " jobs are", " queued for ",
      SanitizeForDisplay(deleted.name()), " and ", jobs.size() == 1 ? "begins" : "begin",
      " nowhere ", dry_run ? "without it" : "until a window of that name is declared again", ": ",
      SanitizeForDisplay(absl::StrJoin(named, ", ")),
      more > 0 ? absl::StrCat(" and ", more, " more") : "",
      "; dbfleet window queue lists what is queued, dbfleet job cancel ends it"));
}

int RunDelete(Shell& shell, const DeleteOptions& options) {
  api::v1::DeleteResourceRequest request;
  request.set_name(options.name);
  request.set_reason(options.reason);
  request.set_dry_run(options.dry_run);
  const absl::StatusOr<ApiClient*> client = shell.Client();
  if (!client.ok()) return shell.Fail(client.status());
  const absl::StatusOr<Resource> deleted =
      (*client)->Call<ResourceService>(&ResourceService::Stub::DeleteResource, request);
  if (!deleted.ok()) return shell.Fail(deleted.status());
  if (deleted->has_proposal() && !options.dry_run) {
    return FinishProposed(shell, *deleted, options.wait);
  }
  NoteProposal(shell, "deleting", *deleted);
  if (!deleted->voided_waivers().empty()) {
    shell.Note(absl::StrCat("what was waived by it ", options.dry_run ? "would end" : "has ended",
                            ", for ",
                            SanitizeForDisplay(absl::StrJoin(deleted->voided_waivers(), ", ")),
                            "; whoever still needs that breaks the glass again"));
  }
  NoteQueued(shell, *deleted, options.dry_run);
  if (shell.for_people()) {
    shell.out() << SanitizeForDisplay(deleted->name())
                << (options.dry_run ? " would be deleted\n" : " deleted\n");
  } else {
    shell.PrintOne(ResourceListing({&*deleted}));
  }
  return deleted->has_proposal() ? kExitPending : kExitOk;
}

void AddFiles(CLI::App* command, ApplyOptions* options) {
  command->add_option("-f,--file", options->files, "A manifest, a folder of them, or - for stdin")
      ->required()
      ->type_name("PATH");
}

}  // namespace

int ShowPolicies(Shell& shell, const std::string& environment) {
  const std::string name = absl::StrCat("environments/", environment);
  // One resource, for programs.
  if (shell.format != Format::kYaml && !shell.for_people()) return ShowResource(shell, name);
  const auto resources = PoliciesOf(shell, name, environment);
  if (!resources.ok()) return shell.Fail(resources.status());
  std::vector<const Resource*> pointers;
  for (const Resource& resource : *resources) pointers.push_back(&resource);
  PrintManifests(shell, pointers);
  return kExitOk;
}

int ShowResource(Shell& shell, const std::string& name) {
  const absl::Status status = GetOne(shell, name);
  return status.ok() ? kExitOk : shell.Fail(status);
}

void AddResourceCommands(CLI::App& app, Shell& shell) {
  auto apply_options = std::make_shared<ApplyOptions>();
  CLI::App* apply =
      AddVerb(app, "apply", "Create and update declared resources, all or none", shell,
              [&shell, apply_options] { return RunApply(shell, *apply_options); });
  AddFiles(apply, apply_options.get());
  apply->add_flag("--dry-run", apply_options->dry_run,
                  "Show what would change, and change nothing");
  AddReason(apply, &apply_options->reason, false);
  AddProposalWait(apply, &apply_options->wait);

  auto diff_options = std::make_shared<ApplyOptions>();
  CLI::App* diff = AddVerb(app, "diff", "What applying would change; exit code 1 if anything, or 8",
                           shell, [&shell, diff_options] { return RunDiff(shell, *diff_options); });
  AddFiles(diff, diff_options.get());

  auto what = std::make_shared<std::string>();
  CLI::App* get = AddVerb(app, "get", "Declared resources; -o yaml is what apply reads", shell,
                          [&shell, what] { return RunGet(shell, *what); });
  get->add_option("KIND[/NAME]", *what,
                  "environment, approvalpolicy, maintenancewindow, ...; left out: all kinds");

  auto deleted = std::make_shared<DeleteOptions>();
  CLI::App* remove = AddVerb(app, "delete", "Delete a declared resource", shell,
                             [&shell, deleted] { return RunDelete(shell, *deleted); });
  remove->add_option("KIND/NAME", deleted->name, "As in maintenancewindow/weekend")->required();
  remove->add_flag("--dry-run", deleted->dry_run, "Only say what it would do");
  AddReason(remove, &deleted->reason, false);
  AddProposalWait(remove, &deleted->wait);
}

}  // namespace dbfleet::cli

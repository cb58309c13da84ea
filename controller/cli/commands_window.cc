#include <algorithm>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/config/values.h"
#include "common/config/yaml.h"
#include "common/config/yaml_writer.h"
#include "common/cron/cron_expression.h"
#include "common/proto_time/proto_time.h"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/proposal_view.h"
#include "controller/cli/queue_options.h"
#include "controller/cli/window_view.h"
#include "controller/cli/words.h"
#include "dbfleet/api/v1/meta_service.grpc.pb.h"
#include "dbfleet/api/v1/resource_service.grpc.pb.h"
#include "dbfleet/resource/v1/resource.pb.h"

namespace dbfleet::cli {
namespace {

using api::v1::ListWindowOccurrencesRequest;
using api::v1::ListWindowOccurrencesResponse;
using api::v1::MetaService;
using api::v1::ResourceService;
using api::v1::WindowOccurrence;
using resource::v1::MaintenanceWindow;

absl::Status Bad(absl::string_view reason, absl::string_view message) {
  return Error(absl::StatusCode::kInvalidArgument, reason, message);
}

struct NextOptions {
  std::string environment;
  std::string zone = "UTC";
  int count = 10;
};

int RunNext(Shell& shell, const NextOptions& options) {
  const auto zone = LoadZone(options.zone);
  if (!zone.ok()) return shell.Fail(Annotate(zone.status(), "--tz"));
  ListWindowOccurrencesRequest request;
  request.set_environment(options.environment);
  request.set_limit(options.count);
  const absl::Time now = shell.world().clock->Now();
  *request.mutable_from() = ToProto(now);
  *request.mutable_until() = ToProto(now + absl::Hours(24 * 400));
  const auto client = shell.Client();
  if (!client.ok()) return shell.Fail(client.status());
  const absl::StatusOr<ListWindowOccurrencesResponse> found =
      (*client)->Call<ResourceService>(&ResourceService::Stub::ListWindowOccurrences, request);
  if (!found.ok()) return shell.Fail(found.status());
  Listing listing;
  listing.columns = {
      IdentityColumn("WINDOW"),
      {"IS"},
      {"BEGIN"},
      {"END"},
      TextColumn("FREEZE"),  // What is covered must not look open on a narrow terminal.
      {"FOR"},
      {"LASTS"},
      {"OVERRUN", true},
      {"DECLARED IN", true}};
  for (const WindowOccurrence& o : found->occurrences()) {
    const absl::Time begin = ToTime(o.begin()), end = ToTime(o.end());
    listing.items.push_back(
        {&o,
         o.window(),
         {ShortName(o.window()), KindOf(o), Moment(begin, *zone), Moment(end, *zone), Frozen(o),
          Selected(o), Show(end - begin), o.overrun(), o.time_zone()}});
  }
  shell.PrintList(listing);
  return kExitOk;
}

struct AddOptions {
  std::string name;
  std::vector<std::string> environments;
  std::vector<std::string> labels;
  std::string from, until, cron, zone, overrun, reason;
  absl::Duration duration;
  bool deny = false;
  ProposalWait wait;
};

absl::Status FillTimes(const AddOptions& options, absl::Time now,
                       resource::v1::MaintenanceWindowSpec* spec) {
  const bool has_duration = options.duration > absl::ZeroDuration();
  if (!options.cron.empty()) {
    if (!options.from.empty() || !options.until.empty() || !has_duration) {
      return Bad("BAD_WINDOW", "--cron wants --for, and neither --from nor --until");
    }
    spec->mutable_recurring()->set_cron(options.cron);
    spec->mutable_recurring()->set_time_zone(options.zone);
    *spec->mutable_recurring()->mutable_duration() = ToProto(options.duration);
    return absl::OkStatus();
  }
  if (!options.zone.empty()) {
    return Bad("BAD_WINDOW", "--tz belongs to --cron; --from and --until carry their offsets");
  }
  if (has_duration != options.until.empty()) {
    return Bad("BAD_WINDOW", "give either --for or --until");
  }
  const std::optional<absl::Time> begin =
      options.from.empty() ? now : config::ParseMoment(options.from);
  if (!begin.has_value()) {
    return Bad("BAD_TIME", absl::StrCat("--from: a moment with its offset is wanted, as in "
                                        "2026-12-24T18:00:00+01:00, not \"",
                                        SanitizeForDisplay(Truncate(options.from, 60)), "\""));
  }
  spec->mutable_once()->set_begin(options.from.empty() ? Moment(*begin, absl::UTCTimeZone())
                                                       : options.from);
  spec->mutable_once()->set_end(
      has_duration ? Moment(*begin + options.duration, absl::UTCTimeZone()) : options.until);
  return absl::OkStatus();
}

absl::StatusOr<MaintenanceWindow> WindowOf(const AddOptions& options, absl::Time now) {
  MaintenanceWindow window;
  window.set_apiversion("dbfleet/v1");
  window.set_kind("MaintenanceWindow");
  window.mutable_metadata()->set_name(options.name);
  window.mutable_metadata()->set_description(options.reason);
  auto& spec = *window.mutable_spec();
  if (options.deny) spec.set_effect("deny");
  spec.set_overrun(options.overrun);
  for (const std::string& name : options.environments) {
    spec.mutable_selector()->add_environments(name);
  }
  for (const std::string& label : options.labels) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(label, absl::MaxSplits('=', 1));
    if (parts.first.empty() || parts.second.empty()) {
      return Bad("BAD_LABEL", absl::StrCat("--label wants KEY=VALUE, not \"",
                                           SanitizeForDisplay(Truncate(label, 60)), "\""));
    }
    (*spec.mutable_selector()->mutable_labels())[parts.first] = parts.second;
  }
  RETURN_IF_ERROR(FillTimes(options, now, &spec));
  return window;
}

// Nobody wrote a file.
constexpr char kWindowPath[] = "the window";

absl::Status Taken(const std::string& name) {
  return Error(absl::StatusCode::kAlreadyExists, "WINDOW_EXISTS",
               absl::StrCat("there is a window \"", name,
                            "\" already; change it with `dbfleet apply`, take another name, or "
                            "delete it if it is over: dbfleet delete maintenancewindow/",
                            name));
}

// With an etag it changes the window that has it, without one it makes a new one.
absl::StatusOr<api::v1::ApplyResourcesResponse> ApplyWindow(Shell& shell,
                                                            const MaintenanceWindow& window,
                                                            const std::string& reason,
                                                            const std::string& etag = "") {
  api::v1::ApplyResourcesRequest request;
  api::v1::Manifest& manifest = *request.add_manifests();
  manifest.set_path(kWindowPath);
  manifest.set_text(config::WriteYaml(window));
  manifest.set_etag(etag);
  manifest.set_create_only(etag.empty());
  request.set_reason(reason);
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  const absl::StatusOr<api::v1::ApplyResourcesResponse> response =
      client->Call<ResourceService>(&ResourceService::Stub::ApplyResources, request);
  // Somebody else was faster, since it was looked for.
  if (ReasonOf(response.status()) == "RESOURCE_EXISTS") return Taken(window.metadata().name());
  if (!response.ok()) return InFlags(response.status(), kWindowPath, window);
  if (response->changes_size() == 1) return response;
  return Error(absl::StatusCode::kInternal, "BAD_ANSWER", "the controller answered nothing");
}

int PrintChange(Shell& shell, const absl::StatusOr<api::v1::ApplyResourcesResponse>& response,
                absl::string_view word, const ProposalWait& wait) {
  if (!response.ok()) return shell.Fail(response.status());
  if (response->has_proposal()) return FinishProposed(shell, *response, wait);
  const std::string& name = response->changes(0).resource().name();
  Listing listing;
  listing.columns = {IdentityColumn("NAME")};
  listing.items.push_back({&*response, name, {name}});  // As of `apply`.
  shell.PrintOne(listing, absl::StrCat(SanitizeForDisplay(name), " ", word, "\n"));
  return kExitOk;
}

// A name that is taken is never overwritten by `add`: also not by a controller of an earlier
// version, which does not know what is to be new.
absl::Status RefuseTaken(Shell& shell, const std::string& name) {
  api::v1::GetResourceRequest request;
  request.set_name(absl::StrCat("maintenancewindows/", name));
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  const auto found = client->Call<ResourceService>(&ResourceService::Stub::GetResource, request);
  if (absl::IsNotFound(found.status())) return absl::OkStatus();
  RETURN_IF_ERROR(found.status());
  return Taken(name);
}

// "Now" is the controller's: by its clock windows open and close, and a laptop's may be minutes
// ahead, which would begin a freeze too late.
absl::StatusOr<absl::Time> ControllersNow(Shell& shell) {
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  ASSIGN_OR_RETURN(
      const api::v1::Version version,
      client->Call<MetaService>(&MetaService::Stub::GetVersion, api::v1::GetVersionRequest()));
  // One of an earlier version does not tell.
  return version.has_time() ? FromProto(version.time()) : shell.world().clock->Now();
}

int RunAdd(Shell& shell, const AddOptions& options) {
  // What is wrong with the options is told whether or not a controller answers.
  const auto looked = WindowOf(options, shell.world().clock->Now());
  if (!looked.ok()) return shell.Fail(looked.status());
  const auto now = ControllersNow(shell);
  if (!now.ok()) return shell.Fail(now.status());
  const auto window = WindowOf(options, *now);
  if (!window.ok()) return shell.Fail(window.status());
  if (const absl::Status status = RefuseTaken(shell, options.name); !status.ok()) {
    return shell.Fail(status);
  }
  if (const auto end = config::ParseMoment(window->spec().once().end());
      window->spec().has_once() && end.has_value() && *end <= *now) {
    shell.Note(absl::StrCat("dbfleet: warning: the window was over at ",
                            Moment(*end, absl::UTCTimeZone()), "; nothing will run in it"));
  }
  return PrintChange(shell, ApplyWindow(shell, *window, options.reason), "added", options.wait);
}

// The declared window, with its etag.
absl::StatusOr<MaintenanceWindow> Declared(Shell& shell, const std::string& name,
                                           api::v1::Resource* resource) {
  api::v1::GetResourceRequest request;
  request.set_name(FullName("maintenancewindows", name));
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  ASSIGN_OR_RETURN(*resource,
                   client->Call<ResourceService>(&ResourceService::Stub::GetResource, request));
  MaintenanceWindow window;
  RETURN_IF_ERROR(config::ParseYaml(resource->name(), resource->yaml(), &window));
  return window;
}

absl::StatusOr<MaintenanceWindow> EndedNow(Shell& shell, const std::string& name,
                                           std::string* etag) {
  api::v1::Resource resource;
  ASSIGN_OR_RETURN(MaintenanceWindow window, Declared(shell, name, &resource));
  *etag = resource.etag();
  ASSIGN_OR_RETURN(const absl::Time now, ControllersNow(shell));
  const std::string moment = Moment(now, absl::UTCTimeZone());
  if (!window.spec().has_once()) {
    // No occurrence begins any more; the one that is open goes on to its end.
    return Error(absl::StatusCode::kFailedPrecondition, "RECURRING_WINDOW",
                 absl::StrCat(resource.name(),
                              " recurs; to stop changes now add a freeze "
                              "(dbfleet window add --freeze), to end it for good: dbfleet delete ",
                              resource.name()));
  }
  const std::optional<absl::Time> begin = config::ParseMoment(window.spec().once().begin());
  const std::optional<absl::Time> end = config::ParseMoment(window.spec().once().end());
  if (!begin.has_value() || !end.has_value()) {
    return Error(absl::StatusCode::kInternal, "BAD_ANSWER", "the window's times are unreadable");
  }
  if (*end <= now) {
    return Error(absl::StatusCode::kFailedPrecondition, "WINDOW_OVER",
                 absl::StrCat(resource.name(), " was over at ", Moment(*end, absl::UTCTimeZone())));
  }
  if (now < *begin) {
    return Error(absl::StatusCode::kFailedPrecondition, "WINDOW_NOT_OPEN",
                 absl::StrCat(resource.name(), " begins at ", Moment(*begin, absl::UTCTimeZone()),
                              "; to take it back: dbfleet delete ", resource.name()));
  }
  // No window is shorter than a minute: one that has just opened closes when that is over.
  const absl::Time earliest = *begin + absl::Minutes(1);
  if (*end <= earliest) {
    return Error(absl::StatusCode::kFailedPrecondition, "WINDOW_OVER",
                 absl::StrCat(resource.name(), " is over in less than a minute, at ",
                              Moment(*end, absl::UTCTimeZone())));
  }
  if (now < earliest) {
    shell.Note(absl::StrCat("dbfleet: a window lasts at least a minute: it closes at ",
                            Moment(earliest, absl::UTCTimeZone())));
  }
  window.mutable_spec()->mutable_once()->set_end(
      now < earliest ? Moment(earliest, absl::UTCTimeZone()) : moment);
  return window;
}

int RunEnd(Shell& shell, const AddOptions& options) {
  std::string etag;
  const auto window = EndedNow(shell, options.name, &etag);
  if (!window.ok()) return shell.Fail(window.status());
  return PrintChange(shell, ApplyWindow(shell, *window, options.reason, etag), "ended",
                     options.wait);
}

// A window of its own beside the one that is overridden, once, from now on: what applies to that
// one applies to both, they count together, and the exception has a name, an end and a reason.
absl::StatusOr<MaintenanceWindow> OverrideOf(Shell& shell, AddOptions options) {
  api::v1::Resource resource;
  ASSIGN_OR_RETURN(const MaintenanceWindow base, Declared(shell, options.name, &resource));
  if (base.spec().effect() == "deny") {
    return Error(absl::StatusCode::kFailedPrecondition, "FREEZE_STAYS",
                 absl::StrCat(resource.name(),
                              " is a freeze, and no window opens a freeze; end it (dbfleet window "
                              "end), or in an emergency see: dbfleet change break-glass --help"));
  }
  ASSIGN_OR_RETURN(const absl::Time now, ControllersNow(shell));
  const std::string of = base.metadata().name();
  // Names are ASCII and have at most 63 bytes.
  options.name = absl::StrCat(of.substr(0, 38), "-override-",
                              absl::FormatTime("%Y%m%d-%H%M%S", now, absl::UTCTimeZone()));
  options.reason = absl::StrCat("override of ", of, ": ", options.reason);
  ASSIGN_OR_RETURN(MaintenanceWindow window, WindowOf(options, now));
  *window.mutable_spec()->mutable_selector() = base.spec().selector();
  window.mutable_spec()->set_overrun(base.spec().overrun());
  const auto end = config::ParseMoment(window.spec().once().end());
  if (end.has_value() && *end <= now) {
    return Bad("BAD_WINDOW", "--until lies in the past; an override begins now");
  }
  return window;
}

int RunOverride(Shell& shell, const AddOptions& options) {
  const auto window = OverrideOf(shell, options);
  if (!window.ok()) return shell.Fail(window.status());
  const std::string& name = window->metadata().name();
  if (const absl::Status status = RefuseTaken(shell, name); !status.ok()) {
    return shell.Fail(status);
  }
  const auto response = ApplyWindow(shell, *window, window->metadata().description());
  if (response.ok() && response->has_proposal()) {
    shell.Note(absl::StrCat("dbfleet: it opens when its quorum has approved it, and closes at ",
                            window->spec().once().end(), " also then"));
  }
  return PrintChange(shell, response, "added", options.wait);
}

void AddAdd(CLI::App& noun, Shell& shell) {
  auto options = std::make_shared<AddOptions>();
  CLI::App* add = AddVerb(noun, "add", "Declare a window, or a freeze", shell,
                          [&shell, options] { return RunAdd(shell, *options); });
  add->add_option("NAME", options->name, "Its name")->required();
  add->add_option("-e,--environment", options->environments,
                  "For these environments; left out: for all")
      ->type_name("NAME");
  add->add_option("--label", options->labels, "For instances with this label")
      ->type_name("KEY=VALUE");
  AddDuration(add, "--for", &options->duration, "How long it lasts");
  add->add_option("--from", options->from, "When it begins; default: now")->type_name("RFC3339");
  add->add_option("--until", options->until, "When it ends, instead of --for")
      ->type_name("RFC3339");
  add->add_option("--cron", options->cron, "Let it recur at these times, each --for so long");
  add->add_option("--tz", options->zone, "The IANA zone of --cron; default UTC");
  add->add_option("--overrun", options->overrun,
                  "What its end means for what runs: finish, pause or cancel");
  add->add_flag("--freeze", options->deny, "No change starts in it, instead of only in it");
  AddReason(add, &options->reason, false);
  AddProposalWait(add, &options->wait);
}

void AddOverride(CLI::App& noun, Shell& shell) {
  auto options = std::make_shared<AddOptions>();
  CLI::App* verb = AddVerb(noun, "override", "Open a window now, once, or past its end", shell,
                           [&shell, options] { return RunOverride(shell, *options); });
  verb->add_option("NAME", options->name, "The window")->required();
  AddDuration(verb, "--for", &options->duration,
              "How long, from now on; where a quorum has to approve it, the time that this takes "
              "counts, too");
  verb->add_option("--until", options->until, "Until when, instead of --for")->type_name("RFC3339");
  AddReason(verb, &options->reason, true);
  AddProposalWait(verb, &options->wait);
}

}  // namespace

void AddWindowCommands(CLI::App& app, Shell& shell) {
  CLI::App* noun = AddNoun(app, "window", "Maintenance windows and freezes");

  auto next_options = std::make_shared<NextOptions>();
  CLI::App* next = AddVerb(*noun, "next", "What is open or frozen now and next", shell,
                           [&shell, next_options] { return RunNext(shell, *next_options); });
  next->add_option("-e,--environment", next_options->environment, "Only those for it");
  next->add_option("-n,--limit", next_options->count, "How many; default 10")
      ->check(CLI::Range(1, 1000));
  next->add_option("--tz", next_options->zone, "Show times in this IANA zone; default UTC");

  AddAdd(*noun, shell);

  AddOverride(*noun, shell);

  auto ended = std::make_shared<AddOptions>();
  CLI::App* end = AddVerb(*noun, "end", "Close a one-off window now", shell,
                          [&shell, ended] { return RunEnd(shell, *ended); });
  end->add_option("NAME", ended->name, "The window")->required();
  AddReason(end, &ended->reason, false);
  AddProposalWait(end, &ended->wait);

  AddCalendar(*noun, shell);

  AddQueue(*noun, shell);
}

}  // namespace dbfleet::cli

#include "controller/resources/advice.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

#include "common/base/duration_text.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/config/values.h"
#include "common/config/yaml_writer.h"
#include "common/proto_time/proto_time.h"
#include "controller/jobs/job_manager.h"
#include "controller/jobs/no_such_window.h"
#include "controller/jobs/specs.h"
#include "controller/resources/access.h"
#include "controller/resources/event_rule_resource.h"
#include "controller/resources/scheduled_job.h"
#include "controller/resources/view.h"
#include "controller/resources/window_resource.h"
#include "controller/routes/checks.h"

namespace dbfleet::controller {
namespace {

using resource::v1::ScheduledJob;
using resource::v1::ScheduleTargets;
using Names = google::protobuf::RepeatedPtrField<std::string>;

constexpr size_t kMostNotes = 20;  // For one manifest.

// All live instances, read at the first question.
class Fleet {
 public:
  explicit Fleet(ReadTx& tx) : tx_(tx) {}

  absl::StatusOr<const std::vector<Instance>*> Instances() {
    for (PageRequest page{1000, ""}; !read_;) {
      ASSIGN_OR_RETURN(Page<Instance> found, tx_.ListInstances(EnvironmentFilter(), page));
      for (Instance& instance : found.items) {
        if (!instance.removed) instances_.push_back(std::move(instance));
      }
      page.token = found.next_token;
      read_ = page.token.empty();
    }
    return &instances_;
  }

 private:
  ReadTx& tx_;
  bool read_ = false;
  std::vector<Instance> instances_;
};

// An instance of each dialect of these engines (none: of all), for work that has no target yet.
std::vector<Instance> OneOfEach(const Names& engines) {
  constexpr std::pair<const char*, const char*> kServers[] = {
      {"mysql", ""}, {"mysql", "MariaDB"}, {"postgresql", ""}, {"redis", ""}};
  std::vector<Instance> servers;
  for (const auto& [engine, version] : kServers) {
    if (!engines.empty() && std::find(engines.begin(), engines.end(), engine) == engines.end()) {
      continue;
    }
    Instance& server = servers.emplace_back();
    server.engine = engine;
    server.server_version = version;
  }
  return servers;
}

// Looks at one manifest.
class Look {
 public:
  Look(ReadTx& tx, Fleet& fleet, absl::Span<const Manifest> all, const Rights& rights,
       const Manifest& manifest)
      : tx_(tx), fleet_(fleet), all_(all), rights_(rights), manifest_(manifest) {}

  absl::StatusOr<std::vector<std::string>> Run() {
    const absl::string_view kind = manifest_.kind->kind;
    if (kind == kScheduleKind) RETURN_IF_ERROR(AtSchedule());
    if (kind == kEventRuleKind) RETURN_IF_ERROR(AtRule());
    if (kind == kRouteKind) RETURN_IF_ERROR(AtRoute());
    if (kind == kApprovalPolicyKind) RETURN_IF_ERROR(AtApprovalPolicy());
    if (kind == kBreakGlassKind) RETURN_IF_ERROR(AtBreakGlass());
    if (kind == kWindowKind) RETURN_IF_ERROR(AtWindow());
    return std::move(notes_);
  }

 private:
  void Note(absl::string_view field, absl::string_view words) {
    if (notes_.size() == kMostNotes) notes_.push_back("and more that is not told");
    if (notes_.size() > kMostNotes) return;
    if (places_ == nullptr) places_ = std::make_unique<FieldPlaces>(manifest_);
    notes_.push_back(absl::StrCat(places_->At(field), words));
  }

  // `environments`: those that the manifest is about; none: all.
  absl::Status AtNamed(const Names& named, absl::string_view field,
                       const std::set<std::string>& environments) {
    for (int i = 0; i < named.size(); ++i) {
      const absl::StatusOr<Instance> instance = tx_.GetInstance(named[i]);
      if (!instance.ok() && !absl::IsNotFound(instance.status())) return instance.status();
      const std::string place = absl::StrCat(field, "[", i, "]");
      const std::string shown = config::ShownValue(named[i]);
      if (!instance.ok() || !rights_.In(Verb::kRead, instance->environment)) {
        Note(place, absl::StrCat("there is no instance ", shown, " (yet)"));
      } else if (instance->removed) {
        Note(place, absl::StrCat("the instance ", shown, " was removed"));
      } else if (!environments.empty() && environments.count(instance->environment) == 0) {
        Note(place, absl::StrCat("the instance ", shown, " belongs to ", instance->environment,
                                 ", which this is not about"));
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<const Instance*>> Chosen(
      const std::set<std::string>& environments,
      const std::function<bool(const Instance&)>& choose) {
    std::vector<const Instance*> chosen;
    ASSIGN_OR_RETURN(const std::vector<Instance>* const instances, fleet_.Instances());
    for (const Instance& instance : *instances) {
      const bool there = (environments.empty() || environments.count(instance.environment) != 0) &&
                         rights_.In(Verb::kRead, instance.environment);
      if (there && choose(instance)) chosen.push_back(&instance);
    }
    return chosen;
  }

  // What is there as declared stays as it is, whatever is wrong with it.
  absl::StatusOr<bool> IsUnchanged() {
    const absl::StatusOr<Resource> former = tx_.GetResource(manifest_.id());
    if (absl::IsNotFound(former.status())) return false;
    RETURN_IF_ERROR(former.status());
    return YamlOf(*manifest_.kind, former->blob, former->id).value_or("") ==
           config::WriteYaml(*manifest_.message);
  }

  // By what refuses the job when it is to be made (scheduler/declared_job.h).
  absl::Status AtTargets(absl::string_view field, const std::vector<const Instance*>& targets,
                         const Names& engines,
                         const std::function<absl::Status(const Instance&)>& check) {
    std::map<sql::Dialect, absl::Status> outcomes;
    size_t refused = 0;
    const Instance* example = nullptr;
    for (const Instance* const target : targets) {
      const sql::Dialect dialect = DialectOf(*target);
      if (outcomes.count(dialect) == 0) outcomes[dialect] = check(*target);
      if (outcomes[dialect].ok()) continue;
      ++refused;
      if (example == nullptr) example = target;
    }
    if (targets.empty()) {
      for (const Instance& server : OneOfEach(engines)) {
        outcomes[DialectOf(server)] = check(server);
      }
    }
    const bool never = std::none_of(outcomes.begin(), outcomes.end(),
                                    [](const auto& outcome) { return outcome.second.ok(); });
    if (!never && refused == 0) return absl::OkStatus();
    const absl::Status& why =
        example == nullptr ? outcomes.begin()->second : outcomes[DialectOf(*example)];
    ASSIGN_OR_RETURN(const bool unchanged, IsUnchanged());
    if (never && !unchanged) {
      return Error(why.code(), ReasonOf(why),
                   absl::StrCat(FieldPlaces(manifest_).At(field), why.message()));
    }
    if (example == nullptr) {
      Note(field, absl::StrCat("it would be refused: ", why.message()));
    } else {
      Note(field, absl::StrCat("it would be refused on ", refused, " of the ", targets.size(),
                               " instances that it is for now, as on instances/", example->id, ": ",
                               why.message()));
    }
    return absl::OkStatus();
  }

  absl::Status AtWindow(const ScheduledJob& job, const std::string& field) {
    if (job.queue().window().empty()) return absl::OkStatus();
    const std::string name(absl::StripPrefix(job.queue().window(), "maintenancewindows/"));
    const std::string id = absl::StrCat("maintenancewindows/", name);
    resource::v1::MaintenanceWindow window;
    const auto given = std::find_if(all_.begin(), all_.end(),
                                    [&](const Manifest& other) { return other.id() == id; });
    if (given != all_.end()) {
      window = static_cast<const resource::v1::MaintenanceWindow&>(*given->message);
    } else {
      const absl::StatusOr<Resource> stored = tx_.GetResource(id);
      if (!stored.ok() && !absl::IsNotFound(stored.status())) return stored.status();
      ASSIGN_OR_RETURN(const auto parsed, ParseResourceId(id));
      if (!stored.ok() || !MaySee(rights_, *parsed.first, StoredReach(*parsed.first, *stored))) {
        Note(field, NoSuchWindow(name).message());
        return absl::OkStatus();
      }
      if (!window.ParseFromString(stored->blob)) return absl::OkStatus();
    }
    if (window.spec().effect() == "deny") {
      Note(field, absl::StrCat(name, " is a freeze, which carries no work"));
    } else if (job.queue().has_estimate()) {
      AtLength(window, FromProto(job.queue().estimate()), field);
    }
    return absl::OkStatus();
  }

  void AtLength(const resource::v1::MaintenanceWindow& window, absl::Duration estimate,
                absl::string_view field) {
    config::Problems problems;
    const WindowTimes times = CompileWindow(window, &problems).window.times;
    if (!problems.ToStatus().ok()) return;  // Told elsewhere.
    const absl::Duration length =
        times.once.has_value() ? times.once->end - times.once->begin : times.duration;
    if (estimate < length) return;
    Note(field, absl::StrCat("jobs that are estimated to need ", DurationText(estimate),
                             " do not fit into a window of ", DurationText(length),
                             ", and are refused (WINDOW_TOO_SHORT)"));
  }

  absl::Status AtJob(const ScheduledJob& job, const std::string& field,
                     const std::vector<const Instance*>& targets, const Names& engines) {
    RETURN_IF_ERROR(AtWindow(job, field + ".queue.window"));
    if (job.has_inspect()) {
      const work::v1::InspectSpec inspect = InspectionOf(job);
      return AtTargets(
          field + ".inspect.statement", targets, engines,
          [&](const Instance& instance) { return CheckInspection(instance, inspect); });
    }
    if (job.has_backup() && !targets.empty()) {
      const std::vector<std::string> databases(job.backup().databases().begin(),
                                               job.backup().databases().end());
      return AtTargets(
          field + ".backup.databases", targets, engines,
          [&](const Instance& instance) { return CheckDatabasesFit(instance, databases); });
    }
    return absl::OkStatus();
  }

  void AtNobody(absl::string_view field, const std::vector<const Instance*>& targets) {
    // What was said about names says it all.
    if (targets.empty() && notes_.empty()) Note(field, "no instance is what it selects (yet)");
  }

  absl::Status AtSchedule() {
    const auto& spec = static_cast<const resource::v1::Schedule&>(*manifest_.message).spec();
    const std::set<std::string> environments = {spec.environment()};
    const Names& names = spec.targets().instances();
    RETURN_IF_ERROR(AtNamed(names, "spec.targets.instances", environments));
    const std::set<std::string> named(names.begin(), names.end());
    ASSIGN_OR_RETURN(const std::vector<const Instance*> targets,
                     Chosen(environments, [&](const Instance& instance) {
                       return SelectsTarget(spec.targets(), named, instance);
                     }));
    AtNobody("spec.targets", targets);
    return AtJob(spec.job(), "spec.job", targets, spec.targets().engines());
  }

  absl::Status AtTriggers(const std::vector<DeadTrigger>& dead) {
    if (dead.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(const bool unchanged, IsUnchanged());
    const FieldPlaces places(manifest_);
    std::vector<std::string> refused;
    for (const DeadTrigger& trigger : dead) {
      if (unchanged) Note(trigger.field, trigger.why);
      if (!unchanged) refused.push_back(absl::StrCat(places.At(trigger.field), trigger.why));
    }
    if (unchanged) return absl::OkStatus();
    return Error(absl::StatusCode::kInvalidArgument, "BAD_CONFIG", absl::StrJoin(refused, "\n"));
  }

  absl::Status AtRule() {
    const auto& manifest = static_cast<const resource::v1::EventRule&>(*manifest_.message);
    const resource::v1::EventRuleSpec& spec = manifest.spec();
    config::Problems none;
    const std::optional<DeclaredEventRule> rule = CompileEventRule(manifest, &none);
    if (!rule.has_value()) return absl::OkStatus();  // Which parsing has told.
    RETURN_IF_ERROR(AtTriggers(DeadTriggers(spec)));
    const std::set<std::string>& environments = rule->selection.environments;
    const ScheduleTargets& chosen = spec.propose().targets();
    RETURN_IF_ERROR(AtNamed(spec.selector().instances(), "spec.selector.instances", environments));
    RETURN_IF_ERROR(AtNamed(chosen.instances(), "spec.propose.targets.instances", environments));
    if (spec.limits().max_open() > spec.limits().max_per_day()) {
      Note("spec.limits.max_open", absl::StrCat("is never reached: the rule proposes no more than ",
                                                spec.limits().max_per_day(), " jobs a day"));
    }
    const bool has_targets = spec.propose().has_targets();
    const std::set<std::string> named(chosen.instances().begin(), chosen.instances().end());
    ASSIGN_OR_RETURN(const std::vector<const Instance*> targets,
                     Chosen(environments, [&](const Instance& instance) {
                       if (has_targets) return SelectsTarget(chosen, named, instance);
                       return SelectsInstance(rule->selection, {instance.id, instance.environment,
                                                                instance.engine, instance.labels});
                     }));
    AtNobody(has_targets ? "spec.propose.targets" : "spec.selector", targets);
    return AtJob(spec.propose().job(), "spec.propose.job", targets,
                 has_targets ? chosen.engines() : spec.selector().engines());
  }

  absl::Status AtRoute() {
    const auto& manifest = static_cast<const resource::v1::NotificationRoute&>(*manifest_.message);
    const resource::v1::RouteSelector& selector = manifest.spec().selector();
    RETURN_IF_ERROR(AtNamed(selector.instances(), "spec.selector.instances",
                            {selector.environments().begin(), selector.environments().end()}));
    if (MayHoldSecret(manifest.spec().webhook().url())) {
      Note("spec.webhook.url",
           "what stands behind its \"?\" looks like a secret, and everybody who may read routes, "
           "and the audit trail, sees it; put the whole URL into a file, name it in the "
           "controller's notifications.secrets, and give url_secret instead");
    }
    return absl::OkStatus();
  }

  // Users may be made later; a name that is mistyped would leave its place empty for ever.
  absl::Status AtUsers(const Names& named, const std::string& field, absl::string_view never) {
    for (int i = 0; i < named.size(); ++i) {
      const absl::StatusOr<User> user = tx_.GetUser(named[i]);
      if (!user.ok() && !absl::IsNotFound(user.status())) return user.status();
      const std::string place = absl::StrCat(field, "[", i, "]");
      const std::string shown = config::ShownValue(named[i]);
      if (!user.ok()) {
        Note(place, absl::StrCat("there is no user ", shown, " (yet)"));
      } else if (user->disabled) {
        Note(place, absl::StrCat("the user ", shown, " is disabled"));
      } else if (user->service) {
        Note(place, absl::StrCat("the user ", shown, " is a service account, which ", never));
      }
    }
    return absl::OkStatus();
  }

  absl::Status AtApprovalPolicy() {
    const auto& spec = static_cast<const resource::v1::ApprovalPolicy&>(*manifest_.message).spec();
    for (int i = 0; i < spec.requirements_size(); ++i) {
      RETURN_IF_ERROR(AtUsers(spec.requirements(i).users(),
                              absl::StrCat("spec.requirements[", i, "].users"), "never approves"));
    }
    return absl::OkStatus();
  }

  absl::Status AtBreakGlass() {
    const auto& spec =
        static_cast<const resource::v1::BreakGlassPolicy&>(*manifest_.message).spec();
    return AtUsers(spec.users(), "spec.users", "may not break the glass");
  }

  // Deleting a window says so, too; a freeze carries nothing either.
  absl::Status AtWindow() {
    constexpr size_t kMostNamed = 5;
    const auto& window = static_cast<const resource::v1::MaintenanceWindow&>(*manifest_.message);
    if (window.spec().effect() != "deny") return absl::OkStatus();
    ASSIGN_OR_RETURN(const QueuedJobs jobs, tx_.JobsQueuedFor(window.metadata().name()));
    if (jobs.empty()) return absl::OkStatus();
    std::vector<std::string> named;
    for (const QueuedJob& job : jobs) {
      if (named.size() == kMostNamed) break;
      if (rights_.In(Verb::kRead, job.environment)) named.push_back(absl::StrCat("jobs/", job.id));
    }
    const size_t more = jobs.size() - named.size();
    if (more > 0)
      named.push_back(
          absl::StrCat(more, named.empty() ? "" : " more", more == 1 ? " job" : " jobs"));
    Note("spec.effect",
         absl::StrCat("what is queued for this window begins nowhere while it is a freeze: ",
                      absl::StrJoin(named, ", "),
                      "; dbfleet window queue lists it, dbfleet job cancel ends it"));
    return absl::OkStatus();
  }

  ReadTx& tx_;
  Fleet& fleet_;
  const absl::Span<const Manifest> all_;
  const Rights& rights_;
  const Manifest& manifest_;
  std::unique_ptr<FieldPlaces> places_;
  std::vector<std::string> notes_;
};

}  // namespace

absl::StatusOr<std::vector<std::vector<std::string>>> LookAhead(
    ReadTx& tx, absl::Span<const Manifest> manifests, const Rights& rights) {
  Fleet fleet(tx);
  std::vector<std::vector<std::string>> notes;
  for (const Manifest& manifest : manifests) {
    ASSIGN_OR_RETURN(std::vector<std::string> own,
                     Look(tx, fleet, manifests, rights, manifest).Run());
    notes.push_back(std::move(own));
  }
  return notes;
}

void CheckRoutes(absl::Span<const Manifest> manifests, const RouteCheck& check_route,
                 std::vector<std::vector<std::string>>* notes) {
  for (size_t i = 0; i < manifests.size(); ++i) {
    if (manifests[i].kind->kind != kRouteKind) continue;
    const auto& manifest =
        static_cast<const resource::v1::NotificationRoute&>(*manifests[i].message);
    config::Problems none;
    const Route route = CompileRoute(manifest, &none);
    if (manifest.spec().disabled() || !none.ToStatus().ok()) continue;
    const absl::Status sent = check_route(route);
    if (sent.ok()) continue;
    (*notes)[i].push_back(
        absl::StrCat(FieldPlaces(manifests[i]).At(absl::StrCat("spec.", route.receiver)),
                     "nothing can be sent: ", ReasonOf(sent), ": ", sent.message()));
  }
}

}  // namespace dbfleet::controller

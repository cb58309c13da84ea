#include "controller/resources/resource_manager.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "controller/identity/request_keys.h"
#include "controller/identity/roles_in.h"
#include "controller/resources/access.h"
#include "controller/resources/break_glass.h"
#include "controller/resources/fillable.h"
#include "controller/resources/line_diff.h"
#include "controller/resources/proposals.h"
#include "controller/resources/schedule_source.h"
#include "controller/resources/waiver.h"
#include "controller/resources/window_source.h"
#include "controller/routes/route.h"
#include "controller/store/filtered_page.h"
#include "controller/store/rehearsal.h"
#include "controller/windows/edges.h"

namespace dbfleet::controller {

namespace {

using resource::v1::Proposal;
using resource::v1::ProposedChange;

// Of rows beside the declared resources.
bool IsInternal(absl::string_view kind) {
  return kind == kProposalKind || kind == kBrokenGlassKind || kind == kToldWindowKind ||
         kind == kFollowedSpanKind;
}

bool Alters(const ResourceChange& change) {
  return change.action != ResourceChange::Action::kUnchanged || change.takes_over;
}

// The bootstrap is told: nobody else could have approved it.
void NoteUnformed(const Leave& leave, ApplyContext* context) {
  if (!leave.unformed.empty()) context->more["quorum"] = NotAskedFor(leave.unformed);
}

absl::StatusOr<std::vector<ResourceChange>> ApplyAll(const ApplyContext& context,
                                                     const std::vector<Manifest>& manifests) {
  std::vector<ResourceChange> changes;
  for (const Manifest& manifest : manifests) {
    ASSIGN_OR_RETURN(ResourceChange change, ApplyManifest(context, manifest));
    changes.push_back(std::move(change));
  }
  return changes;
}

// What an apply would change, as it is proposed.
absl::StatusOr<std::vector<ProposedChange>> ToPropose(ReadTx& tx,
                                                      const std::vector<Manifest>& manifests,
                                                      const std::vector<ResourceChange>& changes) {
  std::vector<ProposedChange> proposed;
  for (size_t i = 0; i < changes.size(); ++i) {
    if (!Alters(changes[i])) continue;
    ProposedChange& one = proposed.emplace_back();
    one.set_name(manifests[i].id());
    one.set_yaml(changes[i].resource.yaml);
    for (const std::string& line : changes[i].diff) one.add_diff(line);
    ASSIGN_OR_RETURN(const uint64_t version, VersionNow(tx, manifests[i].kind, manifests[i].name));
    if (version != 0) one.set_etag(absl::StrCat(version));
  }
  return proposed;
}

// What is queued for a window, as ["jobs/J"...]; nothing is for any other kind.
absl::StatusOr<std::vector<std::string>> QueuedFor(ReadTx& tx, const ResourceKind& kind,
                                                   const std::string& name) {
  std::vector<std::string> names;
  if (kind.kind != kWindowKind) return names;
  ASSIGN_OR_RETURN(const QueuedJobs jobs, tx.JobsQueuedFor(name));
  for (const QueuedJob& job : jobs) names.push_back(absl::StrCat("jobs/", job.id));
  return names;
}

// Changes for certain and leaves nothing behind: what would refuse it does.
absl::Status DoAndTakeBack(Store& store, const std::function<absl::Status(WriteTx&)>& change) {
  bool done = false;
  const absl::Status status = store.MutateAndWait([&](WriteTx& tx) -> absl::Status {
    RETURN_IF_ERROR(change(tx));
    done = true;
    return Rehearsed();
  });
  return done ? absl::OkStatus() : status;
}

}  // namespace

absl::StatusOr<std::vector<ResourceChange>> ResourceManager::Apply(
    const RequestMeta& meta, absl::Span<const ManifestText> texts, bool dry_run,
    const std::string& reason, const Rights& rights, std::optional<Proposal>* proposal) {
  ASSIGN_OR_RETURN(const std::vector<Manifest> manifests, ParseManifests(texts));
  const auto authorise = [&](ReadTx& read) -> absl::Status {
    const ApplyContext context{read, nullptr, meta, reason, clock_.Now(), rights};
    for (const Manifest& manifest : manifests) {
      RETURN_IF_ERROR(AuthoriseManifest(context, manifest));
    }
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(store_.Read(authorise));
  RETURN_IF_ERROR(CheckTimes(manifests, clock_.Now()));
  std::vector<std::vector<std::string>> warnings;
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    RETURN_IF_ERROR(CheckReferences(tx, manifests));
    ASSIGN_OR_RETURN(warnings, LookAhead(tx, manifests, rights));
    return absl::OkStatus();
  }));
  if (check_route_ != nullptr) CheckRoutes(manifests, check_route_, &warnings);
  std::vector<ResourceChange> changes;
  std::optional<Proposal> proposed;
  std::set<std::string> fillable;    // Quorums that have to stay so.
  std::vector<std::string> waivers;  // Of these changes they end.
  bool outright = false;             // As if everyone had approved it.
  const auto apply = [&](WriteTx* tx, ReadTx& read) -> absl::Status {
    proposed.reset();
    ApplyContext context{read, nullptr, meta, reason, clock_.Now(), rights};
    RETURN_IF_ERROR(authorise(read));
    RETURN_IF_ERROR(CheckReferences(read, manifests));
    ASSIGN_OR_RETURN(changes, ApplyAll(context, manifests));
    std::vector<Alteration> alterations;
    waivers.clear();
    std::set<std::string> glass;  // Together: what one of them permits another one may too.
    for (size_t i = 0; i < changes.size(); ++i) {
      if (!Alters(changes[i])) continue;
      if (manifests[i].kind->kind == kBreakGlassKind) glass.insert(manifests[i].id());
      alterations.push_back({manifests[i].kind, manifests[i].name, &manifests[i]});
    }
    if (alterations.empty()) return absl::OkStatus();
    if (!glass.empty()) {
      ASSIGN_OR_RETURN(waivers, WaiversOnlyBy(read, glass, context.now));
    }
    ASSIGN_OR_RETURN(const Leave leave,
                     MayAlter(read, tx, alterations, meta.principal, context.now));
    context.write = tx;
    if (!leave.quorums.empty() && !outright) {
      ASSIGN_OR_RETURN(std::vector<ProposedChange> wanted, ToPropose(read, manifests, changes));
      ASSIGN_OR_RETURN(proposed, Propose(context, std::move(wanted), leave));
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(const EnvironmentFilter touched, TouchedBy(read, alterations));
    ASSIGN_OR_RETURN(fillable, FillableQuorums(read, touched));
    if (tx == nullptr) return absl::OkStatus();
    NoteUnformed(leave, &context);
    if (TouchesRoles(alterations)) RETURN_IF_ERROR(EndVoidWaivers(*tx, context.now));
    ASSIGN_OR_RETURN(changes, ApplyAll(context, manifests));
    return CheckFillable(read, fillable);
  };
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) { return apply(nullptr, tx); }));
  // Whether there are still the people for it only shows when it is there. What the last vote would
  // find is said before anyone is asked for a first one.
  if (proposed.has_value() || (dry_run && !fillable.empty())) {
    const std::vector<ResourceChange> foreseen = changes;
    const std::optional<Proposal> wanted = proposed;
    const std::vector<std::string> ending = waivers;
    outright = true;
    RETURN_IF_ERROR(DoAndTakeBack(store_, [&](WriteTx& tx) { return apply(&tx, tx); }));
    outright = false;
    changes = foreseen;
    proposed = wanted;
    waivers = ending;
  }
  if (dry_run) {
    if (proposed.has_value()) proposed->clear_name();
  } else {
    RETURN_IF_ERROR(store_.MutateAndWait([&](WriteTx& tx) { return apply(&tx, tx); }));
    const bool roles =
        !proposed.has_value() &&
        std::any_of(changes.begin(), changes.end(), [](const ResourceChange& change) {
          return change.resource.kind == kRoleBindingKind &&
                 change.action != ResourceChange::Action::kUnchanged;
        });
    if (roles && roles_changed_ != nullptr) roles_changed_();
  }
  if (proposal != nullptr) *proposal = std::move(proposed);
  for (size_t i = 0; i < changes.size(); ++i) {
    changes[i].warnings = std::move(warnings[i]);
    if (waivers.empty() || changes[i].resource.kind != kBreakGlassKind || !Alters(changes[i])) {
      continue;
    }
    changes[i].warnings.push_back(absl::StrCat(
        "what is waived for ", absl::StrJoin(waivers, ", "), " ends as soon as it is changed",
        "; whoever still needs that breaks the glass again"));
    waivers.clear();  // Once, however many policies are changed.
  }
  return changes;
}

absl::StatusOr<ResourceView> ResourceManager::Get(absl::string_view id, const Rights& rights) {
  ASSIGN_OR_RETURN(const auto parsed, ParseResourceId(id));
  const auto& [kind, name] = parsed;
  ResourceView view;
  RETURN_IF_ERROR(store_.Read([&, k = kind, n = name](ReadTx& tx) -> absl::Status {
    const std::string full = absl::StrCat(k->collection, "/", n);
    if (k->kind == kEnvironmentKind) {
      if (!MaySee(rights, *k, n)) return HiddenOrMissing(full, Verb::kRead);
      ASSIGN_OR_RETURN(const Environment environment, tx.GetEnvironment(n));
      ASSIGN_OR_RETURN(view, ViewOf(tx, environment));
      return absl::OkStatus();
    }
    const absl::StatusOr<Resource> resource = tx.GetResource(full);
    // Whoever sees all of a kind is told that there is no such one.
    const bool hidden = absl::IsNotFound(resource.status())
                            ? !rights.Everywhere(VerbToSee(*k))
                            : resource.ok() && !MaySee(rights, *k, StoredReach(*k, *resource));
    if (hidden) return HiddenOrMissing(full, VerbToSee(*k));
    RETURN_IF_ERROR(resource.status());
    ASSIGN_OR_RETURN(view, ViewOf(*resource));
    return absl::OkStatus();
  }));
  return view;
}

absl::StatusOr<Page<ResourceView>> ResourceManager::List(absl::string_view kind,
                                                         const PageRequest& page,
                                                         const Rights& rights) {
  const ResourceKind* const known = kind.empty() ? nullptr : FindResourceKind(kind);
  if (!kind.empty() && known == nullptr) {
    return Error(absl::StatusCode::kInvalidArgument, "UNKNOWN_KIND",
                 absl::StrCat("there is no kind \"", SanitizeForDisplay(Truncate(kind, 80)),
                              "\"; known: ", KnownKinds()));
  }
  Page<ResourceView> views;
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    const bool environments = known == nullptr || known->kind == kEnvironmentKind;
    if (environments && page.token.empty()) {
      PageRequest all{1000, ""};
      do {
        ASSIGN_OR_RETURN(const Page<Environment> found, tx.ListEnvironments(all));
        for (const Environment& environment : found.items) {
          if (!rights.In(Verb::kRead, environment.name)) continue;
          ASSIGN_OR_RETURN(ResourceView view, ViewOf(tx, environment));
          views.items.push_back(std::move(view));
        }
        all.token = found.next_token;
      } while (!all.token.empty());
    }
    if (known != nullptr && known->kind == kEnvironmentKind) return absl::OkStatus();
    ASSIGN_OR_RETURN(const Page<Resource> found,
                     FilteredPage<Resource>(
                         [&](const PageRequest& part) {
                           return tx.ListResources(known == nullptr ? "" : known->kind, part);
                         },
                         [&](const Resource& resource) -> absl::StatusOr<bool> {
                           if (IsInternal(resource.kind)) return false;
                           const ResourceKind* const own = FindResourceKind(resource.kind);
                           return own == nullptr
                                      ? rights.Everywhere(Verb::kRead)
                                      : MaySee(rights, *own, StoredReach(*own, resource));
                         },
                         page));
    for (const Resource& resource : found.items) {
      ASSIGN_OR_RETURN(ResourceView view, ViewOf(resource));
      views.items.push_back(std::move(view));
    }
    views.next_token = found.next_token;
    return absl::OkStatus();
  }));
  return views;
}

absl::StatusOr<ResourceView> ResourceManager::Delete(const RequestMeta& meta, absl::string_view id,
                                                     uint64_t version, const std::string& reason,
                                                     const Rights& rights,
                                                     std::optional<Proposal>* proposal,
                                                     bool dry_run) {
  ASSIGN_OR_RETURN(const auto parsed, ParseResourceId(id));
  const ResourceKind* const kind = parsed.first;
  const std::string full = absl::StrCat(kind->collection, "/", parsed.second);
  if (kind->kind == kEnvironmentKind) {
    if (!MayChange(rights, *kind, parsed.second)) {
      return HiddenOrMissing(full, VerbToChange(*kind));
    }
    return Error(absl::StatusCode::kFailedPrecondition, "ENVIRONMENT_STAYS",
                 "environments are not deleted: jobs and audit records name them; apply another "
                 "policy instead");
  }
  const class RequestKey key("resource.delete", meta.principal, meta.request_id, {full});
  ResourceView view;
  std::optional<Proposal> proposed;
  bool outright = false;  // As if everyone had approved it.
  const auto remove = [&](WriteTx& tx) -> absl::Status {
    proposed.reset();
    const absl::Time now = clock_.Now();
    ASSIGN_OR_RETURN(const std::string made, key.FindMade(tx, now));
    if (!made.empty()) {
      view.id = full;
      view.kind = std::string(kind->kind);
      ASSIGN_OR_RETURN(view.queued_jobs, QueuedFor(tx, *kind, parsed.second));
      return absl::OkStatus();
    }
    const absl::StatusOr<Resource> found = tx.GetResource(full);
    const Verb verb = VerbToChange(*kind);
    const bool hidden = absl::IsNotFound(found.status())
                            ? !rights.Everywhere(verb)
                            : found.ok() && !MayChange(rights, *kind, StoredReach(*kind, *found));
    if (hidden) return HiddenOrMissing(full, verb);
    RETURN_IF_ERROR(found.status());
    ApplyContext context{tx, nullptr, meta, reason, now, rights};
    ASSIGN_OR_RETURN(view, DeleteDeclared(context, full, version));
    context.write = &tx;
    const std::vector<Alteration> alterations = {{kind, parsed.second, nullptr}};
    ASSIGN_OR_RETURN(const Leave leave, MayAlter(tx, &tx, alterations, meta.principal, now));
    if (!leave.quorums.empty() && !outright) {
      ProposedChange change;
      change.set_name(full);
      change.set_etag(absl::StrCat(found->version));
      for (const std::string& line : DiffLines(view.yaml, "")) change.add_diff(line);
      ASSIGN_OR_RETURN(proposed, Propose(context, {std::move(change)}, leave));
      return absl::OkStatus();
    }
    NoteUnformed(leave, &context);
    std::set<std::string> fillable;
    // One that cannot be read gives nobody anything, and hides who has what.
    if (kind->kind == kRoleBindingKind && RoleBindingOf(tx, *found).ok()) {
      ASSIGN_OR_RETURN(const EnvironmentFilter touched, TouchedBy(tx, alterations));
      ASSIGN_OR_RETURN(fillable, FillableQuorums(tx, touched));
    }
    if (TouchesRoles(alterations)) RETURN_IF_ERROR(EndVoidWaivers(tx, now));
    std::vector<std::string> ended;
    if (kind->kind == kBreakGlassKind) {
      ASSIGN_OR_RETURN(ended, WaiversOnlyBy(tx, {full}, now));
    }
    ASSIGN_OR_RETURN(view, DeleteDeclared(context, full, version));
    view.voided_waivers = std::move(ended);
    ASSIGN_OR_RETURN(view.queued_jobs, QueuedFor(tx, *kind, parsed.second));
    RETURN_IF_ERROR(CheckFillable(tx, fillable));
    return key.Remember(tx, full, now);
  };
  RETURN_IF_ERROR(DoAndTakeBack(store_, remove));
  if (proposed.has_value()) {  // As in Apply.
    const std::optional<Proposal> wanted = proposed;
    outright = true;
    RETURN_IF_ERROR(DoAndTakeBack(store_, remove));
    outright = false;
    proposed = wanted;
  }
  if (dry_run) {
    if (proposed.has_value()) proposed->clear_name();
  } else {
    RETURN_IF_ERROR(store_.MutateAndWait(remove));
  }
  if (!dry_run && kind->kind == kRoleBindingKind && !proposed.has_value() &&
      roles_changed_ != nullptr) {
    roles_changed_();
  }
  if (proposal != nullptr) *proposal = std::move(proposed);
  return view;
}

absl::StatusOr<WindowOccurrences> ResourceManager::Occurrences(
    const EnvironmentFilter& environments, absl::Time from, absl::Time until, size_t limit) {
  WindowOccurrences found;
  std::shared_ptr<const WindowBook>& book = found.book;
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(book, WindowSource().Read(tx));
    return absl::OkStatus();
  }));
  std::vector<WindowOccurrence>& occurrences = found.items;
  for (const DeclaredWindow& declared : book->windows()) {
    const auto& chosen = declared.environments;
    if (!chosen.empty() && std::none_of(chosen.begin(), chosen.end(),
                                        [&](const auto& name) { return environments.Has(name); })) {
      continue;
    }
    size_t own = 0;
    std::optional<Span> span = NextOccurrence(declared.window.times, from);
    while (span.has_value() && span->begin < until && own++ <= limit) {
      occurrences.push_back({&declared, *span});
      // One that overlaps ends later by the length of time between their begins.
      span = NextOccurrence(declared.window.times, span->end);
    }
  }
  std::sort(occurrences.begin(), occurrences.end(), [](const auto& a, const auto& b) {
    return std::tie(a.span.begin, a.declared->window.name) <
           std::tie(b.span.begin, b.declared->window.name);
  });
  found.more = occurrences.size() > limit;
  if (found.more) occurrences.resize(limit);
  for (WindowOccurrence& one : occurrences) {
    if (one.declared->window.effect == WindowEffect::kDeny) continue;
    const Span left{std::max(one.span.begin, from), one.span.end};
    one.cover = CoverOf(*one.declared, left, environments.names(), book->windows());
  }
  return found;
}

}  // namespace dbfleet::controller

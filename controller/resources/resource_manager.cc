#include "controller/resources/resource_manager.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "controller/identity/request_keys.h"
#include "controller/resources/window_source.h"

namespace dbfleet::controller {

absl::StatusOr<std::vector<ResourceChange>> ResourceManager::Apply(
    const RequestMeta& meta, absl::Span<const ManifestText> texts, bool dry_run,
    const std::string& reason) {
  ASSIGN_OR_RETURN(const std::vector<Manifest> manifests, ParseManifests(texts));
  RETURN_IF_ERROR(CheckTimes(manifests, clock_.Now()));
  std::vector<ResourceChange> changes;
  const auto apply = [&](WriteTx* tx, ReadTx& read) -> absl::Status {
    changes.clear();
    const ApplyContext context{read, tx, meta, reason, clock_.Now()};
    RETURN_IF_ERROR(CheckReferences(read, manifests));
    for (const Manifest& manifest : manifests) {
      ASSIGN_OR_RETURN(ResourceChange change, ApplyManifest(context, manifest));
      changes.push_back(std::move(change));
    }
    return absl::OkStatus();
  };
  if (dry_run) {
    RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) { return apply(nullptr, tx); }));
  } else {
    RETURN_IF_ERROR(store_.MutateAndWait([&](WriteTx& tx) { return apply(&tx, tx); }));
  }
  return changes;
}

absl::StatusOr<ResourceView> ResourceManager::Get(absl::string_view id) {
  ASSIGN_OR_RETURN(const auto parsed, ParseResourceId(id));
  const auto& [kind, name] = parsed;
  ResourceView view;
  RETURN_IF_ERROR(store_.Read([&, k = kind, n = name](ReadTx& tx) -> absl::Status {
    if (k->kind == kEnvironmentKind) {
      ASSIGN_OR_RETURN(const Environment environment, tx.GetEnvironment(n));
      view = ViewOf(environment);
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(const Resource resource, tx.GetResource(absl::StrCat(k->collection, "/", n)));
    ASSIGN_OR_RETURN(view, ViewOf(resource));
    return absl::OkStatus();
  }));
  return view;
}

absl::StatusOr<Page<ResourceView>> ResourceManager::List(absl::string_view kind,
                                                         const PageRequest& page) {
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
          views.items.push_back(ViewOf(environment));
        }
        all.token = found.next_token;
      } while (!all.token.empty());
    }
    if (known != nullptr && known->kind == kEnvironmentKind) return absl::OkStatus();
    ASSIGN_OR_RETURN(const Page<Resource> found,
                     tx.ListResources(known == nullptr ? "" : known->kind, page));
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
                                                     uint64_t version, const std::string& reason) {
  ASSIGN_OR_RETURN(const auto parsed, ParseResourceId(id));
  const ResourceKind* const kind = parsed.first;
  const std::string full = absl::StrCat(kind->collection, "/", parsed.second);
  if (kind->kind == kEnvironmentKind) {
    return Error(absl::StatusCode::kFailedPrecondition, "ENVIRONMENT_STAYS",
                 "environments are not deleted: jobs and audit records name them; apply another "
                 "policy instead");
  }
  const class RequestKey key("resource.delete", meta.principal, meta.request_id, {full});
  ResourceView view;
  RETURN_IF_ERROR(store_.MutateAndWait([&](WriteTx& tx) -> absl::Status {
    const absl::Time now = clock_.Now();
    ASSIGN_OR_RETURN(const std::string made, key.FindMade(tx, now));
    if (!made.empty()) {
      view.id = full;
      view.kind = std::string(kind->kind);
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(const Resource resource, tx.GetResource(full));
    if (version != 0 && version != resource.version) {
      return Stale(full);
    }
    // One that cannot be read can still be deleted.
    absl::StatusOr<ResourceView> known = ViewOf(resource);
    view = known.ok() ? *std::move(known) : ResourceView{full, resource.kind, ""};
    RETURN_IF_ERROR(tx.DeleteResource(resource));
    if (kind->kind == kWindowKind) RETURN_IF_ERROR(WindowSource::CountChange(tx, now));
    RETURN_IF_ERROR(key.Remember(tx, full, now));
    std::map<std::string, std::string> details = {{"kind", resource.kind},
                                                  {"was", Truncate(view.yaml, kMostAuditedYaml)}};
    if (!reason.empty()) details["reason"] = reason;
    return tx.AppendAudit({meta.principal, "resource.delete", full, "", std::move(details)});
  }));
  return view;
}

absl::StatusOr<WindowOccurrences> ResourceManager::Occurrences(const std::string& environment,
                                                               absl::Time from, absl::Time until,
                                                               size_t limit) {
  WindowOccurrences found;
  std::shared_ptr<const WindowBook>& book = found.book;
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(book, WindowSource().Read(tx));
    return absl::OkStatus();
  }));
  std::vector<WindowOccurrence>& occurrences = found.items;
  for (const DeclaredWindow& declared : book->windows()) {
    const auto& chosen = declared.environments;
    if (!environment.empty() && !chosen.empty() &&
        std::find(chosen.begin(), chosen.end(), environment) == chosen.end()) {
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
  return found;
}

}  // namespace dbfleet::controller

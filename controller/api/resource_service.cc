#include "controller/api/resource_service.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "common/base/status.h"
#include "common/proto_time/proto_time.h"
#include "controller/api/convert.h"
#include "controller/api/job_views.h"
#include "controller/domain/names.h"

namespace dbfleet::controller {
namespace {

constexpr size_t kDefaultOccurrences = 100;
constexpr size_t kMostOccurrences = 1000;
constexpr absl::Duration kDefaultStretch = absl::Hours(31 * 24);

api::v1::Resource ToApi(const ResourceView& view) {
  api::v1::Resource out;
  out.set_name(view.id);
  out.set_kind(view.kind);
  out.set_yaml(view.yaml);
  out.set_creator(view.creator);
  out.set_editor(view.editor);
  if (view.create_time != absl::InfinitePast())
    *out.mutable_create_time() = ToProto(view.create_time);
  if (view.update_time != absl::InfinitePast())
    *out.mutable_update_time() = ToProto(view.update_time);
  if (view.version != 0) out.set_etag(EtagOf(view.version));
  out.mutable_voided_waivers()->Add(view.voided_waivers.begin(), view.voided_waivers.end());
  out.mutable_queued_jobs()->Add(view.queued_jobs.begin(), view.queued_jobs.end());
  return out;
}

api::v1::ResourceChange::Action ToApi(ResourceChange::Action action) {
  switch (action) {
    case ResourceChange::Action::kCreated:
      return api::v1::ResourceChange::ACTION_CREATED;
    case ResourceChange::Action::kUpdated:
      return api::v1::ResourceChange::ACTION_UPDATED;
    case ResourceChange::Action::kUnchanged:
      break;
  }
  return api::v1::ResourceChange::ACTION_UNCHANGED;
}

api::v1::WindowOccurrence ToApi(const WindowOccurrence& occurrence) {
  const DeclaredWindow& declared = *occurrence.declared;
  api::v1::WindowOccurrence out;
  out.set_window(absl::StrCat("maintenancewindows/", declared.window.name));
  out.set_deny(declared.window.effect == WindowEffect::kDeny);
  *out.mutable_begin() = ToProto(occurrence.span.begin);
  *out.mutable_end() = ToProto(occurrence.span.end);
  out.set_time_zone(declared.time_zone);
  out.set_overrun(std::string(NameOf(declared.window.overrun)));
  for (const std::string& name : declared.environments) out.add_environments(name);
  out.mutable_labels()->insert(declared.labels.begin(), declared.labels.end());
  for (const std::string& name : occurrence.cover.wholly) {
    out.add_covered_by(absl::StrCat("maintenancewindows/", name));
  }
  for (const std::string& name : occurrence.cover.partly) {
    out.add_partly_covered_by(absl::StrCat("maintenancewindows/", name));
  }
  return out;
}

// 0 for "": any version.
absl::StatusOr<uint64_t> VersionOf(const std::string& etag) {
  uint64_t version = 0;
  absl::string_view digits = etag;
  if (etag.empty() || (absl::ConsumePrefix(&digits, "v") && absl::SimpleAtoi(digits, &version))) {
    return version;
  }
  return Error(absl::StatusCode::kInvalidArgument, "BAD_ETAG",
               "`etag` is not one that this controller has given");
}

absl::StatusOr<Span> StretchOf(const api::v1::ListWindowOccurrencesRequest& request,
                               absl::Time now) {
  Span span;
  span.begin = request.has_from() ? FromProto(request.from()) : now;
  span.end = request.has_until() ? FromProto(request.until()) : span.begin + kDefaultStretch;
  if (span.begin < span.end && span.end - span.begin <= kWindowHorizon) return span;
  return Error(absl::StatusCode::kInvalidArgument, "BAD_STRETCH",
               "`until` must lie behind `from`, by at most 400 days");
}

}  // namespace

grpc::ServerUnaryReactor* ResourceServiceImpl::ApplyResources(
    grpc::CallbackServerContext* context, const api::v1::ApplyResourcesRequest* in,
    api::v1::ApplyResourcesResponse* out) {
  return gate_.Unary<api::v1::ApplyResourcesRequest, api::v1::ApplyResourcesResponse>(
      "dbfleet.api.v1.ResourceService/ApplyResources", context, in, out,
      [this](const Caller& caller, const api::v1::ApplyResourcesRequest& request,
             api::v1::ApplyResourcesResponse* response) -> absl::Status {
        ASSIGN_OR_RETURN(const RequestMeta meta, MetaOf(caller, request.request_id()));
        std::vector<ManifestText> texts;
        for (const api::v1::Manifest& manifest : request.manifests()) {
          ASSIGN_OR_RETURN(const uint64_t version, VersionOf(manifest.etag()));
          texts.push_back({manifest.path(), manifest.text(), version, manifest.create_only()});
        }
        std::optional<resource::v1::Proposal> proposal;
        const absl::StatusOr<std::vector<ResourceChange>> applied = resources_.Apply(
            meta, texts, request.dry_run(), request.reason(), caller.rights, &proposal);
        RETURN_IF_ERROR(gate_.Audited(caller, "dbfleet.api.v1.ResourceService/ApplyResources",
                                      applied.status()));
        if (proposal.has_value()) *response->mutable_proposal() = *std::move(proposal);
        for (const ResourceChange& change : *applied) {
          api::v1::ResourceChange& shown = *response->add_changes();
          shown.set_action(ToApi(change.action));
          *shown.mutable_resource() = ToApi(change.resource);
          shown.set_takes_over(change.takes_over);
          for (const std::string& line : change.diff) shown.add_diff(line);
          for (const std::string& warning : change.warnings) shown.add_warnings(warning);
        }
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* ResourceServiceImpl::GetResource(grpc::CallbackServerContext* context,
                                                           const api::v1::GetResourceRequest* in,
                                                           api::v1::Resource* out) {
  return gate_.Unary<api::v1::GetResourceRequest, api::v1::Resource>(
      "dbfleet.api.v1.ResourceService/GetResource", context, in, out,
      [this](const Caller& caller, const api::v1::GetResourceRequest& request,
             api::v1::Resource* response) -> absl::Status {
        const absl::StatusOr<ResourceView> view = resources_.Get(request.name(), caller.rights);
        RETURN_IF_ERROR(
            gate_.Audited(caller, "dbfleet.api.v1.ResourceService/GetResource", view.status()));
        *response = ToApi(*view);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* ResourceServiceImpl::ListResources(
    grpc::CallbackServerContext* context, const api::v1::ListResourcesRequest* in,
    api::v1::ListResourcesResponse* out) {
  return gate_.Unary<api::v1::ListResourcesRequest, api::v1::ListResourcesResponse>(
      "dbfleet.api.v1.ResourceService/ListResources", context, in, out,
      [this](const Caller& caller, const api::v1::ListResourcesRequest& request,
             api::v1::ListResourcesResponse* response) -> absl::Status {
        ASSIGN_OR_RETURN(
            const Page<ResourceView> page,
            resources_.List(request.kind(), {request.page_size(), request.page_token()},
                            caller.rights));
        for (const ResourceView& view : page.items) *response->add_resources() = ToApi(view);
        response->set_next_page_token(page.next_token);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* ResourceServiceImpl::DeleteResource(
    grpc::CallbackServerContext* context, const api::v1::DeleteResourceRequest* in,
    api::v1::Resource* out) {
  return gate_.Unary<api::v1::DeleteResourceRequest, api::v1::Resource>(
      "dbfleet.api.v1.ResourceService/DeleteResource", context, in, out,
      [this](const Caller& caller, const api::v1::DeleteResourceRequest& request,
             api::v1::Resource* response) -> absl::Status {
        ASSIGN_OR_RETURN(const RequestMeta meta, MetaOf(caller, request.request_id()));
        ASSIGN_OR_RETURN(const uint64_t version, VersionOf(request.etag()));
        std::optional<resource::v1::Proposal> proposal;
        const absl::StatusOr<ResourceView> view =
            resources_.Delete(meta, request.name(), version, request.reason(), caller.rights,
                              &proposal, request.dry_run());
        RETURN_IF_ERROR(
            gate_.Audited(caller, "dbfleet.api.v1.ResourceService/DeleteResource", view.status()));
        *response = ToApi(*view);
        if (proposal.has_value()) *response->mutable_proposal() = *std::move(proposal);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* ResourceServiceImpl::ListWindowOccurrences(
    grpc::CallbackServerContext* context, const api::v1::ListWindowOccurrencesRequest* in,
    api::v1::ListWindowOccurrencesResponse* out) {
  return gate_.Unary<api::v1::ListWindowOccurrencesRequest, api::v1::ListWindowOccurrencesResponse>(
      "dbfleet.api.v1.ResourceService/ListWindowOccurrences", context, in, out,
      [this](const Caller& caller, const api::v1::ListWindowOccurrencesRequest& request,
             api::v1::ListWindowOccurrencesResponse* response) -> absl::Status {
        const std::string environment = EnvironmentId(request.environment());
        RETURN_IF_ERROR(
            store_.Read([&](ReadTx& tx) { return CheckEnvironmentFilter(tx, environment); }));
        ASSIGN_OR_RETURN(const Span stretch, StretchOf(request, clock_.Now()));
        size_t limit = kDefaultOccurrences;
        if (request.limit() > 0) limit = std::min<size_t>(request.limit(), kMostOccurrences);
        ASSIGN_OR_RETURN(const WindowOccurrences found,
                         resources_.Occurrences(ListedOf(caller, environment), stretch.begin,
                                                stretch.end, limit));
        response->set_more(found.more);
        for (const WindowOccurrence& occurrence : found.items) {
          *response->add_occurrences() = ToApi(occurrence);
        }
        return absl::OkStatus();
      });
}

}  // namespace dbfleet::controller

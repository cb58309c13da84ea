#include "controller/api/audit_service.h"

#include <iterator>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "controller/api/convert.h"
#include "controller/audit/audit_export.h"
#include "controller/audit/trail_export.h"

namespace dbfleet::controller {
namespace {

// Records of what their actors were not let do, as the proto's OUTCOME_DENIED says. A plan that the
// policy refuses is none; tests/lint/denials_test.py holds the list whole.
constexpr const char* kDenials[] = {"access.denied", "change.approve_refused",
                                    "change.break_glass_refused", "inspect.refused",
                                    "proposal.approve_refused"};

class AuditExport : public rpc::StreamProducer<api::v1::AuditRecord> {
 public:
  AuditExport(Store& store, uint64_t from_seq, const AuditHead& head)
      : reader_(store, from_seq, head) {}

  absl::StatusOr<Next> Produce(api::v1::AuditRecord* record) override {
    ASSIGN_OR_RETURN(const std::optional<AuditRow> row, reader_.Next());
    if (!row.has_value()) return Next::kDone;
    *record = ToApi(*row);
    return Next::kMessage;
  }

 private:
  AuditReader reader_;
};

class TrailExport : public rpc::StreamProducer<api::v1::AuditTrailItem> {
 public:
  TrailExport(Store& store, uint64_t from_seq, const AuditHead& head)
      : reader_(store, from_seq, head) {}

  absl::StatusOr<Next> Produce(api::v1::AuditTrailItem* out) override {
    ASSIGN_OR_RETURN(const std::optional<TrailReader::Item> item, reader_.Next());
    if (!item.has_value()) return Next::kDone;
    if (const auto* row = std::get_if<AuditRow>(&*item)) {
      *out->mutable_record() = ToApi(*row);
    } else if (const auto* checkpoint = std::get_if<AuditCheckpoint>(&*item)) {
      out->mutable_checkpoint()->set_text(checkpoint->text);
    } else if (const auto* adoption = std::get_if<TrailReader::Adoption>(&*item)) {
      out->mutable_adoption()->set_text(adoption->text);
    } else {
      const AuditReceipt& receipt = std::get<AuditReceipt>(*item);
      out->mutable_receipt()->set_text(receipt.text);
      out->mutable_receipt()->set_signature(receipt.signature);
      out->mutable_receipt()->set_certificate_pem(receipt.certificate_pem);
    }
    return Next::kMessage;
  }

 private:
  TrailReader reader_;
};

// Reading the whole trail out is itself worth a record.
absl::StatusOr<AuditHead> BeginExport(Store& store, const Caller& caller) {
  RETURN_IF_ERROR(store.MutateAndWait([&](WriteTx& tx) {
    return tx.AppendAudit({caller.principal, "audit.export", "audit", "", {}});
  }));
  return ReadAuditHead(store);
}

}  // namespace

grpc::ServerUnaryReactor* AuditServiceImpl::ListAuditRecords(
    grpc::CallbackServerContext* context, const api::v1::ListAuditRecordsRequest* in,
    api::v1::ListAuditRecordsResponse* out) {
  return gate_.Unary<api::v1::ListAuditRecordsRequest, api::v1::ListAuditRecordsResponse>(
      "dbfleet.api.v1.AuditService/ListAuditRecords", context, in, out,
      [this](const Caller&, const api::v1::ListAuditRecordsRequest& request,
             api::v1::ListAuditRecordsResponse* response) -> absl::Status {
        if (!api::v1::ListAuditRecordsRequest::Outcome_IsValid(request.outcome())) {
          return Error(absl::StatusCode::kInvalidArgument, "UNKNOWN_OUTCOME",
                       absl::StrCat("`outcome` ", static_cast<int>(request.outcome()),
                                    " is none that this controller knows; leave it out, or use "
                                    "OUTCOME_DENIED"));
        }
        AuditFilter filter{.resource_prefix = request.resource(),
                           .actor = request.actor(),
                           .action_prefix = request.action()};
        if (request.outcome() == api::v1::ListAuditRecordsRequest::OUTCOME_DENIED) {
          filter.actions.assign(std::begin(kDenials), std::end(kDenials));
        }
        return store_.Read([&](ReadTx& tx) -> absl::Status {
          ASSIGN_OR_RETURN(const Page<AuditRow> page,
                           tx.ListAudit(filter, {request.page_size(), request.page_token()}));
          for (const AuditRow& row : page.items) *response->add_records() = ToApi(row);
          response->set_next_page_token(page.next_token);
          return absl::OkStatus();
        });
      });
}

grpc::ServerWriteReactor<api::v1::AuditRecord>* AuditServiceImpl::ExportAudit(
    grpc::CallbackServerContext* context, const api::v1::ExportAuditRequest* in) {
  return gate_.Stream<api::v1::AuditRecord>(
      "dbfleet.api.v1.AuditService/ExportAudit", context, in,
      [this, in](const Caller& caller, const rpc::Wake&)
          -> absl::StatusOr<std::unique_ptr<rpc::StreamProducer<api::v1::AuditRecord>>> {
        ASSIGN_OR_RETURN(const AuditHead head, BeginExport(store_, caller));
        return std::make_unique<AuditExport>(store_, in->from_seq(), head);
      });
}

grpc::ServerWriteReactor<api::v1::AuditTrailItem>* AuditServiceImpl::ExportAuditTrail(
    grpc::CallbackServerContext* context, const api::v1::ExportAuditRequest* in) {
  return gate_.Stream<api::v1::AuditTrailItem>(
      "dbfleet.api.v1.AuditService/ExportAuditTrail", context, in,
      [this, in](const Caller& caller, const rpc::Wake&)
          -> absl::StatusOr<std::unique_ptr<rpc::StreamProducer<api::v1::AuditTrailItem>>> {
        ASSIGN_OR_RETURN(const AuditHead head, BeginExport(store_, caller));
        return std::make_unique<TrailExport>(store_, in->from_seq(), head);
      });
}

grpc::ServerUnaryReactor* AuditServiceImpl::GetAuditCheckpoint(
    grpc::CallbackServerContext* context, const api::v1::GetAuditCheckpointRequest* in,
    api::v1::AuditCheckpoint* out) {
  return gate_.Unary<api::v1::GetAuditCheckpointRequest, api::v1::AuditCheckpoint>(
      "dbfleet.api.v1.AuditService/GetAuditCheckpoint", context, in, out,
      [this](const Caller&, const api::v1::GetAuditCheckpointRequest&,
             api::v1::AuditCheckpoint* response) -> absl::Status {
        const std::shared_ptr<const IssuedCheckpoint> latest = checkpointer_.Latest();
        if (latest == nullptr) {
          return Error(absl::StatusCode::kNotFound, "NO_CHECKPOINT",
                       "no checkpoint was signed yet; try again in a minute");
        }
        response->set_text(latest->text);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* AuditServiceImpl::GetAuditKeys(grpc::CallbackServerContext* context,
                                                         const api::v1::GetAuditKeysRequest* in,
                                                         api::v1::AuditKeys* out) {
  return gate_.Unary<api::v1::GetAuditKeysRequest, api::v1::AuditKeys>(
      "dbfleet.api.v1.AuditService/GetAuditKeys", context, in, out,
      [this](const Caller&, const api::v1::GetAuditKeysRequest&,
             api::v1::AuditKeys* response) -> absl::Status {
        response->set_trusted_keys(keys_.trusted_text());
        response->set_agent_ca_pem(ca_pem_);
        return absl::OkStatus();
      });
}

}  // namespace dbfleet::controller

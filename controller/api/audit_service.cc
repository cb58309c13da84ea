#include <memory>
#include <optional>

#include "common/base/status.h"
#include "controller/api/convert.h"
#include "controller/api/directory_services.h"
#include "controller/audit/audit_export.h"

namespace dbfleet::controller {
namespace {

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

}  // namespace

grpc::ServerUnaryReactor* AuditServiceImpl::ListAuditRecords(
    grpc::CallbackServerContext* context, const api::v1::ListAuditRecordsRequest* in,
    api::v1::ListAuditRecordsResponse* out) {
  return gate_.Unary<api::v1::ListAuditRecordsRequest, api::v1::ListAuditRecordsResponse>(
      "dbfleet.api.v1.AuditService/ListAuditRecords", context, in, out,
      [this](const Caller&, const api::v1::ListAuditRecordsRequest& request,
             api::v1::ListAuditRecordsResponse* response) -> absl::Status {
        const AuditFilter filter{request.resource(), request.actor()};
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
      "dbfleet.api.v1.AuditService/ExportAudit", context,
      [this, in](const Caller& caller, const rpc::Wake&)
          -> absl::StatusOr<std::unique_ptr<rpc::StreamProducer<api::v1::AuditRecord>>> {
        // Reading the whole trail out is itself worth a record.
        RETURN_IF_ERROR(store_.MutateAndWait([&](WriteTx& tx) {
          return tx.AppendAudit({caller.principal, "audit.export", "audit", "", {}});
        }));
        ASSIGN_OR_RETURN(const AuditHead head, ReadAuditHead(store_));
        return std::make_unique<AuditExport>(store_, in->from_seq(), head);
      });
}

}  // namespace dbfleet::controller

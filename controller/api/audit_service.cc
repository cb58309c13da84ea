#include <deque>
#include <memory>

#include "common/base/status.h"
#include "controller/api/convert.h"
#include "controller/api/directory_services.h"
#include "controller/audit/audit_export.h"

namespace dbfleet::controller {
namespace {

constexpr int kExportBatch = 256;

// Reads the trail in batches, each in its own short snapshot: records never change, so that the
// parts fit together. Ends at the head that it saw first.
class AuditExport : public rpc::StreamProducer<api::v1::AuditRecord> {
 public:
  AuditExport(Store& store, uint64_t from_seq, uint64_t last_seq)
      : store_(store), next_seq_(from_seq), last_seq_(last_seq) {}

  absl::StatusOr<Next> Produce(api::v1::AuditRecord* record) override {
    if (batch_.empty() && next_seq_ <= last_seq_) RETURN_IF_ERROR(Fill());
    if (batch_.empty() || batch_.front().seq > last_seq_) return Next::kDone;
    *record = ToApi(batch_.front());
    batch_.pop_front();
    return Next::kMessage;
  }

 private:
  absl::Status Fill() {
    return store_.Read([this](ReadTx& tx) -> absl::Status {
      ASSIGN_OR_RETURN(std::vector<AuditRow> rows, tx.ReadAudit(next_seq_, kExportBatch));
      if (rows.empty()) {
        return Error(absl::StatusCode::kDataLoss, "AUDIT_GAP", "audit records are missing");
      }
      next_seq_ = rows.back().seq + 1;
      batch_.assign(std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()));
      return absl::OkStatus();
    });
  }

  Store& store_;
  uint64_t next_seq_;
  const uint64_t last_seq_;
  std::deque<AuditRow> batch_;
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
        return std::make_unique<AuditExport>(store_, std::max<uint64_t>(1, in->from_seq()),
                                             head.seq);
      });
}

}  // namespace dbfleet::controller

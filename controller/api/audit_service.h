#pragma once

#include <string>
#include <utility>

#include "controller/api/gate.h"
#include "controller/audit/audit_keys.h"
#include "controller/audit/checkpointer.h"
#include "controller/store/store.h"
#include "dbfleet/api/v1/audit_service.grpc.pb.h"

namespace dbfleet::controller {

// The audit trail for those who may read it. Thread-safe; nothing owned.
class AuditServiceImpl : public api::v1::AuditService::CallbackService {
 public:
  AuditServiceImpl(const Gate& gate, Store& store, const Checkpointer& checkpointer,
                   const AuditKeys& keys, std::string ca_pem)
      : gate_(gate),
        store_(store),
        checkpointer_(checkpointer),
        keys_(keys),
        ca_pem_(std::move(ca_pem)) {}

  grpc::ServerUnaryReactor* ListAuditRecords(grpc::CallbackServerContext*,
                                             const api::v1::ListAuditRecordsRequest*,
                                             api::v1::ListAuditRecordsResponse*) override;
  grpc::ServerWriteReactor<api::v1::AuditRecord>* ExportAudit(
      grpc::CallbackServerContext*, const api::v1::ExportAuditRequest*) override;
  grpc::ServerWriteReactor<api::v1::AuditTrailItem>* ExportAuditTrail(
      grpc::CallbackServerContext*, const api::v1::ExportAuditRequest*) override;
  grpc::ServerUnaryReactor* GetAuditCheckpoint(grpc::CallbackServerContext*,
                                               const api::v1::GetAuditCheckpointRequest*,
                                               api::v1::AuditCheckpoint*) override;
  grpc::ServerUnaryReactor* GetAuditKeys(grpc::CallbackServerContext*,
                                         const api::v1::GetAuditKeysRequest*,
                                         api::v1::AuditKeys*) override;

 private:
  const Gate& gate_;
  Store& store_;
  const Checkpointer& checkpointer_;
  const AuditKeys& keys_;
  const std::string ca_pem_;
};

}  // namespace dbfleet::controller

#pragma once

#include "controller/store/sqlite/connection.h"
#include "controller/store/sqlite/outbox_rows.h"
#include "controller/store/sqlite/page_tokens.h"
#include "controller/store/sqlite/rule_rows.h"

namespace dbfleet::controller::sqlite {

// Those parts of a transaction that are objects of their own; Base is ReadTx or WriteTx.
template <typename Base>
class PartReads : public Base {
 public:
  PartReads(Connection* connection, const PageTokens* tokens)
      : outbox_(connection, tokens), rules_(connection, tokens) {}

  const OutboxReader& outbox_reader() override { return outbox_; }
  const RuleReader& rules_reader() override { return rules_; }

 protected:
  SqliteOutbox outbox_;
  SqliteRules rules_;
};

}  // namespace dbfleet::controller::sqlite

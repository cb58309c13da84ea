#pragma once

#include <set>
#include <string>

#include "common/sql/active_record/host_program.h"

namespace dbfleet::sql {

// Whether an expression of Ruby is one of Rails' Arel that names columns and compares them with
// values, which Arel quotes: Order.arel_table[:total].gt(3), Arel.star. SQL that is written out
// (Arel.sql, as("...")) is none. `tables`: variables that hold an arel_table or a query.
bool IsArel(const HostProgram& program, HostRange range,
            const std::set<std::string, std::less<>>& tables);

// Order.arel_table
bool IsArelTable(const HostProgram& program, const HostChain& chain);

}  // namespace dbfleet::sql

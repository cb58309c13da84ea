#include <benchmark/benchmark.h>

#include <string>

#include "common/sql/active_record/active_record.h"

namespace dbfleet::sql {
namespace {

constexpr char kProgram[] = R"(
class OrdersController < ApplicationController
  def index
    @orders = Order.where(user_id: params[:user_id]).order(:created_at).limit(50)
    @total = Order.where("status = ?", params[:status]).count
  end

  def pay
    order = Order.find(params[:id])
    Order.transaction do
      order.update(status: "paid", paid_at: Time.now)
      Payment.create!(order_id: order.id, amount: order.total)
    end
    render json: { ok: true, message: "order #{order.id} is paid" }
  end
end
)";

Reading Nothing(const Target& target, absl::string_view text) { return Reading(); }

// Programs of `range` times the class above; without the reading of the SQL that calls become.
void SplitAndRead(benchmark::State& state) {
  std::string program;
  for (int64_t i = 0; i < state.range(0); ++i) program += kProgram;
  const Target target(Dialect::kActiveRecordRuby);
  int64_t bytes = 0;
  for (auto _ : state) {
    const auto statements = SplitActiveRecord(target, program);
    for (const Statement& statement : *statements) {
      benchmark::DoNotOptimize(ReadActiveRecord(target, statement.text, statement.host, Nothing));
    }
    bytes += static_cast<int64_t>(program.size());
  }
  state.SetBytesProcessed(bytes);
}
BENCHMARK(SplitAndRead)->Arg(1)->Arg(100)->Arg(1000);

}  // namespace
}  // namespace dbfleet::sql

// SPDX-License-Identifier: Apache-2.0
#include "services/router/queue/model_queue.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status_matchers.h"
#include "common/status/status.h"
#include "google/rpc/error_details.pb.h"
#include "tests/unit/services/router/queue/queue_fixture.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A queue of at most four requests and 1000 tokens, for a worker of two slots.
class ModelQueueTest : public ::testing::Test {
 protected:
  absl::Status Add(TicketOf of, time::SteadyTime deadline = time::SteadyTime::max()) {
    auto ticket = MakeTicket(of);
    ticket->deadline = deadline;
    return queue_.Add(std::move(ticket), /*slots=*/2, kStart, displaced_);
  }
  // Requests of 100 tokens took two seconds each.
  void Measure() {
    for (int i = 0; i < 20; ++i) queue_.Completed(2s, 100, kStart);
  }

  ModelQueue queue_{{.bounds = {.max_requests = 4, .max_tokens = 1000},
                     .retry_delay = 1s,
                     .order = {.fairness = {.quantum_tokens = 100}}}};
  std::vector<std::shared_ptr<Ticket>> displaced_;
};

TEST_F(ModelQueueTest, IsBoundedInRequests) {
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(Add({}).ok());

  const absl::Status refused = Add({});

  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(status::ErrorReason(refused), "QUEUE_FULL");
  EXPECT_EQ(queue_.refused().full, 1u);
}

TEST_F(ModelQueueTest, IsBoundedInTokens) {
  EXPECT_TRUE(Add({.cost = 900}).ok());

  EXPECT_EQ(status::ErrorReason(Add({.cost = 101})), "QUEUE_FULL");
  EXPECT_TRUE(Add({.cost = 100}).ok());
}

TEST_F(ModelQueueTest, TakesThoseThatCameBackBeyondItsBounds) {
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(Add({.cost = 250}).ok());

  EXPECT_TRUE(Add({.cost = 1000, .returned = true}, kStart).ok());
  EXPECT_THAT(displaced_, IsEmpty());
  EXPECT_EQ(queue_.waiting().size(), 5u);
}

TEST_F(ModelQueueTest, TellsWhoIsDisplaced) {
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(Add({.priority = Priority::kLow}).ok());

  EXPECT_TRUE(Add({}).ok());

  ASSERT_THAT(displaced_, SizeIs(1));
  EXPECT_EQ(displaced_[0]->outcome->status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(status::ErrorReason(displaced_[0]->outcome->status()), "DISPLACED");
  EXPECT_EQ(status::RetryDelay(displaced_[0]->outcome->status()), 1s);
  EXPECT_EQ(queue_.refused().displaced, 1u);
  EXPECT_EQ(queue_.refused().all(), 1u);
}

TEST_F(ModelQueueTest, RefusesAtOnceWhatComesTooLate) {
  Measure();
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(Add({.cost = 100}).ok());

  // A slot is free in a second, the two before it take two seconds more, and it takes two.
  const absl::Status late = Add({.cost = 100}, kStart + 3s);

  EXPECT_EQ(late.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(status::ErrorReason(late), "DEADLINE_TOO_CLOSE");
  EXPECT_EQ(status::RetryDelay(late), 3s);
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(status::GetDetail(late, info));
  EXPECT_EQ(info.metadata().at("estimated_wait_ms"), "3000");
  EXPECT_EQ(info.metadata().at("estimated_total_ms"), "5000");
  EXPECT_EQ(info.metadata().at("time_left_ms"), "3000");
  EXPECT_EQ(queue_.refused().too_late, 1u);
  EXPECT_TRUE(Add({.cost = 100}, kStart + 5s).ok());
}

TEST_F(ModelQueueTest, RefusesNothingByRatesThatAreNotMeasured) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Add({.cost = 100}).ok());

  EXPECT_TRUE(Add({.cost = 100}, kStart + 1ms).ok());
}

TEST_F(ModelQueueTest, CountsOnlyWhatIsServedBefore) {
  Measure();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(Add({.tenant = "a", .cost = 300, .priority = Priority::kNormal}).ok());
  }
  const time::SteadyTime deadline = kStart + 4s;

  EXPECT_EQ(status::ErrorReason(Add({.tenant = "a", .cost = 50}, deadline)), "DEADLINE_TOO_CLOSE");
  EXPECT_TRUE(Add({.tenant = "a", .cost = 50, .priority = Priority::kHigh}, deadline).ok());
}

TEST_F(ModelQueueTest, CountsTheTurnsOfOtherTenants) {
  Measure();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Add({.tenant = "a", .cost = 300}).ok());

  // While b's 50 tokens wait, a has as many served; all of a's are not before it.
  EXPECT_TRUE(Add({.tenant = "b", .cost = 50}, kStart + 4s).ok());
}

TEST_F(ModelQueueTest, EstimatesTheWaitOfThoseInIt) {
  Measure();
  ASSERT_TRUE(Add({.cost = 100}).ok());
  auto ticket = MakeTicket({.cost = 100});
  ASSERT_TRUE(queue_.Add(ticket, 2, kStart, displaced_).ok());

  const auto estimate = queue_.Estimate(*ticket, 2, kStart);

  ASSERT_TRUE(estimate.has_value());
  EXPECT_EQ(std::chrono::round<std::chrono::milliseconds>(estimate->start), 2s);
}

}  // namespace
}  // namespace chasqui::router

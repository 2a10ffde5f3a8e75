// SPDX-License-Identifier: Apache-2.0
#include "services/router/queue/deficit_round_robin.h"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/services/router/queue/queue_fixture.h"

namespace chasqui::router {
namespace {

using ::testing::ElementsAre;

// One class, and the items in it.
class Line {
 public:
  explicit Line(FairnessOptions options) : options_(std::move(options)), line_(options_) {}

  Queued& Add(const std::string& tenant, std::uint32_t cost, std::uint64_t number = 0) {
    items_.push_back({.ticket = MakeTicket({.arrival = number, .tenant = tenant, .cost = cost})});
    line_.Add(items_.back());
    return items_.back();
  }

  // The number of the one that is served, and "tenant" of it.
  std::shared_ptr<Ticket> Serve() {
    const std::shared_ptr<Ticket> ticket = line_.Next()->ticket;
    line_.ServeNext();
    return ticket;
  }

  std::vector<std::uint64_t> ServeAll() {
    std::vector<std::uint64_t> numbers;
    while (line_.Next() != nullptr) numbers.push_back(Serve()->arrival);
    return numbers;
  }

  DeficitRoundRobin& operator*() { return line_; }
  DeficitRoundRobin* operator->() { return &line_; }

 private:
  FairnessOptions options_;
  DeficitRoundRobin line_;
  std::list<Queued> items_;
};

// The algorithm walking from tenant to tenant, as in the paper; who begins to wait is visited at
// the end of the round under way.
class Walked {
 public:
  explicit Walked(FairnessOptions options) : options_(std::move(options)) {}

  void Add(const std::string& tenant, std::uint32_t cost, std::uint64_t number) {
    Flow& flow = flows_[tenant];
    if (flow.waiting.empty()) round_.push_back(tenant);
    flow.waiting.push_back({cost, number});
  }

  std::uint64_t Serve() {
    for (;;) {
      if (round_.empty()) std::swap(round_, visited_);
      const std::string tenant = round_.front();
      Flow& flow = flows_[tenant];
      if (!visiting_) {
        const auto weight = options_.weights.find(tenant);
        flow.deficit +=
            options_.quantum_tokens * (weight == options_.weights.end() ? 1 : weight->second);
        visiting_ = true;
      }
      const auto [cost, number] = flow.waiting.front();
      if (cost <= flow.deficit) {
        flow.deficit -= cost;
        flow.waiting.pop_front();
        if (flow.waiting.empty()) {
          flow.deficit = 0;
          round_.pop_front();
          visiting_ = false;
        }
        return number;
      }
      round_.pop_front();
      visited_.push_back(tenant);
      visiting_ = false;
    }
  }

 private:
  struct Flow {
    std::deque<std::pair<std::uint32_t, std::uint64_t>> waiting;
    std::uint64_t deficit = 0;
  };

  const FairnessOptions options_;
  std::map<std::string, Flow> flows_;
  std::deque<std::string> round_;    // those still to be visited in it
  std::deque<std::string> visited_;  // and those that have been
  bool visiting_ = false;            // whether the first has had its quantum
};

TEST(DeficitRoundRobin, GivesEachTenantAQuantumInTurn) {
  Line line({.quantum_tokens = 100, .weights = {}});
  for (const std::uint64_t number : {1, 2, 3, 4}) line.Add("small", 50, number);
  for (const std::uint64_t number : {5, 6}) line.Add("large", 150, number);

  // The large ones wait for two quanta, and keep the half of the second.
  EXPECT_THAT(line.ServeAll(), ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST(DeficitRoundRobin, GivesMoreToThoseOfMoreWeight) {
  Line line({.quantum_tokens = 100, .weights = {{"a", 2}}});
  for (const std::uint64_t number : {1, 2, 3, 4}) line.Add("a", 100, number);
  for (const std::uint64_t number : {5, 6}) line.Add("b", 100, number);

  EXPECT_THAT(line.ServeAll(), ElementsAre(1, 2, 5, 3, 4, 6));
}

TEST(DeficitRoundRobin, KeepsNothingForOneThatHasNothingWaiting) {
  Line line({.quantum_tokens = 1000, .weights = {}});
  line.Add("a", 1, 1);
  line.Serve();  // and has 999 left

  for (const std::uint64_t number : {2, 3}) line.Add("a", 1000, number);
  line.Add("b", 1000, 4);

  EXPECT_THAT(line.ServeAll(), ElementsAre(2, 4, 3));
}

TEST(DeficitRoundRobin, ServesInTheOrderOfWalkedRounds) {
  std::mt19937_64 random(7);
  for (int trace = 0; trace < 50; ++trace) {
    FairnessOptions options{.quantum_tokens = static_cast<std::uint32_t>(1 + random() % 2000),
                            .weights = {{"t1", 3}, {"t2", 7}}};
    Line line(options);
    Walked walked(options);
    std::size_t waiting = 0;
    for (std::uint64_t number = 0; number < 2000; ++number) {
      if (waiting == 0 || random() % 2 == 0) {
        const std::string tenant = "t" + std::to_string(random() % 6);
        const auto cost =
            static_cast<std::uint32_t>(1 + random() % (random() % 8 == 0 ? 9000 : 900));
        line.Add(tenant, cost, number);
        walked.Add(tenant, cost, number);
        ++waiting;
      } else {
        ASSERT_EQ(line.Serve()->arrival, walked.Serve()) << "trace " << trace;
        --waiting;
      }
    }
  }
}

// Whatever the costs and weights, a tenant that always has something waiting has had its share of
// all that was served, less at most its quantum and one request.
TEST(DeficitRoundRobin, KeepsNobodyShortByMoreThanAQuantumAndARequest) {
  std::mt19937_64 random(11);
  for (int trace = 0; trace < 30; ++trace) {
    FairnessOptions options{.quantum_tokens = static_cast<std::uint32_t>(100 + random() % 2000),
                            .weights = {}};
    const std::size_t tenants = 2 + random() % 20;
    std::vector<double> weights;
    double all_weights = 0;
    std::uint32_t dearest = 0;
    for (std::size_t i = 0; i < tenants; ++i) {
      const auto weight = static_cast<std::uint32_t>(1 + random() % 5);
      options.weights["t" + std::to_string(i)] = weight;
      weights.push_back(weight);
      all_weights += weight;
    }
    Line line(options);
    const auto add = [&](std::size_t i) {
      const auto cost = static_cast<std::uint32_t>(1 + random() % (i % 3 == 0 ? 5000 : 500));
      dearest = std::max(dearest, cost);
      line.Add("t" + std::to_string(i), cost, i);
    };
    for (std::size_t i = 0; i < tenants; ++i) add(i), add(i);
    std::vector<double> served(tenants, 0);
    double all_served = 0;
    for (int i = 0; i < 3000; ++i) {
      const auto ticket = line.Serve();
      served[ticket->arrival] += ticket->cost_tokens;
      all_served += ticket->cost_tokens;
      add(ticket->arrival);
      for (std::size_t t = 0; t < tenants; ++t) {
        const double share = all_served * weights[t] / all_weights;
        ASSERT_GE(served[t], share - (options.quantum_tokens * weights[t] + dearest))
            << "tenant " << t << " of trace " << trace;
      }
    }
  }
}

// Requests come and go without having been served; nothing is lost, of one tenant they are served
// in order, and the counts are right.
TEST(DeficitRoundRobin, LosesNobodyWhenOthersGiveUp) {
  std::mt19937_64 random(13);
  Line line({.quantum_tokens = 500, .weights = {{"t1", 2}}});
  std::map<std::string, std::deque<Queued*>> model;
  Work work;
  for (std::uint64_t number = 0; number < 20'000; ++number) {
    const std::uint64_t what = random() % 4;
    if (work.requests == 0 || what < 2) {
      const std::string tenant = "t" + std::to_string(random() % 5);
      const auto cost = static_cast<std::uint32_t>(1 + random() % 3000);
      model[tenant].push_back(&line.Add(tenant, cost, number));
      work += {1, cost};
    } else if (what == 2) {
      const auto ticket = line.Serve();
      auto& own = model[ticket->tenant];
      ASSERT_EQ(own.front()->ticket, ticket);
      own.pop_front();
      work = {work.requests - 1, work.tokens - ticket->cost_tokens};
    } else {
      auto it = std::next(model.begin(), static_cast<long>(random() % model.size()));
      if (it->second.empty()) continue;
      const std::size_t at = random() % it->second.size();
      Queued* gone = it->second[at];
      it->second.erase(it->second.begin() + static_cast<long>(at));
      line->Remove(*gone);
      work = {work.requests - 1, work.tokens - gone->ticket->cost_tokens};
    }
    ASSERT_EQ(line->work(), work);
    ASSERT_EQ(line->Next() == nullptr, work.requests == 0);
  }
}

TEST(DeficitRoundRobin, KnowsWhatIsBeforeARequestOfTheOnlyTenant) {
  Line line({.quantum_tokens = 100, .weights = {}});
  line.Add("a", 10);
  line.Add("a", 300);
  const Queued& third = line.Add("a", 5);

  EXPECT_EQ(line->Before(third), (Work{2, 310}));
  EXPECT_EQ(line->BeforeNewcomer("a", 1), (Work{3, 315}));
}

// When several tenants wait the estimate is wrong by no more than a request of each other tenant.
TEST(DeficitRoundRobin, EstimatesWhatIsBeforeARequestOfSeveralTenants) {
  std::mt19937_64 random(17);
  for (int trace = 0; trace < 100; ++trace) {
    Line line({.quantum_tokens = 1000, .weights = {{"t0", 2}}});
    std::vector<Queued*> items;
    constexpr std::size_t kTenants = 5;
    for (std::uint64_t number = 0; number < 60; ++number) {
      items.push_back(&line.Add("t" + std::to_string(random() % kTenants),
                                static_cast<std::uint32_t>(500 + random() % 500), number));
    }
    const std::uint64_t asked = random() % items.size();
    const auto estimate = static_cast<double>(line->Before(*items[asked]).requests);

    const auto order = line.ServeAll();

    const auto place = static_cast<double>(std::ranges::find(order, asked) - order.begin());
    EXPECT_NEAR(estimate, place, kTenants - 1.0) << "trace " << trace;
  }
}

TEST(DeficitRoundRobin, KnowsWhoHasTheMostWaitingForItsWeight) {
  Line line({.quantum_tokens = 100, .weights = {{"a", 10}}});
  EXPECT_EQ(line->Heaviest(), nullptr);
  line.Add("a", 100);
  line.Add("b", 20);

  EXPECT_EQ(line->Heaviest()->tenant, "b");
}

}  // namespace
}  // namespace chasqui::router

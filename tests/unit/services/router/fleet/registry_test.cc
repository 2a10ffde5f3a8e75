// SPDX-License-Identifier: Apache-2.0
#include "services/router/fleet/registry.h"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status_matchers.h"
#include "tests/unit/services/router/fleet_builders.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;
using ::absl_testing::IsOk;
using ::absl_testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class RegistryTest : public ::testing::Test {
 protected:
  Registry::Joined Join(const fleet::v1::WorkerHello& hello, std::chrono::milliseconds when = 0ms) {
    auto joined = registry_.Join(hello, nullptr, At(when));
    EXPECT_THAT(joined, IsOk());
    return *joined;
  }
  Member& TheMember(const std::string& id) { return *registry_.members().at(id); }
  Seat& TheSeat(const std::string& id) { return TheMember(id).seats.at("tiny"); }

  Registry registry_{{.max_workers = 2, .silence = 3s}};
};

TEST_F(RegistryTest, MakesWhoeverSaysHelloAMember) {
  Join(Hello("w1"));

  EXPECT_TRUE(TheMember("w1").takes_requests());
  EXPECT_TRUE(IsServable(TheSeat("w1")));
  EXPECT_TRUE(HasRoom(TheSeat("w1"), true));
}

TEST_F(RegistryTest, RefusesAWrongHello) {
  EXPECT_THAT(registry_.Join(Hello("w!"), nullptr, At(0ms)),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(registry_.members(), IsEmpty());
}

TEST_F(RegistryTest, RefusesMoreThanItMayHold) {
  Join(Hello("w1"));
  Join(Hello("w2"));

  EXPECT_THAT(registry_.Join(Hello("w3"), nullptr, At(0ms)),
              StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(registry_.Join(Hello("w2", 2), nullptr, At(0ms)), IsOk());
}

TEST_F(RegistryTest, RefusesASecondWorkerAtOneAddress) {
  Join(Hello("w1"));
  fleet::v1::WorkerHello other = Hello("w2");
  other.set_address(Hello("w1").address());

  EXPECT_THAT(registry_.Join(other, nullptr, At(0ms)), StatusIs(absl::StatusCode::kAlreadyExists));
}

TEST_F(RegistryTest, DoesNotSendToAStartingWorker) {
  fleet::v1::WorkerHello hello = Hello("w1");
  hello.clear_load();

  Join(hello);

  EXPECT_FALSE(IsServable(TheSeat("w1")));
}

TEST_F(RegistryTest, CountsOthersAsActiveWithoutOwn) {
  const SessionId session = Join(Hello("w1")).session;
  TheSeat("w1").own = 1;

  EXPECT_THAT(
      registry_.Report(session, Load({.slots = 4, .active = 3, .active_from_you = 2}), At(1s)),
      IsOk());

  EXPECT_EQ(TheSeat("w1").others, 1u);
  EXPECT_EQ(TheSeat("w1").load(), 2u);
  EXPECT_EQ(TheSeat("w1").slots, 4u);
}

TEST_F(RegistryTest, NeverCountsFewerThanNoOthers) {
  const SessionId session = Join(Hello("w1")).session;

  ASSERT_THAT(registry_.Report(session, Load({.active = 1, .active_from_you = 5}), At(1s)), IsOk());

  EXPECT_EQ(TheSeat("w1").others, 0u);
}

TEST_F(RegistryTest, ForgivesWithTheNextReport) {
  const SessionId session = Join(Hello("w1")).session;
  TheMember("w1").suspect = true;
  TheSeat("w1").refused = true;
  EXPECT_FALSE(HasRoom(TheSeat("w1"), true));

  ASSERT_THAT(registry_.Report(session, Load(), At(1s)), IsOk());

  EXPECT_TRUE(HasRoom(TheSeat("w1"), true));
}

TEST_F(RegistryTest, ReplacesAFormerSelf) {
  const SessionId first = Join(Hello("w1", 1)).session;
  TheSeat("w1").own = 2;

  const Registry::Joined second = Join(Hello("w1", 2));

  EXPECT_EQ(second.replaced, first);
  EXPECT_EQ(TheSeat("w1").own, 0u) << "another life has none of the old one's requests";
  EXPECT_THAT(registry_.Report(first, Load(), At(1s)), StatusIs(absl::StatusCode::kAborted));
  registry_.Leave(first);
  EXPECT_EQ(registry_.members().size(), 1u) << "the end of the old stream must not drop the new";
}

TEST_F(RegistryTest, KeepsRunningRequestsCountedWhenTheSameLifeComesBack) {
  const SessionId first = Join(Hello("w1", 7)).session;
  const std::shared_ptr<Member> held = registry_.members().at("w1");
  TheSeat("w1").own = 2;
  registry_.Leave(first);
  EXPECT_FALSE(held->connected());

  Join(Hello("w1", 7), 1s);

  EXPECT_EQ(TheSeat("w1").own, 2u);
  EXPECT_EQ(&TheMember("w1"), held.get());
}

TEST_F(RegistryTest, StartsAfreshWhenAnotherLifeComes) {
  const SessionId first = Join(Hello("w1", 7)).session;
  const std::shared_ptr<Member> held = registry_.members().at("w1");
  TheSeat("w1").own = 2;
  registry_.Leave(first);

  Join(Hello("w1", 8), 1s);

  EXPECT_EQ(TheSeat("w1").own, 0u);
}

TEST_F(RegistryTest, DropsTheSilent) {
  const SessionId silent = Join(Hello("w1")).session;
  const SessionId talking = Join(Hello("w2")).session;
  ASSERT_THAT(registry_.Report(talking, Load(), At(2s)), IsOk());

  EXPECT_THAT(registry_.Expire(At(3s).steady), IsEmpty());
  EXPECT_THAT(registry_.Expire(At(3001ms).steady), ElementsAre(silent));
  EXPECT_EQ(registry_.members().count("w1"), 0u);
  EXPECT_EQ(registry_.members().count("w2"), 1u);
}

TEST_F(RegistryTest, SendsNothingToADrainedWorkerUntilUndone) {
  Join(Hello("w1"));

  ASSERT_THAT(registry_.SetDrain("w1", true), IsOk());
  EXPECT_FALSE(IsServable(TheSeat("w1")));

  ASSERT_THAT(registry_.SetDrain("w1", false), IsOk());
  EXPECT_TRUE(IsServable(TheSeat("w1")));
  EXPECT_THAT(registry_.SetDrain("w9", true), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(RegistryTest, TakesModelsInPlaceOfThoseBefore) {
  const SessionId session = Join(Hello("w1")).session;
  TheSeat("w1").own = 1;
  fleet::v1::WorkerModels models;
  *models.add_models() = ReadyModel("other");

  ASSERT_THAT(registry_.SetModels(session, models, At(1s)), IsOk());
  EXPECT_FALSE(TheSeat("w1").ready) << "kept while a request runs, but not ready";
  EXPECT_TRUE(TheMember("w1").seats.at("other").ready);

  TheSeat("w1").own = 0;
  ASSERT_THAT(registry_.SetModels(session, models, At(1s)), IsOk());
  EXPECT_EQ(TheMember("w1").seats.count("tiny"), 0u);
}

}  // namespace
}  // namespace chasqui::router

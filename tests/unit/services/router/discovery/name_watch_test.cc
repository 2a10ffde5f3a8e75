// SPDX-License-Identifier: Apache-2.0
#include "services/router/discovery/name_watch.h"

#include <chrono>
#include <memory>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/concurrency/bounded_queue.h"
#include "tests/support/fake_resolver.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;

class NameWatchTest : public ::testing::Test {
 protected:
  void Watch() {
    watch_ = std::make_unique<NameWatch>(
        std::vector<DnsName>{{.host = "a", .port = "1"}, {.host = "b", .port = "1"}}, 1h,
        std::make_unique<testing::FakeResolver>(names_), observability::Logger(),
        [this](NameWatch::Addresses addresses) { EXPECT_TRUE(told_.Push(std::move(addresses))); });
  }
  std::optional<NameWatch::Addresses> Told() { return told_.PopFor(20s); }

  std::shared_ptr<testing::FakeNames> names_ = std::make_shared<testing::FakeNames>();
  concurrency::BoundedQueue<NameWatch::Addresses> told_{100};
  std::unique_ptr<NameWatch> watch_;
};

TEST_F(NameWatchTest, TellsTheAddressesOfAllNamesAndTheirChanges) {
  names_->Set("a", std::vector<std::string>{"10.0.0.2:1", "10.0.0.1:1"});
  names_->Set("b", std::vector<std::string>{"10.0.0.2:1"});
  Watch();
  EXPECT_THAT(Told(), Optional(ElementsAre("10.0.0.1:1", "10.0.0.2:1")));

  names_->Set("a", std::vector<std::string>{"10.0.0.3:1"});
  watch_->Wake();

  EXPECT_THAT(Told(), Optional(ElementsAre("10.0.0.2:1", "10.0.0.3:1")));
}

TEST_F(NameWatchTest, KeepsWhatItKnewWhileNobodyCanBeAsked) {
  names_->Set("a", std::vector<std::string>{"10.0.0.1:1"});
  Watch();
  EXPECT_THAT(Told(), Optional(ElementsAre("10.0.0.1:1")));

  names_->Set("a", absl::UnavailableError("no name server"));
  names_->Set("b", std::vector<std::string>{"10.0.0.9:1"});
  watch_->Wake();
  EXPECT_THAT(Told(), Optional(ElementsAre("10.0.0.1:1", "10.0.0.9:1")));

  names_->Set("a", absl::NotFoundError("gone"));
  names_->Set("b", absl::NotFoundError("gone"));
  watch_->Wake();
  EXPECT_THAT(Told(), Optional(IsEmpty()));
}

}  // namespace
}  // namespace chasqui::router

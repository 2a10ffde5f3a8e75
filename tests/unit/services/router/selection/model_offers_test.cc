// SPDX-License-Identifier: Apache-2.0
#include "services/router/selection/model_offers.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "services/router/fleet/registry.h"
#include "tests/unit/services/router/fleet_builders.h"

namespace chasqui::router {
namespace {

using namespace std::chrono_literals;

class ModelOffers : public ::testing::Test {
 protected:
  void Join(const std::string& id, const inference::v1::Model& model,
            const fleet::v1::LoadReport& load) {
    fleet::v1::WorkerHello hello = Hello(id);
    *hello.mutable_models()->mutable_models(0) = model;
    *hello.mutable_load() = load;
    ASSERT_TRUE(registry_.Join(hello, nullptr, At(0ms)).ok());
  }
  std::vector<ModelOffer> Offers() {
    catalogue_ = Catalogue(registry_.members());
    return OffersOf(catalogue_);
  }

  Registry registry_{{.max_workers = 10, .silence = 3s}};
  Catalogue catalogue_;
};

TEST_F(ModelOffers, AddUpTheWorkersOfAModel) {
  inference::v1::Model model = ReadyModel("tiny");
  model.set_profile("chat");
  model.set_context_tokens(4096);
  model.set_size_bytes(7);
  model.set_memory_bytes(9);
  model.set_parameter_count(5);
  model.set_generates(true);
  Join("w1", model, Load({.slots = 4, .active = 1, .rate = 40}));
  Join("w2", model, Load({.slots = 2, .active = 3, .rate = 60}));
  Join("w3", model, Load({.slots = 2, .active = 0, .rate = 0}));

  const auto offers = Offers();

  ASSERT_EQ(offers.size(), 1u);
  EXPECT_EQ(offers[0].name, "tiny");
  EXPECT_EQ(offers[0].profile, "chat");
  EXPECT_EQ(offers[0].context_tokens, 4096u);
  EXPECT_EQ(offers[0].memory_bytes, 9u);
  EXPECT_EQ(offers[0].parameter_count, 5u);
  EXPECT_TRUE(offers[0].ready);
  EXPECT_TRUE(offers[0].generates);
  EXPECT_EQ(offers[0].slots, 8u);
  EXPECT_EQ(offers[0].free_slots, 5u);
  EXPECT_DOUBLE_EQ(offers[0].tokens_per_second, 20) << "of one request: (10 + 30) / 2";
}

TEST_F(ModelOffers, LeaveOutWhoTakesNoRequests) {
  fleet::v1::LoadReport draining = Load({.slots = 4});
  draining.set_state(fleet::v1::WORKER_STATE_DRAINING);
  Join("w1", ReadyModel("tiny"), draining);

  const auto offers = Offers();

  EXPECT_FALSE(offers.at(0).ready);
  EXPECT_EQ(offers.at(0).slots, 0u);
}

TEST_F(ModelOffers, TellWhatCanBeLoadedAndWhatDoesNotGenerate) {
  inference::v1::Model embedder = ReadyModel("embedder");
  embedder.set_embeds(true);
  Join("w1", UnloadedModel("big", 2), Load({.model = "big"}));
  Join("w2", embedder, Load({.model = "embedder"}));

  const auto offers = Offers();

  ASSERT_EQ(offers.size(), 2u);
  EXPECT_TRUE(offers[0].loadable);
  EXPECT_TRUE(offers[0].generates) << "not known to do anything else";
  EXPECT_FALSE(offers[1].generates);
}

}  // namespace
}  // namespace chasqui::router

// SPDX-License-Identifier: Apache-2.0
#include "services/router/selection/model_offers.h"

#include <algorithm>

namespace chasqui::router {
namespace {

// Of a model that nobody has had in memory it is not known what it is for.
bool Generates(const inference::v1::Model& model) {
  return model.generates() || (!model.embeds() && !model.reranks());
}

}  // namespace

std::vector<ModelOffer> OffersOf(const Catalogue& catalogue) {
  std::vector<ModelOffer> offers;
  offers.reserve(catalogue.entries().size());
  for (const auto& [name, entry] : catalogue.entries()) {
    const inference::v1::Model& model = entry.description;
    ModelOffer offer{.name = name,
                     .profile = model.profile(),
                     .context_tokens = model.context_tokens(),
                     .memory_bytes = std::max(model.memory_bytes(), model.size_bytes()),
                     .parameter_count = model.parameter_count(),
                     .quantization = model.quantization(),
                     .generates = Generates(model)};
    double rates = 0;
    std::uint32_t measured = 0;
    for (const Seat* seat : entry.seats) {
      if (!IsServable(*seat)) continue;
      offer.ready = true;
      offer.slots += seat->slots;
      if (!seat->member.suspect)
        offer.free_slots += seat->slots - std::min(seat->slots, seat->load());
      if (seat->tokens_per_second <= 0 || seat->slots == 0) continue;
      rates += seat->tokens_per_second / seat->slots;
      ++measured;
    }
    if (measured > 0) offer.tokens_per_second = rates / measured;
    offer.loadable = std::ranges::any_of(entry.loadable_seats,
                                         [](const Seat* seat) { return IsLoadable(*seat); });
    offers.push_back(std::move(offer));
  }
  return offers;
}

}  // namespace chasqui::router

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "services/router/fleet/catalogue.h"
#include "services/router/selection/model_selector.h"

namespace chasqui::router {

// What the fleet offers now, by name: the catalogue's models with the rates and slots that their
// workers reported last. Confined as the catalogue is.
std::vector<ModelOffer> OffersOf(const Catalogue& catalogue);

}  // namespace chasqui::router

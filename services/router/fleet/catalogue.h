// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "chasqui/inference/v1/model.pb.h"
#include "services/router/fleet/member.h"

namespace chasqui::router {

// One model of the fleet, over all its workers.
struct CatalogueEntry {
  std::string name;
  // Identity of the weights that serve the name: what most of its ready workers hold, of equals
  // what the one that joined first holds. Empty: no worker has it ready.
  std::string fingerprint;
  // Its ready places, of that fingerprint only, in the order in which the workers joined.
  std::vector<Seat*> seats;
  // Where a request would have it loaded, in the same order. Of interest while it is ready nowhere.
  std::vector<Seat*> loadable_seats;
  // Its ready places of other fingerprints: they are left out, but for streams that began with
  // such.
  std::vector<Seat*> other_seats;
  // What a worker that holds it says of it: of `fingerprint` where there is one.
  inference::v1::Model description;
};

// Which models the fleet has, by name and alias. A function of the registry's members, made anew
// when their structure changes; its pointers hold until then. Confined to the loop that owns the
// fleet.
class Catalogue {
 public:
  using Members = std::map<std::string, std::shared_ptr<Member>, std::less<>>;

  Catalogue() = default;
  explicit Catalogue(const Members& members);

  // By name or, where no model has the name, by alias; null when neither is known.
  const CatalogueEntry* Find(std::string_view name_or_alias) const;

  const std::map<std::string, CatalogueEntry, std::less<>>& entries() const { return entries_; }
  const std::map<std::string, std::string, std::less<>>& aliases() const { return aliases_; }

 private:
  std::map<std::string, CatalogueEntry, std::less<>> entries_;
  // An alias of several models means the first of them by name.
  std::map<std::string, std::string, std::less<>> aliases_;
};

// What ListModels tells of an entry: the description, with the state, slots and workers of all.
inference::v1::Model DescribeModel(const CatalogueEntry& entry);

}  // namespace chasqui::router

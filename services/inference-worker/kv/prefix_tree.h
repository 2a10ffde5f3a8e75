// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace chasqui::worker {

// Which token sequences begin alike: a radix tree over token ids, in which each edge is a run of
// tokens and each sequence ends at a node. Its sequences are named by numbers, such as that of a
// place in the KV cache. Thread-compatible.
class PrefixTree {
 public:
  using Name = std::uint32_t;

  // How many of its first tokens a sequence has in common with the one asked for.
  struct Shared {
    Name name;
    std::uint32_t tokens;

    bool operator==(const Shared&) const = default;
  };

  PrefixTree();
  ~PrefixTree();

  // Adds a sequence; `name` must not be there.
  void Insert(Name name, std::span<const std::int32_t> tokens);

  // The sequence goes on with `tokens`; it must be there. Costs as much as there are tokens as long
  // as no other sequence goes on in the same way.
  void Extend(Name name, std::span<const std::int32_t> tokens);

  // Takes the sequence out if it is there.
  void Remove(Name name);

  bool Contains(Name name) const { return ends_.contains(name); }
  std::size_t size() const { return ends_.size(); }

  // Every sequence that has at least one token in common with `tokens`, in no order.
  std::vector<Shared> Find(std::span<const std::int32_t> tokens) const;

 private:
  struct Node {
    Node* parent = nullptr;
    std::vector<std::int32_t> edge;  // from the parent to here; empty at the root only
    std::vector<Name> names;         // of the sequences that end here
    absl::flat_hash_map<std::int32_t, std::unique_ptr<Node>> children;  // by their edge's first
  };

  void InsertBelow(Node& node, Name name, std::span<const std::int32_t> tokens);
  Node& Split(Node& node, std::size_t at);
  void Tidy(Node& node);
  static void Collect(const Node& node, std::size_t shared, std::vector<Shared>& found);

  std::unique_ptr<Node> root_;
  absl::flat_hash_map<Name, Node*> ends_;
};

}  // namespace chasqui::worker

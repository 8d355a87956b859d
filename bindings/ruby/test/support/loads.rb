# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# Where the gem is that is tested: for programs that a test starts.
GEM_LOADS = %w[static_tracing static_tracing/native].map do |feature|
  path = $LOAD_PATH.resolve_feature_path(feature).last
  path[0, path.rindex("/#{feature}")]
end.freeze

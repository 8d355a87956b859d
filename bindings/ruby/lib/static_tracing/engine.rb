# frozen_string_literal: true

module StaticTracing
  # Whether this is CRuby, for whose interface for C the gem's parts in C are written. On another Ruby,
  # as JRuby or TruffleRuby, {Elsewhere} does nothing in their place. This is the only place that asks.
  # @api private
  CRUBY = RUBY_ENGINE == 'ruby'
end

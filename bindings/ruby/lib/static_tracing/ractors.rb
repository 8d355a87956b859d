# frozen_string_literal: true

module StaticTracing
  # Which Ractor this is: all but firing is the main one's.
  # @api private
  module Ractors
    MAIN = (Ractor.current if defined?(Ractor))
    private_constant :MAIN

    # @return [Boolean] whether this is the main Ractor, as it always is before Ruby 3.0
    def self.main?
      !defined?(Ractor) || Ractor.current.equal?(MAIN)
    end
  end
end

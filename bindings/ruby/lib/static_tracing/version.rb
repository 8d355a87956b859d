# frozen_string_literal: true

module StaticTracing
  # The gem's version, which is librst's.
  VERSION = '0.1.0'
end

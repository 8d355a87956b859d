# frozen_string_literal: true

# What every model is.
class ApplicationRecord < ActiveRecord::Base
  self.abstract_class = true
end

# SPDX-License-Identifier: MIT
# frozen_string_literal: true

# A program of ruby-stapsdt's: fires for each line of stdin.
$stdout.sync = true
require 'stapsdt'

provider = StapSDT::Provider.new('ruby-app')
probe = provider.add_probe('first', Integer, String)
provider.load
provider.unload
provider.load
abort 'fire' if probe.fire(1, 'Ada') || probe.enabled?
puts 'ready'
$stdin.each_line { puts "fired #{probe.fire(42, 'Ada')}" }
provider.unload
